//! `info_pack.json`: what a deck is made from. Members that nobody knows are kept.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::documents::RawDocuments;
use crate::folder::{DeckError, DeckFolder, read_text, write_whole};

/// The pack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InfoPack {
    /// What the user asked for, in the user's words.
    #[serde(default)]
    pub user_query: String,
    /// What the user brought.
    #[serde(default)]
    pub user_assets: UserAssets,
    /// What the documents say, as a model digested it.
    #[serde(default)]
    pub document_digest: Option<Value>,
    /// Where the documents' own words are.
    #[serde(default)]
    pub raw_document_excerpts: Excerpts,
    /// Everything else.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// What a user brought.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UserAssets {
    /// Pictures that show how it should look.
    #[serde(default)]
    pub reference_images: Vec<String>,
    /// Documents that say what it should say.
    #[serde(default)]
    pub reference_docs: Vec<String>,
    /// Those of them that could not be read, with the reason.
    #[serde(default)]
    pub reference_docs_failed: Vec<Value>,
    /// What a model sees in the pictures, by their paths.
    #[serde(default)]
    pub reference_image_captions: BTreeMap<String, String>,
    /// Everything else.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// Where the documents' own words are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Excerpts {
    /// Whether there are any.
    #[serde(default)]
    pub enabled: bool,
    /// `raw_documents.json`.
    #[serde(default)]
    pub path: String,
}

impl InfoPack {
    /// Reference pictures that are there, and those that are not.
    pub fn references(&self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        self.user_assets.reference_images.iter().map(PathBuf::from).partition(|path| path.is_file())
    }
}

impl DeckFolder {
    /// The pack; an empty one when the folder has none.
    pub fn info(&self) -> Result<InfoPack, DeckError> {
        let path = self.info_path();
        if !path.is_file() {
            return Ok(InfoPack::default());
        }
        let text = read_text(&path)?;
        serde_json::from_str(&text).map_err(|error| DeckError::Unreadable { path, why: error.to_string() })
    }

    /// Writes the pack.
    pub fn write_info(&self, info: &InfoPack) -> Result<(), DeckError> {
        write_json(&self.info_path(), info)
    }

    /// The documents' own words; `None` when there are none.
    pub fn documents(&self, info: &InfoPack) -> Result<Option<RawDocuments>, DeckError> {
        if !info.raw_document_excerpts.enabled {
            return Ok(None);
        }
        // A folder that was moved still has its own file, and what is learnt of the documents is written there.
        let own = self.documents_path();
        let path = if own.is_file() { own } else { PathBuf::from(&info.raw_document_excerpts.path) };
        let text = read_text(&path)?;
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|error| DeckError::Unreadable { path, why: error.to_string() })
    }

    /// Writes what is known of the documents.
    pub fn write_documents(&self, documents: &RawDocuments) -> Result<(), DeckError> {
        write_json(&self.documents_path(), documents)
    }

    /// `info_pack.json`.
    pub fn info_path(&self) -> PathBuf {
        self.root.join("info_pack.json")
    }

    /// `raw_documents.json`.
    pub fn documents_path(&self) -> PathBuf {
        self.root.join("raw_documents.json")
    }
}

/// Writes JSON for people and programs.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), DeckError> {
    let text = serde_json::to_string_pretty(value).expect("our own shapes always serialise") + "\n";
    write_whole(path, |file| file.write_all(text.as_bytes()))
}
