//! `imagemill review`: which pictures of asset folders wait for a verdict, and verdicts. Works without a terminal.

use std::collections::BTreeMap;
use std::path::Path;

use imagemill_briefs::{AssetFolder, AssetVerdict, Judgement, Objections, Problem, Standing, review_words, standing};
use imagemill_desk::DeskError;
use serde_json::json;

use crate::cli::{ReviewArgs, VerdictWord};
use crate::context::{Context, variable};
use crate::printer::Tone;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// `review`.
pub(crate) fn run(context: &Context, args: &ReviewArgs) -> anyhow::Result<Exit> {
    let folders = super::assets::folders(context, &args.folders)?;
    match args.verdict {
        None => list(context, &folders),
        Some(verdict) => give(context, args, verdict, &folders),
    }
}

/// What waits, and what has a verdict.
fn list(context: &Context, folders: &[AssetFolder]) -> anyhow::Result<Exit> {
    let (texts, printer) = (&context.texts, &context.printer);
    let (mut documents, mut waits) = (Vec::new(), 0);
    for folder in folders {
        let pictures = standing(folder).map_err(DeskError::from)?;
        let waiting = pictures.iter().filter(|picture| picture.waits).count();
        waits += waiting;
        let shown = printer.paint(Tone::Bold, context.shown(folder.root()));
        let count = texts.count("picture", waiting as u64);
        printer.line(say!(texts, "judge.folder", folder = shown, count = count));
        for picture in &pictures {
            printer.line(format!("  {}  {}", state(context, picture), picture.path));
        }
        documents.push(json!({ "folder": folder.root(), "waiting": waiting, "pictures": pictures }));
    }
    if waits > 0 {
        printer.note(say!(texts, "judge.asked"));
        for question in &review_words().questions {
            printer.note(format!("  {question:<15} {}", say!(texts, &format!("question.{question}"))));
        }
        let folder = crate::report::quoted(&context.shown(folders[0].root()));
        printer.note(say!(texts, "judge.how", program = context.program(), folder = folder));
    }
    printer.json(&json!({ "assets": documents, "words": review_words() }));
    Ok(Exit::Ok)
}

fn state(context: &Context, picture: &Standing) -> String {
    let (key, tone) = match picture.verdict.as_deref() {
        _ if picture.waits => ("judge.waits", Tone::Warn),
        Some("revise") => ("judge.revise", Tone::Dim),
        _ if picture.hero => ("judge.hero", Tone::Good),
        _ if picture.folder() == "approved" => ("judge.approved", Tone::Good),
        _ => ("judge.rejected", Tone::Dim),
    };
    context.printer.paint(tone, say!(context.texts, key))
}

/// Records a verdict.
fn give(context: &Context, args: &ReviewArgs, verdict: VerdictWord, folders: &[AssetFolder]) -> anyhow::Result<Exit> {
    let (texts, printer) = (&context.texts, &context.printer);
    let judgement = judgement(args, verdict)?;
    judgement.check().map_err(DeskError::from)?;
    let mut chosen = Vec::new();
    for named in &args.picture {
        chosen.push(find(context, folders, named)?);
    }
    let mut documents = Vec::new();
    for (folder, object) in chosen {
        let Some(judged) = context.desk.judge_picture(folder, &object, &judgement)? else { continue };
        let path = printer.paint(Tone::Bold, context.shown(&folder.path(&judged.path)));
        let word = match judgement.verdict {
            AssetVerdict::Approve => say!(texts, "judge.approved"),
            AssetVerdict::Revise => say!(texts, "judge.revise"),
            AssetVerdict::Reject => say!(texts, "judge.rejected"),
        };
        printer.line(say!(texts, "judge.given", verdict = word, path = path));
        if judged.known {
            printer.note(say!(texts, "judge.known"));
        }
        let hero = judged.hero.as_deref();
        printer.line(match hero {
            Some(hero) => say!(texts, "judge.hero_is", path = hero),
            None => say!(texts, "judge.no_hero"),
        });
        documents.push(json!({ "folder": folder.root(), "picture": judged }));
    }
    printer.json(&json!({ "verdicts": documents }));
    Ok(Exit::Ok)
}

fn judgement(args: &ReviewArgs, word: VerdictWord) -> anyhow::Result<Judgement> {
    let mut answers = BTreeMap::new();
    let mut problems = Vec::new();
    for answer in args.answers.iter().map(|answer| answer.trim()).filter(|answer| !answer.is_empty()) {
        if let Some((question, answer)) = answer.split_once('=') {
            answers.insert(question.trim().to_owned(), answer.trim().to_owned());
        } else {
            let message = format!("the answer {answer} has no question: write realism=pass, with commas between");
            problems.push(Problem::wrong("answers", message));
        }
    }
    if !problems.is_empty() {
        return Err(DeskError::from(Objections(problems)).into());
    }
    let verdict = match word {
        VerdictWord::Approve => AssetVerdict::Approve,
        VerdictWord::Revise => AssetVerdict::Revise,
        VerdictWord::Reject => AssetVerdict::Reject,
    };
    let written = |all: &[String]| all.iter().filter(|text| !text.trim().is_empty()).cloned().collect::<Vec<_>>();
    let (reasons, mut good) = (written(&args.reason), written(&args.good));
    let bad = if verdict == AssetVerdict::Approve {
        good.splice(0..0, reasons);
        Vec::new()
    } else {
        reasons
    };
    Ok(Judgement {
        verdict,
        answers,
        good,
        bad,
        categories: written(&args.category),
        stages: written(&args.blame),
        action: args.action.clone(),
        reviewer: args
            .reviewer
            .clone()
            .or_else(|| variable("USER"))
            .or_else(|| variable("USERNAME"))
            .unwrap_or_default(),
    })
}

/// The picture that is meant: by its path from here or in its asset's folder, by its name, or as the records call it.
pub(super) fn find<'a>(
    context: &Context,
    folders: &'a [AssetFolder],
    named: &Path,
) -> anyhow::Result<(&'a AssetFolder, String)> {
    let absolute = context.desk.current.join(named);
    let word = named.to_string_lossy().replace('\\', "/");
    let mut found = Vec::new();
    for folder in folders {
        for picture in standing(folder).map_err(DeskError::from)? {
            let paths: Vec<&String> = std::iter::once(&picture.path).chain(&picture.copies).collect();
            let is_it = picture.object == word
                || paths.iter().any(|path| **path == word || folder.path(path) == absolute)
                || paths.iter().any(|path| path.rsplit('/').next() == Some(&word));
            if is_it {
                found.push((folder, picture.object));
            }
        }
    }
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(one),
        (None, _) => Err(Quit::usage(say!(context.texts, "judge.no_picture", file = named.display()))),
        (Some(_), more) => {
            let count = context.texts.count("picture", more as u64 + 1);
            Err(Quit::usage(say!(context.texts, "judge.which", file = named.display(), count = count)))
        }
    }
}
