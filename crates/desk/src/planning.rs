//! From a job to its plan: profile, sources, tasks, money, speakers. Nothing is sent and nothing is written.

use std::sync::Arc;

use imagemill_domain::capability::CapabilityTable;
use imagemill_domain::plan::{Plan, expand_over};
use imagemill_domain::profile::Profile;
use imagemill_domain::source::Scan;
use imagemill_domain::speaker::{Speaker, SpeakerSection, Speakers};
use imagemill_sources::ScanProgress;

use crate::catalogue;
use crate::config::Config;
use crate::critiques;
use crate::decks;
use crate::error::DeskError;
use crate::infographics;
use crate::job_input::JobInput;
use crate::profiles::{SIMULATOR, choose, credential};
use crate::runner::Runner;

/// A planned job with all that belongs to it.
#[derive(Debug)]
pub struct Planned {
    /// What was asked for.
    pub input: JobInput,
    /// Tasks and money.
    pub plan: Plan,
}

/// Scans and plans. `runner` gives the simulator profile an address and says that secrets must be there; without one a stand-in is
/// used. `progress` hears of the scan, on another thread.
pub async fn plan(
    config: &Config,
    input: JobInput,
    table: &CapabilityTable,
    runner: Option<&mut Runner>,
    progress: impl FnMut(ScanProgress) + Send + 'static,
) -> Result<Planned, DeskError> {
    let mut input = input;
    let mut runner = runner;
    critiques::fill(config, &mut input)?;
    let commission = critiques::commission(config, &input)?;
    let mut profiles = Vec::new();
    for (name, share) in input.file.wanted_profiles().map_err(|error| input.plan_error(error))? {
        profiles.push((ready(config, name, runner.as_deref_mut()).await?, share));
    }
    if let Some(concurrency) = input.concurrency {
        if let Some(limits) = &mut input.file.limits {
            limits.concurrency = concurrency;
        }
        for (profile, _) in &mut profiles {
            profile.limits.concurrency = concurrency;
        }
    }
    let scan = scan(&input, progress).await?;
    let expanded = expand_over(&input.file, &input.name, &profiles, scan, table);
    let mut plan = expanded.map_err(|error| input.plan_error(error))?;
    let (text, vision) = infographics::speakers(&input.file, &plan);
    let simulated = decks::speaker_of_simulator(&input.file, &plan);
    let (text, vision) = (text.or_else(|| simulated.clone()), vision.or(simulated));
    let text = speaker(config, &input, text.as_ref(), &plan, runner.as_deref_mut()).await?;
    let vision = speaker(config, &input, vision.as_ref(), &plan, runner.as_deref_mut()).await?;
    plan.definition.speakers = Speakers { text, vision };
    decks::settle(&mut input, &mut plan, table)?;
    let recipe = imagemill_recipes::all(Arc::new(catalogue::in_force(config)?))
        .into_iter()
        .find(|recipe| recipe.name() == plan.definition.file.recipe);
    let steps = recipe.map(|recipe| recipe.steps(&input.file)).unwrap_or_default();
    plan.price_steps(&steps, table);
    infographics::check(config, &input, &plan, table)?;
    plan.definition.critique = commission.map(Box::new);
    if let Some(runner) = runner {
        runner.rehearse(&mut plan, table).await?;
    }
    Ok(Planned { input, plan })
}

/// The profile to call, with an address and, before a run, with a key that can be read.
async fn ready(config: &Config, named: Option<&str>, runner: Option<&mut Runner>) -> Result<Profile, DeskError> {
    let mut profile = choose(config, named)?;
    match runner {
        Some(runner) if !runner.rehearses() => {
            credential(&profile)?;
            runner.provide(&mut profile).await?;
        }
        _ if profile.provider == SIMULATOR && profile.base_url.is_empty() => {
            "http://127.0.0.1/v1".clone_into(&mut profile.base_url);
        }
        _ => {}
    }
    Ok(profile)
}

/// Who answers the job's text or vision calls; `None` when the job does not say.
async fn speaker(
    config: &Config,
    input: &JobInput,
    section: Option<&SpeakerSection>,
    plan: &Plan,
    runner: Option<&mut Runner>,
) -> Result<Option<Speaker>, DeskError> {
    let Some(section) = section else { return Ok(None) };
    let named = match &section.profile {
        Some(name) => Some(ready(config, Some(name), runner).await?),
        None => None,
    };
    let definition = &plan.definition;
    let speaker = section.speaker((&definition.profile, &definition.model), named.as_ref());
    speaker.map(Some).map_err(|error| input.plan_error(error))
}

async fn scan(input: &JobInput, progress: impl FnMut(ScanProgress) + Send + 'static) -> Result<Scan, DeskError> {
    if let Some(scan) = decks::scan(input)? {
        return Ok(scan);
    }
    let (section, base, recipe) = (input.file.source.clone(), input.base.clone(), input.file.recipe);
    let mut progress = progress;
    let scanning = tokio::task::spawn_blocking(move || imagemill_sources::scan(&section, &base, recipe, &mut progress));
    let scanned = scanning.await.map_err(|error| DeskError::Fault(error.to_string()))?;
    Ok(scanned?)
}
