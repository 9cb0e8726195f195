//! Sets of pictures with their distances from the approved one, as words, Markdown, HTML and JSON. Must not decide which picture is
//! approved. Pages link to the pictures by relative paths, so that a folder can be moved or packed with its page.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use imagemill_briefs::{Distance, Member, PictureSet, drift};
use serde_json::{Value, json};

use crate::context::Context;
use crate::quit::Quit;
use crate::texts::{Texts, say};

/// A set with what was measured.
pub(crate) struct Measured {
    /// The pictures.
    pub(crate) set: PictureSet,
    /// In the order of the members; empty when nothing is approved.
    distances: Vec<Result<Distance, String>>,
}

impl Measured {
    /// Measures a set.
    pub(crate) fn of(context: &Context, set: PictureSet) -> anyhow::Result<Self> {
        let distances = match &set.reference {
            None => Vec::new(),
            Some(reference) => drift(reference, &set.members).map_err(|why| {
                let file = context.shown(reference);
                Quit::usage(say!(context.texts, "sets.unread", file = file, why = context.texts.translated(&why)))
            })?,
        };
        Ok(Self { set, distances })
    }

    /// How many could not be measured.
    pub(crate) fn failures(&self) -> usize {
        self.distances.iter().filter(|distance| distance.is_err()).count()
    }

    /// The set and what it is held against.
    pub(crate) fn title(&self, texts: &Texts) -> String {
        match &self.set.reference {
            Some(file) => say!(texts, "sets.title", name = self.set.name, file = file_name(file)),
            None => say!(texts, "sets.nothing_approved", name = self.set.name),
        }
    }

    /// A member's asset, where the set has several, and its file.
    pub(crate) fn name_of(&self, member: &Member) -> String {
        let file = file_name(&member.file);
        if member.asset == self.set.name { file } else { format!("{}/{file}", member.asset) }
    }

    /// Verdict and distances of a member.
    pub(crate) fn words(&self, texts: &Texts, at: usize) -> String {
        let standing = &self.set.members[at].standing;
        let key = match standing.verdict.as_deref() {
            _ if standing.waits => "judge.waits",
            Some("revise") => "judge.revise",
            _ => "judge.approved",
        };
        let state = say!(texts, key);
        match self.distances.get(at) {
            None => state,
            Some(Ok(Distance { perceptual_bits, colour_delta_e })) => {
                let colour = format!("{colour_delta_e:.1}");
                say!(texts, "sets.distance", state = state, bits = perceptual_bits, colour = colour)
            }
            Some(Err(why)) => format!("{state} · {}", texts.translated(why)),
        }
    }

    /// Smallest, middle and largest of a set's numbers.
    fn spread(&self, number: impl Fn(&Distance) -> f32) -> Option<[f32; 3]> {
        let mut all: Vec<f32> = self.distances.iter().flatten().map(number).collect();
        all.sort_by(f32::total_cmp);
        Some([*all.first()?, all[all.len() / 2], *all.last()?])
    }

    /// For machines. Numbers of colour have one digit behind the point.
    pub(crate) fn document(&self) -> Value {
        let pictures: Vec<Value> = self.set.members.iter().enumerate().map(|(at, member)| {
            let distance = self.distances.get(at).and_then(|distance| distance.as_ref().ok());
            json!({
                "asset": member.asset, "path": member.standing.path, "object": member.standing.object,
                "sha256": member.standing.sha256, "verdict": member.standing.verdict, "waits": member.standing.waits,
                "perceptual_bits": distance.map(|distance| distance.perceptual_bits),
                "colour_delta_e": distance.map(|distance| tenth(distance.colour_delta_e)),
                "error": self.distances.get(at).and_then(|distance| distance.as_ref().err()),
            })
        }).collect();
        let spread = |found: Option<[f32; 3]>| {
            found.map(
                |[least, middle, most]| json!({ "least": tenth(least), "middle": tenth(middle), "most": tenth(most) }),
            )
        };
        json!({
            "name": self.set.name, "reference": self.set.reference.as_deref().map(file_name), "pictures": pictures,
            "perceptual_bits": spread(self.spread(|distance| distance.perceptual_bits as f32)),
            "colour_delta_e": spread(self.spread(|distance| distance.colour_delta_e)),
        })
    }

    /// What the numbers mean.
    pub(crate) fn units() -> Value {
        json!({
            "perceptual_bits": { "unit": "differing bits of a 64-bit perceptual hash of the brightness", "range": [0, 64], "unrelated": 32 },
            "colour_delta_e": { "unit": "mean CIE 1976 ΔE*ab over 16×16 cells, D65", "range": [0, 259], "just_visible": 2.3 },
        })
    }
}

/// As it is shown, without the noise of a number of 32 bits.
fn tenth(number: f32) -> f64 {
    (f64::from(number) * 10.0).round() / 10.0
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
        let _ = write!(text, "\n## {}\n\n| {picture} | {state} |\n|---|---|\n", cell(measured.title(texts)));
        for (at, member) in measured.set.members.iter().enumerate() {
            let _ = writeln!(text, "| {} | {} |", cell(measured.name_of(member)), cell(measured.words(texts, at)));
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
        let _ = writeln!(body, "<h2>{}</h2>", escaped(&measured.title(texts)));
        if let (true, Some(file)) = (measured.set.members.is_empty(), &measured.set.reference) {
            let _ =
                writeln!(body, "<div class=\"pair\">{}</div>", figure(file, "reference", &escaped(&file_name(file))));
        }
        for (at, member) in measured.set.members.iter().enumerate() {
            let reference =
                measured.set.reference.as_deref().map(|file| figure(file, "reference", &escaped(&file_name(file))));
            let words = format!("{} · {}", measured.name_of(member), measured.words(texts, at));
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
