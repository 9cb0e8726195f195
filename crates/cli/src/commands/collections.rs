//! `imagemill collections`: pictures that wait for critiques. Batches are jobs; which picture is in which batch, and what was accepted,
//! stands in the workspace. How files are read and merged is in `collections::files`.

mod files;
mod looking;
mod merging;
mod reading;

use imagemill_desk::{
    Board, CritiqueOrder, ItemState, Runner, collection, first_waiting, give_back_unsubmitted, new_items,
    release_batch, retry_batches, scan_pictures, take_batches,
};
use imagemill_domain::collection::{Collection, Priority, Standing, order};
use imagemill_domain::job_file::SourceSection;
use imagemill_simulator::Scenario;
use imagemill_store::Store;
use serde_json::json;

use crate::cli::{
    AddArgs, CollectionsAction, CollectionsArgs, NameArgs, ReleaseArgs, RetryBatchesArgs, RunBatchesArgs, StandingArgs,
};
use crate::clock::duration;
use crate::context::Context;
use crate::launch;
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::texts::{grouped, say};

/// Width of a collection's name in lists.
const NAME: usize = 12;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, args: CollectionsArgs) -> anyhow::Result<Exit> {
    match args.action {
        CollectionsAction::Status(args) => status(context, &args).await,
        CollectionsAction::Add(args) => add(context, args).await,
        CollectionsAction::Import(args) => files::import(context, &args).await,
        CollectionsAction::Next(args) => files::next(context, &args).await,
        CollectionsAction::Release(args) => release(context, &args).await,
        CollectionsAction::Run(args) => Box::pin(run_batches(context, args)).await,
        CollectionsAction::Retry(args) => retry(context, args).await,
        CollectionsAction::Sync(args) => merging::sync(context, args).await,
        CollectionsAction::Undo(args) => merging::undo(context, &args).await,
        CollectionsAction::Milestones(args) => milestones(context, &args).await,
        CollectionsAction::Check(args) => reading::check(context, &args).await,
        CollectionsAction::Look(args) => looking::look(context, args).await,
        CollectionsAction::Queue(args) => reading::queue(context, &args).await,
        CollectionsAction::Read(args) => reading::read(context, args).await,
        CollectionsAction::Edit(args) => reading::edit(context, &args).await,
    }
}

/// Every collection of the configuration; without a workspace nothing was taken in yet.
async fn boards(context: &Context) -> anyhow::Result<Vec<Board>> {
    let mut boards = Vec::new();
    if !context.desk.workspace.exists() {
        let of = |(name, collection): (&String, &Collection)| Board::empty(name, collection);
        return Ok(context.desk.config.collections.iter().map(of).collect());
    }
    let store = context.desk.existing_store().await?;
    for (name, collection) in &context.desk.config.collections {
        boards.push(Board::read(&store, name, collection).await?);
    }
    store.close().await;
    Ok(boards)
}

/// A collection with all its pictures.
pub(crate) async fn board(context: &Context, store: &Store, name: &str) -> anyhow::Result<Board> {
    Ok(Board::read(store, name, collection(&context.desk.config, name)?).await?)
}

fn rule(context: &Context, by: Option<&str>) -> anyhow::Result<Priority> {
    let Some(word) = by else { return Ok(context.desk.config.collection_priority) };
    let found = Priority::ALL.into_iter().find(|rule| rule.word() == word);
    found.ok_or_else(|| Quit::usage(say!(context.texts, "collections.no_rule", rule = word)))
}

async fn status(context: &Context, args: &StandingArgs) -> anyhow::Result<Exit> {
    let rule = rule(context, args.by.as_deref())?;
    if let Some(name) = &args.name {
        collection(&context.desk.config, name)?;
    }
    let boards = boards(context).await?;
    let mut standings: Vec<Standing<'_>> = boards.iter().map(Board::standing).collect();
    order(&mut standings, rule);
    let asked = |name: &str| args.name.as_deref().is_none_or(|asked| asked == name);
    let (texts, printer) = (&context.texts, &context.printer);
    let mut documents = Vec::new();
    for standing in standings.iter().filter(|standing| asked(standing.name)) {
        let Some(board) = boards.iter().find(|board| board.name == standing.name) else { continue };
        let mut document = board.document();
        document["key"] = standing.key(rule).into();
        documents.push(document);
        let percent = standing.percent().map_or_else(|| "–".to_owned(), |percent| format!("{percent:.1}%"));
        let name = printer.paint(Tone::Bold, format!("{:NAME$}", board.name));
        let done = format!("{}/{}", standing.accepted, board.collection.target);
        printer.line(format!("{name} {done:>11} {percent:>6}  {:>7}", standing.key(rule)));
        for line in board_lines(context, board) {
            printer.line(format!("{:NAME$} {line}", ""));
        }
    }
    let rule_line = say!(texts, "collections.rule", rule = say!(texts, &format!("collections.by_{}", rule.word())));
    printer.line(printer.paint(Tone::Dim, rule_line));
    printer.json(&json!({ "rule": rule.word(), "collections": documents }));
    Ok(Exit::Ok)
}

/// States, money and time of a collection that has pictures.
fn board_lines(context: &Context, board: &Board) -> Vec<String> {
    let texts = &context.texts;
    if board.items.is_empty() {
        return vec![context.printer.paint(Tone::Dim, say!(texts, "collections.empty"))];
    }
    let states: Vec<String> = ItemState::ALL
        .into_iter()
        .filter(|state| board.count(*state) > 0)
        .map(|state| format!("{} {}", say!(texts, &format!("item.{}", state.word())), grouped(board.count(state))))
        .collect();
    let mut lines = vec![states.join(", ")];
    if let (Some(cost), Some(seconds)) = (board.cost_each(), board.seconds_left()) {
        lines.push(say!(texts, "collections.pace", cost = cost, time = duration(seconds)));
    }
    if let Some(milestone) = board.standing().next_milestone() {
        lines.push(say!(texts, "collections.milestone", at = grouped(milestone)));
    }
    lines
}

async fn milestones(context: &Context, args: &NameArgs) -> anyhow::Result<Exit> {
    collection(&context.desk.config, &args.name)?;
    let boards = boards(context).await?;
    let board = boards.iter().find(|board| board.name == args.name);
    let Some(board) = board else { return Ok(Exit::Ok) };
    let (accepted, size) = (board.standing().accepted, u64::from(board.collection.batch()));
    let marks = if board.collection.milestones.is_empty() {
        vec![board.collection.target]
    } else {
        board.collection.milestones.clone()
    };
    let mut documents = Vec::new();
    for at in marks {
        let missing = at.saturating_sub(accepted);
        let batches = missing.div_ceil(size);
        let key = if missing == 0 { "collections.reached" } else { "collections.missing" };
        let line = say!(
            context.texts,
            key,
            at = grouped(at),
            missing = grouped(missing),
            batches = context.texts.count("batch", batches)
        );
        context.printer.line(line);
        documents.push(json!({ "at": at, "missing": missing, "batches": batches }));
    }
    context.printer.json(&json!({ "name": args.name, "accepted": accepted, "milestones": documents }));
    Ok(Exit::Ok)
}

async fn add(context: &Context, args: AddArgs) -> anyhow::Result<Exit> {
    let section = SourceSection {
        paths: args.paths,
        list: args.list,
        picture_column: args.picture_column,
        ..SourceSection::default()
    };
    let scan = scan_pictures(&context.desk, &args.name, section).await?;
    for skipped in &scan.skipped {
        context.warn(format!("{}: {}", skipped.path, context.texts.translated(&skipped.reason.to_string())));
    }
    files::keep(context, &args.name, new_items(&scan)).await?;
    Ok(Exit::Ok)
}

async fn release(context: &Context, args: &ReleaseArgs) -> anyhow::Result<Exit> {
    collection(&context.desk.config, &args.name)?;
    let store = context.desk.existing_store().await?;
    let board = board(context, &store, &args.name).await?;
    let Some(given) = release_batch(&store, &board, args.batch).await? else {
        return Err(Quit::usage(say!(context.texts, "collections.busy", batch = args.batch)));
    };
    store.close().await;
    let pictures = context.texts.count("picture", given);
    context.printer.line(say!(context.texts, "collections.released", pictures = pictures));
    context.printer.json(&json!({ "name": args.name, "batch": args.batch, "released": given }));
    Ok(Exit::Ok)
}

/// The collection that was named, else the first by the rule that has waiting pictures.
async fn chosen(context: &Context, name: Option<&str>) -> anyhow::Result<String> {
    if let Some(name) = name {
        collection(&context.desk.config, name)?;
        return Ok(name.to_owned());
    }
    let store = context.desk.store().await?;
    let first = first_waiting(&context.desk, &store).await?;
    store.close().await;
    first.ok_or_else(|| Quit::usage(say!(context.texts, "collections.nothing")))
}

async fn run_batches(context: &Context, args: RunBatchesArgs) -> anyhow::Result<Exit> {
    let name = chosen(context, args.name.as_deref()).await?;
    let own = collection(&context.desk.config, &name)?;
    let store = context.desk.store().await?;
    let order = CritiqueOrder {
        profile: args.profile,
        model: args.model,
        budget: args.budget,
        accept_unknown_price: args.start.accept_unknown_price,
    };
    let taken = take_batches(&context.desk, &store, &name, (args.count, args.size), &order).await?;
    store.close().await;
    if taken.is_empty() {
        context.printer.line(say!(context.texts, "collections.none_waiting", name = name));
        return Ok(Exit::Ok);
    }
    let batches: Vec<(u32, String)> = taken.iter().map(|batch| (batch.number, batch.input.name.clone())).collect();
    let inputs = taken.into_iter().map(|batch| batch.input).collect();
    let runner = Runner::new(format!("collections run {name}"), Scenario::default());
    let running = Box::pin(launch::run(context, inputs, args.start.yes, runner));
    let ended = if own.lance.is_some() { merging::merging(context, &name, running).await } else { running.await };
    if !matches!(ended, Ok(Exit::Ok | Exit::SomeFailed | Exit::Stopped)) {
        // Nothing was submitted.
        let store = context.desk.store().await?;
        give_back_unsubmitted(&store, &name, &batches).await?;
        store.close().await;
    }
    ended
}

async fn retry(context: &Context, args: RetryBatchesArgs) -> anyhow::Result<Exit> {
    collection(&context.desk.config, &args.name)?;
    let store = context.desk.existing_store().await?;
    let board = board(context, &store, &args.name).await?;
    let since = store.events().latest().await?;
    let jobs: Vec<_> = retry_batches(&store, &board).await?.into_iter().map(|job| (job, None)).collect();
    if jobs.is_empty() {
        context.printer.line(say!(context.texts, "collections.nothing_failed", name = args.name));
        return Ok(Exit::Ok);
    }
    let runner = Runner::new(format!("collections retry {}", args.name), Scenario::default());
    let exit = Box::pin(launch::run_submitted(context, &store, jobs, runner, since)).await;
    store.close().await;
    exit
}
