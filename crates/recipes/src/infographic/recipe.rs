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
        let asked = || file.all_prompts().map(|request| read_request(request, &section, &self.catalogue));
        let rounds = asked().map(|asked| asked.rounds).max().or(section.rounds).unwrap_or(1);
        let expands = |wanted: Expand| asked().any(|asked| asked.expand == wanted);
        let (judged, surely) = (expands(Expand::Auto), expands(Expand::Force));
        let worked_out = judged || surely || asked().next().is_none();
        let sometimes = |most: u32| [u32::from(surely && !judged), 1, most].map(|times| times * u32::from(worked_out));
        let reviewed = u32::from(rounds > 1);
        let tokens = u64::from(DEFAULT_MAX_TOKENS);
        // Bytes of our own words with a request of a page; an answer that breaks its schema goes back once.
        vec![
            PlannedStep::words([1, 1, 2].map(|times| times * u32::from(judged)), 6_000, 0, tokens),
            PlannedStep::words(sometimes(2), 24_000, 0, tokens),
            PlannedStep::words(sometimes(4), 12_000, 0, tokens),
            PlannedStep::words(sometimes(2), 16_000, 0, tokens),
            // What stands in it is read, and then it is judged.
            PlannedStep::words([2, 2 * rounds.div_ceil(2), 4 * rounds].map(|times| times * reviewed), 8_000, 1, tokens),
            PlannedStep::pictures([0, (rounds - 1) / 2, rounds - 1]),
        ]
    }

    fn run<'a>(&'a self, task: &'a TaskContext) -> RecipeFuture<'a> {
        Box::pin(self.make(task))
    }
}
