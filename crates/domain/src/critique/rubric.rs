//! Rubrics: the dimensions a critique may cover, in five layers from what is seen to what it means. They are data
//! (data/rubrics/*.toml); a user's file is a rubric of its own or changes a shipped one. Must not know answers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The rubrics of this build by name.
const SHIPPED: [(&str, &str); 8] = [
    ("chinese", include_str!("../../../../data/rubrics/chinese.toml")),
    ("korean", include_str!("../../../../data/rubrics/korean.toml")),
    ("indian", include_str!("../../../../data/rubrics/indian.toml")),
    ("mural", include_str!("../../../../data/rubrics/mural.toml")),
    ("western", include_str!("../../../../data/rubrics/western.toml")),
    ("japanese", include_str!("../../../../data/rubrics/japanese.toml")),
    ("islamic", include_str!("../../../../data/rubrics/islamic.toml")),
    ("hermitage", include_str!("../../../../data/rubrics/hermitage.toml")),
];

/// Taboos of every rubric.
const TABOOS: &str = include_str!("../../../../data/rubrics/taboo.toml");

/// How many layers there are: seen, technique, symbols, history, thought.
pub(crate) const LAYERS: u8 = 5;

/// The same in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

/// One thing that a critique may speak of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// `CN_L3_D2`: prefix of the rubric, layer, number.
    pub id: String,
    /// What it is called.
    pub name: Words,
    /// What a critique says when it covers it.
    pub definition: Words,
}

impl Dimension {
    /// 1 to 5. The id was checked when the rubric was read.
    pub fn layer(&self) -> u8 {
        id_parts(&self.id).map_or(0, |(_, layer)| layer)
    }
}

/// Words that a critique must not hold, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taboo {
    /// Its name in findings.
    pub id: String,
    /// What is wrong with them.
    pub why: Words,
    /// Phrases in English texts, lower case.
    #[serde(default)]
    pub en: Vec<String>,
    /// Phrases in Chinese texts.
    #[serde(default)]
    pub zh: Vec<String>,
}

/// The dimensions of one collection, in one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rubric {
    /// Its name, `chinese`.
    pub name: String,
    /// Its version; ids are only meant within it.
    pub version: String,
    /// What its ids begin with.
    pub prefix: String,
    /// What it is called.
    pub title: Words,
    /// In order of layer and number.
    pub dimensions: Vec<Dimension>,
    /// Its own and those of every rubric.
    pub taboos: Vec<Taboo>,
}

/// Why a rubric cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RubricError {
    /// It is no TOML of this form.
    #[error("the rubric cannot be read: {0}")]
    Form(#[from] toml::de::Error),
    /// There is none of this name.
    #[error("there is no rubric {name}; known are {known}, or name a TOML file")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A key is needed that only a rubric with `base` may leave out.
    #[error("the rubric says no {0}; only a rubric with a base may leave it out")]
    Missing(&'static str),
    /// An id has another form.
    #[error("the dimension {id} is not of the form {prefix}_L1_D1 with a layer from 1 to 5")]
    Id {
        /// The id.
        id: String,
        /// What it should begin with.
        prefix: String,
    },
    /// Twice the same.
    #[error("the dimension {0} stands in the rubric twice")]
    Twice(String),
    /// Something to take out is not there.
    #[error("the rubric leaves out {0}, which its base does not have")]
    NotThere(String),
    /// A dimension without words.
    #[error("the dimension {0} has an empty name or definition in one of the languages")]
    Empty(String),
    /// Nothing in a layer.
    #[error("the rubric has no dimension in layer {0}; each of the five needs one")]
    Layer(u8),
    /// A changed rubric that calls itself as its base.
    #[error(
        "a rubric with a base needs a name or a version of its own, so that its rows can be told from those of {0}"
    )]
    SameVersion(String),
}

/// The file's form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RubricFile {
    name: String,
    version: String,
    base: Option<String>,
    prefix: Option<String>,
    title: Option<Words>,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    dimension: Vec<Dimension>,
    #[serde(default)]
    taboo: Vec<Taboo>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TabooFile {
    taboo: Vec<Taboo>,
}

impl Rubric {
    /// The names of the shipped rubrics.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// A shipped rubric.
    pub fn shipped(name: &str) -> Result<Self, RubricError> {
        let known = || Self::names().collect::<Vec<_>>().join(", ");
        let found = SHIPPED.iter().find(|(known, _)| *known == name);
        let (_, text) = found.ok_or_else(|| RubricError::Unknown { name: name.to_owned(), known: known() })?;
        Self::parse(text)
    }

    /// Reads a rubric. With `base` it begins as that shipped one: `without` takes dimensions out, those of the same id replace,
    /// others are added.
    pub fn parse(text: &str) -> Result<Self, RubricError> {
        let file: RubricFile = toml::from_str(text)?;
        let mut rubric = if let Some(base) = &file.base {
            Self::shipped(base)?
        } else {
            let general: TabooFile = toml::from_str(TABOOS)?;
            Self {
                name: String::new(),
                version: String::new(),
                prefix: file.prefix.clone().ok_or(RubricError::Missing("prefix"))?,
                title: file.title.clone().ok_or(RubricError::Missing("title"))?,
                dimensions: Vec::new(),
                taboos: general.taboo,
            }
        };
        if file.base.is_some() && (&rubric.name, &rubric.version) == (&file.name, &file.version) {
            return Err(RubricError::SameVersion(rubric.name));
        }
        let mut ids = BTreeSet::new();
        if let Some(twice) = file.dimension.iter().find(|dimension| !ids.insert(&dimension.id)) {
            return Err(RubricError::Twice(twice.id.clone()));
        }
        for id in &file.without {
            let at = rubric.dimensions.iter().position(|dimension| dimension.id == *id);
            rubric.dimensions.remove(at.ok_or_else(|| RubricError::NotThere(id.clone()))?);
        }
        rubric.dimensions.retain(|old| !ids.contains(&old.id));
        rubric.dimensions.extend(file.dimension.iter().cloned());
        rubric.taboos.retain(|old| file.taboo.iter().all(|new| new.id != old.id));
        rubric.taboos.extend(file.taboo);
        rubric.name = file.name;
        rubric.version = file.version;
        rubric.prefix = file.prefix.unwrap_or(rubric.prefix);
        rubric.title = file.title.unwrap_or(rubric.title);
        rubric.whole()
    }

    /// Checked and in order.
    fn whole(mut self) -> Result<Self, RubricError> {
        for Dimension { id, name, definition } in &self.dimensions {
            if id_parts(id).is_none_or(|(prefix, _)| prefix != self.prefix) {
                return Err(RubricError::Id { id: id.clone(), prefix: self.prefix });
            }
            if [&name.en, &name.zh, &definition.en, &definition.zh].iter().any(|text| text.trim().is_empty()) {
                return Err(RubricError::Empty(id.clone()));
            }
        }
        let empty = (1..=LAYERS).find(|layer| self.dimensions.iter().all(|dimension| dimension.layer() != *layer));
        if let Some(layer) = empty {
            return Err(RubricError::Layer(layer));
        }
        self.dimensions.sort_by_cached_key(|dimension| (dimension.layer(), dimension.id.len(), dimension.id.clone()));
        Ok(self)
    }

    /// The dimension of an id.
    pub fn find(&self, id: &str) -> Option<&Dimension> {
        self.dimensions.iter().find(|dimension| dimension.id == id)
    }
}

/// Prefix and layer of `CN_L3_D2`; `None` for another form.
fn id_parts(id: &str) -> Option<(&str, u8)> {
    let mut parts = id.split('_');
    let (prefix, layer, number) = (parts.next()?, parts.next()?, parts.next()?);
    let layer = layer.strip_prefix('L').filter(|digits| digits.len() == 1)?.parse().ok()?;
    let number = number.strip_prefix('D').filter(|digits| !digits.starts_with('0'))?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_prefix = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_uppercase());
    (parts.next().is_none() && is_number && is_prefix && (1..=LAYERS).contains(&layer)).then_some((prefix, layer))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The counts of the published sets: 225 dimensions in all.
    #[test]
    fn every_shipped_rubric_is_whole() {
        let counts = [
            ("chinese", "CN", [6, 6, 6, 6, 6]),
            ("korean", "KR", [5, 5, 5, 5, 5]),
            ("indian", "IN", [6, 6, 6, 6, 6]),
            ("mural", "MU", [6, 6, 6, 6, 6]),
            ("western", "WE", [5, 5, 5, 5, 5]),
            ("japanese", "JP", [6, 6, 5, 5, 5]),
            ("islamic", "IS", [6, 6, 6, 5, 5]),
            ("hermitage", "WS", [6, 6, 6, 6, 6]),
        ];
        assert_eq!(Rubric::names().collect::<Vec<_>>(), counts.map(|(name, ..)| name));
        let mut total = 0;
        for (name, prefix, layers) in counts {
            let rubric = Rubric::shipped(name).unwrap();
            assert_eq!((rubric.name.as_str(), rubric.prefix.as_str(), rubric.version.as_str()), (name, prefix, "1.0"));
            let mut expected = Vec::new();
            for (layer, count) in (1..).zip(layers) {
                expected.extend((1..=count).map(|number| format!("{prefix}_L{layer}_D{number}")));
            }
            let ids: Vec<&str> = rubric.dimensions.iter().map(|dimension| dimension.id.as_str()).collect();
            assert_eq!(ids, expected, "{name}");
            for texts in [|d: &Dimension| d.name.en.clone(), |d: &Dimension| d.name.zh.clone()] {
                let distinct: BTreeSet<String> = rubric.dimensions.iter().map(texts).collect();
                assert_eq!(distinct.len(), ids.len(), "two dimensions of {name} have one name");
            }
            let han = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            for Dimension { id, name, definition } in &rubric.dimensions {
                assert!(han(&name.zh) && han(&definition.zh) && !han(&name.en) && !han(&definition.en), "{id}");
            }
            assert!(rubric.taboos.len() > 5, "{name} has the general taboos and its own");
            let taboos: BTreeSet<&str> = rubric.taboos.iter().map(|taboo| taboo.id.as_str()).collect();
            assert_eq!(taboos.len(), rubric.taboos.len(), "{name}");
            for taboo in &rubric.taboos {
                assert!(!taboo.en.is_empty() && !taboo.zh.is_empty(), "{}", taboo.id);
                assert!(taboo.en.iter().all(|phrase| *phrase == phrase.to_lowercase()), "{}", taboo.id);
            }
            total += ids.len();
        }
        assert_eq!(total, 225);
    }

    const ONE: &str = r#"
[[dimension]]
id = "KR_L5_D6"
name = { en = "Silence", zh = "静默" }
definition = { en = "What is not said.", zh = "未言之意。" }
"#;

    #[test]
    fn a_users_file_changes_a_shipped_rubric() {
        let text =
            format!("name = \"korean\"\nversion = \"1.0-house\"\nbase = \"korean\"\nwithout = [\"KR_L1_D2\"]\n{ONE}");
        let rubric = Rubric::parse(&text).unwrap();
        assert_eq!((rubric.dimensions.len(), rubric.version.as_str()), (25, "1.0-house"));
        assert!(
            rubric.find("KR_L1_D2").is_none() && rubric.find("KR_L5_D6").is_some_and(|new| new.name.en == "Silence")
        );
        assert_eq!(rubric.dimensions.last().unwrap().id, "KR_L5_D6");
        let replaced = Rubric::parse(&text.replace("KR_L5_D6", "KR_L5_D5")).unwrap();
        assert_eq!(replaced.find("KR_L5_D5").unwrap().name.zh, "静默");
        assert_eq!(replaced.dimensions.len(), 24);
    }

    #[test]
    fn what_is_wrong_with_a_users_file_is_said() {
        let with = |head: &str, rest: &str| Rubric::parse(&format!("{head}\n{rest}")).unwrap_err().to_string();
        let based = "name = \"mine\"\nversion = \"1\"\nbase = \"korean\"";
        for (head, rest, said) in [
            ("name = \"korean\"\nversion = \"1.0\"\nbase = \"korean\"", ONE, "version of its own"),
            (based, &ONE.replace("KR_L5", "CN_L5"), "CN_L5_D6 is not of the form KR_L1_D1"),
            (based, &ONE.replace("L5", "L6"), "KR_L6_D6"),
            (based, &ONE.replace("D6", "D06"), "KR_L5_D06"),
            (based, &format!("{ONE}{ONE}"), "twice"),
            (based, &ONE.replace("静默", " "), "empty name"),
            (&format!("{based}\nwithout = [\"KR_L1_D9\"]"), "", "KR_L1_D9, which its base"),
            (&based.replace("korean", "greek"), "", "known are chinese, korean"),
            ("name = \"mine\"\nversion = \"1\"", ONE, "no prefix"),
            (&format!("{based}\ncolour = 1"), "", "colour"),
            ("name = \"m\"\nversion = \"1\"\nprefix = \"KR\"\ntitle = { en = \"M\", zh = \"M\" }", ONE, "layer 1"),
        ] {
            let told = with(head, rest);
            assert!(told.contains(said), "{said} in {told}");
        }
    }
}
