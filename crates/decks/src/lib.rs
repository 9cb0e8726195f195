//! Slide decks of full-page pictures: the folder and its packs (`folder`), what the outline must keep to (`outline`), page prompts
//! without style metadata (`sanitise`), how far a deck is (`status`), and the pptx file (`build`, `pptx`).
//!
//! Must not know jobs, providers or commands.

mod build;
mod folder;
mod outline;
mod pptx;
mod sanitise;
mod status;

pub use build::{BuildOptions, Built, Missing, MissingPage, build};
pub use folder::{DeckError, DeckFolder, DeckParams, PagePicture, TaskPack, write_whole};
pub use outline::{Fault, OnPageText, Outline, Page, PageType};
pub use pptx::{Fit, check as check_pptx};
pub use sanitise::{Removal, Rule, Sanitised, sanitise};
pub use status::{DeckStatus, PageAction, PageStatus, status};
