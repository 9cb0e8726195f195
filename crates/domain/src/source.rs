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
    /// A link to a folder, met while walking. Such links are not entered, so that no walk can go round in circles.
    LinkedFolder,
}

impl std::fmt::Display for SkipReason {
    /// A fragment for people, to stand behind the path and a colon.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Duplicate { of } => write!(f, "the same bytes as {of}"),
            Self::NotAPicture { detail } | Self::Unreadable { detail } => f.write_str(detail),
            Self::LinkedFolder => f.write_str("a link to a folder; name the folder itself to take its pictures"),
        }
    }
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
