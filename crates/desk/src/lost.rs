//! Calls whose answer was lost, with what they belong to. What a person decides about them is the caller's matter.

use imagemill_domain::call::Call;
use imagemill_domain::job::{Job, JobId};
use imagemill_domain::money::Money;
use imagemill_domain::task::Task;
use imagemill_providers::Ticket;
use imagemill_store::Store;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::DeskError;

/// Calls of one reading.
const PAGE: u32 = 1_000;

/// One lost call with what it belongs to.
#[derive(Clone, Debug)]
pub struct LostCall {
    /// The call.
    pub call: Call,
    /// Its task.
    pub task: Task,
    /// Its job.
    pub job: Job,
}

impl LostCall {
    /// All of a job, or of the workspace.
    pub async fn all(store: &Store, job: Option<JobId>) -> Result<Vec<Self>, DeskError> {
        let mut found: Vec<Call> = Vec::new();
        loop {
            let page = store.calls().page_unknown(job, found.last().map(|call| call.id), PAGE).await?;
            let last = page.len() < PAGE as usize;
            found.extend(page);
            if last {
                break;
            }
        }
        let mut lost: Vec<Self> = Vec::new();
        for call in found {
            let Some(task) = store.tasks().get(call.task).await? else { continue };
            let job = match lost.iter().find(|lost| lost.job.id == task.job) {
                Some(known) => Some(known.job.clone()),
                None => store.jobs().get(task.job).await?,
            };
            lost.extend(job.map(|job| Self { call, task, job }));
        }
        Ok(lost)
    }

    /// The most that all of them may have cost, as far as prices are known.
    pub fn ceiling(lost: &[Self]) -> Money {
        lost.iter().filter_map(|lost| lost.call.ceiling).sum()
    }

    /// How many of them have no known price.
    pub fn unpriced(lost: &[Self]) -> u64 {
        lost.iter().filter(|lost| lost.call.ceiling.is_none()).count() as u64
    }

    /// What is told of several: `calls`, and what `lost` may have cost.
    pub fn list<T: Serialize>(calls: &[T], lost: &[Self]) -> Value {
        json!({ "calls": calls, "ceiling": Self::ceiling(lost), "unpriced": Self::unpriced(lost) })
    }

    /// Its JSON form.
    pub fn document(&self) -> Value {
        json!({
            "call": self.call.id,
            "task": self.task.id,
            "task_state": self.task.state,
            "title": self.task.spec.title(),
            "job": self.job.name,
            "profile": self.call.profile,
            "model": self.call.model,
            "sent_us": self.call.sent_us,
            "ceiling": self.call.ceiling,
            "remote_id": self.call.remote_id.as_deref().map(remote_id),
            "message": self.call.failure.as_ref().map(|failure| failure.message.as_str()),
        })
    }
}

/// The provider's own name of the request, out of the ticket that is kept of it.
fn remote_id(kept: &str) -> String {
    serde_json::from_str::<Ticket>(kept).map_or_else(|_| kept.to_owned(), |ticket| ticket.id)
}
