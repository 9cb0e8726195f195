//! Room on the disk, looked at before money is spent: an answer that cannot be written is a picture that is lost.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use imagemill_domain::failure::{Failure, FailureKind};
use tokio::time::Instant;

/// Calls stop starting below this: room for what is under way, its ledger rows and the log.
const LEAST_FREE_BYTES: u64 = 64 << 20;
/// How long a look stays good.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The free space of one file system.
pub(crate) struct Disk {
    folder: PathBuf,
    last: Mutex<Option<(Instant, u64)>>,
}

impl Disk {
    pub(crate) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), last: Mutex::new(None) }
    }

    /// Refuses when there is too little room for another answer.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let free = match *last {
            Some((at, free)) if at.elapsed() < LOOK_EVERY => free,
            _ => {
                // A file system that does not tell is not a reason to stop.
                let free = rustix::fs::statvfs(&self.folder)
                    .map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize));
                *last = Some((Instant::now(), free));
                free
            }
        };
        if free >= LEAST_FREE_BYTES {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::Local,
            format!(
                "the disk of {} has {} MiB left, and answers need {} MiB to be safe; nothing was sent. Free some space, then `imagemill resume` the job",
                self.folder.display(),
                free >> 20,
                LEAST_FREE_BYTES >> 20
            ),
        ))
    }
}
