use plenary_sip::net_types::Transport;

use super::*;

const LIMITS: Limits =
    Limits { min_expires: 60, max_expires: 3600, max_bindings: 3, flow_timer: 120, flow_timer_udp: 30 };
const START: i64 = 1_000_000;

fn empty() -> Bindings {
    Bindings::new(LIMITS, Gruus::new("example.org".parse().expect("a host"), &[7; 32]))
}

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
    let mut bindings = empty();
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
    let mut bindings = empty();
    bindings.handle_register("alice", &udp().with(&["<sip:a@Host;transport=udp>"], 1, None), START).expect("good");
    bindings.handle_register("alice", &udp().with(&["<sip:%61@host;transport=UDP>"], 2, None), START).expect("good");
    assert_eq!(contacts(&bindings), ["sip:%61@host;transport=UDP"]);
    bindings.handle_register("alice", &udp().with(&["<sip:a@host;transport=udp>"], 3, Some(0)), START).expect("good");
    assert!(bindings.is_empty());
}

#[test]
fn a_time_too_brief_or_too_long() {
    let mut bindings = empty();
    let refused = bindings.handle_register("alice", &udp().with(&["<sip:a@h>;expires=1"], 1, None), START);
    assert_eq!(refused, Err(Refusal::TooBrief { asked: 1, min_expires: 60 }));
    bindings.handle_register("alice", &udp().with(&["<sip:a@h>"], 1, Some(99_999)), START).expect("good");
    assert_eq!(bindings.poll_timeout(), Some(START + 3600));
}

#[test]
fn a_star_removes_all_and_only_with_expires_zero() {
    let mut bindings = empty();
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
    let mut bindings = empty();
    bindings.handle_register("alice", &udp().with(&["<sip:a@h>"], 5, None), START).expect("good");
    changes(&mut bindings);
    let late = bindings.handle_register("alice", &udp().with(&["<sip:b@h>", "<sip:a@h>;expires=0"], 5, None), START);
    assert_eq!(late, Err(Refusal::OutOfOrder { cseq: 5, known: 5 }));
    assert_eq!(contacts(&bindings), ["sip:a@h"]);
    assert!(changes(&mut bindings).is_empty());
    let other_call = Wish { call_id: "b".into(), ..udp().with(&["<sip:a@h>;expires=0"], 1, None) };
    bindings.handle_register("alice", &other_call, START).expect("another Call-ID counts anew");
    assert!(bindings.is_empty());
}

#[test]
fn the_oldest_gives_way_when_there_are_too_many() {
    let mut bindings = empty();
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
    let mut bindings = empty();
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

/// RFC 6141 §5: so that its calls find it.
#[test]
fn a_phone_that_comes_back_by_another_flow_is_told_of() {
    let mut bindings = empty();
    let register = |bindings: &mut Bindings, account: &str, flow: u64, reg_id: &str| {
        let contact = format!("<sip:x@198.51.100.7>;+sip.instance=\"<urn:uuid:1>\"{reg_id}");
        let phone = Phone::over(Transport::Tcp, flow);
        let wish = Wish { call_id: flow.to_string(), ..phone.with(&[&contact], 1, None) };
        bindings.handle_register(account, &wish, START).expect("good");
        let moved = bindings.poll_moved();
        moved.map(|moved| (moved.account, moved.from.flow.0, moved.to.flow.0))
    };
    assert_eq!(register(&mut bindings, "alice", 1, ";reg-id=1"), None);
    assert_eq!(register(&mut bindings, "alice", 2, ";reg-id=1"), Some(("alice".into(), 1, 2)), "in place of the old");
    bindings.handle_flow_closed(FlowId(2));
    assert_eq!(register(&mut bindings, "bob", 3, ";reg-id=1"), None, "another's");
    assert_eq!(register(&mut bindings, "alice", 4, ";reg-id=2"), None, "another flow of the phone");
    assert_eq!(
        register(&mut bindings, "alice", 5, ";reg-id=1"),
        Some(("alice".into(), 2, 5)),
        "after the old was lost"
    );
    assert_eq!(register(&mut bindings, "carol", 6, ""), None);
    assert_eq!(register(&mut bindings, "carol", 7, ""), None, "without reg-id there are no flows");
}

#[test]
fn a_reg_id_alone_says_nothing() {
    let mut bindings = empty();
    let outbound = bindings.handle_register("alice", &udp().with(&["<sip:a@h>;reg-id=1"], 1, None), START);
    assert_eq!(outbound, Ok(false));
    let unaware = Wish { outbound: false, ..udp().with(&["<sip:a@h>;reg-id=1;+sip.instance=\"<u>\""], 2, None) };
    assert_eq!(bindings.handle_register("alice", &unaware, START), Ok(false));
    assert_eq!(bindings.of("alice")[0].key, "sip:a@h");
}

#[test]
fn a_contact_elsewhere_is_reached_at_its_source_or_not_at_all() {
    let mut bindings = empty();
    for (flow, transport) in [(1, Transport::Udp), (2, Transport::Tcp), (3, Transport::Wss)] {
        let wish = Phone::over(transport, flow).with(&[&format!("<sip:{flow}@victim.example>")], 1, None);
        bindings.handle_register("alice", &Wish { call_id: flow.to_string(), ..wish }, START).expect("good");
    }
    let flows = |bindings: &Bindings| -> Vec<Option<u64>> {
        let targets = bindings.of("alice").iter().filter_map(Binding::target);
        targets.map(|target| target.flow.map(|flow| flow.source().flow.0)).collect()
    };
    assert_eq!(flows(&bindings), [Some(1), Some(2), Some(3)]);

    // After a restart: only the datagrams still find their way, to the address they came from.
    let stored: Vec<_> = bindings.of("alice").iter().map(|binding| binding.stored("alice")).collect();
    let mut again = empty();
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
    let mut bindings = empty();
    bindings.handle_register("alice", &udp().with(&["<sip:a@h>"], 1, None), START).expect("good");
    bindings.handle_removal("alice");
    assert!(bindings.is_empty());
    assert_eq!(changes(&mut bindings), ["+sip:a@h", "-*"]);
}

#[test]
fn only_sip_addresses_are_bound() {
    let refused = empty().handle_register("alice", &udp().with(&["<tel:+39>"], 1, None), START);
    assert_eq!(refused, Err(Refusal::Unreachable { uri: "tel:+39".into() }));
}

/// RFC 5626 §4.4.
#[test]
fn a_phone_gone_silent_takes_its_own_flow_along_and_nobody_elses() {
    let mut bindings = empty();
    let contact = "<sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1";
    bindings.handle_register("alice", &udp().with(&[contact], 1, None), START).expect("good");
    bindings.handle_register("bob", &udp().with(&["<sip:b@h>"], 1, None), START).expect("good");
    let mut other = udp();
    other.wish.source.remote = "198.51.100.8:4711".parse().expect("an address");
    bindings.handle_register("carol", &other.with(&[contact], 1, None), START).expect("good");
    bindings.handle_flow_silent(FlowId(1), udp().wish.source.remote);
    let left = ["alice", "bob", "carol"].map(|aor| bindings.of(aor).len());
    assert_eq!(left, [0, 1, 1], "bob knows nothing of flows, and carol is elsewhere");
    bindings.handle_flow_silent(FlowId(2), other.wish.source.remote);
    assert_eq!(bindings.of("carol").len(), 1, "another listener");
}

/// RFC 5627 §5.1.
#[test]
fn a_temporary_gruu_lasts_as_long_as_the_call_id_and_the_binding() {
    let mut bindings = empty();
    let contact = ["<sip:a@h>;+sip.instance=\"<urn:uuid:1>\";pub-gruu=\"sip:boss@example.org;gr=x\""];
    let temporary = |bindings: &Bindings| {
        let binding = &bindings.of("alice")[0];
        assert!(!binding.contact.params.contains("pub-gruu"), "what the phone says of itself is not kept");
        let shown = bindings.gruus().show("alice", binding, binding.contact.clone());
        match shown.params.value("temp-gruu").expect("a temporary one").parse().expect("a URI") {
            Uri::Sip(uri) => uri,
            other => panic!("{other:?}"),
        }
    };
    let reaches = |bindings: &Bindings, uri: &SipUri| bindings.of_gruu(uri).map(|(aor, _)| aor.to_owned());
    let alice = Ok("alice".to_owned());
    bindings.handle_register("alice", &udp().with(&contact, 1, None), START).expect("good");
    let first = temporary(&bindings);
    bindings.handle_register("alice", &udp().with(&contact, 2, None), START).expect("good");
    let second = temporary(&bindings);
    assert_ne!(first.as_str(), second.as_str());
    assert_eq!((reaches(&bindings, &first), reaches(&bindings, &second)), (alice.clone(), alice.clone()));

    let other_call = Wish { call_id: "b".into(), ..udp().with(&contact, 1, None) };
    bindings.handle_register("alice", &other_call, START).expect("good");
    assert_eq!(reaches(&bindings, &first), Err(GruuError::Invalid));
    let third = temporary(&bindings);
    assert_eq!(reaches(&bindings, &third), alice);
    bindings.handle_timeout(START + 3600);
    assert_eq!(reaches(&bindings, &third), Err(GruuError::Invalid));
}

/// 20 000 bindings: what one costs, and that neither time nor a closed connection looks at all of them.
#[test]
fn many_bindings_expire_by_index() {
    let mut bindings = empty();
    for number in 0..10_000_u32 {
        let phone = Phone::over(Transport::Tls, u64::from(number));
        let contacts = ["<sip:a@198.51.100.7;transport=tls>", "<sip:b@198.51.100.7;transport=tls>"];
        let wish = phone.with(&contacts, 1, Some(60 + number % 3000));
        bindings.handle_register(&format!("phone-{number}"), &wish, START).expect("good");
    }
    assert_eq!((bindings.len(), changes(&mut bindings).len()), (20_000, 20_000));
    let began = std::time::Instant::now();
    for second in 0..3100 {
        bindings.handle_timeout(START + second);
        bindings.handle_flow_closed(FlowId(u64::try_from(second).expect("positive")));
    }
    assert!(bindings.is_empty() && bindings.poll_timeout().is_none());
    assert_eq!(changes(&mut bindings).len(), 20_000);
    // By looking at all it took 3100 times 20 000 steps.
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}
