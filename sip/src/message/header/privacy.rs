//! Privacy: what of himself a user does not want told. RFC 3323 §4.2, RFC 3325 §9.3.

use super::{HeaderName, Headers};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// `id`, `user` or `header`: nobody shall learn who he is and where.
    pub identity: bool,
    /// `session`, or a value that nobody here knows.
    pub beyond_us: bool,
    /// Rather no call at all than one without.
    pub critical: bool,
}

impl Headers {
    /// What is asked for; nothing where there is no such header, or one that says `none`.
    pub fn privacy(&self) -> Privacy {
        let mut wanted = Privacy::default();
        let lines = self.values(&HeaderName::Privacy);
        for value in lines.iter().flat_map(|line| line.split([';', ','])).map(str::trim) {
            match value.to_ascii_lowercase().as_str() {
                "" => {}
                "none" => return Privacy::default(),
                "id" | "user" | "header" => wanted.identity = true,
                "critical" => wanted.critical = true,
                _ => wanted.beyond_us = true,
            }
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Header;

    fn privacy(value: &str) -> Privacy {
        let mut headers = Headers::default();
        headers.push(Header::new(HeaderName::Privacy, value));
        headers.privacy()
    }

    #[test]
    fn each_value_asks_for_something() {
        let identity = Privacy { identity: true, ..Privacy::default() };
        assert_eq!(privacy("id"), identity);
        assert_eq!(privacy("Header; User"), identity);
        assert_eq!(privacy("none"), Privacy::default());
        assert_eq!(privacy("session;critical"), Privacy { beyond_us: true, critical: true, ..Privacy::default() });
        assert_eq!(Headers::default().privacy(), Privacy::default());
    }
}
