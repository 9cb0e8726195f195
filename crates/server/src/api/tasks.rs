//! Tasks: pages of a job's tasks, and the whole story of one.

use std::path::PathBuf;

use axum::Extension;
use axum::Json as Out;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use imagemill_desk::TaskStory;
use imagemill_domain::failure::FailureKind;
use imagemill_domain::hash::ContentHash;
use imagemill_domain::job::{Job, JobId};
use imagemill_domain::plan::prompt_of;
use imagemill_domain::task::{Task, TaskId, TaskState};
use imagemill_store::{TaskBrief, TaskFilter};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::jobs::job_of;
use super::pictures::{send_file, thumbnail_of};
use crate::error::{Answer, ApiError};
use crate::extract::{Path, Query};
use crate::reader::Reader;
use crate::safety::Peer;
use crate::schema::{TaskPage, TaskStoryDocument};
use crate::state::AppState;

/// Tasks of a page when nothing is said, and at most.
const PAGE: u32 = 100;
const MOST: u32 = 500;

/// Which tasks.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TasksQuery {
    /// Of this job, by number or name.
    job: String,
    /// In one of these states, with commas between them.
    state: Option<String>,
    /// With a failure of this kind.
    failure: Option<String>,
    /// Whose name or prompt has this text. A page may then have fewer tasks than asked for, or none, and still a next one.
    q: Option<String>,
    /// Where the page before ended.
    cursor: Option<String>,
    /// Tasks of the page, 100 when nothing is said.
    limit: Option<u32>,
}

/// States by their words, with commas between them.
pub(crate) fn states_of(words: Option<&str>) -> Answer<Option<Vec<TaskState>>> {
    let state =
        |word: &str| TaskState::from_word(word).ok_or_else(|| ApiError::bad(format!("{word:?} is no state of a task")));
    words.map(|words| words.split(',').map(state).collect()).transpose()
}

/// Tasks of a job in the order of its plan
#[utoipa::path(get, path = "/tasks", tag = "tasks", params(TasksQuery), responses((status = 200, body = TaskPage)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    reader: Reader,
    Query(query): Query<TasksQuery>,
) -> Answer<Out<Value>> {
    let job = job_of(&state, &query.job).await?;
    let kind = |word: &String| {
        FailureKind::ALL
            .into_iter()
            .find(|kind| kind.to_string() == *word)
            .ok_or_else(|| ApiError::bad(format!("{word:?} is no kind of failure")))
    };
    let failure = query.failure.as_ref().map(kind).transpose()?;
    let filter = TaskFilter { job: job.id, states: states_of(query.state.as_deref())?, failure };
    let after = query.cursor.as_deref().map(place).transpose()?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, MOST);
    let tasks = state.store.tasks();
    let text = query.q.as_deref().filter(|text| !text.is_empty());
    let (found, next) = if let Some(text) = text {
        tasks.search(filter, text, after, limit as usize).await?
    } else {
        let page = tasks.page(filter, after, limit).await?;
        let next = page.last().filter(|_| page.len() == limit as usize).map(|task| (task.position, task.id));
        (page, next)
    };
    let mut briefs = tasks.briefs(found.iter().map(|task| task.id).collect()).await?;
    let items: Vec<Value> =
        found.iter().map(|task| row(&job, task, &briefs.remove(&task.id).unwrap_or_default())).collect();
    let next = next.map(|(position, id)| format!("{position}.{}", id.0));
    Ok(reader.told(json!({ "items": items, "next": next })))
}

/// Where a page of tasks ended.
pub(crate) fn place(cursor: &str) -> Answer<(i64, TaskId)> {
    let parsed = cursor.split_once('.').and_then(|(at, id)| Some((at.parse().ok()?, TaskId(id.parse().ok()?))));
    parsed.ok_or_else(|| ApiError::bad("the cursor is none of ours"))
}

fn row(job: &Job, task: &Task, brief: &TaskBrief) -> Value {
    let failure = task.failure.as_ref().map(|failure| json!({ "kind": failure.kind, "message": failure.message }));
    json!({
        "id": task.id,
        "job": task.job,
        "position": task.position,
        "title": task.spec.title(),
        "state": task.state,
        "failure": failure,
        "prompt": prompt_of(&job.definition, &task.spec),
        "pictures": brief.pictures,
        "cost": brief.cost,
        "tries": task.attempt,
        "not_before_us": task.not_before_us,
        "thumbnails": brief.thumbnails,
        "source": task.spec.pictures.first().map(|picture| picture.blake3),
    })
}

/// The job of a task, for its prompts.
pub(crate) async fn job_with(state: &AppState, job: JobId) -> Answer<Job> {
    state.store.jobs().get(job).await?.ok_or_else(|| ApiError::missing("job", job))
}

/// A task by its number.
pub(crate) async fn task_of(state: &AppState, task: i64) -> Answer<Task> {
    state.store.tasks().get(TaskId(task)).await?.ok_or_else(|| ApiError::missing("task", task))
}

/// Everything known about a task
///
/// Requests and answers are in it for clients on this machine, and for others when the server was started so
/// (`raw_allowed`).
#[utoipa::path(get, path = "/tasks/{task}", tag = "tasks", params(("task" = i64, Path, description = "number")),
    responses((status = 200, body = TaskStoryDocument)))]
pub(crate) async fn explain(
    State(state): State<AppState>,
    Extension(peer): Extension<Peer>,
    reader: Reader,
    Path(task): Path<i64>,
) -> Answer<Out<Value>> {
    let task = task_of(&state, task).await?;
    let story = TaskStory::read(&state.store, task).await?;
    let raw_allowed = peer.local || state.options.raw_for_all;
    let mut document = story.document(Some(&state.files));
    if !raw_allowed {
        for call in document["calls"].as_array_mut().into_iter().flatten() {
            (call["request"], call["answer"]) = (Value::Null, Value::Null);
        }
    }
    document["raw_allowed"] = raw_allowed.into();
    document["job_id"] = json!(story.job.id);
    document["recipe"] = json!(story.job.definition.file.recipe);
    document["title"] = story.task.spec.title().into();
    Ok(reader.told(document))
}

/// The source picture of a task, as it lies there now
#[utoipa::path(get, path = "/tasks/{task}/source", tag = "tasks", params(("task" = i64, Path, description = "number")),
    responses((status = 200, description = "the picture", content_type = "image/*", body = [u8])))]
pub(crate) async fn source(
    State(state): State<AppState>,
    Path(task): Path<i64>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (path, hash) = source_of(&state, task).await?;
    send_file(&headers, path, &format!("source-{hash}")).await
}

/// A small JPEG of the source picture
#[utoipa::path(get, path = "/tasks/{task}/source/thumbnail", tag = "tasks", params(("task" = i64, Path, description = "number")),
    responses((status = 200, description = "the picture", content_type = "image/jpeg", body = [u8])))]
pub(crate) async fn source_thumbnail(
    State(state): State<AppState>,
    Path(task): Path<i64>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (path, hash) = source_of(&state, task).await?;
    let small = thumbnail_of(&state, hash, path).await?;
    send_file(&headers, small, &format!("thumb-{hash}")).await
}

/// Where the source picture of a task is, and its content.
async fn source_of(state: &AppState, task: i64) -> Answer<(PathBuf, ContentHash)> {
    let task = task_of(state, task).await?;
    let picture = task.spec.pictures.first().ok_or_else(|| ApiError::missing("source of task", task.id.0))?;
    let path = PathBuf::from(&picture.path);
    state.roots.check(&path)?;
    Ok((path, picture.blake3))
}
