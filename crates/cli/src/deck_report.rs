//! What is told of a deck on its way: a line for each file that is there, a line for each page that could not be made, and the end.

use imagemill_decks::{Built, DeckFolder};
use imagemill_desk::{DeckWork, page_of};
use imagemill_domain::event::{Event, EventBody};
use imagemill_domain::task::TaskState;
use imagemill_store::Store;

use crate::context::Context;
use crate::printer::Tone;
use crate::texts::say;

/// The line of an event of a deck's job; `None` for what needs none.
pub(crate) async fn line(context: &Context, store: &Store, event: &Event) -> anyhow::Result<Option<String>> {
    let texts = &context.texts;
    match &event.body {
        EventBody::Artifact { file, page, pages, .. } => {
            let name = file.rsplit('/').next().unwrap_or(file);
            Ok(Some(match page {
                Some(page) if name.ends_with(".prompt.txt") => {
                    say!(texts, "deck.at_prompt", page = page, pages = pages)
                }
                Some(page) => say!(texts, "deck.at_page", page = page, pages = pages, file = name),
                None if name == "outline.json" => {
                    say!(texts, "deck.at_outline", pages = texts.count("page", u64::from(*pages)))
                }
                None => say!(texts, "deck.at_style"),
            }))
        }
        EventBody::TaskState { task, state: TaskState::Succeeded, .. } => {
            let document = store.tasks().document(*task).await?.unwrap_or_default();
            let notes = document["notes"].as_array().into_iter().flatten().filter_map(|note| note.as_str());
            let lines: Vec<String> = notes.map(|note| format!("· {}", texts.translated(note))).collect();
            Ok((!lines.is_empty()).then(|| context.printer.paint(Tone::Warn, lines.join("\n"))))
        }
        EventBody::TaskState { task, state, .. } if state.is_ended() => {
            let Some(task) = store.tasks().get(*task).await? else { return Ok(None) };
            let Some(page) = page_of(&task) else { return Ok(None) };
            let why = task.failure.map_or_else(
                || say!(texts, &format!("state.{}", state.word())),
                |failure| texts.translated(&failure.message),
            );
            let job = store.jobs().get(task.job).await?;
            let deck = job.and_then(|job| DeckFolder::open(job.definition.file.deck.as_ref()?.folder.as_ref()).ok());
            let pages = deck.and_then(|deck| deck.page_count()).unwrap_or(page);
            Ok(Some(say!(
                texts,
                "deck.at_failed",
                page = page,
                pages = pages,
                why = context.printer.paint(Tone::Bad, why)
            )))
        }
        _ => Ok(None),
    }
}

/// The end: where everything lies, what is missing and why, what can be done next.
pub(crate) fn closing(context: &Context, work: &DeckWork, built: &Built) {
    let (texts, printer) = (&context.texts, &context.printer);
    let slides = texts.count("slide", built.total_slides as u64);
    let file = std::path::Path::new(&built.output);
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    printer.line(say!(texts, "deck.at_pptx", file = name, slides = slides, missing = built.missing.len()));
    let folder = file.parent().map(|folder| context.shown(folder)).unwrap_or_default();
    let pages = work.status.page_count;
    let done = work.status.pages.iter().filter(|page| page.png_done).count();
    let last = format!("{pages:03}");
    printer.line(say!(texts, "deck.folder", folder = folder, last = last, done = done, pages = pages, file = name));
    for page in &work.status.pages {
        let words = page.words.iter().flat_map(|words| &words.misprints);
        for misprint in words {
            let read = misprint.read.clone().unwrap_or_else(|| say!(texts, "deck.nothing_read"));
            let text = say!(texts, "deck.misprint", page = page.page_no, label = misprint.label, read = read);
            printer.line(printer.paint(Tone::Warn, text));
        }
    }
    for page in &built.missing {
        let why = texts.translated(&page.why);
        printer.line(printer.paint(Tone::Warn, say!(texts, "deck.page_missing", page = page.page_no, why = why)));
    }
    if !built.missing.is_empty() {
        let pages: Vec<String> = built.missing.iter().map(|page| page.page_no.to_string()).collect();
        let program = context.program();
        printer.line(say!(texts, "deck.again", program = program, folder = folder, pages = pages.join(",")));
    }
}
