//! `dataset.json`: what a folder holds, with the hash of every file. It tells our folders from those of others, and an export that was
//! cut from a whole one.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The file.
pub(crate) const FILE: &str = "dataset.json";
/// Version of the form.
const VERSION: u64 = 1;

/// One file of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    /// Path below the folder, with `/`.
    pub(crate) file: String,
    pub(crate) bytes: u64,
    /// Lower-case hex.
    pub(crate) sha256: String,
}

/// The record of a folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    /// Version of the form.
    pub(crate) dataset: u64,
    pub(crate) tool: String,
    pub(crate) tool_version: String,
    pub(crate) name: String,
    /// The form's word, or `release`.
    pub(crate) form: String,
    /// `false` while it is written.
    pub(crate) complete: bool,
    /// Rows by part or subset.
    pub(crate) counts: BTreeMap<String, u64>,
    /// Rows by collection; of releases.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) collections: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) near_duplicate_bits: Option<u32>,
    pub(crate) near_duplicates_left_out: u64,
    pub(crate) columns: Vec<String>,
    pub(crate) files: Vec<FileEntry>,
}

impl Record {
    /// Of this build, nothing in it yet.
    pub(crate) fn new(name: &str, form: &str) -> Self {
        let text = str::to_owned;
        Self {
            dataset: VERSION,
            tool: text("imagemill"),
            tool_version: text(env!("CARGO_PKG_VERSION")),
            name: text(name),
            form: text(form),
            ..Self::default()
        }
    }

    /// The record of a folder; `None` when there is none, or none of ours.
    pub(crate) fn read(folder: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(folder.join(FILE)).ok()?;
        let record: Self = serde_json::from_str(&text).ok()?;
        (record.tool == "imagemill" && (1..=VERSION).contains(&record.dataset)).then_some(record)
    }

    /// The whole record as text.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    pub(crate) fn by_file(&self) -> BTreeMap<&str, &FileEntry> {
        self.files.iter().map(|entry| (entry.file.as_str(), entry)).collect()
    }
}
