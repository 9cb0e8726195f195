//! What is done with collections: pictures taken in, batches made jobs of, failed pictures taken up again, second looks at rows. Pricing
//! and submitting the jobs, and telling people of them, is the caller's matter.

use std::collections::HashMap;

use imagemill_domain::collection::{Standing, order, path_key, picture_of};
use imagemill_domain::critique::{CritiqueSection, complaint, in_sample};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::job::JobId;
use imagemill_domain::job_file::{JobFile, RecipeName, SourceSection};
use imagemill_domain::money::Money;
use imagemill_domain::source::Scan;
use imagemill_domain::task::TaskState;
use imagemill_store::{CollectionItem, NewCollectionItem, RetrySelection, Store};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::clock::now_us;
use crate::collections::{Board, ItemState, write_list};
use crate::critique_queue::{Queue, QueueEntry};
use crate::critiques::{collection, commission_of};
use crate::desk::Desk;
use crate::error::DeskError;
use crate::job_input::JobInput;

/// Looks for the pictures that a collection is to take in; nothing is kept.
pub async fn scan_pictures(desk: &Desk, name: &str, section: SourceSection) -> Result<Scan, DeskError> {
    collection(&desk.config, name)?;
    let base = desk.current.clone();
    let scanning = move || imagemill_sources::scan(&section, &base, RecipeName::Critique, &mut |_| ());
    Ok(tokio::task::spawn_blocking(scanning).await.map_err(|error| DeskError::Fault(error.to_string()))??)
}

/// Takes pictures in, each known by its bytes; returns how many were new, and how many the collection had.
pub async fn take_in(store: &Store, name: &str, items: Vec<NewCollectionItem>) -> Result<(u64, u64), DeskError> {
    let all = items.len() as u64;
    let added = store.collections().add(name, items).await?;
    Ok((added, all - added))
}

/// The collection that comes first by the rule of the configuration among those with waiting pictures.
pub async fn first_waiting(desk: &Desk, store: &Store) -> Result<Option<String>, DeskError> {
    let mut boards = Vec::new();
    for (name, collection) in &desk.config.collections {
        let board = Board::read(store, name, collection).await?;
        if board.count(ItemState::Pending) > 0 {
            boards.push(board);
        }
    }
    let mut standings: Vec<Standing<'_>> = boards.iter().map(Board::standing).collect();
    order(&mut standings, desk.config.collection_priority);
    Ok(standings.first().map(|standing| standing.name.to_owned()))
}

/// Who writes or judges, and what it may cost; where nothing is said the collection and the profile say it.
#[derive(Clone, Debug, Default)]
pub struct CritiqueOrder {
    /// Profile to call with.
    pub profile: Option<String>,
    /// Model to call.
    pub model: Option<String>,
    /// The most each job may spend.
    pub budget: Option<Money>,
    /// Run although nobody knows the price.
    pub accept_unknown_price: bool,
}

impl CritiqueOrder {
    fn input(
        &self,
        desk: &Desk,
        section: CritiqueSection,
        name: &str,
        items: &[CollectionItem],
    ) -> Result<JobInput, DeskError> {
        let mut file = JobFile::new(RecipeName::Critique);
        file.critique = Some(section);
        file.source.list = Some(write_list(&desk.workspace.state().join("collections"), name, items)?);
        file.source.picture_column = Some("file".to_owned());
        file.profile.clone_from(&self.profile);
        file.model.clone_from(&self.model);
        file.budget = self.budget;
        file.accept_unknown_price = self.accept_unknown_price;
        let (name, base) = (name.to_owned(), desk.current.clone());
        Ok(JobInput { file, name, base, text: None, save_to: None, concurrency: None })
    }
}

/// A batch that was taken, and the job that writes its critiques.
#[derive(Debug)]
pub struct TakenBatch {
    /// Its number in the collection.
    pub number: u32,
    /// The job, not planned yet.
    pub input: JobInput,
}

/// Takes up to `count` batches of `size` waiting pictures (the collection's own size where nothing is said). Nobody else gets them until
/// they are given back.
pub async fn take_batches(
    desk: &Desk,
    store: &Store,
    name: &str,
    (count, size): (u32, Option<u32>),
    wanted: &CritiqueOrder,
) -> Result<Vec<TakenBatch>, DeskError> {
    let own = collection(&desk.config, name)?;
    let prefix = name.to_owned();
    let job = move |number: u32| format!("{prefix}-batch-{number:03}");
    let taken = store.collections().take(name, count, size.unwrap_or(own.batch()), job, now_us()).await?;
    let input = |job: &str, items: &[CollectionItem]| {
        let section = CritiqueSection { collection: Some(name.to_owned()), ..CritiqueSection::default() };
        wanted.input(desk, section, job, items)
    };
    taken
        .into_iter()
        .map(|(batch, items)| Ok(TakenBatch { number: batch.number, input: input(&batch.job, &items)? }))
        .collect()
}

/// Takes batches for somebody else to write: no job is made, and their pictures wait until rows come or the batch is given back.
pub async fn hand_out(
    desk: &Desk,
    store: &Store,
    name: &str,
    (count, size): (u32, Option<u32>),
) -> Result<Vec<(u32, Vec<CollectionItem>)>, DeskError> {
    let own = collection(&desk.config, name)?;
    let size = size.unwrap_or(own.batch());
    let taken = store.collections().take(name, count, size, |_| String::new(), now_us()).await?;
    Ok(taken.into_iter().map(|(batch, items)| (batch.number, items)).collect())
}

/// A row of somebody else that was not taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RefusedRow {
    /// The picture as the row names it.
    pub picture: String,
    /// What the gate found; `None` when the collection has no such picture.
    pub why: Option<String>,
}

/// Takes rows that somebody else wrote: each is held against the gate, and no bad one costs another. `authorship` is for rows that do not
/// say who wrote them. Returns how many pictures took one, and the others.
pub async fn take_rows(
    desk: &Desk,
    store: &Store,
    name: &str,
    rows: Vec<Map<String, Value>>,
    authorship: &str,
) -> Result<(u64, Vec<RefusedRow>), DeskError> {
    let section = CritiqueSection { collection: Some(name.to_owned()), ..CritiqueSection::default() };
    let commission = commission_of(&desk.config, &desk.current, &section)?;
    let items = store.collections().items(name).await?;
    let known: HashMap<String, ContentHash> = items.iter().map(|item| (path_key(&item.name), item.picture)).collect();
    let (mut good, mut refused) = (Vec::new(), Vec::new());
    for mut row in rows {
        let named = picture_of(&row).unwrap_or_default().to_owned();
        let Some(picture) = known.get(&path_key(&named)) else {
            refused.push(RefusedRow { picture: named, why: None });
            continue;
        };
        let faults = commission.faults(&row);
        if !faults.is_empty() {
            refused.push(RefusedRow { picture: named, why: Some(complaint(&faults)) });
            continue;
        }
        let facts = [
            ("authorship", Value::from(authorship)),
            ("culture", commission.collection.clone().into()),
            ("rubric", commission.rubric.name.clone().into()),
            ("rubric_version", commission.rubric.version.clone().into()),
            ("gate", commission.gate_name.clone().into()),
            ("image_blake3", json!(picture)),
        ];
        for (member, value) in facts {
            row.entry(member).or_insert(value);
        }
        good.push((*picture, Value::Object(row)));
    }
    Ok((store.collections().accept(name, good).await?, refused))
}

/// Gives those of the batches back whose jobs were never submitted: their pictures wait again at once.
pub async fn give_back_unsubmitted(store: &Store, name: &str, batches: &[(u32, String)]) -> Result<(), DeskError> {
    for (number, job) in batches {
        if store.jobs().by_name(job).await?.is_none() {
            store.collections().give_back(name, *number).await?;
        }
    }
    Ok(())
}

/// Gives the pictures of a batch back that have no row; `None` when its calls are under way. Else how many wait again. Those whose calls
/// were lost stay: they may be paid for already, and a person decides about them first.
pub async fn release_batch(store: &Store, board: &Board, number: u32) -> Result<Option<u64>, DeskError> {
    let open = || board.items.iter().filter(|item| item.item.batch == Some(number) && !item.state.has_row());
    if open().any(|item| item.state == ItemState::Working) {
        return Ok(None);
    }
    let free = open().filter(|item| item.state != ItemState::Unknown);
    let pictures: Vec<ContentHash> = free.map(|item| item.item.picture).collect();
    Ok(Some(store.collections().give_back_only(&board.name, number, pictures).await?))
}

/// Queues failed and stopped pictures again, each with the complaint about its last answer; returns the jobs that have such.
pub async fn retry_batches(store: &Store, board: &Board) -> Result<Vec<JobId>, DeskError> {
    let mut jobs = Vec::new();
    let places = board.by_batch();
    for batch in &board.batches {
        let mut of_batch = places.get(&batch.batch.number).into_iter().flatten();
        let failed = of_batch.any(|at| board.items[*at].state.may_be_retried());
        if let Some(job) = batch.job.as_ref().filter(|_| failed) {
            let states = vec![TaskState::Failed, TaskState::Partial, TaskState::Stopped];
            store.tasks().retry(job.id, RetrySelection::States(states), true, now_us()).await?;
            jobs.push(job.id);
        }
    }
    Ok(jobs)
}

/// The job of a second look: a fixed sample of rows that nobody looked at yet (`share` of all, 0 to 1), and up to `anchors` rows that people
/// scored, each time anew: they say what the judge's scores are worth. `None` when there is nothing to look at.
pub async fn look_job(
    desk: &Desk,
    store: &Store,
    name: &str,
    (share, anchors): (f64, usize),
    wanted: &CritiqueOrder,
) -> Result<Option<JobInput>, DeskError> {
    let queue = Queue::read(store, &desk.config, &desk.current, name).await?;
    let rows = rows_to_look_at(&queue, share, anchors);
    if rows.is_empty() {
        return Ok(None);
    }
    let prefix = name.to_owned();
    let job = store.critiques().begin_look(name, move |number| format!("{prefix}-look-{number:03}"), now_us()).await?;
    let items: Vec<CollectionItem> = rows.into_iter().map(|entry| item_to_look_at(&queue, entry)).collect();
    let section = CritiqueSection { collection: Some(name.to_owned()), look: true, ..CritiqueSection::default() };
    wanted.input(desk, section, &job, &items).map(Some)
}

fn rows_to_look_at(queue: &Queue, share: f64, most_anchors: usize) -> Vec<&QueueEntry> {
    let sample = format!("{}/look", queue.board.name);
    let mut anchors = 0;
    let mut in_order: Vec<&QueueEntry> = queue.entries.iter().collect();
    in_order.sort_by_key(|entry| entry.at);
    let wanted = |entry: &&QueueEntry| {
        let item = queue.item(entry);
        if item.state == ItemState::Rejected {
            return false;
        }
        if anchors < most_anchors && queue.readings(entry).any(|reading| reading.score.is_some()) {
            anchors += 1;
            return true;
        }
        entry.look.is_none() && in_sample(&sample, &item.item.picture, share)
    };
    in_order.into_iter().filter(wanted).collect()
}

/// The picture with the texts that are looked at.
fn item_to_look_at(queue: &Queue, entry: &QueueEntry) -> CollectionItem {
    let text = |member: &str| entry.row.now[member].as_str().unwrap_or_default().to_owned();
    let columns = [
        ("critique_zh".to_owned(), text("critique_zh")),
        ("critique_en".to_owned(), text("critique_en")),
        ("version".to_owned(), entry.version.clone()),
    ];
    CollectionItem { columns: columns.into(), ..queue.item(entry).item.clone() }
}
