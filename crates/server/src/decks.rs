//! Decks that this server makes: consent, the job of words, then the job of pages, then the files. Which decks are on their way between
//! these, also over the end of a server, is `crate::owed_decks`' matter.

use std::path::{Path, PathBuf};

use imagemill_decks::{BuildOptions, DeckFolder, Stage, build, write_sheets};
use imagemill_desk::{deck_jobs, deck_work, plan, set_aside, submit, take_up};
use imagemill_domain::job::{JobId, JobState};
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::plan::Plan;
use imagemill_domain::task::TaskState;

use crate::api::{Consent, check_pictures};
use crate::error::{Answer, ApiError};
use crate::owed_decks::OwedDeck;
use crate::state::AppState;

/// What is to be made of a deck.
#[derive(Clone)]
pub(crate) struct Order {
    /// Profile, models, options, `[deck]`, as the command line would have them.
    pub(crate) base: JobFile,
    /// These pages alone; none means all.
    pub(crate) pages: Vec<u32>,
    /// Again from this stage on.
    pub(crate) from: Option<Stage>,
    /// What somebody agreed to pay, in US dollars.
    pub(crate) agreed_up_to: Option<f64>,
}

/// Starts what is left of a deck and returns the job that runs first; `None` when nothing is left but the files, which are written.
pub(crate) async fn start(state: &AppState, folder: DeckFolder, order: Order) -> Answer<Option<JobId>> {
    let work = deck_work(&folder, &order.pages, order.from)?;
    let jobs = deck_jobs(&state.desk().config, &folder, &order.base, &work)?;
    let mut plans = Vec::new();
    for job in jobs {
        plans.push(planned(state, job).await?);
    }
    Consent::of_all(state, plans.iter()).require(order.agreed_up_to, "this")?;
    if let Some(stage) = order.from {
        set_aside(&folder, stage, &order.pages)?;
    }
    let Some(first) = plans.into_iter().next() else {
        files(folder).await?;
        return Ok(None);
    };
    let owed = OwedDeck { folder: folder.root.clone(), base: order.base, pages: order.pages, job: first.name.clone() };
    let _turn = state.owed_decks.turn.lock().await;
    begin(state, &folder, owed, &first).await.map(Some)
}

async fn planned(state: &AppState, job: imagemill_desk::JobInput) -> Answer<Plan> {
    let desk = state.desk_for(&job).await?;
    let plan = plan(&desk.config, job, &desk.capabilities()?, None, |_| {}).await?.plan;
    check_pictures(state, &plan)?;
    Ok(plan)
}

/// Submits a deck's next job. The deck is written down first: a server that ends in between has a job that the next one follows, or
/// none to follow.
async fn begin(state: &AppState, folder: &DeckFolder, owed: OwedDeck, plan: &Plan) -> Answer<JobId> {
    let pages = owed.pages.clone();
    state.owed_decks.add(owed)?;
    let job = submit(&state.store, plan, None).await?.job;
    take_up(&state.store, job, folder, plan, &pages).await?;
    if let Some(engine) = state.runner.lock().await.engine() {
        engine.wake();
    }
    Ok(job)
}

/// Does what comes behind a deck's job when that has ended, and says whether something is still to come. A job that waits for a person
/// is waited for; one that was stopped or made nothing is the end.
pub(crate) async fn go_on(state: &AppState, folder: &DeckFolder, owed: &OwedDeck) -> Answer<bool> {
    let Some(job) = state.store.jobs().by_name(&owed.job).await? else { return Ok(false) };
    match job.state {
        JobState::Finished if state.store.jobs().counts(job.id).await?.get(TaskState::Succeeded) > 0 => {}
        JobState::Finished | JobState::Stopped => return Ok(false),
        _ => return Ok(true),
    }
    if job.definition.file.recipe == RecipeName::Outline {
        let work = deck_work(folder, &owed.pages, None)?;
        if work.texts {
            return Ok(false);
        }
        if let Some(next) = deck_jobs(&state.desk().config, folder, &owed.base, &work)?.into_iter().next() {
            let plan = planned(state, next).await?;
            let owed = OwedDeck { job: plan.name.clone(), ..owed.clone() };
            begin(state, folder, owed, &plan).await?;
            return Ok(true);
        }
    }
    files(folder.clone()).await?;
    Ok(false)
}

/// Writes the pptx and the contact sheets of what there is.
async fn files(folder: DeckFolder) -> Answer<()> {
    let written = tokio::task::spawn_blocking(move || {
        build(&folder, &BuildOptions::default())?;
        write_sheets(&folder, folder.page_count().unwrap_or_default())
    });
    let written = written.await.map_err(|error| ApiError::fault(error.to_string()))?;
    written.map(drop).map_err(|error| imagemill_desk::DeskError::from(error).into())
}

/// Decks that the server knows: those below `decks/` of the workspace and those that jobs were made for.
pub(crate) async fn known(state: &AppState) -> Answer<Vec<PathBuf>> {
    let mut folders: Vec<PathBuf> = Vec::new();
    let beside = state.desk().workspace.root.join("decks");
    if let Ok(entries) = std::fs::read_dir(&beside) {
        folders.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    for job in state.store.jobs().list().await? {
        let recipe = job.definition.file.recipe;
        if matches!(recipe, RecipeName::Outline | RecipeName::Slides) {
            folders.extend(job.definition.file.deck.as_ref().map(|section| PathBuf::from(&section.folder)));
        }
    }
    let mut folders: Vec<PathBuf> = folders
        .into_iter()
        .filter(|folder| folder.join("task_pack.json").is_file() && state.roots.check(folder).is_ok())
        .filter_map(|folder| std::fs::canonicalize(folder).ok())
        .collect();
    folders.sort();
    folders.dedup();
    Ok(folders)
}

/// What a deck is called in addresses.
pub(crate) fn id_of(root: &Path) -> String {
    imagemill_domain::hash::ContentHash::of(root.to_string_lossy().as_bytes()).to_hex()[..12].to_owned()
}
