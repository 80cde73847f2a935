//! The console is embedded from `web-admin/dist`; a build without it still needs the folder.

use std::fs;
use std::path::Path;

fn main() {
    let dist = Path::new("web-admin/dist");
    if let Err(cause) = fs::create_dir_all(dist) {
        println!("cargo::error=cannot create {}: {cause}", dist.display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=web-admin/dist");
    println!("cargo::rerun-if-changed=src/store/migrations");
}
