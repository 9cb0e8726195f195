//! What comes out: names and folders, training pairs, manifest, contact sheet.
//!
//! One function, [`save`], copies a job's pictures out of the workspace under the names of a `SaveRule`. It never changes
//! an original, never leaves the output folder, and saving again writes only what is new: `manifest.json` remembers which
//! asset went where.

mod clean;
pub mod dataset;
mod error;
mod feed;
mod folder;
pub mod lake;
mod manifest;
mod naming;
mod place;
mod request;
mod rows;
mod save;
mod session;
mod sheets;

pub use error::ExportError;
pub use naming::check_rule;
pub use request::{FileKind, PlannedName, SaveFailure, SaveProgress, SaveRequest, Saved, Selection};
pub use rows::{rows, save_rows};
pub use save::save;
