//! What a job's tasks ended with in words: rows of critiques, and what came of infographics.

use axum::Json as Out;
use axum::extract::State;
use imagemill_desk::infographics;
use imagemill_domain::job_file::RecipeName;
use imagemill_domain::task::{Task, TaskId};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::jobs::job_of;
use super::tasks::place;
use crate::error::{Answer, ApiError};
use crate::extract::{Path, Query};
use crate::reader::Reader;
use crate::schema::DocumentPage;
use crate::state::AppState;

/// Documents of a page.
const PAGE: u32 = 200;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DocumentsQuery {
    /// Where the page before ended.
    cursor: Option<String>,
}

/// Documents of a job, in the order of its plan
///
/// Of `critique` the rows that `critiques export` writes, of `infographic` what `infographics.jsonl` holds.
#[utoipa::path(get, path = "/jobs/{job}/documents", tag = "jobs",
    params(("job" = String, Path, description = "number or name"), DocumentsQuery),
    responses((status = 200, body = DocumentPage)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    reader: Reader,
    Path(job): Path<String>,
    Query(query): Query<DocumentsQuery>,
) -> Answer<Out<Value>> {
    let job = job_of(&state, &job).await?;
    let after = query.cursor.as_deref().map(place).transpose()?;
    let (items, last) = match job.definition.file.recipe {
        RecipeName::Critique => {
            let page = state.store.tasks().documents(job.id, after, PAGE).await?;
            let last = page.last().filter(|_| page.len() == PAGE as usize).map(|(task, _)| next_of(task));
            (page.into_iter().map(|(_, row)| row).collect::<Vec<_>>(), last)
        }
        RecipeName::Infographic => {
            let seen = match after {
                Some((_, task)) => Some(seen(&state, task).await?),
                None => None,
            };
            let page = infographics(&state.store, &state.files, job.id, seen.as_ref()).await?;
            let last = page.last().filter(|_| page.len() == PAGE as usize).map(|made| next_of(&made.task));
            (page.iter().map(imagemill_desk::Made::document).collect(), last)
        }
        _ => (Vec::new(), None),
    };
    Ok(reader.told(json!({ "items": items, "next": last })))
}

fn next_of(task: &Task) -> String {
    format!("{}.{}", task.position, task.id.0)
}

async fn seen(state: &AppState, task: TaskId) -> Answer<Task> {
    let found = state.store.tasks().get(task).await?;
    found.ok_or_else(|| ApiError::bad("the cursor is none of ours"))
}
