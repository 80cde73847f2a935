//! Trying the dialplan out: where a call would go, without placing it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use plenary_dialplan::{Action, Caller as From};
use plenary_sip::message::Uri;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::problem::{Problem, ProblemDocument, ProblemType};
use super::state::App;
use crate::call::{Asked, Dialled};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DialplanQuestion {
    /// Who calls: the name of an account, `trunk:NAME`, or a SIP URI for a guest.
    from: String,
    /// What is dialled: a number or name, or a URI.
    to: String,
}

/// Where the call would go.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct DialplanAnswer {
    /// The rule that decides; absent: none fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    action: DialplanAction,
    /// The account, the number of the conference, or the number that goes out.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// The trunks that would be tried, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trunks: Vec<String>,
    /// Of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Why it is refused, or why no trunk takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DialplanAction {
    Account,
    Conference,
    Factory,
    Echo,
    Entrance,
    Trunk,
    /// The caller is asked for a password, then decided upon anew.
    Challenge,
    #[default]
    Refuse,
}

/// Try the dialplan
///
/// Which rule decides, and where the call would go. Nobody is called.
#[utoipa::path(post, path = "/dialplan/test", tag = "trunks", request_body = DialplanQuestion, responses(
    (status = 200, body = DialplanAnswer),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json",
     description = "`bad-field`, `no-such-account`, `no-such-trunk`"),
))]
pub(super) async fn test_dialplan(
    State(app): State<Arc<App>>,
    Body(question): Body<DialplanQuestion>,
) -> Result<Json<DialplanAnswer>, Problem> {
    let domain = &app.state.server.domain;
    let bad = |field: &str| Problem::new(ProblemType::BadField, format!("{field}: is no SIP or tel URI")).at(field);
    let typed = question.to.trim();
    let to = if typed.contains(':') { typed.to_owned() } else { format!("sip:{typed}@{domain}") };
    let uri: Uri = to.parse().map_err(|_| bad("to"))?;
    let mut dialled = Dialled::of(&uri).ok_or_else(|| bad("to"))?;
    let local = dialled.host.is_empty() || app.state.routing.is_own_domain(&dialled.host);

    let asking = question.from.trim();
    let address = format!("{asking}@{domain}");
    let (caller, from) = match asking.split_once(':') {
        Some(("trunk", name)) => {
            let trunk = app.state.store.trunk(name).await?;
            dialled.user = crate::trunk::leads_to(&trunk.settings, &dialled.user);
            (From::Trunk(name), "")
        }
        Some((_, address)) => (From::Guest, address),
        None => {
            app.state.store.account(asking).await?;
            (From::Account(asking), address.as_str())
        }
    };
    let asked = Asked { from, caller, transport: "udp", dialled: &dialled, local };
    let routed = app.state.routing.route(asked).await;
    Ok(Json(DialplanAnswer { rule: routed.rule, ..answer(&app, routed.action) }))
}

fn answer(app: &App, action: Action) -> DialplanAnswer {
    let plain = |action| DialplanAnswer { action, ..DialplanAnswer::default() };
    let to = |action, target| DialplanAnswer { target: Some(target), ..plain(action) };
    match action {
        Action::Account(name) => to(DialplanAction::Account, name),
        Action::Conference(number) => to(DialplanAction::Conference, number),
        Action::Factory => plain(DialplanAction::Factory),
        Action::Echo => plain(DialplanAction::Echo),
        Action::Entrance => plain(DialplanAction::Entrance),
        Action::Challenge => plain(DialplanAction::Challenge),
        Action::Refuse { status, reason } => {
            DialplanAnswer { status: Some(status), reason, ..plain(DialplanAction::Refuse) }
        }
        Action::Trunk { name, number } => {
            let snapshot = app.state.trunks.snapshot();
            let carriers = snapshot.carriers(name.as_deref());
            let trunks: Vec<_> = carriers.iter().map(|trunk| trunk.name().to_owned()).collect();
            let reason = trunks.is_empty().then(|| snapshot.why_none(name.as_deref()));
            DialplanAnswer { trunks, reason, ..to(DialplanAction::Trunk, number) }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use serde_json::json;

    use super::super::fixture::House;

    #[tokio::test]
    async fn it_says_which_rule_decides_and_where_the_call_would_go() {
        let house = House::open().await;
        let numbers = json!([{"number": "+39055123", "to": "7000"}]);
        let trunk = json!({"name": "pstn", "host": "pbx.example", "numbers": numbers});
        house.ask_as("root", Method::POST, "/trunks", trunk).await;
        for (from, to, action, target) in [
            ("una", "7000", "conference", json!("7000")),
            ("una", "bob", "refuse", json!(null)),
            ("una", "olga", "account", json!("olga")),
            ("una", "tel:+39-06", "refuse", json!(null)),
            ("una", "tel:+39-06-123", "trunk", json!("+3906123")),
            ("sip:x@elsewhere", "olga", "challenge", json!(null)),
            ("sip:x@elsewhere", "echo", "echo", json!(null)),
            ("trunk:pstn", "+39055123", "conference", json!("7000")),
            ("trunk:pstn", "+39055999", "entrance", json!(null)),
            ("una", "sip:una@elsewhere", "refuse", json!(null)),
        ] {
            let question = json!({"from": from, "to": to});
            let answer = house.ask_as("olga", Method::POST, "/dialplan/test", question).await.json();
            assert_eq!((&answer["action"], &answer["target"]), (&json!(action), &target), "{from} {to}: {answer}");
        }
        let question = json!({"from": "una", "to": "+3906123"});
        let answer = house.ask_as("root", Method::POST, "/dialplan/test", question).await.json();
        assert_eq!(
            (&answer["rule"], &answer["reason"]),
            (&json!("numbers of the world, E.164"), &json!("no trunk is configured"))
        );
    }

    #[tokio::test]
    async fn who_or_what_does_not_exist_is_named() {
        let house = House::open().await;
        for (question, refusal) in [
            (json!({"from": "nobody", "to": "1"}), (404, "no-such-account")),
            (json!({"from": "trunk:none", "to": "1"}), (404, "no-such-trunk")),
            (json!({"from": "una", "to": "mailto:x"}), (422, "bad-field")),
            (json!({"from": "una", "to": "a b"}), (422, "bad-field")),
        ] {
            let refused = house.ask_as("root", Method::POST, "/dialplan/test", question).await.refusal();
            assert_eq!(refused, (refusal.0, refusal.1.to_owned()));
        }
        let forbidden = house.ask_as("una", Method::POST, "/dialplan/test", json!({"from": "una", "to": "1"})).await;
        assert_eq!(forbidden.refusal(), (403, "forbidden".into()));
    }
}
