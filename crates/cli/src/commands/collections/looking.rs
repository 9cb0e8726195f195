//! The second look at rows that were accepted: a job in which a judge sees each picture with its critique. A sample is looked at, and
//! with it the rows that people scored, each time anew: they say what the judge's scores are worth, and whether that changed.

use imagemill_desk::{ItemState, JobInput, Queue, QueueEntry, Runner, now_us, write_list};
use imagemill_domain::critique::{CritiqueSection, in_sample};
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_simulator::Scenario;
use imagemill_store::CollectionItem;
use serde_json::Value;

use super::reading::figures;
use crate::cli::LookArgs;
use crate::context::Context;
use crate::launch;
use crate::quit::Exit;
use crate::texts::say;

/// `collections look`.
pub(super) async fn look(context: &Context, args: LookArgs) -> anyhow::Result<Exit> {
    let desk = &context.desk;
    let store = desk.store().await?;
    let queue = Queue::read(&store, &desk.config, &desk.current, &args.name).await?;
    let rows = chosen(&queue, &args);
    if rows.is_empty() {
        store.close().await;
        context.printer.line(say!(context.texts, "collections.nothing_to_look_at", name = args.name));
        return Ok(Exit::Ok);
    }
    let prefix = args.name.clone();
    let name =
        store.critiques().begin_look(&args.name, move |number| format!("{prefix}-look-{number:03}"), now_us()).await?;
    store.close().await;
    let items: Vec<CollectionItem> = rows.into_iter().map(|entry| item_of(&queue, entry)).collect();
    let folder = desk.workspace.state().join("collections");
    let mut file = JobFile::new(RecipeName::Critique);
    file.critique =
        Some(CritiqueSection { collection: Some(args.name.clone()), look: true, ..CritiqueSection::default() });
    file.source.list = Some(write_list(&folder, &name, &items)?);
    file.source.picture_column = Some("file".to_owned());
    file.profile = args.profile;
    file.model = args.model;
    file.budget = args.budget;
    file.accept_unknown_price = args.start.accept_unknown_price;
    let base = desk.current.clone();
    let input = JobInput { file, name, base, text: None, save_to: None, concurrency: None };
    let runner = Runner::new(format!("collections look {}", args.name), Scenario::default());
    let exit = launch::run(context, vec![input], args.start.yes, runner).await?;
    let store = desk.existing_store().await?;
    let queue = Queue::read(&store, &desk.config, &desk.current, &args.name).await?;
    store.close().await;
    for line in figures(context, &queue) {
        context.printer.line(line);
    }
    Ok(exit)
}

/// A fixed sample of rows nobody looked at yet, and the anchors.
fn chosen<'a>(queue: &'a Queue, args: &LookArgs) -> Vec<&'a QueueEntry> {
    let mut anchors = 0;
    let mut in_order: Vec<&QueueEntry> = queue.entries.iter().collect();
    in_order.sort_by_key(|entry| entry.at);
    let wanted = |entry: &&QueueEntry| {
        let item = queue.item(entry);
        if item.state == ItemState::Rejected {
            return false;
        }
        if anchors < args.anchors && queue.readings(entry).any(|reading| reading.score.is_some()) {
            anchors += 1;
            return true;
        }
        let sample = format!("{}/look", args.name);
        entry.look.is_none() && in_sample(&sample, &item.item.picture, args.share)
    };
    in_order.into_iter().filter(wanted).collect()
}

/// The picture with the texts that are looked at.
fn item_of(queue: &Queue, entry: &QueueEntry) -> CollectionItem {
    let text = |member: &str| entry.row.now[member].as_str().unwrap_or_default().to_owned();
    let columns = [
        ("critique_zh".to_owned(), text("critique_zh")),
        ("critique_en".to_owned(), text("critique_en")),
        ("version".to_owned(), entry.version.clone()),
    ];
    CollectionItem { columns: columns.into(), accepted: None::<Value>, ..queue.item(entry).item.clone() }
}
