//! Whether a text says only what its source says: every number, and every name as far as letters tell one. What does not is
//! taken out, so that what is left is proved.

use super::manuscript::Manuscript;

/// Something in a text that is not in its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A number, in its plain form.
    Number(String),
    /// A name.
    Name(String),
}

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(text) | Self::Name(text) => f.write_str(text),
        }
    }
}

/// Numbers of a text in their plain form: `1,200` and `１２００` are `1200`.
pub(super) fn numbers(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut number = String::new();
    let mut letters = text.chars().map(narrow).peekable();
    while let Some(c) = letters.next() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let goes_on = !number.is_empty() && letters.peek().is_some_and(char::is_ascii_digit);
        match c {
            '.' if goes_on && !number.contains('.') => number.push('.'),
            ',' | '\u{a0}' | '\u{202f}' if goes_on => {}
            _ if number.is_empty() => {}
            _ => found.push(std::mem::take(&mut number)),
        }
    }
    found.extend((!number.is_empty()).then_some(number));
    found
}

fn narrow(c: char) -> char {
    match c {
        '\u{ff10}'..='\u{ff19}' | '\u{ff0c}' | '\u{ff0e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        c => c,
    }
}

/// What the text has and its source has not.
pub fn foreign_to(text: &str, source: &str) -> Vec<Foreign> {
    let known = numbers(source);
    let lower = source.to_lowercase();
    let mut foreign: Vec<Foreign> = Vec::new();
    let numbers = numbers(text).into_iter().filter(|number| !known.contains(number)).map(Foreign::Number);
    let names = names(text).into_iter().filter(|name| !holds(&lower, &name.to_lowercase())).map(Foreign::Name);
    let chinese = chinese_names(text).into_iter().filter(|name| !source.contains(name.as_str())).map(Foreign::Name);
    for one in numbers.chain(names).chain(chinese) {
        if !foreign.contains(&one) {
            foreign.push(one);
        }
    }
    foreign
}

/// Whether a word of the source begins or ends with the name: `NASA's`, `Darwinian`.
fn holds(source: &str, name: &str) -> bool {
    source.contains(name) || name.strip_suffix('s').is_some_and(|one| one.len() > 3 && source.contains(one))
}

/// Words that are names by their letters: capitals inside a sentence, several capitals, capitals among digits. What begins a
/// sentence, and texts that write most words large (headings), cannot be told; acronyms are names everywhere.
fn names(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let large = |word: &str| word.trim_start_matches(|c: char| !c.is_alphanumeric()).starts_with(char::is_uppercase);
    let heading = words.len() < 2 || words.iter().filter(|word| large(word)).count() * 2 > words.len();
    let mut begins = true;
    let mut found = Vec::new();
    for word in words {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let bare = bare.strip_suffix("'s").or_else(|| bare.strip_suffix("’s")).unwrap_or(bare);
        let latin = bare.chars().next().is_some_and(|c| c.is_alphabetic() && c < '\u{250}');
        let capitals = bare.chars().filter(|c| c.is_uppercase()).count();
        let acronym = capitals >= 2 && bare.chars().any(char::is_alphabetic) && !is_shouted(text);
        if latin && (acronym || (!begins && !heading && large(word) && bare.chars().count() > 1)) {
            found.push(bare.to_owned());
        }
        begins = word.ends_with(['.', '!', '?', ':', ';', '—', '–', '-', '•']);
    }
    found
}

/// What a Chinese institution's name ends with.
const INSTITUTIONS: [&str; 14] = [
    "公司",
    "集团",
    "银行",
    "大学",
    "学院",
    "医院",
    "研究院",
    "研究所",
    "实验室",
    "博物馆",
    "出版社",
    "协会",
    "基金会",
    "委员会",
];
/// What stands behind a person's name: a title, or what the person did.
const AFTER_PERSONS: [&str; 15] = [
    "先生", "女士", "教授", "博士", "院士", "老师", "医生", "主席", "表示", "认为", "指出", "提出", "发现", "发明",
    "写道",
];
/// Family names that begin most Chinese names.
const FAMILIES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤屠袁";

/// Chinese names as far as their words tell: titles of works, institutions by their last word, persons by their family name before
/// a title or a verb. Of an institution only its last two characters are held against the source, because Chinese does not say
/// where its name begins.
fn chinese_names(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('《') {
        let Some((title, after)) = behind.split_once('》') else { break };
        found.push(title.to_owned());
        rest = after;
    }
    let cjk = |c: &char| ('\u{4e00}'..='\u{9fff}').contains(c);
    let before = |at: usize, most: usize| -> String {
        let tail: Vec<char> = text[..at].chars().rev().take_while(cjk).take(most).collect();
        tail.into_iter().rev().collect()
    };
    for ending in INSTITUTIONS {
        for (at, _) in text.match_indices(ending) {
            let stem = before(at, 2);
            // Words between names belong to neither.
            let stem = stem.rsplit(|c| "和与及或的在由向为是等，".contains(c)).next().unwrap_or_default().to_owned();
            if stem.chars().count() == 2 && !COMMON_STEMS.contains(&stem.as_str()) {
                found.push(format!("{stem}{ending}"));
            }
        }
    }
    for mark in AFTER_PERSONS {
        for (at, _) in text.match_indices(mark) {
            let tail: Vec<char> = before(at, 3).chars().collect();
            // The longer name first: three characters, else two.
            let begins = (0..tail.len().saturating_sub(1)).find(|start| FAMILIES.contains(tail[*start]));
            found.extend(begins.map(|start| tail[start..].iter().collect::<String>()));
        }
    }
    found
}

/// Words that make a kind of institution and no name of one.
const COMMON_STEMS: [&str; 16] = [
    "一家", "这家", "各大", "多家", "所有", "国有", "上市", "科技", "商业", "中央", "综合", "专业", "大型", "重点",
    "许多", "每个",
];

/// A text in capitals alone.
fn is_shouted(text: &str) -> bool {
    !text.chars().any(char::is_lowercase) && text.split_whitespace().count() > 1
}

/// Takes out of a manuscript what is not in its source, and says what that was. A title that is foreign becomes `title`.
pub fn prune(manuscript: &mut Manuscript, source: &str, title: &str) -> Vec<String> {
    let mut removed = Vec::new();
    let is_foreign = |text: &str| !foreign_to(text, source).is_empty();
    if is_foreign(&manuscript.title) {
        removed.push(std::mem::replace(&mut manuscript.title, title.to_owned()));
    }
    let mut one = |text: &mut String| {
        if is_foreign(text) {
            removed.push(std::mem::take(text));
        }
    };
    one(&mut manuscript.overview);
    for part in &mut manuscript.sections {
        [&mut part.name, &mut part.key_concept, &mut part.headline, &mut part.subhead].into_iter().for_each(&mut one);
        [&mut part.visual.subject, &mut part.visual.treatment].into_iter().for_each(&mut one);
        part.content.iter_mut().chain(&mut part.labels).for_each(&mut one);
        part.content.retain(|text| !text.is_empty());
        part.labels.retain(|text| !text.is_empty());
    }
    let lists = [&mut manuscript.learning_objectives, &mut manuscript.statistics, &mut manuscript.key_terms];
    for list in lists.into_iter().chain([&mut manuscript.design]) {
        list.iter_mut().for_each(&mut one);
        list.retain(|text| !text.is_empty());
    }
    for quote in &mut manuscript.quotes {
        // Words that somebody is said to have said stand in the source as they are, or not at all.
        if !source.contains(quote.words.trim()) || is_foreign(&quote.by) {
            removed.push(std::mem::take(&mut quote.words));
        }
    }
    manuscript.quotes.retain(|quote| !quote.words.is_empty());
    manuscript.sections.retain(|part| !part.headline.is_empty() || !part.labels.is_empty() || !part.content.is_empty());
    removed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::manuscript::{Part, Quote};
    use super::*;

    const SOURCE: &str = "In 1953 Watson and Crick described DNA. It has 3,200 million pairs, 99.9% alike. “Life is chemistry”, said Crick.";

    #[test]
    fn chinese_names_stand_in_the_source_or_are_foreign() {
        let source = "屠呦呦教授在《肘后备急方》中得到启发，北京大学和华为公司参与";
        let foreign = |text: &str| foreign_to(text, source).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(foreign("屠呦呦教授读了《肘后备急方》，华为公司与北京大学合作"), Vec::<String>::new());
        assert_eq!(foreign("《本草纲目》"), ["本草纲目"]);
        assert_eq!(foreign("由清华大学参与"), ["清华大学"]);
        assert_eq!(foreign("钟南山院士认为"), ["钟南山"]);
        for plain in
            ["茶树生长在山坡上", "许多公司和大学", "科技公司", "研究发现茶多酚", "大型博物馆", "高温杀青后揉捻"]
        {
            assert_eq!(foreign(plain), Vec::<String>::new(), "{plain}");
        }
    }

    #[test]
    fn numbers_have_one_plain_form() {
        assert_eq!(numbers("1,200 and 3.14, in 2020. １２％ 5,"), ["1200", "3.14", "2020", "12", "5"]);
        assert_eq!(numbers("v1.2.3"), ["1.2", "3"]);
    }

    #[test]
    fn what_is_not_in_the_source_is_found() {
        let of = |text: &str| foreign_to(text, SOURCE).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(of("Crick described DNA in 1953"), Vec::<String>::new());
        assert_eq!(of("It has 3200 million pairs"), Vec::<String>::new());
        assert_eq!(of("It has 3300 million pairs"), ["3300"]);
        assert_eq!(of("Then came Franklin with her photo"), ["Franklin"]);
        assert_eq!(of("The Shape Of Life"), Vec::<String>::new(), "a heading tells no names");
        assert_eq!(of("RNA"), ["RNA"]);
        assert_eq!(of("WHAT LIFE IS"), Vec::<String>::new());
        assert_eq!(of("第 7 步"), ["7"]);
    }

    #[test]
    fn what_is_foreign_is_taken_out() {
        let mut manuscript = Manuscript {
            title: "7 facts on DNA".into(),
            overview: "It was described in 1953.".into(),
            sections: vec![
                Part {
                    headline: "1953".into(),
                    labels: vec!["99.9% alike".into(), "98% alike".into()],
                    ..Part::default()
                },
                Part { headline: "RNA".into(), ..Part::default() },
            ],
            quotes: vec![
                Quote { words: "Life is chemistry".into(), by: "Crick".into() },
                Quote { words: "Life is physics".into(), by: "Crick".into() },
            ],
            ..Manuscript::default()
        };
        let removed = prune(&mut manuscript, SOURCE, "DNA");
        assert_eq!(removed, ["7 facts on DNA", "98% alike", "RNA", "Life is physics"]);
        assert_eq!((manuscript.title.as_str(), manuscript.sections.len(), manuscript.quotes.len()), ("DNA", 1, 1));
        assert!(prune(&mut manuscript, SOURCE, "DNA").is_empty());
    }

    proptest! {
        /// The proof: nothing that is drawn has a number or a name that the source has not.
        #[test]
        fn what_is_left_stands_in_the_source(texts in proptest::collection::vec("[A-Z]{0,2}[a-z]{1,6} [0-9.,]{0,5} [A-Z]?[a-z]{0,5}", 1..8)) {
            let mut manuscript = Manuscript {
                title: texts[0].clone(),
                sections: vec![Part { labels: texts.clone(), headline: texts[0].clone(), ..Part::default() }],
                ..Manuscript::default()
            };
            prune(&mut manuscript, SOURCE, "DNA");
            for text in manuscript.texts() {
                prop_assert!(foreign_to(text, SOURCE).is_empty(), "{text}");
            }
        }

        #[test]
        fn a_text_is_never_foreign_to_itself(text in "[A-Za-z0-9 .,'’%中文-]{0,60}") {
            prop_assert!(foreign_to(&text, &text).is_empty(), "{:?}", foreign_to(&text, &text));
        }
    }
}
