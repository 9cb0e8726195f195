//! Bytes to checked pictures: real type, bounds, full decode, thumbnail, perceptual hash, preparation before sending,
//! findings and contact sheets.
//!
//! Everything is synchronous and belongs on the bounded CPU pool, never on an async thread. Nothing here knows jobs, tasks
//! or the store. Original bytes are never changed: what is made here is a copy.

mod convert;
mod decode;
mod error;
mod findings;
mod ingest;
mod input;
mod jpeg;
mod look;
mod prepare;
mod sheet;
mod shrink;
pub mod text;

pub use convert::as_png;
pub use error::ImageError;
pub use findings::findings;
pub use ingest::{Ingested, THUMBNAIL_EDGE, THUMBNAIL_QUALITY, facts, ingest, probe};
pub use input::{Bytes, Limits, Probe};
pub use look::{Look, colour_distance, hamming, look_of, near_duplicates, phash_of, upright_look_of};
pub use prepare::{PreparePolicy, Prepared, Step, prepare};
pub use sheet::{ROWS_PER_SHEET, SheetRow, contact_sheet, contact_sheet_png};
