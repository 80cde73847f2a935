//! One rule: when it applies, and where the call goes then.

use serde::{Deserialize, Deserializer, de::Error};

use crate::facts::{Caller, Facts, Known};
use crate::pattern::{Captures, Pattern};
use crate::template::{Template, USER};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub name: String,
    pub when: When,
    pub then: Then,
}

/// Conditions, all of which must hold; an absent one holds always. Of a list, one entry suffices.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct When {
    pub user: Option<Patterns>,
    pub host: Option<Patterns>,
    pub from: Option<Patterns>,
    pub local: Option<bool>,
    pub scheme: Option<OneOf<Scheme>>,
    pub transport: Option<OneOf<Transport>>,
    pub is: Option<OneOf<Is>>,
    pub caller: Option<OneOf<CallerKind>>,
    pub account: Option<Patterns>,
    pub trunk: Option<Patterns>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum Then {
    Account(TemplateText),
    /// Without a text: the conference that the user part names.
    Conference(Option<TemplateText>),
    Factory,
    Echo,
    Entrance,
    Trunk(ToTrunk),
    Refuse(Refusal),
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ToTrunk {
    /// Absent: any trunk that carries the number.
    pub name: Option<String>,
    #[serde(default = "TemplateText::user")]
    pub number: TemplateText,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Refusal {
    #[serde(deserialize_with = "final_refusal")]
    pub status: u16,
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scheme {
    Sip,
    Sips,
    Tel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Transport {
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Is {
    Account,
    Conference,
    Factory,
    Echo,
    Entrance,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CallerKind {
    Guest,
    Account,
    Trunk,
}

/// How a rule stands to a request.
#[derive(Debug, PartialEq)]
pub(crate) enum Fit<'t> {
    Yes(Captures<'t>),
    /// All but the account: the caller is a guest and might be one that this rule is for.
    IfAuthenticated,
    No,
}

impl When {
    pub fn fit<'t>(&self, facts: &Facts<'t>) -> Fit<'t> {
        let Some(captures) = self.fit_user(facts.user) else { return Fit::No };
        let request_fits = matches(&self.host, facts.host)
            && matches(&self.from, facts.from)
            && self.local.is_none_or(|local| local == facts.local)
            && self.scheme.as_ref().is_none_or(|schemes| schemes.0.iter().any(|one| one.name() == facts.scheme))
            && self.transport.as_ref().is_none_or(|names| names.0.iter().any(|one| one.name() == facts.transport))
            && self.is.as_ref().is_none_or(|is| is.0.contains(&Is::of(facts.known)));
        match (request_fits, facts.caller) {
            (false, _) => Fit::No,
            (true, caller) if self.fits_caller(caller) => Fit::Yes(captures),
            (true, Caller::Guest) if self.could_be_account() => Fit::IfAuthenticated,
            (true, _) => Fit::No,
        }
    }

    /// Whether somebody who is neither account nor trunk can get through this rule.
    pub fn lets_guests_in(&self) -> bool {
        self.fits_caller(Caller::Guest)
    }

    fn fit_user<'t>(&self, user: &'t str) -> Option<Captures<'t>> {
        match &self.user {
            None => Some(Captures::new()),
            Some(patterns) => patterns.0.iter().find_map(|pattern| pattern.capture(user)),
        }
    }

    fn fits_caller(&self, caller: Caller<'_>) -> bool {
        let kind_fits = |kind| self.caller.as_ref().is_none_or(|kinds| kinds.0.contains(&kind));
        match caller {
            Caller::Guest => kind_fits(CallerKind::Guest) && self.account.is_none() && self.trunk.is_none(),
            Caller::Account(name) => {
                kind_fits(CallerKind::Account) && matches(&self.account, name) && self.trunk.is_none()
            }
            Caller::Trunk(name) => kind_fits(CallerKind::Trunk) && matches(&self.trunk, name) && self.account.is_none(),
        }
    }

    fn could_be_account(&self) -> bool {
        self.caller.as_ref().is_none_or(|kinds| kinds.0.contains(&CallerKind::Account)) && self.trunk.is_none()
    }
}

impl Then {
    /// Every text of the action, with the key it stands under.
    pub fn templates(&self) -> Vec<(&'static str, &Template)> {
        match self {
            Self::Account(text) => vec![("then.account", &text.0)],
            Self::Conference(Some(text)) => vec![("then.conference", &text.0)],
            Self::Trunk(to) => vec![("then.trunk.number", &to.number.0)],
            Self::Conference(None) | Self::Factory | Self::Echo | Self::Entrance | Self::Refuse(_) => Vec::new(),
        }
    }
}

impl Rule {
    /// Faults that show only once the rule is whole: key and reason.
    pub fn check(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let patterns = self.when.user.as_ref().map_or(&[][..], |patterns| &patterns.0);
        for (key, template) in self.then.templates() {
            for name in template.names().filter(|name| *name != USER) {
                let captured_always =
                    !patterns.is_empty() && patterns.iter().all(|pattern| pattern.names().any(|other| other == name));
                if !captured_always {
                    faults.push((key.into(), format!("{{{name}}} is not captured by when.user")));
                }
            }
        }
        if matches!(self.then, Then::Trunk(_)) && self.when.lets_guests_in() {
            let reason = "would let strangers call out; add caller = \"account\" (or \"trunk\") to when";
            faults.push(("then.trunk".into(), reason.into()));
        }
        let names_conference = self.when.is.as_ref().is_some_and(|is| is.0 == [Is::Conference]);
        if self.then == Then::Conference(None) && !names_conference {
            let reason = "needs a number, or is = \"conference\" alone in when";
            faults.push(("then.conference".into(), reason.into()));
        }
        faults
    }
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Sip => "sip",
            Self::Sips => "sips",
            Self::Tel => "tel",
        }
    }
}

impl Transport {
    fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }
}

impl Is {
    fn of(known: Option<Known<'_>>) -> Self {
        match known {
            Some(Known::Account) => Self::Account,
            Some(Known::Conference { .. }) => Self::Conference,
            Some(Known::Factory) => Self::Factory,
            Some(Known::Echo) => Self::Echo,
            Some(Known::Entrance) => Self::Entrance,
            None => Self::Unknown,
        }
    }
}

fn matches(patterns: &Option<Patterns>, text: &str) -> bool {
    patterns.as_ref().is_none_or(|patterns| patterns.0.iter().any(|pattern| pattern.capture(text).is_some()))
}

/// One value or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OneOf<T>(pub Vec<T>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Patterns(pub Vec<Pattern>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TemplateText(pub Template);

impl TemplateText {
    fn user() -> Self {
        Self(Template::parse("{user}").expect("a good template"))
    }
}

impl<'de, T: serde::de::DeserializeOwned> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = match toml::Value::deserialize(deserializer)? {
            toml::Value::Array(items) if !items.is_empty() => items,
            toml::Value::Array(_) => return Err(D::Error::custom("an empty list matches nothing")),
            one => vec![one],
        };
        let read = |item: toml::Value| T::deserialize(item).map_err(|error| D::Error::custom(error.message()));
        items.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let OneOf(texts) = OneOf::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| Pattern::parse(text).map_err(D::Error::custom)).collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for TemplateText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Template::parse(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

fn final_refusal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    if (400..=699).contains(&status) {
        Ok(status)
    } else {
        Err(D::Error::custom(format!("status {status} is no refusal: 400 to 699")))
    }
}
