use imagemill_domain::failure::{Billing, FailureKind};
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::profile::{Profile, Protocol};
use imagemill_domain::request::RequestOptions;

use super::*;
use crate::fixtures::{b64, png};
use crate::scripted_server::{ScriptedServer, answer};
use crate::test_calls::{Caller, bytes_of, input, profile, provider, request};

fn router(origin: &str) -> Profile {
    Profile { base_url: format!("{origin}/api/v1"), ..profile(origin, Protocol::OpenrouterImages) }
}

#[tokio::test]
async fn a_call_sends_what_it_should_and_brings_its_cost() {
    let picture = png(1, 9000);
    let body = json!({"data": [{"b64_json": b64(&picture), "media_type": "image/jpeg"}], "usage": {"cost": 0.039}});
    let server = ScriptedServer::start(vec![answer(200, "", body.to_string().as_bytes())]).await;
    let options = RequestOptions {
        n: Some(2),
        size: Some("2K".into()),
        aspect_ratio: Some("16:9".into()),
        seed: Some(7),
        extra_body: [("provider".to_owned(), json!({"options": {}}))].into(),
        ..RequestOptions::default()
    };
    let mut asked = request(options);
    asked.prompt = "p".into();
    let sources = [input(png(2, 400), PictureFormat::Png, "a.png")];
    let provider = provider(&router(&server.origin));
    let caller = Caller::new();
    let found = caller.call(&*provider, &asked, &sources).await.unwrap();
    assert_eq!(bytes_of(&found.items[0]), picture);
    assert_eq!(found.usage.cost_micros, Some(39_000));
    let seen = server.seen().remove(0);
    assert!(seen.head.starts_with("POST /api/v1/images HTTP/1.1"), "{}", seen.head);
    let url = format!("data:image/png;base64,{}", b64(&png(2, 400)));
    let expected = json!({"model": "m", "prompt": "p", "n": 2, "resolution": "2K", "aspect_ratio": "16:9", "seed": 9,
        "input_references": [{"type": "image_url", "image_url": {"url": url}}], "provider": {"options": {}}});
    assert_eq!(seen.json(), expected);
    asked.options = RequestOptions { size: Some("1024x1024".into()), ..RequestOptions::default() };
    let text: Value = serde_json::from_str(&provider.request_text(&asked, &[])).unwrap();
    assert_eq!(text, json!({"model": "m", "prompt": "p", "size": "1024x1024"}));
}

#[tokio::test]
async fn a_whole_endpoint_as_address_is_used_as_it_stands() {
    let server =
        ScriptedServer::start(vec![answer(200, "", br#"{"error":{"code":402,"message":"Insufficient credits"}}"#)])
            .await;
    let mut profile = router(&server.origin);
    profile.base_url += "/images";
    let failed = Caller::new().fails(&profile).await.failure;
    assert_eq!((failed.kind, failed.billing), (FailureKind::Quota, Billing::NotBilled), "an error inside a 200");
    assert!(server.seen()[0].head.starts_with("POST /api/v1/images HTTP/1.1"));
    provider(&profile).check().await.unwrap_err();
    assert!(server.seen()[1].head.starts_with("GET /api/v1/models HTTP/1.1"), "{}", server.seen()[1].head);
}

#[tokio::test]
async fn a_flagged_prompt_is_a_refusal_and_not_a_wrong_key() {
    let flagged =
        br#"{"error":{"code":403,"message":"flagged","metadata":{"reasons":["violence"],"flagged_input":"x"}}}"#;
    let server = ScriptedServer::start(vec![answer(403, "", flagged)]).await;
    assert_eq!(Caller::new().fails(&router(&server.origin)).await.failure.kind, FailureKind::Refused);
}
