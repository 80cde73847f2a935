//! What a REFER wants of a focus: RFC 3515 §2.1, RFC 4579 §5.5 and §5.11.
//!
//! Of the headers that a Refer-To URI wishes into the INVITE only these are taken: Replaces, Join, and Require for
//! them. All others would let a referrer speak in the name of the focus.

use plenary_sip::message::{HeaderName, NameAddr, Request, SipUri, StatusCode, Uri};

#[derive(Clone, Debug)]
pub(in crate::call) enum Wish {
    /// Call this URI.
    Add { address: String, headers: Vec<(HeaderName, String)> },
    /// `method=BYE`: hang up on whoever has this URI.
    Remove { address: String },
}

/// A REFER that cannot be done, whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call) struct Impossible {
    pub status: StatusCode,
    pub why: &'static str,
}

pub(in crate::call) fn wish_of(refer: &Request) -> Result<Wish, Impossible> {
    let target = refer_to(refer)?;
    match target.uri {
        Uri::Sip(uri) => {
            let method = uri.param("method").flatten().map(|method| method.into_owned());
            let address = uri.without_headers().without_param("method").to_string();
            match method.as_deref() {
                None | Some("INVITE") => Ok(Wish::Add { address, headers: wished_headers(&uri)? }),
                Some("BYE") => Ok(Wish::Remove { address }),
                Some("REFER") => Err(impossible(StatusCode::NOT_IMPLEMENTED, "REFER by way of the focus is not built")),
                Some(_) => Err(impossible(StatusCode::FORBIDDEN, "the focus sends only INVITE and BYE for others")),
            }
        }
        Uri::Tel(uri) => Ok(Wish::Add { address: uri.as_str().to_owned(), headers: Vec::new() }),
        Uri::Other(_) => Err(impossible(StatusCode::UNSUPPORTED_URI_SCHEME, "only sip, sips and tel can be called")),
    }
}

/// Exactly one: §2.4.2. A URI with parameters has to stand in brackets (§2.1), else they are the header's.
fn refer_to(refer: &Request) -> Result<NameAddr, Impossible> {
    let bad = |why| impossible(StatusCode::BAD_REQUEST, why);
    if refer.headers.all(&HeaderName::ReferTo).count() != 1 {
        return Err(bad("exactly one Refer-To is needed"));
    }
    let target = refer.headers.name_addr(&HeaderName::ReferTo).ok().flatten();
    let target = target.ok_or(bad("Refer-To cannot be read"))?;
    if target.params.contains("method") {
        return Err(bad("a Refer-To URI with parameters stands in brackets"));
    }
    Ok(target)
}

fn wished_headers(uri: &SipUri) -> Result<Vec<(HeaderName, String)>, Impossible> {
    let mut headers = Vec::new();
    for name in [HeaderName::Replaces, HeaderName::Join, HeaderName::Require] {
        let Some(value) = uri.header(name.as_str()) else { continue };
        if value.chars().any(char::is_control) {
            return Err(impossible(StatusCode::BAD_REQUEST, "a header in Refer-To breaks its line"));
        }
        let extension = matches!(value.trim(), "replaces" | "join");
        if name != HeaderName::Require || extension {
            headers.push((name, value.into_owned()));
        }
    }
    Ok(headers)
}

fn impossible(status: StatusCode, why: &'static str) -> Impossible {
    Impossible { status, why }
}

#[cfg(test)]
mod tests {
    use plenary_sip::message::{Header, Method};

    use super::*;

    fn wish(values: &[&str]) -> Result<Wish, u16> {
        let mut refer = Request::new(Method::Refer, "sip:3001@example.org".parse().expect("a URI"));
        values.iter().for_each(|value| refer.headers.push(Header::new(HeaderName::ReferTo, *value)));
        wish_of(&refer).map_err(|impossible| impossible.status.as_u16())
    }

    fn added(value: &str) -> (String, Vec<String>) {
        match wish(&[value]) {
            Ok(Wish::Add { address, headers }) => {
                (address, headers.iter().map(|(name, value)| format!("{name}: {value}")).collect())
            }
            other => panic!("{value}: {other:?}"),
        }
    }

    #[test]
    fn one_refer_to_and_no_more() {
        assert_eq!(wish(&[]).expect_err("none"), 400);
        assert_eq!(wish(&["<sip:a@x>", "<sip:b@x>"]).expect_err("two"), 400);
        assert_eq!(wish(&["<sip:a@x>, <sip:b@x>"]).expect_err("two in a line"), 400);
        assert_eq!(wish(&["sip:carol@x;method=BYE"]).expect_err("no brackets"), 400);
    }

    #[test]
    fn invite_and_bye_and_nothing_else_is_sent_for_others() {
        assert_eq!(added("Carol <sip:carol@c.example;transport=tcp>").0, "sip:carol@c.example;transport=tcp");
        assert_eq!(added("<sip:carol@c.example;method=INVITE>").0, "sip:carol@c.example");
        assert_eq!(added("<tel:+390612345>").0, "tel:+390612345");
        assert!(matches!(
            wish(&["<sip:carol@c.example;method=BYE>"]),
            Ok(Wish::Remove { address }) if address == "sip:carol@c.example"
        ));
        for (value, status) in [
            ("<sip:carol@c.example;method=REGISTER>", 403),
            ("<sip:carol@c.example;method=REFER>", 501),
            ("<http://c.example/>", 416),
        ] {
            assert_eq!(wish(&[value]).expect_err(value), status, "{value}");
        }
    }

    #[test]
    fn only_harmless_headers_are_taken_over() {
        let (address, headers) = added(
            "<sip:bob@b.example?Replaces=12%40h%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces&Route=%3Csip:evil%3E&From=x>",
        );
        assert_eq!(address, "sip:bob@b.example");
        assert_eq!(headers, ["Replaces: 12@h;to-tag=1;from-tag=2", "Require: replaces"]);
        assert_eq!(added("<sip:bob@b.example?Require=teleport>").1, [] as [&str; 0]);
        assert_eq!(wish(&["<sip:bob@b.example?Replaces=a%0d%0aRoute:x>"]).expect_err("a line of its own"), 400);
    }
}
