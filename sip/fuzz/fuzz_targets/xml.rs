//! XML: whatever comes is read within its bounds, or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plenary_sip::xml::{Element, read};

fuzz_target!(|octets: &[u8]| {
    if let Ok(root) = read(octets) {
        assert!(depth(&root) <= 32);
    }
});

fn depth(element: &Element) -> usize {
    1 + element.children.iter().map(depth).max().unwrap_or(0)
}
