//! Trunks: a stranger PBX that we register at, that we call out through, and that calls us.

mod causes;
mod certificate;
mod cloud;
mod early;
mod encrypted;
mod house;
mod inward;
mod out;
mod registering;
mod sipp;
