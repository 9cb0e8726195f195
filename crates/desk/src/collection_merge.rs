//! Merges of a collection: accepted rows go through the gate together with those that are merged already, because copies and stock
//! sentences only show among all of them; what passes is numbered, goes into a Lance table where there is one, and into the collection's
//! files. A merge is written down before the table is touched, so one that was cut is done again under its number and can still be taken
//! back. Must not know who asked.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use imagemill_domain::critique::complaint;
use imagemill_domain::hash::ContentHash;
use imagemill_export::dataset::{CritiqueRow, Dataset, Likeness, Rights, critiques};
use imagemill_export::lake;
use imagemill_store::{CollectionMerge, Store};
use serde::Serialize;
use serde_json::Value;

use crate::clock::now_us;
use crate::collection_files::write_files;
use crate::collections::{Board, BoardItem, ItemState};
use crate::critique_queue::{Queue, QueueEntry};
use crate::critiques::collection;
use crate::desk::Desk;
use crate::error::DeskError;

/// A merge that somebody wants.
#[derive(Clone, Debug, Default)]
pub struct MergeOrder {
    /// The collection.
    pub name: String,
    /// Folder for its files.
    pub to: PathBuf,
    /// Folder or address of Lance tables; the collection's own where nobody says.
    pub lance: Option<String>,
    /// With a table: every row of earlier merges goes there again.
    pub all: bool,
    /// Only says what would be merged.
    pub dry_run: bool,
}

/// A row that a merge left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftOut {
    /// Its picture's name in the collection.
    pub picture: String,
    /// What the gate found; `None` when readers keep it out.
    pub why: Option<String>,
}

/// What became of a merge.
#[derive(Clone, Debug)]
pub struct Merged {
    /// Its number.
    pub merge: u32,
    /// Rows that it has.
    pub rows: u64,
    /// Rows of the collection that merges have now.
    pub all: u64,
    /// Rows that it left out.
    pub left_out: Vec<LeftOut>,
    /// Where the files are.
    pub folder: PathBuf,
    /// The address of the table.
    pub lance: Option<String>,
    /// Its version behind the merge.
    pub version: u64,
    /// With a table and nothing but asked: what would change there.
    pub difference: Option<lake::Difference>,
}

/// Merges what passes; a row that fails stays accepted and is told.
pub async fn merge(desk: &Desk, store: &Store, order: &MergeOrder) -> Result<Merged, DeskError> {
    let MergeOrder { name, to, lance, all, dry_run } = order;
    // What is written anew from here on waits for the next merge.
    let created_us = now_us();
    let queue = Queue::read(store, &desk.config, &desk.current, name).await?;
    let before = &queue.board;
    let (pictures, left_out) = sorted(&queue);
    let done = store.collections().merges(name).await?.into_iter().filter(|merge| merge.version_after.is_some());
    let last = before.items.iter().map(|item| item.item.merged).chain(done.map(|merge| merge.number)).max();
    let number = last.unwrap_or(0) + 1;
    let address = address(desk, name, lance.as_deref())?;
    let mut merged = Merged {
        merge: number,
        rows: pictures.len() as u64,
        all: before.count(ItemState::Merged),
        left_out,
        folder: desk.current.join(to),
        lance: address.clone(),
        version: 0,
        difference: None,
    };
    let mut begun = CollectionMerge { number, created_us, rows: merged.rows, ..CollectionMerge::default() };
    let mut brought = merged.rows;
    if let Some(address) = &address {
        let fresh: HashSet<ContentHash> = pictures.iter().copied().collect();
        let rows = async |all: bool| rows_for(store, before, &fresh, (number, address, all)).await;
        if *dry_run {
            merged.difference = Some(difference(name, address, rows(true).await?).await?);
            return Ok(merged);
        }
        brought = rows(*all).await?.len() as u64;
        if brought > 0 {
            begun.rows = brought;
            // An empty table is a version that a merge can be taken back to, so one that is not there is made.
            (begun.lake, begun.version_before) = (address.clone(), lake::prepare(address, name).await?);
            store.collections().begin_merge(name, begun.clone()).await?;
            let set = set(name, rows(*all).await?).await?;
            merged.version = lake::merge(address, name, &set).await?;
        }
    } else if brought > 0 && !dry_run {
        store.collections().begin_merge(name, begun).await?;
    }
    if *dry_run {
        return Ok(merged);
    }
    if brought > 0 {
        store.collections().merged(name, pictures, number, merged.version).await?;
    }
    let after = Board::read(store, name, collection(&desk.config, name)?).await?;
    merged.all = after.count(ItemState::Merged);
    write_files(&merged.folder, &after, after.rows(store).await?).await?;
    Ok(merged)
}

/// A merge that was taken back.
#[derive(Clone, Debug, Serialize)]
pub struct Undone {
    /// The collection.
    pub name: String,
    /// Which merge.
    pub merge: u32,
    /// Rows that wait again.
    pub rows: u64,
    /// The table's version now; 0 without one.
    pub version: u64,
}

/// Why a merge is not taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotUndone {
    /// There is none.
    NoMerge,
    /// Somebody changed the table since.
    MovedOn {
        /// The merge.
        merge: u32,
        /// The version behind it.
        after: u64,
        /// The table's version.
        found: u64,
    },
}

/// Takes the last merge back, from the table first. `force` does so even when the table was changed since.
pub async fn undo_merge(
    desk: &Desk,
    store: &Store,
    name: &str,
    to: &Path,
    force: bool,
) -> Result<Result<Undone, NotUndone>, DeskError> {
    let own = collection(&desk.config, name)?;
    let merges = store.collections().merges(name).await?;
    let done = |merge: &&CollectionMerge| merge.version_after.is_some() && merge.undone_us.is_none();
    let Some(last) = merges.iter().rev().find(done) else { return Ok(Err(NotUndone::NoMerge)) };
    let mut version = 0;
    if !last.lake.is_empty() {
        let (found, after) = (lake::version(&last.lake, name).await?, last.version_after.unwrap_or_default());
        if found != after && !force {
            return Ok(Err(NotUndone::MovedOn { merge: last.number, after, found }));
        }
        version = lake::restore(&last.lake, name, last.version_before).await?;
    }
    let rows = store.collections().undo_merge(name, last.number, now_us()).await?;
    let after = Board::read(store, name, own).await?;
    write_files(&desk.current.join(to), &after, after.rows(store).await?).await?;
    Ok(Ok(Undone { name: name.to_owned(), merge: last.number, rows, version }))
}

/// The rows of a collection that merges hold, with their pictures.
pub async fn merged_rows(desk: &Desk, store: &Store, name: &str) -> Result<Vec<CritiqueRow>, DeskError> {
    let board = Board::read(store, name, collection(&desk.config, name)?).await?;
    let merges = store.collections().merges(name).await?;
    let minting = Minting::new(&board, &merges);
    let rows = board.rows(store).await?.into_iter().map(|(at, row)| (&board.items[at], row));
    let merged = rows.filter(|(item, _)| item.state == ItemState::Merged);
    Ok(merged.filter_map(|(item, row)| minting.row(item, row, item.item.merged)).collect())
}

/// The pictures whose rows are merged now, and what is said of others.
fn sorted(queue: &Queue) -> (Vec<ContentHash>, Vec<LeftOut>) {
    let (mut pictures, mut left_out) = (Vec::new(), Vec::new());
    let mut entries: Vec<&QueueEntry> = queue.entries.iter().collect();
    entries.sort_by_key(|entry| entry.at);
    for entry in entries {
        let item = queue.item(entry);
        let why = match item.state {
            ItemState::Rejected => None,
            ItemState::Accepted if entry.faults.is_empty() => {
                pictures.push(item.item.picture);
                continue;
            }
            ItemState::Accepted => Some(complaint(&entry.faults)),
            _ => continue,
        };
        left_out.push(LeftOut { picture: item.item.name.clone(), why });
    }
    (pictures, left_out)
}

/// Where the rows of a collection go: what the order says, else what the collection says.
fn address(desk: &Desk, name: &str, given: Option<&str>) -> Result<Option<String>, DeskError> {
    let own = collection(&desk.config, name)?;
    let Some(address) = given.or(own.lance.as_deref()).filter(|address| !address.is_empty()) else { return Ok(None) };
    if address.contains("://") {
        return Ok(Some(address.to_owned()));
    }
    Ok(Some(desk.current.join(address).to_string_lossy().into_owned()))
}

/// The rows of a merge into a table: those that are fresh, and those that earlier merges did not bring there.
async fn rows_for(
    store: &Store,
    board: &Board,
    fresh: &HashSet<ContentHash>,
    (number, address, all): (u32, &str, bool),
) -> Result<Vec<CritiqueRow>, DeskError> {
    let merges = store.collections().merges(&board.name).await?;
    // Each merge into the table brings everything that it lacks.
    let is_there = |merged: u32| {
        let done = |merge: &&CollectionMerge| merge.version_after.is_some() && merge.undone_us.is_none();
        merges.iter().filter(done).any(|merge| merge.number >= merged && merge.lake == address)
    };
    let wanted = |item: &BoardItem| {
        let merged = item.state == ItemState::Merged;
        fresh.contains(&item.item.picture) || (merged && (all || !is_there(item.item.merged)))
    };
    let minting = Minting::new(board, &merges);
    let of = |(item, row): (&BoardItem, Value)| {
        let number = if item.state == ItemState::Merged { item.item.merged } else { number };
        minting.row(item, row, number)
    };
    let rows = board.rows(store).await?.into_iter().map(|(at, row)| (&board.items[at], row));
    Ok(rows.filter(|(item, _)| wanted(item)).filter_map(of).collect())
}

async fn set(name: &str, rows: Vec<CritiqueRow>) -> Result<Dataset, DeskError> {
    Ok(critiques(name.to_owned(), rows, Likeness::default(), Rights::default()).await?)
}

async fn difference(name: &str, address: &str, rows: Vec<CritiqueRow>) -> Result<lake::Difference, DeskError> {
    if rows.is_empty() {
        let version = lake::version(address, name).await?;
        return Ok(lake::Difference { version, ..lake::Difference::default() });
    }
    Ok(lake::difference(address, name, &set(name, rows).await?).await?)
}

/// What a collection knows of its rows besides what they say.
struct Minting<'a> {
    board: &'a Board,
    /// When each merge was begun.
    begun: HashMap<u32, i64>,
    /// The job of each batch.
    jobs: HashMap<u32, &'a str>,
}

impl<'a> Minting<'a> {
    fn new(board: &'a Board, merges: &[CollectionMerge]) -> Self {
        let begun = merges.iter().map(|merge| (merge.number, merge.created_us)).collect();
        let jobs =
            board.batches.iter().filter_map(|batch| Some((batch.batch.number, batch.job.as_ref()?.name.as_str())));
        Self { board, begun, jobs: jobs.collect() }
    }

    /// A row with its picture. `merge` is the merge that has it, or will.
    fn row(&self, item: &BoardItem, row: Value, merge: u32) -> Option<CritiqueRow> {
        let Value::Object(mut row) = row else { return None };
        let picture = &item.item;
        let job = picture.batch.and_then(|batch| self.jobs.get(&batch).copied());
        for (member, value) in [
            ("batch_id", picture.batch.map(Value::from)),
            ("run_id", job.map(Value::from)),
            ("task", item.task.map(|task| Value::from(task.0))),
            ("merge", Some(Value::from(merge))),
        ] {
            row.insert(member.to_owned(), value.unwrap_or_default());
        }
        for (column, value) in &picture.columns {
            row.entry(column.clone()).or_insert_with(|| value.clone().into());
        }
        let minted_us = picture.minted_us.or_else(|| self.begun.get(&merge).copied()).unwrap_or(0);
        Some(CritiqueRow {
            collection: self.board.name.clone(),
            picture: picture.picture,
            path: picture.path.clone().into(),
            name: picture.name.clone(),
            number: picture.id,
            minted_ms: minted_us / 1_000,
            row,
        })
    }
}
