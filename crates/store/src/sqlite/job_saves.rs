//! Which jobs are saved by whoever runs the workspace, rather than by who submitted them, and what became of it. Knows no rule and
//! no file.

use imagemill_domain::event::EventBody;
use imagemill_domain::job::{JobId, JobState};
use imagemill_domain::task::TaskState;
use rusqlite::{OptionalExtension, params};

use super::events::record;
use super::failure::bad_row;
use super::jobs::Jobs;
use crate::error::StoreError;

impl Jobs<'_> {
    /// Has a job saved at each of its ends, until it is submitted anew.
    pub async fn save_when_ended(&self, job: JobId) -> Result<(), StoreError> {
        self.store
            .change(move |connection| {
                connection.execute("INSERT OR IGNORE INTO job_save (job) VALUES (?1)", [job.0])?;
                Ok(())
            })
            .await
    }

    /// Jobs that ended with pictures and were not saved since, each with a word for this end.
    pub async fn saves_due(&self) -> Result<Vec<(JobId, String)>, StoreError> {
        const {
            // The numbers in the statement.
            assert!(JobState::Stopped as u8 == 3 && JobState::Finished as u8 == 4 && TaskState::Running as u8 == 1);
        }
        self.store
            .read(|connection| {
                let mut due = connection.prepare_cached(
                    "SELECT j.id, coalesce(j.finished_us, 0) || '/' || j.pictures AS this_end \
                     FROM job_save s CROSS JOIN job j ON j.id = s.job \
                     WHERE j.state IN (3, 4) AND j.pictures > 0 AND s.of_end IS NOT this_end AND NOT EXISTS \
                     (SELECT 1 FROM job_count c WHERE c.job = j.id AND c.state = 1 AND c.n > 0)",
                )?;
                let due = due.query_map([], |row| Ok((JobId(row.get(0)?), row.get(1)?)))?;
                Ok(due.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Writes down what became of saving this end of a job: its report, or the error.
    pub async fn record_saved(
        &self,
        job: JobId,
        end: String,
        outcome: Result<serde_json::Value, String>,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let told = EventBody::JobSaved { error: outcome.as_ref().err().cloned() };
        let result = outcome.unwrap_or_else(|error| serde_json::json!({ "error": error })).to_string();
        self.store
            .change(move |connection| {
                connection.execute(
                    "UPDATE job_save SET of_end = ?2, result = ?3 WHERE job = ?1",
                    params![job.0, end, result],
                )?;
                record(connection, now_us, Some(job), &told)
            })
            .await
    }

    /// What became of the job's last save; `None` when there was none.
    pub async fn saved(&self, job: JobId) -> Result<Option<serde_json::Value>, StoreError> {
        self.store
            .read(move |connection| {
                let mut statement = connection.prepare_cached("SELECT result FROM job_save WHERE job = ?1")?;
                let text: Option<Option<String>> = statement.query_row([job.0], |row| row.get(0)).optional()?;
                let parsed = text.flatten().map(|text| serde_json::from_str(&text)).transpose();
                parsed.map_err(|error| bad_row("save of job", job.0, error))
            })
            .await
    }
}
