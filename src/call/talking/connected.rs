//! A leg while it talks: hold and resume, keys, and the ways a call ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plenary_media::RoomId;
use plenary_media::dtmf::{KeyWay, OnceOnly};
use plenary_media::engine::{Breaker, Clip, LegStats, MediaCommand, MediaEvent};
use plenary_media::plan::{AudioCodec, Direction, MediaPlan, SendEvents};
use plenary_media::tone;
use plenary_sip::endpoint::{Body, CallId, Command, Event, OutgoingRefer, OutgoingRequest, ReferNews};
use plenary_sip::message::{Header, HeaderName, Headers, Method, NameAddr, SipUri, StatusCode, Uri};
use tokio::sync::mpsc;
use tracing::{debug, info};

use crate::call::calls::{Calls, MediaLeg};
use crate::call::causes::news_of;
use crate::call::focus_requests::{self, FocusRequest};
use crate::call::negotiate::{NegotiationError, Negotiator};
use crate::call::switchboard::{Inbox, LegInput};
use crate::call::talking::info::Info;
use crate::call::talking::other::{Asked, Owner};
use crate::call::talking::quality::{Measured, QualityWatch};
use crate::conference::{LegCommand, LegLink, LegNews, StopReason};

/// Everything that belongs to one answered call. In a box, because tasks hand it on: each place on its way would have
/// room for all of it.
#[derive(Debug)]
pub struct ConnectedLeg {
    pub call: CallId,
    pub media: MediaLeg,
    negotiator: Negotiator,
    codec: AudioCodec,
    secured: bool,
    /// How the phone is told of keys; absent: by tones.
    events: Option<SendEvents>,
    held: bool,
    watch: QualityWatch,
    keys: OnceOnly,
    /// What our BYE says.
    farewell: Vec<Header>,
    can: Abilities,
}

/// What a phone says that it can, in its INVITE or in its 200.
#[derive(Clone, Copy, Debug)]
struct Abilities {
    refer: bool,
    target_dialog: bool,
}

impl Abilities {
    /// A phone that says nothing of its methods may have any (RFC 3261 §20.5).
    fn of(headers: &Headers) -> Self {
        let lists = |name, what| headers.values(&name).iter().any(|value| value.trim().eq_ignore_ascii_case(what));
        let refer = !headers.contains(&HeaderName::Allow) || lists(HeaderName::Allow, "REFER");
        Self { refer, target_dialog: lists(HeaderName::Supported, "tdialog") }
    }
}

impl ConnectedLeg {
    /// `said`: the headers of the phone's INVITE, or of its 200.
    pub fn new(call: CallId, media: MediaLeg, negotiator: Negotiator, plan: &MediaPlan, said: &Headers) -> Box<Self> {
        let MediaPlan { audio } = plan;
        let (codec, secured, events) = (audio.send.codec, audio.security.is_secured(), audio.send_events);
        let held = is_held(plan);
        let (watch, keys, farewell) = (QualityWatch::default(), OnceOnly::default(), Vec::new());
        let can = Abilities::of(said);
        Box::new(Self { call, media, negotiator, codec, secured, events, held, watch, keys, farewell, can })
    }

    /// With headers for our BYE.
    pub fn saying(mut self: Box<Self>, farewell: Vec<Header>) -> Box<Self> {
        self.farewell = farewell;
        self
    }

    /// With the reason of the other side; where it gave none, with its own.
    pub fn hang_up_for(&self, calls: &Calls, reason: Vec<Header>) {
        let headers = if reason.is_empty() { self.farewell.clone() } else { reason };
        calls.sip(Command::Hangup { call: self.call, headers });
    }

    pub fn hang_up(&self, calls: &Calls) {
        calls.sip(Command::Hangup { call: self.call, headers: self.farewell.clone() });
    }

    /// From here on the leg is heard in the room, and the conference knows it.
    pub async fn join(&self, calls: &Calls, room: RoomId, link: &LegLink) {
        calls.media(MediaCommand::Join { leg: self.media.id, room });
        let (codec, secured) = (self.codec.name(), self.secured);
        info!(participant = %link.participant(), codec, secured, "joined");
        link.joined(self.media.id).await;
        link.tell(LegNews::Labelled(self.media.label())).await;
        link.tell(LegNews::Connected { codec: codec.to_owned(), secured }).await;
        if self.held {
            link.tell(LegNews::Held).await;
        }
        if !self.can.refer {
            link.tell(LegNews::TakesNoRefer).await;
        }
    }

    /// Lives until the call ends; tells the conference everything on the way, its end last.
    pub async fn talk(
        mut self: Box<Self>,
        calls: &Calls,
        link: &LegLink,
        commands: &mut mpsc::Receiver<LegCommand>,
        inbox: &mut Inbox,
    ) {
        let mut hung_up = false;
        loop {
            tokio::select! {
                input = inbox.recv() => match input {
                    None => return,
                    Some(LegInput::Sip(Event::Ended { call, why })) if call == self.call => {
                        info!(participant = %link.participant(), ?why, "left");
                        return link.tell(news_of(&why)).await;
                    }
                    Some(LegInput::Sip(Event::Request { request, message, source, .. }))
                        if matches!(message.method, Method::Subscribe | Method::Refer) =>
                    {
                        let asked = FocusRequest { request, message, source, within: Some(link.clone()) };
                        tokio::spawn(focus_requests::answer(calls.clone(), asked));
                    }
                    Some(LegInput::Sip(Event::Referred { news, .. })) => {
                        info!(participant = %link.participant(), ?news, "transfer");
                        link.tell(LegNews::Referred(news)).await;
                    }
                    Some(LegInput::Sip(event)) => {
                        if let Some(news) = self.handle_sip(calls, event) {
                            link.tell(news).await;
                        }
                    }
                    Some(LegInput::Media(MediaEvent::Digit { digit, way, .. })) => {
                        if self.is_new(digit, way) {
                            link.tell(LegNews::Key(digit)).await;
                        }
                    }
                    Some(LegInput::Media(MediaEvent::Stats { stats, .. })) => {
                        let measured = self.measure(calls, &stats);
                        if let Some(quality) = self.watch.news(measured, &stats) {
                            link.tell(LegNews::Quality(quality)).await;
                        }
                    }
                    Some(LegInput::Media(MediaEvent::Circuit { open, .. })) => {
                        self.handle_circuit(calls, open);
                        link.tell(LegNews::Stopped(open.map(StopReason::from))).await;
                    }
                    Some(LegInput::Media(MediaEvent::Source { ssrc, .. })) => {
                        link.tell(LegNews::Source(ssrc.0)).await;
                    }
                    Some(LegInput::Media(event)) => {
                        hung_up |= matches!(event, MediaEvent::HandshakeFailed { .. } | MediaEvent::KeyUnusable { .. });
                        self.handle_media(calls, &event);
                    }
                    Some(LegInput::Asked(Asked::Owner { reply })) => {
                        drop(reply.send(Owner::Participant(link.clone()))); // who asked may be gone
                    }
                    Some(LegInput::Asked(_)) => {} // of calls of two
                },
                command = commands.recv(), if !hung_up => {
                    match command {
                        Some(LegCommand::Transfer { to }) => {
                            if let Err(status) = self.refer(calls, &to, link.number()) {
                                link.tell(LegNews::Referred(ReferNews::Refused(status))).await;
                            }
                        }
                        // A conference that is gone wants nobody any more.
                        Some(LegCommand::Hangup) | None => {
                            hung_up = true;
                            self.hang_up(calls);
                        }
                    }
                },
            }
        }
    }

    /// What any call makes of these, whoever it is with: who went dark is asked whether he is there, and who does not
    /// prove to be the one described is hung up on (RFC 5763 §5), as is who has not the key of its description (RFC 8643
    /// §3.2): there is no falling back to what anybody can hear.
    pub(in crate::call) fn handle_media(&mut self, calls: &Calls, event: &MediaEvent) {
        match event {
            MediaEvent::Stats { stats, .. } => drop(self.measure(calls, stats)),
            MediaEvent::Circuit { open, .. } => self.handle_circuit(calls, *open),
            MediaEvent::Silent { .. } => self.ask_whether_there(calls),
            MediaEvent::HandshakeFailed { why, .. } => {
                info!(%why, "no secure media");
                self.hang_up(calls);
            }
            MediaEvent::KeyUnusable { .. } => {
                info!("nothing of the phone's media opens with its key");
                calls.sip(Command::Hangup { call: self.call, headers: vec![reason_no_agreement()] });
            }
            event => debug!(?event, "media event"),
        }
    }

    /// Gives what the last interval was like, counted.
    fn measure(&mut self, calls: &Calls, stats: &LegStats) -> Option<Measured> {
        let measured = self.watch.measure(stats, self.codec);
        measured.iter().for_each(|measured| calls.quality.observe(measured));
        measured
    }

    fn handle_circuit(&self, calls: &Calls, open: Option<Breaker>) {
        match open {
            Some(breaker) => {
                calls.quality.count(breaker);
                info!(reason = breaker.name(), "nothing is sent to the phone any more");
            }
            None => info!("the phone is sent to again"),
        }
    }

    /// A phone that lost its power says no BYE. An OPTIONS in the dialog that is not answered, or answered 481, ends
    /// the call (RFC 3261 §12.2.1.2); one that is shows a phone that is merely quiet.
    fn ask_whether_there(&self, calls: &Calls) {
        let nobody = || NameAddr::new(Uri::Sip(SipUri::new(None, calls.settings.domain_host.clone(), None)));
        let outgoing = Box::new(OutgoingRequest {
            method: Method::Options,
            request_uri: nobody().uri,
            from: nobody(),
            to: nobody(),
            route: Vec::new(),
            flow: None,
            headers: Vec::new(),
            body: None,
        });
        calls.sip(Command::RequestInCall { call: self.call, request: calls.next_request(), outgoing });
    }

    /// Asks the phone to call somebody else, in the conference's name.
    fn refer(&self, calls: &Calls, to: &str, number: &str) -> Result<(), StatusCode> {
        let refer_to = to.parse::<Uri>().map(NameAddr::new).map_err(|_| StatusCode::BAD_REQUEST)?;
        let referred_by = Some(NameAddr::new(calls.address_of(number).into()));
        let refer = Box::new(OutgoingRefer { refer_to, referred_by, knows_target_dialog: self.can.target_dialog });
        calls.sip(Command::Refer { call: self.call, request: calls.next_request(), refer });
        Ok(())
    }

    /// Presses a key for the phone: as an event where it takes events (RFC 4733), else by its tones.
    pub(in crate::call) fn press(&self, calls: &Calls, key: char, duration: Duration) {
        let leg = self.media.id;
        if self.events.is_some() {
            return calls.media(MediaCommand::SendKey { leg, key, duration });
        }
        if let Some(samples) = tone::key(key, duration) {
            calls.media(MediaCommand::Play { leg, clip: Arc::new(Clip { samples }) });
        }
    }

    /// A key that a phone sends in several ways is one press.
    pub(in crate::call) fn is_new(&mut self, key: char, way: KeyWay) -> bool {
        self.keys.handle_press(key, way, Instant::now())
    }

    /// Hold, resume, a new offer, a key by INFO.
    pub fn handle_sip(&mut self, calls: &Calls, event: Event) -> Option<LegNews> {
        match event {
            Event::Offered { call, offer, .. } if call == self.call => {
                let (answer, news) = self.answer(calls, offer);
                calls.sip(Command::AnswerOffer { call, answer });
                news
            }
            // Our 200 to a re-INVITE without offer had one; this is the answer to it.
            Event::ReofferDone { call, outcome: Ok(body) } if call == self.call => self.take_answer(calls, &body),
            Event::Request { request, message, .. } => {
                let Info { status, headers, key } = match message.method {
                    Method::Info => Info::of(&message),
                    _ => Info { status: StatusCode::METHOD_NOT_ALLOWED, headers: Vec::new(), key: None },
                };
                calls.sip(Command::Respond { request, status, headers, body: None });
                key.filter(|key| self.is_new(*key, KeyWay::Info)).map(LegNews::Key)
            }
            event => {
                debug!(?event, "nothing to do");
                None
            }
        }
    }

    fn answer(&mut self, calls: &Calls, offer: Option<Body>) -> (Result<Body, StatusCode>, Option<LegNews>) {
        let Some(offer) = offer else {
            return (self.negotiator.offer().map(Body::sdp).map_err(|error| status_of(&error)), None);
        };
        match self.negotiator.answer(&offer.content) {
            Ok((answer, plan)) => {
                let news = self.follow(calls, plan);
                (Ok(Body::sdp(answer)), news)
            }
            Err(error) => {
                debug!(%error, "offer refused, the session stays as it was");
                (Err(status_of(&error)), None)
            }
        }
    }

    fn take_answer(&mut self, calls: &Calls, answer: &Body) -> Option<LegNews> {
        match self.negotiator.accept_answer(&answer.content) {
            Ok(plan) => self.follow(calls, plan),
            Err(error) => {
                debug!(%error, "answer not usable");
                None
            }
        }
    }

    /// Carries a new plan out; tells when it holds or resumes.
    fn follow(&mut self, calls: &Calls, mut plan: MediaPlan) -> Option<LegNews> {
        let held = is_held(&plan);
        self.events = plan.audio.send_events;
        if held {
            keep_music_out(&mut plan);
        }
        calls.media(MediaCommand::Connect { leg: self.media.id, plan: Box::new(plan) });
        let changed = held != std::mem::replace(&mut self.held, held);
        changed.then_some(if held { LegNews::Held } else { LegNews::Resumed })
    }
}

/// A leg that nobody leads any more is hung up; one that has ended already does not mind.
impl Drop for ConnectedLeg {
    fn drop(&mut self) {
        self.hang_up(self.media.calls());
    }
}

/// Held is who receives nothing from us (RFC 3264 §8.4).
fn is_held(plan: &MediaPlan) -> bool {
    !plan.audio.direction.sends()
}

/// What a phone or a PBX plays into a call that it holds is meant for one waiting listener, not for a conference.
fn keep_music_out(plan: &mut MediaPlan) {
    plan.audio.direction = Direction::Inactive;
}

/// Why a call ends whose offer and answer, or keys, did not come together (RFC 3326).
pub(in crate::call) fn reason_no_agreement() -> Header {
    Header::new(HeaderName::Reason, "SIP;cause=488;text=\"Not Acceptable Here\"")
}

/// The SIP status of a negotiation that failed.
pub(in crate::call) fn status_of(error: &NegotiationError) -> StatusCode {
    StatusCode::new(error.status()).unwrap_or(StatusCode::NOT_ACCEPTABLE_HERE)
}
