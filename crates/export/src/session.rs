//! One run of saving on a blocking thread: for each result its name, its place, its bytes, its entry in the manifest. What is
//! wrong with one picture is told and the rest goes on; a full disk ends it.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imagemill_domain::asset::Asset;
use imagemill_domain::hash::{ContentHash, TaskKey};
use imagemill_domain::job::{Job, TaskCounts};
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::plan::prompt_of;
use imagemill_domain::save_rule::SaveRule;
use imagemill_domain::task::{SourcePicture, Task, TaskId};
use imagemill_imaging::SheetRow;
use imagemill_store::Files;

use crate::error::ExportError;
use crate::feed::{Group, Pick};
use crate::folder::{Folder, WriteError};
use crate::manifest::{self, Entry, SourceEntry, TextEntry, Writer};
use crate::naming::{Naming, Subject};
use crate::place::{Placed, Places, Text, Todo, Wanted};
use crate::request::{FileKind, PlannedName, SaveFailure, Saved};
use crate::sheets::Sheets;

/// Failures told one by one; more are only counted.
const FAILURES: usize = 20;

/// Names told by a dry run.
const NAMES: usize = 1_000;

/// A result, wherever its row is: the task's stable key and the bytes.
pub(crate) type ResultKey = (TaskKey, ContentHash);

/// What must be known before a rule may replace files.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// The results that the job has now.
    pub(crate) alive: HashSet<ResultKey>,
    /// The job's sources, absolute.
    pub(crate) sources: Vec<PathBuf>,
}

/// What a session is opened with.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) job: Arc<Job>,
    pub(crate) files: Files,
    pub(crate) rule: SaveRule,
    pub(crate) folder: PathBuf,
    pub(crate) counts: TaskCounts,
    /// Given when the rule may replace files.
    pub(crate) survey: Option<Survey>,
    pub(crate) dry_run: bool,
}

/// One run of saving.
#[derive(Debug)]
pub(crate) struct Session {
    job: Arc<Job>,
    files: Files,
    rule: SaveRule,
    dry_run: bool,
    naming: Naming,
    folder: Folder,
    places: Places,
    /// Where each result went in earlier saves.
    memory: HashMap<ResultKey, Vec<Remembered>>,
    next_number: u64,
    manifest_file: String,
    manifest: Option<Writer>,
    sheets: Option<Sheets>,
    saved: Saved,
}

#[derive(Clone, Debug)]
struct Remembered {
    file: String,
    number: u64,
}

/// A result with the names of what was saved for it.
struct Outcome {
    number: u64,
    result: String,
    source: Option<String>,
    text: Option<TextEntry>,
}

impl Session {
    pub(crate) fn open(opening: Opening, naming: Naming) -> Result<Self, ExportError> {
        let Opening { job, files, rule, folder: path, counts, survey, dry_run } = opening;
        let mut folder =
            Folder::open(&path, dry_run).map_err(|source| ExportError::Folder { folder: path.clone(), source })?;
        let mut places = Places::new(rule.collision, dry_run);
        let mut memory: HashMap<ResultKey, Vec<Remembered>> = HashMap::new();
        let mut highest = 0;
        let (manifest_file, header) = manifest::open(&folder, &job.name, &mut |entry| {
            let key = (entry.key, entry.blake3);
            let alive = survey.as_ref().is_none_or(|survey| survey.alive.contains(&key));
            places.remember(&entry.file, entry.blake3, entry.blake3, alive);
            if let Some(SourceEntry { file: Some(file), blake3, .. }) = &entry.source {
                places.remember(file, *blake3, *blake3, alive);
            }
            if let Some(text) = &entry.text {
                places.remember(&text.file, text_owner(&key), text.blake3, alive);
            }
            highest = highest.max(entry.number);
            memory.entry(key).or_default().push(Remembered { file: entry.file.clone(), number: entry.number });
        });
        for source in survey.iter().flat_map(|survey| &survey.sources) {
            places.protect(source);
        }
        let manifest = (rule.manifest && !dry_run)
            .then(|| Writer::begin(&mut folder, manifest_file.clone(), &job, &counts))
            .transpose()
            .map_err(|error| stopped(error, &folder, &manifest_file, 0))?;
        let sheets = (rule.contact_sheet && !dry_run).then(|| Sheets::new(header.contact_sheets));
        let saved = Saved { folder: folder.root().to_owned(), ..Saved::default() };
        let next_number = highest + 1;
        Ok(Self {
            job,
            files,
            rule,
            dry_run,
            naming,
            folder,
            places,
            memory,
            next_number,
            manifest_file,
            manifest,
            sheets,
            saved,
        })
    }

    /// Saves some tasks' pictures.
    pub(crate) fn add(&mut self, groups: &[Group]) -> Result<(), ExportError> {
        for group in groups {
            self.saved.skipped += group.left_out;
            let mut shown = Vec::new();
            for pick in &group.results {
                if let Some(outcome) = self.one(&group.task, pick)? {
                    self.remember(&group.task, pick, outcome)?;
                    shown.push(self.preview(&pick.asset));
                }
            }
            if let Some(sheets) = self.sheets.as_mut().filter(|_| !shown.is_empty()) {
                let source = group.task.spec.pictures.first().map(|picture| PathBuf::from(&picture.path));
                let row = SheetRow { source, results: shown, label: group.task.spec.title() };
                sheets.add(row, &mut self.folder, &mut self.places, self.saved.pictures)?;
            }
        }
        Ok(())
    }

    /// Ends it: sheets, everything on the disk, the manifest last.
    pub(crate) fn finish(mut self) -> Result<Saved, ExportError> {
        let written = self.saved.pictures + self.saved.sources + self.saved.texts;
        let sheets = match self.sheets.take() {
            Some(sheets) => sheets.finish(&mut self.folder, &mut self.places, written)?,
            None => Vec::new(),
        };
        let failed = |error, folder: &Folder, file: &str| stopped(error, folder, file, written);
        self.folder.sync().map_err(|error| failed(error, &self.folder, ""))?;
        if let Some(mut manifest) = self.manifest.take() {
            let outcome = self.keep_earlier(&mut manifest).and_then(|()| manifest.finish(&mut self.folder, &sheets));
            let path = outcome.map_err(|error| failed(error, &self.folder, &self.manifest_file))?;
            self.folder.sync().map_err(|error| failed(error, &self.folder, &self.manifest_file))?;
            self.saved.manifest = Some(path);
        }
        self.saved.contact_sheets = sheets.iter().map(|file| self.folder.path(file)).collect();
        Ok(self.saved)
    }

    /// Saves one result with all that belongs to it; `None` when it was not saved.
    fn one(&mut self, task: &Task, pick: &Pick) -> Result<Option<Outcome>, ExportError> {
        let asset = &pick.asset;
        let key = (task.key, asset.facts.blake3);
        let number = self.number(&key);
        let job = Arc::clone(&self.job);
        let model = pick.made.as_ref().map_or(&job.definition.model, |made| &made.model);
        let subject = Subject { job: &job, task, asset, model, number };
        let stem = match self.naming.result(&subject) {
            Ok(stem) => stem,
            Err(error) => return Ok(self.fail(task.id, task.spec.title(), error.to_string())),
        };
        let mut group = vec![Wanted {
            stem: stem.clone(),
            suffix: asset.facts.format.extension(),
            owner: asset.facts.blake3,
            content: asset.facts.blake3,
            bytes: Some(asset.facts.bytes),
        }];
        let source = self.source(&subject);
        group.extend(source.as_ref().map(|(_, wanted)| wanted.clone()));
        let texts = self.rule.text && self.text_is_good(&subject);
        let (naming, folder) = (&self.naming, &self.folder);
        let of = |file: &str| text_of(naming, folder, &subject, file).unwrap_or_default();
        let text = texts.then_some(Text { owner: text_owner(&key), of: &of });
        let earlier = self.earlier_file(&key, &group[0]);
        let placed = self.places.place(&group, text.as_ref(), earlier.as_deref(), &self.folder);
        let files = match placed {
            Placed::At(files) => files,
            Placed::Skipped => {
                self.saved.skipped += 1;
                return Ok(None);
            }
            Placed::Nowhere(message) => return Ok(self.fail(task.id, stem, message)),
        };
        self.write(&subject, files, source.map(|(picture, _)| picture), texts)
    }

    /// Writes the files of one result: the result first, because without it the others mean nothing.
    fn write(
        &mut self,
        subject: &Subject<'_>,
        files: Vec<(String, Todo)>,
        source: Option<SourcePicture>,
        texts: bool,
    ) -> Result<Option<Outcome>, ExportError> {
        let mut files = files.into_iter();
        let Some((result, todo)) = files.next() else { return Ok(None) };
        let facts = &subject.asset.facts;
        let original = self.files.original_path(&facts.blake3, facts.format);
        let damaged = "the stored original is damaged: its bytes are not those that were received";
        if !self.picture(subject, FileKind::Result, &result, todo, &original, &facts.blake3, damaged)? {
            return Ok(None);
        }
        let mut outcome = Outcome { number: subject.number, result, source: None, text: None };
        if let (Some(picture), Some((file, todo))) = (source, if self.rule.copy_source { files.next() } else { None }) {
            let changed =
                format!("the source {} has changed since the job was planned and was not copied", picture.name);
            let path = Path::new(&picture.path);
            if self.picture(subject, FileKind::Source, &file, todo, path, &picture.blake3, &changed)? {
                outcome.source = Some(file);
            }
        }
        if let (true, Some((file, todo))) = (texts, files.next()) {
            outcome.text = self.write_text(subject, &outcome.result, file, todo)?;
        }
        Ok(Some(outcome))
    }

    /// Copies a picture if there is something to do; answers whether it is where it should be.
    #[expect(clippy::too_many_arguments, reason = "one line of a table: what, where, from where, and what to say")]
    fn picture(
        &mut self,
        subject: &Subject<'_>,
        kind: FileKind,
        file: &str,
        todo: Todo,
        from: &Path,
        content: &ContentHash,
        changed: &str,
    ) -> Result<bool, ExportError> {
        self.plan_name(subject, kind, file, todo);
        let outcome = match todo {
            Todo::Write if self.dry_run => self.folder.check_inside(file).map_err(WriteError::Failed),
            Todo::Write => self.folder.copy(from, file, content),
            Todo::Nothing => {
                self.saved.already_there += 1;
                return Ok(true);
            }
            Todo::Leave => return Ok(false),
        };
        match outcome {
            Ok(()) => {
                match kind {
                    FileKind::Source => self.saved.sources += 1,
                    FileKind::Result | FileKind::Text => self.saved.pictures += 1,
                }
                return Ok(true);
            }
            Err(WriteError::Full) => return Err(self.full()),
            Err(WriteError::Changed) => self.failure(subject.task.id, file.to_owned(), changed.to_owned()),
            Err(WriteError::Failed(message)) => self.failure(subject.task.id, file.to_owned(), message),
        }
        Ok(false)
    }

    fn write_text(
        &mut self,
        subject: &Subject<'_>,
        result: &str,
        file: String,
        todo: Todo,
    ) -> Result<Option<TextEntry>, ExportError> {
        self.plan_name(subject, FileKind::Text, &file, todo);
        let text = text_of(&self.naming, &self.folder, subject, result).unwrap_or_default();
        let blake3 = ContentHash::of(text.as_bytes());
        if todo == Todo::Write {
            let outcome = if self.dry_run {
                self.folder.check_inside(&file).map_err(WriteError::Failed)
            } else {
                self.folder.write(&file, text.as_bytes())
            };
            match outcome {
                Ok(()) => self.saved.texts += 1,
                Err(WriteError::Full) => return Err(self.full()),
                Err(WriteError::Changed) => {}
                Err(WriteError::Failed(message)) => {
                    self.failure(subject.task.id, file, message);
                    return Ok(None);
                }
            }
        }
        // A text that a person changed stays listed with the hash of ours, so that the next save leaves it alone too.
        Ok(Some(TextEntry { file, blake3 }))
    }

    /// The copy of the source that the rule asks for, when the source can be read.
    fn source(&mut self, subject: &Subject<'_>) -> Option<(SourcePicture, Wanted)> {
        let picture = subject.task.spec.pictures.first().filter(|_| self.rule.copy_source)?.clone();
        let stem = match self.naming.source(subject) {
            Ok(stem) => stem,
            Err(error) => return self.fail(subject.task.id, picture.name, error.to_string()),
        };
        let format = match sniff(Path::new(&picture.path)) {
            Ok(Some(format)) => format,
            Ok(None) => {
                let message = "the source is no picture any more and was not copied".to_owned();
                return self.fail(subject.task.id, picture.name, message);
            }
            Err(error) => {
                let message = format!("the source cannot be read and was not copied: {error}");
                return self.fail(subject.task.id, picture.name, message);
            }
        };
        let (owner, content) = (picture.blake3, picture.blake3);
        let wanted = Wanted { stem, suffix: format.extension(), owner, content, bytes: None };
        Some((picture, wanted))
    }

    /// Whether the text template can be filled in for this result; tells it when it cannot.
    fn text_is_good(&mut self, subject: &Subject<'_>) -> bool {
        let tried = text_of(&self.naming, &self.folder, subject, "name");
        if let Err(message) = &tried {
            self.failure(subject.task.id, subject.task.spec.title(), message.clone());
        }
        tried.is_ok()
    }

    /// The running number of a result: what it had before, or the next one.
    fn number(&mut self, key: &ResultKey) -> u64 {
        if let Some(remembered) = self.memory.get(key).and_then(|all| all.first()) {
            return remembered.number;
        }
        self.next_number += 1;
        self.next_number - 1
    }

    /// Where the result went before under a form of the name that is wanted now.
    fn earlier_file(&self, key: &ResultKey, wanted: &Wanted) -> Option<String> {
        let all = self.memory.get(key)?;
        all.iter().find(|one| wanted.has_form(&one.file)).map(|one| one.file.clone())
    }

    /// Adds the result to the manifest.
    fn remember(&mut self, task: &Task, pick: &Pick, outcome: Outcome) -> Result<(), ExportError> {
        let Some(manifest) = &mut self.manifest else { return Ok(()) };
        let definition = &self.job.definition;
        let asset = &pick.asset;
        let facts = &asset.facts;
        let source = task.spec.pictures.first().map(|picture| SourceEntry {
            file: outcome.source,
            name: picture.name.clone(),
            blake3: picture.blake3,
        });
        let entry = Entry {
            file: outcome.result,
            number: outcome.number,
            text: outcome.text,
            source,
            task: task.id.0,
            key: task.key,
            result_index: asset.index,
            prompt: prompt_of(definition, &task.spec).into_owned(),
            profile: pick.made.as_ref().map_or(&definition.profile.name, |made| &made.profile).clone(),
            model: pick.made.as_ref().map_or(&definition.model, |made| &made.model).clone(),
            sample: task.spec.sample + 1,
            width: facts.width,
            height: facts.height,
            format: facts.format,
            bytes: facts.bytes,
            blake3: facts.blake3,
            sha256: facts.sha256,
            phash: format!("{:016x}", facts.phash),
            findings: asset.findings,
            cost: pick.made.as_ref().and_then(|made| made.cost),
            call: asset.call.0,
            created: rfc3339(asset.created_us),
        };
        let added = manifest.add(&entry);
        added.map_err(|error| stopped(error, &self.folder, &self.manifest_file, self.saved.pictures))
    }

    /// Entries of earlier saves whose files are still there and were not saved again now stay in the manifest.
    fn keep_earlier(&self, manifest: &mut Writer) -> Result<(), WriteError> {
        if self.memory.is_empty() {
            return Ok(());
        }
        let mut outcome = Ok(());
        let read = manifest::read(&self.folder.path(&self.manifest_file), &mut |entry| {
            let there = || fs::symlink_metadata(self.folder.path(&entry.file)).is_ok_and(|found| found.is_file());
            if outcome.is_ok() && !self.places.is_placed_now(&entry.file) && there() {
                outcome = manifest.add(&entry);
            }
        });
        outcome?;
        read.map(drop).map_err(|error| WriteError::Failed(error.to_string()))
    }

    /// The smallest picture that shows the result.
    fn preview(&self, asset: &Asset) -> PathBuf {
        let thumbnail = self.files.thumb_path(&asset.facts.blake3);
        if thumbnail.exists() { thumbnail } else { self.files.original_path(&asset.facts.blake3, asset.facts.format) }
    }

    fn plan_name(&mut self, subject: &Subject<'_>, kind: FileKind, file: &str, todo: Todo) {
        if self.dry_run && self.saved.names.len() < NAMES {
            let (task, asset, there) = (subject.task.id, subject.asset.id, todo != Todo::Write);
            self.saved.names.push(PlannedName { task, asset, kind, file: file.to_owned(), there });
        }
    }

    fn failure(&mut self, task: TaskId, path: String, message: String) {
        self.saved.error_count += 1;
        if self.saved.errors.len() < FAILURES {
            self.saved.errors.push(SaveFailure { task, path, message });
        }
    }

    /// Notes a failure where a value was due.
    fn fail<T>(&mut self, task: TaskId, path: String, message: String) -> Option<T> {
        self.failure(task, path, message);
        None
    }

    fn full(&self) -> ExportError {
        let written = self.saved.pictures + self.saved.sources + self.saved.texts;
        stopped(WriteError::Full, &self.folder, "", written)
    }
}

/// What ends the whole run, from what went wrong with `file` after `written` files.
pub(crate) fn stopped(error: WriteError, folder: &Folder, file: &str, written: u64) -> ExportError {
    match error {
        WriteError::Full => ExportError::DiskFull { folder: folder.root().to_owned(), written },
        WriteError::Changed => {
            ExportError::File { path: folder.path(file), message: "it changed meanwhile".to_owned() }
        }
        WriteError::Failed(message) => ExportError::File { path: folder.path(file), message },
    }
}

/// Whose a text is: one result's, whatever it says.
fn text_owner(key: &ResultKey) -> ContentHash {
    let mut hasher = blake3::Hasher::new_derive_key("imagemill text of a result 1");
    hasher.update(key.0.as_bytes()).update(key.1.as_bytes());
    ContentHash(*hasher.finalize().as_bytes())
}

/// The text beside the saved picture `result`.
fn text_of(naming: &Naming, folder: &Folder, subject: &Subject<'_>, result: &str) -> Result<String, String> {
    let name = result.rsplit_once('/').map_or(result, |(_, name)| name);
    let path = folder.path(result);
    naming.text(subject, name, &path.to_string_lossy()).map_err(|error| error.to_string())
}

fn sniff(path: &Path) -> std::io::Result<Option<PictureFormat>> {
    let mut head = Vec::with_capacity(16);
    File::open(path)?.take(16).read_to_end(&mut head)?;
    Ok(PictureFormat::sniff(&head))
}

pub(crate) fn rfc3339(microseconds: i64) -> String {
    jiff::Timestamp::from_microsecond(microseconds).map(|time| time.to_string()).unwrap_or_default()
}
