//! Jobs that are kept under a name, to begin a new one with. One file, `presets.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use imagemill_domain::job_file::{Format, JobFile};
use serde_json::{Value, json};

use super::save_rules::check_setting_name;
use crate::error::{Answer, ApiError};
use crate::extract::{Json, Path};
use crate::schema::JobPresets;
use crate::state::AppState;

type Kept = BTreeMap<String, Value>;

fn file(state: &AppState) -> PathBuf {
    state.desk().workspace.state().join("presets.json")
}

async fn read(state: &AppState) -> Answer<Kept> {
    match tokio::fs::read(file(state)).await {
        Ok(text) => serde_json::from_slice(&text)
            .map_err(|error| ApiError::fault(format!("{} cannot be read: {error}", file(state).display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Kept::new()),
        Err(error) => Err(ApiError::fault(format!("{} cannot be read: {error}", file(state).display()))),
    }
}

async fn write(state: &AppState, kept: &Kept) -> Answer<()> {
    let path = file(state);
    let draft = path.with_extension("json.part");
    let text = serde_json::to_vec_pretty(kept).map_err(|error| ApiError::fault(error.to_string()))?;
    let written = async {
        tokio::fs::write(&draft, text).await?;
        tokio::fs::rename(&draft, &path).await
    };
    written.await.map_err(|error| ApiError::fault(format!("{} cannot be written: {error}", path.display())))
}

/// Jobs that are kept to begin with
#[utoipa::path(get, path = "/presets", tag = "jobs", responses((status = 200, body = JobPresets)))]
pub(crate) async fn list(State(state): State<AppState>) -> Answer<Out<Value>> {
    let presets: Vec<Value> =
        read(&state).await?.into_iter().map(|(name, job)| json!({ "name": name, "job": job })).collect();
    Ok(Out(json!({ "presets": presets })))
}

/// Keep a job to begin with
#[utoipa::path(put, path = "/presets/{name}", tag = "jobs", params(("name" = String, Path, description = "name")),
    request_body(content = Object, description = "a job file as JSON (docs/job-file.md)"),
    responses((status = 204, description = "kept")))]
pub(crate) async fn put(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Json(job): Json<Value>,
) -> Answer<StatusCode> {
    check_setting_name(&name)?;
    let text = serde_json::to_string(&job).map_err(|error| ApiError::bad(error.to_string()))?;
    JobFile::parse(&text, Format::Json).map_err(|error| ApiError::bad(error.message))?;
    let _turn = state.settings_turn.lock().await;
    let mut kept = read(&state).await?;
    kept.insert(name, job);
    write(&state, &kept).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forget a kept job
#[utoipa::path(delete, path = "/presets/{name}", tag = "jobs", params(("name" = String, Path, description = "name")),
    responses((status = 204, description = "forgotten")))]
pub(crate) async fn delete(State(state): State<AppState>, Path(name): Path<String>) -> Answer<StatusCode> {
    let _turn = state.settings_turn.lock().await;
    let mut kept = read(&state).await?;
    kept.remove(&name).ok_or_else(|| ApiError::missing("preset", name))?;
    write(&state, &kept).await?;
    Ok(StatusCode::NO_CONTENT)
}
