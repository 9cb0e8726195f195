//! A job: one recipe, its inputs, a profile, limits, a budget.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::job_file::JobFile;
use crate::money::Money;
use crate::profile::Profile;
use crate::route::Route;
use crate::task::TaskState;

/// Row id of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub i64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Its tasks are being submitted; nothing is claimed yet.
    Submitting,
    /// Its tasks may be claimed.
    Active,
    /// A person or a rule (budget) paused it; running calls end, none starts.
    Paused,
    /// A person stopped it.
    Stopped,
    /// Every task ended.
    Finished,
}

impl JobState {
    /// Every state; the position is the stored number.
    pub const ALL: [Self; 5] = [Self::Submitting, Self::Active, Self::Paused, Self::Stopped, Self::Finished];

    /// The stable machine word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Submitting => "submitting",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
        }
    }
}

/// Everything a worker needs to run a job's tasks, fixed when the job was submitted. Stored as JSON in the job's row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobDefinition {
    /// Version of this stored form.
    pub version: u32,
    /// The job file after checks, with everything given on the command line merged in.
    pub file: JobFile,
    /// The profile as it was, without its secret.
    pub profile: Profile,
    /// The model that is called.
    pub model: String,
    /// Who answers text and vision calls.
    #[serde(default)]
    pub speakers: crate::speaker::Speakers,
    /// What its critiques are written and judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critique: Option<Box<crate::critique::Commission>>,
    /// How the model is told the negative prompt.
    #[serde(default)]
    pub negative: crate::request::NegativePrompt,
    /// The most one picture call may cost at the full price; `None` when the price is not known.
    pub call_ceiling: Option<Money>,
    /// For the batch lane: what the provider's batches take and cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<crate::lane::BatchTerms>,
    /// The first way's share of the tasks; 0 in a fail-over order, or when there is no other way.
    #[serde(default)]
    pub share: u32,
    /// Further ways to the pictures, behind `profile` and `model`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Route>,
    /// What to do when a call's answer is lost; settled from the job file and the number of tasks.
    pub unknown: crate::job_file::UnknownPolicy,
}

impl JobDefinition {
    /// Every way to the pictures, the first one first.
    pub fn routes(&self) -> Vec<Route> {
        let first = Route {
            profile: self.profile.clone(),
            model: self.model.clone(),
            negative: self.negative,
            call_ceiling: self.call_ceiling,
            batch: self.batch.clone(),
            options: self.file.options.clone(),
            share: self.share,
        };
        std::iter::once(first).chain(self.others.iter().cloned()).collect()
    }

    /// The profiles that make its pictures, the first one first.
    pub fn picture_profiles(&self) -> impl Iterator<Item = &Profile> {
        std::iter::once(&self.profile).chain(self.others.iter().map(|route| &route.profile))
    }

    /// Every profile that its calls go to, each once.
    pub fn profiles(&self) -> Vec<&Profile> {
        let speakers = [&self.speakers.text, &self.speakers.vision].into_iter().flatten();
        let mut known: Vec<&Profile> = Vec::new();
        for profile in self.picture_profiles().chain(speakers.map(|speaker| &speaker.profile)) {
            if known.iter().all(|other| other.name != profile.name) {
                known.push(profile);
            }
        }
        known
    }
}

/// A job as read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Row id.
    pub id: JobId,
    /// Unique name in the workspace; a job submitted under the same name is continued.
    pub name: String,
    /// Where it stands.
    pub state: JobState,
    /// Why it stands there (`budget: …`), in plain words.
    pub reason: Option<String>,
    /// Higher runs first.
    pub priority: i32,
    /// What it is.
    pub definition: Arc<JobDefinition>,
    /// The most it may spend; `None` for no limit.
    pub budget: Option<Money>,
    /// Settled so far, as far as prices are known.
    pub spent: Money,
    /// Calls that ended and cost nobody knows what; they are not in `spent`.
    pub unpriced: u64,
    /// Held for calls under way and for unknown outcomes.
    pub reserved: Money,
    /// When it was submitted first, microseconds since 1970.
    pub created_us: i64,
    /// When its last task ended.
    pub finished_us: Option<i64>,
}

/// How many tasks of a job are in each state; from counter rows, so it costs the same for ten tasks and ten million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskCounts([u64; TaskState::ALL.len()]);

impl TaskCounts {
    /// Tasks in `state`.
    pub fn get(&self, state: TaskState) -> u64 {
        self.0[state as usize]
    }

    /// Sets the count of one state.
    pub fn set(&mut self, state: TaskState, count: u64) {
        self.0[state as usize] = count;
    }

    /// All tasks.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Tasks to which nothing more happens by itself.
    pub fn ended(&self) -> u64 {
        TaskState::ALL.into_iter().filter(|state| state.is_ended()).map(|state| self.get(state)).sum()
    }

    /// Tasks still to come: queued, running, waiting.
    pub fn open(&self) -> u64 {
        self.total() - self.ended()
    }

    /// Tasks that ended without all their pictures, other than by a person's stop.
    pub fn unsuccessful(&self) -> u64 {
        [TaskState::Partial, TaskState::Failed, TaskState::Refused, TaskState::Unknown]
            .into_iter()
            .map(|state| self.get(state))
            .sum()
    }

    /// State and count, in order, zeros included.
    pub fn iter(&self) -> impl Iterator<Item = (TaskState, u64)> + '_ {
        TaskState::ALL.into_iter().map(|state| (state, self.get(state)))
    }
}

impl Serialize for TaskCounts {
    /// As an object with a member for each state.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(state, count)| (state.word(), count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up() {
        let mut counts = TaskCounts::default();
        counts.set(TaskState::Queued, 3);
        counts.set(TaskState::Refused, 2);
        counts.set(TaskState::Succeeded, 5);
        assert_eq!((counts.total(), counts.ended(), counts.open(), counts.unsuccessful()), (10, 7, 3, 2));
        assert_eq!(serde_json::to_value(counts).unwrap()["refused"], 2);
    }
}
