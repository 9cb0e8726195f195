//! The `imagemill` program: arguments to a command, a command's end to an exit code. Nothing is started before a command needs
//! it, so that `--help` is immediate.

mod catalogue_sheet;
mod cli;
mod clock;
mod commands;
mod context;
mod critique_report;
mod deck_report;
mod follow;
mod help;
mod infographic_report;
mod job_source;
mod launch;
mod logs;
mod printer;
mod quit;
mod report;
mod saving;
mod screen;
mod set_report;
mod texts;

use std::process::ExitCode;

/// Threads that wait for the disk. Each keeps some megabytes once it was used, so there are few.
const BLOCKING_THREADS: usize = 24;

use clap::FromArgMatches;
use imagemill_desk::DeskError;
use imagemill_export::dataset::DatasetError;
use imagemill_export::lake::LakeError;

use crate::cli::{Cli, Command};
use crate::context::Context;
use crate::printer::{Printer, Tone};
use crate::quit::{Exit, FileProblem, Quit};
use crate::texts::{Texts, say};

fn main() -> ExitCode {
    let lang = context::early_lang(typed_lang().as_deref());
    let command = help::command(lang);
    let cli = match command.clone().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; a closed pipe has nobody to tell.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code()));
        }
    };
    let printer = Printer::new(&cli.global);
    let exit = dispatch(cli, command).unwrap_or_else(|error| {
        tell_error(&printer, &Texts::new(lang), &error);
        if is_usage(&error) { Exit::Usage } else { Exit::CannotStart }
    });
    ExitCode::from(exit.code())
}

/// `--lang` before the arguments are parsed, because their help depends on it.
fn typed_lang() -> Option<String> {
    let mut arguments = std::env::args();
    while let Some(argument) = arguments.next() {
        if argument == "--lang" {
            return arguments.next();
        }
        if let Some(word) = argument.strip_prefix("--lang=") {
            return Some(word.to_owned());
        }
    }
    None
}

fn dispatch(cli: Cli, command: clap::Command) -> anyhow::Result<Exit> {
    if let Command::Completions(args) = &cli.command {
        return Ok(commands::completions::run(command, args));
    }
    let context = Context::load(&cli.global)?;
    match cli.command {
        Command::Profiles(args) => return commands::profiles::run(&context, args),
        Command::Config(args) => return Ok(commands::config::run(&context, &args)),
        Command::Assets(args) => return commands::assets::run(&context, args),
        Command::Review(args) => return commands::review::run(&context, &args),
        Command::Models(args) => return commands::models::run(&context, &args),
        Command::Catalogue(args) => return commands::catalogue::run(&context, &args),
        _ => {}
    }
    let folder = context.desk.workspace.exists().then(|| context.desk.workspace.logs());
    let runs = match &cli.command {
        Command::Run(args) => !args.rehearse,
        command => {
            use Command::{Collections, Critique, Deck, Edit, Generate, Infographic, Request, Serve};
            matches!(
                command,
                Critique(_) | Collections(_) | Deck(_) | Edit(_) | Generate(_) | Infographic(_) | Request(_) | Serve(_)
            )
        }
    };
    let folder = if runs { Some(context.desk.workspace.logs()) } else { folder };
    logs::start(folder.as_deref(), &context.desk.config.log, cli.global.verbose);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().max_blocking_threads(BLOCKING_THREADS).enable_all().build()?;
    let exit = runtime.block_on(Box::pin(asynchronous(context, cli.command)));
    // A thread that still reads a source or a socket must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_millis(300));
    exit
}

async fn asynchronous(context: Context, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Deck(args) => Box::pin(commands::deck::run(&context, args)).await,
        Command::Run(args) if args.rehearse => Box::pin(commands::rehearse::run(context, args)).await,
        Command::Run(args) => commands::run::run(&context, args).await,
        Command::Plan(args) => commands::plan::run(&context, args).await,
        Command::Edit(args) => Box::pin(commands::direct::edit(&context, args)).await,
        Command::Generate(args) => Box::pin(commands::direct::generate(&context, args)).await,
        Command::Infographic(args) => Box::pin(commands::infographic::run(context, args)).await,
        Command::Critique(args) => Box::pin(commands::direct::critique(&context, args)).await,
        Command::Critiques(args) => commands::critiques::run(&context, args).await,
        Command::Export(args) => Box::pin(commands::export::run(&context, args)).await,
        Command::Collections(args) => Box::pin(commands::collections::run(&context, args)).await,
        Command::Request(args) => Box::pin(commands::request::run(&context, args)).await,
        Command::Status(args) => commands::status::run(&context, args).await,
        Command::Watch(args) => commands::watch::run(&context, args).await,
        Command::Pause(args) => commands::state::pause(&context, args).await,
        Command::Resume(args) => commands::state::resume(&context, args).await,
        Command::Stop(args) => commands::state::stop(&context, args).await,
        Command::Retry(args) => commands::retry::run(&context, args).await,
        Command::Explain(args) => commands::explain::run(&context, args).await,
        Command::Save(args) => commands::save::run(&context, args).await,
        Command::Costs(args) => commands::costs::run(&context, args).await,
        Command::Reconcile(args) => commands::reconcile::run(&context, args).await,
        Command::Gc(args) => commands::gc::run(&context, args).await,
        Command::Serve(args) => Box::pin(commands::serve::run(&context, args)).await,
        Command::Simulate(args) => commands::simulate::run(&context, args).await,
        Command::Demo(args) => commands::demo::run(context, args).await,
        Command::Doctor(args) => commands::doctor::run(&context, args).await,
        Command::Probe(args) => Box::pin(commands::probe::run(&context, args)).await,
        Command::Profiles(_)
        | Command::Models(_)
        | Command::Assets(_)
        | Command::Review(_)
        | Command::Catalogue(_)
        | Command::Config(_)
        | Command::Completions(_) => Ok(Exit::Ok),
    }
}

/// Whether the user asked for something that does not exist or makes no sense.
fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<Quit>()
        || error.downcast_ref::<DeskError>().is_some_and(DeskError::is_usage)
        || error.downcast_ref::<DatasetError>().is_some_and(DatasetError::is_usage)
        || matches!(error.downcast_ref(), Some(LakeError::NotBuilt))
}

/// An error on standard error, and as a JSON document with --json.
fn tell_error(printer: &Printer, texts: &Texts, error: &anyhow::Error) {
    let problem = match error.downcast_ref::<DeskError>() {
        Some(DeskError::Written(fault)) => Some(FileProblem::new(fault)),
        _ => None,
    };
    let message = error.chain().map(ToString::to_string).fold(String::new(), |all, part| {
        // A cause that its error quotes already is not told twice.
        if all.is_empty() {
            part
        } else if all.contains(&part) {
            all
        } else {
            format!("{all}: {part}")
        }
    });
    if let Some(problem) = &problem {
        printer.error(problem.render(printer.colored_err(), texts));
    } else {
        let word = printer.paint_err(Tone::Bad, say!(texts, "word.error"));
        printer.error(format!("{word} {}", texts.translated(&message)));
    }
    let problems = match error.downcast_ref::<DeskError>() {
        Some(DeskError::Request(problems)) => problems.0.clone(),
        Some(DeskError::Verdict(objections)) => objections.0.clone(),
        _ => Vec::new(),
    };
    let place = problem.as_ref().map(|problem| {
        let (file, line, column) = &problem.place;
        serde_json::json!({ "file": file, "line": line, "column": column })
    });
    printer.json(&serde_json::json!({
        "error": {
            "kind": if is_usage(error) { "usage" } else { "cannot_start" },
            "problems": problems,
            "message": message,
            "help": problem.as_ref().and_then(FileProblem::help),
            "place": place,
        }
    }));
}
