//! What must hold of a prompt before a picture is paid for: marks in pairs, no colour numbers, no empty places, every label there.
//! What can be mended without a model is.

use std::fmt;
use std::ops::Range;

use crate::catalogue::has_hex_colour;

/// Longest prompt, in characters; models cut longer ones off without a word.
const MOST_CHARS: usize = 12_000;

/// Pairs of quotation marks.
const PAIRS: [(char, char); 6] = [('"', '"'), ('“', '”'), ('「', '」'), ('『', '』'), ('«', '»'), ('„', '“')];

/// What is wrong with a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LintFault {
    /// A quotation mark without its partner.
    Unbalanced,
    /// A colour as a number; models draw numbers.
    HexColour,
    /// A place that nobody filled in.
    Placeholder,
    /// Words that are to be drawn and are not in it.
    MissingLabel(String),
    /// Longer than models read.
    TooLong(usize),
    /// Nothing.
    Empty,
}

impl fmt::Display for LintFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbalanced => f.write_str("a quotation mark has no partner"),
            Self::HexColour => f.write_str("a colour is a number"),
            Self::Placeholder => f.write_str("a place was not filled in"),
            Self::MissingLabel(label) => write!(f, "the label {label:?} is missing"),
            Self::TooLong(chars) => write!(f, "it has {chars} characters; the most is {MOST_CHARS}"),
            Self::Empty => f.write_str("it is empty"),
        }
    }
}

/// What is wrong with a prompt that is to draw these labels.
pub fn lint(prompt: &str, labels: &[String]) -> Vec<LintFault> {
    let mut faults = Vec::new();
    if prompt.trim().is_empty() {
        faults.push(LintFault::Empty);
    }
    if !marked(prompt).1.is_empty() {
        faults.push(LintFault::Unbalanced);
    }
    if has_hex_colour(prompt) {
        faults.push(LintFault::HexColour);
    }
    if prompt.contains("{{") || prompt.contains("}}") {
        faults.push(LintFault::Placeholder);
    }
    let found = quoted(prompt);
    let missing = labels.iter().filter(|label| !found.iter().any(|text| flat(text).contains(&flat(label))));
    faults.extend(missing.cloned().map(LintFault::MissingLabel));
    let chars = prompt.chars().count();
    if chars > MOST_CHARS {
        faults.push(LintFault::TooLong(chars));
    }
    faults
}

/// The prompt without what can be mended: colour numbers and places go, marks are closed, missing labels are added. `chinese` is
/// the language of what is added.
pub fn mend(prompt: &str, labels: &[String], chinese: bool) -> String {
    let mut text = prompt.to_owned();
    // What one step takes out may bring together what another one minds; each makes the text shorter.
    loop {
        let before = text.len();
        text = text.replace("{{", "").replace("}}", "");
        if has_hex_colour(&text) {
            text = text.split_inclusive(char::is_whitespace).filter(|word| !has_hex_colour(word)).collect();
        }
        for stray in marked(&text).1.into_iter().rev() {
            text.remove(stray);
        }
        if text.len() == before {
            break;
        }
    }
    let missing: Vec<String> = lint(&text, labels)
        .into_iter()
        .filter_map(|fault| match fault {
            LintFault::MissingLabel(label) => Some(format!("\"{}\"", label.replace('"', "'"))),
            _ => None,
        })
        .collect();
    if missing.is_empty() {
        return text;
    }
    if chinese {
        format!("{}\n画面中还须准确写出：{}。", text.trim_end(), missing.join("、"))
    } else {
        format!("{}\nThe picture also shows, letter for letter: {}.", text.trim_end(), missing.join(", "))
    }
}

/// What stands in quotation marks, in order; marks inside other marks belong to the text.
pub fn quoted(text: &str) -> Vec<String> {
    let mut found: Vec<String> = marked(text).0.into_iter().map(|span| text[span].trim().to_owned()).collect();
    found.retain(|text| !text.is_empty());
    found
}

/// What stands between marks, and where marks stand that have no partner.
fn marked(text: &str) -> (Vec<Range<usize>>, Vec<usize>) {
    let (mut spans, mut strays) = (Vec::new(), Vec::new());
    let mut from = 0;
    while let Some((at, mark)) = text[from..].char_indices().find(|(_, c)| PAIRS.iter().any(|(a, b)| a == c || b == c))
    {
        let (at, start) = (from + at, from + at + mark.len_utf8());
        let closes = |c: char| PAIRS.iter().any(|(open, close)| *open == mark && *close == c);
        from = start;
        if let Some((length, close)) = text[start..].char_indices().find(|(_, c)| closes(*c)) {
            spans.push(start..start + length);
            from += length + close.len_utf8();
        } else {
            strays.push(at);
        }
    }
    (spans, strays)
}

/// For comparing: one kind of blank.
fn flat(text: &str) -> String {
    text.replace('"', "'").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(all: &[&str]) -> Vec<String> {
        all.iter().map(|label| (*label).to_owned()).collect()
    }

    #[test]
    fn each_fault_is_found() {
        let fine = "A poster with \"Tea\" and “90 °C” over a paper texture";
        assert_eq!(lint(fine, &labels(&["Tea", "90 °C"])), []);
        assert_eq!(lint("a \"Tea poster", &[]), [LintFault::Unbalanced]);
        assert_eq!(lint("「茶", &[]), [LintFault::Unbalanced]);
        assert_eq!(lint("in #ff8800 tones", &[]), [LintFault::HexColour]);
        assert_eq!(lint("in {{COLOR}} tones", &[]), [LintFault::Placeholder]);
        assert_eq!(lint("Tea", &labels(&["Tea"])), [LintFault::MissingLabel("Tea".into())], "it must be quoted");
        assert_eq!(lint(" ", &[]), [LintFault::Empty]);
        assert!(matches!(lint(&"x".repeat(20_000), &[])[..], [LintFault::TooLong(20_000)]));
    }

    #[test]
    fn quotes_are_read_in_every_form() {
        assert_eq!(quoted("\"a\" “b” 「c」 『d』 «e» „f“ g"), ["a", "b", "c", "d", "e", "f"]);
        assert_eq!(quoted("\"say “hi” now\" and \"lost"), ["say “hi” now"]);
    }

    proptest! {
        /// What is mended has no fault left but its length.
        #[test]
        fn mended_prompts_are_sound(
            prompt in "[a-z \"“”「」#0-9f{}\n]{0,80}",
            wanted in proptest::collection::vec("[a-z中文]{1,8}", 0..4),
            chinese: bool,
        ) {
            let mended = mend(&format!("Draw {prompt}"), &wanted, chinese);
            let faults = lint(&mended, &wanted);
            prop_assert!(faults.is_empty(), "{faults:?} in {mended:?}");
        }
    }
}
