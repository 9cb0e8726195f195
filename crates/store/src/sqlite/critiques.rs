//! What people did with the critiques of a collection: their edits and readings; and the jobs that looked at some a second time.

use imagemill_domain::critique::{CritiqueEdit, Reading};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::task::TaskState;
use rusqlite::{Connection, Row, params};

use super::collections::changed;
use super::failure::{OpResult, bad_row};
use super::store::Store;
use crate::error::StoreError;

const EDIT: &str = "SELECT id, picture, base, author, changes, note, at_us FROM critique_edit WHERE collection = ?1";
const READING: &str = "SELECT picture, reader, version, approved, score, note, blind, at_us FROM critique_reading \
     WHERE collection = ?1 ORDER BY picture, at_us, reader";

/// The tables of critiques that were written.
#[derive(Clone, Copy, Debug)]
pub struct Critiques<'a> {
    pub(crate) store: &'a Store,
}

impl Critiques<'_> {
    /// Keeps an edit, when `known` edits of its picture and base are there and no more; `false` when somebody was faster. A merged row
    /// is another one from then on: it waits for the next merge.
    pub async fn edit(&self, collection: &str, edit: CritiqueEdit, known: usize) -> Result<bool, StoreError> {
        let collection = collection.to_owned();
        self.store
            .change(move |connection| {
                let there: i64 = connection
                    .prepare_cached(
                        "SELECT count(*) FROM critique_edit WHERE collection = ?1 AND picture = ?2 AND base = ?3",
                    )?
                    .query_row(params![collection, edit.picture.as_bytes(), edit.base], |row| row.get(0))?;
                if there != known as i64 {
                    return Ok(false);
                }
                let changes = serde_json::to_string(&edit.changes).expect("JSON values always serialise");
                connection
                    .prepare_cached(
                        "INSERT INTO critique_edit (collection, picture, base, author, changes, note, at_us) \
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    )?
                    .execute(params![
                        collection,
                        edit.picture.as_bytes(),
                        edit.base,
                        edit.author,
                        changes,
                        edit.note,
                        edit.at_us
                    ])?;
                connection
                    .prepare_cached("UPDATE collection_item SET merged = 0 WHERE collection = ?1 AND picture = ?2")?
                    .execute(params![collection, edit.picture.as_bytes()])?;
                changed(connection, &collection)?;
                Ok(true)
            })
            .await
    }

    /// All edits of a collection, in the order in which they were made.
    pub async fn edits(&self, collection: &str) -> Result<Vec<CritiqueEdit>, StoreError> {
        let collection = collection.to_owned();
        self.store
            .read(move |connection| {
                let mut statement = connection.prepare_cached(&format!("{EDIT} ORDER BY id"))?;
                statement.query_and_then([&collection], edit)?.collect()
            })
            .await
    }

    /// The edits of one picture's rows, in the order in which they were made.
    pub async fn edits_of(&self, collection: &str, picture: ContentHash) -> Result<Vec<CritiqueEdit>, StoreError> {
        let collection = collection.to_owned();
        self.store
            .read(move |connection| {
                let mut statement = connection.prepare_cached(&format!("{EDIT} AND picture = ?2 ORDER BY id"))?;
                statement.query_and_then(params![collection, picture.as_bytes()], edit)?.collect()
            })
            .await
    }

    /// Keeps a reading; one by the same person of the same picture is replaced, and one that says nothing is no row.
    pub async fn put_reading(&self, collection: &str, reading: Reading) -> Result<(), StoreError> {
        let collection = collection.to_owned();
        self.store
            .change(move |connection| {
                changed(connection, &collection)?;
                put(connection, &collection, &reading)
            })
            .await
    }

    /// All readings of a collection, by picture and then in the order in which they were given.
    pub async fn readings(&self, collection: &str) -> Result<Vec<Reading>, StoreError> {
        let collection = collection.to_owned();
        self.store
            .read(move |connection| {
                let mut statement = connection.prepare_cached(READING)?;
                statement.query_and_then([&collection], reading)?.collect()
            })
            .await
    }

    /// What tells whether a collection's rows changed, without reading one: how often they did (each edit and each reading is one), and
    /// how many of its tasks have succeeded.
    pub async fn mark(&self, collection: &str) -> Result<(i64, i64), StoreError> {
        // A task that is done again has no row meanwhile, which nothing but its job tells.
        const MARK: &str = "SELECT coalesce((SELECT revision FROM collection_revision WHERE collection = ?1), 0), \
             (SELECT coalesce(sum(c.n), 0) FROM collection_batch b JOIN job j ON j.name = b.job \
              JOIN job_count c ON c.job = j.id AND c.state = ?2 WHERE b.collection = ?1)";
        let collection = collection.to_owned();
        self.store
            .read(move |connection| {
                let mut statement = connection.prepare_cached(MARK)?;
                let values = params![collection, TaskState::Succeeded.number()];
                Ok(statement.query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))?)
            })
            .await
    }

    /// Takes the next number for a second look; `job` makes the name of its job from it.
    pub async fn begin_look(
        &self,
        collection: &str,
        job: impl Fn(u32) -> String + Send + 'static,
        now_us: i64,
    ) -> Result<String, StoreError> {
        let collection = collection.to_owned();
        self.store
            .change(move |connection| {
                let number: u32 = connection
                    .prepare_cached("SELECT coalesce(max(number), 0) + 1 FROM critique_look WHERE collection = ?1")?
                    .query_row([&collection], |row| row.get(0))?;
                let name = job(number);
                connection
                    .prepare_cached(
                        "INSERT INTO critique_look (collection, number, job, created_us) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![collection, number, name, now_us])?;
                changed(connection, &collection)?;
                Ok(name)
            })
            .await
    }

    /// The jobs of second looks, by number. One that was never submitted is among them.
    pub async fn looks(&self, collection: &str) -> Result<Vec<String>, StoreError> {
        let collection = collection.to_owned();
        self.store
            .read(move |connection| {
                let mut statement =
                    connection.prepare_cached("SELECT job FROM critique_look WHERE collection = ?1 ORDER BY number")?;
                let jobs = statement.query_map([&collection], |row| row.get(0))?;
                Ok(jobs.collect::<Result<_, _>>()?)
            })
            .await
    }
}

fn put(connection: &Connection, collection: &str, reading: &Reading) -> OpResult<()> {
    let Reading { picture, reader, version, approved, score, note, blind, at_us } = reading;
    if approved.is_none() && score.is_none() && note.is_empty() {
        connection
            .prepare_cached("DELETE FROM critique_reading WHERE collection = ?1 AND picture = ?2 AND reader = ?3")?
            .execute(params![collection, picture.as_bytes(), reader])?;
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO critique_reading (collection, picture, reader, version, approved, score, note, \
             blind, at_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![collection, picture.as_bytes(), reader, version, approved, score, note, blind, at_us])?;
    Ok(())
}

fn picture_of(row: &Row<'_>, at: usize) -> OpResult<ContentHash> {
    let bytes: Vec<u8> = row.get(at)?;
    ContentHash::from_slice(&bytes).ok_or_else(|| bad_row("picture of a critique", 0, "its hash has another length"))
}

fn edit(row: &Row<'_>) -> OpResult<CritiqueEdit> {
    let id: i64 = row.get(0)?;
    let changes: String = row.get(4)?;
    Ok(CritiqueEdit {
        picture: picture_of(row, 1)?,
        base: row.get(2)?,
        author: row.get(3)?,
        changes: serde_json::from_str(&changes).map_err(|error| bad_row("edit of a critique", id, error))?,
        note: row.get(5)?,
        at_us: row.get(6)?,
    })
}

fn reading(row: &Row<'_>) -> OpResult<Reading> {
    Ok(Reading {
        picture: picture_of(row, 0)?,
        reader: row.get(1)?,
        version: row.get(2)?,
        approved: row.get(3)?,
        score: row.get(4)?,
        note: row.get(5)?,
        blind: row.get(6)?,
        at_us: row.get(7)?,
    })
}
