//! Between the database library's errors and [`StoreError`]: what a verb's body may return, and what the caller is
//! told. Knows the database library, and no rows.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::StoreError;

/// Why the body of a verb ended early.
#[derive(Debug)]
pub(crate) enum OpError {
    /// The database refused; told apart when the path is known.
    Sqlite(rusqlite::Error),
    /// The verb itself refused.
    Store(StoreError),
}

/// What the body of a verb returns.
pub(crate) type OpResult<T> = Result<T, OpError>;

impl From<rusqlite::Error> for OpError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for OpError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl OpError {
    /// As told to the caller.
    pub(crate) fn at(self, database: &Path) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Sqlite(error) => told(&error, database),
        }
    }
}

/// A stored value that is not what this program writes.
pub(crate) fn bad_row(what: &str, id: i64, detail: impl std::fmt::Display) -> OpError {
    OpError::Store(StoreError::BadRow { what: format!("{what} {id}"), detail: detail.to_string() })
}

/// `error` in words that a user can act on.
pub(crate) fn told(error: &rusqlite::Error, database: &Path) -> StoreError {
    let path = database.to_path_buf();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::DiskFull { path },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreError::NotWritable { path },
        Some(ErrorCode::CannotOpen) => StoreError::CannotOpen { path },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Damaged { path, detail: error.to_string() }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path },
        _ => StoreError::Database { path, source: error.to_string().into() },
    }
}
