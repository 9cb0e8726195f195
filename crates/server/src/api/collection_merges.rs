//! Rows of collections: taken from somebody else, merged, merges taken back.

use std::path::PathBuf;

use axum::Json as Out;
use axum::extract::State;
use axum::response::Response;
use imagemill_desk::config::expand_home;
use imagemill_desk::{MergeOrder, NotUndone, merge as merge_rows, take_rows, undo_merge};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::collection_work::{desk_with, detailed, to_its_end};
use super::saving::check_folder;
use crate::error::{Answer, ApiError};
use crate::extract::{Json, Path, Query};
use crate::reader::Reader;
use crate::schema::{MergeDocument, MergeUndone, RowsTaken};
use crate::state::AppState;

/// Rows of somebody else.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowsPut {
    /// Critiques; `filepath` or `image_path` names the picture as the collection does.
    #[schema(value_type = Vec<Object>)]
    rows: Vec<Map<String, Value>>,
    /// Who wrote those that do not say: `human`, `model`, `model+human-edited`, `unknown`.
    #[serde(default)]
    authorship: Option<String>,
}

/// Take rows that somebody else wrote; each is held against the gate, and no bad one costs another
#[utoipa::path(post, path = "/collections/{name}/rows", tag = "collections", request_body = RowsPut,
    params(("name" = String, Path, description = "name")), responses((status = 200, body = RowsTaken)))]
pub(crate) async fn import(
    State(state): State<AppState>,
    Path(name): Path<String>,
    reader: Reader,
    Json(body): Json<RowsPut>,
) -> Answer<Response> {
    let desk = desk_with(&state, &name)?;
    let authorship = body.authorship.as_deref().unwrap_or("unknown");
    let (accepted, refused) = take_rows(&desk, &state.store, &name, body.rows, authorship).await?;
    let refused = refused.iter().map(|row| json!({ "picture": row.picture, "reason": row.why }));
    let document = json!({ "accepted": accepted, "refused": refused.collect::<Vec<_>>() });
    Ok(detailed(reader.told(document), format!("{name}: {accepted}")))
}

/// A merge.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MergePut {
    /// Folder for the collection's files, `checkpoints` when nothing is said.
    #[serde(default)]
    folder: Option<String>,
    /// With a table: every row of earlier merges goes there again.
    #[serde(default)]
    all: bool,
    /// Only say what would be merged.
    #[serde(default)]
    dry_run: bool,
}

/// Merge accepted rows that pass the gate together, and write the collection's files
///
/// They go into the table that the collection's settings name, where they name one. Rows that fail stay accepted and are told.
#[utoipa::path(post, path = "/collections/{name}/merges", tag = "collections", request_body = MergePut,
    params(("name" = String, Path, description = "name")), responses((status = 200, body = MergeDocument)))]
pub(crate) async fn merge(
    State(state): State<AppState>,
    Path(name): Path<String>,
    reader: Reader,
    Json(body): Json<MergePut>,
) -> Answer<Response> {
    let desk = desk_with(&state, &name)?;
    let to = files_of(&state, body.folder.as_deref())?;
    let order = MergeOrder { name: name.clone(), to, lance: None, all: body.all, dry_run: body.dry_run };
    let merged = to_its_end(async move { Ok(merge_rows(&desk, &state.store, &order).await?) }).await?;
    let left_out = merged.left_out.iter().map(|row| json!({ "picture": row.picture, "reason": row.why }));
    let document = json!({ "merge": merged.merge, "rows": merged.rows, "all": merged.all, "folder": merged.folder,
        "lance": merged.lance, "version": merged.version, "left_out": left_out.collect::<Vec<_>>(),
        "difference": merged.difference });
    Ok(detailed(reader.told(document), format!("{name}: {}", merged.rows)))
}

/// How a merge is taken back.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UndoQuery {
    /// Folder for the collection's files, `checkpoints` when nothing is said.
    folder: Option<String>,
    /// Even when the table was changed since: what came later is lost there.
    #[serde(default)]
    force: bool,
}

/// Take the last merge back: its rows wait for the next one, a table is what it was before
#[utoipa::path(delete, path = "/collections/{name}/merges", tag = "collections",
    params(("name" = String, Path, description = "name"), UndoQuery), responses((status = 200, body = MergeUndone)))]
pub(crate) async fn undo(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(query): Query<UndoQuery>,
) -> Answer<Response> {
    let desk = desk_with(&state, &name)?;
    let to = files_of(&state, query.folder.as_deref())?;
    let collection = name.clone();
    let work = async move { Ok(undo_merge(&desk, &state.store, &collection, &to, query.force).await?) };
    let undone = to_its_end(work).await?;
    let undone = undone.map_err(|why| match why {
        NotUndone::NoMerge => ApiError::conflict("there is no merge that could be taken back"),
        NotUndone::MovedOn { merge, after, found } => {
            ApiError::conflict(format!("the table is at version {found}, and merge {merge} left it at {after}"))
                .help("somebody changed it since; force=true takes the merge back all the same, and what came later is lost there")
        }
    })?;
    Ok(detailed(Out(json!(undone)), name))
}

/// Where the files of a collection go, when that is allowed.
fn files_of(state: &AppState, folder: Option<&str>) -> Answer<PathBuf> {
    let folder = state.desk().workspace.root.join(expand_home(folder.unwrap_or("checkpoints")));
    check_folder(state, &folder)?;
    Ok(folder)
}
