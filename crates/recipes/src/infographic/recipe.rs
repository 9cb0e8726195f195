//! The order of an infographic's steps, and the record of what was done.

use std::sync::Arc;

use imagemill_domain::catalogue::Catalogue;
use imagemill_domain::failure::Failure;
use imagemill_domain::infographic::{Record, rank, read_request};
use imagemill_domain::job_file::RecipeName;
use imagemill_engine::{Ending, Recipe, RecipeFuture, TaskContext};

use super::frame::frame;
use super::rounds::{self, Played};
use super::writing::Writer;

/// Name of the draft that says all about a task; written last.
const RECORD: &str = "record.json";

/// The recipe `infographic`.
#[derive(Clone, Debug)]
pub struct Infographic {
    catalogue: Arc<Catalogue>,
}

impl Infographic {
    /// One that chooses from `catalogue`.
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        Self { catalogue }
    }

    async fn make(&self, task: &TaskContext) -> Result<Ending, Failure> {
        let section = task.definition().file.infographic.clone().unwrap_or_default();
        let request = task.prompt().into_owned();
        let asked = read_request(&request, &section, &self.catalogue);
        let frame = frame(task, &asked, &request);
        let mut notes = asked.warnings.clone();
        notes.extend(frame.notes.iter().cloned());
        let writer =
            Writer { task, catalogue: &self.catalogue, section: &section, asked: &asked, frame: &frame, notes };
        let written = writer.write().await?;
        let most = (asked.rounds, section.repair);
        let Played { rounds, stopped, failure } = rounds::play(task, &self.catalogue, &written, &frame, most).await?;
        let record = Record {
            version: 1,
            ranking: rank(&rounds),
            request,
            asked,
            title: written.title,
            expand_skipped: written.choice.is_none(),
            prompt: written.prompt,
            labels: written.labels,
            choice: written.choice,
            ratio: frame.ratio.clone(),
            size: frame.choice.to_string(),
            notes: written.notes,
            rounds,
            stopped,
        };
        let text = serde_json::to_string_pretty(&record).expect("our own shapes always serialise");
        task.write_draft(RECORD, "", &text).await?;
        Ok(Ending::Done(failure))
    }
}

impl Recipe for Infographic {
    fn name(&self) -> RecipeName {
        RecipeName::Infographic
    }

    fn run<'a>(&'a self, task: &'a TaskContext) -> RecipeFuture<'a> {
        Box::pin(self.make(task))
    }
}
