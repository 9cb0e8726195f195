//! `imagemill critiques check FILE…`: which rows of written critiques may enter a data set, and what is wrong with the others.
//! Reads files and writes a report; the rules are `imagemill_domain::critique`'s.

use std::path::Path;

use imagemill_domain::critique::{Answer, Gate, Rubric, check, pictures, read};

use crate::cli::{CheckArgs, CritiquesAction, CritiquesArgs};
use crate::context::Context;
use crate::critique_report::Report;
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::texts::{grouped, say};

/// Does what was asked for.
pub(crate) fn run(context: &Context, args: CritiquesArgs) -> anyhow::Result<Exit> {
    match args.action {
        CritiquesAction::Check(args) => check_files(context, &args),
    }
}

fn check_files(context: &Context, args: &CheckArgs) -> anyhow::Result<Exit> {
    let rubric = match file_of(&args.rubric) {
        Some(path) => Rubric::parse(&text_of(context, path)?).map_err(|error| wrong(&args.rubric, &error))?,
        None => Rubric::shipped(&args.rubric).map_err(|error| Quit::usage(error.to_string()))?,
    };
    let gate = match file_of(&args.gate) {
        Some(path) => Gate::parse(&text_of(context, path)?).map_err(|error| wrong(&args.gate, &error))?,
        None => Gate::shipped(&args.gate).map_err(|error| Quit::usage(error.to_string()))?,
    };
    let mut answers: Vec<Answer> = Vec::new();
    for path in &args.files {
        answers.extend(read(&path.display().to_string(), &text_of(context, path)?));
    }
    let asked = match &args.pictures {
        Some(path) => Some(pictures(&path.display().to_string(), &text_of(context, path)?)),
        None => None,
    };
    let outcome = check(&answers, &rubric, &gate, asked.as_deref());
    let report = Report::new(&context.texts, &outcome, &rubric, &args.gate);
    show(context, &report);
    if let Some(folder) = &args.report {
        report.write(folder)?;
        context.printer.line(say!(context.texts, "critiques.written", folder = context.shown(folder)));
    }
    context.printer.json(&report.document());
    Ok(if outcome.findings.is_empty() { Exit::Ok } else { Exit::SomeFailed })
}

/// A name that is meant as a file.
fn file_of(name: &str) -> Option<&Path> {
    let path = Path::new(name);
    (path.extension().is_some_and(|extension| extension == "toml") || path.components().count() > 1).then_some(path)
}

fn text_of(context: &Context, path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| Quit::usage(say!(context.texts, "critiques.no_file", file = path.display(), why = error)))
}

fn wrong(file: &str, error: &dyn std::error::Error) -> anyhow::Error {
    Quit::usage(format!("{file}: {error}"))
}

fn show(context: &Context, report: &Report<'_>) {
    let (texts, printer) = (&context.texts, &context.printer);
    for line in &report.findings {
        let place = printer.paint(Tone::Bold, line.place.to_string());
        let rule = printer.paint(Tone::Bad, line.rule.clone());
        printer.line(format!("{place}  {rule}  {}", line.message));
        if let Some(picture) = line.picture {
            printer.line(printer.paint(Tone::Dim, format!("    {picture}")));
        }
    }
    for remark in &report.remarks {
        printer.line(printer.paint(Tone::Warn, remark));
    }
    if !report.rules.is_empty() {
        printer.line("");
    }
    let width = report.rules.keys().map(String::len).max().unwrap_or_default();
    for (rule, count) in &report.rules {
        printer.line(format!("  {rule:width$}  {}", grouped(*count)));
    }
    let tone = if report.findings.is_empty() { Tone::Good } else { Tone::Bad };
    printer.line(printer.paint(tone, report.sum(texts)));
}
