//! A plan: rules in order, the first that fits decides.

use std::path::Path;

use serde::Deserialize;
use toml::{Table, Value};

use crate::error::PlanError;
use crate::facts::{Facts, Known};
use crate::pattern::Captures;
use crate::rule::{Fit, Rule, Then, When};

#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    rules: Vec<Rule>,
}

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The registered contacts of this account.
    Account(String),
    /// The focus of this conference, by number.
    Conference(String),
    /// A new ad-hoc conference.
    Factory,
    Echo,
    /// The spoken entrance.
    Entrance,
    /// Out to this number; `name` says through which trunk if it matters.
    Trunk {
        name: Option<String>,
        number: String,
    },
    /// Ask who it is (401 or 407), then decide again.
    Challenge,
    Refuse {
        status: u16,
        reason: Option<String>,
    },
}

/// What was decided, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'p> {
    /// `None`: no rule fitted.
    pub rule: Option<&'p str>,
    pub action: Action,
}

const BUILT_IN: &str = include_str!("../plans/default.toml");

impl Plan {
    /// The plan in `plans/default.toml`.
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN, "built-in plan").expect("the built-in plan is tested")
    }

    pub fn load(path: &Path) -> Result<Self, Vec<PlanError>> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &file),
            Err(error) => Err(vec![PlanError {
                file,
                rule: None,
                key: String::new(),
                reason: format!("cannot be read: {error}"),
            }]),
        }
    }

    /// Reads a plan; all its faults come at once, `file` names it in them.
    pub fn parse(text: &str, file: &str) -> Result<Self, Vec<PlanError>> {
        let mut faults = Vec::new();
        let mut fault = |rule: Option<(usize, String)>, key: &str, reason: String| {
            faults.push(PlanError { file: file.into(), rule, key: key.into(), reason });
        };
        let mut rules = Vec::new();
        match toml::from_str::<Table>(text) {
            Err(error) => fault(None, "", error.to_string().trim_end().to_owned()),
            Ok(mut table) => {
                let listed = table.remove("rule");
                for key in table.keys() {
                    fault(None, key, "is not known; a plan is a list of [[rule]]".into());
                }
                match listed {
                    Some(Value::Array(listed)) if !listed.is_empty() => {
                        for (at, value) in listed.into_iter().enumerate() {
                            match read_rule(value) {
                                Ok(rule) => rules.push(rule),
                                Err((name, found)) => {
                                    for (key, reason) in found {
                                        fault(Some((at + 1, name.clone())), &key, reason);
                                    }
                                }
                            }
                        }
                    }
                    _ => fault(None, "", "has no [[rule]]".into()),
                }
            }
        }
        if faults.is_empty() { Ok(Self { rules }) } else { Err(faults) }
    }

    /// Where a request with these facts goes. When no rule fits: 404.
    pub fn decide(&self, facts: &Facts<'_>) -> Decision<'_> {
        for rule in &self.rules {
            let action = match rule.when.fit(facts) {
                Fit::Yes(captures) => act(&rule.then, facts, &captures),
                Fit::IfAuthenticated => Action::Challenge,
                Fit::No => continue,
            };
            return Decision { rule: Some(&rule.name), action };
        }
        Decision { rule: None, action: Action::Refuse { status: 404, reason: None } }
    }
}

fn act(then: &Then, facts: &Facts<'_>, captures: &Captures<'_>) -> Action {
    let named = match facts.known {
        Some(Known::Conference { number }) => number,
        _ => facts.user,
    };
    match then {
        Then::Account(text) => Action::Account(text.0.fill(facts.user, captures)),
        Then::Conference(Some(text)) => Action::Conference(text.0.fill(facts.user, captures)),
        Then::Conference(None) => Action::Conference(named.into()),
        Then::Factory => Action::Factory,
        Then::Echo => Action::Echo,
        Then::Entrance => Action::Entrance,
        Then::Trunk(to) => Action::Trunk { name: to.name.clone(), number: to.number.0.fill(facts.user, captures) },
        Then::Refuse(refusal) => Action::Refuse { status: refusal.status, reason: refusal.reason.clone() },
    }
}

type RuleFaults = (String, Vec<(String, String)>);

/// Reads one rule, each key alone, so that one fault does not hide the next.
fn read_rule(value: Value) -> Result<Rule, RuleFaults> {
    let Value::Table(mut table) = value else {
        return Err((String::new(), vec![(String::new(), "is no table; write [[rule]]".into())]));
    };
    let mut faults = Vec::new();
    let name = match table.remove("name") {
        Some(Value::String(name)) if !name.trim().is_empty() => name,
        _ => {
            faults.push(("name".into(), "is missing: a text that says what the rule is for".into()));
            String::new()
        }
    };
    let when = read_when(table.remove("when"), &mut faults);
    let then = match table.remove("then").map(read_then) {
        Some(Ok(then)) => Some(then),
        Some(Err(reason)) => {
            faults.push(("then".into(), reason));
            None
        }
        None => {
            faults.push(("then".into(), "is missing: where the call goes".into()));
            None
        }
    };
    faults.extend(table.keys().map(|key| (key.clone(), "is not known; a rule has name, when and then".into())));
    match then {
        Some(then) if faults.is_empty() => {
            let rule = Rule { name, when, then };
            let found = rule.check();
            if found.is_empty() { Ok(rule) } else { Err((rule.name, found)) }
        }
        _ => Err((name, faults)),
    }
}

fn read_when(value: Option<Value>, faults: &mut Vec<(String, String)>) -> When {
    let conditions = match value {
        None => return When::default(),
        Some(Value::Table(conditions)) => conditions,
        Some(_) => {
            faults.push(("when".into(), "is no table; write when = { user = \"…\" }".into()));
            return When::default();
        }
    };
    for (key, value) in &conditions {
        if let Err(error) = When::deserialize(Table::from_iter([(key.clone(), value.clone())])) {
            faults.push((format!("when.{key}"), error.message().to_owned()));
        }
    }
    When::deserialize(conditions).unwrap_or_default()
}

/// `"conference"` alone is the conference that the user part names.
fn read_then(value: Value) -> Result<Then, String> {
    if value.as_str() == Some("conference") {
        return Ok(Then::Conference(None));
    }
    Then::deserialize(value).map_err(|error| error.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Caller::{Account, Guest, Trunk};

    fn refuse(status: u16) -> Action {
        Action::Refuse { status, reason: None }
    }

    #[test]
    fn the_built_in_plan_reaches_what_the_addresses_promise() {
        let plan = Plan::built_in();
        let weekly = Some(Known::Conference { number: "7000" });
        let out = |number: &str| Action::Trunk { name: None, number: number.into() };
        for (user, known, caller, action) in [
            ("bob", Some(Known::Account), Account("alice"), Action::Account("bob".into())),
            ("bob", Some(Known::Account), Trunk("pbx"), Action::Account("bob".into())),
            ("bob", Some(Known::Account), Guest, Action::Challenge),
            ("nobody", None, Guest, Action::Challenge), // as for bob: a stranger learns no names
            ("nobody", None, Account("alice"), refuse(404)),
            ("7000", weekly, Guest, Action::Conference("7000".into())), // its `access` decides
            ("weekly", weekly, Account("alice"), Action::Conference("7000".into())),
            ("conference", Some(Known::Factory), Account("alice"), Action::Factory),
            ("conference", Some(Known::Factory), Guest, Action::Challenge),
            ("echo", Some(Known::Echo), Guest, Action::Echo),
            ("access", Some(Known::Entrance), Guest, Action::Entrance),
            ("+390212345678", None, Account("alice"), out("+390212345678")),
            ("+390212345678", None, Guest, Action::Challenge),
            ("+390212345678", None, Trunk("pbx"), Action::Entrance), // a DID; never back out
            ("+39", None, Account("alice"), refuse(404)),
        ] {
            let facts = Facts { user, known, caller, local: true, scheme: "sip", ..Facts::default() };
            assert_eq!(plan.decide(&facts).action, action, "{user} by {caller:?}");
        }
    }

    #[test]
    fn the_built_in_plan_relays_nothing() {
        for caller in [Guest, Account("alice"), Trunk("pbx")] {
            let facts = Facts { user: "bob", host: "elsewhere.example", caller, scheme: "sip", ..Facts::default() };
            assert_eq!(Plan::built_in().decide(&facts).action, refuse(404));
        }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let plan = Plan::parse(
            r#"
            [[rule]]
            name = "boss"
            when = { user = "100", from = "boss@{}", transport = ["tls", "wss"] }
            then = { account = "boss" }
            [[rule]]
            name = "hundreds"
            when = { user = ["1{rest:2}", "x1{rest:2}"], caller = "account" }
            then = { trunk = { name = "old-pbx", number = "00{rest}" } }
            [[rule]]
            name = "closed"
            then = { refuse = { status = 403, reason = "Closed" } }
            "#,
            "test.toml",
        )
        .expect("good");
        let ask = |user: &'static str, transport: &'static str| {
            let facts =
                Facts { user, transport, from: "boss@example.org", caller: Account("alice"), ..Facts::default() };
            let decision = plan.decide(&facts);
            (decision.rule.map(str::to_owned), decision.action)
        };
        assert_eq!(ask("100", "tls"), (Some("boss".into()), Action::Account("boss".into())));
        let old_pbx = Action::Trunk { name: Some("old-pbx".into()), number: "0000".into() };
        assert_eq!(ask("100", "udp"), (Some("hundreds".into()), old_pbx));
        let closed = Action::Refuse { status: 403, reason: Some("Closed".into()) };
        assert_eq!(ask("7", "udp"), (Some("closed".into()), closed));
    }

    #[test]
    fn faults_name_file_rule_and_key_all_at_once() {
        let faults = Plan::parse(
            r#"
            colour = "red"
            [[rule]]
            name = "one"
            when = { user = "{3", caller = "nobody", weather = 1 }
            then = { account = "{user}" }
            [[rule]]
            then = { refuse = { status = 200 } }
            [[rule]]
            name = "three"
            when = { user = "0{number:3}" }
            then = { trunk = { number = "{numbr}" } }
            [[rule]]
            name = "four"
            then = "conference"
            extra = 1
            [[rule]]
            name = "five"
            then = "conference"
            "#,
            "p.toml",
        )
        .expect_err("faulty");
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        for part in [
            "p.toml, colour: is not known",
            "p.toml, rule 1 (one), when.user: \"{3\" has a { without }",
            "p.toml, rule 1 (one), when.caller: unknown variant `nobody`",
            "p.toml, rule 1 (one), when.weather: unknown field",
            "p.toml, rule 2, name: is missing",
            "p.toml, rule 2, then: status 200 is no refusal",
            "p.toml, rule 3 (three), then.trunk.number: {numbr} is not captured",
            "p.toml, rule 3 (three), then.trunk: would let strangers call out",
            "p.toml, rule 4 (four), extra: is not known",
            "p.toml, rule 5 (five), then.conference: needs a number",
        ] {
            assert!(faults.iter().any(|fault| fault.starts_with(part)), "no fault is {part:?}: {faults:#?}");
        }
        assert_eq!(faults.len(), 10, "{faults:#?}");
    }

    #[test]
    fn no_rule_no_call() {
        let plan = Plan::parse("[[rule]]\nname = \"a\"\nwhen = { user = \"a\" }\nthen = \"echo\"", "p").expect("good");
        assert_eq!(plan.decide(&Facts::default()), Decision { rule: None, action: refuse(404) });
    }
}
