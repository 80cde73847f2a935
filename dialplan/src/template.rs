//! Texts with captures in them: `"+39{number}"`. `{user}` is the request's user part.

use crate::pattern::Captures;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Name(String),
}

pub(crate) const USER: &str = "user";

impl Template {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (literal, hole) = rest.split_once('{').map_or((rest, None), |(before, after)| (before, Some(after)));
            if literal.contains('}') {
                return Err(format!("\"{text}\" has a }} without {{"));
            }
            parts.push(Part::Literal(literal.into()));
            let Some(hole) = hole else { break };
            let (name, after) = hole.split_once('}').ok_or_else(|| format!("\"{text}\" has a {{ without }}"))?;
            parts.push(Part::Name(name.into()));
            rest = after;
        }
        if text.is_empty() { Err("is empty".into()) } else { Ok(Self { parts }) }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    pub fn fill(&self, user: &str, captures: &Captures<'_>) -> String {
        let text = |part: &Part| match part {
            Part::Literal(literal) => literal.clone(),
            Part::Name(name) if name == USER => user.into(),
            Part::Name(name) => captures.get(name).copied().unwrap_or_default().into(),
        };
        self.parts.iter().map(text).collect()
    }
}
