//! Saving a job's pictures: names first, then files or one archive, with progress.

use std::path::{Path as FilePath, PathBuf};

use axum::Json as Out;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use imagemill_desk::config::expand_home;
use imagemill_desk::default_folder;
use imagemill_domain::asset::AssetId;
use imagemill_domain::save_rule::SaveRule;
use imagemill_export::{SaveRequest, Selection};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::io::ReaderStream;
use utoipa::ToSchema;

use super::jobs::job_of;
use crate::audit::Detail;
use crate::error::{Answer, ApiError};
use crate::extract::{Json, Path};
use crate::reader::Reader;
use crate::saves::{self, SaveStarted, SaveState, SaveWork};
use crate::schema::{SavePreview, SaveStatusDocument};
use crate::state::AppState;

/// Pictures whose names a preview tells when nothing is said, and at most.
const LISTED: u32 = 20;
const MOST_LISTED: u32 = 1_000;

/// How and where to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaveRuleRequest {
    /// The keys of [save] (docs/saving.md).
    #[schema(value_type = Object)]
    #[serde(default)]
    rule: SaveRule,
    /// The output folder; else the rule's, else imagemill-out/JOB in the workspace's folder.
    #[serde(default)]
    folder: Option<String>,
    /// Pictures whose names a preview tells.
    #[serde(default)]
    #[schema(maximum = 1000)]
    limit: Option<u32>,
}

impl SaveRuleRequest {
    /// Where to, when it is allowed.
    fn target(&self, state: &AppState, job: &str) -> Answer<PathBuf> {
        let root = &state.desk().workspace.root;
        let named = self.folder.as_deref().or(self.rule.folder.as_deref()).map(expand_home);
        let folder = root.join(named.unwrap_or_else(|| default_folder(job)));
        check_folder(state, &folder)?;
        Ok(folder)
    }
}

/// Whether finished pictures may go there.
pub(crate) fn check_folder(state: &AppState, folder: &FilePath) -> Answer<()> {
    state.roots.check(folder)?;
    if folder.components().any(|part| part.as_os_str() == ".imagemill") {
        return Err(ApiError::bad("finished pictures go outside .imagemill; name another folder"));
    }
    Ok(())
}

/// The first names that saving would write
#[utoipa::path(post, path = "/jobs/{job}/save/preview", tag = "saving", params(("job" = String, Path, description = "number or name")),
    request_body = SaveRuleRequest, responses((status = 200, body = SavePreview)))]
pub(crate) async fn preview(
    State(state): State<AppState>,
    Path(job): Path<String>,
    Json(body): Json<SaveRuleRequest>,
) -> Answer<Out<Value>> {
    let job = job_of(&state, &job).await?;
    let folder = body.target(&state, &job.name)?;
    let limit = body.limit.unwrap_or(LISTED).clamp(1, MOST_LISTED);
    let first = state.store.assets().page(job.id, None, limit).await?;
    let assets: Vec<AssetId> = first.iter().map(|(asset, _)| asset.id).collect();
    let request = SaveRequest {
        store: &state.store,
        files: &state.files,
        job: &job,
        rule: &body.rule,
        folder,
        selection: Selection::Assets(assets),
        dry_run: true,
    };
    let saved = imagemill_export::save(request, |_| {}).await?;
    Ok(Out(json!({
        "folder": saved.folder,
        "names": saved.names,
        "pictures": state.store.jobs().pictures(job.id).await?,
        "errors": saved.errors,
    })))
}

/// Save a job's pictures to a folder
#[utoipa::path(post, path = "/jobs/{job}/save", tag = "saving", params(("job" = String, Path, description = "number or name")),
    request_body = SaveRuleRequest, responses((status = 202, body = SaveStarted)))]
pub(crate) async fn save(
    State(state): State<AppState>,
    Path(job): Path<String>,
    Json(body): Json<SaveRuleRequest>,
) -> Answer<Response> {
    let job = job_of(&state, &job).await?;
    let folder = body.target(&state, &job.name)?;
    let detail = Detail(folder.display().to_string());
    Ok(started(&state, SaveWork { job, rule: body.rule, folder: Some(folder) }, detail))
}

/// Save a job's pictures as one zip file
#[utoipa::path(post, path = "/jobs/{job}/zip", tag = "saving", params(("job" = String, Path, description = "number or name")),
    request_body = SaveRuleRequest, responses((status = 202, body = SaveStarted)))]
pub(crate) async fn zip(
    State(state): State<AppState>,
    Path(job): Path<String>,
    Json(body): Json<SaveRuleRequest>,
) -> Answer<Response> {
    let job = job_of(&state, &job).await?;
    Ok(started(&state, SaveWork { job, rule: body.rule, folder: None }, Detail("zip".to_owned())))
}

fn started(state: &AppState, work: SaveWork, detail: Detail) -> Response {
    let save = saves::start(state, work);
    let mut answer = (StatusCode::ACCEPTED, Out(SaveStarted { save })).into_response();
    answer.extensions_mut().insert(detail);
    answer
}

/// How a save goes
#[utoipa::path(get, path = "/saves/{save}", tag = "saving", params(("save" = u64, Path, description = "number")),
    responses((status = 200, body = SaveStatusDocument)))]
pub(crate) async fn status(State(state): State<AppState>, reader: Reader, Path(save): Path<u64>) -> Answer<Out<Value>> {
    let status = state.saves.status(save).ok_or_else(|| ApiError::missing("save", save))?;
    Ok(reader.told(serde_json::to_value(status).map_err(|error| ApiError::fault(error.to_string()))?))
}

/// The zip file of a save
#[utoipa::path(get, path = "/saves/{save}/zip", tag = "saving", params(("save" = u64, Path, description = "number")),
    responses((status = 200, description = "the archive", content_type = "application/zip", body = [u8])))]
pub(crate) async fn download(State(state): State<AppState>, Path(save): Path<u64>) -> Answer<Response> {
    let status = state.saves.status(save).ok_or_else(|| ApiError::missing("save", save))?;
    if status.state == SaveState::Running {
        return Err(ApiError::conflict("the zip file is still being written"));
    }
    let none = || ApiError::missing("zip file of save", save);
    if !status.zip {
        return Err(none());
    }
    let file = tokio::fs::File::open(state.saves.zip_path(save)).await.map_err(|_| none())?;
    let length = file.metadata().await.map_err(|_| none())?.len();
    let mut answer = Body::from_stream(ReaderStream::with_capacity(file, 64 << 10)).into_response();
    let out = answer.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    out.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let name = format!("attachment; filename=\"imagemill-{save}.zip\"");
    out.insert(header::CONTENT_DISPOSITION, HeaderValue::try_from(name).expect("a number is fit for a header"));
    Ok(answer)
}
