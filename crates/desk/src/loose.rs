//! Asset files that no row refers to: what a crash, a deleted job or dropped results leave. Only for whoever owns the workspace to
//! remove, because an engine at work may be about to write the row of one.

use std::path::PathBuf;

use imagemill_store::{Files, Store};

use crate::error::DeskError;

/// A file without a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LooseFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// Originals and thumbnails that no row refers to, and drafts of jobs that are gone.
pub async fn loose_files(store: &Store, files: &Files) -> Result<Vec<LooseFile>, DeskError> {
    let mut found = Vec::new();
    for file in files.originals().chain(files.thumbnails()) {
        let (hash, path, bytes) = file?;
        if !store.assets().is_referenced(hash).await? {
            found.push(LooseFile { path, bytes });
        }
    }
    for (job, path, bytes) in files.drafts()? {
        if store.jobs().get(job).await?.is_none() {
            found.push(LooseFile { path, bytes });
        }
    }
    Ok(found)
}
