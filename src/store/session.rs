//! Web sessions. The token itself is kept nowhere, only its SHA-256: who reads the database cannot use it.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::account::{Account, AccountRow};
use super::column;
use super::error::StoreError;
use super::open::Store;
use super::schema::{accounts, sessions};

/// SHA-256 of a session's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// A session that is neither expired nor of a disabled account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    pub account: Account,
    pub expires_at: OffsetDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    token_sha256: Vec<u8>,
    account: String,
    created_at: i64,
    expires_at: i64,
}

impl Store {
    /// Begins a session, and forgets those that have expired.
    pub async fn add_session(
        &self,
        token: TokenHash,
        account: &str,
        now: OffsetDateTime,
        expires_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let row = SessionRow {
            token_sha256: token.0.to_vec(),
            account: account.to_owned(),
            created_at: now.unix_timestamp(),
            expires_at: expires_at.unix_timestamp(),
        };
        let add = move |connection: &mut SqliteConnection| {
            diesel::delete(sessions::table.filter(sessions::expires_at.le(row.created_at))).execute(connection)?;
            diesel::insert_into(sessions::table).values(row).execute(connection)?;
            Ok(())
        };
        self.owner.change(add).await
    }

    pub async fn session(&self, token: TokenHash, now: OffsetDateTime) -> Result<Option<StoredSession>, StoreError> {
        let read = move |connection: &mut SqliteConnection| {
            let found: Option<(AccountRow, i64)> = sessions::table
                .find(token.0.as_slice())
                .inner_join(accounts::table.on(accounts::name.eq(sessions::account)))
                .filter(sessions::expires_at.gt(now.unix_timestamp()))
                .filter(accounts::disabled.eq(false))
                .select((AccountRow::as_select(), sessions::expires_at))
                .first(connection)
                .optional()?;
            let session = found.map(|(account, expires_at)| {
                let expires_at = column::from_unix(expires_at, || "a session".into())?;
                Ok(StoredSession { account: account.read()?, expires_at })
            });
            session.transpose()
        };
        self.owner.run(read).await
    }

    pub async fn prolong_session(&self, token: TokenHash, expires_at: OffsetDateTime) -> Result<(), StoreError> {
        let prolong = move |connection: &mut SqliteConnection| {
            diesel::update(sessions::table.find(token.0.as_slice()))
                .set(sessions::expires_at.eq(expires_at.unix_timestamp()))
                .execute(connection)?;
            Ok(())
        };
        self.owner.change(prolong).await
    }

    /// Ends a session; one that is not there has ended before.
    pub async fn end_session(&self, token: TokenHash) -> Result<(), StoreError> {
        let end = move |connection: &mut SqliteConnection| {
            diesel::delete(sessions::table.find(token.0.as_slice())).execute(connection)?;
            Ok(())
        };
        self.owner.change(end).await
    }
}

/// Ends every session of an account.
pub(super) fn end_all_of(connection: &mut SqliteConnection, account: &str) -> Result<(), StoreError> {
    diesel::delete(sessions::table.filter(sessions::account.eq(account))).execute(connection)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fixture::{account, in_memory, with_password};
    use super::super::{AccountChange, Password};
    use super::*;

    const TOKEN: TokenHash = TokenHash([7; 32]);
    const HOUR: Duration = Duration::from_secs(3600);

    async fn signed_in() -> (Store, OffsetDateTime) {
        let (store, now) = (in_memory().await, column::now());
        store.add_account(with_password("alice", "correct horse")).await.unwrap();
        store.add_session(TOKEN, "alice", now, now + HOUR).await.unwrap();
        (store, now)
    }

    #[tokio::test]
    async fn a_session_lasts_until_it_expires_unless_prolonged() {
        let (store, now) = signed_in().await;
        let session = store.session(TOKEN, now).await.unwrap().unwrap();
        assert_eq!((session.account.name.as_str(), session.expires_at), ("alice", now + HOUR));
        assert_eq!(store.session(TOKEN, now + HOUR).await.unwrap(), None);
        store.prolong_session(TOKEN, now + 2 * HOUR).await.unwrap();
        assert!(store.session(TOKEN, now + HOUR).await.unwrap().is_some());
        store.end_session(TOKEN).await.unwrap();
        assert_eq!(store.session(TOKEN, now).await.unwrap(), None);
    }

    #[tokio::test]
    async fn sessions_end_with_the_password_the_right_to_sign_in_and_the_account() {
        let changes = [
            AccountChange { password: Some(Password::new("battery staple")), ..AccountChange::default() },
            AccountChange { disabled: Some(true), ..AccountChange::default() },
        ];
        for change in changes {
            let (store, now) = signed_in().await;
            store.update_account("alice", change).await.unwrap();
            let enabled = AccountChange { disabled: Some(false), ..AccountChange::default() };
            store.update_account("alice", enabled).await.unwrap();
            assert_eq!(store.session(TOKEN, now).await.unwrap(), None);
        }
        let (store, now) = signed_in().await;
        store.remove_account("alice").await.unwrap();
        assert_eq!(store.session(TOKEN, now).await.unwrap(), None);
        store.add_account(account("alice")).await.unwrap();
        assert_eq!(store.session(TOKEN, now).await.unwrap(), None, "another alice");
    }
}
