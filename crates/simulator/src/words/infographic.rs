//! What a model would say when an infographic is made: whether a request is complete, what it holds, its text, its prompt, what
//! stands in a picture. Made of the request's own words by simple rules. It must not know protocols.

use std::fmt::Write as _;

use imagemill_domain::infographic::{OPTIONAL, Question, REQUIRED, is_cjk, quoted};
use serde_json::{Value, json};

use crate::call::Asked;
use crate::state::Shared;

/// Stands before the labels in a question for a prompt.
const LABELS: &str = "Labels, each of which appears:";
/// Stands behind the request in a question that cannot carry its schema.
const SCHEMA: &str = "Answer with one JSON value and nothing else.";
/// Most sections of a text.
const SECTIONS: usize = 8;
/// Longest label, in characters.
const LABEL_CHARS: usize = 40;

/// The answer to a question with a schema, when it is one of an infographic's.
pub(super) fn answer(shared: &Shared, asked: &Asked, schema: &Value) -> Option<Value> {
    let said = asked.prompt.split(SCHEMA).next().unwrap_or_default().trim();
    Some(match schema["title"].as_str()? {
        "infographic_evaluation" => evaluation(said),
        "infographic_analysis" => analysis(said),
        "infographic_content" => {
            let mut content = content(said);
            if shared.invents(said) {
                content["sections"][0]["labels"] = json!(["Loved in 97 countries"]);
            }
            content
        }
        "infographic_reading" => json!({"texts": reading(shared, asked)}),
        "infographic_review" => json!({"reasoning": "The parts are in order and can be read.", "violations": []}),
        _ => return None,
    })
}

/// A prompt for a picture, when one is asked for.
pub(super) fn prompt(asked: &Asked) -> Option<String> {
    let (_, labels) = asked.prompt.split_once(LABELS)?;
    let labels = quoted(labels);
    let title = labels.first()?;
    // Headings of the content are English whatever its words are.
    let chinese = is_cjk(&labels.concat());
    let mut out = if chinese {
        format!("一张题为\"{title}\"的信息图，米色纸纹背景，标题用粗体大字。")
    } else {
        format!("An infographic with the title \"{title}\" in large bold letters over a background of cream paper.")
    };
    for (at, label) in labels.iter().enumerate().skip(1) {
        let written = if chinese {
            write!(out, "第 {at} 处写着\"{label}\"，配一幅相应的小图。")
        } else {
            write!(out, " In place {at}, beside a small drawing that fits it, stands \"{label}\".")
        };
        written.ok()?;
    }
    Some(out)
}

fn evaluation(request: &str) -> Value {
    let lower = request.to_lowercase();
    let long = if is_cjk(request) { request.chars().count() } else { request.split_whitespace().count() * 2 };
    let any = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let yes = |id: &str| match id {
        "R01" | "R02" => long >= 12,
        "R03" | "O03" => pieces(request).len() >= 3,
        "R04" | "O04" => any(&["style", "colour", "color", "background", "mood", "风格", "颜色", "背景"]),
        "R05" => any(&["icon", "drawing", "picture", "photo", "illustration", "图标", "插图", "画"]),
        "R06" => !quoted(request).is_empty(),
        "R07" | "O05" => any(&["left", "right", "below", "above", "then", "arrow", "左", "右", "上", "下", "箭头"]),
        "O02" => any(&["chart", "graph", "图表"]),
        "O06" => any(&["paper", "texture", "纸", "质感"]),
        "O08" => any(&["calm", "warm", "friendly", "温暖", "平静"]),
        "O10" => any(&["english", "chinese", "英文", "中文"]),
        "O11" => any(&["summary", "conclusion", "总结", "结论"]),
        "O12" => any(&["for ", "audience", "面向", "读者"]),
        _ => long >= 160,
    };
    let list = |questions: &[Question]| -> Vec<Value> {
        let line =
            |question: &Question| json!({"id": question.id, "answer": if yes(question.id) { "yes" } else { "no" }});
        questions.iter().map(line).collect()
    };
    json!({"required_results": list(&REQUIRED), "optional_results": list(&OPTIONAL)})
}

/// Kinds of content by words that give them away.
const KINDS: [(&str, &[&str]); 8] = [
    ("comparison", &[" vs", "versus", "compare", "difference", "对比", "比较", "区别"]),
    ("timeline", &["history", "timeline", "century", "历史", "年表"]),
    ("cycle", &["cycle", "循环"]),
    ("process", &["how ", "step", "make", "made", "步骤", "制作", "如何", "流程"]),
    ("hierarchy", &["pyramid", "level", "层级", "金字塔"]),
    ("data", &["percent", "%", "statistic", "数据", "统计"]),
    ("system", &["part", "inside", "structure", "结构", "组成"]),
    ("overview", &[""]),
];

/// Tones, likewise.
const TONES: [(&str, &[&str]); 6] = [
    ("chinese", &["chinese", "中国", "春节", "茶"]),
    ("playful", &["kids", "children", "fun", "儿童", "孩子"]),
    ("technical", &["engine", "technical", "machine", "机械", "技术"]),
    ("business", &["business", "market", "sales", "商业", "市场"]),
    ("data", &["statistic", "percent", "统计"]),
    ("education", &[""]),
];

fn by_words(table: &[(&'static str, &[&str])], lower: &str) -> &'static str {
    let found = table.iter().find(|(_, words)| words.iter().any(|word| lower.contains(word)));
    found.map_or("overview", |(kind, _)| *kind)
}

fn analysis(request: &str) -> Value {
    let lower = request.to_lowercase();
    let count = pieces(request).len().clamp(3, SECTIONS + 1);
    let language = if is_cjk(request) { "zh" } else { "en" };
    json!({
        "title": title(request), "main_topic": pieces(request).first().cloned().unwrap_or_default(), "topic": "educational",
        "data_type": by_words(&KINDS, &lower), "tone": by_words(&TONES, &lower), "audience": "everybody",
        "complexity": match count { 0..=5 => "simple", 6..=8 => "moderate", _ => "complex" },
        "point_count": count, "source_language": language, "user_language": language,
        "learning_objectives": [title(request)],
        "target_audience": {"knowledge_level": "Beginner", "context": "on a screen", "expectations": "to understand it at a glance"},
        "content_type_analysis": {"data_structure": "a list", "key_relationships": "one after the other", "visual_opportunities": "a drawing for each part"},
        "key_data_points_verbatim": pieces(request).into_iter().filter(|piece| piece.chars().any(|c| c.is_ascii_digit())).collect::<Vec<_>>(),
        "design_instructions": "", "wished_layout": null, "wished_style": null,
        "recommended_combinations": [],
    })
}

fn content(said: &str) -> Value {
    let request = said.split_once("The request:\n").map_or(said, |(_, rest)| rest);
    let request = request.split("\n\nIts analysis:").next().unwrap_or_default();
    let pieces = pieces(request);
    let sections: Vec<Value> = pieces
        .iter()
        .skip(usize::from(pieces.len() > 1))
        .take(SECTIONS)
        .map(|piece| {
            json!({"name": short(piece), "key_concept": piece, "content": [piece], "headline": short(piece), "subhead": "", "labels": [],
                "visual": {"kind": "icon", "subject": "what its words say", "treatment": "a simple drawing"}})
        })
        .collect();
    json!({"title": title(request), "overview": pieces.first().cloned().unwrap_or_default(), "learning_objectives": [title(request)],
        "sections": sections, "statistics": [], "quotes": [], "key_terms": [], "design": []})
}

/// The words in the pictures that are shown: those that they were drawn for, with a wrong letter in the share that the scenario says.
fn reading(shared: &Shared, asked: &Asked) -> Vec<String> {
    let name = asked.sources.first().map(|source| blake3::hash(source).to_hex()[..32].to_owned());
    let Some(prompt) = name.and_then(|name| shared.drawn_for(&name)) else { return Vec::new() };
    let texts = quoted(&prompt);
    texts
        .iter()
        .enumerate()
        .map(|(at, text)| if shared.misspells(&prompt, at) { misspelt(text) } else { text.clone() })
        .collect()
}

/// With the last letter of its first word doubled, as models do. A number in front is no word: readers overlook a second colon.
fn misspelt(text: &str) -> String {
    let start = text.find(char::is_alphabetic).unwrap_or(0);
    let end = text[start..].find(char::is_whitespace).map_or(text.len(), |length| start + length);
    let last = text[start..end].chars().next_back().unwrap_or('x');
    format!("{}{last}{}", &text[..end], &text[end..])
}

fn title(request: &str) -> String {
    short(&pieces(request).into_iter().next().unwrap_or_else(|| "Infographic".to_owned()))
}

/// The beginning of a piece, at most so long that it can be a label.
fn short(piece: &str) -> String {
    if is_cjk(piece) {
        return piece.chars().take(LABEL_CHARS / 2).collect();
    }
    let mut out = String::new();
    for word in piece.split_whitespace() {
        if !out.is_empty() && out.chars().count() + word.chars().count() >= LABEL_CHARS {
            break;
        }
        out.push_str(if out.is_empty() { "" } else { " " });
        out.push_str(word);
    }
    out
}

/// Sentences and clauses, without marks.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let ends = |c: char| matches!(c, '.' | '!' | '?' | ';' | ':' | '\n' | '。' | '！' | '？' | '；' | '：');
    let mut all: Vec<String> = Vec::new();
    let mut start = 0;
    let letters: Vec<(usize, char)> = text.char_indices().collect();
    for (at, (place, letter)) in letters.iter().enumerate() {
        let inside =
            letters.get(at + 1).is_some_and(|(_, next)| next.is_alphanumeric()) && letter.is_ascii() && *letter != '\n';
        let comma = matches!(letter, ',' | '，' | '、') && !inside;
        if (ends(*letter) && !inside) || comma {
            all.push(clean(&text[start..*place]));
            start = place + letter.len_utf8();
        }
    }
    all.push(clean(&text[start..]));
    all.retain(|piece| !piece.is_empty());
    all
}

fn clean(piece: &str) -> String {
    let piece = piece.trim().trim_start_matches(['-', '*', '#', ' ']);
    piece.replace(['"', '“', '”', '「', '」', '『', '』', '«', '»', '„'], "").trim().to_owned()
}
