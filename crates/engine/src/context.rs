//! What a recipe sees of the engine: its task, and the way to make a paid call that goes through the ledger, the limits
//! and the budget.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use imagemill_domain::call::CallId;
use imagemill_domain::capability::CapabilityTable;
use imagemill_domain::job::{JobDefinition, JobId};
use imagemill_domain::job_file::RecipeName;
use imagemill_domain::plan;
use imagemill_domain::task::TaskSpec;
use imagemill_store::{Claimed, Files, OwnerId, Store};
use tokio_util::sync::CancellationToken;

use crate::answers::{AnswerLog, Kept, SavedAnswer};
use crate::batch::Batches;
use crate::chat::Speaking;
use crate::clock::Clock;
use crate::course::{Account, Course};
use crate::disk::Disk;
use crate::drawing::Drawing;
use crate::pictures::PicturePool;
use crate::poll::Tickets;
use crate::recipe::{ImageAsk, Recipe};
use crate::sources::SourceLooks;
use crate::uploads::Turns;

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
    /// Uploads of source pictures under way.
    pub(crate) uploads: Turns,
    /// Batches that are gathered or with a provider.
    pub(crate) batches: Batches,
    pub(crate) recipes: HashMap<RecipeName, Arc<dyn Recipe>>,
    pub(crate) capabilities: Arc<CapabilityTable>,
    /// The engine ends: what was not sent yet is not sent any more. Places at a gate may be held by calls that wait for their
    /// provider, so nobody may wait for one then.
    pub(crate) draining: CancellationToken,
}

/// A job as its workers use it.
pub(crate) struct RunningJob {
    pub(crate) id: JobId,
    pub(crate) definition: Arc<JobDefinition>,
    /// The ways to its pictures that can be called, in the job's order; at least one.
    pub(crate) drawings: Vec<Arc<Drawing>>,
    /// Profiles whose provider could not be made; they are paused.
    pub(crate) unready: Vec<String>,
    /// Who answers calls with words alone.
    pub(crate) text: Arc<Speaking>,
    /// Who answers calls with pictures.
    pub(crate) vision: Arc<Speaking>,
}

impl RunningJob {
    /// The way to its pictures over a profile.
    pub(crate) fn drawing_of(&self, profile: &str) -> Option<&Arc<Drawing>> {
        self.drawings.iter().find(|drawing| drawing.name() == profile)
    }

    /// Whether nothing of it can be called while `paused` says so of profiles: all ways to its pictures, or whoever it asks in
    /// words.
    pub(crate) fn waits_for(&self, paused: impl Fn(&str) -> bool) -> bool {
        let speakers = &self.definition.speakers;
        let words = [(&speakers.text, &self.text), (&speakers.vision, &self.vision)];
        self.drawings.iter().all(|drawing| paused(drawing.name()))
            || words.into_iter().any(|(named, speaking)| named.is_some() && paused(&speaking.profile.name))
    }
}

/// One task under way.
pub struct TaskContext {
    pub(crate) shared: Arc<Shared>,
    pub(crate) job: Arc<RunningJob>,
    pub(crate) claimed: Claimed,
    /// Fires when the task is to stop.
    pub(crate) cancel: CancellationToken,
    /// The way that its picture calls go in this attempt.
    pub(crate) way: Arc<Drawing>,
    /// What its steps led to so far.
    pub(crate) course: Course,
    /// Its job was stopped; the task is only here because its call is with a provider.
    pub(crate) stopping: bool,
    /// True as long as the task does nothing but ask a provider.
    pub(crate) asking: Arc<AtomicBool>,
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

    /// The model that answers calls with pictures.
    pub fn vision_model(&self) -> &str {
        &self.job.vision.model
    }

    /// The account that calls are made at right now.
    pub(crate) fn account(&self) -> Account {
        self.course.account().unwrap_or_else(|| self.drawing().account())
    }

    /// The task's prompt.
    pub fn prompt(&self) -> Cow<'_, str> {
        plan::prompt_of(&self.job.definition, &self.claimed.spec)
    }

    /// The request that the task's own prompt, pictures and options make, under the step name `step`.
    pub fn ask(&self, step: impl Into<Cow<'static, str>>) -> ImageAsk {
        let definition = &self.job.definition;
        let file = &definition.file;
        ImageAsk {
            step: step.into(),
            system_prompt: file.system_prompt.clone(),
            prompt: self.prompt().into_owned(),
            negative_prompt: file.negative_prompt.clone(),
            pictures: self.claimed.spec.pictures.clone(),
            // Samples of one prompt differ by seed where there is one: the protocols add the sample's number.
            options: file.options.clone(),
        }
    }
}
