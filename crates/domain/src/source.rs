//! What the source scan found, before it becomes tasks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::picture::PictureFormat;
use crate::task::SourcePicture;

/// One unit of input: a picture (edit) or a row (generate), with its own prompts and columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceItem {
    /// Pictures in sending order; the first is the one that is edited. Empty for a row without pictures.
    pub pictures: Vec<SourcePicture>,
    /// Format of the first picture by its content.
    pub format: Option<PictureFormat>,
    /// Size of the first picture in bytes.
    pub bytes: u64,
    /// Pixels of the first picture as stored: width, height.
    pub size: Option<(u32, u32)>,
    /// The item's own prompt (side-car text or prompt column), literal.
    pub prompt: Option<String>,
    /// Columns of its list row, by header; empty without a list.
    pub columns: BTreeMap<String, String>,
}

/// A file that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Path as the user would write it.
    pub path: String,
    /// Why.
    pub reason: SkipReason,
}

/// Why a file is not among the items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum SkipReason {
    /// Same bytes as an earlier one.
    Duplicate {
        /// Name of the earlier one.
        of: String,
    },
    /// Named like a picture and is none, or its header cannot be read.
    NotAPicture {
        /// In plain words.
        detail: String,
    },
    /// Could not be opened or read.
    Unreadable {
        /// In plain words.
        detail: String,
    },
}

/// All that a scan found, in natural order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scan {
    /// The inputs.
    pub items: Vec<SourceItem>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// Files that were not looked at because they are not named or shaped like pictures.
    pub ignored: u64,
}
