//! The files of collections: taken in from other programs, and handed out to them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use imagemill_desk::{RefusedRow, collection, hand_out, take_in, take_rows, write_input};
use imagemill_domain::collection::{CollectionFile, ProgressFile, picture_of};
use imagemill_store::NewCollectionItem;
use serde_json::{Map, Value, json};

use crate::cli::{ImportFilesArgs, NextArgs};
use crate::context::Context;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// Puts pictures into a collection.
pub(super) async fn keep(context: &Context, name: &str, items: Vec<NewCollectionItem>) -> anyhow::Result<()> {
    let store = context.desk.store().await?;
    let (added, known) = take_in(&store, name, items).await?;
    store.close().await;
    let pictures = context.texts.count("picture", added);
    context.printer.line(say!(context.texts, "collections.added", name = name, pictures = pictures, known = known));
    context.printer.json(&json!({ "name": name, "added": added, "known": known }));
    Ok(())
}

/// `collections import`.
pub(super) async fn import(context: &Context, args: &ImportFilesArgs) -> anyhow::Result<Exit> {
    collection(&context.desk.config, &args.name)?;
    let mut exit = Exit::Ok;
    for path in &args.files {
        let wrong = |why: &dyn std::fmt::Display| {
            Quit::usage(say!(context.texts, "critiques.no_file", file = path.display(), why = why))
        };
        let text = std::fs::read_to_string(context.desk.current.join(path)).map_err(|error| wrong(&error))?;
        let ended = match CollectionFile::parse(&text).map_err(|why| wrong(&why))? {
            CollectionFile::Progress(progress) => tell_progress(context, args, &progress)?,
            CollectionFile::Pictures(rows) => pictures(context, args, path, &rows).await?,
            CollectionFile::Critiques(rows) => critiques(context, args, rows).await?,
        };
        exit = exit.and(ended);
    }
    Ok(exit)
}

/// Progress is derived from pictures and rows and never believed: what a file says is told, and nothing is kept.
fn tell_progress(context: &Context, args: &ImportFilesArgs, progress: &ProgressFile) -> anyhow::Result<Exit> {
    let size = collection(&context.desk.config, &args.name)?.batch();
    let percent = progress.percent().map_or_else(|| "–".to_owned(), |percent| format!("{percent:.1}"));
    let left = progress.batches_left(size);
    let line = say!(
        context.texts,
        "collections.progress",
        completed = progress.completed,
        total = progress.total,
        percent = percent,
        left = context.texts.count("batch", left),
        size = size,
        failed = progress.failed_numbers().len()
    );
    context.printer.line(line);
    context.printer.json(&json!({ "name": args.name, "percent": percent, "batches_left": left, "progress": progress }));
    Ok(Exit::Ok)
}

async fn pictures(
    context: &Context,
    args: &ImportFilesArgs,
    file: &Path,
    rows: &[Map<String, Value>],
) -> anyhow::Result<Exit> {
    let beside = context.desk.current.join(file.parent().unwrap_or(Path::new("")));
    let root = args.root.as_ref().map_or(beside, |root| context.desk.current.join(root));
    let (mut items, mut missing) = (Vec::new(), 0_u64);
    for row in rows {
        let Some(name) = picture_of(row) else { continue };
        let path = root.join(name.replace('\\', "/"));
        match imagemill_imaging::facts(&path) {
            Ok((picture, _)) => items.push(NewCollectionItem {
                picture,
                path: path.to_string_lossy().into_owned(),
                name: name.to_owned(),
                columns: columns_of(row),
            }),
            Err(error) => {
                missing += 1;
                context.warn(format!("{}: {}", path.display(), context.texts.translated(&error.to_string())));
            }
        }
    }
    keep(context, &args.name, items).await?;
    Ok(if missing > 0 { Exit::SomeFailed } else { Exit::Ok })
}

/// Texts of a row besides its picture.
fn columns_of(row: &Map<String, Value>) -> BTreeMap<String, String> {
    let texts = row.iter().filter(|(key, _)| !matches!(key.as_str(), "filepath" | "image_path"));
    texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// Rows that somebody else wrote: each is held against the gate, and no bad one costs another.
async fn critiques(context: &Context, args: &ImportFilesArgs, rows: Vec<Map<String, Value>>) -> anyhow::Result<Exit> {
    let store = context.desk.store().await?;
    let taken = take_rows(&context.desk, &store, &args.name, rows, &args.authorship).await;
    store.close().await;
    let (accepted, refused) = taken?;
    for RefusedRow { picture, why } in &refused {
        let not_ours = || say!(context.texts, "collections.not_ours", name = args.name);
        let why = why.as_ref().map_or_else(not_ours, |why| context.texts.translated(why));
        context.printer.line(format!("{picture}: {why}"));
    }
    let bad = refused.len();
    let rows = context.texts.count("row", accepted);
    context.printer.line(say!(context.texts, "collections.imported", rows = rows, bad = bad));
    context.printer.json(&json!({ "name": args.name, "accepted": accepted, "refused": bad }));
    Ok(if bad > 0 { Exit::SomeFailed } else { Exit::Ok })
}

/// `collections next`.
pub(super) async fn next(context: &Context, args: &NextArgs) -> anyhow::Result<Exit> {
    let name = super::chosen(context, args.name.as_deref()).await?;
    let folder = context.desk.current.join(&args.to);
    std::fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let store = context.desk.store().await?;
    let taken = hand_out(&context.desk, &store, &name, (args.count, args.size)).await?;
    let mut written = Vec::new();
    for (batch, items) in &taken {
        let path = write_input(&folder, &name, *batch, items.iter())?;
        context.printer.line(say!(
            context.texts,
            "collections.handed",
            pictures = context.texts.count("picture", items.len() as u64),
            file = context.shown(&path)
        ));
        written.push(json!({ "batch": batch, "pictures": items.len(), "file": path }));
    }
    store.close().await;
    if taken.is_empty() {
        context.printer.line(say!(context.texts, "collections.none_waiting", name = name));
    }
    context.printer.json(&json!({ "name": name, "batches": written }));
    Ok(Exit::Ok)
}
