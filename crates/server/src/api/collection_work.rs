//! What is done with collections: pictures taken in, batches and second looks submitted as jobs or handed out, failed pictures written
//! again, batches given back.

use std::path::Path as FilePath;
use std::sync::Arc;

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use imagemill_desk::{
    Board, CritiqueOrder, Desk, JobInput, give_back_unsubmitted, hand_out, input_row, look_job, new_items,
    release_batch, retry_batches, scan_pictures, submit as submit_plan, take_batches, take_in,
};
use imagemill_domain::job::JobId;
use imagemill_domain::job_file::SourceSection;
use imagemill_domain::money::Money;
use imagemill_domain::plan::Plan;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::jobs::wake;
use super::plans::{Consent, check_pictures, resolved};
use crate::audit::Detail;
use crate::error::{Answer, ApiError};
use crate::extract::{Json, Path};
use crate::reader::Reader;
use crate::schema::{BatchReleased, BatchesHandedOut, PicturesTakenIn, WorkSubmitted};
use crate::state::AppState;

/// Batches that one request takes, at most.
const MOST_BATCHES: u32 = 10_000;

/// Pictures for a collection.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PicturesPut {
    /// Folders (walked recursively), pictures and globs; `upload:ID` names an upload.
    #[serde(default)]
    paths: Vec<String>,
    /// CSV, TSV or JSONL file with one picture a row.
    #[serde(default)]
    list: Option<String>,
    /// Column of the list that names the picture.
    #[serde(default)]
    picture_column: Option<String>,
}

/// Take pictures into a collection; each is known by its bytes
#[utoipa::path(post, path = "/collections/{name}/pictures", tag = "collections", request_body = PicturesPut,
    params(("name" = String, Path, description = "name")), responses((status = 200, body = PicturesTakenIn)))]
pub(crate) async fn add(
    State(state): State<AppState>,
    Path(name): Path<String>,
    reader: Reader,
    Json(body): Json<PicturesPut>,
) -> Answer<Response> {
    if body.paths.is_empty() && body.list.is_none() {
        return Err(ApiError::bad("name the pictures: paths, or a list"));
    }
    let desk = desk_with(&state, &name)?;
    let base = &desk.workspace.root;
    let resolve = |path: &String| resolved(&state, base, path);
    let section = SourceSection {
        paths: body.paths.iter().map(resolve).collect::<Answer<_>>()?,
        list: body.list.as_ref().map(resolve).transpose()?,
        picture_column: body.picture_column,
        ..SourceSection::default()
    };
    let scan = scan_pictures(&desk, &name, section).await?;
    // Lists and links may lead anywhere, so what was found counts.
    let mut found = scan.items.iter().flat_map(|item| &item.pictures);
    found.try_for_each(|picture| state.roots.check(FilePath::new(&picture.path)))?;
    let (added, known) = take_in(&state.store, &name, new_items(&scan)).await?;
    let skipped =
        scan.skipped.iter().map(|skipped| json!({"path": skipped.path, "reason": skipped.reason.to_string()}));
    let document = json!({ "added": added, "known": known, "skipped": skipped.collect::<Vec<_>>() });
    Ok(detailed(reader.told(document), format!("{name}: {added}")))
}

/// Batches to be written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchesPut {
    /// Batches, 1 when nothing is said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10_000)]
    count: Option<u32>,
    /// Pictures of a batch, the collection's own number when nothing is said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10_000)]
    size: Option<u32>,
    /// Profile to call with, the collection's when nothing is said.
    #[serde(default)]
    profile: Option<String>,
    /// Model to call.
    #[serde(default)]
    model: Option<String>,
    /// The most each job may spend, in US dollars.
    #[serde(default)]
    budget: Option<f64>,
    /// The price that somebody agreed to for all of them, in US dollars.
    #[serde(default)]
    agreed_up_to: Option<f64>,
    /// Run although nobody knows the price.
    #[serde(default)]
    accept_unknown_price: bool,
}

/// Have the next batches of a collection written, each as a job
///
/// 409 with the kind `needs_consent` when they may cost more than was agreed to: their pictures wait on. No jobs when no picture waits.
#[utoipa::path(post, path = "/collections/{name}/batches", tag = "collections", request_body = BatchesPut,
    params(("name" = String, Path, description = "name")), responses((status = 201, body = WorkSubmitted)))]
pub(crate) async fn run(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Json(body): Json<BatchesPut>,
) -> Answer<Response> {
    let amount = counted(body.count, body.size)?;
    let desk = desk_with(&state, &name)?;
    let order = CritiqueOrder {
        profile: body.profile,
        model: body.model,
        budget: body.budget.map(Money::from_dollars),
        accept_unknown_price: body.accept_unknown_price,
    };
    to_its_end(async move {
        let taken = take_batches(&desk, &state.store, &name, amount, &order).await?;
        let batches: Vec<(u32, String)> = taken.iter().map(|batch| (batch.number, batch.input.name.clone())).collect();
        let inputs = taken.into_iter().map(|batch| batch.input).collect();
        let submitted = Box::pin(submit(&state, inputs, body.agreed_up_to)).await;
        if submitted.is_err() {
            give_back_unsubmitted(&state.store, &name, &batches).await?;
        }
        Ok(created(&submitted?, &name))
    })
    .await
}

/// A second look.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookPut {
    /// Share of the rows, 0 to 1, 0.1 when nothing is said; always the same ones, and none twice.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    share: Option<f64>,
    /// Rows that people scored, at most, that are looked at again each time; 20 when nothing is said.
    #[serde(default)]
    anchors: Option<u32>,
    /// Profile to call with, the collection's when nothing is said.
    #[serde(default)]
    profile: Option<String>,
    /// Model to call.
    #[serde(default)]
    model: Option<String>,
    /// The most each job may spend, in US dollars.
    #[serde(default)]
    budget: Option<f64>,
    /// The price that somebody agreed to for all of them, in US dollars.
    #[serde(default)]
    agreed_up_to: Option<f64>,
    /// Run although nobody knows the price.
    #[serde(default)]
    accept_unknown_price: bool,
}

/// Have a judge look a second time at a sample of rows, and at those that people scored
#[utoipa::path(post, path = "/collections/{name}/looks", tag = "collections", request_body = LookPut,
    params(("name" = String, Path, description = "name")), responses((status = 201, body = WorkSubmitted)))]
pub(crate) async fn look(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Json(body): Json<LookPut>,
) -> Answer<Response> {
    let share = body.share.unwrap_or(0.1);
    if !(0.0..=1.0).contains(&share) {
        return Err(ApiError::bad("share goes from 0 to 1"));
    }
    let (desk, anchors) = (desk_with(&state, &name)?, body.anchors.unwrap_or(20) as usize);
    let order = CritiqueOrder {
        profile: body.profile,
        model: body.model,
        budget: body.budget.map(Money::from_dollars),
        accept_unknown_price: body.accept_unknown_price,
    };
    let input = look_job(&desk, &state.store, &name, (share, anchors), &order).await?;
    let submitted = Box::pin(submit(&state, input.into_iter().collect(), body.agreed_up_to)).await?;
    Ok(created(&submitted, &name))
}

/// Plans all, asks for consent, submits all.
async fn submit(state: &AppState, inputs: Vec<JobInput>, agreed_up_to: Option<f64>) -> Answer<Vec<(JobId, String)>> {
    let mut plans: Vec<Plan> = Vec::new();
    for input in inputs {
        let desk = state.desk_for(&input).await?;
        let plan = imagemill_desk::plan(&desk.config, input, &desk.capabilities()?, None, |_| {}).await?.plan;
        check_pictures(state, &plan)?;
        plans.push(plan);
    }
    Consent::of_all(state, plans.iter()).require(agreed_up_to, "this")?;
    let mut jobs = Vec::new();
    for plan in plans {
        let job = submit_plan(&state.store, &plan, None).await?.job;
        jobs.push((job, plan.name));
    }
    wake(state).await;
    Ok(jobs)
}

/// Have failed and stopped pictures of a collection written again, with the complaint about their last answer
#[utoipa::path(post, path = "/collections/{name}/retry", tag = "collections",
    params(("name" = String, Path, description = "name")), responses((status = 200, body = WorkSubmitted)))]
pub(crate) async fn retry(State(state): State<AppState>, Path(name): Path<String>) -> Answer<Response> {
    let board = board(&state, &name).await?;
    let jobs = retry_batches(&state.store, &board).await?;
    wake(&state).await;
    let named = |job: &JobId| {
        let of = |batch: &&imagemill_desk::BoardBatch| batch.job.as_ref().is_some_and(|known| known.id == *job);
        board.batches.iter().find(of).map(|batch| batch.batch.job.clone()).unwrap_or_default()
    };
    let jobs = jobs.iter().map(|job| (*job, named(job))).collect::<Vec<_>>();
    Ok(detailed(Out(listed(&jobs)), name))
}

/// Give a batch back: its pictures without a row wait again
#[utoipa::path(delete, path = "/collections/{name}/batches/{number}", tag = "collections",
    params(("name" = String, Path, description = "name"), ("number" = u32, Path, description = "number of the batch")),
    responses((status = 200, body = BatchReleased)))]
pub(crate) async fn release(
    State(state): State<AppState>,
    Path((name, number)): Path<(String, u32)>,
) -> Answer<Response> {
    let board = board(&state, &name).await?;
    let released = release_batch(&state.store, &board, number).await?.ok_or_else(|| {
        ApiError::conflict(format!("batch {number} is being written; stop its job first, or let it end"))
    })?;
    Ok(detailed(Out(json!({ "released": released })), format!("{name}: {number}")))
}

/// Batches for somebody else.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HandoutPut {
    /// Batches, 1 when nothing is said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10_000)]
    count: Option<u32>,
    /// Pictures of a batch, the collection's own number when nothing is said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10_000)]
    size: Option<u32>,
}

/// Hand batches out to somebody else; their rows come back at `/collections/{name}/rows`
#[utoipa::path(post, path = "/collections/{name}/handouts", tag = "collections", request_body = HandoutPut,
    params(("name" = String, Path, description = "name")), responses((status = 201, body = BatchesHandedOut)))]
pub(crate) async fn handout(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Json(body): Json<HandoutPut>,
) -> Answer<Response> {
    let desk = desk_with(&state, &name)?;
    let batches = hand_out(&desk, &state.store, &name, counted(body.count, body.size)?).await?;
    let told = batches.iter().map(|(number, items)| {
        let rows: Vec<Value> = items.iter().map(input_row).collect();
        json!({ "batch": number, "rows": rows })
    });
    let document = json!({ "batches": told.collect::<Vec<_>>() });
    Ok(detailed((StatusCode::CREATED, Out(document)), format!("{name}: {}", batches.len())))
}

fn counted(count: Option<u32>, size: Option<u32>) -> Answer<(u32, Option<u32>)> {
    let (allowed, count) = (1..=MOST_BATCHES, count.unwrap_or(1));
    if allowed.contains(&count) && size.is_none_or(|size| allowed.contains(&size)) {
        return Ok((count, size));
    }
    Err(ApiError::bad(format!("count and size go from 1 to {MOST_BATCHES}")))
}

/// Does what must not be left half done, though the client goes away meanwhile.
pub(super) async fn to_its_end<T: Send + 'static>(work: impl Future<Output = Answer<T>> + Send + 'static) -> Answer<T> {
    tokio::spawn(work).await.unwrap_or_else(|error| Err(ApiError::fault(error.to_string())))
}

/// The settings, which have this collection.
pub(super) fn desk_with(state: &AppState, name: &str) -> Answer<Arc<Desk>> {
    let desk = state.desk();
    if desk.config.collections.contains_key(name) { Ok(desk) } else { Err(ApiError::missing("collection", name)) }
}

async fn board(state: &AppState, name: &str) -> Answer<Board> {
    let desk = desk_with(state, name)?;
    Ok(Board::read(&state.store, name, &desk.config.collections[name]).await?)
}

fn listed(jobs: &[(JobId, String)]) -> Value {
    let jobs = jobs.iter().map(|(id, name)| json!({ "id": id, "name": name }));
    json!({ "jobs": jobs.collect::<Vec<_>>() })
}

fn created(jobs: &[(JobId, String)], name: &str) -> Response {
    let mut answer = (StatusCode::CREATED, Out(listed(jobs))).into_response();
    answer.extensions_mut().insert(Detail(format!("{name}: {}", jobs.len())));
    answer
}

pub(super) fn detailed(answer: impl IntoResponse, detail: String) -> Response {
    let mut answer = answer.into_response();
    answer.extensions_mut().insert(Detail(detail));
    answer
}
