//! Answers that were paid for and are not in the ledger yet: one line each in a file of this process in the spool folder,
//! written in one go before the pictures are checked and stored. A process that is killed in between leaves the lines to
//! its successor, so the loss shrinks to calls whose answer had not arrived.
//!
//! Lines are not synced: the file survives the process, and the pictures' own sync is what makes a result durable.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use imagemill_domain::asset::Delivery;
use imagemill_domain::call::{CallId, Usage};
use imagemill_domain::failure::Failure;
use imagemill_domain::hash::{ContentHash, Sha256Hash};
use imagemill_providers::{Answer, ChatAnswer, Found, SpoolBody, Spooled};
use imagemill_store::{Files, OwnerId};
use serde::{Deserialize, Serialize};

/// A new file is begun after this many bytes, so that settled ones can go.
const SEGMENT_BYTES: u64 = 8 << 20;
const PREFIX: &str = "answers-";

/// An answer as it can be written down and read again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SavedAnswer {
    pub(crate) call: CallId,
    pub(crate) items: Vec<SavedItem>,
    pub(crate) usage: Usage,
    pub(crate) http_status: u16,
    pub(crate) raw: String,
    /// What the provider charges for it, as a share of the usual price.
    #[serde(default = "whole")]
    pub(crate) price: f64,
}

fn whole() -> f64 {
    1.0
}

/// One thing of the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SavedItem {
    Picture {
        body: SavedBody,
        bytes: u64,
        blake3: ContentHash,
        sha256: Sha256Hash,
        delivery: Delivery,
    },
    Link(String),
    /// All of an answer in words.
    Words {
        text: String,
        finish: String,
    },
    Failed(Failure),
}

/// Where its bytes are: small ones in the line itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SavedBody {
    #[serde(with = "hex::serde")]
    Here(Vec<u8>),
    File(PathBuf),
}

impl SavedAnswer {
    /// Takes an answer over; its spool files stay where they are.
    pub(crate) fn of(call: CallId, answer: Answer) -> Self {
        let items = answer
            .items
            .into_iter()
            .map(|item| match item {
                Found::Picture(picture) => SavedItem::of(picture),
                Found::Link(url) => SavedItem::Link(url),
                Found::Failed(failure) => SavedItem::Failed(failure),
            })
            .collect();
        Self { call, items, usage: answer.usage, http_status: answer.http_status, raw: answer.raw, price: whole() }
    }

    /// Takes an answer in words over.
    pub(crate) fn of_words(call: CallId, answer: ChatAnswer) -> Self {
        let items = vec![SavedItem::Words { text: answer.text, finish: answer.finish }];
        Self { call, items, usage: answer.usage, http_status: answer.http_status, raw: answer.raw, price: whole() }
    }

    pub(crate) fn has_links(&self) -> bool {
        self.items.iter().any(|item| matches!(item, SavedItem::Link(_)))
    }
}

impl SavedItem {
    pub(crate) fn of(picture: Spooled) -> Self {
        let body = match picture.body {
            SpoolBody::Memory(bytes) => SavedBody::Here(bytes),
            SpoolBody::File(path) => SavedBody::File(path),
        };
        Self::Picture {
            body,
            bytes: picture.bytes,
            blake3: picture.blake3,
            sha256: picture.sha256,
            delivery: picture.delivery,
        }
    }
}

/// This process's file of answers.
pub(crate) struct AnswerLog {
    folder: PathBuf,
    owner: OwnerId,
    state: Mutex<LogState>,
}

#[derive(Default)]
struct LogState {
    file: Option<File>,
    segment: u32,
    bytes: u64,
    /// Answers written to a segment and not settled yet.
    open: BTreeMap<u32, usize>,
}

/// An answer in the log; [`Kept::settle`] says that the ledger has it.
pub(crate) struct Kept {
    log: Arc<AnswerLog>,
    segment: u32,
}

impl AnswerLog {
    pub(crate) fn new(folder: &Path, owner: OwnerId) -> Arc<Self> {
        Arc::new(Self { folder: folder.to_owned(), owner, state: Mutex::default() })
    }

    /// Writes one answer down.
    pub(crate) fn keep(self: &Arc<Self>, answer: &SavedAnswer) -> io::Result<Kept> {
        let mut line = serde_json::to_vec(answer)?;
        line.push(b'\n');
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if state.file.is_none() || state.bytes > SEGMENT_BYTES {
            state.segment += 1;
            state.bytes = 0;
            state.file = Some(OpenOptions::new().create(true).append(true).open(self.path(state.segment))?);
        }
        let segment = state.segment;
        let length = state.bytes;
        let file = state.file.as_mut().expect("opened above");
        if let Err(error) = file.write_all(&line) {
            // Half a line would spoil the next one.
            if file.set_len(length).is_err() {
                state.file = None;
            }
            return Err(error);
        }
        state.bytes += line.len() as u64;
        *state.open.entry(segment).or_default() += 1;
        drop(state);
        Ok(Kept { log: self.clone(), segment })
    }

    /// Removes what is left when every answer was settled.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let segment = state.segment;
        if state.file.take().is_some() && !state.open.contains_key(&segment) {
            remove(&self.path(segment));
        }
    }

    fn path(&self, segment: u32) -> PathBuf {
        self.folder.join(format!("{PREFIX}{}-{segment}.jsonl", self.owner.0))
    }
}

impl Kept {
    pub(crate) fn settle(self) {
        let mut state = self.log.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(open) = state.open.get_mut(&self.segment) else { return };
        *open -= 1;
        if *open == 0 {
            state.open.remove(&self.segment);
            if self.segment != state.segment {
                remove(&self.log.path(self.segment));
            }
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "a settled answer file could not be removed");
    }
}

/// What dead processes left in the spool folder.
#[derive(Default)]
pub(crate) struct Inherited {
    pub(crate) answers: HashMap<CallId, SavedAnswer>,
    files: Vec<PathBuf>,
    spared: HashSet<PathBuf>,
}

impl Inherited {
    /// Keeps the spool files of an answer that is still needed.
    pub(crate) fn spare(&mut self, answer: &SavedAnswer) {
        for item in &answer.items {
            if let SavedItem::Picture { body: SavedBody::File(path), .. } = item {
                self.spared.insert(path.clone());
            }
        }
    }

    /// Reads every answer file that is not `own`'s. A last line that was cut is left out: its call becomes unknown.
    pub(crate) fn read(folder: &Path, own: OwnerId) -> io::Result<Self> {
        let own_prefix = format!("{PREFIX}{}-", own.0);
        let mut inherited = Self::default();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !name.starts_with(PREFIX) || name.starts_with(&own_prefix) {
                continue;
            }
            for line in BufReader::new(File::open(&path)?).split(b'\n') {
                if let Ok(answer) = serde_json::from_slice::<SavedAnswer>(&line?) {
                    inherited.answers.insert(answer.call, answer);
                }
            }
            inherited.files.push(path);
        }
        Ok(inherited)
    }

    /// Removes the files, and every spool part that was not spared: nothing needs them any more.
    pub(crate) fn clear(self, folder: &Path) -> io::Result<()> {
        for path in &self.files {
            remove(path);
        }
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let is_part = path.extension().is_some_and(|extension| extension == "part");
            // A server may already be making thumbnails while its engine starts.
            if is_part && !self.spared.contains(&path) && !Files::is_being_written(&path) {
                remove(&path);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(call: i64, bytes: &[u8]) -> SavedAnswer {
        SavedAnswer {
            call: CallId(call),
            items: vec![SavedItem::Picture {
                body: SavedBody::Here(bytes.to_vec()),
                bytes: bytes.len() as u64,
                blake3: ContentHash::of(bytes),
                sha256: Sha256Hash([0; 32]),
                delivery: Delivery::Inline,
            }],
            usage: Usage::default(),
            http_status: 200,
            raw: String::new(),
            price: whole(),
        }
    }

    #[test]
    fn a_successor_reads_what_was_not_settled_and_a_cut_line_harms_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let log = AnswerLog::new(folder.path(), OwnerId(1));
        let _dead = log.keep(&answer(7, b"seven")).unwrap();
        let path = log.path(1);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"{"call":8,"items":[{"pict"#).unwrap();
        std::fs::write(folder.path().join("9-0.part"), b"x").unwrap();

        let inherited = Inherited::read(folder.path(), OwnerId(2)).unwrap();
        assert_eq!(inherited.answers.keys().copied().collect::<Vec<_>>(), [CallId(7)]);
        inherited.clear(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn settled_segments_go_and_open_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let log = AnswerLog::new(folder.path(), OwnerId(1));
        let big = vec![0u8; (SEGMENT_BYTES / 2) as usize];
        let first = log.keep(&answer(1, &big)).unwrap();
        let second = log.keep(&answer(2, &big)).unwrap();
        let third = log.keep(&answer(3, b"small")).unwrap();
        let count = || std::fs::read_dir(folder.path()).unwrap().count();
        let before = count();
        first.settle();
        second.settle();
        third.settle();
        log.close();
        assert!(before >= 2);
        assert_eq!(count(), 0);
    }
}
