//! Collections and their critiques: how far each is, the queue of rows for people, and one row with what is changed and said of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::Json as Out;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use imagemill_desk::{Board, QueueView, Said, Wanted, now_us};
use imagemill_domain::collection::{Standing, order};
use imagemill_domain::critique::SCORES;
use imagemill_domain::hash::ContentHash;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::pictures::{send_file, thumbnail_of};
use super::reviews::{LONGEST_NOTE, name};
use crate::audit::Detail;
use crate::error::{Answer, ApiError};
use crate::extract::{Json, Path, Query};
use crate::reader::Reader;
use crate::schema::{CollectionList, CritiquePage, QueueDocument};
use crate::state::AppState;

/// Rows of a list, where nobody says.
const ROWS: usize = 500;
/// Rows of a list, at most.
const MOST_ROWS: usize = 10_000;
/// Longest text that may be put into a row, in characters.
const LONGEST_TEXT: usize = 20_000;

/// Collections, the one that comes first at the top
#[utoipa::path(get, path = "/collections", tag = "collections", responses((status = 200, body = CollectionList)))]
pub(crate) async fn list(State(state): State<AppState>) -> Answer<Out<Value>> {
    let desk = state.desk();
    let rule = desk.config.collection_priority;
    let mut boards = Vec::new();
    for (name, collection) in &desk.config.collections {
        boards.push(Board::read(&state.store, name, collection).await?);
    }
    let mut standings: Vec<Standing<'_>> = boards.iter().map(Board::standing).collect();
    order(&mut standings, rule);
    let documents = standings.iter().filter_map(|standing| {
        let board = boards.iter().find(|board| board.name == standing.name)?;
        let mut document = board.document();
        document["key"] = standing.key(rule).into();
        document["title"] = json!(board.collection.title);
        document["batch"] = board.collection.batch().into();
        document["milestones"] = json!(board.collection.milestones);
        document["due"] = json!(board.collection.due);
        Some(document)
    });
    Ok(Out(json!({ "rule": rule.word(), "collections": documents.collect::<Vec<_>>() })))
}

/// Which rows, and for whom.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct QueueQuery {
    /// `open`, `second`, `rejected`, `edited` or `all`.
    view: Option<String>,
    /// Who reads: what this person read already does not come again for a second reading.
    #[serde(default)]
    reader: String,
    /// At most so many rows, 500 where nobody says.
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// The rows of a collection for people, the riskiest first
///
/// In the view `second` nothing is told of what others found, and the order says nothing.
#[utoipa::path(get, path = "/collections/{name}/queue", tag = "collections",
    params(("name" = String, Path, description = "name"), QueueQuery), responses((status = 200, body = QueueDocument)))]
pub(crate) async fn queue(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(query): Query<QueueQuery>,
) -> Answer<Out<Value>> {
    let word = query.view.as_deref().unwrap_or("open");
    let view = QueueView::from_word(word)
        .ok_or_else(|| ApiError::bad(format!("{word} is no view; it is open, second, rejected, edited or all")))?;
    let mut kept = state.queues.take(&state.desk(), &state.store, &name).await?;
    let limit = query.limit.unwrap_or(ROWS).min(MOST_ROWS);
    Ok(Out(kept.of()?.document(view, query.reader.trim(), limit, query.cursor.as_deref())))
}

/// Who reads.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RowQuery {
    /// Who reads: one whose second reading it is sees nothing of the first.
    #[serde(default)]
    reader: String,
}

/// One row: texts, findings, what was changed by whom, what readers said
#[utoipa::path(get, path = "/collections/{name}/rows/{picture}", tag = "collections",
    params(("name" = String, Path, description = "name"), ("picture" = String, Path, description = "content name"), RowQuery),
    responses((status = 200, body = CritiquePage)))]
pub(crate) async fn row(
    State(state): State<AppState>,
    Path((name, picture)): Path<(String, String)>,
    Query(query): Query<RowQuery>,
    headers: HeaderMap,
) -> Answer<Out<Value>> {
    let picture = content(&picture)?;
    let mut kept = state.queues.take(&state.desk(), &state.store, &name).await?;
    page(kept.of()?, &picture, query.reader.trim(), &headers)
}

fn page(queue: &imagemill_desk::Queue, picture: &ContentHash, reader: &str, headers: &HeaderMap) -> Answer<Out<Value>> {
    let entry = queue.entry(picture).ok_or_else(|| ApiError::missing("critique of the picture", picture))?;
    Ok(Out(queue.page(entry, reader, Reader::of(headers).lang())))
}

/// Changes of a row.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowChange {
    /// Who changes it.
    author: String,
    /// The `version` that the author saw.
    version: String,
    /// Members with their new values: texts, and `covered_dimensions` as a list of ids.
    #[schema(value_type = Object)]
    changes: BTreeMap<String, Value>,
    /// Why.
    #[serde(default)]
    note: String,
}

/// Change a row; who did is kept with the difference, and what was written first is not lost
///
/// 409 when somebody else changed it meanwhile. The changed row is what is given out from now on.
#[utoipa::path(put, path = "/collections/{name}/rows/{picture}", tag = "collections", request_body = RowChange,
    params(("name" = String, Path, description = "name"), ("picture" = String, Path, description = "content name")),
    responses((status = 200, body = CritiquePage)))]
pub(crate) async fn change(
    State(state): State<AppState>,
    Path((collection, picture)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<RowChange>,
) -> Answer<Response> {
    let picture = content(&picture)?;
    let author = name(&body.author)?.to_owned();
    checked(&body.note)?;
    if body.changes.values().filter_map(Value::as_str).any(|text| text.chars().count() > LONGEST_TEXT) {
        return Err(ApiError::bad(format!("a text of a row has at most {LONGEST_TEXT} characters")));
    }
    let mut kept = state.queues.take(&state.desk(), &state.store, &collection).await?;
    let wanted = Wanted { author: author.clone(), version: body.version, changes: body.changes, note: body.note };
    known(kept.of()?, &picture)?;
    if !kept.of()?.change(&state.store, &picture, wanted, now_us()).await? {
        return Err(stale());
    }
    kept.changed(&state.store).await?;
    let detail = format!("{author} changed {}", picture.short());
    Ok(audited(page(kept.of()?, &picture, &author, &headers)?, detail))
}

/// What somebody says of a row.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadingPut {
    /// Who.
    reader: String,
    /// The `version` that was read.
    version: String,
    /// `approve`, `reject` or `none`.
    #[serde(default)]
    verdict: Option<String>,
    /// 1 to 5.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 5)]
    score: Option<u8>,
    /// Free text.
    #[serde(default)]
    note: String,
}

/// Say whether a row may be given out, and how good it is
///
/// It replaces what the reader said before. A rejected row is in no merge until the reader takes it back or the text is changed.
#[utoipa::path(put, path = "/collections/{name}/rows/{picture}/reading", tag = "collections", request_body = ReadingPut,
    params(("name" = String, Path, description = "name"), ("picture" = String, Path, description = "content name")),
    responses((status = 200, body = CritiquePage)))]
pub(crate) async fn say(
    State(state): State<AppState>,
    Path((collection, picture)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<ReadingPut>,
) -> Answer<Response> {
    let picture = content(&picture)?;
    let reader = name(&body.reader)?.to_owned();
    checked(&body.note)?;
    let approved = match body.verdict.as_deref() {
        None | Some("none") => None,
        Some("approve") => Some(true),
        Some("reject") => Some(false),
        Some(other) => return Err(ApiError::bad(format!("{other} is no verdict; it is approve, reject or none"))),
    };
    if body.score.is_some_and(|score| !SCORES.contains(&score)) {
        return Err(ApiError::bad("a score goes from 1 to 5"));
    }
    let mut kept = state.queues.take(&state.desk(), &state.store, &collection).await?;
    let said = Said { reader: reader.clone(), version: body.version, approved, score: body.score, note: body.note };
    known(kept.of()?, &picture)?;
    if !kept.of()?.say(&state.store, &picture, said, now_us()).await? {
        return Err(stale());
    }
    kept.changed(&state.store).await?;
    let detail = format!("{reader} read {}", picture.short());
    Ok(audited(page(kept.of()?, &picture, &reader, &headers)?, detail))
}

/// A picture of a collection, as it lies there now
#[utoipa::path(get, path = "/collections/{name}/pictures/{picture}", tag = "collections",
    params(("name" = String, Path, description = "name"), ("picture" = String, Path, description = "content name")),
    responses((status = 200, description = "the picture", content_type = "image/*", body = [u8])))]
pub(crate) async fn picture(
    State(state): State<AppState>,
    Path((name, picture)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (path, hash) = source_of(&state, &name, &picture).await?;
    send_file(&headers, path, &format!("source-{hash}")).await
}

/// A small JPEG of a picture of a collection
#[utoipa::path(get, path = "/collections/{name}/pictures/{picture}/thumbnail", tag = "collections",
    params(("name" = String, Path, description = "name"), ("picture" = String, Path, description = "content name")),
    responses((status = 200, description = "the picture", content_type = "image/jpeg", body = [u8])))]
pub(crate) async fn thumbnail(
    State(state): State<AppState>,
    Path((name, picture)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (path, hash) = source_of(&state, &name, &picture).await?;
    let small = thumbnail_of(&state, hash, path).await?;
    send_file(&headers, small, &format!("thumb-{hash}")).await
}

async fn source_of(state: &AppState, name: &str, picture: &str) -> Answer<(PathBuf, ContentHash)> {
    let hash = content(picture)?;
    let path = state.store.collections().path_of(name, hash).await?;
    let path = PathBuf::from(path.ok_or_else(|| ApiError::missing("picture", picture))?);
    state.roots.check(&path)?;
    Ok((path, hash))
}

fn content(picture: &str) -> Answer<ContentHash> {
    picture.parse().map_err(|_| ApiError::missing("picture", format_args!("{picture:?}")))
}

fn audited(answer: Out<Value>, detail: String) -> Response {
    let mut answer = answer.into_response();
    answer.extensions_mut().insert(Detail(detail));
    answer
}

fn known(queue: &imagemill_desk::Queue, picture: &ContentHash) -> Answer<()> {
    queue.entry(picture).map(|_| ()).ok_or_else(|| ApiError::missing("critique of the picture", picture))
}

fn checked(note: &str) -> Answer<()> {
    if note.chars().count() > LONGEST_NOTE {
        return Err(ApiError::bad(format!("a note has at most {LONGEST_NOTE} characters")));
    }
    Ok(())
}

fn stale() -> ApiError {
    ApiError::conflict("somebody changed this critique meanwhile; nothing was kept")
        .help("Look at it again, then say or change it anew.")
}
