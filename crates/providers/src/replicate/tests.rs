//! Predictions over loopback: the forms of a model's name, what comes of each state.

use imagemill_domain::profile::Protocol;
use imagemill_domain::request::RequestOptions;
use serde_json::json;

use super::*;
use crate::fixtures::{data_url, png};
use crate::provider::Found;
use crate::queue_rig::{KEY, Rig, input, json as answer_json, links, options, request};
use crate::scripted_server::{Step, answer};

const MODEL: &str = "black-forest-labs/flux-dev";

fn created(origin: &str) -> Vec<Step> {
    let own = format!("{origin}/v1/predictions/p1");
    let urls = json!({"get": own, "cancel": format!("{own}/cancel"), "stream": "https://stream.example/p1"});
    answer_json(201, &json!({"id": "p1", "status": "starting", "output": null, "error": null, "urls": urls}))
}

async fn rig(after: Vec<Vec<Step>>) -> Rig {
    let scripts = |origin: &str| [vec![created(origin)], after].concat();
    let versioned = |profile: &mut imagemill_domain::profile::Profile| profile.base_url.push_str("/v1");
    Rig::new(Protocol::Replicate, options(Some("input_image")), versioned, scripts).await
}

fn state(value: &Value) -> Vec<Step> {
    answer_json(200, value)
}

#[tokio::test]
async fn creates_asks_and_fetches() {
    let done = json!({"id": "p1", "status": "succeeded", "metrics": {"predict_time": 1.2},
        "output": ["https://replicate.delivery/a.webp", "https://replicate.delivery/b", "https://replicate.delivery/b"]});
    let rig = rig(vec![state(&json!({"id": "p1", "status": "processing"})), state(&done)]).await;
    let picture = png(1, 900);
    let mut asked = request(MODEL);
    asked.options = RequestOptions {
        n: Some(2),
        size: Some("1024x768".into()),
        seed: Some(5),
        output_format: Some("png".into()),
        extra_body: [("input".to_owned(), json!({"go_fast": true}))].into(),
        ..RequestOptions::default()
    };
    let ticket = rig.ticket(&asked, &[input(&picture)]).await;
    assert!(matches!(rig.poll(&ticket).await.unwrap(), Polled::Pending { .. }));
    let found = rig.result(&ticket).await;
    assert_eq!(links(&found), ["https://replicate.delivery/a.webp", "https://replicate.delivery/b"]);
    let create = format!("POST /v1/models/{MODEL}/predictions");
    assert_eq!(rig.lines(), [&create, "GET /v1/predictions/p1", "GET /v1/predictions/p1"]);
    let seen = rig.server.seen();
    assert!(seen.iter().all(|seen| seen.header("authorization") == Some(&format!("Bearer {KEY}"))));
    let expected = json!({"input": {"prompt": "a \"red\" barn", "num_outputs": 2, "width": 1024, "height": 768, "seed": 5,
        "output_format": "png", "go_fast": true, "input_image": data_url("image/png", &picture)}});
    assert_eq!(seen[0].json(), expected);
}

#[tokio::test]
async fn an_output_may_be_one_text_or_the_picture_itself() {
    let picture = png(3, 70_000);
    let one = state(&json!({"status": "succeeded", "output": "https://replicate.delivery/one"}));
    let inline = state(&json!({"status": "succeeded", "output": data_url("image/png", &picture)}));
    let rig = rig(vec![one, inline]).await;
    let ticket = rig.ticket(&request(MODEL), &[]).await;
    assert_eq!(links(&rig.result(&ticket).await), ["https://replicate.delivery/one"]);
    let found = rig.result(&ticket).await;
    assert!(matches!(&found.items[..], [Found::Picture(spooled)] if spooled.bytes == 70_000), "{found:?}");
}

#[test]
fn each_form_of_a_name_has_its_place() {
    assert_eq!(place("o/n"), ("/models/o/n/predictions".into(), None));
    assert_eq!(place("o/n:abc"), ("/predictions".into(), Some("abc")));
    assert_eq!(place("5c7d5dc6"), ("/predictions".into(), Some("5c7d5dc6")));
    assert_eq!(place("deployments/o/n"), ("/deployments/o/n/predictions".into(), None));
}

#[tokio::test]
async fn each_end_has_its_meaning() {
    let failed = |error: &str| json!({"status": "failed", "error": error});
    for (value, kind, billing) in [
        (failed("NSFW content detected. Try running it again."), FailureKind::Refused, Billing::Unknown),
        (failed("The input or output was flagged as sensitive. (E005)"), FailureKind::Refused, Billing::Unknown),
        (failed("CUDA out of memory"), FailureKind::Protocol, Billing::Unknown),
        (json!({"status": "canceled"}), FailureKind::Stopped, Billing::Unknown),
        (json!({"status": "aborted"}), FailureKind::Transient, Billing::NotBilled),
        (
            json!({"status": "succeeded", "output": null, "data_removed": true}),
            FailureKind::FetchExpired,
            Billing::Billed,
        ),
        (json!({"status": "succeeded", "output": null}), FailureKind::Protocol, Billing::Billed),
        (json!({"status": "succeeded", "output": ["a", "barn"]}), FailureKind::Protocol, Billing::Billed),
    ] {
        let rig = rig(vec![state(&value)]).await;
        let ticket = rig.ticket(&request(MODEL), &[]).await;
        let failure = rig.poll(&ticket).await.unwrap_err();
        assert_eq!((failure.failure.kind, failure.failure.billing), (kind, billing), "{value}");
        assert!(!failure.asking, "{value}");
    }
}

#[tokio::test]
async fn a_throttled_creation_waits_as_the_text_says() {
    let detail = json!({"detail": "Request was throttled. Your rate limit resets in ~30s.", "status": 429});
    for (script, kind, wait) in [
        (answer_json(429, &detail), FailureKind::RateLimited, Some(30_000)),
        (answer_json(402, &json!({"title": "Insufficient credit", "detail": "x"})), FailureKind::Quota, None),
        (answer_json(401, &json!({"title": "Unauthenticated"})), FailureKind::Auth, None),
        (
            answer_json(422, &json!({"title": "Input validation failed", "detail": "- input.size: no"})),
            FailureKind::Invalid,
            None,
        ),
        (answer(200, "", b"<html>"), FailureKind::Protocol, None),
    ] {
        let rig = Rig::new(Protocol::Replicate, options(None), |_| {}, |_| vec![script]).await;
        let failure = rig.submit(&request(MODEL), &[]).await.unwrap_err();
        assert_eq!((failure.failure.kind, failure.failure.retry_after_ms), (kind, wait), "{failure:?}");
    }
}

#[tokio::test]
async fn a_result_at_once_is_an_answer() {
    let done = json!({"id": "p1", "status": "succeeded", "output": ["https://replicate.delivery/a"]});
    let rig = Rig::new(Protocol::Replicate, options(None), |_| {}, |_| vec![answer_json(201, &done)]).await;
    let reply = rig.submit(&request(MODEL), &[]).await.unwrap();
    assert!(matches!(reply, Reply::Answer(answer) if links(&answer) == ["https://replicate.delivery/a"]));
}

#[tokio::test]
async fn a_cancel_is_a_post() {
    let rig = rig(vec![state(&json!({"status": "canceled"}))]).await;
    let ticket = rig.ticket(&request(MODEL), &[]).await;
    rig.provider.cancel(&ticket).await.unwrap();
    assert_eq!(rig.lines()[1], "POST /v1/predictions/p1/cancel");
}

#[tokio::test]
async fn a_file_is_handed_over_until_it_expires() {
    let picture = png(1, 300_000);
    let end = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(2)).to_string();
    let file = json!({"id": "f", "expires_at": end, "urls": {"get": "https://api.replicate.com/v1/files/f"}});
    let rig = Rig::new(Protocol::Replicate, options(None), |_| {}, |_| vec![answer_json(201, &file)]).await;
    let uploaded = rig.provider.upload(&input(&picture), rig.spool()).await.unwrap();
    assert_eq!(uploaded.address, "https://api.replicate.com/v1/files/f");
    assert!((7_100_000..=7_200_000).contains(&uploaded.kept_for_ms), "{uploaded:?}");
    assert_eq!(rig.lines(), ["POST /files"]);
    let seen = rig.server.seen();
    assert!(memchr::memmem::find(&seen[0].body, b"name=\"content\"").is_some());
    assert!(memchr::memmem::find(&seen[0].body, &picture).is_some());
}
