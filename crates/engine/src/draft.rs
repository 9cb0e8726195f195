//! Drafts: the texts between a task's steps, as files that a person may change. What a person wrote stands; what we wrote stands
//! as long as what it was made from is the same; everything else is made again. They are no ledger: a draft that is lost is asked
//! for again, and the journal pays nothing twice.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::hash::ContentHash;
use serde::{Deserialize, Serialize};

use crate::context::TaskContext;

/// What we wrote, and from what, beside the drafts themselves.
const RECORD: &str = ".made.json";

/// A draft as we wrote it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct MadeOf {
    inputs: ContentHash,
    text: ContentHash,
    /// What stood there before, so that a crash between record and text makes no person's work of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<ContentHash>,
}

/// A draft that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Its text.
    pub text: String,
    /// A person wrote it.
    pub edited: bool,
}

impl TaskContext {
    /// The draft `name`, when it need not be made: a person's, or ours of the same `inputs`.
    pub async fn draft(&self, name: &str, inputs: &str) -> Result<Option<Draft>, Failure> {
        let (folder, name, inputs) = (self.drafts(), name.to_owned(), ContentHash::of(inputs.as_bytes()));
        blocking(move || read(&folder, &name, inputs)).await
    }

    /// Writes a draft that was made from `inputs`.
    pub async fn write_draft(&self, name: &str, inputs: &str, text: &str) -> Result<(), Failure> {
        let (folder, name) = (self.drafts(), name.to_owned());
        let (inputs, text) = (ContentHash::of(inputs.as_bytes()), text.to_owned());
        blocking(move || write(&folder, &name, inputs, &text)).await
    }

    fn drafts(&self) -> PathBuf {
        self.shared.files.drafts_of(self.job.id, self.claimed.lease.task)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other).and_then(|done| done);
    done.map_err(|error| {
        let message = format!("a draft of the task cannot be read or written: {error}; see to the workspace's disk");
        Failure::new(FailureKind::Local, message)
    })
}

fn read(folder: &Path, name: &str, inputs: ContentHash) -> io::Result<Option<Draft>> {
    let text = match std::fs::read_to_string(folder.join(name)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let hash = ContentHash::of(text.as_bytes());
    Ok(match record(folder)?.remove(name) {
        Some(made) if made.text == hash => (made.inputs == inputs).then_some(Draft { text, edited: false }),
        Some(made) if made.before == Some(hash) => None,
        _ => Some(Draft { text, edited: true }),
    })
}

fn write(folder: &Path, name: &str, inputs: ContentHash, text: &str) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut all = record(folder)?;
    let before = all.remove(name).map(|made| made.text);
    all.insert(name.to_owned(), MadeOf { inputs, text: ContentHash::of(text.as_bytes()), before });
    replace(folder, RECORD, &serde_json::to_string_pretty(&all).expect("names and hashes serialise"))?;
    replace(folder, name, text)
}

fn record(folder: &Path) -> io::Result<BTreeMap<String, MadeOf>> {
    match std::fs::read_to_string(folder.join(RECORD)) {
        Ok(text) => Ok(serde_json::from_str(&text).unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

fn replace(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let temporary = folder.join(format!(".{name}.part"));
    std::fs::write(&temporary, text)?;
    std::fs::rename(temporary, folder.join(name))
}

/// The drafts of a folder with their names, in order.
pub fn drafts_in(folder: &Path) -> io::Result<Vec<(String, Draft)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let all = record(folder)?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !is_draft_name(&name) || !entry.file_type()?.is_file() {
            continue;
        }
        // What is no text was brought by somebody, and no step can read it.
        let Ok(text) = String::from_utf8(std::fs::read(entry.path())?) else { continue };
        let hash = ContentHash::of(text.as_bytes());
        let ours = all.get(&name).is_some_and(|made| made.text == hash || made.before == Some(hash));
        found.push((name, Draft { text, edited: !ours }));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

/// Writes a draft as a person does: it stands until it is taken away.
pub fn put_draft(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    replace(folder, name, text)
}

/// Takes a draft away, so that it is made again. Whether it was there.
pub fn remove_draft(folder: &Path, name: &str) -> io::Result<bool> {
    match std::fs::remove_file(folder.join(name)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a draft may have this name: a file of the folder itself, and none of ours beside the drafts.
pub fn is_draft_name(name: &str) -> bool {
    !name.starts_with('.')
        && (1..=100).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_wrote_stands_and_ours_as_long_as_its_inputs() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (one, other) = (ContentHash::of(b"1"), ContentHash::of(b"2"));
        let standing = |inputs| read(folder, "content.md", inputs).unwrap();
        assert_eq!(standing(one), None);
        write(folder, "content.md", one, "ours").unwrap();
        write(folder, "other.md", one, "other").unwrap();
        assert_eq!(standing(one), Some(Draft { text: "ours".into(), edited: false }));
        assert_eq!(standing(other), None, "made from something else");
        std::fs::write(folder.join("content.md"), "mine").unwrap();
        assert_eq!(standing(one), Some(Draft { text: "mine".into(), edited: true }));
        assert_eq!(standing(other), Some(Draft { text: "mine".into(), edited: true }));
        std::fs::remove_file(folder.join("content.md")).unwrap();
        assert_eq!(standing(one), None, "taken away is to be made again");
        assert_eq!(read(folder, "other.md", one).unwrap().unwrap().text, "other");
        std::fs::write(folder.join("new.md"), "brought").unwrap();
        assert!(read(folder, "new.md", one).unwrap().unwrap().edited);
    }

    #[test]
    fn a_folder_tells_whose_its_drafts_are() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("1/2");
        assert_eq!(drafts_in(&folder).unwrap(), []);
        write(&folder, "b.md", ContentHash::of(b"1"), "ours").unwrap();
        put_draft(&folder, "a.md", "mine").unwrap();
        put_draft(&folder, "c.md", "ours").unwrap();
        let told = |name: &str, text: &str, edited| (name.to_owned(), Draft { text: text.to_owned(), edited });
        let all = [told("a.md", "mine", true), told("b.md", "ours", false), told("c.md", "ours", true)];
        assert_eq!(drafts_in(&folder).unwrap(), all, "the record is no draft");
        put_draft(&folder, "b.md", "theirs").unwrap();
        assert!(drafts_in(&folder).unwrap()[1].1.edited);
        assert!(remove_draft(&folder, "b.md").unwrap() && !remove_draft(&folder, "b.md").unwrap());
        for name in ["", ".made.json", "../x", "a/b", "a b"] {
            assert!(!is_draft_name(name), "{name}");
        }
    }
}
