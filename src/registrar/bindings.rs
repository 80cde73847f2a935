//! The bindings of every address-of-record: RFC 3261 §10.3 steps 6 to 8, RFC 5626 §6, RFC 3327 §5.3.
//!
//! A REGISTER changes all it asks for or nothing. Every change comes out for the store in the order it was made.
//! Time is the wall clock in seconds, since bindings outlive the process.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use plenary_sip::message::{Contacts, NameAddr, SipUri, Uri};
use plenary_sip::net_types::{FlowId, Source};

use super::binding::Binding;
use super::gruu::{Gruu, GruuError, Gruus};
use super::index::Index;
use super::moved::{LostFlows, MovedFlow};
use crate::store::BindingChange;

/// What one account may ask for; seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub min_expires: u32,
    /// Also granted where no time is asked for.
    pub max_expires: u32,
    /// Bindings of one address-of-record.
    pub max_bindings: usize,
    /// Seconds between signs of life on the connection of an outbound binding (Flow-Timer, RFC 5626 §4.4).
    pub flow_timer: u32,
    /// The same where the flow is one of datagrams: a NAT forgets it sooner than a connection.
    pub flow_timer_udp: u32,
}

/// A REGISTER whose sender is known.
#[derive(Clone, Debug)]
pub struct Wish {
    pub contacts: Contacts,
    /// The Expires header.
    pub expires: Option<u32>,
    pub call_id: String,
    pub cseq: u32,
    pub path: Vec<NameAddr>,
    /// The phone knows RFC 5626, and nothing stands between that does not.
    pub outbound: bool,
    pub user_agent: String,
    pub source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{asked} s is too brief, at least {min_expires} s")]
    TooBrief { asked: u32, min_expires: u32 }, // 423
    #[error("* is only for Expires: 0")]
    StarThatStays, // 400
    #[error("{uri} is no address that a call can be sent to")]
    Unreachable { uri: String }, // 400
    #[error("CSeq {cseq} is not above {known} of the same Call-ID")]
    OutOfOrder { cseq: u32, known: u32 }, // 500
    #[error("{asked} contacts at once, at most {max_bindings}")]
    TooMany { asked: usize, max_bindings: usize }, // 403
}

#[derive(Debug)]
pub struct Bindings {
    limits: Limits,
    /// Per address-of-record, the oldest first.
    bound: BTreeMap<Arc<str>, Vec<Binding>>,
    index: Index,
    gruus: Gruus,
    count: usize,
    changes: VecDeque<BindingChange>,
    lost: LostFlows,
    moved: VecDeque<MovedFlow>,
}

impl Bindings {
    pub fn new(limits: Limits, gruus: Gruus) -> Self {
        let (bound, index, changes) = (BTreeMap::new(), Index::default(), VecDeque::new());
        let (lost, moved) = (LostFlows::default(), VecDeque::new());
        Self { limits, bound, index, gruus, count: 0, changes, lost, moved }
    }

    /// Takes back what an earlier run left; the dead are dropped.
    pub fn restore(&mut self, aor: &str, binding: Binding, now: i64) {
        if binding.expires_at <= now || binding.target().is_none() {
            self.changes.push_back(BindingChange::Remove { aor: aor.into(), binding: binding.key });
        } else {
            let mut bindings = self.take(aor);
            bindings.push(self.marked(aor, binding));
            self.put(aor, bindings);
        }
    }

    /// All bindings of the address-of-record once the wish is done; whether RFC 5626 was applied.
    pub fn handle_register(&mut self, aor: &str, wish: &Wish, now: i64) -> Result<bool, Refusal> {
        self.handle_timeout(now);
        let wanted = match &wish.contacts {
            Contacts::Star => self.refuse_star(aor, wish).map(|()| Vec::new())?,
            Contacts::List(contacts) => self.read(aor, contacts, wish, now)?,
        };
        // Nothing is refused from here on.
        let mut bindings = self.take(aor);
        let gone = match wish.contacts {
            Contacts::Star => std::mem::take(&mut bindings),
            Contacts::List(_) => self.apply(&mut bindings, wanted, now),
        };
        self.note_moved(aor, &gone, bindings.iter().filter(|binding| binding.is_of(wish)));
        let outbound = bindings.iter().any(|binding| binding.is_outbound() && binding.is_of(wish));
        let stays = |key: &str| bindings.iter().any(|binding| binding.key == key);
        let gone = gone.into_iter().filter(|gone| !stays(&gone.key));
        self.changes.extend(gone.map(|gone| BindingChange::Remove { aor: aor.into(), binding: gone.key }));
        let new = bindings.iter().filter(|binding| binding.is_of(wish));
        self.changes.extend(new.map(|binding| BindingChange::Put(binding.stored(aor))));
        self.put(aor, bindings);
        Ok(outbound)
    }

    /// The connection is gone. What lived by it goes too; what also had an address stays.
    pub fn handle_flow_closed(&mut self, flow: FlowId) {
        for aor in self.index.of_flow(flow) {
            self.note_lost(&aor, |binding| binding.is_over(flow));
            self.keep(&aor, |binding| !(binding.is_over(flow) && binding.lives_by_its_flow()));
            let mut bindings = self.take(&aor);
            bindings.iter_mut().filter(|binding| binding.is_over(flow)).for_each(|binding| binding.flow = None);
            self.put(&aor, bindings);
        }
    }

    /// A phone that registered by datagrams has not shown itself as often as it was told to (RFC 5626 §4.4).
    pub fn handle_flow_silent(&mut self, flow: FlowId, remote: SocketAddr) {
        for aor in self.index.of_datagrams(flow, remote) {
            self.note_lost(&aor, |binding| binding.is_over(flow) && binding.remote == remote);
            self.keep(&aor, |binding| !(binding.is_outbound() && binding.is_over(flow) && binding.remote == remote));
        }
    }

    /// The account is gone.
    pub fn handle_removal(&mut self, aor: &str) {
        if !self.take(aor).is_empty() {
            self.changes.push_back(BindingChange::RemoveAll { aor: aor.into() });
        }
    }

    pub fn handle_timeout(&mut self, now: i64) {
        while let Some(aor) = self.index.first_until(now) {
            self.keep(&aor, |binding| binding.expires_at > now);
        }
    }

    /// What the store must be told, in order.
    pub fn poll_output(&mut self) -> Option<BindingChange> {
        self.changes.pop_front()
    }

    /// A phone that is at the end of another flow now.
    pub fn poll_moved(&mut self) -> Option<MovedFlow> {
        self.moved.pop_front()
    }

    /// When the next binding expires.
    pub fn poll_timeout(&self) -> Option<i64> {
        self.index.first()
    }

    pub fn of(&self, aor: &str) -> &[Binding] {
        self.bound.get(aor).map_or(&[], Vec::as_slice)
    }

    /// The phone that a GRUU names, by its newest binding.
    pub fn of_gruu(&self, uri: &SipUri) -> Result<(&str, &Binding), GruuError> {
        match self.gruus.read(uri).ok_or(GruuError::Invalid)? {
            Gruu::Public { account, instance } => {
                let (aor, bindings) = self.bound.get_key_value(&*account).ok_or(GruuError::Unregistered)?;
                let is_it = |binding: &&Binding| binding.instance.as_deref() == Some(&*instance);
                bindings.iter().rfind(is_it).map(|binding| (&**aor, binding)).ok_or(GruuError::Unregistered)
            }
            Gruu::Temporary(mark) => {
                let aor = self.index.of_mark(mark).ok_or(GruuError::Invalid)?;
                let binding = self.of(aor).iter().rfind(|binding| binding.mark == Some(mark));
                binding.map(|binding| (&**aor, binding)).ok_or(GruuError::Invalid)
            }
        }
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub fn gruus(&self) -> &Gruus {
        &self.gruus
    }

    /// Number of all bindings.
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn refuse_star(&self, aor: &str, wish: &Wish) -> Result<(), Refusal> {
        if wish.expires != Some(0) {
            return Err(Refusal::StarThatStays);
        }
        self.of(aor).iter().try_for_each(|binding| wish.comes_after(binding))
    }

    /// The bindings asked for; one that is to go expires now.
    fn read(&self, aor: &str, contacts: &[NameAddr], wish: &Wish, now: i64) -> Result<Vec<Binding>, Refusal> {
        let max_bindings = self.limits.max_bindings;
        if contacts.len() > max_bindings {
            return Err(Refusal::TooMany { asked: contacts.len(), max_bindings });
        }
        let read = |contact: &NameAddr| {
            let expires = self.granted(contact.expires().or(wish.expires))?;
            let new = wish.binding(contact, now + i64::from(expires))?;
            let known = self.of(aor).iter().find(|known| new.replaces(known));
            known.map_or(Ok(()), |known| wish.comes_after(known))?;
            Ok(self.marked(aor, new))
        };
        contacts.iter().map(read).collect()
    }

    /// Gives those that went.
    fn apply(&self, bindings: &mut Vec<Binding>, wanted: Vec<Binding>, now: i64) -> Vec<Binding> {
        let mut gone = Vec::new();
        for new in wanted {
            let known = bindings.iter().position(|known| new.replaces(known));
            gone.extend(known.map(|at| bindings.remove(at)));
            if new.expires_at > now {
                bindings.push(new);
            }
        }
        // Phones that take a new port at every start would lock their account out if the newest were refused.
        let too_many = bindings.len().saturating_sub(self.limits.max_bindings);
        gone.extend(bindings.drain(..too_many));
        gone
    }

    fn granted(&self, asked: Option<u32>) -> Result<u32, Refusal> {
        let Limits { min_expires, max_expires, .. } = self.limits;
        match asked {
            Some(asked) if 0 < asked && asked < min_expires => Err(Refusal::TooBrief { asked, min_expires }),
            asked => Ok(asked.unwrap_or(max_expires).min(max_expires)),
        }
    }

    /// `gone`: what the `new` ones replaced, among others.
    fn note_moved<'a>(&mut self, aor: &str, gone: &[Binding], new: impl Iterator<Item = &'a Binding>) {
        for new in new.filter(|new| new.is_outbound()) {
            let replaced = gone.iter().find(|gone| gone.key == new.key).and_then(|gone| gone.flow);
            let lost = self.lost.take(aor, &new.key);
            if let (Some(from), Some(to)) = (replaced.or(lost), new.flow)
                && (from.flow, from.remote) != (to.flow, to.remote)
            {
                self.moved.push_back(MovedFlow { account: aor.to_owned(), from, to });
            }
        }
    }

    fn note_lost(&mut self, aor: &str, is_lost: impl Fn(&Binding) -> bool) {
        let bound = self.bound.get(aor).map_or(&[][..], Vec::as_slice);
        for lost in bound.iter().filter(|binding| binding.is_outbound() && is_lost(binding)) {
            lost.flow.into_iter().for_each(|flow| self.lost.insert(aor, &lost.key, flow));
        }
    }

    fn keep(&mut self, aor: &str, stays: impl Fn(&Binding) -> bool) {
        let (kept, gone): (Vec<_>, Vec<_>) = self.take(aor).into_iter().partition(stays);
        self.changes.extend(gone.into_iter().map(|gone| BindingChange::Remove { aor: aor.into(), binding: gone.key }));
        self.put(aor, kept);
    }

    fn marked(&self, aor: &str, binding: Binding) -> Binding {
        let mark = binding.instance.as_deref().map(|instance| self.gruus.mark(aor, instance, &binding.call_id));
        Binding { mark, ..binding }
    }

    fn take(&mut self, aor: &str) -> Vec<Binding> {
        let Some((aor, bindings)) = self.bound.remove_entry(aor) else { return Vec::new() };
        self.count -= bindings.len();
        self.index.forget(&aor, &bindings);
        bindings
    }

    fn put(&mut self, aor: &str, bindings: Vec<Binding>) {
        if !bindings.is_empty() {
            let aor = Arc::<str>::from(aor);
            self.count += bindings.len();
            self.index.note(&aor, &bindings);
            self.bound.insert(aor, bindings);
        }
    }
}

impl Wish {
    /// RFC 3261 §10.3 step 7: of the same Call-ID, only a higher CSeq changes a binding.
    fn comes_after(&self, known: &Binding) -> Result<(), Refusal> {
        if known.call_id == self.call_id && self.cseq <= known.cseq {
            return Err(Refusal::OutOfOrder { cseq: self.cseq, known: known.cseq });
        }
        Ok(())
    }

    fn binding(&self, contact: &NameAddr, expires_at: i64) -> Result<Binding, Refusal> {
        let Uri::Sip(_) = &contact.uri else {
            return Err(Refusal::Unreachable { uri: contact.uri.to_string() });
        };
        let instance = contact.params.value("+sip.instance").map(str::to_owned);
        // RFC 5626 §6: a reg-id without instance, or from a phone that does not ask for outbound, says nothing.
        let reg_id = contact.params.value("reg-id").and_then(|id| id.parse().ok());
        let reg_id = reg_id.filter(|_| self.outbound && instance.is_some());
        let key = match (&instance, reg_id) {
            (Some(instance), Some(reg_id)) => format!("{instance};reg-id={reg_id}"),
            _ => contact.uri.to_string(),
        };
        Ok(Binding {
            key,
            contact: without_gruus(contact),
            call_id: self.call_id.clone(),
            cseq: self.cseq,
            expires_at,
            user_agent: self.user_agent.clone(),
            path: self.path.clone(),
            instance,
            reg_id,
            transport: self.source.transport,
            remote: self.source.remote,
            mark: None,
            flow: Some(self.source),
        })
    }
}

impl Binding {
    fn is_of(&self, wish: &Wish) -> bool {
        self.call_id == wish.call_id && self.cseq == wish.cseq
    }

    /// RFC 5626 §6: by instance and reg-id; else by comparing URIs (RFC 3261 §19.1.4).
    fn replaces(&self, known: &Binding) -> bool {
        match self.is_outbound() {
            true => self.key == known.key,
            false => self.contact.uri.equivalent(&known.contact.uri),
        }
    }
}

/// What a phone says of its GRUUs is not believed: RFC 5627 §5.1.
fn without_gruus(contact: &NameAddr) -> NameAddr {
    let mut contact = contact.clone();
    ["pub-gruu", "temp-gruu"].iter().for_each(|name| contact.params.remove(name));
    contact
}

#[cfg(test)]
mod tests;
