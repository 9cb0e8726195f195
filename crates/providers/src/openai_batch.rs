//! OpenAI's `/files` and `/batches`: a JSONL file of requests for one endpoint; results in a file of outputs and one of errors.
//!
//! Our key stands in the batch's metadata, by which it is found again.

use imagemill_domain::failure::{Billing, Failure, FailureKind};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use url::Url;

use crate::batch::{
    BatchAsk, BatchEnd, BatchLine, BatchProvider, BatchResults, BatchStage, Line, MAX_PAGES, NewBatch, Says, file_part,
    not_given, text_of,
};
use crate::body::{Body, Part};
use crate::error::quote;
use crate::provider::{CallFailure, ProviderFuture};
use crate::queue::no_ticket;
use crate::spool::Spool;
use crate::wire::Wire;

/// The member of the metadata that holds our key.
const METADATA: &str = "imagemill";
/// How long a batch waits that was refused because too much is queued already.
const FULL_MS: u64 = 600_000;

/// An account with OpenAI's batches.
pub(crate) struct OpenaiBatch {
    wire: Wire,
}

impl OpenaiBatch {
    /// Over `wire`.
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn url(&self, path: &str) -> Url {
        self.wire.words_endpoint("/v1", path)
    }

    fn stage(&self, batch: &Value) -> BatchStage {
        let outcome = match batch["status"].as_str().unwrap_or_default() {
            "completed" => "completed",
            "expired" => "expired",
            "cancelled" => "cancelled",
            "failed" => "failed",
            _ => return BatchStage::Pending { again_in_ms: None },
        };
        let files = ["output_file_id", "error_file_id"].iter().filter_map(|name| text_of(&batch[*name]));
        let results: Vec<Url> = files.map(|file| self.url(&format!("/files/{file}/content"))).collect();
        let failure = (outcome == "failed" && results.is_empty()).then(|| refused(batch));
        BatchStage::Ended(BatchEnd { outcome, failure, results })
    }
}

/// A batch whose file was not accepted: nothing of it was run.
fn refused(batch: &Value) -> Failure {
    let errors = batch["errors"]["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let code = errors.iter().find_map(|error| text_of(&error["code"]));
    let words: Vec<&str> = errors.iter().take(3).filter_map(|error| error["message"].as_str()).collect();
    let full = code.as_deref().is_some_and(|code| code.contains("limit"));
    let kind = if full { FailureKind::RateLimited } else { FailureKind::Invalid };
    let mut failure =
        Failure::new(kind, format!("the provider did not accept the batch: {}", quote(&words.join("; "))));
    failure.code = code;
    failure.retry_after_ms = full.then_some(FULL_MS);
    failure.billing(Billing::NotBilled)
}

fn parse(mut line: Value) -> Option<Line> {
    let id = text_of(&line["custom_id"])?;
    let code = line["error"]["code"].as_str().unwrap_or_default();
    let status = line["response"]["status_code"].as_u64().and_then(|status| u16::try_from(status).ok());
    let says = match status {
        _ if matches!(code, "batch_expired" | "batch_cancelled") => Says::Unfinished,
        Some(status) if status < 300 => Says::Answer(line["response"]["body"].take()),
        Some(status) => Says::Failure { status, body: line["response"]["body"].take() },
        None => Says::Failure { status: 500, body: json!({"error": line["error"].take()}) },
    };
    Some(Line { id, says })
}

impl BatchProvider for OpenaiBatch {
    fn line(&self, id: &str, ask: BatchAsk) -> BatchLine {
        let head = json!({"custom_id": id, "method": "POST", "url": format!("/v1{}", ask.endpoint)}).to_string();
        BatchLine::of(format!("{},\"body\":", head.trim_end_matches('}')), ask, "}".into())
    }

    fn upload<'a>(&'a self, batch: &'a NewBatch) -> ProviderFuture<'a, Result<String, Failure>> {
        Box::pin(async move {
            let boundary = &batch.key;
            let head = format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--{boundary}\r\n\
                 Content-Disposition: form-data; name=\"file\"; filename=\"{boundary}.jsonl\"\r\n\
                 Content-Type: application/jsonl\r\n\r\n"
            );
            let parts =
                vec![Part::Text(head.into()), file_part(batch), Part::Text(format!("\r\n--{boundary}--\r\n").into())];
            let body = Body { content_type: format!("multipart/form-data; boundary={boundary}"), parts };
            let told = self.wire.give_file(self.url("/files"), HeaderMap::new(), body).await.map_err(not_given)?;
            text_of(&told.value["id"]).ok_or_else(|| {
                Failure::new(FailureKind::Protocol, "the provider took the file of a batch and gave it no id")
            })
        })
    }

    fn create<'a>(
        &'a self,
        batch: &'a NewBatch,
        file: &'a str,
    ) -> ProviderFuture<'a, Result<String, Box<CallFailure>>> {
        Box::pin(async move {
            let value = json!({
                "input_file_id": file, "endpoint": format!("/v1{}", batch.endpoint), "completion_window": "24h",
                "metadata": {METADATA: batch.key},
            });
            let told = self.wire.create(self.url("/batches"), crate::body::json(&value, &[]), &batch.key).await?;
            text_of(&told.value["id"]).ok_or_else(|| no_ticket(&told))
        })
    }

    fn find<'a>(&'a self, batch: &'a NewBatch) -> ProviderFuture<'a, Result<Vec<String>, Failure>> {
        Box::pin(async move {
            let mut after = String::new();
            for _ in 0..MAX_PAGES {
                let mut url = self.url("/batches");
                url.query_pairs_mut().append_pair("limit", "100");
                if !after.is_empty() {
                    url.query_pairs_mut().append_pair("after", &after);
                }
                let told = self.wire.list_batches(url).await?;
                let listed = told.value["data"].as_array().cloned().unwrap_or_default();
                if let Some(own) = listed.iter().find(|listed| listed["metadata"][METADATA] == batch.key.as_str()) {
                    return Ok(text_of(&own["id"]).into_iter().collect());
                }
                // Newest first: what is older than ours cannot be it.
                let oldest = listed.last().and_then(|last| last["created_at"].as_i64()).unwrap_or_default();
                let last = listed.last().and_then(|last| text_of(&last["id"]));
                match last.filter(|_| told.value["has_more"] == true && oldest * 1_000_000 >= batch.since_us) {
                    Some(last) => after = last,
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
        Box::pin(self.wire.tell_to_cancel(Method::POST, self.url(&format!("/batches/{id}/cancel")), None))
    }
}
