//! `imagemill probe`: what a profile's server can really do. Free questions first; one small picture only when asked for. What
//! differs from the table is told as a snippet to copy; no configuration file is ever changed.

use std::fmt::Write as _;

use imagemill_desk::{Runner, choose};
use imagemill_domain::capability::Capabilities;
use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::profile::Profile;
use imagemill_providers::Registry;
use imagemill_simulator::Scenario;
use serde_json::json;

use crate::cli::ProbeArgs;
use crate::context::Context;
use crate::printer::Tone;
use crate::quit::Exit;
use crate::texts::say;

mod paid;

use paid::Tried;

/// What is known before anything was paid.
struct Asked<'a> {
    profile: Profile,
    known: Option<&'a Capabilities>,
    /// The models that the server lists.
    models: Result<Vec<String>, Failure>,
}

/// Asks.
pub(crate) async fn run(context: &Context, args: ProbeArgs) -> anyhow::Result<Exit> {
    let table = context.desk.capabilities()?;
    let mut profile = choose(&context.desk.config, args.profile.as_deref())?;
    if let Some(model) = &args.model {
        profile.model.clone_from(model);
    }
    let known = table.find(&profile.provider, &profile.model);
    let models = models(context, &profile, known).await?;
    let asked = Asked { profile, known, models };
    tell_free(context, &asked);
    let tried = match (args.paid, asked.is_hopeless()) {
        (true, false) => match Box::pin(paid::run(context, &table, &asked.profile, args.yes)).await? {
            Some(tried) => Some(tried),
            None => return Ok(Exit::CannotStart),
        },
        _ => None,
    };
    if let Some(tried) = &tried {
        paid::tell(context, tried);
    } else if !asked.is_hopeless() {
        context.printer.line(printer_hint(context));
    }
    let snippet = snippet(&asked, tried.as_ref());
    context.printer.line("");
    context.printer.line(snippet.trim_end());
    let saved = if args.save { Some(save(context, &asked.profile, &snippet)?) } else { None };
    context.printer.json(&document(&asked, tried.as_ref(), &snippet, saved.as_deref()));
    let worked = tried.as_ref().is_none_or(|tried| tried.picture.is_some());
    Ok(if asked.is_hopeless() || !worked { Exit::SomeFailed } else { Exit::Ok })
}

fn printer_hint(context: &Context) -> String {
    context.printer.paint(Tone::Dim, say!(context.texts, "probe.paid_hint"))
}

impl Asked<'_> {
    /// The account cannot be called at all. A server without a list of models is another matter.
    fn is_hopeless(&self) -> bool {
        let cannot_say = [FailureKind::Invalid, FailureKind::Protocol, FailureKind::UnknownOutcome];
        self.models.as_ref().is_err_and(|failure| !cannot_say.contains(&failure.kind))
    }

    fn has_model(&self) -> Option<bool> {
        let models = self.models.as_ref().ok()?;
        Some(models.contains(&self.profile.model))
    }
}

async fn models(
    context: &Context,
    profile: &Profile,
    known: Option<&Capabilities>,
) -> anyhow::Result<Result<Vec<String>, Failure>> {
    let secret = imagemill_desk::credential(profile)?;
    let mut runner = Runner::new("probe", Scenario::default());
    let mut profile = profile.clone();
    runner.provide(&mut profile).await?;
    let knows_images = known.is_some_and(Capabilities::knows_images);
    let models = match Registry::new().provider(&profile, knows_images, secret) {
        Ok(provider) => provider.check().await,
        Err(failure) => Err(failure),
    };
    runner.finish(|answers| context.held(answers)).await;
    Ok(models)
}

fn tell_free(context: &Context, asked: &Asked<'_>) {
    let (texts, printer, profile) = (&context.texts, &context.printer, &asked.profile);
    let protocol = profile.resolved_protocol(asked.known.is_some_and(Capabilities::knows_images));
    let name = printer.paint(Tone::Bold, &profile.name);
    let address = if profile.base_url.is_empty() { "-" } else { &profile.base_url };
    printer.line(say!(texts, "probe.head", profile = name, protocol = protocol.word(), address = address));
    let line = match (&asked.models, asked.has_model()) {
        (Ok(models), Some(true)) => {
            printer.paint(Tone::Good, say!(texts, "probe.lists", count = models.len(), model = profile.model))
        }
        (Ok(models), _) => {
            printer.paint(Tone::Warn, say!(texts, "probe.lists_not", count = models.len(), model = profile.model))
        }
        (Err(failure), _) => {
            let text = say!(texts, "probe.no_list", reason = failure.message);
            printer.paint(if asked.is_hopeless() { Tone::Bad } else { Tone::Warn }, text)
        }
    };
    printer.line(format!("  {line}"));
    let known = match asked.known {
        Some(entry) => {
            let unknown = entry.unknowns();
            if unknown.is_empty() {
                say!(texts, "probe.known", entry = entry.model)
            } else {
                say!(texts, "probe.known_partly", entry = entry.model, keys = unknown.join(", "))
            }
        }
        None => say!(texts, "models.not_known", model = profile.model, provider = profile.provider),
    };
    printer.line(format!("  {known}"));
}

/// The profile as it works, and an entry for the models file when the table has none or is wrong.
fn snippet(asked: &Asked<'_>, tried: Option<&Tried>) -> String {
    let profile = &asked.profile;
    let protocol = profile.resolved_protocol(asked.known.is_some_and(Capabilities::knows_images));
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut text = format!("[profiles.{}]\n", toml_key(&profile.name));
    let _ = writeln!(text, "provider = {}", quoted(&profile.provider));
    let _ = writeln!(text, "protocol = {}", quoted(protocol.word()));
    if !profile.base_url.is_empty() {
        let _ = writeln!(text, "base_url = {}", quoted(&profile.base_url));
    }
    let _ = writeln!(text, "model = {}", quoted(&profile.model));
    let Some(tried) = tried else { return text };
    if let Some(streams) = tried.streams() {
        let why = if streams { "it was asked for a stream and answered" } else { "it refuses stream" };
        let _ = writeln!(text, "stream = {streams} # {why}");
    }
    let refused: Vec<&str> = tried.refuses.iter().map(|(option, _)| option.as_str()).collect();
    if refused.is_empty() && (asked.known.is_some() || tried.picture.is_none()) {
        return text;
    }
    let _ = writeln!(text, "\n# in the models file (models_file = …)\n[[model]]");
    let _ = writeln!(text, "provider = {}\nmodel = {}", quoted(&profile.provider), quoted(&profile.model));
    let served: Vec<&str> = match asked.known {
        Some(entry) => entry.endpoints(),
        None => vec![tried.endpoint(protocol)],
    };
    for endpoint in served {
        let _ = writeln!(text, "{endpoint} = true");
    }
    let refuses: Vec<String> =
        refused.iter().filter(|option| !matches!(**option, "stream")).map(|option| quoted(option)).collect();
    if !refuses.is_empty() {
        let _ = writeln!(text, "refuses = [{}]", refuses.join(", "));
    }
    if let Some(streams) = tried.streams() {
        let _ = writeln!(text, "stream = {streams}");
    }
    text
}

/// A key of a table as it can be written.
fn toml_key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if bare { name.to_owned() } else { toml::Value::String(name.to_owned()).to_string() }
}

/// Writes the snippet to a file of its own in the current folder.
fn save(context: &Context, profile: &Profile, snippet: &str) -> anyhow::Result<String> {
    let clean: String = profile.name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
    let path = context.desk.current.join(format!("imagemill-probe-{clean}.toml"));
    std::fs::write(&path, snippet)
        .map_err(|error| anyhow::anyhow!("the snippet cannot be written to {}: {error}", path.display()))?;
    let shown = context.shown(&path);
    context.printer.note(say!(context.texts, "probe.saved", file = shown));
    Ok(path.display().to_string())
}

fn document(asked: &Asked<'_>, tried: Option<&Tried>, snippet: &str, saved: Option<&str>) -> serde_json::Value {
    let profile = &asked.profile;
    let failure = asked.models.as_ref().err();
    json!({
        "profile": profile.name,
        "provider": profile.provider,
        "protocol": profile.resolved_protocol(asked.known.is_some_and(Capabilities::knows_images)),
        "base_url": profile.base_url,
        "model": profile.model,
        "entry": asked.known.map(|entry| &entry.model),
        "unknown": asked.known.map(Capabilities::unknowns),
        "models": {
            "names": asked.models.as_ref().ok(),
            "has_model": asked.has_model(),
            "failure": failure.map(|failure| json!({"kind": failure.kind, "message": failure.message})),
        },
        "paid": tried.map(Tried::document),
        "snippet": snippet,
        "saved": saved,
    })
}
