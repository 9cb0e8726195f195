//! Data sets written out of jobs and collections, read again, and compared. What is in a set, and the files of its form, are the export
//! crate's matter.

use std::path::PathBuf;

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use imagemill_desk::config::expand_home;
use imagemill_desk::merged_rows;
use imagemill_domain::job::Job;
use imagemill_domain::job_file::RecipeName;
use imagemill_export::dataset::{
    CaptionRule, CardWords, CritiqueRow, DatasetError, Form, FormOptions, Likeness, PictureRequest, ReleaseRequest,
    Rights, changes, check, critiques, pictures, release, write,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::jobs::job_of;
use super::saving::check_folder;
use crate::audit::Detail;
use crate::error::{Answer, ApiError};
use crate::extract::Json;
use crate::reader::Reader;
use crate::saves::{self, SaveStarted};
use crate::schema::{DatasetChanges, DatasetChecked};
use crate::state::AppState;

/// Caption of a picture where nothing is said.
const CAPTION: &str = "{prompt}";
/// Megabytes of pictures in one file where nothing is said.
const SHARD_MB: u64 = 512;
/// Rows of each collection in the subset `pilot` where nothing is said.
const PILOT: u32 = 10;

/// A data set that is wanted; what is left out is as on the command line (docs/training-sets.md).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportPut {
    /// Jobs by number or name, for a set of pictures.
    #[serde(default)]
    jobs: Vec<String>,
    /// Instead: collections by name, for a set of critiques.
    #[serde(default)]
    collections: Vec<String>,
    /// `kohya`, `ai-toolkit`, `imagefolder`, `webdataset`, `parquet`, `jsonl` or `csv`.
    form: String,
    /// Folder to write to: not there, empty, or written by an export before.
    folder: String,
    /// Caption of each picture, a template.
    #[serde(default)]
    caption: Option<String>,
    /// Word that stands for what is learned.
    #[serde(default)]
    trigger: Option<String>,
    /// Leave pictures without a caption out; else they are named and nothing is written.
    #[serde(default)]
    leave_out_captionless: bool,
    /// Folder with a mask for each picture.
    #[serde(default)]
    masks: Option<String>,
    /// Leave the sources out.
    #[serde(default)]
    no_controls: bool,
    /// Only pictures that a reviewer kept.
    #[serde(default)]
    only_kept: bool,
    /// Only the first result of each task.
    #[serde(default)]
    only_first: bool,
    /// kohya: how often each picture counts in an epoch.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10_000)]
    repeats: Option<u32>,
    /// kohya: edge in pixels that is trained at.
    #[serde(default)]
    #[schema(minimum = 64, maximum = 8_192)]
    resolution: Option<u32>,
    /// kohya: pictures at once.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_024)]
    batch_size: Option<u32>,
    /// Share that is kept apart to measure on, below 1.
    #[serde(default)]
    #[schema(minimum = 0, exclusive_maximum = 1)]
    validation: f64,
    /// Of pictures whose perceptual hashes differ in at most so many of 64 bits one stays.
    #[serde(default)]
    #[schema(maximum = 32)]
    duplicates: Option<u32>,
    #[serde(default)]
    #[schema(value_type = Object)]
    /// `license`, `text_license`, `attribution`.
    rights: Rights,
    /// Tables: rows alone, without the pictures.
    #[serde(default)]
    no_pictures: bool,
    /// imagefolder: metadata.csv instead of metadata.jsonl.
    #[serde(default)]
    csv_metadata: bool,
    /// webdataset, parquet: megabytes of pictures in one file.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 65_536)]
    shard_mb: Option<u64>,
}

/// Write a data set
///
/// It goes on while the client does something else; how it goes is told at `/saves/SAVE`, and the result is what `export --json` prints.
#[utoipa::path(post, path = "/exports", tag = "exports", request_body = ExportPut, responses((status = 202, body = SaveStarted)))]
pub(crate) async fn export(
    State(state): State<AppState>,
    reader: Reader,
    Json(body): Json<ExportPut>,
) -> Answer<Response> {
    let folder = place(&state, &body.folder)?;
    check_folder(&state, &folder)?;
    let options = body.options()?;
    let likeness = likeness(body.duplicates, body.validation)?;
    let words = CardWords::of(reader.lang().word());
    match (body.jobs.is_empty(), body.collections.is_empty()) {
        (false, true) => {
            let jobs = body.jobs(&state).await?;
            let masks = body.masks.as_deref().map(|masks| place(&state, masks)).transpose()?;
            let own = state.clone();
            let work = async move {
                let request = PictureRequest {
                    store: &own.store,
                    files: &own.files,
                    jobs,
                    captions: CaptionRule {
                        template: body.caption.unwrap_or_else(|| CAPTION.to_owned()),
                        trigger: body.trigger.filter(|word| !word.trim().is_empty()),
                        leave_out: body.leave_out_captionless,
                    },
                    masks,
                    only_kept: body.only_kept,
                    only_first: body.only_first,
                    controls: !body.no_controls,
                    likeness,
                    rights: body.rights,
                };
                write(pictures(request).await?.with_words(words), options, folder).await
            };
            Ok(begun(&state, work, body.folder))
        }
        (true, false) => {
            if matches!(options.form, Form::Kohya | Form::AiToolkit) {
                return Err(ApiError::bad(format!(
                    "{} is for pictures with captions; critiques are tables",
                    body.form
                )));
            }
            let rows = rows_of(&state, &body.collections).await?;
            let name = body.collections.join("-");
            let work = async move {
                let set = critiques(name, rows, likeness, body.rights).await?.with_words(words);
                write(set, options, folder).await
            };
            Ok(begun(&state, work, body.folder))
        }
        _ => Err(ApiError::bad("name either jobs or collections")),
    }
}

impl ExportPut {
    fn options(&self) -> Answer<FormOptions> {
        let known = Form::ALL.map(Form::word).join(", ");
        let form = Form::from_word(&self.form)
            .ok_or_else(|| ApiError::bad(format!("{} is no form of a data set; they are {known}", self.form)))?;
        let usual = FormOptions::new(form);
        let within = |what: &str, value: u64, allowed: std::ops::RangeInclusive<u64>| {
            let wrong = || ApiError::bad(format!("{what} goes from {} to {}", allowed.start(), allowed.end()));
            if allowed.contains(&value) { Ok(value) } else { Err(wrong()) }
        };
        let number = |what: &str, value: Option<u32>, usual: u32, allowed| -> Answer<u32> {
            Ok(within(what, u64::from(value.unwrap_or(usual)), allowed)? as u32)
        };
        Ok(FormOptions {
            repeats: number("repeats", self.repeats, usual.repeats, 1..=10_000)?,
            resolution: number("resolution", self.resolution, usual.resolution, 64..=8_192)?,
            batch_size: number("batch_size", self.batch_size, usual.batch_size, 1..=1_024)?,
            csv_metadata: self.csv_metadata,
            with_pictures: !self.no_pictures,
            shard_bytes: within("shard_mb", self.shard_mb.unwrap_or(SHARD_MB), 1..=65_536)? << 20,
            ..usual
        })
    }

    async fn jobs(&self, state: &AppState) -> Answer<Vec<Job>> {
        let mut jobs = Vec::new();
        for name in &self.jobs {
            let job = job_of(state, name).await?;
            if job.definition.file.recipe == RecipeName::Critique {
                return Err(ApiError::bad(format!("{} makes critiques, no pictures; name its collection", job.name)));
            }
            jobs.push(job);
        }
        Ok(jobs)
    }
}

/// A release that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleasePut {
    /// Collections by name.
    collections: Vec<String>,
    /// Folder to write to.
    folder: String,
    /// Version of the release.
    release: String,
    /// Folder of the release before; CHANGES.md tells what changed.
    #[serde(default)]
    since: Option<String>,
    /// Rows of each collection in the subset `pilot`, 10 when nothing is said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10_000)]
    pilot: Option<u32>,
    /// As of a data set.
    #[serde(default)]
    #[schema(maximum = 32)]
    duplicates: Option<u32>,
    /// `license`, `text_license`, `attribution`.
    #[serde(default)]
    #[schema(value_type = Object)]
    rights: Rights,
}

/// Write merged critiques as a release: subsets, rights, counts, change log, no pictures
#[utoipa::path(post, path = "/exports/releases", tag = "exports", request_body = ReleasePut,
    responses((status = 202, body = SaveStarted)))]
pub(crate) async fn put_release(
    State(state): State<AppState>,
    reader: Reader,
    Json(body): Json<ReleasePut>,
) -> Answer<Response> {
    if body.collections.is_empty() || body.release.trim().is_empty() {
        return Err(ApiError::bad("a release needs collections and a version"));
    }
    let folder = place(&state, &body.folder)?;
    check_folder(&state, &folder)?;
    let since = body.since.as_deref().map(|since| place(&state, since)).transpose()?;
    let likeness = likeness(body.duplicates, 0.0)?;
    let pilot = body.pilot.unwrap_or(PILOT) as usize;
    let words = CardWords::of(reader.lang().word());
    let rows = rows_of(&state, &body.collections).await?;
    let name = body.collections.join("-");
    let work = async move {
        let set = critiques(name, rows, likeness, body.rights).await?.with_words(words);
        release(ReleaseRequest { set, version: body.release, pilot, since, folder }).await
    };
    Ok(begun(&state, work, body.folder))
}

/// A folder with a data set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FolderPut {
    /// Where it is.
    folder: String,
}

/// Read a data set again and say what is wrong with it
#[utoipa::path(post, path = "/exports/checks", tag = "exports", request_body = FolderPut,
    responses((status = 200, body = DatasetChecked)))]
pub(crate) async fn check_set(
    State(state): State<AppState>,
    reader: Reader,
    Json(body): Json<FolderPut>,
) -> Answer<Out<Value>> {
    let checked = check(place(&state, &body.folder)?).await.map_err(|error| refused(&error))?;
    told(reader, &checked)
}

/// Two releases.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangesPut {
    /// Folder of the release before.
    from: String,
    /// Folder of the release behind.
    to: String,
}

/// What changed between two releases
#[utoipa::path(post, path = "/exports/changes", tag = "exports", request_body = ChangesPut,
    responses((status = 200, body = DatasetChanges)))]
pub(crate) async fn tell_changes(
    State(state): State<AppState>,
    reader: Reader,
    Json(body): Json<ChangesPut>,
) -> Answer<Out<Value>> {
    let change =
        changes(place(&state, &body.from)?, place(&state, &body.to)?).await.map_err(|error| refused(&error))?;
    told(reader, &change)
}

fn told(reader: Reader, document: &impl serde::Serialize) -> Answer<Out<Value>> {
    Ok(reader.told(serde_json::to_value(document).map_err(|error| ApiError::fault(error.to_string()))?))
}

/// A path as it can be opened, when it may be.
fn place(state: &AppState, path: &str) -> Answer<PathBuf> {
    if path.trim().is_empty() {
        return Err(ApiError::bad("name a folder"));
    }
    let place = state.desk().workspace.root.join(expand_home(path));
    state.roots.check(&place)?;
    Ok(place)
}

fn likeness(bits: Option<u32>, validation: f64) -> Answer<Likeness> {
    if !(0.0..1.0).contains(&validation) || bits.is_some_and(|bits| bits > 32) {
        return Err(ApiError::bad("validation is a share from 0 to below 1, duplicates a number of bits from 0 to 32"));
    }
    Ok(Likeness { bits, validation })
}

/// The merged rows of collections; one that has none is an error.
async fn rows_of(state: &AppState, names: &[String]) -> Answer<Vec<CritiqueRow>> {
    let desk = state.desk();
    let mut rows = Vec::new();
    for name in names {
        if !desk.config.collections.contains_key(name) {
            return Err(ApiError::missing("collection", name));
        }
        let own = merged_rows(&desk, &state.store, name).await?;
        if own.is_empty() {
            return Err(ApiError::conflict(format!("the collection {name} has no merged rows; merge them first")));
        }
        rows.extend(own);
    }
    Ok(rows)
}

/// Starts the work, whose end is told as that of a save.
fn begun<T: serde::Serialize + Send + 'static>(
    state: &AppState,
    work: impl Future<Output = Result<T, DatasetError>> + Send + 'static,
    folder: String,
) -> Response {
    let save = saves::start_other(state, work);
    let mut answer = (StatusCode::ACCEPTED, Out(SaveStarted { save })).into_response();
    answer.extensions_mut().insert(Detail(folder));
    answer
}

fn refused(error: &DatasetError) -> ApiError {
    if error.is_usage() { ApiError::bad(error.to_string()) } else { ApiError::fault(error.to_string()) }
}
