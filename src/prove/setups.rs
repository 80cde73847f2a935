//! Calls set up one after another: INVITE, 200, ACK, BYE, so many open at once, as fast as the server answers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plenary_sip::endpoint::{CallId, Event};
use tokio::time::timeout_at;

use super::joining::describe;
use super::phone::Phone;

/// Calls open at once.
pub const OPEN: usize = 8;
/// For what is still open when the time is over.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of it, within the time.
#[derive(Debug, Default)]
pub struct Done {
    pub count: u64,
    /// From the first request to the answer that settles it.
    pub took: Vec<Duration>,
    pub faults: Vec<String>,
}

struct Call {
    slot: usize,
    invited: Instant,
    established: bool,
}

/// Everybody offers the same: there is no media.
pub async fn set_up_calls(phone: &mut Phone, offer: Bytes, time: Duration) -> anyhow::Result<Done> {
    let mut done = Done::default();
    let mut open: BTreeMap<CallId, Call> = BTreeMap::new();
    let end = Instant::now() + time;
    let mut free: Vec<usize> = (0..OPEN).collect();
    loop {
        while let Some(slot) = free.pop_if(|_| Instant::now() < end) {
            let invited = Instant::now();
            let call = phone.invite(&format!("caller-{slot}"), offer.clone())?;
            open.insert(call, Call { slot, invited, established: false });
        }
        if open.is_empty() {
            return Ok(done);
        }
        let Ok(event) = timeout_at((end + PATIENCE).into(), phone.event()).await else {
            done.faults.push(format!("{} calls did not end", open.len()));
            return Ok(done);
        };
        match event? {
            Event::Established { call, .. } => {
                let Some(known) = open.get_mut(&call) else { continue };
                known.established = true;
                done.took.push(known.invited.elapsed());
                phone.hang_up(call)?;
            }
            Event::Ended { call, why } => {
                let Some(known) = open.remove(&call) else { continue };
                free.push(known.slot);
                if !known.established {
                    done.faults.push(format!("call {}: {}", call.0, describe(&why)));
                } else if Instant::now() < end {
                    done.count += 1;
                }
            }
            _ => {}
        }
    }
}
