//! `imagemill infographic "request"…`: a job of the recipe `infographic` from the command line alone.

use imagemill_desk::{JobInput, Runner, check_name, save_rule};
use imagemill_domain::infographic::{Expand, Fidelity, InfographicSection, Output, Repair};
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::speaker::SpeakerSection;
use imagemill_simulator::Scenario;

use super::direct::{literal, name_of};
use crate::cli::{DocumentForm, ExpandWhen, FidelityHow, InfographicArgs, OutputMode, RepairHow};
use crate::context::Context;
use crate::infographic_report;
use crate::job_source::{merge, remember_folder};
use crate::launch;
use crate::printer::Printer;
use crate::quit::Exit;

/// Runs.
pub(crate) async fn run(context: Context, args: InfographicArgs) -> anyhow::Result<Exit> {
    let (form, plan_only, yes) = (args.profile_output, args.plan, args.start.yes);
    let input = input(&context, &args)?;
    if plan_only {
        return super::plan::show(&context, input, 0).await;
    }
    let name = input.name.clone();
    let runner = Runner::new(RecipeName::Infographic.word(), Scenario::default());
    if form == DocumentForm::Full {
        return launch::run(&context, vec![input], yes, runner).await;
    }
    // Older runners end with one document and nothing around it.
    let context = Context { printer: Printer::silent(), ..context };
    let exit = launch::run(&context, vec![input], yes, runner).await?;
    infographic_report::compat(&context, &name).await?;
    Ok(exit)
}

fn input(context: &Context, args: &InfographicArgs) -> anyhow::Result<JobInput> {
    let mut file = JobFile::new(RecipeName::Infographic);
    file.prompts = args.requests.iter().map(|request| literal(request)).collect();
    file.samples = args.variants;
    file.options.aspect_ratio.clone_from(&args.ratio);
    file.options.size.clone_from(&args.size);
    file.text = speaker(args.text_profile.as_ref(), args.text_model.as_ref());
    file.vision = speaker(args.vision_profile.as_ref(), args.vision_model.as_ref()).or_else(|| file.text.clone());
    file.infographic = Some(section(args));
    merge(&mut file, &args.overrides, &args.start);
    let name = match &file.name {
        Some(name) => name.clone(),
        None => name_of(context, &file),
    };
    check_name(&name)?;
    if !args.save.no_save {
        file.save = Some(save_rule(&context.desk.config, args.save.save_preset.as_deref(), serde_json::Map::new())?);
    }
    let save_to = remember_folder(context, &mut file, &args.save, &name);
    let base = context.desk.current.clone();
    Ok(JobInput { file, name, base, text: None, save_to, concurrency: args.overrides.concurrency })
}

fn speaker(profile: Option<&String>, model: Option<&String>) -> Option<SpeakerSection> {
    (profile.is_some() || model.is_some()).then(|| SpeakerSection { profile: profile.cloned(), model: model.cloned() })
}

fn section(args: &InfographicArgs) -> InfographicSection {
    let mut section = InfographicSection {
        rounds: args.rounds,
        layout: args.layout.clone(),
        style: args.style.clone(),
        ..InfographicSection::default()
    };
    section.expand = args.expand.map(|when| match when {
        ExpandWhen::Auto => Expand::Auto,
        ExpandWhen::Force => Expand::Force,
        ExpandWhen::Disable => Expand::Disable,
    });
    section.output = args.output.map(|mode| match mode {
        OutputMode::Friendly => Output::Friendly,
        OutputMode::Verbose => Output::Verbose,
    });
    if args.fidelity == Some(FidelityHow::Enrich) {
        section.fidelity = Fidelity::Enrich;
    }
    if args.repair == Some(RepairHow::Edit) {
        section.repair = Repair::Edit;
    }
    section
}
