//! The document: `application/conference-info+xml`, in the order of the schema. RFC 4575 §4 to §6.
//!
//! `state` stands wherever it is not "full", which is its default: a partial `<users>` without it would delete
//! everybody that it does not name (§4.4).

use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::view::{ConferenceState, Described, Endpoint, User, View};
use crate::conference::roster::Role;

const NAMESPACE: &str = "urn:ietf:params:xml:ns:conference-info";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementState {
    Full,
    Partial,
    Deleted,
}

/// What one document says.
#[derive(Debug)]
pub struct Part<'a> {
    pub state: ElementState,
    pub described: Option<&'a Described>,
    pub status: Option<&'a ConferenceState>,
    pub users: Vec<UserPart<'a>>,
}

#[derive(Debug)]
pub struct UserPart<'a> {
    pub entity: String,
    pub state: ElementState,
    /// What is said of the user itself.
    pub about: Option<&'a User>,
    pub endpoints: Vec<&'a Endpoint>,
    /// Endpoints that are no more.
    pub gone: Vec<String>,
}

impl<'a> Part<'a> {
    pub fn full(view: &'a View) -> Self {
        Self {
            state: ElementState::Full,
            described: Some(&view.described),
            status: Some(&view.status),
            users: view.users.iter().map(UserPart::whole).collect(),
        }
    }

    pub fn document(&self, entity: &str, version: u32) -> String {
        let mut writer = Writer::new(Vec::from(&b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"[..]));
        // Writing into memory does not fail.
        drop(self.write(&mut writer, entity, version));
        String::from_utf8(writer.into_inner()).unwrap_or_default()
    }

    fn write(&self, writer: &mut Xml, entity: &str, version: u32) -> io::Result<()> {
        let (version, state) = (version.to_string(), self.state.as_str());
        let root = writer.create_element("conference-info").with_attributes([
            ("xmlns", NAMESPACE),
            ("entity", &*clean(entity)),
            ("state", state),
            ("version", &*version),
        ]);
        root.write_inner_content(|writer| {
            self.described.map_or(Ok(()), |described| write_description(writer, described))?;
            self.status.map_or(Ok(()), |status| write_status(writer, status))?;
            if self.state == ElementState::Partial && self.users.is_empty() {
                return Ok(());
            }
            let users = writer.create_element("users").with_attribute(("state", state));
            users.write_inner_content(|writer| self.users.iter().try_for_each(|user| user.write(writer)))?;
            Ok(())
        })?;
        Ok(())
    }
}

type Xml = Writer<Vec<u8>>;

impl<'a> UserPart<'a> {
    pub fn whole(user: &'a User) -> Self {
        let endpoints = user.endpoints.iter().collect();
        Self { entity: user.entity.clone(), state: ElementState::Full, about: Some(user), endpoints, gone: Vec::new() }
    }

    pub fn deleted(entity: &str) -> Self {
        let (endpoints, gone) = (Vec::new(), Vec::new());
        Self { entity: entity.into(), state: ElementState::Deleted, about: None, endpoints, gone }
    }

    fn write(&self, writer: &mut Xml) -> io::Result<()> {
        let entity = clean(&self.entity);
        let user =
            writer.create_element("user").with_attributes([("entity", &*entity), ("state", self.state.as_str())]);
        if self.state == ElementState::Deleted {
            user.write_empty()?;
            return Ok(());
        }
        user.write_inner_content(|writer| {
            if let Some(user) = self.about {
                text(writer, "display-text", &user.display_text)?;
                nested(writer, "roles", |writer| text(writer, "entry", role_of(user.role)))?;
            }
            self.endpoints.iter().try_for_each(|endpoint| write_endpoint(writer, endpoint))?;
            for gone in &self.gone {
                let gone = clean(gone);
                writer
                    .create_element("endpoint")
                    .with_attributes([("entity", &*gone), ("state", ElementState::Deleted.as_str())])
                    .write_empty()?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

fn write_description(writer: &mut Xml, described: &Described) -> io::Result<()> {
    nested(writer, "conference-description", |writer| {
        text(writer, "display-text", &described.title)?;
        nested(writer, "conf-uris", |writer| {
            [&described.entity].into_iter().chain(&described.dial_in).try_for_each(|uri| {
                nested(writer, "entry", |writer| {
                    text(writer, "uri", uri)?;
                    text(writer, "purpose", "participation")
                })
            })
        })?;
        text(writer, "maximum-user-count", &described.maximum_user_count.to_string())
    })
}

fn write_status(writer: &mut Xml, status: &ConferenceState) -> io::Result<()> {
    nested(writer, "conference-state", |writer| {
        text(writer, "user-count", &status.user_count.to_string())?;
        text(writer, "active", &status.active.to_string())?;
        text(writer, "locked", &status.locked.to_string())
    })
}

fn write_endpoint(writer: &mut Xml, endpoint: &Endpoint) -> io::Result<()> {
    let entity = clean(&endpoint.entity);
    let element = writer.create_element("endpoint").with_attribute(("entity", &*entity));
    element.write_inner_content(|writer| {
        if let Some(by) = &endpoint.referred_by {
            nested(writer, "referred", |writer| text(writer, "by", by))?;
        }
        text(writer, "status", endpoint.status)?;
        text(writer, "joining-method", endpoint.joining_method)?;
        if let Some(when) = endpoint.joined_at {
            nested(writer, "joining-info", |writer| text(writer, "when", &date_time(when)))?;
        }
        if let Some(ended) = &endpoint.ended {
            text(writer, "disconnection-method", ended.method)?;
            if let Some(status) = ended.status {
                let reason = format!("SIP;cause={status}");
                nested(writer, "disconnection-info", |writer| text(writer, "reason", &reason))?;
            }
        }
        if let Some(status) = endpoint.audio {
            let media = writer.create_element("media").with_attribute(("id", "1"));
            media.write_inner_content(|writer| {
                text(writer, "type", "audio")?;
                if let Some(label) = &endpoint.stream.label {
                    text(writer, "label", label)?;
                }
                if let Some(source) = endpoint.stream.source {
                    text(writer, "src-id", &source.to_string())?;
                }
                text(writer, "status", status)
            })?;
        }
        Ok(())
    })?;
    Ok(())
}

fn nested(writer: &mut Xml, name: &str, inner: impl FnOnce(&mut Xml) -> io::Result<()>) -> io::Result<()> {
    writer.create_element(name).write_inner_content(inner)?;
    Ok(())
}

fn text(writer: &mut Xml, name: &str, content: &str) -> io::Result<()> {
    writer.create_element(name).write_text_content(BytesText::new(&clean(content)))?;
    Ok(())
}

/// Without the characters that XML 1.0 §2.2 has no way to write.
fn clean(text: &str) -> String {
    let allowed = |c: &char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().filter(allowed).collect()
}

/// Whole seconds, UTC.
fn date_time(when: OffsetDateTime) -> String {
    let when = when.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).unwrap_or(when);
    when.format(&Rfc3339).unwrap_or_default()
}

/// §5.6.3 leaves the words free; these are its examples where they fit.
fn role_of(role: Role) -> &'static str {
    match role {
        Role::Owner | Role::Admin => "administrator",
        Role::Chair => "moderator",
        Role::Member | Role::Participant => "participant",
    }
}

impl ElementState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::Deleted => "deleted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::difference::difference;
    use super::super::view::testing::*;
    use super::*;
    use crate::conference::roster::{Cause, ParticipantState};

    #[test]
    fn a_full_document_in_the_order_of_the_schema() {
        let mut alice = person("p1", "alice");
        alice.role = Role::Chair;
        let view = View::of(described(), Some(&roster(vec![alice])), None);
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <conference-info xmlns=\"urn:ietf:params:xml:ns:conference-info\" entity=\"sip:3001@example.org\" \
            state=\"full\" version=\"1\">\
            <conference-description><display-text>Monday</display-text>\
            <conf-uris><entry><uri>sip:3001@example.org</uri><purpose>participation</purpose></entry>\
            <entry><uri>tel:+39055123</uri><purpose>participation</purpose></entry></conf-uris>\
            <maximum-user-count>10</maximum-user-count></conference-description>\
            <conference-state><user-count>1</user-count><active>true</active><locked>false</locked></conference-state>\
            <users state=\"full\"><user entity=\"sip:alice@example.org\" state=\"full\">\
            <display-text>alice</display-text><roles><entry>moderator</entry></roles>\
            <endpoint entity=\"p1\"><status>connected</status><joining-method>dialed-in</joining-method>\
            <joining-info><when>1970-01-01T00:00:00Z</when></joining-info>\
            <media id=\"1\"><type>audio</type><label>a7</label><src-id>305419896</src-id><status>sendrecv</status></media></endpoint></user></users>\
            </conference-info>";
        assert_eq!(Part::full(&view).document("sip:3001@example.org", 1), expected);
    }

    #[test]
    fn names_cannot_break_out_of_the_document() {
        let mut mallory = person("p1", "x");
        mallory.name = "</display-text><&\"'\u{0}\u{1b}\u{ffff}\u{1f600}".into();
        mallory.address = "sip:a\"b<c&d@example.org".into();
        let view = View::of(described(), Some(&roster(vec![mallory])), None);
        let document = Part::full(&view).document("sip:3001@example.org", 1);
        assert!(
            document.contains("<display-text>&lt;/display-text&gt;&lt;&amp;&quot;&apos;\u{1f600}</display-text>"),
            "{document}"
        );
        assert!(document.contains("entity=\"sip:a&quot;b&lt;c&amp;d@example.org\""), "{document}");
    }

    #[test]
    fn a_partial_document_says_so_everywhere() {
        let before = View::of(described(), Some(&roster(vec![person("p1", "alice"), person("p2", "bob")])), None);
        let mut alice = person("p1", "alice");
        (alice.state, alice.cause, alice.status) = (ParticipantState::Disconnected, Some(Cause::Busy), Some(486));
        let after = View::of(described(), Some(&roster(vec![alice])), Some(&before));
        let document = difference(&before, &after).expect("a change").document("sip:3001@example.org", 8);
        for piece in [
            "state=\"partial\" version=\"8\">",
            "<users state=\"partial\"><user entity=\"sip:alice@example.org\" state=\"partial\"><endpoint entity=\"p1\">",
            "<status>disconnected</status>",
            "<disconnection-method>busy</disconnection-method>\
             <disconnection-info><reason>SIP;cause=486</reason></disconnection-info>",
            "<user entity=\"sip:bob@example.org\" state=\"deleted\"/>",
            "<user-count>0</user-count>",
        ] {
            assert!(document.contains(piece), "{piece} in {document}");
        }
        assert!(!document.contains("conference-description"), "{document}");
    }
}
