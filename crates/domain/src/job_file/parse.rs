//! Reading a job file from its text. Turns what the TOML and JSON readers say into sentences with a place and a remedy;
//! knows nothing of files and folders.

use std::ops::Range;

use serde::de::DeserializeOwned;

use super::{JobFile, JobFileError};

/// Largest job file that is read. Long prompt and picture lists belong into a list file.
pub const MAX_JOB_FILE_BYTES: u64 = 32 << 20;

/// Which of the two text forms a job file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// JSON with the same keys.
    Json,
}

impl JobFile {
    /// Reads a job file. The error names the place in `text` and says what to do.
    pub fn parse(text: &str, format: Format) -> Result<Self, JobFileError> {
        parse_text(text, format)
    }
}

/// Keys that are natural to write in a save rule and are called something else.
const NATURAL: [(&str, &str); 2] = [
    ("preset", "did you mean `save_preset`, which stands at the top of the file, before any table? "),
    ("to", "did you mean `folder`? "),
];

/// Reads any strict (`deny_unknown_fields`) type in the same way and with the same error texts; configuration files use
/// it too.
pub fn parse_text<T: DeserializeOwned>(text: &str, format: Format) -> Result<T, JobFileError> {
    if text.len() as u64 > MAX_JOB_FILE_BYTES {
        return Err(too_large(text.len() as u64));
    }
    match format {
        Format::Toml => toml::from_str(text).map_err(|error| explain(text, error.message(), error.span(), None)),
        Format::Json => {
            let mut reader = serde_json::Deserializer::from_str(text);
            let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
                let path = error.path().to_string();
                let inner = error.inner();
                let at = offset(text, inner.line(), inner.column());
                let message = inner.to_string();
                let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(before, _)| before);
                explain(text, message, Some(json_span(text, at, message, &path)), Some(path.as_str()))
            })?;
            reader.end().map_err(|error| {
                let at = offset(text, error.line(), error.column());
                explain(text, "there is more text behind the end of the JSON value", Some(at..at), None)
            })?;
            Ok(value)
        }
    }
}

/// The error for a file of `bytes` bytes, which is too large to be a job file.
pub fn too_large(bytes: u64) -> JobFileError {
    JobFileError {
        message: format!("the file is {} MB; the most is {} MB", bytes >> 20, MAX_JOB_FILE_BYTES >> 20),
        span: None,
        help: Some("put long lists into a CSV or JSONL file and name it under [source] list".into()),
    }
}

/// Where the value of `key` (`retry.attempts`) stands in a TOML text; `None` when it is not there or the text is JSON.
pub fn locate(text: &str, key: &str) -> Option<Range<usize>> {
    let root = toml::de::DeTable::parse(text).ok()?;
    let mut table = root.get_ref();
    let mut parts = key.split('.').peekable();
    while let Some(part) = parts.next() {
        let value = table.get(part)?;
        if parts.peek().is_none() {
            return Some(value.span());
        }
        table = value.get_ref().as_table()?;
    }
    None
}

/// The word of `known` that was probably meant by `word`: at most three letters and half of it differ.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 3.min(candidate.chars().count() / 2))
        .min()
        .map(|(_, candidate)| candidate)
}

fn explain(text: &str, message: &str, span: Option<Range<usize>>, path: Option<&str>) -> JobFileError {
    let span = span.map(|span| span.start.min(text.len())..span.end.min(text.len()));
    let quoted = |prefix: &str| message.strip_prefix(prefix)?.split('`').next().map(str::to_owned);
    if let Some(key) = quoted("unknown field `") {
        let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
        let of_save_rule = known.contains(&"keep_folders");
        let natural =
            NATURAL.iter().find(|(wrong, _)| of_save_rule && *wrong == key).map(|(_, help)| (*help).to_owned());
        let near = || nearest(&key, known.iter().copied()).map(|near| format!("did you mean `{near}`? "));
        let mut help = natural.or_else(near).unwrap_or_default();
        help.push_str("keys known here: ");
        help.push_str(&known.join(", "));
        return JobFileError { message: format!("unknown key `{key}`"), span, help: Some(help) };
    }
    if let Some(value) = quoted("unknown variant `") {
        let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
        let near = nearest(&value, known.iter().copied()).map(|near| format!("did you mean `{near}`? "));
        let key = key_at(text, span.as_ref(), path);
        let help = format!("{}it can be {}", near.unwrap_or_default(), known.join(", "));
        return JobFileError { message: format!("{key}`{value}` is not possible here"), span, help: Some(help) };
    }
    if let Some(key) = quoted("missing field `") {
        let help =
            (key == "recipe").then(|| "add `recipe = \"edit\"`, `recipe = \"generate\"` or another one".to_owned());
        return JobFileError { message: format!("the key `{key}` is missing"), span: None, help };
    }
    if message.contains("recursion limit") || message.contains("recursion depth") {
        return JobFileError {
            message: "the values are nested too deeply".into(),
            span,
            help: Some("a job file needs three levels; docs/job-file.md shows them".into()),
        };
    }
    let key = if message.starts_with("invalid type") || message.starts_with("invalid value") {
        key_at(text, span.as_ref(), path)
    } else {
        String::new()
    };
    JobFileError { message: format!("{key}{}", message.trim_end()), span, help: None }
}

/// `samples: `, the key on the line of `span` or the path the JSON reader gave; empty when neither says anything.
fn key_at(text: &str, span: Option<&Range<usize>>, path: Option<&str>) -> String {
    if let Some(path) = path.filter(|path| !path.is_empty() && *path != ".") {
        return format!("{path}: ");
    }
    let Some(span) = span else { return String::new() };
    let line_start = text[..floor(text, span.start)].rfind('\n').map_or(0, |at| at + 1);
    match text[line_start..].lines().next().and_then(|line| line.split_once('=')) {
        Some((key, _)) if !key.trim().is_empty() && !key.contains(['"', '[', '{']) => format!("{}: ", key.trim()),
        _ => String::new(),
    }
}

/// The word the JSON reader speaks of, looked for just before the place where it stopped.
fn json_span(text: &str, at: usize, message: &str, path: &str) -> Range<usize> {
    let at = floor(text, at);
    let wanted = message.split('`').nth(1).filter(|_| message.starts_with("unknown")).map(|word| format!("\"{word}\""));
    let wanted = wanted.or_else(|| {
        let key = path.rsplit('.').next().unwrap_or(path).split('[').next().unwrap_or_default();
        (message.starts_with("invalid") && !key.is_empty()).then(|| format!("\"{key}\""))
    });
    wanted
        .and_then(|wanted| text[..at].rfind(&wanted).map(|start| start..start + wanted.len()))
        .unwrap_or_else(|| floor(text, at.saturating_sub(1))..at)
}

/// Byte offset of a line and column as serde_json counts them (both from 1, columns in bytes).
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    floor(text, start + column)
}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Levenshtein distance in characters.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toml_error(text: &str) -> (String, String, String) {
        let error = JobFile::parse(text, Format::Toml).unwrap_err();
        let place = error.span.map(|span| text[span].to_owned()).unwrap_or_default();
        (error.message, place, error.help.unwrap_or_default())
    }

    fn json_error(text: &str) -> (String, String, String) {
        let error = JobFile::parse(text, Format::Json).unwrap_err();
        let place = error.span.map(|span| text[span].to_owned()).unwrap_or_default();
        (error.message, place, error.help.unwrap_or_default())
    }

    #[test]
    fn both_forms_read_alike() {
        let toml = "recipe = \"edit\"\nprompt = \"night\"\nsamples = 2\nbudget = 5\n[source]\npaths = [\"photos\"]\n[retry]\nunknown = \"once\"";
        let json = r#"{"recipe":"edit","prompt":"night","samples":2,"budget":"5","source":{"paths":["photos"]},"retry":{"unknown":"once"}}"#;
        assert_eq!(JobFile::parse(toml, Format::Toml).unwrap(), JobFile::parse(json, Format::Json).unwrap());
    }

    #[test]
    fn an_unknown_key_names_its_neighbour() {
        let (message, place, help) = toml_error("recipe = \"edit\"\npromt = \"night\"\n");
        assert_eq!((message.as_str(), place.as_str()), ("unknown key `promt`", "promt"));
        assert!(help.starts_with("did you mean `prompt`?"), "{help}");
        let (message, place, help) = json_error("{\"recipe\": \"edit\",\n \"source\": {\"path\": []}}");
        assert_eq!((message.as_str(), place.as_str()), ("unknown key `path`", "\"path\""));
        assert!(help.starts_with("did you mean `paths`?"), "{help}");
        let (.., help) = toml_error("recipe = \"edit\"\n[save]\npreset = \"pairs\"\n");
        assert!(help.starts_with("did you mean `save_preset`, which stands at the top"), "{help}");
        let (.., help) = json_error("{\"recipe\": \"edit\", \"save\": {\"to\": \"out\"}}");
        assert!(help.starts_with("did you mean `folder`?"), "{help}");
    }

    #[test]
    fn a_bad_value_names_its_key() {
        let (message, place, _) = toml_error("recipe = \"edit\"\nsamples = \"three\"\n");
        assert!(message.starts_with("samples: invalid type"), "{message}");
        assert_eq!(place, "\"three\"");
        let (message, _, help) = toml_error("recipe = \"edti\"\n");
        assert_eq!(message, "recipe: `edti` is not possible here");
        assert_eq!(help, "did you mean `edit`? it can be generate, edit, infographic, critique, outline, slides");
        let (message, place, _) = json_error("{\"recipe\": \"edit\",\n \"retry\": {\"attempts\": -1}}");
        assert!(message.starts_with("retry.attempts: invalid value"), "{message}");
        assert_eq!(place, "\"attempts\"");
        let (message, ..) = toml_error("prompt = \"night\"");
        assert_eq!(message, "the key `recipe` is missing");
    }

    #[test]
    fn hostile_texts_are_errors_and_no_more() {
        let deep = format!("recipe = \"edit\"\nx = {}{}", "[".repeat(1_000), "]".repeat(1_000));
        assert!(toml_error(&deep).0.contains("nested too deeply"), "{:?}", toml_error(&deep));
        let deep = format!(
            "{{\"recipe\":\"edit\",\"options\":{{\"extra_body\":{{\"x\":{}{}}}}}}}",
            "[".repeat(1_000),
            "]".repeat(1_000)
        );
        assert!(json_error(&deep).0.contains("nested too deeply"), "{:?}", json_error(&deep));
        let huge = " ".repeat(100 << 20);
        assert!(JobFile::parse(&huge, Format::Toml).unwrap_err().message.contains("100 MB"));
        for text in ["", "é", "recipe = \"ed\u{e9}", "{\"recipe\": \"édit", "{} x", "[[[", "\u{0}"] {
            assert!(JobFile::parse(text, Format::Toml).is_err());
            assert!(JobFile::parse(text, Format::Json).is_err());
        }
    }

    #[test]
    fn values_are_found_by_key() {
        let text = "samples = 0\n[retry]\nattempts = 99\n";
        assert_eq!(&text[locate(text, "retry.attempts").unwrap()], "99");
        assert_eq!(&text[locate(text, "samples").unwrap()], "0");
        assert_eq!(locate(text, "options.n"), None);
    }
}
