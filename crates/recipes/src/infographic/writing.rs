//! From a request to the prompt of its picture: evaluation, analysis, choice, text, expansion. Each result is a draft: what a
//! person changed is taken as it is, and what it was made from does not matter then.

use imagemill_domain::catalogue::{Catalogue, Needs, Ratio};
use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::infographic::{
    Analysis, Asked, Choice, Expand, Fidelity, InfographicSection, LintFault, Manuscript, Recommended, Verdict, Wish,
    choose, evaluation_schema, foreign_to, is_cjk, labels_of, lint, mend, prune, quoted,
};
use imagemill_engine::{ChatAsk, TaskContext};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::frame::Frame;
use super::prompts;
use crate::fill::fill;

/// Names of the drafts; those of older runners where they have them.
const EVALUATION: &str = "evaluation.json";
const ANALYSIS: &str = "analysis.json";
const CHOICE: &str = "layout-style.json";
const CONTENT: &str = "structured-content.md";
const SYSTEM: &str = "expand-system-prompt.md";
const PROMPT: &str = "expanded-prompt.txt";

/// Most foreign things that are named to a model.
const NAMED: usize = 12;

/// What the rounds begin with.
pub(super) struct Written {
    pub(super) prompt: String,
    pub(super) title: String,
    pub(super) labels: Vec<String>,
    /// `None`: the request is drawn as it is.
    pub(super) choice: Option<Choice>,
    pub(super) notes: Vec<String>,
}

/// Writes the prompt of one request.
pub(super) struct Writer<'a> {
    pub(super) task: &'a TaskContext,
    pub(super) catalogue: &'a Catalogue,
    pub(super) section: &'a InfographicSection,
    pub(super) asked: &'a Asked,
    pub(super) frame: &'a Frame,
    pub(super) notes: Vec<String>,
}

impl Writer<'_> {
    pub(super) async fn write(mut self) -> Result<Written, Failure> {
        if !self.expands().await? {
            return Ok(self.unchanged());
        }
        let analysis = self.analysis().await?;
        let choice = self.choice(&analysis).await?;
        let content = self.content(&analysis).await?;
        let labels = labels_of(&content);
        let prompt = self.prompt(&analysis, &choice, &content, &labels).await?;
        let title = labels.first().cloned().unwrap_or_else(|| analysis.title.clone());
        Ok(Written { prompt, title, labels, choice: Some(choice), notes: self.notes })
    }

    fn source(&self) -> &str {
        &self.asked.text
    }

    /// Whether the request is worked out. A judge that cannot be heard never ends a task: then it is.
    async fn expands(&mut self) -> Result<bool, Failure> {
        match self.asked.expand {
            Expand::Disable => return Ok(false),
            Expand::Force => return Ok(true),
            Expand::Auto => {}
        }
        let inputs = format!("{}\n{}", self.section.threshold, self.source());
        if let Some(draft) = self.task.draft(EVALUATION, &inputs).await? {
            let verdict: Verdict = read(EVALUATION, &draft.text)?;
            return Ok(verdict.expand);
        }
        let ask = ChatAsk::new(self.source()).system(prompts::evaluation());
        match self.task.structured("evaluation", ask, &evaluation_schema()).await {
            Ok(answers) => {
                let verdict = Verdict::of(&answers, self.section.threshold);
                self.task.write_draft(EVALUATION, &inputs, &pretty(&verdict)).await?;
                Ok(verdict.expand)
            }
            Err(failure) => {
                self.notes.push(format!("the request could not be judged and is worked out: {}", failure.message));
                Ok(true)
            }
        }
    }

    fn unchanged(self) -> Written {
        let labels = quoted(self.source());
        let first = self.source().lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let title: String = first.trim_start_matches('#').trim().chars().take(60).collect();
        let unsound = lint(self.source(), &labels);
        let notes = unsound.iter().map(|fault| format!("the request is drawn as it is, and {fault}"));
        let notes = self.notes.iter().cloned().chain(notes).collect();
        Written { prompt: self.source().to_owned(), title, labels, choice: None, notes }
    }

    async fn analysis(&self) -> Result<Analysis, Failure> {
        if let Some(draft) = self.task.draft(ANALYSIS, self.source()).await? {
            return read(ANALYSIS, &draft.text);
        }
        let names = |entries: Vec<(&str, &str)>| {
            entries.iter().map(|(name, gist)| format!("- {name}: {gist}")).collect::<Vec<_>>().join("\n")
        };
        let layouts = self.catalogue.layouts.iter().map(|layout| (layout.name.as_str(), layout.gist.en.as_str()));
        let styles = self.catalogue.styles.iter().map(|style| (style.name.as_str(), style.gist.en.as_str()));
        let (layouts, styles) = (names(layouts.collect()), names(styles.collect()));
        let system = fill(prompts::ANALYSIS, &[("LAYOUTS", &layouts), ("STYLES", &styles)]);
        let answer =
            self.task.structured("analysis", ChatAsk::new(self.source()).system(system), &Analysis::schema()).await?;
        let analysis: Analysis = of_model("analysis", answer)?;
        self.task.write_draft(ANALYSIS, self.source(), &pretty(&analysis)).await?;
        Ok(analysis)
    }

    /// Layout and style. What was drawn once stays drawn as long as the analysis is the same.
    async fn choice(&mut self, analysis: &Analysis) -> Result<Choice, Failure> {
        let (asked, sample) = (self.asked, self.task.spec().sample);
        let inputs = pretty(&(analysis, &asked.layout, &asked.style, &self.frame.ratio, sample));
        let choice = if let Some(draft) = self.task.draft(CHOICE, &inputs).await? {
            read(CHOICE, &draft.text)?
        } else {
            let choice = self.chosen(analysis, sample);
            self.task.write_draft(CHOICE, &inputs, &pretty(&choice)).await?;
            choice
        };
        for (what, picked) in [("layout", &choice.layout), ("style", &choice.style)] {
            if !picked.relaxed.is_empty() {
                let given_up = picked.relaxed.join(", ");
                self.notes.push(format!("no {what} suits all of the request; not held against it: {given_up}"));
            }
        }
        Ok(choice)
    }

    fn chosen(&self, analysis: &Analysis, sample: u32) -> Choice {
        let needs = Needs {
            ratio: self.frame.ratio.parse::<Ratio>().ok(),
            points: Some(analysis.point_count).filter(|points| *points > 0),
            labels: None,
            cjk: is_cjk(self.source()),
        };
        let wish = Wish {
            layout: self.asked.layout.as_deref().or(analysis.wished_layout.as_deref()),
            style: self.asked.style.as_deref().or(analysis.wished_style.as_deref()),
        };
        let recommended = analysis.recommended_combinations.iter().take(3);
        let recommended: Vec<Recommended<'_>> = recommended
            .map(|one| Recommended { layout: &one.layout, style: &one.style, first: one.recommended })
            .collect();
        // The same request is drawn the same; variants of it are not.
        let key = imagemill_domain::hash::ContentHash::of(format!("{sample}\n{}", self.source()).as_bytes());
        let seed = u64::from_le_bytes(std::array::from_fn(|at| key.0[at]));
        // JSON readers keep 53 bits.
        let seed = seed >> 11;
        choose(self.catalogue, (analysis.data_type, analysis.tone), &needs, wish, &recommended, seed)
    }

    async fn content(&mut self, analysis: &Analysis) -> Result<String, Failure> {
        let strict = self.section.fidelity == Fidelity::Strict;
        let inputs = pretty(&(self.source(), analysis, self.section.fidelity));
        if let Some(draft) = self.task.draft(CONTENT, &inputs).await? {
            return Ok(draft.text);
        }
        let fidelity = prompts::fidelity(self.section.fidelity);
        let system = fill(prompts::CONTENT, &[("FIDELITY", fidelity)]);
        let ask = format!("The request:\n{}\n\nIts analysis:\n{}", self.source(), pretty(analysis));
        let ask = ChatAsk::new(ask).system(system);
        let answer = self.task.structured("content", ask.clone(), &Manuscript::schema()).await?;
        let mut manuscript: Manuscript = of_model("content", answer)?;
        if strict {
            manuscript = self.proved(manuscript, ask, analysis).await?;
        }
        let content = manuscript.markdown();
        self.task.write_draft(CONTENT, &inputs, &content).await?;
        Ok(content)
    }

    /// A text that says only what the request says: told once what is foreign in it, then without what is still foreign.
    async fn proved(
        &mut self,
        manuscript: Manuscript,
        ask: ChatAsk,
        analysis: &Analysis,
    ) -> Result<Manuscript, Failure> {
        let mut proved = manuscript;
        let foreign = foreign_to(&proved.texts().collect::<Vec<_>>().join("\n"), self.source());
        if !foreign.is_empty() {
            let named: Vec<String> = foreign.iter().take(NAMED).map(ToString::to_string).collect();
            let mut again = ask;
            again.parts.push(imagemill_engine::AskPart::Text(format!(
                "You wrote this before:\n{}\n\nThe request does not say: {}. Write it again without them.",
                pretty(&proved),
                named.join(", ")
            )));
            match self.task.structured("content/faithful", again, &Manuscript::schema()).await {
                Ok(answer) => proved = of_model("content", answer)?,
                Err(failure) => self.notes.push(format!("the text could not be written again: {}", failure.message)),
            }
        }
        let title = if foreign_to(&analysis.title, self.source()).is_empty() {
            analysis.title.clone()
        } else {
            self.source().lines().next().unwrap_or_default().chars().take(60).collect()
        };
        for text in prune(&mut proved, self.source(), &title) {
            self.notes.push(format!("not in the request and taken out: {text}"));
        }
        Ok(proved)
    }

    async fn prompt(
        &mut self,
        analysis: &Analysis,
        choice: &Choice,
        content: &str,
        labels: &[String],
    ) -> Result<String, Failure> {
        let system = self.expansion(analysis, choice);
        let system = if let Some(draft) = self.task.draft(SYSTEM, &system).await? {
            draft.text
        } else {
            self.task.write_draft(SYSTEM, &system, &system).await?;
            system
        };
        let inputs = format!("{system}\n{content}");
        if let Some(draft) = self.task.draft(PROMPT, &inputs).await? {
            return Ok(self.sound(draft.text, labels));
        }
        let ask = ChatAsk::new(format!("{content}\n\nLabels, each of which appears:\n{}", prompts::lines(labels)));
        let reply = self.task.chat("expansion", ask.system(system)).await?;
        let prompt = self.sound(reply.text.trim().to_owned(), labels);
        self.task.write_draft(PROMPT, &inputs, &prompt).await?;
        Ok(prompt)
    }

    fn expansion(&self, analysis: &Analysis, choice: &Choice) -> String {
        let layout = self.catalogue.layout(&choice.layout.name).map(prompts::layout).unwrap_or_default();
        let style = self.catalogue.style(&choice.style.name).map(prompts::style).unwrap_or_default();
        fill(
            prompts::EXPANSION,
            &[
                ("FIDELITY", prompts::fidelity(self.section.fidelity)),
                ("RATIO", &self.frame.ratio),
                ("LANGUAGE", &analysis.user_language),
                ("AUDIENCE", &analysis.audience),
                ("LAYOUT_NAME", &choice.layout.name),
                ("LAYOUT", &layout),
                ("STYLE_NAME", &choice.style.name),
                ("STYLE", &style),
            ],
        )
    }

    /// A prompt that may be paid for: mended where it can be, with a note of what was wrong.
    fn sound(&mut self, prompt: String, labels: &[String]) -> String {
        let mut prompt = prompt;
        if self.section.fidelity == Fidelity::Strict {
            prompt = self.without_foreign_words(&prompt, labels);
        }
        let faults = lint(&prompt, labels);
        if faults.is_empty() {
            return prompt;
        }
        let mended = mend(&prompt, labels, is_cjk(&prompt));
        let left = lint(&mended, labels);
        for fault in faults {
            let word = if left.contains(&fault) { "was left" } else { "was mended" };
            self.notes.push(format!("the prompt {word}: {fault}"));
        }
        debug_assert!(left.iter().all(|fault| matches!(fault, LintFault::TooLong(_) | LintFault::Empty)), "{left:?}");
        mended
    }

    /// Strict: what is drawn and is no label of the text may not bring numbers or names of its own.
    fn without_foreign_words(&mut self, prompt: &str, labels: &[String]) -> String {
        let mut prompt = prompt.to_owned();
        let known = format!("{}\n{}", self.source(), labels.join("\n"));
        for text in quoted(&prompt) {
            if !foreign_to(&text, &known).is_empty() {
                self.notes.push(format!("not in the request and taken out: {text}"));
                prompt = prompt.replace(&text, "");
            }
        }
        for empty in ["\"\"", "“”", "「」", "『』", "«»"] {
            prompt = prompt.replace(empty, "");
        }
        prompt
    }
}

/// A draft that a person may have written.
fn read<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| {
        let message = format!("the draft {name} of the task cannot be read: {error}; correct it or remove it");
        Failure::new(FailureKind::Invalid, message)
    })
}

/// An answer that kept to its schema, as our own type.
pub(super) fn of_model<T: DeserializeOwned>(step: &str, answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|error| {
        let message = format!("the answer to the step {step} keeps to its schema and cannot be read: {error}");
        Failure::new(FailureKind::Protocol, message)
    })
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("our own shapes always serialise")
}
