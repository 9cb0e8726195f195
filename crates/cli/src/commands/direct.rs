//! `imagemill edit`, `imagemill generate` and `imagemill critique`: a job from the command line alone. The same line continues the same job.

use imagemill_desk::{JobInput, Runner, check_name, choose, save_rule};
use imagemill_domain::critique::CritiqueSection;
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::lane::Lane;
use imagemill_simulator::Scenario;

use crate::cli::{AskArgs, CritiqueArgs, EditArgs, GenerateArgs, OverrideArgs, SaveToArgs, StartArgs};
use crate::context::Context;
use crate::job_source::{merge, remember_folder};
use crate::launch;
use crate::quit::{Exit, Quit};
use crate::texts::say;

/// `edit`.
pub(crate) async fn edit(context: &Context, args: EditArgs) -> anyhow::Result<Exit> {
    let mut file = JobFile::new(RecipeName::Edit);
    file.prompts = args.prompt;
    file.source.paths = args.paths;
    file.source.references = args.reference;
    file.source.sidecar_prompts = args.sidecar_prompts;
    file.source.hidden = args.hidden;
    file.prepare.max_edge = args.max_edge;
    start(context, file, args.ask, &args.overrides, &args.start, &args.save).await
}

/// `generate`.
pub(crate) async fn generate(context: &Context, args: GenerateArgs) -> anyhow::Result<Exit> {
    let mut file = JobFile::new(RecipeName::Generate);
    file.prompts = args.prompt;
    start(context, file, args.ask, &args.overrides, &args.start, &args.save).await
}

/// `critique`.
pub(crate) async fn critique(context: &Context, args: CritiqueArgs) -> anyhow::Result<Exit> {
    let mut file = JobFile::new(RecipeName::Critique);
    file.prompt = args.prompt.as_deref().map(literal);
    file.source.paths = args.paths;
    let CritiqueArgs { collection, rubric, gate, .. } = args;
    file.critique = Some(CritiqueSection { collection, rubric, gate, look: false });
    let (list, picture_column, plan) = (args.list, args.picture_column, args.plan);
    let ask = AskArgs { list, picture_column, plan, samples: 1, ..AskArgs::default() };
    let save = SaveToArgs { save_to: args.save_to, ..SaveToArgs::default() };
    start(context, file, ask, &args.overrides, &args.start, &save).await
}

async fn start(
    context: &Context,
    mut file: JobFile,
    ask: AskArgs,
    overrides: &OverrideArgs,
    start: &StartArgs,
    save: &SaveToArgs,
) -> anyhow::Result<Exit> {
    let plan_only = ask.plan;
    fill(context, &mut file, ask)?;
    merge(&mut file, overrides, start);
    let name = match &file.name {
        Some(name) => name.clone(),
        None => name_of(context, &file),
    };
    check_name(&name)?;
    if !save.no_save {
        file.save = Some(save_rule(&context.desk.config, save.save_preset.as_deref(), serde_json::Map::new())?);
    }
    let save_to = remember_folder(context, &mut file, save, &name);
    let command = file.recipe.word();
    let concurrency = overrides.concurrency;
    let input = JobInput { file, name, base: context.desk.current.clone(), text: None, save_to, concurrency };
    if plan_only {
        return super::plan::show(context, input, 0).await;
    }
    launch::run(context, vec![input], start.yes, Runner::new(command, Scenario::default())).await
}

/// What `edit` and `generate` have in common.
fn fill(context: &Context, file: &mut JobFile, ask: AskArgs) -> anyhow::Result<()> {
    if let Some(path) = ask.prompts {
        let text = std::fs::read_to_string(context.desk.current.join(&path))
            .map_err(|error| Quit::Usage(format!("{}: {error}", path.display())))?;
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        let prompts: Vec<String> =
            lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(literal).collect();
        if prompts.is_empty() {
            return Err(Quit::usage(say!(context.texts, "direct.no_prompts", file = path.display())));
        }
        file.prompts.extend(prompts);
    }
    file.system_prompt = ask.system_prompt.unwrap_or_default();
    file.negative_prompt = ask.negative_prompt.unwrap_or_default();
    file.samples = ask.samples;
    file.variables = ask.variables.into_iter().collect();
    file.source.list = ask.list;
    file.source.picture_column = ask.picture_column;
    file.source.prompt_column = ask.prompt_column;
    file.options.size = ask.size;
    file.options.aspect_ratio = ask.aspect_ratio;
    file.options.quality = ask.quality;
    file.options.output_format = ask.output_format;
    Ok(())
}

/// A line of a prompt file is text and no template: braces stand for themselves.
pub(crate) fn literal(line: &str) -> String {
    line.replace('{', "{{").replace('}', "}}")
}

/// Recipe, folder and a short hash of everything that makes it another job. Money, limits and saving do not.
pub(crate) fn name_of(context: &Context, file: &JobFile) -> String {
    let what = file.source.paths.first().or(file.source.list.as_ref());
    let folder = what.and_then(|path| {
        let absolute = std::path::absolute(context.desk.current.join(path)).ok()?;
        Some(absolute.file_stem()?.to_string_lossy().into_owned())
    });
    let mut identity = file.clone();
    identity.budget = None;
    identity.accept_unknown_price = false;
    identity.priority = 0;
    identity.limits = None;
    identity.lane = Lane::default();
    // Another profile is another job, also when it was not typed.
    if file.profiles.is_none() {
        identity.profile = choose(&context.desk.config, file.profile.as_deref()).ok().map(|profile| profile.name);
    }
    let canonical =
        serde_json::to_vec(&(&identity, context.desk.current.to_string_lossy())).expect("a job file serialises");
    let hash = blake3::hash(&canonical).to_hex();
    let recipe = file.recipe.word();
    match folder.map(|folder| clean(&folder)).filter(|folder| !folder.is_empty()) {
        Some(folder) => format!("{recipe}-{folder}-{}", &hash[..6]),
        None => format!("{recipe}-{}", &hash[..6]),
    }
}

fn clean(folder: &str) -> String {
    let text: String = folder.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    text.trim_matches('-').chars().take(40).collect()
}
