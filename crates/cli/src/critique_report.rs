//! What the gate found, in words, and as a report in Markdown, HTML and JSON. Must not decide what is wrong.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use imagemill_desk::Lang;
use imagemill_domain::critique::{Outcome, Place, Rubric};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::texts::{Texts, grouped, say};

/// A finding in words.
pub(crate) struct Line<'a> {
    /// File and row.
    pub(crate) place: &'a Place,
    /// The row's picture.
    pub(crate) picture: Option<&'a str>,
    /// The rule's name.
    pub(crate) rule: String,
    /// What is wrong.
    pub(crate) message: String,
    /// The finding with its values.
    document: Value,
}

/// All that was found.
pub(crate) struct Report<'a> {
    /// In order of file and row.
    pub(crate) findings: Vec<Line<'a>>,
    /// What is odd about the whole.
    pub(crate) remarks: Vec<String>,
    /// Findings by rule.
    pub(crate) rules: BTreeMap<String, u64>,
    texts: &'a Texts,
    outcome: &'a Outcome,
    rubric: &'a Rubric,
    gate: &'a str,
}

impl<'a> Report<'a> {
    /// Puts an outcome into words.
    pub(crate) fn new(texts: &'a Texts, outcome: &'a Outcome, rubric: &'a Rubric, gate: &'a str) -> Self {
        let mut rules = BTreeMap::new();
        let findings: Vec<Line<'a>> = outcome
            .findings
            .iter()
            .map(|finding| {
                let (rule, message, document) = words(texts, finding);
                *rules.entry(rule.clone()).or_default() += 1;
                Line { place: &finding.place, picture: finding.picture.as_deref(), rule, message, document }
            })
            .collect();
        let remarks = outcome.remarks.iter().map(|remark| words(texts, remark).1).collect();
        Self { findings, remarks, rules, texts, outcome, rubric, gate }
    }

    /// One sentence about the whole.
    pub(crate) fn sum(&self, texts: &Texts) -> String {
        say!(
            texts,
            "critiques.sum",
            failed = grouped(self.outcome.failed as u64),
            rows = texts.count("row", self.outcome.rows as u64),
            rubric = self.rubric.name,
            version = self.rubric.version,
            gate = self.gate
        )
    }

    /// The document of `--json` and of the report.
    pub(crate) fn document(&self) -> Value {
        json!({
            "rubric": {
                "name": self.rubric.name,
                "version": self.rubric.version,
                "dimensions": self.rubric.dimensions.len(),
            },
            "gate": self.gate,
            "rows": self.outcome.rows,
            "passed": self.outcome.rows - self.outcome.failed,
            "failed": self.outcome.failed,
            "rules": self.rules,
            "findings": self.findings.iter().map(|line| &line.document).collect::<Vec<_>>(),
            "remarks": self.outcome.remarks.iter().map(|remark| words(self.texts, remark).2).collect::<Vec<_>>(),
        })
    }

    /// Writes the three files.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        let json = serde_json::to_string_pretty(&self.document())? + "\n";
        for (name, text) in
            [("critiques.md", self.markdown()), ("critiques.html", self.html()), ("critiques.json", json)]
        {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        Ok(())
    }

    /// Words above the columns of findings.
    fn head(&self) -> [String; 4] {
        ["critiques.place", "critiques.picture", "critiques.rule", "critiques.message"]
            .map(|key| self.texts.fill(key, &[]))
    }

    fn rows(&self) -> impl Iterator<Item = [String; 4]> {
        self.findings.iter().map(|line| {
            let picture = line.picture.unwrap_or_default().to_owned();
            [line.place.to_string(), picture, line.rule.clone(), line.message.clone()]
        })
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> =
                cells.iter().map(|cell| cell.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut text = format!("# {}\n\n{}\n", say!(self.texts, "critiques.title"), self.sum(self.texts));
        for remark in &self.remarks {
            text.extend(["\n> ", remark.as_str(), "\n"]);
        }
        if !self.findings.is_empty() {
            text += "\n";
            text += &line(&[say!(self.texts, "critiques.rule"), say!(self.texts, "critiques.findings")]);
            text += "|---|---|\n";
            for (rule, count) in &self.rules {
                text += &line(&[rule.clone(), grouped(*count)]);
            }
            text += "\n";
            text += &line(&self.head());
            text += "|---|---|---|---|\n";
            for row in self.rows() {
                text += &line(&row);
            }
        }
        text
    }

    fn html(&self) -> String {
        let cells = |tag: &str, cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell))).collect();
            format!("<tr>{}</tr>\n", cells.concat())
        };
        let title = escaped(&say!(self.texts, "critiques.title"));
        let counts: String = self.rules.iter().map(|(rule, n)| cells("td", &[rule.clone(), grouped(*n)])).collect();
        let findings: String = self.rows().map(|row| cells("td", &row)).collect();
        let remarks: Vec<String> = self.remarks.iter().map(|remark| format!("<p>{}</p>\n", escaped(remark))).collect();
        let remarks = remarks.concat();
        let tables = if self.findings.is_empty() {
            String::new()
        } else {
            let head = cells("th", &[say!(self.texts, "critiques.rule"), say!(self.texts, "critiques.findings")]);
            format!("<table>\n{head}{counts}</table>\n<table>\n{}{findings}</table>\n", cells("th", &self.head()))
        };
        format!(
            "<!doctype html>\n<html lang=\"{}\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
             <h1>{title}</h1>\n<p>{}</p>\n{remarks}{tables}</html>\n",
            self.texts.lang.word(),
            escaped(&self.sum(self.texts)),
        )
    }
}

/// Readable in light and dark, without anything from outside.
const STYLE: &str = ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem}\
table{border-collapse:collapse;margin:1rem 0}th,td{border:1px solid #8886;padding:.3rem .6rem;text-align:left;\
vertical-align:top;overflow-wrap:anywhere}";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The rule of a finding or remark, its message, and the document of both.
fn words(texts: &Texts, found: &impl Serialize) -> (String, String, Value) {
    let mut document = match serde_json::to_value(found) {
        Ok(Value::Object(document)) => document,
        _ => Map::new(),
    };
    let rule = document.get("rule").and_then(Value::as_str).unwrap_or_default().to_owned();
    let values: Vec<(&str, String)> =
        document.iter().map(|(name, value)| (name.as_str(), value_words(texts, value))).collect();
    let message = texts.fill(&format!("rule.{rule}"), &values);
    document.insert("message".to_owned(), json!(message));
    (rule, message, Value::Object(document))
}

fn value_words(texts: &Texts, value: &Value) -> String {
    match value {
        Value::String(text) => texts.translated(text),
        Value::Array(all) => all.iter().map(|value| value_words(texts, value)).collect::<Vec<_>>().join(", "),
        Value::Object(place) if place.contains_key("row") => {
            format!("{}:{}", value_words(texts, &place["file"]), place["row"])
        }
        Value::Object(words) => {
            let lang = if texts.lang == Lang::En { "en" } else { "zh" };
            words.get(lang).map(|value| value_words(texts, value)).unwrap_or_default()
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_text_in_both_languages() {
        for lang in [Lang::En, Lang::ZhCn] {
            let texts = Texts::new(lang);
            for rule in imagemill_domain::critique::RULES {
                assert!(texts.find(&format!("rule.{rule}")).is_some(), "rule.{rule}");
            }
        }
    }
}
