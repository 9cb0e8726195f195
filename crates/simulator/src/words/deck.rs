//! What a model would say when a slide deck is made: what documents hold, how the deck looks, its outline, the prompt of a page, what is
//! in an example picture. Made of the request's own words by simple rules; now and then a first answer breaks one, as models do. It
//! must not know protocols.

use std::fmt::Write as _;

use imagemill_domain::infographic::{is_cjk, quoted};
use imagemill_domain::picture::PictureFormat;
use serde_json::{Value, json};

use super::infographic::pieces;
use crate::call::Asked;
use crate::state::Shared;

/// How the questions begin.
const STYLE: &str = "Write the style of this deck.";
const CAPTION: &str = "Describe this example picture.";
const FIGURE: &str = "Describe this picture of a document.";
const PAGE: &str = "Describe page ";
/// Stands before the texts in a question for a page's prompt.
const TEXTS: &str = "Texts of the page, each of which appears:";
/// Stands in a question that is asked again.
const AGAIN: &str = "You wrote this before:";
/// Longest title and longest point, in characters.
const TITLE: usize = 16;
const POINT: usize = 24;

/// The answer to a question with a schema, when it is one of a deck's.
pub(super) fn answer(shared: &Shared, asked: &Asked, schema: &Value) -> Option<Value> {
    Some(match schema["title"].as_str()? {
        "deck_digest" => digest(&asked.prompt),
        "deck_outline" => {
            let mut outline = outline(&facts(&asked.prompt));
            if shared.invents(&asked.prompt) && !asked.prompt.contains(AGAIN) {
                outline["pages"][0]["title"] = "A title that is longer than any slide would have it".into();
            }
            outline
        }
        _ => return None,
    })
}

/// The answer to a question without one.
pub(super) fn words(shared: &Shared, asked: &Asked) -> Option<String> {
    let prompt = asked.prompt.as_str();
    if prompt.starts_with(STYLE) {
        return Some(style(&facts(prompt)));
    }
    if prompt.starts_with(CAPTION) || prompt.starts_with(FIGURE) {
        let source = asked.sources.first()?;
        let format = PictureFormat::sniff(source).map_or("picture", PictureFormat::word);
        let mark = &blake3::hash(source).to_hex()[..8];
        let said = if prompt.starts_with(FIGURE) {
            "as a document shows it, fields of colour side by side"
        } else {
            "of soft fields of colour, lit from the left"
        };
        return Some(format!("A {format} picture {said} ({mark})."));
    }
    if !prompt.starts_with(PAGE) {
        return None;
    }
    let careless = shared.invents(prompt) && !prompt.contains(AGAIN);
    Some(page(prompt, careless))
}

/// The deck's wishes as JSON among the words.
fn facts(prompt: &str) -> Value {
    let begin = prompt.find('{').unwrap_or(prompt.len());
    serde_json::Deserializer::from_str(&prompt[begin..]).into_iter().next().and_then(Result::ok).unwrap_or_default()
}

fn digest(prompt: &str) -> Value {
    let text =
        prompt.split("\n\n## doc").nth(1).and_then(|rest| rest.split_once('\n')).map_or(prompt, |(_, text)| text);
    let text = text.split("Answer with one JSON value").next().unwrap_or_default();
    let marks = |kind: &str| -> Vec<(u64, String)> {
        let mark = |line: &str| {
            line.trim()
                .strip_prefix('[')?
                .strip_prefix(kind)?
                .split_once(']')
                .map(|(at, rest)| (at.to_owned(), rest.to_owned()))
        };
        let marks = text.lines().filter_map(mark);
        marks.filter_map(|(at, rest)| Some((at.trim().parse().ok()?, rest.trim().to_owned()))).collect()
    };
    let place = |key: &str, hint: &str, (at, said): (u64, String)| json!({"doc_index": 0, key: at, hint: said});
    let tables: Vec<Value> = marks("table").into_iter().map(|mark| place("table_index", "title_hint", mark)).collect();
    let pictures: Vec<Value> =
        marks("picture").into_iter().map(|mark| place("image_index", "caption_hint", mark)).collect();
    let words: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('[')).collect();
    let pieces = pieces(&words.join("\n"));
    let short =
        |at: usize, most: usize| -> String { pieces.get(at).map_or("", String::as_str).chars().take(most).collect() };
    let points: Vec<&String> = pieces.iter().take(8).collect();
    let numbers = pieces.iter().filter(|piece| piece.chars().any(|letter| letter.is_ascii_digit())).take(3);
    let highlights: Vec<Value> = numbers
        .map(|piece| json!({"metric": piece, "value": digits(piece), "context": piece, "source": "doc0"}))
        .collect();
    json!({"topic_summary": short(0, 200), "key_sections": [{"title": short(0, 40), "summary": short(1, 120)}], "key_points": points,
        "data_highlights": highlights, "inherited_tables": tables, "inherited_images": pictures})
}

fn digits(text: &str) -> String {
    text.split(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .find(|part| !part.is_empty())
        .unwrap_or("1")
        .to_owned()
}

fn style(facts: &Value) -> String {
    let chinese = facts["params"]["language"].as_str().is_some_and(|language| language.starts_with("zh"));
    let topic: String = facts["query"].as_str().unwrap_or_default().chars().take(60).collect();
    let (sections, line, more, end) = if chinese {
        (
            ["插画风格", "构图", "线条", "几何", "空间与透视", "主题元素", "配色", "背景", "字体", "氛围"],
            "柔和的光线与大片留白，画面始终围绕主题",
            ["主题隐喻", "视觉轴", "全局系统", "页型适配", "稀疏页面", "可为与不可为"],
            "所有页面均为 16:9。",
        )
    } else {
        (
            [
                "Illustration",
                "Composition",
                "Line",
                "Geometry",
                "Space",
                "Motifs",
                "Palette",
                "Background",
                "Lettering",
                "Mood",
            ],
            "Soft light and wide fields, always about the subject",
            ["Theme profile", "Visual axes", "Global system", "Page types", "Sparse pages", "Do and do not"],
            "All pages are 16:9.",
        )
    };
    let mut out = "# 视觉风格与美术指导 Visual style and art direction\n".to_owned();
    for (mark, names) in [("##", &sections[..]), ("###", &more[..])] {
        for name in names {
            let _ = writeln!(out, "\n{mark} {name}\n{line}: {topic}.");
        }
    }
    out + "\n" + end
}

fn outline(facts: &Value) -> Value {
    let chinese = facts["params"]["language"].as_str().is_some_and(|language| language.starts_with("zh"));
    let count = facts["params"]["page_count"].as_u64().unwrap_or(1).max(1);
    let query = facts["query"].as_str().unwrap_or_default();
    let mut told = pieces(query);
    told.extend(
        facts["digest"]["key_points"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned),
    );
    let cut = |text: &str, most: usize| -> String {
        let cut: String = text.chars().take(most).collect();
        // A word that was cut in two is left out, as long as another one stays.
        let whole = cut.chars().count() < most || is_cjk(&cut);
        cut.rsplit_once(' ').filter(|_| !whole).map_or(cut.clone(), |(head, _)| head.to_owned()).trim().to_owned()
    };
    let deck = cut(told.first().map_or("Deck", String::as_str), TITLE);
    let pages: Vec<Value> = (1..=count)
        .map(|number| {
            let kind = match number {
                1 if count >= 5 => "title",
                last if count >= 5 && last == count => "closing",
                3 if count >= 6 => "data",
                _ => "content",
            };
            let piece = &told.get(number as usize % told.len().max(1)).cloned().unwrap_or_else(|| deck.clone());
            let title = match kind {
                "title" => deck.clone(),
                "closing" if chinese => "谢谢".to_owned(),
                "closing" => "Thank you".to_owned(),
                _ => cut(&format!("{number} {piece}"), TITLE),
            };
            let texts = ["content", "data"].contains(&kind);
            let point = |at: usize| {
                let text = if chinese { format!("第{at}点：{piece}") } else { format!("{at}: {piece}") };
                cut(&text, POINT)
            };
            let points: Vec<String> = (1..=3).map(point).collect();
            let callouts = if kind == "data" {
                (2..=3).map(|at| if chinese { format!("{at} 项") } else { format!("{at} parts") }).collect()
            } else {
                Vec::new()
            };
            let label = if chinese { format!("第 {number} 页，共 {count} 页") } else { format!("Page {number} of {count}") };
            json!({"page_no": number, "page_id": format!("page_{number:03}"), "page_type": kind, "title": title, "subtitle": null,
                "key_points": points, "narrative": null, "visual_hints": cut(&format!("soft light over {piece}"), 60),
                "on_page_text": {"headline": title, "subheadline": null, "body_points": if texts { points } else { Vec::new() }, "callouts": callouts},
                "page_number_label": label})
        })
        .collect();
    json!({"ppt_id": "deck", "ppt_title": deck, "language": if chinese { "zh" } else { "en" }, "total_pages": count, "pages": pages,
        "unresolved": []})
}

/// A page's prompt with all of its texts; a careless one lacks the last and has a colour as a number.
fn page(prompt: &str, careless: bool) -> String {
    let behind = prompt.rsplit_once(TEXTS).map_or("", |(_, behind)| behind);
    let behind = behind.split(AGAIN).next().unwrap_or_default();
    let mut texts = quoted(behind);
    let chinese = is_cjk(behind);
    if careless {
        texts.pop();
    }
    let mut out = if chinese {
        "一张 16:9 宽屏幻灯片，柔和光线铺满画面，留白开阔。".to_owned()
    } else {
        "A widescreen slide of 16:9, soft light over wide fields.".to_owned()
    };
    for (at, text) in texts.iter().enumerate() {
        let _ = match (chinese, at) {
            (true, 0) => write!(out, "顶部大字标题写着\"{text}\"。"),
            (true, _) => write!(out, "其下清晰写着\"{text}\"。"),
            (false, 0) => write!(out, " Large letters at the top say \"{text}\"."),
            (false, _) => write!(out, " Below it stands \"{text}\" in clear letters."),
        };
    }
    if careless {
        out.push_str(if chinese { "背景 #1a2b3c。" } else { " Background #1a2b3c." });
    }
    out
}
