//! Request files of creative assets, sent as JSON: through the gate, into the engine, and into the asset's folder.

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use imagemill_briefs::{Verb, is_link, place, which_run};
use imagemill_desk::{DeskError, TakenRequest, collect_run, known_run, take_request, upload_request};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::jobs::{Agreement, submit_agreed};
use crate::audit::Detail;
use crate::error::Answer;
use crate::extract::Json;
use crate::reader::Reader;
use crate::schema::{RequestCollected, RequestSubmitted, RequestUploaded};
use crate::state::AppState;

/// What is ordered.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestVerb {
    /// New pictures.
    Generate,
    /// Changed ones.
    Edit,
}

/// A request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestPost {
    /// A request file as JSON (docs/requests.md).
    #[schema(value_type = Object)]
    request: Value,
    /// What is ordered.
    verb: RequestVerb,
    /// Who is called, where the request's provider is not to say.
    #[serde(default)]
    profile: Option<String>,
    /// Most that the run may cost, US dollars.
    #[serde(default)]
    budget: Option<f64>,
    /// The price that somebody agreed to, in US dollars.
    #[serde(default)]
    agreed_up_to: Option<f64>,
    /// Run although nobody knows the price.
    #[serde(default)]
    accept_unknown_price: bool,
}

/// Order one run of a creative asset
///
/// The same request twice is one run. What is wrong with it is told field by field before anything is sent.
#[utoipa::path(post, path = "/requests", tag = "requests", request_body = RequestPost,
    responses((status = 201, body = RequestSubmitted)))]
pub(crate) async fn submit(
    State(state): State<AppState>,
    reader: Reader,
    Json(body): Json<RequestPost>,
) -> Answer<Response> {
    let verb = match body.verb {
        RequestVerb::Generate => Verb::Generate,
        RequestVerb::Edit => Verb::Edit,
    };
    let text = body.request.to_string();
    may_touch(&state, &text, verb)?;
    let desk = state.desk();
    let taken = {
        let mut runner = state.runner.lock().await;
        take_request(&desk, &mut runner, &text, verb, body.profile.as_deref()).await?
    };
    let TakenRequest { stored, folder, mut input, warnings, is_known } = taken;
    input.file.accept_unknown_price |= body.accept_unknown_price;
    input.file.budget = body.budget.map(imagemill_domain::money::Money::from_dollars);
    let agreement = Agreement { up_to: body.agreed_up_to, paused: false };
    let begin = || {
        let _lock = desk.lock_asset(&folder)?;
        stored.begin(&folder).map_err(DeskError::from)
    };
    let (job, _) = submit_agreed(&state, input, agreement, begin).await?;
    let document = json!({
        "asset": stored.input.asset_id, "run": stored.input.run_id, "folder": folder.root(), "job": stored.job, "id": job,
        "known": is_known, "warnings": warnings, "chosen": stored.input.chosen, "requestHash": stored.request_hash,
    });
    let mut answer = (StatusCode::CREATED, reader.told(document)).into_response();
    answer.extensions_mut().insert(Detail(stored.job));
    Ok(answer)
}

/// A request that was submitted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestPoll {
    /// The request file as JSON; only its folder and run are read.
    #[schema(value_type = Object)]
    request: Value,
}

/// Put what came of a run into its asset's folder, and tell how it stands
#[utoipa::path(post, path = "/requests/poll", tag = "requests", request_body = RequestPoll,
    responses((status = 200, body = RequestCollected)))]
pub(crate) async fn poll(State(state): State<AppState>, Json(body): Json<RequestPoll>) -> Answer<Out<Value>> {
    let desk = state.desk();
    let text = body.request.to_string();
    let (named, ..) = which_run(&text).map_err(DeskError::from)?;
    state.roots.check(&place(&desk.workspace.root, &named))?;
    let known = known_run(&desk, &text)?;
    Ok(Out(collect_run(&desk, &state.store, &known.stored, &known.folder).await?))
}

/// A file to be handed to a provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestUpload {
    /// A request file as JSON (docs/requests.md).
    #[schema(value_type = Object)]
    request: Value,
    /// Who takes it, where the request's provider is not to say.
    #[serde(default)]
    profile: Option<String>,
}

/// Hand a file to a provider for later requests
#[utoipa::path(post, path = "/requests/upload", tag = "requests", request_body = RequestUpload,
    responses((status = 200, body = RequestUploaded)))]
pub(crate) async fn upload(State(state): State<AppState>, Json(body): Json<RequestUpload>) -> Answer<Out<Value>> {
    let text = body.request.to_string();
    may_touch(&state, &text, Verb::Upload)?;
    let desk = state.desk();
    let mut runner = state.runner.lock().await;
    Ok(Out(upload_request(&desk, &mut runner, &text, body.profile.as_deref()).await?))
}

/// Refuses folders and files that this server may not touch, before any of them is looked at.
fn may_touch(state: &AppState, text: &str, verb: Verb) -> Answer<()> {
    let brief = imagemill_briefs::read(text, verb).map_err(DeskError::from)?;
    let root = state.desk().workspace.root.clone();
    let files = brief.source_basis.iter().chain(&brief.input_urls).chain(&brief.local_file_path);
    let mut named = files.filter(|name| !is_link(name)).chain([&brief.local_asset_dir]);
    named.try_for_each(|name| state.roots.check(&place(&root, name)))
}
