//! The text of an infographic in its structure, and its form as Markdown, which a person may edit: what is drawn is read back
//! from the Markdown and from nowhere else.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lint::quoted;

/// The text of an infographic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manuscript {
    /// Drawn as the title.
    pub title: String,
    /// In one or two sentences; not drawn.
    pub overview: String,
    /// What a viewer can do afterwards; not drawn.
    pub learning_objectives: Vec<String>,
    /// In the order of the picture.
    pub sections: Vec<Part>,
    /// Numbers, letter for letter.
    pub statistics: Vec<String>,
    /// Quotes with who said it.
    pub quotes: Vec<Quote>,
    /// Terms of the subject.
    pub key_terms: Vec<String>,
    /// Wishes about style, layout, and everything else.
    pub design: Vec<String>,
}

/// A section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// In one sentence.
    pub key_concept: String,
    /// What it says, letter for letter.
    pub content: Vec<String>,
    /// What is drawn.
    pub visual: Visual,
    /// Drawn.
    pub headline: String,
    /// Drawn below it; may be empty.
    pub subhead: String,
    /// Drawn beside what they name.
    pub labels: Vec<String>,
}

/// What is drawn for a section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visual {
    /// icon, chart, illustration, diagram or photo.
    pub kind: String,
    /// Of what.
    pub subject: String,
    /// In which way.
    pub treatment: String,
}

/// A quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Its words.
    pub words: String,
    /// Who said it.
    pub by: String,
}

impl Manuscript {
    /// What a model's answer must look like.
    pub fn schema() -> Value {
        let text = json!({"type": "string"});
        let texts = json!({"type": "array", "items": text});
        let visual = json!({"type": "object", "additionalProperties": false, "required": ["kind", "subject", "treatment"],
            "properties": {"kind": {"enum": ["icon", "chart", "illustration", "diagram", "photo"]}, "subject": text, "treatment": text}});
        let section = json!({"type": "object", "additionalProperties": false,
            "required": ["name", "key_concept", "content", "visual", "headline", "subhead", "labels"],
            "properties": {"name": text, "key_concept": text, "content": texts, "visual": visual, "headline": text, "subhead": text, "labels": texts}});
        let quote = json!({"type": "object", "additionalProperties": false, "required": ["words", "by"],
            "properties": {"words": text, "by": text}});
        json!({"title": "infographic_content", "type": "object", "additionalProperties": false,
            "required": ["title", "overview", "learning_objectives", "sections", "statistics", "quotes", "key_terms", "design"],
            "properties": {"title": text, "overview": text, "learning_objectives": texts,
                "sections": {"type": "array", "items": section}, "statistics": texts,
                "quotes": {"type": "array", "items": quote}, "key_terms": texts, "design": texts}})
    }

    /// As Markdown, in the order that older runners know.
    pub fn markdown(&self) -> String {
        let mut out =
            format!("# {}\n\n## Overview\n\n{}\n\n## Learning Objectives\n\n", line(&self.title), self.overview);
        for (at, objective) in self.learning_objectives.iter().enumerate() {
            let _ = writeln!(out, "{}. {}", at + 1, line(objective));
        }
        out.push_str("\n---\n");
        for (at, part) in self.sections.iter().enumerate() {
            part.write(&mut out, at + 1);
        }
        out.push_str("\n## Data Points (Verbatim)\n");
        list(&mut out, "### Statistics", self.statistics.iter().cloned());
        list(&mut out, "### Quotes", self.quotes.iter().map(|quote| format!("{} — {}", quote.words, quote.by)));
        list(&mut out, "### Key Terms", self.key_terms.iter().cloned());
        list(&mut out, "## Design Instructions", self.design.iter().cloned());
        out
    }

    /// Every piece of text in it that a picture may show.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let parts = self.sections.iter().flat_map(|part| {
            [part.headline.as_str(), part.subhead.as_str()].into_iter().chain(part.labels.iter().map(String::as_str))
        });
        std::iter::once(self.title.as_str()).chain(parts).filter(|text| !text.trim().is_empty())
    }
}

impl Part {
    fn write(&self, out: &mut String, number: usize) {
        let _ = write!(
            out,
            "\n## Section {number}: {}\n\n**Key Concept**: {}\n\n**Content**:\n",
            line(&self.name),
            line(&self.key_concept)
        );
        for text in &self.content {
            let _ = writeln!(out, "- {}", line(text));
        }
        let Visual { kind, subject, treatment } = &self.visual;
        let _ = write!(
            out,
            "\n**Visual Element**:\n- Type: {}\n- Subject: {}\n- Treatment: {}\n\n**Text Labels**:\n",
            line(kind),
            line(subject),
            line(treatment)
        );
        for (name, text) in [("Headline", &self.headline), ("Subhead", &self.subhead)] {
            if !text.trim().is_empty() {
                let _ = writeln!(out, "- {name}: \"{}\"", label(text));
            }
        }
        if !self.labels.is_empty() {
            let labels: Vec<String> = self.labels.iter().map(|text| format!("\"{}\"", label(text))).collect();
            let _ = writeln!(out, "- Labels: {}", labels.join(", "));
        }
    }
}

/// The words that are drawn: the title, and what stands in quotation marks under *Text Labels*; each once.
pub fn labels_of(markdown: &str) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    let mut listed = false;
    for line in markdown.lines() {
        let line = line.trim();
        let found = if let Some(title) = line.strip_prefix("# ") {
            vec![title.trim().to_owned()]
        } else if line.starts_with("**") || line.starts_with('#') {
            listed = line.starts_with("**Text Labels**");
            Vec::new()
        } else if listed {
            quoted(line)
        } else {
            Vec::new()
        };
        for text in found {
            if !text.is_empty() && !labels.contains(&text) {
                labels.push(text);
            }
        }
    }
    labels
}

fn list(out: &mut String, head: &str, texts: impl Iterator<Item = String>) {
    let _ = write!(out, "\n{head}\n\n");
    for text in texts {
        let _ = writeln!(out, "- {}", line(&text));
    }
}

/// On one line.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// On one line and without the marks that it is put between.
fn label(text: &str) -> String {
    line(&text.replace('"', "'"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn tea() -> Manuscript {
        Manuscript {
            title: "How tea is made".into(),
            overview: "From leaf to cup.".into(),
            sections: vec![Part {
                name: "Steaming".into(),
                headline: "Steam".into(),
                labels: vec!["90 °C".into(), "3 \"short\" minutes".into()],
                ..Part::default()
            }],
            ..Manuscript::default()
        }
    }

    #[test]
    fn what_is_drawn_is_read_back_from_the_markdown() {
        let markdown = tea().markdown();
        assert_eq!(labels_of(&markdown), ["How tea is made", "Steam", "90 °C", "3 'short' minutes"]);
        let edited = markdown.replace("\"90 °C\"", "\"80 °C\", “two minutes”");
        assert_eq!(labels_of(&edited)[2..4], ["80 °C", "two minutes"]);
        assert!(labels_of("no title\n**Content**:\n- \"not drawn\"").is_empty());
    }

    #[test]
    fn the_order_of_the_document_is_kept() {
        let markdown = tea().markdown();
        let heads = [
            "# How",
            "## Overview",
            "## Learning",
            "---",
            "## Section 1",
            "## Data Points (Verbatim)",
            "### Statistics",
            "### Quotes",
            "### Key Terms",
            "## Design",
        ];
        let places: Vec<usize> = heads.iter().map(|head| markdown.find(head).unwrap()).collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    proptest! {
        #[test]
        fn every_label_comes_back(labels in proptest::collection::vec("[a-z0-9 中文%.,]{1,20}", 0..6)) {
            let manuscript = Manuscript {
                sections: vec![Part { labels: labels.clone(), ..Part::default() }],
                title: "t".into(),
                ..Manuscript::default()
            };
            let read = labels_of(&manuscript.markdown());
            for label in labels.iter().filter(|label| !label.trim().is_empty()) {
                prop_assert!(read.contains(&line(label)), "{label:?} {read:?}");
            }
        }
    }
}
