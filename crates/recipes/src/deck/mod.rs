//! Slide decks: `outline` turns a deck's topic into its style and outline, `slides` each page of the outline into its prompt and its
//! picture. Their drafts are the deck's own folder: what a person put there stands, and every paid step is in the journal.

mod digest;
mod outline;
mod page_prompt;
mod place;
mod slides;
mod words;

pub use outline::Outline;
pub use slides::Slides;
