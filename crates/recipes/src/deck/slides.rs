//! `slides`: one page of a deck. Its prompt, unless one stands; its pictures; the words that a model reads off them; the best of
//! them in the deck's folder. A page that is done costs nothing.

use imagemill_decks::{
    DeckFolder, Outline, Page, PageAction, PageRecord, PageStatus, Take, Words, page_hash, page_status, place_picture,
    read_text,
};
use imagemill_domain::asset::Asset;
use imagemill_domain::chat::DEFAULT_MAX_TOKENS;
use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::infographic::{is_cjk, reading_schema};
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::plan::PlannedStep;
use imagemill_engine::{ChatAsk, Ending, ImageAsk, Recipe, RecipeFuture, TaskContext};
use serde::Deserialize;

use super::page_prompt::{self, Brief, labels};
use super::place::{blocking, is_final, of_model, open, section, write};
use crate::reading::{EDGE, READING};
use crate::sized::sized;

/// The column of a task that names its page.
const PAGE: &str = "page";
/// Shape and size of a page.
const RATIO: &str = "16:9";
const SIZE: &str = "2k";

/// The recipe `slides`.
#[derive(Clone, Copy, Debug)]
pub struct Slides;

impl Recipe for Slides {
    fn name(&self) -> RecipeName {
        RecipeName::Slides
    }

    fn steps(&self, file: &JobFile) -> Vec<PlannedStep> {
        let section = file.deck.clone().unwrap_or_default();
        let (takes, tokens) = (section.takes, u64::from(DEFAULT_MAX_TOKENS));
        let looks = if section.check { takes } else { 0 };
        vec![
            PlannedStep::words([0, 1, 2], 12_000, 0, tokens),
            PlannedStep::words([looks, looks, 2 * looks], 2_000, 1, tokens),
            PlannedStep::pictures([0, takes - 1, takes - 1]),
        ]
    }

    fn run<'a>(&'a self, task: &'a TaskContext) -> RecipeFuture<'a> {
        Box::pin(make(task))
    }
}

/// What the folder holds of a page.
struct Seen {
    folder: DeckFolder,
    outline: Outline,
    page: Page,
    status: PageStatus,
    record: PageRecord,
    style: String,
    prompt: String,
}

#[derive(Deserialize)]
struct Reading {
    texts: Vec<String>,
}

async fn make(task: &TaskContext) -> Result<Ending, Failure> {
    let mut seen = look(task).await?;
    if seen.status.action == PageAction::Skip {
        return Ok(Ending::Done(None));
    }
    let page_no = seen.page.page_no;
    if seen.status.prompt_done {
        // Whoever wrote it, it stands for the page as it is now.
        seen.record.outline = Some(page_hash(&seen.page));
    } else {
        write_prompt(task, &mut seen).await?;
    }
    let prompt = ContentHash::of(seen.prompt.as_bytes());
    if seen.record.prompt != Some(prompt) {
        seen.record.takes.clear();
    }
    let (assets, failure) = draw(task, &mut seen).await?;
    let best = seen.record.best().map(|take| take.picture);
    let chosen = assets.iter().find(|asset| Some(asset.facts.blake3) == best).or(assets.last());
    let chosen = chosen.ok_or_else(|| {
        Failure::new(FailureKind::Local, "the picture of a page is stored and cannot be found; run `imagemill doctor`")
    })?;
    let source = std::path::PathBuf::from(task.picture_of(chosen).path);
    let content = chosen.facts.blake3;
    seen.record.prompt = Some(prompt);
    let (folder, outline, mut record) = (seen.folder.clone(), seen.outline.clone(), seen.record);
    let pages = seen.outline.total_pages;
    let placed = blocking(move || {
        // Somebody may have put a picture there meanwhile: theirs stands.
        let stands = page_status(&folder, Some(&outline), page_no).action == PageAction::Skip;
        if !stands {
            let placed = place_picture(&folder, page_no, &source)?;
            if let Some(take) = record.takes.iter_mut().find(|take| take.picture == content) {
                take.placed = (placed != content).then_some(placed);
            }
        }
        folder.write_record(page_no, &record)?;
        Ok(!stands)
    })
    .await?;
    if placed {
        task.wrote(&format!("pages/page_{page_no:03}.png"), Some(page_no), pages).await?;
    }
    Ok(Ending::Done(failure))
}

async fn look(task: &TaskContext) -> Result<Seen, Failure> {
    let (folder, _) = open(task).await?;
    let number = task.spec().columns.get(PAGE).and_then(|page| page.parse::<u32>().ok());
    let number =
        number.ok_or_else(|| Failure::new(FailureKind::Invalid, "the task names no page; nothing was sent"))?;
    let nothing =
        |what: &str| Failure::new(FailureKind::Invalid, format!("{what}; nothing was sent for page {number}"));
    let seen = blocking(move || {
        let Some(outline) = folder.outline()? else { return Ok(None) };
        let Some(page) = outline.pages.iter().find(|page| page.page_no == number).cloned() else { return Ok(None) };
        let status = page_status(&folder, Some(&outline), number);
        let record = folder.record(number).unwrap_or_default();
        let style = read_text(&folder.style_path())?;
        let prompt = if status.prompt_done { read_text(&folder.prompt_path(number))? } else { String::new() };
        Ok(Some(Seen { folder, outline, page, status, record, style, prompt }))
    });
    seen.await?.ok_or_else(|| nothing("the outline has no such page"))
}

async fn write_prompt(task: &TaskContext, seen: &mut Seen) -> Result<(), Failure> {
    let language = seen.folder.language();
    let (page, pages) = (seen.page.clone(), seen.outline.total_pages);
    let brief = Brief { style: &seen.style, title: &seen.outline.ppt_title, language: &language, pages, page: &page };
    let mut record = PageRecord { outline: Some(page_hash(&page)), ..PageRecord::default() };
    seen.prompt = page_prompt::write(task, &brief, &mut record.notes).await?;
    write(seen.folder.prompt_path(page.page_no), seen.prompt.clone()).await?;
    seen.record = record.clone();
    let folder = seen.folder.clone();
    blocking(move || folder.write_record(page.page_no, &record)).await?;
    task.wrote(&format!("pages/page_{:03}.prompt.txt", seen.page.page_no), Some(seen.page.page_no), pages).await
}

/// Makes the pictures and reads them. What fails after the first picture loses none before it.
async fn draw(task: &TaskContext, seen: &mut Seen) -> Result<(Vec<Asset>, Option<Failure>), Failure> {
    let section = section(&task.definition().file)?;
    let mut assets: Vec<Asset> = Vec::new();
    for take in 1..=section.takes {
        if take > 1 && !task.affords_picture().await? {
            seen.record.notes.push("the budget has no room for another picture to choose from".to_owned());
            break;
        }
        let asset = match picture(task, seen, take).await {
            Ok(asset) => asset,
            Err(failure) if assets.is_empty() => return Err(failure),
            Err(failure) => return Ok((assets, Some(failure))),
        };
        let words = if section.check { read(task, seen, take, &asset).await? } else { None };
        let picture = asset.facts.blake3;
        seen.record.takes.retain(|known| known.picture != picture);
        seen.record.takes.push(Take { picture, placed: None, words });
        assets.push(asset);
    }
    Ok((assets, None))
}

async fn picture(task: &TaskContext, seen: &mut Seen, take: u32) -> Result<Asset, Failure> {
    let step = format!("picture-{take}");
    let given = &task.definition().file.options;
    let size = sized(task, given.aspect_ratio.as_deref().unwrap_or(RATIO), given.size.as_deref(), SIZE);
    seen.record.notes.extend(size.note);
    let ask = task.ask(step.clone());
    let mut options = ask.options;
    options.n = None;
    options.size = size.choice.size;
    options.aspect_ratio = size.choice.aspect_ratio;
    // Another take is another draw, where the model lets one choose.
    options.seed = options.seed.map(|seed| seed.wrapping_add(i64::from(take - 1) * 1_000_003));
    let mut prompt = seen.prompt.trim().to_owned();
    if !ask.pictures.is_empty() {
        prompt.push_str(if is_cjk(&prompt) {
            "\n附图只作风格参考：沿用其画风、配色与质感，不要画出其中的内容和文字。"
        } else {
            "\nThe attached picture shows the style alone: keep its manner, palette and texture, and draw neither its content nor its words."
        });
    }
    let ask = ImageAsk { prompt, options, step: step.clone().into(), ..ask };
    let assets = task.image(&step, ask).await?;
    assets.into_iter().next().ok_or_else(|| {
        Failure::new(FailureKind::Local, "the picture of a page is stored and cannot be found; run `imagemill doctor`")
    })
}

/// The words in a picture, read by a model that does not know what they should be. One that cannot read costs the page nothing.
async fn read(task: &TaskContext, seen: &mut Seen, take: u32, asset: &Asset) -> Result<Option<Words>, Failure> {
    if labels(&seen.page).is_empty() {
        return Ok(None);
    }
    let ask = ChatAsk { max_edge: Some(EDGE), ..ChatAsk::new("Read the text in this picture.") };
    let ask = ask.system(READING).picture(task.picture_of(asset));
    match task.structured(&format!("picture-{take}/reading"), ask, &reading_schema()).await {
        Ok(answer) => Ok(Some(Words::of(&seen.page, &of_model::<Reading>("reading", answer)?.texts))),
        Err(failure) if is_final(&failure) => {
            seen.record.notes.push(format!("nobody could read the words in the picture: {}", failure.message));
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}
