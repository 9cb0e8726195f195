//! Results of batches as the three forms write them, made by hand from their documents: expired batches, items out of order,
//! items that failed, were refused or not run, and lines that are none.

use std::collections::BTreeMap;

use imagemill_domain::call::Usage;
use imagemill_domain::profile::{Profile, Protocol};

use super::*;
use crate::fixtures::{b64, png};
use crate::registry::{Registry, WireOptions};
use crate::scripted_server::{ScriptedServer, answer};
use crate::test_calls::{KEY, bytes_of, profile};

/// What a form says of an ended batch, and where its results are.
struct Form {
    protocol: Protocol,
    base: &'static str,
    status: &'static str,
    files: &'static [&'static str],
    asked: &'static [&'static str],
}

const FORMS: [Form; 3] = [
    Form {
        protocol: Protocol::Images,
        base: "/v1",
        status: include_str!("openai.batch.json"),
        files: &[include_str!("openai.output.jsonl"), include_str!("openai.errors.jsonl")],
        asked: &["GET /v1/batches/b", "GET /v1/files/file-out/content", "GET /v1/files/file-err/content"],
    },
    Form {
        protocol: Protocol::Gemini,
        base: "/v1beta",
        status: include_str!("gemini.batch.json"),
        files: &[include_str!("gemini.output.jsonl")],
        asked: &["GET /v1beta/batches/b", "GET /v1beta/files/batch-4f2:download?alt=media"],
    },
    Form {
        protocol: Protocol::AnthropicMessages,
        base: "/v1",
        status: include_str!("anthropic.batch.json"),
        files: &[include_str!("anthropic.results.jsonl")],
        asked: &["GET /v1/messages/batches/b", "GET /v1/messages/batches/b/results"],
    },
];

/// The outcome in a word, the number of the request last in its id.
fn word(item: &BatchItem) -> (String, String) {
    let told = match &item.outcome {
        ItemOutcome::Answer(answer) => format!("{} picture", answer.items.len()),
        ItemOutcome::Words(words) => words.text.clone(),
        ItemOutcome::Failed(failed) => format!("{} {:?}", failed.failure.kind, failed.failure.billing),
        ItemOutcome::Unfinished => "unfinished".to_owned(),
    };
    (item.id.clone(), told)
}

async fn read(form: &Form) -> Vec<BatchItem> {
    let picture = b64(&png(1, 3_000));
    let mut scripts = vec![answer(200, "Content-Type: application/json\r\n", form.status.as_bytes())];
    for file in form.files {
        scripts.push(answer(200, "", file.replace("{picture}", &picture).as_bytes()));
    }
    let server = ScriptedServer::start(scripts).await;
    let profile = Profile {
        base_url: format!("{}{}", server.origin, form.base),
        protocol: form.protocol,
        ..profile(&server.origin, form.protocol)
    };
    let secret = Some(KEY.to_owned().into());
    let batches = Registry::new().batches(&profile, form.protocol, secret, WireOptions::default()).unwrap().unwrap();
    let BatchStage::Ended(end) = batches.ask("b").await.unwrap() else { panic!("it ended") };
    assert_eq!((end.outcome, end.failure.is_none()), ("expired", true));
    let folder = tempfile::tempdir().unwrap();
    let words: fn(&str) -> bool = if form.protocol == Protocol::AnthropicMessages { |_| true } else { |_| false };
    let mut results = batches.results(&end, Spool::new(folder.path(), "batch"), words);
    let mut items = Vec::new();
    while let Some(item) = results.next().await.unwrap() {
        if let ItemOutcome::Answer(answer) = &item.outcome {
            assert_eq!(bytes_of(&answer.items[0]), png(1, 3_000));
        }
        items.push(item);
    }
    let asked: Vec<String> =
        server.seen().iter().map(|seen| seen.head.split(" HTTP").next().unwrap().to_owned()).collect();
    assert_eq!(asked, form.asked);
    items
}

fn told(items: &[BatchItem]) -> BTreeMap<String, String> {
    items.iter().map(word).collect()
}

fn expected(outcomes: [&str; 5]) -> BTreeMap<String, String> {
    outcomes.iter().enumerate().map(|(at, told)| (format!("night-1-{at}-3{at}"), (*told).to_owned())).collect()
}

#[tokio::test]
async fn openais_files_of_outputs_and_errors() {
    let items = read(&FORMS[0]).await;
    assert_eq!(items[0].id, "night-1-2-32", "in the order of the file, which is not that of the requests");
    let outcomes = ["1 picture", "refused NotBilled", "1 picture", "unknown_outcome Unknown", "unfinished"];
    assert_eq!(told(&items), expected(outcomes));
    let ItemOutcome::Answer(answer) = &items[0].outcome else { panic!("a picture") };
    let usage = Usage { input_tokens: Some(12), output_tokens: Some(272), ..Usage::default() };
    assert_eq!(answer.usage, usage);
}

#[tokio::test]
async fn geminis_file_of_responses() {
    let outcomes = ["1 picture", "1 picture", "rate_limited NotBilled", "refused Billed", "invalid NotBilled"];
    assert_eq!(told(&read(&FORMS[1]).await), expected(outcomes));
}

#[tokio::test]
async fn anthropics_results() {
    let outcomes = ["A red barn at night.", "invalid NotBilled", "rate_limited NotBilled", "unfinished", "unfinished"];
    assert_eq!(told(&read(&FORMS[2]).await), expected(outcomes));
}
