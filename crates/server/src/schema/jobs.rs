//! Jobs: in lists, planned, summed up, with their tasks.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

shapes! {
    /// Why a profile's tasks are not sent.
    ProfilePause { kind: String, reason: String, until_us: Option<i64> }

    /// Tasks that failed in one way.
    FailureCount { kind: String, state: String, tasks: u64 }

    /// A job in a list.
    JobDocument {
        /// Its name.
        job: String,
        id: i64,
        /// `submitting`, `active`, `paused`, `stopped` or `finished`.
        state: String,
        reason: Option<String>,
        profile: String,
        /// Tasks by state.
        tasks: BTreeMap<String, u64>,
        total: u64,
        pictures: u64,
        /// US dollars, as far as prices are known.
        spent: f64,
        /// Calls that cost nobody knows what; they are not in `spent`.
        unpriced: u64,
        reserved: f64,
        budget: Option<f64>,
        waiting_until_us: Option<i64>,
        profile_paused: Option<ProfilePause>,
        recipe: String,
        model: String,
        created_us: i64,
        finished_us: Option<i64>,
        failures: Vec<FailureCount>,
        /// How often tasks were put off since the server started, by the reason.
        put_off: BTreeMap<String, u64>,
    }

    /// A page of jobs.
    JobPage { items: Vec<JobDocument>, next: Option<String> }

    /// One example of a kind of failure.
    FailureExample { kind: String, tasks: u64, task: i64, title: String, message: String }

    /// A call whose outcome nobody knows.
    UnknownCall { call: i64, task: i64, ceiling: Option<f64> }

    /// A job with examples of what failed.
    SummaryDocument {
        r#type: String,
        job: String,
        id: i64,
        state: String,
        reason: Option<String>,
        tasks: BTreeMap<String, u64>,
        total: u64,
        pictures: u64,
        spent: f64,
        unpriced: u64,
        reserved: f64,
        budget: Option<f64>,
        /// Since it was submitted.
        seconds: u64,
        /// How often tasks were put off since this server started, by the reason; the command line counts from its own start.
        put_off: BTreeMap<String, u64>,
        failures: Vec<FailureExample>,
        unknown: Vec<UnknownCall>,
        profile: String,
        profile_paused: Option<ProfilePause>,
        waiting_until_us: Option<i64>,
        recipe: String,
        model: String,
        created_us: i64,
        finished_us: Option<i64>,
        /// For a job with `[save]` that was submitted here: what was saved when it ended, as `save --json` prints it.
        saved: Option<Value>,
        /// Why that could not be done.
        not_saved: Option<String>,
    }

    /// A stopped job.
    JobStopped { job: String, id: i64, state: String, stopped_tasks: u64, running: u64 }

    /// What is done again.
    RetryAnswer { job: String, id: i64, tasks: u64 }

    /// A price estimate, in US dollars.
    PlanCost { low: f64, likely: f64, high: f64, source: String, date: String }

    /// A task of a plan.
    PlannedTask { key: String, source: String, prompt: String, sample: u32 }

    /// A job before it is submitted.
    PlanDocument {
        job: String,
        name: String,
        recipe: String,
        profile: String,
        provider: String,
        protocol: String,
        model: String,
        /// The way of the calls as the job asks for it.
        lane: String,
        /// What the provider's batches take and cost, for the batch lane.
        batch: Option<Value>,
        size: Value,
        tasks: u64,
        sources: u64,
        cost: Option<PlanCost>,
        call_ceiling: Option<f64>,
        budget: Option<f64>,
        /// Each profile of several with what it would cost.
        ways: Vec<Value>,
        /// Calls of each task besides its last one, with what one costs.
        steps: Vec<Value>,
        seconds_at_rate: Option<u64>,
        unknown_policy: String,
        skipped: Vec<Value>,
        ignored_files: u64,
        warnings: Vec<String>,
        task_list: Vec<PlannedTask>,
        /// Whether `agreed_up_to` has to be sent.
        needs_consent: bool,
        /// The most it may still cost.
        most: Option<f64>,
        /// Tasks that a job of this name has already.
        known: u64,
    }

    /// Why a task is where it is.
    TaskFailure { kind: String, message: String }

    /// A task in a list.
    TaskRow {
        id: i64,
        job: i64,
        position: i64,
        title: String,
        state: String,
        failure: Option<TaskFailure>,
        prompt: String,
        pictures: u64,
        cost: Option<f64>,
        tries: u32,
        not_before_us: Option<i64>,
        /// Content names of the first pictures.
        thumbnails: Vec<String>,
        /// Content name of the source.
        source: Option<String>,
    }

    /// A page of tasks.
    TaskPage { items: Vec<TaskRow>, next: Option<String> }

    /// Everything known about a task.
    TaskStoryDocument {
        /// The job's name.
        job: String,
        job_id: i64,
        title: String,
        task: Value,
        prompt: String,
        /// With `call`, `request` and `answer`.
        calls: Vec<Value>,
        /// With `asset`, `prepared` and `path`.
        assets: Vec<Value>,
        /// Batches that its calls are or were part of.
        batches: Vec<Value>,
        /// Whether requests and answers are told to this client.
        raw_allowed: bool,
        /// What it ended with in words, such as a critique.
        document: Option<Value>,
        /// `edit`, `generate`, `critique` or `infographic`.
        recipe: String,
    }

    /// A text between two steps.
    DraftDocument {
        name: String,
        text: String,
        /// A person wrote it, so it stands.
        edited: bool,
    }

    /// The drafts of an infographic.
    DraftsDocument {
        /// Where they lie.
        folder: String,
        drafts: Vec<DraftDocument>,
        /// What was made so far, as `infographic --json` prints it: `record` with the rounds, `best`, `timing`.
        made: Value,
    }

    /// What tasks ended with in words.
    DocumentPage { items: Vec<Value>, next: Option<String> }

    /// A job that is kept.
    JobPreset { name: String, job: Value }

    /// All kept jobs.
    JobPresets { presets: Vec<JobPreset> }

    /// A file that was sent.
    UploadedFile { name: String, bytes: u64, ok: bool, message: Option<String> }

    /// An upload.
    UploadAnswer {
        /// A path for a job's source; `null` when no file was a picture.
        folder: Option<String>,
        files: Vec<UploadedFile>,
    }
}
