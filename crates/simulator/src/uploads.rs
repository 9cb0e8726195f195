//! Pictures that clients handed over to name them in requests, under links that may end, and the forms in which they are handed
//! over. It must not draw or bill.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use imagemill_domain::picture::PictureFormat;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::{self, Refused, bad_request};
use crate::predictions::Common;
use crate::scenario::UploadRules;
use crate::state::Shared;

/// Begins the name of every upload.
const PREFIX: &str = "upload-";

/// All uploads of one simulator.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    taken: Mutex<HashMap<String, Upload>>,
    names: AtomicU32,
    asked: AtomicU32,
}

#[derive(Debug)]
struct Upload {
    bytes: Bytes,
    since: Instant,
    uses: u32,
}

impl Upload {
    fn lives(&self, rules: &UploadRules) -> bool {
        let in_time = rules.lives_ms == 0 || self.since.elapsed() < Duration::from_millis(rules.lives_ms);
        in_time && (rules.uses == 0 || self.uses <= rules.uses)
    }
}

impl Uploads {
    /// The last part of a new link. Equal pictures get links of their own, as at a provider.
    fn name(&self) -> String {
        format!("{PREFIX}{}", self.names.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Keeps a picture under a name.
    fn keep(&self, rules: &UploadRules, name: &str, bytes: Bytes) -> Result<(), Refused> {
        if self.asked.fetch_add(1, Ordering::Relaxed) < rules.failures {
            let message = "The storage is unavailable on purpose.";
            return Err(answer::error(StatusCode::BAD_GATEWAY, "server_error", "storage_unavailable", message).into());
        }
        PictureFormat::sniff(&bytes).ok_or_else(|| bad_request("invalid_file", "this is not a picture", None))?;
        self.lock().insert(name.to_owned(), Upload { bytes, since: Instant::now(), uses: 0 });
        Ok(())
    }

    /// The picture under a name; each request that names it counts. `None` for other names and when its link ended.
    pub(crate) fn named(&self, rules: &UploadRules, name: &str) -> Option<Bytes> {
        let mut taken = self.lock();
        let upload = taken.get_mut(name)?;
        upload.uses += 1;
        upload.lives(rules).then(|| upload.bytes.clone())
    }

    /// How many were handed over.
    pub(crate) fn count(&self) -> u64 {
        self.lock().len() as u64
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a picture under a name of its own and returns that.
fn take(shared: &Shared, bytes: Bytes) -> Result<String, Refused> {
    let name = shared.uploads().name();
    shared.uploads().keep(&shared.scenario().uploads, &name, bytes)?;
    Ok(name)
}

/// Where anybody can have it, as long as it lives.
fn link(shared: &Shared, name: &str) -> String {
    format!("{}/uploads/{name}", shared.origin())
}

/// `GET /uploads/{name}`. That is no request that names it.
pub(crate) async fn get(State(shared): Common, Path(name): Path<String>) -> Response {
    let rules = &shared.scenario().uploads;
    let bytes = shared.uploads().lock().get(&name).filter(|upload| upload.lives(rules)).map(|it| it.bytes.clone());
    let message = "There is no such upload, or it ended.";
    bytes.map_or_else(
        || answer::error(StatusCode::NOT_FOUND, "invalid_request_error", "not_found", message),
        IntoResponse::into_response,
    )
}

/// When an upload of now ends, as the answer to it says: so many days, or what the scenario says.
fn end_of(rules: &UploadRules, days: u64) -> Timestamp {
    let lives_ms = if rules.lives_ms == 0 { days * 24 * 3_600_000 } else { rules.lives_ms };
    Timestamp::now() + Duration::from_millis(lives_ms)
}

/// The file of a form.
async fn file_of(mut form: Multipart) -> Result<Bytes, Refused> {
    let wrong = |text: String| bad_request("invalid_multipart", &text, None);
    let field = form.next_field().await.map_err(|error| wrong(error.body_text()))?;
    let field = field.ok_or_else(|| wrong("the form is empty".into()))?;
    field.bytes().await.map_err(|error| wrong(error.body_text()))
}

/// `POST /hosted/media/upload/binary`.
pub(crate) async fn hosted(State(shared): Common, form: Multipart) -> Response {
    let answer = async {
        let name = take(&shared, file_of(form).await?)?;
        let data = json!({"type": "image", "download_url": link(&shared, &name)});
        Ok::<_, Refused>(Json(json!({"code": 200, "message": "success", "data": data})).into_response())
    };
    answer.await.unwrap_or_else(Refused::into_response)
}

/// `POST /replicate/v1/files`.
pub(crate) async fn replicate(State(shared): Common, form: Multipart) -> Response {
    let answer = async {
        let bytes = file_of(form).await?;
        let size = bytes.len();
        let name = take(&shared, bytes)?;
        let file = json!({
            "id": name, "size": size, "expires_at": end_of(&shared.scenario().uploads, 1).to_string(),
            "urls": {"get": format!("{}/replicate/v1/files/{name}", shared.origin())},
        });
        Ok::<_, Refused>((StatusCode::CREATED, Json(file)).into_response())
    };
    answer.await.unwrap_or_else(Refused::into_response)
}

/// `POST /fal/storage/upload/initiate`: a place to put the picture to, whose last part is the one of its link later.
pub(crate) async fn fal_begin(State(shared): Common, Json(asked): Json<Value>) -> Response {
    if asked["content_type"].as_str().is_none_or(|kind| !kind.starts_with("image/")) {
        return bad_request("invalid_file", "content_type must be a picture's", None).into_response();
    }
    let name = shared.uploads().name();
    let target = format!("{}/put/{name}?signature=simulated", shared.origin());
    Json(json!({"upload_url": target, "file_url": link(&shared, &name)})).into_response()
}

/// `PUT /put/{name}`: what fal's storage named; its signature stands for the key.
pub(crate) async fn put(State(shared): Common, Path(name): Path<String>, bytes: Bytes) -> Response {
    let kept = shared.uploads().keep(&shared.scenario().uploads, &name, bytes);
    kept.map_or_else(Refused::into_response, |()| StatusCode::OK.into_response())
}

/// A picture among Gemini's files.
pub(crate) fn gemini(shared: &Shared, bytes: Bytes) -> Response {
    let media_type = PictureFormat::sniff(&bytes).map_or("application/octet-stream", PictureFormat::media_type);
    let size = bytes.len().to_string();
    let answer = take(shared, bytes).map(|name| {
        Json(json!({"file": {
            "name": format!("files/{name}"), "uri": format!("{}/v1beta/files/{name}", shared.origin()),
            "mimeType": media_type, "sizeBytes": size, "state": "ACTIVE",
            "expirationTime": end_of(&shared.scenario().uploads, 2).to_string(),
        }}))
        .into_response()
    });
    answer.unwrap_or_else(Refused::into_response)
}

/// A picture among OpenAI's files.
pub(crate) fn openai(shared: &Shared, bytes: Bytes) -> Result<Response, Refused> {
    let (size, rules) = (bytes.len(), &shared.scenario().uploads);
    let name = take(shared, bytes)?;
    let file = json!({
        "id": name, "object": "file", "bytes": size, "created_at": Timestamp::now().as_second(),
        "expires_at": end_of(rules, 7).as_second(),
        "filename": "picture", "purpose": "vision", "status": "processed",
    });
    Ok(Json(file).into_response())
}

/// The picture that a request to OpenAI's endpoints names by `file_id`.
pub(crate) fn of_openai(shared: &Shared, id: &str) -> Result<Bytes, Refused> {
    let named = shared.uploads().named(&shared.scenario().uploads, id);
    named.ok_or_else(|| bad_request("invalid_image_input", &format!("File '{id}' was not found."), Some("file_id")))
}

/// The picture that a request to Gemini names by `fileUri`.
pub(crate) fn of_gemini(shared: &Shared, uri: &str) -> Result<Bytes, Refused> {
    let name = uri.rsplit('/').next().unwrap_or_default();
    shared.uploads().named(&shared.scenario().uploads, name).ok_or_else(|| {
        let message = format!("You do not have permission to access the File {name} or it may not exist.");
        answer::error(StatusCode::FORBIDDEN, "permission_denied", "permission_denied", &message).into()
    })
}
