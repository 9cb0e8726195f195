//! `imagemill request`: request files for creative assets, through the gate, the engine, and into the asset's folder.

use std::path::Path;

use imagemill_briefs::Verb;
use imagemill_desk::{Runner, TakenRequest, collect_run, job_of_run, known_run, take_request, upload_request};
use imagemill_simulator::Scenario;
use serde_json::{Value, json};

use crate::cli::{PollRequestArgs, RequestArgs, RequestCommand, RunRequestArgs, UploadRequestArgs};
use crate::context::Context;
use crate::launch;
use crate::printer::{Printer, Tone};
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// `request`.
pub(crate) async fn run(context: &Context, args: RequestArgs) -> anyhow::Result<Exit> {
    match args.command {
        RequestCommand::Generate(args) => Box::pin(submit(context, args, Verb::Generate)).await,
        RequestCommand::Edit(args) => Box::pin(submit(context, args, Verb::Edit)).await,
        RequestCommand::Upload(args) => Box::pin(upload(context, args)).await,
        RequestCommand::Poll(args) => Box::pin(poll(context, args)).await,
        RequestCommand::Batch(args) => Box::pin(super::request_batch::run(context, args)).await,
        RequestCommand::Propose(args) => super::request_proposal::run(context, &args),
    }
}

pub(super) fn text_of(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).map_err(|error| Quit::usage(format!("{}: {error}", path.display())))
}

/// `request generate` and `request edit`.
async fn submit(context: &Context, args: RunRequestArgs, verb: Verb) -> anyhow::Result<Exit> {
    let text = text_of(&args.request)?;
    let mut runner = Runner::new(format!("request {}", verb.word()), Scenario::default());
    let taken = take_request(&context.desk, &mut runner, &text, verb, args.profile.as_deref()).await?;
    let TakenRequest { stored, folder, mut input, warnings, is_known } = taken;
    for warning in &warnings {
        context.warn(context.texts.translated(warning));
    }
    input.file.accept_unknown_price |= args.start.accept_unknown_price;
    input.file.budget = args.budget;
    if args.plan {
        tell_plan(context, &stored);
        return super::plan::show(context, input, 0).await;
    }
    let shown = context.shown(folder.root());
    context.printer.note(say!(context.texts, "request.folder", folder = shown));
    if !folder.root().exists()
        && !args.start.yes
        && !agreed(context, &say!(context.texts, "request.new_folder", folder = shown))
    {
        return Ok(Exit::CannotStart);
    }
    if is_known {
        context.printer.note(say!(context.texts, "request.known", run = stored.input.run_id));
    }
    let begin = || {
        let _lock = context.desk.lock_asset(&folder)?;
        stored.begin(&folder).map_err(imagemill_desk::DeskError::from)?;
        anyhow::Ok(())
    };
    let exit = launch::run_after(context, vec![input], args.start.yes, runner, begin).await?;
    if exit == Exit::CannotStart && imagemill_briefs::StoredRequest::load(&folder, &stored.input.run_id)?.is_none() {
        return Ok(exit);
    }
    let Some(store) = context.desk.reading_store().await? else { return Ok(exit) };
    let document = collect_run(&context.desk, &store, &stored, &folder).await;
    store.close().await;
    tell(context, &document?);
    Ok(exit)
}

/// Asks about a folder that would be made; without a terminal nobody can be asked.
pub(super) fn agreed(context: &Context, question: &str) -> bool {
    if !Printer::can_ask() {
        return true;
    }
    let answer = Printer::ask(question).unwrap_or_default();
    let agreed = ["y", "yes", "j", "是", "好"].contains(&answer.to_lowercase().as_str());
    if !agreed {
        context.printer.note(say!(context.texts, "gate.declined"));
    }
    agreed
}

/// What would be asked for, with the traits in their places.
fn tell_plan(context: &Context, stored: &imagemill_briefs::StoredRequest) {
    let texts = &context.texts;
    context.printer.note(say!(texts, "request.prompt", prompt = stored.sent_prompt));
    if !stored.forbidden.is_empty() {
        context.printer.note(say!(texts, "request.forbidden", prompt = stored.forbidden));
    }
    for (field, why) in &stored.input.chosen {
        context.printer.note(say!(texts, "request.chosen", field = field, why = why));
    }
    context.printer.note(say!(texts, "request.hash", hash = stored.request_hash));
}

/// The end of a run in its asset's folder.
pub(super) fn tell(context: &Context, document: &Value) {
    let (texts, printer) = (&context.texts, &context.printer);
    let pictures = document["pictures"].as_array().map_or(&[][..], Vec::as_slice);
    let folder = Path::new(document["folder"].as_str().unwrap_or_default());
    let asset = printer.paint(Tone::Bold, document["asset"].as_str().unwrap_or_default());
    let run = document["run"].as_str().unwrap_or_default();
    let state = say!(texts, &format!("state.{}", document["state"].as_str().unwrap_or("unknown")));
    printer.line(say!(texts, "request.done", asset = asset, run = run, state = state));
    for picture in pictures.iter().filter_map(Value::as_str) {
        printer.line(format!("  {}", context.shown(&folder.join(picture))));
    }
    printer.json(document);
}

/// `request poll`: everything is taken from the stored record, nothing from the file but which run it means.
async fn poll(context: &Context, args: PollRequestArgs) -> anyhow::Result<Exit> {
    let known = known_run(&context.desk, &text_of(&args.request)?)?;
    let store = context.desk.existing_store().await?;
    let exit = async {
        let job = job_of_run(&store, &known.stored).await?;
        let since = store.events().latest().await?;
        let exit =
            launch::run_submitted(context, &store, vec![(job, None)], Runner::named("request poll"), since).await?;
        tell(context, &collect_run(&context.desk, &store, &known.stored, &known.folder).await?);
        anyhow::Ok(exit)
    };
    let exit = Box::pin(exit).await;
    store.close().await;
    exit
}

/// `request upload`.
async fn upload(context: &Context, args: UploadRequestArgs) -> anyhow::Result<Exit> {
    let text = text_of(&args.request)?;
    let mut runner = Runner::named("request upload");
    let document = upload_request(&context.desk, &mut runner, &text, args.profile.as_deref()).await;
    runner.finish(|answers| context.held(answers)).await;
    let document = document?;
    let key = if document["reused"] == json!(true) { "request.upload_known" } else { "request.uploaded" };
    let (path, url) = (document["path"].as_str().unwrap_or_default(), document["url"].as_str().unwrap_or_default());
    context.printer.line(say!(context.texts, key, path = path, url = url));
    context.printer.json(&document);
    Ok(Exit::Ok)
}
