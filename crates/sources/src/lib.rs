//! What goes into a job: folders, globs, lists and side-car prompts become source items.
//!
//! One function, [`scan`], reads what `[source]` names and gives a `domain::source::Scan`: every picture with its content
//! hash, its own prompt and its columns, in an order that does not depend on the file system. Nothing in here knows of
//! providers, jobs or the store, and no file is ever changed.

mod error;
mod inspect;
mod items;
mod list;
mod names;
mod order;
mod paths;
mod rows;
mod scan;
mod sidecar;
mod text;
mod walk;

pub use error::{Problem, SourceError};
pub use order::natural;
pub use scan::{ScanProgress, scan};
