//! What a page was made from and how its words came out: `pages/page_003.json`, beside the picture. With it a change of one page
//! makes that page again and no other; without it the times of the files decide.

use imagemill_domain::hash::ContentHash;
use imagemill_domain::infographic::{LabelCheck, LabelState, compare_labels, text_fidelity};
use serde::{Deserialize, Serialize};

use crate::folder::{DeckError, DeckFolder, read_text};
use crate::info::write_json;
use crate::outline::Page;

/// The record of a page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PageRecord {
    /// The outline's page that the prompt was written from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outline: Option<ContentHash>,
    /// The prompt that the picture was drawn from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<ContentHash>,
    /// What was decided for the page, in plain words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The pictures that were made, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub takes: Vec<Take>,
}

/// A picture of a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Take {
    /// Its content.
    pub picture: ContentHash,
    /// The content of the file that shows it, where it had to be written in another format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed: Option<ContentHash>,
    /// How its words came out; `None` when nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<Words>,
}

/// The words in a picture against those that the outline puts there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Words {
    /// The share of letters that are right, 0 to 1.
    pub fidelity: f64,
    /// Texts that are not there as they should be.
    pub misprints: Vec<LabelCheck>,
}

impl Words {
    /// Holds what was read off a picture against the page.
    pub fn of(page: &Page, read: &[String]) -> Self {
        let labels: Vec<String> = page.on_page_text.all().map(str::to_owned).collect();
        let checks = compare_labels(&labels, read);
        let fidelity = text_fidelity(&checks);
        Self { fidelity, misprints: checks.into_iter().filter(|check| check.state != LabelState::Same).collect() }
    }
}

impl PageRecord {
    /// The picture whose words came out best; the earlier of two that are alike.
    pub fn best(&self) -> Option<&Take> {
        let fidelity = |take: &Take| take.words.as_ref().map_or(1.0, |words| words.fidelity);
        let mut takes = self.takes.iter();
        let first = takes.next()?;
        Some(takes.fold(first, |best, take| if fidelity(take) > fidelity(best) { take } else { best }))
    }

    /// How the words of this picture came out.
    pub fn words_of(&self, picture: ContentHash) -> Option<&Words> {
        self.takes.iter().find(|take| take.picture == picture || take.placed == Some(picture))?.words.as_ref()
    }
}

/// What identifies a page of an outline.
pub fn page_hash(page: &Page) -> ContentHash {
    ContentHash::of(&serde_json::to_vec(page).expect("our own shapes always serialise"))
}

impl DeckFolder {
    /// A page's record; `None` when there is none that can be read, as with pages that another program made.
    pub fn record(&self, page_no: u32) -> Option<PageRecord> {
        serde_json::from_str(&read_text(&self.record_path(page_no)).ok()?).ok()
    }

    /// Writes it.
    pub fn write_record(&self, page_no: u32, record: &PageRecord) -> Result<(), DeckError> {
        write_json(&self.record_path(page_no), record)
    }

    /// `pages/page_003.json`.
    pub fn record_path(&self, page_no: u32) -> std::path::PathBuf {
        self.root.join("pages").join(format!("page_{page_no:03}.json"))
    }
}
