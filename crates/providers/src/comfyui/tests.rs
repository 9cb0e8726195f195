//! A workflow from places to pictures over loopback.

use imagemill_domain::profile::{Profile, Protocol};
use imagemill_domain::request::RequestOptions;
use serde_json::json;

use super::*;
use crate::fixtures::png;
use crate::queue_rig::{Rig, input, json as answer_json, links, options, profile, request};
use crate::registry::Registry;
use crate::scripted_server::Step;

fn workflow() -> Value {
    json!({
        "1": {"class_type": "CLIPTextEncode", "inputs": {"text": "photo of {prompt}, {no place}", "clip": ["4", 1]}},
        "2": {"class_type": "KSampler", "inputs": {"seed": "{seed}", "steps": 20}},
        "3": {"class_type": "EmptyLatentImage", "inputs": {"width": "{width}", "height": "{height}", "batch_size": "{n}"}},
        "4": {"class_type": "LoadImage", "inputs": {"image": "{picture}"}},
        "5": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "{model}"}},
    })
}

fn with_workflow(value: Value) -> impl FnOnce(&mut Profile) {
    move |profile| {
        profile.extra_body.insert("workflow".into(), value);
        profile.extra_body.insert("client_id".into(), "mill".into());
    }
}

async fn rig(scripts: Vec<Vec<Step>>) -> Rig {
    Rig::new(Protocol::Comfyui, options(None), with_workflow(workflow()), |_| scripts).await
}

fn sized() -> ImageRequest {
    let mut asked = request("sdxl.safetensors");
    asked.prompt = "a barn, {seed}".into();
    asked.options = RequestOptions { size: Some("640x480".into()), n: Some(2), ..RequestOptions::default() };
    asked
}

fn uploaded() -> Vec<Step> {
    answer_json(200, &json!({"name": "in.png", "subfolder": "mill", "type": "input"}))
}

fn queued() -> Vec<Step> {
    answer_json(200, &json!({"prompt_id": "id-1", "number": 3, "node_errors": {}}))
}

#[tokio::test]
async fn places_are_filled_and_results_fetched() {
    let waiting = json!({"queue_running": [[0, "id-0", {}]], "queue_pending": [[2, "id-1"], [1, "id-9"]]});
    let done = json!({"id-1": {"status": {"status_str": "success", "completed": true}, "outputs": {
        "8": {"images": [{"filename": "p.png", "subfolder": "", "type": "temp"}]},
        "9": {"images": [{"filename": "a b.png", "subfolder": "out", "type": "output"}]}}}});
    let empty = || answer_json(200, &json!({}));
    let rig = rig(vec![uploaded(), queued(), empty(), answer_json(200, &waiting), answer_json(200, &done)]).await;
    let picture = png(1, 2000);
    let ticket = rig.ticket(&sized(), &[input(&picture)]).await;
    assert!(matches!(rig.poll(&ticket).await.unwrap(), Polled::Pending { queue_position: Some(1), .. }));
    let found = rig.result(&ticket).await;
    assert_eq!(links(&found), [format!("{}/view?filename=a+b.png&subfolder=out&type=output", rig.server.origin)]);
    assert_eq!(
        rig.lines(),
        ["POST /upload/image", "POST /prompt", "GET /history/id-1", "GET /queue", "GET /history/id-1"]
    );
    let body = rig.server.seen()[1].json();
    assert_eq!(body["client_id"], "mill");
    assert_eq!(body.get("workflow"), None);
    let node = |number: &str, name: &str| body["prompt"][number]["inputs"][name].clone();
    assert_eq!(node("1", "text"), "photo of a barn, {seed}, {no place}", "a prompt is not read for places");
    assert_eq!((node("3", "width"), node("3", "height"), node("3", "batch_size")), (json!(640), json!(480), json!(2)));
    assert_eq!((node("4", "image"), node("5", "ckpt_name")), (json!("mill/in.png"), json!("sdxl.safetensors")));
    assert!(node("2", "seed").is_u64(), "{body}");
    let text = rig.provider.request_text(&sized(), &[input(&picture)]);
    assert!(text.contains("blake3:"), "{text}");
    let other = ImageRequest { sample: 1, ..sized() };
    assert_ne!(text, rig.provider.request_text(&other, &[input(&picture)]), "samples differ by their seed");
}

#[tokio::test]
async fn what_has_no_place_is_not_sent() {
    let plain = json!({"1": {"inputs": {"text": "{prompt}"}}});
    let rig = Rig::new(Protocol::Comfyui, options(None), with_workflow(plain), |_| vec![queued()]).await;
    let picture = [input(&png(1, 90))];
    let seeded = RequestOptions { seed: Some(4), ..RequestOptions::default() };
    for (options, pictures, place) in [
        (RequestOptions { size: Some("64x64".into()), ..RequestOptions::default() }, &picture[..0], "{width}"),
        (seeded, &picture[..0], "{seed}"),
        (RequestOptions::default(), &picture[..], "{picture}"),
        (RequestOptions { size: Some("large".into()), ..RequestOptions::default() }, &picture[..0], "WIDTHxHEIGHT"),
    ] {
        let asked = ImageRequest { options, ..request("m") };
        let failure = rig.submit(&asked, pictures).await.unwrap_err();
        assert_eq!(failure.failure.kind, FailureKind::Invalid);
        assert!(failure.failure.message.contains(place), "{failure:?}");
    }
    assert!(rig.server.seen().is_empty());
    rig.ticket(&request("m"), &[]).await;

    let rig = self::rig(Vec::new()).await;
    let unsized_one = ImageRequest { options: RequestOptions::default(), ..sized() };
    let failure = rig.submit(&unsized_one, &[input(&png(1, 90))]).await.unwrap_err();
    assert!(failure.failure.message.contains("stays empty"));
}

#[tokio::test]
async fn each_end_has_its_meaning() {
    let history = |status: Value| answer_json(200, &json!({"id-1": {"outputs": {}, "status": status}}));
    let error = json!({"status_str": "error", "messages": [["execution_start", {}],
        ["execution_error", {"node_type": "KSampler", "exception_message": "CUDA out of memory"}]]});
    let interrupted = json!({"status_str": "error", "messages": [["execution_interrupted", {}]]});
    let empty = || answer_json(200, &json!({}));
    for (scripts, kind, words) in [
        (vec![history(error)], FailureKind::Protocol, "KSampler CUDA out of memory"),
        (vec![history(interrupted)], FailureKind::Stopped, "cancelled"),
        (vec![history(json!({"status_str": "success"}))], FailureKind::Protocol, "no picture"),
        (vec![empty(), empty(), empty()], FailureKind::UnknownOutcome, "neither"),
    ] {
        let rig = rig([vec![uploaded(), queued()], scripts].concat()).await;
        let ticket = rig.ticket(&sized(), &[input(&png(1, 90))]).await;
        let failure = rig.poll(&ticket).await.expect_err(words);
        assert_eq!((failure.failure.kind, failure.asking), (kind, false), "{failure:?}");
        assert!(failure.failure.message.contains(words), "{failure:?}");
    }
    let wrong = json!({"errors": [{"message": "Custom validation failed for node",
        "details": "image - Invalid image file: imagemill-1.png"}]});
    let refused = json!({"error": {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed"},
        "node_errors": {"4": wrong}});
    let rig = rig(vec![uploaded(), answer_json(400, &refused)]).await;
    let failure = rig.submit(&sized(), &[input(&png(1, 90))]).await.unwrap_err();
    assert_eq!(failure.failure.kind, FailureKind::Invalid);
    assert!(failure.failure.message.contains("Invalid image file"), "{failure:?}");
    assert!(crate::may_mean_source_is_gone(&failure.failure), "the input folder was cleared: it is uploaded again");
}

/// A picture that was handed over is named and not sent again.
#[tokio::test]
async fn a_picture_that_is_there_is_named() {
    let rig = rig(vec![uploaded(), queued()]).await;
    let bytes = png(1, 90);
    let mut picture = input(&bytes);
    let given = rig.provider.upload(&picture, Spool::new("", "test")).await.unwrap();
    assert_eq!(given.address, "mill/in.png");
    picture.address = Some(given.address);
    rig.ticket(&sized(), &[picture]).await;
    assert_eq!(rig.lines(), ["POST /upload/image", "POST /prompt"]);
    assert_eq!(rig.server.seen()[1].json()["prompt"]["4"]["inputs"]["image"], "mill/in.png");
}

#[tokio::test]
async fn a_running_request_is_interrupted_and_only_ours() {
    for (running, lines) in
        [("id-1", &["POST /queue", "GET /queue", "POST /interrupt"][..]), ("id-0", &["POST /queue", "GET /queue"][..])]
    {
        let queue = json!({"queue_running": [[0, running, {}]], "queue_pending": []});
        let empty = || answer_json(200, &json!({}));
        let rig = rig(vec![uploaded(), queued(), empty(), answer_json(200, &queue), empty()]).await;
        let ticket = rig.ticket(&sized(), &[input(&png(1, 90))]).await;
        rig.provider.cancel(&ticket).await.unwrap();
        assert_eq!(rig.lines()[2..], *lines);
        assert_eq!(rig.server.seen()[2].json(), json!({"delete": ["id-1"]}));
    }
}

#[test]
fn a_workflow_file_must_be_there_and_of_the_right_form() {
    let folder = tempfile::tempdir().unwrap();
    let provider = |file: &str| {
        let mut profile = profile("http://127.0.0.1:1", Protocol::Comfyui);
        profile.extra_body.insert("workflow_file".into(), file.into());
        Registry::new().provider(&profile, true, None)
    };
    let path = folder.path().join("flow.json");
    let whole = path.to_str().unwrap();
    let message = |file: &str| provider(file).err().expect("it cannot be used").message;
    assert!(message("flow.json").contains("whole path"));
    assert!(message(whole).contains("cannot be read"));
    std::fs::write(&path, "{").unwrap();
    assert!(message(whole).contains("no JSON"));
    std::fs::write(&path, r#"{"nodes": [], "links": []}"#).unwrap();
    assert!(message(whole).contains("API format"));
    std::fs::write(&path, r#"{"1": {"inputs": {"text": "{prompt}"}}}"#).unwrap();
    let text = provider(whole).ok().unwrap().request_text(&request("m"), &[]);
    assert_eq!(text, r#"{"prompt":{"1":{"inputs":{"text":"a \"red\" barn"}}}}"#);
}
