//! What calls cost, added up for people: by job, profile, model and day. Reads every call of the time asked for; never a hot
//! path.

use imagemill_domain::call::CallState;
use imagemill_domain::job::JobId;
use imagemill_domain::money::Money;
use rusqlite::params;

use crate::error::StoreError;
use crate::record::{CostLine, CostsOf};

use super::calls::Calls;

impl Calls<'_> {
    /// Calls added up, one line for each job, profile, model and day that has any, in this order.
    pub async fn costs(&self, of: CostsOf) -> Result<Vec<CostLine>, StoreError> {
        const LINES: &str = "SELECT c.job, coalesce(j.name, ''), c.profile, c.model, \
                 (c.sent_us + ?4) / 86400000000 AS day, count(*), \
                 coalesce(sum(CASE WHEN c.state IN (3, 4, 5) THEN c.counted END), 0), \
                 coalesce(sum(CASE WHEN c.state NOT IN (3, 4, 5) THEN c.counted END), 0), \
                 sum(c.state = 6), \
                 sum(c.state IN (3, 4, 5) AND c.cost IS NULL AND c.ceiling IS NULL), \
                 coalesce(sum((SELECT count(*) FROM asset a WHERE a.task = c.task AND a.call = c.id)), 0) \
             FROM call c LEFT JOIN job j ON j.id = c.job \
             WHERE (?1 IS NULL OR c.job = ?1) AND c.sent_us >= ?2 AND c.sent_us < ?3 \
             GROUP BY c.job, c.profile, c.model, day ORDER BY c.job, c.profile, c.model, day";
        const {
            // The numbers in the statement.
            assert!(CallState::Fetched as u8 == 3 && CallState::Refused as u8 == 4);
            assert!(CallState::Failed as u8 == 5 && CallState::Unknown as u8 == 6);
        }
        self.store
            .read(move |connection| {
                let count = |row: &rusqlite::Row<'_>, at: usize| row.get::<_, i64>(at).map(|count| count as u64);
                let mut statement = connection.prepare_cached(LINES)?;
                let lines = statement.query_and_then(
                    params![of.job.map(|job| job.0), of.from_us, of.until_us, of.offset_us],
                    |row| {
                        Ok(CostLine {
                            job: JobId(row.get(0)?),
                            job_name: row.get(1)?,
                            profile: row.get(2)?,
                            model: row.get(3)?,
                            day: row.get(4)?,
                            calls: count(row, 5)?,
                            spent: Money::from_micros(row.get(6)?),
                            held: Money::from_micros(row.get(7)?),
                            unknown: count(row, 8)?,
                            unpriced: count(row, 9)?,
                            pictures: count(row, 10)?,
                        })
                    },
                )?;
                lines.collect()
            })
            .await
    }
}
