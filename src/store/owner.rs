//! The thread that owns the connection: jobs go in through a bounded mailbox, answers come back one by one.

use std::fs::File;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use diesel::SqliteConnection;
use tokio::sync::{mpsc, oneshot};

use super::error::StoreError;

type Job = Box<dyn FnOnce(&mut SqliteConnection) + Send>;

/// Full: whoever asks waits; a job is some 50 µs to read, some ms to write.
const MAILBOX: usize = 256;

pub(super) struct Owner {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Owner {
    /// `lock`: held as long as the connection is.
    pub fn start(mut connection: SqliteConnection, lock: Option<File>) -> std::io::Result<Arc<Self>> {
        let (jobs, mut mailbox) = mpsc::channel::<Job>(MAILBOX);
        let thread = thread::Builder::new().name("store".into()).spawn(move || {
            while let Some(job) = mailbox.blocking_recv() {
                job(&mut connection);
            }
            drop(connection);
            drop(lock);
        })?;
        Ok(Arc::new(Self { jobs: Some(jobs), thread: Some(thread) }))
    }

    /// Runs `job` on the owner's thread. It runs to its end even when nobody waits for it any more.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut SqliteConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Whoever asked may have gone; the work stands all the same.
            let _ = reply.send(job(connection));
        });
        let jobs = self.jobs.as_ref().ok_or(StoreError::Stopped)?;
        jobs.send(job).await.map_err(|_| StoreError::Stopped)?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }

    /// The same in a transaction that takes the write lock at once, so that what it reads is what it changes.
    pub async fn change<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut SqliteConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(|connection| connection.immediate_transaction(job)).await
    }
}

impl Drop for Owner {
    /// Waits for the thread (the jobs of some ms that still stand in the mailbox), so that the files are free after.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
