//! One name space: accounts, conference numbers, their aliases and the server's own services all answer to
//! `sip:USER@domain`, so no two of them may share a user part.

use std::collections::HashSet;

use diesel::dsl::{exists, select};
use diesel::prelude::*;

use super::error::StoreError;
use super::schema::{accounts, conferences};

/// Refuses `value` when something other than conference `except` answers to it.
///
/// `field`: where the value comes from, for the fault. `reserved`: user parts of the server's own services.
pub(super) fn must_be_free(
    connection: &mut SqliteConnection,
    reserved: &[String],
    field: &'static str,
    value: &str,
    except: Option<&str>,
) -> Result<(), StoreError> {
    let taken = |by: String| Err(StoreError::Taken { field, value: value.to_owned(), by });
    if reserved.iter().any(|name| name == value) {
        return taken("the server itself".into());
    }
    if select(exists(accounts::table.find(value))).get_result(connection)? {
        return taken(format!("the account {value}"));
    }
    let conference: Option<String> = conferences::table
        .filter(conferences::number.eq(value).or(conferences::alias.eq(value)))
        .filter(conferences::number.ne(except.unwrap_or("")))
        .select(conferences::number)
        .first(connection)
        .optional()?;
    match conference {
        Some(number) => taken(format!("the conference {number}")),
        None => Ok(()),
    }
}

/// The lowest number from `first` on that nothing answers to.
pub(super) fn lowest_free(
    connection: &mut SqliteConnection,
    reserved: &[String],
    first: u32,
) -> Result<String, StoreError> {
    let mut taken: HashSet<String> = reserved.iter().cloned().collect();
    taken.extend(accounts::table.select(accounts::name).load::<String>(connection)?);
    taken.extend(conferences::table.select(conferences::number).load::<String>(connection)?);
    taken.extend(
        conferences::table.select(conferences::alias).load::<Option<String>>(connection)?.into_iter().flatten(),
    );
    let free = (first..).map(|number| number.to_string()).find(|number| !taken.contains(number));
    Ok(free.expect("fewer names are taken than there are numbers"))
}
