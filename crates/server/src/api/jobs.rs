//! Jobs: listing, submitting, steering. Control is rows; whoever runs the workspace acts on them.

use axum::Json as Out;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use imagemill_desk::{
    DeskError, documents, failure_examples, now_us, snapshot_of, snapshot_with, submit as submit_plan, unknown_calls,
};
use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::{Job, JobId, JobState};
use imagemill_domain::task::{TaskId, TaskState};
use imagemill_store::{JobFigures, PausedProfile, RetrySelection, TaskFilter};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::plans::{Consent, check_pictures, job_input, known};
use crate::audit::Detail;
use crate::error::{Answer, ApiError};
use crate::extract::{Json, MaybeJson, Path, Query};
use crate::reader::Reader;
use crate::schema::{JobDocument, JobPage, JobStopped, RetryAnswer, SummaryDocument};
use crate::state::AppState;

/// Jobs of a page when nothing is said, and at most.
const PAGE: u32 = 50;
const MOST: u32 = 200;
/// The reason of a pause that the command line gives, too.
const BY_A_PERSON: &str = "by a person";

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobsQuery {
    /// In one of these states, with commas between them.
    state: Option<String>,
    /// Where the page before ended.
    cursor: Option<String>,
    /// Jobs of the page, 50 when nothing is said.
    limit: Option<u32>,
}

/// Jobs, newest first
#[utoipa::path(get, path = "/jobs", tag = "jobs", params(JobsQuery), responses((status = 200, body = JobPage)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    reader: Reader,
    Query(query): Query<JobsQuery>,
) -> Answer<Out<Value>> {
    let states = match &query.state {
        None => None,
        Some(words) => {
            let state = |word: &str| {
                JobState::ALL
                    .into_iter()
                    .find(|state| state.word() == word)
                    .ok_or_else(|| ApiError::bad(format!("{word:?} is no state of a job")))
            };
            Some(words.split(',').map(state).collect::<Answer<Vec<_>>>()?)
        }
    };
    let before = match &query.cursor {
        None => None,
        Some(cursor) => Some(JobId(cursor.parse().map_err(|_| ApiError::bad("the cursor is none of ours"))?)),
    };
    let limit = query.limit.unwrap_or(PAGE).clamp(1, MOST);
    let jobs = state.store.jobs().page(states, before, limit).await?;
    let next = (jobs.len() == limit as usize).then(|| jobs.last().map(|job| job.id.to_string())).flatten();
    let paused = state.store.profiles().paused().await?;
    let mut items = Vec::new();
    let figures = state.store.jobs().figures(jobs.iter().map(|job| job.id).collect()).await?;
    for (job, figures) in jobs.into_iter().zip(figures) {
        items.push(listed(&state, job, figures, &paused).await?);
    }
    Ok(reader.told(json!({ "items": items, "next": next })))
}

async fn listed(state: &AppState, job: Job, figures: JobFigures, paused: &[PausedProfile]) -> Answer<Value> {
    let more = more(state, &job);
    let snapshot = snapshot_with(&state.store, job, figures, paused, None).await?;
    let failures = snapshot.failures.iter().filter(|(.., tasks)| *tasks > 0);
    let failures: Vec<Value> =
        failures.map(|(kind, state, tasks)| json!({ "kind": kind, "state": state, "tasks": tasks })).collect();
    let mut document = documents::job(&snapshot);
    extend(&mut document, more);
    document["failures"] = failures.into();
    Ok(document)
}

fn more(state: &AppState, job: &Job) -> Value {
    json!({
        "recipe": job.definition.file.recipe,
        "model": job.definition.model,
        "created_us": job.created_us,
        "finished_us": job.finished_us,
        "put_off": state.board.put_off(job.id),
    })
}

fn extend(document: &mut Value, more: Value) {
    if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
        document.extend(more);
    }
}

/// A job to be submitted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubmitRequest {
    /// A job file as JSON (docs/job-file.md). `upload:ID` names an upload.
    #[schema(value_type = Object)]
    job: Value,
    /// The job's name, before that in the job file. A job of that name is continued.
    #[serde(default)]
    name: Option<String>,
    /// The price that somebody agreed to, in US dollars.
    #[serde(default)]
    agreed_up_to: Option<f64>,
    /// Run although nobody knows the price.
    #[serde(default)]
    accept_unknown_price: bool,
    /// Start nothing before somebody resumes it.
    #[serde(default)]
    paused: bool,
}

/// Submit a job
///
/// 409 with the kind `needs_consent` when it may cost more than was agreed to, or nobody knows what it costs.
#[utoipa::path(post, path = "/jobs", tag = "jobs", request_body = SubmitRequest,
    responses((status = 201, body = SummaryDocument)))]
pub(crate) async fn submit(State(state): State<AppState>, Json(body): Json<SubmitRequest>) -> Answer<Response> {
    let mut input = job_input(&state, &body.job, body.name.as_deref())?;
    input.file.accept_unknown_price |= body.accept_unknown_price;
    let desk = state.desk_for(&input).await?;
    let table = desk.capabilities()?;
    let plan = imagemill_desk::plan(&desk.config, input, &table, None, |_| {}).await?.plan;
    check_pictures(&state, &plan)?;
    let (_, done) = known(&state, &plan.name).await?;
    Consent::of(&state, &plan, done).require(body.agreed_up_to, &plan.definition.model)?;
    let paused = body.paused.then(|| BY_A_PERSON.to_owned());
    let submitted = submit_plan(&state.store, &plan, paused).await?;
    if plan.definition.file.save.is_some() {
        state.store.jobs().save_when_ended(submitted.job).await?;
    }
    wake(&state).await;
    let document = summary(&state, submitted.job).await?;
    let place = format!("/api/v1/jobs/{}", submitted.job);
    let mut answer = (StatusCode::CREATED, [(header::LOCATION, place)], Out(document)).into_response();
    answer.extensions_mut().insert(Detail(plan.name));
    Ok(answer)
}

pub(super) async fn wake(state: &AppState) {
    if let Some(engine) = state.runner.lock().await.engine() {
        engine.wake();
    }
}

/// A job that goes on may call a simulator that lived in an earlier process.
async fn revive_simulators(state: &AppState, job: &Job) {
    let mut runner = state.runner.lock().await;
    if runner.engine().is_some() {
        runner.revive_simulators_of(job).await;
    }
}

/// The job of a path: its number, its name, or a part of the name that no other job has.
pub(crate) async fn job_of(state: &AppState, wanted: &str) -> Answer<Job> {
    Ok(imagemill_desk::find_job(&state.store, wanted).await?)
}

async fn summary(state: &AppState, id: JobId) -> Answer<Value> {
    let job = state.store.jobs().get(id).await?.ok_or(DeskError::JobGone)?;
    let more = more(state, &job);
    let seconds = (job.finished_us.unwrap_or_else(now_us) - job.created_us).max(0) / 1_000_000;
    let paused = state.store.profiles().paused().await?;
    let snapshot = snapshot_of(&state.store, job, &paused, None).await?;
    let failures = failure_examples(&state.store, &snapshot).await?;
    let unknown = unknown_calls(&state.store, id).await?;
    let put_off = state.board.put_off(id);
    let mut document = documents::summary(&snapshot, seconds as u64, &put_off, &failures, &unknown, None);
    extend(&mut document, more);
    document["waiting_until_us"] = json!(snapshot.waiting_until_us);
    let saved = state.store.jobs().saved(id).await?.unwrap_or_default();
    document["not_saved"] = saved["error"].clone();
    document["saved"] = if saved["error"].is_null() { saved } else { Value::Null };
    Ok(document)
}

/// One job
#[utoipa::path(get, path = "/jobs/{job}", tag = "jobs", params(("job" = String, Path, description = "number or name")),
    responses((status = 200, body = SummaryDocument)))]
pub(crate) async fn show(State(state): State<AppState>, reader: Reader, Path(job): Path<String>) -> Answer<Out<Value>> {
    let job = job_of(&state, &job).await?;
    Ok(reader.told(summary(&state, job.id).await?))
}

/// The job file, as it can be submitted again
#[utoipa::path(get, path = "/jobs/{job}/file", tag = "jobs", params(("job" = String, Path, description = "number or name")),
    responses((status = 200, body = Object)))]
pub(crate) async fn file(State(state): State<AppState>, Path(job): Path<String>) -> Answer<Out<Value>> {
    let job = job_of(&state, &job).await?;
    let mut file = serde_json::to_value(&job.definition.file).map_err(|error| ApiError::fault(error.to_string()))?;
    file["name"] = job.name.into();
    file["profile"] = job.definition.profile.name.as_str().into();
    Ok(Out(file))
}

/// Pause a job: calls under way still come in, none starts
#[utoipa::path(post, path = "/jobs/{job}/pause", tag = "jobs", params(("job" = String, Path, description = "number or name")),
    responses((status = 200, body = JobDocument)))]
pub(crate) async fn pause(State(state): State<AppState>, Path(job): Path<String>) -> Answer<Out<Value>> {
    let job = job_of(&state, &job).await?;
    match job.state {
        JobState::Paused => {}
        JobState::Active | JobState::Submitting => {
            let reason = Some(BY_A_PERSON.to_owned());
            state.store.jobs().set_state(job.id, JobState::Paused, reason, now_us()).await?;
            wake(&state).await;
        }
        JobState::Stopped | JobState::Finished => return Err(not_open(&job)),
    }
    again(&state, job.id).await
}

/// Resume a paused job
#[utoipa::path(post, path = "/jobs/{job}/resume", tag = "jobs", params(("job" = String, Path, description = "number or name")),
    responses((status = 200, body = JobDocument)))]
pub(crate) async fn resume(State(state): State<AppState>, Path(job): Path<String>) -> Answer<Out<Value>> {
    let job = job_of(&state, &job).await?;
    match job.state {
        JobState::Active => {}
        JobState::Paused => {
            revive_simulators(&state, &job).await;
            state.store.jobs().set_state(job.id, JobState::Active, None, now_us()).await?;
            wake(&state).await;
        }
        JobState::Submitting => {
            return Err(ApiError::conflict("the submission of this job did not end; submit it again"));
        }
        JobState::Stopped | JobState::Finished => return Err(not_open(&job)),
    }
    again(&state, job.id).await
}

/// Stop a job: connections are closed, calls without an answer are unknown
#[utoipa::path(post, path = "/jobs/{job}/stop", tag = "jobs", params(("job" = String, Path, description = "number or name")),
    responses((status = 200, body = JobStopped)))]
pub(crate) async fn stop(State(state): State<AppState>, Path(job): Path<String>) -> Answer<Out<Value>> {
    let job = job_of(&state, &job).await?;
    if job.state == JobState::Finished {
        return Err(not_open(&job));
    }
    state.store.jobs().stop(job.id, now_us()).await?;
    wake(&state).await;
    let counts = state.store.jobs().counts(job.id).await?;
    Ok(Out(json!({
        "job": job.name, "id": job.id, "state": JobState::Stopped,
        "stopped_tasks": counts.get(TaskState::Stopped), "running": counts.get(TaskState::Running),
    })))
}

async fn again(state: &AppState, id: JobId) -> Answer<Out<Value>> {
    let job = state.store.jobs().get(id).await?.ok_or(DeskError::JobGone)?;
    let paused = state.store.profiles().paused().await?;
    let figures = state.store.jobs().figures(vec![id]).await?.pop().unwrap_or_default();
    Ok(Out(listed(state, job, figures, &paused).await?))
}

fn not_open(job: &Job) -> ApiError {
    let what = if job.state == JobState::Finished { "finished" } else { "stopped" };
    ApiError::conflict(format!("the job {} is {what}", job.name)).help("retry tasks of it, or submit it again")
}

/// Which tasks are done again. With nothing, those that failed or are partial.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetryRequest {
    /// In one of these states.
    #[schema(value_type = Option<Vec<String>>)]
    states: Option<Vec<TaskState>>,
    /// These, whatever their end was.
    #[schema(value_type = Option<Vec<i64>>)]
    tasks: Option<Vec<TaskId>>,
    /// With a failure of one of these kinds.
    #[schema(value_type = Option<Vec<String>>)]
    kinds: Option<Vec<FailureKind>>,
    /// Hide earlier pictures once there are new ones.
    drop_results: bool,
}

/// Do tasks again
#[utoipa::path(post, path = "/jobs/{job}/retry", tag = "jobs", params(("job" = String, Path, description = "number or name")),
    request_body = RetryRequest, responses((status = 200, body = RetryAnswer)))]
pub(crate) async fn retry(
    State(state): State<AppState>,
    Path(job): Path<String>,
    MaybeJson(body): MaybeJson<RetryRequest>,
) -> Answer<Response> {
    let job = job_of(&state, &job).await?;
    let mut selections = Vec::new();
    selections.extend(body.states.map(RetrySelection::States));
    selections.extend(body.tasks.into_iter().flatten().map(RetrySelection::Task));
    for kind in body.kinds.into_iter().flatten() {
        selections.extend(of_kind(&state, job.id, kind).await?);
    }
    if selections.is_empty() {
        selections.push(RetrySelection::Failed);
    }
    revive_simulators(&state, &job).await;
    let mut tasks = 0;
    for selection in selections {
        tasks += state.store.tasks().retry(job.id, selection, !body.drop_results, now_us()).await?;
    }
    wake(&state).await;
    let mut answer = Out(json!({ "job": job.name, "id": job.id, "tasks": tasks })).into_response();
    answer.extensions_mut().insert(Detail(format!("{tasks} tasks")));
    Ok(answer)
}

async fn of_kind(state: &AppState, job: JobId, kind: FailureKind) -> Answer<Vec<RetrySelection>> {
    let ended: Vec<TaskState> = TaskState::ALL.into_iter().filter(|state| state.is_ended()).collect();
    let filter = TaskFilter { job, states: Some(ended), failure: Some(kind) };
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = state.store.tasks().page(filter.clone(), after, 1_000).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some((last.position, last.id));
        found.extend(page.iter().map(|task| RetrySelection::Task(task.id)));
    }
}

/// Delete a job with its tasks, calls and rows of pictures; `gc` removes the files
#[utoipa::path(delete, path = "/jobs/{job}", tag = "jobs", params(("job" = String, Path, description = "number or name")),
    responses((status = 204, description = "deleted")))]
pub(crate) async fn delete(State(state): State<AppState>, Path(job): Path<String>) -> Answer<Response> {
    let job = job_of(&state, &job).await?;
    if matches!(job.state, JobState::Active | JobState::Submitting) {
        return Err(ApiError::conflict(format!("the job {} runs", job.name)).help("pause or stop it first"));
    }
    state.store.jobs().delete(job.id, now_us()).await?;
    let mut answer = StatusCode::NO_CONTENT.into_response();
    answer.extensions_mut().insert(Detail(job.name));
    Ok(answer)
}
