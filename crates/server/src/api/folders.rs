//! Folders on the server's machine, to choose a source or an output from.

use std::path::PathBuf;

use axum::Json as Out;
use axum::extract::State;
use imagemill_desk::config::expand_home;
use imagemill_domain::picture::PictureFormat;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use crate::error::{Answer, ApiError};
use crate::extract::Query;
use crate::schema::FolderDocument;
use crate::state::AppState;

/// Folders that are listed, at most.
const MOST: usize = 2_000;

/// Which folder.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FolderQuery {
    /// Its path; without one the workspace's folder.
    path: Option<String>,
}

/// The folders in a folder, and how many pictures there are, by their names
#[utoipa::path(get, path = "/folders", tag = "server", params(FolderQuery), responses((status = 200, body = FolderDocument)))]
pub(crate) async fn list(State(state): State<AppState>, Query(query): Query<FolderQuery>) -> Answer<Out<Value>> {
    let root = state.desk().workspace.root.clone();
    let path = match query.path.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => root.join(expand_home(path)),
        None => root,
    };
    state.roots.check(&path)?;
    let reading = tokio::task::spawn_blocking(move || read(path));
    let (path, folders, pictures) = reading.await.map_err(|error| ApiError::fault(error.to_string()))??;
    let parent = path.parent().filter(|parent| state.roots.check(parent).is_ok());
    Ok(Out(json!({ "path": path, "parent": parent, "folders": folders, "pictures": pictures })))
}

fn read(path: PathBuf) -> Answer<(PathBuf, Vec<String>, u64)> {
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => ApiError::missing("folder", path.display()),
        _ => ApiError::conflict(format!("{} cannot be read: {error}", path.display())),
    };
    let mut folders = Vec::new();
    let mut pictures = 0;
    for entry in std::fs::read_dir(&path).map_err(unreadable)?.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let is_folder = entry.path().is_dir();
        if is_folder && folders.len() < MOST {
            folders.push(name);
        } else if !is_folder && is_picture(&name) {
            pictures += 1;
        }
    }
    folders.sort_by_key(|name| name.to_lowercase());
    Ok((path, folders, pictures))
}

fn is_picture(name: &str) -> bool {
    let suffix = name.rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase()).unwrap_or_default();
    matches!(suffix.as_str(), "jpeg" | "tiff")
        || PictureFormat::ALL.into_iter().any(|format| format.extension() == suffix)
}
