//! Bindings of the registrar, kept so that phones stay reachable across a restart (RFC 3261 §10, RFC 5626).
//!
//! The registrar holds them in memory and writes their changes here, many in one transaction.

use std::sync::Arc;

use diesel::prelude::*;

use super::column;
use super::error::StoreError;
use super::open::Store;
use super::schema::bindings;

/// One contact of an address-of-record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBinding {
    pub aor: String,
    /// What tells it from the others of the same AoR: its contact, or instance and reg-id (RFC 5626 §6).
    pub binding: String,
    pub contact: String,
    pub call_id: String,
    pub cseq: u32,
    /// Seconds since 1970.
    pub expires_at: i64,
    pub user_agent: String,
    /// RFC 3327, topmost first.
    pub path: Vec<String>,
    pub instance: Option<String>,
    pub reg_id: Option<u32>,
    /// Address and port that the REGISTER came from.
    pub source: String,
    pub transport: String,
    /// The address it is reached at when that is not its contact.
    pub received: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every change is a Put; a box for each would gain nothing")]
pub enum BindingChange {
    /// Added, or replaced where AoR and binding are the same.
    Put(StoredBinding),
    Remove {
        aor: String,
        binding: String,
    },
    RemoveAll {
        aor: String,
    },
}

#[derive(Insertable)]
#[diesel(table_name = bindings, treat_none_as_default_value = false)]
struct NewRow<'a> {
    aor: &'a str,
    binding: &'a str,
    contact: &'a str,
    call_id: &'a str,
    cseq: i64,
    expires_at: i64,
    user_agent: &'a str,
    path: String,
    instance: Option<&'a str>,
    reg_id: Option<i64>,
    source: &'a str,
    transport: &'a str,
    received: Option<&'a str>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = bindings)]
struct BindingRow {
    aor: String,
    binding: String,
    contact: String,
    call_id: String,
    cseq: i64,
    expires_at: i64,
    user_agent: String,
    path: String,
    instance: Option<String>,
    reg_id: Option<i64>,
    source: String,
    transport: String,
    received: Option<String>,
}

impl Store {
    /// All bindings, expired ones too, in the order of AoR and binding.
    pub async fn load_bindings(&self) -> Result<Vec<StoredBinding>, StoreError> {
        let load = |connection: &mut SqliteConnection| {
            let rows: Vec<BindingRow> = bindings::table.order((bindings::aor, bindings::binding)).load(connection)?;
            rows.into_iter().map(BindingRow::read).collect()
        };
        self.owner.run(load).await
    }

    /// Writes all changes in their order, or none.
    pub async fn save_bindings(&self, changes: Arc<Vec<BindingChange>>) -> Result<(), StoreError> {
        let save = move |connection: &mut SqliteConnection| {
            for change in changes.iter() {
                match change {
                    BindingChange::Put(binding) => {
                        diesel::replace_into(bindings::table).values(NewRow::of(binding)?).execute(connection)?
                    }
                    BindingChange::Remove { aor, binding } => {
                        diesel::delete(bindings::table.find((aor, binding))).execute(connection)?
                    }
                    BindingChange::RemoveAll { aor } => {
                        diesel::delete(bindings::table.filter(bindings::aor.eq(aor))).execute(connection)?
                    }
                };
            }
            Ok(())
        };
        self.owner.change(save).await
    }
}

impl<'a> NewRow<'a> {
    fn of(binding: &'a StoredBinding) -> Result<Self, StoreError> {
        Ok(Self {
            aor: &binding.aor,
            binding: &binding.binding,
            contact: &binding.contact,
            call_id: &binding.call_id,
            cseq: binding.cseq.into(),
            expires_at: binding.expires_at,
            user_agent: &binding.user_agent,
            path: column::to_json(&binding.path)?,
            instance: binding.instance.as_deref(),
            reg_id: binding.reg_id.map(i64::from),
            source: &binding.source,
            transport: &binding.transport,
            received: binding.received.as_deref(),
        })
    }
}

impl BindingRow {
    fn read(self) -> Result<StoredBinding, StoreError> {
        let what = || format!("a binding of {}", self.aor);
        let number = |number: i64| {
            u32::try_from(number)
                .map_err(|error| StoreError::Unreadable { what: what(), reason: format!("{number}: {error}") })
        };
        Ok(StoredBinding {
            cseq: number(self.cseq)?,
            reg_id: self.reg_id.map(number).transpose()?,
            path: column::from_json(&self.path, what)?,
            aor: self.aor,
            binding: self.binding,
            contact: self.contact,
            call_id: self.call_id,
            expires_at: self.expires_at,
            user_agent: self.user_agent,
            instance: self.instance,
            source: self.source,
            transport: self.transport,
            received: self.received,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::in_memory;
    use super::*;

    fn binding(aor: &str, binding: &str, cseq: u32) -> StoredBinding {
        StoredBinding {
            aor: aor.into(),
            binding: binding.into(),
            contact: "sip:alice@192.0.2.7:5060".into(),
            call_id: "c1@192.0.2.7".into(),
            cseq,
            expires_at: 4_000_000_000,
            user_agent: "Desk phone".into(),
            path: vec!["<sip:edge.example.org;lr>".into()],
            instance: Some("<urn:uuid:0>".into()),
            reg_id: Some(u32::MAX),
            source: "192.0.2.7:5060".into(),
            transport: "udp".into(),
            received: None,
        }
    }

    #[tokio::test]
    async fn changes_are_written_in_their_order() {
        let store = in_memory().await;
        let (old, new, other) =
            (binding("sip:a@x", "1", 1), binding("sip:a@x", "1", u32::MAX), binding("sip:b@x", "1", 1));
        let remove = BindingChange::Remove { aor: "sip:a@x".into(), binding: "2".into() };
        let changes = vec![
            BindingChange::Put(old),
            BindingChange::Put(binding("sip:a@x", "2", 1)),
            BindingChange::Put(new.clone()),
            BindingChange::Put(other.clone()),
            remove,
        ];
        store.save_bindings(changes.into()).await.unwrap();
        assert_eq!(store.load_bindings().await.unwrap(), [new, other.clone()]);
        store.save_bindings(vec![BindingChange::RemoveAll { aor: "sip:a@x".into() }].into()).await.unwrap();
        assert_eq!(store.load_bindings().await.unwrap(), [other]);
    }
}
