//! Sentences of the libraries in the reader's language. They come in English; data/texts/messages.zh-CN.toml pairs the form of
//! each with its Chinese form. A sentence without a pair stays English. Must not know who says what.

use std::sync::LazyLock;

use imagemill_domain::critique::Rubric;
use serde::Deserialize;

use crate::lang::Lang;

const ZH_CN: &str = include_str!("../../../data/texts/messages.zh-CN.toml");

/// How deep a value inside a sentence is looked into; each of several complaints is one deeper than the one before.
const DEPTH: u32 = 12;

/// A form and what it becomes; both name the same values.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    en: String,
    zh: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    message: Vec<Pair>,
}

/// A form cut into what stands between its values: `a {b} c` is `a `, b, ` c`.
#[derive(Debug)]
struct Form {
    start: String,
    rest: Vec<(String, String)>,
    becomes: String,
}

static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
    let table: Table = toml::from_str(ZH_CN).expect("a test reads the table");
    let mut forms: Vec<Form> = table.message.iter().map(|pair| Form::read(&pair.en, &pair.zh)).collect();
    // Why words must not stand in a critique is told in both languages where they are listed.
    for rubric in Rubric::names().filter_map(|name| Rubric::shipped(name).ok()) {
        let whys = rubric.taboos.iter().map(|taboo| (taboo.why.en.trim_end_matches('.'), &taboo.why.zh));
        forms.extend(whys.map(|(en, zh)| Form::read(en, zh.trim_end_matches('。'))));
    }
    forms
});

/// `message` in `lang`, line by line, as far as its sentences are known.
pub fn translated(lang: Lang, message: &str) -> String {
    match lang {
        Lang::En => message.to_owned(),
        Lang::ZhCn => {
            let lines: Vec<String> = message
                .split('\n')
                .map(|line| {
                    let text = line.trim_start();
                    format!("{}{}", &line[..line.len() - text.len()], sentence(text, DEPTH))
                })
                .collect();
            lines.join("\n")
        }
    }
}

fn sentence(text: &str, depth: u32) -> String {
    if depth == 0 || text.is_empty() {
        return text.to_owned();
    }
    let known = || FORMS.iter().find_map(|form| form.fill(text, depth));
    complaints(text, depth).or_else(known).unwrap_or_else(|| text.to_owned())
}

/// Several complaints in one line, `a; b`, each its own sentence. `None` where one of them is not known: then the whole may be.
fn complaints(text: &str, depth: u32) -> Option<String> {
    let (first, rest) = text.split_once("; ")?;
    let (head, tail) = (sentence(first, depth - 1), sentence(rest, depth - 1));
    (head != first && tail != rest).then(|| format!("{head}；{tail}"))
}

impl Form {
    fn read(en: &str, becomes: &str) -> Self {
        let mut pieces = en.split('{');
        let start = pieces.next().unwrap_or_default().to_owned();
        let rest = pieces
            .map(|piece| {
                let (name, literal) = piece.split_once('}').unwrap_or((piece, ""));
                (name.to_owned(), literal.to_owned())
            })
            .collect();
        Self { start, rest, becomes: becomes.to_owned() }
    }

    /// What `text` becomes when it has this form. A value ends where the next piece of the form first stands.
    fn fill(&self, text: &str, depth: u32) -> Option<String> {
        let mut left = text.strip_prefix(self.start.as_str())?;
        let mut becomes = self.becomes.clone();
        for (at, (name, literal)) in self.rest.iter().enumerate() {
            let is_last = at + 1 == self.rest.len();
            let value = match (is_last, literal.is_empty()) {
                (true, true) => std::mem::take(&mut left),
                (true, false) => {
                    let value = left.strip_suffix(literal.as_str())?;
                    left = "";
                    value
                }
                (false, _) => {
                    let (value, after) = left.split_once(literal.as_str())?;
                    left = after;
                    value
                }
            };
            becomes = becomes.replace(&format!("{{{name}}}"), &sentence(value, depth - 1));
        }
        left.is_empty().then_some(becomes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zh(text: &str) -> String {
        translated(Lang::ZhCn, text)
    }

    #[test]
    fn known_sentences_are_translated_with_the_values_in_them() {
        assert_eq!(zh("photos does not exist; did you mean photo?"), "photos 不存在；是不是 photo？");
        assert_eq!(zh("the same bytes as a.png"), "与 a.png 内容完全相同");
        assert_eq!(zh("nobody has ever said this"), "nobody has ever said this");
        assert_eq!(translated(Lang::En, "the same bytes as a.png"), "the same bytes as a.png");
    }

    #[test]
    fn each_of_several_complaints_is_translated() {
        let said = "the critique does not pass the gate strict, and sending it back once did not help: critique_zh has 90 \
                    characters and needs 200; 6 dimensions are covered and 18 are needed; nothing of L4, L5 is covered; \
                    there is no score; critique_en is the text of another picture";
        assert_eq!(
            zh(said),
            "评论未通过闸门 strict，退回重写一次后仍未通过：critique_zh 有 90 字，至少需要 200 字；涉及 6 个维度，需要 18 个；\
             没有涉及 L4, L5 的任何内容；没有评分；critique_en 与 另一张图片 的文本相同"
        );
        assert_eq!(zh("nobody says this; nor this"), "nobody says this; nor this");
        let taboo = &Rubric::shipped("korean").unwrap().taboos[0];
        let why = taboo.why.en.trim_end_matches('.');
        let told = zh(&format!("the words \"x\" must not stand in it ({why})"));
        assert_eq!(told, format!("不得出现“x”（{}）", taboo.why.zh.trim_end_matches('。')));
    }

    #[test]
    fn each_line_is_its_own_sentence() {
        assert_eq!(zh("no one says\n  the same bytes as a"), "no one says\n  与 a 内容完全相同");
    }

    /// Both forms name the same values, and the words of the English form stand in the source, so that a sentence that was
    /// changed there is noticed here.
    #[test]
    fn every_pair_is_about_a_sentence_that_is_said() {
        let table: Table = toml::from_str(ZH_CN).unwrap();
        let source = source_of_the_crates();
        for Pair { en, zh } in &table.message {
            let names = |text: &str| {
                let mut names: Vec<String> =
                    text.split('{').skip(1).filter_map(|piece| Some(piece.split_once('}')?.0.to_owned())).collect();
                names.sort();
                names
            };
            assert_eq!(names(en), names(zh), "{en}");
            let form = Form::read(en, zh);
            let pieces = std::iter::once(&form.start).chain(form.rest.iter().map(|(_, literal)| literal));
            let longest = pieces.max_by_key(|piece| piece.len()).unwrap();
            assert!(longest.trim().len() > 2, "{en:?} would match anything");
            assert!(source.contains(longest.trim()), "no crate says {longest:?} of {en:?}");
        }
    }

    /// All Rust files, with the escapes and line joins of string literals undone.
    fn source_of_the_crates() -> String {
        let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut text = String::new();
        let mut folders = vec![crates.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    text.push_str(&std::fs::read_to_string(path).unwrap());
                }
            }
        }
        let mut joined = String::new();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if let Some(line) = line.strip_suffix('\\') {
                joined.push_str(line);
                if let Some(next) = lines.peek_mut() {
                    *next = next.trim_start();
                }
            } else {
                joined.push_str(line);
                joined.push('\n');
            }
        }
        joined.replace("\\\"", "\"")
    }
}
