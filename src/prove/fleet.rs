//! The threads that carry the media of all legs.
//!
//! A thread wakes a thousand times a second, takes in what its sockets tell of, and sends for the legs whose slice it
//! is. It sleeps in between: on a small machine the fleet takes turns with the server that it measures.

use std::io;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use super::pace::Pace;
use super::stream::Stream;

/// A thread carries so many legs with ease.
const LEGS_PER_THREAD: usize = 250;
const EVENTS: usize = 1024;
const DATAGRAM: usize = 2048;
/// A slice that begins later than this finds a machine that is too busy to be measured well.
const OVERRUN: Duration = Duration::from_millis(10);

enum Order {
    Add(Box<Stream>),
    OpenWindow,
    CloseWindow,
}

/// Runs until [`end`](Self::end).
#[derive(Debug)]
pub struct Fleet {
    threads: Vec<(Sender<Order>, JoinHandle<Ended>)>,
}

/// What is left of a fleet.
#[derive(Debug, Default)]
pub struct Ended {
    /// In order of their legs.
    pub streams: Vec<Stream>,
    /// Slices in the window that the fleet itself began too late.
    pub overruns: u64,
}

impl Fleet {
    /// As many threads as `legs` need and the machine can spare beside the server.
    pub fn start(legs: usize) -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = legs.div_ceil(LEGS_PER_THREAD).clamp(1, cores.div_ceil(2));
        let start = |number| {
            let (orders, inbox) = channel();
            let poll = Poll::new()?;
            let work = move || Carrier::new(poll, inbox).run();
            Ok((orders, std::thread::Builder::new().name(format!("fleet-{number}")).spawn(work)?))
        };
        Ok(Self { threads: (0..threads).map(start).collect::<io::Result<_>>()? })
    }

    pub fn add(&self, stream: Stream) {
        let thread = stream.leg % self.threads.len();
        self.order(thread, Order::Add(Box::new(stream)));
    }

    pub fn open_window(&self) {
        (0..self.threads.len()).for_each(|thread| self.order(thread, Order::OpenWindow));
    }

    pub fn close_window(&self) {
        (0..self.threads.len()).for_each(|thread| self.order(thread, Order::CloseWindow));
    }

    pub fn end(self) -> Ended {
        let mut all = Ended::default();
        for (orders, thread) in self.threads {
            drop(orders);
            let ended = thread.join().unwrap_or_default();
            all.streams.extend(ended.streams);
            all.overruns += ended.overruns;
        }
        all.streams.sort_by_key(|stream| stream.leg);
        all
    }

    fn order(&self, thread: usize, order: Order) {
        if let Some((orders, _)) = self.threads.get(thread) {
            // A thread that is gone is missed at the end, by its legs.
            let _ = orders.send(order);
        }
    }
}

/// One thread's share.
struct Carrier {
    poll: Poll,
    inbox: Receiver<Order>,
    streams: Vec<Stream>,
    /// Streams that were left with datagrams to read.
    unread: Vec<usize>,
    buffer: Box<[u8; DATAGRAM]>,
    measuring: bool,
    overruns: u64,
}

impl Carrier {
    fn new(poll: Poll, inbox: Receiver<Order>) -> Self {
        Self {
            poll,
            inbox,
            streams: Vec::new(),
            unread: Vec::new(),
            buffer: Box::new([0; DATAGRAM]),
            measuring: false,
            overruns: 0,
        }
    }

    fn run(mut self) -> Ended {
        let mut pace = Pace::starting(Instant::now());
        let mut events = Events::with_capacity(EVENTS);
        while self.follow_orders() {
            let now = Instant::now();
            match pace.due().checked_duration_since(now) {
                Some(early) => sleep(early),
                None if self.measuring && now - pace.due() > OVERRUN => self.overruns += 1,
                None => {}
            }
            self.receive(&mut events);
            self.send(pace.phase());
            pace.advance();
        }
        Ended { streams: self.streams, overruns: self.overruns }
    }

    /// False when nobody gives orders any more.
    fn follow_orders(&mut self) -> bool {
        loop {
            match self.inbox.try_recv() {
                Ok(Order::Add(stream)) => self.add(*stream),
                Ok(Order::OpenWindow) => {
                    self.measuring = true;
                    self.streams.iter_mut().for_each(Stream::open_window);
                }
                Ok(Order::CloseWindow) => {
                    self.measuring = false;
                    self.streams.iter_mut().for_each(Stream::close_window);
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn add(&mut self, mut stream: Stream) {
        let token = self.streams.len();
        // Without it the leg hears nothing, which is told at the end.
        let _ = self.poll.registry().register(&mut stream.socket, Token(token), Interest::READABLE);
        self.unread.push(token);
        self.streams.push(stream);
    }

    fn receive(&mut self, events: &mut Events) {
        let mut readable = std::mem::take(&mut self.unread);
        if self.poll.poll(events, Some(Duration::ZERO)).is_ok() {
            readable.extend(events.iter().map(|event| event.token().0));
        }
        let now = Instant::now();
        for token in readable {
            let Some(stream) = self.streams.get_mut(token) else { continue };
            if !stream.receive(&mut self.buffer[..], now) {
                self.unread.push(token);
            }
        }
    }

    fn send(&mut self, phase: usize) {
        for stream in self.streams.iter_mut().filter(|stream| stream.phase == phase) {
            stream.send(Instant::now());
        }
    }
}
