//! What a person sees of running jobs: texts made from their progress. Reading the store and drawing on the terminal are
//! elsewhere.

mod lines;
mod summary;
#[cfg(test)]
mod tests;

pub(crate) use lines::{
    bar, batch_line, counts_line, money_line, plain_line, rough, short_rate, spent_parts, spent_short, status_line,
};
pub(crate) use summary::{Summary, page, quoted, render, told};
