//! What subscribers are shown of a conference: its people by user and endpoint. RFC 4575 §5.
//!
//! A user is an authenticated account, or an address; each of its legs is an endpoint. A leg that ended is shown once
//! more, with the reason, and is gone from the document after that.

use time::OffsetDateTime;

use crate::conference::roster::{CallDirection, Cause, Participant, ParticipantState, Role, Roster, Stream};

/// What is known of a conference beside who is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The conference URI.
    pub entity: String,
    /// Telephone numbers that lead there, as `tel:` URIs.
    pub dial_in: Vec<String>,
    pub title: String,
    pub maximum_user_count: usize,
    /// The domain that accounts belong to.
    pub domain: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub described: Described,
    pub status: ConferenceState,
    /// In the order in which they came.
    pub users: Vec<User>,
}

/// §5.5. One element that is always sent whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConferenceState {
    pub user_count: usize,
    pub active: bool,
    pub locked: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub entity: String,
    pub display_text: String,
    pub role: Role,
    pub endpoints: Vec<Endpoint>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Opaque: a Contact would tell others where somebody is.
    pub entity: String,
    pub referred_by: Option<String>,
    pub status: &'static str,
    pub joining_method: &'static str,
    pub joined_at: Option<OffsetDateTime>,
    pub ended: Option<Ended>,
    /// The participant sends into the mix, hears it, both or neither (§5.8.5): from his own view.
    pub audio: Option<&'static str>,
    pub stream: Stream,
}

/// Why a leg is no more: §5.7.4 and §5.7.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub method: &'static str,
    pub status: Option<u16>,
}

impl View {
    /// `roster`: none while the conference does not run. `before`: the view that the subscriber has, whose legs are
    /// shown once more when they have ended.
    pub fn of(described: Described, roster: Option<&Roster>, before: Option<&View>) -> Self {
        let mut users: Vec<User> = Vec::new();
        let people = roster.map(|roster| roster.participants.as_slice()).unwrap_or_default();
        let was_live = |id: &str| {
            let endpoints = before.into_iter().flat_map(|view| &view.users).flat_map(|user| &user.endpoints);
            endpoints.clone().any(|endpoint| endpoint.entity == id && endpoint.ended.is_none())
        };
        for person in people.iter().filter(|person| is_live(person) || was_live(&person.id.0)) {
            let entity = entity_of(person, &described.domain);
            let endpoint = Endpoint::of(person);
            match users.iter_mut().find(|user| user.entity == entity) {
                Some(user) => user.add(person, endpoint),
                None => users.push(User {
                    entity,
                    display_text: person.name.clone(),
                    role: person.role,
                    endpoints: vec![endpoint],
                }),
            }
        }
        let status = ConferenceState {
            user_count: users.iter().filter(|user| user.endpoints.iter().any(Endpoint::is_in)).count(),
            active: roster.is_some(),
            locked: roster.is_some_and(|roster| roster.locked),
        };
        Self { described, status, users }
    }

    /// A leg in it has ended: the next view will differ by its row.
    pub fn shows_an_end(&self) -> bool {
        self.users.iter().flat_map(|user| &user.endpoints).any(|endpoint| endpoint.ended.is_some())
    }
}

impl User {
    fn add(&mut self, person: &Participant, endpoint: Endpoint) {
        // The strongest of the roles that this user has come in with.
        self.role = self.role.min(person.role);
        self.endpoints.push(endpoint);
    }
}

impl Endpoint {
    fn of(person: &Participant) -> Self {
        let ended = (!is_live(person)).then_some(Ended {
            method: match person.cause {
                Some(Cause::Left) => "departed",
                Some(Cause::Removed) => "booted",
                Some(Cause::Busy) => "busy",
                _ => "failed",
            },
            status: person.status,
        });
        Self {
            entity: person.id.0.clone(),
            referred_by: person.referred_by.clone(),
            status: status_of(person),
            joining_method: match person.direction {
                CallDirection::DialedIn => "dialed-in",
                CallDirection::DialedOut => "dialed-out",
            },
            joined_at: person.joined_at,
            ended,
            audio: is_in(person).then(|| audio_of(person)),
            stream: person.stream.clone(),
        }
    }

    fn is_in(&self) -> bool {
        self.audio.is_some()
    }
}

fn is_live(person: &Participant) -> bool {
    person.state != ParticipantState::Disconnected
}

fn is_in(person: &Participant) -> bool {
    use ParticipantState::*;
    matches!(person.state, Connected | OnHold | Reconnecting)
}

/// §5.7.2.
fn status_of(person: &Participant) -> &'static str {
    use ParticipantState::*;
    match (person.state, person.direction) {
        (Queued, _) => "pending",
        (Calling, CallDirection::DialedOut) => "dialing-out",
        (Calling, CallDirection::DialedIn) => "dialing-in",
        (Ringing, _) => "alerting",
        (Connected, _) if is_silenced(person) => "muted-via-focus",
        (Connected, _) => "connected",
        (OnHold | Reconnecting, _) => "on-hold",
        (Disconnected, _) => "disconnected",
    }
}

fn audio_of(person: &Participant) -> &'static str {
    let held = person.state != ParticipantState::Connected;
    match (!is_silenced(person) && !held, !person.deafened && !held) {
        (true, true) => "sendrecv",
        (true, false) => "sendonly",
        (false, true) => "recvonly",
        (false, false) => "inactive",
    }
}

fn is_silenced(person: &Participant) -> bool {
    person.muted || !person.may_speak
}

/// The identity that was proven, else the address; of the anonymous each an own one (§5.6).
fn entity_of(person: &Participant, domain: &str) -> String {
    if let Some(account) = person.account.as_ref().filter(|_| !person.anonymous) {
        return format!("sip:{account}@{domain}");
    }
    if person.address.to_ascii_lowercase().contains("@anonymous.invalid") {
        let number = person.id.0.trim_start_matches(|c: char| !c.is_ascii_digit());
        return format!("sip:anonymous{number}@anonymous.invalid");
    }
    person.address.clone()
}

#[cfg(test)]
pub mod testing {
    use super::*;
    use crate::conference::roster::{Door, ParticipantId};

    pub fn described() -> Described {
        Described {
            entity: "sip:3001@example.org".into(),
            dial_in: vec!["tel:+39055123".into()],
            title: "Monday".into(),
            maximum_user_count: 10,
            domain: "example.org".into(),
        }
    }

    pub fn person(id: &str, name: &str) -> Participant {
        Participant {
            id: ParticipantId(id.into()),
            name: name.into(),
            address: format!("sip:{name}@example.org"),
            account: None,
            referred_by: None,
            anonymous: false,
            role: Role::Participant,
            state: ParticipantState::Connected,
            cause: None,
            status: None,
            direction: CallDirection::DialedIn,
            door: Door::Sip,
            muted: false,
            deafened: false,
            video_muted: false,
            may_speak: true,
            hand_raised: false,
            speaking: false,
            level_dbov: -127,
            spoke_seconds: 0,
            gain_db: 0.0,
            noise_suppression: None,
            joined_at: Some(OffsetDateTime::UNIX_EPOCH),
            codec: None,
            secured: false,
            stream: Stream { label: Some("a7".into()), source: Some(0x1234_5678) },
            quality: None,
            stopped: None,
            transfer: None,
        }
    }

    pub fn roster(participants: Vec<Participant>) -> Roster {
        Roster {
            number: "3001".into(),
            title: "Monday".into(),
            version: 1,
            locked: false,
            started_at: OffsetDateTime::UNIX_EPOCH,
            participants,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;

    fn view(people: Vec<Participant>) -> View {
        View::of(described(), Some(&roster(people)), None)
    }

    #[test]
    fn two_phones_of_an_account_are_one_user_with_two_endpoints() {
        let (mut desk, mut mobile) = (person("p1", "alice"), person("p2", "mobile"));
        desk.account = Some("alice".into());
        mobile.account = Some("alice".into());
        mobile.role = Role::Chair;
        let view = view(vec![desk, mobile]);
        assert_eq!(view.users.len(), 1);
        assert_eq!((view.users[0].entity.as_str(), view.users[0].role), ("sip:alice@example.org", Role::Chair));
        assert_eq!(view.users[0].endpoints.len(), 2);
        assert_eq!(view.status.user_count, 1);
    }

    #[test]
    fn the_anonymous_are_told_apart() {
        let anonymous = |id: &str| {
            let mut person = person(id, "Anonymous");
            person.address = "sip:anonymous@anonymous.invalid".into();
            person
        };
        let view = view(vec![anonymous("p4"), anonymous("p7")]);
        let entities: Vec<_> = view.users.iter().map(|user| user.entity.as_str()).collect();
        assert_eq!(entities, ["sip:anonymous4@anonymous.invalid", "sip:anonymous7@anonymous.invalid"]);
    }

    #[test]
    fn a_leg_that_ended_is_shown_once_more_with_the_reason() {
        let before = view(vec![person("p1", "alice")]);
        let mut gone = person("p1", "alice");
        (gone.state, gone.cause) = (ParticipantState::Disconnected, Some(Cause::Removed));
        let roster = roster(vec![gone]);
        let after = View::of(described(), Some(&roster), Some(&before));
        assert_eq!(after.users[0].endpoints[0].ended.as_ref().map(|ended| ended.method), Some("booted"));
        assert_eq!((after.status.user_count, after.shows_an_end()), (0, true));
        assert!(View::of(described(), Some(&roster), Some(&after)).users.is_empty());
        assert!(View::of(described(), Some(&roster), None).users.is_empty());
    }

    #[test]
    fn who_is_muted_only_hears() {
        let mut muted = person("p1", "alice");
        muted.muted = true;
        let endpoint = &view(vec![muted]).users[0].endpoints[0];
        assert_eq!((endpoint.status, endpoint.audio), ("muted-via-focus", Some("recvonly")));
    }
}
