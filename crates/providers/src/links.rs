//! Finds pictures in a model's words, in order: places of decoded pictures, markdown pictures, addresses that look like
//! pictures. Nothing the model only thought counts.

use std::borrow::Cow;

use url::Url;

const SUFFIXES: [&str; 8] = [".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"];
const HINTS: [&str; 7] = ["/image", "image=", "img=", "format=png", "format=jpg", "format=jpeg", "format=webp"];

/// Something found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hit {
    /// The decoded picture with this number.
    Slot(usize),
    /// An absolute address.
    Link(String),
}

/// The words outside `<think>…</think>`. A closing mark without an opening one ends thoughts that began the text; an
/// opening mark without a closing one leaves nothing behind it.
pub(crate) fn without_thoughts(text: &str) -> Cow<'_, str> {
    if !text.contains("<think>") && !text.contains("</think>") {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut rest = text;
    loop {
        let open = rest.find("<think>");
        let close = rest.find("</think>");
        match (open, close) {
            (None, None) => {
                kept.push_str(rest);
                return Cow::Owned(kept);
            }
            (Some(open), close) if close.is_none_or(|close| open < close) => {
                kept.push_str(&rest[..open]);
                let Some(close) = close else { return Cow::Owned(kept) };
                rest = &rest[close + "</think>".len()..];
            }
            (_, Some(close)) => {
                kept.clear();
                rest = &rest[close + "</think>".len()..];
            }
            (Some(_), None) => unreachable!("the second arm takes it"),
        }
    }
}

/// The words with places of pictures and addresses of markdown pictures taken out.
pub(crate) fn words(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((at, mark)) = next_mark(rest, &["<spool:", "!["]) {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        let taken =
            if mark == "![" { markdown(tail).map(|(_, length)| length) } else { slot(tail).map(|(_, length)| length) };
        let taken = taken.unwrap_or_else(|| {
            out.push_str(mark);
            mark.len()
        });
        rest = &tail[taken..];
    }
    out.push_str(rest);
    out.trim().to_owned()
}

/// Everything found in `text` (without thoughts), in order. Relative addresses are resolved against `base`.
pub(crate) fn find(text: &str, base: &Url) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut rest = text;
    while let Some((at, mark)) = next_mark(rest, &["<spool:", "![", "http://", "https://"]) {
        let tail = &rest[at..];
        let taken = match mark {
            "<spool:" => slot(tail).map(|(number, length)| {
                hits.push(Hit::Slot(number));
                length
            }),
            // The target's own text is read again when it is a decoded picture.
            "![" => markdown(tail).and_then(|(target, length)| {
                if target.contains("<spool:") {
                    return None;
                }
                hits.extend(resolve(target, base).map(Hit::Link));
                Some(length)
            }),
            _ => {
                let address = plain(tail);
                if looks_like_picture(address) {
                    hits.extend(resolve(address, base).map(Hit::Link));
                }
                Some(address.len().max(mark.len()))
            }
        };
        rest = &tail[taken.unwrap_or(mark.len())..];
    }
    let whole = text.trim();
    if hits.is_empty() && whole.starts_with('/') && !whole.contains(char::is_whitespace) && looks_like_picture(whole) {
        hits.extend(resolve(whole, base).map(Hit::Link));
    }
    hits
}

/// The absolute form of an address found where a picture is due; `None` when it is no http address.
pub(crate) fn resolve(address: &str, base: &Url) -> Option<String> {
    let address = address.trim();
    if address.is_empty() || address.contains(char::is_whitespace) {
        return None;
    }
    let url = base.join(address).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

/// Whether an address looks like a picture's: by its suffix or by a telling part.
pub(crate) fn looks_like_picture(address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    let path = lower.split(['?', '#']).next().unwrap_or_default();
    SUFFIXES.iter().any(|suffix| path.ends_with(suffix)) || HINTS.iter().any(|hint| lower.contains(hint))
}

/// The mark that comes first.
fn next_mark(text: &str, marks: &[&'static str]) -> Option<(usize, &'static str)> {
    let mut from = 0;
    while let Some(at) = text[from..].find(['<', '!', 'h']) {
        let at = from + at;
        if let Some(mark) = marks.iter().find(|mark| text[at..].starts_with(**mark)) {
            return Some((at, mark));
        }
        from = at + 1;
    }
    None
}

/// `<spool:12>`: its number and its length.
fn slot(text: &str) -> Option<(usize, usize)> {
    let inner = text.strip_prefix("<spool:")?;
    let end = inner.find('>')?;
    Some((inner[..end].parse().ok()?, "<spool:".len() + end + 1))
}

/// `![words](target "title")`: its target and its length. The words are at most 500 bytes long.
fn markdown(text: &str) -> Option<(&str, usize)> {
    let label = text.as_bytes().iter().take(500).position(|byte| *byte == b']')?;
    let inner = text[label + 1..].strip_prefix('(')?;
    let start = label + 2;
    let mut depth = 0;
    for (at, c) in inner.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            ')' => {
                let whole = inner[..at].trim();
                let target = whole.split(char::is_whitespace).next().unwrap_or_default();
                return Some((unbracketed(target), start + at + 1));
            }
            '\n' | '\r' => return None,
            _ => {}
        }
        if at > 8192 {
            return None;
        }
    }
    None
}

fn unbracketed(target: &str) -> &str {
    if target.starts_with("<spool:") { target } else { target.trim_start_matches('<').trim_end_matches('>') }
}

/// An address in running words: up to white space, quotes or angle brackets, without closing punctuation.
fn plain(text: &str) -> &str {
    let end = text.find(|c: char| c.is_whitespace() || "\"'<>`".contains(c)).unwrap_or(text.len());
    text[..end].trim_end_matches([')', ',', '.', ';', ']', '!', '*', '。', '，', '）'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let base = Url::parse("https://api.example.org/v1/chat/completions").unwrap();
        let show = |hit| match hit {
            Hit::Slot(number) => format!("#{number}"),
            Hit::Link(link) => link,
        };
        find(&without_thoughts(text), &base).into_iter().map(show).collect()
    }

    #[test]
    fn pictures_are_found_in_order() {
        for (text, expected) in [
            ("![a](<spool:3>) and https://x.org/b.png.", &["#3", "https://x.org/b.png"][..]),
            ("![a](https://x.org/no-suffix \"title\")", &["https://x.org/no-suffix"]),
            ("![a](https://x.org/a_(1).png)", &["https://x.org/a_(1).png"]),
            ("![a](/f/1)![b](//cdn.org/2)", &["https://api.example.org/f/1", "https://cdn.org/2"]),
            (
                "[open](https://x.org/a.JPG?sig=1), (https://x.org/b.webp)",
                &["https://x.org/a.JPG?sig=1", "https://x.org/b.webp"],
            ),
            ("<img src=\"https://x.org/get?format=png&id=2\">", &["https://x.org/get?format=png&id=2"]),
            ("see https://x.org/about and http://", &[]),
            ("![a](ftp://x.org/a.png) ![b](javascript:x)", &[]),
            ("![unclosed](https://x.org/page", &[]),
            ("<spool:x> <spool:", &[]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn thoughts_do_not_count() {
        for (text, expected) in [
            ("<think>https://x.org/1.png</think>https://x.org/2.png", &["https://x.org/2.png"][..]),
            ("https://x.org/1.png</think>https://x.org/2.png", &["https://x.org/2.png"]),
            ("https://x.org/1.png <think>https://x.org/2.png", &["https://x.org/1.png"]),
            (
                "<think>a</think>https://x.org/1.png <think>https://x.org/2.png</think> https://x.org/3.png",
                &["https://x.org/1.png", "https://x.org/3.png"],
            ),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
        assert_eq!(words("Here: ![image](<spool:0>)\nDone! ![x](https://x.org/a.png)"), "Here: \nDone!");
    }
}
