//! What a request asks for besides its subject: `key=value` anywhere, short directives at its beginning and end. Everything taken
//! is told with its place, and words inside the subject are left alone.

use serde::{Deserialize, Serialize};

use super::ratio::RATIOS;
use super::section::{Expand, InfographicSection, MAX_ROUNDS, Output};
use crate::catalogue::Catalogue;

/// A request, understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The subject: the request without what was taken from it.
    pub text: String,
    /// Rounds at most.
    pub rounds: u32,
    /// Whether it is worked out.
    pub expand: Expand,
    /// How much is told.
    pub output: Output,
    /// One of [`RATIOS`], where the request names one.
    pub ratio: Option<String>,
    /// `2k` or `4k`, where the request names one.
    pub size: Option<String>,
    /// A layout of the catalogue.
    pub layout: Option<String>,
    /// A style of the catalogue.
    pub style: Option<String>,
    /// What was taken from the request.
    pub taken: Vec<Taken>,
    /// What could not be followed, in plain words.
    pub warnings: Vec<String>,
}

/// Words of a request that set something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// What they set.
    pub key: String,
    /// To which value; empty when what they say is not possible.
    pub value: String,
    /// The words.
    pub words: String,
    /// Where they begin in the request, in bytes.
    pub start: usize,
    /// Where they end.
    pub end: usize,
}

/// The five keys of older runners, and two of our own.
const KEYS: [&str; 7] =
    ["max_rounds", "output_mode", "prompts_expand_mode", "aspect_ratio", "image_size", "layout", "style"];

/// Where a directive begins and ends.
const MARKS: [char; 14] = [',', '，', ';', '；', '。', '|', '、', '(', ')', '（', '）', '[', ']', '\n'];

/// Reads a request. What `given` sets stands above what the request says.
pub fn read_request(request: &str, given: &InfographicSection, catalogue: &Catalogue) -> Asked {
    let mut asked = Asked {
        text: String::new(),
        rounds: 1,
        expand: Expand::Auto,
        output: Output::Friendly,
        ratio: None,
        size: None,
        layout: None,
        style: None,
        taken: Vec::new(),
        warnings: Vec::new(),
    };
    let mut set: Vec<&'static str> = Vec::new();
    let (pairs, unknown) = pairs(request, catalogue);
    asked.warnings = unknown;
    for (mut taken, key) in pairs {
        if !asked.take(&taken, key) {
            taken.value.clear();
        }
        set.push(key);
        asked.taken.push(taken);
    }
    let rest = without(request, &asked.taken);
    let mut spans = Vec::new();
    for found in directives(&rest) {
        // Blanks stand for what was taken before, so places are those of the request.
        if set.contains(&found.0) {
            continue;
        }
        asked.take(&found.1, found.0);
        spans.push(found.1);
    }
    let text = without(&rest, &spans);
    asked.text = tidy(&text);
    asked.taken.extend(spans);
    asked.rounds = given.rounds.unwrap_or(asked.rounds).clamp(1, MAX_ROUNDS);
    asked.expand = given.expand.unwrap_or(asked.expand);
    asked.output = given.output.unwrap_or(asked.output);
    asked.layout = given.layout.clone().or(asked.layout);
    asked.style = given.style.clone().or(asked.style);
    if asked.output == Output::Verbose && asked.rounds == 1 {
        asked.warnings.push("verbose tells no more than friendly when there is one round".to_owned());
    }
    asked
}

impl Asked {
    /// Whether it is possible.
    fn take(&mut self, taken: &Taken, key: &str) -> bool {
        let value = taken.value.as_str();
        let known = self.warnings.len();
        let mut wrong = |range: &str| {
            let Taken { key, value, .. } = taken;
            self.warnings.push(format!("{key} = {value} in the request is not possible and was left out: {range}"));
        };
        match key {
            "max_rounds" => match value.parse::<u32>() {
                Ok(rounds) => {
                    self.rounds = rounds.clamp(1, MAX_ROUNDS);
                    if self.rounds != rounds {
                        let clamped = self.rounds;
                        self.warnings.push(format!("{rounds} rounds were asked for; there are {clamped}"));
                        return true;
                    }
                }
                Err(_) => wrong("1 to 8"),
            },
            "output_mode" => match value {
                "friendly" => self.output = Output::Friendly,
                "verbose" => self.output = Output::Verbose,
                _ => wrong("friendly, verbose"),
            },
            "prompts_expand_mode" => match value {
                "auto" => self.expand = Expand::Auto,
                "force" => self.expand = Expand::Force,
                "disable" => self.expand = Expand::Disable,
                _ => wrong("auto, force, disable"),
            },
            "aspect_ratio" if RATIOS.contains(&value) => self.ratio = Some(value.to_owned()),
            "aspect_ratio" => wrong(&RATIOS.join(", ")),
            "image_size" if matches!(value, "2k" | "4k") => self.size = Some(value.to_owned()),
            "image_size" => wrong("2k, 4k"),
            "layout" => self.layout = Some(value.to_owned()),
            "style" => self.style = Some(value.to_owned()),
            _ => {}
        }
        self.warnings.len() == known
    }
}

/// Every `key=value` among the words, and what is said of layouts and styles that the catalogue does not have: they may be part of the
/// subject.
fn pairs(request: &str, catalogue: &Catalogue) -> (Vec<(Taken, &'static str)>, Vec<String>) {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    let mut at = 0;
    for word in request.split_whitespace() {
        let start = at + request[at..].find(word).unwrap_or(0);
        at = start + word.len();
        let bare = word.trim_end_matches([',', '，', ';', '；', '。']);
        let Some((name, value)) = bare.split_once('=') else { continue };
        let Some(key) = KEYS.into_iter().find(|key| key.eq_ignore_ascii_case(name)) else { continue };
        let value = value.trim_matches(['"', '\'']).to_ascii_lowercase();
        let known = match key {
            "layout" => catalogue.layout(&value).is_some(),
            "style" => catalogue.style(&value).is_some(),
            _ => !value.is_empty(),
        };
        if known {
            let end = start + bare.len();
            found.push((Taken { key: key.into(), value, words: bare.to_owned(), start, end }, key));
        } else if !value.is_empty() {
            unknown.push(format!("{bare} names no {key} of the catalogue and stays in the request"));
        }
    }
    (found, unknown)
}

/// The request with blanks where something was taken, byte for byte.
fn without(request: &str, taken: &[Taken]) -> String {
    let mut bytes = request.as_bytes().to_vec();
    for span in taken {
        bytes[span.start..span.end].fill(b' ');
    }
    String::from_utf8(bytes).unwrap_or_else(|_| request.to_owned())
}

/// Directives before the subject and behind it. At least one part of the request is its subject.
fn directives(text: &str) -> Vec<(&'static str, Taken)> {
    let mut parts: Vec<(usize, &str)> = Vec::new();
    let mut start = 0;
    for (at, mark) in text.char_indices().filter(|(_, c)| MARKS.contains(c)) {
        parts.push((start, &text[start..at]));
        start = at + mark.len_utf8();
    }
    parts.push((start, &text[start..]));
    parts.retain(|(_, part)| !part.trim().is_empty());
    let read: Vec<Option<Vec<(&'static str, Taken)>>> =
        parts.iter().map(|(start, part)| phrases(text, *start, part)).collect();
    let Some(first) = read.iter().position(Option::is_none) else { return Vec::new() };
    let last = read.iter().rposition(Option::is_none).unwrap_or(first);
    let around = read.into_iter().enumerate().filter(|(at, _)| *at < first || *at > last);
    let mut seen: Vec<&'static str> = Vec::new();
    let all = around.filter_map(|(_, found)| found).flatten();
    all.filter(|(key, _)| {
        let new = !seen.contains(key);
        seen.push(key);
        new
    })
    .collect()
}

/// The phrases that a part consists of; `None` when there is anything else in it.
fn phrases(text: &str, start: usize, part: &str) -> Option<Vec<(&'static str, Taken)>> {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        at += part[at..].len() - part[at..].trim_start().len();
        let rest = part[at..].trim_end_matches(['.', '!', '！', ' ']);
        if rest.is_empty() {
            return (!found.is_empty()).then_some(found);
        }
        let (key, value, length) = phrase(rest)?;
        let behind = rest[length..].chars().next();
        let glued = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == ':' || c == '：';
        if behind.is_some_and(glued) {
            return None;
        }
        let (from, to) = (start + at, start + at + length);
        let words = text[from..to].to_owned();
        found.push((key, Taken { key: key.into(), value, words, start: from, end: to }));
        at += length;
    }
}

/// Words that set something as they stand.
const FIXED: [(&str, &str, &str); 15] = [
    ("verbose", "output_mode", "verbose"),
    ("完整统计", "output_mode", "verbose"),
    ("详细", "output_mode", "verbose"),
    ("详尽", "output_mode", "verbose"),
    ("friendly", "output_mode", "friendly"),
    ("简洁", "output_mode", "friendly"),
    ("精简", "output_mode", "friendly"),
    ("强制扩写", "prompts_expand_mode", "force"),
    ("force expansion", "prompts_expand_mode", "force"),
    ("force expand", "prompts_expand_mode", "force"),
    ("不扩写", "prompts_expand_mode", "disable"),
    ("跳过扩写", "prompts_expand_mode", "disable"),
    ("disable expansion", "prompts_expand_mode", "disable"),
    ("no expansion", "prompts_expand_mode", "disable"),
    ("no expand", "prompts_expand_mode", "disable"),
];

/// Words before a ratio or a size.
const NAMED: [(&str, &str); 9] = [
    ("aspect ratio", "aspect_ratio"),
    ("宽高比", "aspect_ratio"),
    ("画面比例", "aspect_ratio"),
    ("比例", "aspect_ratio"),
    ("image size", "image_size"),
    ("image_size", "image_size"),
    ("分辨率", "image_size"),
    ("清晰度", "image_size"),
    ("rounds", "max_rounds"),
];

/// The phrase that `rest` begins with: what it sets, to what, and its length in bytes.
fn phrase(rest: &str) -> Option<(&'static str, String, usize)> {
    let lower = rest.to_ascii_lowercase();
    if let Some((words, key, value)) = FIXED.into_iter().find(|(words, ..)| lower.starts_with(words)) {
        return Some((key, value.to_owned(), words.len()));
    }
    for (name, key) in NAMED {
        if let Some(behind) = lower.strip_prefix(name) {
            let skipped = behind.len() - behind.trim_start_matches([' ', ':', '：', '=']).len();
            let (value, length) = value_of(key, &behind[skipped..])?;
            return Some((key, value, name.len() + skipped + length));
        }
    }
    for key in ["aspect_ratio", "image_size"] {
        if let Some((value, length)) = value_of(key, &lower) {
            return Some((key, value, length));
        }
    }
    rounds(&lower)
}

/// `3 rounds`, `3 轮`, `重试 3 次`.
fn rounds(lower: &str) -> Option<(&'static str, String, usize)> {
    let again = lower.strip_prefix("重试");
    let body = again.unwrap_or(lower);
    let trimmed = body.trim_start();
    let digits = trimmed.len() - trimmed.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits == 0 || digits > 3 {
        return None;
    }
    let behind = trimmed[digits..].trim_start();
    let units: &[&str] = if again.is_some() { &["次"] } else { &["rounds", "round", "轮"] };
    let unit = units.iter().find(|unit| behind.starts_with(**unit))?;
    let length = lower.len() - behind.len() + unit.len();
    Some(("max_rounds", trimmed[..digits].to_owned(), length))
}

/// The value that `text` begins with, in its usual spelling, and its length in bytes.
fn value_of(key: &str, text: &str) -> Option<(String, usize)> {
    match key {
        "image_size" => {
            ["2k", "4k"].into_iter().find(|size| text.starts_with(size)).map(|size| (size.to_owned(), size.len()))
        }
        "aspect_ratio" => RATIOS.into_iter().find_map(|ratio| {
            let wide = ratio.replace(':', "：");
            let length = if text.starts_with(ratio) { ratio.len() } else { wide.len() };
            (text.starts_with(ratio) || text.starts_with(&wide)).then(|| (ratio.to_owned(), length))
        }),
        _ => {
            let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            (1..=3).contains(&digits).then(|| (text[..digits].to_owned(), digits))
        }
    }
}

/// Without the marks and blanks that directives leave behind.
fn tidy(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | '，' | ';' | '；' | '|' | '、' | '[' | ']');
    let mut text = text.trim_matches(ends);
    for (open, close) in [('(', ')'), ('（', '）')] {
        if let Some(before) = text.strip_suffix(close).and_then(|rest| rest.trim_end_matches(ends).strip_suffix(open)) {
            text = before.trim_matches(ends);
        }
        if let Some(behind) = text.strip_prefix(open).and_then(|rest| rest.trim_start_matches(ends).strip_prefix(close))
        {
            text = behind.trim_matches(ends);
        }
    }
    // Blanks of one line become one; lines stay, because requests may be Markdown.
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.lines().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let body = line.trim_start();
        out.push_str(&line[..line.len() - body.len()]);
        out.push_str(&body.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "));
    }
    out
}

#[cfg(test)]
mod tests;
