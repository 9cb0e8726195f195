//! The drafts of a task: texts between its steps, which a person may change; and what was made of them, round by round.

use std::io;
use std::path::PathBuf;

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use imagemill_desk::{RECORD_FILE, infographic};
use imagemill_domain::job_file::RecipeName;
use imagemill_domain::task::{Task, TaskState};
use imagemill_engine::{drafts_in, is_draft_name, put_draft, remove_draft};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::tasks::{job_with, task_of};
use crate::error::{Answer, ApiError};
use crate::extract::{Json, Path};
use crate::reader::Reader;
use crate::schema::DraftsDocument;
use crate::state::AppState;

/// Longest draft.
const MAX_BYTES: usize = 1 << 20;

/// A task that has drafts.
async fn infographic_task(state: &AppState, task: i64) -> Answer<Task> {
    let task = task_of(state, task).await?;
    let recipe = job_with(state, task.job).await?.definition.file.recipe;
    if recipe != RecipeName::Infographic {
        let word = recipe.word();
        return Err(ApiError::conflict(format!("tasks of the recipe {word} have no drafts; infographics have")));
    }
    Ok(task)
}

/// The drafts of an infographic, and its rounds so far
#[utoipa::path(get, path = "/tasks/{task}/drafts", tag = "tasks", params(("task" = i64, Path, description = "number")),
    responses((status = 200, body = DraftsDocument)))]
pub(crate) async fn list(State(state): State<AppState>, reader: Reader, Path(task): Path<i64>) -> Answer<Out<Value>> {
    let task = infographic_task(&state, task).await?;
    let folder = state.files.drafts_of(task.job, task.id);
    let made = infographic(&state.store, &state.files, task).await?.document();
    let found = blocking(folder, |folder| drafts_in(&folder)).await?;
    let drafts: Vec<Value> = found
        .into_iter()
        .filter(|(name, _)| name != RECORD_FILE)
        .map(|(name, draft)| json!({ "name": name, "text": draft.text, "edited": draft.edited }))
        .collect();
    // What a model or a person wrote is in the record and in the drafts; our sentences are beside them.
    let Out(mut answer) = reader.told(json!({ "folder": made["drafts"], "made": made }));
    answer["drafts"] = drafts.into();
    Ok(Out(answer))
}

/// A text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DraftPut {
    text: String,
}

/// Write a draft; it stands until it is taken away, and a retry makes again what depends on it
#[utoipa::path(put, path = "/tasks/{task}/drafts/{name}", tag = "tasks", request_body = DraftPut,
    params(("task" = i64, Path, description = "number"), ("name" = String, Path, description = "file name")),
    responses((status = 204, description = "written")))]
pub(crate) async fn put(
    State(state): State<AppState>,
    Path((task, name)): Path<(i64, String)>,
    Json(body): Json<DraftPut>,
) -> Answer<StatusCode> {
    let folder = changeable(&state, task, &name).await?;
    if body.text.len() > MAX_BYTES {
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "a draft has at most 1 MiB"));
    }
    blocking(folder, move |folder| put_draft(&folder, &name, &body.text)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a draft away, so that a retry makes it again
#[utoipa::path(delete, path = "/tasks/{task}/drafts/{name}", tag = "tasks",
    params(("task" = i64, Path, description = "number"), ("name" = String, Path, description = "file name")),
    responses((status = 204, description = "gone")))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Path((task, name)): Path<(i64, String)>,
) -> Answer<StatusCode> {
    let folder = changeable(&state, task, &name).await?;
    let wanted = name.clone();
    if blocking(folder, move |folder| remove_draft(&folder, &wanted)).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::missing("draft", name))
    }
}

/// The folder of a draft that may be changed now.
async fn changeable(state: &AppState, task: i64, name: &str) -> Answer<PathBuf> {
    let task = infographic_task(state, task).await?;
    if !is_draft_name(name) || name == RECORD_FILE {
        return Err(ApiError::bad(format!("{name:?} is no name of a draft")));
    }
    if task.state == TaskState::Running {
        return Err(ApiError::conflict("the task is being worked on").help("wait for its end, then change the draft"));
    }
    Ok(state.files.drafts_of(task.job, task.id))
}

async fn blocking<T: Send + 'static>(
    folder: PathBuf,
    work: impl FnOnce(PathBuf) -> io::Result<T> + Send + 'static,
) -> Answer<T> {
    let done = tokio::task::spawn_blocking(move || work(folder)).await.map_err(io::Error::other).and_then(|done| done);
    done.map_err(|error| ApiError::fault(format!("the drafts cannot be read or written: {error}")))
}
