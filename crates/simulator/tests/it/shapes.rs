//! Every model name answers as it says.

use std::time::Duration;

use imagemill_domain::picture::PictureFormat;
use imagemill_imaging::{Bytes, ImageError, Limits, ingest, probe};
use imagemill_simulator::{Scenario, faults};
use serde_json::{Value, json};

use crate::client::{Answer, Rig, decode, link_in, pictures_in, size_of};

async fn rig() -> Rig {
    Rig::start(Scenario::default()).await
}

/// The pictures in the streamed words of a chat.
fn streamed(answer: &Answer) -> Vec<Vec<u8>> {
    assert!(answer.header("content-type").starts_with("text/event-stream"));
    pictures_in(&answer.streamed_content())
}

#[tokio::test]
async fn chat_streams() {
    let rig = rig().await;
    for model in ["sse-b64", "sse-b64-split:100", "sse-reasoning", "sse-nel-nocharset"] {
        let found = streamed(&rig.chat(model).await);
        assert_eq!(found.len(), 1, "{model}");
        assert_eq!(size_of(&found[0]), (24, 16), "{model}");
    }
    assert!(rig.chat("sse-b64-split:100").await.events().len() > 8);
    assert!(rig.chat("sse-reasoning").await.text().contains("reasoning_content"));
    let nel = rig.chat("sse-nel-nocharset").await;
    assert_eq!(nel.header("content-type"), "text/event-stream");
    assert!(nel.bytes.contains(&0x85));

    let labelled = rig.chat("sse-b64-mime:image/jpeg").await;
    assert!(labelled.text().contains("data:image/jpeg;base64,"));
    assert_eq!(PictureFormat::sniff(&streamed(&labelled)[0]), Some(PictureFormat::Jpeg));

    for (model, between) in [("sse-two-adjacent", ")![image]("), ("sse-two-newline", ")\n\n![image](")] {
        let answer = rig.chat(model).await;
        assert!(answer.streamed_content().contains(between), "{model}");
        let found = streamed(&answer);
        assert!(found.len() == 2 && found[0] != found[1], "{model}");
    }
    let images = rig.chat("sse-delta-images").await;
    let part = &images.events()[1].1["choices"][0]["delta"]["images"][0];
    assert_eq!(size_of(&pictures_in(part["image_url"]["url"].as_str().unwrap())[0]), (24, 16));
}

#[tokio::test]
async fn odd_framing() {
    let rig = rig().await;
    let noblank = rig.chat("sse-noblank").await;
    assert!(!noblank.text().contains("\n\n") && noblank.text().ends_with("data: [DONE]\n"));
    let lines = rig.chat("ndjson-done").await;
    assert!(!lines.text().contains("data: ") && lines.text().ends_with("\n[DONE]\n"));
    for line in lines.text().lines().filter(|line| *line != "[DONE]") {
        assert!(serde_json::from_str::<Value>(line).is_ok());
    }
    for answer in [noblank, lines] {
        assert_eq!(size_of(&pictures_in(answer.text())[0]), (24, 16));
    }
    let failed = rig.chat("sse-error-event").await;
    let events = failed.events();
    assert_eq!((failed.status, events[1].0.as_str()), (200, "error"));
    assert_eq!(events[1].1["error"]["code"], "upstream_cooling");
    assert!(pictures_in(failed.text()).is_empty());
}

#[tokio::test]
async fn drafts_stand_beside_the_picture() {
    let rig = rig().await;
    let streamed = rig.chat("sse-think").await.streamed_content();
    let whole = rig.chat("json-think").await.json();
    let whole = whole["choices"][0]["message"]["content"].as_str().unwrap();
    for content in [&streamed, whole] {
        let (thought, answer) = content.split_once("</think>").unwrap();
        assert_eq!((pictures_in(thought).len(), pictures_in(answer).len()), (1, 1));
        assert_ne!(pictures_in(thought), pictures_in(answer));
        assert_eq!(size_of(&pictures_in(answer)[0]), (24, 16));
    }
    let events = rig.chat("img-sse").await.events();
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["image_generation.partial_image", "image_generation.completed"]);
}

#[tokio::test]
async fn whole_answers() {
    let rig = rig().await;
    let content = |answer: &Answer| answer.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    assert_eq!(size_of(&pictures_in(&content(&rig.chat("json-b64").await))[0]), (24, 16));
    assert_eq!(size_of(&decode(&content(&rig.chat("json-raw-b64-content").await))), (24, 16));
    let link = link_in(&content(&rig.chat("json-url").await));
    assert_eq!(size_of(&rig.get(&link).await.bytes), (24, 16));
    let data = rig.chat("images-b64").await.json();
    assert_eq!(size_of(&decode(data["data"][0]["b64_json"].as_str().unwrap())), (24, 16));
    let data = rig.chat("images-url").await.json();
    assert_eq!(size_of(&rig.get(data["data"][0]["url"].as_str().unwrap()).await.bytes), (24, 16));
    let item = rig.chat("resp-igc").await.json()["output"][0].clone();
    assert_eq!(size_of(&decode(item["result"].as_str().unwrap())), (24, 16));
    let item = rig.chat("resp-json").await.json()["output"][0].clone();
    assert_eq!(size_of(&pictures_in(item["content"][0]["text"].as_str().unwrap())[0]), (24, 16));
    let events = rig.chat("resp-sse").await.events();
    let delta = events.iter().find(|(name, _)| name == "response.output_text.delta").unwrap();
    assert_eq!(size_of(&pictures_in(delta.1["delta"].as_str().unwrap())[0]), (24, 16));
    assert_eq!(events.last().unwrap().0, "response.completed");
    // the shape does not depend on the endpoint
    assert_eq!(streamed(&rig.generate("sse-b64", "x").await).len(), 1);
}

#[tokio::test]
async fn links() {
    let rig = rig().await;
    let linked = |answer: Answer| link_in(&answer.streamed_content());
    assert_eq!(size_of(&rig.get(&linked(rig.chat("sse-url").await)).await.bytes), (24, 16));
    let plain = linked(rig.chat("sse-url-noext").await);
    assert!(!plain.contains("image") && !plain.ends_with("png"), "{plain}");
    assert_eq!(size_of(&rig.get(&plain).await.bytes), (24, 16));
    let link = async |model: &str| link_in(rig.generate(model, "x").await.text());
    assert_eq!(rig.get(&link("bad-link").await).await.status, 404);
    assert_eq!(rig.get(&link("expired-link").await).await.status, 403);
    assert_eq!(size_of(&rig.get(&link("slow-download:0+link").await).await.bytes), (24, 16));
    let mut url = link("redirect:3").await;
    for _ in 0..3 {
        let hop = rig.get(&url).await;
        assert_eq!(hop.status, 302);
        url = format!("http://{}{}", rig.simulator.address(), hop.header("location"));
    }
    assert_eq!(size_of(&rig.get(&url).await.bytes), (24, 16));
}

#[tokio::test]
async fn broken_off() {
    let rig = rig().await;
    let cut = rig.chat("sse-cut").await;
    assert!(cut.broken && cut.status == 200);
    assert!(cut.text().contains("base64,") && !cut.text().contains("[DONE]"));
    let cut = rig.generate("cut", "x").await;
    assert!(cut.broken && serde_json::from_slice::<Value>(&cut.bytes).is_err() && cut.bytes.len() > 100);
}

#[tokio::test]
async fn statuses() {
    let rig = rig().await;
    for status in [400, 401, 403, 404, 413, 429, 500, 503] {
        let answer = rig.generate(&format!("err:{status}"), "x").await;
        assert_eq!(answer.status, status);
        let waits = matches!(status, 429 | 503);
        assert_eq!(answer.header("retry-after"), if waits { "2" } else { "" });
        assert!(!answer.error_code().is_empty());
    }
    let statuses = async |prompt| {
        let mut found = Vec::new();
        for _ in 0..4 {
            found.push(rig.generate("flaky:2", prompt).await.status);
        }
        found
    };
    assert_eq!(statuses("one").await, [500, 500, 200, 200]);
    assert_eq!(statuses("two").await, [500, 500, 200, 200], "each request has its own count");
    let refused = rig.generate("refuse", "x").await;
    assert_eq!((refused.status, refused.error_code().as_str()), (400, "moderation_blocked"));
    let moved = rig.generate("moved:1", "x").await;
    assert_eq!(moved.status, 307);
    let body = json!({"model": "moved:1", "prompt": "x", "size": "24x16"});
    let there = rig.send(rig.http.post(moved.header("location")).json(&body)).await;
    assert_eq!(there.status, 200, "{}", there.text());
}

#[tokio::test]
async fn answers_that_are_none() {
    let rig = rig().await;
    let html = rig.chat("html").await;
    assert!(html.status == 200 && html.header("content-type") == "text/html" && html.text().starts_with("<!DOCTYPE"));
    let text = rig.chat("text").await.json();
    assert!(text["choices"][0]["message"]["content"].as_str().unwrap().contains("simulator"));
    assert!(rig.generate("text", "x").await.json()["data"].as_array().unwrap().is_empty());
    let deep = rig.chat("deep-json").await;
    assert_eq!(deep.text().matches('{').count(), 1000);
    let huge = rig.generate("huge:3", "x").await;
    assert!((3_145_728..3_200_000).contains(&huge.bytes.len()) && huge.json()["data"].is_array());
    let mut endless =
        rig.http.post(rig.url("responses")).json(&json!({"model": "endless-line", "input": "x"})).send().await.unwrap();
    let mut read = 0;
    while read < 2_000_000 {
        let chunk = endless.chunk().await.unwrap().unwrap();
        assert!(!chunk.contains(&b'\n'));
        read += chunk.len();
    }
}

#[tokio::test]
async fn pictures_that_are_none() {
    let rig = rig().await;
    let picture = async |model| decode(rig.generate(model, "x").await.json()["data"][0]["b64_json"].as_str().unwrap());
    let check = |bytes: &[u8]| ingest(Bytes::Memory(bytes), &Limits::default());
    assert!(check(&picture("blank").await).unwrap().blank);
    assert!(matches!(check(&picture("broken-picture").await), Err(ImageError::Damaged { .. })));
    let bomb = picture("bomb").await;
    assert_eq!(probe(Bytes::Memory(&bomb)).unwrap().width, 50_000);
    assert!(bomb.len() < 10_000 && matches!(check(&bomb), Err(ImageError::TooLong { .. })));
    let answer = rig.generate("wrong-mime", "x").await.json();
    assert_eq!(answer["data"][0]["mime_type"], "image/png");
    let bytes = decode(answer["data"][0]["b64_json"].as_str().unwrap());
    assert_eq!(PictureFormat::sniff(&bytes), Some(PictureFormat::Jpeg));
    let three = json!({"model": "n-1", "prompt": "x", "size": "24x16", "n": 3});
    assert_eq!(rig.post("images/generations", &three).await.json()["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn waiting() {
    let rig = rig().await;
    let started = std::time::Instant::now();
    for model in ["hang:1", "delay:300", "drip:1+sse-b64"] {
        let answer = rig.chat(model).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.text().starts_with(": "), model.starts_with("drip"));
        assert_eq!(pictures_in(answer.text()).len(), 1, "{model}");
    }
    assert!(started.elapsed() >= Duration::from_millis(2300), "they do wait");
}

#[test]
fn every_listed_name_is_tried_here() {
    let source = concat!(include_str!("shapes.rs"), include_str!("words.rs"));
    let tried_elsewhere = ["link", "size", "nsfw", "job-fails", "lost-job", "ask-err", "stuck"];
    for (name, _) in faults::FAULT_MODELS {
        let word = name.split_once(':').map_or(name, |(word, _)| word);
        let here = ["\"", ":", "+"]
            .iter()
            .any(|end| source.contains(&format!("\"{word}{end}")) || source.contains(&format!("+{word}{end}")));
        assert!(here || tried_elsewhere.contains(&word), "{name} has no test");
    }
}
