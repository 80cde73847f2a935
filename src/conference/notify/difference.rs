//! What changed between two views: the content of a partial document. RFC 4575 §4.4 to §4.6.
//!
//! Users and endpoints are kept apart by their `entity`; everything below an endpoint is sent whole with it.

use super::document::{ElementState, Part, UserPart};
use super::view::{User, View};

/// `None` where nothing changed that a subscriber sees.
pub fn difference<'a>(before: &View, after: &'a View) -> Option<Part<'a>> {
    let mut users = Vec::new();
    for user in &after.users {
        match before.users.iter().find(|known| known.entity == user.entity) {
            None => users.push(UserPart::whole(user)),
            Some(known) if known != user => users.push(changed(known, user)),
            Some(_) => {}
        }
    }
    let gone = before.users.iter().filter(|user| after.users.iter().all(|other| other.entity != user.entity));
    users.extend(gone.map(|user| UserPart::deleted(&user.entity)));
    let part = Part {
        state: ElementState::Partial,
        described: (before.described != after.described).then_some(&after.described),
        status: (before.status != after.status).then_some(&after.status),
        users,
    };
    (part.described.is_some() || part.status.is_some() || !part.users.is_empty()).then_some(part)
}

fn changed<'a>(before: &User, after: &'a User) -> UserPart<'a> {
    let of_user = before.display_text != after.display_text || before.role != after.role;
    let endpoints = after.endpoints.iter().filter(|endpoint| !before.endpoints.contains(endpoint)).collect();
    let gone =
        before.endpoints.iter().filter(|endpoint| after.endpoints.iter().all(|now| now.entity != endpoint.entity));
    UserPart {
        entity: after.entity.clone(),
        state: ElementState::Partial,
        about: of_user.then_some(after),
        endpoints,
        gone: gone.map(|endpoint| endpoint.entity.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::testing::*;
    use super::*;
    use crate::conference::roster::Participant;

    fn view(people: Vec<Participant>) -> View {
        View::of(described(), Some(&roster(people)), None)
    }

    #[test]
    fn nothing_changed_is_nothing_told() {
        let same = view(vec![person("p1", "alice")]);
        assert!(difference(&same, &same.clone()).is_none());
    }

    #[test]
    fn who_came_is_whole_and_who_went_is_deleted() {
        let before = view(vec![person("p1", "alice")]);
        let after = view(vec![person("p2", "bob")]);
        let part = difference(&before, &after).expect("a change");
        let said: Vec<_> = part.users.iter().map(|user| (user.entity.as_str(), user.state)).collect();
        assert_eq!(
            said,
            [("sip:bob@example.org", ElementState::Full), ("sip:alice@example.org", ElementState::Deleted)]
        );
        assert!(part.status.is_none(), "as many as before");
    }

    #[test]
    fn of_a_user_with_two_phones_only_the_one_that_changed_is_told() {
        let people = || {
            let (mut one, mut two) = (person("p1", "alice"), person("p2", "alice"));
            (one.account, two.account) = (Some("alice".into()), Some("alice".into()));
            vec![one, two]
        };
        let before = view(people());
        let mut now = people();
        now[1].muted = true;
        let after = view(now);
        let part = difference(&before, &after).expect("a change");
        assert_eq!(part.users[0].state, ElementState::Partial);
        let told: Vec<_> = part.users[0].endpoints.iter().map(|endpoint| endpoint.entity.as_str()).collect();
        assert_eq!(told, ["p2"]);
        let one = view(people().into_iter().take(1).collect());
        assert_eq!(difference(&before, &one).expect("a change").users[0].gone, ["p2"]);
    }
}
