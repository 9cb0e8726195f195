//! Slide decks of full-page pictures: the folder and its packs (`folder`), what the outline must keep to (`outline`), page prompts
//! without style metadata (`sanitise`), how far a deck is (`status`), and the pptx and PDF files (`build`, `pptx`, `pdf`).
//!
//! Must not know jobs, providers or commands.

mod aside;
mod build;
mod create;
mod documents;
mod folder;
mod info;
mod look;
mod outline;
mod pdf;
mod pptx;
mod record;
mod sanitise;
mod sheet;
mod status;
mod style;

pub use aside::Stage;
pub use build::{BuildOptions, Built, Missing, MissingPage, build, build_pdf};
pub use create::{NewDeck, create, slug};
pub use documents::{DocumentError, InheritedImage, RawDocument, RawDocuments, read_documents};
pub use folder::{DeckError, DeckFolder, DeckParams, PagePicture, TaskPack, place_picture, read_text, write_whole};
pub use info::{Excerpts, InfoPack, UserAssets};
pub use outline::{Fault, OnPageText, Outline, Page, PageType};
pub use pptx::{Fit, check as check_pptx};
pub use record::{PageRecord, Take, Words, page_hash};
pub use sanitise::{Removal, Rule, Sanitised, sanitise};
pub use sheet::write_sheets;
pub use status::{DeckStatus, PageAction, PageStatus, page_status, status};
pub use style::{NEGATIVE_PROMPT, mend_style, style_faults};
