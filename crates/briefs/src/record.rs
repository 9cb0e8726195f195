//! What a run leaves in its asset's folder: the request before anything is sent, then attempts, answer, pictures, manifest, and the
//! asset's own card and browse list. Paths in records are relative to the asset, so that the folder can be moved. A picture that
//! is there is never touched again.

use std::path::PathBuf;

use imagemill_domain::call::Call;
use imagemill_domain::picture::PictureFacts;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::attempt::{AttemptState, attempt_id, attempt_record};
use crate::brief::{Brief, Purpose};
use crate::evidence::Evidence;
use crate::folder::{AssetFolder, FolderError, sha256_of};
use crate::index;
use crate::judge;

/// `runs/image/RUN/request.json`: what was asked for, as it was when it was paid for. Everything later starts from this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredRequest {
    /// Of this form; 1.
    pub schema_version: u32,
    /// The request, normalised.
    pub input: Brief,
    /// The prompt with the traits in it.
    pub sent_prompt: String,
    /// What must not be in the picture, all of it.
    pub forbidden: String,
    /// Of the prompt as it was written.
    pub prompt_hash: String,
    /// Of everything that changes the picture.
    pub request_hash: String,
    /// The pictures that are edited.
    pub inputs: Vec<Evidence>,
    /// What the request is based on.
    pub source_basis: Vec<Evidence>,
    /// The job in the workspace.
    pub job: String,
    /// The profile that is called.
    pub profile: String,
    /// When it was taken, RFC 3339.
    pub created_at: String,
}

/// What became of a run so far.
pub struct Outcome<'a> {
    /// The task's state.
    pub state: &'a str,
    /// Calls, oldest first, each with request and answer where they were kept.
    pub calls: &'a [(Call, Option<(String, String)>)],
    /// Pictures, oldest first: where the bytes are, what they are, when they came (microseconds since 1970).
    pub pictures: &'a [(PathBuf, PictureFacts, i64)],
    /// Microseconds since 1970 as RFC 3339.
    pub time: &'a dyn Fn(i64) -> String,
    /// Now.
    pub now: String,
}

impl StoredRequest {
    fn run(&self) -> String {
        format!("runs/image/{}", self.input.run_id)
    }

    /// The record of an earlier submission of the same run.
    pub fn load(folder: &AssetFolder, run: &str) -> Result<Option<Self>, FolderError> {
        let relative = format!("runs/image/{run}/request.json");
        let Some(value) = folder.json(&relative)? else { return Ok(None) };
        let path = folder.path(&relative);
        serde_json::from_value(value).map(Some).map_err(|_| FolderError::Foreign { path })
    }

    /// Writes what is known before anything is sent.
    pub fn begin(&self, folder: &AssetFolder) -> Result<(), FolderError> {
        let run = self.run();
        folder.put_json(&format!("{run}/request.json"), &serde_json::to_value(self).expect("a request serialises"))?;
        if folder.json(&format!("{run}/attempts/index.json"))?.is_none() {
            self.write_attempts(folder, &[], &|_| String::new())?;
        }
        self.write_card(folder, "submitting", None, &self.created_at)
    }

    /// Writes what became of it. May be repeated: pictures that are there stay, missing ones come again.
    pub fn complete(&self, folder: &AssetFolder, outcome: &Outcome<'_>) -> Result<Vec<String>, FolderError> {
        let run = self.run();
        self.write_attempts(folder, outcome.calls, outcome.time)?;
        let last = outcome.calls.last();
        let parse = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        let answer = last.and_then(|(_, raw)| raw.as_ref()).map(|(_, answer)| parse(answer));
        let attempt = (!outcome.calls.is_empty()).then(|| attempt_id(outcome.calls.len()));
        let response = json!({
            "schemaVersion": 1, "attemptId": attempt, "state": last.map(|(call, _)| call.state), "response": answer,
        });
        folder.put_json(&format!("{run}/response.json"), &response)?;
        let (assets, paths) = self.write_pictures(folder, outcome)?;
        let failed =
            last.map(|(call, _)| call).filter(|call| AttemptState::of(call) == AttemptState::MaterializationFailed);
        let failure = failed.map(|call| {
            json!({
                "code": "provider_completed_asset_materialization_failed", "runId": self.input.run_id, "recoverable": true,
                "message": call.failure.as_ref().map(|failure| &failure.message),
                "manifestPath": format!("{run}/manifest.json"), "responsePath": format!("{run}/response.json"),
            })
        });
        let mut manifest = self.manifest(&assets);
        manifest["attemptId"] = json!(attempt);
        manifest["status"] = outcome.state.into();
        manifest["providerStatus"] = json!(last.map(|(call, _)| call.state));
        manifest["error"] = json!(last.and_then(|(call, _)| call.failure.as_ref()));
        manifest["recoverableFailure"] = json!(failure);
        folder.put_json(&format!("{run}/manifest.json"), &manifest)?;
        self.write_card(folder, outcome.state, failure.as_ref(), &outcome.now)?;
        index::rebuild(folder)?;
        Ok(paths)
    }

    fn write_attempts(
        &self,
        folder: &AssetFolder,
        calls: &[(Call, Option<(String, String)>)],
        time: &dyn Fn(i64) -> String,
    ) -> Result<(), FolderError> {
        let run = self.run();
        let mut summaries = Vec::new();
        for at in 0..calls.len().max(1) {
            let (call, raw) = calls.get(at).map_or((None, None), |(call, raw)| (Some(call), raw.as_ref()));
            let record = attempt_record(at + 1, &self.input.run_id, call, time);
            let place = format!("{run}/attempts/{}", attempt_id(at + 1));
            folder.put_json(&format!("{place}/attempt.json"), &record)?;
            let texts = raw.map(|(request, answer)| [("submit-request", request), ("submit-response", answer)]);
            for (name, text) in texts.into_iter().flatten().filter(|(_, text)| !text.is_empty()) {
                let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
                folder.put_json(&format!("{place}/{name}.json"), &value)?;
            }
            summaries.push(json!({
                "attemptId": record["attemptId"], "sequence": at + 1, "state": record["state"],
                "nextAction": record["nextAction"], "attemptPath": record["attemptPath"],
            }));
        }
        let index = json!({
            "schemaVersion": 1, "assetId": self.input.asset_id, "runId": self.input.run_id, "mediaType": "image",
            "activeAttemptId": attempt_id(calls.len().max(1)), "attemptsDir": format!("{run}/attempts"),
            "attempts": summaries,
        });
        folder.put_json(&format!("{run}/attempts/index.json"), &index)
    }

    /// Copies the pictures in under names of their own run. Returns their entries and paths.
    fn write_pictures(
        &self,
        folder: &AssetFolder,
        outcome: &Outcome<'_>,
    ) -> Result<(Vec<Value>, Vec<String>), FolderError> {
        let run = &self.input.run_id;
        let (mut entries, mut paths) = (Vec::new(), Vec::new());
        // What a person moved to another media folder is not written again.
        let placed = index::place(folder)?.there;
        for (at, (from, facts, created_us)) in outcome.pictures.iter().enumerate() {
            let sha256 = format!("sha256:{}", facts.sha256);
            let id = format!("img-{:03}", at + 1);
            let mut path = format!("images/candidates/{run}-{id}.{}", facts.format.extension());
            let moved = placed.iter().find(|(place, known)| {
                **place != path && known.as_ref().is_some_and(|known| known.path == path && known.run == *run)
            });
            if let Some((place, _)) = moved {
                paths.push(place.clone());
            } else {
                if folder.path(&path).exists() && sha256_of(&folder.path(&path))? != sha256 {
                    path =
                        format!("images/candidates/{run}-{id}-{}.{}", facts.blake3.short(), facts.format.extension());
                }
                folder.put_file(&path, from)?;
                paths.push(path.clone());
            }
            let basis: Vec<&str> = self.source_basis.iter().map(|basis| basis.named.as_str()).collect();
            entries.push(json!({
                "assetId": id, "localPath": path, "assetRelativePath": path, "remoteUrl": null,
                "mimeType": facts.format.media_type(), "promptHash": self.prompt_hash, "requestHash": self.request_hash,
                "sourceBasis": basis, "sha256": sha256, "bytes": facts.bytes, "width": facts.width,
                "height": facts.height, "createdAt": (outcome.time)(*created_us),
            }));
        }
        Ok((entries, paths))
    }

    fn manifest(&self, assets: &[Value]) -> Value {
        let (input, run) = (&self.input, self.run());
        let named = |list: &[Evidence]| list.iter().map(|one| one.named.clone()).collect::<Vec<_>>();
        json!({
            "schemaVersion": 1, "assetId": input.asset_id, "runId": input.run_id, "jobId": input.job_id,
            "campaignId": input.campaign_id, "personaId": input.persona_id, "conceptId": input.concept_id,
            "assetPurpose": input.asset_purpose, "variantTestReason": input.variant_test_reason,
            "provider": input.provider, "profile": self.profile, "model": input.model, "mode": input.mode,
            "mediaType": "image", "localAssetDir": ".", "requestPath": format!("{run}/request.json"),
            "responsePath": format!("{run}/response.json"), "attemptsPath": format!("{run}/attempts/index.json"),
            "promptHash": self.prompt_hash, "requestHash": self.request_hash, "qualityProfile": input.quality_profile,
            "qualityReason": input.quality_reason, "inputs": { "imagePaths": named(&self.inputs) },
            "derivedFrom": self.inputs.iter().filter_map(|one| one.sha256.clone()).collect::<Vec<_>>(),
            "job": self.job, "createdAt": self.created_at, "assets": assets,
        })
    }

    /// The asset's card. Heroes and a person's verdict on it are not this record's to change.
    fn write_card(
        &self,
        folder: &AssetFolder,
        state: &str,
        failure: Option<&Value>,
        now: &str,
    ) -> Result<(), FolderError> {
        let input = &self.input;
        let mut card = folder.json("asset.json")?.unwrap_or_else(|| {
            json!({ "schemaVersion": 1, "heroImagePath": null, "createdAt": self.created_at, "status": "in_progress" })
        });
        // A new candidate of an asset that has nothing good yet asks for a verdict of its own.
        let judged = match card["status"].as_str() {
            Some("approved") => true,
            Some("rejected" | "revise") => !judge::waits(folder)?,
            _ => false,
        };
        if !judged {
            let has_pictures = !folder.files("images/candidates")?.is_empty();
            card["status"] = match (state, failure) {
                (_, Some(_)) => "materialization_failed",
                ("succeeded" | "partial", None) => "review_pending",
                _ if has_pictures => "review_pending",
                _ => "in_progress",
            }
            .into();
        }
        let members = [
            ("assetId", json!(input.asset_id)),
            ("campaignId", json!(input.campaign_id)),
            ("personaId", json!(input.persona_id)),
            ("conceptId", json!(input.concept_id)),
            ("assetPurpose", json!(input.asset_purpose)),
            ("creativeFormat", json!(input.creative_format)),
            ("targetAspectRatio", json!(input.target_aspect_ratio)),
            ("sourceBasis", json!(input.source_basis)),
            ("localAssetDir", json!(".")),
            ("lastRunId", json!(input.run_id)),
            ("lastRunStatus", json!(state)),
            ("lastRecoverableError", json!(failure)),
        ];
        let before = card.clone();
        for (name, value) in members {
            // An edit mends the asset; what the asset is for stays.
            let mends = name == "assetPurpose" && input.asset_purpose == Some(Purpose::EditFix);
            if !(mends && card[name].is_string()) {
                card[name] = value;
            }
        }
        if card != before || card["updatedAt"].is_null() {
            card["updatedAt"] = now.into();
        }
        folder.put_json("asset.json", &card)
    }
}
