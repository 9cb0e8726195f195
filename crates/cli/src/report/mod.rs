//! What a person sees of running jobs: a pure state fed with snapshots, and texts made from it. Reading the store and drawing
//! on the terminal are elsewhere.

mod lines;
mod progress;
mod summary;
#[cfg(test)]
mod tests;

pub(crate) use lines::{bar, batch_document, batch_line, counts_line, money_line, plain_line, rough, status_line};
pub(crate) use progress::{JobSnapshot, Progress};
pub(crate) use summary::{FailureExample, Summary, UnknownCall, page, quoted, render};
