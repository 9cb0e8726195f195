//! `imagemill gc`: files that no row refers to, and drafts of jobs that are gone. Shows first; removes only with --yes, and never while another process runs the
//! workspace, because that one may be about to write the row.

use imagemill_desk::Claim;
use serde_json::json;

use crate::cli::GcArgs;
use crate::context::Context;
use crate::printer::Tone;
use crate::quit::Exit;
use crate::texts::{grouped, say};

/// Files that are listed.
const LISTED: usize = 20;

/// Shows, and removes when asked to.
pub(crate) async fn run(context: &Context, args: GcArgs) -> anyhow::Result<Exit> {
    let store = context.desk.existing_store().await?;
    // Held to the end, so that nobody starts meanwhile.
    let _lock = match context.desk.workspace.claim("gc")? {
        Claim::Mine(lock) => lock,
        Claim::Theirs(owner) => anyhow::bail!(say!(context.texts, "gc.owned", owner = owner)),
    };
    let files = context.desk.files()?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    for file in files.originals().chain(files.thumbnails()) {
        let (hash, path, length) = file?;
        if !store.assets().is_referenced(hash).await? {
            bytes += length;
            found.push((hash, path, length));
        }
    }
    let mut drafts = Vec::new();
    for (job, folder, length) in files.drafts()? {
        if store.jobs().get(job).await?.is_none() {
            bytes += length;
            drafts.push((folder, length));
        }
    }
    let (texts, printer) = (&context.texts, &context.printer);
    for (folder, length) in drafts.iter().take(LISTED) {
        printer.line(format!("  {}/  {}", context.shown(folder), printer.paint(Tone::Dim, size(*length))));
    }
    for (_, path, length) in found.iter().take(LISTED) {
        printer.line(format!("  {}  {}", context.shown(path), printer.paint(Tone::Dim, size(*length))));
    }
    if found.len() > LISTED {
        printer.line(format!("  {}", say!(texts, "gc.more", count = grouped((found.len() - LISTED) as u64))));
    }
    let count = texts.count("file", (found.len() + drafts.len()) as u64);
    if found.is_empty() && drafts.is_empty() {
        printer.line(say!(texts, "gc.nothing"));
    } else if args.yes {
        for (_, path, _) in &found {
            files.remove(path)?;
        }
        for (folder, _) in &drafts {
            files.remove_drafts(folder)?;
        }
        printer.line(say!(texts, "gc.removed", files = count, size = size(bytes)));
    } else {
        let command = printer.paint(Tone::Command, "imagemill gc --yes");
        printer.line(say!(texts, "gc.would", files = count, size = size(bytes), command = command));
    }
    printer.json(&json!({
        "files": found.len(),
        "drafts": drafts.iter().map(|(folder, _)| context.shown(folder)).collect::<Vec<_>>(),
        "bytes": bytes,
        "removed": args.yes,
        "paths": found.iter().map(|(_, path, _)| context.shown(path)).collect::<Vec<_>>(),
    }));
    Ok(Exit::Ok)
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
