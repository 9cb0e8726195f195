//! How calls join a batch: a place in it, the ledger row with the batch's number, the line in the file, and then the task waits.
//! A call that joined was not sent; until its batch is, it can be taken back for nothing.
//!
//! A batch is sent when it is full, when its job has nothing more in the line, when nothing joined for [`QUIET`], and at the
//! latest [`LONGEST`] after it was begun.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::job::JobId;
use imagemill_domain::lane::BatchId;
use imagemill_domain::money::Money;
use imagemill_providers::{BatchAsk, NewBatch};
use imagemill_store::{NewCall, OpenCall};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::{BatchWay, Group, line_id, not_sent};
use crate::context::{Shared, TaskContext};
use crate::pictures::local;
use crate::settle::lock;

/// A batch is sent when nothing joined for this long.
const QUIET: Duration = Duration::from_secs(5);
/// The longest time from a batch's first call to its sending.
const LONGEST: Duration = Duration::from_secs(300);
/// Most pictures that a batch may bring: results are read again from the beginning when the connection breaks, so their file stays
/// at a few gigabytes.
const MOST_PICTURES: u32 = 1_000;
/// What a line has around its request, at most.
const AROUND_BYTES: u64 = 512;

/// A batch that calls join.
pub(crate) struct Gathering {
    pub(crate) id: BatchId,
    pub(crate) job: JobId,
    pub(crate) profile: String,
    pub(crate) way: Arc<BatchWay>,
    group: Group,
    key: String,
    path: PathBuf,
    since_us: i64,
    begun: Instant,
    places: Mutex<Places>,
    file: tokio::sync::Mutex<Lines>,
}

struct Places {
    /// Calls on their way in.
    pending: u32,
    items: u32,
    pictures: u32,
    bytes: u64,
    last: Instant,
    closed: bool,
}

struct Lines {
    file: File,
    bytes: u64,
}

/// A call about to join.
pub(crate) struct Joining {
    pub(crate) way: Arc<BatchWay>,
    /// The call at its full price.
    pub(crate) call: NewCall,
    pub(crate) ask: BatchAsk,
    /// Its answer will be in words.
    pub(crate) in_words: bool,
    /// Pictures that it may bring.
    pub(crate) pictures: u32,
}

/// What became of it.
pub(crate) enum Joined {
    /// It is in the batch; its task waits.
    Waits,
    /// It was not let into the ledger.
    Refused(OpenCall),
}

/// Lets a call join the batch of its kind.
pub(crate) async fn join(task: &TaskContext, joining: Joining) -> Result<Joined, Failure> {
    let shared = &task.shared;
    let gathering = place(shared, task.job.id, &joining).await?;
    let joined = enter(task, &gathering, joining).await;
    let mut places = lock(&gathering.places);
    places.pending -= 1;
    match &joined {
        Ok(Joined::Waits) => {
            places.items += 1;
            places.last = Instant::now();
        }
        // What was gathered until here goes out: it is all that the budget allows.
        Ok(Joined::Refused(OpenCall::OverBudget(_))) => places.closed = true,
        _ => {}
    }
    drop(places);
    joined
}

async fn enter(task: &TaskContext, gathering: &Gathering, joining: Joining) -> Result<Joined, Failure> {
    let Joining { way, mut call, ask, in_words, .. } = joining;
    let shared = &task.shared;
    call.batch = Some(gathering.id);
    call.ceiling = call.ceiling.map(|ceiling: Money| way.terms.of(ceiling));
    let opened = shared.store.calls().open(call, shared.clock.now_us()).await.map_err(|error| local(&error))?;
    let OpenCall::Opened(call) = opened else { return Ok(Joined::Refused(opened)) };
    let line = way.provider.line(&line_id(&gathering.key, call, in_words), ask);
    if let Err(failure) = gathering.write(line, way.provider.separator()).await {
        let end = not_sent("its line could not be written into the file of its batch; nothing was paid");
        shared.store.calls().finish(call, end, None, shared.clock.now_us()).await.map_err(|error| local(&error))?;
        return Err(failure);
    }
    // Nobody closes a batch while calls are on their way in.
    super::rest(task, call).await?;
    Ok(Joined::Waits)
}

/// A place in a batch with room, which is begun where there is none.
async fn place(shared: &Shared, job: JobId, joining: &Joining) -> Result<Arc<Gathering>, Failure> {
    let call = &joining.call;
    let group = Group { job, profile: call.profile.clone(), model: call.model.clone(), endpoint: joining.ask.endpoint };
    let bytes = joining.ask.bytes() + AROUND_BYTES;
    let mut all = shared.batches.gathering.lock().await;
    if let Some(known) = all.joined.get(&group).filter(|known| known.take_place(bytes, joining.pictures)) {
        return Ok(known.clone());
    }
    if bytes > joining.way.terms.max_bytes {
        let message = format!(
            "the request has {} MiB, and the provider's batches take {} MiB; nothing was sent. Set [prepare] max_bytes or max_edge, or take another lane",
            bytes.div_ceil(1 << 20),
            joining.way.terms.max_bytes >> 20
        );
        return Err(Failure::new(FailureKind::Invalid, message));
    }
    let begun = begin(shared, group.clone(), joining.way.clone()).await?;
    begun.take_place(bytes, joining.pictures);
    if let Some(full) = all.joined.insert(group, begun.clone()) {
        // It goes out when its last call is in.
        lock(&full.places).closed = true;
        all.full.push(full);
    }
    Ok(begun)
}

async fn begin(shared: &Shared, group: Group, way: Arc<BatchWay>) -> Result<Arc<Gathering>, Failure> {
    let now_us = shared.clock.now_us();
    let key = new_key(shared, &group, now_us);
    let id = shared.store.batches().begin(group.job, &key, &group.profile, &group.model, now_us).await;
    let id = id.map_err(|error| local(&error))?;
    let path = shared.files.spool_dir().join(format!("batch-{id}-{}.part", shared.owner.0));
    let file = File::create(&path).await.map_err(|error| unwritable(&path, &error))?;
    let now = Instant::now();
    let places = Places { pending: 0, items: 0, pictures: 0, bytes: 0, last: now, closed: false };
    Ok(Arc::new(Gathering {
        id,
        job: group.job,
        profile: group.profile.clone(),
        way,
        key,
        path,
        since_us: now_us,
        begun: now,
        places: Mutex::new(places),
        file: tokio::sync::Mutex::new(Lines { file, bytes: 0 }),
        group,
    }))
}

/// Nobody else's name of a batch: other workspaces may share the account.
fn new_key(shared: &Shared, group: &Group, now_us: i64) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(shared.files.spool_dir().as_os_str().as_encoded_bytes());
    for number in [now_us, i64::from(std::process::id()), shared.owner.0, group.job.0] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(group.endpoint.as_bytes());
    let here = std::ptr::from_ref(group) as usize;
    hasher.update(&here.to_le_bytes());
    format!("im{}", &hasher.finalize().to_hex()[..18])
}

fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    let message = format!("the file of a batch could not be written to {}: {error}", path.display());
    Failure::new(FailureKind::Local, message)
}

impl Gathering {
    /// Keeps a place for a line, where there is one.
    fn take_place(&self, bytes: u64, pictures: u32) -> bool {
        let terms = &self.way.terms;
        let mut places = lock(&self.places);
        let items = places.items + places.pending;
        let fits = items < terms.max_items
            && places.bytes + bytes <= terms.max_bytes
            && (places.pictures == 0 || places.pictures + pictures <= MOST_PICTURES);
        if places.closed || !fits {
            return false;
        }
        places.pending += 1;
        places.bytes += bytes;
        places.pictures += pictures;
        true
    }

    async fn write(&self, line: imagemill_providers::BatchLine, separator: &str) -> Result<(), Failure> {
        let mut lines = self.file.lock().await;
        let before = lines.bytes;
        let separator = if before == 0 { "" } else { separator };
        let bytes = line.bytes();
        let written = async {
            lines.file.write_all(separator.as_bytes()).await?;
            line.write_to(&mut lines.file).await?;
            lines.file.flush().await
        };
        if let Err(error) = written.await {
            // Half a line would spoil the next one.
            let _ = lines.file.set_len(before).await;
            let _ = tokio::io::AsyncSeekExt::seek(&mut lines.file, std::io::SeekFrom::Start(before)).await;
            return Err(unwritable(&self.path, &error));
        }
        lines.bytes = before + separator.len() as u64 + bytes;
        Ok(())
    }

    /// Whether it is to be sent now. `alone`: nothing more of its job can join.
    pub(crate) fn is_due(&self, alone: bool) -> bool {
        let places = lock(&self.places);
        let waited = places.last.elapsed() >= QUIET || self.begun.elapsed() >= LONGEST;
        places.pending == 0 && (places.closed || alone || waited)
    }

    /// Whether it takes no more calls.
    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.places).closed
    }

    /// Whether calls are on their way in.
    pub(crate) fn is_moving(&self) -> bool {
        lock(&self.places).pending > 0
    }

    /// As it goes out.
    pub(crate) async fn whole(&self) -> NewBatch {
        let bytes = self.file.lock().await.bytes;
        let items = lock(&self.places).items;
        NewBatch {
            key: self.key.clone(),
            model: self.group.model.clone(),
            endpoint: self.group.endpoint,
            lines: self.path.clone(),
            bytes,
            items,
            since_us: self.since_us,
        }
    }

    /// The file is of no use any more.
    pub(crate) fn remove_file(&self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the file of a batch could not be removed");
        }
    }
}

impl super::Batches {
    /// Those that calls join or joined.
    pub(crate) async fn gatherings(&self) -> Vec<Arc<Gathering>> {
        let all = self.gathering.lock().await;
        all.full.iter().chain(all.joined.values()).cloned().collect()
    }

    /// Takes one out, so that no further call joins it; `None` when one did meanwhile.
    pub(crate) async fn take(&self, id: BatchId) -> Option<Arc<Gathering>> {
        let mut all = self.gathering.lock().await;
        let is_meant = |gathering: &Arc<Gathering>| gathering.id == id && !gathering.is_moving();
        if let Some(place) = all.full.iter().position(is_meant) {
            return Some(all.full.remove(place));
        }
        let group = all.joined.iter().find(|(_, gathering)| is_meant(gathering))?.0.clone();
        all.joined.remove(&group)
    }

    /// Waits for a place among the requests that are made ready.
    pub(crate) async fn ready(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.ready.acquire().await.expect("it is never closed")
    }
}
