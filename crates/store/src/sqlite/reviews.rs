//! People's verdicts on pictures. One review a person and picture; the later one stands.

use imagemill_domain::asset::AssetId;
use imagemill_domain::event::EventBody;
use imagemill_domain::job::JobId;
use imagemill_domain::review::{Review, Verdict};
use rusqlite::{Connection, Row, params};

use super::assets::check_exists;
use super::events::record;
use super::failure::OpResult;
use super::rows::nth;
use super::store::Store;
use crate::error::StoreError;
use crate::record::ReviewChange;

const VERDICTS: [Verdict; 3] = [Verdict::Unset, Verdict::Keep, Verdict::Reject];

/// The review table.
#[derive(Clone, Copy, Debug)]
pub struct Reviews<'a> {
    pub(crate) store: &'a Store,
}

impl Reviews<'_> {
    /// Writes a review; one by the same person on the same asset is replaced.
    pub async fn put(&self, review: Review) -> Result<(), StoreError> {
        self.store
            .change(move |connection| {
                check_exists(connection, review.asset)?;
                write(connection, &review)
            })
            .await
    }

    /// Changes one person's reviews together, all or none, and returns what each was before: given back as changes it undoes
    /// them. Events tell of those that are another review now.
    pub async fn change(
        &self,
        reviewer: &str,
        changes: Vec<ReviewChange>,
        now_us: i64,
    ) -> Result<Vec<Review>, StoreError> {
        let reviewer = reviewer.to_owned();
        self.store
            .change(move |connection| {
                changes.iter().map(|change| apply(connection, &reviewer, change, now_us)).collect()
            })
            .await
    }

    /// All reviews of a job's pictures, without superseded ones, for what people agree on.
    pub async fn of_job(&self, job: JobId) -> Result<Vec<Review>, StoreError> {
        const OF_JOB: &str = "SELECT r.asset, r.reviewer, r.verdict, r.rating, r.note, r.at_us FROM task t \
             CROSS JOIN asset a ON a.task = t.id AND a.superseded = 0 CROSS JOIN review r ON r.asset = a.id WHERE t.job = ?1";
        self.store
            .read(move |connection| connection.prepare_cached(OF_JOB)?.query_and_then([job.0], review)?.collect())
            .await
    }

    /// The reviews of an asset, by reviewer.
    pub async fn for_asset(&self, asset: AssetId) -> Result<Vec<Review>, StoreError> {
        self.store.read(move |connection| of_asset(connection, asset)).await
    }

    /// The reviews of a page of assets, in the order given and then by reviewer.
    pub async fn for_assets(&self, assets: Vec<AssetId>) -> Result<Vec<Review>, StoreError> {
        self.store
            .read(move |connection| {
                let mut reviews = Vec::new();
                for asset in assets {
                    reviews.extend(of_asset(connection, asset)?);
                }
                Ok(reviews)
            })
            .await
    }
}

fn apply(connection: &Connection, reviewer: &str, change: &ReviewChange, now_us: i64) -> OpResult<Review> {
    check_exists(connection, change.asset)?;
    let known = of_asset(connection, change.asset)?.into_iter().find(|review| review.reviewer == reviewer);
    let before = known.unwrap_or_else(|| Review {
        asset: change.asset,
        reviewer: reviewer.to_owned(),
        verdict: Verdict::Unset,
        rating: 0,
        note: String::new(),
        at_us: now_us,
    });
    let after = Review {
        verdict: change.verdict.unwrap_or(before.verdict),
        rating: change.rating.unwrap_or(before.rating),
        note: change.note.clone().unwrap_or_else(|| before.note.clone()),
        at_us: now_us,
        ..before.clone()
    };
    if (after.verdict, after.rating, &after.note) != (before.verdict, before.rating, &before.note) {
        write(connection, &after)?;
    }
    Ok(before)
}

/// Writes a review and its event. One that says nothing any more is no row.
fn write(connection: &Connection, review: &Review) -> OpResult<()> {
    let Review { asset, reviewer, verdict, rating, note, at_us } = review;
    if *verdict == Verdict::Unset && *rating == 0 && note.is_empty() {
        connection
            .prepare_cached("DELETE FROM review WHERE asset = ?1 AND reviewer = ?2")?
            .execute(params![asset.0, reviewer])?;
    } else {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO review (asset, reviewer, verdict, rating, note, at_us) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![asset.0, reviewer, *verdict as u8, rating, note, at_us])?;
    }
    let job: i64 = connection
        .prepare_cached("SELECT t.job FROM asset a JOIN task t ON t.id = a.task WHERE a.id = ?1")?
        .query_row([asset.0], |row| row.get(0))?;
    let body = EventBody::Review { asset: *asset, reviewer: reviewer.clone(), verdict: *verdict, rating: *rating };
    record(connection, *at_us, Some(JobId(job)), &body)
}

pub(crate) fn of_asset(connection: &Connection, asset: AssetId) -> OpResult<Vec<Review>> {
    connection
        .prepare_cached(
            "SELECT asset, reviewer, verdict, rating, note, at_us FROM review WHERE asset = ?1 ORDER BY reviewer",
        )?
        .query_and_then([asset.0], review)?
        .collect()
}

fn review(row: &Row<'_>) -> OpResult<Review> {
    let asset = row.get(0)?;
    Ok(Review {
        asset: AssetId(asset),
        reviewer: row.get(1)?,
        verdict: nth(&VERDICTS, row.get(2)?, "review of asset", asset)?,
        rating: row.get(3)?,
        note: row.get(4)?,
        at_us: row.get(5)?,
    })
}
