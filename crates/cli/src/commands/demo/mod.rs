//! `imagemill demo`: everything once, offline, in one folder.

mod pictures;
mod story;

pub(crate) use story::run;
