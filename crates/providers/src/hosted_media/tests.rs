//! Predictions of hosted-media gateways over loopback, with and without their envelope.

use imagemill_domain::profile::Protocol;
use imagemill_domain::request::RequestOptions;
use serde_json::json;

use super::*;
use crate::fixtures::{b64, png};
use crate::queue_rig::{Rig, input, json as answer_json, links, options, request};
use crate::scripted_server::Step;

const MODEL: &str = "image-seedream-v5-lite-edit";

fn data(value: &Value) -> Vec<Step> {
    answer_json(200, &json!({"code": 200, "message": "success", "data": value}))
}

fn created(origin: &str) -> Vec<Step> {
    let get = format!("{origin}/predictions/p-1/result");
    data(&json!({"id": "p-1", "status": "created", "outputs": [], "urls": {"get": get}, "error": ""}))
}

async fn rig(after: Vec<Vec<Step>>) -> Rig {
    let scripts = |origin: &str| [vec![created(origin)], after].concat();
    Rig::new(Protocol::HostedMedia, options(None), |_| {}, scripts).await
}

#[tokio::test]
async fn uploads_creates_asks_and_fetches() {
    let picture = png(1, 3000);
    let done = json!({"id": "p-1", "status": "completed", "outputs": ["https://cdn.example.org/a.png"],
        "has_nsfw_contents": [false]});
    let scripts = |origin: &str| {
        vec![
            data(&json!({"download_url": "https://cdn.example.org/in.png"})),
            created(origin),
            data(&json!({"id": "p-1", "status": "settling", "outputs": ["https://cdn.example.org/early.png"]})),
            // Some gateways leave the envelope out.
            answer_json(200, &done),
        ]
    };
    let rig = Rig::new(Protocol::HostedMedia, options(None), |_| {}, scripts).await;
    let mut asked = request(MODEL);
    asked.options = RequestOptions {
        n: Some(3),
        size: Some("1440x2560".into()),
        output_format: Some("PNG".into()),
        ..RequestOptions::default()
    };
    let ticket = rig.ticket(&asked, &[input(&picture)]).await;
    assert!(matches!(rig.poll(&ticket).await.unwrap(), Polled::Pending { .. }), "outputs count only when completed");
    assert_eq!(links(&rig.result(&ticket).await), ["https://cdn.example.org/a.png"]);
    assert_eq!(
        rig.lines(),
        [
            "POST /media/upload/binary",
            "POST /bytedance/seedream-v5.0-lite/edit",
            "GET /predictions/p-1/result",
            "GET /predictions/p-1/result"
        ]
    );
    let seen = rig.server.seen();
    assert!(seen[0].header("content-type").unwrap().starts_with("multipart/form-data"));
    assert!(memchr::memmem::find(&seen[0].body, &picture).is_some());
    let expected = json!({"prompt": "a \"red\" barn", "enable_sync_mode": false, "enable_base64_output": false,
        "max_images": 3, "size": "1440*2560", "output_format": "png", "images": ["https://cdn.example.org/in.png"]});
    assert_eq!(seen[1].json(), expected);
}

#[test]
fn tiers_are_resolutions_and_other_models_are_paths() {
    assert_eq!(path("image-nano-banana-2-text"), "google/nano-banana-2/text-to-image");
    assert_eq!(path("/vendor/model/edit"), "vendor/model/edit");
}

#[tokio::test]
async fn a_tier_is_written_as_the_gateway_wants_it() {
    let rig = rig(Vec::new()).await;
    let mut asked = request("m/x");
    asked.options.size = Some("4 K".into());
    asked.options.quality = Some("Medium".into());
    let body: Value = serde_json::from_str(&rig.provider.request_text(&asked, &[])).unwrap();
    assert_eq!((&body["resolution"], &body["quality"], body.get("size")), (&json!("4k"), &json!("medium"), None));
}

#[tokio::test]
async fn base64_outputs_are_decoded() {
    let picture = png(5, 90_000);
    let rig = rig(vec![data(&json!({"status": "completed", "outputs": [b64(&picture)]}))]).await;
    let ticket = rig.ticket(&request(MODEL), &[]).await;
    let found = rig.result(&ticket).await;
    assert!(matches!(&found.items[..], [Found::Picture(spooled)] if spooled.bytes == 90_000), "{found:?}");
}

#[tokio::test]
async fn each_end_has_its_meaning() {
    for (value, kind, billing, asking) in [
        (
            json!({"status": "failed", "error": "Content flagged: moderation"}),
            FailureKind::Refused,
            Billing::Unknown,
            false,
        ),
        (json!({"status": "failed", "error": "worker died"}), FailureKind::Protocol, Billing::Unknown, false),
        (json!({"status": "expired"}), FailureKind::Protocol, Billing::Unknown, false),
        (json!({"status": "cancelled"}), FailureKind::Stopped, Billing::Unknown, false),
        (
            json!({"status": "completed", "outputs": ["https://x.org/a.png"], "has_nsfw_contents": [true]}),
            FailureKind::Refused,
            Billing::Billed,
            false,
        ),
        (json!({"status": "completed", "outputs": []}), FailureKind::Protocol, Billing::Billed, false),
    ] {
        let rig = rig(vec![data(&value)]).await;
        let ticket = rig.ticket(&request(MODEL), &[]).await;
        let failure = rig.poll(&ticket).await.unwrap_err();
        let got = (failure.failure.kind, failure.failure.billing, failure.asking);
        assert_eq!(got, (kind, billing, asking), "{value}");
    }
}

#[tokio::test]
async fn a_status_inside_the_envelope_counts() {
    let coded = |code: u16, message: &str| answer_json(200, &json!({"code": code, "message": message}));
    for (script, kind, asking) in [
        (coded(404, "prediction not found"), FailureKind::UnknownOutcome, false),
        (coded(500, "try later"), FailureKind::Transient, true),
        (coded(401, "bad key"), FailureKind::Auth, true),
    ] {
        let rig = rig(vec![script]).await;
        let ticket = rig.ticket(&request(MODEL), &[]).await;
        let failure = rig.poll(&ticket).await.unwrap_err();
        assert_eq!((failure.failure.kind, failure.asking), (kind, asking), "{failure:?}");
    }
    let refused = |code: u16| Rig::new(Protocol::HostedMedia, options(None), |_| {}, move |_| vec![coded(code, "no")]);
    assert_eq!(refused(402).await.submit(&request(MODEL), &[]).await.unwrap_err().failure.kind, FailureKind::Quota);
    assert_eq!(refused(400).await.submit(&request(MODEL), &[]).await.unwrap_err().failure.kind, FailureKind::Invalid);
}

#[tokio::test]
async fn a_failed_upload_costs_nothing() {
    let rig = Rig::new(Protocol::HostedMedia, options(None), |_| {}, |_| vec![answer_json(500, &json!({}))]).await;
    let failure = rig.submit(&request(MODEL), &[input(&png(1, 90))]).await.unwrap_err();
    assert_eq!((failure.failure.kind, failure.failure.billing), (FailureKind::Transient, Billing::NotBilled));
    assert!(failure.failure.message.contains("uploaded"), "{failure:?}");
    assert_eq!(rig.lines(), ["POST /media/upload/binary"]);
}
