//! Result pictures: facts and lineage. Their bytes are in `Files`. Rows are written where calls end (`settle`).

use imagemill_domain::asset::{Asset, AssetId};
use imagemill_domain::call::CallId;
use imagemill_domain::hash::ContentHash;
use imagemill_domain::job::JobId;
use imagemill_domain::task::{Task, TaskId, TaskState};
use rusqlite::{Connection, OptionalExtension, Params, params};

use super::failure::{OpResult, bad_row};
use super::rows::{self, ASSET_COLUMNS, delivery_number, format_number, optional_json, present};
use super::store::Store;
use super::{gallery, pages};
use crate::error::StoreError;
use crate::record::{GalleryFilter, GalleryRow, NewAsset};

/// Tasks looked at together while a page of assets is filled.
const TASKS_AT_ONCE: u32 = 256;

/// The asset table.
#[derive(Clone, Copy, Debug)]
pub struct Assets<'a> {
    pub(crate) store: &'a Store,
}

impl Assets<'_> {
    /// The asset with this number, superseded or not.
    pub async fn get(&self, asset: AssetId) -> Result<Option<Asset>, StoreError> {
        self.store.read(move |connection| by_id(connection, asset)).await
    }

    /// The pictures of a task in order, without those that a later round superseded.
    pub async fn for_task(&self, task: TaskId) -> Result<Vec<Asset>, StoreError> {
        self.store.read(move |connection| of_task(connection, task)).await
    }

    /// All pictures a task ever got, oldest first, superseded ones included.
    pub async fn history_of_task(&self, task: TaskId) -> Result<Vec<Asset>, StoreError> {
        self.store.read(move |connection| select(connection, "WHERE task = ?1 ORDER BY id", [task.0])).await
    }

    /// The pictures that one call brought, in order, superseded or not.
    pub async fn for_call(&self, call: CallId) -> Result<Vec<Asset>, StoreError> {
        self.store
            .read(move |connection| {
                let tail = "WHERE task = (SELECT call.task FROM call WHERE call.id = ?1) AND call = ?1 \
                     ORDER BY picture, id";
                select(connection, tail, [call.0])
            })
            .await
    }

    /// What was done to the sources before they were sent, as it was given; `None` when nothing was.
    pub async fn prepared(&self, asset: AssetId) -> Result<Option<serde_json::Value>, StoreError> {
        self.store
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT prepared FROM asset WHERE id = ?1")?
                    .query_and_then([asset.0], |row| optional_json(row, 0, "asset", asset.0))?
                    .next()
                    .transpose()
                    .map(Option::flatten)
            })
            .await
    }

    /// Up to `limit` pictures of a job with their tasks, in the order of the plan and then of the task, behind `after`;
    /// without superseded ones.
    pub async fn page(&self, job: JobId, after: Option<AssetId>, limit: u32) -> Result<Vec<(Asset, Task)>, StoreError> {
        self.store.read(move |connection| page(connection, job, after, limit as usize)).await
    }

    /// The numbers of all pictures that `filter` lets through, in its order; without superseded ones. Built for hundreds of
    /// thousands at once: whoever shows them asks for [`Self::rows`] in view only.
    pub async fn ids(&self, filter: GalleryFilter) -> Result<Vec<AssetId>, StoreError> {
        let definitions = self.store.definitions();
        self.store.read(move |connection| gallery::ids(connection, &definitions, &filter)).await
    }

    /// These pictures with all that is shown of them, in the order given; those that are gone are left out.
    pub async fn rows(&self, ids: Vec<AssetId>) -> Result<Vec<GalleryRow>, StoreError> {
        self.store.read(move |connection| gallery::view(connection, &ids)).await
    }

    /// The perceptual hashes of a job's pictures by number, without superseded ones.
    pub async fn looks(&self, job: JobId) -> Result<Vec<(AssetId, u64)>, StoreError> {
        self.store.read(move |connection| gallery::looks(connection, job)).await
    }

    /// A picture with these bytes, superseded or not.
    pub async fn with_hash(&self, hash: ContentHash) -> Result<Option<Asset>, StoreError> {
        self.store
            .read(move |connection| Ok(select(connection, "WHERE blake3 = ?1 LIMIT 1", [hash.as_bytes()])?.pop()))
            .await
    }

    /// Whether a row, superseded or not, points to these bytes.
    pub async fn is_referenced(&self, hash: ContentHash) -> Result<bool, StoreError> {
        self.store
            .read(move |connection| {
                let mut statement =
                    connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM asset WHERE blake3 = ?1)")?;
                Ok(statement.query_row([hash.as_bytes()], |row| row.get(0))?)
            })
            .await
    }

    /// Up to `limit` content hashes that rows point to, behind `after`, in order and each once: what `gc` must keep.
    pub async fn hashes(&self, after: Option<ContentHash>, limit: u32) -> Result<Vec<ContentHash>, StoreError> {
        self.store
            .read(move |connection| {
                let mut statement = connection
                    .prepare_cached("SELECT DISTINCT blake3 FROM asset WHERE blake3 > ?1 ORDER BY blake3 LIMIT ?2")?;
                let after = after.map(|hash| hash.as_bytes().to_vec()).unwrap_or_default();
                statement
                    .query_and_then(params![after, limit], |row| {
                        let bytes: Vec<u8> = row.get(0)?;
                        ContentHash::from_slice(&bytes).ok_or_else(|| bad_row("asset", 0, "a hash has a wrong length"))
                    })?
                    .collect()
            })
            .await
    }
}

/// Writes the row of a picture.
pub(crate) fn insert(
    connection: &Connection,
    task: TaskId,
    call: CallId,
    asset: &NewAsset,
    now_us: i64,
) -> OpResult<AssetId> {
    let facts = &asset.facts;
    let parents = asset.parents.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>();
    connection
        .prepare_cached(
            "INSERT INTO asset (task, call, picture, format, width, height, bytes, findings, delivery, phash, \
             created_us, blake3, sha256, parents, prepared) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            task.0,
            call.0,
            asset.index,
            format_number(facts.format) as i64,
            facts.width,
            facts.height,
            facts.bytes as i64,
            asset.findings.bits(),
            delivery_number(asset.delivery) as i64,
            facts.phash as i64,
            now_us,
            facts.blake3.as_bytes(),
            facts.sha256.as_bytes(),
            (!parents.is_empty()).then_some(parents),
            asset.prepared.as_ref().map(rows::to_json)
        ])?;
    Ok(AssetId(connection.last_insert_rowid()))
}

/// The numbers of the pictures that a call brought, in order.
pub(crate) fn ids_of_call(connection: &Connection, task: TaskId, call: CallId) -> OpResult<Vec<AssetId>> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM asset WHERE task = ?1 AND call = ?2 ORDER BY picture, id")?;
    let ids = statement.query_map([task.0, call.0], |row| row.get(0).map(AssetId))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

pub(crate) fn by_id(connection: &Connection, asset: AssetId) -> OpResult<Option<Asset>> {
    Ok(select(connection, "WHERE id = ?1", [asset.0])?.pop())
}

pub(crate) fn of_task(connection: &Connection, task: TaskId) -> OpResult<Vec<Asset>> {
    select(connection, "WHERE task = ?1 AND superseded = 0 ORDER BY picture, id", [task.0])
}

fn select(connection: &Connection, tail: &str, params: impl Params) -> OpResult<Vec<Asset>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {ASSET_COLUMNS} FROM asset {tail}"))?;
    statement.query_and_then(params, rows::asset)?.collect()
}

fn page(connection: &Connection, job: JobId, after: Option<AssetId>, limit: usize) -> OpResult<Vec<(Asset, Task)>> {
    let mut found = Vec::new();
    let mut place = pages::START;
    if let Some(after) = after {
        let last = present(by_id(connection, after)?, "asset", after.0)?;
        let task = present(rows::task_by_id(connection, last.task)?, "task", last.task.0)?;
        place = (task.position, task.id);
        let behind = |asset: &Asset| (asset.index, asset.id) > (last.index, last.id);
        let siblings = of_task(connection, task.id)?.into_iter().filter(behind);
        found.extend(siblings.map(|asset| (asset, task.clone())));
    }
    while found.len() < limit {
        let tasks = pages::places(connection, job, &TaskState::ALL, None, place, TASKS_AT_ONCE)?;
        let Some(last) = tasks.last() else { break };
        place = *last;
        for (_, id) in tasks {
            let assets = of_task(connection, id)?;
            if assets.is_empty() {
                continue;
            }
            let task = present(rows::task_by_id(connection, id)?, "task", id.0)?;
            found.extend(assets.into_iter().map(|asset| (asset, task.clone())));
            if found.len() >= limit {
                break;
            }
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// Whether there is such an asset.
pub(crate) fn check_exists(connection: &Connection, asset: AssetId) -> OpResult<()> {
    let found = connection
        .prepare_cached("SELECT id FROM asset WHERE id = ?1")?
        .query_row([asset.0], |row| row.get::<_, i64>(0))
        .optional()?;
    present(found, "asset", asset.0).map(drop)
}
