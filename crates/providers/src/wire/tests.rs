//! Real calls over loopback: what goes out, what comes of each way an answer can fail.

use std::time::Duration;

use imagemill_domain::failure::{Billing, FailureKind};
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::profile::{Protocol, Timeouts, TokenField};
use imagemill_domain::request::RequestOptions;
use serde_json::json;

use super::*;
use crate::fixtures::{b64, data_url, jpeg, png};
use crate::provider::{Found, PictureBytes, PictureInput};
use crate::registry::Registry;
use crate::scripted_server::{ScriptedServer, Step, answer, open_head};
use crate::test_calls::{Caller, KEY, bytes_of, input, profile, provider, request, whole};

fn chat_answer(picture: &[u8]) -> Vec<u8> {
    json!({"choices": [{"message": {"content": format!("![i]({})", data_url("image/png", picture))}}]})
        .to_string()
        .into()
}

#[tokio::test]
async fn a_chat_call_sends_what_it_should() {
    let picture = png(1, 200_000);
    let server = ScriptedServer::start(vec![answer(200, "x-request-id: r-1\r\n", &chat_answer(&picture))]).await;
    let mut profile = profile(&server.origin, Protocol::ChatCompletions);
    profile.headers.insert("X-Title".into(), "mill".into());
    profile.extra_body.insert("image_config".into(), json!({"aspect_ratio": "1:1", "deep": 1}));
    let options = RequestOptions {
        temperature: Some(0.5),
        max_tokens: Some(9),
        seed: Some(40),
        stream: Some(false),
        extra_body: [("image_config".to_owned(), json!({"deep": 2})), ("top".to_owned(), json!([1]))].into(),
        ..RequestOptions::default()
    };
    let sources =
        [input(jpeg(1, 100_003), PictureFormat::Jpeg, "a.jpg"), input(png(2, 40), PictureFormat::Png, "b.png")];
    let caller = Caller::new();
    let provider = provider(&profile);
    let found = caller.call(&*provider, &request(options.clone()), &sources).await.unwrap();
    assert_eq!(bytes_of(&found.items[0]), picture);
    assert_eq!(found.request_id.as_deref(), Some("r-1"));

    let seen = server.seen().remove(0);
    assert!(seen.head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{}", seen.head);
    assert_eq!(seen.header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!(seen.header("x-client-request-id"), Some("call-7/a"));
    assert_eq!(seen.header("idempotency-key"), Some("once"));
    assert_eq!(seen.header("x-title"), Some("mill"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("content-length"), Some(&*seen.body.len().to_string()));
    assert_eq!(seen.header("transfer-encoding"), None);
    let expected = json!({
        "model": "m", "temperature": 0.5, "max_tokens": 9, "seed": 42, "stream": false, "top": [1],
        "image_config": {"aspect_ratio": "1:1", "deep": 2},
        "messages": [{"role": "user", "content": [
            {"type": "text", "text": "make it \"night\" \u{1f303}"},
            {"type": "image_url", "image_url": {"url": data_url("image/jpeg", &jpeg(1, 100_003))}},
            {"type": "image_url", "image_url": {"url": data_url("image/png", &png(2, 40))}},
        ]}],
    });
    assert!(seen.json() == expected, "{}", String::from_utf8_lossy(&seen.body[..300]));

    let steps = caller.progress.lock().unwrap().clone();
    assert_eq!(steps[..2], [Progress::Sent, Progress::FirstByte]);
    assert!(matches!(steps.last(), Some(Progress::Received(n)) if *n > 260_000));

    let text = provider.request_text(&request(options), &sources);
    assert!(
        text.contains(&format!("\"blake3:{}\"", sources[0].blake3)) && !text.contains("base64") && text.len() < 900
    );
}

#[test]
fn bodies_of_all_protocols() {
    let sources = [input(png(1, 40), PictureFormat::Png, "a.png"), input(png(2, 40), PictureFormat::Png, "b.png")];
    let (one, two) = (format!("blake3:{}", sources[0].blake3), format!("blake3:{}", sources[1].blake3));
    let options = RequestOptions { max_tokens: Some(5), size: Some("auto".into()), ..RequestOptions::default() };
    let mut asked = request(options);
    asked.prompt = "p".into();
    let text = |profile: &Profile, asked: &ImageRequest, count: usize| -> Value {
        serde_json::from_str(&provider(profile).request_text(asked, &sources[..count])).unwrap()
    };
    let mut images = profile("http://127.0.0.1:1", Protocol::Images);
    assert_eq!(text(&images, &asked, 0), json!({"model": "m", "prompt": "p", "size": "auto"}));
    let openai =
        json!({"model": "m", "prompt": "p", "size": "auto", "images": [{"image_url": one}, {"image_url": two}]});
    assert_eq!(text(&images, &asked, 2), openai);
    images.provider = "grok2api".into();
    assert_eq!(text(&images, &asked, 1), json!({"model": "m", "prompt": "p", "size": "auto", "image": {"url": one}}));
    assert_eq!(text(&images, &asked, 2)["images"], json!([{"url": one}, {"url": two}]));
    images.provider = "xai".into();
    assert_eq!(text(&images, &asked, 1)["image"], json!({"url": one, "type": "image_url"}));
    asked.options.size = Some("2k".into());
    asked.negative_prompt = "text".into();
    let expected = json!({"model": "m", "prompt": "p", "resolution": "2k", "negative_prompt": "text"});
    assert_eq!(text(&images, &asked, 0), expected);
    asked.options.size = Some("auto".into());
    asked.negative_prompt.clear();

    let mut responses = profile("http://127.0.0.1:1", Protocol::Responses);
    asked.system_prompt = "be brief".into();
    let expected = json!({
        "model": "m", "max_output_tokens": 5, "tool_choice": {"type": "image_generation"},
        "tools": [{"type": "image_generation", "size": "auto"}],
        "input": [
            {"role": "system", "content": [{"type": "input_text", "text": "be brief"}]},
            {"role": "user", "content": [{"type": "input_text", "text": "p"}, {"type": "input_image", "image_url": one}]},
        ],
    });
    assert_eq!(text(&responses, &asked, 1), expected);
    responses.provider = "grok2api".into();
    assert!(text(&responses, &asked, 1).get("tools").is_none());
    assert_eq!(text(&images, &asked, 0)["prompt"], "be brief\n\np");

    let mut chat = profile("http://127.0.0.1:1", Protocol::ChatCompletions);
    assert_eq!(text(&chat, &asked, 0)["messages"][0], json!({"role": "system", "content": "be brief"}));
    for (field, name) in [
        (TokenField::Auto, Some("max_tokens")),
        (TokenField::MaxTokens, Some("max_tokens")),
        (TokenField::MaxCompletionTokens, Some("max_completion_tokens")),
        (TokenField::MaxOutputTokens, Some("max_output_tokens")),
        (TokenField::None, None),
    ] {
        chat.token_field = field;
        let body = text(&chat, &asked, 0);
        let sent: Vec<&str> =
            body.as_object().unwrap().keys().map(String::as_str).filter(|key| key.starts_with("max_")).collect();
        assert_eq!(sent, name.into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_form_carries_names_types_and_bytes() {
    let server = ScriptedServer::start(vec![answer(200, "", &chat_answer(&png(1, 500)))]).await;
    let mut profile = profile(&server.origin, Protocol::ImagesMultipart);
    profile.base_url += "/images/generations";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source");
    let photo = jpeg(5, 150_000);
    std::fs::write(&path, &photo).unwrap();
    let from_file =
        PictureInput { bytes: PictureBytes::File(path), ..input(photo.clone(), PictureFormat::Jpeg, "x/夜\"景.png") };
    let options = RequestOptions { n: Some(2), ..RequestOptions::default() };
    let both = [from_file.clone(), input(png(6, 77), PictureFormat::Png, "b")];
    let caller = Caller::new();
    caller.call(&*provider(&profile), &request(options), &both).await.unwrap();
    let seen = server.seen().remove(0);
    assert!(seen.head.starts_with("POST /v1/images/edits HTTP/1.1\r\n"), "{}", seen.head);
    let boundary =
        seen.header("content-type").unwrap().strip_prefix("multipart/form-data; boundary=").unwrap().to_owned();
    let mut expected: Vec<u8> = Vec::new();
    for (name, value) in [("model", "m"), ("n", "2"), ("prompt", "make it \"night\" \u{1f303}")] {
        expected.extend(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
        );
    }
    for (name, kind, bytes) in [("夜%22景.jpg", "image/jpeg", photo), ("b.png", "image/png", png(6, 77))] {
        expected.extend(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"{name}\"\r\n")
                .bytes(),
        );
        expected.extend(format!("Content-Type: {kind}\r\n\r\n").bytes());
        expected.extend(bytes);
        expected.extend(b"\r\n");
    }
    expected.extend(format!("--{boundary}--\r\n").bytes());
    assert!(seen.body == expected, "{}", String::from_utf8_lossy(&seen.body[..600]));

    caller.call(&*provider(&profile), &request(RequestOptions::default()), &[from_file]).await.unwrap();
    let single = server.seen().remove(1);
    assert!(memchr::memmem::find(&single.body, b"name=\"image\"; filename").is_some());
}

#[test]
fn an_endpoint_address_stands_as_it_is() {
    for (base, endpoint, expected) in [
        ("https://x.org/v1/", CHAT, "https://x.org/v1/chat/completions"),
        ("https://x.org", RESPONSES, "https://x.org/responses"),
        ("https://x.org/v1/chat/completions", CHAT, "https://x.org/v1/chat/completions"),
        ("https://x.org/v1/images/generations", EDITS, "https://x.org/v1/images/edits"),
        ("https://x.org/v1/images/edits", GENERATIONS, "https://x.org/v1/images/generations"),
        ("https://x.org/d/m/images/edits?api-version=1", EDITS, "https://x.org/d/m/images/edits?api-version=1"),
        ("https://x.org/d?api-version=1", GENERATIONS, "https://x.org/d/images/generations?api-version=1"),
    ] {
        let profile = Profile { base_url: base.into(), ..Profile::default() };
        let client = http::client(Purpose::Api, false, 1000).unwrap();
        let wire = Wire::new(&profile, None, Scheme::Bearer, WireOptions::default(), client.clone(), client).unwrap();
        assert_eq!(wire.endpoint(endpoint).as_str(), expected);
    }
}

type Case<'a> = (u16, &'a str, &'a [u8], FailureKind, Billing, &'a str);

#[tokio::test]
async fn statuses_become_failures() {
    let denied = br#"{"error":{"message":"Your key sk-very-secret-key is wrong","code":"invalid_api_key","type":"x"}}"#;
    let moderation = br#"{"error":{"message":"no","type":"image_generation_user_error","code":"moderation_blocked"}}"#;
    let cases: Vec<Case<'_>> = vec![
        (429, "Retry-After: 2\r\n", b"{}", FailureKind::RateLimited, Billing::NotBilled, "429"),
        (503, "Retry-After: 2\r\n", b"{}", FailureKind::RateLimited, Billing::NotBilled, "503"),
        (401, "", denied, FailureKind::Auth, Billing::NotBilled, "Your key <credential> is wrong"),
        (400, "", moderation, FailureKind::Refused, Billing::NotBilled, "400: no"),
        (500, "", b"{\"detail\":\"boom\"}", FailureKind::UnknownOutcome, Billing::Unknown, "boom"),
        (502, "", b"<html><title>Bad gateway</title>", FailureKind::UnknownOutcome, Billing::Unknown, "Bad gateway"),
        (404, "", b"no such model", FailureKind::Invalid, Billing::NotBilled, "no such model"),
        (
            307,
            "Location: https://other.org/v1\r\n",
            b"",
            FailureKind::Invalid,
            Billing::NotBilled,
            "https://other.org/v1",
        ),
    ];
    for (status, headers, body, kind, billing, words) in cases {
        let server = ScriptedServer::start(vec![answer(status, headers, body)]).await;
        let failed = Caller::new().fails(&profile(&server.origin, Protocol::ChatCompletions)).await;
        assert_eq!((failed.failure.kind, failed.failure.billing), (kind, billing), "{status}: {failed:?}");
        assert!(failed.failure.message.contains(words), "{status}: {}", failed.failure.message);
        assert_eq!(failed.failure.http_status, Some(status));
        assert_eq!(failed.failure.retry_after_ms.is_some(), headers.contains("Retry-After"));
        assert_eq!(server.seen().len(), 1, "sent once, whatever the answer");
    }
}

#[tokio::test]
async fn a_provider_that_does_not_bill_5xx_is_tried_again() {
    let server = ScriptedServer::start(vec![answer(500, "", b"boom")]).await;
    let options = WireOptions { bills_5xx: false, ..WireOptions::default() };
    let profile = profile(&server.origin, Protocol::Images);
    let provider = Registry::new().provider_with(&profile, false, None, options).unwrap();
    let failed = Caller::new().call(&*provider, &request(RequestOptions::default()), &[]).await.unwrap_err();
    assert_eq!((failed.failure.kind, failed.failure.billing), (FailureKind::Transient, Billing::NotBilled));
}

#[tokio::test]
async fn what_certainly_did_not_run_costs_nothing() {
    let refused = Caller::new().fails(&profile("http://127.0.0.1:9", Protocol::ChatCompletions)).await.failure;
    assert_eq!((refused.kind, refused.billing), (FailureKind::Transient, Billing::NotBilled), "{refused:?}");

    let nowhere = Caller::new().fails(&profile("http://no-such-host.invalid", Protocol::ChatCompletions)).await.failure;
    assert_eq!((nowhere.kind, nowhere.billing), (FailureKind::Transient, Billing::NotBilled), "{nowhere:?}");
    assert!(nowhere.message.contains("no-such-host.invalid"), "{nowhere:?}");

    // TLS: the server speaks plain HTTP.
    let server = ScriptedServer::start(vec![answer(200, "", b"{}")]).await;
    let secure = server.origin.replace("http:", "https:");
    let no_tls = Caller::new().fails(&profile(&secure, Protocol::ChatCompletions)).await.failure;
    assert_eq!((no_tls.kind, no_tls.billing), (FailureKind::Transient, Billing::NotBilled), "{no_tls:?}");

    // The connection closes while a large request is still going out.
    let server = ScriptedServer::start(vec![vec![Step::HeadOnly]]).await;
    let large = [input(png(1, 30 << 20), PictureFormat::Png, "a.png")];
    let provider = provider(&profile(&server.origin, Protocol::Images));
    let half = Caller::new().call(&*provider, &request(RequestOptions::default()), &large).await.unwrap_err().failure;
    assert_eq!((half.kind, half.billing), (FailureKind::Transient, Billing::NotBilled), "{half:?}");
}

#[tokio::test]
async fn a_private_name_is_refused_before_it_is_called() {
    let server = ScriptedServer::start(vec![answer(200, "", b"{}")]).await;
    let mut strict = profile(&server.origin, Protocol::ChatCompletions);
    strict.network.allow_private_api = false;
    let refusal = Registry::new().provider(&strict, false, None).err().unwrap();
    assert!(refusal.kind == FailureKind::Invalid && refusal.message.contains("allow_private_api"), "{refusal:?}");
    // A name that resolves to loopback is found out when it is resolved.
    let client = http::client(Purpose::Api, false, 1000).unwrap();
    let url = Url::parse(&server.origin.replace("127.0.0.1", "localhost")).unwrap();
    let sent = http::Request { method: Method::GET, url, headers: HeaderMap::new(), body: None };
    let refusal = http::send(&client, sent, &strict.timeouts, || ()).await.err().unwrap();
    assert!(refusal.kind == FailureKind::Invalid && refusal.message.contains("localhost is a private"), "{refusal:?}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_source_that_changed_ends_the_call_unpaid() {
    let server = ScriptedServer::start(vec![vec![Step::Hang]]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    std::fs::write(&path, png(1, 1000)).unwrap();
    let picture = PictureInput { bytes: PictureBytes::File(path), ..input(png(1, 999), PictureFormat::Png, "a.png") };
    let provider = provider(&profile(&server.origin, Protocol::Images));
    let failed = Caller::new().call(&*provider, &request(RequestOptions::default()), &[picture]).await.unwrap_err();
    assert_eq!((failed.failure.kind, failed.failure.billing), (FailureKind::Invalid, Billing::NotBilled));
    assert!(failed.failure.message.contains("changed"), "{failed:?}");
}

#[tokio::test]
async fn lost_answers_are_unknown() {
    let event = format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": "drawing"}}]}));
    let comments: Vec<Step> =
        std::iter::repeat_n([Step::Write(b": ping\n\n".into()), Step::Wait(20)], 50).flatten().collect();
    let drip: Vec<Step> =
        std::iter::repeat_n([Step::Write(event.clone().into()), Step::Wait(20)], 100).flatten().collect();
    let scripts: Vec<(&str, Vec<Step>, &str)> = vec![
        ("no answer", vec![Step::Hang], "sent no answer within 0.4 s"),
        ("closed without an answer", vec![], "broke before an answer"),
        ("cut", vec![open_head(Some(90_000)), Step::Write(event.clone().into())], "broke in the middle"),
        ("silence", vec![open_head(None), Step::Write(event.into()), Step::Hang], "nothing more for 0.3 s"),
        ("comments only", [vec![open_head(None)], comments].concat(), "nothing more for 0.3 s"),
        ("endless drip", [vec![open_head(None)], drip].concat(), "not complete after 0.8 s"),
    ];
    for (name, script, words) in scripts {
        let server = ScriptedServer::start(vec![script]).await;
        let mut profile = profile(&server.origin, Protocol::ChatCompletions);
        profile.timeouts = Timeouts { connect_ms: 400, first_byte_ms: 400, idle_ms: 300, total_ms: 800 };
        let failed = Caller::new().fails(&profile).await.failure;
        assert_eq!(
            (failed.kind, failed.billing),
            (FailureKind::UnknownOutcome, Billing::Unknown),
            "{name}: {failed:?}"
        );
        assert!(failed.message.contains(words), "{name}: {}", failed.message);
        assert_eq!(server.seen().len(), 1, "{name}: sent once");
    }
}

#[tokio::test]
async fn pictures_before_a_break_are_kept() {
    let picture = png(3, 100_000);
    let first = json!({"type": "image_generation.completed", "b64_json": b64(&picture)});
    let body = format!("event: image_generation.completed\ndata: {first}\n\ndata: {{\"type\":\"image_gen");
    let server = ScriptedServer::start(vec![vec![open_head(Some(body.len() + 9)), Step::Write(body.into())]]).await;
    let caller = Caller::new();
    let options = RequestOptions { n: Some(2), stream: Some(true), ..RequestOptions::default() };
    let provider = provider(&profile(&server.origin, Protocol::Images));
    let found = caller.call(&*provider, &request(options), &[]).await.unwrap();
    assert_eq!(bytes_of(&found.items[0]), picture);
    let [_, Found::Failed(failure)] = found.items.as_slice() else { panic!("{:?}", found.items) };
    assert_eq!(failure.kind, FailureKind::UnknownOutcome);
    assert_eq!(server.seen()[0].json()["stream"], true);
}

#[tokio::test]
async fn a_dropped_call_closes_its_socket() {
    let picture =
        format!("data: {}", json!({"choices": [{"delta": {"content": data_url("image/png", &png(1, 200_000))}}]}));
    let script = vec![open_head(None), Step::Write(picture.as_bytes()[..200_000].into()), Step::Hang];
    let server = ScriptedServer::start(vec![script]).await;
    let caller = Caller::new();
    let provider = provider(&profile(&server.origin, Protocol::ChatCompletions));
    let asked = request(RequestOptions::default());
    let call = caller.call(&*provider, &asked, &[]);
    assert!(tokio::time::timeout(Duration::from_millis(500), call).await.is_err());
    tokio::time::timeout(Duration::from_secs(5), async {
        while server.closed() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the socket is closed when the future is dropped");
    assert_eq!(std::fs::read_dir(caller.folder.path()).unwrap().count(), 0, "the half picture is gone");
}

#[tokio::test]
async fn models_are_listed() {
    let body = br#"{"object":"list","data":[{"id":"a"},{"id":"b"}]}"#;
    let quoting = format!("{{\"error\":{{\"message\":\"Incorrect API key provided: {KEY}\"}}}}").into_bytes();
    let server = ScriptedServer::start(vec![answer(200, "", body), answer(401, "", &quoting)]).await;
    let mut profile = profile(&server.origin, Protocol::ChatCompletions);
    profile.base_url += "/chat/completions";
    let provider = provider(&profile);
    assert_eq!(provider.check().await.unwrap(), ["a", "b"]);
    assert!(server.seen()[0].head.starts_with("GET /v1/models HTTP/1.1\r\n"));
    let refused = provider.check().await.unwrap_err().message;
    assert!(refused.contains("Incorrect API key") && !refused.contains(KEY), "{refused}");
}

#[tokio::test]
async fn downloads_keep_to_the_rules() {
    let picture = jpeg(1, 300_000);
    let far = ScriptedServer::start(vec![answer(200, "", &picture)]).await;
    let hop = format!("Location: {}/far.jpg\r\n", far.origin);
    let near = ScriptedServer::start(vec![answer(302, &hop, b"")]).await;
    let mut rules = profile(&near.origin, Protocol::ChatCompletions);
    rules.network.authorize_downloads = true;
    let caller = Caller::new();
    let link = format!("{}/files/1", near.origin);
    let fetched = provider(&rules).download(&link, caller.spool()).await.unwrap();
    assert_eq!((whole(&fetched), fetched.delivery), (picture, imagemill_domain::asset::Delivery::Link));
    fetched.discard();
    // The key goes to the provider's own address only.
    assert_eq!(near.seen()[0].header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!(far.seen()[0].header("authorization"), None);
    rules.network.authorize_downloads = false;
    provider(&rules).download(&link, caller.spool()).await.unwrap().discard();
    assert_eq!(near.seen()[1].header("authorization"), None);

    // The second hop is checked like the first.
    rules.network.download_hosts = vec!["127.0.0.1".into()];
    let bad_hop = format!("Location: {}/\r\n", far.origin.replace("127.0.0.1", "localhost"));
    let trap = ScriptedServer::start(vec![answer(302, &bad_hop, b"")]).await;
    let calls_before = far.seen().len();
    let refused = provider(&rules).download(&trap.origin, caller.spool()).await.unwrap_err();
    assert!(refused.kind == FailureKind::Invalid && refused.message.contains("download_hosts"), "{refused:?}");
    assert_eq!((far.seen().len(), refused.billing), (calls_before, Billing::Billed));

    let endless = ScriptedServer::start(vec![answer(302, "Location: /again\r\n", b"")]).await;
    let refused = provider(&rules).download(&endless.origin, caller.spool()).await.unwrap_err();
    assert!(refused.message.contains("more than 3 times"), "{refused:?}");
    assert_eq!(endless.seen().len(), 4);
}

#[tokio::test]
async fn downloads_fail_in_their_own_ways() {
    let gzip = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 235, 12, 240, 115, 231, 229, 146, 226, 42, 200, 76, 46, 41, 45, 74, 85, 32,
        150, 6, 0, 177, 233, 166, 8, 56, 0, 0, 0,
    ];
    let large = png(1, 5000);
    let caller = Caller::new();
    for (script, kind, words) in [
        (answer(404, "", b"gone"), FailureKind::FetchExpired, "gone"),
        (answer(403, "", b"expired"), FailureKind::FetchExpired, "expired"),
        (answer(500, "", b"boom"), FailureKind::Transient, "boom"),
        (answer(200, "", b""), FailureKind::Transient, "nothing"),
        (answer(200, "", &large), FailureKind::BadPicture, "max_picture_bytes"),
        (vec![open_head(None), Step::Write(large.clone())], FailureKind::BadPicture, "max_picture_bytes"),
        (vec![open_head(Some(900)), Step::Write(vec![1; 400])], FailureKind::Transient, "broke"),
    ] {
        let server = ScriptedServer::start(vec![script]).await;
        let mut rules = profile(&server.origin, Protocol::ChatCompletions);
        rules.network.max_picture_bytes = 1000;
        let failure = provider(&rules).download(&server.origin, caller.spool()).await.unwrap_err();
        assert_eq!((failure.kind, failure.billing), (kind, Billing::Billed), "{failure:?}");
        assert!(failure.message.contains(words), "{failure:?}");
    }
    let server = ScriptedServer::start(vec![answer(200, "Content-Encoding: gzip\r\n", &gzip)]).await;
    let rules = profile(&server.origin, Protocol::ChatCompletions);
    let fetched = provider(&rules).download(&server.origin, caller.spool()).await.unwrap();
    assert!(whole(&fetched).starts_with(b"\x89PNG\r\n\x1a\npicture "));
    let inline = provider(&rules).download(&data_url("image/png", &png(4, 99)), caller.spool()).await.unwrap();
    assert_eq!(whole(&inline), png(4, 99));
    let broken = provider(&rules).download("data:image/png;base64,x", caller.spool()).await.unwrap_err();
    assert_eq!(broken.kind, FailureKind::BadPicture);
}
