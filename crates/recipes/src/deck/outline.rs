//! `outline`: what a deck says and how it looks. Captions of pictures, a digest of the documents, the style, the outline; each is a
//! file of the deck or stands in one, and what is there is not made again.

use std::fmt::Write as _;

use imagemill_decks::{DeckFolder, Fault, InfoPack, RawDocuments, mend_style, status, style_faults};
use imagemill_domain::chat::DEFAULT_MAX_TOKENS;
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::plan::PlannedStep;
use imagemill_domain::task::SourcePicture;
use imagemill_engine::{AskPart, ChatAsk, Ending, Recipe, RecipeFuture, TaskContext};
use serde_json::json;

use super::digest;
use super::place::{blocking, facts, is_final, of_model, open, write};
use super::words;
use crate::fill::fill;

/// Tokens of an outline: long decks are long answers.
const OUTLINE_TOKENS: u32 = 16_000;
/// Faults that are told to a model or a person at once.
const TOLD: usize = 30;

/// The recipe `outline`.
#[derive(Clone, Copy, Debug)]
pub struct Outline;

impl Recipe for Outline {
    fn name(&self) -> RecipeName {
        RecipeName::Outline
    }

    /// What is there already is not asked for, which only makes it cheaper.
    fn steps(&self, file: &JobFile) -> Vec<PlannedStep> {
        let root = file.deck.as_ref().map(|section| section.folder.clone()).unwrap_or_default();
        let folder = DeckFolder::open(root.as_ref()).ok();
        let info = folder.as_ref().and_then(|folder| folder.info().ok()).unwrap_or_default();
        let documents = folder.as_ref().and_then(|folder| folder.documents(&info).ok().flatten());
        let digested = u32::from(documents.is_some() && info.document_digest.is_none());
        let letters: usize = documents.iter().flat_map(|all| &all.documents).map(|document| document.text.len()).sum();
        let looks = file.deck.as_ref().is_none_or(|section| section.check);
        let figures = documents.as_ref().filter(|_| looks).map_or(0, |documents| documents.figures().len());
        let captions = (info.references().0.len() + figures) as u32;
        let tokens = u64::from(DEFAULT_MAX_TOKENS);
        vec![
            PlannedStep::words([captions, captions, captions], 1_500, 1, tokens),
            PlannedStep::words([1, 1, 2].map(|times| times * digested), letters as u64 + 4_000, 0, tokens),
            PlannedStep::words([1, 1, 2], 12_000, 0, tokens),
            PlannedStep::words([1, 1, 4], 24_000, 0, u64::from(OUTLINE_TOKENS)),
        ]
    }

    fn run<'a>(&'a self, task: &'a TaskContext) -> RecipeFuture<'a> {
        Box::pin(make(task))
    }
}

/// The column that says how many of the task's pictures are examples; those behind them are out of the documents.
const EXAMPLES: &str = "examples";

/// A deck on its way to an outline.
struct Writer<'a> {
    task: &'a TaskContext,
    folder: DeckFolder,
    info: InfoPack,
    notes: Vec<String>,
}

async fn make(task: &TaskContext) -> Result<Ending, Failure> {
    let (folder, info) = open(task).await?;
    let looked = folder.clone();
    let done = blocking(move || status(&looked)).await?;
    let mut writer = Writer { task, folder, info, notes: Vec::new() };
    let (_, missing) = writer.info.references();
    writer.notes.extend(missing.iter().map(|path| format!("the reference picture {} is not there", path.display())));
    if !done.style_spec_done || !done.outline_done {
        writer.captions().await?;
        writer.digest().await?;
    }
    let style = if done.style_spec_done { writer.read_style().await? } else { writer.style().await? };
    if !done.outline_done {
        writer.outline(&style).await?;
    }
    Ok(Ending::Words(Box::new(json!({"deck": writer.folder.deck_id(), "notes": writer.notes}))))
}

impl Writer<'_> {
    fn system(&self, text: &str) -> String {
        let pages = self.folder.page_count().unwrap_or_default().to_string();
        fill(text, &[("LANGUAGE", &self.folder.language()), ("PAGES", &pages)])
    }

    /// The example pictures, and the pictures of the documents.
    fn pictures(&self) -> (&[SourcePicture], &[SourcePicture]) {
        let spec = self.task.spec();
        let examples = spec.columns.get(EXAMPLES).and_then(|count| count.parse().ok()).unwrap_or(spec.pictures.len());
        spec.pictures.split_at(examples.min(spec.pictures.len()))
    }

    /// What a model sees in the example pictures. A picture that nobody can describe is still shown where the style is made.
    async fn captions(&mut self) -> Result<(), Failure> {
        let mut found = false;
        for (at, picture) in self.pictures().0.to_vec().iter().enumerate() {
            if self.info.user_assets.reference_image_captions.contains_key(&picture.path) {
                continue;
            }
            let ask = ChatAsk::new("Describe this example picture.").system(self.system(words::CAPTION));
            if let Some(caption) = self.caption(&format!("caption-{}", at + 1), ask, picture).await? {
                self.info.user_assets.reference_image_captions.insert(picture.path.clone(), caption);
                found = true;
            }
        }
        if found { self.write_info().await } else { Ok(()) }
    }

    /// What a model sees in the documents' pictures.
    async fn figures(&mut self, documents: &mut RawDocuments) -> Result<(), Failure> {
        let mut found = false;
        for (at, picture) in self.pictures().1.to_vec().iter().enumerate() {
            if documents.is_described(picture.path.as_ref()) {
                continue;
            }
            let ask = ChatAsk::new("Describe this picture of a document.").system(self.system(words::FIGURE));
            if let Some(caption) = self.caption(&format!("figure-{}", at + 1), ask, picture).await? {
                documents.describe(picture.path.as_ref(), &caption);
                found = true;
            }
        }
        if !found {
            return Ok(());
        }
        let (folder, documents) = (self.folder.clone(), documents.clone());
        blocking(move || folder.write_documents(&documents)).await
    }

    /// `None` when nobody can describe the picture, which is noted.
    async fn caption(&mut self, step: &str, ask: ChatAsk, picture: &SourcePicture) -> Result<Option<String>, Failure> {
        match self.task.chat(step, ask.picture(picture.clone())).await {
            Ok(reply) => Ok(Some(reply.text.trim().to_owned())),
            Err(failure) if is_final(&failure) => {
                self.notes.push(format!("{} has no caption: {}", picture.name, failure.message));
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// What the documents say. The model sees their words, what their pictures show and how many tables there are, never the tables'
    /// cells, so that it cannot alter a number. Without a digest the deck is made from the request alone.
    async fn digest(&mut self) -> Result<(), Failure> {
        if self.info.document_digest.is_some() {
            return Ok(());
        }
        let (folder, info) = (self.folder.clone(), self.info.clone());
        let Some(mut documents) = blocking(move || folder.documents(&info)).await? else { return Ok(()) };
        if documents.documents.is_empty() {
            return Ok(());
        }
        self.figures(&mut documents).await?;
        let ask = ChatAsk::new(digest::told(&documents)).system(self.system(words::DIGEST));
        match self.task.structured("digest", ask, &words::digest_schema()).await {
            Ok(mut digest) => {
                self.notes.extend(digest::prune(&mut digest, &documents));
                self.info.document_digest = Some(digest);
                self.write_info().await
            }
            Err(failure) if is_final(&failure) => {
                self.notes.push(format!("the documents could not be digested: {}", failure.message));
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    async fn write_info(&self) -> Result<(), Failure> {
        let (folder, info) = (self.folder.clone(), self.info.clone());
        blocking(move || folder.write_info(&info)).await
    }

    async fn read_style(&self) -> Result<String, Failure> {
        let path = self.folder.style_path();
        blocking(move || imagemill_decks::read_text(&path)).await
    }

    /// The style: sent back once with what is wrong with it; what is then still less than a style fails.
    async fn style(&mut self) -> Result<String, Failure> {
        let facts = facts(&self.folder, &self.info);
        let mut ask =
            ChatAsk::new(format!("Write the style of this deck.\n\n{facts:#}")).system(self.system(words::STYLE));
        for picture in self.pictures().0 {
            ask = ask.picture(picture.clone());
        }
        let mut style = mend_style(&self.task.chat("style", ask.clone()).await?.text);
        let faults = style_faults(&style);
        if !faults.is_empty() {
            let complaint = faults.join("; ");
            ask.parts.push(AskPart::Text(format!(
                "You wrote this before:\n{style}\n\nIt cannot be used yet: {complaint}. Write the whole style again."
            )));
            style = mend_style(&self.task.chat("style/again", ask).await?.text);
            let left = style_faults(&style);
            if !style.contains("## ") || style.chars().count() < 200 {
                let message =
                    format!("the model's answer is no style, and asking again did not help: {}", left.join("; "));
                return Err(Failure::new(FailureKind::Protocol, message).billing(Billing::Billed));
            }
            self.notes.extend(left.iter().map(|fault| format!("the style was taken as it is: {fault}")));
        }
        write(self.folder.style_path(), style.clone()).await?;
        self.tell("style_spec.md").await?;
        Ok(style)
    }

    /// The outline: mended where no model is needed, sent back once with all that is wrong with it, refused with the whole list.
    async fn outline(&mut self, style: &str) -> Result<(), Failure> {
        let count = self.folder.page_count().unwrap_or_default();
        let facts = facts(&self.folder, &self.info);
        let ask = format!("Write the outline of this deck.\n\n{facts:#}\n\nIts style:\n{style}");
        let mut ask = ChatAsk { max_tokens: OUTLINE_TOKENS, ..ChatAsk::new(ask).system(self.system(words::OUTLINE)) };
        let schema = words::outline_schema();
        let answer = self.task.structured("outline", ask.clone(), &schema).await?;
        let (mut outline, mut faults) = checked(of_model("outline", answer)?, count);
        if !faults.is_empty() {
            ask.parts.push(AskPart::Text(format!(
                "You wrote this before:\n{}\n\nThese rules are broken:\n{}\nGive the whole outline again, corrected.",
                serde_json::to_string(&outline).expect("our own shapes always serialise"),
                listed(&faults)
            )));
            let again = self.task.structured("outline/again", ask, &schema).await?;
            (outline, faults) = checked(of_model("outline", again)?, count);
        }
        if !faults.is_empty() {
            let message = format!("the outline breaks its rules, and one repair did not help:\n{}", listed(&faults));
            return Err(Failure::new(FailureKind::Protocol, message).billing(Billing::Billed));
        }
        self.notes.extend(outline.unresolved.iter().map(|gap| format!("in no source: {gap}")));
        let text = serde_json::to_string_pretty(&outline).expect("our own shapes always serialise") + "\n";
        write(self.folder.outline_path(), text).await?;
        self.tell("outline.json").await
    }

    async fn tell(&self, file: &str) -> Result<(), Failure> {
        self.task.wrote(file, None, self.folder.page_count().unwrap_or_default()).await
    }
}

fn checked(mut outline: imagemill_decks::Outline, count: u32) -> (imagemill_decks::Outline, Vec<Fault>) {
    outline.mend();
    let faults = outline.faults(count);
    (outline, faults)
}

fn listed(faults: &[Fault]) -> String {
    let mut out = String::new();
    for fault in faults.iter().take(TOLD) {
        let _ = writeln!(out, "- {}: {}", fault.place, fault.message);
    }
    if faults.len() > TOLD {
        let _ = writeln!(out, "- and {} more", faults.len() - TOLD);
    }
    out.trim_end().to_owned()
}
