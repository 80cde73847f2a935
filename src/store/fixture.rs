//! A data directory for one test, and stores in it or in memory.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, process};

use super::{AccountRole, NewAccount, Password, Store, StoreSettings};

/// A directory that is gone with the test.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("plenary-store-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn settings(&self) -> StoreSettings {
        StoreSettings {
            url: "sqlite:plenary.db".into(),
            data_dir: self.0.clone(),
            realm: "example.org".into(),
            reserved: vec!["conference".into(), "echo".into()],
            min_pin: 6,
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) async fn in_memory() -> Store {
    let settings = StoreSettings { url: "sqlite::memory:".into(), ..Scratch::new().settings() };
    Store::open(&settings).await.unwrap()
}

pub(super) fn account(name: &str) -> NewAccount {
    NewAccount {
        name: name.into(),
        display_name: name.into(),
        email: None,
        roles: vec![AccountRole::User],
        disabled: false,
        password: None,
    }
}

pub(super) fn with_password(name: &str, password: &str) -> NewAccount {
    NewAccount { password: Some(Password::new(password)), ..account(name) }
}
