//! What can keep the engine from starting or running. Failures of tasks are `domain::Failure`, not these.

use imagemill_store::StoreError;

/// Why the engine cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store does not answer.
    #[error("the workspace's database cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The system gives no thread.
    #[error("no threads for work on pictures can be started: {0}. Close other programs or lower picture_threads")]
    Threads(std::io::Error),
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
