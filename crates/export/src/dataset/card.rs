//! The card of a data set: a README.md whose YAML header Hugging Face reads. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::forms::Form;
use super::item::{Dataset, Split};
use super::write::FormOptions;

/// Counts of a column's values that a card names.
const NAMED: usize = 12;

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
    let mut text = format!("# {}\n\n", set.name);
    let kind = if set.of_critiques {
        "critiques, each of one picture, in Chinese and English"
    } else {
        "pictures with captions"
    };
    let _ = writeln!(
        text,
        "{} {kind}, written by imagemill {} in the form `{}`.\n",
        set.items.len(),
        env!("CARGO_PKG_VERSION"),
        options.form.word()
    );
    text += "| Part | Examples |\n|---|---|\n";
    for split in Split::ALL {
        let _ = writeln!(text, "| {} | {} |", split.word(), set.part(split).len());
    }
    text += "\n## How it was made\n\n";
    let names: &[(&str, &str)] = if set.of_critiques {
        &[
            ("culture", "collections"),
            ("model", "models"),
            ("authorship", "authorship"),
            ("rubric", "rubrics"),
            ("gate", "gates"),
        ]
    } else {
        &[("job", "jobs"), ("recipe", "recipes"), ("model", "models"), ("profile", "profiles")]
    };
    for (column, word) in names {
        let _ = writeln!(text, "- {word}: {}", counted(set, column));
    }
    if let Some(bits) = set.bits {
        let _ = writeln!(
            text,
            "- near-duplicates: two pictures whose 64-bit perceptual hashes differ in at most {bits} bits count as alike; {} were left out, and no two are on both sides of the split",
            set.removed
        );
    }
    if let Some(word) = &set.trigger {
        let _ = writeln!(text, "- trigger word: `{word}`");
    }
    text += "\n## Rights\n\n";
    let told = |text: &Option<String>| text.clone().unwrap_or_else(|| "not stated".to_owned());
    let _ = writeln!(text, "- pictures: {}", told(&set.rights.license));
    let _ = writeln!(text, "- texts: {}", told(&set.rights.text_license));
    let _ = writeln!(text, "- to be named: {}", told(&set.rights.attribution));
    text += "\nRows whose licence differs say so in their columns `license` and `attribution`.\n\n## Columns\n\n";
    let columns: Vec<String> = set.columns.iter().map(|column| format!("`{}`", column.name)).collect();
    text += &columns.join(", ");
    text += ".\n\n`dataset.json` names every file with its SHA-256; `imagemill export check` holds the folder against it.\n";
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
