//! A build without Lance: everything says so.

use super::{Difference, LakeError};
use crate::dataset::Dataset;

/// The table's version; 0 when there is none.
pub async fn version(_address: &str, _table: &str) -> Result<u64, LakeError> {
    Err(LakeError::NotBuilt)
}

/// What a merge of these rows would change.
pub async fn difference(_address: &str, _table: &str, _set: &Dataset) -> Result<Difference, LakeError> {
    Err(LakeError::NotBuilt)
}

/// Makes an empty table where there is none; returns the version that a merge can be taken back to.
pub async fn prepare(_address: &str, _table: &str) -> Result<u64, LakeError> {
    Err(LakeError::NotBuilt)
}

/// Merges rows; returns the table's version behind it.
pub async fn merge(_address: &str, _table: &str, _set: &Dataset) -> Result<u64, LakeError> {
    Err(LakeError::NotBuilt)
}

/// Makes an earlier version the newest.
pub async fn restore(_address: &str, _table: &str, _version: u64) -> Result<u64, LakeError> {
    Err(LakeError::NotBuilt)
}
