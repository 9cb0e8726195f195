//! Anthropic's `/messages/batches`: all requests in the body of one; results as JSONL.
//!
//! It keeps no name of ours. A batch whose creation was not answered is looked for by its time and its number of requests, and
//! the ids in its results, which begin with our key, say whether it is ours.

use imagemill_domain::failure::Failure;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::batch::{
    BatchAsk, BatchEnd, BatchLine, BatchProvider, BatchResults, BatchStage, Line, MAX_PAGES, NewBatch, Says, file_part,
    text_of,
};
use crate::body::{Body, Part};
use crate::provider::{CallFailure, ProviderFuture};
use crate::queue::no_ticket;
use crate::spool::Spool;
use crate::wire::Wire;

/// How far the provider's clock may be behind ours, in microseconds.
const CLOCKS_APART_US: i64 = 600_000_000;

/// An account with Anthropic's batches.
pub(crate) struct AnthropicBatch {
    wire: Wire,
}

impl AnthropicBatch {
    /// Over `wire`, whose key goes in the header that Anthropic wants.
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn url(&self, path: &str) -> Url {
        self.wire.words_endpoint("/v1", &format!("/messages/batches{path}"))
    }
}

/// How many requests a batch was created with.
fn items(batch: &Value) -> u64 {
    batch["request_counts"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum()
}

fn parse(mut line: Value) -> Option<Line> {
    let id = text_of(&line["custom_id"])?;
    let result = &mut line["result"];
    let says = match result["type"].as_str().unwrap_or_default() {
        "succeeded" => Says::Answer(result["message"].take()),
        "canceled" | "expired" => Says::Unfinished,
        _ => {
            let error = result["error"].take();
            let inner = if error["error"].is_object() { &error["error"] } else { &error };
            let status = match inner["type"].as_str().unwrap_or_default() {
                "invalid_request_error" => 400,
                "authentication_error" => 401,
                "billing_error" => 402,
                "permission_error" => 403,
                "not_found_error" => 404,
                "request_too_large" => 413,
                "rate_limit_error" => 429,
                "overloaded_error" => 529,
                _ => 500,
            };
            Says::Failure { status, body: json!({"type": "error", "error": inner}) }
        }
    };
    Some(Line { id, says })
}

impl BatchProvider for AnthropicBatch {
    fn separator(&self) -> &'static str {
        ","
    }

    fn line(&self, id: &str, ask: BatchAsk) -> BatchLine {
        BatchLine::of(format!("{{\"custom_id\":{},\"params\":", Value::from(id)), ask, "}".into())
    }

    fn create<'a>(
        &'a self,
        batch: &'a NewBatch,
        _file: &'a str,
    ) -> ProviderFuture<'a, Result<String, Box<CallFailure>>> {
        Box::pin(async move {
            let parts = vec![Part::Text("{\"requests\":[".into()), file_part(batch), Part::Text("]}".into())];
            let body = Body { content_type: "application/json".into(), parts };
            let told = self.wire.create(self.url(""), body, &batch.key).await?;
            text_of(&told.value["id"]).ok_or_else(|| no_ticket(&told))
        })
    }

    fn find<'a>(&'a self, batch: &'a NewBatch) -> ProviderFuture<'a, Result<Vec<String>, Failure>> {
        Box::pin(async move {
            let (mut found, mut after) = (Vec::new(), String::new());
            for _ in 0..MAX_PAGES {
                let mut url = self.url("");
                url.query_pairs_mut().append_pair("limit", "100");
                if !after.is_empty() {
                    url.query_pairs_mut().append_pair("after_id", &after);
                }
                let told = self.wire.list_batches(url).await?;
                let since_us = |listed: &Value| {
                    let at: Option<Timestamp> = listed["created_at"].as_str()?.parse().ok();
                    Some(at?.as_microsecond())
                };
                let is_recent =
                    |listed: &Value| since_us(listed).is_none_or(|at| at + CLOCKS_APART_US >= batch.since_us);
                let listed = told.value["data"].as_array().map(Vec::as_slice).unwrap_or_default();
                let recent = listed.iter().filter(|listed| is_recent(listed));
                found.extend(
                    recent
                        .filter(|listed| items(listed) == u64::from(batch.items))
                        .filter_map(|own| text_of(&own["id"])),
                );
                // Newest first: what is older than ours cannot be it.
                let goes_on = told.value["has_more"] == true && listed.last().is_some_and(is_recent);
                match text_of(&told.value["last_id"]).filter(|_| goes_on) {
                    Some(last) => after = last,
                    None => break,
                }
            }
            Ok(found)
        })
    }

    fn ask<'a>(&'a self, id: &'a str) -> ProviderFuture<'a, Result<BatchStage, Box<CallFailure>>> {
        Box::pin(async move {
            let told = self.wire.about_batch(Method::GET, self.url(&format!("/{id}"))).await?;
            if told.value["processing_status"] != "ended" {
                return Ok(BatchStage::Pending { again_in_ms: told.again_in_ms() });
            }
            let count = |name: &str| told.value["request_counts"][name].as_u64().unwrap_or(0);
            let outcome = match (count("expired"), count("canceled")) {
                (0, 0) => "completed",
                (0, _) => "cancelled",
                _ => "expired",
            };
            let results = vec![self.url(&format!("/{id}/results"))];
            Ok(BatchStage::Ended(BatchEnd { outcome, failure: None, results }))
        })
    }

    fn results<'a>(&'a self, end: &BatchEnd, spool: Spool, words: fn(&str) -> bool) -> BatchResults<'a> {
        BatchResults::new(&self.wire, end, parse, words, spool)
    }

    fn cancel<'a>(&'a self, id: &'a str) -> ProviderFuture<'a, Result<(), Failure>> {
        Box::pin(self.wire.tell_to_cancel(Method::POST, self.url(&format!("/{id}/cancel")), None))
    }
}
