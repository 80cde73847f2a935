//! What phones ask of a focus beside calling it, on a live server: a file for each RFC.

mod rfc3515;
mod rfc3891;
mod rfc4575;
mod rfc6665;
mod transfers;
