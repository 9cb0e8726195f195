//! Saving a job's pictures, with progress. Names, folders and files are the export crate's matter.

use std::path::Path;

use anyhow::Context as _;
use imagemill_desk::Target;
use imagemill_domain::job::JobId;
use imagemill_domain::job_file::RecipeName;
use imagemill_export::{SaveRequest, Saved, Selection, save, save_rows};
use imagemill_store::Store;
use indicatif::{ProgressBar, ProgressStyle};

use crate::context::Context;
use crate::printer::Printer;
use crate::texts::say;

/// Saves all of a job's pictures.
pub(crate) async fn save_job(context: &Context, store: &Store, job: JobId, target: &Target) -> anyhow::Result<Saved> {
    save_with(context, store, job, target, false).await
}

/// The same, or only what it would write.
pub(crate) async fn save_with(
    context: &Context,
    store: &Store,
    job: JobId,
    target: &Target,
    dry_run: bool,
) -> anyhow::Result<Saved> {
    let job = store.jobs().get(job).await?.context("the job was deleted meanwhile")?;
    let files = context.desk.files()?;
    let bar = (Printer::is_terminal() && !context.printer.quiet).then(|| {
        let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}").expect("the template is ours");
        let bar = ProgressBar::new(1).with_style(style.progress_chars("━╸╌"));
        bar.set_message(say!(context.texts, "save.progress"));
        bar
    });
    let request = SaveRequest {
        store,
        files: &files,
        job: &job,
        rule: &target.rule,
        folder: target.folder.clone(),
        selection: Selection::Job,
        dry_run,
    };
    let saved = save(request, |progress| {
        if let Some(bar) = &bar {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        }
    })
    .await;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(saved?)
}

/// Writes the rows of a job that ended in words; says nothing of other jobs.
pub(crate) async fn save_critiques(context: &Context, store: &Store, job: JobId, folder: &Path) -> anyhow::Result<()> {
    let job = store.jobs().get(job).await?.context("the job was deleted meanwhile")?;
    if job.definition.file.recipe != RecipeName::Critique {
        return Ok(());
    }
    let looks = job.definition.critique.as_ref().is_some_and(|commission| commission.look);
    let file = folder.join(if looks { "looks.jsonl" } else { "critiques.jsonl" });
    let count = save_rows(store, &[job.id], &file).await?;
    let (texts, shown) = (&context.texts, context.shown(&file));
    context.printer.line(say!(texts, "critiques.saved", rows = texts.count("row", count), file = shown));
    Ok(())
}
