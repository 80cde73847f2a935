//! Web sessions. The token itself is kept nowhere, only its SHA-256: who reads the database cannot use it.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::{
    account::{Account, AccountRow},
    column,
    error::StoreError,
    open::Store,
    schema::{accounts, sessions},
};

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
