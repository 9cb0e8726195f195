//! Layouts and styles of infographics.

use axum::Json as Out;
use axum::extract::State;
use imagemill_desk::catalogue;
use imagemill_domain::catalogue::{Content, Context, Needs, Ratio};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use crate::error::{Answer, ApiError};
use crate::extract::Query;
use crate::schema::CatalogueDocument;
use crate::state::AppState;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CatalogueQuery {
    /// Only what is drawn for this content or context, with its weight.
    r#for: Option<String>,
    /// Only layouts that work in this ratio of width to height, `16:9`.
    ratio: Option<String>,
    /// Only layouts that show this many points.
    points: Option<u32>,
}

/// The layouts and styles in force, in full
#[utoipa::path(get, path = "/catalogue", tag = "server", params(CatalogueQuery), responses((status = 200, body = CatalogueDocument)))]
pub(crate) async fn list(State(state): State<AppState>, Query(query): Query<CatalogueQuery>) -> Answer<Out<Value>> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let ratio = given(query.ratio).map(Ratio::try_from).transpose().map_err(ApiError::bad)?;
    let needs = Needs { ratio, points: query.points, ..Needs::default() };
    let all = state.desk().catalogue()?;
    let word = given(query.r#for);
    let found = catalogue::suiting(&all, word.as_deref(), &needs).ok_or_else(|| {
        let words: Vec<&str> =
            Content::ALL.iter().map(|word| word.word()).chain(Context::ALL.iter().map(|word| word.word())).collect();
        ApiError::bad(format!("the catalogue knows no content or context {:?}", word.unwrap_or_default()))
            .help(format!("take one of {}", words.join(", ")))
    })?;
    Ok(Out(json!({ "layouts": found.layout_documents(), "styles": found.style_documents() })))
}
