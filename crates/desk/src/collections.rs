//! Collections as a workspace has them: the state of each picture, told by the job of its batch, and what was measured on the way.
//! Which collection comes first, and the files of other programs, are the domain's matter.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use imagemill_domain::collection::{ArtistStatus, Collection, ProgressFile, Standing};
use imagemill_domain::critique::{CritiqueEdit, Decision, Reading, edited, edits_of, version_of};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::job::Job;
use imagemill_domain::money::Money;
use imagemill_domain::source::Scan;
use imagemill_domain::task::{Task, TaskId, TaskState};
use imagemill_store::{CollectionBatch, CollectionItem, NewCollectionItem, Store, TaskFilter};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::DeskError;

/// Tasks read at once.
const PAGE: u32 = 1_000;

/// Where a picture of a collection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// No batch took it yet.
    Pending,
    /// A batch took it, and its job is not there yet.
    Leased,
    /// Somebody else works on it.
    HandedOut,
    /// Its task is queued, running or waiting.
    Working,
    /// It has a row that passed the gate.
    Accepted,
    /// A merge has its row.
    Merged,
    /// Its answers did not pass the gate, or its calls failed.
    Failed,
    /// A reader keeps its row out.
    Rejected,
    /// The provider refused it.
    Refused,
    /// A call was lost; a person decides.
    Unknown,
    /// A person stopped its job.
    Stopped,
}

impl ItemState {
    /// Every state, in the order in which they are told.
    pub const ALL: [Self; 11] = [
        Self::Pending,
        Self::Leased,
        Self::HandedOut,
        Self::Working,
        Self::Accepted,
        Self::Merged,
        Self::Failed,
        Self::Rejected,
        Self::Refused,
        Self::Unknown,
        Self::Stopped,
    ];

    /// The stable machine word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Leased => "leased",
            Self::HandedOut => "handed_out",
            Self::Working => "working",
            Self::Accepted => "accepted",
            Self::Merged => "merged",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Stopped => "stopped",
        }
    }

    fn of(item: &CollectionItem, handed_out: bool, task: Option<TaskState>) -> Self {
        let accepted = item.has_row || task == Some(TaskState::Succeeded);
        match (accepted, item.batch, task) {
            (true, ..) if item.merged > 0 => Self::Merged,
            (true, ..) => Self::Accepted,
            (_, None, _) => Self::Pending,
            (_, _, None) if handed_out => Self::HandedOut,
            (_, _, None) => Self::Leased,
            (_, _, Some(TaskState::Queued | TaskState::Running | TaskState::Waiting)) => Self::Working,
            (_, _, Some(TaskState::Refused)) => Self::Refused,
            (_, _, Some(TaskState::Unknown)) => Self::Unknown,
            (_, _, Some(TaskState::Stopped)) => Self::Stopped,
            (_, _, Some(TaskState::Failed | TaskState::Partial | TaskState::Succeeded)) => Self::Failed,
        }
    }

    /// Whether the picture has a row, whatever people say of it.
    pub fn has_row(self) -> bool {
        matches!(self, Self::Accepted | Self::Merged | Self::Rejected)
    }

    /// Whether `collections retry` takes it up.
    pub fn may_be_retried(self) -> bool {
        matches!(self, Self::Failed | Self::Stopped)
    }
}

/// A picture with its state.
#[derive(Clone, Debug)]
pub struct BoardItem {
    /// The picture.
    pub item: CollectionItem,
    /// Where it stands.
    pub state: ItemState,
    /// Its task, where its batch has a job.
    pub task: Option<TaskId>,
    /// Why it failed.
    pub failure: Option<String>,
}

/// The row of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardRow {
    /// As it was written, where people changed it.
    before: Option<Value>,
    /// As people left it.
    pub now: Value,
}

impl BoardRow {
    /// With what people changed in it.
    pub(crate) fn new(first: Value, edits: &[CritiqueEdit]) -> Self {
        if edits_of(&first, edits).is_empty() {
            return Self { before: None, now: first };
        }
        let now = edited(&first, edits);
        Self { before: Some(first), now }
    }

    /// As it was written.
    pub fn first(&self) -> &Value {
        self.before.as_ref().unwrap_or(&self.now)
    }
}

/// A batch with its job.
#[derive(Clone, Debug)]
pub struct BoardBatch {
    /// The batch.
    pub batch: CollectionBatch,
    /// Its job, once it was submitted.
    pub job: Option<Job>,
}

/// A collection with all its pictures.
#[derive(Clone, Debug)]
pub struct Board {
    /// Its name.
    pub name: String,
    /// What it is.
    pub collection: Collection,
    /// Its pictures, in the order in which they came.
    pub items: Vec<BoardItem>,
    /// Its batches by number.
    pub batches: Vec<BoardBatch>,
    /// What people changed in its rows, in order.
    pub edits: HashMap<ContentHash, Vec<CritiqueEdit>>,
    /// What people said of its rows.
    pub readings: HashMap<ContentHash, Vec<Reading>>,
    /// What its batches cost so far, as far as prices are known.
    pub spent: Money,
    /// Calls of its batches that ended and cost nobody knows what.
    pub unpriced: u64,
    /// Seconds in which at least one of its batches was at work.
    pub busy_s: f64,
}

impl Board {
    /// Reads it.
    pub async fn read(store: &Store, name: &str, collection: &Collection) -> Result<Self, DeskError> {
        let items = store.collections().items(name).await?;
        let begun = store.collections().merges(name).await?.into_iter().map(|merge| (merge.number, merge.created_us));
        let begun: HashMap<u32, i64> = begun.collect();
        let mut tasks: HashMap<(u32, ContentHash), Task> = HashMap::new();
        let (mut batches, mut spans, mut spent, mut unpriced) = (Vec::new(), Vec::new(), Money::ZERO, 0);
        for batch in store.collections().batches(name).await? {
            let job = if batch.job.is_empty() { None } else { store.jobs().by_name(&batch.job).await? };
            if let Some(job) = &job {
                spent += job.spent;
                unpriced += job.unpriced;
                let found = tasks_of(store, job).await?;
                let begun = found.iter().filter_map(|task| task.started_us).min();
                let ended = found.iter().filter_map(|task| task.ended_us).max();
                spans.extend(begun.zip(ended).filter(|(begun, ended)| begun < ended));
                for task in found {
                    if let Some(picture) = task.spec.pictures.first().map(|picture| picture.blake3) {
                        tasks.insert((batch.number, picture), task);
                    }
                }
            }
            batches.push(BoardBatch { batch, job });
        }
        let of_others = batches.iter().filter(|known: &&BoardBatch| known.batch.job.is_empty());
        let of_others: HashSet<u32> = of_others.map(|known| known.batch.number).collect();
        let items = items
            .into_iter()
            .map(|mut item| {
                let task = item.batch.and_then(|number| tasks.get(&(number, item.picture)));
                // What was written anew after its merge began waits for the next one.
                let written_us = task.filter(|_| !item.has_row).and_then(|task| task.ended_us);
                if written_us.zip(begun.get(&item.merged)).is_some_and(|(written, begun)| written > *begun) {
                    item.merged = 0;
                }
                let handed_out = item.batch.is_some_and(|number| of_others.contains(&number));
                let state = ItemState::of(&item, handed_out, task.map(|task| task.state));
                let failure = task.and_then(|task| task.failure.as_ref()).map(|failure| failure.message.clone());
                BoardItem { state, task: task.map(|task| task.id), failure, item }
            })
            .collect();
        let collection = collection.clone();
        let (mut edits, mut readings) = (HashMap::new(), HashMap::new());
        for edit in store.critiques().edits(name).await? {
            edits.entry(edit.picture).or_insert_with(Vec::new).push(edit);
        }
        for reading in store.critiques().readings(name).await? {
            readings.entry(reading.picture).or_insert_with(Vec::new).push(reading);
        }
        let busy_s = union_s(spans);
        let mut board =
            Self { name: name.to_owned(), collection, items, batches, edits, readings, spent, unpriced, busy_s };
        board.reject(store).await?;
        Ok(board)
    }

    /// One without pictures, as before anything was taken in.
    pub fn empty(name: &str, collection: &Collection) -> Self {
        Self {
            name: name.to_owned(),
            collection: collection.clone(),
            items: Vec::new(),
            batches: Vec::new(),
            edits: HashMap::new(),
            readings: HashMap::new(),
            spent: Money::ZERO,
            unpriced: 0,
            busy_s: 0.0,
        }
    }

    /// Marks the pictures whose rows, as they stand, readers keep out.
    async fn reject(&mut self, store: &Store) -> Result<(), DeskError> {
        for at in 0..self.items.len() {
            let item = &self.items[at];
            let refused = self.readings_of(item).iter().any(|reading| reading.approved == Some(false));
            if !refused || !item.state.has_row() {
                continue;
            }
            let row = self.row(store, item).await?;
            if row.is_some_and(|row| !self.decision(&self.items[at], &row).lets_through()) {
                self.items[at].state = ItemState::Rejected;
            }
        }
        Ok(())
    }

    /// The row of a picture, wherever it is from; `None` when it has none.
    pub async fn row(&self, store: &Store, item: &BoardItem) -> Result<Option<BoardRow>, DeskError> {
        let first = match item.task {
            _ if !item.state.has_row() => None,
            _ if item.item.has_row => store.collections().row(&self.name, item.item.picture).await?,
            Some(task) => store.tasks().document(task).await?,
            None => None,
        };
        Ok(first.map(|first| BoardRow::new(first, self.edits_of(item))))
    }

    /// All rows with their places in `items`, those that readers keep out too.
    pub async fn all_rows(&self, store: &Store) -> Result<Vec<(usize, BoardRow)>, DeskError> {
        let mut imported: HashMap<ContentHash, Value> =
            store.collections().rows(&self.name).await?.into_iter().collect();
        let mut written: HashMap<TaskId, Value> = HashMap::new();
        for job in self.batches.iter().filter_map(|batch| batch.job.as_ref()) {
            let mut after = None;
            loop {
                let page = store.tasks().documents(job.id, after, PAGE).await?;
                let Some((last, _)) = page.last() else { break };
                after = Some((last.position, last.id));
                written.extend(page.into_iter().map(|(task, row)| (task.id, row)));
            }
        }
        let mut rows = Vec::new();
        for (at, item) in self.items.iter().enumerate().filter(|(_, item)| item.state.has_row()) {
            let first = if item.item.has_row {
                imported.remove(&item.item.picture)
            } else {
                item.task.and_then(|task| written.remove(&task))
            };
            rows.extend(first.map(|first| (at, BoardRow::new(first, self.edits_of(item)))));
        }
        Ok(rows)
    }

    /// The rows that may be given out, as people left them, with their places in `items`.
    pub async fn rows(&self, store: &Store) -> Result<Vec<(usize, Value)>, DeskError> {
        let rows = self.all_rows(store).await?.into_iter();
        let given = rows.filter(|(at, _)| self.items[*at].state != ItemState::Rejected);
        Ok(given.map(|(at, row)| (at, row.now)).collect())
    }

    /// What people changed in a picture's rows, of earlier texts too.
    pub fn edits_of(&self, item: &BoardItem) -> &[CritiqueEdit] {
        self.edits.get(&item.item.picture).map(Vec::as_slice).unwrap_or_default()
    }

    /// The places of the pictures of each batch.
    pub fn by_batch(&self) -> BTreeMap<u32, Vec<usize>> {
        let mut places: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (at, item) in self.items.iter().enumerate() {
            if let Some(number) = item.item.batch {
                places.entry(number).or_default().push(at);
            }
        }
        places
    }

    /// What people said of a picture's rows, of earlier texts too.
    pub fn readings_of(&self, item: &BoardItem) -> &[Reading] {
        self.readings.get(&item.item.picture).map(Vec::as_slice).unwrap_or_default()
    }

    /// What readers decided about a row as it stands.
    pub fn decision(&self, item: &BoardItem, row: &BoardRow) -> Decision {
        Decision::of(self.readings_of(item), &version_of(&row.now))
    }

    /// Pictures in a state.
    pub fn count(&self, state: ItemState) -> u64 {
        self.items.iter().filter(|item| item.state == state).count() as u64
    }

    /// Accepted rows of this workspace.
    pub fn accepted_here(&self) -> u64 {
        self.count(ItemState::Accepted) + self.count(ItemState::Merged)
    }

    /// How far it is, the rows from before included.
    pub fn standing(&self) -> Standing<'_> {
        let accepted = self.accepted_here() + self.collection.before;
        Standing { name: &self.name, collection: &self.collection, accepted }
    }

    /// Rows that tasks of this workspace brought.
    fn written_here(&self) -> u64 {
        let written =
            |item: &&BoardItem| !item.item.has_row && matches!(item.state, ItemState::Accepted | ItemState::Merged);
        self.items.iter().filter(written).count() as u64
    }

    /// What one accepted row cost, failed and repeated calls included; `None` before there is one, and where not every price is
    /// known.
    pub fn cost_each(&self) -> Option<Money> {
        let written = self.written_here();
        (written > 0 && self.unpriced == 0).then(|| Money::from_micros(self.spent.micros / written as i64))
    }

    /// Seconds until the target is reached at the measured pace; `None` before anything was measured.
    pub fn seconds_left(&self) -> Option<u64> {
        let (written, gap) = (self.written_here(), self.standing().gap());
        (written > 0 && self.busy_s > 0.0).then(|| (gap as f64 * self.busy_s / written as f64).ceil() as u64)
    }

    /// What `--json` prints.
    pub fn document(&self) -> Value {
        let states: BTreeMap<&str, u64> = ItemState::ALL.map(|state| (state.word(), self.count(state))).into();
        let standing = self.standing();
        json!({
            "name": self.name,
            "accepted": standing.accepted,
            "target": self.collection.target,
            "gap": standing.gap(),
            "percent": standing.percent().map(|percent| (percent * 10.0).round() / 10.0),
            "pictures": self.items.len(),
            "states": states,
            "batches": self.batches.len(),
            "batches_left": self.count(ItemState::Pending).div_ceil(u64::from(self.collection.batch())),
            "next_milestone": standing.next_milestone(),
            "next_batch": self.next_batch(),
            "spent": self.spent,
            "unpriced": self.unpriced,
            "cost_each": self.cost_each(),
            "seconds_left": self.seconds_left(),
        })
    }

    /// The number that the next batch gets.
    pub fn next_batch(&self) -> u32 {
        self.batches.iter().map(|batch| batch.batch.number).max().unwrap_or(0) + 1
    }

    /// The progress file of other programs.
    pub fn progress(&self, now: &str) -> ProgressFile {
        let done = |state: ItemState| matches!(state, ItemState::Accepted | ItemState::Merged);
        let batches = self.by_batch();
        let of = |number: u32| batches.get(&number).into_iter().flatten().map(|at| &self.items[*at]);
        let numbers = || batches.keys().copied();
        let whole = |number: &u32, good: &dyn Fn(ItemState) -> bool| of(*number).all(|item| good(item.state));
        let failed = |number: u32| {
            let items: Vec<&BoardItem> = of(number).filter(|item| item.state >= ItemState::Failed).collect();
            let error = items.first()?.failure.clone();
            let pictures: Vec<&str> = items.iter().map(|item| item.item.name.as_str()).collect();
            Some(json!({ "batch_id": number, "item_ids": pictures, "error": error, "timestamp": now }))
        };
        let mut artists: BTreeMap<String, ArtistStatus> = BTreeMap::new();
        for item in &self.items {
            if let Some(artist) = item.item.columns.get("artist").filter(|artist| !artist.is_empty()) {
                let status = artists.entry(artist.clone()).or_default();
                status.total += 1;
                status.completed += u64::from(done(item.state));
            }
        }
        ProgressFile {
            total: self.items.len() as u64,
            completed: self.accepted_here(),
            next_batch: self.next_batch(),
            completed_batches: numbers().filter(|number| whole(number, &done)).collect(),
            merged_batches: numbers().filter(|number| whole(number, &|state| state == ItemState::Merged)).collect(),
            failed_batches: numbers().filter_map(failed).collect(),
            last_updated: Some(now.to_owned()),
            artists_status: artists,
        }
    }
}

/// The pictures of a scan as a collection takes them in; `filepath` of a list names them in its files.
pub fn new_items(scan: &Scan) -> Vec<NewCollectionItem> {
    let items = scan.items.iter().filter_map(|item| {
        let picture = item.pictures.first()?;
        let mut columns = item.columns.clone();
        let named = columns.remove("filepath").or_else(|| columns.remove("image_path"));
        Some(NewCollectionItem {
            picture: picture.blake3,
            path: picture.path.clone(),
            name: named.filter(|name| !name.is_empty()).unwrap_or_else(|| picture.name.clone()),
            columns,
        })
    });
    items.collect()
}

/// Writes the pictures of a batch as the list of its job; returns the path that the job names.
pub(crate) fn write_list(folder: &Path, batch: &str, items: &[CollectionItem]) -> Result<String, DeskError> {
    let path = folder.join(format!("{batch}.jsonl"));
    let fault = |source| DeskError::File { what: "cannot write the list of the batch", path: path.clone(), source };
    std::fs::create_dir_all(folder).map_err(fault)?;
    let mut text = String::new();
    for item in items {
        let mut row: BTreeMap<&str, &str> = BTreeMap::from([("file", item.path.as_str()), ("filepath", &item.name)]);
        for (column, value) in &item.columns {
            row.entry(column).or_insert(value);
        }
        text += &json!(row).to_string();
        text.push('\n');
    }
    std::fs::write(&path, text).map_err(fault)?;
    Ok(path.to_string_lossy().into_owned())
}

async fn tasks_of(store: &Store, job: &Job) -> Result<Vec<Task>, DeskError> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = store.tasks().page(TaskFilter { job: job.id, states: None, failure: None }, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some((last.position, last.id));
        all.extend(page);
    }
}

/// Seconds that at least one of the spans covers.
fn union_s(mut spans: Vec<(i64, i64)>) -> f64 {
    spans.sort_unstable();
    let (mut covered, mut until) = (0, i64::MIN);
    for (begun, ended) in spans {
        covered += (ended - begun.max(until)).max(0);
        until = until.max(ended);
    }
    covered as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_side_by_side_do_not_count_twice() {
        let s = 1_000_000;
        assert!((union_s(vec![(4 * s, 6 * s), (0, 3 * s), (s, 2 * s), (2 * s, 4 * s)]) - 6.0).abs() < 1e-9);
        assert!(union_s(Vec::new()).abs() < 1e-9);
    }
}
