//! What can go wrong in the store, in sentences that say what to do. Knows nothing of jobs or providers.

use std::io;
use std::path::{Path, PathBuf};

/// The cause below a [`StoreError`], for logs.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the store could not do what it was asked. Nothing of the failed change is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No room for the change.
    #[error("the disk is full: {} could not be written. Free some space and run the same command again; nothing that was stored is lost", path.display())]
    DiskFull {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// The file, or its folder, cannot be written.
    #[error("{} cannot be written: the file or its folder is read-only. Change its permissions or choose another workspace with --workspace", path.display())]
    NotWritable {
        /// The file or folder.
        path: PathBuf,
    },
    /// The file, or one beside it, cannot be opened.
    #[error("{} could not be opened: this user cannot read or write it, or its folder. Change the permissions or choose another workspace with --workspace", path.display())]
    CannotOpen {
        /// The database.
        path: PathBuf,
    },
    /// A change was asked of a store that was opened for reading.
    #[error("{} was opened for reading only, so nothing can be changed through it", path.display())]
    OpenedReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// There is no database where one is to be read.
    #[error("there is no database at {}: no job was ever run in this workspace", path.display())]
    NoDatabase {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The database's bytes are not sound.
    #[error("the database {} is damaged ({detail}). It was left as it is. Copy it and the files beside it to a safe place, then restore a backup, or try `sqlite3 {} .recover` into a new file; pictures in the folder `files` are not affected", path.display(), path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// A newer imagemill wrote it.
    #[error("the database {} has schema version {found}, this imagemill knows versions up to {known}. Use the newer imagemill that made it", path.display())]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Version in the file.
        found: i64,
        /// Latest version known here.
        known: i64,
    },
    /// An older imagemill wrote it and it cannot be brought up to date through a reader.
    #[error("the database {} has schema version {found} and must be brought to {known} first: stop the imagemill that uses it, then run any command that changes something", path.display())]
    OlderSchema {
        /// The database.
        path: PathBuf,
        /// Version in the file.
        found: i64,
        /// Latest version known here.
        known: i64,
    },
    /// A database of another program.
    #[error("{} is a database of another program, not of imagemill. Choose another workspace with --workspace", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// Another process kept the database locked.
    #[error("another process has kept {} locked for too long. Look for a second imagemill or a database tool that has it open", path.display())]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{doing} {} failed: {source}", path.display())]
    Io {
        /// What was tried, as a phrase that goes before the path.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database refused for a reason not named above.
    #[error("the database {} failed: {source}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// Why.
        source: Cause,
    },
    /// A row that cannot be read back.
    #[error("{what} in the database cannot be read: {detail}. A newer or older imagemill may have written it")]
    BadRow {
        /// Which row.
        what: String,
        /// Why.
        detail: String,
    },
    /// There is no such row.
    #[error("there is no {what} {id} in this workspace")]
    Missing {
        /// `job`, `task`, `call`, `asset`.
        what: &'static str,
        /// Its number.
        id: i64,
    },
    /// A job cannot be deleted while tasks of it run.
    #[error("{running} tasks of the job are running: stop it and wait for them before it is deleted")]
    JobBusy {
        /// How many.
        running: u64,
    },
    /// An owner's lease ended and its tasks were given to another.
    #[error("owner {owner} is not registered or its lease was taken over: it must take no more tasks")]
    OwnerLost {
        /// Which.
        owner: i64,
    },
    /// A call or task was to end in a state that is no end.
    #[error("{what} cannot end in the state {state:?}, which is not an end")]
    NotAnEnd {
        /// `a call`, `a task`.
        what: &'static str,
        /// The state's word.
        state: &'static str,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A bug in the store.
    #[error("the store failed inside ({detail}); nothing was changed. Please report this")]
    Panicked {
        /// The panic's message.
        detail: String,
    },
}

impl StoreError {
    /// An operating system's error, with the two that a user meets told apart.
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::NotWritable { path },
            _ => Self::Io { doing, path, source },
        }
    }
}
