//! What can keep the engine from starting or running. Failures of tasks are `domain::Failure`, not these.

use imagemill_store::StoreError;

/// Why the engine cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store does not answer.
    #[error("the workspace's database cannot be used: {0}")]
    Store(#[from] StoreError),
    /// Something on disk.
    #[error("{what} {path}: {source}")]
    Disk {
        /// What was attempted.
        what: &'static str,
        /// Where.
        path: String,
        /// Why it failed.
        source: std::io::Error,
    },
}
