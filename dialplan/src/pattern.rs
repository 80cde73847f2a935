//! Patterns over a user part or an address.
//!
//! | written | matches |
//! |---|---|
//! | `echo` | exactly this |
//! | `+39{}` | `+39` and anything after it, also nothing |
//! | `{3}`, `{2-4}` | three digits; two to four |
//! | `0{number:6-12}` | `0`, then 6 to 12 digits, captured as `number` |
//! | `{name}.guest` | anything before `.guest`, captured as `name` |

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

pub(crate) type Captures<'t> = BTreeMap<String, &'t str>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Digits { count: RangeInclusive<usize>, name: Option<String> },
    Any { name: Option<String> },
}

/// More would make the backtracking below costly: every `Any` multiplies the ways to try.
const MAX_HOLES: usize = 4;

impl Pattern {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (literal, hole) = rest.split_once('{').map_or((rest, None), |(before, after)| (before, Some(after)));
            if literal.contains('}') {
                return Err(format!("\"{text}\" has a }} without {{"));
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.into()));
            }
            let Some(hole) = hole else { break };
            let (inside, after) = hole.split_once('}').ok_or_else(|| format!("\"{text}\" has a {{ without }}"))?;
            parts.push(Part::parse(inside).ok_or_else(|| {
                format!("{{{inside}}} is none of {{}}, {{name}}, {{3}}, {{2-4}}, {{name:3}}, {{name:2-4}}")
            })?);
            rest = after;
        }
        let pattern = Self { parts };
        let names: Vec<_> = pattern.names().collect();
        if let Some(name) = names.iter().enumerate().find_map(|(at, name)| names[..at].contains(name).then_some(name)) {
            return Err(format!("\"{text}\" captures {{{name}}} twice"));
        }
        if pattern.parts.iter().filter(|part| !matches!(part, Part::Literal(_))).count() > MAX_HOLES {
            return Err(format!("\"{text}\" has more than {MAX_HOLES} places in braces"));
        }
        Ok(pattern)
    }

    /// Names that this pattern captures.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Digits { name, .. } | Part::Any { name } => name.as_deref(),
            Part::Literal(_) => None,
        })
    }

    /// The captures when all of `text` fits.
    pub fn capture<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        let mut captures = Captures::new();
        fit(&self.parts, text, &mut captures).then_some(captures)
    }
}

impl Part {
    fn parse(inside: &str) -> Option<Self> {
        let is_name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        if inside.is_empty() {
            return Some(Self::Any { name: None });
        }
        if is_name(inside) {
            return Some(Self::Any { name: Some(inside.into()) });
        }
        let (name, count) = match inside.split_once(':') {
            Some((name, count)) if is_name(name) => (Some(name.to_owned()), count),
            Some(_) => return None,
            None => (None, inside),
        };
        let (low, high) = count.split_once('-').unwrap_or((count, count));
        let (low, high) = (low.parse().ok()?, high.parse().ok()?);
        (1 <= low && low <= high && high <= 64).then_some(Self::Digits { count: low..=high, name })
    }
}

fn fit<'t>(parts: &[Part], text: &'t str, captures: &mut Captures<'t>) -> bool {
    let Some((part, later)) = parts.split_first() else { return text.is_empty() };
    let (lengths, name): (Vec<usize>, _) = match part {
        Part::Literal(literal) => {
            return text.strip_prefix(literal.as_str()).is_some_and(|rest| fit(later, rest, captures));
        }
        Part::Digits { count, name } => {
            let run = text.bytes().take_while(u8::is_ascii_digit).count();
            (count.clone().rev().filter(|length| *length <= run).collect(), name)
        }
        Part::Any { name } => {
            // A captured part is never empty: a name of nothing reaches nobody.
            let least = usize::from(name.is_some());
            ((least..=text.len()).rev().filter(|length| text.is_char_boundary(*length)).collect(), name)
        }
    };
    for length in lengths {
        let (taken, rest) = text.split_at(length);
        if fit(later, rest, captures) {
            captures.extend(name.clone().map(|name| (name, taken)));
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_all_of_the_text() {
        for (pattern, text, captured) in [
            ("echo", "echo", Some("")),
            ("echo", "echo2", None),
            ("+39{}", "+39", Some("")),
            ("+39{}", "+3902", Some("")),
            ("{3}", "200", Some("")),
            ("{3}", "2000", None),
            ("{2-4}", "2000", Some("")),
            ("0{number:6-12}", "0123456", Some("number=123456")),
            ("0{number:6-12}", "012345", None),
            ("{name}.guest", "a.b.guest", Some("name=a.b")),
            ("{name}.guest", ".guest", None),
            ("{a:1-3}{b:2}", "123", Some("a=1,b=23")),
            ("*{code:2}*{rest}", "*21*+39", Some("code=21,rest=+39")),
            ("{who}", "Zoë", Some("who=Zoë")),
            ("", "", Some("")),
        ] {
            let captures = Pattern::parse(pattern).expect(pattern).capture(text);
            let shown = captures.map(|captures| {
                captures.iter().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>().join(",")
            });
            assert_eq!(shown.as_deref(), captured, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_faulty_pattern_says_what_is_wrong() {
        for (pattern, part) in [
            ("{3", "a { without }"),
            ("3}", "a } without {"),
            ("{0}", "{0} is none of"),
            ("{4-2}", "{4-2} is none of"),
            ("{2x}", "{2x} is none of"),
            ("{n}{n}", "captures {n} twice"),
            ("{}{}{}{}{}", "more than 4"),
        ] {
            let fault = Pattern::parse(pattern).expect_err(pattern);
            assert!(fault.contains(part), "{fault}");
        }
    }
}
