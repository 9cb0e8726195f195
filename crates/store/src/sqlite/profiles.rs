//! Paused profiles. A profile without a row works.

use imagemill_domain::event::EventBody;
use imagemill_domain::failure::FailureKind;
use rusqlite::{Row, params};

use super::events::record;
use super::failure::{OpResult, bad_row};
use super::store::Store;
use crate::error::StoreError;
use crate::record::PausedProfile;

/// The table of paused profiles.
#[derive(Clone, Copy, Debug)]
pub struct Profiles<'a> {
    pub(crate) store: &'a Store,
}

impl Profiles<'_> {
    /// Pauses a profile, or changes why and until when it is paused.
    pub async fn pause(
        &self,
        name: &str,
        kind: FailureKind,
        reason: &str,
        until_us: Option<i64>,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let (name, reason) = (name.to_owned(), reason.to_owned());
        self.store
            .change(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT INTO profile_state (name, kind, reason, until_us, since_us) \
                         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, \
                         reason = excluded.reason, until_us = excluded.until_us",
                    )?
                    .execute(params![name, kind as u8, reason, until_us, now_us])?;
                let body = EventBody::ProfilePaused { profile: name.clone(), kind, reason: reason.clone(), until_us };
                record(connection, now_us, None, &body)
            })
            .await
    }

    /// Lets a profile work again; `false` when it was not paused.
    pub async fn resume(&self, name: &str, now_us: i64) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.store
            .change(move |connection| {
                let resumed =
                    connection.prepare_cached("DELETE FROM profile_state WHERE name = ?1")?.execute([&name])?;
                if resumed > 0 {
                    record(connection, now_us, None, &EventBody::ProfileResumed { profile: name.clone() })?;
                }
                Ok(resumed > 0)
            })
            .await
    }

    /// The paused profiles by name.
    pub async fn paused(&self) -> Result<Vec<PausedProfile>, StoreError> {
        self.store
            .read(|connection| {
                connection
                    .prepare_cached("SELECT name, kind, reason, until_us, since_us FROM profile_state ORDER BY name")?
                    .query_and_then([], paused)?
                    .collect()
            })
            .await
    }
}

fn paused(row: &Row<'_>) -> OpResult<PausedProfile> {
    let kind: i64 = row.get(1)?;
    let kind = usize::try_from(kind).ok().and_then(|index| FailureKind::ALL.get(index)).copied();
    Ok(PausedProfile {
        name: row.get(0)?,
        kind: kind.ok_or_else(|| bad_row("paused profile", 0, "its kind stands for nothing known"))?,
        reason: row.get(2)?,
        until_us: row.get(3)?,
        since_us: row.get(4)?,
    })
}
