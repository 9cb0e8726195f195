//! Result pictures: all numbers of a filter at once, then rows in view.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::Json as Out;
use axum::extract::State;
use imagemill_domain::asset::AssetId;
use imagemill_domain::job::{Job, JobId};
use imagemill_domain::picture::Finding;
use imagemill_domain::plan::prompt_of;
use imagemill_domain::review::{Review, Verdict};
use imagemill_store::{GalleryFilter, GalleryOrder, GalleryRow, VerdictFilter};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::jobs::job_of;
use super::tasks::{job_with, states_of};
use crate::error::{Answer, ApiError};
use crate::extract::{Json, Path, Query};
use crate::schema::{ResultIds, ResultRow, ResultRows, ResultStacks};
use crate::state::AppState;

/// Rows of one question, at most.
const MOST_ROWS: usize = 500;

/// Which pictures, and in which order.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResultsQuery {
    /// Of this job, by number or name.
    job: Option<String>,
    /// Of tasks in one of these states, with commas between them.
    state: Option<String>,
    /// `keep`, `reject`, `none` or `disputed`: by `reviewer`, or by anybody.
    verdict: Option<String>,
    /// Rated at least so.
    rating_min: Option<u8>,
    /// With this finding.
    finding: Option<String>,
    /// Made by this model.
    model: Option<String>,
    /// Whose reviews count.
    reviewer: Option<String>,
    /// Whose task's name or prompt has this text.
    q: Option<String>,
    /// `order` (of the plan), `newest`, `rating` or `findings`.
    sort: Option<String>,
}

/// The word of a verdict in this API.
pub(crate) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Unset => "none",
        Verdict::Keep => "keep",
        Verdict::Reject => "reject",
    }
}

/// From its word.
pub(crate) fn verdict_of(word: &str) -> Answer<Verdict> {
    match word {
        "none" => Ok(Verdict::Unset),
        "keep" => Ok(Verdict::Keep),
        "reject" => Ok(Verdict::Reject),
        _ => Err(ApiError::bad(format!("{word:?} is no verdict; take keep, reject or none"))),
    }
}

/// Numbers of all pictures of a filter, in its order
#[utoipa::path(get, path = "/results/ids", tag = "results", params(ResultsQuery), responses((status = 200, body = ResultIds)))]
pub(crate) async fn ids(State(state): State<AppState>, Query(query): Query<ResultsQuery>) -> Answer<Out<Value>> {
    let job = match query.job.as_deref().filter(|job| !job.is_empty()) {
        Some(job) => Some(job_of(&state, job).await?.id),
        None => None,
    };
    let set = |text: Option<String>| text.filter(|text| !text.is_empty());
    let finding = |word: String| {
        let known = Finding::ALL.into_iter().find(|finding| finding.word() == word);
        known.ok_or_else(|| ApiError::bad(format!("{word:?} is no finding")))
    };
    let verdict = match query.verdict.as_deref().filter(|word| !word.is_empty()) {
        None => None,
        Some("disputed") => Some(VerdictFilter::Disputed),
        Some(word) => Some(VerdictFilter::Is(verdict_of(word)?)),
    };
    let order = match query.sort.as_deref().unwrap_or("order") {
        "" | "order" => GalleryOrder::Plan,
        "newest" => GalleryOrder::Newest,
        "rating" => GalleryOrder::Rating,
        "findings" => GalleryOrder::Findings,
        word => return Err(ApiError::bad(format!("{word:?} is no order; take order, newest, rating or findings"))),
    };
    // Before the pictures: what happens between the two is then told again, and not lost.
    let seq = state.store.events().latest().await?;
    let filter = GalleryFilter {
        job,
        states: states_of(set(query.state).as_deref())?,
        verdict,
        rating_min: query.rating_min,
        finding: set(query.finding).map(finding).transpose()?,
        model: set(query.model),
        reviewer: set(query.reviewer),
        text: set(query.q),
        order,
    };
    let ids = state.store.assets().ids(filter).await?;
    Ok(Out(json!({ "total": ids.len(), "ids": ids, "seq": seq })))
}

/// Which rows.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowsRequest {
    /// Numbers of pictures, 500 at most.
    #[schema(value_type = Vec<i64>, max_items = 500)]
    ids: Vec<AssetId>,
    /// Whose review stands in `review`.
    #[serde(default)]
    reviewer: Option<String>,
}

/// Rows of pictures in view, in the order given; those that are gone are left out
#[utoipa::path(post, path = "/results/rows", tag = "results", request_body = RowsRequest,
    responses((status = 200, body = ResultRows)))]
pub(crate) async fn rows(State(state): State<AppState>, Json(body): Json<RowsRequest>) -> Answer<Out<Value>> {
    if body.ids.len() > MOST_ROWS {
        return Err(ApiError::bad(format!("at most {MOST_ROWS} rows at once")));
    }
    let found = state.store.assets().rows(body.ids).await?;
    let mut jobs: HashMap<JobId, Job> = HashMap::new();
    let mut rows = Vec::with_capacity(found.len());
    for row in &found {
        let id = row.task.job;
        let job = match jobs.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(job_with(&state, id).await?),
        };
        rows.push(document(&state, job, row, body.reviewer.as_deref()));
    }
    Ok(Out(json!({ "rows": rows })))
}

fn document(state: &AppState, job: &Job, row: &GalleryRow, reviewer: Option<&str>) -> Value {
    let GalleryRow { asset, task, model, reviews } = row;
    let facts = &asset.facts;
    let count = |verdict| reviews.iter().filter(|review| review.verdict == verdict).count();
    let (keep, reject) = (count(Verdict::Keep), count(Verdict::Reject));
    let own = reviewer.and_then(|reviewer| reviews.iter().find(|review| review.reviewer == reviewer));
    let source = task.spec.pictures.first().map(|picture| json!({ "hash": picture.blake3, "task": task.id }));
    json!({
        "id": asset.id,
        "task": task.id,
        "job": task.job,
        "hash": facts.blake3,
        "format": facts.format,
        "width": facts.width,
        "height": facts.height,
        "bytes": facts.bytes,
        "title": task.spec.title(),
        "prompt": prompt_of(&job.definition, &task.spec),
        "model": model,
        "findings": asset.findings,
        "stack": state.stacks.last_look(task.job).and_then(|stacks| stacks.of.get(&asset.id).copied()),
        "source": source,
        "review": own.map(review_document),
        "reviews": { "keep": keep, "reject": reject, "disputed": keep > 0 && reject > 0 },
        "created_us": asset.created_us,
    })
}

/// A review in this API's words.
pub(crate) fn review_document(review: &Review) -> Value {
    json!({
        "reviewer": review.reviewer, "verdict": verdict_word(review.verdict), "rating": review.rating,
        "note": review.note, "at_us": review.at_us,
    })
}

/// One picture with all reviews of it
#[utoipa::path(get, path = "/results/{id}", tag = "results", params(("id" = i64, Path, description = "number")),
    responses((status = 200, body = ResultRow)))]
pub(crate) async fn show(State(state): State<AppState>, Path(id): Path<i64>) -> Answer<Out<Value>> {
    let mut found = state.store.assets().rows(vec![AssetId(id)]).await?;
    let row = found.pop().ok_or_else(|| ApiError::missing("result", id))?;
    let job = job_with(&state, row.task.job).await?;
    let mut value = document(&state, &job, &row, None);
    value["all_reviews"] = row.reviews.iter().map(review_document).collect::<Vec<_>>().into();
    Ok(Out(value))
}

/// Whose stacks.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StacksQuery {
    /// Of this job, by number or name.
    job: String,
}

/// Pictures of a job that look alike
#[utoipa::path(get, path = "/results/stacks", tag = "results", params(StacksQuery),
    responses((status = 200, body = ResultStacks)))]
pub(crate) async fn stacks(State(state): State<AppState>, Query(query): Query<StacksQuery>) -> Answer<Out<Value>> {
    let job = job_of(&state, &query.job).await?;
    let stacks = state.stacks.of(&state.store, job.id).await?;
    Ok(Out(json!({ "stacks": stacks.stacks })))
}
