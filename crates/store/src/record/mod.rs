//! What goes into the store and comes out of it where `domain` has no word for it. Plain data, no behaviour, and no
//! knowledge of any database.

mod collections;

use imagemill_domain::asset::{Asset, AssetId, Delivery};
use imagemill_domain::call::{Call, CallId, CallState, Usage};
use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::hash::{ContentHash, RequestHash, TaskKey};
use imagemill_domain::job::{JobDefinition, JobId, JobState, TaskCounts};
use imagemill_domain::lane::BatchId;
use imagemill_domain::money::Money;
use imagemill_domain::picture::{Finding, Findings, PictureFacts};
use imagemill_domain::profile::ProfileBudget;
use imagemill_domain::review::{Review, Verdict};
use imagemill_domain::task::{Task, TaskId, TaskSpec, TaskState};

pub use collections::{CollectionBatch, CollectionItem, CollectionMerge, NewCollectionItem};

/// How a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Its size.
    pub bytes: u64,
    /// Of its schema.
    pub version: i64,
    /// What is wrong with it.
    pub complaint: Option<String>,
}

/// A job to be submitted. The name makes it the same job as an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// Unique in the workspace.
    pub name: String,
    /// Higher runs first.
    pub priority: i32,
    /// The most it may spend; `None` for no limit.
    pub budget: Option<Money>,
    /// What it is.
    pub definition: JobDefinition,
}

/// A task of a plan, in the plan's order.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTask {
    /// Makes it the same task as an earlier one of the job.
    pub key: TaskKey,
    /// What it is to do.
    pub spec: TaskSpec,
}

/// What a submission changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Which job.
    pub job: JobId,
    /// Tasks that are new.
    pub added: u64,
    /// Tasks that were there already.
    pub known: u64,
    /// Open tasks of an earlier form of the job that this one no longer has; they are stopped.
    pub superseded: u64,
}

/// The part of a job that a dispatcher needs to choose among jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobBrief {
    /// Row id.
    pub id: JobId,
    /// Unique name.
    pub name: String,
    /// Higher runs first.
    pub priority: i32,
    /// Where it stands.
    pub state: JobState,
    /// Profile by name.
    pub profile: String,
    /// Model by name.
    pub model: String,
}

/// What is counted of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFigures {
    /// Its tasks by state.
    pub counts: TaskCounts,
    /// How many tasks have which kind of failure in which state; without zeros.
    pub failures: Vec<(FailureKind, TaskState, u64)>,
    /// Result pictures, superseded ones not counted.
    pub pictures: u64,
}

/// An active job with work left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenJob {
    /// Which.
    pub job: JobBrief,
    /// Tasks that can be claimed now.
    pub queued: u64,
    /// Tasks that workers hold.
    pub running: u64,
    /// Tasks that wait for a time.
    pub waiting: u64,
}

/// A job with tasks whose call is with one profile's queue, whatever the job's own state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollJob {
    /// Which.
    pub job: JobId,
    /// The profile that was called, by name.
    pub profile: String,
    /// Where the job stands: results are fetched for paused jobs too, and for stopped ones the provider is told.
    pub state: JobState,
    /// Such tasks whose time to ask has come.
    pub due: u64,
    /// All of them.
    pub waiting: u64,
}

/// One incarnation of a worker process; new at every start, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerId(pub i64);

/// A registered worker process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Row id.
    pub id: OwnerId,
    /// Machine it runs on.
    pub host: String,
    /// Process id there.
    pub pid: u32,
    /// When it started, microseconds since 1970.
    pub since_us: i64,
    /// Its lease holds until then, microseconds since 1970.
    pub until_us: i64,
}

/// The right to move a task. The token is (task, attempt, owner): it holds as long as the task is running with
/// exactly these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Which task.
    pub task: TaskId,
    /// Its job.
    pub job: JobId,
    /// Grows by one each time a worker takes the task.
    pub attempt: u32,
    /// Grows by one each time a person asks for the task again; the journal of calls is keyed by it.
    pub round: u32,
    /// Who holds it.
    pub owner: OwnerId,
}

/// A task as a worker gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// The right to move it.
    pub lease: Lease,
    /// What it is to do.
    pub spec: TaskSpec,
    /// Its stable key.
    pub key: TaskKey,
    /// Tries of this round, this one included. Waits that do not count as a try are not in it.
    pub tries: u32,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskEnd {
    /// One of the ended states.
    pub state: TaskState,
    /// Why, when it did not simply succeed.
    pub failure: Option<Failure>,
    /// Pictures it has now.
    pub pictures: u32,
    /// What this attempt cost, where known.
    pub cost: Option<Money>,
}

/// Which tasks a page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFilter {
    /// Of this job.
    pub job: JobId,
    /// In one of these states; `None` for all.
    pub states: Option<Vec<TaskState>>,
    /// With a failure of this kind; `None` for all.
    pub failure: Option<FailureKind>,
}

/// Which pictures a gallery shows, and in which order. Superseded ones are never among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GalleryFilter {
    /// Of this job; `None` for all, the newest first.
    pub job: Option<JobId>,
    /// Of tasks in one of these states.
    pub states: Option<Vec<TaskState>>,
    /// By what was decided: by `reviewer`, or by anybody.
    pub verdict: Option<VerdictFilter>,
    /// Rated at least so, by `reviewer` or by anybody.
    pub rating_min: Option<u8>,
    /// With this finding.
    pub finding: Option<Finding>,
    /// Made by this model.
    pub model: Option<String>,
    /// Whose reviews count; `None` for anybody's.
    pub reviewer: Option<String>,
    /// The task's name or prompt has this text, in whatever case.
    pub text: Option<String>,
    /// The order.
    pub order: GalleryOrder,
}

/// What was decided on a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictFilter {
    /// This; `Unset` for nothing.
    Is(Verdict),
    /// Somebody keeps it and somebody rejects it.
    Disputed,
}

/// The order of a gallery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GalleryOrder {
    /// As the plan has the tasks, and then the task its pictures.
    #[default]
    Plan,
    /// The latest first.
    Newest,
    /// The best first.
    Rating,
    /// Those with most findings first.
    Findings,
}

/// A picture with all that a gallery shows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct GalleryRow {
    /// The picture.
    pub asset: Asset,
    /// Its task.
    pub task: Task,
    /// The model that made it.
    pub model: String,
    /// What people said, by reviewer.
    pub reviews: Vec<Review>,
}

/// What a list shows of a task besides the task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskBrief {
    /// Pictures it has now.
    pub pictures: u64,
    /// The first few of them.
    pub thumbnails: Vec<ContentHash>,
    /// Calls made for it.
    pub calls: u64,
    /// What they cost, as far as it is known.
    pub cost: Option<Money>,
}

/// A change of one person's review; what is `None` stays as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewChange {
    /// Of this picture.
    pub asset: AssetId,
    /// What was decided.
    pub verdict: Option<Verdict>,
    /// 0 (none) to 5.
    pub rating: Option<u8>,
    /// Free text.
    pub note: Option<String>,
}

/// Which tasks are tried again. Only tasks that ended are; queued, running and waiting ones are skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetrySelection {
    /// Those that ended without all their pictures for a technical reason: failed and partial.
    Failed,
    /// Those in one of these states. The only way, besides `Task`, to name refused and unknown ones.
    States(Vec<TaskState>),
    /// This one, whatever its end was.
    Task(TaskId),
    /// Every ended one but refused and unknown.
    All,
}

/// A call that is about to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCall {
    /// The right to work on the task.
    pub lease: Lease,
    /// Name of the paid step inside the task.
    pub step: String,
    /// Canonical request.
    pub request_hash: RequestHash,
    /// Profile by name.
    pub profile: String,
    /// Model by name.
    pub model: String,
    /// The most it may cost, which is held from the budget; `None` when the price is not known (nothing is held).
    pub ceiling: Option<Money>,
    /// The request as JSON without secrets and pictures; empty = not kept.
    pub request_raw: Vec<u8>,
    /// Sent along where the provider takes one.
    pub idempotency_key: Option<String>,
    /// What the profile may spend, besides the job's own budget.
    pub profile_budget: ProfileBudget,
    /// The batch that it goes with.
    pub batch: Option<BatchId>,
}

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BatchState {
    /// Calls join it; nothing of it was sent.
    Gathering,
    /// Its creation was sent and nobody knows yet whether it was taken.
    Creating,
    /// The provider has it.
    Open,
    /// Every call of it ended.
    Ended,
}

impl BatchState {
    /// Every state; the position is the stored number.
    pub const ALL: [Self; 4] = [Self::Gathering, Self::Creating, Self::Open, Self::Ended];

    /// The stable machine word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gathering => "gathering",
            Self::Creating => "creating",
            Self::Open => "open",
            Self::Ended => "ended",
        }
    }
}

/// Calls of one job that go to their provider together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Row id.
    pub id: BatchId,
    /// Whose.
    pub job: JobId,
    /// Where it stands.
    pub state: BatchState,
    /// Our name of it, by which it is found again at the provider.
    pub key: String,
    /// Profile by name.
    pub profile: String,
    /// Model by name.
    pub model: String,
    /// Requests in it as it was sent.
    pub items: u32,
    /// The provider's name of it.
    pub remote_id: Option<String>,
    /// How it ended at the provider, in a word.
    pub outcome: Option<String>,
    /// When its first call joined, microseconds since 1970.
    pub opened_us: i64,
    /// When its creation was sent.
    pub sent_us: Option<i64>,
    /// When its last call ended.
    pub ended_us: Option<i64>,
    /// When the provider is asked again.
    pub next_ask_us: Option<i64>,
}

/// A call of a batch whose outcome is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchCall {
    /// Which.
    pub call: CallId,
    /// Its task.
    pub task: TaskId,
}

/// Whose budget it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetOf {
    /// The job's.
    Job,
    /// The profile's for one day (UTC), over all jobs.
    ProfileDay,
    /// The profile's for good, over all jobs.
    Profile,
}

/// Which calls to add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CostsOf {
    /// Of this job only.
    pub job: Option<JobId>,
    /// Sent at this time or later, microseconds since 1970.
    pub from_us: i64,
    /// Sent before this time.
    pub until_us: i64,
    /// What local time is ahead of UTC, in microseconds; days begin by it.
    pub offset_us: i64,
}

/// Calls of one job, profile, model and day, added up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostLine {
    /// The job.
    pub job: JobId,
    /// Its name; empty when it was deleted.
    pub job_name: String,
    /// Profile by name.
    pub profile: String,
    /// Model by name.
    pub model: String,
    /// Days since 1970, in local time.
    pub day: i64,
    /// Calls sent.
    pub calls: u64,
    /// Pictures that they brought.
    pub pictures: u64,
    /// Settled.
    pub spent: Money,
    /// Held for calls that are open or unknown.
    pub held: Money,
    /// Calls with unknown outcome.
    pub unknown: u64,
    /// Calls that ended and cost nobody knows what; they are not in `spent`.
    pub unpriced: u64,
}

/// A budget that has no room for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverBudget {
    /// Whose.
    pub of: BudgetOf,
    /// The budget.
    pub budget: Money,
    /// Settled so far.
    pub spent: Money,
    /// Held for other calls.
    pub reserved: Money,
    /// How much of both is held for calls under way, which may turn out to cost less or nothing: sent, taken or made, but
    /// neither settled, unknown nor part of a batch.
    pub under_way: Money,
    /// What this call would have held.
    pub ceiling: Money,
}

impl OverBudget {
    /// Whether there may be room when the calls under way have ended.
    pub fn may_pass(&self) -> bool {
        self.under_way > Money::ZERO && self.spent + self.reserved - self.under_way + self.ceiling <= self.budget
    }
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenCall {
    /// Its row is durable and its ceiling is held: send.
    Opened(CallId),
    /// The lease no longer holds: another worker has the task, or it ended.
    Fenced,
    /// A budget has no room for it; nothing was written.
    OverBudget(OverBudget),
    /// The job is paused or stopped.
    NotActive,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub struct CallEnd {
    /// `Fetched`, `Refused`, `Failed` or `Unknown`.
    pub state: CallState,
    /// What the provider counted.
    pub usage: Usage,
    /// What it cost, when it can be told.
    pub cost: Option<Money>,
    /// HTTP status of the answer.
    pub http_status: Option<u16>,
    /// How it failed; its `billing` says what happens to the money held.
    pub failure: Option<Failure>,
    /// The answer without secrets and pictures; empty = not kept.
    pub response_raw: Vec<u8>,
    /// The pictures, whose bytes are in [`crate::Files`] already.
    pub assets: Vec<NewAsset>,
}

/// A picture that a call brought.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAsset {
    /// Position among the pictures of the task, from 1.
    pub index: u32,
    /// Measured facts.
    pub facts: PictureFacts,
    /// What the checks found.
    pub findings: Findings,
    /// How it came.
    pub delivery: Delivery,
    /// The source pictures it was made from.
    pub parents: Vec<ContentHash>,
    /// What was done to the sources before they were sent, as JSON; `None` when nothing was.
    pub prepared: Option<serde_json::Value>,
}

/// What the end of a call changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Whether the task moved: the token held, or the task adopted the late result.
    pub task_moved: bool,
    /// The new assets' ids in the order given; those stored already when the call had ended well before.
    pub assets: Vec<AssetId>,
}

/// A task whose worker is gone. It now belongs to the owner that reaped it, who decides what becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Orphan {
    /// The reaper's right to move it.
    pub lease: Lease,
    /// Its job.
    pub job: JobId,
    /// What it is to do.
    pub spec: TaskSpec,
    /// Tries of this round so far.
    pub tries: u32,
    /// Calls of it whose outcome is still open, oldest first.
    pub open_calls: Vec<Call>,
}

/// A profile none of whose tasks are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PausedProfile {
    /// Its name.
    pub name: String,
    /// What it means.
    pub kind: FailureKind,
    /// A sentence for a person.
    pub reason: String,
    /// When it is tried again by itself, microseconds since 1970; `None` when a person must act.
    pub until_us: Option<i64>,
    /// Since when, microseconds since 1970.
    pub since_us: i64,
}
