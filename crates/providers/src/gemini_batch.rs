//! Gemini's `:batchGenerateContent`: a JSONL file of requests for one model, given by a resumable upload; results in a file.
//!
//! Our key is the batch's display name, by which it is found again.

use imagemill_domain::failure::{Billing, Failure, FailureKind};
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::batch::{
    BatchAsk, BatchEnd, BatchLine, BatchProvider, BatchResults, BatchStage, Line, MAX_PAGES, NewBatch, Says, file_part,
    not_given, text_of,
};
use crate::body::{self, Body};
use crate::error::quote;
use crate::gemini_files;
use crate::provider::{CallFailure, ProviderFuture};
use crate::queue::no_ticket;
use crate::spool::Spool;
use crate::wire::Wire;

/// An account with Gemini's batches.
pub(crate) struct GeminiBatch {
    wire: Wire,
}

impl GeminiBatch {
    /// Over `wire`, whose key goes in the header that Gemini wants.
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn url(&self, path: &str) -> Url {
        gemini_files::url(&self.wire, "", path)
    }

    fn stage(&self, batch: &Value) -> BatchStage {
        let state = ["/metadata/state", "/state"].iter().find_map(|place| batch.pointer(place)?.as_str());
        let state = state.unwrap_or_default();
        let word = state.trim_start_matches("BATCH_STATE_").trim_start_matches("JOB_STATE_");
        let outcome = match word {
            "SUCCEEDED" => "completed",
            "EXPIRED" => "expired",
            "CANCELLED" => "cancelled",
            "FAILED" => "failed",
            _ => return BatchStage::Pending { again_in_ms: None },
        };
        let places = ["/metadata/output/responsesFile", "/response/responsesFile", "/output/responsesFile"];
        let file = places.iter().find_map(|place| text_of(batch.pointer(place)?));
        let results: Vec<Url> = file.iter().filter_map(|file| self.download_url(file)).collect();
        let failure = (outcome == "failed" && results.is_empty()).then(|| {
            let words = batch.pointer("/error/message").or(batch.pointer("/metadata/error/message"));
            let words = words.and_then(Value::as_str).unwrap_or("no reason given");
            Failure::new(FailureKind::Invalid, format!("the provider did not run the batch: {}", quote(words)))
                .billing(Billing::NotBilled)
        });
        BatchStage::Ended(BatchEnd { outcome, failure, results })
    }

    /// Where a file is fetched: `files/abc` becomes `…/files/abc:download`.
    fn download_url(&self, file: &str) -> Option<Url> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let id = file.strip_prefix("files/").filter(|id| !id.is_empty() && id.chars().all(plain))?;
        let mut url = self.url(&format!("/files/{id}:download"));
        url.set_query(Some("alt=media"));
        Some(url)
    }
}

fn parse(mut line: Value) -> Option<Line> {
    let id = text_of(&line["key"]).or_else(|| text_of(&line["metadata"]["key"]))?;
    let says = if line["response"].is_object() {
        Says::Answer(line["response"].take())
    } else {
        let error = line["error"].take();
        Says::Failure { status: status_of(&error), body: json!({"error": error}) }
    };
    Some(Line { id, says })
}

/// Errors of single requests carry Google's own codes.
fn status_of(error: &Value) -> u16 {
    match error["code"].as_u64().unwrap_or(2) {
        3 | 9 | 11 => 400,
        4 => 504,
        5 => 404,
        7 => 403,
        8 => 429,
        14 => 503,
        16 => 401,
        status @ 100..=599 => status as u16,
        _ => 500,
    }
}

impl BatchProvider for GeminiBatch {
    fn line(&self, id: &str, ask: BatchAsk) -> BatchLine {
        BatchLine::of(format!("{{\"key\":{},\"request\":", Value::from(id)), ask, "}".into())
    }

    fn upload<'a>(&'a self, batch: &'a NewBatch) -> ProviderFuture<'a, Result<String, Failure>> {
        Box::pin(async move {
            let lines = Body { content_type: "application/jsonl".into(), parts: vec![file_part(batch)] };
            let file = gemini_files::give(&self.wire, &batch.key, lines).await.map_err(not_given)?;
            text_of(&file["name"]).ok_or_else(|| {
                Failure::new(FailureKind::Protocol, "the provider took the file of a batch and gave it no name")
            })
        })
    }

    fn create<'a>(
        &'a self,
        batch: &'a NewBatch,
        file: &'a str,
    ) -> ProviderFuture<'a, Result<String, Box<CallFailure>>> {
        Box::pin(async move {
            let model = batch.model.strip_prefix("models/").unwrap_or(&batch.model);
            let value = json!({"batch": {"displayName": batch.key, "inputConfig": {"fileName": file}}});
            let url = self.url(&format!("/models/{model}:batchGenerateContent"));
            let told = self.wire.create(url, body::json(&value, &[]), &batch.key).await?;
            let name = text_of(&told.value["name"]);
            name.and_then(|name| Some(name.strip_prefix("batches/")?.to_owned())).ok_or_else(|| no_ticket(&told))
        })
    }

    fn find<'a>(&'a self, batch: &'a NewBatch) -> ProviderFuture<'a, Result<Vec<String>, Failure>> {
        Box::pin(async move {
            let mut page = String::new();
            for _ in 0..MAX_PAGES {
                let mut url = self.url("/batches");
                url.query_pairs_mut().append_pair("pageSize", "100");
                if !page.is_empty() {
                    url.query_pairs_mut().append_pair("pageToken", &page);
                }
                let told = self.wire.list_batches(url).await?;
                let listed = told.value["operations"].as_array().or(told.value["batches"].as_array());
                let own = listed.into_iter().flatten().find(|listed| {
                    let named = listed.pointer("/metadata/displayName").or(listed.get("displayName"));
                    named.and_then(Value::as_str) == Some(&batch.key)
                });
                if let Some(own) = own {
                    let name = text_of(&own["name"]).and_then(|name| Some(name.strip_prefix("batches/")?.to_owned()));
                    return Ok(name.into_iter().collect());
                }
                match text_of(&told.value["nextPageToken"]) {
                    Some(next) => page = next,
                    None => break,
                }
            }
            Ok(Vec::new())
        })
    }

    fn ask<'a>(&'a self, id: &'a str) -> ProviderFuture<'a, Result<BatchStage, Box<CallFailure>>> {
        Box::pin(async move {
            let told = self.wire.about_batch(Method::GET, self.url(&format!("/batches/{id}"))).await?;
            Ok(self.stage(&told.value))
        })
    }

    fn results<'a>(&'a self, end: &BatchEnd, spool: Spool, words: fn(&str) -> bool) -> BatchResults<'a> {
        BatchResults::new(&self.wire, end, parse, words, spool)
    }

    fn cancel<'a>(&'a self, id: &'a str) -> ProviderFuture<'a, Result<(), Failure>> {
        Box::pin(self.wire.tell_to_cancel(Method::POST, self.url(&format!("/batches/{id}:cancel")), None))
    }
}
