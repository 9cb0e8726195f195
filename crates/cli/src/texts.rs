//! Every text a person sees, in two languages. Texts are data (data/texts/*.toml): a key and a sentence with `{names}`.
//! What is said where is decided by the callers; sentences of the libraries go through `imagemill_desk::translated`.

use std::collections::HashMap;

use imagemill_desk::{Lang, translated};
use imagemill_domain::template::Template;

const EN: &str = include_str!("../../../data/texts/en.toml");
const ZH_CN: &str = include_str!("../../../data/texts/zh-CN.toml");

/// The texts of one language.
#[derive(Debug)]
pub(crate) struct Texts {
    /// Which language.
    pub(crate) lang: Lang,
    entries: HashMap<String, String>,
}

/// `say!(texts, "explain.key", key = key)`: the text of a key with its names filled in.
macro_rules! say {
    ($texts:expr, $key:expr $(, $name:ident = $value:expr)* $(,)?) => {
        $texts.fill($key, &[$((stringify!($name), $value.to_string())),*])
    };
}
pub(crate) use say;

impl Texts {
    /// Reads the texts of `lang`.
    pub(crate) fn new(lang: Lang) -> Self {
        let text = match lang {
            Lang::En => EN,
            Lang::ZhCn => ZH_CN,
        };
        Self { lang, entries: read(text) }
    }

    /// The text of `key`, names filled in. Use [`say!`].
    pub(crate) fn fill(&self, key: &str, values: &[(&str, String)]) -> String {
        let Some(text) = self.entries.get(key) else {
            debug_assert!(false, "no text for the key {key}");
            return key.to_owned();
        };
        let lookup = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        let filled = Template::parse(text).and_then(|template| template.render(lookup, Vec::new));
        debug_assert!(filled.is_ok(), "the text {key} cannot be filled in: {filled:?}");
        filled.unwrap_or_else(|_| text.clone())
    }

    /// What a library said, in this language.
    pub(crate) fn translated(&self, message: &str) -> String {
        translated(self.lang, message)
    }

    /// The text of a key that may not exist.
    pub(crate) fn find(&self, key: &str) -> Option<&str> {
        self.entries.get(key).map(String::as_str)
    }

    /// `1 task`, `12,000 tasks`.
    pub(crate) fn count(&self, noun: &str, count: u64) -> String {
        let form = if count == 1 { "one" } else { "other" };
        self.fill(&format!("count.{noun}.{form}"), &[("n", grouped(count))])
    }
}

/// `12,000`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn read(text: &str) -> HashMap<String, String> {
    let table: toml::Table = toml::from_str(text).expect("a test reads both files");
    let mut entries = HashMap::new();
    flatten("", &table, &mut entries);
    entries
}

fn flatten(prefix: &str, table: &toml::Table, entries: &mut HashMap<String, String>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(inner) => flatten(&path, inner, entries),
            value => {
                entries.insert(path, value.as_str().unwrap_or_default().to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn names(text: &str) -> BTreeSet<String> {
        Template::parse(text).unwrap().variables().map(str::to_owned).collect()
    }

    fn spoken(text: &str) -> BTreeMap<String, String> {
        read(text).into_iter().filter(|(key, _)| !key.starts_with("help.")).collect()
    }

    #[test]
    fn both_languages_have_the_same_keys_and_names() {
        let (english, chinese) = (spoken(EN), spoken(ZH_CN));
        let keys = |entries: &BTreeMap<String, String>| entries.keys().cloned().collect::<BTreeSet<_>>();
        let difference: Vec<_> = keys(&english).symmetric_difference(&keys(&chinese)).cloned().collect();
        assert!(difference.is_empty(), "in one language only: {difference:?}");
        for (key, text) in &english {
            assert!(!text.is_empty() && !chinese[key].is_empty(), "{key} is empty");
            assert_eq!(names(text), names(&chinese[key]), "{key} has other names in zh-CN");
        }
    }

    /// Keys made at run time begin with one of these.
    const COMPUTED: &[&str] = &[
        "item.",
        "collections.by_",
        "batch.",
        "count.",
        "state.",
        "job_state.",
        "failure.",
        "todo.",
        "finding.",
        "page.",
        "rule.",
        "decision.",
        "reason.",
        "question.",
    ];

    #[test]
    fn every_key_is_used_and_every_used_key_exists() {
        let mut source = String::new();
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    source.push_str(&std::fs::read_to_string(path).unwrap());
                }
            }
        }
        let english = spoken(EN);
        for call in source.split("say!(").skip(1) {
            let Some((before, rest)) = call.split_once('"') else { continue };
            let key = rest.split('"').next().unwrap();
            let literal = before.matches(',').count() == 1 && !before.contains([')', '&']) && key.contains('.');
            if literal && !key.contains(['{', ' ']) {
                assert!(english.contains_key(key), "the text {key} is used and does not exist");
            }
        }
        for key in english.keys().filter(|key| !COMPUTED.iter().any(|start| key.starts_with(start))) {
            assert!(source.contains(&format!("\"{key}\"")), "the text {key} is not used");
        }
        for kind in imagemill_domain::failure::FailureKind::ALL {
            assert!(english.contains_key(&format!("failure.{kind}")), "failure.{kind}");
            assert!(english.contains_key(&format!("todo.{kind}")), "todo.{kind}");
        }
        for state in imagemill_desk::ItemState::ALL {
            assert!(english.contains_key(&format!("item.{}", state.word())));
        }
        for rule in imagemill_domain::collection::Priority::ALL {
            assert!(english.contains_key(&format!("collections.by_{}", rule.word())));
        }
        for state in imagemill_domain::task::TaskState::ALL {
            assert!(english.contains_key(&format!("state.{}", state.word())));
        }
        for state in imagemill_domain::job::JobState::ALL {
            assert!(english.contains_key(&format!("job_state.{}", state.word())));
        }
        for question in &imagemill_briefs::review_words().questions {
            assert!(english.contains_key(&format!("question.{question}")), "question.{question}");
        }
        for finding in imagemill_domain::picture::Finding::ALL {
            assert!(english.contains_key(&format!("finding.{}", finding.word())));
        }
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(Texts::new(Lang::En).count("task", 1), "1 task");
        assert_eq!(Texts::new(Lang::En).count("task", 12_000), "12,000 tasks");
    }
}
