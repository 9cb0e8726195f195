//! Profiles as a file: out, without secrets unless the server was started so, and in, also from the files of the batch console
//! that imagemill replaces.

use axum::Json as Out;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use imagemill_desk::{credential, now_us};
use imagemill_domain::profile::Credential;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::IntoParams;

use super::profiles::keep;
use crate::error::{Answer, ApiError};
use crate::extract::{Json, Query};
use crate::schema::ImportAnswer;
use crate::state::AppState;

/// Eight of these stand for a key that was left out, in the other console's files.
const MASKED: &str = "********";

/// What goes in.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// Keys, too; only when the server was started with EXPORT_INCLUDE_SECRETS=1.
    #[serde(default)]
    credentials: bool,
}

/// All profiles as a file; credentials are left out
#[utoipa::path(get, path = "/profiles/export", tag = "profiles", params(ExportQuery),
    responses((status = 200, body = Object)))]
pub(crate) async fn export(State(state): State<AppState>, Query(query): Query<ExportQuery>) -> Answer<Response> {
    if query.credentials && !state.options.export_secrets {
        return Err(ApiError::forbidden("local_only", "this server hands out no keys")
            .help("start it with EXPORT_INCLUDE_SECRETS=1, or export without credentials"));
    }
    let mut profiles = Map::new();
    for (name, profile) in &state.desk().config.profiles {
        let mut value = serde_json::to_value(profile).map_err(|error| ApiError::fault(error.to_string()))?;
        let Some(object) = value.as_object_mut() else { continue };
        object.remove("name");
        let key = if query.credentials { credential(profile)? } else { None };
        match (key, &profile.credential) {
            (Some(key), _) => {
                object.insert("credential".to_owned(), json!({ "kind": "key", "value": key.expose_secret() }));
            }
            // The name of a variable is no secret, and means the same elsewhere.
            (None, Credential::Env(variable)) => {
                object.insert("credential".to_owned(), json!({ "kind": "env", "value": variable }));
            }
            _ => drop(object.remove("credential")),
        }
        if let Some(headers) = object.get_mut("headers").and_then(Value::as_object_mut).filter(|_| !query.credentials) {
            headers.retain(|name, _| !imagemill_desk::config::is_secret(name));
        }
        profiles.insert(name.clone(), value);
    }
    let name = format!("attachment; filename=\"imagemill-profiles-{}.json\"", now_us() / 1_000_000);
    let body = Out(json!({ "imagemill_profiles": 1, "profiles": profiles }));
    Ok(([(header::CONTENT_DISPOSITION, name)], body).into_response())
}

/// Take profiles from a file: our export, or the other console's presets.json, state.json or export
#[utoipa::path(post, path = "/profiles/import", tag = "profiles",
    request_body(content = Object, description = "the file's content"), responses((status = 200, body = ImportAnswer)))]
pub(crate) async fn import(State(state): State<AppState>, Json(file): Json<Map<String, Value>>) -> Answer<Out<Value>> {
    let (mut names, mut warnings) = (Vec::new(), Vec::new());
    for (name, profile) in found(&file, &mut warnings)? {
        match keep(&state, &name, profile).await {
            Ok(()) => names.push(name),
            Err(problem) => warnings.push(format!("{name} was left out: {}", problem.detail())),
        }
    }
    let jobs = file.get("tasks").and_then(Value::as_object).map_or(0, Map::len);
    let hint = (jobs > 0).then(|| format!("{jobs} tasks of the file were not taken; submit their folder as a job"));
    Ok(Out(json!({ "profiles": names, "jobs_hint": hint, "warnings": warnings })))
}

/// Profiles of a file by name, in the keys of ours.
fn found(file: &Map<String, Value>, warnings: &mut Vec<String>) -> Answer<Vec<(String, Map<String, Value>)>> {
    if file.contains_key("imagemill_profiles") {
        let profiles = file.get("profiles").and_then(Value::as_object).cloned().unwrap_or_default();
        let object = |(name, value): (String, Value)| Some((name, value.as_object()?.clone()));
        return Ok(profiles.into_iter().filter_map(object).collect());
    }
    let is_config = |value: &Value| value.get("api_url").is_some() || value.get("model_name").is_some();
    let presets = file.get("presets").and_then(Value::as_object).unwrap_or(file);
    let mut all: Vec<(String, &Value)> = presets
        .iter()
        .filter(|(name, value)| *name != "current_config" && is_config(value))
        .map(|(name, value)| (name.clone(), value))
        .collect();
    all.extend(file.get("current_config").filter(|value| is_config(value)).map(|value| ("imported".to_owned(), value)));
    if all.is_empty() {
        return Err(ApiError::bad("there are no profiles in this file")
            .help("take an export of imagemill, or presets.json or state.json of the batch console"));
    }
    Ok(all.into_iter().map(|(name, config)| (clean(&name), converted(&name, config, warnings))).collect())
}

fn clean(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || "-_. ".contains(c) { c } else { '-' }).take(100).collect()
}

/// A configuration of the other console in the keys of a profile.
fn converted(name: &str, config: &Value, warnings: &mut Vec<String>) -> Map<String, Value> {
    let text = |key: &str| config.get(key).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let flag = |key: &str| match config.get(key) {
        Some(Value::Bool(set)) => *set,
        Some(Value::String(word)) => ["1", "true", "yes", "y", "on"].contains(&word.to_lowercase().as_str()),
        Some(Value::Number(number)) => number.as_i64() == Some(1),
        _ => false,
    };
    let mut profile = json!({
        "provider": provider_of(&text("api_url")),
        "base_url": text("api_url"),
        "model": text("model_name"),
        "description": "from the batch console",
        "network": {
            "allow_private_api": flag("unlock_local_api_url"),
            "allow_private_downloads": flag("unlock_local_download_url"),
        },
    });
    let number = |key: &str| config.get(key).and_then(Value::as_f64);
    if let Some(concurrency) = number("concurrency_limit") {
        profile["limits"] = json!({ "concurrency": concurrency.clamp(1.0, 64.0) as u32 });
    }
    if let Some(seconds) = number("timeout_seconds") {
        profile["timeouts"] = json!({ "idle_ms": seconds.clamp(5.0, 1_800.0) as u64 * 1_000 });
    }
    if let "chat_completions" | "responses" = text("api_mode").as_str() {
        profile["protocol"] = text("api_mode").into();
    }
    if let "max_tokens" | "max_completion_tokens" | "max_output_tokens" | "none" = text("token_field").as_str() {
        profile["token_field"] = text("token_field").into();
    }
    match text("api_key").as_str() {
        MASKED => warnings.push(format!("{name}: the file holds no key; give the profile one")),
        "" => {}
        key => profile["credential"] = json!({ "kind": "key", "value": key }),
    }
    for (key, what) in
        [("system_prompt", "its system prompt"), ("user_prompt", "its prompt"), ("temperature", "its temperature")]
    {
        if config.get(key).is_some_and(|value| !matches!(value.as_str(), Some(""))) {
            warnings.push(format!("{name}: {what} belongs to a job and was not taken"));
        }
    }
    profile.as_object().cloned().unwrap_or_default()
}

fn provider_of(address: &str) -> &'static str {
    let known = [
        ("api.openai.com", "openai"),
        ("openrouter.ai", "openrouter"),
        ("api.x.ai", "xai"),
        ("googleapis.com", "gemini"),
    ];
    known.iter().find(|(host, _)| address.contains(host)).map_or("openai-compatible", |(_, provider)| provider)
}
