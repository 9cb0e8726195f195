//! What a data set is made of: plain data, and the sentences for what it cannot be made of.

use std::path::PathBuf;

use imagemill_domain::hash::{ContentHash, Sha256Hash};
use imagemill_domain::picture::PictureFormat;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::card::CardWords;
use super::table::Column;
use crate::error::ExportError;

/// Items that a sentence names; the rest is counted.
const NAMED: usize = 20;

/// A picture file with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture {
    /// Where its bytes are.
    pub(crate) path: PathBuf,
    /// What they must be.
    pub(crate) blake3: ContentHash,
    /// Known of pictures that were made here; else it is found on the way.
    pub(crate) sha256: Option<Sha256Hash>,
    pub(crate) format: PictureFormat,
    pub(crate) bytes: u64,
    /// The perceptual hash; not every form of asking needs one.
    pub(crate) phash: Option<u64>,
}

/// Which part of the set an item is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Split {
    /// What is learned from.
    #[default]
    Train,
    /// What is measured on.
    Validation,
}

impl Split {
    /// Both, in order.
    pub(crate) const ALL: [Self; 2] = [Self::Train, Self::Validation];

    /// The stable machine word, which folders and files are named by.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
        }
    }
}

/// One example: a picture, what it was made from, and its row.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Name of its files without suffix: unique in the set, without dots and slashes.
    pub(crate) stem: String,
    /// What a person knows it by.
    pub(crate) title: String,
    pub(crate) picture: Picture,
    /// The pictures it was made from, in the order in which they were sent.
    pub(crate) controls: Vec<Picture>,
    pub(crate) mask: Option<Picture>,
    /// What stands in its text file; critiques have none.
    pub(crate) caption: String,
    /// Kept before others of its kind: kept by a reviewer, then rating.
    pub(crate) worth: u8,
    pub(crate) split: Split,
    /// Its row.
    pub(crate) fields: Map<String, Value>,
}

/// What may be done with the pictures and the words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rights {
    /// Licence of the pictures, an SPDX id where there is one; a column `license` of the list wins for its picture.
    pub license: Option<String>,
    /// Licence of captions or critiques.
    pub text_license: Option<String>,
    /// Who is to be named.
    pub attribution: Option<String>,
}

/// A set that can be written.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Its name.
    pub(crate) name: String,
    /// Whether the rows are critiques.
    pub(crate) of_critiques: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) items: Vec<Item>,
    pub(crate) rights: Rights,
    /// The word that stands for what is learned, when captions have one.
    pub(crate) trigger: Option<String>,
    /// Near-duplicates that were left out.
    pub(crate) removed: u64,
    /// Bits within which two pictures counted as one.
    pub(crate) bits: Option<u32>,
    /// What its card is written with.
    pub(crate) words: CardWords,
}

impl Dataset {
    /// With a card in these words.
    #[must_use]
    pub fn with_words(self, words: CardWords) -> Self {
        Self { words, ..self }
    }

    /// How many examples it has.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The rows of its items.
    pub fn rows(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.items.iter().map(|item| &item.fields)
    }

    /// Positions of the items of a part.
    pub(crate) fn part(&self, split: Split) -> Vec<usize> {
        (0..self.items.len()).filter(|at| self.items[*at].split == split).collect()
    }
}

/// Why a set is not written.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// Nothing to write.
    #[error("there is nothing to export: no picture that was not rejected")]
    Empty,
    /// Captions are missing: a trainer would take the pictures without words and say nothing.
    #[error(
        "these have no caption ({count}): {names}; give them one with --caption or in a column of the list, or leave them out with \
         --leave-out-captionless"
    )]
    Captionless {
        /// How many.
        count: usize,
        /// Which.
        names: String,
    },
    /// Masks are missing.
    #[error(
        "these have no mask in the folder ({count}): {names}; a mask has the name of the source or of the exported picture"
    )]
    Maskless {
        /// How many.
        count: usize,
        /// Which.
        names: String,
    },
    /// The form cannot hold this.
    #[error("{0}")]
    Unfit(String),
    /// A picture cannot be read.
    #[error("{name} cannot be exported: {message}")]
    Picture {
        /// Which.
        name: String,
        /// Why.
        message: String,
    },
    /// The folder is not ours.
    #[error("{0} holds other files and no dataset.json; name a folder that is empty or not there")]
    Occupied(String),
    /// No data set here.
    #[error("{folder} is no data set: {message}")]
    NotOne {
        /// Which.
        folder: String,
        /// Why.
        message: String,
    },
    /// Files cannot be written, or the workspace cannot be read.
    #[error(transparent)]
    Export(#[from] ExportError),
}

impl DatasetError {
    /// Whether something else has to be asked for, and nothing is broken.
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Export(_) | Self::Picture { .. })
    }
}

impl From<imagemill_store::StoreError> for DatasetError {
    fn from(error: imagemill_store::StoreError) -> Self {
        Self::Export(ExportError::Store(error))
    }
}

/// How many, and the first twenty names.
pub(crate) fn named(titles: &[String]) -> (usize, String) {
    let mut names = titles[..titles.len().min(NAMED)].join(", ");
    if titles.len() > NAMED {
        names += " …";
    }
    (titles.len(), names)
}
