//! A few connections that only read, each call on a snapshot of its own, so that a long page holds up no change.
//! Knows nothing of what is read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::failure::OpResult;
use super::open::open_reader;
use crate::error::StoreError;

/// Reads at once, at most.
const READERS: usize = 3;

/// The readers of one database.
#[derive(Debug)]
pub(crate) struct Readers {
    database: PathBuf,
    turns: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    /// Readers of the database at `path`; connections are opened when they are needed first.
    pub(crate) fn new(path: &Path) -> Self {
        Self { database: path.to_path_buf(), turns: Arc::new(Semaphore::new(READERS)), idle: Arc::default() }
    }

    /// Runs `body` on a blocking thread against one snapshot.
    pub(crate) async fn read<T, F>(&self, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> OpResult<T> + Send + 'static,
    {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (idle, database) = (Arc::clone(&self.idle), self.database.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = taken.map_or_else(|| open_reader(&database), Ok)?;
            let outcome = on_snapshot(&connection, body).map_err(|error| error.at(&database));
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            outcome
        });
        reading.await.map_err(|error| StoreError::Panicked { detail: error.to_string() })?
    }

    /// Lets no further read begin, and gives the connections back once those under way have ended.
    pub(crate) async fn close(&self) {
        // All turns in hand means that nobody reads.
        let turns = self.turns.acquire_many(READERS as u32).await;
        self.turns.close();
        drop(turns);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn on_snapshot<T>(connection: &Connection, body: impl FnOnce(&Connection) -> OpResult<T>) -> OpResult<T> {
    let snapshot = connection.unchecked_transaction()?;
    let value = body(&snapshot)?;
    snapshot.finish()?;
    Ok(value)
}
