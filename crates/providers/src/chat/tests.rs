//! Real text and vision calls over loopback: what goes out in each protocol, and what comes of errors.

use std::sync::Mutex;

use bytes::Bytes;
use imagemill_domain::chat::ChatPart;
use imagemill_domain::failure::{Billing, FailureKind};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::profile::{Profile, Protocol, Timeouts, TokenField};
use serde_json::{Value, json};

use super::*;
use crate::fixtures::{b64, data_url, jpeg, png};
use crate::provider::{PictureBytes, WireCall};
use crate::registry::{Registry, WireOptions};
use crate::scripted_server::{ScriptedServer, Seen, answer, open_head};

const KEY: &str = "sk-very-secret-key";

fn profile(base_url: String, protocol: Protocol) -> Profile {
    let mut profile = Profile { base_url, protocol, ..Profile::default() };
    profile.network.allow_private_api = true;
    profile.timeouts = Timeouts { connect_ms: 2000, first_byte_ms: 5000, idle_ms: 5000, total_ms: 10_000 };
    profile
}

fn input(bytes: Vec<u8>, format: PictureFormat) -> PictureInput {
    PictureInput {
        address: None,
        len: bytes.len() as u64,
        blake3: ContentHash::of(&bytes),
        bytes: PictureBytes::Memory(Bytes::from(bytes)),
        format,
        file_name: "picture".into(),
    }
}

fn pictures() -> [PictureInput; 2] {
    [input(jpeg(1, 90_001), PictureFormat::Jpeg), input(png(2, 300), PictureFormat::Png)]
}

/// Words, a picture, words, a picture; a schema and everything else that can be set.
fn full() -> ChatRequest {
    let [first, second] = pictures();
    let parts = vec![
        ChatPart::Text("compare \"this\"".into()),
        ChatPart::Picture(first.blake3),
        ChatPart::Text("with this".into()),
        ChatPart::Picture(second.blake3),
    ];
    ChatRequest {
        system: "be brief".into(),
        schema: Some(schema()),
        max_tokens: 77,
        temperature: Some(0.5),
        reasoning_effort: Some("low".into()),
        extra_body: [("metadata".to_owned(), json!({"a": 2}))].into(),
        ..ChatRequest::new("m", parts)
    }
}

fn schema() -> Value {
    json!({"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"], "additionalProperties": false})
}

async fn call(
    profile: &Profile,
    request: &ChatRequest,
    pictures: &[PictureInput],
) -> Result<ChatAnswer, Box<CallFailure>> {
    let provider = Registry::new().chat(profile, Some(KEY.to_owned().into()), WireOptions::default()).unwrap();
    let text = provider.request_text(request, pictures);
    assert!(!text.contains(KEY) && text.len() < 3_000, "{text}");
    assert!(pictures.iter().all(|picture| text.contains(&format!("blake3:{}", picture.blake3))), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let progress = Mutex::new(Vec::new());
    let told = |step| progress.lock().unwrap().push(step);
    let call = ChatCall {
        request,
        pictures,
        key: "call-7/a",
        idempotency_key: Some("once"),
        spool: Spool::new(folder.path(), "call-7"),
        progress: &told,
    };
    let result = provider.chat(call).await;
    assert!(!format!("{result:?}").contains(KEY), "the credential shows: {result:?}");
    assert_eq!(progress.lock().unwrap().first(), Some(&Progress::Sent));
    result
}

/// Makes the full call and gives what was seen and what came.
async fn seen(path: &str, protocol: Protocol, body: &Value, change: impl FnOnce(&mut Profile)) -> (Seen, ChatAnswer) {
    let script = answer(200, "request-id: r-9\r\nContent-Type: application/json\r\n", body.to_string().as_bytes());
    let server = ScriptedServer::start(vec![script]).await;
    let mut profile = profile(format!("{}{path}", server.origin), protocol);
    profile.extra_body.insert("metadata".into(), json!({"a": 1, "b": 1}));
    change(&mut profile);
    let answer = call(&profile, &full(), &pictures()).await.unwrap();
    (server.seen().remove(0), answer)
}

fn chat_body(text: &str) -> Value {
    json!({"choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
}

#[tokio::test]
async fn chat_completions_carry_words_pictures_and_a_schema() {
    // As the profile for OpenRouter's picture models does.
    let for_pictures = |profile: &mut Profile| {
        profile.extra_body.insert("modalities".into(), json!(["image", "text"]));
    };
    let (seen, answer) = seen("/v1", Protocol::ChatCompletions, &chat_body("{\"ok\":true}"), for_pictures).await;
    assert_eq!((answer.text.as_str(), answer.finish.as_str()), ("{\"ok\":true}", "stop"));
    assert_eq!((answer.http_status, answer.request_id.as_deref()), (200, Some("r-9")));
    assert!(seen.head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{}", seen.head);
    assert_eq!(seen.header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!(seen.header("x-client-request-id"), Some("call-7/a"));
    assert_eq!(seen.header("idempotency-key"), Some("once"));
    let expected = json!({
        "model": "m", "max_tokens": 77, "temperature": 0.5, "reasoning_effort": "low", "metadata": {"a": 2, "b": 1},
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema(), "strict": true}},
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": [
            {"type": "text", "text": "compare \"this\""},
            {"type": "image_url", "image_url": {"url": data_url("image/jpeg", &jpeg(1, 90_001))}},
            {"type": "text", "text": "with this"},
            {"type": "image_url", "image_url": {"url": data_url("image/png", &png(2, 300))}},
        ]}],
    });
    assert_eq!(seen.json(), expected);
}

#[tokio::test]
async fn the_token_limit_goes_out_under_the_profiles_name() {
    for (provider, field, name) in [
        ("openai", TokenField::Auto, Some("max_completion_tokens")),
        ("gateway", TokenField::Auto, Some("max_tokens")),
        ("gateway", TokenField::MaxCompletionTokens, Some("max_completion_tokens")),
        ("openai", TokenField::None, None),
    ] {
        let change = |profile: &mut Profile| {
            profile.provider = provider.into();
            profile.token_field = field;
        };
        let (seen, _) = seen("/v1", Protocol::ChatCompletions, &chat_body("x"), change).await;
        let body = seen.json();
        let named: Vec<_> = body
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| **value == 77)
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(named.first().copied(), name, "{provider} {field:?}");
    }
}

#[tokio::test]
async fn plain_words_are_sent_as_a_text_and_may_be_streamed() {
    let delta = |text: &str| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": text}}]}));
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let stream = format!("{}{}data: {end}\n\ndata: [DONE]\n\n", delta("Good "), delta("day"));
    let script = vec![open_head(None), crate::scripted_server::Step::Write(stream.into())];
    let server = ScriptedServer::start(vec![script]).await;
    let mut profile = profile(server.origin.clone(), Protocol::Auto);
    profile.provider = "openai".into();
    profile.stream = Some(true);
    let request = ChatRequest::new("m", vec![ChatPart::Text("hello".into())]);
    assert_eq!(call(&profile, &request, &[]).await.unwrap().text, "Good day");
    let seen = server.seen().remove(0);
    assert!(seen.head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "a host alone gets /v1: {}", seen.head);
    let expected = json!({
        "model": "m", "stream": true, "stream_options": {"include_usage": true}, "max_completion_tokens": 8192,
        "messages": [{"role": "user", "content": "hello"}],
    });
    assert_eq!(seen.json(), expected);
}

#[tokio::test]
async fn responses_carry_words_pictures_and_a_schema() {
    let body = json!({"status": "completed", "output": [{"type": "message", "content": [{"type": "output_text", "text": "yes"}]}]});
    let (seen, answer) = seen("/v1/responses", Protocol::Auto, &body, |_| {}).await;
    assert_eq!(answer.text, "yes");
    assert!(seen.head.starts_with("POST /v1/responses HTTP/1.1\r\n"), "{}", seen.head);
    let expected = json!({
        "model": "m", "max_output_tokens": 77, "temperature": 0.5, "reasoning": {"effort": "low"}, "instructions": "be brief",
        "metadata": {"a": 2, "b": 1},
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": schema(), "strict": true}},
        "input": [{"role": "user", "content": [
            {"type": "input_text", "text": "compare \"this\""},
            {"type": "input_image", "image_url": data_url("image/jpeg", &jpeg(1, 90_001))},
            {"type": "input_text", "text": "with this"},
            {"type": "input_image", "image_url": data_url("image/png", &png(2, 300))},
        ]}],
    });
    assert_eq!(seen.json(), expected);
}

#[tokio::test]
async fn anthropic_messages_follow_their_own_rules() {
    let body = json!({"type": "message", "stop_reason": "tool_use", "content": [{"type": "tool_use", "input": {"ok": true}}],
        "usage": {"input_tokens": 5, "output_tokens": 2}});
    let change = |profile: &mut Profile| profile.provider = "anthropic".into();
    let (seen, answer) = seen("", Protocol::Auto, &body, change).await;
    assert_eq!((answer.text.as_str(), answer.usage.input_tokens), ("{\"ok\":true}", Some(5)));
    assert!(seen.head.starts_with("POST /v1/messages HTTP/1.1\r\n"), "{}", seen.head);
    assert_eq!(seen.header("x-api-key"), Some(KEY));
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"));
    let image = |media_type: &str, bytes: &[u8]| json!({"type": "image", "source": {"type": "base64", "media_type": media_type, "data": b64(bytes)}});
    let sent = seen.json();
    assert_eq!(sent["tool_choice"], json!({"type": "tool", "name": "answer"}));
    assert_eq!(sent["tools"][0]["input_schema"], schema());
    assert_eq!((&sent["system"], &sent["max_tokens"]), (&json!("be brief"), &json!(77)));
    assert_eq!(sent["output_config"], json!({"effort": "low"}));
    let content = json!([
        {"type": "text", "text": "compare \"this\""}, image("image/jpeg", &jpeg(1, 90_001)),
        {"type": "text", "text": "with this"}, image("image/png", &png(2, 300)),
    ]);
    assert_eq!(sent["messages"], json!([{"role": "user", "content": content}]));
}

#[tokio::test]
async fn gemini_gets_words_and_pictures_as_parts() {
    let body = json!({"candidates": [{"content": {"parts": [{"text": "yes"}]}, "finishReason": "STOP"}]});
    let change = |profile: &mut Profile| profile.provider = "gemini".into();
    let (seen, answer) = seen("", Protocol::Auto, &body, change).await;
    assert_eq!(answer.text, "yes");
    assert!(seen.head.starts_with("POST /v1beta/models/m:generateContent HTTP/1.1\r\n"), "{}", seen.head);
    assert_eq!((seen.header("x-goog-api-key"), seen.header("authorization")), (Some(KEY), None));
    let expected = json!({
        "systemInstruction": {"parts": [{"text": "be brief"}]}, "metadata": {"a": 2, "b": 1},
        "generationConfig": {
            "maxOutputTokens": 77, "temperature": 0.5, "thinkingConfig": {"thinkingLevel": "low"},
            "responseMimeType": "application/json", "responseJsonSchema": schema(),
        },
        "contents": [{"role": "user", "parts": [
            {"text": "compare \"this\""}, {"inlineData": {"mimeType": "image/jpeg", "data": b64(&jpeg(1, 90_001))}},
            {"text": "with this"}, {"inlineData": {"mimeType": "image/png", "data": b64(&png(2, 300))}},
        ]}],
    });
    assert_eq!(seen.json(), expected);
}

#[tokio::test]
async fn words_go_to_their_own_endpoint_whatever_the_base_names() {
    for (path, protocol, provider, expected) in [
        ("/v1/images/edits", Protocol::ImagesMultipart, "openai", "/v1/chat/completions"),
        ("/v1/images/generations", Protocol::Auto, "openai", "/v1/chat/completions"),
        ("/proxy/v2/", Protocol::Auto, "x", "/proxy/v2/chat/completions"),
        ("/chat/completions", Protocol::Auto, "x", "/chat/completions"),
        ("/v1/messages", Protocol::Auto, "sensenova", "/v1/messages"),
        ("/v1", Protocol::AnthropicMessages, "x", "/v1/messages"),
    ] {
        let body = json!({"type": "message", "content": [{"type": "text", "text": "x"}], "choices": [{"message": {"content": "x"}}]});
        let change = |profile: &mut Profile| profile.provider = provider.into();
        let (seen, _) = seen(path, protocol, &body, change).await;
        assert!(seen.head.starts_with(&format!("POST {expected} HTTP/1.1\r\n")), "{path}: {}", seen.head);
    }
}

#[tokio::test]
async fn errors_mean_the_same_as_for_pictures() {
    let anthropic = |kind: &str| json!({"type": "error", "error": {"type": kind, "message": "words"}});
    for (status, body, kind, billing) in [
        (401, anthropic("authentication_error"), FailureKind::Auth, Billing::NotBilled),
        (403, anthropic("permission_error"), FailureKind::NotEntitled, Billing::NotBilled),
        (402, anthropic("billing_error"), FailureKind::Quota, Billing::NotBilled),
        (400, anthropic("invalid_request_error"), FailureKind::Invalid, Billing::NotBilled),
        (
            400,
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low to access the Anthropic API."}}),
            FailureKind::Quota,
            Billing::NotBilled,
        ),
        (429, anthropic("rate_limit_error"), FailureKind::RateLimited, Billing::NotBilled),
        (529, anthropic("overloaded_error"), FailureKind::RateLimited, Billing::NotBilled),
        (500, anthropic("api_error"), FailureKind::UnknownOutcome, Billing::Unknown),
        (
            400,
            json!({"error": {"message": "no", "code": "content_policy_violation"}}),
            FailureKind::Refused,
            Billing::NotBilled,
        ),
    ] {
        let script = answer(status, "", body.to_string().as_bytes());
        let server = ScriptedServer::start(vec![script]).await;
        let request = ChatRequest::new("m", vec![ChatPart::Text("hello".into())]);
        let failure =
            call(&profile(server.origin.clone(), Protocol::AnthropicMessages), &request, &[]).await.unwrap_err();
        assert_eq!((failure.failure.kind, failure.failure.billing), (kind, billing), "{status} {body}");
        assert_eq!(failure.failure.http_status, Some(status));
    }
}

#[tokio::test]
async fn a_profile_for_words_sends_no_picture_call() {
    let profile = profile("https://api.example.org".into(), Protocol::AnthropicMessages);
    let provider = Registry::new().provider(&profile, false, Some(KEY.to_owned().into())).unwrap();
    let request = imagemill_domain::request::ImageRequest {
        model: "m".into(),
        system_prompt: String::new(),
        prompt: "a fox".into(),
        negative_prompt: String::new(),
        pictures: Vec::new(),
        options: imagemill_domain::request::RequestOptions::default(),
        sample: 0,
    };
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::new(folder.path(), "call-7");
    let call = WireCall { request: &request, pictures: &[], key: "k", idempotency_key: None, spool, progress: &|_| () };
    let failure = provider.image(call).await.unwrap_err().failure;
    assert_eq!((failure.kind, failure.billing), (FailureKind::Invalid, Billing::NotBilled));
    assert!(failure.message.contains("brings words and no pictures"), "{}", failure.message);
}
