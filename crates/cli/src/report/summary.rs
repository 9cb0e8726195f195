//! The last words of a run: what became of every task, what it cost, where the pictures are, what to type next. Pure: from
//! facts to lines.

use std::collections::BTreeMap;
use std::path::PathBuf;

use imagemill_desk::{FailureExample, JobSnapshot, UnknownCall, documents};
use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::JobState;
use imagemill_domain::job_file::RecipeName;
use imagemill_domain::task::TaskState;

use super::lines::{counts_line, money_line};
use crate::clock::duration;
use crate::printer::{Printer, Tone};
use crate::texts::{Texts, grouped, say};

/// All that is told about a job at the end.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    /// Where it stands.
    pub(crate) job: JobSnapshot,
    /// How long this process followed it, in seconds.
    pub(crate) seconds: u64,
    /// How often tasks were put off, by the reason.
    pub(crate) put_off: BTreeMap<FailureKind, u64>,
    /// One example for each kind of failure.
    pub(crate) failures: Vec<FailureExample>,
    /// Calls with unknown outcome; the first twenty.
    pub(crate) unknown: Vec<UnknownCall>,
    /// What was saved, when it was.
    pub(crate) saved: Option<imagemill_export::Saved>,
    /// Where it could be saved, as it is shown.
    pub(crate) saved_shown: Option<String>,
    /// What commands begin with when typed in the current folder: `imagemill`, with `--workspace` where it is not found by
    /// itself.
    pub(crate) program: String,
    /// Folder of the originals in the workspace, as it is shown.
    pub(crate) originals: PathBuf,
}

impl Summary {
    /// The JSON form (docs/command-line.md).
    pub(crate) fn json(&self) -> serde_json::Value {
        let Self { job, seconds, put_off, failures, unknown, saved, .. } = self;
        documents::summary(job, *seconds, put_off, failures, unknown, saved.as_ref())
    }
}

/// The lines for people.
pub(crate) fn render(texts: &Texts, printer: &Printer, summary: &Summary) -> Vec<String> {
    let mut lines = told(texts, printer, summary);
    lines.extend(unknown_lines(texts, printer, summary));
    lines.extend(saved_lines(texts, printer, summary));
    lines.extend(next_lines(texts, printer, summary));
    lines
}

/// What became of the tasks, and the money; nothing that can be looked at or done.
pub(crate) fn told(texts: &Texts, printer: &Printer, summary: &Summary) -> Vec<String> {
    let job = &summary.job;
    let mut lines = vec![String::new(), headline(texts, printer, summary)];
    lines.push(format!("  {}", counts_line(texts, &job.counts)));
    for (kind, times) in &summary.put_off {
        let kind = say!(texts, &format!("failure.{kind}"));
        let text = say!(texts, "summary.put_off", kind = kind, times = texts.count("time", *times));
        lines.push(printer.paint(Tone::Dim, format!("  {text}")));
    }
    for failure in &summary.failures {
        let kind = say!(texts, &format!("failure.{}", failure.kind));
        lines.push(format!(
            "  {} {}",
            printer.paint(Tone::Warn, format!("{} × {kind},", grouped(failure.tasks))),
            say!(
                texts,
                "summary.example",
                title = failure.title,
                message = one_line(&texts.translated(&failure.message))
            )
        ));
        let todo = say!(texts, &format!("todo.{}", failure.kind));
        let page = say!(texts, "summary.page", page = page(texts, failure.kind));
        lines.push(printer.paint(Tone::Dim, format!("    {todo} {page}")));
    }
    if let Some((kind, reason, _)) = &job.paused {
        let text =
            say!(texts, "summary.profile_paused", profile = job.profile, reason = one_line(&texts.translated(reason)));
        lines.push(format!("  {}", printer.paint(Tone::Bad, text)));
        lines.push(printer.paint(Tone::Dim, format!("    {}", say!(texts, &format!("todo.{kind}")))));
    }
    lines.push(format!("  {}", money_line(texts, job)));
    lines
}

fn headline(texts: &Texts, printer: &Printer, summary: &Summary) -> String {
    let job = &summary.job;
    let (key, tone) = match job.state {
        JobState::Finished if job.counts.unsuccessful() == 0 => ("summary.finished", Tone::Good),
        JobState::Finished => ("summary.finished_partly", Tone::Warn),
        JobState::Stopped => ("summary.stopped", Tone::Warn),
        _ => ("summary.not_finished", Tone::Warn),
    };
    let pictures = match job.recipe {
        RecipeName::Critique => texts.count("critique", job.counts.get(TaskState::Succeeded)),
        _ => texts.count("picture", job.pictures),
    };
    let text = say!(texts, key, job = job.name, pictures = pictures, time = duration(summary.seconds));
    let reason = job.reason.as_deref().map(|reason| format!(" ({})", texts.translated(reason))).unwrap_or_default();
    printer.paint(tone, format!("{text}{reason}"))
}

fn unknown_lines(texts: &Texts, printer: &Printer, summary: &Summary) -> Vec<String> {
    if summary.unknown.is_empty() {
        return Vec::new();
    }
    let calls = texts.count("call", summary.unknown.len() as u64);
    let mut lines = vec![format!("  {}", printer.paint(Tone::Warn, say!(texts, "summary.unknown", calls = calls)))];
    for call in summary.unknown.iter().take(5) {
        let ceiling = call.ceiling.map_or_else(|| say!(texts, "money.unknown"), |money| money.to_string());
        lines.push(format!("    {}", say!(texts, "summary.unknown_call", task = call.task.0, ceiling = ceiling)));
    }
    lines
}

fn saved_lines(texts: &Texts, printer: &Printer, summary: &Summary) -> Vec<String> {
    let Some(saved) = &summary.saved else {
        let text = say!(texts, "summary.originals", folder = summary.originals.display());
        return if summary.job.pictures > 0 { vec![format!("  {text}")] } else { Vec::new() };
    };
    let folder = summary.saved_shown.clone().unwrap_or_else(|| saved.folder.display().to_string());
    let written = saved.pictures + saved.sources + saved.texts;
    let mut text =
        say!(texts, "summary.saved", files = texts.count("file", written), folder = printer.paint(Tone::Bold, folder));
    if saved.already_there > 0 {
        text.push_str(&say!(texts, "summary.already_there", count = grouped(saved.already_there)));
    }
    let mut lines = vec![format!("  {text}")];
    for failure in saved.errors.iter().take(3) {
        lines.push(format!(
            "    {}",
            printer.paint(Tone::Bad, format!("{}: {}", failure.path, texts.translated(&failure.message)))
        ));
    }
    if saved.error_count > 3 {
        lines.push(format!("    {}", say!(texts, "summary.more_errors", count = grouped(saved.error_count - 3))));
    }
    lines
}

fn next_lines(texts: &Texts, printer: &Printer, summary: &Summary) -> Vec<String> {
    let job = &summary.job;
    let name = quoted(&job.name);
    let program = &summary.program;
    let mut commands = Vec::new();
    if let Some(failure) = summary.failures.first() {
        commands.push((format!("{program} explain {}", failure.task.0), say!(texts, "next.explain")));
    }
    if job.counts.get(TaskState::Failed) + job.counts.get(TaskState::Partial) > 0 {
        commands.push((format!("{program} retry {name}"), say!(texts, "next.retry")));
    }
    if job.paused.is_some() {
        commands
            .push((format!("{program} resume --profile {}", quoted(&job.profile)), say!(texts, "next.resume_profile")));
    } else if matches!(job.state, JobState::Paused | JobState::Active) && job.counts.open() > 0 {
        commands.push((format!("{program} resume {name}"), say!(texts, "next.resume")));
    }
    if summary.saved.is_none() && job.pictures > 0 {
        commands.push((format!("{program} save {name}"), say!(texts, "next.save")));
    }
    let width = commands.iter().map(|(command, _)| command.chars().count()).max().unwrap_or_default();
    let line = |(command, what): (String, String)| {
        let gap = " ".repeat(width - command.chars().count());
        format!("  {}{gap}  {}", printer.paint(Tone::Command, command), printer.paint(Tone::Dim, what))
    };
    commands.into_iter().map(line).collect()
}

/// Where a failure's page is.
pub(crate) fn page(texts: &Texts, kind: FailureKind) -> String {
    match texts.lang {
        imagemill_desk::Lang::En => format!("docs/failures/{kind}.md"),
        imagemill_desk::Lang::ZhCn => format!("docs/failures/zh-CN/{kind}.md"),
    }
}

/// A name as a shell takes it.
pub(crate) fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./+:@%".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}

/// Up to 200 characters of one line.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 200 { line.chars().take(199).chain(['…']).collect() } else { line }
}
