//! What a recipe sees of the engine: its task, and the way to make a paid call that goes through the ledger, the limits
//! and the budget.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use imagemill_domain::call::CallId;
use imagemill_domain::capability::{Capabilities, CapabilityTable};
use imagemill_domain::job::{JobDefinition, JobId};
use imagemill_domain::job_file::RecipeName;
use imagemill_domain::plan;
use imagemill_domain::task::TaskSpec;
use imagemill_providers::ImageProvider;
use imagemill_store::{Claimed, Files, OwnerId, Store};
use tokio_util::sync::CancellationToken;

use crate::answers::{AnswerLog, Kept, SavedAnswer};
use crate::clock::Clock;
use crate::disk::Disk;
use crate::limits::Gate;
use crate::pictures::PicturePool;
use crate::poll::Tickets;
use crate::recipe::{ImageAsk, Recipe};
use crate::sources::SourceLooks;

/// What every worker of the process shares.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) files: Files,
    pub(crate) clock: Clock,
    pub(crate) owner: OwnerId,
    pub(crate) pool: PicturePool,
    pub(crate) disk: Disk,
    pub(crate) looks: SourceLooks,
    pub(crate) answers: Arc<AnswerLog>,
    /// Answers that came and could not be stored (disk full), or were inherited: the next try of their task starts from here.
    pub(crate) stuck: Mutex<HashMap<CallId, (SavedAnswer, Option<Kept>)>>,
    /// Calls that are with a provider's queue.
    pub(crate) tickets: Mutex<Tickets>,
    pub(crate) recipes: HashMap<RecipeName, Arc<dyn Recipe>>,
    pub(crate) capabilities: Arc<CapabilityTable>,
}

/// A job as its workers use it.
pub(crate) struct RunningJob {
    pub(crate) id: JobId,
    pub(crate) definition: JobDefinition,
    pub(crate) provider: Arc<dyn ImageProvider>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) capabilities: Option<Capabilities>,
}

/// One task under way.
pub struct TaskContext {
    pub(crate) shared: Arc<Shared>,
    pub(crate) job: Arc<RunningJob>,
    pub(crate) claimed: Claimed,
    /// Fires when the task is to stop.
    pub(crate) cancel: CancellationToken,
    /// Its job was stopped; the task is only here because its call is with a provider.
    pub(crate) stopping: bool,
}

impl TaskContext {
    /// What the task is to do.
    pub fn spec(&self) -> &TaskSpec {
        &self.claimed.spec
    }

    /// What its job is.
    pub fn definition(&self) -> &JobDefinition {
        &self.job.definition
    }

    /// The task's prompt.
    pub fn prompt(&self) -> Cow<'_, str> {
        plan::prompt_of(&self.job.definition, &self.claimed.spec)
    }

    /// The request that the task's own prompt, pictures and options make, under the step name `step`.
    pub fn ask(&self, step: &'static str) -> ImageAsk {
        let definition = &self.job.definition;
        let file = &definition.file;
        let (prompt, negative_prompt) = definition.negative.apply(self.prompt().into_owned(), &file.negative_prompt);
        ImageAsk {
            step,
            system_prompt: file.system_prompt.clone(),
            prompt,
            negative_prompt,
            pictures: self.claimed.spec.pictures.clone(),
            // Samples of one prompt differ by seed where there is one: the protocols add the sample's number.
            options: file.options.clone(),
        }
    }
}
