//! Takes pictures out of JSON text while it arrives. Base64 is decoded straight into a spool; what remains is a small
//! *skeleton* of the JSON with `<spool:n>` where picture `n` was, and the running text of streamed answers.
//!
//! Layers, from the bytes up: [`run`] decodes one run of base64, [`finder`] finds runs in one text, [`scanner`] walks
//! JSON and knows which string belongs to which text, [`shelf`] keeps the finished pictures.
//!
//! Nothing here knows about HTTP, event streams or which of the pictures count as results.

mod finder;
mod run;
mod scanner;
mod shelf;

pub(crate) use scanner::Scanner;
pub(crate) use shelf::{Kept, Limits, Shelf, Slot, StreamText};
