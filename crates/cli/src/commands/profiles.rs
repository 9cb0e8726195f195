//! `imagemill profiles [show|login|logout NAME]`: who can be called, and keys that are kept. Secrets are never printed.

use std::io::{IsTerminal, Read};

use imagemill_desk::config::{MASK, is_secret, known_profiles};
use imagemill_desk::{
    KeyPlace, choose, documents, forget_key, keep_key, keep_key_in_store, login_of, read_credential, server_of,
};
use imagemill_domain::profile::Credential;
use secrecy::SecretString;
use serde_json::json;

use crate::cli::{ProfilesAction, ProfilesArgs};
use crate::context::{Context, variable};
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// Lists or shows.
pub(crate) fn run(context: &Context, args: ProfilesArgs) -> anyhow::Result<Exit> {
    match args.action {
        Some(ProfilesAction::Show { name }) => show(context, &name),
        Some(ProfilesAction::Login { name, keyring }) => login(context, &name, keyring),
        Some(ProfilesAction::Logout { name }) => logout(context, &name),
        None => Ok(list(context)),
    }
}

fn list(context: &Context) -> Exit {
    let (texts, printer) = (&context.texts, &context.printer);
    let default = choose(&context.desk.config, None).ok().map(|profile| profile.name);
    let profiles = &context.desk.config.profiles;
    let width = profiles.keys().map(|name| name.chars().count()).max().unwrap_or_default();
    for (name, profile) in profiles {
        let mark = if default.as_deref() == Some(name) { "*" } else { " " };
        let ready = match read_credential(profile) {
            Ok(_) => printer.paint(Tone::Good, say!(texts, "profile.ready")),
            Err(failure) => printer.paint(Tone::Warn, failure.message),
        };
        let gap = " ".repeat(width - name.chars().count());
        let name = printer.paint(Tone::Bold, name);
        printer.line(format!("{mark} {name}{gap}  {}  {ready}", profile.model));
        if !profile.description.is_empty() {
            printer.line(printer.paint(Tone::Dim, format!("    {}", profile.description)));
        }
    }
    for (name, needs) in known_profiles() {
        if !profiles.contains_key(&name) {
            let text = say!(texts, "profile.appears", profile = name, variables = needs.join(" + "));
            printer.line(printer.paint(Tone::Dim, format!("  {text}")));
        }
    }
    let documents: Vec<_> = profiles.values().map(|profile| documents::profile(profile, default.as_deref())).collect();
    printer.json(&json!({ "profiles": documents, "default": default }));
    Exit::Ok
}

fn show(context: &Context, name: &str) -> anyhow::Result<Exit> {
    let profile = choose(&context.desk.config, Some(name))?;
    let mut masked = profile.clone();
    for (header, value) in &mut masked.headers {
        if is_secret(header) {
            MASK.clone_into(value);
        }
    }
    let text = toml::to_string_pretty(&masked)?;
    context.printer.line(text.trim_end());
    context.printer.json(&documents::profile(&masked, None));
    Ok(Exit::Ok)
}

/// The longest input that may be a key.
const LONGEST_KEY: u64 = 16 << 10;

fn login(context: &Context, name: &str, keyring: bool) -> anyhow::Result<Exit> {
    let (texts, printer) = (&context.texts, &context.printer);
    let (profile, place) = login_of(&context.desk, &variable, name)?;
    let server = server_of(&profile.base_url);
    let shown = server.as_deref().unwrap_or_default();
    let key: SecretString = if server.is_some() && std::io::stdin().is_terminal() {
        rpassword::prompt_password(say!(texts, "profile.ask", profile = name, server = shown))?.into()
    } else {
        let mut text = String::new();
        std::io::stdin().take(LONGEST_KEY).read_to_string(&mut text)?;
        text.into()
    };
    let address = &profile.base_url;
    let in_store = |entry: &str, file| {
        let said = say!(texts, "profile.kept_in_store", server = shown, entry = entry);
        (keep_key_in_store(entry, &key, address, file), said, json!({ "keyring": entry }))
    };
    let (kept, said, credential) = match &place {
        KeyPlace::KeyStore(entry) => in_store(entry, None),
        KeyPlace::File(path) if keyring => in_store(name, Some(path.as_path())),
        KeyPlace::File(path) => {
            let said = say!(texts, "profile.kept", server = shown, path = context.shown(path));
            (keep_key(path, &key, address), said, json!({ "file": path }))
        }
    };
    kept.map_err(|error| Quit::usage(texts.translated(&error.to_string())))?;
    printer.line(said);
    match &profile.credential {
        Credential::Env(other) if variable(other).is_some_and(|value| !value.trim().is_empty()) => {
            context.warn(say!(texts, "profile.before", variable = other));
        }
        _ => {}
    }
    printer.json(&json!({ "profile": name, "server": server, "credential": credential }));
    Ok(Exit::Ok)
}

fn logout(context: &Context, name: &str) -> anyhow::Result<Exit> {
    let (_, place) = login_of(&context.desk, &variable, name)?;
    let forgotten = forget_key(&place)?;
    let text = if forgotten { "profile.forgotten" } else { "profile.none_kept" };
    context.printer.line(say!(context.texts, text, profile = name));
    context.printer.json(&json!({ "profile": name, "forgotten": forgotten }));
    Ok(Exit::Ok)
}
