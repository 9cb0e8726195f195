use imagemill_domain::picture::PictureFormat;
use imagemill_domain::profile::Protocol;
use imagemill_domain::request::RequestOptions;

use super::*;
use crate::fixtures::{jpeg, png};
use crate::provider::Found;
use crate::scripted_server::{ScriptedServer, answer};
use crate::test_calls::{Caller, input, profile, provider, request, whole};

#[tokio::test]
async fn a_call_sends_what_it_should_and_its_link_is_fetched() {
    // A JPEG under a name that says PNG: the type is what the bytes say.
    let picture = jpeg(1, 20_000);
    let served = ScriptedServer::start(vec![answer(200, "Content-Type: image/png\r\n", &picture)]).await;
    let body = json!({"data": [{"url": format!("{}/x.png", served.origin)}]});
    let server = ScriptedServer::start(vec![answer(200, "", body.to_string().as_bytes())]).await;
    let provider = provider(&profile(&server.origin, Protocol::Sensenova));
    let options = RequestOptions { size: Some("2752x1536".into()), ..RequestOptions::default() };
    let mut asked = request(options);
    asked.prompt = "p".into();
    let caller = Caller::new();
    let found = caller.call(&*provider, &asked, &[]).await.unwrap();
    let [Found::Link(url)] = found.items.as_slice() else { panic!("{:?}", found.items) };
    let fetched = provider.download(url, caller.spool()).await.unwrap();
    assert_eq!(whole(&fetched), picture);
    let seen = server.seen().remove(0);
    assert!(seen.head.starts_with("POST /v1/images/generations HTTP/1.1"), "{}", seen.head);
    let expected = json!({"model": "m", "prompt": "p", "size": "2752x1536", "response_format": "url",
        "output_format": "png", "watermark": false});
    assert_eq!(seen.json(), expected);
}

#[tokio::test]
async fn pictures_are_refused_before_anything_is_sent() {
    let server = ScriptedServer::start(vec![answer(200, "", b"{}")]).await;
    let provider = provider(&profile(&server.origin, Protocol::Sensenova));
    let sources = [input(png(1, 40), PictureFormat::Png, "a.png")];
    let failed = Caller::new().call(&*provider, &request(RequestOptions::default()), &sources).await.unwrap_err();
    assert_eq!(failed.failure.kind, FailureKind::Invalid);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn failures_mean_what_they_say() {
    let error = |code: &str| json!({"error": {"code": code, "message": "words"}}).to_string();
    for (status, headers, code, kind) in [
        (429, "", "FREE_QUOTA_EXHAUSTED", FailureKind::Quota),
        (429, "Retry-After: 3\r\n", "rate_limit_exceeded", FailureKind::RateLimited),
        (401, "", "", FailureKind::Auth),
        (400, "", "content_policy_violation", FailureKind::Refused),
        (400, "", "", FailureKind::Invalid),
        (502, "", "", FailureKind::UnknownOutcome),
    ] {
        let server = ScriptedServer::start(vec![answer(status, headers, error(code).as_bytes())]).await;
        let failed = Caller::new().fails(&profile(&server.origin, Protocol::Sensenova)).await;
        assert_eq!(failed.failure.kind, kind, "{status} {code}");
    }
}
