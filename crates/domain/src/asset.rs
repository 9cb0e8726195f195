//! An asset: a picture stored byte for byte under its content hash, and where it came from.

use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;
use crate::picture::{Findings, PictureFacts};
use crate::task::TaskId;

/// Row id of a result: one picture as the answer to one task. The same bytes may be the result of several tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AssetId(pub i64);

/// How the provider handed the picture over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Base64 or a data URL inside the answer.
    Inline,
    /// An address that was downloaded.
    Link,
}

/// One result picture with its lineage. The bytes lie in the workspace under `facts.blake3`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asset {
    /// Row id.
    pub id: AssetId,
    /// The task it answers.
    pub task: TaskId,
    /// The call that was paid for it.
    pub call: crate::call::CallId,
    /// Position among the pictures of the task, from 1.
    pub index: u32,
    /// Measured facts.
    pub facts: PictureFacts,
    /// What the checks found.
    pub findings: Findings,
    /// How it came.
    pub delivery: Delivery,
    /// The source pictures it was made from, by content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<ContentHash>,
    /// When it was stored, microseconds since 1970.
    pub created_us: i64,
}
