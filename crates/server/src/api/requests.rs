//! Request files over the API: one request, or a batch of them, through the gate, priced and submitted. What becomes of a run is written into
//! its asset's folder when it ends (`runs`).

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use imagemill_briefs::Verb;
use imagemill_desk::{
    DeskError, TakenRequest, collect_run, job_of_run, known_run, submit as submit_plan, take_batch, take_request,
    upload_request,
};
use imagemill_domain::plan::Plan;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::jobs::wake;
use super::plans::{Consent, check_pictures};
use crate::audit::Detail;
use crate::error::{Answer, ApiError};
use crate::extract::Json;
use crate::schema::{RequestsPlanned, RequestsSubmitted};
use crate::state::AppState;

/// One request or many.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestsPut {
    /// `generate` or `edit`, with `request`.
    #[serde(default)]
    verb: Option<String>,
    /// A request, as its file says it (docs/requests.md).
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    request: Option<Value>,
    /// Instead of one request: a matrix as JSON, or a list of requests.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    batch: Option<Value>,
    /// The profile, before the one that a request means.
    #[serde(default)]
    profile: Option<String>,
    /// The price that somebody agreed to for all of them, in US dollars.
    #[serde(default)]
    agreed_up_to: Option<f64>,
    /// Run although nobody knows the price.
    #[serde(default)]
    accept_unknown_price: bool,
}

/// Take requests through the gate and price them; nothing is written or sent
#[utoipa::path(post, path = "/requests/plans", tag = "assets", request_body = RequestsPut,
    responses((status = 200, body = RequestsPlanned)))]
pub(crate) async fn plan(State(state): State<AppState>, Json(body): Json<RequestsPut>) -> Answer<Out<Value>> {
    let priced = price(&state, take(&state, &body).await?, &body).await?;
    Ok(Out(document(&priced)))
}

/// Submit requests
///
/// Each is a run in its asset's folder, where its records and pictures are written when it has ended. 409 with the kind `needs_consent` when they
/// may cost more than was agreed to.
#[utoipa::path(post, path = "/requests", tag = "assets", request_body = RequestsPut,
    responses((status = 201, body = RequestsSubmitted)))]
pub(crate) async fn submit(State(state): State<AppState>, Json(body): Json<RequestsPut>) -> Answer<Response> {
    let priced = price(&state, take(&state, &body).await?, &body).await?;
    priced.consent.require(body.agreed_up_to, "this")?;
    let desk = state.desk();
    let mut submitted = Vec::new();
    for (taken, plan) in priced.requests {
        {
            let _lock = desk.lock_asset(&taken.folder)?;
            taken.stored.begin(&taken.folder).map_err(DeskError::from)?;
        }
        let job = submit_plan(&state.store, &plan, None).await?.job;
        state.runs.add(taken.stored.clone(), taken.folder.clone());
        let mut request = told(&taken);
        request["job"] = json!(job);
        submitted.push(request);
    }
    wake(&state).await;
    let detail = submitted.iter().take(3).filter_map(|one| one["asset"].as_str()).collect::<Vec<_>>().join(", ");
    let mut answer = (StatusCode::CREATED, Out(json!({ "requests": submitted }))).into_response();
    answer.extensions_mut().insert(Detail(format!("{} ({detail})", submitted.len())));
    Ok(answer)
}

/// A run, or a file for one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunPut {
    /// The request (docs/requests.md).
    #[schema(value_type = Object)]
    request: Value,
    /// The profile, before the one that the request means.
    #[serde(default)]
    profile: Option<String>,
}

/// Bring a run's folder up to date from its stored record; never pays
#[utoipa::path(post, path = "/requests/polls", tag = "assets", request_body = RunPut, responses((status = 200, body = Object)))]
pub(crate) async fn poll(State(state): State<AppState>, Json(body): Json<RunPut>) -> Answer<Out<Value>> {
    let desk = state.desk();
    let known = known_run(&desk, &body.request.to_string())?;
    state.roots.check(known.folder.root())?;
    job_of_run(&state.store, &known.stored).await?;
    wake(&state).await;
    Ok(Out(collect_run(&desk, &state.store, &known.stored, &known.folder).await?))
}

/// Give the provider a file, so that requests can name its address
#[utoipa::path(post, path = "/requests/uploads", tag = "assets", request_body = RunPut, responses((status = 200, body = Object)))]
pub(crate) async fn upload(State(state): State<AppState>, Json(body): Json<RunPut>) -> Answer<Out<Value>> {
    check_named(&state, &body.request)?;
    let mut runner = state.runner.lock().await;
    Ok(Out(upload_request(&state.desk(), &mut runner, &body.request.to_string(), body.profile.as_deref()).await?))
}

/// Files and folders that a request names must be below the roots before anything of them is read.
fn check_named(state: &AppState, value: &Value) -> Answer<()> {
    if state.roots.are_all() {
        return Ok(());
    }
    let root = state.desk().workspace.root.clone();
    match value {
        Value::String(text) if text.contains(['/', '\\']) && !imagemill_briefs::is_link(text) => {
            state.roots.check(&root.join(text))
        }
        Value::Array(values) => values.iter().try_for_each(|value| check_named(state, value)),
        // Prompts and reasons may have slashes in them.
        Value::Object(fields) => {
            fields.iter().filter(|(name, _)| names_files(name)).try_for_each(|(_, value)| check_named(state, value))
        }
        _ => Ok(()),
    }
}

fn names_files(field: &str) -> bool {
    matches!(
        field,
        "localAssetDir"
            | "localOutputDir"
            | "localFilePath"
            | "inputUrls"
            | "inputImages"
            | "sourceBasis"
            | "input"
            | "defaults"
            | "personas"
            | "concepts"
            | "variations"
    )
}

async fn take(state: &AppState, body: &RequestsPut) -> Answer<Vec<TakenRequest>> {
    let profile = body.profile.as_deref();
    let desk = state.desk();
    let taken = match (&body.request, &body.batch) {
        (Some(request), None) => {
            check_named(state, request)?;
            let verb = match body.verb.as_deref() {
                Some("generate") => Verb::Generate,
                Some("edit") => Verb::Edit,
                _ => return Err(ApiError::bad("verb says what the request is: generate or edit")),
            };
            let mut runner = state.runner.lock().await;
            vec![take_request(&desk, &mut runner, &request.to_string(), verb, profile).await?]
        }
        (None, Some(batch)) => {
            check_named(state, batch)?;
            let mut runner = state.runner.lock().await;
            match batch.as_array() {
                Some(rows) => {
                    let text = rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
                    take_batch(&desk, &mut runner, &text, "jsonl", profile).await?
                }
                None => take_batch(&desk, &mut runner, &batch.to_string(), "json", profile).await?,
            }
        }
        _ => return Err(ApiError::bad("send either request or batch")),
    };
    for one in &taken {
        state.roots.check(one.folder.root())?;
    }
    Ok(taken)
}

/// Requests with their plans and what all of them may cost.
struct Priced {
    requests: Vec<(TakenRequest, Plan)>,
    consent: Consent,
}

async fn price(state: &AppState, taken: Vec<TakenRequest>, body: &RequestsPut) -> Answer<Priced> {
    let mut requests = Vec::new();
    for mut one in taken {
        one.input.file.accept_unknown_price |= body.accept_unknown_price;
        let desk = state.desk_for(&one.input).await?;
        let table = desk.capabilities()?;
        let plan = imagemill_desk::plan(&desk.config, one.input.clone(), &table, None, |_| {}).await?.plan;
        check_pictures(state, &plan)?;
        requests.push((one, plan));
    }
    let consent = Consent::of_all(state, requests.iter().map(|(_, plan)| plan));
    Ok(Priced { requests, consent })
}

fn told(taken: &TakenRequest) -> Value {
    let (stored, input) = (&taken.stored, &taken.stored.input);
    json!({
        "asset": input.asset_id, "run": input.run_id, "folder": taken.folder.root(), "model": input.model, "profile": stored.profile,
        "prompt": stored.sent_prompt, "forbidden": stored.forbidden, "requestHash": stored.request_hash, "known": taken.is_known,
        "chosen": input.chosen, "warnings": taken.warnings, "new_folder": !taken.folder.root().exists(),
    })
}

fn document(priced: &Priced) -> Value {
    let requests: Vec<Value> = priced.requests.iter().map(|(taken, _)| told(taken)).collect();
    json!({ "requests": requests, "most": priced.consent.most, "needs_consent": priced.consent.is_needed })
}
