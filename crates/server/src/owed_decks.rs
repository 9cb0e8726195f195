//! Decks that were started here, or by a server that ended before them, and are not made yet: when one job of theirs has ended the next
//! is submitted, and behind the last one the files are written. Each is a file in the workspace until then, written before its job
//! is submitted, so that the next server goes on where this one ended.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use imagemill_decks::{DeckFolder, write_whole};
use imagemill_desk::DeskError;
use imagemill_domain::job_file::JobFile;
use serde::{Deserialize, Serialize};

use crate::decks::{go_on, id_of};
use crate::error::Answer;
use crate::state::AppState;

/// Between two looks for jobs that ended.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// A deck that is not made yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OwedDeck {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// Profile, models, options, `[deck]`, as the command line would have them.
    pub(crate) base: JobFile,
    /// These pages alone; none means all.
    pub(crate) pages: Vec<u32>,
    /// Name of the job that is under way.
    pub(crate) job: String,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct OwedDecks {
    folder: PathBuf,
    known: Mutex<Vec<OwedDeck>>,
    /// Held while a job of a deck is submitted or looked at: between a deck's note and its job the job before would be taken for it.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

impl OwedDecks {
    /// Their files lie in `folder`.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, known: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// Remembers a deck, or what comes next of one.
    pub(crate) fn add(&self, mut deck: OwedDeck) -> Result<(), DeskError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = known.iter().position(|one| one.folder == deck.folder) {
            // What was ordered before is still wanted.
            let before = known.remove(at).pages;
            if before.is_empty() {
                deck.pages.clear();
            } else if !deck.pages.is_empty() {
                deck.pages.extend(before);
                deck.pages.sort_unstable();
                deck.pages.dedup();
            }
        }
        let text = serde_json::to_vec_pretty(&deck).expect("our own shapes always serialise");
        write_whole(&self.file(&deck.folder), |file| std::io::Write::write_all(file, &text))?;
        known.push(deck);
        Ok(())
    }

    /// Whether a deck is among them.
    pub(crate) fn has(&self, folder: &Path) -> bool {
        self.all().iter().any(|deck| deck.folder == folder)
    }

    fn file(&self, folder: &Path) -> PathBuf {
        self.folder.join(format!("{}.json", id_of(folder)))
    }

    fn all(&self) -> Vec<OwedDeck> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The deck is made, or cannot be. One whose next job was submitted meanwhile stays.
    fn forget(&self, deck: &OwedDeck) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = known.iter().position(|one| one.folder == deck.folder && one.job == deck.job) else { return };
        known.remove(at);
        let _ = std::fs::remove_file(self.file(&deck.folder));
    }

    /// Those that a server before this one left.
    fn load(&self) {
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok) {
            let read = std::fs::read(entry.path()).ok().and_then(|text| serde_json::from_slice::<OwedDeck>(&text).ok());
            if let Some(deck) = read.filter(|deck| self.file(&deck.folder) == entry.path()) {
                self.known.lock().unwrap_or_else(PoisonError::into_inner).push(deck);
            }
        }
    }
}

/// Follows decks from job to job for as long as the server lives.
pub(crate) async fn follow(state: AppState) {
    state.owed_decks.load();
    loop {
        for deck in state.owed_decks.all() {
            let _turn = state.owed_decks.turn.lock().await;
            match step(&state, &deck).await {
                Ok(true) => {}
                Ok(false) => state.owed_decks.forget(&deck),
                Err(error) => {
                    tracing::warn!(deck = %deck.folder.display(), ?error, "a deck could not be followed to its end");
                    state.owed_decks.forget(&deck);
                }
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether the deck is still owed.
async fn step(state: &AppState, deck: &OwedDeck) -> Answer<bool> {
    let folder = DeckFolder::open(&deck.folder).map_err(DeskError::from)?;
    Box::pin(go_on(state, &folder, deck)).await
}
