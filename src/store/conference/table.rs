//! The tables of stored conferences and their members.

use diesel::prelude::*;

use super::{Conference, ConferenceChange, MAX_NUMBER, Member, NewConference};
use crate::store::error::{Invalid, StoreError};
use crate::store::schema::{conferences, members};
use crate::store::{Page, PageOf, Store, column, rules, user_part};

/// Where numbering begins when no number is asked for.
const FIRST_NUMBER: u32 = 1000;

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
        for (field, pin) in [("pin", &new.pin), ("chair_pin", &new.chair_pin)] {
            rules::new_pin(field, pin.as_deref(), self.min_pin)?;
        }
        let reserved = self.reserved.clone();
        let insert = move |connection: &mut SqliteConnection| {
            let number = match new.number {
                Some(number) => {
                    user_part::must_be_free(connection, &reserved, "number", &number, None)?;
                    number
                }
                None => user_part::lowest_free(connection, &reserved, FIRST_NUMBER)?,
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
            check_alias(connection, &reserved, &conference)?;
            diesel::insert_into(conferences::table).values(ConferenceRow::of(&conference)?).execute(connection)?;
            write_members(connection, &conference)?;
            Ok(conference)
        };
        self.owner.change(insert).await
    }

    pub async fn update_conference(&self, number: &str, change: ConferenceChange) -> Result<Conference, StoreError> {
        let (number, reserved, min_pin) = (number.to_owned(), self.reserved.clone(), self.min_pin);
        let update = move |connection: &mut SqliteConnection| {
            let mut conference = find(connection, &number)?;
            let new_members = change.members.is_some();
            let (pin, chair_pin) = (conference.pin.clone(), conference.chair_pin.clone());
            conference.apply(change);
            conference.check()?;
            // A PIN that stays may be as short as it was.
            for (field, was, is) in [("pin", pin, &conference.pin), ("chair_pin", chair_pin, &conference.chair_pin)] {
                rules::new_pin(field, is.as_deref().filter(|_| was != *is), min_pin)?;
            }
            check_alias(connection, &reserved, &conference)?;
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

fn find(connection: &mut SqliteConnection, number: &str) -> Result<Conference, StoreError> {
    match conferences::table.find(number).get_result(connection).optional()? {
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

fn check_alias(
    connection: &mut SqliteConnection,
    reserved: &[String],
    conference: &Conference,
) -> Result<(), StoreError> {
    match &conference.alias {
        Some(alias) if *alias == conference.number => Err(Invalid::new("alias", "is the number").into()),
        Some(alias) => user_part::must_be_free(connection, reserved, "alias", alias, Some(&conference.number)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conference::Role;
    use crate::store::StoreSettings;
    use crate::store::fixture::{account, in_memory};

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
        store.add_account(account("alice")).await.unwrap();
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
        let taken = store.add_account(account("board")).await.unwrap_err();
        assert_eq!(taken.to_string(), "name \"board\" is taken by the conference 7000");
        let keeps = ConferenceChange { alias: Some(Some("board".into())), ..ConferenceChange::default() };
        assert!(store.update_conference("7000", keeps).await.is_ok(), "its own alias is not taken");
    }

    #[tokio::test]
    async fn a_new_pin_is_long_and_an_old_one_stays() {
        let scratch = crate::store::fixture::Scratch::new();
        let with_pin = |pin: &str| NewConference { pin: Some(pin.into()), ..new("7000", None, &[]) };
        let lenient = Store::open(&StoreSettings { min_pin: 4, ..scratch.settings() }).await.unwrap();
        lenient.add_conference(with_pin("1234")).await.unwrap();
        drop(lenient);
        let store = Store::open(&scratch.settings()).await.unwrap();
        let retitled = ConferenceChange { title: Some("Board".into()), ..ConferenceChange::default() };
        assert_eq!(store.update_conference("7000", retitled).await.unwrap().pin.as_deref(), Some("1234"));
        let change = |pin: &str| ConferenceChange { pin: Some(Some(pin.into())), ..ConferenceChange::default() };
        assert!(store.update_conference("7000", change("1234")).await.is_ok(), "as a form sends all of it back");
        let refused = store.update_conference("7000", change("12345")).await.unwrap_err();
        assert_eq!(refused.to_string(), "pin: is 5 digits long, at least 6");
        assert!(store.update_conference("7000", change("123456")).await.is_ok());
        let refused = store.add_conference(NewConference { number: None, ..with_pin("4711") }).await.unwrap_err();
        assert_eq!(refused.to_string(), "pin: is 4 digits long, at least 6");
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
