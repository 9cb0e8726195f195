//! What infographics need besides a plan: models that answer in words, and layouts and styles that exist; and what came of them, as
//! the documents that people and older runners read. Nothing here is paid for.

use std::path::{Path, PathBuf};

use imagemill_domain::call::{Call, CallState};
use imagemill_domain::capability::{Capabilities, CapabilityTable};
use imagemill_domain::infographic::{Expand, Record, Round, read_request};
use imagemill_domain::job::JobId;
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::plan::{Plan, PlanError};
use imagemill_domain::profile::{Profile, Protocol};
use imagemill_domain::speaker::{Speaker, SpeakerSection};
use imagemill_domain::task::{Task, TaskState};
use imagemill_store::{Files, Store, TaskFilter};
use serde_json::{Map, Value, json};

use crate::catalogue;
use crate::config::Config;
use crate::error::DeskError;
use crate::job_input::JobInput;
use crate::profiles::SIMULATOR;

/// The file beside saved pictures with one document a line.
const DOCUMENTS_FILE: &str = "infographics.jsonl";
/// The file among the drafts that says all about a task, and is no draft.
pub const RECORD_FILE: &str = "record.json";
/// The simulator's model that answers in words.
pub(crate) const WORDS_MODEL: &str = "sim-text";
/// Tasks that are read at a time.
const PAGE: u32 = 200;

/// Who answers in words. A job that calls the simulator and says nothing gets its model for words.
pub(crate) fn speakers(file: &JobFile, plan: &Plan) -> (Option<SpeakerSection>, Option<SpeakerSection>) {
    let fill = |section: &Option<SpeakerSection>| {
        let simulated = file.recipe == RecipeName::Infographic && plan.definition.profile.provider == SIMULATOR;
        let ours = SpeakerSection { profile: None, model: Some(WORDS_MODEL.to_owned()) };
        section.clone().or(simulated.then_some(ours))
    };
    (fill(&file.text), fill(&file.vision))
}

/// Refuses what could only fail after something was paid for.
pub(crate) fn check(config: &Config, input: &JobInput, plan: &Plan, table: &CapabilityTable) -> Result<(), DeskError> {
    if input.file.recipe != RecipeName::Infographic {
        return Ok(());
    }
    let all = catalogue::in_force(config)?;
    let section = input.file.infographic.clone().unwrap_or_default();
    if let Some(name) = &section.layout {
        catalogue::layout(&all, name)?;
    }
    if let Some(name) = &section.style {
        catalogue::style(&all, name)?;
    }
    let (mut words, mut looks) = (false, false);
    for request in requests(plan) {
        let asked = read_request(request, &section, &all);
        words |= asked.expand != Expand::Disable;
        looks |= asked.rounds > 1;
    }
    let definition = &plan.definition;
    let own = (&definition.profile, definition.model.as_str());
    let silent = |speaker: &Option<Speaker>| {
        let (profile, model) = speaker.as_ref().map_or(own, |speaker| (&speaker.profile, &speaker.model));
        (!answers(profile, table.find(&profile.provider, model))).then(|| model.to_owned())
    };
    if let Some(model) = silent(&definition.speakers.text).filter(|_| words) {
        return Err(input.plan_error(PlanError::NoWords { model }));
    }
    if let Some(model) = silent(&definition.speakers.vision).filter(|_| looks) {
        return Err(input.plan_error(PlanError::NoEyes { model }));
    }
    Ok(())
}

/// The requests as far as the plan knows them without filling in templates.
fn requests(plan: &Plan) -> impl Iterator<Item = &str> {
    let own = plan.scan.items.iter().filter_map(|item| item.prompt.as_deref());
    plan.prompt_texts().chain(own)
}

/// Whether a model answers in words, as far as is known.
pub(crate) fn answers(profile: &Profile, known: Option<&Capabilities>) -> bool {
    let protocol = profile.protocol;
    match known {
        Some(known) => {
            known.chat || known.responses || matches!(protocol, Protocol::Gemini | Protocol::AnthropicMessages)
        }
        None => matches!(
            protocol,
            Protocol::Auto
                | Protocol::ChatCompletions
                | Protocol::Responses
                | Protocol::Gemini
                | Protocol::AnthropicMessages
        ),
    }
}

/// What came of one request.
#[derive(Debug)]
pub struct Made {
    /// The task.
    pub task: Task,
    /// What was done; `None` when the task did not come so far.
    pub record: Option<Record>,
    /// Its paid calls.
    pub calls: Vec<Call>,
    /// Where its drafts lie.
    pub drafts: PathBuf,
    originals: Files,
}

/// What came of the requests of a job, a page of them, in order; empty at the end. `after` is the task that was seen last.
pub async fn infographics(
    store: &Store,
    files: &Files,
    job: JobId,
    after: Option<&Task>,
) -> Result<Vec<Made>, DeskError> {
    let filter = TaskFilter { job, states: None, failure: None };
    let after = after.map(|task| (task.position, task.id));
    let mut page = Vec::new();
    for task in store.tasks().page(filter, after, PAGE).await? {
        page.push(infographic(store, files, task).await?);
    }
    Ok(page)
}

/// What came of one request.
pub async fn infographic(store: &Store, files: &Files, task: Task) -> Result<Made, DeskError> {
    let drafts = files.drafts_of(task.job, task.id);
    let calls = store.calls().for_task(task.id).await?;
    Ok(Made { record: record(&drafts), calls, drafts, originals: files.clone(), task })
}

/// Writes the documents of a job's infographics to a folder, one a line.
pub async fn write_infographics(store: &Store, files: &Files, job: JobId, folder: &Path) -> Result<(), DeskError> {
    let mut lines = String::new();
    let mut page = infographics(store, files, job, None).await?;
    while !page.is_empty() {
        for made in &page {
            lines.push_str(&made.document().to_string());
            lines.push('\n');
        }
        page = infographics(store, files, job, page.last().map(|made| &made.task)).await?;
    }
    let path = folder.join(DOCUMENTS_FILE);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, lines));
    written.map_err(|source| DeskError::File { what: "cannot write the documents", path, source })
}

/// A record that is not there or not ours says nothing.
fn record(drafts: &Path) -> Option<Record> {
    serde_json::from_str(&std::fs::read_to_string(drafts.join(RECORD_FILE)).ok()?).ok()
}

/// Seconds, as documents have them.
fn seconds(us: i64) -> f64 {
    (us as f64 / 10_000.0).round() / 100.0
}

impl Made {
    /// Why there is no picture, when there is none.
    pub fn error(&self) -> Option<&str> {
        // A record beside a failure is that of an earlier attempt.
        let failed = matches!(self.task.state, TaskState::Failed | TaskState::Refused);
        if !failed && self.record.as_ref().is_some_and(|record| !record.ranking.is_empty()) {
            return None;
        }
        Some(self.task.failure.as_ref().map_or("the task has not ended", |failure| failure.message.as_str()))
    }

    /// The file of a round's picture.
    pub fn picture(&self, round: &Round) -> Option<PathBuf> {
        let picture = round.picture.as_ref()?;
        Some(self.originals.original_path(&picture.blake3, picture.format))
    }

    /// How long the calls of these steps took, in microseconds, and who answered; `None` when none was made.
    fn time(&self, is_step: impl Fn(&str) -> bool) -> Option<(i64, &str)> {
        let calls = self.calls.iter().filter(|call| call.state == CallState::Fetched && is_step(&call.step));
        let mut found: Option<(i64, &str)> = None;
        for call in calls {
            let took = call.ended_us.unwrap_or(call.sent_us) - call.sent_us;
            found = Some((found.map_or(0, |(us, _)| us) + took, call.model.as_str()));
        }
        found
    }

    /// Microseconds from the first call to the end of the last.
    fn total_us(&self) -> i64 {
        let first = self.calls.iter().map(|call| call.sent_us).min().unwrap_or_default();
        let last = self.calls.iter().filter_map(|call| call.ended_us).max().unwrap_or(first);
        last - first
    }

    /// `timing` of the whole task: total, and each step that was made.
    pub fn timing(&self, ours: bool) -> Map<String, Value> {
        let mut timing = Map::new();
        timing.insert("total_elapsed_seconds".into(), seconds(self.total_us()).into());
        let mut steps =
            vec![("prompt_evaluation", "evaluation"), ("content_analysis", "analysis"), ("prompt_expand", "expansion")];
        if ours {
            steps.push(("structured_content", "content"));
        }
        for (key, step) in steps {
            let of_step =
                |name: &str| name == step || name.strip_prefix(step).is_some_and(|rest| rest.starts_with('/'));
            if let Some((us, model)) = self.time(of_step) {
                timing.insert(key.into(), json!({"elapsed_seconds": seconds(us), "model": model}));
            }
        }
        timing
    }

    /// The time of a round's picture and of the looks at it.
    pub fn round_times(&self, round: u32) -> (Option<f64>, Option<f64>) {
        let image = self.time(|step| step == format!("round-{round}/image")).map(|(us, _)| seconds(us));
        let looks = self.time(|step| is_look(step, round)).map(|(us, _)| seconds(us));
        (image, looks)
    }

    /// The document of older runners, member for member.
    pub fn compat(&self) -> Value {
        let Some(record) = self.record.as_ref().filter(|_| self.error().is_none()) else {
            return json!({"status": "error", "error": self.error().unwrap_or_default()});
        };
        let mut document = Map::new();
        document.insert("status".into(), "ok".into());
        document.insert("need_main_agent_send".into(), true.into());
        document.insert("expanded_prompt".into(), record.prompt.as_str().into());
        if record.expand_skipped {
            document.insert("prompts_expand_skipped".into(), true.into());
        }
        if record.ended_early() {
            document.insert("early_terminated".into(), true.into());
        }
        document.insert("timing".into(), self.timing(false).into());
        let rounds = record.ranking.iter().filter_map(|number| record.round(*number));
        document.insert("rounds".into(), rounds.map(|round| self.compat_round(round)).collect());
        document.into()
    }

    fn compat_round(&self, round: &Round) -> Value {
        let violations = compat_violations(round);
        let image = self.time(|step| step == format!("round-{}/image", round.round)).map_or(0, |(us, _)| us);
        // The name that older runners write whatever the model is.
        let mut timing = json!({"image_generation": {"elapsed_seconds": seconds(image), "model": "sn_image_model"}});
        if let Some((us, model)) = self.time(|step| is_look(step, round.round)) {
            timing["vlm_review"] = json!({"elapsed_seconds": seconds(us), "model": model});
        }
        let passed = round.review.as_ref().is_none_or(|review| review.passed);
        json!({
            "round": round.round,
            "image": self.picture(round).unwrap_or_default(),
            "result": if passed { "PASS" } else { "FAIL" },
            "violations_count": violations.len(),
            "violations": violations,
            "reasoning": round.review.as_ref().map_or("", |review| review.reasoning.as_str()),
            "timing": timing,
        })
    }

    /// Our own document: everything that is known.
    pub fn document(&self) -> Value {
        let calls = self.calls.iter().map(|call| {
            json!({"step": call.step, "model": call.model, "profile": call.profile, "state": call.state, "cost": call.cost,
                "usage": call.usage, "elapsed_seconds": seconds(call.ended_us.unwrap_or(call.sent_us) - call.sent_us)})
        });
        let calls: Vec<Value> = calls.collect();
        let best = self.record.as_ref().and_then(Record::best);
        json!({
            "version": 1,
            "task": self.task.id,
            "key": self.task.key,
            "state": self.task.state,
            "status": match (self.error(), &self.task.failure) { (Some(_), _) => "error", (None, Some(_)) => "partial", (None, None) => "ok" },
            "error": self.error().or(self.task.failure.as_ref().map(|failure| failure.message.as_str())),
            "best": best.map(|round| json!({"round": round.round, "image": self.picture(round)})),
            "images": self.record.iter().flat_map(|record| &record.rounds).filter_map(|round| self.picture(round)).collect::<Vec<_>>(),
            "timing": self.timing(true),
            "drafts": self.drafts,
            "record": self.record,
            "calls": calls,
        })
    }
}

fn is_look(step: &str, round: u32) -> bool {
    ["review", "reading"].iter().any(|look| step.starts_with(&format!("round-{round}/{look}")))
}

/// Broken rules and misprints in the form of older runners: a number as text, a name, a place, an instruction.
fn compat_violations(round: &Round) -> Vec<Value> {
    let Some(review) = &round.review else { return Vec::new() };
    let rules = review.violations.iter().map(|violation| {
        json!({"rule_id": (violation.rule as usize + 1).to_string(), "rule_name": violation.rule.word(),
            "detail": violation.detail, "revised_description": violation.revised_description})
    });
    // The reference's fifth rule is about text that cannot be read or is wrong.
    let misprints = review.misprints().map(|check| {
        let read = check.read.as_deref().unwrap_or("nothing");
        json!({"rule_id": "5", "rule_name": "legibility", "detail": format!("\"{}\" was ordered and {read:?} was drawn", check.label),
            "revised_description": format!("Write \"{}\" exactly so, letter for letter", check.label)})
    });
    rules.chain(misprints).collect()
}
