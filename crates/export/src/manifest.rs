//! `manifest.json`: where every saved picture comes from, and at the same time the memory of which result went where.
//! Written and read entry by entry, so that its size costs no memory.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use imagemill_domain::hash::{ContentHash, Sha256Hash, TaskKey};
use imagemill_domain::job::{Job, TaskCounts};
use imagemill_domain::job_file::{PrepareSection, RecipeName};
use imagemill_domain::money::Money;
use imagemill_domain::picture::{Findings, PictureFormat};
use imagemill_domain::request::RequestOptions;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::clean;
use crate::folder::{Folder, WriteError, remove};

/// Version of the form. A manifest of a later version is left alone.
const VERSION: u64 = 1;
const TOOL: &str = "imagemill";
const FILE: &str = "manifest.json";

/// One saved picture. Paths are below the output folder, with `/`; nothing in here tells where a user's files lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) file: String,
    /// Running number of saved pictures: `{global_index}`.
    pub(crate) number: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<TextEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<SourceEntry>,
    /// Row id of the task in the workspace.
    pub(crate) task: i64,
    /// What the task is known by wherever it runs.
    pub(crate) key: TaskKey,
    pub(crate) result_index: u32,
    pub(crate) prompt: String,
    /// Empty in manifests of older versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) profile: String,
    pub(crate) model: String,
    /// From 1.
    pub(crate) sample: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) format: PictureFormat,
    pub(crate) bytes: u64,
    pub(crate) blake3: ContentHash,
    pub(crate) sha256: Sha256Hash,
    /// 64-bit perceptual hash, 16 hex digits.
    pub(crate) phash: String,
    pub(crate) findings: Findings,
    /// In US dollars; absent when the price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cost: Option<Money>,
    /// Row id of the call in the ledger.
    pub(crate) call: i64,
    /// When the picture was stored, RFC 3339.
    pub(crate) created: String,
}

/// The text beside a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TextEntry {
    pub(crate) file: String,
    /// Of what was written: tells whether a person has changed it since.
    pub(crate) blake3: ContentHash,
}

/// The picture it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SourceEntry {
    /// Its copy, when the rule makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// Path below the folder that was named.
    pub(crate) name: String,
    pub(crate) blake3: ContentHash,
}

/// What is known of a manifest besides its entries.
#[derive(Debug, Default)]
pub(crate) struct Header {
    pub(crate) contact_sheets: Vec<String>,
    version: Option<u64>,
    tool: Option<String>,
    job: Option<String>,
}

/// The file for `job`'s manifest in `folder`, and what the one that is there says. A `manifest.json` that is not this job's is
/// never touched: then the manifest gets a name of its own. `each` hears every entry.
pub(crate) fn open(folder: &Folder, job: &str, each: &mut dyn FnMut(&Entry)) -> (String, Header) {
    let own = format!("imagemill-manifest-{}.json", clean::part(job));
    for file in [FILE.to_owned(), own.clone()] {
        let path = folder.path(&file);
        if path.symlink_metadata().is_err() {
            return (file, Header::default());
        }
        // First only a look: entries of a stranger's file mean nothing.
        if read(&path, &mut |_| {}).is_ok_and(|header| header.is_of(job))
            && let Ok(header) = read(&path, &mut |entry| each(&entry))
        {
            return (file, header);
        }
    }
    // Its own name is taken by something unreadable: leave that too.
    let mut number = 2;
    loop {
        let file = format!("{}-{number}.json", own.trim_end_matches(".json"));
        if folder.path(&file).symlink_metadata().is_err() {
            return (file, Header::default());
        }
        number += 1;
    }
}

/// Reads a manifest entry by entry.
pub(crate) fn read(path: &Path, each: &mut dyn FnMut(Entry)) -> Result<Header, serde_json::Error> {
    let file = File::open(path).map_err(serde::de::Error::custom)?;
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(file));
    let header = json.deserialize_map(ManifestVisitor { each })?;
    json.end()?;
    Ok(header)
}

/// A manifest in the making; without [`Writer::finish`] nothing of it stays.
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` when it is finished.
    out: Option<BufWriter<File>>,
    temporary: PathBuf,
    file: String,
    entries: u64,
}

impl Writer {
    /// Begins with everything but the entries.
    pub(crate) fn begin(folder: &mut Folder, file: String, job: &Job, counts: &TaskCounts) -> Result<Self, WriteError> {
        let (out, temporary) = folder.begin(&file)?;
        let mut writer = Self { out: Some(BufWriter::new(out)), temporary, file, entries: 0 };
        let head = serde_json::to_string_pretty(&Head::of(job, counts));
        let head = head.map_err(|error| WriteError::Failed(error.to_string()))?;
        // The object stays open: the entries follow.
        writer.put(head.strip_suffix("\n}").unwrap_or(&head))?;
        writer.put(",\n  \"entries\": [")?;
        Ok(writer)
    }

    pub(crate) fn add(&mut self, entry: &Entry) -> Result<(), WriteError> {
        let line = serde_json::to_string(entry).map_err(|error| WriteError::Failed(error.to_string()))?;
        self.put(if self.entries == 0 { "\n" } else { ",\n" })?;
        self.entries += 1;
        self.put(&line)
    }

    /// Ends it and gives it its name. Everything it speaks of must be on the disk by now.
    pub(crate) fn finish(mut self, folder: &mut Folder, contact_sheets: &[String]) -> Result<PathBuf, WriteError> {
        let sheets = serde_json::to_string(contact_sheets).unwrap_or_default();
        self.put(&format!("\n  ],\n  \"contact_sheets\": {sheets}\n}}\n"))?;
        if let Some(mut out) = self.out.take() {
            out.flush()?;
            out.get_ref().sync_all()?;
        }
        folder.finish(&self.temporary, &self.file)?;
        Ok(folder.path(&self.file))
    }

    fn put(&mut self, text: &str) -> Result<(), WriteError> {
        match &mut self.out {
            Some(out) => Ok(out.write_all(text.as_bytes())?),
            None => Ok(()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.out.take().is_some() {
            remove(&self.temporary);
        }
    }
}

impl Header {
    fn is_of(&self, job: &str) -> bool {
        self.tool.as_deref() == Some(TOOL)
            && self.job.as_deref() == Some(job)
            && self.version.is_some_and(|version| version <= VERSION)
    }
}

/// Everything but the entries. Addresses and headers of the profile stay out: they say nothing about the pictures and may say
/// too much about the account.
#[derive(Serialize)]
struct Head<'a> {
    manifest: u64,
    tool: &'static str,
    tool_version: &'static str,
    job: &'a str,
    recipe: RecipeName,
    profile: &'a str,
    provider: &'a str,
    model: &'a str,
    settings: Settings<'a>,
    totals: Totals<'a>,
}

/// What every picture of the job has in common.
#[derive(Serialize)]
struct Settings<'a> {
    system_prompt: &'a str,
    samples: u32,
    options: &'a RequestOptions,
    prepare: &'a PrepareSection,
}

#[derive(Serialize)]
struct Totals<'a> {
    /// By state.
    tasks: &'a TaskCounts,
    /// US dollars, for pictures that were not saved too.
    spent: Money,
}

impl<'a> Head<'a> {
    fn of(job: &'a Job, counts: &'a TaskCounts) -> Self {
        let definition = &job.definition;
        let file = &definition.file;
        Self {
            manifest: VERSION,
            tool: TOOL,
            tool_version: env!("CARGO_PKG_VERSION"),
            job: &job.name,
            recipe: file.recipe,
            profile: &definition.profile.name,
            provider: &definition.profile.provider,
            model: &definition.model,
            settings: Settings {
                system_prompt: &file.system_prompt,
                samples: file.samples,
                options: &file.options,
                prepare: &file.prepare,
            },
            totals: Totals { tasks: counts, spent: job.spent },
        }
    }
}

struct ManifestVisitor<'a> {
    each: &'a mut dyn FnMut(Entry),
}

impl<'de> Visitor<'de> for ManifestVisitor<'_> {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a manifest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut header = Header::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "manifest" => header.version = Some(map.next_value()?),
                "tool" => header.tool = Some(map.next_value()?),
                "job" => header.job = Some(map.next_value()?),
                "contact_sheets" => header.contact_sheets = map.next_value()?,
                "entries" => map.next_value_seed(EntriesSeed { each: &mut *self.each })?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(header)
    }
}

struct EntriesSeed<'a> {
    each: &'a mut dyn FnMut(Entry),
}

impl<'de> DeserializeSeed<'de> for EntriesSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for EntriesSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(entry) = seq.next_element()? {
            (self.each)(entry);
        }
        Ok(())
    }
}
