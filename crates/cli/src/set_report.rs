//! Sets of pictures with their distances from the approved one, as words, Markdown and HTML. Must not decide which picture is
//! approved. Pages link to the pictures by relative paths, so that a folder can be moved or packed with its page.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use imagemill_briefs::{Distance, Measured, Member, PictureSet};

use crate::context::Context;
use crate::quit::Quit;
use crate::texts::{Texts, say};

/// Measures a set.
pub(crate) fn measured(context: &Context, set: PictureSet) -> anyhow::Result<Measured> {
    let reference = set.reference.clone();
    Measured::of(set).map_err(|why| {
        let file = reference.as_deref().map(|file| context.shown(file)).unwrap_or_default();
        Quit::usage(say!(context.texts, "sets.unread", file = file, why = context.texts.translated(&why)))
    })
}

/// The set and what it is held against.
pub(crate) fn title(texts: &Texts, measured: &Measured) -> String {
    let name = &measured.set.name;
    match &measured.set.reference {
        Some(file) => say!(texts, "sets.title", name = name, file = file_name(file)),
        None => say!(texts, "sets.nothing_approved", name = name),
    }
}

/// A member's asset, where the set has several, and its file.
pub(crate) fn name_of(measured: &Measured, member: &Member) -> String {
    let file = file_name(&member.file);
    if member.asset == measured.set.name { file } else { format!("{}/{file}", member.asset) }
}

/// Verdict and distances of a member.
pub(crate) fn words(texts: &Texts, measured: &Measured, at: usize) -> String {
    let standing = &measured.set.members[at].standing;
    let key = match standing.verdict.as_deref() {
        _ if standing.waits => "judge.waits",
        Some("revise") => "judge.revise",
        _ => "judge.approved",
    };
    let state = say!(texts, key);
    match measured.distances.get(at) {
        None => state,
        Some(Ok(Distance { perceptual_bits, colour_delta_e })) => {
            let colour = format!("{colour_delta_e:.1}");
            say!(texts, "sets.distance", state = state, bits = perceptual_bits, colour = colour)
        }
        Some(Err(why)) => format!("{state} · {}", texts.translated(why)),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A table for each set.
pub(crate) fn markdown(texts: &Texts, all: &[Measured]) -> String {
    let cell = |text: String| text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ");
    let mut text = format!("# {}\n\n{}\n", say!(texts, "sets.heading"), say!(texts, "sets.units"));
    for measured in all {
        let (picture, state) = (say!(texts, "sets.picture"), say!(texts, "sets.measured"));
        let _ = write!(text, "\n## {}\n\n| {picture} | {state} |\n|---|---|\n", cell(title(texts, measured)));
        for (at, member) in measured.set.members.iter().enumerate() {
            let _ = writeln!(text, "| {} | {} |", cell(name_of(measured, member)), cell(words(texts, measured, at)));
        }
    }
    text
}

/// A page for `folder`: each picture beside the approved one.
pub(crate) fn html(texts: &Texts, all: &[Measured], folder: &Path) -> String {
    let heading = escaped(&say!(texts, "sets.heading"));
    let figure = |file: &Path, class: &str, words: &str| {
        let source = escaped(&address(folder, file));
        format!(
            "<figure class=\"{class}\"><a href=\"{source}\"><img src=\"{source}\" alt=\"{words}\" loading=\"lazy\"></a>\
             <figcaption>{words}</figcaption></figure>"
        )
    };
    let mut body = String::new();
    for measured in all {
        let _ = writeln!(body, "<h2>{}</h2>", escaped(&title(texts, measured)));
        if let (true, Some(file)) = (measured.set.members.is_empty(), &measured.set.reference) {
            let _ =
                writeln!(body, "<div class=\"pair\">{}</div>", figure(file, "reference", &escaped(&file_name(file))));
        }
        for (at, member) in measured.set.members.iter().enumerate() {
            let reference =
                measured.set.reference.as_deref().map(|file| figure(file, "reference", &escaped(&file_name(file))));
            let words = format!("{} · {}", name_of(measured, member), words(texts, measured, at));
            let picture = figure(&member.file, "picture", &escaped(&words));
            let _ = writeln!(body, "<div class=\"pair\">{}{picture}</div>", reference.unwrap_or_default());
        }
    }
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<meta charset=\"utf-8\">\n<title>{heading}</title>\n<style>{STYLE}</style>\n\
         <h1>{heading}</h1>\n<p>{}</p>\n{body}</html>\n",
        texts.lang.word(),
        escaped(&say!(texts, "sets.units")),
    )
}

/// Readable in light and dark, without anything from outside.
const STYLE: &str = ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem}\
.pair{display:inline-flex;gap:.5rem;margin:.5rem;padding:.5rem;border:1px solid #8886;border-radius:.5rem;vertical-align:top}\
figure{margin:0;width:15rem}img{width:100%;height:18rem;object-fit:contain}figcaption{overflow-wrap:anywhere;font-size:.85rem}\
.reference figcaption{font-weight:bold}";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The address of a file on a page in `folder`: relative, its parts percent-encoded where a page needs it.
fn address(folder: &Path, file: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (folder, file) = (plain(&absolute(folder)), plain(&absolute(file)));
    let shared = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let mut parts = vec!["..".to_owned(); folder.components().count() - shared];
    for part in file.components().skip(shared) {
        let name = part.as_os_str().to_string_lossy();
        parts.push(name.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                let _ = write!(out, "%{byte:02X}");
            }
            out
        }));
    }
    parts.join("/")
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = out.pop(),
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_name_pictures_relative_to_themselves() {
        let to = |file: &str| address(Path::new("/a/qa"), Path::new(file));
        assert_eq!(to("/a/images/one two#.png"), "../images/one%20two%23.png");
        assert_eq!(to("/a/qa/../x.png"), "../x.png");
        assert_eq!(to("/a/qa/x.png"), "x.png");
    }
}
