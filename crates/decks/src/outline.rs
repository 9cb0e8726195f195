//! `outline.json`: what a deck says, page by page; its rules, all of them checked at once; and the repair of what needs no model.
//! Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;

use crate::sanitise;

/// What a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageType {
    /// The first one.
    #[serde(alias = "cover")]
    Title,
    /// Opens a part.
    #[serde(alias = "chapter")]
    Section,
    /// Tells something.
    Content,
    /// Shows figures.
    Data,
    /// The last one.
    #[serde(alias = "end", alias = "ending", alias = "thanks")]
    Closing,
}

/// A deck's outline. Members that nobody knows are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    /// Name of the deck.
    #[serde(default)]
    pub ppt_id: String,
    /// Title of the deck.
    #[serde(default)]
    pub ppt_title: String,
    /// `zh` or `en`.
    #[serde(default)]
    pub language: String,
    /// How many pages it has.
    #[serde(default, deserialize_with = "number")]
    pub total_pages: u32,
    /// The pages in order.
    #[serde(default)]
    pub pages: Vec<Page>,
    /// Facts that were asked for and are in no source.
    #[serde(default)]
    pub unresolved: Vec<String>,
    /// Everything else.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// One page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// From 1.
    #[serde(default, deserialize_with = "number")]
    pub page_no: u32,
    /// `page_001`.
    #[serde(default)]
    pub page_id: String,
    /// What it is for.
    pub page_type: PageType,
    /// Title.
    #[serde(default)]
    pub title: String,
    /// Below the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// What it says.
    #[serde(default)]
    pub key_points: Vec<String>,
    /// What the speaker tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrative: Option<String>,
    /// What is to be seen.
    #[serde(default)]
    pub visual_hints: String,
    /// The texts that the picture shows.
    #[serde(default)]
    pub on_page_text: OnPageText,
    /// "Page 3 of 10" in the deck's language.
    #[serde(default)]
    pub page_number_label: String,
    /// Everything else.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// The texts that a page's picture shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OnPageText {
    /// The largest one.
    #[serde(default)]
    pub headline: String,
    /// Below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subheadline: Option<String>,
    /// The points.
    #[serde(default)]
    pub body_points: Vec<String>,
    /// Set apart.
    #[serde(default)]
    pub callouts: Vec<String>,
}

impl OnPageText {
    /// Every text, the largest first.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let single = [Some(self.headline.as_str()), self.subheadline.as_deref()].into_iter().flatten();
        single.chain(self.body_points.iter().chain(&self.callouts).map(String::as_str)).filter(|text| !text.is_empty())
    }
}

/// What is wrong with an outline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where: `pages[2].title`, or `pages`.
    pub place: String,
    /// A sentence.
    pub message: String,
}

/// How much of a kind of text a page type takes: least and most.
type Amount = (usize, usize);

/// What a page type asks for: subheadline allowed, body points, callouts.
const fn amounts(kind: PageType) -> (Amount, Amount) {
    match kind {
        PageType::Title => ((0, 0), (0, 0)),
        PageType::Section | PageType::Content => ((3, 5), (0, 4)),
        PageType::Data => ((3, 5), (2, 4)),
        PageType::Closing => ((0, 0), (0, 1)),
    }
}

/// Longest texts, in characters as a reader counts them.
const TITLE: usize = 24;
const SUBTITLE: usize = 32;
const KEY_POINT: usize = 40;
const NARRATIVE: usize = 60;
const VISUAL_HINTS: usize = 120;
const BODY_POINT: usize = 24;
const CALLOUT: usize = 16;
/// From so many pages on a deck has a title page and a closing page.
const WHOLE_DECK: usize = 5;

impl Outline {
    /// Reads an outline from a model's answer or a file: JSON, whatever words or fences stand around it.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let fault = |message: String| Fault { place: "outline".to_owned(), message };
        let begin = text.find('{').ok_or_else(|| fault("there is no JSON object in it".to_owned()))?;
        let mut values = serde_json::Deserializer::from_str(&text[begin..]).into_iter::<Self>();
        match values.next() {
            Some(Ok(outline)) => Ok(outline),
            Some(Err(error)) => Err(fault(format!("it cannot be read as an outline: {error}"))),
            None => Err(fault("there is no JSON object in it".to_owned())),
        }
    }

    /// Mends what needs no model, and says what: counts, ids and labels that follow from the pages, blanks around texts, empty
    /// entries, a headline that is missing, the language's other names.
    pub fn mend(&mut self) -> Vec<Fault> {
        let mut mended = Vec::new();
        let language = if language(&self.language) == "en" { "en" } else { "zh" };
        set(&mut self.language, language, "language", &mut mended);
        trim(&mut self.ppt_title, "ppt_title", &mut mended);
        let count = u32::try_from(self.pages.len()).unwrap_or(u32::MAX);
        if self.total_pages != count {
            mended
                .push(Fault { place: "total_pages".into(), message: format!("{} becomes {count}", self.total_pages) });
            self.total_pages = count;
        }
        // Pages without numbers have those of their places.
        if self.pages.iter().all(|page| page.page_no == 0) {
            for (page, number) in self.pages.iter_mut().zip(1..) {
                page.page_no = number;
            }
        }
        for (at, page) in self.pages.iter_mut().enumerate() {
            mend_page(page, at, count, language, &mut mended);
        }
        mended
    }

    /// Everything that is wrong with it for a deck of `page_count` pages.
    pub fn faults(&self, page_count: u32) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut say = |place: &str, message: String| faults.push(Fault { place: place.to_owned(), message });
        if self.pages.len() != page_count as usize {
            say("pages", format!("there are {} pages, and the deck is to have {page_count}", self.pages.len()));
        }
        check_length(&self.ppt_title, (1, TITLE), "ppt_title", &mut say);
        if !matches!(self.language.as_str(), "zh" | "en") {
            say("language", format!("`{}` is neither `zh` nor `en`", self.language));
        }
        for (at, page) in self.pages.iter().enumerate() {
            if page.page_no as usize != at + 1 {
                say(
                    &format!("pages[{at}].page_no"),
                    format!(
                        "the page at place {} has the number {}; numbers go up from 1 without a gap",
                        at + 1,
                        page.page_no
                    ),
                );
            }
            page.faults(at, &mut say);
        }
        self.composition(&mut say);
        faults
    }

    /// The rules about the deck as a whole.
    fn composition(&self, say: &mut impl FnMut(&str, String)) {
        if self.pages.len() < WHOLE_DECK {
            return;
        }
        let of = |kind| self.pages.iter().filter(|page| page.page_type == kind).count();
        for (kind, name) in [(PageType::Title, "title"), (PageType::Closing, "closing")] {
            if of(kind) != 1 {
                say("pages", format!("there are {} {name} pages; a deck of {WHOLE_DECK} or more has one", of(kind)));
            }
        }
        if of(PageType::Section) > 1 {
            say("pages", format!("there are {} section pages; at most one", of(PageType::Section)));
        }
        let (first, last) = (self.pages.first(), self.pages.last());
        if of(PageType::Title) == 1 && first.is_some_and(|page| page.page_type != PageType::Title) {
            say("pages", "the title page is not the first one".to_owned());
        }
        if of(PageType::Closing) == 1 && last.is_some_and(|page| page.page_type != PageType::Closing) {
            say("pages", "the closing page is not the last one".to_owned());
        }
    }
}

impl Page {
    fn faults(&self, at: usize, say: &mut impl FnMut(&str, String)) {
        let mut say = |field: &str, message: String| say(&format!("pages[{at}].{field}"), message);
        check_length(&self.title, (1, TITLE), "title", &mut say);
        check_length(self.subtitle.as_deref().unwrap_or_default(), (0, SUBTITLE), "subtitle", &mut say);
        check_length(self.narrative.as_deref().unwrap_or_default(), (0, NARRATIVE), "narrative", &mut say);
        check_length(&self.visual_hints, (1, VISUAL_HINTS), "visual_hints", &mut say);
        check_list(&self.key_points, ((3, 5), KEY_POINT), "key_points", &mut say);
        let shown = &self.on_page_text;
        let (body, callouts) = amounts(self.page_type);
        check_length(&shown.headline, (1, TITLE), "on_page_text.headline", &mut say);
        check_length(
            shown.subheadline.as_deref().unwrap_or_default(),
            (0, SUBTITLE),
            "on_page_text.subheadline",
            &mut say,
        );
        check_list(&shown.body_points, (body, BODY_POINT), "on_page_text.body_points", &mut say);
        check_list(&shown.callouts, (callouts, CALLOUT), "on_page_text.callouts", &mut say);
        if self.page_type == PageType::Data {
            for text in shown.callouts.iter().filter(|text| !text.chars().any(char::is_numeric)) {
                say("on_page_text.callouts", format!("`{text}` on a data page has no number"));
            }
        }
        for text in shown.all().chain(self.key_points.iter().map(String::as_str)).chain([self.visual_hints.as_str()]) {
            if !sanitise::is_clean(text) {
                say("on_page_text", format!("`{text}` has colour codes, sizes or labels of a design in it"));
            }
        }
    }

    /// What a speaker reads: the headline, the points and the narrative.
    pub fn notes(&self) -> String {
        let mut lines = vec![self.title.clone()];
        lines.extend(self.subtitle.clone());
        lines.extend(self.key_points.iter().map(|point| format!("• {point}")));
        lines.extend(self.on_page_text.all().filter(|text| *text != self.title).map(str::to_owned));
        lines.extend(self.narrative.clone());
        lines.retain(|line| !line.trim().is_empty());
        let mut seen = std::collections::BTreeSet::new();
        lines.retain(|line| seen.insert(line.trim_start_matches("• ").to_owned()));
        lines.join("\n")
    }
}

/// `en` or `zh` of any name of a language; texts without one are Chinese, as the packs have it.
pub(crate) fn language(tag: &str) -> &'static str {
    let main = tag.trim().split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    if matches!(main.as_str(), "en" | "eng" | "english") { "en" } else { "zh" }
}

fn mend_page(page: &mut Page, at: usize, count: u32, language: &str, mended: &mut Vec<Fault>) {
    let place = |field: &str| format!("pages[{at}].{field}");
    trim(&mut page.title, &place("title"), mended);
    trim(&mut page.visual_hints, &place("visual_hints"), mended);
    trim(&mut page.on_page_text.headline, &place("on_page_text.headline"), mended);
    for (list, field) in [
        (&mut page.key_points, "key_points"),
        (&mut page.on_page_text.body_points, "on_page_text.body_points"),
        (&mut page.on_page_text.callouts, "on_page_text.callouts"),
    ] {
        let before = list.len();
        for text in list.iter_mut() {
            trim(text, &place(field), mended);
        }
        list.retain(|text| !text.is_empty());
        if list.len() < before {
            mended.push(Fault {
                place: place(field),
                message: format!("{} empty entries are gone", before - list.len()),
            });
        }
    }
    if page.on_page_text.headline.is_empty() && !page.title.is_empty() {
        let headline = page.title.clone();
        set(&mut page.on_page_text.headline, &headline, &place("on_page_text.headline"), mended);
    }
    set(&mut page.page_id, &format!("page_{:03}", page.page_no), &place("page_id"), mended);
    let label = if language == "en" {
        format!("Page {} of {count}", page.page_no)
    } else {
        format!("第 {} 页，共 {count} 页", page.page_no)
    };
    if page.page_number_label.trim().is_empty() {
        set(&mut page.page_number_label, &label, &place("page_number_label"), mended);
    }
}

fn set(text: &mut String, to: &str, place: &str, mended: &mut Vec<Fault>) {
    if text != to {
        mended.push(Fault { place: place.to_owned(), message: format!("`{text}` becomes `{to}`") });
        to.clone_into(text);
    }
}

fn trim(text: &mut String, place: &str, mended: &mut Vec<Fault>) {
    let trimmed = text.trim().to_owned();
    if trimmed != *text {
        set(text, &trimmed, place, mended);
    }
}

fn check_length(text: &str, (least, most): Amount, place: &str, say: &mut impl FnMut(&str, String)) {
    let length = text.trim().graphemes(true).count();
    if length < least {
        say(place, "it is missing".to_owned());
    } else if length > most {
        say(place, format!("it has {length} characters; at most {most}"));
    }
}

fn check_list(
    list: &[String],
    ((least, most), longest): (Amount, usize),
    place: &str,
    say: &mut impl FnMut(&str, String),
) {
    if list.len() < least || list.len() > most {
        let wanted = if least == most { format!("{most}") } else { format!("{least} to {most}") };
        say(place, format!("it has {} entries; {wanted}", list.len()));
    }
    for (at, text) in list.iter().enumerate() {
        check_length(text, (1, longest), &format!("{place}[{at}]"), say);
    }
}

/// A number, also as text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Loose {
        Number(u32),
        Text(String),
    }
    match Loose::deserialize(deserializer)? {
        Loose::Number(number) => Ok(number),
        Loose::Text(text) => text.trim().parse().map_err(serde::de::Error::custom),
    }
}
