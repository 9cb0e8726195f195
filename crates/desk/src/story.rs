//! Everything known about one task: its calls with what was said, its pictures with how their sources were prepared.

use std::collections::BTreeSet;

use imagemill_domain::asset::Asset;
use imagemill_domain::call::Call;
use imagemill_domain::job::Job;
use imagemill_domain::plan::prompt_of;
use imagemill_domain::task::Task;
use imagemill_store::{Batch, Files, Store};
use serde_json::{Value, json};

use crate::documents;
use crate::error::DeskError;

/// A task's whole story.
#[derive(Clone, Debug)]
pub struct TaskStory {
    /// Its job.
    pub job: Job,
    /// The task.
    pub task: Task,
    /// Calls, oldest first, with request and answer where they were kept.
    pub calls: Vec<(Call, Option<(String, String)>)>,
    /// The batches that its calls went with.
    pub batches: Vec<Batch>,
    /// Pictures, earlier ones too, with what was done to their sources.
    pub assets: Vec<(Asset, Option<Value>)>,
    /// What it ended with in words.
    pub document: Option<Value>,
}

impl TaskStory {
    /// Reads it.
    pub async fn read(store: &Store, task: Task) -> Result<Self, DeskError> {
        let job = store.jobs().get(task.job).await?.ok_or(DeskError::JobGone)?;
        let mut calls = Vec::new();
        for call in store.calls().for_task(task.id).await? {
            let raw = store.calls().raw(call.id).await?;
            calls.push((call, raw));
        }
        let mut assets = Vec::new();
        for asset in store.assets().history_of_task(task.id).await? {
            let prepared = store.assets().prepared(asset.id).await?;
            assets.push((asset, prepared));
        }
        let numbers: BTreeSet<_> = calls.iter().filter_map(|(call, _)| call.batch).collect();
        let mut batches = Vec::new();
        for number in numbers {
            batches.extend(store.batches().get(number).await?);
        }
        let document = store.tasks().document(task.id).await?;
        Ok(Self { job, task, calls, batches, assets, document })
    }

    /// What `explain --json` prints. `files` tells where the pictures lie.
    pub fn document(&self, files: Option<&Files>) -> Value {
        let parse = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        let calls: Vec<Value> = self
            .calls
            .iter()
            .map(|(call, raw)| {
                let (request, answer) = raw.as_ref().map(|(a, b)| (parse(a), parse(b))).unwrap_or_default();
                json!({ "call": call, "request": request, "answer": answer })
            })
            .collect();
        let assets: Vec<Value> = self
            .assets
            .iter()
            .map(|(asset, prepared)| {
                let path = files.map(|files| files.original_path(&asset.facts.blake3, asset.facts.format));
                json!({ "asset": asset, "prepared": prepared, "path": path })
            })
            .collect();
        json!({
            "job": self.job.name,
            "task": self.task,
            "prompt": prompt_of(&self.job.definition, &self.task.spec),
            "calls": calls,
            "batches": self.batches.iter().map(documents::batch).collect::<Vec<_>>(),
            "assets": assets,
            "document": self.document,
        })
    }
}
