//! The documentation says what the program does: every key, every word, every example.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use imagemill_domain::critique::CritiqueSection;
use imagemill_domain::failure::FailureKind;
use imagemill_domain::infographic::InfographicSection;
use imagemill_domain::job_file::{
    Duplicates, Format, JobFile, OwnPrompt, PrepareSection, RecipeName, RetrySection, SourceSection, UnknownPolicy,
};
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::profile::RateLimits;
use imagemill_domain::request::RequestOptions;
use imagemill_domain::save_rule::{Collision, SaveRule, built_in};
use imagemill_domain::speaker::SpeakerSection;
use imagemill_export::check_rule;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

fn doc(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names that serde lists when it meets a wrong one: the keys of a struct, the words of an enum.
fn names<T: DeserializeOwned + std::fmt::Debug>(wrong: serde_json::Value) -> Vec<String> {
    let error = serde_json::from_value::<T>(wrong).expect_err("nobody is called so").to_string();
    let known = error.split_once("expected ").expect("serde lists what it knows").1;
    known.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

fn keys<T: DeserializeOwned + std::fmt::Debug>() -> Vec<String> {
    let keys = names::<T>(json!({ "nobody-is-called-so": 0 }));
    assert!(keys.len() > 1, "{keys:?}");
    keys
}

fn words<T: DeserializeOwned + std::fmt::Debug>() -> Vec<String> {
    let words = names::<T>(json!("nobody-is-called-so"));
    assert!(words.len() > 1, "{words:?}");
    words
}

/// The part of `text` from the heading that begins with `heading` to the next one.
fn part<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = text.find(&format!("\n## {heading}")).unwrap_or_else(|| panic!("no part {heading:?}"));
    let rest = &text[start + 4..];
    &rest[..rest.find("\n## ").unwrap_or(rest.len())]
}

/// Every key must stand in its own row; a key with a default must have it in the next cell.
fn check_table<T: Serialize + DeserializeOwned + std::fmt::Debug>(text: &str, default: Option<&T>) {
    let default = default.map(|value| serde_json::to_value(value).expect("defaults are plain values"));
    for key in keys::<T>() {
        let row = text.lines().find(|line| line.starts_with(&format!("| `{key}` |")));
        let row = row.unwrap_or_else(|| panic!("no row for {key}"));
        if let Some(value) = default.as_ref().and_then(|default| default.get(&key)) {
            assert!(row.starts_with(&format!("| `{key}` | `{value}` |")), "{key} is {value} by default: {row}");
        }
    }
}

#[test]
fn every_failure_has_its_page_in_both_languages() {
    for kind in FailureKind::ALL {
        for (name, headings) in [
            (format!("failures/{kind}.md"), ["## What happened", "## What it cost", "## What to do"]),
            (format!("failures/zh-CN/{kind}.md"), ["## 发生了什么", "## 花了多少钱", "## 怎么办"]),
        ] {
            let text = doc(&name);
            assert!(text.lines().count() <= 25, "{name} is too long to be read in need");
            let title = text.lines().next().unwrap_or_default();
            assert!(title.starts_with("# ") && title.contains(&format!("`{kind}`")), "{name}: {title}");
            let mut from = 0;
            for heading in headings {
                let at = text[from..].find(heading).unwrap_or_else(|| panic!("{name}: no {heading} in order"));
                from += at + heading.len();
                assert!(
                    text[from..].trim_start().chars().next().is_some_and(|c| c != '#'),
                    "{name}: {heading} is empty"
                );
            }
        }
    }
}

#[test]
fn no_page_is_about_a_failure_that_does_not_exist() {
    let known: BTreeSet<String> = FailureKind::ALL.iter().map(|kind| format!("{kind}.md")).collect();
    for folder in ["failures", "failures/zh-CN"] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(folder);
        let pages = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let pages: BTreeSet<String> = pages.filter(|page| page != "zh-CN").collect();
        assert_eq!(pages, known, "{folder}");
    }
}

#[test]
fn the_job_file_is_explained_key_by_key() {
    let text = doc("job-file.md");
    let top = part(&text, "Top level");
    let sections = [
        "text",
        "vision",
        "infographic",
        "critique",
        "deck",
        "source",
        "options",
        "prepare",
        "retry",
        "limits",
        "save",
    ];
    for key in keys::<JobFile>().iter().filter(|key| !sections.contains(&key.as_str())) {
        assert!(top.contains(&format!("\n| `{key}` |")), "no row for {key}");
    }
    for section in sections {
        part(&text, &format!("[{section}]"));
    }
    check_table::<SpeakerSection>(part(&text, "[text]"), None);
    check_table::<CritiqueSection>(part(&text, "[critique]"), None);
    check_table(part(&text, "[infographic]"), Some(&InfographicSection::default()));
    check_table(part(&text, "[source]"), Some(&SourceSection::default()));
    check_table::<RequestOptions>(part(&text, "[options]"), None);
    check_table(part(&text, "[prepare]"), Some(&PrepareSection::default()));
    check_table(part(&text, "[retry]"), Some(&RetrySection::default()));
    check_table(part(&text, "[limits]"), Some(&RateLimits::default()));
    for key in keys::<SaveRule>() {
        assert!(part(&text, "[save]").contains(&format!("`{key}`")), "no word on {key}");
    }
    for (place, words) in [
        ("Top level", words::<RecipeName>()),
        ("[source]", words::<OwnPrompt>()),
        ("[source]", words::<Duplicates>()),
        ("[prepare]", words::<PictureFormat>()),
        ("[retry]", words::<UnknownPolicy>()),
    ] {
        for word in words {
            let place_text = part(&text, place);
            assert!(
                place_text.contains(&format!("`{word}`")) || place_text.contains(&format!("\"{word}\"")),
                "{place}: {word}"
            );
        }
    }
}

#[test]
fn every_example_of_a_job_file_is_one() {
    let text = doc("job-file.md");
    let examples: Vec<&str> = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 7, "an example for each section");
    for example in examples {
        JobFile::parse(example, Format::Toml).unwrap_or_else(|error| panic!("{error}\n{example}"));
    }
}

#[test]
fn saving_is_explained_in_both_languages() {
    // What the program itself lists when it meets a wrong name.
    let wrong = SaveRule { text: true, text_template: "{nobody}".into(), ..SaveRule::default() };
    let error = check_rule(&wrong, false).unwrap_err().to_string();
    let variables: Vec<&str> = error.split_once("known here: ").unwrap().1.split(", ").collect();
    assert_eq!(variables.len(), 20, "{variables:?}");
    for name in ["saving.md", "saving.zh-CN.md"] {
        let text = doc(name);
        check_table(&text, Some(&SaveRule::default()));
        let presets = built_in().into_iter().map(|(preset, ..)| preset.to_owned());
        let known = variables.iter().map(ToString::to_string).chain(presets).chain(words::<Collision>());
        for word in known {
            assert!(text.contains(&format!("`{word}`")), "{name} does not speak of {word}");
        }
    }
}
