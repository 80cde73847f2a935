//! Call flows in the simulated network: a folder for each RFC, a file for each section, and the figure is the test.
//!
//! How figures are written stands in `rfc_tests::net`.

mod crossing;
mod rfc3261;
mod rfc3262;
mod rfc3264;
mod rfc3311;
mod rfc3581;
mod rfc3891;
mod rfc4028;
mod rfc4320;
mod rfc4353;
mod rfc4579;
mod rfc4916;
mod rfc5407;
mod rfc6026;
mod rfc6337;
mod rfc8866;
mod storms;
