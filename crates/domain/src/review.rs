//! A human verdict on an asset.

use serde::{Deserialize, Serialize};

use crate::asset::AssetId;

/// What a person decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Not decided.
    #[default]
    Unset,
    /// Keep.
    Keep,
    /// Reject.
    Reject,
}

/// One person's review of one asset; a later one by the same person replaces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// What it is about.
    pub asset: AssetId,
    /// Who decided.
    pub reviewer: String,
    /// The verdict.
    pub verdict: Verdict,
    /// 0 (none) to 5.
    pub rating: u8,
    /// Free text.
    pub note: String,
    /// When, microseconds since 1970.
    pub at_us: i64,
}
