//! Layers of settings as flat paths, so that each value keeps its origin through merging. Knows no meaning of any key.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::{Table, Value};

/// Where a value is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// The file of a key that a person gave with `profiles login`.
    Login(PathBuf),
    /// An environment variable.
    Environment(String),
    /// An option on the command line.
    Flag(&'static str),
}

/// A value with its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The value; never a table, but for the keys that are taken whole (`WHOLE`).
    pub value: Value,
    /// Where it is from.
    pub origin: Origin,
}

/// Path of a key; a profile's name may have dots in it.
pub(super) type Path = Vec<String>;

/// Tables that are one value: a later layer replaces them as a whole.
const WHOLE: [&str; 3] = ["credential", "headers", "extra_body"];

/// All layers so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Layers {
    settings: BTreeMap<Path, Setting>,
}

impl Layers {
    /// Puts a layer on top. Empty texts are unset.
    pub(super) fn put(&mut self, prefix: &[&str], table: Table, origin: &Origin) {
        for (key, value) in table {
            let path: Vec<&str> = prefix.iter().copied().chain([key.as_str()]).collect();
            match value {
                Value::String(text) if text.is_empty() => {}
                Value::Table(inner) if !WHOLE.contains(&key.as_str()) => self.put(&path, inner, origin),
                value => {
                    let path = path.into_iter().map(str::to_owned).collect();
                    self.settings.insert(path, Setting { value, origin: origin.clone() });
                }
            }
        }
    }

    /// Every setting by its path.
    pub(super) fn settings(&self) -> &BTreeMap<Path, Setting> {
        &self.settings
    }

    /// The merged tables.
    pub(super) fn merged(&self) -> Table {
        let mut root = Table::new();
        for (path, setting) in &self.settings {
            insert(&mut root, path, &setting.value);
        }
        root
    }
}

fn insert(table: &mut Table, path: &[String], value: &Value) {
    match path {
        [] => {}
        [last] => {
            table.insert(last.clone(), value.clone());
        }
        [first, rest @ ..] => {
            // A scalar here would be no known key: the files were checked before.
            let inner = table.entry(first.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_layers_win_key_by_key_and_empty_is_unset() {
        let mut layers = Layers::default();
        let table = |text: &str| toml::from_str::<Table>(text).unwrap();
        let user = Origin::File("user".into());
        layers.put(&[], table("a = 1\n[profiles.p]\nmodel = \"m\"\ncredential = { env = \"X\" }"), &Origin::Default);
        layers.put(&[], table("b = \"\"\n[profiles.p]\ncredential = { file = \"k\" }"), &user);
        let merged = layers.merged();
        assert_eq!(merged, table("a = 1\n[profiles.p]\nmodel = \"m\"\ncredential = { file = \"k\" }"));
        let path = ["profiles", "p", "credential"].map(str::to_owned).to_vec();
        assert_eq!(layers.settings()[&path].origin, user);
    }
}
