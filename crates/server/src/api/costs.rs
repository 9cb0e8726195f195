//! Models with their prices, and what was spent.

use axum::Json as Out;
use axum::extract::State;
use imagemill_desk::{CostsBy, documents};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::jobs::job_of;
use crate::error::{Answer, ApiError};
use crate::extract::Query;
use crate::schema::{CostsDocument, ModelsDocument};
use crate::state::AppState;

/// Which models.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ModelsQuery {
    /// Of this profile's provider.
    profile: Option<String>,
}

/// The table of models in force
#[utoipa::path(get, path = "/models", tag = "profiles", params(ModelsQuery), responses((status = 200, body = ModelsDocument)))]
pub(crate) async fn models(State(state): State<AppState>, Query(query): Query<ModelsQuery>) -> Answer<Out<Value>> {
    let desk = state.desk();
    let table = desk.capabilities()?;
    let profile = match query.profile.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => Some(imagemill_desk::choose(&desk.config, Some(name))?),
        None => None,
    };
    let entries = table.models.iter().filter(|entry| profile.as_ref().is_none_or(|of| of.provider == entry.provider));
    let called = profile.as_ref().and_then(|profile| table.find(&profile.provider, &profile.model));
    Ok(Out(json!({
        "profile": profile.as_ref().map(|profile| &profile.name),
        "profile_model": profile.as_ref().map(|profile| &profile.model),
        "profile_entry": called.map(|entry| &entry.model),
        "models": entries.map(documents::model).collect::<Vec<_>>(),
    })))
}

/// Which costs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CostsQuery {
    /// `job`, `profile`, `model` or `day`.
    by: Option<String>,
    /// Of this job, by number or name.
    job: Option<String>,
    /// Of the last so many days, today included.
    days: Option<u32>,
}

/// What calls cost, from the ledger
#[utoipa::path(get, path = "/costs", tag = "costs", params(CostsQuery), responses((status = 200, body = CostsDocument)))]
pub(crate) async fn costs(State(state): State<AppState>, Query(query): Query<CostsQuery>) -> Answer<Out<Value>> {
    let by = match query.by.as_deref().unwrap_or("job") {
        "" | "job" => CostsBy::Job,
        "profile" => CostsBy::Profile,
        "model" => CostsBy::Model,
        "day" => CostsBy::Day,
        word => return Err(ApiError::bad(format!("{word:?} makes no groups; take job, profile, model or day"))),
    };
    let job = match query.job.as_deref().filter(|job| !job.is_empty()) {
        Some(job) => Some(job_of(&state, job).await?.id),
        None => None,
    };
    let days = query.days.filter(|days| (1..=36_500).contains(days));
    let (groups, total) = imagemill_desk::costs(&state.store, by, job, days, "(deleted)").await?;
    Ok(Out(documents::costs(by, &groups, &total)))
}
