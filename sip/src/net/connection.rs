//! One connection, TCP or TLS, from its opening to its end: RFC 3261 §18, pings of RFC 5626 §4.4.1.
//!
//! Reading and writing go on side by side; whichever ends, ends both. A peer is given time for a message and for
//! taking ours, a queue of fixed length, and no more.

use std::future::pending;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant, sleep, timeout, timeout_at};
use tracing::debug;

use super::door::{Admission, Door};
use super::event::{Inside, OpenFlow, Outgoing, Peer};
use super::proofs::Proof;
use super::settings::NetTiming;
use crate::message::{Framed, StreamFramer};
use crate::net_types::Source;

/// After a fault in the stream: long enough for the answer to leave, too short to be worth holding open.
const LINGER: Duration = Duration::from_millis(500);
const READ_BUFFER: usize = 16 * 1024;

/// Why a connection ended. Only for the log: every end is one end.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("closed by the peer")]
    ByPeer,
    #[error("closed by us")]
    ByUs,
    #[error("unreadable stream")]
    Unreadable,
    #[error("message not complete in time")]
    SlowMessage,
    #[error("nothing came for too long")]
    Idle,
    #[error("peer takes nothing")]
    SlowReader,
    #[error(transparent)]
    Broken(#[from] io::Error),
}

/// Announces the flow, serves it, and says when it is over.
pub(super) async fn serve<S>(
    stream: S,
    source: Source,
    asked: Option<Peer>,
    proof: Proof,
    door: Door,
    admission: Option<Admission>,
) where
    S: AsyncRead + AsyncWrite,
{
    let (queue, mut outgoing) = mpsc::channel(door.settings.write_queue);
    let opened_by_us = asked.is_some();
    let (patience, idle) = watch::channel(door.settings.timing.idle);
    door.tell(Inside::Opened(OpenFlow { source, queue, asked, proven: proof.identities(), patience })).await;

    let (read, write) = tokio::io::split(stream);
    let (ping, pings) = mpsc::channel(1);
    let mut reader = Reader::new(read, source, door.clone(), ping, opened_by_us, idle);
    let end = tokio::select! {
        end = reader.run() => end,
        end = write_all(write, &mut outgoing, pings, door.settings.timing) => end,
    };
    debug!(transport = %source.transport, remote = %source.remote, %end, "connection over");

    outgoing.close();
    let mut unsent = Vec::new();
    while let Ok(left) = outgoing.try_recv() {
        unsent.push(left.id);
    }
    door.tell(Inside::Closed { flow: source.flow, unsent }).await;
    drop((admission, proof));
}

struct Reader<S> {
    stream: ReadHalf<S>,
    framer: StreamFramer,
    source: Source,
    door: Door,
    pings: mpsc::Sender<()>,
    /// Whether anybody has spoken SIP here yet.
    proven: bool,
    /// When the message that is still incomplete began.
    begun: Option<Instant>,
    heard: Instant,
    /// How long it may be silent; less, once that was agreed on.
    idle: watch::Receiver<Duration>,
}

impl<S: AsyncRead> Reader<S> {
    fn new(
        stream: ReadHalf<S>,
        source: Source,
        door: Door,
        pings: mpsc::Sender<()>,
        proven: bool,
        idle: watch::Receiver<Duration>,
    ) -> Self {
        let framer = StreamFramer::new(door.settings.limits.clone());
        Self { stream, framer, source, door, pings, proven, begun: None, heard: Instant::now(), idle }
    }

    async fn run(&mut self) -> End {
        let mut buffer = vec![0; READ_BUFFER];
        loop {
            let (deadline, late) = self.deadline();
            let read = tokio::select! {
                read = timeout_at(deadline, self.stream.read(&mut buffer)) => read,
                () = changed(&mut self.idle) => continue,
            };
            let count = match read {
                Err(_) => return late,
                Ok(Err(error)) => return error.into(),
                Ok(Ok(0)) => return End::ByPeer,
                Ok(Ok(count)) => count,
            };
            self.heard = Instant::now();
            self.framer.push(buffer.get(..count).unwrap_or_default());
            if let Err(end) = self.take_messages().await {
                sleep(LINGER).await;
                return end;
            }
        }
    }

    fn deadline(&self) -> (Instant, End) {
        let NetTiming { message, silent, .. } = self.door.settings.timing;
        match (self.begun, self.proven) {
            (Some(begun), _) => (begun + message, End::SlowMessage),
            (None, true) => (self.heard + *self.idle.borrow(), End::Idle),
            (None, false) => (self.heard + silent, End::Idle),
        }
    }

    async fn take_messages(&mut self) -> Result<(), End> {
        for framed in self.framer.by_ref() {
            self.begun = None;
            match framed {
                Ok(Framed::Message(octets)) => {
                    self.proven = true;
                    self.door.receive(&octets, self.source).await;
                }
                // A pong that is still in the queue answers this ping too.
                Ok(Framed::Ping) => {
                    let _ = self.pings.try_send(());
                }
                Err(error) => {
                    self.door.refuse(error.0, self.source).await;
                    return Err(End::Unreadable);
                }
            }
        }
        self.begun = if self.framer.is_midway() { self.begun.or(Some(self.heard)) } else { None };
        Ok(())
    }
}

/// For ever, where the flow stands in no table any more.
async fn changed(idle: &mut watch::Receiver<Duration>) {
    if idle.changed().await.is_err() {
        pending().await
    }
}

async fn write_all<S: AsyncWrite>(
    mut stream: WriteHalf<S>,
    outgoing: &mut mpsc::Receiver<Outgoing>,
    mut pings: mpsc::Receiver<()>,
    timing: NetTiming,
) -> End {
    loop {
        let octets = tokio::select! {
            next = outgoing.recv() => match next {
                Some(next) => next.message,
                None => {
                    // Nobody will write any more: close in order, so that TLS can say goodbye.
                    let _ = timeout(timing.write, stream.shutdown()).await;
                    return End::ByUs;
                }
            },
            ping = pings.recv() => match ping {
                Some(()) => bytes::Bytes::from_static(b"\r\n"),
                None => pending().await,
            },
        };
        let written = timeout(timing.write, async {
            stream.write_all(&octets).await?;
            stream.flush().await
        });
        match written.await {
            Err(_) => return End::SlowReader,
            Ok(Err(error)) => return error.into(),
            Ok(Ok(())) => {}
        }
    }
}
