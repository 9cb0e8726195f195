//! Slide decks as jobs: one of words for style and outline, one of pictures with a task a page. What is left to do is read from the
//! folder, so an interrupted run, a changed file and a deck that another program began all go on the same way. Knows no models.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use imagemill_decks::{DeckError, DeckFolder, DeckStatus, NEGATIVE_PROMPT, PageAction, Stage, page_hash, status};
use imagemill_domain::capability::CapabilityTable;
use imagemill_domain::deck::DeckSection;
use imagemill_domain::hash::{ContentHash, TaskKey};
use imagemill_domain::job::JobId;
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::plan::{Plan, PlanError};
use imagemill_domain::source::{Scan, SourceItem};
use imagemill_domain::speaker::{Speaker, SpeakerSection};
use imagemill_domain::task::{SourcePicture, Task, TaskState};
use imagemill_store::{RetrySelection, Store, TaskFilter};
use serde_json::json;

use crate::clock::now_us;
use crate::config::Config;
use crate::error::DeskError;
use crate::infographics::{WORDS_MODEL, answers};
use crate::job_input::JobInput;
use crate::profiles::{SIMULATOR, choose};

/// The column of a task that names its page.
const PAGE: &str = "page";
/// The column of a task of words that says how many of its pictures are examples; those behind them are out of the documents.
const EXAMPLES: &str = "examples";
/// Tasks that are read at a time.
const TASKS: u32 = 200;

/// What is left to do for a deck.
#[derive(Clone, Debug)]
pub struct DeckWork {
    /// Style or outline.
    pub texts: bool,
    /// Pages; when the outline is still to come, those that it will have.
    pub pages: Vec<u32>,
    /// All of it.
    pub status: DeckStatus,
}

/// Looks what is left. `only` names the pages that are wanted; none means all. `from` counts what is there from a stage on as not
/// there.
pub fn deck_work(folder: &DeckFolder, only: &[u32], from: Option<Stage>) -> Result<DeckWork, DeskError> {
    let status = status(folder)?;
    let again = |stage| from.is_some_and(|from| from <= stage);
    let texts = !status.style_spec_done || !status.outline_done || again(Stage::Outline);
    if let Some(page) = only.iter().find(|page| !(1..=status.page_count).contains(*page)) {
        return Err(DeskError::NoSuchPage { page: *page, pages: status.page_count });
    }
    let wanted = |page: &u32| only.is_empty() || only.contains(page);
    let all = texts || again(Stage::Pictures);
    let left = status.pages.iter().filter(|page| all || page.action != PageAction::Skip);
    let pages = left.map(|page| page.page_no).filter(wanted).collect();
    Ok(DeckWork { texts, pages, status })
}

/// The jobs of a deck's work. `base` has what was typed: profile, model, speakers, options, money, `[deck]` but for the folder.
pub fn deck_jobs(
    config: &Config,
    folder: &DeckFolder,
    base: &JobFile,
    work: &DeckWork,
) -> Result<Vec<JobInput>, DeskError> {
    let mut jobs = Vec::new();
    if work.texts {
        jobs.push(outline_job(config, folder, base)?);
    }
    if !work.pages.is_empty() {
        jobs.push(slides_job(folder, base, work)?);
    }
    Ok(jobs)
}

fn section(folder: &DeckFolder, base: &JobFile, pages: &[u32]) -> DeckSection {
    let section = base.deck.clone().unwrap_or_default();
    DeckSection { folder: folder.root.display().to_string(), pages: pages.to_vec(), ..section }
}

fn job(folder: &DeckFolder, file: JobFile, what: &str) -> JobInput {
    let name = format!("{}-{what}", file.name.clone().unwrap_or_else(|| deck_job_name(folder)));
    let (file, base) = (JobFile { name: Some(name.clone()), ..file }, folder.root.clone());
    JobInput { file, name, base, text: None, save_to: None, concurrency: None }
}

/// What the names of a deck's jobs begin with. Two folders with the same name are two decks.
pub fn deck_job_name(folder: &DeckFolder) -> String {
    let hash = ContentHash::of(folder.root.to_string_lossy().as_bytes()).to_hex();
    format!("deck-{}-{}", folder.deck_id().chars().take(80).collect::<String>(), &hash[..6])
}

/// Style and outline are asked of who answers in words; the job's own model draws.
fn outline_job(config: &Config, folder: &DeckFolder, base: &JobFile) -> Result<JobInput, DeskError> {
    // Whether words are read off pages is no matter of the words' job; there it says whether documents' pictures are looked at.
    let section = DeckSection { check: true, ..section(folder, base, &[]) };
    let mut file = JobFile { recipe: RecipeName::Outline, deck: Some(section), ..base.clone() };
    let text = base.text.clone().unwrap_or_default();
    if text.profile.is_some() {
        (file.profile, file.profiles, file.model) = (text.profile.clone(), None, None);
    }
    file.model = text.model.or(file.model);
    let first = file.wanted_profiles().ok().and_then(|all| all.first().and_then(|(name, _)| name.map(str::to_owned)));
    let profile = choose(config, first.as_deref())?;
    if profile.provider == SIMULATOR && base.text.as_ref().is_none_or(|text| text.model.is_none()) {
        file.model = Some(WORDS_MODEL.to_owned());
    }
    // Calls in words take none of the pictures' options.
    file.options = imagemill_domain::request::RequestOptions::default();
    file.text = None;
    Ok(job(folder, file, "outline"))
}

fn slides_job(folder: &DeckFolder, base: &JobFile, work: &DeckWork) -> Result<JobInput, DeskError> {
    if !work.texts {
        let outline = folder.outline()?.unwrap_or_default();
        let numbered = outline.pages.iter().zip(1..).all(|(page, number)| page.page_no == number);
        if !numbered {
            return Err(DeskError::DeckNumbers(folder.root.clone()));
        }
    }
    let anchor = base.deck.as_ref().and_then(|section| section.anchor.as_ref());
    if let Some(anchor) = anchor.and_then(|path| std::fs::canonicalize(path).ok())
        && let Some(page) = work.pages.iter().find(|page| folder.picture_path(**page) == anchor)
    {
        return Err(DeskError::AnchorIsMade(*page));
    }
    let mut file =
        JobFile { recipe: RecipeName::Slides, deck: Some(section(folder, base, &work.pages)), ..base.clone() };
    if file.negative_prompt.is_empty() {
        NEGATIVE_PROMPT.clone_into(&mut file.negative_prompt);
    }
    Ok(job(folder, file, "pages"))
}

/// The tasks of a deck's job; `None` for other recipes.
pub(crate) fn scan(input: &JobInput) -> Result<Option<Scan>, DeskError> {
    if !matches!(input.file.recipe, RecipeName::Outline | RecipeName::Slides) {
        return Ok(None);
    }
    let section = input.file.deck.clone().unwrap_or_default();
    let folder = DeckFolder::open(&input.base.join(&section.folder))?;
    let items = match input.file.recipe {
        RecipeName::Outline => vec![outline_item(&folder)?],
        _ => slide_items(&folder, &section, &input.base)?,
    };
    Ok(Some(Scan { items, ..Scan::default() }))
}

/// Another wish is another task; what the deck is made from goes along.
fn outline_item(folder: &DeckFolder) -> Result<SourceItem, DeskError> {
    let info = folder.info()?;
    let params = &folder.pack.params;
    let wish = json!({"query": info.user_query, "pages": folder.page_count(), "language": folder.language(),
        "role": params.role, "audience": params.audience, "scene": params.scene});
    let mut pictures = info.references().0.iter().map(|path| picture(path)).collect::<Result<Vec<_>, _>>()?;
    let columns = [(EXAMPLES.to_owned(), pictures.len().to_string())].into();
    // What cannot be looked at in a document is in its words all the same.
    let figures = folder.documents(&info)?.map(|documents| documents.figures()).unwrap_or_default();
    pictures.extend(figures.iter().filter_map(|path| picture(path).ok()));
    Ok(SourceItem { prompt: Some(wish.to_string()), pictures, columns, ..SourceItem::default() })
}

/// A task a page, known by what the outline says of it. Its prompt and its picture may change and it is the same task.
fn slide_items(folder: &DeckFolder, section: &DeckSection, base: &Path) -> Result<Vec<SourceItem>, DeskError> {
    let pages = if section.pages.is_empty() { deck_work(folder, &[], None)?.pages } else { section.pages.clone() };
    let outline = folder.outline().ok().flatten().unwrap_or_default();
    let anchor = section.anchor.as_ref().map(|path| picture(&base.join(path))).transpose()?;
    let item = |page_no: &u32| {
        let page = outline.pages.iter().find(|page| page.page_no == *page_no);
        let content =
            page.map_or_else(String::new, |page| format!(" {} {}", page.title.trim(), page_hash(page).to_hex()));
        SourceItem {
            prompt: Some(format!("page {page_no}{content}")),
            columns: [(PAGE.to_owned(), page_no.to_string())].into(),
            pictures: anchor.clone().into_iter().collect(),
            ..SourceItem::default()
        }
    };
    Ok(pages.iter().map(item).collect())
}

fn picture(path: &Path) -> Result<SourcePicture, DeskError> {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let unreadable = |why: String| DeskError::Deck(DeckError::Unreadable { path: path.clone(), why });
    let (blake3, _) = imagemill_imaging::facts(&path).map_err(|error| unreadable(error.to_string()))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(SourcePicture { path: path.display().to_string(), name, blake3 })
}

/// Who answers in words where the deck's job calls the simulator and says nothing.
pub(crate) fn speaker_of_simulator(file: &JobFile, plan: &Plan) -> Option<SpeakerSection> {
    let deck = matches!(file.recipe, RecipeName::Outline | RecipeName::Slides);
    let simulated = deck && plan.definition.profile.provider == SIMULATOR;
    simulated.then(|| SpeakerSection { profile: None, model: Some(WORDS_MODEL.to_owned()) })
}

/// Refuses a deck that nobody could write, and leaves out the reading of pictures where nobody can look at them.
pub(crate) fn settle(input: &mut JobInput, plan: &mut Plan, table: &CapabilityTable) -> Result<(), DeskError> {
    let recipe = input.file.recipe;
    if !matches!(recipe, RecipeName::Outline | RecipeName::Slides) {
        return Ok(());
    }
    let definition = &plan.definition;
    let own = (&definition.profile, definition.model.as_str());
    let silent = |speaker: &Option<Speaker>| {
        let (profile, model) = speaker.as_ref().map_or(own, |speaker| (&speaker.profile, &speaker.model));
        (!answers(profile, table.find(&profile.provider, model))).then(|| model.to_owned())
    };
    if let Some(model) = silent(&definition.speakers.text) {
        return Err(input.plan_error(PlanError::NoDeckWords { model }));
    }
    let blind = silent(&definition.speakers.vision);
    if let (Some(model), RecipeName::Outline) = (&blind, recipe) {
        return without_eyes(input, plan, model);
    }
    match (blind, &mut input.file.deck, &mut plan.definition.file.deck) {
        (Some(model), Some(typed), Some(stored)) if typed.check => {
            (typed.check, stored.check) = (false, false);
            plan.warnings.push(format!(
                "{model} does not look at pictures: the words on the pages are not checked; name a model that does with --vision-model"
            ));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Style and outline where nobody looks at pictures: examples need eyes, pictures of documents only go without a caption.
fn without_eyes(input: &mut JobInput, plan: &mut Plan, model: &str) -> Result<(), DeskError> {
    let examples =
        |item: &SourceItem| item.columns.get(EXAMPLES).and_then(|count| count.parse().ok()).unwrap_or(0usize);
    if plan.scan.items.iter().any(|item| examples(item) > 0) {
        return Err(input.plan_error(PlanError::NoDeckEyes { model: model.to_owned() }));
    }
    let mut figures = 0;
    for item in &mut plan.scan.items {
        figures += item.pictures.drain(examples(item)..).count();
    }
    for section in [&mut input.file.deck, &mut plan.definition.file.deck].into_iter().flatten() {
        section.check = false;
    }
    if figures > 0 {
        plan.warnings.push(format!(
            "{model} does not look at pictures: those of the documents are not described; name a model that does with --vision-model"
        ));
    }
    Ok(())
}

/// Queues the tasks of a submitted deck's job that ended although their work is still, or again, to be done. Tasks that the plan does not
/// have are of the deck as it was before, with another outline, documents or anchor. A lost answer may have been paid for: that is for
/// a person to decide. A refusal is sent again when the page was changed since, or when the page was asked for by its number.
pub async fn take_up(
    store: &Store,
    job: JobId,
    folder: &DeckFolder,
    plan: &Plan,
    named: &[u32],
) -> Result<u64, DeskError> {
    let wanted: HashSet<TaskKey> = plan.tasks().filter_map(Result::ok).map(|task| task.key).collect();
    let mut again = 0;
    let mut after = None;
    loop {
        let filter = TaskFilter { job, states: None, failure: None };
        let tasks = store.tasks().page(filter, after, TASKS).await?;
        let Some(last) = tasks.last() else { return Ok(again) };
        after = Some((last.position, last.id));
        for task in tasks.iter().filter(|task| wanted.contains(&task.key)) {
            let page = page_of(task);
            let explicit = page.is_some_and(|page| named.contains(&page));
            if goes_on(task, folder, page, explicit) {
                again += store.tasks().retry(job, RetrySelection::Task(task.id), true, now_us()).await?;
            }
        }
    }
}

/// The page that a task draws.
pub fn page_of(task: &Task) -> Option<u32> {
    task.spec.columns.get(PAGE)?.parse().ok()
}

fn goes_on(task: &Task, folder: &DeckFolder, page: Option<u32>, explicit: bool) -> bool {
    match task.state {
        TaskState::Succeeded | TaskState::Partial | TaskState::Failed | TaskState::Stopped => true,
        TaskState::Refused => explicit || changed_since(task, page.map(|page| folder.prompt_path(page))),
        _ => false,
    }
}

fn changed_since(task: &Task, prompt: Option<PathBuf>) -> bool {
    let written = prompt.and_then(|path| std::fs::metadata(path).ok()?.modified().ok());
    let written = written.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    written.zip(task.ended_us).is_some_and(|(written, ended)| written.as_micros() as i64 > ended)
}

/// Puts aside what stands from a stage on, under the time of now.
pub fn set_aside(folder: &DeckFolder, stage: Stage, pages: &[u32]) -> Result<Vec<PathBuf>, DeskError> {
    let when = jiff::Zoned::now().strftime("%Y%m%d_%H%M%S%.3f").to_string();
    Ok(folder.set_aside(stage, pages, &when)?)
}

/// `decks/TOPIC_20261121_190000`, below `current`.
pub fn new_deck_folder(current: &Path, topic: &str) -> PathBuf {
    let when = jiff::Zoned::now().strftime("%Y%m%d_%H%M%S").to_string();
    current.join("decks").join(format!("{}_{when}", imagemill_decks::slug(topic)))
}

/// Now, as packs have it.
pub fn deck_time() -> String {
    jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
