//! Pictures of collections, their batches and merges.

use std::collections::BTreeMap;

use imagemill_domain::hash::ContentHash;

/// A picture that a collection takes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCollectionItem {
    /// Its bytes.
    pub picture: ContentHash,
    /// Where it can be opened.
    pub path: String,
    /// As the collection's files name it.
    pub name: String,
    /// What else is known of it, such as `artist`.
    pub columns: BTreeMap<String, String>,
}

/// A picture of a collection.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectionItem {
    /// Its number in the workspace, which it keeps.
    pub id: i64,
    /// Its bytes.
    pub picture: ContentHash,
    /// Where it can be opened.
    pub path: String,
    /// As the collection's files name it.
    pub name: String,
    /// What else is known of it, such as `artist`.
    pub columns: BTreeMap<String, String>,
    /// The batch that took it.
    pub batch: Option<u32>,
    /// Whether a row came from elsewhere; it needs no task.
    pub has_row: bool,
    /// The merge that has its row as it stands; 0 for none.
    pub merged: u32,
    /// When a row of it was merged first, microseconds since 1970: its ids are made from it.
    pub minted_us: Option<i64>,
}

/// A merge of accepted rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionMerge {
    /// Its number, from 1.
    pub number: u32,
    /// When it was begun, microseconds since 1970.
    pub created_us: i64,
    /// Rows that it brings.
    pub rows: u64,
    /// Address of the table that it goes into; empty for files alone.
    pub lake: String,
    /// The table's version before it; 0 when there was no table.
    pub version_before: u64,
    /// The table's version behind it; `None` until it is done. 0 for files alone.
    pub version_after: Option<u64>,
    /// When it was taken back.
    pub undone_us: Option<i64>,
}

/// A batch of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionBatch {
    /// Its number, from 1.
    pub number: u32,
    /// Its job by name; empty when somebody else works on it.
    pub job: String,
    /// When it was taken, microseconds since 1970.
    pub created_us: i64,
}
