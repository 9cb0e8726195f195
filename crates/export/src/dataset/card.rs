//! The card of a data set: a README.md whose YAML header Hugging Face reads, in the language of whoever writes the set. The words are
//! data (data/texts/dataset-card.toml). Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

use super::forms::Form;
use super::item::{Dataset, Split};
use super::write::FormOptions;

/// Counts of a column's values that a card names.
const NAMED: usize = 12;

const WORDS: &str = include_str!("../../../../data/texts/dataset-card.toml");

/// The language of English words.
const ENGLISH: &str = "en";

/// The words of cards and change logs, in one language.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct CardWords(BTreeMap<String, String>);

impl Default for CardWords {
    fn default() -> Self {
        Self::of(ENGLISH)
    }
}

impl CardWords {
    /// Those of a language by its word, `zh-CN`; English where there are none.
    pub fn of(language: &str) -> Self {
        let mut all: BTreeMap<String, Self> = toml::from_str(WORDS).expect("a test reads data/texts/dataset-card.toml");
        all.remove(language).or_else(|| all.remove(ENGLISH)).expect("there are English words")
    }

    /// The words of a key.
    pub(crate) fn say(&self, key: &str) -> &str {
        self.0.get(key).map(String::as_str).unwrap_or_default()
    }

    /// The same with values for `{name}`.
    pub(crate) fn fill(&self, key: &str, values: &[(&str, String)]) -> String {
        let fill = |text: String, (name, value): &(&str, String)| text.replace(&format!("{{{name}}}"), value);
        values.iter().fold(self.say(key).to_owned(), fill)
    }
}

/// The whole card.
pub(crate) fn card(set: &Dataset, options: &FormOptions) -> String {
    header(set, options) + &body(set, options)
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn header(set: &Dataset, options: &FormOptions) -> String {
    let license = set.rights.license.as_deref().unwrap_or("unknown");
    let controls = set.items.iter().any(|item| !item.controls.is_empty());
    let tasks = if set.of_critiques {
        "image-to-text"
    } else if controls {
        "image-to-image"
    } else {
        "text-to-image"
    };
    let size = match set.items.len() {
        0..1_000 => "n<1K",
        1_000..10_000 => "1K<n<10K",
        10_000..100_000 => "10K<n<100K",
        _ => "100K<n<1M",
    };
    let mut text = format!(
        "---\npretty_name: {}\nlicense: {}\ntask_categories:\n- {tasks}\nsize_categories:\n- {size}\ntags:\n- imagemill\n",
        quoted(&set.name),
        quoted(license)
    );
    if set.of_critiques {
        text += "language:\n- zh\n- en\n";
    }
    let path = |split: Split| match options.form {
        Form::Parquet => Some(format!("data/{}-*.parquet", split.word())),
        Form::WebDataset => Some(format!("{}-*.tar", split.word())),
        Form::Jsonl | Form::Csv => Some(format!("{}.{}", split.word(), options.form.word())),
        Form::ImageFolder => Some(format!("{}/**", split.word())),
        Form::Kohya | Form::AiToolkit => None,
    };
    let files: Vec<(Split, String)> = Split::ALL
        .into_iter()
        .filter(|split| !set.part(*split).is_empty())
        .filter_map(|split| Some((split, path(split)?)))
        .collect();
    if !files.is_empty() {
        text += "configs:\n- config_name: default\n  data_files:\n";
        for (split, path) in files {
            let _ = writeln!(text, "  - split: {}\n    path: {}", split.word(), quoted(&path));
        }
    }
    text + "---\n\n"
}

fn body(set: &Dataset, options: &FormOptions) -> String {
    let words = &set.words;
    let kind = if set.of_critiques { "critiques" } else { "pictures" };
    let facts = [
        ("count", set.items.len().to_string()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("form", options.form.word().to_owned()),
    ];
    let mut text = format!("# {}\n\n{}\n\n{}\n|---|---|\n", set.name, words.fill(kind, &facts), words.say("parts"));
    for split in Split::ALL {
        let _ = writeln!(text, "| {} | {} |", split.word(), set.part(split).len());
    }
    let _ = writeln!(text, "\n## {}\n", words.say("made"));
    let names: &[&str] = if set.of_critiques {
        &["culture", "model", "authorship", "rubric", "gate"]
    } else {
        &["job", "recipe", "model", "profile"]
    };
    for column in names {
        let _ = writeln!(text, "- {}: {}", words.say(column), counted(set, column));
    }
    if let Some(bits) = set.bits {
        let facts = [("bits", bits.to_string()), ("removed", set.removed.to_string())];
        let _ = writeln!(text, "- {}", words.fill("duplicates", &facts));
    }
    if let Some(word) = &set.trigger {
        let _ = writeln!(text, "- {}", words.fill("trigger", &[("word", word.clone())]));
    }
    let _ = writeln!(text, "\n## {}\n", words.say("rights"));
    let told = |text: &Option<String>| text.clone().unwrap_or_else(|| words.say("not_stated").to_owned());
    let rights = &set.rights;
    for (key, value) in [
        ("rights_pictures", &rights.license),
        ("rights_texts", &rights.text_license),
        ("rights_named", &rights.attribution),
    ] {
        let _ = writeln!(text, "- {}: {}", words.say(key), told(value));
    }
    let columns: Vec<String> = set.columns.iter().map(|column| format!("`{}`", column.name)).collect();
    let (differ, head, check) = (words.say("differ"), words.say("columns"), words.say("check"));
    let _ = writeln!(text, "\n{differ}\n\n## {head}\n\n{}\n\n{check}", columns.join(", "));
    text
}

/// `gpt-image-2 (40), sim-image (2)`.
fn counted(set: &Dataset, column: &str) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for item in &set.items {
        *counts.entry(item.fields.get(column).and_then(Value::as_str).unwrap_or("unknown")).or_default() += 1;
    }
    let mut counts: Vec<(&str, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let named: Vec<String> = counts.iter().take(NAMED).map(|(name, count)| format!("{name} ({count})")).collect();
    named.join(", ") + if counts.len() > NAMED { " …" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_the_same_keys_and_values() {
        let values = |words: &CardWords| -> BTreeMap<String, Vec<String>> {
            let named = |text: &String| {
                let mut names: Vec<String> =
                    text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect();
                names.sort();
                names
            };
            words.0.iter().map(|(key, text)| (key.clone(), named(text))).collect()
        };
        let (english, chinese) = (CardWords::default(), CardWords::of("zh-CN"));
        assert_eq!(values(&english), values(&chinese));
        assert_ne!(english, chinese);
        assert_eq!(CardWords::of("fr"), english);
        assert_eq!(chinese.fill("release", &[("version", "2.1".into())]), "版本 2.1");
    }
}
