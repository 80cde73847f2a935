//! Call flows in the simulated network: a folder for each RFC, a file for each section, and the figure is the test.

mod rfc4579;
