//! A shard's thread: the loop around its core, and the only place that reads the clock.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use rtrb::Consumer;

use super::counters::Published;
use super::io::EventFd;
use super::mailbox::{Letter, Outbox};
use super::settings::EngineSettings;

#[derive(Debug)]
pub(super) struct ShardThread {
    pub index: usize,
    pub settings: EngineSettings,
    pub seed: u64,
    pub letters: Consumer<Letter>,
    pub bell: Arc<EventFd>,
    pub outbox: Outbox,
    pub published: Arc<Published>,
}

impl ShardThread {
    pub fn spawn(self) -> io::Result<JoinHandle<()>> {
        Builder::new().name(format!("media-{}", self.index)).spawn(move || self.run())
    }

    fn run(mut self) {
        loop {
            self.bell.wait(None);
            self.bell.clear();
            while let Ok(letter) = self.letters.pop() {
                if matches!(letter, Letter::Stop) {
                    return;
                }
            }
        }
    }
}
