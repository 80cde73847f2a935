//! The table of trunks.

use diesel::prelude::*;
use plenary_config::Secret;

use super::{SecretTrunk, Trunk, TrunkFields, TrunkSettings};
use crate::store::error::{Invalid, StoreError};
use crate::store::schema::trunks;
use crate::store::{Page, PageOf, Store, column, rules};

const MAX_NAME: usize = 32;

#[derive(Clone, Queryable, Selectable, Insertable, Identifiable, AsChangeset)]
#[diesel(table_name = trunks, primary_key(name), treat_none_as_null = true)]
struct TrunkRow {
    name: String,
    settings: String,
    password: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl Store {
    pub async fn trunks(&self, page: &PageOf) -> Result<Page<Trunk>, StoreError> {
        let page = page.clone();
        let list = move |connection: &mut SqliteConnection| {
            let after = trunks::table.filter(trunks::name.gt(page.after().to_owned()));
            let rows: Vec<TrunkRow> = after.order(trunks::name).limit(page.rows()).load(connection)?;
            let items: Result<Vec<_>, StoreError> = rows.into_iter().map(|row| Ok(row.read()?.trunk)).collect();
            Ok(Page::of(items?, &page, |trunk| &trunk.name))
        };
        self.owner.run(list).await
    }

    pub async fn trunk(&self, name: &str) -> Result<Trunk, StoreError> {
        let name = name.to_owned();
        self.owner.run(move |connection| Ok(find(connection, &name)?.read()?.trunk)).await
    }

    /// All, with their passwords.
    pub async fn secret_trunks(&self) -> Result<Vec<SecretTrunk>, StoreError> {
        let list = |connection: &mut SqliteConnection| {
            let rows: Vec<TrunkRow> = trunks::table.order(trunks::name).load(connection)?;
            rows.into_iter().map(TrunkRow::read).collect()
        };
        self.owner.run(list).await
    }

    pub async fn add_trunk(&self, mut fields: TrunkFields) -> Result<Trunk, StoreError> {
        let name = fields.name.take().ok_or_else(|| Invalid::new("name", "is missing"))?;
        rules::user_part("name", &name, MAX_NAME)?;
        if fields.host.is_none() {
            return Err(Invalid::new("host", "is missing").into());
        }
        let insert = move |connection: &mut SqliteConnection| {
            if trunks::table.find(&name).get_result::<TrunkRow>(connection).optional()?.is_some() {
                return Err(StoreError::Taken { field: "name", value: name.clone(), by: format!("the trunk {name}") });
            }
            let now = column::now();
            let settings = TrunkSettings::default();
            let trunk = Trunk { name, settings, has_password: false, created_at: now, updated_at: now };
            let changed = changed(SecretTrunk { trunk, password: None }, fields)?;
            diesel::insert_into(trunks::table).values(TrunkRow::of(&changed)?).execute(connection)?;
            Ok(changed.trunk)
        };
        self.owner.change(insert).await
    }

    pub async fn update_trunk(&self, name: &str, fields: TrunkFields) -> Result<Trunk, StoreError> {
        let name = name.to_owned();
        if fields.name.as_ref().is_some_and(|other| *other != name) {
            return Err(Invalid::new("name", "cannot be changed").into());
        }
        let update = move |connection: &mut SqliteConnection| {
            let mut changed = changed(find(connection, &name)?.read()?, fields)?;
            changed.trunk.updated_at = column::now();
            let row = TrunkRow::of(&changed)?;
            diesel::update(&row.clone()).set(row).execute(connection)?;
            Ok(changed.trunk)
        };
        self.owner.change(update).await
    }

    pub async fn remove_trunk(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        let remove = move |connection: &mut SqliteConnection| match diesel::delete(trunks::table.find(&name))
            .execute(connection)?
        {
            0 => Err(StoreError::NoSuchTrunk { name }),
            _ => Ok(()),
        };
        self.owner.change(remove).await
    }
}

/// The password goes with the host that it was given for: it is not to be had by sending it elsewhere.
fn changed(stored: SecretTrunk, mut fields: TrunkFields) -> Result<SecretTrunk, StoreError> {
    let SecretTrunk { mut trunk, password } = stored;
    let before = (trunk.settings.host.clone(), trunk.settings.outbound_proxy.clone());
    let password = match fields.password.take() {
        Some(given) => given,
        None => {
            let elsewhere =
                |settings: &TrunkSettings| (settings.host.clone(), settings.outbound_proxy.clone()) != before;
            let mut after = trunk.settings.clone();
            fields.clone().apply(&mut after);
            if password.is_some() && elsewhere(&after) {
                return Err(Invalid::new("password", "is to be given again when host or outbound_proxy change").into());
            }
            password
        }
    };
    if password.as_ref().is_some_and(|password| password.reveal().is_empty()) {
        return Err(Invalid::new("password", "is empty").into());
    }
    fields.apply(&mut trunk.settings);
    trunk.settings.check()?;
    if password.is_some() && trunk.settings.username.is_none() {
        return Err(Invalid::new("username", "is needed with a password").into());
    }
    trunk.has_password = password.is_some();
    Ok(SecretTrunk { trunk, password })
}

impl TrunkRow {
    fn of(stored: &SecretTrunk) -> Result<Self, StoreError> {
        let SecretTrunk { trunk, password } = stored;
        Ok(Self {
            name: trunk.name.clone(),
            settings: column::to_json(&trunk.settings)?,
            password: password.as_ref().map(|password| password.reveal().to_owned()),
            created_at: trunk.created_at.unix_timestamp(),
            updated_at: trunk.updated_at.unix_timestamp(),
        })
    }

    fn read(self) -> Result<SecretTrunk, StoreError> {
        let what = || format!("trunk {}", self.name);
        let trunk = Trunk {
            settings: column::from_json(&self.settings, what)?,
            has_password: self.password.is_some(),
            created_at: column::from_unix(self.created_at, what)?,
            updated_at: column::from_unix(self.updated_at, what)?,
            name: self.name,
        };
        Ok(SecretTrunk { trunk, password: self.password.map(Secret::new) })
    }
}

fn find(connection: &mut SqliteConnection, name: &str) -> Result<TrunkRow, StoreError> {
    let found = trunks::table.find(name).get_result(connection).optional()?;
    found.ok_or_else(|| StoreError::NoSuchTrunk { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::fixture::in_memory;
    use super::*;

    fn fields(fields: serde_json::Value) -> TrunkFields {
        serde_json::from_value(fields).unwrap()
    }

    #[tokio::test]
    async fn a_trunk_is_stored_changed_and_removed_and_its_password_is_kept_apart() {
        let store = in_memory().await;
        let new =
            json!({"name": "pstn", "host": "pbx.example", "register": true, "username": "us", "password": "geheim"});
        let added = store.add_trunk(fields(new.clone())).await.unwrap();
        assert!(added.has_password && !format!("{added:?}").contains("geheim"));
        assert!(!serde_json::to_string(&added).unwrap().contains("geheim"));
        assert_eq!(store.trunk("pstn").await.unwrap(), added);
        let secret = store.secret_trunks().await.unwrap();
        assert_eq!(secret[0].password.as_ref().map(Secret::reveal), Some("geheim"));
        assert!(!format!("{secret:?}").contains("geheim"));
        let taken = store.add_trunk(fields(new)).await.unwrap_err();
        assert_eq!(taken.to_string(), "name \"pstn\" is taken by the trunk pstn");

        let changed =
            store.update_trunk("pstn", fields(json!({"caller_id": "+3906", "register": false}))).await.unwrap();
        assert!(changed.has_password && changed.settings.caller_id.as_deref() == Some("+3906"));
        let bare = store.update_trunk("pstn", fields(json!({"caller_id": null, "password": null}))).await.unwrap();
        assert!(!bare.has_password && bare.settings.caller_id.is_none());
        store.remove_trunk("pstn").await.unwrap();
        assert!(matches!(store.trunk("pstn").await, Err(StoreError::NoSuchTrunk { .. })));
    }

    #[tokio::test]
    async fn a_password_does_not_follow_to_another_host() {
        let store = in_memory().await;
        let new = json!({"name": "pstn", "host": "pbx.example", "username": "us", "password": "geheim"});
        store.add_trunk(fields(new)).await.unwrap();
        let refused = store.update_trunk("pstn", fields(json!({"host": "evil.example"}))).await.unwrap_err();
        assert!(refused.to_string().starts_with("password: is to be given again"), "{refused}");
        store.update_trunk("pstn", fields(json!({"host": "other.example", "password": "neu"}))).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_missing_is_named() {
        let store = in_memory().await;
        for (new, field) in [
            (json!({"host": "a"}), "name"),
            (json!({"name": "a"}), "host"),
            (json!({"name": "A", "host": "a"}), "name"),
            (json!({"name": "a", "host": "a", "password": "p"}), "username"),
        ] {
            match store.add_trunk(fields(new)).await {
                Err(StoreError::Invalid(invalid)) => assert_eq!(invalid.field, field),
                other => panic!("{field}: {other:?}"),
            }
        }
    }
}
