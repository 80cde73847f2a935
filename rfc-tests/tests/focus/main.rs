//! What phones ask of a focus beside calling it, on a live server: a file for each RFC.

mod privacy;
mod rfc3515;
mod rfc3891;
mod rfc4575;
mod rfc4579_factory;
mod rfc6665;
mod sent_elsewhere;
mod transfers;
