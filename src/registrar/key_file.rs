//! A secret that lasts: 32 octets of chance in a file of the data directory.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Reads the secret; makes it where there is none, for the owner alone.
pub fn load_or_make(path: &Path) -> io::Result<[u8; 32]> {
    match fs::read(path) {
        Ok(octets) => octets.try_into().map_err(|octets: Vec<u8>| {
            let fault = format!("{} holds {} octets instead of 32", path.display(), octets.len());
            io::Error::new(io::ErrorKind::InvalidData, fault)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path),
        Err(error) => Err(error),
    }
}

/// Written beside and then renamed, so that no crash leaves half of it.
fn make(path: &Path) -> io::Result<[u8; 32]> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let new = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&secret)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_secret_is_the_same_the_next_time_and_private() {
        let folder = std::env::temp_dir().join(format!("plenary-key-file-{}", std::process::id()));
        let path = folder.join("keys/one");
        let made = load_or_make(&path).expect("made");
        assert_eq!(load_or_make(&path).expect("read"), made);
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        fs::write(&path, b"short").expect("written");
        assert!(load_or_make(&path).is_err());
        fs::remove_dir_all(folder).expect("removed");
    }
}
