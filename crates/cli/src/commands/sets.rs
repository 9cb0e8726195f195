//! `imagemill assets sheet` and `assets drift`: the approved picture beside the others of an asset or a persona, to look at and in numbers.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use imagemill_briefs::{AssetFolder, Measured, PictureSet, asset_set, persona_set};
use imagemill_desk::DeskError;
use imagemill_imaging::{ROWS_PER_SHEET, SheetRow, contact_sheet_png};
use serde_json::json;

use crate::cli::{DriftArgs, FoldersArgs, SheetArgs};
use crate::context::Context;
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::set_report::{html, markdown, measured, name_of, title, words};
use crate::texts::say;

/// The sets that are meant, each with the folder for what is drawn of it.
fn sets(context: &Context, args: &FoldersArgs, persona: Option<&str>) -> anyhow::Result<Vec<(PictureSet, PathBuf)>> {
    let folders = super::assets::folders(context, args)?;
    let Some(persona) = persona else {
        let with_place = |folder: &AssetFolder| Ok((asset_set(folder)?, folder.path("qa")));
        let all: Result<_, DeskError> = folders.iter().map(with_place).collect();
        return Ok(all?);
    };
    let set = persona_set(&folders, persona).map_err(DeskError::from)?;
    let set = set.ok_or_else(|| Quit::usage(say!(context.texts, "sets.no_persona", persona = persona)))?;
    Ok(vec![(set, context.desk.current.join(&args.folders[0]))])
}

/// `assets sheet`.
pub(crate) fn draw_sheets(context: &Context, args: &SheetArgs) -> anyhow::Result<Exit> {
    let mut documents = Vec::new();
    for (set, place) in sets(context, &args.folders, args.persona.as_deref())? {
        let place = args.to.as_ref().map_or(place, |to| context.desk.current.join(to));
        let stem = match (&args.to, &args.persona) {
            (None, None) => "contact-sheet".to_owned(),
            _ => format!("{}-contact-sheet", file_name(&set.name)),
        };
        let measured = measured(context, set)?;
        std::fs::create_dir_all(&place).with_context(|| format!("the folder {} cannot be made", place.display()))?;
        let mut files = vec![place.join(format!("{stem}.html"))];
        put(&files[0], html(&context.texts, std::slice::from_ref(&measured), &place).as_bytes())?;
        for (at, rows) in rows(context, &measured).chunks(ROWS_PER_SHEET).enumerate() {
            let name = if at == 0 { format!("{stem}.png") } else { format!("{stem}-{}.png", at + 1) };
            files.push(place.join(name));
            put(&files[at + 1], &contact_sheet_png(rows)?)?;
        }
        for file in &files {
            context.printer.line(context.shown(file));
        }
        documents.push(json!({ "set": measured.document(), "files": files }));
    }
    context.printer.json(&json!({ "sheets": documents }));
    Ok(Exit::Ok)
}

fn rows(context: &Context, measured: &Measured) -> Vec<SheetRow> {
    let row = |(at, member): (usize, &imagemill_briefs::Member)| SheetRow {
        source: measured.set.reference.clone(),
        results: vec![member.file.clone()],
        label: format!("{} · {}", name_of(measured, member), words(&context.texts, measured, at)),
    };
    if measured.set.members.is_empty() {
        // The approved picture is alone.
        let results: Vec<PathBuf> = measured.set.reference.iter().cloned().collect();
        let alone = SheetRow { source: None, results, label: title(&context.texts, measured) };
        return if alone.results.is_empty() { Vec::new() } else { vec![alone] };
    }
    measured.set.members.iter().enumerate().map(row).collect()
}

/// `assets drift`.
pub(crate) fn measure(context: &Context, args: &DriftArgs) -> anyhow::Result<Exit> {
    let (texts, printer) = (&context.texts, &context.printer);
    let mut all = Vec::new();
    for (mut set, _) in sets(context, &args.folders, args.persona.as_deref())? {
        if let Some(against) = &args.against {
            let against = context.desk.current.join(against);
            set.members.retain(|member| member.file != against);
            set.reference = Some(against);
        }
        all.push(measured(context, set)?);
    }
    for measured in &all {
        printer.line(printer.paint(Tone::Bold, title(texts, measured)));
        for (at, member) in measured.set.members.iter().enumerate() {
            printer.line(format!("  {}  {}", name_of(measured, member), words(texts, measured, at)));
        }
    }
    printer.note(say!(texts, "sets.units"));
    let document =
        json!({ "sets": all.iter().map(Measured::document).collect::<Vec<_>>(), "units": Measured::units() });
    if let Some(folder) = &args.report {
        let folder = context.desk.current.join(folder);
        std::fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        put(&folder.join("drift.json"), (serde_json::to_string_pretty(&document)? + "\n").as_bytes())?;
        put(&folder.join("drift.md"), markdown(texts, &all).as_bytes())?;
        put(&folder.join("drift.html"), html(texts, &all, &folder).as_bytes())?;
        printer.line(say!(texts, "sets.written", folder = context.shown(&folder)));
    }
    printer.json(&document);
    let measured_all = all.iter().all(|measured| measured.set.reference.is_some() && measured.failures() == 0);
    Ok(if measured_all { Exit::Ok } else { Exit::SomeFailed })
}

fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}

/// A persona's name may be anything.
fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect()
}
