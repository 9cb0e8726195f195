//! People's verdicts on pictures. One review a person and picture; the later one stands.

use imagemill_domain::asset::AssetId;
use imagemill_domain::review::{Review, Verdict};
use rusqlite::{Connection, Row, params};

use super::assets::check_exists;
use super::failure::OpResult;
use super::rows::nth;
use super::store::Store;
use crate::error::StoreError;

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
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO review (asset, reviewer, verdict, rating, note, at_us) \
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(params![
                        review.asset.0,
                        review.reviewer,
                        review.verdict as u8,
                        review.rating,
                        review.note,
                        review.at_us
                    ])?;
                Ok(())
            })
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

fn of_asset(connection: &Connection, asset: AssetId) -> OpResult<Vec<Review>> {
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
