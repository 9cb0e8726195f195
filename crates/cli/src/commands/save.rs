//! `imagemill save JOB`: writes finished pictures outside the workspace, by the job's own rule, a preset, or flags.

use imagemill_desk::{Target, default_folder, save_rule};
use imagemill_domain::job_file::RecipeName;
use imagemill_domain::save_rule::{Collision, SaveRule};

use crate::cli::SaveArgs;
use crate::context::Context;
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::saving::{save_critiques, save_with};
use crate::texts::{grouped, say};

/// Saves or shows what it would write.
pub(crate) async fn run(context: &Context, args: SaveArgs) -> anyhow::Result<Exit> {
    let store = context.desk.existing_store().await?;
    let job = imagemill_desk::find_job(&store, &args.job).await?;
    let own = job.definition.file.save.clone();
    let mut rule = match (&args.preset, own) {
        (Some(preset), _) => save_rule(&context.desk.config, Some(preset), serde_json::Map::new())?,
        (None, Some(own)) => own,
        (None, None) => SaveRule::default(),
    };
    apply(context, &mut rule, &args)?;
    let named = args.to.clone().or_else(|| rule.folder.as_deref().map(imagemill_desk::config::expand_home));
    let folder = context.desk.current.join(named.unwrap_or_else(|| default_folder(&job.name)));
    if job.definition.file.recipe == RecipeName::Critique && !args.dry_run {
        save_critiques(context, &store, job.id, &folder).await?;
        return Ok(Exit::Ok);
    }
    let target = Target { folder, rule };
    let saved = save_with(context, &store, job.id, &target, args.dry_run).await?;
    let (texts, printer) = (&context.texts, &context.printer);
    for name in &saved.names {
        let there = if name.there { say!(texts, "save.there") } else { String::new() };
        printer.line(format!("  {}{}", name.file, printer.paint(Tone::Dim, there)));
    }
    let shown = printer.paint(Tone::Bold, context.shown(&saved.folder));
    let key = if args.dry_run { "save.would" } else { "save.done" };
    printer.line(say!(
        texts,
        key,
        pictures = texts.count("picture", saved.pictures),
        sources = grouped(saved.sources),
        texts = grouped(saved.texts),
        there = grouped(saved.already_there),
        skipped = grouped(saved.skipped),
        folder = shown
    ));
    for failure in &saved.errors {
        printer.error(format!(
            "{} {}: {}",
            printer.paint_err(Tone::Bad, say!(texts, "word.error")),
            failure.path,
            failure.message
        ));
    }
    printer.json(&saved);
    Ok(if saved.error_count > 0 { Exit::SomeFailed } else { Exit::Ok })
}

fn apply(context: &Context, rule: &mut SaveRule, args: &SaveArgs) -> anyhow::Result<()> {
    if let Some(template) = &args.template {
        rule.name.clone_from(template);
    }
    if let Some([from, to]) = args.replace.as_deref() {
        rule.replace_from.clone_from(from);
        rule.replace_to.clone_from(to);
    }
    if let Some(template) = &args.text {
        rule.text = true;
        rule.text_template.clone_from(template);
    }
    rule.only_first |= args.only_first;
    rule.only_kept |= args.only_kept;
    rule.copy_source |= args.copy_source;
    rule.keep_folders &= !args.flat;
    rule.contact_sheet |= args.contact_sheet;
    if let Some(word) = &args.collision {
        rule.collision = match word.as_str() {
            "skip" => Collision::Skip,
            "overwrite" => Collision::Overwrite,
            "suffix" => Collision::Suffix,
            _ => return Err(Quit::usage(say!(context.texts, "save.bad_collision", policy = word))),
        };
    }
    Ok(())
}
