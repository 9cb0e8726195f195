//! Takes style metadata out of a page prompt (colour codes, sizes, CSS pairs, spec labels), which picture models would paint as
//! text. What stands on the page is never touched: the texts that are named, and whatever is quoted. Pure.
//!
//! Borders are those of ASCII words, so that Chinese neighbours do not hide a match; full-width forms count as their ASCII ones.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

/// Why a piece was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A CSS pair: `font-size: 48px`.
    StylePair,
    /// `#1a2b3c`; short ones only beside a word for a colour.
    HexColour,
    /// `rgb(1, 2, 3)` and its kin.
    ColourFunction,
    /// `48px`, `1.5 em`.
    Size,
    /// `Design spec:` and its kin, with the colon.
    Label,
}

/// One piece that was taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// Why.
    pub rule: Rule,
    /// What, as it stood there.
    pub text: String,
    /// Where it began, in characters of the prompt as it was.
    pub at: usize,
}

/// A prompt without style metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sanitised {
    /// The prompt.
    pub text: String,
    /// What was taken out, in order.
    pub removed: Vec<Removal>,
}

/// What may follow the colon of a CSS pair: a value that no sentence would have there.
const STYLE_PAIR: &str = r"(?ix)
    (?: background(?:-colou?r)? | colou?r | font(?:-size|-family|-weight|-style)? | margin | padding | width | height | line-height
      | letter-spacing | opacity | border(?:-radius)? )
    \s* [:：] \s*
    (?: (?: [\#＃][0-9a-f]{3,8} | (?:rgb|hsl)a?\s*[(（][^)）]{0,60}[)）] | -?[0-9０-９]+(?:\.[0-9]+)?\s?(?:px|pt|em|rem|vh|vw)
          | bold(?:er)? | normal | italic | inherit | none | auto | (?:sans-)?serif | monospace )
        (?: [\ ,]+ (?: [\#＃][0-9a-f]{3,8} | -?[0-9]+(?:\.[0-9]+)?\s?(?:px|pt|em|rem|vh|vw) | solid | dashed | bold | (?:sans-)?serif ) )*
      | -?[0-9]+(?:\.[0-9]+)? (?: \s*[;；}] ) )
    (?: \s*[;；] )?";

/// The rules in the order in which they look at a place; the first that fits takes it.
static RULES: LazyLock<[(Rule, Regex); 5]> = LazyLock::new(|| {
    let rule = |rule, pattern: &str| (rule, Regex::new(pattern).expect("a valid pattern"));
    [
        rule(Rule::StylePair, STYLE_PAIR),
        rule(Rule::HexColour, r"(?i)[#＃](?:[0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})"),
        rule(Rule::ColourFunction, r"(?i)(?:rgb|hsl)a?\s*[(（][^)）\n]{0,60}[)）]"),
        rule(Rule::Size, r"(?i)[0-9０-９]+(?:\.[0-9]+)?\s?(?:px|pt|em|rem|vh|vw)"),
        rule(
            Rule::Label,
            r"(?i)(?:colou?r palette|typography|layout annotation|design spec|style guide|font stack|css|html|json|yaml|hex code)\s*[:：]",
        ),
    ]
});

/// Whatever stands between quotation marks of one kind on one line.
static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("“[^“”\n]*”|「[^「」\n]*」|『[^『』\n]*』|«[^«»\n]*»|《[^《》\n]*》|\"[^\"\n]*\"|＂[^＂\n]*＂")
        .expect("a valid pattern")
});

/// A word for a colour just before a short code.
static COLOUR_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:colou?r|background|fill|tone|hex|色|背景)[^\n.,;。，；]{0,8}$").expect("a valid pattern")
});

/// Takes style metadata out of `prompt`. `on_page` are the texts that the picture must show. What only shows when its neighbour is gone
/// goes, too, so that a second time finds nothing.
pub fn sanitise(prompt: &str, on_page: &[&str]) -> Sanitised {
    let mut clean = pass(prompt, on_page);
    loop {
        let next = pass(&clean.text, on_page);
        if next.removed.is_empty() {
            return clean;
        }
        clean.text = next.text;
        clean.removed.extend(next.removed);
    }
}

fn pass(prompt: &str, on_page: &[&str]) -> Sanitised {
    let kept = protected(prompt, on_page);
    let found = findings(prompt, &kept);
    let mut text = String::with_capacity(prompt.len());
    let mut removed = Vec::new();
    let mut from = 0;
    for (rule, range) in found {
        join(&mut text, &prompt[from..range.start]);
        removed.push(Removal {
            rule,
            text: prompt[range.clone()].to_owned(),
            at: prompt[..range.start].chars().count(),
        });
        from = range.end;
    }
    if removed.is_empty() {
        return Sanitised { text: prompt.to_owned(), removed };
    }
    join(&mut text, &prompt[from..]);
    let end = if prompt.ends_with('\n') { "\n" } else { "" };
    let text = format!("{}{end}", text.trim());
    // A text that begins with the mark at a seam: rather some metadata than a text that is cut.
    let stands = |shown: &&str| !prompt.contains(shown.trim()) || text.contains(shown.trim());
    if !on_page.iter().all(stands) {
        return Sanitised { text: prompt.to_owned(), removed: Vec::new() };
    }
    Sanitised { text, removed }
}

/// Whether a text has something in it that [`sanitise`] would take out, with nothing in it quoted or named.
pub(crate) fn is_clean(text: &str) -> bool {
    findings(text, &[]).is_empty()
}

/// Puts the next kept piece behind the others. At the seam no blank is left before a mark, no mark stands twice.
fn join(text: &mut String, piece: &str) {
    if text.is_empty() {
        text.push_str(piece);
        return;
    }
    let mut piece = piece;
    let next = piece.trim_start_matches([' ', '\t']);
    let closes = next.starts_with([',', '.', ';', '。', '，', '；', '、', ')', '）']);
    if closes || next.is_empty() || next.starts_with('\n') {
        text.truncate(text.trim_end_matches([' ', '\t']).len());
        piece = next;
    } else if text.ends_with([' ', '\t', '\n', '(', '（']) {
        piece = next;
    }
    // "blue, #fff, red" is left as "blue, red".
    if text.ends_with([',', '，', '、', ';', '；', '(', '（']) && piece.starts_with([',', '，', '、', ';', '；'])
    {
        let mark = piece.chars().next().map_or(0, char::len_utf8);
        piece = &piece[mark..];
        if text.ends_with(['(', '（']) {
            piece = piece.trim_start();
        }
    }
    text.push_str(piece);
}

/// What must not be touched, in order: each place of each text that the page shows, and each quotation.
fn protected(prompt: &str, on_page: &[&str]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = QUOTED.find_iter(prompt).map(|found| found.range()).collect();
    for text in on_page.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        ranges.extend(prompt.match_indices(text).map(|(at, text)| at..at + text.len()));
    }
    ranges
}

/// What is to be taken out, in order and apart from each other.
fn findings(prompt: &str, kept: &[Range<usize>]) -> Vec<(Rule, Range<usize>)> {
    let mut found: Vec<(Rule, Range<usize>)> = Vec::new();
    for (rule, pattern) in RULES.iter() {
        for place in pattern.find_iter(prompt) {
            let range = place.range();
            let overlaps = |other: &Range<usize>| other.start < range.end && range.start < other.end;
            if stands_alone(*rule, prompt, &range)
                && !kept.iter().any(overlaps)
                && !found.iter().any(|(_, other)| overlaps(other))
            {
                found.push((*rule, range));
            }
        }
    }
    found.sort_by_key(|(_, range)| range.start);
    found
}

/// Whether the match is not a part of a longer word or number, and means what it looks like.
fn stands_alone(rule: Rule, prompt: &str, range: &Range<usize>) -> bool {
    let before = prompt[..range.start].chars().next_back();
    let after = prompt[range.end..].chars().next();
    let in_word = |next: Option<char>| next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '_');
    if in_word(before) || before == Some('-') && rule != Rule::HexColour {
        return false;
    }
    match rule {
        Rule::StylePair => prompt[range.clone()].ends_with([';', '；', ')', '）']) || !in_word(after),
        Rule::ColourFunction | Rule::Label => true,
        Rule::Size => before != Some('.') && !in_word(after),
        Rule::HexColour => {
            let long = prompt[range.clone()].chars().count() > 5;
            !in_word(after) && (long || COLOUR_BEFORE.is_match(&prompt[..range.start]))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clean(prompt: &str) -> String {
        sanitise(prompt, &[]).text
    }

    #[test]
    fn metadata_goes_whoever_stands_beside_it() {
        for (prompt, left) in [
            ("A calm sea, #1A2B3C, at dawn", "A calm sea, at dawn"),
            ("蓝色rgb(1,2,3)的天空", "蓝色的天空"),
            ("字号48px大标题", "字号大标题"),
            ("标题 48 px 居中", "标题 居中"),
            ("底色＃FFAA00，宽阔", "底色，宽阔"),
            ("a red tone #f00 behind", "a red tone behind"),
            ("font-size: 48px; a tall tower", "a tall tower"),
            ("a tower, font-weight：bold, in fog", "a tower, in fog"),
            ("Design spec: a wide hall", "a wide hall"),
            ("one (rgba(0,0,0,.5)) two", "one () two"),
            ("line-height: 1.5; soft light\n", "soft light\n"),
        ] {
            assert_eq!(clean(prompt), left, "{prompt}");
        }
    }

    #[test]
    fn words_numbers_and_sentences_stay() {
        for prompt in [
            "\"JSON 与 YAML 对比\" as the headline",
            "a JSONata query as a ribbon, CSS and HTML side by side",
            "Bearing width: 30mm; height: 20mm；材料 钢",
            "issue #100 of 2024, tag #2024, track #abc",
            "release v2.0em of the model",
            "Background: deep navy with stars in three depths, 40 % empty",
            "Width: 5 m beam\"",
            "the typography is bold and round",
            "标题写着“字号48px”",
        ] {
            assert_eq!(sanitise(prompt, &[]), Sanitised { text: prompt.to_owned(), removed: Vec::new() }, "{prompt}");
        }
        let shown = sanitise("The sign says 48px wide, 12px high", &["48px wide"]);
        assert_eq!(shown.text, "The sign says 48px wide, high");
        assert_eq!(shown.removed, [Removal { rule: Rule::Size, text: "12px".into(), at: 25 }]);
    }

    proptest! {
        /// Whatever stands on the page is still there, letter by letter.
        #[test]
        fn every_text_of_the_page_survives(
            texts in prop::collection::vec("[#0-9a-f]{3,7}|[0-9]{1,3} ?(px|em|mm|%)|color: (red|#fff);?|[一-龥]{1,4}rgb\\(1,2,3\\)|CSS：[a-z]{1,5}", 1..5),
            between in prop::collection::vec("( |, |，|；|。| #aabbcc | 12px|中文|font-size: 3px;|\\()", 6),
        ) {
            let mut prompt = between[0].clone();
            for (text, gap) in texts.iter().zip(&between[1..]) {
                prompt += text;
                prompt += gap;
            }
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let left = sanitise(&prompt, &texts).text;
            for text in texts {
                prop_assert!(left.contains(text.trim()), "{text:?} of {prompt:?} is lost in {left:?}");
            }
        }

        /// What is left and what is reported are no more than there was.
        #[test]
        fn it_only_takes_away(prompt in "([a-z #:;,0-9]|[一-龥]|48px|#[0-9a-f]{6}|rgb\\(1,2,3\\)|color: #fff;){0,12}") {
            let once = sanitise(&prompt, &[]);
            let removed: usize = once.removed.iter().map(|removal| removal.text.len()).sum();
            prop_assert!(once.text.len() + removed <= prompt.len());
            let twice = sanitise(&once.text, &[]);
            prop_assert!(twice.removed.is_empty(), "{prompt:?} leaves {:?}, where {:?} goes", once.text, twice.removed);
        }
    }
}
