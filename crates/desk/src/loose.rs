//! Asset files that no row refers to, and drafts of jobs that are gone: what a crash, a deleted job or dropped results leave. Only for whoever owns the workspace to
//! remove, because an engine at work may be about to write the row of one.

use std::path::PathBuf;

use imagemill_store::{Files, Store};

use crate::error::DeskError;

/// A file without a row, or a folder of drafts without a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LooseFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its length, or that of all files in it.
    pub bytes: u64,
    /// Whether it is a folder of drafts.
    pub drafts: bool,
}

impl LooseFile {
    /// Removes it.
    pub fn remove(&self, files: &Files) -> Result<(), DeskError> {
        if self.drafts {
            files.remove_drafts(&self.path)?;
        } else {
            files.remove(&self.path)?;
        }
        Ok(())
    }
}

/// Drafts of jobs that are gone, originals and thumbnails that no row refers to.
pub async fn loose_files(store: &Store, files: &Files) -> Result<Vec<LooseFile>, DeskError> {
    let mut found = Vec::new();
    for (job, path, bytes) in files.drafts()? {
        if store.jobs().get(job).await?.is_none() {
            found.push(LooseFile { path, bytes, drafts: true });
        }
    }
    for file in files.originals().chain(files.thumbnails()) {
        let (hash, path, bytes) = file?;
        if !store.assets().is_referenced(hash).await? {
            found.push(LooseFile { path, bytes, drafts: false });
        }
    }
    Ok(found)
}
