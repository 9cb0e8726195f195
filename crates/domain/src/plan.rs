//! From a job file, a profile and a scan to tasks and money. Pure: the same code serves `imagemill plan`, `run` and a web form.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::capability::CapabilityTable;
use crate::critique::CritiqueSection;
use crate::hash::TaskKey;
use crate::job::JobDefinition;
use crate::job_file::{Duplicates, JobFile, OwnPrompt, RecipeName, UnknownPolicy};
use crate::money::Money;
use crate::profile::Profile;
use crate::route::Route;
use crate::sizes::SizeChoice;
use crate::source::{Scan, SourceItem};
use crate::speaker::Speakers;
use crate::task::TaskSpec;
use crate::template::{Template, TemplateError};

mod options;
mod steps;
mod ways;

pub use steps::{PlannedStep, PricedStep, StepKind};
pub use ways::PlannedWay;

/// A job of more tasks than this never sends a lost call again unasked (money-and-failure: opaque calls).
const SMALL_JOB_TASKS: u64 = 20;

/// A list of more prompts than this, each used by few tasks, is not kept with the job: each task carries its own.
const FEW_PROMPTS: usize = 64;
/// What few tasks are.
const FEW_TASKS_A_PROMPT: u64 = 4;

/// Largest number of tasks of one job.
const MAX_TASKS: u64 = 100_000_000;

/// Why a job cannot start. Nothing was spent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing to say to the model.
    #[error(
        "the job has no prompt; add `prompt = \"…\"` to the job file, --prompt on the command line, or a prompt per picture (side-car or column)"
    )]
    NoPrompt,
    /// One item has no prompt of its own and the job has none.
    #[error("{item} has no prompt of its own and the job has none to fall back on ({count} such items in all)")]
    ItemWithoutPrompt {
        /// The first one's name.
        item: String,
        /// How many.
        count: usize,
    },
    /// `edit` or `critique` without pictures.
    #[error("the job works on pictures and has none; name a folder, files or a list under [source]")]
    NoPictures,
    /// `profiles` that cannot be taken.
    #[error("profiles: {0}")]
    Profiles(String),
    /// No model named anywhere.
    #[error("no model is named, neither in the job nor in the profile {profile}; add `model = \"…\"` or --model")]
    NoModel {
        /// The profile.
        profile: String,
    },
    /// The provider or model does not take an option.
    #[error("{model} ({provider}) does not take {option}: {detail}")]
    Unsupported {
        /// Model.
        model: String,
        /// Provider.
        provider: String,
        /// Option by name.
        option: String,
        /// What it takes instead.
        detail: String,
    },
    /// Nobody answers in words.
    #[error(
        "{model} makes pictures and answers no questions, and infographics are worked out in words; name a model that does under [text], or take expand = \"disable\" with one round"
    )]
    NoWords {
        /// Who was asked.
        model: String,
    },
    /// Nobody looks at pictures.
    #[error(
        "{model} does not look at pictures, and more than one round needs somebody who does; name a model under [vision], or take one round"
    )]
    NoEyes {
        /// Who was asked.
        model: String,
    },
    /// Nobody writes a deck.
    #[error(
        "{model} makes pictures and answers no questions, and decks are written in words; name a model that does with --text-model, or under [text]"
    )]
    NoDeckWords {
        /// Who was asked.
        model: String,
    },
    /// Nobody looks at a deck's example pictures.
    #[error(
        "{model} does not look at pictures, and the deck has reference pictures; name a model that does with --vision-model, or under [vision]"
    )]
    NoDeckEyes {
        /// Who was asked.
        model: String,
    },
    /// A value that makes no sense with any provider.
    #[error("{key} = {value} is out of range: {range}")]
    OutOfRange {
        /// Key of the job file.
        key: &'static str,
        /// What was given.
        value: String,
        /// What is possible.
        range: &'static str,
    },
    /// A prompt template that cannot be filled in.
    #[error("the prompt {prompt:?} cannot be filled in: {source}")]
    Prompt {
        /// Its beginning.
        prompt: String,
        /// Why.
        source: TemplateError,
    },
    /// More tasks than a job may have.
    #[error("the job would have {0} tasks; the most is {MAX_TASKS}")]
    TooMany(u64),
}

/// What the job is expected to cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CostEstimate {
    /// If every call works at the least price.
    pub low: Money,
    /// The usual price.
    pub likely: Money,
    /// If every call costs the most; retries not counted.
    pub high: Money,
    /// Where the price is from.
    pub source: String,
    /// Day it was read.
    pub date: String,
}

/// A job ready to be shown, submitted and run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is stored with the job.
    pub definition: JobDefinition,
    /// Name under which it is submitted.
    pub name: String,
    /// Tasks in all, repeated ones included.
    pub tasks: u64,
    /// The cost; `None` when the price is not known.
    pub cost: Option<CostEstimate>,
    /// What goes out for the aspect ratio and size that were asked for.
    pub size: SizeChoice,
    /// Shortest time at the profile's request rate, in seconds; `None` without a rate.
    pub seconds_at_rate: Option<u64>,
    /// What a person should know before starting, in plain words.
    pub warnings: Vec<String>,
    /// The ways to the pictures, the first one first.
    pub ways: Vec<PlannedWay>,
    /// Paid steps of each task besides its last call, as the recipe says.
    pub steps: Vec<PricedStep>,
    /// What the scan found.
    pub scan: Scan,
    prompts: Vec<Prompt>,
}

/// One of the job's prompts.
#[derive(Clone, Debug)]
struct Prompt {
    text: String,
    template: Template,
}

/// One task of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedTask {
    /// Stable key.
    pub key: TaskKey,
    /// What to do.
    pub spec: TaskSpec,
}

/// Checks `file` against its one profile and the capability table and works out tasks and money; see [`expand_over`].
pub fn expand(
    file: &JobFile,
    name: &str,
    profile: &Profile,
    scan: Scan,
    table: &CapabilityTable,
) -> Result<Plan, PlanError> {
    expand_over(file, name, &[(profile.clone(), 0)], scan, table)
}

/// Checks `file` against the profiles, given with their shares as [`Profiles::wanted`](crate::route::Profiles::wanted) says, and
/// the capability table, and works out tasks and money. The job's options must suit every profile.
///
/// `name` is used when the file has none (the file's stem, or what the command line makes of its arguments).
pub fn expand_over(
    file: &JobFile,
    name: &str,
    profiles: &[(Profile, u32)],
    scan: Scan,
    table: &CapabilityTable,
) -> Result<Plan, PlanError> {
    check_ranges(file)?;
    let prompts = check_prompts(file, &scan)?;
    let tasks = count_tasks(file, &scan, prompts.len())?;
    let mut warnings = warn(file, &scan);
    let mut ways = Vec::new();
    for (profile, share) in profiles {
        ways.push(ways::plan_way(file, (profile, *share), &scan, table, &mut warnings)?);
    }
    let cost = ways::cost_of_job(&ways, tasks);
    let seconds_at_rate = ways::seconds_at_rate(&ways, tasks);
    let unknown = match file.retry.unknown {
        UnknownPolicy::Auto if tasks > SMALL_JOB_TASKS => UnknownPolicy::Never,
        UnknownPolicy::Auto => UnknownPolicy::Once,
        named => named,
    };
    let (routes, ways): (Vec<Route>, Vec<PlannedWay>) = ways.into_iter().map(|way| (way.route, way.planned)).unzip();
    let mut routes = routes.into_iter();
    let first = routes.next().ok_or_else(|| PlanError::Profiles("the list of profiles is empty".into()))?;
    let file = JobFile { options: first.options, ..file.clone() };
    Ok(Plan {
        name: file.name.clone().unwrap_or_else(|| name.to_owned()),
        tasks,
        size: ways[0].size.clone(),
        cost,
        seconds_at_rate,
        warnings,
        ways,
        steps: Vec::new(),
        definition: JobDefinition {
            version: 1,
            file: stored_file(&file, prompts.len(), tasks),
            profile: first.profile,
            model: first.model,
            speakers: Speakers::default(),
            critique: None,
            negative: first.negative,
            call_ceiling: first.call_ceiling,
            batch: first.batch,
            share: first.share,
            others: routes.collect(),
            unknown,
        },
        scan,
        prompts,
    })
}

impl Plan {
    /// Prompts of the job itself; those of single pictures and rows are not counted.
    pub fn prompt_count(&self) -> usize {
        self.prompts.len()
    }

    /// The job's prompts as they are written, templates not filled in.
    pub fn prompt_texts(&self) -> impl Iterator<Item = &str> {
        self.prompts.iter().map(|prompt| prompt.text.as_str())
    }

    /// The tasks in order: picture by picture, then prompt, then sample. Made one at a time, so that a job of any size
    /// costs no more memory than its scan.
    pub fn tasks(&self) -> impl Iterator<Item = Result<PlannedTask, PlanError>> + '_ {
        let file = &self.definition.file;
        let no_item = SourceItem::default();
        let items: Box<dyn Iterator<Item = Cow<'_, SourceItem>> + Send + '_> = if self.scan.items.is_empty() {
            Box::new(std::iter::once(Cow::Owned(no_item)))
        } else {
            Box::new(self.scan.items.iter().map(Cow::Borrowed))
        };
        items.flat_map(move |item| {
            let count = prompts_for(file, &item, self.prompts.len());
            (0..count).flat_map(move |prompt_index| {
                let item = item.clone();
                (0..file.samples).map(move |sample| self.task(&item, prompt_index, sample))
            })
        })
    }

    fn task(&self, item: &SourceItem, prompt_index: usize, sample: u32) -> Result<PlannedTask, PlanError> {
        let file = &self.definition.file;
        let prompt = self.prompts.get(prompt_index);
        let mut spec = TaskSpec {
            pictures: item.pictures.clone(),
            prompt_index: None,
            prompt: None,
            sample,
            columns: item.columns.clone(),
        };
        let text = match (&item.prompt, file.source.own_prompt, prompt) {
            (Some(own), OwnPrompt::Append, Some(prompt)) => {
                format!("{}\n{own}", fill(prompt, file, &spec, prompt_index)?)
            }
            (Some(own), _, _) => own.clone(),
            (None, _, Some(prompt)) => fill(prompt, file, &spec, prompt_index)?,
            (None, _, None) if file.recipe == RecipeName::Critique => String::new(),
            (None, _, None) => return Err(PlanError::NoPrompt),
        };
        let constant = |prompt: &Prompt| prompt.template.variables().next().is_none();
        let with_the_job = item.prompt.is_none() && file.all_prompts().next().is_some() && prompt.is_some_and(constant);
        let duplicates_kept = file.source.duplicates == Duplicates::Keep;
        let key = match &file.critique {
            // For another collection it is another critique.
            Some(CritiqueSection { collection: Some(name), .. }) if file.recipe == RecipeName::Critique => {
                spec.key(&format!("{} {name}", file.recipe.word()), &text, duplicates_kept)
            }
            _ => spec.key(file.recipe.word(), &text, duplicates_kept),
        };
        if prompt.is_some() {
            spec.prompt_index = Some(prompt_index as u32);
        }
        if !with_the_job {
            spec.prompt = Some(text);
        }
        Ok(PlannedTask { key, spec })
    }
}

/// The job file as it is kept with the job and read by every worker.
fn stored_file(file: &JobFile, prompts: usize, tasks: u64) -> JobFile {
    let mut file = file.clone();
    if prompts > FEW_PROMPTS && tasks <= prompts as u64 * FEW_TASKS_A_PROMPT {
        file.prompt = None;
        file.prompts = Vec::new();
    }
    file
}

/// The prompt of a stored task.
pub fn prompt_of<'a>(definition: &'a JobDefinition, spec: &'a TaskSpec) -> Cow<'a, str> {
    if let Some(prompt) = &spec.prompt {
        return Cow::Borrowed(prompt);
    }
    let text = spec.prompt_index.and_then(|index| definition.file.prompt_at(index as usize)).unwrap_or_default();
    // A constant template still has its doubled braces.
    if text.contains(['{', '}']) {
        let rendered = Template::parse(text).and_then(|template| template.render(|_| None, Vec::new));
        return Cow::Owned(rendered.unwrap_or_else(|_| text.to_owned()));
    }
    Cow::Borrowed(text)
}

fn prompts_for(file: &JobFile, item: &SourceItem, job_prompts: usize) -> usize {
    let replaces = item.prompt.is_some() && file.source.own_prompt == OwnPrompt::Replace;
    if replaces || job_prompts == 0 { 1 } else { job_prompts }
}

fn count_tasks(file: &JobFile, scan: &Scan, prompts: usize) -> Result<u64, PlanError> {
    let per_sample: u64 = if scan.items.is_empty() {
        prompts as u64
    } else {
        scan.items.iter().map(|item| prompts_for(file, item, prompts) as u64).sum()
    };
    let tasks = per_sample.saturating_mul(u64::from(file.samples));
    if tasks > MAX_TASKS { Err(PlanError::TooMany(tasks)) } else { Ok(tasks) }
}

fn check_ranges(file: &JobFile) -> Result<(), PlanError> {
    let out = |key, value: String, range| Err(PlanError::OutOfRange { key, value, range });
    if !(1..=100_000).contains(&file.samples) {
        return out("samples", file.samples.to_string(), "1 to 100,000");
    }
    if !(1..=20).contains(&file.retry.attempts) {
        return out("retry.attempts", file.retry.attempts.to_string(), "1 to 20");
    }
    if let Some(n) = file.options.n.filter(|n| !(1..=100).contains(n)) {
        return out("options.n", n.to_string(), "1 to 100");
    }
    if let Some(t) = file.options.temperature.filter(|t| !(0.0..=2.0).contains(t)) {
        return out("options.temperature", t.to_string(), "0 to 2");
    }
    if let Some(tokens) = file.options.max_tokens.filter(|tokens| !(1..=256_000).contains(tokens)) {
        return out("options.max_tokens", tokens.to_string(), "1 to 256,000");
    }
    if let Some(section) = &file.infographic {
        section.check().map_err(|(key, value, range)| PlanError::OutOfRange { key, value, range })?;
    }
    if let Some(section) = &file.deck {
        section.check().map_err(|(key, value, range)| PlanError::OutOfRange { key, value, range })?;
    }
    if let Some(limits) = file.limits.filter(|limits| !(1..=1_024).contains(&limits.concurrency)) {
        return out("limits.concurrency", limits.concurrency.to_string(), "1 to 1,024");
    }
    Ok(())
}

fn check_prompts(file: &JobFile, scan: &Scan) -> Result<Vec<Prompt>, PlanError> {
    let needs_pictures = matches!(file.recipe, RecipeName::Edit | RecipeName::Critique);
    if needs_pictures && scan.items.iter().all(|item| item.pictures.is_empty()) {
        return Err(PlanError::NoPictures);
    }
    let prompts = file
        .all_prompts()
        .map(|text| match Template::parse(text) {
            Ok(template) => Ok(Prompt { text: text.to_owned(), template }),
            Err(source) => Err(PlanError::Prompt { prompt: text.chars().take(60).collect(), source }),
        })
        .collect::<Result<Vec<_>, _>>()?;
    // What a critique is to say stands in its rubric; a prompt is a wish beside it.
    if prompts.is_empty() && file.recipe != RecipeName::Critique {
        let mut without = scan.items.iter().filter(|item| item.prompt.is_none());
        match without.next() {
            None if scan.items.is_empty() => return Err(PlanError::NoPrompt),
            None => {}
            Some(_) if scan.items.iter().all(|item| item.prompt.is_none()) => return Err(PlanError::NoPrompt),
            Some(item) => {
                let name = item.pictures.first().map_or_else(|| "a row".to_owned(), |picture| picture.name.clone());
                return Err(PlanError::ItemWithoutPrompt { item: name, count: 1 + without.count() });
            }
        }
    }
    // The first item stands for all as far as names of variables go; each task is checked again when it is made.
    if let Some(item) = scan.items.first() {
        let spec = TaskSpec { pictures: item.pictures.clone(), columns: item.columns.clone(), ..TaskSpec::default() };
        for (index, prompt) in prompts.iter().enumerate() {
            fill(prompt, file, &spec, index)?;
        }
    }
    Ok(prompts)
}

/// Variables of a prompt: columns, `[variables]`, and the picture's and sample's own names.
fn fill(prompt: &Prompt, file: &JobFile, spec: &TaskSpec, prompt_index: usize) -> Result<String, PlanError> {
    let own = own_variables(spec, prompt_index);
    let lookup = |name: &str| {
        spec.columns
            .get(name)
            .or_else(|| file.variables.get(name))
            .or_else(|| own.get(name))
            .map(|value| Cow::Owned(value.clone()))
    };
    let known = || {
        let mut names: Vec<String> = spec
            .columns
            .keys()
            .chain(file.variables.keys())
            .cloned()
            .chain(own.keys().map(|n| (*n).to_owned()))
            .collect();
        names.sort();
        names.dedup();
        names
    };
    let prompt_start = || prompt.text.chars().take(60).collect();
    prompt.template.render(lookup, known).map_err(|source| PlanError::Prompt { prompt: prompt_start(), source })
}

fn own_variables(spec: &TaskSpec, prompt_index: usize) -> BTreeMap<&'static str, String> {
    let mut own =
        BTreeMap::from([("sample", (spec.sample + 1).to_string()), ("prompt_index", (prompt_index + 1).to_string())]);
    if let Some(picture) = spec.pictures.first() {
        let name = picture.name.rsplit('/').next().unwrap_or(&picture.name);
        let (stem, ext) = name.rsplit_once('.').unwrap_or((name, ""));
        own.insert("src_name", name.to_owned());
        own.insert("src_stem", stem.to_owned());
        own.insert("src_ext", ext.to_owned());
        let folder = picture.name.strip_suffix(name).unwrap_or_default().trim_end_matches('/');
        own.insert("src_folder", folder.to_owned());
    }
    own
}

fn warn(file: &JobFile, scan: &Scan) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut seen = HashSet::new();
    let repeated = file.all_prompts().filter(|prompt| !seen.insert(*prompt)).count();
    if repeated > 0 {
        warnings.push(format!(
            "{repeated} prompts stand in the list more than once; each counts once (use `samples` for more)"
        ));
    }
    if file.recipe == RecipeName::Generate && scan.items.iter().any(|item| !item.pictures.is_empty()) {
        warnings.push("the recipe is generate: the pictures of [source] are sent as references".into());
    }
    if file.infographic.is_some() && file.recipe != RecipeName::Infographic {
        warnings.push(format!("the recipe {} does not use [infographic]", file.recipe.word()));
    }
    if file.deck.is_some() && !matches!(file.recipe, RecipeName::Outline | RecipeName::Slides) {
        warnings.push(format!("the recipe {} does not use [deck]", file.recipe.word()));
    }
    let speaks = !matches!(file.recipe, RecipeName::Edit | RecipeName::Generate);
    if !speaks && (file.text.is_some() || file.vision.is_some()) {
        warnings.push(format!(
            "the recipe {} makes no calls in words: [text] and [vision] are not used, and the money is for pictures alone",
            file.recipe.word()
        ));
    }
    warnings
}

#[cfg(test)]
mod tests;
