//! The demo's story: a folder, its pictures, one run through the simulator with a rate limit and a refusal on the way, and what
//! the same would cost for real.

use std::path::Path;

use anyhow::Context as _;
use imagemill_desk::{JobInput, Runner, SIMULATOR, save_rule};
use imagemill_domain::capability::CallShape;
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::profile::RateLimits;
use imagemill_domain::save_rule::SaveRule;
use imagemill_simulator::{Act, Scenario, ScriptLine};
use serde_json::json;

use super::pictures;
use crate::cli::DemoArgs;
use crate::context::Context;
use crate::launch;
use crate::printer::Tone;
use crate::quit::Exit;
use crate::report::{quoted, rough};
use crate::texts::say;

/// Says that a folder is ours, so that it may be emptied for the next demo.
const MARKER: &str = ".imagemill-demo";
/// What is asked for.
const PROMPT: &str = "make it night, with stars and warm light in the windows";
/// Who would do it for real.
const REAL_MODEL: (&str, &str) = ("openai", "gpt-image-2");

/// Draws, edits, saves, tells.
pub(crate) async fn run(context: Context, args: DemoArgs) -> anyhow::Result<Exit> {
    let folder = context.desk.current.join(&args.folder);
    prepare(&context, &folder)?;
    let photos = folder.join("photos");
    let pictures = pictures::write(&photos).with_context(|| format!("cannot write to {}", photos.display()))?;
    let mut context = context.in_workspace(folder.clone());
    // The demo has its own simulator, whatever address the configuration gives it.
    if let Some(profile) = context.desk.config.profiles.get_mut(SIMULATOR) {
        profile.base_url.clear();
    }
    let (texts, printer) = (&context.texts, &context.printer);
    printer.note(say!(texts, "demo.drew", folder = printer.paint_err(Tone::Bold, context.shown(&photos))));
    let pairs = folder.join("pairs");
    let input = JobInput {
        file: JobFile {
            profile: Some(SIMULATOR.to_owned()),
            prompts: vec![PROMPT.to_owned()],
            limits: Some(RateLimits { concurrency: 4, ..RateLimits::default() }),
            source: imagemill_domain::job_file::SourceSection {
                paths: vec!["photos".to_owned()],
                ..imagemill_domain::job_file::SourceSection::default()
            },
            save: Some(rule(&context, &pairs)?),
            ..JobFile::new(RecipeName::Edit)
        },
        name: "demo".to_owned(),
        base: folder.clone(),
        text: None,
        save_to: Some(pairs.clone()),
        concurrency: None,
    };
    let exit = launch::run(&context, vec![input], true, Runner::new("demo", scenario())).await?;
    tell(&context, &folder, pictures)?;
    // The refusal is part of the story and no failure of the demo.
    Ok(if exit == Exit::SomeFailed { Exit::Ok } else { exit })
}

/// A folder that is new, empty or an earlier demo's; what the earlier one made is removed.
fn prepare(context: &Context, folder: &Path) -> anyhow::Result<()> {
    let shown = context.shown(folder);
    let empty = std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    if !empty && !folder.join(MARKER).is_file() {
        anyhow::bail!(say!(context.texts, "demo.foreign", folder = shown));
    }
    if let Some(owner) = (imagemill_desk::Workspace { root: folder.to_path_buf() }).owner() {
        anyhow::bail!(say!(context.texts, "demo.running", owner = owner));
    }
    for part in ["photos", "pairs", ".imagemill"] {
        let path = folder.join(part);
        if path.is_dir() {
            std::fs::remove_dir_all(&path).with_context(|| format!("cannot empty {}", path.display()))?;
        }
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {shown}"))?;
    std::fs::write(folder.join(MARKER), "made by `imagemill demo`; the next demo empties this folder\n")
        .with_context(|| format!("cannot write to {shown}"))
}

fn rule(context: &Context, folder: &Path) -> anyhow::Result<SaveRule> {
    let rule = save_rule(&context.desk.config, Some("edit_pairs"), serde_json::Map::new())?;
    let folder = Some(folder.to_string_lossy().into_owned());
    Ok(SaveRule { folder, contact_sheet: true, manifest: true, ..rule })
}

/// A provider on an ordinary day: some time for each picture, one "not so fast", one refusal.
fn scenario() -> Scenario {
    let line = |at, act| ScriptLine { at, act, retry_after_s: None, slow_ms: None };
    Scenario {
        latency_ms: 150,
        jitter_ms: 250,
        script: vec![line(3, Act::RateLimited), line(7, Act::Refuse)],
        ..Scenario::default()
    }
}

fn tell(context: &Context, folder: &Path, pictures: u64) -> anyhow::Result<()> {
    let (texts, printer) = (&context.texts, &context.printer);
    let pairs = folder.join("pairs");
    let sheet = pairs.join("contact-sheet.jpg");
    printer.line("");
    for (key, path) in [("demo.pairs", &pairs), ("demo.sheet", &sheet), ("demo.manifest", &pairs.join("manifest.json"))]
    {
        if path.exists() {
            printer.line(format!("  {}", say!(texts, key, path = printer.paint(Tone::Bold, context.shown(path)))));
        }
    }
    let table = context.desk.capabilities()?;
    let (provider, model) = REAL_MODEL;
    let estimate = table.find(provider, model).and_then(|entry| {
        let shape =
            CallShape { n: 1, references: 1, quality: None, size: None, pixels: None, prompt_chars: PROMPT.len() };
        Some((entry.price.as_ref()?.estimate(shape)?, entry.price.as_ref()?.date.clone()))
    });
    if let Some((call, date)) = &estimate {
        let likely = printer.paint(Tone::Bold, rough(call.likely.times(pictures)));
        let (low, high) = (rough(call.low.times(pictures)), rough(call.high.times(pictures)));
        printer.line(format!(
            "  {}",
            say!(texts, "demo.real_cost", model = model, likely = likely, low = low, high = high, date = date)
        ));
    }
    printer.line("");
    printer.line(say!(texts, "demo.with_a_key"));
    let photos = quoted(&context.shown(&folder.join("photos")));
    let export = "export OPENAI_API_KEY=sk-…".to_owned();
    let edit = format!("imagemill edit {photos} --prompt \"{PROMPT}\" --save-preset edit_pairs");
    for command in [export, edit] {
        printer.line(format!("  {}", printer.paint(Tone::Command, command)));
    }
    printer.json(&json!({
        "type": "demo",
        "folder": folder,
        "pairs": pairs,
        "contact_sheet": sheet,
        "real_cost": estimate.map(|(call, date)| json!({
            "model": model,
            "likely": call.likely.times(pictures),
            "low": call.low.times(pictures),
            "high": call.high.times(pictures),
            "date": date,
        })),
    }));
    Ok(())
}
