//! The floor: asks the same provider for the same pictures as imagemill does, and does the least that has to be done with
//! each: receive, decode the base64, hash (BLAKE3 and SHA-256), write, decode the pixels once, make one thumbnail. No ledger,
//! no sync, no checks, no names. scripts/bench runs it beside imagemill and prints the ratios.
//!
//! - `imagemill-floor BASE_URL MODEL PROMPTS_FILE CONCURRENCY OUT_FOLDER`: one chat call per line of the file.
//! - `imagemill-floor fill DATABASE COUNT` submits a job of that many tasks to a store.
//! - `imagemill-floor claim DATABASE` opens the store and prints the seconds up to the first claimed tasks.

mod stores;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use sha2::Digest;
use tokio::sync::Semaphore;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const THUMBNAIL_EDGE: u32 = 512;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["fill", database, count] => return stores::fill(database.as_ref(), count.parse()?).await,
        ["claim", database] => return stores::claim(database.as_ref()).await,
        _ => {}
    }
    let [base_url, model, prompts, concurrency, out] = arguments.as_slice() else {
        return Err("usage: imagemill-floor BASE_URL MODEL PROMPTS_FILE CONCURRENCY OUT_FOLDER".into());
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let prompts = std::fs::read_to_string(prompts)?;
    let out = PathBuf::from(out);
    std::fs::create_dir_all(&out)?;
    let at_once = Arc::new(Semaphore::new(concurrency.parse()?));
    let cpu = Arc::new(Semaphore::new(std::thread::available_parallelism()?.get()));
    let mut calls = tokio::task::JoinSet::new();
    for (number, prompt) in prompts.lines().enumerate() {
        let (client, cpu, out) = (client.clone(), cpu.clone(), out.clone());
        let (url, model, prompt) = (format!("{base_url}/chat/completions"), model.clone(), prompt.to_owned());
        let place = at_once.clone().acquire_owned().await?;
        calls.spawn(async move {
            let body = serde_json::json!({
                "model": model,
                "messages": [{"role": "user", "content": [{"type": "text", "text": prompt}]}],
            });
            let answer = client.post(url).json(&body).send().await?.error_for_status()?.bytes().await?;
            drop(place);
            let picture = match link_in(&answer) {
                Some(link) => {
                    Picture::Bytes(client.get(link).send().await?.error_for_status()?.bytes().await?.to_vec())
                }
                None => Picture::Answer(answer.to_vec()),
            };
            let _place = cpu.acquire_owned().await?;
            tokio::task::spawn_blocking(move || work(picture, &out.join(number.to_string()))).await?
        });
    }
    while let Some(done) = calls.join_next().await {
        done??;
    }
    Ok(())
}

enum Picture {
    Bytes(Vec<u8>),
    Answer(Vec<u8>),
}

fn link_in(answer: &[u8]) -> Option<String> {
    let start = memchr::memmem::find(answer, b"](http")? + 2;
    let end = start + memchr::memchr(b')', &answer[start..])?;
    String::from_utf8(answer[start..end].to_vec()).ok()
}

fn work(picture: Picture, path: &std::path::Path) -> Outcome<()> {
    let bytes = match picture {
        Picture::Bytes(bytes) => bytes,
        Picture::Answer(answer) => {
            let start = memchr::memmem::find(&answer, b";base64,").ok_or("no picture in the answer")? + 8;
            let end = start + memchr::memchr2(b')', b'"', &answer[start..]).ok_or("no end of the picture")?;
            base64_simd::STANDARD.decode_to_vec(&answer[start..end])?
        }
    };
    let names = (blake3::hash(&bytes).to_hex(), sha2::Sha256::digest(&bytes));
    std::fs::write(path, &bytes)?;
    let decoded = image::load_from_memory(&bytes)?.into_rgb8();
    drop(bytes);
    let (width, height) = decoded.dimensions();
    let scale = f64::from(THUMBNAIL_EDGE) / f64::from(width.max(height).max(THUMBNAIL_EDGE));
    let edge = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let (small_width, small_height) = (edge(width), edge(height));
    let mut small = vec![0; (small_width * small_height * 3) as usize];
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Hamming)).use_alpha(false);
    Resizer::new().resize_typed(
        &TypedImageRef::<U8x3>::from_buffer(width, height, decoded.as_raw())?,
        &mut TypedImage::<U8x3>::from_buffer(small_width, small_height, &mut small)?,
        &options,
    )?;
    jpeg_encoder::Encoder::new_file(path.with_extension("jpg"), 82)?.encode(
        &small,
        u16::try_from(small_width)?,
        u16::try_from(small_height)?,
        jpeg_encoder::ColorType::Rgb,
    )?;
    // The names are the point of hashing; without a use the compiler could leave it out.
    if names.0.is_empty() || names.1.is_empty() {
        return Err("no hash".into());
    }
    Ok(())
}
