//! Rows of a data set in a LanceDB table: keyed by collection and picture, each merge a version that can be taken back. Heavy, so it is
//! the feature `lance`; a build without it says how to get one that has it.

#[cfg(not(feature = "lance"))]
mod disabled;
#[cfg(feature = "lance")]
mod enabled;

use std::collections::BTreeMap;

use serde::Serialize;

#[cfg(not(feature = "lance"))]
pub use disabled::{difference, merge, prepare, restore, version};
#[cfg(feature = "lance")]
pub use enabled::{difference, merge, prepare, restore, version};

/// Why a table was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// This build cannot.
    #[error(
        "this imagemill was built without Lance; build it with `cargo build --release -p imagemill-cli --features lance` (needs protoc), or \
         leave --lance and the collection's key lance out"
    )]
    NotBuilt,
    /// Another address, no rights, a damaged table, a full disk.
    #[error("the Lance table {table} at {address} cannot be {done}: {message}")]
    Failed {
        /// Folder or address.
        address: String,
        /// The collection.
        table: String,
        /// Read, written or restored.
        done: &'static str,
        /// In Lance's words.
        message: String,
    },
    /// Embeddings that do not fit together.
    #[error("{row} has an embedding of {found} numbers, and others have {expected}; a table holds one length")]
    Embedding {
        /// Which row.
        row: String,
        /// Its length.
        found: usize,
        /// That of the others.
        expected: usize,
    },
}

/// What a merge would change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The table's version; 0 when there is no table.
    pub version: u64,
    /// Rows that the table does not have.
    pub new: Vec<String>,
    /// Rows that are other ones there, by picture.
    pub changed: Vec<String>,
    /// Rows that are the same.
    pub same: u64,
    /// Rows of the table by collection.
    pub there: BTreeMap<String, u64>,
}
