//! What people say about pictures. Each reviewer has a name and reviews of their own.

use axum::Json as Out;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use imagemill_desk::now_us;
use imagemill_domain::agreement::Agreement;
use imagemill_domain::asset::AssetId;
use imagemill_store::ReviewChange;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::jobs::job_of;
use super::results::{review_document, verdict_of};
use crate::audit::Detail;
use crate::error::{Answer, ApiError};
use crate::extract::{Json, Path, Query};
use crate::schema::{AgreementDocument, ReviewDocument, ReviewsChanged};
use crate::state::AppState;

/// Changes of one question, at most.
const MOST_CHANGES: usize = 1_000;
/// Longest note and name, in characters.
pub(crate) const LONGEST_NOTE: usize = 10_000;
const LONGEST_NAME: usize = 100;

/// One person's review of a picture.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReviewPut {
    /// Who.
    reviewer: String,
    /// `keep`, `reject` or `none`.
    #[serde(default)]
    verdict: Option<String>,
    /// 0 (none) to 5.
    #[serde(default)]
    #[schema(maximum = 5)]
    rating: Option<u8>,
    /// Free text.
    #[serde(default)]
    note: Option<String>,
}

/// Review a picture; what is left out stays as it was
#[utoipa::path(put, path = "/results/{id}/review", tag = "reviews", params(("id" = i64, Path, description = "number")),
    request_body = ReviewPut, responses((status = 200, body = ReviewDocument)))]
pub(crate) async fn put(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    Json(body): Json<ReviewPut>,
) -> Answer<Out<Value>> {
    let reviewer = name(&body.reviewer)?;
    let change = ChangePut { id, verdict: body.verdict, rating: body.rating, note: body.note };
    state.store.reviews().change(reviewer, vec![change.checked()?], now_us()).await?;
    let reviews = state.store.reviews().for_asset(AssetId(id)).await?;
    let review = reviews.iter().find(|review| review.reviewer == reviewer);
    let empty = json!({ "reviewer": reviewer, "verdict": "none", "rating": 0, "note": "", "at_us": now_us() });
    Ok(Out(review.map_or(empty, review_document)))
}

/// One change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePut {
    /// Number of the picture.
    id: i64,
    /// `keep`, `reject` or `none`.
    #[serde(default)]
    verdict: Option<String>,
    /// 0 (none) to 5.
    #[serde(default)]
    #[schema(maximum = 5)]
    rating: Option<u8>,
    /// Free text.
    #[serde(default)]
    note: Option<String>,
}

impl ChangePut {
    fn checked(self) -> Answer<ReviewChange> {
        if self.rating.is_some_and(|rating| rating > 5) {
            return Err(ApiError::bad("a rating goes from 0 to 5"));
        }
        if self.note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
            return Err(ApiError::bad(format!("a note has at most {LONGEST_NOTE} characters")));
        }
        let verdict = self.verdict.as_deref().map(verdict_of).transpose()?;
        Ok(ReviewChange { asset: AssetId(self.id), verdict, rating: self.rating, note: self.note })
    }
}

pub(crate) fn name(reviewer: &str) -> Answer<&str> {
    let name = reviewer.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(ApiError::bad(format!("a reviewer's name has 1 to {LONGEST_NAME} characters")));
    }
    Ok(name)
}

/// One person's reviews of many pictures.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReviewsChange {
    /// Who.
    reviewer: String,
    /// What changes; what is left out stays as it was.
    #[schema(max_items = 1000)]
    changes: Vec<ChangePut>,
}

/// Review many pictures, all or none
///
/// `before` is what each was: sent back as changes it undoes these.
#[utoipa::path(post, path = "/reviews", tag = "reviews", request_body = ReviewsChange,
    responses((status = 200, body = ReviewsChanged)))]
pub(crate) async fn change(State(state): State<AppState>, Json(body): Json<ReviewsChange>) -> Answer<Response> {
    if body.changes.len() > MOST_CHANGES {
        return Err(ApiError::bad(format!("at most {MOST_CHANGES} changes at once")));
    }
    let reviewer = name(&body.reviewer)?;
    let changes: Vec<ReviewChange> = body.changes.into_iter().map(ChangePut::checked).collect::<Answer<_>>()?;
    let before = state.store.reviews().change(reviewer, changes, now_us()).await?;
    let before: Vec<Value> = before
        .iter()
        .map(|review| {
            let mut value = review_document(review);
            value["id"] = json!(review.asset);
            value
        })
        .collect();
    let detail = Detail(format!("{reviewer}: {} pictures", before.len()));
    let mut answer = Out(json!({ "changed": before.len(), "before": before })).into_response();
    answer.extensions_mut().insert(detail);
    Ok(answer)
}

/// Whose agreement.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AgreementQuery {
    /// About this job's pictures, by number or name.
    job: String,
}

/// How far reviewers agree: share and Cohen's kappa
#[utoipa::path(get, path = "/agreement", tag = "reviews", params(AgreementQuery),
    responses((status = 200, body = AgreementDocument)))]
pub(crate) async fn agreement(
    State(state): State<AppState>,
    Query(query): Query<AgreementQuery>,
) -> Answer<Out<Agreement>> {
    let job = job_of(&state, &query.job).await?;
    Ok(Out(Agreement::of(&state.store.reviews().of_job(job.id).await?)))
}
