//! `imagemill gc`: files that no row refers to, and drafts of jobs that are gone. Shows first; removes only with --yes, and never while another process runs the
//! workspace, because that one may be about to write the row.

use imagemill_desk::{Claim, loose_files};
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
    let found = loose_files(&store, &files).await?;
    let bytes = found.iter().map(|file| file.bytes).sum();
    let (texts, printer) = (&context.texts, &context.printer);
    for file in found.iter().take(LISTED) {
        printer.line(format!("  {}  {}", context.shown(&file.path), printer.paint(Tone::Dim, size(file.bytes))));
    }
    if found.len() > LISTED {
        printer.line(format!("  {}", say!(texts, "gc.more", count = grouped((found.len() - LISTED) as u64))));
    }
    let count = texts.count("file", found.len() as u64);
    if found.is_empty() {
        printer.line(say!(texts, "gc.nothing"));
    } else if args.yes {
        for file in &found {
            files.remove(&file.path)?;
        }
        printer.line(say!(texts, "gc.removed", files = count, size = size(bytes)));
    } else {
        let command = printer.paint(Tone::Command, "imagemill gc --yes");
        printer.line(say!(texts, "gc.would", files = count, size = size(bytes), command = command));
    }
    printer.json(&json!({
        "files": found.len(),
        "bytes": bytes,
        "removed": args.yes,
        "paths": found.iter().map(|file| context.shown(&file.path)).collect::<Vec<_>>(),
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
