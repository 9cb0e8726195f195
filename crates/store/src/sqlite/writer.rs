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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use imagemill_domain::failure::FailureKind;
    use rusqlite::params;

    use super::super::open::open_writer;
    use super::super::{Store, StoreOptions};
    use super::*;

    async fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("imagemill.db"), StoreOptions::default()).await.unwrap();
        (folder, store)
    }

    fn note(connection: &Connection, name: &str) -> OpResult<()> {
        let sql = "INSERT INTO profile_state (name, kind, reason, since_us) VALUES (?1, 0, ?2, 0)";
        connection.execute(sql, params![name, "x".repeat(2_000)])?;
        Ok(())
    }

    async fn names(store: &Store) -> Vec<String> {
        store.profiles().paused().await.unwrap().into_iter().map(|paused| paused.name).collect()
    }

    /// Holds the writer until everything given is in its queue, so that it all becomes one batch.
    async fn as_one_batch(store: &Store, changes: Vec<fn(&Connection) -> OpResult<()>>) -> Vec<Result<(), StoreError>> {
        let (release, held) = mpsc::channel::<()>();
        let (entered, inside) = oneshot::channel();
        let mut entered = Some(entered);
        let holder = store.clone();
        let holding = tokio::spawn(async move {
            let hold = move |_: &Connection| {
                entered.take().map(|entered| entered.send(()));
                Ok(held.recv().is_ok())
            };
            holder.change(hold).await
        });
        inside.await.unwrap();
        let waiting: Vec<_> = changes
            .into_iter()
            .map(|change| {
                let store = store.clone();
                tokio::spawn(async move { store.change(change).await })
            })
            .collect();
        // On one thread each of them runs until it waits for its answer, and has then sent its change.
        tokio::task::yield_now().await;
        release.send(()).unwrap();
        assert!(holding.await.unwrap().unwrap());
        let mut outcomes = Vec::new();
        for waiting in waiting {
            outcomes.push(waiting.await.unwrap());
        }
        outcomes
    }

    #[tokio::test]
    async fn a_change_that_fails_or_panics_harms_no_other_of_its_batch() {
        let (_folder, store) = store().await;
        let outcomes = as_one_batch(
            &store,
            vec![
                |connection| note(connection, "a"),
                |connection| {
                    note(connection, "half done")?;
                    Err(StoreError::Missing { what: "job", id: 1 }.into())
                },
                |connection| {
                    note(connection, "half done too")?;
                    panic!("a bug")
                },
                |connection| note(connection, "a"),
                |connection| note(connection, "b"),
            ],
        )
        .await;
        assert!(
            matches!(
                outcomes[..],
                [
                    Ok(()),
                    Err(StoreError::Missing { .. }),
                    Err(StoreError::Panicked { .. }),
                    Err(StoreError::Database { .. }),
                    Ok(())
                ]
            ),
            "{outcomes:?}"
        );
        assert!(outcomes[2].as_ref().unwrap_err().to_string().contains("a bug"));
        assert_eq!(names(&store).await, ["a", "b"]);
        store.profiles().pause("c", FailureKind::Auth, "the thread lives on", None, 0).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_is_told_to_those_it_concerns_and_work_goes_on_when_there_is_room() {
        let (_folder, store) = store().await;
        let limit = |pages: u32| {
            let store = store.clone();
            async move {
                let body = move |connection: &Connection| {
                    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
                    Ok(())
                };
                store.change(body).await.unwrap();
            }
        };
        limit(1).await;
        let too_much: fn(&Connection) -> OpResult<()> =
            |connection| (0..500).try_for_each(|number| note(connection, &format!("much {number}")));
        let little: fn(&Connection) -> OpResult<()> = |connection| {
            connection.execute("UPDATE job_count SET n = n", [])?;
            Ok(())
        };
        let outcomes = as_one_batch(&store, vec![little, too_much, little]).await;
        assert!(matches!(outcomes[..], [Ok(()), Err(StoreError::DiskFull { .. }), Ok(())]), "{outcomes:?}");
        assert!(outcomes[1].as_ref().unwrap_err().to_string().contains("Free some space"));
        assert!(names(&store).await.is_empty(), "nothing of what failed is kept");
        limit(1 << 20).await;
        store.change(too_much).await.unwrap();
        assert_eq!(names(&store).await.len(), 500);
    }

    #[test]
    fn a_lock_that_is_never_given_back_is_told_to_all_and_the_thread_lives_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("imagemill.db");
        let connection = open_writer(&path).unwrap();
        connection.busy_timeout(std::time::Duration::ZERO).unwrap();
        let other = open_writer(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (writer, thread) = Writer::start(connection, path, watch::Sender::new(0)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let change = || runtime.block_on(writer.change(|connection| note(connection, "a")));
        assert!(matches!(change(), Err(StoreError::Busy { .. })));
        other.execute_batch("COMMIT").unwrap();
        change().unwrap();
        writer.close();
        thread.join().unwrap();
        assert!(matches!(change(), Err(StoreError::Closed)));
    }
}
