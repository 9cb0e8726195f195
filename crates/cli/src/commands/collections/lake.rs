//! Merges into a Lance table: which rows go, in which order the table and the workspace learn of it, and how a merge is taken back. A merge
//! is written down before the table is touched, so one that was cut is done again under its number and can still be taken back.

use std::time::Duration;

use imagemill_desk::{Board, BoardItem, ItemState, collection, now_us};
use imagemill_domain::hash::ContentHash;
use imagemill_export::dataset::{CritiqueRow, Dataset, Likeness, Rights, critiques};
use imagemill_export::lake::{Difference, difference, merge, prepare, restore, version};
use imagemill_store::{CollectionMerge, Store};
use serde_json::{Value, json};

use super::{board, files};
use crate::cli::{SyncArgs, UndoArgs};
use crate::commands::export::critique_row;
use crate::context::Context;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// Accepted rows after which a run merges on the way.
const MERGE_EVERY: u64 = 100;
/// How often a run looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Where the rows of a collection go: what the command says, else what the collection says.
pub(super) fn address(context: &Context, name: &str, given: Option<&str>) -> anyhow::Result<Option<String>> {
    let own = collection(&context.desk.config, name)?;
    let Some(address) = given.or(own.lance.as_deref()).filter(|address| !address.is_empty()) else { return Ok(None) };
    if address.contains("://") {
        return Ok(Some(address.to_owned()));
    }
    Ok(Some(context.desk.current.join(address).to_string_lossy().into_owned()))
}

/// The rows of a merge into a table: those that are fresh, and those that earlier merges did not bring there.
pub(super) async fn rows(
    store: &Store,
    board: &Board,
    rows: &[(&BoardItem, Value)],
    fresh: &[ContentHash],
    (number, address, all): (u32, &str, bool),
) -> anyhow::Result<Vec<CritiqueRow>> {
    let merges = store.collections().merges(&board.name).await?;
    // Each merge into the table brings everything that it lacks.
    let is_there = |merged: u32| {
        let done = |merge: &&CollectionMerge| merge.version_after.is_some() && merge.undone_us.is_none();
        merges.iter().filter(done).any(|merge| merge.number >= merged && merge.lake == address)
    };
    let wanted = |item: &BoardItem| {
        let merged = item.state == ItemState::Merged;
        fresh.contains(&item.item.picture) || (merged && (all || !is_there(item.item.merged)))
    };
    let of = |(item, row): &(&BoardItem, Value)| {
        let number = if item.item.merged == 0 { number } else { item.item.merged };
        critique_row(board, &merges, item, row.clone(), number)
    };
    Ok(rows.iter().filter(|(item, _)| wanted(item)).filter_map(of).collect())
}

async fn set(name: &str, rows: Vec<CritiqueRow>) -> anyhow::Result<Dataset> {
    Ok(critiques(name.to_owned(), rows, Likeness::default(), Rights::default()).await?)
}

/// What a merge would change; nothing is written.
pub(super) async fn tell_difference(
    context: &Context,
    name: &str,
    address: &str,
    rows: Vec<CritiqueRow>,
) -> anyhow::Result<Exit> {
    let found = if rows.is_empty() {
        Difference { version: version(address, name).await?, ..Difference::default() }
    } else {
        difference(address, name, &set(name, rows).await?).await?
    };
    for (mark, rows) in [("+", &found.new), ("~", &found.changed)] {
        for row in rows.iter().take(files::TOLD) {
            context.printer.line(format!("{mark} {row}"));
        }
    }
    context.printer.line(say!(
        context.texts,
        "collections.difference",
        new = found.new.len(),
        changed = found.changed.len(),
        same = found.same,
        version = found.version
    ));
    context.printer.json(&found);
    Ok(Exit::Ok)
}

/// The version that a merge can be taken back to: an empty table is one, so one that is not there is made.
pub(super) async fn before(name: &str, address: &str) -> anyhow::Result<u64> {
    Ok(prepare(address, name).await?)
}

/// Brings rows into the table; answers its version.
pub(super) async fn put(name: &str, address: &str, rows: Vec<CritiqueRow>) -> anyhow::Result<u64> {
    Ok(merge(address, name, &set(name, rows).await?).await?)
}

/// `collections undo`: the last merge is taken back, from the table first.
pub(super) async fn undo(context: &Context, args: &UndoArgs) -> anyhow::Result<Exit> {
    let store = context.desk.existing_store().await?;
    collection(&context.desk.config, &args.name)?;
    let merges = store.collections().merges(&args.name).await?;
    let done = |merge: &&CollectionMerge| merge.version_after.is_some() && merge.undone_us.is_none();
    let Some(last) = merges.iter().rev().find(done) else {
        return Err(Quit::usage(say!(context.texts, "collections.no_merge", name = args.name)));
    };
    let mut at = 0;
    if !last.lake.is_empty() {
        let (found, after) = (version(&last.lake, &args.name).await?, last.version_after.unwrap_or_default());
        if found != after && !args.force {
            let text = say!(context.texts, "collections.moved_on", merge = last.number, after = after, found = found);
            return Err(Quit::usage(text));
        }
        at = restore(&last.lake, &args.name, last.version_before).await?;
    }
    let rows = store.collections().undo_merge(&args.name, last.number, now_us()).await?;
    let after = board(context, &store, &args.name).await?;
    files::write_files(&context.desk.current.join(&args.to), &after, &files::rows_of(&store, &after).await?)?;
    store.close().await;
    let shown = context.texts.count("row", rows);
    context.printer.line(say!(context.texts, "collections.undone", merge = last.number, rows = shown));
    context.printer.json(&json!({ "name": args.name, "merge": last.number, "rows": rows, "version": at }));
    Ok(Exit::Ok)
}

/// Lets a run go on and merges each time that enough rows were accepted, and the rest at the end.
pub(super) async fn merging(
    context: &Context,
    name: &str,
    running: impl Future<Output = anyhow::Result<Exit>>,
) -> anyhow::Result<Exit> {
    let args = SyncArgs { name: name.to_owned(), to: "checkpoints".into(), lance: None, all: false, dry_run: false };
    let mut running = std::pin::pin!(running);
    let ended = loop {
        tokio::select! {
            ended = &mut running => break ended?,
            () = tokio::time::sleep(LOOK_EVERY) => {
                let store = context.desk.existing_store().await?;
                let waiting = board(context, &store, name).await?.count(ItemState::Accepted);
                store.close().await;
                if waiting >= MERGE_EVERY {
                    Box::pin(files::sync(context, &args)).await?;
                }
            }
        }
    };
    Ok(ended.and(Box::pin(files::sync(context, &args)).await?))
}
