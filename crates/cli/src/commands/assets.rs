//! `imagemill assets`: whether asset folders are as their records say, and folders of other runners.

use imagemill_briefs::{AssetFolder, DifferenceKind, asset_name, check, import, rebuild};
use imagemill_desk::DeskError;
use serde_json::json;

use crate::cli::{AssetsArgs, AssetsCommand, FoldersArgs, ImportArgs};
use crate::context::Context;
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// `assets`.
pub(crate) fn run(context: &Context, args: AssetsArgs) -> anyhow::Result<Exit> {
    match args.command {
        AssetsCommand::Check(args) => check_all(context, &args),
        AssetsCommand::RebuildIndex(args) => rebuild_all(context, &args),
        AssetsCommand::Sheet(args) => super::sets::draw_sheets(context, &args),
        AssetsCommand::Drift(args) => super::sets::measure(context, &args),
        AssetsCommand::Import(args) => bring_in(context, &args),
    }
}

/// The asset folders that are meant: each named one, or those right below it.
pub(crate) fn folders(context: &Context, args: &FoldersArgs) -> anyhow::Result<Vec<AssetFolder>> {
    let mut found = Vec::new();
    for named in &args.folders {
        let path = context.desk.current.join(named);
        let there = imagemill_desk::asset_folders(&path);
        let there = there.map_err(|error| Quit::Usage(format!("{}: {error}", named.display())))?;
        if there.is_empty() {
            return Err(Quit::usage(say!(context.texts, "assets.none", folder = named.display())));
        }
        found.extend(there);
    }
    Ok(found)
}

/// `assets check`.
fn check_all(context: &Context, args: &FoldersArgs) -> anyhow::Result<Exit> {
    let (texts, printer) = (&context.texts, &context.printer);
    let (mut documents, mut exit) = (Vec::new(), Exit::Ok);
    for folder in folders(context, args)? {
        let differences = check(&folder).map_err(DeskError::from)?;
        let shown = printer.paint(Tone::Bold, context.shown(folder.root()));
        if differences.is_empty() {
            printer.line(say!(texts, "assets.true", folder = shown));
        } else {
            exit = Exit::SomeFailed;
            let count = texts.count("thing", differences.len() as u64);
            printer.line(say!(texts, "assets.differs", folder = shown, count = count));
        }
        for difference in &differences {
            let run = difference.run.clone().unwrap_or_default();
            let line = match difference.kind {
                DifferenceKind::Missing => say!(texts, "assets.missing", path = difference.path, run = run),
                DifferenceKind::Changed => say!(texts, "assets.changed", path = difference.path, run = run),
                DifferenceKind::Extra => say!(texts, "assets.extra", path = difference.path),
                DifferenceKind::StaleIndex => say!(texts, "assets.stale"),
                DifferenceKind::Hero => say!(texts, "assets.hero", path = difference.path),
                DifferenceKind::Verdict => say!(texts, "assets.misplaced", path = difference.path),
            };
            printer.line(format!("  {}", printer.paint(Tone::Warn, line)));
        }
        documents.push(json!({ "folder": folder.root(), "differences": differences }));
    }
    printer.json(&json!({ "assets": documents }));
    Ok(exit)
}

/// `assets rebuild-index`.
fn rebuild_all(context: &Context, args: &FoldersArgs) -> anyhow::Result<Exit> {
    let mut documents = Vec::new();
    for folder in folders(context, args)? {
        let _lock = context.desk.lock_asset(&folder)?;
        let changed = rebuild(&folder).map_err(DeskError::from)?;
        let shown = context.shown(folder.root());
        let line = if changed {
            say!(context.texts, "assets.rebuilt", folder = shown)
        } else {
            say!(context.texts, "assets.true", folder = shown)
        };
        context.printer.line(line);
        documents.push(json!({ "folder": folder.root(), "changed": changed }));
    }
    context.printer.json(&json!({ "assets": documents }));
    Ok(Exit::Ok)
}

/// `assets import`.
fn bring_in(context: &Context, args: &ImportArgs) -> anyhow::Result<Exit> {
    let (texts, printer) = (&context.texts, &context.printer);
    if args.to.is_some() && args.folders.folders.len() > 1 {
        return Err(Quit::usage(say!(texts, "assets.one_target")));
    }
    let mut documents = Vec::new();
    for from in folders(context, &args.folders)? {
        let name = asset_name(&from).map_err(DeskError::from)?;
        let to = match &args.to {
            Some(to) => context.desk.current.join(to),
            None => context.desk.workspace.root.join("assets").join(name),
        };
        let to = AssetFolder::new(to);
        let _lock = context.desk.lock_asset(&to)?;
        let imported = import(&from, &to).map_err(DeskError::from)?;
        let files = texts.count("file", imported.files);
        let (source, target) = (context.shown(from.root()), context.shown(to.root()));
        printer.line(say!(texts, "assets.imported", from = source, to = target, files = files, runs = imported.runs));
        for lost in &imported.lost {
            context.warn(say!(texts, "assets.lost", file = lost));
        }
        if let Some(hero) = &imported.hero_dropped {
            context.warn(say!(texts, "assets.hero", path = hero));
        }
        documents.push(json!({ "from": from.root(), "folder": to.root(), "imported": imported }));
    }
    printer.json(&json!({ "assets": documents }));
    Ok(Exit::Ok)
}
