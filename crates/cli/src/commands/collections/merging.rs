//! `collections sync` and `undo`, and the merges that a run makes on its way. What a merge is stands in the desk.

use std::time::Duration;

use imagemill_desk::{ItemState, MergeOrder, Merged, NotUndone, collection, merge, undo_merge};
use imagemill_export::lake::Difference;
use serde_json::json;

use super::board;
use crate::cli::{SyncArgs, UndoArgs};
use crate::context::Context;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// Accepted rows after which a run merges on the way.
const MERGE_EVERY: u64 = 100;
/// How often a run looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Findings and rows that are told.
const TOLD: usize = 20;
/// Where the files go when nobody says.
const FOLDER: &str = "checkpoints";

/// `collections sync`.
pub(super) async fn sync(context: &Context, args: SyncArgs) -> anyhow::Result<Exit> {
    let SyncArgs { name, to, lance, all, dry_run } = args;
    merge_now(context, &MergeOrder { name, to, lance, all, dry_run }).await
}

async fn merge_now(context: &Context, order: &MergeOrder) -> anyhow::Result<Exit> {
    collection(&context.desk.config, &order.name)?;
    let store = context.desk.existing_store().await?;
    let merged = merge(&context.desk, &store, order).await;
    store.close().await;
    let merged = merged?;
    match &merged.difference {
        Some(found) => tell_difference(context, found),
        None => tell(context, order, &merged),
    }
    Ok(if merged.left_out.is_empty() || merged.difference.is_some() { Exit::Ok } else { Exit::SomeFailed })
}

fn tell(context: &Context, order: &MergeOrder, merged: &Merged) {
    let (texts, printer) = (&context.texts, &context.printer);
    let left_out: Vec<String> = merged
        .left_out
        .iter()
        .map(|row| {
            let kept_out = || say!(texts, "collections.kept_out");
            let why = row.why.as_ref().map_or_else(kept_out, |why| texts.translated(why));
            format!("{}: {why}", row.picture)
        })
        .collect();
    for line in left_out.iter().take(TOLD) {
        printer.line(line);
    }
    let key = if order.dry_run { "collections.would_merge" } else { "collections.merged" };
    printer.line(say!(
        texts,
        key,
        rows = texts.count("row", merged.rows),
        all = merged.all,
        left = left_out.len(),
        folder = context.shown(&merged.folder)
    ));
    printer.json(&json!({ "name": order.name, "merge": merged.merge, "merged": merged.rows, "all": merged.all,
        "left_out": left_out, "folder": merged.folder, "lance": merged.lance, "version": merged.version }));
}

/// What a merge would change in a table.
fn tell_difference(context: &Context, found: &Difference) {
    for (mark, rows) in [("+", &found.new), ("~", &found.changed)] {
        for row in rows.iter().take(TOLD) {
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
    context.printer.json(found);
}

/// `collections undo`: the last merge is taken back.
pub(super) async fn undo(context: &Context, args: &UndoArgs) -> anyhow::Result<Exit> {
    let texts = &context.texts;
    let store = context.desk.existing_store().await?;
    let undone = undo_merge(&context.desk, &store, &args.name, &args.to, args.force).await;
    store.close().await;
    let undone = undone?.map_err(|why| {
        Quit::usage(match why {
            NotUndone::NoMerge => say!(texts, "collections.no_merge", name = args.name),
            NotUndone::MovedOn { merge, after, found } => {
                say!(texts, "collections.moved_on", merge = merge, after = after, found = found)
            }
        })
    })?;
    let rows = texts.count("row", undone.rows);
    context.printer.line(say!(texts, "collections.undone", merge = undone.merge, rows = rows));
    context.printer.json(&undone);
    Ok(Exit::Ok)
}

/// Lets a run go on and merges each time that enough rows were accepted, and the rest at the end.
pub(super) async fn merging(
    context: &Context,
    name: &str,
    running: impl Future<Output = anyhow::Result<Exit>>,
) -> anyhow::Result<Exit> {
    let order = MergeOrder { name: name.to_owned(), to: FOLDER.into(), ..MergeOrder::default() };
    let mut running = std::pin::pin!(running);
    let ended = loop {
        tokio::select! {
            ended = &mut running => break ended?,
            () = tokio::time::sleep(LOOK_EVERY) => {
                let store = context.desk.existing_store().await?;
                let waiting = board(context, &store, name).await?.count(ItemState::Accepted);
                store.close().await;
                if waiting >= MERGE_EVERY {
                    Box::pin(merge_now(context, &order)).await?;
                }
            }
        }
    };
    Ok(ended.and(Box::pin(merge_now(context, &order)).await?))
}
