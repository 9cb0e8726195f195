use imagemill_domain::failure::{Billing, FailureKind};
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::profile::{Profile, Protocol};
use imagemill_domain::request::RequestOptions;

use super::*;
use crate::fixtures::png;
use crate::provider::Found;
use crate::scripted_server::{ScriptedServer, Step, answer, open_head};
use crate::test_calls::{Caller, KEY, bytes_of, input, profile, provider, request, whole};

fn ark(origin: &str) -> Profile {
    Profile { base_url: format!("{origin}/api/v3"), ..profile(origin, Protocol::Seedream) }
}

#[test]
fn the_body_is_that_of_ark() {
    let sources = [input(png(1, 40), PictureFormat::Png, "a.png"), input(png(2, 40), PictureFormat::Png, "b.png")];
    let names: Vec<String> = sources.iter().map(|source| format!("blake3:{}", source.blake3)).collect();
    let provider = provider(&ark("http://127.0.0.1:1"));
    let text = |options: RequestOptions, count: usize| -> Value {
        let mut asked = request(options);
        asked.prompt = "p".into();
        serde_json::from_str(&provider.request_text(&asked, &sources[..count])).unwrap()
    };
    assert_eq!(text(RequestOptions::default(), 0), json!({"model": "m", "prompt": "p", "watermark": false}));
    assert_eq!(text(RequestOptions::default(), 1)["image"], names[0]);
    let options = RequestOptions {
        n: Some(4),
        size: Some("2K".into()),
        stream: Some(true),
        output_format: Some("jpeg".into()),
        response_format: Some("b64_json".into()),
        extra_body: [("watermark".to_owned(), true.into())].into(),
        ..RequestOptions::default()
    };
    let expected = json!({
        "model": "m", "prompt": "p", "watermark": true, "size": "2K", "stream": true, "output_format": "jpeg",
        "response_format": "b64_json", "image": names,
        "sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 4},
    });
    assert_eq!(text(options, 2), expected);
    assert!(text(RequestOptions { n: Some(1), ..RequestOptions::default() }, 0).get("n").is_none());
}

#[tokio::test]
async fn a_set_comes_with_what_was_refused_of_it() {
    let picture = png(3, 30_000);
    let served = ScriptedServer::start(vec![answer(200, "", &picture)]).await;
    let link = format!("{}/1.png", served.origin);
    let body = json!({"model": "m", "usage": {"generated_images": 1},
        "data": [{"url": link, "size": "2048x2048"},
            {"error": {"code": "OutputImageSensitiveContentDetected", "message": "sensitive"}}]});
    let server = ScriptedServer::start(vec![answer(200, "x-request-id: r\r\n", body.to_string().as_bytes())]).await;
    let provider = provider(&ark(&server.origin));
    let caller = Caller::new();
    let options = RequestOptions { n: Some(2), ..RequestOptions::default() };
    let found = caller.call(&*provider, &request(options), &[]).await.unwrap();
    let [Found::Link(url), Found::Failed(refused)] = found.items.as_slice() else { panic!("{:?}", found.items) };
    assert_eq!((refused.kind, found.usage.images), (FailureKind::Refused, Some(1)));
    assert_eq!(whole(&provider.download(url, caller.spool()).await.unwrap()), picture);
    let seen = server.seen().remove(0);
    assert!(seen.head.starts_with("POST /api/v3/images/generations HTTP/1.1"), "{}", seen.head);
    assert_eq!(seen.header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!(served.seen()[0].header("authorization"), None, "the key goes to no picture link");
}

#[tokio::test]
async fn a_streamed_set_keeps_what_came_before_the_cut_and_ends_with_its_last_event() {
    let picture = png(4, 50_000);
    let event = |kind: &str, value: &Value| format!("event: image_generation.{kind}\ndata: {value}\n\n");
    let first = json!({"type": "image_generation.partial_succeeded", "image_index": 0, "b64_json": crate::fixtures::b64(&picture)});
    let last = json!({"type": "image_generation.completed", "usage": {"generated_images": 1}});
    let options = || RequestOptions { n: Some(3), stream: Some(true), ..RequestOptions::default() };
    let body = event("partial_succeeded", &first);
    let cut = vec![open_head(Some(body.len() + 9)), Step::Write(body.clone().into())];
    // The connection stays open behind the last event: nobody waits for its end.
    let whole = vec![open_head(None), Step::Write((body + &event("completed", &last)).into()), Step::Hang];
    let server = ScriptedServer::start(vec![cut, whole]).await;
    let caller = Caller::new();
    let provider = provider(&ark(&server.origin));
    let found = caller.call(&*provider, &request(options()), &[]).await.unwrap();
    assert_eq!(bytes_of(&found.items[0]), picture);
    let [_, Found::Failed(failure)] = found.items.as_slice() else { panic!("{:?}", found.items) };
    assert_eq!((failure.kind, failure.billing), (FailureKind::UnknownOutcome, Billing::Unknown));
    let found = caller.call(&*provider, &request(options()), &[]).await.unwrap();
    assert!(matches!(found.items.as_slice(), [Found::Picture(_)]), "{:?}", found.items);
}

#[tokio::test]
async fn failures_mean_what_ark_says() {
    let error = |code: &str| {
        json!({"error": {"code": code, "message": "words", "type": "BadRequest", "param": ""}}).to_string()
    };
    for (status, code, kind) in [
        (400, "InputTextSensitiveContentDetected", FailureKind::Refused),
        (400, "InputImageSensitiveContentDetected.PrivacyInformation", FailureKind::Refused),
        (400, "OutputImageRiskDetection", FailureKind::Refused),
        (400, "InvalidParameter.size", FailureKind::Invalid),
        (401, "AuthenticationError", FailureKind::Auth),
        (403, "AccountOverdueError", FailureKind::Quota),
        (404, "InvalidEndpointOrModel.NotFound", FailureKind::Invalid),
        (404, "ModelNotOpen", FailureKind::NotEntitled),
        (429, "RateLimitExceeded.EndpointRPMExceeded", FailureKind::RateLimited),
        (429, "QuotaExceeded", FailureKind::Quota),
        (500, "InternalServiceError", FailureKind::UnknownOutcome),
    ] {
        let server = ScriptedServer::start(vec![answer(status, "", error(code).as_bytes())]).await;
        let failed = Caller::new().fails(&ark(&server.origin)).await;
        assert_eq!((failed.failure.kind, failed.failure.code.as_deref()), (kind, Some(code)), "{status} {code}");
    }
}
