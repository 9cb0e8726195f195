//! From a job as a client sends it to a plan: nothing is sent to a provider and nothing is written.

use std::path::{Path, PathBuf};

use axum::Json as Out;
use axum::extract::State;
use imagemill_desk::{JobInput, check_name, documents, most_it_may_cost, save_rule};
use imagemill_domain::job_file::{Format, JobFile};
use imagemill_domain::money::Money;
use imagemill_domain::plan::{Plan, prompt_of};
use imagemill_domain::task::TaskState;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::saving::check_folder;
use crate::error::{Answer, ApiError, Place};
use crate::extract::Json;
use crate::reader::Reader;
use crate::schema::PlanDocument;
use crate::state::AppState;

/// Tasks that a plan lists when nothing is said, and at most.
const LISTED: usize = 20;
const MOST_LISTED: usize = 1_000;

/// A job to be planned.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanRequest {
    /// A job file as JSON (docs/job-file.md). `upload:ID` names an upload.
    #[schema(value_type = Object)]
    pub(crate) job: Value,
    /// The job's name, before that in the job file.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Tasks to list, 20 when nothing is said.
    #[serde(default)]
    #[schema(maximum = 1000)]
    pub(crate) preview: Option<usize>,
}

/// Plan a job: tasks, price, warnings
#[utoipa::path(post, path = "/plans", tag = "jobs", request_body = PlanRequest,
    responses((status = 200, body = PlanDocument)))]
pub(crate) async fn plan(
    State(state): State<AppState>,
    reader: Reader,
    Json(body): Json<PlanRequest>,
) -> Answer<Out<Value>> {
    let input = job_input(&state, &body.job, body.name.as_deref())?;
    let desk = state.desk();
    let table = desk.capabilities()?;
    let planned = imagemill_desk::plan(&desk.config, input, &table, None, |_| {}).await?;
    check_pictures(&state, &planned.plan)?;
    let list = body.preview.unwrap_or(LISTED).min(MOST_LISTED);
    let mut listed = Vec::new();
    for task in planned.plan.tasks().take(list) {
        let task = task.map_err(|error| ApiError::bad(error.to_string()))?;
        let prompt = prompt_of(&planned.plan.definition, &task.spec).into_owned();
        listed.push(json!({
            "key": task.key, "source": task.spec.title(), "prompt": prompt, "sample": task.spec.sample,
        }));
    }
    let (known, done) = known(&state, &planned.plan.name).await?;
    let consent = Consent::of(&state, &planned.plan, done);
    let mut document = documents::plan(&planned.plan, &listed);
    document["name"] = planned.plan.name.as_str().into();
    document["known"] = known.into();
    document["most"] = json!(consent.most);
    document["needs_consent"] = consent.is_needed.into();
    Ok(reader.told(document))
}

/// Whether somebody has to agree to the price.
pub(crate) struct Consent {
    /// The most it may still cost; `None` when nobody knows.
    pub(crate) most: Option<Money>,
    /// Whether to ask.
    pub(crate) is_needed: bool,
}

impl Consent {
    /// Of a plan, `done` of whose tasks have succeeded.
    pub(crate) fn of(state: &AppState, plan: &Plan, done: u64) -> Self {
        let most = most_it_may_cost(plan, done);
        let accepted = plan.definition.file.accept_unknown_price;
        let is_needed = most.map_or(!accepted, |most| most > state.desk().config.confirm_above);
        Self { most, is_needed }
    }

    /// Of new jobs together.
    pub(crate) fn of_all<'a>(state: &AppState, plans: impl Iterator<Item = &'a Plan>) -> Self {
        let (mut most, mut accepted) = (Some(Money::ZERO), true);
        for plan in plans {
            let own = most_it_may_cost(plan, 0);
            accepted &= own.is_some() || plan.definition.file.accept_unknown_price;
            most = most.zip(own).map(|(sum, own)| sum + own);
        }
        let is_needed = most.map_or(!accepted, |most| most > state.desk().config.confirm_above);
        Self { most, is_needed }
    }

    /// Refuses what nobody agreed to. `what` is what costs: a model.
    pub(crate) fn require(&self, agreed_up_to: Option<f64>, what: &str) -> Answer<()> {
        let agreed = match (self.most, agreed_up_to) {
            (Some(most), Some(agreed)) => Money::from_dollars(agreed) >= most,
            _ => false,
        };
        if !self.is_needed || agreed {
            return Ok(());
        }
        let detail = match self.most {
            Some(most) => format!("this may cost up to {most}, and nobody agreed to that"),
            None => format!("nobody knows what {what} costs"),
        };
        let help = "send agreed_up_to with the price, set a budget in the job, or accept_unknown_price";
        Err(ApiError::needs_consent(self.most, detail).help(help))
    }
}

/// Tasks of the job with this name, and how many of them succeeded.
pub(crate) async fn known(state: &AppState, name: &str) -> Answer<(u64, u64)> {
    let Some(job) = state.store.jobs().by_name(name).await? else { return Ok((0, 0)) };
    let counts = state.store.jobs().counts(job.id).await?;
    Ok((counts.total(), counts.get(TaskState::Succeeded)))
}

/// A job as the command line would have read it from a file in the workspace's folder.
pub(crate) fn job_input(state: &AppState, job: &Value, name: Option<&str>) -> Answer<JobInput> {
    let text = serde_json::to_string(job).map_err(|error| ApiError::bad(error.to_string()))?;
    let mut file = JobFile::parse(&text, Format::Json).map_err(|error| {
        let key = serde_path_to_error::deserialize::<_, JobFile>(job).err().map(|error| error.path().to_string());
        let column = error.span.as_ref().map_or(1, |span| span.start + 1);
        let problem = ApiError::bad(error.message).at(Place { line: 1, column, key });
        match error.help {
            Some(help) => problem.help(help),
            None => problem,
        }
    })?;
    let desk = state.desk();
    if file.save.is_some() || file.save_preset.is_some() {
        let keys = job.get("save").and_then(Value::as_object).cloned().unwrap_or_default();
        file.save = Some(save_rule(&desk.config, file.save_preset.as_deref(), keys)?);
    }
    let base = desk.workspace.root.clone();
    for path in file.source.paths.iter_mut().chain(&mut file.source.references).chain(&mut file.source.list) {
        *path = resolved(state, &base, path)?;
    }
    for name in file.critique.iter_mut().flat_map(|section| [&mut section.rubric, &mut section.gate]).flatten() {
        criterion(state, &base, name)?;
    }
    if let Some(deck) = &mut file.deck {
        deck.folder = resolved(state, &base, &deck.folder)?;
        deck.anchor = deck.anchor.as_deref().map(|path| resolved(state, &base, path)).transpose()?;
    }
    if let Some(folder) = file.save.as_mut().and_then(|rule| rule.folder.as_mut()) {
        let place = base.join(imagemill_desk::config::expand_home(folder));
        check_folder(state, &place)?;
        // So that it is the same place for whoever goes on with the job.
        *folder = place.to_string_lossy().into_owned();
    }
    let name = name.map(str::to_owned).or(file.name.take()).unwrap_or_else(|| name_of(&file));
    check_name(&name)?;
    file.name = Some(name.clone());
    Ok(JobInput { file, name, base, text: None, save_to: None, concurrency: None })
}

/// Resolves the name of a rubric or gate when it is a file, as the desk tells files from names of ours.
pub(crate) fn criterion(state: &AppState, base: &Path, name: &mut String) -> Answer<()> {
    let path = imagemill_desk::config::expand_home(name);
    if path.extension().is_some_and(|suffix| suffix == "toml") || path.components().count() > 1 {
        *name = resolved(state, base, name)?;
    }
    Ok(())
}

/// A path as it can be opened, when it may be.
pub(crate) fn resolved(state: &AppState, base: &Path, path: &str) -> Answer<String> {
    if let Some(id) = path.strip_prefix("upload:") {
        let folder = super::uploads::folder(state, id)?;
        return Ok(folder.to_string_lossy().into_owned());
    }
    let path: PathBuf = base.join(imagemill_desk::config::expand_home(path));
    state.roots.check(&path)?;
    Ok(path.to_string_lossy().into_owned())
}

/// Lists and links may lead anywhere, so what was found counts.
pub(crate) fn check_pictures(state: &AppState, plan: &Plan) -> Answer<()> {
    if state.roots.are_all() {
        return Ok(());
    }
    let mut pictures = plan.scan.items.iter().flat_map(|item| &item.pictures);
    pictures.try_for_each(|picture| state.roots.check(Path::new(&picture.path)))
}

/// A name for a job without one: what is done, with which folder, and a short hash of the rest.
fn name_of(file: &JobFile) -> String {
    let text = serde_json::to_vec(file).expect("a job file always serialises");
    let hash = blake3::hash(&text).to_hex();
    let folder =
        file.source.paths.first().and_then(|path| Path::new(path).file_stem()).map(|stem| stem.to_string_lossy());
    let folder: String = folder
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' })
        .take(40)
        .collect();
    let parts = [file.recipe.word(), folder.trim_matches('-'), &hash[..6]];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}
