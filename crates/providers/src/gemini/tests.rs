use imagemill_domain::call::Usage;
use imagemill_domain::failure::{Billing, FailureKind};
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::profile::{Profile, Protocol};
use imagemill_domain::request::RequestOptions;

use super::*;
use crate::fixtures::{b64, jpeg, png};
use crate::registry::{Registry, WireOptions};
use crate::scripted_server::{ScriptedServer, answer};
use crate::test_calls::{Caller, KEY, bytes_of, input, profile, provider, request};

fn gemini(origin: &str) -> Profile {
    Profile { base_url: format!("{origin}/v1beta"), ..profile(origin, Protocol::Gemini) }
}

fn picture_answer(picture: &[u8]) -> Vec<u8> {
    json!({"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": b64(picture)}}]},
            "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 560, "candidatesTokenCount": 1290, "thoughtsTokenCount": 30,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 44}, {"modality": "IMAGE", "tokenCount": 516}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}]}})
    .to_string()
    .into()
}

#[tokio::test]
async fn a_call_sends_what_it_should() {
    let picture = png(1, 20_000);
    let server = ScriptedServer::start(vec![answer(200, "", &picture_answer(&picture))]).await;
    let options = RequestOptions {
        aspect_ratio: Some("16:9".into()),
        size: Some("2K".into()),
        seed: Some(40),
        max_tokens: Some(9),
        extra_body: [("safetySettings".to_owned(), json!([])), ("generationConfig".to_owned(), json!({"topK": 3}))]
            .into(),
        ..RequestOptions::default()
    };
    let mut asked = request(options);
    asked.model = "gemini-3-pro-image".into();
    asked.system_prompt = "be brief".into();
    asked.prompt = "night".into();
    let sources = [input(jpeg(1, 100_003), PictureFormat::Jpeg, "a.jpg")];
    let provider = provider(&gemini(&server.origin));
    let caller = Caller::new();
    let found = caller.call(&*provider, &asked, &sources).await.unwrap();
    assert_eq!(bytes_of(&found.items[0]), picture);
    let usage = Usage {
        input_tokens: Some(560),
        input_image_tokens: Some(516),
        output_tokens: Some(1320),
        output_image_tokens: Some(1290),
        ..Usage::default()
    };
    assert_eq!(found.usage, usage);

    let seen = server.seen().remove(0);
    assert!(
        seen.head.starts_with("POST /v1beta/models/gemini-3-pro-image:generateContent HTTP/1.1\r\n"),
        "{}",
        seen.head
    );
    assert_eq!((seen.header("x-goog-api-key"), seen.header("authorization")), (Some(KEY), None));
    let expected = json!({
        "contents": [{"role": "user", "parts": [
            {"text": "be brief\n\nnight"},
            {"inlineData": {"mimeType": "image/jpeg", "data": b64(&jpeg(1, 100_003))}},
        ]}],
        "generationConfig": {"responseModalities": ["TEXT", "IMAGE"], "seed": 42, "maxOutputTokens": 9, "topK": 3,
            "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"}},
        "safetySettings": [],
    });
    assert!(seen.json() == expected, "{}", String::from_utf8_lossy(&seen.body[..300]));
    let text = provider.request_text(&asked, &sources);
    assert!(text.contains(&format!("\"data\":\"blake3:{}\"", sources[0].blake3)), "{text}");
    assert!(text.contains("\"model\":\"gemini-3-pro-image\"") && !text.contains(KEY));
}

#[tokio::test]
async fn an_address_with_the_model_in_it_stands_as_it_is() {
    let server = ScriptedServer::start(vec![answer(200, "", &picture_answer(&png(1, 900)))]).await;
    let mut profile = gemini(&server.origin);
    profile.base_url += "/models/special:generateContent";
    Caller::new().call(&*provider(&profile), &request(RequestOptions::default()), &[]).await.unwrap();
    assert!(server.seen()[0].head.starts_with("POST /v1beta/models/special:generateContent "));
}

#[tokio::test]
async fn failures_mean_what_google_says() {
    let error = |code: u16, status: &str, message: &str, details: Value| {
        json!({"error": {"code": code, "message": message, "status": status, "details": details}}).to_string()
    };
    let retry = json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}]);
    let free = "Quota exceeded for metric: generate_content_free_tier_requests, limit: 0, model: gemini-3-pro-image";
    let cases = [
        (429, error(429, "RESOURCE_EXHAUSTED", "slow", retry.clone()), FailureKind::RateLimited, Some(1500)),
        (429, error(429, "RESOURCE_EXHAUSTED", free, retry), FailureKind::NotEntitled, Some(1500)),
        (429, error(429, "RESOURCE_EXHAUSTED", "credits are depleted", json!([])), FailureKind::Quota, None),
        (400, error(400, "INVALID_ARGUMENT", "no", json!([{"reason": "API_KEY_INVALID"}])), FailureKind::Auth, None),
        (500, error(500, "INTERNAL", "oops", json!([])), FailureKind::Transient, None),
        (200, json!({"promptFeedback": {"blockReason": "OTHER"}}).to_string(), FailureKind::Refused, None),
    ];
    for (status, body, kind, wait) in cases {
        let server = ScriptedServer::start(vec![answer(status, "", body.as_bytes())]).await;
        let options = WireOptions { bills_5xx: false, ..WireOptions::default() };
        let provider =
            Registry::new().provider_with(&gemini(&server.origin), true, Some(KEY.to_owned().into()), options).unwrap();
        let failed = Caller::new().call(&*provider, &request(RequestOptions::default()), &[]).await.unwrap_err();
        assert_eq!((failed.failure.kind, failed.failure.retry_after_ms), (kind, wait), "{status} {body}");
        if kind != FailureKind::Refused {
            assert_eq!(failed.failure.billing, Billing::NotBilled, "{body}");
        }
    }
}

#[tokio::test]
async fn models_are_listed_without_their_folder() {
    let list = json!({"models": [{"name": "models/gemini-2.5-flash-image"}, {"name": "models/gemini-3-pro-image"}]});
    let server = ScriptedServer::start(vec![answer(200, "", list.to_string().as_bytes())]).await;
    for address in ["/v1beta", "/v1beta/models/m:generateContent"] {
        let profile = Profile { base_url: server.origin.clone() + address, ..gemini(&server.origin) };
        let models = provider(&profile).check().await.unwrap();
        assert_eq!(models, ["gemini-2.5-flash-image", "gemini-3-pro-image"]);
    }
    for seen in server.seen() {
        assert!(seen.head.starts_with("GET /v1beta/models?pageSize=1000 "), "{}", seen.head);
        assert_eq!(seen.header("x-goog-api-key"), Some(KEY));
    }
}
