use ring::signature::{Ed25519KeyPair, KeyPair};

use super::*;
use crate::scripted_server::{ScriptedServer, answer};

const NOW: i64 = 1_614_265_330;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn check(secret: &str, signature: &str, body: &[u8], now_s: i64) -> Result<(), NoticeError> {
    let headers = headers(&[
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", signature),
    ]);
    check_secret(&secret.to_owned().into(), Notice { headers: &headers, body, now_s })
}

/// The example that libraries of standardwebhooks.com are tested with.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const BODY: &[u8] = br#"{"test": 2432232314}"#;

#[test]
fn a_secret_signs_id_time_and_body() {
    check(SECRET, SIGNED, BODY, NOW).unwrap();
    let two = format!("v1,AAAA v2,{} {SIGNED}", &SIGNED[3..]);
    check(SECRET, &two, BODY, NOW - 299).unwrap();
    for (secret, signature, body, now) in [
        (SECRET, SIGNED, &br#"{"test": 2432232315}"#[..], NOW),
        ("whsec_AfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SIGNED, BODY, NOW),
        (SECRET, "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", BODY, NOW),
        (SECRET, "", BODY, NOW),
    ] {
        assert!(matches!(check(secret, signature, body, now), Err(NoticeError::Forged)), "{signature}");
    }
    assert!(matches!(check(SECRET, SIGNED, BODY, NOW + 301), Err(NoticeError::Stale(301))));
    assert!(matches!(check(SECRET, SIGNED, BODY, NOW - 301), Err(NoticeError::Stale(-301))));
    assert!(matches!(check("sk-live", SIGNED, BODY, NOW), Err(NoticeError::Secret)));
}

fn of_fal(pair: &Ed25519KeyPair, body: &[u8]) -> HeaderMap {
    let time = NOW.to_string();
    let digest = hex::encode(Sha256::digest(body));
    let message = format!("abc\nuser-1\n{time}\n{digest}");
    headers(&[
        ("x-fal-webhook-request-id", "abc"),
        ("x-fal-webhook-user-id", "user-1"),
        ("x-fal-webhook-timestamp", &time),
        ("x-fal-webhook-signature", &hex::encode(pair.sign(message.as_bytes()))),
    ])
}

#[tokio::test]
async fn published_keys_are_read_once_and_again_when_they_changed() {
    let pairs = [1, 2].map(|byte| Ed25519KeyPair::from_seed_unchecked(&[byte; 32]).unwrap());
    let [first, second] = pairs.each_ref().map(|pair| {
        let x = URL_SAFE_NO_PAD.encode_to_string(pair.public_key().as_ref());
        serde_json::json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}, {"kty": "odd"}]})
    });
    let server =
        ScriptedServer::start([first, second].map(|keys| answer(200, "", keys.to_string().as_bytes())).to_vec()).await;
    let webhook = Webhook {
        url: "https://mill.example".into(),
        keys_url: format!("{}/keys", server.origin),
        ..Webhook::default()
    };
    let mut profile = Profile { provider: "fal".into(), webhook: Some(webhook.clone()), ..Profile::default() };
    profile.network.allow_private_api = true;
    let reader = NoticeReader::default();
    let body = br#"{"request_id": "abc", "status": "OK"}"#;
    let ask = async |pair: &Ed25519KeyPair, body: &[u8]| {
        let headers = of_fal(pair, br#"{"request_id": "abc", "status": "OK"}"#);
        reader.ended_request(&profile, &webhook, None, Notice { headers: &headers, body, now_s: NOW }).await
    };
    assert_eq!(ask(&pairs[0], body).await.unwrap(), "abc");
    assert_eq!(ask(&pairs[0], body).await.unwrap(), "abc");
    assert!(matches!(ask(&pairs[0], br#"{"request_id": "abd", "status": "OK"}"#).await, Err(NoticeError::Forged)));
    assert!(matches!(ask(&pairs[1], body).await, Err(NoticeError::Forged)), "asked again at most once a minute");
    assert_eq!(server.seen().len(), 1);
    let earlier = Instant::now().checked_sub(KEYS_AGAIN).unwrap();
    reader.published.lock().await.values_mut().for_each(|published| published.read_at = earlier);
    assert_eq!(ask(&pairs[1], body).await.unwrap(), "abc");
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn the_address_has_the_profiles_name() {
    let of = |url: &str| {
        let webhook = Some(Webhook { url: url.into(), ..Webhook::default() });
        address_of(&Profile { name: "my fal".into(), webhook, ..Profile::default() })
    };
    assert_eq!(of("https://mill.example").unwrap(), "https://mill.example/api/v1/webhooks/my%20fal");
    assert_eq!(of("https://mill.example/below/").unwrap(), "https://mill.example/below/api/v1/webhooks/my%20fal");
    assert_eq!(address_of(&Profile::default()), None);
}
