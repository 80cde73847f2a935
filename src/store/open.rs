//! Opening: the data directory, the lock that keeps a second server out, the settings of SQLite, the migrations.
//!
//! `journal_mode=WAL`, since readers and one writer (a command beside a running server) then do not wait for each
//! other. `synchronous=FULL`, since with NORMAL the last commits may be gone after a loss of power, and a change that
//! was answered must last; the registrar therefore writes its bindings many at a time.

use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs, io};

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::sqlite::Sqlite;
use diesel::{Connection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::task::spawn_blocking;

use super::error::StoreError;
use super::owner::Owner;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("src/store/migrations/sqlite");
const PRAGMAS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                       PRAGMA foreign_keys = ON;";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// `sqlite:FILE`, relative to the data directory or absolute; `sqlite::memory:` lasts as long as the store.
    pub url: String,
    pub data_dir: PathBuf,
    /// The realm of SIP digest: the domain served.
    pub realm: String,
    /// User parts that the server answers itself: the factory, `echo`, `access`.
    pub reserved: Vec<String>,
    /// Digits that a new PIN has at least; those that are stored already stay as they are.
    pub min_pin: usize,
}

/// A handle to the store; the last one dropped closes it.
#[derive(Clone)]
pub struct Store {
    pub(super) owner: Arc<Owner>,
    pub(super) realm: Arc<str>,
    pub(super) reserved: Arc<[String]>,
    pub(super) min_pin: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Server,
    Command,
}

impl Store {
    /// Opens the store for a server, makes it when it is new, migrates it when it is old.
    ///
    /// Refuses while another server has it open.
    pub async fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        Self::open_as(settings, Holder::Server).await
    }

    /// Opens the store for a command such as `plenary user`, beside a running server or without one.
    pub async fn open_beside(settings: &StoreSettings) -> Result<Self, StoreError> {
        Self::open_as(settings, Holder::Command).await
    }

    async fn open_as(settings: &StoreSettings, holder: Holder) -> Result<Self, StoreError> {
        let (realm, reserved) = (settings.realm.as_str().into(), settings.reserved.clone().into());
        let settings = settings.clone();
        let owner = spawn_blocking(move || {
            let file = database_file(&settings.url, &settings.data_dir)?;
            let path = file.clone().unwrap_or_else(|| ":memory:".into());
            let lock = match &file {
                Some(path) => {
                    make_data_dir(&settings.data_dir)?;
                    make_private_file(path)?;
                    take_lock(path, holder)?
                }
                None => None,
            };
            let may_migrate = file.is_none() || lock.is_some();
            let connection = connect(&path, may_migrate)?;
            let lock = lock.filter(|_| holder == Holder::Server);
            Owner::start(connection, lock).map_err(|cause| StoreError::File { path, cause })
        });
        let owner = owner.await.map_err(|_| StoreError::Stopped)??;
        Ok(Self { owner, realm, reserved, min_pin: settings.min_pin })
    }

    /// Answers when the database does.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.owner.run(|connection| Ok(connection.batch_execute("SELECT 1 FROM accounts LIMIT 1")?)).await
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("realm", &self.realm).finish_non_exhaustive()
    }
}

/// The file behind `database.url`; `None` for a database in memory.
fn database_file(url: &str, data_dir: &Path) -> Result<Option<PathBuf>, StoreError> {
    match url.split_once(':') {
        Some(("sqlite", ":memory:")) => Ok(None),
        Some(("sqlite", file)) if !file.is_empty() => {
            let file = file.strip_prefix("//").unwrap_or(file);
            Ok(Some(data_dir.join(file)))
        }
        // The rest of the URL may carry a password.
        Some((scheme @ ("postgres" | "postgresql" | "mysql"), _)) => {
            Err(StoreError::NotBuiltIn { scheme: scheme.to_owned() })
        }
        _ => Err(StoreError::BadUrl { url: url.split('@').next_back().unwrap_or_default().to_owned() }),
    }
}

fn make_data_dir(path: &Path) -> Result<(), StoreError> {
    let fault = |cause| StoreError::DataDir { path: path.to_owned(), cause };
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(fault(io::ErrorKind::NotADirectory.into())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fault)
        }
        Err(cause) => Err(fault(cause)),
    }
}

/// Makes the file before SQLite does, with 0600; SQLite gives its log files the mode of the database.
fn make_private_file(path: &Path) -> Result<fs::File, StoreError> {
    let fault = |cause| StoreError::File { path: path.to_owned(), cause };
    let file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(fault)?;
    file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(fault)?;
    Ok(file)
}

/// Takes the lock file beside the database; a command that finds a server running goes on without.
fn take_lock(database: &Path, holder: Holder) -> Result<Option<fs::File>, StoreError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let file = make_private_file(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) if holder == Holder::Command => Ok(None),
        Err(fs::TryLockError::WouldBlock) => Err(StoreError::InUse { path: database.to_owned() }),
        Err(fs::TryLockError::Error(cause)) => Err(StoreError::File { path, cause }),
    }
}

fn connect(path: &Path, may_migrate: bool) -> Result<SqliteConnection, StoreError> {
    let open = |cause: String| StoreError::Open { path: path.to_owned(), cause };
    let name = path.to_str().ok_or_else(|| open("its path is not UTF-8".into()))?;
    let mut connection = SqliteConnection::establish(name).map_err(|cause| open(cause.to_string()))?;
    connection.batch_execute(PRAGMAS).map_err(|cause| open(cause.to_string()))?;
    migrate(&mut connection, path, may_migrate)?;
    Ok(connection)
}

fn migrate(connection: &mut SqliteConnection, path: &Path, allowed: bool) -> Result<(), StoreError> {
    let fault = |cause: Box<dyn std::error::Error + Send + Sync>| StoreError::Migrate {
        path: path.to_owned(),
        cause: cause.to_string(),
    };
    let ours: Vec<Box<dyn Migration<Sqlite>>> = MIGRATIONS.migrations().map_err(fault)?;
    let applied = connection.applied_migrations().map_err(fault)?;
    let unknown = applied.iter().find(|version| !ours.iter().any(|ours| ours.name().version() == **version));
    if let Some(version) = unknown {
        return Err(StoreError::Newer { path: path.to_owned(), version: version.to_string() });
    }
    let missing = ours.iter().find(|ours| !applied.contains(&ours.name().version()));
    match missing {
        None => Ok(()),
        Some(missing) if !allowed => {
            Err(StoreError::Older { path: path.to_owned(), version: missing.name().version().to_string() })
        }
        Some(_) => connection.run_pending_migrations(MIGRATIONS).map(|_| ()).map_err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Scratch, account};
    use super::*;

    async fn refusal(settings: &StoreSettings) -> String {
        Store::open(settings).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_reopening() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.settings()).await.unwrap();
        let alice = store.add_account(account("alice")).await.unwrap();
        drop(store);
        let store = Store::open(&scratch.settings()).await.unwrap();
        assert_eq!(store.account("alice").await.unwrap(), alice);
        store.ping().await.unwrap();
    }

    /// The files as they are on disk the moment a change is answered, as after a power cut: nothing flushed since.
    #[tokio::test]
    async fn a_crash_loses_no_answered_change() {
        let (running, crashed) = (Scratch::new(), Scratch::new());
        let store = Store::open(&running.settings()).await.unwrap();
        let alice = store.add_account(account("alice")).await.unwrap();
        for file in ["plenary.db", "plenary.db-wal"] {
            fs::copy(running.path().join(file), crashed.path().join(file)).unwrap();
        }
        let recovered = Store::open(&crashed.settings()).await.unwrap();
        assert_eq!(recovered.account("alice").await.unwrap(), alice);
    }

    #[tokio::test]
    async fn every_commit_reaches_the_disk() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.settings()).await.unwrap();
        let pragma = |name: &'static str| {
            let owner = store.owner.clone();
            async move {
                let read = move |connection: &mut SqliteConnection| {
                    #[derive(diesel::QueryableByName)]
                    struct Row {
                        #[diesel(sql_type = diesel::sql_types::Text)]
                        value: String,
                    }
                    let query = format!("SELECT CAST({name} AS TEXT) AS value FROM pragma_{name}");
                    let row: Row = diesel::RunQueryDsl::get_result(diesel::sql_query(query), connection)?;
                    Ok(row.value)
                };
                owner.run(read).await.unwrap()
            }
        };
        assert_eq!(pragma("journal_mode").await, "wal");
        assert_eq!(pragma("synchronous").await, "2", "FULL");
        assert_eq!(pragma("foreign_keys").await, "1");
    }

    #[tokio::test]
    async fn files_are_for_the_owner_alone() {
        let scratch = Scratch::new();
        let settings = StoreSettings { data_dir: scratch.path().join("new/data"), ..scratch.settings() };
        let store = Store::open(&settings).await.unwrap();
        store.add_account(account("alice")).await.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&settings.data_dir), 0o700);
        for file in ["plenary.db", "plenary.db-wal", "plenary.db-shm", "plenary.db.lock"] {
            assert_eq!(mode(&settings.data_dir.join(file)), 0o600, "{file}");
        }
    }

    #[tokio::test]
    async fn two_servers_never_share_it_but_a_command_may() {
        let scratch = Scratch::new();
        let first = Store::open(&scratch.settings()).await.unwrap();
        let path = scratch.path().join("plenary.db");
        assert_eq!(
            refusal(&scratch.settings()).await,
            format!("{} is in use by another Plenary server", path.display())
        );
        let command = Store::open_beside(&scratch.settings()).await.unwrap();
        command.add_account(account("alice")).await.unwrap();
        assert_eq!(first.account("alice").await.unwrap().name, "alice");
        drop((first, command));
        Store::open(&scratch.settings()).await.unwrap();
    }

    /// A command that migrates a new database does not keep a server out afterwards.
    #[tokio::test]
    async fn a_command_may_come_first() {
        let scratch = Scratch::new();
        let command = Store::open_beside(&scratch.settings()).await.unwrap();
        let server = Store::open(&scratch.settings()).await.unwrap();
        command.add_account(account("alice")).await.unwrap();
        assert_eq!(server.account("alice").await.unwrap().name, "alice");
    }

    #[tokio::test]
    async fn a_database_of_a_newer_plenary_is_left_alone() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.settings()).await.unwrap();
        let migrate = |connection: &mut SqliteConnection| {
            let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')";
            Ok(connection.batch_execute(newer)?)
        };
        store.owner.run(migrate).await.unwrap();
        drop(store);
        let refusal = refusal(&scratch.settings()).await;
        assert!(refusal.ends_with("was written by a newer Plenary (migration 99990101000000)"), "{refusal}");
    }

    #[tokio::test]
    async fn what_keeps_it_from_opening_is_named() {
        let scratch = Scratch::new();
        let file = scratch.path().join("file");
        fs::write(&file, "no directory").unwrap();
        fs::write(scratch.path().join("text.db"), "this is a letter and not a database at all, as long as a page")
            .unwrap();
        let at = |url: &str, data_dir: &Path| StoreSettings {
            url: url.into(),
            data_dir: data_dir.into(),
            ..scratch.settings()
        };
        let here = scratch.path();
        for (settings, refused) in [
            (at("sqlite:plenary.db", &file), format!("data directory {}: not a directory", file.display())),
            (
                at("sqlite:plenary.db", &file.join("below")),
                format!("data directory {}: Not a directory (os error 20)", file.join("below").display()),
            ),
            (
                at("postgres://plenary:secret@db/plenary", here),
                "database.url: postgres is not built in yet, only SQLite is; write \"sqlite:plenary.db\"".into(),
            ),
        ] {
            assert_eq!(refusal(&settings).await, refused);
        }
        let refused = refusal(&at("sqlite:text.db", here)).await;
        assert!(refused.contains("text.db") && refused.contains("file is not a database"), "{refused}");
        for url in ["plenary.db", "sqlite:", "redis://x"] {
            assert!(refusal(&at(url, here)).await.starts_with("database.url: "), "{url}");
        }
    }

    #[test]
    fn urls_name_files_in_the_data_directory_or_anywhere() {
        let file = |url| database_file(url, Path::new("/data")).unwrap();
        assert_eq!(file("sqlite:plenary.db"), Some("/data/plenary.db".into()));
        assert_eq!(file("sqlite:/var/lib/p.db"), Some("/var/lib/p.db".into()));
        assert_eq!(file("sqlite:///var/lib/p.db"), Some("/var/lib/p.db".into()));
        assert_eq!(file("sqlite::memory:"), None);
    }
}
