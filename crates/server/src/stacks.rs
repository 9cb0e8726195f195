//! Pictures of a job that look alike, kept while the server runs and looked at again when the job has more pictures. How alike
//! is told by their perceptual hashes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use imagemill_domain::asset::AssetId;
use imagemill_domain::job::JobId;
use imagemill_imaging::near_duplicates;
use imagemill_store::Store;

use crate::error::{Answer, ApiError};

/// Bits in which look-alikes differ at most, as the finding `near_duplicate` has it.
const MOST_BITS: u32 = 3;
/// Jobs that are remembered.
const MOST_JOBS: usize = 32;

/// The stacks of one job.
#[derive(Debug, Default)]
pub(crate) struct JobStacks {
    /// Members in the order of their numbers, two or more.
    pub(crate) stacks: Vec<Vec<AssetId>>,
    /// The stack of each member: its first member's number.
    pub(crate) of: HashMap<AssetId, AssetId>,
}

/// What was found so far, by job, with the number of pictures it was found among.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    known: Mutex<HashMap<JobId, (u64, Arc<JobStacks>)>>,
}

impl Stacks {
    /// The stacks of a job as it is now.
    pub(crate) async fn of(&self, store: &Store, job: JobId) -> Answer<Arc<JobStacks>> {
        let pictures = store.jobs().pictures(job).await?;
        if let Some((_, stacks)) = self.seen(job).filter(|(seen, _)| *seen == pictures) {
            return Ok(stacks);
        }
        let hashes = store.assets().looks(job).await?;
        let grouping = tokio::task::spawn_blocking(move || {
            let stacks = near_duplicates(&hashes, MOST_BITS);
            let of = stacks.iter().flat_map(|stack| stack.iter().map(|id| (*id, stack[0]))).collect();
            Arc::new(JobStacks { stacks, of })
        });
        let stacks = grouping.await.map_err(|error| ApiError::fault(error.to_string()))?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_JOBS {
            known.clear();
        }
        known.insert(job, (pictures, Arc::clone(&stacks)));
        Ok(stacks)
    }

    /// The stacks as they were looked at last, which may be some pictures ago; never makes anybody wait.
    pub(crate) fn last_look(&self, job: JobId) -> Option<Arc<JobStacks>> {
        self.seen(job).map(|(_, stacks)| stacks)
    }

    fn seen(&self, job: JobId) -> Option<(u64, Arc<JobStacks>)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&job).cloned()
    }
}
