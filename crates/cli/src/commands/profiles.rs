//! `imagemill profiles [show NAME]`: who can be called. Secrets are never printed.

use imagemill_desk::config::{MASK, is_secret, known_profiles};
use imagemill_desk::{choose, documents, read_credential};
use serde_json::json;

use crate::cli::{ProfilesAction, ProfilesArgs};
use crate::context::Context;
use crate::printer::Tone;
use crate::quit::Exit;
use crate::texts::say;

/// Lists or shows.
pub(crate) fn run(context: &Context, args: ProfilesArgs) -> anyhow::Result<Exit> {
    match args.action {
        Some(ProfilesAction::Show { name }) => show(context, &name),
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
        let ready = match read_credential(&profile.credential) {
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
