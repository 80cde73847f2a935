//! What the tasks of calls weigh: a future is as large as the largest of all ways through it, unless a rare way has a box
//! of its own.

use std::future::Future;

use super::arriving::incoming::Incoming;
use super::requests;

fn of_task<A, F: Future>(_: impl Fn(A) -> F) -> usize {
    size_of::<F>()
}

/// The way that most calls go.
fn of_conference() -> usize {
    of_task(|(incoming, caller, account, plan): (Incoming, _, _, _)| incoming.conference(caller, account, plan))
}

#[test]
fn tasks_are_small() {
    let incoming = of_task(Incoming::take);
    let request = of_task(|(calls, request, message, source)| requests::answer(calls, request, message, source));
    let conference = of_conference();
    println!("a call {incoming} octets, in a conference {conference} more; a request {request}");
    assert!(incoming < 4_000, "{incoming} octets for each call");
    assert!(conference < 14_000, "{conference} octets for each call in a conference");
    assert!(request < 4_000, "{request} octets for each request");
}
