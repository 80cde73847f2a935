//! Stored conferences: they stay until deleted, whether they run or not.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{
    column,
    error::{Invalid, StoreError},
    open::Store,
    page::{Page, PageOf},
    rules,
    schema::{conferences, members},
    user_part,
};
use crate::conference::Role;

const MAX_NUMBER: usize = 32;
const MAX_ALIAS: usize = 64;
/// Where numbering begins when no number is asked for.
const FIRST_NUMBER: u32 = 1000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Conference {
    /// The user part of its address: `sip:NUMBER@domain`.
    pub number: String,
    /// A second user part that reaches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    pub title: String,
    pub access: Access,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// Who gives this one comes in as chair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chair_pin: Option<String>,
    pub members: Vec<Member>,
    pub options: ConferenceOptions,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// Who may call it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Anyone.
    Open,
    /// Anyone with the PIN, asked by voice.
    Pin,
    /// Authenticated accounts on its list.
    Members,
    /// Any authenticated account.
    #[default]
    Accounts,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// `sip:`, `sips:` or `tel:` URI, or the bare name of an account of this server.
    pub address: String,
    /// May be left out of a request.
    #[serde(default)]
    #[schema(required = true)]
    pub name: String,
    /// `member` when left out of a request.
    #[serde(default = "plain_member")]
    #[schema(required = true)]
    pub role: Role,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConferenceOptions {
    /// Who comes in is muted, the chair excepted.
    pub muted_on_entry: bool,
    /// No more than so many at once, 1 to 1000; absent: as many as the server carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_participants: Option<u16>,
    /// How long a called member rings, 5 to 180; absent: 45.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring_seconds: Option<u16>,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConference {
    /// 1 to 32 of `a-z 0-9 . _ -`, beginning with a letter or digit; absent: the lowest free from 1000 on.
    pub number: Option<String>,
    /// 1 to 64 of the same.
    pub alias: Option<String>,
    /// The number when absent.
    pub title: Option<String>,
    /// `accounts` when absent.
    #[serde(default)]
    pub access: Access,
    /// 4 to 16 digits; needed with `access` `pin`.
    pub pin: Option<String>,
    /// 4 to 16 digits, others than the PIN.
    pub chair_pin: Option<String>,
    /// At most 1000.
    #[serde(default)]
    pub members: Vec<Member>,
    #[serde(default)]
    pub options: ConferenceOptions,
}

/// What of a conference is to change; absent means as it is, `null` removes, `members` and `options` are replaced.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConferenceChange {
    #[serde(default, deserialize_with = "super::column::present")]
    #[schema(value_type = Option<String>)]
    pub alias: Option<Option<String>>,
    pub title: Option<String>,
    pub access: Option<Access>,
    #[serde(default, deserialize_with = "super::column::present")]
    #[schema(value_type = Option<String>)]
    pub pin: Option<Option<String>>,
    #[serde(default, deserialize_with = "super::column::present")]
    #[schema(value_type = Option<String>)]
    pub chair_pin: Option<Option<String>>,
    pub members: Option<Vec<Member>>,
    pub options: Option<ConferenceOptions>,
}

#[derive(Clone, Queryable, Selectable, Insertable, Identifiable, AsChangeset)]
#[diesel(table_name = conferences, primary_key(number), treat_none_as_null = true)]
struct ConferenceRow {
    number: String,
    alias: Option<String>,
    title: String,
    access: String,
    pin: Option<String>,
    chair_pin: Option<String>,
    options: String,
    created_at: i64,
    updated_at: i64,
}

#[derive(Queryable, Selectable, Insertable, Identifiable, Associations)]
#[diesel(table_name = members, primary_key(conference, position), belongs_to(ConferenceRow, foreign_key = conference))]
struct MemberRow {
    conference: String,
    position: i32,
    address: String,
    name: String,
    role: String,
}

impl Store {
    pub async fn conferences(&self, page: &PageOf) -> Result<Page<Conference>, StoreError> {
        self.list_conferences(page, None).await
    }

    /// Only those with a member of one of these addresses.
    pub async fn conferences_of(&self, addresses: &[String], page: &PageOf) -> Result<Page<Conference>, StoreError> {
        self.list_conferences(page, Some(addresses.to_vec())).await
    }

    pub async fn conference(&self, number: &str) -> Result<Conference, StoreError> {
        let number = number.to_owned();
        self.owner.run(move |connection| find(connection, &number)).await
    }

    pub async fn conference_by_number_or_alias(&self, user_part: &str) -> Result<Option<Conference>, StoreError> {
        let wanted = user_part.to_owned();
        let read = move |connection: &mut SqliteConnection| {
            let row: Option<ConferenceRow> = conferences::table
                .filter(conferences::number.eq(&wanted).or(conferences::alias.eq(&wanted)))
                .first(connection)
                .optional()?;
            row.map(|row| read_whole(connection, row)).transpose()
        };
        self.owner.run(read).await
    }

    pub async fn add_conference(&self, new: NewConference) -> Result<Conference, StoreError> {
        if let Some(number) = &new.number {
            rules::user_part("number", number, MAX_NUMBER)?;
        }
        let reserved = self.reserved.clone();
        let insert = move |connection: &mut SqliteConnection| {
            let number = match new.number {
                Some(number) => {
                    user_part::must_be_free(connection, &reserved, "number", &number, None)?;
                    number
                }
                None => free_number(connection, &reserved)?,
            };
            let now = column::now();
            let conference = Conference {
                title: new.title.unwrap_or_else(|| number.clone()),
                number,
                alias: new.alias,
                access: new.access,
                pin: new.pin,
                chair_pin: new.chair_pin,
                members: new.members,
                options: new.options,
                created_at: now,
                updated_at: now,
            };
            conference.check()?;
            conference.check_alias(connection, &reserved)?;
            diesel::insert_into(conferences::table).values(ConferenceRow::of(&conference)?).execute(connection)?;
            write_members(connection, &conference)?;
            Ok(conference)
        };
        self.owner.change(insert).await
    }

    pub async fn update_conference(&self, number: &str, change: ConferenceChange) -> Result<Conference, StoreError> {
        let (number, reserved) = (number.to_owned(), self.reserved.clone());
        let update = move |connection: &mut SqliteConnection| {
            let mut conference = find(connection, &number)?;
            let new_members = change.members.is_some();
            conference.apply(change);
            conference.check()?;
            conference.check_alias(connection, &reserved)?;
            conference.updated_at = column::now();
            let row = ConferenceRow::of(&conference)?;
            diesel::update(&row.clone()).set(row).execute(connection)?;
            if new_members {
                diesel::delete(members::table.filter(members::conference.eq(&number))).execute(connection)?;
                write_members(connection, &conference)?;
            }
            Ok(conference)
        };
        self.owner.change(update).await
    }

    pub async fn remove_conference(&self, number: &str) -> Result<(), StoreError> {
        let number = number.to_owned();
        let remove = move |connection: &mut SqliteConnection| match diesel::delete(conferences::table.find(&number))
            .execute(connection)?
        {
            0 => Err(StoreError::NoSuchConference { number }),
            _ => Ok(()),
        };
        self.owner.change(remove).await
    }

    async fn list_conferences(
        &self,
        page: &PageOf,
        with_member: Option<Vec<String>>,
    ) -> Result<Page<Conference>, StoreError> {
        let page = page.clone();
        let list = move |connection: &mut SqliteConnection| {
            let mut query = conferences::table
                .filter(conferences::number.gt(page.after().to_owned()))
                .order(conferences::number)
                .limit(page.rows())
                .into_boxed();
            if let Some(addresses) = with_member {
                let theirs = members::table.filter(members::address.eq_any(addresses)).select(members::conference);
                query = query.filter(conferences::number.eq_any(theirs));
            }
            let rows: Vec<ConferenceRow> = query.load(connection)?;
            let member_rows: Vec<MemberRow> =
                MemberRow::belonging_to(&rows).order(members::position).load(connection)?;
            let list: Result<Vec<Conference>, StoreError> =
                member_rows.grouped_by(&rows).into_iter().zip(rows).map(|(theirs, row)| row.read(theirs)).collect();
            Ok(Page::of(list?, &page, |conference| &conference.number))
        };
        self.owner.run(list).await
    }
}

impl Conference {
    /// The entry of the list that has one of these addresses.
    pub fn member(&self, addresses: &[String]) -> Option<&Member> {
        self.members.iter().find(|member| addresses.contains(&member.address))
    }

    fn apply(&mut self, change: ConferenceChange) {
        let ConferenceChange { alias, title, access, pin, chair_pin, members, options } = change;
        self.alias = alias.unwrap_or(self.alias.take());
        self.title = title.unwrap_or(std::mem::take(&mut self.title));
        self.access = access.unwrap_or(self.access);
        self.pin = pin.unwrap_or(self.pin.take());
        self.chair_pin = chair_pin.unwrap_or(self.chair_pin.take());
        self.members = members.unwrap_or(std::mem::take(&mut self.members));
        self.options = options.unwrap_or(std::mem::take(&mut self.options));
    }

    fn check(&self) -> Result<(), Invalid> {
        rules::text("title", &self.title)?;
        if let Some(alias) = &self.alias {
            rules::user_part("alias", alias, MAX_ALIAS)?;
        }
        for (field, pin) in [("pin", &self.pin), ("chair_pin", &self.chair_pin)] {
            if let Some(pin) = pin {
                rules::pin(field, pin)?;
            }
        }
        match (&self.pin, &self.chair_pin) {
            (None, _) if self.access == Access::Pin => Err(Invalid::new("pin", "is needed with access \"pin\"")),
            (Some(pin), Some(chair_pin)) if pin == chair_pin => {
                Err(Invalid::new("chair_pin", "is the same as pin; nobody could tell the chair"))
            }
            _ => Ok(()),
        }?;
        self.options.check()?;
        check_members(&self.members)
    }

    fn check_alias(&self, connection: &mut SqliteConnection, reserved: &[String]) -> Result<(), StoreError> {
        match &self.alias {
            Some(alias) if *alias == self.number => Err(Invalid::new("alias", "is the number").into()),
            Some(alias) => user_part::must_be_free(connection, reserved, "alias", alias, Some(&self.number)),
            None => Ok(()),
        }
    }
}

impl ConferenceOptions {
    fn check(&self) -> Result<(), Invalid> {
        let within = |field, value: Option<u16>, range: std::ops::RangeInclusive<u16>| match value {
            Some(value) if !range.contains(&value) => {
                Err(Invalid::new(field, format!("is {value}, outside {} to {}", range.start(), range.end())))
            }
            _ => Ok(()),
        };
        within("options.max_participants", self.max_participants, 1..=1000)?;
        within("options.ring_seconds", self.ring_seconds, 5..=180)
    }
}

impl ConferenceRow {
    fn of(conference: &Conference) -> Result<Self, StoreError> {
        Ok(Self {
            number: conference.number.clone(),
            alias: conference.alias.clone(),
            title: conference.title.clone(),
            access: column::to_word(&conference.access)?,
            pin: conference.pin.clone(),
            chair_pin: conference.chair_pin.clone(),
            options: column::to_json(&conference.options)?,
            created_at: conference.created_at.unix_timestamp(),
            updated_at: conference.updated_at.unix_timestamp(),
        })
    }

    fn read(self, members: Vec<MemberRow>) -> Result<Conference, StoreError> {
        let what = || format!("conference {}", self.number);
        let members = members
            .into_iter()
            .map(|row| Ok(Member { role: column::from_word(&row.role, what)?, address: row.address, name: row.name }));
        Ok(Conference {
            members: members.collect::<Result<_, StoreError>>()?,
            access: column::from_word(&self.access, what)?,
            options: column::from_json(&self.options, what)?,
            created_at: column::from_unix(self.created_at, what)?,
            updated_at: column::from_unix(self.updated_at, what)?,
            number: self.number,
            alias: self.alias,
            title: self.title,
            pin: self.pin,
            chair_pin: self.chair_pin,
        })
    }
}

fn plain_member() -> Role {
    Role::Member
}

fn check_members(members: &[Member]) -> Result<(), Invalid> {
    if members.len() > rules::MAX_MEMBERS {
        return Err(Invalid::new("members", format!("are {}, at most {}", members.len(), rules::MAX_MEMBERS)));
    }
    let mut seen = std::collections::HashMap::new();
    for (position, member) in members.iter().enumerate() {
        let field = |name| format!("members[{position}].{name}");
        rules::address(&field("address"), &member.address)?;
        rules::text(&field("name"), &member.name)?;
        if let Some(first) = seen.insert(&member.address, position) {
            return Err(Invalid::new(field("address"), format!("repeats members[{first}]")));
        }
    }
    Ok(())
}

fn find(connection: &mut SqliteConnection, number: &str) -> Result<Conference, StoreError> {
    match conferences::table.find(number).first(connection).optional()? {
        Some(row) => read_whole(connection, row),
        None => Err(StoreError::NoSuchConference { number: number.to_owned() }),
    }
}

fn read_whole(connection: &mut SqliteConnection, row: ConferenceRow) -> Result<Conference, StoreError> {
    let members = MemberRow::belonging_to(&row).order(members::position).load(connection)?;
    row.read(members)
}

fn write_members(connection: &mut SqliteConnection, conference: &Conference) -> Result<(), StoreError> {
    let rows = (0..).zip(&conference.members).map(|(position, member)| {
        Ok(MemberRow {
            conference: conference.number.clone(),
            position,
            address: member.address.clone(),
            name: member.name.clone(),
            role: column::to_word(&member.role)?,
        })
    });
    let rows: Vec<MemberRow> = rows.collect::<Result<_, StoreError>>()?;
    diesel::insert_into(members::table).values(rows).execute(connection)?;
    Ok(())
}

/// The lowest number from 1000 on that nothing answers to.
fn free_number(connection: &mut SqliteConnection, reserved: &[String]) -> Result<String, StoreError> {
    for number in FIRST_NUMBER.. {
        let number = number.to_string();
        match user_part::must_be_free(connection, reserved, "number", &number, None) {
            Ok(()) => return Ok(number),
            Err(StoreError::Taken { .. }) => continue,
            Err(other) => return Err(other),
        }
    }
    Err(StoreError::Invalid(Invalid::new("number", "none is free")))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::in_memory;
    use super::*;

    fn new(number: &str, alias: Option<&str>, members: &[&str]) -> NewConference {
        let member = |address: &&str| Member { address: (*address).into(), name: String::new(), role: Role::Member };
        NewConference {
            number: Some(number.into()),
            alias: alias.map(str::to_owned),
            members: members.iter().map(member).collect(),
            ..NewConference::default()
        }
    }

    #[tokio::test]
    async fn number_and_alias_reach_it() {
        let store = in_memory().await;
        let stored = store.add_conference(new("7000", Some("board"), &["b", "a"])).await.unwrap();
        for name in ["7000", "board"] {
            assert_eq!(store.conference_by_number_or_alias(name).await.unwrap().as_ref(), Some(&stored));
        }
        assert_eq!(store.conference_by_number_or_alias("sales").await.unwrap(), None);
        let addresses: Vec<_> = stored.members.iter().map(|member| member.address.as_str()).collect();
        assert_eq!(addresses, ["b", "a"], "members keep their order");
    }

    #[tokio::test]
    async fn nothing_else_answers_to_its_names() {
        let store = in_memory().await;
        store.add_account(super::super::fixture::account("alice")).await.unwrap();
        store.add_conference(new("7000", Some("board"), &[])).await.unwrap();
        for (number, alias, by) in [
            ("7000", None, "number \"7000\" is taken by the conference 7000"),
            ("board", None, "number \"board\" is taken by the conference 7000"),
            ("8000", Some("7000"), "alias \"7000\" is taken by the conference 7000"),
            ("8000", Some("alice"), "alias \"alice\" is taken by the account alice"),
            ("echo", None, "number \"echo\" is taken by the server itself"),
            ("8000", Some("8000"), "alias: is the number"),
        ] {
            assert_eq!(store.add_conference(new(number, alias, &[])).await.unwrap_err().to_string(), by);
        }
        let taken = store.add_account(super::super::fixture::account("board")).await.unwrap_err();
        assert_eq!(taken.to_string(), "name \"board\" is taken by the conference 7000");
        let keeps = ConferenceChange { alias: Some(Some("board".into())), ..ConferenceChange::default() };
        assert!(store.update_conference("7000", keeps).await.is_ok(), "its own alias is not taken");
    }

    #[tokio::test]
    async fn those_of_a_member_are_found_by_address() {
        let store = in_memory().await;
        store.add_conference(new("7000", None, &["alice", "sip:bob@example.org"])).await.unwrap();
        store.add_conference(new("7001", None, &["sip:bob@example.org"])).await.unwrap();
        store.add_conference(new("7002", None, &["sip:alice@example.org"])).await.unwrap();
        let addresses = ["alice".to_owned(), "sip:alice@example.org".to_owned()];
        let theirs = store.conferences_of(&addresses, &PageOf::first(10)).await.unwrap();
        let numbers: Vec<_> = theirs.items.iter().map(|conference| conference.number.as_str()).collect();
        assert_eq!(numbers, ["7000", "7002"]);
        assert_eq!(theirs.items[0].members.len(), 2, "with all their members");
    }

    #[tokio::test]
    async fn pages_end_where_the_list_does() {
        let store = in_memory().await;
        for number in ["1", "2", "3"] {
            store.add_conference(new(number, None, &[])).await.unwrap();
        }
        let first = store.conferences(&PageOf::first(2)).await.unwrap();
        assert_eq!(first.next.as_deref(), Some("2"));
        let last = store.conferences(&PageOf { limit: Some(2), after: first.next }).await.unwrap();
        assert_eq!((last.items.len(), last.next), (1, None));
        assert_eq!(store.conferences(&PageOf::first(3)).await.unwrap().next, None);
    }

    #[tokio::test]
    async fn a_thousand_members_fit_and_go_with_it() {
        let store = in_memory().await;
        let addresses: Vec<_> = (0..1000).map(|n| format!("a{n}")).collect();
        let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
        store.add_conference(new("7000", None, &addresses)).await.unwrap();
        let fewer = ConferenceChange { members: Some(vec![]), ..ConferenceChange::default() };
        store.update_conference("7000", fewer).await.unwrap();
        store.remove_conference("7000").await.unwrap();
        store.add_conference(new("7000", None, &["alice"])).await.unwrap();
        assert_eq!(store.conference("7000").await.unwrap().members.len(), 1);
    }
}
