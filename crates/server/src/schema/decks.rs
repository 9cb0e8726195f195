//! Slide decks.

use serde_json::Value;
use utoipa::ToSchema;

shapes! {
    /// A slide deck in a list.
    DeckRow {
        id: String,
        deck_id: String,
        folder: String,
        title: Option<String>,
        /// What it is about.
        topic: String,
        page_count: Option<u32>,
        pages_done: u32,
        created_at: String,
        /// Why its folder cannot be used.
        fault: Option<String>,
    }

    /// Slide decks.
    DeckPage { items: Vec<DeckRow> }

    /// A text of a page that is not drawn as it should be.
    DeckMisprint { label: String, read: Option<String>, state: String, distance: u64 }

    /// How the words in a page's picture came out.
    DeckWords { fidelity: f64, misprints: Vec<DeckMisprint> }

    /// One page of a deck.
    DeckSlide {
        page_no: u32,
        prompt_done: bool,
        png_done: bool,
        /// `skip`, `render_only` or `full`.
        action: String,
        why: Option<String>,
        words: Option<DeckWords>,
        title: Option<String>,
        prompt: Option<String>,
        /// Content name of the picture in the folder.
        picture: Option<String>,
        /// Content names of the pictures that were made of it.
        takes: Vec<String>,
        failure: Option<String>,
    }

    /// A job of a deck.
    DeckJob {
        id: i64,
        /// `outline` or `pages`.
        what: String,
        state: String,
        reason: Option<String>,
        spent: f64,
        /// Calls that cost nobody knows what.
        unpriced: u64,
        /// Tasks that have not ended.
        open: u64,
    }

    /// A deck.
    DeckDocument {
        id: String,
        deck_id: String,
        folder: String,
        title: Option<String>,
        topic: String,
        page_count: Option<u32>,
        pages_done: u32,
        created_at: String,
        fault: Option<String>,
        style_spec_done: bool,
        outline_done: bool,
        pptx_done: bool,
        style: String,
        pages: Vec<DeckSlide>,
        jobs: Vec<DeckJob>,
        /// Whether it is on its way: what comes behind its job starts by itself.
        goes_on: bool,
        /// Documents that could not be read, when it was just made.
        unread: Option<Vec<Value>>,
    }

    /// A deck that is being made.
    DeckStarted {
        /// The job that runs first; `null` when nothing was left to make.
        job: Option<i64>,
    }
}
