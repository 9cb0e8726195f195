//! `imagemill request propose`: a request that edits an approved picture as a review asks. Nothing is sent.

use anyhow::Context as _;
use imagemill_briefs::{AssetFolder, Verb, read, standing};
use imagemill_desk::DeskError;
use serde_json::json;

use crate::cli::ProposeArgs;
use crate::context::Context;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// Proposes and writes.
pub(crate) fn run(context: &Context, args: &ProposeArgs) -> anyhow::Result<Exit> {
    let texts = &context.texts;
    let root = context.desk.current.join(&args.folder);
    let folder = AssetFolder::new(std::path::absolute(&root).unwrap_or(root));
    let pictures = standing(&folder).map_err(DeskError::from)?;
    let object = match &args.picture {
        Some(named) => Some(super::review::find(context, std::slice::from_ref(&folder), named)?.1),
        None => pictures.iter().find(|picture| picture.hero).map(|picture| picture.object.clone()),
    };
    let picture = object.and_then(|object| pictures.iter().find(|picture| picture.object == object));
    let shown = context.shown(folder.root());
    let picture = picture.ok_or_else(|| Quit::usage(say!(texts, "propose.no_hero", folder = shown)))?;
    let proposal = context.desk.propose_edit(&folder, picture, &args.feedback)?;
    let file = match &args.to {
        Some(to) => context.desk.current.join(to),
        None => folder.path(&format!("inputs/requests/{}.json", proposal.run)),
    };
    let text = serde_json::to_string_pretty(&proposal.request)? + "\n";
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("the folder {} cannot be made", parent.display()))?;
    }
    std::fs::write(&file, &text).with_context(|| format!("{} cannot be written", file.display()))?;
    let (file_shown, path) = (context.shown(&file), &picture.path);
    context.printer.line(say!(texts, "propose.written", file = file_shown, picture = path));
    if proposal.regenerate {
        context.warn(say!(texts, "propose.regenerate"));
    }
    if let Err(problems) = read(&text, Verb::Edit) {
        // What the asset's records do not have, a person fills in.
        for problem in &problems.0 {
            context.warn(texts.translated(&problem.message));
        }
    }
    let typed = crate::report::quoted(&file_shown);
    context.printer.note(say!(texts, "propose.next", program = context.program(), file = typed));
    context.printer.json(&json!({ "file": file, "picture": picture.path, "proposal": proposal }));
    Ok(Exit::Ok)
}
