//! The one thread that changes the database. It takes everything that waits in its queue, runs it in one transaction
//! with one sync at the end (group commit), and only then answers. Knows nothing of what the changes are.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::failure::{OpError, OpResult, told};
use crate::error::StoreError;

/// Changes that share one transaction at most. Bounds how long the first of them waits for the others.
const BATCH: usize = 512;

/// The way to the writer thread.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Sender<Message>,
}

enum Message {
    Change(Box<dyn Change>),
    Close,
}

/// A change that waits for its turn. It may be run more than once (each time after everything it did was rolled
/// back), and is answered once.
trait Change: Send {
    fn run(&mut self, connection: &Connection) -> OpResult<()>;
    fn succeed(self: Box<Self>);
    fn fail(self: Box<Self>, error: StoreError);
}

struct Pending<T, F> {
    body: F,
    value: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: FnMut(&Connection) -> OpResult<T> + Send> Change for Pending<T, F> {
    fn run(&mut self, connection: &Connection) -> OpResult<()> {
        self.value = None;
        self.value = Some((self.body)(connection)?);
        Ok(())
    }

    fn succeed(self: Box<Self>) {
        // A caller that went away does not want to know; the change stands.
        let _ = self.reply.send(self.value.ok_or(StoreError::Closed));
    }

    fn fail(self: Box<Self>, error: StoreError) {
        let _ = self.reply.send(Err(error));
    }
}

impl Writer {
    /// Starts the thread on `connection`. `latest` is bumped after each commit that wrote events.
    pub(crate) fn start(
        connection: Connection,
        database: PathBuf,
        latest: watch::Sender<i64>,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (queue, changes) = channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || Thread { connection, database, latest }.run(&changes))?;
        Ok((Self { queue }, thread))
    }

    /// Runs `body` in a transaction; durable when this returns `Ok`. Once called it happens, even if the future is
    /// dropped. `body` may run more than once, so it must not consume what it captured.
    pub(crate) async fn change<T, F>(&self, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> OpResult<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let pending = Box::new(Pending { body, value: None, reply });
        self.queue.send(Message::Change(pending)).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Asks the thread to end after everything that was asked before.
    pub(crate) fn close(&self) {
        // The thread being gone already is what is wanted.
        let _ = self.queue.send(Message::Close);
    }
}

struct Thread {
    connection: Connection,
    database: PathBuf,
    latest: watch::Sender<i64>,
}

impl Thread {
    fn run(self, queue: &Receiver<Message>) {
        let mut open = true;
        while open && let Ok(Message::Change(first)) = queue.recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH {
                match queue.try_recv() {
                    Ok(Message::Change(change)) => batch.push(change),
                    Ok(Message::Close) => {
                        open = false;
                        break;
                    }
                    Err(_) => break,
                }
            }
            self.commit(batch);
        }
        // Leaves one tidy file behind. If it cannot be done now, the next opening reads the log as well.
        if let Err(error) = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::debug!(%error, "the write-ahead log could not be folded into the database on closing");
        }
    }

    /// Runs and answers `batch`. When the transaction as a whole is lost (a full disk takes everything back that was
    /// not yet committed), each change gets one of its own, so that one that cannot be done harms no other.
    fn commit(&self, mut batch: Vec<Box<dyn Change>>) {
        if let Err(error) = self.begin() {
            for change in batch {
                change.fail(told(&error, &self.database));
            }
            return;
        }
        match self.run_in_transaction(&mut batch) {
            Ok(outcomes) => {
                // First, so that whoever is answered finds the watch moved on.
                self.tell_latest();
                answer(batch, outcomes, &self.database);
            }
            Err(_) if batch.len() > 1 => batch.into_iter().for_each(|change| self.commit(vec![change])),
            Err(error) => {
                tracing::warn!(?error, "a change of the database was taken back");
                answer(batch, vec![Err(error)], &self.database);
            }
        }
    }

    fn begin(&self) -> rusqlite::Result<()> {
        self.step("BEGIN IMMEDIATE")
    }

    fn step(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// The outcome of each change, all committed; or the error that took everything back.
    fn run_in_transaction(&self, batch: &mut [Box<dyn Change>]) -> Result<Vec<OpResult<()>>, OpError> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for change in batch {
            match self.run_in_savepoint(change.as_mut()) {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => return Err(self.taken_back(error)),
            }
        }
        self.step("COMMIT").map_err(|error| self.taken_back(error.into()))?;
        Ok(outcomes)
    }

    /// `Err` when the transaction around it is lost too.
    fn run_in_savepoint(&self, change: &mut dyn Change) -> Result<OpResult<()>, OpError> {
        self.step("SAVEPOINT change")?;
        let outcome = catch_unwind(AssertUnwindSafe(|| change.run(&self.connection)))
            .unwrap_or_else(|panic| Err(StoreError::Panicked { detail: panic_message(panic.as_ref()) }.into()));
        if self.connection.is_autocommit() {
            return Err(outcome.err().unwrap_or(OpError::Store(StoreError::Closed)));
        }
        if outcome.is_err() {
            self.step("ROLLBACK TO change")?;
        }
        self.step("RELEASE change")?;
        Ok(outcome)
    }

    fn taken_back(&self, error: OpError) -> OpError {
        if !self.connection.is_autocommit()
            && let Err(error) = self.step("ROLLBACK")
        {
            tracing::warn!(%error, "a transaction could not be rolled back");
        }
        error
    }

    fn tell_latest(&self) {
        match super::events::latest(&self.connection) {
            Ok(seq) => {
                self.latest.send_if_modified(|seen| seq > std::mem::replace(seen, seq));
            }
            Err(error) => tracing::warn!(?error, "the newest event could not be read"),
        }
    }
}

fn answer(batch: Vec<Box<dyn Change>>, outcomes: Vec<OpResult<()>>, database: &Path) {
    for (change, outcome) in batch.into_iter().zip(outcomes) {
        match outcome {
            Ok(()) => change.succeed(),
            Err(error) => change.fail(error.at(database)),
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}
