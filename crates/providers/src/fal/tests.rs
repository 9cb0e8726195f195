//! The queue over loopback: what goes out, what comes of each way a request can end.

use imagemill_domain::failure::{Billing, FailureKind};
use imagemill_domain::profile::Protocol;
use imagemill_domain::request::RequestOptions;
use serde_json::json;

use super::*;
use crate::fixtures::{data_url, png};
use crate::queue_rig::{KEY, Rig, input, json as answer_json, links, options, request};
use crate::scripted_server::{Step, answer, open_head};

const MODEL: &str = "fal-ai/flux/dev";

fn accepted(origin: &str) -> Vec<Step> {
    let own = format!("{origin}/fal-ai/flux/requests/r-1");
    answer_json(
        200,
        &json!({"request_id": "r-1", "status": "IN_QUEUE", "queue_position": 3, "response_url": own,
            "status_url": format!("{own}/status"), "cancel_url": format!("{own}/cancel")}),
    )
}

async fn rig(after: Vec<Vec<Step>>) -> Rig {
    let scripts = |origin: &str| [vec![accepted(origin)], after].concat();
    Rig::new(Protocol::Fal, options(Some("image_urls[]")), |_| {}, scripts).await
}

fn status(word: &str) -> Vec<Step> {
    let body = json!({"status": word, "queue_position": 2}).to_string();
    answer(202, "Retry-After: 3\r\n", body.as_bytes())
}

fn completed() -> Vec<Step> {
    answer_json(200, &json!({"status": "COMPLETED"}))
}

#[tokio::test]
async fn submits_asks_and_fetches() {
    let result = json!({"images": [{"url": "https://v3.fal.media/a", "content_type": "image/png"},
        {"url": "https://v3.fal.media/b"}], "seed": 7, "has_nsfw_concepts": [false, false], "prompt": "https://x/no.png"});
    let result = answer(200, "x-fal-request-id: r-1\r\n", result.to_string().as_bytes());
    let rig = rig(vec![status("IN_QUEUE"), status("IN_PROGRESS"), completed(), result]).await;
    let picture = png(1, 5000);
    let mut asked = request(MODEL);
    asked.options = RequestOptions {
        n: Some(2),
        size: Some("1024x768".into()),
        seed: Some(7),
        extra_body: [("num_inference_steps".to_owned(), json!(4))].into(),
        ..RequestOptions::default()
    };
    let ticket = rig.ticket(&asked, &[input(&picture)]).await;
    assert!(matches!(
        rig.poll(&ticket).await.unwrap(),
        Polled::Pending { queue_position: Some(2), again_in_ms: Some(3000) }
    ));
    assert!(matches!(rig.poll(&ticket).await.unwrap(), Polled::Pending { .. }));
    let found = rig.result(&ticket).await;
    assert_eq!(links(&found), ["https://v3.fal.media/a", "https://v3.fal.media/b"]);
    assert_eq!((found.http_status, found.request_id.as_deref()), (200, Some("r-1")));

    let own = "/fal-ai/flux/requests/r-1";
    let get = format!("GET {own}/status");
    assert_eq!(rig.lines(), ["POST /fal-ai/flux/dev", &get, &get, &get, &format!("GET {own}")]);
    let seen = rig.server.seen();
    assert!(seen.iter().all(|seen| seen.header("authorization") == Some(&format!("Key {KEY}"))));
    let expected = json!({"prompt": "a \"red\" barn", "num_images": 2, "image_size": {"width": 1024, "height": 768},
        "seed": 7, "num_inference_steps": 4, "image_urls": [data_url("image/png", &picture)]});
    assert_eq!(seen[0].json(), expected);
    let text = rig.provider.request_text(&asked, &[input(&picture)]);
    assert!(text.contains("blake3:") && !text.contains("base64"), "{text}");
}

#[tokio::test]
async fn a_picture_in_the_result_itself_goes_to_the_spool() {
    let picture = png(2, 200_000);
    let result = answer_json(200, &json!({"image": {"url": data_url("image/png", &picture)}}));
    let rig = rig(vec![completed(), result]).await;
    let ticket = rig.ticket(&request(MODEL), &[]).await;
    let found = rig.result(&ticket).await;
    let [Found::Picture(spooled)] = &found.items[..] else { panic!("{found:?}") };
    assert_eq!(spooled.bytes, 200_000);
    assert!(found.raw.contains("<blake3:") && !found.raw.contains("base64,i"), "{}", found.raw);
}

#[tokio::test]
async fn what_a_run_ended_with_is_told_by_its_result() {
    let policy = json!({"detail": [{"loc": ["body", "prompt"], "msg": "flagged", "type": "content_policy_violation"}]});
    let wrong = json!({"detail": [{"loc": ["body", "num_images"], "msg": "too many", "type": "less_than_equal"}]});
    let locked = json!({"detail": "User is locked. Reason: Exhausted balance."});
    let said = |status, headers: &str, body: &Value| answer(status, headers, body.to_string().as_bytes());
    for (result, kind, billing, asking, words) in [
        (said(422, "", &policy), FailureKind::Refused, Billing::Unknown, false, "flagged"),
        (said(422, "", &wrong), FailureKind::Invalid, Billing::NotBilled, false, "body.num_images: too many"),
        (
            said(500, "", &json!({"detail": "out of memory"})),
            FailureKind::Transient,
            Billing::NotBilled,
            false,
            "memory",
        ),
        (said(403, "", &locked), FailureKind::Quota, Billing::NotBilled, true, "Exhausted"),
        (said(502, "", &json!(null)), FailureKind::Transient, Billing::NotBilled, true, "502"),
        (said(429, "Retry-After: 2\r\n", &json!({})), FailureKind::RateLimited, Billing::NotBilled, true, "429"),
        (said(404, "", &json!({"detail": "gone"})), FailureKind::UnknownOutcome, Billing::Unknown, false, "gone"),
        (
            said(200, "", &json!({"images": [{"url": "https://x.org/a"}], "has_nsfw_concepts": [true]})),
            FailureKind::Refused,
            Billing::Billed,
            false,
            "content filter",
        ),
        (said(200, "", &json!({"images": []})), FailureKind::Protocol, Billing::Billed, false, "no picture"),
    ] {
        let rig = rig(vec![completed(), result]).await;
        let ticket = rig.ticket(&request(MODEL), &[]).await;
        let failure = rig.poll(&ticket).await.expect_err(words);
        assert_eq!(
            (failure.failure.kind, failure.failure.billing, failure.asking),
            (kind, billing, asking),
            "{words}: {failure:?}"
        );
        assert!(failure.failure.message.contains(words), "{failure:?}");
    }
}

#[tokio::test]
async fn a_start_that_came_too_late_is_not_tried_again() {
    let headers = "X-Fal-Request-Timeout-Type: user\r\n";
    let late = answer(504, headers, br#"{"detail": "Request timed out"}"#);
    let rig = rig(vec![completed(), late]).await;
    let ticket = rig.ticket(&request(MODEL), &[]).await;
    let failure = rig.poll(&ticket).await.unwrap_err();
    assert_eq!(failure.failure.should_retry, Some(false));
    assert!(!failure.asking);
}

#[tokio::test]
async fn a_flagged_picture_leaves_its_siblings() {
    let result = json!({"images": [{"url": "https://x.org/a"}, {"url": "https://x.org/b"}],
        "has_nsfw_concepts": [true, false]});
    let rig = rig(vec![completed(), answer_json(200, &result)]).await;
    let ticket = rig.ticket(&request(MODEL), &[]).await;
    let found = rig.result(&ticket).await;
    assert!(matches!(&found.items[..], [Found::Failed(failure), Found::Link(link)]
        if failure.kind == FailureKind::Refused && link == "https://x.org/b"));
}

#[tokio::test]
async fn a_question_that_fails_says_nothing_about_the_request() {
    let moved = answer(302, "Location: https://evil.example/\r\n", b"");
    let page = answer(200, "", b"<html><title>Bad gateway</title></html>");
    let cut = vec![open_head(Some(500)), Step::Write(b"{\"status\": \"IN_Q".to_vec())];
    let down = answer(503, "", b"");
    let rig = rig(vec![moved, page, cut, down, status("IN_PROGRESS")]).await;
    let ticket = rig.ticket(&request(MODEL), &[]).await;
    for what in ["redirect", "page", "cut", "down"] {
        let failure = rig.poll(&ticket).await.expect_err(what);
        assert!(failure.asking && failure.failure.kind == FailureKind::Transient, "{what}: {failure:?}");
    }
    assert!(matches!(rig.poll(&ticket).await.unwrap(), Polled::Pending { .. }));
}

#[tokio::test]
async fn a_ticket_that_nobody_knows_may_have_been_charged() {
    let rig = rig(vec![answer_json(404, &json!({"detail": "Request not found"}))]).await;
    let ticket = rig.ticket(&request(MODEL), &[]).await;
    let failure = rig.poll(&ticket).await.unwrap_err();
    assert!(!failure.asking);
    assert_eq!(
        (failure.failure.kind, failure.failure.billing),
        (FailureKind::UnknownOutcome, Billing::Unknown),
        "{failure:?}"
    );
}

#[tokio::test]
async fn the_credential_goes_to_no_foreign_host() {
    let named = json!({"request_id": "r-1", "status_url": "https://evil.example/status",
        "response_url": "https://user:pw@127.0.0.1/r", "cancel_url": "ftp://127.0.0.1/"});
    let scripts = |_: &str| vec![answer_json(200, &named), status("IN_QUEUE")];
    let rig = Rig::new(Protocol::Fal, options(None), |_| {}, scripts).await;
    let mut ticket = rig.ticket(&request(MODEL), &[]).await;
    assert_eq!((&ticket.status_url, &ticket.result_url, &ticket.cancel_url), (&None, &None, &None));
    rig.poll(&ticket).await.unwrap();
    assert_eq!(rig.lines()[1], "GET /fal-ai/flux/requests/r-1/status", "the documented form stands in");

    // A ticket of another day, when the profile allowed more.
    ticket.status_url = Some("https://evil.example/status".into());
    let failure = rig.poll(&ticket).await.unwrap_err();
    assert_eq!(failure.failure.kind, FailureKind::UnknownOutcome);
    assert!(failure.failure.message.contains("evil.example"), "{failure:?}");
    assert!(failure.failure.message.contains("api_hosts"), "{failure:?}");
    assert_eq!(rig.server.seen().len(), 2);
}

#[tokio::test]
async fn a_listed_host_may_be_asked() {
    let listed = |profile: &mut imagemill_domain::profile::Profile| {
        profile.network.api_hosts = vec!["127.0.0.1".into(), "queue.example.org".into()];
    };
    let named =
        json!({"request_id": "r-1", "status_url": "https://queue.example.org/s", "response_url": "https://x.org/r"});
    let rig = Rig::new(Protocol::Fal, options(None), listed, |_| vec![answer_json(200, &named)]).await;
    let ticket = rig.ticket(&request(MODEL), &[]).await;
    assert_eq!(ticket.status_url.as_deref(), Some("https://queue.example.org/s"));
    assert_eq!(ticket.result_url, None);
}

#[tokio::test]
async fn a_submission_that_may_have_been_queued_is_unknown() {
    let taken = br#"{"request_id": "r-1", "stat"#;
    let cut = vec![open_head(Some(300)), Step::Write(taken.to_vec())];
    for (script, kind) in [
        (cut, FailureKind::UnknownOutcome),
        (answer(504, "", b"<html></html>"), FailureKind::UnknownOutcome),
        (answer_json(500, &json!({"detail": "no"})), FailureKind::Transient),
        (answer_json(200, &json!({"status": "IN_QUEUE"})), FailureKind::UnknownOutcome),
        (answer_json(200, &json!({"request_id": "../../etc"})), FailureKind::UnknownOutcome),
        (answer(307, "Location: https://x.org/\r\n", b""), FailureKind::Invalid),
        (answer_json(401, &json!({"detail": "No user found for Key ID and Secret"})), FailureKind::Auth),
        (answer_json(422, &json!({"detail": [{"msg": "bad", "type": "missing"}]})), FailureKind::Invalid),
    ] {
        let rig = Rig::new(Protocol::Fal, options(None), |_| {}, |_| vec![script]).await;
        let failure = rig.submit(&request(MODEL), &[]).await.unwrap_err();
        assert_eq!(failure.failure.kind, kind, "{failure:?}");
    }
}

#[tokio::test]
async fn a_picture_is_handed_over_and_then_named() {
    let picture = png(1, 3000);
    let scripts = |origin: &str| {
        let target = format!("{origin}/put/here?signature=s");
        vec![
            answer_json(200, &json!({"upload_url": target, "file_url": "https://v3.fal.media/files/a.png?token=t"})),
            answer(200, "", b""),
            answer_json(200, &json!({"request_id": "r-1"})),
        ]
    };
    let rig = Rig::new(Protocol::Fal, options(None), |_| {}, scripts).await;
    assert_eq!(rig.provider.intake(), Intake { inline_bytes: 10 << 20, uploads: true });
    let mut source = input(&picture);
    let uploaded = rig.provider.upload(&source, rig.spool()).await.unwrap();
    source.address = Some(uploaded.address);
    let text = rig.provider.request_text(&request(MODEL), std::slice::from_ref(&source));
    assert!(text.contains(&format!("blake3:{} (https://v3.fal.media/files/a.png)", source.blake3)), "{text}");
    rig.ticket(&request(MODEL), &[source]).await;
    let seen = rig.server.seen();
    assert_eq!(
        rig.lines()[..2],
        ["POST /storage/upload/initiate?storage_type=fal-cdn-v3", "PUT /put/here?signature=s"]
    );
    assert_eq!(seen[0].header("authorization"), Some(format!("Key {KEY}").as_str()));
    assert_eq!((seen[1].header("authorization"), seen[1].header("content-type")), (None, Some("image/png")));
    assert_eq!(seen[1].body, picture);
    assert_eq!(seen[2].json()["image_urls"], json!(["https://v3.fal.media/files/a.png?token=t"]));
}

#[tokio::test]
async fn an_upload_that_fails_says_so_and_names_no_key() {
    let rig = rig(Vec::new()).await;
    let refused = Rig::new(Protocol::Fal, options(None), |_| {}, |_| vec![answer(503, "", KEY.as_bytes())]).await;
    let failure = refused.provider.upload(&input(&png(1, 300)), refused.spool()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Transient);
    assert!(failure.message.starts_with("a source picture could not be uploaded"), "{failure}");
    assert!(!failure.message.contains(KEY));
    let failure = rig.provider.upload(&input(&png(1, 300)), rig.spool()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Protocol, "an answer without an address: {failure}");
}

#[tokio::test]
async fn a_cancel_goes_where_the_provider_said() {
    let rig = rig(vec![answer_json(202, &json!({"status": "CANCELLATION_REQUESTED"})), answer(400, "", b"{}")]).await;
    let ticket = rig.ticket(&request(MODEL), &[]).await;
    rig.provider.cancel(&ticket).await.unwrap();
    assert_eq!(rig.lines()[1], "PUT /fal-ai/flux/requests/r-1/cancel");
    rig.provider.cancel(&ticket).await.unwrap_err();
}

#[test]
fn only_owner_and_app_are_in_a_requests_address() {
    let address_of = |model: &str| {
        address(&Ticket {
            version: 1,
            id: "r".into(),
            status_url: None,
            result_url: None,
            cancel_url: None,
            model: model.into(),
        })
    };
    assert_eq!(address_of("fal-ai/flux/dev/image-to-image"), "/fal-ai/flux/requests/r");
    assert_eq!(address_of("workflows/me/flow"), "/workflows/me/flow/requests/r");
}
