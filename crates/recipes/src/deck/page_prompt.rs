//! The prompt of a page: written by a model, freed of design metadata, and held against the texts that the page must show before
//! any picture is paid for.

use imagemill_decks::{Page, sanitise};
use imagemill_domain::failure::Failure;
use imagemill_domain::infographic::{LintFault, is_cjk, lint, mend};
use imagemill_engine::{AskPart, ChatAsk, TaskContext};

use super::words;
use crate::fill::fill;

/// What a page's prompt is written from.
pub(super) struct Brief<'a> {
    pub(super) style: &'a str,
    pub(super) title: &'a str,
    pub(super) language: &'a str,
    pub(super) pages: u32,
    pub(super) page: &'a Page,
}

/// The texts that the page shows.
pub(super) fn labels(page: &Page) -> Vec<String> {
    page.on_page_text.all().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// Writes the prompt. What it lacks is asked for once and then added as it stands in the outline; `notes` hears of it.
pub(super) async fn write(task: &TaskContext, brief: &Brief<'_>, notes: &mut Vec<String>) -> Result<String, Failure> {
    let labels = labels(brief.page);
    let kind = serde_json::to_value(brief.page.page_type).expect("our own shapes always serialise");
    let system = fill(words::PAGE, &[("LANGUAGE", brief.language), ("PAGE_TYPE", kind.as_str().unwrap_or("content"))]);
    let page = serde_json::to_string_pretty(brief.page).expect("our own shapes always serialise");
    let listed: Vec<String> = labels.iter().map(|label| format!("- \"{label}\"")).collect();
    let mut ask = ChatAsk::new(format!(
        "Describe page {} of {} of the deck \"{}\".\n\nThe style of the deck:\n{}\n\nThe page:\n{page}\n\nTexts of the page, each of which appears:\n{}",
        brief.page.page_no,
        brief.pages,
        brief.title,
        brief.style.trim(),
        listed.join("\n")
    ))
    .system(system);
    let mut prompt = clean(&task.chat("prompt", ask.clone()).await?.text, &labels, notes);
    let missing = missing(&prompt, &labels);
    if !missing.is_empty() {
        ask.parts.push(AskPart::Text(format!(
            "You wrote this before:\n{prompt}\n\nThese texts are not in it letter for letter, in quotation marks: {}. Write the paragraph again.",
            missing.join(", ")
        )));
        prompt = clean(&task.chat("prompt/again", ask).await?.text, &labels, notes);
    }
    let faults = lint(&prompt, &labels);
    if !faults.is_empty() {
        notes.extend(faults.iter().map(|fault| format!("the prompt was mended: {fault}")));
        prompt = mend(&prompt, &labels, is_cjk(&labels.concat()));
    }
    Ok(prompt.trim().to_owned() + "\n")
}

fn clean(answer: &str, labels: &[String], notes: &mut Vec<String>) -> String {
    let shown: Vec<&str> = labels.iter().map(String::as_str).collect();
    let clean = sanitise(answer.trim(), &shown);
    notes.extend(clean.removed.iter().map(|removal| format!("taken out of the prompt: {}", removal.text)));
    clean.text
}

fn missing(prompt: &str, labels: &[String]) -> Vec<String> {
    let faults = lint(prompt, labels).into_iter();
    faults
        .filter_map(|fault| if let LintFault::MissingLabel(label) = fault { Some(format!("{label:?}")) } else { None })
        .collect()
}
