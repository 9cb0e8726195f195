//! `imagemill critiques`: which rows of written critiques may enter a data set, and what is wrong with the others; and the rows that
//! jobs brought. The rules are `imagemill_domain::critique`'s, the files `imagemill_export`'s.

use std::path::Path;

use imagemill_desk::{find_job, gate, rubric};
use imagemill_domain::critique::{Answer, check, pictures, read};
use imagemill_domain::job_file::RecipeName;
use imagemill_export::{rows, save_rows};
use serde_json::json;

use crate::cli::{CheckArgs, CritiquesAction, CritiquesArgs, ExportArgs};
use crate::context::Context;
use crate::critique_report::Report;
use crate::printer::{Printer, Tone};
use crate::quit::{Exit, Quit};
use crate::texts::{grouped, say};

/// Does what was asked for.
pub(crate) async fn run(context: &Context, args: CritiquesArgs) -> anyhow::Result<Exit> {
    match args.action {
        CritiquesAction::Check(args) => check_files(context, &args),
        CritiquesAction::Export(args) => export(context, &args).await,
    }
}

async fn export(context: &Context, args: &ExportArgs) -> anyhow::Result<Exit> {
    let store = context.desk.existing_store().await?;
    let mut jobs = Vec::new();
    for name in &args.jobs {
        let job = find_job(&store, name).await?;
        if job.definition.file.recipe != RecipeName::Critique {
            return Err(Quit::usage(say!(context.texts, "critiques.not_one", job = job.name)));
        }
        jobs.push(job.id);
    }
    let Some(path) = &args.to else {
        for job in jobs {
            for row in rows(&store, job).await? {
                Printer::raw(format!("{row}\n").as_bytes());
            }
        }
        return Ok(Exit::Ok);
    };
    let path = context.desk.current.join(path);
    let count = save_rows(&store, &jobs, &path).await?;
    context.printer.line(say!(
        context.texts,
        "critiques.saved",
        rows = context.texts.count("row", count),
        file = context.shown(&path)
    ));
    context.printer.json(&json!({ "rows": count, "file": path }));
    Ok(Exit::Ok)
}

fn check_files(context: &Context, args: &CheckArgs) -> anyhow::Result<Exit> {
    let here = &context.desk.current;
    let (rubric, gate) = (rubric(here, &args.rubric)?, gate(here, &args.gate)?);
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
    show_report(context, &report, args.report.as_deref())?;
    Ok(if outcome.findings.is_empty() { Exit::Ok } else { Exit::SomeFailed })
}

/// Shows a report, and writes it where it is asked for.
pub(super) fn show_report(context: &Context, report: &Report<'_>, folder: Option<&Path>) -> anyhow::Result<()> {
    show(context, report);
    if let Some(folder) = folder {
        report.write(folder)?;
        context.printer.line(say!(context.texts, "critiques.written", folder = context.shown(folder)));
    }
    context.printer.json(&report.document());
    Ok(())
}

fn text_of(context: &Context, path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| Quit::usage(say!(context.texts, "critiques.no_file", file = path.display(), why = error)))
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
