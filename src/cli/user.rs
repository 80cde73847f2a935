//! `plenary user`: accounts from the command line, beside a running server or without one.

use std::io::BufRead;

use anyhow::Context;
use plenary_config::Settings;

use super::Failure;
use super::arguments::UserAction;
use crate::store::{AccountRole, GeneratedPassword, NewAccount, PageOf, Password, Store};

pub(super) fn user(action: UserAction, settings: Settings) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open_beside(&crate::server::store_settings(&settings)).await?;
        carry_out(action, &store).await
    })
}

async fn carry_out(action: UserAction, store: &Store) -> Result<(), Failure> {
    match action {
        UserAction::Add { name, display_name, roles, password_stdin } => {
            let roles: Vec<AccountRole> = roles.into_iter().map(Into::into).collect();
            let roles = if roles.is_empty() { vec![AccountRole::User] } else { roles };
            let (password, made) = choose_password(password_stdin)?;
            let account =
                NewAccount { name, display_name, email: None, roles, disabled: false, password: Some(password) };
            let account = store.add_account(account).await?;
            println!("added {}", account.name);
            tell(made.as_ref());
        }
        UserAction::List => list(store).await?,
        UserAction::Passwd { name, password_stdin } => {
            let (password, made) = choose_password(password_stdin)?;
            store.set_password(&name, password).await?;
            println!("{name} has a new password");
            tell(made.as_ref());
        }
        UserAction::Remove { name } => {
            store.remove_account(&name).await?;
            println!("removed {name}");
        }
    }
    Ok(())
}

async fn list(store: &Store) -> Result<(), Failure> {
    let mut page = PageOf::first(PageOf::MAX_LIMIT);
    loop {
        let accounts = store.accounts(&page).await?;
        for account in accounts.items {
            let roles: Vec<_> = account.roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
            let disabled = if account.disabled { "disabled" } else { "" };
            println!("{:<24} {:<16} {:<9} {}", account.name, roles.join(","), disabled, account.display_name);
        }
        match accounts.next {
            Some(next) => page.after = Some(next),
            None => return Ok(()),
        }
    }
}

/// The password to set, and where it was made here, to be shown once.
fn choose_password(from_stdin: bool) -> Result<(Password, Option<GeneratedPassword>), Failure> {
    if from_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("no password could be read from standard input")?;
        return Ok((Password::new(line.trim_end_matches(['\r', '\n'])), None));
    }
    let made = GeneratedPassword::new()?;
    Ok((Password::new(made.reveal()), Some(made)))
}

fn tell(made: Option<&GeneratedPassword>) {
    if let Some(made) = made {
        println!("password: {}", made.reveal());
    }
}
