//! The table of accounts.

use diesel::prelude::*;

use super::{Account, AccountChange, AccountRole, Credentials, NewAccount};
use crate::store::column::{self, now};
use crate::store::error::StoreError;
use crate::store::password::Secrets;
use crate::store::schema::accounts;
use crate::store::{GeneratedPassword, Page, PageOf, Password, Store, rules, session, user_part};

const MAX_NAME: usize = 64;
const ADMIN: &str = "admin";

#[derive(Clone, Queryable, Selectable, Insertable, Identifiable, AsChangeset)]
#[diesel(table_name = accounts, primary_key(name), treat_none_as_null = true)]
pub(in crate::store) struct AccountRow {
    name: String,
    display_name: String,
    email: Option<String>,
    roles: String,
    disabled: bool,
    password_hash: Option<String>,
    ha1_realm: Option<String>,
    ha1_md5: Option<String>,
    ha1_sha256: Option<String>,
    created_at: i64,
}

impl Store {
    pub async fn accounts(&self, page: &PageOf) -> Result<Page<Account>, StoreError> {
        let page = page.clone();
        let list = move |connection: &mut SqliteConnection| {
            let rows: Vec<AccountRow> = accounts::table
                .filter(accounts::name.gt(page.after()))
                .order(accounts::name)
                .limit(page.rows())
                .load(connection)?;
            let list: Result<Vec<Account>, StoreError> = rows.into_iter().map(AccountRow::read).collect();
            Ok(Page::of(list?, &page, |account| &account.name))
        };
        self.owner.run(list).await
    }

    pub async fn account(&self, name: &str) -> Result<Account, StoreError> {
        let name = name.to_owned();
        self.owner.run(move |connection| find(connection, &name)?.read()).await
    }

    pub async fn add_account(&self, new: NewAccount) -> Result<Account, StoreError> {
        rules::user_part("name", &new.name, MAX_NAME)?;
        if let Some(password) = &new.password {
            password.check()?;
        }
        let mut account = Account {
            name: new.name,
            display_name: new.display_name,
            email: new.email,
            roles: new.roles,
            disabled: new.disabled,
            created_at: now(),
        };
        account.check()?;
        let mut row = AccountRow::of(&account)?;
        if let Some(password) = &new.password {
            row.set(password.secrets(&account.name, &self.realm).await?);
        }
        let reserved = self.reserved.clone();
        let insert = move |connection: &mut SqliteConnection| {
            user_part::must_be_free(connection, &reserved, "name", &row.name, None)?;
            diesel::insert_into(accounts::table).values(row).execute(connection)?;
            Ok(account)
        };
        self.owner.change(insert).await
    }

    /// Changes an account. A new password ends every session of the account, being disabled too.
    pub async fn update_account(&self, name: &str, change: AccountChange) -> Result<Account, StoreError> {
        let secrets = match &change.password {
            Some(password) => {
                password.check()?;
                Some(password.secrets(name, &self.realm).await?)
            }
            None => None,
        };
        let name = name.to_owned();
        let update = move |connection: &mut SqliteConnection| {
            let mut row = find(connection, &name)?;
            let mut account = row.clone().read()?;
            let was_admin = account.administers();
            account.apply(change);
            account.check()?;
            row.write(&account)?;
            let ends_sessions = secrets.is_some() || account.disabled;
            if let Some(secrets) = secrets {
                row.set(secrets);
            }
            diesel::update(&row.clone()).set(row).execute(connection)?;
            if was_admin {
                someone_must_administer(connection, &name)?;
            }
            if ends_sessions {
                session::end_all_of(connection, &name)?;
            }
            Ok(account)
        };
        self.owner.change(update).await
    }

    pub async fn set_password(&self, name: &str, password: Password) -> Result<(), StoreError> {
        let change = AccountChange { password: Some(password), ..AccountChange::default() };
        self.update_account(name, change).await.map(|_| ())
    }

    /// Removes an account and its sessions. Its bindings are the registrar's to end.
    pub async fn remove_account(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        let remove = move |connection: &mut SqliteConnection| {
            let was_admin = find(connection, &name)?.read()?.administers();
            diesel::delete(accounts::table.find(&name)).execute(connection)?;
            if was_admin {
                someone_must_administer(connection, &name)?;
            }
            Ok(())
        };
        self.owner.change(remove).await
    }

    /// `None`: there is no such account, or it has no password.
    pub async fn credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        let name = name.to_owned();
        let read = move |connection: &mut SqliteConnection| {
            let row: Option<AccountRow> = accounts::table.find(&name).get_result(connection).optional()?;
            Ok(row.and_then(AccountRow::credentials))
        };
        self.owner.run(read).await
    }

    /// The account that `name` and `password` open; `None` for whatever reason, after the same time.
    pub async fn account_by_password(&self, name: &str, password: &Password) -> Result<Option<Account>, StoreError> {
        let wanted = name.to_owned();
        let find = move |connection: &mut SqliteConnection| {
            Ok(accounts::table.find(&wanted).get_result::<AccountRow>(connection).optional()?)
        };
        let row = self.owner.run(find).await?;
        let right = password.is(row.as_ref().and_then(|row| row.password_hash.clone())).await?;
        match row {
            Some(row) if right && !row.disabled => {
                if row.ha1_realm.as_deref() != Some(&*self.realm) {
                    self.renew_credentials(&row.name, password).await?;
                }
                row.read().map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Makes the account `admin` when no account may administer. Returns its password if that was made here.
    pub async fn ensure_admin(&self, password: Option<String>) -> Result<Option<GeneratedPassword>, StoreError> {
        if self.owner.run(|connection| Ok(administrators(connection)? > 0)).await? {
            return Ok(None);
        }
        let (password, generated) = match password {
            Some(password) => (Password::new(password), None),
            None => {
                let generated = GeneratedPassword::new()?;
                (Password::new(generated.reveal()), Some(generated))
            }
        };
        let added = self.add_account(NewAccount {
            name: ADMIN.into(),
            display_name: "Administrator".into(),
            email: None,
            roles: vec![AccountRole::Admin],
            disabled: false,
            password: Some(password),
        });
        added.await?;
        Ok(generated)
    }

    /// The domain has changed since the password was set, and HA1 serves within its realm only.
    async fn renew_credentials(&self, name: &str, password: &Password) -> Result<(), StoreError> {
        let secrets = password.secrets(name, &self.realm).await?;
        let name = name.to_owned();
        let renew = move |connection: &mut SqliteConnection| {
            let mut row = find(connection, &name)?;
            row.set(secrets);
            diesel::update(&row.clone()).set(row).execute(connection)?;
            Ok(())
        };
        self.owner.change(renew).await
    }
}

impl AccountRow {
    fn of(account: &Account) -> Result<Self, StoreError> {
        let mut row = Self {
            name: account.name.clone(),
            display_name: String::new(),
            email: None,
            roles: String::new(),
            disabled: false,
            password_hash: None,
            ha1_realm: None,
            ha1_md5: None,
            ha1_sha256: None,
            created_at: account.created_at.unix_timestamp(),
        };
        row.write(account)?;
        Ok(row)
    }

    fn write(&mut self, account: &Account) -> Result<(), StoreError> {
        self.display_name.clone_from(&account.display_name);
        self.email.clone_from(&account.email);
        self.roles = column::to_json(&account.roles)?;
        self.disabled = account.disabled;
        Ok(())
    }

    fn set(&mut self, secrets: Secrets) {
        self.password_hash = Some(secrets.hash);
        self.ha1_realm = Some(secrets.realm);
        self.ha1_md5 = Some(secrets.ha1_md5);
        self.ha1_sha256 = Some(secrets.ha1_sha256);
    }

    pub(in crate::store) fn read(self) -> Result<Account, StoreError> {
        let what = || format!("account {}", self.name);
        Ok(Account {
            roles: column::from_json(&self.roles, what)?,
            created_at: column::from_unix(self.created_at, what)?,
            name: self.name,
            display_name: self.display_name,
            email: self.email,
            disabled: self.disabled,
        })
    }

    fn credentials(self) -> Option<Credentials> {
        Some(Credentials {
            realm: self.ha1_realm?,
            ha1_md5: self.ha1_md5?,
            ha1_sha256: self.ha1_sha256?,
            disabled: self.disabled,
        })
    }
}

fn find(connection: &mut SqliteConnection, name: &str) -> Result<AccountRow, StoreError> {
    let row = accounts::table.find(name).get_result(connection).optional()?;
    row.ok_or_else(|| StoreError::NoSuchAccount { name: name.to_owned() })
}

fn administrators(connection: &mut SqliteConnection) -> Result<usize, StoreError> {
    let enabled: Vec<String> =
        accounts::table.filter(accounts::disabled.eq(false)).select(accounts::roles).load(connection)?;
    let admins = enabled.iter().filter(|roles| {
        column::from_json::<Vec<AccountRole>>(roles, || "roles".into())
            .is_ok_and(|roles| roles.contains(&AccountRole::Admin))
    });
    Ok(admins.count())
}

/// Ends the transaction that would lock everybody out.
fn someone_must_administer(connection: &mut SqliteConnection, changed: &str) -> Result<(), StoreError> {
    match administrators(connection)? {
        0 => Err(StoreError::LastAdmin { name: changed.to_owned() }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreSettings;
    use crate::store::fixture::{Scratch, account, in_memory, with_password};

    #[tokio::test]
    async fn one_password_serves_web_and_sip() {
        let store = in_memory().await;
        store.add_account(with_password("alice", "correct horse")).await.unwrap();
        let credentials = store.credentials("alice").await.unwrap().unwrap();
        // md5("alice:example.org:correct horse") and its SHA-256, by coreutils.
        assert_eq!(credentials.ha1_md5, "61249fae4f54de6c481fcb1a75f10acf");
        assert_eq!(credentials.ha1_sha256, "317b2aa0542c3c0eef7c5b974d69882c5ff43d5efc93a32ebd7032b58cb8a769");
        assert_eq!(credentials.realm, "example.org");
        let opened = store.account_by_password("alice", &Password::new("correct horse")).await.unwrap();
        assert_eq!(opened.unwrap().name, "alice");
        assert_eq!(store.account_by_password("alice", &Password::new("wrong horse")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn without_a_password_there_is_nothing_to_check() {
        let store = in_memory().await;
        store.add_account(account("alice")).await.unwrap();
        assert_eq!(store.credentials("alice").await.unwrap(), None);
        assert_eq!(store.credentials("nobody").await.unwrap(), None);
        store.set_password("alice", Password::new("correct horse")).await.unwrap();
        assert!(store.credentials("alice").await.unwrap().is_some());
    }

    #[tokio::test]
    async fn the_registrar_hears_that_an_account_is_disabled() {
        let store = in_memory().await;
        store.add_account(with_password("alice", "correct horse")).await.unwrap();
        let change = AccountChange { disabled: Some(true), ..AccountChange::default() };
        store.update_account("alice", change).await.unwrap();
        assert!(store.credentials("alice").await.unwrap().unwrap().disabled);
        assert_eq!(store.account_by_password("alice", &Password::new("correct horse")).await.unwrap(), None);
    }

    /// HA1 holds the realm; after the domain has changed, the next sign-in makes it anew.
    #[tokio::test]
    async fn credentials_follow_the_domain() {
        let scratch = Scratch::new();
        let store = Store::open(&scratch.settings()).await.unwrap();
        store.add_account(with_password("alice", "correct horse")).await.unwrap();
        drop(store);
        let moved = StoreSettings { realm: "example.net".into(), ..scratch.settings() };
        let store = Store::open(&moved).await.unwrap();
        assert_eq!(store.credentials("alice").await.unwrap().unwrap().realm, "example.org");
        store.account_by_password("alice", &Password::new("correct horse")).await.unwrap().unwrap();
        assert_eq!(store.credentials("alice").await.unwrap().unwrap().realm, "example.net");
    }

    #[tokio::test]
    async fn the_first_start_makes_an_administrator_once() {
        let store = in_memory().await;
        let generated = store.ensure_admin(None).await.unwrap().unwrap();
        assert_eq!(generated.reveal().len(), 20);
        let admin = store.account_by_password("admin", &Password::new(generated.reveal())).await.unwrap().unwrap();
        assert_eq!(admin.roles, [AccountRole::Admin]);
        assert_eq!(store.ensure_admin(Some("another one".into())).await.unwrap(), None);
        assert!(store.account_by_password("admin", &Password::new("another one")).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_given_admin_password_is_not_shown_and_may_not_be_short() {
        let store = in_memory().await;
        let refused = store.ensure_admin(Some("short".into())).await.unwrap_err();
        assert_eq!(refused.to_string(), "password: shorter than 8 characters");
        assert_eq!(store.ensure_admin(Some("correct horse".into())).await.unwrap(), None);
        assert!(store.account_by_password("admin", &Password::new("correct horse")).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_change_that_is_refused_changes_nothing() {
        let store = in_memory().await;
        store.ensure_admin(Some("correct horse".into())).await.unwrap();
        let before = store.account("admin").await.unwrap();
        let change = AccountChange {
            display_name: Some("Nobody".into()),
            roles: Some(vec![]),
            password: Some(Password::new("battery staple")),
            ..AccountChange::default()
        };
        let refused = store.update_account("admin", change).await.unwrap_err();
        assert!(matches!(refused, StoreError::LastAdmin { .. }), "{refused}");
        assert_eq!(store.account("admin").await.unwrap(), before);
        assert!(store.account_by_password("admin", &Password::new("correct horse")).await.unwrap().is_some());
    }
}
