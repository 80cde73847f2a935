//! The bindings of every address-of-record: RFC 3261 §10.3 steps 6 to 8, RFC 5626 §6, RFC 3327 §5.3.
//!
//! A REGISTER changes all it asks for or nothing. Every change comes out for the store in the order it was made.
//! Time is the wall clock in seconds, since bindings outlive the process.

use std::collections::{BTreeMap, VecDeque};

use plenary_sip::message::{Contacts, NameAddr, Uri};
use plenary_sip::net_types::{FlowId, Source};

use super::binding::Binding;
use crate::store::BindingChange;

/// What one account may ask for; seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub min_expires: u32,
    /// Also granted where no time is asked for.
    pub max_expires: u32,
    /// Bindings of one address-of-record.
    pub max_bindings: usize,
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
    bound: BTreeMap<String, Vec<Binding>>,
    /// Nothing expires before this; a binding that was refreshed since may make it too early.
    due: Option<i64>,
    changes: VecDeque<BindingChange>,
}

impl Bindings {
    pub fn new(limits: Limits) -> Self {
        Self { limits, bound: BTreeMap::new(), due: None, changes: VecDeque::new() }
    }

    /// Takes back what an earlier run left; the dead are dropped.
    pub fn restore(&mut self, aor: &str, binding: Binding, now: i64) {
        if binding.expires_at <= now || binding.target().is_none() {
            self.changes.push_back(BindingChange::Remove { aor: aor.into(), binding: binding.key });
        } else {
            self.look_at(binding.expires_at);
            self.bound.entry(aor.into()).or_default().push(binding);
        }
    }

    /// All bindings of the address-of-record once the wish is done; whether RFC 5626 was applied.
    pub fn handle_register(&mut self, aor: &str, wish: &Wish, now: i64) -> Result<bool, Refusal> {
        self.handle_timeout(now);
        let before = self.of(aor).to_vec();
        let after = match &wish.contacts {
            Contacts::Star => self.without_all(&before, wish)?,
            Contacts::List(contacts) => self.with(before.clone(), contacts, wish, now)?,
        };
        let outbound = after.iter().any(|binding| binding.is_outbound() && binding.is_over(wish.source.flow));
        self.commit(aor, &before, after);
        Ok(outbound && wish.outbound)
    }

    /// The connection is gone. What lived by it goes too; what also had an address stays.
    pub fn handle_flow_closed(&mut self, flow: FlowId) {
        self.retain_all(|binding| !(binding.is_over(flow) && binding.lives_by_its_flow()));
        for binding in self.bound.values_mut().flatten().filter(|binding| binding.is_over(flow)) {
            binding.flow = None;
        }
    }

    /// The account is gone.
    pub fn handle_removal(&mut self, aor: &str) {
        if self.bound.remove(aor).is_some() {
            self.changes.push_back(BindingChange::RemoveAll { aor: aor.into() });
        }
    }

    pub fn handle_timeout(&mut self, now: i64) {
        if self.due.is_some_and(|due| due <= now) {
            self.retain_all(|binding| binding.expires_at > now);
            self.due = self.bound.values().flatten().map(|binding| binding.expires_at).min();
        }
    }

    /// What the store must be told, in order.
    pub fn poll_output(&mut self) -> Option<BindingChange> {
        self.changes.pop_front()
    }

    /// When a binding may have expired.
    pub fn poll_timeout(&self) -> Option<i64> {
        self.due
    }

    pub fn of(&self, aor: &str) -> &[Binding] {
        self.bound.get(aor).map_or(&[], Vec::as_slice)
    }

    /// Number of all bindings.
    pub fn len(&self) -> usize {
        self.bound.values().map(Vec::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.bound.is_empty()
    }

    fn without_all(&self, before: &[Binding], wish: &Wish) -> Result<Vec<Binding>, Refusal> {
        if wish.expires != Some(0) {
            return Err(Refusal::StarThatStays);
        }
        before.iter().try_for_each(|binding| wish.comes_after(binding))?;
        Ok(Vec::new())
    }

    fn with(
        &self,
        mut bindings: Vec<Binding>,
        contacts: &[NameAddr],
        wish: &Wish,
        now: i64,
    ) -> Result<Vec<Binding>, Refusal> {
        let max_bindings = self.limits.max_bindings;
        if contacts.len() > max_bindings {
            return Err(Refusal::TooMany { asked: contacts.len(), max_bindings });
        }
        for contact in contacts {
            let new = wish.binding(contact, now)?;
            let expires = self.granted(contact.expires().or(wish.expires))?;
            let known = bindings.iter().position(|known| new.replaces(known));
            if let Some(known) = known.map(|at| bindings.remove(at)) {
                wish.comes_after(&known)?;
            }
            if expires > 0 {
                bindings.push(Binding { expires_at: now + i64::from(expires), ..new });
            }
        }
        // Phones that take a new port at every start would lock their account out if the newest were refused.
        let too_many = bindings.len().saturating_sub(max_bindings);
        Ok(bindings.split_off(too_many))
    }

    fn granted(&self, asked: Option<u32>) -> Result<u32, Refusal> {
        let Limits { min_expires, max_expires, .. } = self.limits;
        match asked {
            Some(asked) if 0 < asked && asked < min_expires => Err(Refusal::TooBrief { asked, min_expires }),
            asked => Ok(asked.unwrap_or(max_expires).min(max_expires)),
        }
    }

    fn commit(&mut self, aor: &str, before: &[Binding], after: Vec<Binding>) {
        for gone in before.iter().filter(|known| after.iter().all(|binding| binding.key != known.key)) {
            self.changes.push_back(BindingChange::Remove { aor: aor.into(), binding: gone.key.clone() });
        }
        for binding in after.iter().filter(|binding| !before.contains(binding)) {
            self.look_at(binding.expires_at);
            self.changes.push_back(BindingChange::Put(binding.stored(aor)));
        }
        if after.is_empty() {
            self.bound.remove(aor);
        } else {
            self.bound.insert(aor.into(), after);
        }
    }

    fn look_at(&mut self, expires_at: i64) {
        self.due = Some(self.due.map_or(expires_at, |due| due.min(expires_at)));
    }

    fn retain_all(&mut self, stays: impl Fn(&Binding) -> bool) {
        for (aor, bindings) in &mut self.bound {
            bindings.retain(|binding| {
                let stays = stays(binding);
                if !stays {
                    let change = BindingChange::Remove { aor: aor.clone(), binding: binding.key.clone() };
                    self.changes.push_back(change);
                }
                stays
            });
        }
        self.bound.retain(|_, bindings| !bindings.is_empty());
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

    fn binding(&self, contact: &NameAddr, now: i64) -> Result<Binding, Refusal> {
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
            contact: contact.clone(),
            call_id: self.call_id.clone(),
            cseq: self.cseq,
            expires_at: now,
            user_agent: self.user_agent.clone(),
            path: self.path.clone(),
            instance,
            reg_id,
            transport: self.source.transport,
            remote: self.source.remote,
            flow: Some(self.source),
        })
    }
}

impl Binding {
    /// RFC 5626 §6: by instance and reg-id; else by comparing URIs (RFC 3261 §19.1.4).
    fn replaces(&self, known: &Binding) -> bool {
        match self.is_outbound() {
            true => self.key == known.key,
            false => self.contact.uri.equivalent(&known.contact.uri),
        }
    }
}

#[cfg(test)]
mod tests {
    use plenary_sip::net_types::Transport;

    use super::*;

    const LIMITS: Limits = Limits { min_expires: 60, max_expires: 3600, max_bindings: 3 };
    const START: i64 = 1_000_000;

    struct Phone {
        wish: Wish,
    }

    impl Phone {
        fn over(transport: Transport, flow: u64) -> Self {
            let source = Source {
                transport,
                local: "192.0.2.1:5060".parse().expect("an address"),
                remote: "198.51.100.7:4711".parse().expect("an address"),
                flow: FlowId(flow),
            };
            Self {
                wish: Wish {
                    contacts: Contacts::List(Vec::new()),
                    expires: None,
                    call_id: "a".into(),
                    cseq: 1,
                    path: Vec::new(),
                    outbound: true,
                    user_agent: "Phone/1".into(),
                    source,
                },
            }
        }

        fn with(&self, contacts: &[&str], cseq: u32, expires: Option<u32>) -> Wish {
            let contacts = match contacts {
                ["*"] => Contacts::Star,
                list => Contacts::List(list.iter().map(|text| text.parse().expect("a contact")).collect()),
            };
            Wish { contacts, cseq, expires, ..self.wish.clone() }
        }
    }

    fn udp() -> Phone {
        Phone::over(Transport::Udp, 1)
    }

    fn contacts(bindings: &Bindings) -> Vec<String> {
        bindings.of("alice").iter().map(|binding| binding.contact.uri.to_string()).collect()
    }

    fn changes(bindings: &mut Bindings) -> Vec<String> {
        let show = |change| match change {
            BindingChange::Put(binding) => format!("+{}", binding.binding),
            BindingChange::Remove { binding, .. } => format!("-{binding}"),
            BindingChange::RemoveAll { .. } => "-*".into(),
        };
        std::iter::from_fn(|| bindings.poll_output()).map(show).collect()
    }

    #[test]
    fn several_contacts_stand_side_by_side_until_they_expire() {
        let mut bindings = Bindings::new(LIMITS);
        bindings.handle_register("alice", &udp().with(&["<sip:a@h>;expires=100"], 1, Some(200)), START).expect("good");
        bindings.handle_register("alice", &udp().with(&["<sip:b@h>"], 2, Some(200)), START).expect("good");
        assert_eq!(contacts(&bindings), ["sip:a@h", "sip:b@h"]);
        assert_eq!(bindings.poll_timeout(), Some(START + 100));
        bindings.handle_timeout(START + 100);
        assert_eq!(contacts(&bindings), ["sip:b@h"]);
        assert_eq!(changes(&mut bindings), ["+sip:a@h", "+sip:b@h", "-sip:a@h"]);
    }

    #[test]
    fn an_equivalent_contact_is_the_same_binding() {
        let mut bindings = Bindings::new(LIMITS);
        bindings.handle_register("alice", &udp().with(&["<sip:a@Host;transport=udp>"], 1, None), START).expect("good");
        bindings
            .handle_register("alice", &udp().with(&["<sip:%61@host;transport=UDP>"], 2, None), START)
            .expect("good");
        assert_eq!(contacts(&bindings), ["sip:%61@host;transport=UDP"]);
        bindings
            .handle_register("alice", &udp().with(&["<sip:a@host;transport=udp>"], 3, Some(0)), START)
            .expect("good");
        assert!(bindings.is_empty());
    }

    #[test]
    fn a_time_too_brief_or_too_long() {
        let mut bindings = Bindings::new(LIMITS);
        let refused = bindings.handle_register("alice", &udp().with(&["<sip:a@h>;expires=1"], 1, None), START);
        assert_eq!(refused, Err(Refusal::TooBrief { asked: 1, min_expires: 60 }));
        bindings.handle_register("alice", &udp().with(&["<sip:a@h>"], 1, Some(99_999)), START).expect("good");
        assert_eq!(bindings.poll_timeout(), Some(START + 3600));
    }

    #[test]
    fn a_star_removes_all_and_only_with_expires_zero() {
        let mut bindings = Bindings::new(LIMITS);
        bindings.handle_register("alice", &udp().with(&["<sip:a@h>", "<sip:b@h>"], 1, None), START).expect("good");
        for expires in [None, Some(60)] {
            let refused = bindings.handle_register("alice", &udp().with(&["*"], 2, expires), START);
            assert_eq!(refused, Err(Refusal::StarThatStays));
        }
        let late = bindings.handle_register("alice", &udp().with(&["*"], 1, Some(0)), START);
        assert_eq!(late, Err(Refusal::OutOfOrder { cseq: 1, known: 1 }));
        assert_eq!(bindings.len(), 2);
        bindings.handle_register("alice", &udp().with(&["*"], 2, Some(0)), START).expect("good");
        assert!(bindings.is_empty());
    }

    #[test]
    fn an_old_cseq_changes_nothing_not_even_the_other_contacts() {
        let mut bindings = Bindings::new(LIMITS);
        bindings.handle_register("alice", &udp().with(&["<sip:a@h>"], 5, None), START).expect("good");
        changes(&mut bindings);
        let late =
            bindings.handle_register("alice", &udp().with(&["<sip:b@h>", "<sip:a@h>;expires=0"], 5, None), START);
        assert_eq!(late, Err(Refusal::OutOfOrder { cseq: 5, known: 5 }));
        assert_eq!(contacts(&bindings), ["sip:a@h"]);
        assert!(changes(&mut bindings).is_empty());
        let other_call = Wish { call_id: "b".into(), ..udp().with(&["<sip:a@h>;expires=0"], 1, None) };
        bindings.handle_register("alice", &other_call, START).expect("another Call-ID counts anew");
        assert!(bindings.is_empty());
    }

    #[test]
    fn the_oldest_gives_way_when_there_are_too_many() {
        let mut bindings = Bindings::new(LIMITS);
        for (cseq, contact) in (1..).zip(["<sip:a@h>", "<sip:b@h>", "<sip:c@h>", "<sip:d@h>"]) {
            bindings.handle_register("alice", &udp().with(&[contact], cseq, None), START).expect("good");
        }
        assert_eq!(contacts(&bindings), ["sip:b@h", "sip:c@h", "sip:d@h"]);
        let flood = ["<sip:1@h>", "<sip:2@h>", "<sip:3@h>", "<sip:4@h>"];
        let refused = bindings.handle_register("alice", &udp().with(&flood, 9, None), START);
        assert_eq!(refused, Err(Refusal::TooMany { asked: 4, max_bindings: 3 }));
    }

    /// RFC 5626 §6.
    #[test]
    fn a_new_flow_with_the_same_reg_id_replaces_the_old_one() {
        let mut bindings = Bindings::new(LIMITS);
        let contact = |host: &str, reg_id: u32| {
            format!("<sip:x@{host}.invalid;transport=ws>;+sip.instance=\"<urn:uuid:1>\";reg-id={reg_id}")
        };
        let mut register = |flow: u64, contact: String| {
            let phone = Phone::over(Transport::Wss, flow);
            let wish = Wish { call_id: flow.to_string(), ..phone.with(&[&contact], 1, None) };
            bindings.handle_register("alice", &wish, START).expect("good")
        };
        assert!(register(1, contact("a", 1)));
        assert!(register(2, contact("b", 2)));
        assert!(register(3, contact("c", 1)));
        assert_eq!(contacts(&bindings), ["sip:x@b.invalid;transport=ws", "sip:x@c.invalid;transport=ws"]);
        bindings.handle_flow_closed(FlowId(2));
        assert_eq!(contacts(&bindings), ["sip:x@c.invalid;transport=ws"]);
        assert_eq!(changes(&mut bindings).last().map(String::as_str), Some("-<urn:uuid:1>;reg-id=2"));
    }

    #[test]
    fn a_reg_id_alone_says_nothing() {
        let mut bindings = Bindings::new(LIMITS);
        let outbound = bindings.handle_register("alice", &udp().with(&["<sip:a@h>;reg-id=1"], 1, None), START);
        assert_eq!(outbound, Ok(false));
        let unaware = Wish { outbound: false, ..udp().with(&["<sip:a@h>;reg-id=1;+sip.instance=\"<u>\""], 2, None) };
        assert_eq!(bindings.handle_register("alice", &unaware, START), Ok(false));
        assert_eq!(bindings.of("alice")[0].key, "sip:a@h");
    }

    #[test]
    fn a_contact_elsewhere_is_reached_at_its_source_or_not_at_all() {
        let mut bindings = Bindings::new(LIMITS);
        for (flow, transport) in [(1, Transport::Udp), (2, Transport::Tcp), (3, Transport::Wss)] {
            let wish = Phone::over(transport, flow).with(&[&format!("<sip:{flow}@victim.example>")], 1, None);
            bindings.handle_register("alice", &Wish { call_id: flow.to_string(), ..wish }, START).expect("good");
        }
        let flows = |bindings: &Bindings| -> Vec<Option<u64>> {
            let targets = bindings.of("alice").iter().filter_map(Binding::target);
            targets.map(|target| target.flow.map(|source| source.flow.0)).collect()
        };
        assert_eq!(flows(&bindings), [Some(1), Some(2), Some(3)]);

        // After a restart: only the datagrams still find their way, to the address they came from.
        let stored: Vec<_> = bindings.of("alice").iter().map(|binding| binding.stored("alice")).collect();
        let mut again = Bindings::new(LIMITS);
        for stored in stored {
            again.restore("alice", Binding::restored(stored).expect("what was stored is readable"), START + 10);
        }
        assert_eq!(flows(&again), [None]);
        let target = again.of("alice")[0].target().expect("a way");
        assert_eq!(target.path[0].to_string(), "<sip:198.51.100.7:4711;transport=udp;lr>");
        assert_eq!(changes(&mut again), ["-sip:2@victim.example", "-sip:3@victim.example"]);
    }

    #[test]
    fn a_removed_account_leaves_nothing() {
        let mut bindings = Bindings::new(LIMITS);
        bindings.handle_register("alice", &udp().with(&["<sip:a@h>"], 1, None), START).expect("good");
        bindings.handle_removal("alice");
        assert!(bindings.is_empty());
        assert_eq!(changes(&mut bindings), ["+sip:a@h", "-*"]);
    }

    #[test]
    fn only_sip_addresses_are_bound() {
        let refused = Bindings::new(LIMITS).handle_register("alice", &udp().with(&["<tel:+39>"], 1, None), START);
        assert_eq!(refused, Err(Refusal::Unreachable { uri: "tel:+39".into() }));
    }
}
