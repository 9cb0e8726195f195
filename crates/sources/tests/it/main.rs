//! The scan as a caller sees it: real folders and files in, items or a sentence for a person out.

mod folders;
mod lists;
#[cfg(test)]
mod trees;
mod words;
