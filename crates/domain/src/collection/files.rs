//! The files of collections that other programs read and write: progress, candidates, batch inputs and outputs. Lists of failed
//! batches may hold numbers or objects, and numbers may contradict one another: what can be derived is derived, never believed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How far an artist's pictures are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtistStatus {
    /// Pictures of theirs.
    pub total: u64,
    /// Of these, accepted.
    pub completed: u64,
}

/// `NAME_expansion_progress.json`. Members that are unknown here are left alone by other programs and lost by us.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProgressFile {
    /// Pictures to describe.
    pub total: u64,
    /// Pictures described.
    pub completed: u64,
    /// The number of the next batch.
    pub next_batch: u32,
    /// When it was written.
    pub last_updated: Option<String>,
    /// Batches all of whose pictures are described.
    pub completed_batches: Vec<u32>,
    /// Batches whose rows are in the data set.
    pub merged_batches: Vec<u32>,
    /// Batches with failed pictures: numbers, or objects with `batch_id`.
    pub failed_batches: Vec<Value>,
    /// By artist, where the pictures name one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub artists_status: BTreeMap<String, ArtistStatus>,
}

impl ProgressFile {
    /// What is done, in percent; `None` when there is nothing to do.
    pub fn percent(&self) -> Option<f64> {
        (self.total > 0).then(|| self.completed as f64 * 100.0 / self.total as f64)
    }

    /// How many batches of this size are left.
    pub fn batches_left(&self, size: u32) -> u64 {
        self.total.saturating_sub(self.completed).div_ceil(u64::from(size.max(1)))
    }

    /// The numbers of the failed batches, whichever form they have.
    pub fn failed_numbers(&self) -> Vec<u64> {
        self.failed_batches.iter().filter_map(|batch| batch.as_u64().or_else(|| batch["batch_id"].as_u64())).collect()
    }
}

/// What a file of a collection holds.
#[derive(Clone, Debug, PartialEq)]
pub enum CollectionFile {
    /// How far it was.
    Progress(ProgressFile),
    /// Pictures to describe, each with a `filepath`.
    Pictures(Vec<Map<String, Value>>),
    /// Critiques, each with a `filepath`.
    Critiques(Vec<Map<String, Value>>),
}

impl CollectionFile {
    /// Reads a file by its form; the reason in words when it has none of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}');
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            // Lines of rows.
            Err(error) => text
                .lines()
                .filter(|line| !line.trim().is_empty())
                .map(serde_json::from_str)
                .collect::<Result<Vec<Value>, _>>()
                .map(Value::Array)
                .map_err(|_| error.to_string())?,
        };
        let rows = match value {
            Value::Object(mut whole) if whole.contains_key("images") => whole.remove("images").unwrap_or_default(),
            Value::Object(whole) if whole.contains_key("total") && whole.contains_key("completed") => {
                let progress = serde_json::from_value(Value::Object(whole)).map_err(|error| error.to_string())?;
                return Ok(Self::Progress(progress));
            }
            Value::Object(row) => Value::Array(vec![Value::Object(row)]),
            rows => rows,
        };
        let rows: Vec<Map<String, Value>> =
            serde_json::from_value(rows).map_err(|_| "it holds no rows, no images and no progress".to_owned())?;
        if let Some(at) = rows.iter().position(|row| picture_of(row).is_none()) {
            return Err(format!("row {} names no picture; each needs a filepath", at + 1));
        }
        let written = rows.iter().any(|row| row.contains_key("critique_zh") || row.contains_key("critique_en"));
        Ok(if written { Self::Critiques(rows) } else { Self::Pictures(rows) })
    }
}

/// The picture that a row names.
pub fn picture_of(row: &Map<String, Value>) -> Option<&str> {
    let path = row.get("filepath").or_else(|| row.get("image_path"))?.as_str()?.trim();
    (!path.is_empty()).then_some(path)
}

/// A picture's path in one form, so that files of other programs and systems name the same one.
pub fn path_key(path: &str) -> String {
    path.trim().replace('\\', "/").trim_start_matches("./").to_owned()
}

/// `korean_batch_005_input.json`; the number grows past three digits by itself.
pub fn batch_file(collection: &str, number: u32, what: &str) -> String {
    format!("{collection}_batch_{number:03}_{what}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample of the reference: its batches say 25 pictures each, its text says 10.
    const SAMPLE: &str = r#"{"total": 3704, "completed": 100, "next_batch": 5, "last_updated": "2025-12-19T10:00:00",
        "completed_batches": [1, 2, 3, 4], "merged_batches": [], "failed_batches": [7, {"batch_id": 9, "error": "x"}],
        "artists_status": {"A": {"total": 117, "completed": 100}, "B": {"total": 112, "completed": 0}}}"#;

    #[test]
    fn the_sample_progress_is_read_and_its_estimates_are_derived() {
        let CollectionFile::Progress(progress) = CollectionFile::parse(SAMPLE).unwrap() else { panic!() };
        assert_eq!(format!("{:.1}", progress.percent().unwrap()), "2.7");
        assert_eq!((progress.batches_left(10), progress.batches_left(25)), (361, 145));
        assert_eq!(progress.failed_numbers(), [7, 9]);
        assert_eq!(progress.artists_status["A"].completed, 100);
        assert_eq!(ProgressFile::default().percent(), None);
    }

    #[test]
    fn files_are_told_apart_by_their_form() {
        let kind = |text: &str| match CollectionFile::parse(text) {
            Ok(CollectionFile::Pictures(rows)) => format!("pictures {}", rows.len()),
            Ok(CollectionFile::Critiques(rows)) => format!("critiques {}", rows.len()),
            Ok(CollectionFile::Progress(_)) => "progress".to_owned(),
            Err(why) => why,
        };
        assert_eq!(kind(r#"{"images": [{"filepath": "a.jpg", "artist": "Luce"}]}"#), "pictures 1");
        assert_eq!(kind(r#"[{"filepath": "a.jpg"}, {"image_path": "b.jpg"}]"#), "pictures 2");
        assert_eq!(kind(r#"[{"filepath": "a.jpg", "critique_zh": "x"}]"#), "critiques 1");
        assert_eq!(
            kind("{\"filepath\": \"a\", \"critique_en\": \"x\"}\n{\"filepath\": \"b\", \"critique_en\": \"y\"}\n"),
            "critiques 2"
        );
        assert_eq!(kind(r#"{"total": 0, "completed": 0}"#), "progress");
        assert_eq!(kind(r#"[{"filepath": "a"}, {"artist": "x"}]"#), "row 2 names no picture; each needs a filepath");
        assert_eq!(kind("[1]"), "it holds no rows, no images and no progress");
        assert!(kind("[{").starts_with("EOF"));
        assert_eq!(batch_file("western", 5, "input"), "western_batch_005_input.json");
        assert_eq!(batch_file("western", 1_234, "output"), "western_batch_1234_output.json");
    }
}
