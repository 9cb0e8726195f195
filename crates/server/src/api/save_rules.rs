//! Save rules by name. Built-in ones cannot be changed, and one in a file of the user's stays as it is.

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use imagemill_desk::config::{Origin, change_file};
use imagemill_desk::save_presets;
use imagemill_domain::save_rule::{SaveRule, built_in};
use serde_json::{Value, json};
use toml::{Table, Value as Toml};

use crate::error::{Answer, ApiError};
use crate::extract::{Json, Path};
use crate::schema::SaveRules;
use crate::state::AppState;

/// All save rules by name
#[utoipa::path(get, path = "/save-rules", tag = "saving", responses((status = 200, body = SaveRules)))]
pub(crate) async fn list(State(state): State<AppState>) -> Out<Value> {
    let desk = state.desk();
    let rules: Vec<Value> = save_presets(&desk.config)
        .into_iter()
        .map(|(name, line, rule)| {
            let ours = !desk.config.save.contains_key(&name);
            json!({ "name": name, "about": line, "built_in": ours, "rule": rule })
        })
        .collect();
    Out(json!({ "presets": rules }))
}

/// Keep a save rule under a name
#[utoipa::path(put, path = "/save-rules/{name}", tag = "saving", params(("name" = String, Path, description = "name")),
    request_body(content = Object, description = "the keys of [save] (docs/saving.md)"),
    responses((status = 204, description = "kept")))]
pub(crate) async fn put(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Json(rule): Json<SaveRule>,
) -> Answer<StatusCode> {
    check_setting_name(&name)?;
    if built_in().iter().any(|(known, ..)| *known == name) {
        return Err(ApiError::conflict(format!("{name} is a rule that comes with imagemill; take another name")));
    }
    let rule = Table::try_from(&rule).map_err(|error| ApiError::bad(error.to_string()))?;
    change_settings(&state, "save", &name, Some(rule)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forget a save rule
#[utoipa::path(delete, path = "/save-rules/{name}", tag = "saving", params(("name" = String, Path, description = "name")),
    responses((status = 204, description = "forgotten")))]
pub(crate) async fn delete(State(state): State<AppState>, Path(name): Path<String>) -> Answer<StatusCode> {
    if !state.desk().config.save.contains_key(&name) {
        return Err(ApiError::missing("save rule of yours", name));
    }
    change_settings(&state, "save", &name, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A name under which something is kept.
pub(crate) fn check_setting_name(name: &str) -> Answer<()> {
    let plain = |c: char| c.is_alphanumeric() || "-_. ".contains(c);
    if name.trim().is_empty() || name.chars().count() > 100 || !name.chars().all(plain) {
        return Err(ApiError::bad("a name has 1 to 100 letters, digits, spaces, dots, - and _"));
    }
    Ok(())
}

/// Changes `[section.name]` of what was set in the console, and reads everything anew. What stands in a file that the user
/// wrote wins, so changing it here would do nothing: that is refused.
pub(crate) async fn change_settings(state: &AppState, section: &str, name: &str, value: Option<Table>) -> Answer<()> {
    let desk = state.desk();
    let ours = desk.workspace.settings_file();
    let theirs = desk.config.settings.iter().find_map(|(path, setting)| match &setting.origin {
        Origin::File(file) if path.len() > 1 && path[0] == section && path[1] == name && *file != ours => {
            Some(file.clone())
        }
        _ => None,
    });
    if let Some(file) = theirs {
        let detail = format!("{name} stands in {}, which a person wrote", file.display());
        return Err(ApiError::conflict(detail).help("change it there, or take another name"));
    }
    let _turn = state.settings_turn.lock().await;
    let (section, name) = (section.to_owned(), name.to_owned());
    let changing = tokio::task::spawn_blocking(move || {
        change_file(&ours, |table| {
            let all = table.entry(section).or_insert_with(|| Toml::Table(Table::new()));
            let Toml::Table(all) = all else { return };
            match value {
                Some(value) => drop(all.insert(name, Toml::Table(value))),
                None => drop(all.remove(&name)),
            }
        })
    });
    changing.await.map_err(|error| ApiError::fault(error.to_string()))??;
    state.reload()?;
    Ok(())
}
