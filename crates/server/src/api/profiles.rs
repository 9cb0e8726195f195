//! Profiles: who can be called. A secret goes in, into a file that only its owner reads, and never out.

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use imagemill_desk::config::Origin;
use imagemill_desk::{DeskError, choose, credential, documents, keep_key, key_file, now_us, server_of};
use imagemill_domain::capability::Capabilities;
use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::profile::{Credential, Profile};
use imagemill_providers::Registry;
use serde::Deserialize;
use serde_json::{Value, json};
use toml::Table;
use utoipa::ToSchema;

use super::save_rules::{change_settings, check_setting_name};
use crate::error::{Answer, ApiError};
use crate::extract::{Json, Path};
use crate::reader::Reader;
use crate::schema::{ModelNames, ProfileList, ProfileTest};
use crate::state::AppState;

/// Profiles, with their limits and budgets
#[utoipa::path(get, path = "/profiles", tag = "profiles", responses((status = 200, body = ProfileList)))]
pub(crate) async fn list(State(state): State<AppState>, reader: Reader) -> Answer<Out<Value>> {
    let desk = state.desk();
    let paused = state.store.profiles().paused().await?;
    let default = choose(&desk.config, None).ok().map(|profile| profile.name);
    let profiles: Vec<Value> = desk
        .config
        .profiles
        .values()
        .map(|profile| {
            let mut document = documents::profile(profile, default.as_deref());
            let paused = paused.iter().find(|paused| paused.name == profile.name);
            let paused = paused.map(|of| json!({ "kind": of.kind, "reason": of.reason, "until_us": of.until_us }));
            document["budget"] = json!(profile.budget);
            document["network"] = json!(profile.network);
            document["timeouts"] = json!(profile.timeouts);
            document["stream"] = json!(profile.stream);
            document["token_field"] = json!(profile.token_field);
            document["paused"] = json!(paused);
            document["origin"] = origin(&state, &profile.name).into();
            document["editable"] = (origin(&state, &profile.name) != "file").into();
            document
        })
        .collect();
    Ok(reader.told(json!({ "profiles": profiles, "default": default })))
}

/// `console` when it was made here, `file` when a person's file has it, else `built_in`.
fn origin(state: &AppState, name: &str) -> &'static str {
    let desk = state.desk();
    let ours = desk.workspace.settings_file();
    let of = desk.config.settings.iter().filter(|(path, _)| path.len() > 1 && path[0] == "profiles" && path[1] == name);
    let mut found = "built_in";
    for (_, setting) in of {
        match &setting.origin {
            Origin::File(file) if *file == ours => found = "console",
            Origin::File(_) => return "file",
            _ => {}
        }
    }
    found
}

/// Where a secret is, or the secret itself, which is put into a file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialPut {
    /// `env`, `file`, `keyring`, `key` or `none`.
    kind: String,
    /// Name of the variable, path of the file, name of the key store's entry, or the key.
    #[serde(default)]
    value: String,
}

/// Make or change a profile
///
/// The body has the keys of a profile (docs/config.md); what is left out stays. `credential` is `{kind, value}`: with `key` the
/// value is put into a file of the workspace that only its owner may read, and goes to the server of `base_url` only. When an
/// address on another server is set, `credential` must be given again.
#[utoipa::path(put, path = "/profiles/{name}", tag = "profiles", params(("name" = String, Path, description = "name")),
    request_body(content = Object, description = "keys of a profile"), responses((status = 204, description = "kept")))]
pub(crate) async fn put(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Json(body): Json<serde_json::Map<String, Value>>,
) -> Answer<StatusCode> {
    keep(&state, &name, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps a profile from its keys.
pub(crate) async fn keep(state: &AppState, name: &str, body: serde_json::Map<String, Value>) -> Answer<()> {
    check_setting_name(name)?;
    let mut body = body;
    body.remove("name");
    let given = match body.remove("credential") {
        None | Some(Value::Null) => None,
        Some(value) => {
            Some(serde_json::from_value::<CredentialPut>(value).map_err(|error| ApiError::bad(error.to_string()))?)
        }
    };
    let known = state.desk().config.profiles.get(name).cloned();
    let mut whole =
        serde_json::to_value(known.clone().unwrap_or_default()).map_err(|error| ApiError::fault(error.to_string()))?;
    merge(&mut whole, Value::Object(body));
    let mut profile: Profile = serde_json::from_value(whole).map_err(|error| ApiError::bad(error.to_string()))?;
    profile.name = String::new();
    if profile.provider.is_empty() {
        return Err(ApiError::bad("a profile needs a provider (openai, openrouter, simulator, …)"));
    }
    if let Some(given) = given {
        profile.credential = credential_of(state, name, &profile.base_url, given).await?;
    } else if let Some(moved) = moved(known.as_ref(), &profile) {
        return Err(ApiError::bad(moved).help("give the key, or say where it is, together with the new address"));
    }
    let table = Table::try_from(&profile).map_err(|error| ApiError::bad(error.to_string()))?;
    change_settings(state, "profiles", name, Some(table)).await
}

/// Why a key may not follow a profile to another server unasked.
fn moved(known: Option<&Profile>, profile: &Profile) -> Option<String> {
    let (before, now) = (server_of(&known?.base_url), server_of(&profile.base_url));
    if profile.credential == Credential::None || before == now || now.is_none() {
        return None;
    }
    let server = |of: Option<String>| of.unwrap_or_else(|| "no address".to_owned());
    Some(format!("the key was given for {} and is not sent to {}", server(before), server(now)))
}

/// Objects are merged key by key; anything else is replaced.
fn merge(whole: &mut Value, part: Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (key, value) in part {
                merge(whole.entry(key).or_insert(Value::Null), value);
            }
        }
        (whole, part) => *whole = part,
    }
}

async fn credential_of(state: &AppState, name: &str, address: &str, given: CredentialPut) -> Answer<Credential> {
    let needs = |what: &str| ApiError::bad(format!("the credential needs {what} as its value"));
    let value = given.value.trim().to_owned();
    match given.kind.as_str() {
        "none" => Ok(Credential::None),
        "env" if value.is_empty() => Err(needs("the name of a variable")),
        "env" => Ok(Credential::Env(value)),
        "file" if value.is_empty() => Err(needs("a path")),
        "file" => {
            state.roots.check(&state.desk().workspace.root.join(imagemill_desk::config::expand_home(&value)))?;
            Ok(Credential::File(value))
        }
        "keyring" if value.is_empty() => Err(needs("the name of an entry")),
        "keyring" => Ok(Credential::Keyring(value)),
        "key" if value.is_empty() => Err(needs("the key")),
        "key" => {
            let path = key_file(&state.desk().workspace.keys(), name);
            let writing = tokio::task::spawn_blocking({
                let (path, address) = (path.clone(), address.to_owned());
                move || keep_key(&path, &value.into(), &address)
            });
            let written = writing.await.map_err(|error| ApiError::fault(error.to_string()))?;
            written.map_err(|error| match error {
                DeskError::Setting(why) => ApiError::bad(why),
                error => ApiError::from(error),
            })?;
            Ok(Credential::File(path.to_string_lossy().into_owned()))
        }
        kind => Err(ApiError::bad(format!("{kind:?} is no kind of credential; take env, file, keyring, key or none"))),
    }
}

/// Forget a profile that was made here
#[utoipa::path(delete, path = "/profiles/{name}", tag = "profiles", params(("name" = String, Path, description = "name")),
    responses((status = 204, description = "forgotten")))]
pub(crate) async fn delete(State(state): State<AppState>, Path(name): Path<String>) -> Answer<StatusCode> {
    if !state.desk().config.profiles.contains_key(&name) {
        return Err(ApiError::missing("profile", name));
    }
    if origin(&state, &name) == "built_in" {
        return Err(ApiError::conflict(format!("the profile {name} comes with imagemill")));
    }
    change_settings(&state, "profiles", &name, None).await?;
    let _ = tokio::fs::remove_file(key_file(&state.desk().workspace.keys(), &name)).await;
    Ok(StatusCode::NO_CONTENT)
}

/// The models that the profile's server lists, which is free.
async fn ask(state: &AppState, profile: &Profile) -> Answer<Result<Vec<String>, Failure>> {
    let secret = match credential(profile) {
        Ok(secret) => secret,
        Err(DeskError::NoCredential { failure, .. }) => return Ok(Err(failure)),
        Err(error) => return Err(error.into()),
    };
    let mut profile = profile.clone();
    state.runner.lock().await.provide(&mut profile).await?;
    let table = state.desk().capabilities()?;
    let knows_images = table.find(&profile.provider, &profile.model).is_some_and(Capabilities::knows_images);
    match Registry::new().provider(&profile, knows_images, secret) {
        Ok(provider) => Ok(provider.check().await),
        // Settings with which nothing can be called: not to be taken for a server that only cannot list its models.
        Err(failure) => Ok(Err(Failure { kind: FailureKind::Local, ..failure })),
    }
}

fn profile_of(state: &AppState, name: &str) -> Answer<Profile> {
    let found = state.desk().config.profiles.get(name).cloned();
    found.ok_or_else(|| ApiError::missing("profile", name))
}

/// Ask a profile's server for its models, which is free, and say what is wrong
#[utoipa::path(post, path = "/profiles/{name}/test", tag = "profiles", params(("name" = String, Path, description = "name")),
    responses((status = 200, body = ProfileTest)))]
pub(crate) async fn test(
    State(state): State<AppState>,
    reader: Reader,
    Path(name): Path<String>,
) -> Answer<Out<Value>> {
    let profile = profile_of(&state, &name)?;
    let check = |name: &str, failure: Option<&Failure>, fix: &str| {
        json!({
            "name": name, "ok": failure.is_none(), "message": failure.map(|failure| failure.message.as_str()),
            "fix": failure.map(|_| fix),
        })
    };
    let secret = imagemill_desk::read_credential(&profile);
    let mut checks = vec![check("credential", secret.as_ref().err(), "give the profile a key, or say where it is")];
    if secret.is_err() {
        return Ok(reader.told(json!({ "ok": false, "checks": checks, "models": null })));
    }
    let asked = ask(&state, &profile).await?;
    // A server without a list of models can be called all the same.
    let cannot_say = [FailureKind::Invalid, FailureKind::Protocol];
    let hopeless = asked.as_ref().err().filter(|failure| !cannot_say.contains(&failure.kind));
    checks.push(check("connection", hopeless, "check the address, the key and the network"));
    if let Ok(models) = &asked {
        let missing = Failure::new(FailureKind::Invalid, format!("{} is not among its models", profile.model));
        let lists = profile.model.is_empty() || models.is_empty() || models.contains(&profile.model);
        checks.push(check("model", (!lists).then_some(&missing), "choose one of the models that the server lists"));
    }
    let ok = hopeless.is_none();
    Ok(reader.told(json!({ "ok": ok, "checks": checks, "models": asked.ok() })))
}

/// The models that a profile's server lists
#[utoipa::path(get, path = "/profiles/{name}/models", tag = "profiles", params(("name" = String, Path, description = "name")),
    responses((status = 200, body = ModelNames)))]
pub(crate) async fn models(State(state): State<AppState>, Path(name): Path<String>) -> Answer<Out<Value>> {
    let profile = profile_of(&state, &name)?;
    match ask(&state, &profile).await? {
        Ok(names) => Ok(Out(json!({ "names": names }))),
        Err(failure) => Err(ApiError::new(StatusCode::CONFLICT, &failure.kind.to_string(), failure.message)),
    }
}

/// Let a paused profile's tasks go on
#[utoipa::path(post, path = "/profiles/{name}/resume", tag = "profiles", params(("name" = String, Path, description = "name")),
    responses((status = 204, description = "not paused any more")))]
pub(crate) async fn resume(State(state): State<AppState>, Path(name): Path<String>) -> Answer<StatusCode> {
    state.store.profiles().resume(&name, now_us()).await?;
    if let Some(engine) = state.runner.lock().await.engine() {
        engine.wake();
    }
    Ok(StatusCode::NO_CONTENT)
}
