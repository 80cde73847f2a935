//! The header lines of a message, in their order.

use std::borrow::Cow;

use super::{Header, HeaderName};
use crate::message::scan::{list, split_first, trim};

/// Header lines in the order of the message. Order counts between lines of one name only (RFC 3261 §7.3.1).
#[derive(Clone, Debug, Default)]
pub struct Headers(Vec<Header>);

impl Headers {
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with_capacity(lines: usize) -> Self {
        Self(Vec::with_capacity(lines))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Header> {
        self.0.iter()
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the first line of that name.
    pub fn get(&self, name: &HeaderName) -> Option<Cow<'_, str>> {
        self.0.iter().find(|header| header.name() == name).map(Header::value)
    }

    /// All lines of that name.
    pub fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a Header> {
        self.0.iter().filter(move |header| header.name() == name)
    }

    /// All values of that name, comma lists split up where the name has lists. Empty values are left out.
    pub fn values(&self, name: &HeaderName) -> Vec<String> {
        let mut values = Vec::new();
        for header in self.all(name) {
            let value = header.value();
            if name.is_list() {
                values.extend(list(&value).filter(|value| !value.is_empty()).map(str::to_owned));
            } else if !value.is_empty() {
                values.push(value.into_owned());
            }
        }
        values
    }

    pub fn contains(&self, name: &HeaderName) -> bool {
        self.all(name).next().is_some()
    }

    pub fn push(&mut self, header: Header) {
        self.0.push(header);
    }

    /// Puts a line before all others: a new top Via, Route or Record-Route.
    pub fn push_front(&mut self, header: Header) {
        self.0.insert(0, header);
    }

    /// Puts the line in place of the first of its name and drops the others; without one, appends it.
    pub fn set(&mut self, header: Header) {
        let name = header.name().clone();
        match self.0.iter().position(|known| *known.name() == name) {
            None => self.0.push(header),
            Some(first) => {
                let mut at = 0;
                self.0.retain(|known| {
                    at += 1;
                    at <= first + 1 || *known.name() != name
                });
                if let Some(place) = self.0.get_mut(first) {
                    *place = header;
                }
            }
        }
    }

    /// Drops all lines of that name.
    pub fn remove(&mut self, name: &HeaderName) {
        self.0.retain(|header| header.name() != name);
    }

    /// Takes the first value of that name off its list: the top Via of a response, the Route that has been reached.
    pub fn pop_first_value(&mut self, name: &HeaderName) -> Option<String> {
        let at = self.0.iter().position(|header| header.name() == name)?;
        let line = self.0.get(at)?.value();
        let (first, others) = if name.is_list() { split_first(&line) } else { (&*line, None) };
        let (first, others) = (first.to_owned(), others.map(|others| trim(others).to_owned()));
        match others {
            Some(others) => *self.0.get_mut(at)? = Header::new(name.clone(), others),
            None => drop(self.0.remove(at)),
        }
        Some(first)
    }

    /// Puts `value` in place of the first value of that name: the top Via with `received` and `rport` filled in.
    pub fn replace_first_value(&mut self, name: &HeaderName, value: &str) {
        let Some(place) = self.0.iter_mut().find(|header| header.name() == name) else { return };
        let line = place.value();
        let others = if name.is_list() { split_first(&line).1 } else { None };
        let line = match others {
            Some(others) => format!("{value}, {}", trim(others)),
            None => value.to_owned(),
        };
        *place = Header::new(name.clone(), line);
    }
}

impl Extend<Header> for Headers {
    fn extend<I: IntoIterator<Item = Header>>(&mut self, headers: I) {
        self.0.extend(headers);
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<I: IntoIterator<Item = Header>>(headers: I) -> Self {
        Self(headers.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> Headers {
        lines.iter().map(|(name, value)| Header::new(HeaderName::from(*name), *value)).collect()
    }

    #[test]
    fn lists_over_several_lines_are_one_list() {
        let headers = headers(&[("Supported", "a, b"), ("P1", "1"), ("k", ",c"), ("Supported", "")]);
        assert_eq!(headers.values(&HeaderName::Supported), ["a", "b", "c"]);
    }

    #[test]
    fn the_top_value_is_taken_off_its_line() {
        let mut headers = headers(&[("Route", "<sip:a;lr>, <sip:b;x=\",\">"), ("Route", "<sip:c>")]);
        for expected in ["<sip:a;lr>", "<sip:b;x=\",\">", "<sip:c>"] {
            assert_eq!(headers.pop_first_value(&HeaderName::Route).as_deref(), Some(expected));
        }
        assert_eq!(headers.pop_first_value(&HeaderName::Route), None);
        assert!(headers.is_empty());
    }

    #[test]
    fn setting_keeps_the_place_of_the_first() {
        let mut headers = headers(&[("P1", "1"), ("P2", "1"), ("P3", "1"), ("P2", "2")]);
        headers.set(Header::new(HeaderName::from("p2"), "3"));
        let lines: Vec<_> = headers.iter().map(|h| format!("{}={}", h.name(), h.value())).collect();
        assert_eq!(lines, ["P1=1", "p2=3", "P3=1"]);
    }

    #[test]
    fn only_the_first_value_is_replaced() {
        let mut headers = headers(&[("Via", "one, two"), ("Via", "three")]);
        headers.replace_first_value(&HeaderName::Via, "new");
        assert_eq!(headers.values(&HeaderName::Via), ["new", "two", "three"]);
    }
}
