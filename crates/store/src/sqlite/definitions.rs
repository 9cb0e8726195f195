//! Definitions of jobs that were read not long ago. One may hold a hundred thousand prompts, and whoever asks for a page of
//! tasks needs it: reading it again costs more than the page. A definition is only ever written together with the next
//! generation of its job, so the two numbers name it for good.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use imagemill_domain::job::JobDefinition;
use rusqlite::Connection;

use super::failure::{OpResult, bad_row};
use super::rows::present;

/// Stored text of the definitions that are kept, at most; a single longer one is kept alone.
const KEPT_BYTES: usize = 16 << 20;

/// What is kept, by job and generation.
#[derive(Debug, Default)]
pub(crate) struct Definitions(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    bytes: usize,
    known: HashMap<(i64, i64), Arc<JobDefinition>>,
}

impl Definitions {
    /// The definition of this generation of a job, which is the one that `connection` sees.
    pub(crate) fn of(&self, connection: &Connection, job: i64, generation: i64) -> OpResult<Arc<JobDefinition>> {
        if let Some(known) = self.kept().known.get(&(job, generation)) {
            return Ok(Arc::clone(known));
        }
        let mut statement = connection.prepare_cached("SELECT definition FROM job_definition WHERE job = ?1")?;
        let text: Option<String> = statement.query_map([job], |row| row.get(0))?.next().transpose()?;
        let text = present(text, "definition of job", job)?;
        let definition: Arc<JobDefinition> =
            Arc::new(serde_json::from_str(&text).map_err(|error| bad_row("job", job, error))?);
        let mut kept = self.kept();
        if kept.bytes + text.len() > KEPT_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += text.len();
        // Read by two at once, it is counted twice, which only empties this sooner.
        kept.known.insert((job, generation), Arc::clone(&definition));
        Ok(definition)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
