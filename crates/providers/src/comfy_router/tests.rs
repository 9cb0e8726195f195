//! Comfy Router over loopback, with the answers of its documents beside this file.

use imagemill_domain::profile::{Profile, Protocol};
use imagemill_domain::request::RequestOptions;
use serde_json::json;

use super::*;
use crate::fixtures::{b64, png};
use crate::queue_rig::{KEY, Rig, input, links, request};
use crate::registry::WireOptions;
use crate::scripted_server::{Step, answer};

const MODEL: &str = "bfl/flux-2-pro";
const ID: &str = "5f2c8a1e-77aa-4c1d-9d7c-0a1b2c3d4e5f";
const SUBMITTED: &str = include_str!("submitted.json");
const RUNNING: &str = include_str!("running.json");
const DONE: &str = include_str!("done.json");
const REFUSED: &str = include_str!("refused.json");
const REJECTED: &str = include_str!("rejected.json");

fn said(status: u16, error_type: &str, body: &str) -> Vec<Step> {
    let word = if error_type.is_empty() { String::new() } else { format!("X-Comfy-Error-Type: {error_type}\r\n") };
    answer(status, &format!("Content-Type: application/json\r\nX-Comfy-Request-Id: r-9\r\n{word}"), body.as_bytes())
}

/// A rig whose first answer takes the request.
async fn rig(after: Vec<Vec<Step>>) -> Rig {
    rig_of(|origin| [vec![said(201, "", &SUBMITTED.replace("ORIGIN", origin))], after].concat()).await
}

async fn rig_of(scripts: impl FnOnce(&str) -> Vec<Vec<Step>>) -> Rig {
    let versioned = |profile: &mut Profile| profile.base_url.push_str("/v2");
    Rig::new(Protocol::ComfyRouter, WireOptions::default(), versioned, scripts).await
}

#[tokio::test]
async fn submits_collects_and_cancels() {
    let waiting = answer(202, "Retry-After: 7\r\n", RUNNING.as_bytes());
    let rig = rig(vec![waiting, said(200, "", DONE), said(202, "", r#"{"status": "CANCELLATION_REQUESTED"}"#)]).await;
    let mut asked = request(MODEL);
    asked.sample = 2;
    asked.options = RequestOptions {
        size: Some("1024x768".into()),
        seed: Some(5),
        output_format: Some("png".into()),
        extra_body: [("prompt_upsampling".to_owned(), json!(false))].into(),
        ..RequestOptions::default()
    };
    let (one, two) = (png(1, 900), png(2, 400));
    let ticket = rig.ticket(&asked, &[input(&one), input(&two)]).await;
    assert_eq!(ticket.id, ID);
    let Polled::Pending { again_in_ms, queue_position } = rig.poll(&ticket).await.unwrap() else { panic!("too early") };
    assert_eq!((again_in_ms, queue_position), (Some(7000), Some(3)));
    let found = rig.result(&ticket).await;
    assert_eq!(links(&found), ["https://storage.example/bfl/sample.png?sig=1"]);
    assert_eq!(found.request_id.as_deref(), Some("r-9"));
    rig.provider.cancel(&ticket).await.unwrap();
    let own = format!("/v2/models/{MODEL}/requests");
    let asked = format!("GET {own}/{ID}");
    assert_eq!(rig.lines(), [format!("POST {own}"), asked.clone(), asked, format!("PUT {own}/{ID}/cancel")]);
    let seen = rig.server.seen();
    assert!(seen.iter().all(|seen| seen.header("x-api-key") == Some(KEY)));
    assert!(seen.iter().all(|seen| seen.header("authorization").is_none()));
    let expected = json!({"prompt": "a \"red\" barn", "width": 1024, "height": 768, "seed": 7, "output_format": "png",
        "prompt_upsampling": false, "input_image": b64(&one), "input_image_2": b64(&two)});
    assert_eq!(seen[0].json(), expected);
}

#[tokio::test]
async fn each_end_of_a_run_has_its_meaning() {
    for (status, word, body, kind, billing, asking) in [
        (400, "content_policy_violation", REFUSED, FailureKind::Refused, Billing::Unknown, false),
        (502, "provider_error", r#"{"detail": "no"}"#, FailureKind::Protocol, Billing::Unknown, false),
        (504, "provider_timeout", r#"{"detail": "no"}"#, FailureKind::Protocol, Billing::Unknown, false),
        (422, "invalid_input", REJECTED, FailureKind::Invalid, Billing::NotBilled, false),
        (499, "client_disconnected", r#"{"detail": "cancelled"}"#, FailureKind::Stopped, Billing::Unknown, false),
        (401, "unauthorized", r#"{"detail": "no"}"#, FailureKind::Auth, Billing::NotBilled, true),
        (429, "rate_limited", r#"{"detail": "slow"}"#, FailureKind::RateLimited, Billing::NotBilled, true),
        (503, "service_unavailable", "<html>", FailureKind::Transient, Billing::NotBilled, true),
        (404, "", r#"{"detail": "who?"}"#, FailureKind::UnknownOutcome, Billing::Unknown, false),
    ] {
        let rig = rig(vec![said(status, word, body)]).await;
        let ticket = rig.ticket(&request(MODEL), &[]).await;
        let failed = rig.poll(&ticket).await.unwrap_err();
        let got = (failed.failure.kind, failed.failure.billing, failed.asking);
        assert_eq!(got, (kind, billing, asking), "{status} {word}: {}", failed.failure.message);
    }
}

#[tokio::test]
async fn a_submission_is_lost_only_where_nothing_tells() {
    for (status, word, body, kind) in [
        (402, "insufficient_credits", "{}", FailureKind::Quota),
        (403, "not_enabled", r#"{"detail": "queued delivery is not switched on"}"#, FailureKind::NotEntitled),
        (429, "concurrency_limit_exceeded", "{}", FailureKind::RateLimited),
        (404, "model_not_found", "{}", FailureKind::Invalid),
        (422, "invalid_input", REJECTED, FailureKind::Invalid),
        (500, "internal_error", "{}", FailureKind::UnknownOutcome),
        (504, "", "<html>", FailureKind::UnknownOutcome),
        (201, "", "{}", FailureKind::UnknownOutcome),
    ] {
        let rig = rig_of(|_| vec![said(status, word, body)]).await;
        let failed = rig.submit(&request(MODEL), &[]).await.unwrap_err();
        assert_eq!(failed.failure.kind, kind, "{status} {word}: {}", failed.failure.message);
    }
}

#[tokio::test]
async fn the_list_of_models_is_read_to_its_end() {
    let pages = [include_str!("models-1.json"), include_str!("models-2.json")];
    let rig = rig_of(|_| pages.map(|page| said(200, "", page)).to_vec()).await;
    assert_eq!(rig.provider.check().await.unwrap(), [MODEL, "wan/wan2.5-t2i-preview"]);
    assert_eq!(rig.lines(), ["GET /v2/models?limit=100", "GET /v2/models?limit=100&cursor=a%2Bb%2F%3D"]);
}
