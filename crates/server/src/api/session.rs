//! Signing in with the token, for browsers.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::{Answer, ApiError};
use crate::extract::Json;
use crate::safety::Gate;
use crate::state::AppState;

/// The token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// As the server was started with.
    token: String,
}

/// Sign in: sets a cookie that stands for the token
#[utoipa::path(post, path = "/session", tag = "server", request_body = SignIn,
    responses((status = 204, description = "signed in")))]
pub(crate) async fn sign_in(State(state): State<AppState>, Json(body): Json<SignIn>) -> Answer<Response> {
    let gate = state.gate();
    if gate.has_token() && !gate.is_token(&body.token) {
        // Slow for whoever guesses; a person does not notice.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", "this is not the server's token"));
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, Gate::cookie(&body.token))]).into_response())
}

/// Sign out
#[utoipa::path(delete, path = "/session", tag = "server", responses((status = 204, description = "signed out")))]
pub(crate) async fn sign_out() -> Response {
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, Gate::no_cookie())]).into_response()
}
