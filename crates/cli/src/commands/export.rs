//! `imagemill export`: training sets out of jobs, tables out of collections, and the check of what was written. What is in a set, and the
//! files of its form, are the export crate's matter.

use imagemill_desk::{find_job, merged_rows};
use imagemill_domain::job_file::RecipeName;
use imagemill_export::dataset::{
    CaptionRule, CardWords, CritiqueRow, Dataset, Form, FormOptions, Likeness, PictureRequest, ReleaseRequest, Rights,
    Written, changes, check, critiques, pictures, release, write,
};

use crate::cli::{
    ChangesArgs, CheckFolderArgs, DatasetAction, DatasetArgs, ExportCritiquesArgs, ExportPicturesArgs, FormArgs,
    ReleaseSetArgs,
};
use crate::context::Context;
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::texts::{grouped, say};

/// Faults that are told one by one.
const TOLD: usize = 50;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, args: DatasetArgs) -> anyhow::Result<Exit> {
    match args.action {
        DatasetAction::Pictures(args) => of_pictures(context, args).await,
        DatasetAction::Critiques(args) => of_critiques(context, &args).await,
        DatasetAction::Release(args) => of_release(context, &args).await,
        DatasetAction::Changes(args) => tell_changes(context, &args).await,
        DatasetAction::Check(args) => check_folder(context, &args).await,
    }
}

async fn of_pictures(context: &Context, args: ExportPicturesArgs) -> anyhow::Result<Exit> {
    let form = form(context, &args.form)?;
    let store = context.desk.existing_store().await?;
    let mut jobs = Vec::new();
    for name in &args.jobs {
        let job = find_job(&store, name).await?;
        if job.definition.file.recipe == RecipeName::Critique {
            return Err(Quit::usage(say!(context.texts, "export.no_pictures", job = job.name)));
        }
        jobs.push(job);
    }
    let files = context.desk.files()?;
    let request = PictureRequest {
        store: &store,
        files: &files,
        jobs,
        captions: CaptionRule {
            template: args.caption,
            trigger: args.trigger.filter(|word| !word.trim().is_empty()),
            leave_out: args.leave_out_captionless,
        },
        masks: args.masks.as_ref().map(|folder| context.desk.current.join(folder)),
        only_kept: args.only_kept,
        only_first: args.only_first,
        controls: !args.no_controls,
        likeness: likeness(context, &args.form_args)?,
        rights: rights(&args.form_args),
    };
    let set = pictures(request).await?;
    store.close().await;
    let options = FormOptions {
        repeats: args.repeats,
        resolution: args.resolution,
        batch_size: args.batch_size,
        ..options(form, &args.form_args)
    };
    put(context, set, options, &args.form_args).await
}

async fn of_critiques(context: &Context, args: &ExportCritiquesArgs) -> anyhow::Result<Exit> {
    let form = form(context, &args.form)?;
    if matches!(form, Form::Kohya | Form::AiToolkit) {
        return Err(Quit::usage(say!(context.texts, "export.for_trainers", form = form.word())));
    }
    let likeness = likeness(context, &args.form_args)?;
    let rows = rows_of_all(context, &args.names).await?;
    let set = critiques(args.names.join("-"), rows, likeness, rights(&args.form_args)).await?;
    put(context, set, options(form, &args.form_args), &args.form_args).await
}

async fn of_release(context: &Context, args: &ReleaseSetArgs) -> anyhow::Result<Exit> {
    let rows = rows_of_all(context, &args.names).await?;
    let rights = Rights {
        license: args.license.clone(),
        text_license: args.text_license.clone(),
        attribution: args.attribution.clone(),
    };
    let likeness = Likeness { bits: args.duplicates, validation: 0.0 };
    let request = ReleaseRequest {
        set: critiques(args.names.join("-"), rows, likeness, rights).await?.with_words(words(context)),
        version: args.release.clone(),
        pilot: args.pilot as usize,
        since: args.since.as_ref().map(|folder| context.desk.current.join(folder)),
        folder: context.desk.current.join(&args.to),
    };
    let written = release(request).await?;
    tell(context, "export.released", &written);
    Ok(Exit::Ok)
}

async fn tell_changes(context: &Context, args: &ChangesArgs) -> anyhow::Result<Exit> {
    let here = &context.desk.current;
    let change = changes(here.join(&args.from), here.join(&args.to)).await?;
    context.printer.line(change.text(&words(context)).trim_end());
    context.printer.json(&change);
    Ok(Exit::Ok)
}

/// The merged rows of several collections; one that has none is an error.
async fn rows_of_all(context: &Context, names: &[String]) -> anyhow::Result<Vec<CritiqueRow>> {
    let store = context.desk.existing_store().await?;
    let mut rows = Vec::new();
    for name in names {
        let own = merged_rows(&context.desk, &store, name).await?;
        if own.is_empty() {
            return Err(Quit::usage(say!(context.texts, "export.nothing_merged", name = name)));
        }
        rows.extend(own);
    }
    store.close().await;
    Ok(rows)
}

async fn check_folder(context: &Context, args: &CheckFolderArgs) -> anyhow::Result<Exit> {
    let checked = check(context.desk.current.join(&args.folder)).await?;
    let (texts, printer) = (&context.texts, &context.printer);
    for fault in checked.faults.iter().take(TOLD) {
        let rule = printer.paint(Tone::Bad, fault.rule);
        printer.line(format!("{}  {rule}  {}", fault.file, texts.translated(&fault.message)));
    }
    let faults = texts.count("fault", checked.faults.len() as u64);
    let tone = if checked.faults.is_empty() { Tone::Good } else { Tone::Bad };
    let line = say!(
        texts,
        "export.checked",
        files = texts.count("file", checked.files),
        pictures = texts.count("picture", checked.pictures),
        faults = faults
    );
    printer.line(printer.paint(tone, line));
    printer.json(&checked);
    Ok(if checked.faults.is_empty() { Exit::Ok } else { Exit::SomeFailed })
}

async fn put(context: &Context, set: Dataset, options: FormOptions, args: &FormArgs) -> anyhow::Result<Exit> {
    let written = write(set.with_words(words(context)), options, context.desk.current.join(&args.to)).await?;
    tell(context, "export.done", &written);
    Ok(Exit::Ok)
}

/// What cards are written with: the reader's language.
fn words(context: &Context) -> CardWords {
    CardWords::of(context.texts.lang.word())
}

fn tell(context: &Context, key: &str, written: &Written) {
    let (texts, printer) = (&context.texts, &context.printer);
    let folder = printer.paint(Tone::Bold, context.shown(&written.folder));
    printer.line(say!(
        texts,
        key,
        train = grouped(written.train),
        validation = grouped(written.validation),
        removed = grouped(written.near_duplicates),
        files = texts.count("file", written.files),
        folder = folder
    ));
    if written.kept_captions > 0 {
        printer.line(say!(texts, "export.kept", captions = grouped(written.kept_captions)));
    }
    printer.json(written);
}

fn form(context: &Context, word: &str) -> anyhow::Result<Form> {
    let known = Form::ALL.map(Form::word).join(", ");
    Form::from_word(word).ok_or_else(|| Quit::usage(say!(context.texts, "export.no_form", form = word, known = known)))
}

fn options(form: Form, args: &FormArgs) -> FormOptions {
    FormOptions {
        csv_metadata: args.csv_metadata,
        with_pictures: !args.no_pictures,
        shard_bytes: args.shard_mb << 20,
        ..FormOptions::new(form)
    }
}

fn likeness(context: &Context, args: &FormArgs) -> anyhow::Result<Likeness> {
    if !(0.0..1.0).contains(&args.validation) {
        return Err(Quit::usage(say!(context.texts, "export.bad_share", share = args.validation)));
    }
    Ok(Likeness { bits: args.duplicates, validation: args.validation })
}

fn rights(args: &FormArgs) -> Rights {
    Rights {
        license: args.license.clone(),
        text_license: args.text_license.clone(),
        attribution: args.attribution.clone(),
    }
}
