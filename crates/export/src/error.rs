//! Why nothing could be saved at all, or why saving ended early. What is wrong with one picture is a `SaveFailure` instead.

use std::path::PathBuf;

use imagemill_domain::template::TemplateError;
use imagemill_store::StoreError;

/// Why saving could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The rule's name template or text template cannot be used.
    #[error("the save rule's {key} cannot be used: {source}")]
    Template {
        /// The rule's key (`name`, `text_template`, `source_name`).
        key: &'static str,
        /// Why.
        source: TemplateError,
    },
    /// The output folder cannot be made or written to.
    #[error("cannot save to {}: {source}; choose another folder with --to", .folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the output folder, other than one picture, cannot be written or read.
    #[error("cannot write {}: {message}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why, in plain words.
        message: String,
    },
    /// The disk is full. What was written so far is whole; saving again goes on from there.
    #[error(
        "the disk with {} is full; {written} files were written and are whole; make room and save again, nothing is written twice",
        .folder.display()
    )]
    DiskFull {
        /// The output folder.
        folder: PathBuf,
        /// Files written before that.
        written: u64,
    },
    /// The workspace cannot be read.
    #[error("cannot read the workspace: {0}")]
    Store(#[from] StoreError),
    /// The contact sheet cannot be drawn.
    #[error("the pictures are saved, but the contact sheet cannot be drawn: {0}")]
    ContactSheet(#[from] imagemill_imaging::ImageError),
}
