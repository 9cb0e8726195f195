//! What critiques can be held against, and the check of critiques that were written elsewhere.

use axum::Json as Out;
use axum::extract::State;
use imagemill_domain::critique::{Answer as Row, Gate, Rubric, check, pictures, read};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::plans::criterion;
use crate::error::{Answer, ApiError};
use crate::extract::Json;
use crate::schema::{CritiqueCheckDocument, RubricsDocument};
use crate::state::AppState;

/// Rubrics, gates and collections by name
#[utoipa::path(get, path = "/rubrics", tag = "critiques", responses((status = 200, body = RubricsDocument)))]
pub(crate) async fn list(State(state): State<AppState>) -> Out<Value> {
    let desk = state.desk();
    let rubrics: Vec<Value> = Rubric::names()
        .filter_map(|name| Rubric::shipped(name).ok())
        .map(|rubric| json!({ "name": rubric.name, "title": rubric.title, "dimensions": rubric.dimensions.len() }))
        .collect();
    let collections: Vec<&String> = desk.config.collections.keys().collect();
    Out(json!({ "rubrics": rubrics, "gates": Gate::names(), "collections": collections }))
}

/// A file of written critiques.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CritiqueFile {
    /// What rows are named by.
    name: String,
    /// A JSON array, or an object a line.
    text: String,
}

/// Critiques to be checked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CritiqueCheckRequest {
    /// All files of a collection at once: copies are looked for across them.
    files: Vec<CritiqueFile>,
    /// Rubric by name or TOML file.
    rubric: String,
    /// Gate by name or TOML file, `strict` when nothing is said.
    #[serde(default)]
    gate: Option<String>,
    /// The pictures that were asked for, when they are known.
    #[serde(default)]
    pictures: Option<CritiqueFile>,
}

/// Hold written critiques against a rubric and a gate; nothing is kept and nobody is asked
#[utoipa::path(post, path = "/critiques/check", tag = "critiques", request_body = CritiqueCheckRequest,
    responses((status = 200, body = CritiqueCheckDocument)))]
pub(crate) async fn check_files(
    State(state): State<AppState>,
    Json(body): Json<CritiqueCheckRequest>,
) -> Answer<Out<Value>> {
    let base = state.desk().workspace.root.clone();
    let (mut rubric, mut gate) = (body.rubric.clone(), body.gate.clone().unwrap_or_else(|| "strict".to_owned()));
    let gate_name = gate.clone();
    for name in [&mut rubric, &mut gate] {
        criterion(&state, &base, name)?;
    }
    let (rubric, gate) = (imagemill_desk::rubric(&base, &rubric)?, imagemill_desk::gate(&base, &gate)?);
    let working = tokio::task::spawn_blocking(move || checked(&body, &rubric, &gate, &gate_name));
    Ok(Out(working.await.map_err(|error| ApiError::fault(error.to_string()))?))
}

fn checked(body: &CritiqueCheckRequest, rubric: &Rubric, gate: &Gate, gate_name: &str) -> Value {
    let rows: Vec<Row> = body.files.iter().flat_map(|file| read(&file.name, &file.text)).collect();
    let asked = body.pictures.as_ref().map(|file| pictures(&file.name, &file.text));
    let outcome = check(&rows, rubric, gate, asked.as_deref());
    json!({
        "rubric": { "name": rubric.name, "version": rubric.version, "dimensions": rubric.dimensions.len() },
        "gate": gate_name,
        "rows": outcome.rows,
        "passed": outcome.rows - outcome.failed,
        "failed": outcome.failed,
        "findings": outcome.findings,
        "remarks": outcome.remarks,
    })
}
