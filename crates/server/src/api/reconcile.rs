//! Calls whose answer was lost, and a person's word on them.

use axum::Json as Out;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use imagemill_desk::{LostCall, now_us};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::jobs::job_of;
use crate::audit::Detail;
use crate::error::{Answer, ApiError};
use crate::extract::{Json, Query};
use crate::schema::LostCalls;
use crate::state::AppState;

/// Whose calls.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReconcileQuery {
    /// Of this job, by number or name.
    job: Option<String>,
}

/// Calls that may have been charged without an answer
#[utoipa::path(get, path = "/reconcile", tag = "costs", params(ReconcileQuery), responses((status = 200, body = LostCalls)))]
pub(crate) async fn list(State(state): State<AppState>, Query(query): Query<ReconcileQuery>) -> Answer<Out<Value>> {
    let job = match query.job.as_deref().filter(|job| !job.is_empty()) {
        Some(job) => Some(job_of(&state, job).await?.id),
        None => None,
    };
    let lost = LostCall::all(&state.store, job).await?;
    let calls: Vec<Value> = lost.iter().map(LostCall::document).collect();
    Ok(Out(LostCall::list(&calls, &lost)))
}

/// What becomes of them.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReconcileAs {
    /// Sent again; may be paid twice.
    Resend,
    /// The price counts as spent.
    Charged,
    /// The money is free again.
    NotCharged,
}

/// Which calls, and what becomes of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReconcileRequest {
    /// Numbers of calls.
    calls: Vec<i64>,
    /// What becomes of them.
    #[serde(rename = "as")]
    act: ReconcileAs,
}

/// Say what became of lost calls
#[utoipa::path(post, path = "/reconcile", tag = "costs", request_body = ReconcileRequest,
    responses((status = 200, body = LostCalls)))]
pub(crate) async fn act(State(state): State<AppState>, Json(body): Json<ReconcileRequest>) -> Answer<Response> {
    let lost = LostCall::all(&state.store, None).await?;
    if let Some(missing) = body.calls.iter().find(|call| !lost.iter().any(|lost| lost.call.id.0 == **call)) {
        return Err(ApiError::missing("lost call", missing));
    }
    let mut done = Vec::new();
    for lost in lost.into_iter().filter(|lost| body.calls.contains(&lost.call.id.0)) {
        let calls = state.store.calls();
        let acted = match body.act {
            ReconcileAs::Resend => calls.resend(lost.call.id, now_us()).await?,
            ReconcileAs::Charged => calls.write_off(lost.call.id, true, now_us()).await?,
            ReconcileAs::NotCharged => calls.write_off(lost.call.id, false, now_us()).await?,
        };
        if acted {
            done.push(lost);
        }
    }
    if let Some(engine) = state.runner.lock().await.engine() {
        engine.wake();
    }
    let detail = Detail(format!("{:?}: {} calls", body.act, done.len()));
    let calls: Vec<Value> = done.iter().map(LostCall::document).collect();
    let mut answer = Out(LostCall::list(&calls, &done)).into_response();
    answer.extensions_mut().insert(detail);
    Ok(answer)
}
