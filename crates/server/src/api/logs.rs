//! Settings, the log and what was changed: for a person who wants to know why.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use axum::extract::State;
use axum::{Extension, Json as Out};
use imagemill_desk::config::{Origin, masked};
use imagemill_desk::save_presets;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use crate::error::{Answer, ApiError};
use crate::extract::Query;
use crate::safety::Peer;
use crate::schema::{AuditPage, ConfigDocument, LogLines};
use crate::state::AppState;

/// Read of the log at once.
const WINDOW_BYTES: u64 = 256 << 10;

/// Settings in force with their origins, secrets masked
#[utoipa::path(get, path = "/config", tag = "server", responses((status = 200, body = ConfigDocument)))]
pub(crate) async fn config(State(state): State<AppState>) -> Out<Value> {
    let desk = state.desk();
    let settings: Vec<Value> = desk
        .config
        .settings
        .iter()
        .map(|(path, setting)| {
            let key = path.join(".");
            let origin = match &setting.origin {
                Origin::Default => "default".to_owned(),
                Origin::File(file) | Origin::Login(file) => file.display().to_string(),
                Origin::Environment(name) => format!("environment {name}"),
                Origin::Flag(name) => (*name).to_owned(),
            };
            json!({ "value": masked(&key, &setting.value), "key": key, "origin": origin })
        })
        .collect();
    let presets: Vec<String> = save_presets(&desk.config).into_iter().map(|(name, ..)| name).collect();
    Out(json!({
        "settings": settings, "save_presets": presets, "workspace": desk.workspace.root,
        "unknown_keys": desk.config.unknown_keys,
    }))
}

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogQuery {
    /// Behind what was read last; without it the end of the log.
    after: Option<String>,
}

/// Lines of the log; for clients on this machine, and for others when the server was started so
#[utoipa::path(get, path = "/logs", tag = "server", params(LogQuery), responses((status = 200, body = LogLines)))]
pub(crate) async fn log(
    State(state): State<AppState>,
    Extension(peer): Extension<Peer>,
    Query(query): Query<LogQuery>,
) -> Answer<Out<Value>> {
    if !peer.local && !state.options.raw_for_all {
        return Err(ApiError::forbidden("local_only", "the log is for clients on the server's own machine")
            .help("start the server with --raw-for-all (ALLOW_REMOTE_DEBUG_LOG_API=1) when others may read it"));
    }
    let folder = state.desk().workspace.logs();
    let reading = tokio::task::spawn_blocking(move || read(&folder, query.after.as_deref()));
    let (lines, next) = reading.await.map_err(|error| ApiError::fault(error.to_string()))??;
    Ok(Out(json!({ "lines": lines, "next": next })))
}

fn is_log(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|suffix| suffix == "log")
}

/// The newest log file behind a place (`NAME:BYTE`), or its last part.
fn read(folder: &Path, after: Option<&str>) -> Answer<(Vec<String>, Option<String>)> {
    let unreadable = |error: std::io::Error| ApiError::fault(format!("the log cannot be read: {error}"));
    let names = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| is_log(name));
    let Some(newest) = names.max() else { return Ok((Vec::new(), None)) };
    let mut file = std::fs::File::open(folder.join(&newest)).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let seen = after.and_then(|place| place.rsplit_once(':')).filter(|(name, _)| *name == newest);
    let seen = seen.and_then(|(_, at)| at.parse::<u64>().ok()).filter(|at| *at <= length);
    let start = seen.unwrap_or(0).max(length.saturating_sub(WINDOW_BYTES));
    file.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    let mut text = Vec::new();
    file.take(WINDOW_BYTES).read_to_end(&mut text).map_err(unreadable)?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    // The first line of a window may be cut.
    let cut = start > 0 && seen != Some(start);
    let lines = String::from_utf8_lossy(&text[..whole]).lines().skip(usize::from(cut)).map(str::to_owned).collect();
    Ok((lines, Some(format!("{newest}:{}", start + whole as u64))))
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Where the page before ended.
    cursor: Option<u64>,
    /// Entries of the page, 100 when nothing is said.
    limit: Option<usize>,
}

/// What was changed through this server, newest first
#[utoipa::path(get, path = "/audit", tag = "server", params(AuditQuery), responses((status = 200, body = AuditPage)))]
pub(crate) async fn audit(State(state): State<AppState>, Query(query): Query<AuditQuery>) -> Answer<Out<Value>> {
    let limit = query.limit.unwrap_or(100).clamp(1, 500);
    let log = state.clone();
    let reading = tokio::task::spawn_blocking(move || log.audit.page(query.cursor, limit));
    let read = reading.await.map_err(|error| ApiError::fault(error.to_string()))?;
    let (items, next) = read.map_err(|error| ApiError::fault(format!("the audit log cannot be read: {error}")))?;
    Ok(Out(json!({ "items": items, "next": next.map(|next| next.to_string()) })))
}
