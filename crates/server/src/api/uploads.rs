//! Pictures that a page sends: each request is a folder of its own below `.imagemill/uploads/`, usable as a job's source. Bytes
//! go to the disk while they arrive; what is no picture is not kept.

use std::path::{Path, PathBuf};

use axum::Json as Out;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use imagemill_desk::now_us;
use imagemill_imaging::{Bytes, probe};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use utoipa::ToSchema;

use crate::audit::Detail;
use crate::error::{Answer, ApiError};
use crate::schema::UploadAnswer;
use crate::state::AppState;

/// Files of one request, at most.
const MOST_FILES: usize = 10_000;

/// The form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is used, in the document")]
pub(crate) struct UploadForm {
    /// Pictures; a name may have folders in it.
    #[schema(value_type = Vec<String>, format = Binary)]
    files: Vec<Vec<u8>>,
}

/// The folder of an upload, which must be there.
pub(crate) fn folder(state: &AppState, id: &str) -> Answer<PathBuf> {
    let folder = state.uploads().join(id);
    let known = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) && folder.is_dir();
    if known { Ok(folder) } else { Err(ApiError::missing("upload", format_args!("{id:?}"))) }
}

/// Upload pictures to make a job of
///
/// `folder` of the answer is a path for a job's source. A file larger than allowed refuses the whole request.
#[utoipa::path(post, path = "/uploads", tag = "jobs",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 201, body = UploadAnswer)))]
pub(crate) async fn upload(State(state): State<AppState>, request: Request) -> Answer<Response> {
    let mut form = Multipart::from_request(request, &state)
        .await
        .map_err(|error| ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "usage", error.body_text()))?;
    let id = format!("{:x}", now_us());
    let folder = state.uploads().join(&id);
    make(&folder).await?;
    let received = receive(&state, &mut form, &folder).await;
    let files = match received {
        Ok(files) if files.iter().any(|file| file["ok"] == true) => files,
        other => {
            // Nothing of a refused upload stays.
            let _ = tokio::fs::remove_dir_all(&folder).await;
            let files = other?;
            return Ok((StatusCode::CREATED, Out(json!({ "folder": null, "files": files }))).into_response());
        }
    };
    let detail = Detail(format!("{} files", files.len()));
    let body = json!({ "folder": format!("upload:{id}"), "files": files });
    let mut answer = (StatusCode::CREATED, Out(body)).into_response();
    answer.extensions_mut().insert(detail);
    Ok(answer)
}

async fn receive(state: &AppState, form: &mut Multipart, folder: &Path) -> Answer<Vec<Value>> {
    let mut files = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|error| broken(&error))? {
        if files.len() == MOST_FILES {
            return Err(too_large(format!("at most {MOST_FILES} files at once")));
        }
        let Some(given) = field.file_name().map(str::to_owned) else { continue };
        let name = clean(&given).ok_or_else(|| ApiError::bad(format!("{given:?} is no name for a file")))?;
        let path = free(&folder.join(&name)).await;
        if let Some(parent) = path.parent() {
            make(parent).await?;
        }
        let bytes = keep(field, &path, &given, state.options.max_picture_bytes).await?;
        let looked = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || probe(Bytes::File(&path)))
        };
        let message =
            looked.await.map_err(|error| ApiError::fault(error.to_string()))?.err().map(|error| error.to_string());
        if message.is_some() {
            let _ = tokio::fs::remove_file(&path).await;
        }
        files.push(json!({ "name": given, "bytes": bytes, "ok": message.is_none(), "message": message }));
    }
    Ok(files)
}

/// Writes a file piece by piece; one that is too large ends the request.
async fn keep(mut field: Field<'_>, path: &Path, given: &str, most: u64) -> Answer<u64> {
    let fault = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::StorageFull => {
            ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "local", "there is no room on the server's disk")
        }
        _ => ApiError::fault(format!("an upload cannot be written: {error}")),
    };
    let mut file = tokio::fs::File::create(path).await.map_err(fault)?;
    let mut bytes = 0;
    while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
        bytes += piece.len() as u64;
        if bytes > most {
            return Err(too_large(format!("{given:?} is larger than {} MB", most >> 20)));
        }
        file.write_all(&piece).await.map_err(fault)?;
    }
    file.flush().await.map_err(fault)?;
    Ok(bytes)
}

async fn make(folder: &Path) -> Answer<()> {
    let made = tokio::fs::create_dir_all(folder).await;
    made.map_err(|error| ApiError::fault(format!("the folder {} cannot be made: {error}", folder.display())))
}

fn broken(error: &MultipartError) -> ApiError {
    ApiError::new(error.status(), "usage", format!("the upload broke off: {}", error.body_text()))
}

fn too_large(detail: String) -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
}

/// A name with its folders that stays below where it is put; `None` when nothing of it is left.
fn clean(name: &str) -> Option<PathBuf> {
    let parts: Vec<String> = name
        .split(['/', '\\'])
        .map(|part| part.chars().filter(|c| !c.is_control() && !":*?\"<>|".contains(*c)).collect::<String>())
        .map(|part| part.trim().trim_start_matches('.').chars().take(120).collect::<String>())
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty() && parts.len() <= 16).then(|| parts.iter().collect())
}

/// `name.png`, `name_2.png`, … whichever is free.
async fn free(path: &Path) -> PathBuf {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let suffix = path.extension().map(|suffix| format!(".{}", suffix.to_string_lossy())).unwrap_or_default();
    let mut candidate = path.to_path_buf();
    let mut number = 1;
    while tokio::fs::try_exists(&candidate).await.unwrap_or(false) {
        number += 1;
        candidate = path.with_file_name(format!("{stem}_{number}{suffix}"));
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_below_its_folder() {
        let clean = |name| clean(name).map(|path| path.to_string_lossy().into_owned());
        assert_eq!(clean("a.png").as_deref(), Some("a.png"));
        assert_eq!(clean("trip/a b.png").as_deref(), Some("trip/a b.png"));
        assert_eq!(clean("../../etc/passwd").as_deref(), Some("etc/passwd"));
        assert_eq!(clean("/etc/.ssh/id").as_deref(), Some("etc/ssh/id"));
        assert_eq!(clean("..\\..\\x\0.png").as_deref(), Some("x.png"));
        assert_eq!((clean(".."), clean(""), clean("/")), (None, None, None));
    }
}
