//! What this server is.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::error::Answer;
use crate::schema::About;
use crate::state::AppState;

/// What this server is and what it serves
#[utoipa::path(get, path = "/about", tag = "server", responses((status = 200, body = About)))]
pub(crate) async fn about(State(state): State<AppState>) -> Answer<Json<Value>> {
    let desk = state.desk();
    let runs = state.runner.lock().await.engine().is_some();
    let owner = if runs { None } else { desk.workspace.owner() };
    let chosen = imagemill_desk::choose(&desk.config, None).ok();
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "workspace": desk.workspace.root,
        "language": desk.config.lang.unwrap_or(state.options.lang).word(),
        "remote": state.gate().is_remote(),
        "seq": state.store.events().latest().await?,
        "confirm_above": desk.config.confirm_above,
        "reviewer": std::env::var("USER").unwrap_or_default(),
        "roots": state.roots.shown(),
        "simulator": chosen.is_none_or(|profile| profile.provider == imagemill_desk::SIMULATOR),
        "runs": runs,
        "owner": owner,
    })))
}
