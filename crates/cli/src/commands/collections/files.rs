//! The files of collections: taken in from other programs, handed out to them, and written when rows are merged.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use imagemill_desk::{Board, BoardItem, ItemState, Queue, QueueEntry, collection, commission_of, now_us, take_in};
use imagemill_domain::collection::{CollectionFile, ProgressFile, batch_file, picture_of};
use imagemill_domain::critique::{CritiqueSection, complaint};
use imagemill_domain::hash::ContentHash;
use imagemill_store::{CollectionItem, CollectionMerge, NewCollectionItem, Store};
use serde_json::{Map, Value, json};

use super::{board, lake};
use crate::cli::{ImportFilesArgs, NextArgs, SyncArgs};
use crate::clock::utc_time;
use crate::context::Context;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// Findings that are told.
pub(super) const TOLD: usize = 20;

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
    let section = CritiqueSection { collection: Some(args.name.clone()), ..CritiqueSection::default() };
    let commission = commission_of(&context.desk.config, &context.desk.current, &section)?;
    let store = context.desk.store().await?;
    let items = store.collections().items(&args.name).await?;
    let key = |name: &str| name.trim().replace('\\', "/").trim_start_matches("./").to_owned();
    let known: HashMap<String, ContentHash> = items.iter().map(|item| (key(&item.name), item.picture)).collect();
    let (mut good, mut bad) = (Vec::new(), 0_u64);
    for mut row in rows {
        let name = picture_of(&row).unwrap_or_default().to_owned();
        let Some(picture) = known.get(&key(&name)) else {
            bad += 1;
            context.printer.line(format!("{name}: {}", say!(context.texts, "collections.not_ours", name = args.name)));
            continue;
        };
        let faults = commission.faults(&row);
        if !faults.is_empty() {
            bad += 1;
            context.printer.line(format!("{name}: {}", context.texts.translated(&complaint(&faults))));
            continue;
        }
        let facts = [
            ("authorship", Value::from(args.authorship.as_str())),
            ("culture", commission.collection.clone().into()),
            ("rubric", commission.rubric.name.clone().into()),
            ("rubric_version", commission.rubric.version.clone().into()),
            ("gate", commission.gate_name.clone().into()),
            ("image_blake3", json!(picture)),
        ];
        for (member, value) in facts {
            row.entry(member).or_insert(value);
        }
        good.push((*picture, Value::Object(row)));
    }
    let accepted = store.collections().accept(&args.name, good).await?;
    store.close().await;
    let rows = context.texts.count("row", accepted);
    context.printer.line(say!(context.texts, "collections.imported", rows = rows, bad = bad));
    context.printer.json(&json!({ "name": args.name, "accepted": accepted, "refused": bad }));
    Ok(if bad > 0 { Exit::SomeFailed } else { Exit::Ok })
}

/// `collections next`.
pub(super) async fn next(context: &Context, args: &NextArgs) -> anyhow::Result<Exit> {
    let name = super::chosen(context, args.name.as_deref()).await?;
    let own = collection(&context.desk.config, &name)?;
    let folder = context.desk.current.join(&args.to);
    std::fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let store = context.desk.store().await?;
    let size = args.size.unwrap_or(own.batch());
    let taken = store.collections().take(&name, args.count, size, |_| String::new(), now_us()).await?;
    let mut written = Vec::new();
    for (batch, items) in &taken {
        let path = folder.join(batch_file(&name, batch.number, "input"));
        let rows: Vec<Value> = items.iter().map(input_row).collect();
        write_json(&path, &rows)?;
        context.printer.line(say!(
            context.texts,
            "collections.handed",
            pictures = context.texts.count("picture", items.len() as u64),
            file = context.shown(&path)
        ));
        written.push(json!({ "batch": batch.number, "pictures": items.len(), "file": path }));
    }
    store.close().await;
    if taken.is_empty() {
        context.printer.line(say!(context.texts, "collections.none_waiting", name = name));
    }
    context.printer.json(&json!({ "name": name, "batches": written }));
    Ok(Exit::Ok)
}

fn input_row(item: &CollectionItem) -> Value {
    let mut row = Map::from_iter([("filepath".to_owned(), item.name.clone().into())]);
    row.extend(item.columns.iter().map(|(key, value)| (key.clone(), value.clone().into())));
    Value::Object(row)
}

/// `collections sync`: accepted rows go through the gate together with those that are merged already, because copies and stock sentences
/// only show among all of them. A row that fails stays accepted and is told; so is one that readers keep out.
pub(super) async fn sync(context: &Context, args: &SyncArgs) -> anyhow::Result<Exit> {
    let desk = &context.desk;
    let store = desk.existing_store().await?;
    let queue = Queue::read(&store, &desk.config, &desk.current, &args.name).await?;
    let before = &queue.board;
    let (pictures, left_out) = sorted(context, &queue);
    let rows = rows_of(&store, before).await?;
    let done = store.collections().merges(&args.name).await?.into_iter().filter(|merge| merge.version_after.is_some());
    let last = before.items.iter().map(|item| item.item.merged).chain(done.map(|merge| merge.number)).max();
    let merge = last.unwrap_or(0) + 1;
    let count = pictures.len() as u64;
    let address = lake::address(context, &args.name, args.lance.as_deref())?;
    let mut begun = CollectionMerge { number: merge, created_us: now_us(), rows: count, ..CollectionMerge::default() };
    let mut version = 0;
    let mut brought = count;
    if let Some(address) = &address {
        let of = |all: bool| lake::rows(&store, before, &rows, &pictures, (merge, address, all));
        if args.dry_run {
            return lake::tell_difference(context, &args.name, address, of(true).await?).await;
        }
        brought = of(args.all).await?.len() as u64;
        if brought > 0 {
            begun.rows = brought;
            (begun.lake, begun.version_before) = (address.clone(), lake::before(&args.name, address).await?);
            store.collections().begin_merge(&args.name, begun.clone()).await?;
            version = lake::put(&args.name, address, of(args.all).await?).await?;
        }
    } else if count > 0 && !args.dry_run {
        store.collections().begin_merge(&args.name, begun).await?;
    }
    if brought > 0 && !args.dry_run {
        store.collections().merged(&args.name, pictures, merge, version).await?;
    }
    let after = board(context, &store, &args.name).await?;
    let folder = context.desk.current.join(&args.to);
    if !args.dry_run {
        write_files(&folder, &after, &rows_of(&store, &after).await?)?;
    }
    store.close().await;
    for line in left_out.iter().take(TOLD) {
        context.printer.line(line);
    }
    let merged_rows = context.texts.count("row", count);
    let key = if args.dry_run { "collections.would_merge" } else { "collections.merged" };
    context.printer.line(say!(
        context.texts,
        key,
        rows = merged_rows,
        all = after.count(ItemState::Merged),
        left = left_out.len(),
        folder = context.shown(&folder)
    ));
    context.printer.json(&json!({ "name": args.name, "merge": merge, "merged": count, "all": after.count(ItemState::Merged), "left_out": left_out, "folder": folder,
        "lance": address, "version": version }));
    Ok(if left_out.is_empty() { Exit::Ok } else { Exit::SomeFailed })
}

/// The pictures whose rows are merged now, and in words why others are not.
fn sorted(context: &Context, queue: &Queue) -> (Vec<ContentHash>, Vec<String>) {
    let (mut pictures, mut left_out) = (Vec::new(), Vec::new());
    let mut entries: Vec<&QueueEntry> = queue.entries.iter().collect();
    entries.sort_by_key(|entry| entry.at);
    for entry in entries {
        let item = queue.item(entry);
        let name = &item.item.name;
        if item.state == ItemState::Rejected {
            left_out.push(format!("{name}: {}", say!(context.texts, "collections.kept_out")));
        } else if item.state == ItemState::Accepted {
            if entry.faults.is_empty() {
                pictures.push(item.item.picture);
            } else {
                left_out.push(format!("{name}: {}", context.texts.translated(&complaint(&entry.faults))));
            }
        }
    }
    (pictures, left_out)
}

/// The rows that may be given out, as people left them, with their pictures.
pub(crate) async fn rows_of<'a>(store: &Store, board: &'a Board) -> anyhow::Result<Vec<(&'a BoardItem, Value)>> {
    let rows = board.rows(store).await?;
    Ok(rows.into_iter().map(|(at, row)| (&board.items[at], row)).collect())
}

/// Candidates, inputs and outputs of batches, merged rows, progress.
pub(super) fn write_files(folder: &Path, board: &Board, rows: &[(&BoardItem, Value)]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let name = &board.name;
    let images: Vec<Value> = board.items.iter().map(|item| input_row(&item.item)).collect();
    write_json(&folder.join(format!("{name}_expansion_candidates.json")), &json!({ "images": images }))?;
    for batch in &board.batches {
        let number = batch.batch.number;
        let of = |item: &BoardItem| item.item.batch == Some(number);
        let asked: Vec<Value> = board.items.iter().filter(|item| of(item)).map(|item| input_row(&item.item)).collect();
        if asked.is_empty() {
            continue;
        }
        write_json(&folder.join(batch_file(name, number, "input")), &asked)?;
        let answered: Vec<&Value> = rows.iter().filter(|(item, _)| of(item)).map(|(_, row)| row).collect();
        if !answered.is_empty() {
            write_json(&folder.join(batch_file(name, number, "output")), &answered)?;
        }
    }
    let merged = rows.iter().filter(|(item, _)| item.state == ItemState::Merged);
    let merged = lines_of(merged.map(|(_, row)| row));
    write(&folder.join(format!("{name}_accepted.jsonl")), &merged)?;
    write_json(&folder.join(format!("{name}_expansion_progress.json")), &board.progress(&utc_time(now_us())))
}

/// Rows as JSONL.
fn lines_of<'a>(rows: impl Iterator<Item = &'a Value>) -> String {
    rows.fold(String::new(), |mut lines, row| {
        let _ = writeln!(lines, "{row}");
        lines
    })
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> anyhow::Result<()> {
    write(path, &(serde_json::to_string_pretty(value)? + "\n"))
}

/// The file is whole or not there.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".part");
    let draft = PathBuf::from(draft);
    let written = std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, path));
    written.with_context(|| format!("{} cannot be written", path.display()))
}
