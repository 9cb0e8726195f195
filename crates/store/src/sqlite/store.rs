//! The handle to a database: opening, closing, copying, and the way of a verb to the writer or to a reader. Knows no
//! rows; the verbs are in one file per noun.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::watch;

use super::definitions::Definitions;
use super::failure::{OpError, OpResult};
use super::open::{open_reader, open_writer};
use super::readers::Readers;
use super::writer::Writer;
use super::{Assets, Batches, Calls, Collections, Critiques, Events, Jobs, Owners, Profiles, Reviews, Tasks, Uploads};
use crate::error::StoreError;
use crate::record::Health;

/// How a store is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreOptions {
    /// Only look: for `status` on a workspace owned by another process. The database must be there already.
    pub read_only: bool,
}

/// Durable rows: jobs, tasks, calls, assets, reviews, events. A clone is another handle to the same store.
///
/// A verb that changes something is durable when it returns, together with its event. A verb whose future is dropped
/// may still happen. Reading verbs see everything that was durable when they were called.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    database: PathBuf,
    readers: Readers,
    definitions: Arc<Definitions>,
    writer: Option<Writer>,
    thread: Mutex<Option<JoinHandle<()>>>,
    latest: watch::Sender<i64>,
}

impl Store {
    /// Opens the database file, makes it when there is none, and brings it to the newest schema.
    ///
    /// A damaged file, a newer schema or another program's file is an error that says what to do; nothing is changed
    /// then, and a database is never made anew in the place of one that cannot be read.
    pub async fn open(database: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let path = database.to_path_buf();
        let opening = tokio::task::spawn_blocking(move || Self::open_blocking(path, options));
        opening.await.map_err(|error| StoreError::Panicked { detail: error.to_string() })?
    }

    fn open_blocking(database: PathBuf, options: StoreOptions) -> Result<Self, StoreError> {
        let connection = if options.read_only { open_reader(&database)? } else { open_writer(&database)? };
        let newest = super::events::latest(&connection).map_err(|error| error.at(&database))?;
        let latest = watch::Sender::new(newest);
        let (writer, thread) = if options.read_only {
            (None, None)
        } else {
            let (writer, thread) = Writer::start(connection, database.clone(), latest.clone())
                .map_err(|error| StoreError::io("starting the writer of", &database, error))?;
            (Some(writer), Some(thread))
        };
        let readers = Readers::new(&database);
        Ok(Self {
            shared: Arc::new(Shared {
                database,
                readers,
                definitions: Arc::default(),
                writer,
                thread: Mutex::new(thread),
                latest,
            }),
        })
    }

    /// Verbs on jobs.
    pub fn jobs(&self) -> Jobs<'_> {
        Jobs { store: self }
    }

    /// Verbs on tasks.
    pub fn tasks(&self) -> Tasks<'_> {
        Tasks { store: self }
    }

    /// Verbs on calls: the ledger and the journal.
    pub fn calls(&self) -> Calls<'_> {
        Calls { store: self }
    }

    /// Verbs on result pictures.
    pub fn assets(&self) -> Assets<'_> {
        Assets { store: self }
    }

    /// Verbs on people's verdicts.
    pub fn reviews(&self) -> Reviews<'_> {
        Reviews { store: self }
    }

    /// What happened, in order.
    pub fn events(&self) -> Events<'_> {
        Events { store: self }
    }

    /// Verbs on batches.
    pub fn batches(&self) -> Batches<'_> {
        Batches { store: self }
    }

    /// Verbs on collections of pictures.
    pub fn collections(&self) -> Collections<'_> {
        Collections { store: self }
    }

    /// Verbs on critiques that were written.
    pub fn critiques(&self) -> Critiques<'_> {
        Critiques { store: self }
    }

    /// Verbs on worker processes.
    pub fn owners(&self) -> Owners<'_> {
        Owners { store: self }
    }

    /// Verbs on source pictures that providers have already.
    pub fn uploads(&self) -> Uploads<'_> {
        Uploads { store: self }
    }

    /// Verbs on paused profiles.
    pub fn profiles(&self) -> Profiles<'_> {
        Profiles { store: self }
    }

    /// Reads the whole database through and says whether it is sound. Takes a second for some hundred megabytes.
    pub async fn health(&self) -> Result<Health, StoreError> {
        self.read(|connection| {
            let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
            let bytes = (pragma("page_count")? * pragma("page_size")?) as u64;
            let version = pragma("user_version")?;
            let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            Ok(Health { bytes, version, complaint: (said != "ok").then_some(said) })
        })
        .await
    }

    /// Ends the store after every change that was asked for before. Other handles get [`StoreError::Closed`] from then
    /// on. A store that is dropped without this loses nothing either; the file is then tidied at the next opening.
    pub async fn close(self) {
        self.shared.readers.close().await;
        if let Some(writer) = &self.shared.writer {
            writer.close();
        }
        let thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && tokio::task::spawn_blocking(move || thread.join().is_err()).await.unwrap_or(true)
        {
            tracing::error!("the writer of the store ended in a panic");
        }
    }

    /// Writes a sound, compact copy of the database as it is now to `path`, which must not exist. Work goes on
    /// meanwhile. The copy is whole or not there.
    pub async fn backup_to(&self, path: &Path) -> Result<(), StoreError> {
        let target = path.to_path_buf();
        let database = self.shared.database.clone();
        let copying = tokio::task::spawn_blocking(move || {
            if target.exists() {
                let exists = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
                return Err(StoreError::io("writing the copy", &target, exists));
            }
            let mut draft = target.clone().into_os_string();
            draft.push(".part");
            let draft = PathBuf::from(draft);
            let copied = copy(&database, &draft, &target);
            if copied.is_err() {
                // What is left of the draft is of no use; that it cannot be removed is less news than the error.
                let _ = fs::remove_file(&draft);
            }
            copied
        });
        copying.await.map_err(|error| StoreError::Panicked { detail: error.to_string() })?
    }

    /// Runs a change on the writer thread. The body may run more than once and is inside a transaction.
    pub(crate) async fn change<T, F>(&self, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> OpResult<T> + Send + 'static,
    {
        match &self.shared.writer {
            Some(writer) => writer.change(body).await,
            None => Err(StoreError::OpenedReadOnly { path: self.shared.database.clone() }),
        }
    }

    /// Runs a read on a snapshot.
    pub(crate) async fn read<T, F>(&self, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> OpResult<T> + Send + 'static,
    {
        self.shared.readers.read(body).await
    }

    /// Definitions of jobs that were read.
    pub(crate) fn definitions(&self) -> Arc<Definitions> {
        Arc::clone(&self.shared.definitions)
    }

    /// The newest event of this process's commits.
    pub(crate) fn watch_latest(&self) -> watch::Receiver<i64> {
        self.shared.latest.subscribe()
    }
}

fn copy(database: &Path, draft: &Path, target: &Path) -> Result<(), StoreError> {
    let text = draft.to_str().ok_or_else(|| {
        let error = std::io::Error::new(std::io::ErrorKind::InvalidInput, "the path is not valid UTF-8");
        StoreError::io("writing the copy", draft, error)
    })?;
    let connection = open_reader(database)?;
    connection.execute("VACUUM INTO ?1", [text]).map_err(|error| OpError::from(error).at(draft))?;
    let file = fs::File::open(draft).map_err(|error| StoreError::io("opening", draft, error))?;
    file.sync_all().map_err(|error| StoreError::io("syncing", draft, error))?;
    fs::rename(draft, target).map_err(|error| StoreError::io("writing the copy", target, error))
}
