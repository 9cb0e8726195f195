//! Notices of providers that a request ended: its call is asked about at once instead of at its next turn.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use imagemill_desk::now_us;
use imagemill_domain::profile::{Credential, Profile, Webhook};
use imagemill_providers::Notice;

use crate::error::{Answer, ApiError};
use crate::state::AppState;

/// A notice may have the whole answer in it. What a longer one tells, the next question tells as well.
pub(crate) const MAX_BYTES: usize = 4 << 20;

/// Hear from a provider that a request ended
///
/// For fal and Replicate, at the address that the profile's `[webhook]` names; no token, but the provider's signature.
#[utoipa::path(post, path = "/webhooks/{profile}", tag = "webhooks",
    params(("profile" = String, Path, description = "name of the profile")),
    request_body(content = serde_json::Value, description = "as the provider sends it; its signature covers every byte"),
    responses((status = 204, description = "heard")))]
pub(crate) async fn receive(
    State(state): State<AppState>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer<StatusCode> {
    let notice = Notice { headers: &headers, body: &body, now_s: now_us() / 1_000_000 };
    let profile = state.desk().config.profiles.get(&name).cloned();
    let Some((profile, webhook)) = profile.and_then(|profile| Some((profile.clone(), profile.webhook?))) else {
        return Err(unheard(&name, &"no profile of that name has a [webhook]"));
    };
    let request = ended_request(&state, &profile, &webhook, notice).await?;
    if state.store.tasks().poll_now(&name, &request, now_us()).await?
        && let Some(engine) = state.runner.lock().await.engine()
    {
        engine.wake();
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn ended_request(state: &AppState, profile: &Profile, webhook: &Webhook, notice: Notice<'_>) -> Answer<String> {
    let secret = match &webhook.secret {
        Credential::None => None,
        secret => {
            let profile = Profile { credential: secret.clone(), ..profile.clone() };
            imagemill_desk::read_credential(&profile).map_err(|failure| unheard(&profile.name, &failure))?
        }
    };
    let request = state.notices.ended_request(profile, webhook, secret.as_ref(), notice).await;
    request.map_err(|error| unheard(&profile.name, &error))
}

/// The same to everybody: a stranger learns neither which profiles there are nor what is wrong with a forgery.
fn unheard(profile: &str, why: &dyn std::fmt::Display) -> ApiError {
    tracing::warn!(profile, %why, "a notice of a provider was not believed; the provider is asked all the same");
    ApiError::new(StatusCode::UNAUTHORIZED, "unsigned", "this is not a notice that a provider of this server signed")
        .help("the server's log says what is wrong with it")
}
