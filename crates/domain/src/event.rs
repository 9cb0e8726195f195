//! What happened, in order. A state change and its event are one transaction; nothing else tells a user interface anything.

use serde::{Deserialize, Serialize};

use crate::asset::AssetId;
use crate::failure::FailureKind;
use crate::job::{JobId, JobState};
use crate::money::Money;
use crate::review::Verdict;
use crate::task::{TaskId, TaskState};

/// One entry of the event table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Grows with each entry; a client that was away asks for what came after the last one it saw.
    pub seq: i64,
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// The job it is about; `None` for a profile's events.
    pub job: Option<JobId>,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventBody {
    /// A job was submitted, or submitted again.
    JobSubmitted {
        /// Tasks that are new.
        added: u64,
        /// Tasks that were there already.
        known: u64,
    },
    /// A job's state changed.
    JobState {
        /// The new state.
        state: JobState,
        /// Why, where there is a reason to tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// What the job had at its end was saved by who runs the workspace, or could not be.
    JobSaved {
        /// Why it could not be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// What became of the run of a request file was written into its asset's folder by a server, or could not be.
    RunCollected {
        /// Why it could not be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A task's state changed. A task being taken by a worker makes no event: it would double the table for nothing.
    TaskState {
        /// Which.
        task: TaskId,
        /// The new state.
        state: TaskState,
        /// Pictures it has now.
        #[serde(default)]
        pictures: u32,
        /// What this attempt cost, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<Money>,
        /// Why it failed or waits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<FailureKind>,
        /// When a waiting task goes on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before_us: Option<i64>,
    },
    /// A profile was paused: none of its tasks will be sent.
    ProfilePaused {
        /// Which.
        profile: String,
        /// What it means.
        kind: FailureKind,
        /// A sentence for a person.
        reason: String,
        /// When it will try again by itself, if it will.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_us: Option<i64>,
    },
    /// A person said something about a picture, or took it back.
    Review {
        /// Which picture.
        asset: AssetId,
        /// Who.
        reviewer: String,
        /// The verdict.
        verdict: Verdict,
        /// 0 (none) to 5.
        rating: u8,
    },
    /// A task wrote a file for people to see before its end: a part of a deck.
    Artifact {
        /// Which task.
        task: TaskId,
        /// The file, below the deck's folder.
        file: String,
        /// The page it belongs to, from 1; `None` for what belongs to all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        page: Option<u32>,
        /// Pages that there are to be.
        pages: u32,
    },
    /// A profile works again.
    ProfileResumed {
        /// Which.
        profile: String,
    },
}
