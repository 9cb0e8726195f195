//! Collections: pictures that wait for critiques, and the batches that took them. A picture is taken by one batch alone, whoever asks
//! at the same time: taking is one transaction. What becomes of it there is told by the batch's job.

use imagemill_domain::hash::ContentHash;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::failure::{OpResult, bad_row};
use super::store::Store;
use crate::error::StoreError;
use crate::record::{CollectionBatch, CollectionItem, CollectionMerge, NewCollectionItem};

/// A batch that was taken for a job that was never submitted is given back after this long.
const STALE_US: i64 = 300_000_000;

const ITEM: &str = "SELECT id, picture, path, name, columns, batch, accepted IS NOT NULL, merged, minted_us \
     FROM collection_item WHERE collection = ?1";

/// The tables of collections.
#[derive(Clone, Copy, Debug)]
pub struct Collections<'a> {
    pub(crate) store: &'a Store,
}

impl Collections<'_> {
    /// Takes pictures in, in this order, each once; returns how many were new. One that is known takes its new path and names.
    pub async fn add(&self, collection: &str, items: Vec<NewCollectionItem>) -> Result<u64, StoreError> {
        let collection = collection.to_owned();
        self.store
            .change(move |connection| {
                let mut added = 0;
                for item in &items {
                    added += u64::from(add(connection, &collection, item)?);
                }
                changed(connection, &collection)?;
                Ok(added)
            })
            .await
    }

    /// Takes up to `count` batches of up to `size` waiting pictures, in the order in which they came. `job` makes the name of a
    /// batch's job from its number; an empty name is a batch that somebody else works on, which is given back only when asked.
    pub async fn take(
        &self,
        collection: &str,
        count: u32,
        size: u32,
        job: impl Fn(u32) -> String + Send + 'static,
        now_us: i64,
    ) -> Result<Vec<(CollectionBatch, Vec<CollectionItem>)>, StoreError> {
        let collection = collection.to_owned();
        self.store
            .change(move |connection| {
                give_stale_back(connection, &collection, now_us)?;
                let mut taken = Vec::new();
                for _ in 0..count {
                    let number = next_number(connection, &collection)?;
                    let batch = CollectionBatch { number, job: job(number), created_us: now_us };
                    let items = take(connection, &collection, &batch, size)?;
                    if items.is_empty() {
                        break;
                    }
                    taken.push((batch, items));
                }
                changed(connection, &collection)?;
                Ok(taken)
            })
            .await
    }

    /// All pictures of a batch that was never submitted wait again, but those that have a row from elsewhere; returns how many.
    pub async fn give_back(&self, collection: &str, batch: u32) -> Result<u64, StoreError> {
        let collection = collection.to_owned();
        self.store
            .change(move |connection| {
                changed(connection, &collection)?;
                give_back(connection, &collection, batch)
            })
            .await
    }

    /// These pictures of a batch wait again, but those that have a row from elsewhere by now; returns how many.
    pub async fn give_back_only(
        &self,
        collection: &str,
        batch: u32,
        pictures: Vec<ContentHash>,
    ) -> Result<u64, StoreError> {
        let collection = collection.to_owned();
        self.store
            .change(move |connection| {
                let mut given = 0;
                for picture in &pictures {
                    given += connection
                        .prepare_cached(
                            "UPDATE collection_item SET batch = NULL WHERE collection = ?1 AND picture = ?3 AND batch = ?2 \
                             AND accepted IS NULL",
                        )?
                        .execute(params![collection, batch, picture.as_bytes()])? as u64;
                }
                changed(connection, &collection)?;
                Ok(given)
            })
            .await
    }

    /// Rows from elsewhere, by their pictures; returns how many pictures of the collection took one. They need no task. A row that is
    /// another one than the merged one waits for the next merge.
    pub async fn accept(&self, collection: &str, rows: Vec<(ContentHash, Value)>) -> Result<u64, StoreError> {
        let collection = collection.to_owned();
        self.store
            .change(move |connection| {
                let mut accepted = 0;
                for (picture, row) in &rows {
                    accepted += connection
                        .prepare_cached(
                            "UPDATE collection_item SET accepted = ?3, merged = CASE accepted WHEN ?3 THEN merged ELSE 0 END \
                             WHERE collection = ?1 AND picture = ?2",
                        )?
                        .execute(params![collection, picture.as_bytes(), row.to_string()])?
                        as u64;
                }
                changed(connection, &collection)?;
                Ok(accepted)
            })
            .await
    }

    /// Begins a merge, before its rows go anywhere. One that was cut begins again under its number and keeps the version before it.
    pub async fn begin_merge(&self, collection: &str, merge: CollectionMerge) -> Result<(), StoreError> {
        let collection = collection.to_owned();
        self.store
            .change(move |connection| {
                let CollectionMerge { number, created_us, rows, lake, version_before, .. } = &merge;
                connection
                    .prepare_cached(
                        "INSERT INTO collection_merge (collection, number, created_us, rows, lake, version_before) \
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (collection, number) DO UPDATE SET rows = ?4, \
                         version_before = CASE lake WHEN ?5 THEN version_before ELSE ?6 END, lake = ?5",
                    )?
                    .execute(params![collection, number, created_us, *rows as i64, lake, *version_before as i64])?;
                Ok(())
            })
            .await
    }

    /// Ends a merge: its pictures are merged, the table is at this version (0 for files alone).
    pub async fn merged(
        &self,
        collection: &str,
        pictures: Vec<ContentHash>,
        merge: u32,
        version: u64,
    ) -> Result<(), StoreError> {
        let collection = collection.to_owned();
        self.store
            .change(move |connection| {
                let mut mark = connection.prepare_cached(
                    "UPDATE collection_item SET merged = ?3, minted_us = coalesce(minted_us, (SELECT created_us \
                     FROM collection_merge WHERE collection = ?1 AND number = ?3)) WHERE collection = ?1 AND picture = ?2",
                )?;
                for picture in &pictures {
                    mark.execute(params![collection, picture.as_bytes(), merge])?;
                }
                connection
                    .prepare_cached(
                        "UPDATE collection_merge SET version_after = ?3 WHERE collection = ?1 AND number = ?2",
                    )?
                    .execute(params![collection, merge, version as i64])?;
                changed(connection, &collection)?;
                Ok(())
            })
            .await
    }

    /// Takes a merge back: its pictures are accepted and wait for the next one. Returns how many.
    pub async fn undo_merge(&self, collection: &str, merge: u32, now_us: i64) -> Result<u64, StoreError> {
        let collection = collection.to_owned();
        self.store
            .change(move |connection| {
                let taken = connection
                    .prepare_cached("UPDATE collection_item SET merged = 0 WHERE collection = ?1 AND merged = ?2")?
                    .execute(params![collection, merge])?;
                connection
                    .prepare_cached("UPDATE collection_merge SET undone_us = ?3 WHERE collection = ?1 AND number = ?2")?
                    .execute(params![collection, merge, now_us])?;
                changed(connection, &collection)?;
                Ok(taken as u64)
            })
            .await
    }

    /// The merges of a collection by number.
    pub async fn merges(&self, collection: &str) -> Result<Vec<CollectionMerge>, StoreError> {
        let collection = collection.to_owned();
        self.store
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT number, created_us, rows, lake, version_before, version_after, undone_us FROM collection_merge \
                     WHERE collection = ?1 ORDER BY number",
                )?;
                let merges = statement.query_map([&collection], |row| {
                    Ok(CollectionMerge {
                        number: row.get(0)?,
                        created_us: row.get(1)?,
                        rows: row.get::<_, i64>(2)? as u64,
                        lake: row.get(3)?,
                        version_before: row.get::<_, i64>(4)? as u64,
                        version_after: row.get::<_, Option<i64>>(5)?.map(|version| version as u64),
                        undone_us: row.get(6)?,
                    })
                })?;
                Ok(merges.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// All pictures of a collection, in the order in which they came.
    pub async fn items(&self, collection: &str) -> Result<Vec<CollectionItem>, StoreError> {
        let collection = collection.to_owned();
        self.store
            .read(move |connection| {
                let mut statement = connection.prepare_cached(&format!("{ITEM} ORDER BY id"))?;
                statement.query_and_then([&collection], item)?.collect()
            })
            .await
    }

    /// The rows of a collection that came from elsewhere, by their pictures.
    pub async fn rows(&self, collection: &str) -> Result<Vec<(ContentHash, Value)>, StoreError> {
        let collection = collection.to_owned();
        self.store
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT id, picture, accepted FROM collection_item WHERE collection = ?1 AND accepted IS NOT NULL",
                )?;
                statement.query_and_then([&collection], kept_row)?.collect()
            })
            .await
    }

    /// The row of one picture that came from elsewhere.
    pub async fn row(&self, collection: &str, picture: ContentHash) -> Result<Option<Value>, StoreError> {
        let collection = collection.to_owned();
        self.store
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT id, picture, accepted FROM collection_item WHERE collection = ?1 AND picture = ?2 \
                     AND accepted IS NOT NULL",
                )?;
                let mut rows = statement.query_and_then(params![collection, picture.as_bytes()], kept_row)?;
                Ok(rows.next().transpose()?.map(|(_, row)| row))
            })
            .await
    }

    /// Where a picture of a collection can be opened.
    pub async fn path_of(&self, collection: &str, picture: ContentHash) -> Result<Option<String>, StoreError> {
        let collection = collection.to_owned();
        self.store
            .read(move |connection| {
                let mut statement = connection
                    .prepare_cached("SELECT path FROM collection_item WHERE collection = ?1 AND picture = ?2")?;
                Ok(statement.query_row(params![collection, picture.as_bytes()], |row| row.get(0)).optional()?)
            })
            .await
    }

    /// The batches of a collection by number.
    pub async fn batches(&self, collection: &str) -> Result<Vec<CollectionBatch>, StoreError> {
        let collection = collection.to_owned();
        self.store
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT number, job, created_us FROM collection_batch WHERE collection = ?1 ORDER BY number",
                )?;
                let batches = statement.query_map([&collection], |row| {
                    Ok(CollectionBatch { number: row.get(0)?, job: row.get(1)?, created_us: row.get(2)? })
                })?;
                Ok(batches.collect::<Result<_, _>>()?)
            })
            .await
    }
}

/// Whoever holds the rows of a collection sees that they are others now.
pub(super) fn changed(connection: &Connection, collection: &str) -> OpResult<()> {
    connection
        .prepare_cached(
            "INSERT INTO collection_revision (collection, revision) VALUES (?1, 1) ON CONFLICT (collection) DO UPDATE SET \
             revision = revision + 1",
        )?
        .execute([collection])?;
    Ok(())
}

fn add(connection: &Connection, collection: &str, item: &NewCollectionItem) -> OpResult<bool> {
    let columns = serde_json::to_string(&item.columns).expect("texts always serialise");
    let values = params![collection, item.picture.as_bytes(), item.path, item.name, columns];
    let known = connection
        .prepare_cached(
            "UPDATE collection_item SET path = ?3, name = ?4, columns = ?5 WHERE collection = ?1 AND picture = ?2",
        )?
        .execute(values)?;
    if known == 0 {
        connection
            .prepare_cached(
                "INSERT INTO collection_item (collection, picture, path, name, columns) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(values)?;
    }
    Ok(known == 0)
}

fn next_number(connection: &Connection, collection: &str) -> OpResult<u32> {
    let mut statement =
        connection.prepare_cached("SELECT coalesce(max(number), 0) + 1 FROM collection_batch WHERE collection = ?1")?;
    Ok(statement.query_row([collection], |row| row.get(0))?)
}

fn take(
    connection: &Connection,
    collection: &str,
    batch: &CollectionBatch,
    size: u32,
) -> OpResult<Vec<CollectionItem>> {
    let taken = connection
        .prepare_cached(
            "UPDATE collection_item SET batch = ?2 WHERE id IN (SELECT id FROM collection_item WHERE collection = ?1 \
             AND batch IS NULL AND accepted IS NULL ORDER BY id LIMIT ?3)",
        )?
        .execute(params![collection, batch.number, size])?;
    if taken == 0 {
        return Ok(Vec::new());
    }
    connection
        .prepare_cached("INSERT INTO collection_batch (collection, number, job, created_us) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![collection, batch.number, batch.job, batch.created_us])?;
    let mut statement = connection.prepare_cached(&format!("{ITEM} AND batch = ?2 ORDER BY id"))?;
    statement.query_and_then(params![collection, batch.number], item)?.collect()
}

fn give_back(connection: &Connection, collection: &str, batch: u32) -> OpResult<u64> {
    let given = connection
        .prepare_cached(
            "UPDATE collection_item SET batch = NULL WHERE collection = ?1 AND batch = ?2 AND accepted IS NULL",
        )?
        .execute(params![collection, batch])?;
    Ok(given as u64)
}

/// Whoever took them ended before it could submit their jobs.
fn give_stale_back(connection: &Connection, collection: &str, now_us: i64) -> OpResult<()> {
    let mut stale = connection.prepare_cached(
        "SELECT number FROM collection_batch b WHERE collection = ?1 AND job <> '' AND created_us < ?2 AND NOT EXISTS \
         (SELECT 1 FROM job WHERE job.name = b.job) AND EXISTS (SELECT 1 FROM collection_item i \
         WHERE i.collection = b.collection AND i.batch = b.number AND i.accepted IS NULL)",
    )?;
    let stale = stale.query_map(params![collection, now_us - STALE_US], |row| row.get(0))?;
    for number in stale.collect::<Result<Vec<u32>, _>>()? {
        give_back(connection, collection, number)?;
    }
    Ok(())
}

fn picture_of(id: i64, bytes: &[u8]) -> OpResult<ContentHash> {
    let wrong = || bad_row("picture of a collection", id, "its hash has another length");
    ContentHash::from_slice(bytes).ok_or_else(wrong)
}

fn kept_row(row: &Row<'_>) -> OpResult<(ContentHash, Value)> {
    let id: i64 = row.get(0)?;
    let text: String = row.get(2)?;
    let value = serde_json::from_str(&text).map_err(|error| bad_row("row of a collection", id, error))?;
    Ok((picture_of(id, &row.get::<_, Vec<u8>>(1)?)?, value))
}

fn item(row: &Row<'_>) -> OpResult<CollectionItem> {
    let id: i64 = row.get(0)?;
    let columns: String = row.get(4)?;
    Ok(CollectionItem {
        id,
        picture: picture_of(id, &row.get::<_, Vec<u8>>(1)?)?,
        path: row.get(2)?,
        name: row.get(3)?,
        columns: serde_json::from_str(&columns).map_err(|error| bad_row("picture of a collection", id, error))?,
        batch: row.get(5)?,
        has_row: row.get(6)?,
        merged: row.get(7)?,
        minted_us: row.get(8)?,
    })
}
