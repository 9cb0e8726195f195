//! Data sets: pictures with captions, or critiques with their pictures, in the forms that trainers and table readers take.
//!
//! What goes in is gathered first ([`pictures`], [`critiques`]): items with their words, lineage and rights. What is done with them
//! (near-duplicates, the split) is pure. A form is a pure function from items to pieces; writing them is one function for
//! all forms (`write`), which ends with `dataset.json`, and [`check`] reads a folder again.

mod captions;
mod card;
mod check;
pub(crate) mod critiques;
mod forms;
mod item;
mod likeness;
mod parquet_file;
mod pictures;
mod piece;
mod record;
mod release;
mod shard;
pub(crate) mod table;
mod write;

pub use captions::CaptionRule;
pub use card::CardWords;
pub use check::{Checked, Fault, check};
pub use critiques::{CritiqueRow, critiques};
pub use forms::Form;
pub use item::{Dataset, DatasetError, Rights};
pub use likeness::Likeness;
pub use pictures::{PictureRequest, pictures};
pub use release::{Change, ReleaseRequest, changes, release};
pub use write::{FormOptions, Written, write};
