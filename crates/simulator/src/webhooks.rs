//! Notices that a request ended, sent to the address that came with it and signed as fal and Replicate sign them. Once: real
//! ones come again, and may also never come. It must not draw or bill.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::response::{IntoResponse, Json, Response};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::predictions::ended;
use crate::queue::Job;
use crate::state::Shared;

/// Not a secret: what it signs is made up.
const KEY: &[u8; 32] = b"imagemill simulator signing key.";
/// How long a request may take; one that is stuck is never told of.
const LONGEST: Duration = Duration::from_secs(600);
/// As fal waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Who signs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signer {
    Fal,
    Replicate,
}

/// `GET /replicate/v1/webhooks/default/secret`.
pub(crate) async fn secret() -> Response {
    Json(json!({"key": format!("whsec_{}", STANDARD.encode_to_string(KEY))})).into_response()
}

/// `GET /fal/.well-known/jwks.json`.
pub(crate) async fn keys() -> Response {
    let x = URL_SAFE_NO_PAD.encode_to_string(pair().public_key().as_ref());
    Json(json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "simulator", "x": x}]})).into_response()
}

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(KEY).expect("any 32 bytes are a seed")
}

/// Sends what `body` says to `url` as soon as the request has ended.
pub(crate) fn tell_when_ended(
    shared: &Arc<Shared>,
    job: &Arc<Job>,
    url: String,
    signer: Signer,
    body: impl FnOnce(&Shared, &Job) -> Value + Send + 'static,
) {
    let (shared, job) = (Arc::clone(shared), Arc::clone(job));
    tokio::spawn(async move {
        ended(&shared, &job, LONGEST).await;
        let body = body(&shared, &job).to_string();
        match send(&url, &job.id, signer, body).await {
            Ok(()) => shared.queue().heard(),
            Err(error) => tracing::warn!(url, %error, "a notice was not heard"),
        }
    });
}

async fn send(url: &str, request: &str, signer: Signer, body: String) -> reqwest::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
    let headers = match signer {
        Signer::Fal => {
            let digest = hex::encode(Sha256::digest(body.as_bytes()));
            let message = format!("{request}\nsimulator\n{time}\n{digest}");
            let signature = hex::encode(pair().sign(message.as_bytes()));
            vec![
                ("x-fal-webhook-request-id", request.to_owned()),
                ("x-fal-webhook-user-id", "simulator".to_owned()),
                ("x-fal-webhook-timestamp", time),
                ("x-fal-webhook-signature", signature),
            ]
        }
        Signer::Replicate => {
            let id = format!("msg_{request}");
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, KEY), format!("{id}.{time}.{body}").as_bytes());
            let signature = format!("v1,{}", STANDARD.encode_to_string(tag));
            vec![("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", signature)]
        }
    };
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let mut asked = client.post(url).header("content-type", "application/json").body(body);
    for (name, value) in headers {
        asked = asked.header(name, value);
    }
    asked.send().await?.error_for_status().map(drop)
}
