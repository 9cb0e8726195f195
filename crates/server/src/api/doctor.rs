//! Whether everything that a run needs is in order.

use axum::Json as Out;
use axum::extract::State;
use imagemill_desk::doctor::{Examination, Level, examine};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use crate::error::{Answer, ApiError};
use crate::extract::Query;
use crate::reader::Reader;
use crate::schema::DoctorDocument;
use crate::state::AppState;

/// What is looked at.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DoctorQuery {
    /// Only this profile.
    profile: Option<String>,
    /// Nothing that needs the network.
    #[serde(default)]
    offline: bool,
}

/// Check workspace, disk, database, settings and each profile; free
#[utoipa::path(get, path = "/doctor", tag = "server", params(DoctorQuery), responses((status = 200, body = DoctorDocument)))]
pub(crate) async fn doctor(
    State(state): State<AppState>,
    reader: Reader,
    Query(query): Query<DoctorQuery>,
) -> Answer<Out<Value>> {
    let desk = state.desk();
    let profile = query.profile.filter(|name| !name.is_empty());
    if let Some(name) = profile.as_ref().filter(|name| !desk.config.profiles.contains_key(*name)) {
        return Err(ApiError::missing("profile", name));
    }
    let findings = examine(&desk, &Examination { profile, offline: query.offline }).await;
    let broken = findings.iter().filter(|finding| finding.level == Level::Broken).count();
    Ok(reader.told(json!({ "findings": findings, "broken": broken })))
}
