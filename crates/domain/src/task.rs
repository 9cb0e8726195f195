//! A task: one unit of a job. Its key makes it the same task when the job is submitted again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::{ContentHash, TaskKey, keyed_128};
use crate::job::JobId;

/// Row id of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub i64);

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Nobody works on it yet.
    Queued,
    /// A worker holds it.
    Running,
    /// It waits for a time (retry, poll).
    Waiting,
    /// All pictures that were asked for are here.
    Succeeded,
    /// Some of them are.
    Partial,
    /// It ended without a picture.
    Failed,
    /// The provider refused the content.
    Refused,
    /// A call may have been paid for and its answer is lost; a person or a rule decides.
    Unknown,
    /// A person stopped it, or a later form of the job no longer has it.
    Stopped,
}

impl TaskState {
    /// Every state; the position is the stored number.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Succeeded,
        Self::Partial,
        Self::Failed,
        Self::Refused,
        Self::Unknown,
        Self::Stopped,
    ];

    /// The stable machine word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Stopped => "stopped",
        }
    }

    /// From its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// The stored number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// From the stored number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether nothing more will happen by itself.
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::Waiting)
    }
}

/// A source picture of a task: where it lies and what it was when the job was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePicture {
    /// Path as it can be opened from any folder.
    pub path: String,
    /// Path below the source folder that was named, with `/`; file name alone when a file was named. Saving uses it.
    pub name: String,
    /// BLAKE3 of its bytes when the job was planned. A file that changed since is an error, not another task.
    pub blake3: ContentHash,
}

/// What one task is to do. Stored as JSON in the task's row, so field names are short on purpose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskSpec {
    /// Source pictures in the order in which they are sent; empty for `generate`.
    #[serde(default, rename = "src", skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<SourcePicture>,
    /// Position of the prompt in the job's `prompts`, when it comes from there.
    #[serde(default, rename = "pi", skip_serializing_if = "Option::is_none")]
    pub prompt_index: Option<u32>,
    /// The prompt itself when it is this task's own (side-car, column, or a template filled in).
    #[serde(default, rename = "p", skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Sample number from 0; several samples of one picture and prompt are several tasks.
    #[serde(default, rename = "s", skip_serializing_if = "is_zero")]
    pub sample: u32,
    /// Columns of the list row the task came from; usable in save templates.
    #[serde(default, rename = "c", skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

impl TaskSpec {
    /// The key under `recipe`: pictures by content (or by name and content where duplicates are kept), the prompt's
    /// text, and the sample. Paths do not count, so a moved folder continues.
    ///
    /// `prompt` is the text that is sent; `duplicates_kept` says whether equal bytes under two names are two tasks.
    pub fn key(&self, recipe: &str, prompt: &str, duplicates_kept: bool) -> TaskKey {
        let pictures: Vec<(ContentHash, Option<&str>)> = self
            .pictures
            .iter()
            .map(|picture| (picture.blake3, duplicates_kept.then_some(picture.name.as_str())))
            .collect();
        let canonical = serde_json::to_vec(&(recipe, pictures, prompt, self.sample))
            .expect("hashes, texts and numbers always serialise");
        TaskKey(keyed_128("imagemill task key 1", &canonical))
    }

    /// The name a person knows the task by: the first source's name, or the sample's number.
    pub fn title(&self) -> String {
        match self.pictures.first() {
            Some(picture) => picture.name.clone(),
            None => match (&self.prompt, self.prompt_index) {
                (Some(prompt), _) => prompt.chars().take(60).collect(),
                (None, Some(index)) => format!("prompt {} sample {}", index + 1, self.sample + 1),
                (None, None) => format!("sample {}", self.sample + 1),
            },
        }
    }
}

/// A task as read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Row id.
    pub id: TaskId,
    /// The job it belongs to.
    pub job: JobId,
    /// Stable key inside the job.
    pub key: TaskKey,
    /// Position in the job, from 0, in the order of the plan.
    pub position: i64,
    /// Where it stands.
    pub state: TaskState,
    /// How often a worker took it.
    pub attempt: u32,
    /// What it is to do.
    pub spec: TaskSpec,
    /// When a waiting task may go on, microseconds since 1970.
    pub not_before_us: Option<i64>,
    /// Why it ended as it did, or why it waits.
    pub failure: Option<crate::failure::Failure>,
    /// When it was taken last, microseconds since 1970.
    pub started_us: Option<i64>,
    /// When it ended.
    pub ended_us: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, content: &[u8]) -> TaskSpec {
        TaskSpec {
            pictures: vec![SourcePicture {
                path: format!("/photos/{name}"),
                name: name.into(),
                blake3: ContentHash::of(content),
            }],
            ..TaskSpec::default()
        }
    }

    #[test]
    fn states_keep_their_numbers_and_words() {
        for (number, state) in TaskState::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(state.number()), number);
            assert_eq!(TaskState::from_word(state.word()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
    }

    #[test]
    fn key_follows_content_prompt_and_sample_and_not_the_place() {
        let key = |spec: &TaskSpec, prompt| spec.key("edit", prompt, false);
        assert_eq!(key(&spec("a.png", b"1"), "night"), key(&spec("sub/b.png", b"1"), "night"));
        assert_ne!(key(&spec("a.png", b"1"), "night"), key(&spec("a.png", b"2"), "night"));
        assert_ne!(key(&spec("a.png", b"1"), "night"), key(&spec("a.png", b"1"), "day"));
        let second = TaskSpec { sample: 1, ..spec("a.png", b"1") };
        assert_ne!(key(&spec("a.png", b"1"), "night"), key(&second, "night"));
        assert_ne!(spec("a.png", b"1").key("edit", "night", true), spec("b.png", b"1").key("edit", "night", true));
    }

    #[test]
    fn a_small_task_is_a_small_row() {
        let spec = TaskSpec { prompt_index: Some(0), sample: 17, ..TaskSpec::default() };
        assert_eq!(serde_json::to_string(&spec).unwrap(), r#"{"pi":0,"s":17}"#);
    }
}
