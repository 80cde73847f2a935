//! XML that comes from a peer, read with as little of XML as the documents of SIP need.
//!
//! ```text
//!   octets ──▶ UTF-8? short? ──▶ no DOCTYPE, no entities but the five, no processing instructions ──▶ Element
//!                                bounded depth, elements, attributes
//! ```
//!
//! The one reader of the house: RFC 5168 (media_control) reads by it, and whatever else comes to be read. A DOCTYPE is
//! refused unread, so nothing is ever fetched and nothing can grow (XXE, "billion laughs"). Namespaces are not looked at:
//! a name is what stands behind the colon.

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

const MAX_OCTETS: usize = 64 * 1024;
const MAX_DEPTH: usize = 32;
const MAX_ELEMENTS: usize = 4096;
/// Of one element.
const MAX_ATTRIBUTES: usize = 32;

/// One element with what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Without its prefix.
    pub name: String,
    /// As written, prefix and all.
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    /// All text directly within it.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    #[error("the document is {octets} octets long, at most {MAX_OCTETS}")]
    TooLong { octets: usize }, // 413
    #[error("the document has more than {most} {what}")]
    TooMany { most: usize, what: &'static str },
    #[error("a document type, or an entity, is not read")]
    DocumentType,
    #[error("the document is not well-formed: {reason}")]
    Malformed { reason: String },
}

impl Element {
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a whole document; gives its root.
pub fn read(octets: &[u8]) -> Result<Element, XmlError> {
    if octets.len() > MAX_OCTETS {
        return Err(XmlError::TooLong { octets: octets.len() });
    }
    let text = std::str::from_utf8(octets).map_err(malformed)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let (mut open, mut root, mut elements): (Vec<Element>, Option<Element>, usize) = (Vec::new(), None, 0);
    loop {
        match reader.read_event().map_err(malformed)? {
            Event::Start(start) => {
                count(&mut elements, open.len(), root.is_some())?;
                open.push(element(&start)?);
            }
            Event::Empty(start) => {
                count(&mut elements, open.len(), root.is_some())?;
                close(element(&start)?, &mut open, &mut root);
            }
            // The reader has seen to it that the names agree.
            Event::End(_) => match open.pop() {
                Some(element) => close(element, &mut open, &mut root),
                None => return Err(malformed("an end without a start")),
            },
            Event::Text(text) => add_text(&text.xml10_content(), &mut open)?,
            Event::CData(text) => add_text(&text.xml10_content(), &mut open)?,
            Event::GeneralRef(entity) => {
                let meant = format!("&{};", entity.into_inner());
                add_text(&unescape(&meant).map_err(|_| XmlError::DocumentType)?, &mut open)?;
            }
            Event::DocType(_) => return Err(XmlError::DocumentType),
            Event::PI(_) => return Err(malformed("a processing instruction")),
            Event::Decl(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root),
        _ => Err(malformed("it ends too early")),
    }
}

fn count(elements: &mut usize, depth: usize, is_over: bool) -> Result<(), XmlError> {
    *elements += 1;
    match () {
        () if is_over => Err(malformed("two roots")),
        () if depth >= MAX_DEPTH => Err(XmlError::TooMany { most: MAX_DEPTH, what: "elements within each other" }),
        () if *elements > MAX_ELEMENTS => Err(XmlError::TooMany { most: MAX_ELEMENTS, what: "elements" }),
        () => Ok(()),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, XmlError> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(malformed)?;
        if attributes.len() == MAX_ATTRIBUTES {
            return Err(XmlError::TooMany { most: MAX_ATTRIBUTES, what: "attributes in one element" });
        }
        let value = unescape(&attribute.value).map_err(|_| XmlError::DocumentType)?.into_owned();
        attributes.push((attribute.key.as_ref().to_owned(), value));
    }
    Ok(Element { name: start.local_name().as_ref().to_owned(), attributes, ..Element::default() })
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => *root = Some(element),
    }
}

fn add_text(text: &str, open: &mut [Element]) -> Result<(), XmlError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(malformed("text outside of the root")),
    }
    Ok(())
}

fn malformed(reason: impl ToString) -> XmlError {
    XmlError::Malformed { reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_document_of_an_ordinary_kind_is_read() {
        let text = r#"<?xml version="1.0" encoding="utf-8"?><!-- RFC 5168 -->
            <mc:media_control xmlns:mc="x"><vc_primitive><to_encoder name="a &amp; b">1 &lt; 2 &#x41;
            <![CDATA[<raw>]]><picture_fast_update/></to_encoder></vc_primitive></mc:media_control>"#;
        let root = read(text.as_bytes()).expect("readable");
        assert_eq!(root.name, "media_control");
        let encoder = root.child("vc_primitive").and_then(|child| child.child("to_encoder")).expect("an encoder");
        assert_eq!(encoder.attribute("name"), Some("a & b"));
        assert!(encoder.text.starts_with("1 < 2 A") && encoder.text.contains("<raw>"), "{:?}", encoder.text);
        assert!(encoder.child("picture_fast_update").is_some() && encoder.child("a").is_none());
    }

    /// S-12, A-20: neither fetches nor grows, and is quick about it.
    #[test]
    fn document_types_and_entities_are_refused_unread() {
        let laughs: String =
            (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
        let begun = Instant::now();
        for text in [
            format!("<!DOCTYPE a [<!ENTITY l0 \"lol\">{laughs}]><a>&l9;</a>"),
            "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>".into(),
            "<!DOCTYPE a SYSTEM \"http://127.0.0.1/a.dtd\"><a/>".into(),
            "<!DOCTYPE a><a/>".into(),
            "<a>&x;</a>".into(),
            "<a b=\"&x;\"/>".into(),
        ] {
            assert_eq!(read(text.as_bytes()), Err(XmlError::DocumentType), "{text}");
        }
        assert!(begun.elapsed() < Duration::from_millis(60), "{:?}", begun.elapsed());
    }

    #[test]
    fn more_than_is_read_is_refused_with_its_bound() {
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(read(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(matches!(read(nested(MAX_DEPTH + 1).as_bytes()), Err(XmlError::TooMany { most: MAX_DEPTH, .. })));
        let wide = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 1));
        assert!(read(wide(MAX_ELEMENTS).as_bytes()).is_ok());
        assert!(matches!(read(wide(MAX_ELEMENTS + 1).as_bytes()), Err(XmlError::TooMany { most: MAX_ELEMENTS, .. })));
        let attributes = |count: usize| (0..count).map(|n| format!(" a{n}=\"\"")).collect::<String>();
        assert!(read(format!("<a{}/>", attributes(MAX_ATTRIBUTES)).as_bytes()).is_ok());
        let many = format!("<a{}/>", attributes(MAX_ATTRIBUTES + 1));
        assert!(matches!(read(many.as_bytes()), Err(XmlError::TooMany { most: MAX_ATTRIBUTES, .. })));
        let long = format!("<a>{}</a>", "x".repeat(MAX_OCTETS));
        assert_eq!(read(long.as_bytes()), Err(XmlError::TooLong { octets: MAX_OCTETS + 7 }));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in [
            "",
            " ",
            "a",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "<a b/>",
            "<a b=c/>",
            "<a b=\"1\" b=\"2\"/>",
            "<a><![CDATA[</a>",
            "<a><!--</a>",
            "<?xml version=\"1.0\"?>",
            "<a/><?php x?>",
            "<a>&#xd800;</a>",
            "<",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(b"<a>\xff</a>").is_err(), "another encoding");
        assert!(read(b"\xef\xbb\xbf<a/>").is_ok(), "a byte order mark");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(text in r#"(<\??!?/?[a-c:]{0,3}( [a-b]="[&;<a]{0,4}")?/?>|&[a-z#0-9]{0,4};|\]\]>|[a-z ]){0,40}"#) {
            let _ = read(text.as_bytes());
        }
    }
}
