//! Source pictures that a provider has already: one row for an account and a content, until its address ends.

use imagemill_domain::hash::ContentHash;
use rusqlite::{OptionalExtension, params};

use super::store::Store;
use crate::error::StoreError;

/// A source picture that was given to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenPicture {
    /// Whose it is: a profile and its address.
    pub account: String,
    /// BLAKE3 of the bytes.
    pub content: ContentHash,
    /// How requests name it.
    pub address: String,
    /// When it was given.
    pub given_us: i64,
    /// Until when the address is used.
    pub ends_us: i64,
}

/// The table of uploads.
#[derive(Clone, Copy, Debug)]
pub struct Uploads<'a> {
    pub(crate) store: &'a Store,
}

impl Uploads<'_> {
    /// The address that `account` has for these bytes, unless it ended.
    pub async fn find(&self, account: &str, content: ContentHash, now_us: i64) -> Result<Option<String>, StoreError> {
        let account = account.to_owned();
        self.store
            .read(move |connection| {
                let address = connection
                    .prepare_cached("SELECT address FROM upload WHERE account = ?1 AND content = ?2 AND ends_us > ?3")?
                    .query_row(params![account, content.to_string(), now_us], |row| row.get(0))
                    .optional()?;
                Ok(address)
            })
            .await
    }

    /// Keeps an address instead of an older one, and drops those that ended.
    pub async fn keep(&self, given: GivenPicture) -> Result<(), StoreError> {
        self.store
            .change(move |connection| {
                connection.prepare_cached("DELETE FROM upload WHERE ends_us <= ?1")?.execute([given.given_us])?;
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO upload (account, content, address, given_us, ends_us) \
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![
                        given.account,
                        given.content.to_string(),
                        given.address,
                        given.given_us,
                        given.ends_us
                    ])?;
                Ok(())
            })
            .await
    }

    /// Drops the address of a content that its provider does not know any more; one that was given since `before_us` stays.
    pub async fn forget(&self, account: &str, content: ContentHash, before_us: i64) -> Result<(), StoreError> {
        let account = account.to_owned();
        self.store
            .change(move |connection| {
                connection
                    .prepare_cached("DELETE FROM upload WHERE account = ?1 AND content = ?2 AND given_us < ?3")?
                    .execute(params![account, content.to_string(), before_us])?;
                Ok(())
            })
            .await
    }
}
