//! The table `[deck]` of a job file: which deck a job works on. What a deck's folder holds is the crate `decks`' matter.

use serde::{Deserialize, Serialize};

/// Most pictures of one page to choose from.
pub const MAX_TAKES: u32 = 8;

/// `[deck]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeckSection {
    /// The deck's folder; it has a `task_pack.json`.
    pub folder: String,
    /// These pages alone; empty means all that have work left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<u32>,
    /// Pictures made of each page; the one whose words came out best is the page's.
    #[serde(skip_serializing_if = "is_one")]
    pub takes: u32,
    /// Whether a model reads the words off each picture.
    pub check: bool,
    /// A picture that every page is sent with, so that they look alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
fn is_one(takes: &u32) -> bool {
    *takes == 1
}

impl Default for DeckSection {
    fn default() -> Self {
        Self { folder: String::new(), pages: Vec::new(), takes: 1, check: true, anchor: None }
    }
}

impl DeckSection {
    /// Whether its numbers are possible; else the key, the value and what is possible.
    pub fn check(&self) -> Result<(), (&'static str, String, &'static str)> {
        if !(1..=MAX_TAKES).contains(&self.takes) {
            return Err(("deck.takes", self.takes.to_string(), "1 to 8"));
        }
        Ok(())
    }
}
