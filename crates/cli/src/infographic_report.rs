//! What came of infographics, told in the language of each request: one sentence and the best picture, or every round. The documents
//! are the desk's.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use imagemill_desk::{Lang, Made, infographics, write_infographics};
use imagemill_domain::infographic::{Output, Record, Round, is_cjk};
use imagemill_domain::job::JobId;
use imagemill_store::Store;

use crate::context::Context;
use crate::printer::Printer;
use crate::texts::{Texts, say};

/// Longest sentence of the friendly form; a letter is a unit whatever its width.
const UNITS: usize = 50;
/// Requests that are told one by one; the file has all.
const TOLD: usize = 20;

/// Tells of a job's infographics, and writes their documents beside the pictures that were saved, to a folder with a manifest.
pub(crate) async fn tell(
    context: &Context,
    store: &Store,
    job: JobId,
    saved: Option<(&Path, &Path)>,
) -> anyhow::Result<()> {
    let files = context.desk.files()?;
    let copies = saved.map(|(folder, manifest)| copies(folder, manifest)).unwrap_or_default();
    let mut told = 0;
    let mut page = infographics(store, &files, job, None).await?;
    while !page.is_empty() {
        for made in &page {
            let mut document = made.document();
            document["type"] = "infographic".into();
            context.printer.json(&document);
            if told < TOLD {
                echo(context, made);
                for line in words(context, made, &copies) {
                    context.printer.line(line);
                }
            }
            told += 1;
        }
        page = infographics(store, &files, job, page.last().map(|made| &made.task)).await?;
    }
    if told > TOLD {
        context.printer.line(say!(context.texts, "infographic.more", count = told - TOLD));
    }
    let Some((folder, _)) = saved else { return Ok(()) };
    Ok(write_infographics(store, &files, job, folder).await?)
}

/// Prints the documents of older runners, one a line.
pub(crate) async fn compat(context: &Context, name: &str) -> anyhow::Result<()> {
    let Some(store) = context.desk.reading_store().await? else { return Ok(()) };
    let files = context.desk.files()?;
    let Some(job) = store.jobs().by_name(name).await? else { return Ok(()) };
    let mut page = infographics(&store, &files, job.id, None).await?;
    while !page.is_empty() {
        for made in &page {
            Printer::raw(format!("{}\n", made.compat()).as_bytes());
        }
        page = infographics(&store, &files, job.id, page.last().map(|made| &made.task)).await?;
    }
    store.close().await;
    Ok(())
}

/// Copies of pictures by task and content.
type Copies = HashMap<(i64, String), PathBuf>;

/// The copies that a manifest names; none when it cannot be read, and the originals are told instead.
fn copies(folder: &Path, manifest: &Path) -> Copies {
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let entries = manifest["entries"].as_array().into_iter().flatten();
    let copy = |entry: &serde_json::Value| {
        let content = entry["blake3"].as_str()?.to_owned();
        Some(((entry["task"].as_i64()?, content), folder.join(entry["file"].as_str()?)))
    };
    entries.filter_map(copy).collect()
}

/// What was taken from the request, and what was decided for it.
fn echo(context: &Context, made: &Made) {
    let Some(record) = &made.record else { return };
    for taken in record.asked.taken.iter().filter(|taken| !taken.value.is_empty()) {
        let (words, key, value) = (&taken.words, &taken.key, &taken.value);
        context.printer.note(say!(context.texts, "infographic.taken", words = words, key = key, value = value));
    }
    for note in &record.notes {
        context.printer.note(context.texts.translated(note));
    }
}

fn words(context: &Context, made: &Made, copies: &Copies) -> Vec<String> {
    let Some(record) = &made.record else {
        return vec![context.texts.translated(made.error().unwrap_or_default())];
    };
    let shown = |round: &Round| {
        let picture = round.picture.as_ref()?;
        let copy = copies.get(&(made.task.id.0, picture.blake3.to_hex())).cloned();
        Some(context.shown(&copy.or_else(|| made.picture(round))?))
    };
    let texts = Texts::new(if is_cjk(&record.request) { Lang::ZhCn } else { Lang::En });
    match (record.best(), made.error()) {
        (Some(_), None) if record.asked.output == Output::Verbose && record.asked.rounds > 1 => {
            verbose(&texts, made, record, shown)
        }
        (Some(best), None) => {
            let mut lines = vec![cut(&sentence(&texts, record, best))];
            lines.extend(shown(best));
            lines
        }
        (_, error) => vec![texts.translated(error.unwrap_or_default())],
    }
}

/// One sentence on the best picture.
fn sentence(texts: &Texts, record: &Record, best: &Round) -> String {
    let review = best.review.as_ref().filter(|_| record.asked.rounds > 1);
    let Some(review) = review else {
        return say!(texts, "infographic.shows", title = record.title);
    };
    let misprints = review.misprints().map(|check| say!(texts, "infographic.misprint", label = check.label));
    let rules = review.violations.iter().map(|violation| violation.detail.clone());
    match review.faults() {
        0 => say!(texts, "infographic.passed"),
        1 | 2 => {
            let faults: Vec<String> = misprints.chain(rules).collect();
            say!(texts, "infographic.few", what = faults.join(&say!(texts, "infographic.and")))
        }
        faults => say!(texts, "infographic.many", count = faults),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= UNITS {
        return text.to_owned();
    }
    text.chars().take(UNITS - 1).chain(['…']).collect()
}

fn verbose(texts: &Texts, made: &Made, record: &Record, shown: impl Fn(&Round) -> Option<String>) -> Vec<String> {
    let mut lines = vec![say!(texts, "infographic.ranking")];
    lines.push(if record.expand_skipped {
        say!(texts, "infographic.original", prompt = record.prompt)
    } else {
        say!(texts, "infographic.expanded", prompt = record.prompt)
    });
    let ranked: Vec<&Round> = record.ranking.iter().filter_map(|number| record.round(*number)).collect();
    for (place, round) in ranked.iter().enumerate() {
        let result = if round.review.as_ref().is_none_or(|review| review.passed) { "PASS" } else { "FAIL" };
        let faults = round.review.as_ref().map_or(0, imagemill_domain::infographic::Review::faults);
        let mut line = format!("#{} round={} result={result} violations={faults}", place + 1, round.round);
        if record.ended_early() && record.rounds.last().is_some_and(|last| last.round == round.round) {
            line = format!("{line} [{}]", say!(texts, "infographic.early"));
        }
        lines.push(line);
    }
    lines.push(times(texts, made, record));
    lines.extend(ranked.into_iter().filter_map(shown));
    lines
}

/// The time of each step that was made, in one line.
fn times(texts: &Texts, made: &Made, record: &Record) -> String {
    let timing = made.timing(true);
    let of = |key: &str| match timing.get(key) {
        Some(serde_json::Value::Object(step)) => step.get("elapsed_seconds").and_then(serde_json::Value::as_f64),
        Some(value) => value.as_f64(),
        None => None,
    };
    let steps = [
        (say!(texts, "infographic.total"), of("total_elapsed_seconds")),
        (say!(texts, "infographic.evaluation"), of("prompt_evaluation")),
        (say!(texts, "infographic.analysis"), of("content_analysis")),
        (say!(texts, "infographic.content"), of("structured_content")),
        (say!(texts, "infographic.expansion"), of("prompt_expand")),
    ];
    let mut parts: Vec<String> =
        steps.into_iter().filter_map(|(name, time)| Some(format!("{name} {:.2}s", time?))).collect();
    let rounds: Vec<_> = record.rounds.iter().map(|round| made.round_times(round.round)).collect();
    let sums = [
        (say!(texts, "infographic.image"), rounds.iter().filter_map(|(image, _)| *image).collect::<Vec<f64>>()),
        (say!(texts, "infographic.review"), rounds.iter().filter_map(|(_, look)| *look).collect()),
    ];
    for (name, times) in sums.into_iter().filter(|(_, times)| !times.is_empty()) {
        let count = say!(texts, "infographic.rounds", count = times.len());
        parts.push(format!("{name} {:.2}s×{count}", times.iter().sum::<f64>()));
    }
    parts.join(" | ")
}
