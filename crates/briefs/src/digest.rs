//! The two hashes of a request. `promptHash` is what older records have, bit for bit; `requestHash` is what makes two requests
//! the same picture order.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::brief::Brief;
use crate::wording::{forbidden, sent_prompt};

/// `sha256:` and the hex form of the hash of `bytes`.
pub fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Of the prompt's UTF-8 bytes exactly as it was written: not trimmed, and without anything else of the request.
pub fn prompt_hash(prompt: &str) -> String {
    sha256(prompt.as_bytes())
}

/// Over every member that changes the picture, in the order of their names, without white space; pictures by their own hash
/// (`inputs`), so that a moved or re-uploaded file is the same one. Names, folders and evidence do not count.
pub fn request_hash(brief: &Brief, inputs: &[String]) -> String {
    let members: BTreeMap<&str, Value> = [
        ("aspectRatio", json!(brief.target_aspect_ratio)),
        ("extra", json!(brief.extra.iter().map(|(name, value)| (name, value.to_string())).collect::<Vec<_>>())),
        ("inputs", json!(inputs)),
        ("maxImages", json!(brief.max_images)),
        ("mode", json!(brief.mode)),
        ("model", json!(brief.model)),
        ("negativePrompt", json!(forbidden(brief))),
        ("outputFormat", json!(brief.output_format)),
        ("prompt", json!(sent_prompt(brief))),
        ("quality", json!(brief.quality)),
        ("resolution", json!(brief.resolution)),
        ("seed", json!(brief.seed)),
        ("size", json!(brief.size)),
    ]
    .into();
    sha256(serde_json::to_string(&members).expect("texts and numbers always serialise").as_bytes())
}
