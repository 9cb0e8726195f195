//! The order of an infographic's steps, and the record of what was done.

use std::sync::Arc;

use imagemill_domain::catalogue::Catalogue;
use imagemill_domain::chat::DEFAULT_MAX_TOKENS;
use imagemill_domain::failure::Failure;
use imagemill_domain::infographic::{Expand, Record, rank, read_request};
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::plan::PlannedStep;
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

    /// The dearest request counts for all. Answers that break their schema are repaired, which is a call more.
    fn steps(&self, file: &JobFile) -> Vec<PlannedStep> {
        let section = file.infographic.clone().unwrap_or_default();
        let (mut rounds, mut judged, mut worked_out) = (1, false, false);
        for request in file.all_prompts() {
            let asked = read_request(request, &section, &self.catalogue);
            rounds = rounds.max(asked.rounds);
            judged |= asked.expand == Expand::Auto;
            worked_out |= asked.expand != Expand::Disable;
        }
        let request = file.all_prompts().map(str::len).max().unwrap_or_default() as u64;
        let most = u64::from(DEFAULT_MAX_TOKENS);
        let mut steps = Vec::new();
        if judged {
            steps.push(PlannedStep::words([1, 1, 2], 6_000 + request, 0, most));
        }
        if worked_out {
            let least = u32::from(!judged);
            // Analysis, text and its correction, prompt.
            steps.push(PlannedStep::words([3 * least, 3, 7], 8_000 + 2 * request, 0, most));
        }
        if rounds > 1 {
            steps.push(PlannedStep::pictures([0, 1, rounds - 1]));
            // Each round is read and judged.
            steps.push(PlannedStep::words([2, 4, 4 * rounds], 8_000 + request, 1, most));
        }
        steps
    }

    fn run<'a>(&'a self, task: &'a TaskContext) -> RecipeFuture<'a> {
        Box::pin(self.make(task))
    }
}
