//! Request files through the engine: a brief becomes a job of one task, and what came of it is written into the asset's folder.
//! What a request says and what the records look like is the crate `briefs`' matter.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use imagemill_briefs::{
    AssetFolder, Brief, Evidence, FolderLock, Outcome, Problem, Problems, StoredRequest, Verb, forbidden, is_link,
    job_file, look, place, prompt_hash, request_hash, sent_prompt, sha256, sha256_of,
};
use imagemill_domain::job::JobState;
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::profile::Profile;
use imagemill_domain::task::TaskState;
use imagemill_providers::{ImageProvider, PictureBytes, PictureInput, Registry, Spool};
use imagemill_store::{Store, TaskFilter};
use serde_json::{Value, json};

use crate::clock::{now_us, rfc3339};
use crate::config::Config;
use crate::desk::Desk;
use crate::error::DeskError;
use crate::job_input::JobInput;
use crate::profiles::{choose, credential};
use crate::runner::Runner;
use crate::story::TaskStory;

/// Uploads live seven days at the provider; one that is nearly over is not named again.
const UPLOAD_LIFETIME_US: i64 = 6 * 24 * 3_600 * 1_000_000;

/// A request that passed the gate, ready to be submitted.
#[derive(Debug)]
pub struct TakenRequest {
    /// What will be recorded, or was when the run was submitted before.
    pub stored: StoredRequest,
    /// The asset's folder.
    pub folder: AssetFolder,
    /// The job.
    pub input: JobInput,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// The run was submitted before; submitting it again pays for nothing twice.
    pub is_known: bool,
}

/// A run's request and folder, found again from its records.
#[derive(Debug)]
pub struct KnownRun {
    /// What was recorded.
    pub stored: StoredRequest,
    /// The asset's folder.
    pub folder: AssetFolder,
}

fn problem(field: &str, message: String) -> DeskError {
    Problems(vec![Problem::wrong(field, message)]).into()
}

/// The asset's folder, from the workspace's folder. Finals are never left to a temporary folder or to imagemill's own state.
fn asset_folder(desk: &Desk, named: &str) -> Result<AssetFolder, DeskError> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (root, state) = (absolute(&desk.workspace.root), absolute(&desk.workspace.state()));
    let path = absolute(&root.join(named));
    let is_in = |path: &Path, folder: &Path| path.starts_with(folder);
    let temporary = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()];
    if is_in(&path, &state) {
        let message =
            format!("localAssetDir {named} is in imagemill's own folder, which is no place for finished files");
        return Err(problem("localAssetDir", message));
    }
    if temporary.iter().any(|folder| is_in(&path, folder) && !is_in(&root, folder)) {
        let message = format!("localAssetDir {named} is a temporary folder, which is no place for finished files");
        return Err(problem("localAssetDir", message));
    }
    Ok(AssetFolder::new(path))
}

/// The profile that a request goes to: the named one, or the one that its provider means.
fn profile_of(config: &Config, provider: &str, named: Option<&str>) -> Result<Profile, DeskError> {
    let meant = match provider {
        own if config.profiles.contains_key(own) => own,
        "hosted-media" => "wavespeed",
        own => own,
    };
    choose(config, Some(named.unwrap_or(meant)))
}

/// A provider that hands over and fetches files.
async fn provider(runner: &mut Runner, profile: &mut Profile) -> Result<Arc<dyn ImageProvider>, DeskError> {
    let secret = credential(profile)?;
    runner.provide(profile).await?;
    Registry::new()
        .provider(profile, true, secret)
        .map_err(|failure| DeskError::NoCredential { profile: profile.name.clone(), failure })
}

impl Desk {
    /// Becomes the only writer of an asset's folder.
    pub fn lock_asset(&self, folder: &AssetFolder) -> Result<FolderLock, DeskError> {
        Ok(folder.lock(&self.workspace.state().join("asset-locks"))?)
    }
}

/// Takes a request through the gate: everything about it and about the files that it names is checked before anything is sent.
pub async fn take_request(
    desk: &Desk,
    runner: &mut Runner,
    text: &str,
    verb: Verb,
    named: Option<&str>,
) -> Result<TakenRequest, DeskError> {
    let brief = imagemill_briefs::read(text, verb)?;
    let folder = asset_folder(desk, &brief.local_asset_dir)?;
    let before = StoredRequest::load(&folder, &brief.run_id)?;
    let named = named.or(before.as_ref().map(|stored| stored.profile.as_str()));
    let mut profile = profile_of(&desk.config, &brief.provider, named)?;
    let project = desk.workspace.root.clone();
    let (mut warnings, mut problems, mut basis) = (Vec::new(), Vec::new(), Vec::new());
    for name in &brief.source_basis {
        match look("sourceBasis", name, &project, folder.root()) {
            Ok((evidence, warning)) => {
                basis.push(evidence);
                warnings.extend(warning);
            }
            Err(problem) => problems.push(problem),
        }
    }
    for name in brief.input_urls.iter().filter(|name| !is_link(name)) {
        match look("inputUrls", name, &project, folder.root()) {
            Ok((_, warning)) => warnings.extend(warning),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    let mut pictures = Vec::new();
    let mut inputs = Vec::new();
    for name in &brief.input_urls {
        let path = if is_link(name) {
            linked(desk, runner, &mut profile, &folder, name).await?
        } else {
            std::path::absolute(place(&project, name)).unwrap_or_else(|_| place(&project, name))
        };
        let bytes = std::fs::metadata(&path).ok().map(|facts| facts.len());
        inputs.push(Evidence { named: name.clone(), sha256: Some(sha256_of(&path)?), bytes });
        pictures.push(path.to_string_lossy().into_owned());
    }
    let hashes: Vec<String> = inputs.iter().filter_map(|input| input.sha256.clone()).collect();
    let request_hash = request_hash(&brief, &hashes);
    let mut file = job_file(&brief, &pictures);
    let is_known = before.is_some();
    let stored = match before {
        Some(stored) if stored.request_hash == request_hash => stored,
        Some(_) => {
            let message = format!(
                "runId {} was submitted with another request; give a new runId, so that both stay what they are",
                brief.run_id
            );
            return Err(problem("runId", message));
        }
        None => stored_request(brief, &folder, &profile, request_hash, inputs, basis),
    };
    file.profile = Some(stored.profile.clone());
    let input =
        JobInput { file, name: stored.job.clone(), base: project, text: None, save_to: None, concurrency: None };
    Ok(TakenRequest { stored, folder, input, warnings, is_known })
}

/// Takes all requests of a batch file (`suffix` says which form it has) through the gate; what is wrong with any of them is said at once.
pub async fn take_batch(
    desk: &Desk,
    runner: &mut Runner,
    text: &str,
    suffix: &str,
    named: Option<&str>,
) -> Result<Vec<TakenRequest>, DeskError> {
    let (mut taken, mut problems) = (Vec::new(), Vec::new());
    for request in &imagemill_briefs::batch(text, suffix)? {
        match take_request(desk, runner, &request.text, request.verb, named).await {
            Ok(one) => taken.push(one),
            Err(DeskError::Request(wrong)) => problems.extend(wrong.of(&request.label).0),
            Err(error) => return Err(error),
        }
    }
    if problems.is_empty() { Ok(taken) } else { Err(Problems(problems).into()) }
}

fn stored_request(
    brief: Brief,
    folder: &AssetFolder,
    profile: &Profile,
    request_hash: String,
    inputs: Vec<Evidence>,
    source_basis: Vec<Evidence>,
) -> StoredRequest {
    // The same asset and run in another folder is another job.
    let place = sha256(folder.root().as_os_str().as_encoded_bytes());
    StoredRequest {
        schema_version: 1,
        sent_prompt: sent_prompt(&brief),
        forbidden: forbidden(&brief),
        prompt_hash: prompt_hash(&brief.prompt),
        request_hash,
        inputs,
        source_basis,
        job: format!("{}/{}-{}", brief.asset_id, brief.run_id, &place[7..13]),
        profile: profile.name.clone(),
        created_at: rfc3339(now_us()),
        input: brief,
    }
}

/// The file behind an address: the one that was uploaded there, else fetched into the asset's sources.
async fn linked(
    desk: &Desk,
    runner: &mut Runner,
    profile: &mut Profile,
    folder: &AssetFolder,
    url: &str,
) -> Result<PathBuf, DeskError> {
    let index = imagemill_briefs::derived(folder)?;
    let uploads = index["uploads"].as_array().into_iter().flatten();
    if let Some(path) =
        uploads.into_iter().find(|upload| upload["uploadedUrl"] == url).and_then(|row| row["path"].as_str())
    {
        return Ok(folder.path(path));
    }
    let unread = |why: String| problem("inputUrls", format!("inputUrls names {url}, which cannot be fetched: {why}"));
    let provider = provider(runner, profile).await?;
    desk.workspace.create()?;
    let spool = Spool::new(desk.files()?.spool_dir(), "request-source");
    let spooled = provider.download(url, spool).await.map_err(|failure| unread(failure.message))?;
    let kept = (|| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut spooled.open()?, &mut bytes)?;
        let part =
            desk.files().map_err(std::io::Error::other)?.spool_dir().join(format!("request-{}.part", spooled.blake3));
        std::fs::write(&part, &bytes)?;
        Ok::<_, std::io::Error>((part, PictureFormat::sniff(&bytes)))
    })();
    let blake3 = spooled.blake3;
    spooled.discard();
    let (part, format) = kept.map_err(|error| unread(error.to_string()))?;
    let format = format.ok_or_else(|| unread("it is not a picture".into()))?;
    let name = format!("images/source/{}.{}", blake3.short(), format.extension());
    let put = folder.put_file(&name, &part);
    let _ = std::fs::remove_file(&part);
    put?;
    Ok(folder.path(&name))
}

/// The run that a request file means, from its stored record and nothing else of the file.
pub fn known_run(desk: &Desk, text: &str) -> Result<KnownRun, DeskError> {
    let (folder, _, run) = imagemill_briefs::which_run(text)?;
    let folder = asset_folder(desk, &folder)?;
    let stored = StoredRequest::load(&folder, &run)?.ok_or_else(|| {
        let message = format!("runId {run} was never submitted into {}; submit it first", folder.root().display());
        problem("runId", message)
    })?;
    Ok(KnownRun { stored, folder })
}

/// The job of a run, made active again when it was paused.
pub async fn job_of_run(store: &Store, stored: &StoredRequest) -> Result<imagemill_domain::job::JobId, DeskError> {
    let job = store.jobs().by_name(&stored.job).await?.ok_or_else(|| {
        let message = format!(
            "runId {} was recorded, and this workspace has no job {} for it; submit the request again, or name its workspace with --workspace DIR",
            stored.input.run_id, stored.job
        );
        problem("runId", message)
    })?;
    if job.state == JobState::Paused {
        store.jobs().set_state(job.id, JobState::Active, None, now_us()).await?;
    }
    Ok(job.id)
}

/// Writes what became of a run into its asset's folder; may be repeated. Returns the document of the run.
pub async fn collect_run(
    desk: &Desk,
    store: &Store,
    stored: &StoredRequest,
    folder: &AssetFolder,
) -> Result<Value, DeskError> {
    let job = store.jobs().by_name(&stored.job).await?.ok_or(DeskError::JobGone)?;
    let filter = TaskFilter { job: job.id, states: None, failure: None };
    // A run that was retried keeps its task; one that was superseded has its own job.
    let task = store.tasks().page(filter, None, 1).await?.pop().ok_or(DeskError::JobGone)?;
    let state = task.state;
    let story = TaskStory::read(store, task).await?;
    let files = desk.files()?;
    let pictures: Vec<_> = story
        .assets
        .iter()
        .map(|(asset, _)| {
            let facts = asset.facts.clone();
            (files.original_path(&facts.blake3, facts.format), facts, asset.created_us)
        })
        .collect();
    let outcome = Outcome {
        state: state.word(),
        calls: &story.calls,
        pictures: &pictures,
        time: &rfc3339,
        now: rfc3339(now_us()),
    };
    let lock = desk.lock_asset(folder)?;
    let paths = stored.complete(folder, &outcome)?;
    drop(lock);
    Ok(json!({
        "type": "request", "asset": stored.input.asset_id, "run": stored.input.run_id, "folder": folder.root(),
        "state": state, "job": stored.job, "task": story.task.id, "pictures": paths, "attempts": story.calls.len(),
        "promptHash": stored.prompt_hash, "requestHash": stored.request_hash, "chosen": stored.input.chosen,
        "ended": state.is_ended() && state != TaskState::Unknown,
    }))
}

/// Hands a file to the provider and records it in the asset's folder. The same bytes are not handed over twice while their address
/// lives.
pub async fn upload_request(
    desk: &Desk,
    runner: &mut Runner,
    text: &str,
    named: Option<&str>,
) -> Result<Value, DeskError> {
    let brief = imagemill_briefs::read(text, Verb::Upload)?;
    let folder = asset_folder(desk, &brief.local_asset_dir)?;
    let file = brief.local_file_path.clone().unwrap_or_default();
    let (evidence, _) =
        look("localFilePath", &file, &desk.workspace.root, folder.root()).map_err(|it| Problems(vec![it]))?;
    let path = place(&desk.workspace.root, &file);
    let unread =
        |error: std::io::Error| problem("localFilePath", format!("localFilePath {file} cannot be read: {error}"));
    let bytes = std::fs::read(&path).map_err(unread)?;
    let format = PictureFormat::sniff(&bytes).ok_or_else(|| {
        problem("localFilePath", format!("localFilePath {file} is no picture; only pictures are uploaded"))
    })?;
    let lock = desk.lock_asset(&folder)?;
    let run = format!("runs/upload/{}", brief.run_id);
    let sha = evidence.sha256.clone().unwrap_or_default();
    let known = folder.json(&format!("{run}/manifest.json"))?;
    if known.is_some_and(|known| known["sha256"] != sha.as_str()) {
        let message =
            format!("runId {} uploaded another file; give a new runId, so that both stay what they are", brief.run_id);
        return Err(problem("runId", message));
    }
    let now = now_us();
    let index = imagemill_briefs::derived(&folder)?;
    let lives = |row: &&Value| {
        let at = row["uploadedAt"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        row["sha256"] == sha.as_str() && at.is_some_and(|at| now - at.as_microsecond() < UPLOAD_LIFETIME_US)
    };
    let earlier = index["uploads"].as_array().into_iter().flatten().find(lives).cloned();
    let mut profile = profile_of(&desk.config, &brief.provider, named)?;
    let (url, at, again) = if let Some(row) = earlier {
        (row["uploadedUrl"].clone(), row["uploadedAt"].clone(), true)
    } else {
        let provider = provider(runner, &mut profile).await?;
        let picture = PictureInput {
            address: None,
            len: bytes.len() as u64,
            blake3: imagemill_domain::hash::ContentHash::of(&bytes),
            bytes: PictureBytes::Memory(bytes.into()),
            format,
            file_name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        };
        desk.workspace.create()?;
        let spool = Spool::new(desk.files()?.spool_dir(), "upload");
        let url = provider
            .upload(&picture, spool)
            .await
            .map_err(|failure| DeskError::NotUploaded { file: file.clone(), failure })?;
        (url.address.into(), rfc3339(now).into(), false)
    };
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let inside = format!("images/source/{name}-{}.{}", &sha[7..15], format.extension());
    folder.put_file(&inside, &path)?;
    let manifest = json!({
        "schemaVersion": 1, "assetId": brief.asset_id, "runId": brief.run_id, "jobId": brief.job_id,
        "provider": brief.provider, "profile": profile.name, "mediaType": "upload", "localAssetDir": ".",
        "requestPath": format!("{run}/request.json"), "responsePath": format!("{run}/response.json"),
        "uploadedUrl": url, "sourceLocalFilePath": file, "sourceAssetRelativePath": inside, "sha256": sha,
        "bytes": evidence.bytes, "mimeType": format.media_type(), "createdAt": at,
    });
    folder.put_json(&format!("{run}/request.json"), &json!({ "schemaVersion": 1, "input": brief }))?;
    folder.put_json(
        &format!("{run}/response.json"),
        &json!({ "schemaVersion": 1, "uploadedUrl": url, "reused": again }),
    )?;
    folder.put_json(&format!("{run}/manifest.json"), &manifest)?;
    imagemill_briefs::rebuild(&folder)?;
    drop(lock);
    Ok(json!({
        "type": "upload", "asset": brief.asset_id, "run": brief.run_id, "folder": folder.root(), "url": url,
        "path": inside, "sha256": sha, "reused": again,
    }))
}
