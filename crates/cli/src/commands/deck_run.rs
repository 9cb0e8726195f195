//! `imagemill deck new` and `deck run`: from a topic to a deck. What is left to do is read from the folder each time, so a run that was
//! interrupted, a file that somebody changed and a folder that another program began all go on here.

use imagemill_decks::{Built, DeckError, DeckFolder, NewDeck, Stage, build, build_pdf, create, write_sheets};
use imagemill_desk::{
    DeckWork, Planned, Runner, deck_jobs, deck_time, deck_work, new_deck_folder, set_aside, submit, take_up,
};
use imagemill_domain::deck::DeckSection;
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::money::Money;
use imagemill_domain::speaker::SpeakerSection;
use imagemill_simulator::Scenario;
use imagemill_store::Store;
use serde_json::json;

use super::deck::{built_document, open, options, refused};
use crate::cli::{DeckNewArgs, DeckRunArgs};
use crate::context::Context;
use crate::deck_report;
use crate::job_source::merge;
use crate::launch;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// `deck new`. Nothing is asked of a model and nothing is paid for.
pub(crate) fn new(context: &Context, args: &DeckNewArgs) -> anyhow::Result<Exit> {
    let current = &context.desk.current;
    let below = |paths: &[std::path::PathBuf]| paths.iter().map(|path| current.join(path)).collect::<Vec<_>>();
    let (documents, references) = (below(&args.docs), below(&args.reference));
    if let Some(path) = documents.iter().chain(&references).find(|path| !path.is_file()) {
        return Err(Quit::usage(say!(context.texts, "deck.no_file", file = context.shown(path))));
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let wanted = NewDeck {
        root: args.output.as_ref().map_or_else(|| new_deck_folder(current, &args.topic), |path| current.join(path)),
        topic: args.topic.clone(),
        pages: args.pages,
        role: text(&args.role),
        audience: text(&args.audience),
        scene: text(&args.scene),
        language: text(&args.language),
        documents,
        references,
        created_at: deck_time(),
    };
    let (folder, read) = create(&wanted).map_err(|error| refused(context, &error))?;
    let (texts, printer) = (&context.texts, &context.printer);
    for fault in &read.errors {
        let why = texts.translated(&fault.error);
        context.warn(say!(texts, "deck.unread", file = context.shown(fault.path.as_ref()), why = why));
    }
    for document in &read.documents {
        let file = context.shown(document.path.as_ref());
        let tables = texts.count("table", document.tables.len() as u64);
        let pictures = texts.count("picture", document.inherited_images.len() as u64);
        let letters = document.text.chars().count();
        printer.note(say!(texts, "deck.read", file = file, letters = letters, tables = tables, pictures = pictures));
    }
    let shown = context.shown(&wanted.root);
    printer.line(say!(texts, "deck.made", folder = shown, pages = texts.count("page", u64::from(args.pages))));
    printer.line(say!(texts, "deck.next", program = context.program(), folder = shown));
    printer.json(&json!({"deck_id": folder.deck_id(), "deck_dir": folder.root, "documents": read.documents.len(), "errors": read.errors}));
    Ok(Exit::Ok)
}

/// `deck run`.
pub(crate) async fn run(context: &Context, args: DeckRunArgs) -> anyhow::Result<Exit> {
    let folder = open(context, &args.deck)?;
    let only: Vec<u32> = args.only_pages.iter().flat_map(Clone::clone).collect();
    let from = args.from.map(Stage::from);
    let work = deck_work(&folder, &only, from)?;
    let base = base(context, &args);
    let jobs = jobs(context, &folder, &base, &work, &args)?;
    if args.plan {
        let mut exit = Exit::Ok;
        for job in jobs {
            exit = exit.and(super::plan::show(context, job, 0).await?);
        }
        return Ok(exit);
    }
    let pages = context.texts.count("page", work.status.page_count.into());
    context.printer.line(say!(context.texts, "deck.enter", deck = folder.deck_id(), pages = pages));
    let mut runner = new_runner(&args);
    let planned = match launch::agreed(context, jobs, args.start.yes, &mut runner).await? {
        Ok(planned) => planned,
        Err(exit) => return Ok(exit),
    };
    if let Some(stage) = from {
        set_aside(&folder, stage, &only)?;
    }
    let run = DeckRun { context, args: &args, folder, base, only };
    let exit = if planned.is_empty() {
        Exit::Ok
    } else {
        let store = context.desk.store().await?;
        let exit = Box::pin(run.stages(&store, planned, runner)).await;
        store.close().await;
        exit?
    };
    if matches!(exit, Exit::Stopped | Exit::CannotStart) {
        return Ok(exit);
    }
    Ok(exit.and(run.finish()?))
}

fn new_runner(args: &DeckRunArgs) -> Runner {
    Runner::new(format!("deck run {}", args.deck.folder.display()), Scenario::default())
}

/// A run on its way.
struct DeckRun<'a> {
    context: &'a Context,
    args: &'a DeckRunArgs,
    folder: DeckFolder,
    base: JobFile,
    only: Vec<u32>,
}

impl DeckRun<'_> {
    /// Style and outline, then the pages, whose tasks are known only when there is an outline.
    async fn stages(&self, store: &Store, planned: Vec<Planned>, runner: Runner) -> anyhow::Result<Exit> {
        let Some(first) = planned.into_iter().next() else { return Ok(Exit::Ok) };
        let words = first.plan.definition.file.recipe == RecipeName::Outline;
        let exit = self.stage(store, &first, runner).await?;
        if !words || exit != Exit::Ok {
            return Ok(exit);
        }
        let work = deck_work(&self.folder, &self.only, None)?;
        let mut base = self.base.clone();
        if let (Some(budget), Some(job)) = (base.budget, store.jobs().by_name(&first.plan.name).await?) {
            base.budget = Some(if budget > job.spent { budget - job.spent } else { Money::ZERO });
        }
        let Some(job) = jobs(self.context, &self.folder, &base, &work, self.args)?.into_iter().next() else {
            return Ok(exit);
        };
        let mut runner = new_runner(self.args);
        let table = self.context.desk.capabilities()?;
        let planned = launch::plan(self.context, job, &table, Some(&mut runner)).await?;
        self.stage(store, &planned, runner).await
    }

    async fn stage(&self, store: &Store, planned: &Planned, runner: Runner) -> anyhow::Result<Exit> {
        let since = store.events().latest().await?;
        let submitted = submit(store, &planned.plan, None).await?;
        take_up(store, submitted.job, &self.folder, &planned.plan, &self.only).await?;
        launch::run_submitted(self.context, store, vec![(submitted.job, None)], runner, since).await
    }

    /// The pptx of what there is, and what is to be told.
    fn finish(&self) -> anyhow::Result<Exit> {
        let work = deck_work(&self.folder, &[], None)?;
        if work.texts {
            return Ok(Exit::SomeFailed);
        }
        let refused = |error: DeckError| {
            let why = self.context.texts.translated(&error.to_string());
            self.context.printer.line(say!(self.context.texts, "deck.at_pptx_failed", why = why));
            refused(self.context, &error)
        };
        let built: Built = build(&self.folder, &options(&self.args.output)).map_err(refused)?;
        let wants_pdf = self.folder.pack.params.more.get("output_format").is_some_and(|format| format == "pdf");
        if self.args.pdf || wants_pdf {
            build_pdf(&self.folder, &options(&self.args.output)).map_err(refused)?;
        }
        write_sheets(&self.folder, work.status.page_count).map_err(refused)?;
        deck_report::closing(self.context, &work, &built);
        self.context.printer.json(&built_document(&built));
        Ok(if built.missing.is_empty() { Exit::Ok } else { Exit::SomeFailed })
    }
}

fn jobs(
    context: &Context,
    folder: &DeckFolder,
    base: &JobFile,
    work: &DeckWork,
    args: &DeckRunArgs,
) -> anyhow::Result<Vec<imagemill_desk::JobInput>> {
    let mut jobs = deck_jobs(&context.desk.config, folder, base, work)?;
    for job in &mut jobs {
        job.concurrency = args.overrides.concurrency;
    }
    Ok(jobs)
}

/// What was typed, as a job without its deck.
fn base(context: &Context, args: &DeckRunArgs) -> JobFile {
    let mut file = JobFile::new(RecipeName::Slides);
    merge(&mut file, &args.overrides, &args.start);
    file.options.seed = args.seed;
    file.options.size.clone_from(&args.size);
    let section = |profile: &Option<String>, model: &Option<String>| {
        let said = profile.is_some() || model.is_some();
        said.then(|| SpeakerSection { profile: profile.clone(), model: model.clone() })
    };
    file.text = section(&args.text_profile, &args.text_model);
    file.vision = section(&args.vision_profile, &args.vision_model).or_else(|| file.text.clone());
    let anchor = args.anchor.as_ref().map(|path| context.desk.current.join(path).display().to_string());
    file.deck = Some(DeckSection { takes: args.takes, check: !args.no_check, anchor, ..DeckSection::default() });
    file
}
