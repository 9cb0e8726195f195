//! `imagemill deck`: what a deck's folder holds, what is left to do in it, and its pptx file. Nothing in this file costs anything; the
//! rules are `imagemill_decks`'.

use std::io::Write as _;

use imagemill_decks::{
    BuildOptions, Built, DeckError, DeckFolder, DeckStatus, Fault, Outline, PageAction, build, build_pdf, sanitise,
    status, write_sheets, write_whole,
};
use serde_json::json;

use super::deck_run;
use crate::cli::{DeckAction, DeckArgs, DeckFolderArgs, OutlineArgs, PptxArgs, PromptsArgs, SlideArgs};
use crate::context::Context;
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, args: DeckArgs) -> anyhow::Result<Exit> {
    match args.action {
        DeckAction::New(args) => deck_run::new(context, &args),
        DeckAction::Run(args) => Box::pin(deck_run::run(context, *args)).await,
        DeckAction::Status(args) => tell(context, &args),
        DeckAction::Outline(args) => outline(context, &args),
        DeckAction::Prompts(args) => prompts(context, &args),
        DeckAction::Pptx(args) => file(context, &args, build),
        DeckAction::Pdf(args) => file(context, &args, build_pdf),
        DeckAction::Sheet(args) => sheet(context, &args),
    }
}

pub(super) fn open(context: &Context, args: &DeckFolderArgs) -> anyhow::Result<DeckFolder> {
    DeckFolder::open(&context.desk.current.join(&args.folder)).map_err(|error| refused(context, &error))
}

/// A folder or a file in it that cannot be used is the user's to mend; what cannot be written is this machine's.
pub(super) fn refused(context: &Context, error: &DeckError) -> anyhow::Error {
    let message = context.texts.translated(&error.to_string());
    match error {
        DeckError::Unwritable { .. } => anyhow::Error::msg(message),
        DeckError::NoPack(_) | DeckError::Exists(_) | DeckError::Unreadable { .. } => Quit::usage(message),
    }
}

/// `deck status`.
fn tell(context: &Context, args: &DeckFolderArgs) -> anyhow::Result<Exit> {
    let folder = open(context, args)?;
    let status = status(&folder).map_err(|error| refused(context, &error))?;
    show(context, &folder, &status);
    context.printer.json(&serde_json::to_value(&status)?);
    Ok(if status.is_done() { Exit::Ok } else { Exit::SomeFailed })
}

fn show(context: &Context, folder: &DeckFolder, status: &DeckStatus) {
    let (texts, printer) = (&context.texts, &context.printer);
    let row = |name: &str, done: bool, why: Option<&String>| {
        let mark = if done { printer.paint(Tone::Good, "✓") } else { printer.paint(Tone::Warn, "·") };
        let why = why.map(|why| texts.translated(why)).unwrap_or_default();
        printer.line(format!("  {mark} {name:22} {}", printer.paint(Tone::Dim, why)).trim_end());
    };
    let name = printer.paint(Tone::Bold, &status.deck_id);
    let pages = texts.count("page", status.page_count.into());
    printer.line(say!(texts, "deck.head", deck = name, pages = pages, folder = context.shown(&folder.root)));
    row("style_spec.md", status.style_spec_done, status.style_spec_why.as_ref());
    row("outline.json", status.outline_done, status.outline_why.as_ref());
    for page in &status.pages {
        row(&format!("page_{:03}.png", page.page_no), page.action == PageAction::Skip, page.why.as_ref());
    }
    row(&format!("{}.pptx", status.deck_id), status.pptx_done, status.pptx_why.as_ref());
    if !status.outline_faults.is_empty() {
        let count = texts.count("fault", status.outline_faults.len() as u64);
        printer.line(say!(texts, "deck.outline_faults", count = count, folder = context.shown(&folder.root)));
    }
}

/// `deck outline`.
fn outline(context: &Context, args: &OutlineArgs) -> anyhow::Result<Exit> {
    let (texts, printer) = (&context.texts, &context.printer);
    let folder = open(context, &args.deck)?;
    let mut outline = outline_of(context, &folder)?;
    let mut mended = Vec::new();
    if args.mend {
        mended = outline.mend();
        if !mended.is_empty() {
            let text = serde_json::to_string_pretty(&outline)? + "\n";
            write_whole(&folder.outline_path(), |file| file.write_all(text.as_bytes()))
                .map_err(|error| refused(context, &error))?;
        }
    }
    let faults = outline.faults(folder.page_count().unwrap_or(outline.total_pages));
    let list = |faults: &[Fault], tone| {
        for fault in faults {
            let place = printer.paint(tone, &fault.place);
            printer.line(format!("  {place}  {}", texts.translated(&fault.message)));
        }
    };
    if !mended.is_empty() {
        printer.line(say!(texts, "deck.mended"));
        list(&mended, Tone::Good);
    }
    let pages = texts.count("page", outline.pages.len() as u64);
    if faults.is_empty() {
        printer.line(say!(texts, "deck.outline_good", pages = pages));
    } else {
        let count = texts.count("fault", faults.len() as u64);
        printer.line(say!(texts, "deck.outline_bad", pages = pages, count = count));
        list(&faults, Tone::Bad);
    }
    printer.json(&json!({ "faults": faults, "mended": mended }));
    Ok(if faults.is_empty() { Exit::Ok } else { Exit::SomeFailed })
}

fn outline_of(context: &Context, folder: &DeckFolder) -> anyhow::Result<Outline> {
    let found = folder.outline().map_err(|error| refused(context, &error))?;
    let none = || Quit::usage(say!(context.texts, "deck.no_outline", folder = context.shown(&folder.root)));
    found.ok_or_else(none)
}

/// `deck prompts`.
fn prompts(context: &Context, args: &PromptsArgs) -> anyhow::Result<Exit> {
    let (texts, printer) = (&context.texts, &context.printer);
    let folder = open(context, &args.deck)?;
    let outline = outline_of(context, &folder)?;
    let (mut documents, mut exit) = (Vec::new(), Exit::Ok);
    for page in &outline.pages {
        let path = folder.prompt_path(page.page_no);
        let Ok(prompt) = std::fs::read_to_string(&path) else { continue };
        let shown: Vec<&str> = page.on_page_text.all().collect();
        let clean = sanitise(&prompt, &shown);
        let absent: Vec<&str> = shown.into_iter().filter(|text| !prompt.contains(text.trim())).collect();
        let name = printer.paint(Tone::Bold, format!("page_{:03}", page.page_no));
        for removal in &clean.removed {
            printer.line(say!(texts, "deck.removed", page = name, text = removal.text));
        }
        for text in &absent {
            exit = Exit::SomeFailed;
            printer.line(say!(texts, "deck.absent", page = name, text = printer.paint(Tone::Bad, text)));
        }
        if args.write && !clean.removed.is_empty() {
            write_whole(&path, |file| file.write_all(clean.text.as_bytes()))
                .map_err(|error| refused(context, &error))?;
        }
        documents.push(json!({ "page_no": page.page_no, "removed": clean.removed, "absent": absent }));
    }
    let count = texts.count("prompt", documents.len() as u64);
    let removed: usize = documents.iter().filter_map(|page| page["removed"].as_array()).map(Vec::len).sum();
    let key = if args.write { "deck.prompts_written" } else { "deck.prompts_read" };
    printer.line(texts.fill(key, &[("prompts", count), ("removed", removed.to_string())]));
    printer.json(&json!({ "pages": documents, "written": args.write }));
    Ok(exit)
}

/// How pages lie on slides.
pub(super) fn options(args: &SlideArgs) -> BuildOptions {
    BuildOptions { output: None, fit: args.fit.into(), missing: args.missing.into() }
}

/// The document of a written file.
pub(super) fn built_document(built: &Built) -> serde_json::Value {
    let mut document = serde_json::to_value(built).expect("our own shapes always serialise");
    document["type"] = "deck".into();
    document
}

/// `deck sheet`.
fn sheet(context: &Context, args: &DeckFolderArgs) -> anyhow::Result<Exit> {
    let folder = open(context, args)?;
    let status = status(&folder).map_err(|error| refused(context, &error))?;
    let sheets = write_sheets(&folder, status.page_count).map_err(|error| refused(context, &error))?;
    for sheet in &sheets {
        context.printer.line(context.shown(sheet));
    }
    if sheets.is_empty() {
        context.printer.line(say!(context.texts, "deck.no_pages"));
    }
    context.printer.json(&json!({ "sheets": sheets }));
    Ok(if sheets.is_empty() { Exit::SomeFailed } else { Exit::Ok })
}

/// `deck pptx` and `deck pdf`.
fn file(
    context: &Context,
    args: &PptxArgs,
    build: fn(&DeckFolder, &BuildOptions) -> Result<Built, DeckError>,
) -> anyhow::Result<Exit> {
    let (texts, printer) = (&context.texts, &context.printer);
    let folder = open(context, &args.deck)?;
    let output = args.output.as_ref().map(|path| context.desk.current.join(path));
    let options = BuildOptions { output, ..options(&args.slides) };
    let built = build(&folder, &options).map_err(|error| refused(context, &error))?;
    for page in &built.missing {
        let why = texts.translated(&page.why);
        printer.line(printer.paint(Tone::Warn, say!(texts, "deck.page_missing", page = page.page_no, why = why)));
    }
    let slides = texts.count("slide", built.total_slides as u64);
    let file = context.shown(std::path::Path::new(&built.output));
    let line = if built.missing.is_empty() {
        say!(texts, "deck.written", file = file, slides = slides)
    } else {
        say!(texts, "deck.written_in_part", file = file, slides = slides, missing = built.missing.len())
    };
    printer.line(line);
    printer.json(&built_document(&built));
    Ok(if built.missing.is_empty() { Exit::Ok } else { Exit::SomeFailed })
}
