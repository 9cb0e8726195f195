//! Reads the layers and makes them into [`Config`]. Profiles that come with the program are part of the lowest layer and
//! appear when their variables are set.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use imagemill_domain::collection::{Collection, Priority, SHIPPED};
use imagemill_domain::job_file::{Format, parse_text};
use imagemill_domain::money::Money;
use imagemill_domain::profile::Profile;
use imagemill_domain::save_rule::SaveRule;
use serde::Deserialize;
use toml::{Table, Value};

use super::layers::{Layers, Origin, Setting};
use crate::error::{DeskError, FileFault};
use crate::key_files::key_file;
use crate::lang::Lang;

const TEMPLATES: &str = include_str!("../../../../data/profiles.toml");

/// Where settings are looked for.
pub struct Sources<'a> {
    /// The user's own file, when it exists.
    pub user_file: Option<PathBuf>,
    /// What was set in the console.
    pub settings_file: PathBuf,
    /// The workspace's file.
    pub workspace_file: PathBuf,
    /// Environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// `--lang`.
    pub lang_flag: Option<&'a str>,
}

impl Sources<'_> {
    /// The file of the key that a person gave for a profile.
    fn login(&self, profile: &str) -> Option<PathBuf> {
        Some(key_file(&self.user_file.as_ref()?.parent()?.join("keys"), profile)).filter(|file| file.is_file())
    }
}

/// The settings in force. docs/config.md explains each.
#[derive(Clone, Debug)]
pub struct Config {
    /// Profile when neither job nor command line names one.
    pub default_profile: Option<String>,
    /// Language of texts; the environment's when unset.
    pub lang: Option<Lang>,
    /// More models and prices.
    pub models_file: Option<PathBuf>,
    /// More layouts and styles.
    pub catalogue_file: Option<PathBuf>,
    /// A run that may cost more than this asks first.
    pub confirm_above: Money,
    /// Threads for picture work; 0 takes one for each processor.
    pub picture_threads: usize,
    /// What goes into the log.
    pub log: String,
    /// Profiles by name.
    pub profiles: BTreeMap<String, Profile>,
    /// The user's save presets.
    pub save: BTreeMap<String, SaveRule>,
    /// Collections of pictures for critiques, by name: those that come with the program as changed by the user, and the user's own.
    pub collections: BTreeMap<String, Collection>,
    /// Which collection comes first.
    pub collection_priority: Priority,
    /// Profiles that can be chosen unasked, best first.
    pub ready: Vec<String>,
    /// Each value with its origin.
    pub settings: BTreeMap<Vec<String>, Setting>,
    /// Unknown keys, as file and key.
    pub unknown_keys: Vec<(PathBuf, String)>,
}

/// The form of a configuration file. Keys are promises: each has a default, a line in docs/config.md and a test.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    default_profile: Option<String>,
    lang: Option<String>,
    models_file: Option<String>,
    catalogue_file: Option<String>,
    confirm_above: Option<Money>,
    picture_threads: Option<usize>,
    log: Option<String>,
    profiles: BTreeMap<String, Profile>,
    save: BTreeMap<String, SaveRule>,
    collections: BTreeMap<String, Collection>,
    collection_priority: Priority,
}

/// Variable of each scalar key.
const VARIABLES: [(&str, &str); 7] = [
    ("default_profile", "IMAGEMILL_PROFILE"),
    ("lang", "IMAGEMILL_LANG"),
    ("models_file", "IMAGEMILL_MODELS_FILE"),
    ("catalogue_file", "IMAGEMILL_CATALOGUE_FILE"),
    ("confirm_above", "IMAGEMILL_CONFIRM_ABOVE"),
    ("picture_threads", "IMAGEMILL_PICTURE_THREADS"),
    ("log", "IMAGEMILL_LOG"),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Templates {
    template: Vec<ProfileTemplate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileTemplate {
    needs: Vec<String>,
    address_from: Option<String>,
    model_from: Option<String>,
    #[serde(default)]
    only_when_named: bool,
    profile: Table,
}

impl ProfileTemplate {
    fn name(&self) -> String {
        self.profile.get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Whether the variable (`A|B`) holds the key.
    fn is_key(&self, variable: &str) -> bool {
        let named = self.profile.get("credential").and_then(|credential| credential.get("env"));
        named.and_then(Value::as_str) == Some(variable)
    }
}

/// Reads and merges all layers. A file with an error is an error with line and caret.
pub fn load(sources: &Sources<'_>) -> Result<Config, DeskError> {
    let mut layers = Layers::default();
    let mut unknown_keys = Vec::new();
    layers.put(&[], defaults(), &Origin::Default);
    let mut files = Vec::new();
    for path in sources.user_file.iter().chain([&sources.settings_file, &sources.workspace_file]) {
        if let Some(table) = read_file(path, &mut unknown_keys)? {
            files.push((path.clone(), table));
        }
    }
    let templates = templates();
    let mut ready = Vec::new();
    let mut named: BTreeSet<String> = files.iter().flat_map(|(_, table)| profiles_of(table)).collect();
    for template in &templates {
        let name = template.name();
        let is_set = |needed: &String| first_set(sources.variable, needed).is_some();
        let login = sources.login(&name);
        let active = template.needs.iter().all(|needed| is_set(needed) || (login.is_some() && template.is_key(needed)));
        if active || named.contains(&name) {
            put_template(&mut layers, template, &name, sources.variable);
            if !template.needs.iter().any(|needed| template.is_key(needed) && is_set(needed)) {
                put_login(&mut layers, &name, login);
            }
        }
        named.remove(&name);
        if active && !template.only_when_named {
            ready.push(name);
        }
    }
    for name in named {
        put_login(&mut layers, &name, sources.login(&name));
    }
    for (path, table) in files {
        layers.put(&[], table, &Origin::File(path));
    }
    for (key, name) in VARIABLES {
        if let Some(text) = set(sources.variable, name) {
            let value = match key {
                "picture_threads" => Value::Integer(
                    text.parse()
                        .map_err(|_| DeskError::Setting(format!("{name} must be a whole number, and is {text:?}")))?,
                ),
                _ => Value::String(text),
            };
            layers.put(&[], Table::from_iter([(key.to_owned(), value)]), &Origin::Environment(name.into()));
        }
    }
    if let Some(lang) = sources.lang_flag {
        let table = Table::from_iter([("lang".to_owned(), Value::String(lang.to_owned()))]);
        layers.put(&[], table, &Origin::Flag("--lang"));
    }
    finish(&layers, ready, unknown_keys)
}

fn finish(layers: &Layers, ready: Vec<String>, unknown_keys: Vec<(PathBuf, String)>) -> Result<Config, DeskError> {
    let mut tables = layers.merged();
    let changed = tables.remove("collections");
    let mut collections = toml::from_str(SHIPPED).expect("a test reads data/collections.toml");
    if let Some(Value::Table(changed)) = changed {
        overlay(&mut collections, changed);
    }
    tables.insert("collections".to_owned(), Value::Table(collections));
    let merged: Settings =
        tables.try_into().map_err(|error| DeskError::Setting(format!("the settings do not fit together: {error}")))?;
    let lang = match merged.lang {
        Some(word) => Some(Lang::from_word(&word).ok_or_else(|| {
            DeskError::Setting(format!(
                "there are no texts in the language {word:?}; take en or zh-CN (--lang, IMAGEMILL_LANG or lang = …)"
            ))
        })?),
        None => None,
    };
    let mut ready = ready;
    let mut profiles = merged.profiles;
    for (name, profile) in &mut profiles {
        profile.name.clone_from(name);
        if !ready.contains(name) && profile.provider != "simulator" {
            ready.push(name.clone());
        }
    }
    // A path in a file is relative to that file.
    let placed = |key: &str, path: String| match layers.settings().get(&vec![key.to_owned()]).map(|set| &set.origin) {
        Some(Origin::File(file)) => file.parent().unwrap_or(Path::new("")).join(expand_home(&path)),
        _ => expand_home(&path),
    };
    Ok(Config {
        default_profile: merged.default_profile,
        lang,
        models_file: merged.models_file.map(|path| placed("models_file", path)),
        catalogue_file: merged.catalogue_file.map(|path| placed("catalogue_file", path)),
        confirm_above: merged.confirm_above.expect("it is in the defaults"),
        picture_threads: merged.picture_threads.unwrap_or_default(),
        log: merged.log.unwrap_or_default(),
        ready,
        profiles,
        save: merged.save,
        collections: merged.collections,
        collection_priority: merged.collection_priority,
        settings: layers.settings().clone(),
        unknown_keys,
    })
}

/// Puts the values of `over` into `table`, key by key.
fn overlay(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => overlay(inner, value),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

/// Changes a file that only programs write (what was set in the console); it is whole or not there. Comments are lost.
pub fn change_file(path: &Path, change: impl FnOnce(&mut Table)) -> Result<(), DeskError> {
    let mut table = read_file(path, &mut Vec::new())?.unwrap_or_default();
    change(&mut table);
    let fault = |source| DeskError::File { what: "cannot write the settings", path: path.to_owned(), source };
    let text = toml::to_string_pretty(&table).map_err(|error| fault(std::io::Error::other(error)))?;
    let draft = path.with_extension("toml.part");
    std::fs::write(&draft, format!("# Written by imagemill serve.\n{text}")).map_err(fault)?;
    std::fs::rename(&draft, path).map_err(fault)
}

fn defaults() -> Table {
    Table::from_iter([
        ("confirm_above".to_owned(), Value::Float(5.0)),
        ("picture_threads".to_owned(), Value::Integer(0)),
        ("log".to_owned(), Value::String("info".to_owned())),
    ])
}

fn templates() -> Vec<ProfileTemplate> {
    toml::from_str::<Templates>(TEMPLATES).expect("a test reads data/profiles.toml").template
}

/// Names of the profiles that come with the program, with the variables that make them appear.
pub fn known_profiles() -> Vec<(String, Vec<String>)> {
    // `A|B` as people write it.
    let needs = |template: &ProfileTemplate| template.needs.iter().map(|names| names.replace('|', " / ")).collect();
    templates().iter().map(|template| (template.name(), needs(template))).collect()
}

/// A profile that comes with the program, as it is before a file or a key changes it.
pub fn built_in_profile(name: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<Profile> {
    let template = templates().into_iter().find(|template| template.name() == name)?;
    let mut layers = Layers::default();
    put_template(&mut layers, &template, name, variable);
    let settings: Settings = layers.merged().try_into().expect("a test reads data/profiles.toml");
    let mut profile = settings.profiles.get(name)?.clone();
    name.clone_into(&mut profile.name);
    Some(profile)
}

fn profiles_of(table: &Table) -> Vec<String> {
    table.get("profiles").and_then(Value::as_table).map(|of| of.keys().cloned().collect()).unwrap_or_default()
}

/// The key that a person gave goes before nothing and behind what a file says.
fn put_login(layers: &mut Layers, name: &str, file: Option<PathBuf>) {
    let Some(file) = file else { return };
    let path = Value::String(file.to_string_lossy().into_owned());
    let credential = Value::Table(Table::from_iter([("file".to_owned(), path)]));
    layers.put(&["profiles", name], Table::from_iter([("credential".to_owned(), credential)]), &Origin::Login(file));
}

fn put_template(
    layers: &mut Layers,
    template: &ProfileTemplate,
    name: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) {
    let mut profile = template.profile.clone();
    profile.remove("name");
    // `A|B`: the first that is set holds the key.
    if let Some(Value::String(names)) = profile.get_mut("credential").and_then(|credential| credential.get_mut("env")) {
        *names = first_set(variable, names).map_or_else(|| first_of(names), |(name, _)| name);
    }
    layers.put(&["profiles", name], profile, &Origin::Default);
    if let Some((from, model)) = template.model_from.as_ref().and_then(|names| first_set(variable, names)) {
        let table = Table::from_iter([("model".to_owned(), Value::String(model))]);
        layers.put(&["profiles", name], table, &Origin::Environment(from));
    }
    let Some((from, address)) = template.address_from.as_ref().and_then(|names| first_set(variable, names)) else {
        return;
    };
    let mut table = Table::from_iter([("base_url".to_owned(), Value::String(address.clone()))]);
    if is_private(&address) {
        // Naming the address is the consent; a gateway there also serves its pictures from there.
        let unlock = ["allow_private_api", "allow_private_downloads"].map(|key| (key.to_owned(), Value::Boolean(true)));
        table.insert("network".to_owned(), Value::Table(Table::from_iter(unlock)));
    }
    layers.put(&["profiles", name], table, &Origin::Environment(from));
}

/// Whether an address names this machine or a private network literally.
fn is_private(address: &str) -> bool {
    let host = address.split("://").nth(1).unwrap_or(address).split(['/', '?']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    match host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(std::net::IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

fn read_file(path: &Path, unknown_keys: &mut Vec<(PathBuf, String)>) -> Result<Option<Table>, DeskError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(source) => {
            return Err(DeskError::File { what: "cannot read the configuration file", path: path.to_owned(), source });
        }
    };
    let shown = path.display().to_string();
    let problem = |error| DeskError::from(FileFault::new(&shown, &text, error));
    // Once for values with their places, once for keys that nobody reads.
    parse_text::<Settings>(&text, Format::Toml).map_err(problem)?;
    let table: Table = parse_text(&text, Format::Toml).map_err(problem)?;
    let mut note = |key: serde_ignored::Path<'_>| unknown_keys.push((path.to_path_buf(), key.to_string()));
    let _: Result<Settings, _> = serde_ignored::deserialize(Value::Table(table.clone()), &mut note);
    Ok(Some(table))
}

/// The first variable of `A|B` that is set, with its value.
fn first_set(variable: &dyn Fn(&str) -> Option<String>, names: &str) -> Option<(String, String)> {
    names.split('|').find_map(|name| Some((name.to_owned(), set(variable, name)?)))
}

fn first_of(names: &str) -> String {
    names.split('|').next().unwrap_or_default().to_owned()
}

fn set(variable: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    variable(name).filter(|value| !value.is_empty())
}

/// `~/x` below the user's home.
pub fn expand_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests;
