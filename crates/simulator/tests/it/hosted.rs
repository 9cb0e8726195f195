//! Gemini's and Ark's own forms, well-behaved and not.

use imagemill_domain::picture::PictureFormat;
use imagemill_domain::profile::Protocol;
use imagemill_simulator::{Act, Scenario, ScriptLine, SimulatorOptions};
use imagemill_testkit::pictures;
use serde_json::{Value, json};

use crate::client::{Answer, Rig, data_url, decode, size_of};

async fn gemini(rig: &Rig, model: &str, config: Value, parts: &[Value]) -> Answer {
    let base = rig.simulator.base_url_for(Protocol::Gemini);
    let url = format!("{base}/models/{model}:generateContent");
    let body = json!({"contents": [{"role": "user", "parts": parts}], "generationConfig": {"imageConfig": config}});
    rig.send(rig.http.post(url).json(&body)).await
}

async fn draw(rig: &Rig, model: &str) -> Answer {
    gemini(rig, model, json!({}), &[json!({"text": "a red house"})]).await
}

async fn ark(rig: &Rig, body: &Value) -> Answer {
    let url = format!("{}/images/generations", rig.simulator.base_url_for(Protocol::Seedream));
    rig.send(rig.http.post(url).json(body)).await
}

fn inline(answer: &Answer) -> Vec<u8> {
    decode(answer.json()["candidates"][0]["content"]["parts"][1]["inlineData"]["data"].as_str().unwrap())
}

#[tokio::test]
async fn gemini_draws_and_edits() {
    let rig = Rig::start(Scenario::default()).await;
    let drawn = draw(&rig, "size:24x16").await;
    assert_eq!(size_of(&inline(&drawn)), (24, 16));
    let document = drawn.json();
    assert_eq!(document["candidates"][0]["finishReason"], "STOP");
    assert_eq!(document["usageMetadata"]["candidatesTokensDetails"][0]["modality"], "IMAGE");
    let wide = gemini(&rig, "sim-image", json!({"aspectRatio": "16:9"}), &[json!({"text": "x"})]).await;
    assert_eq!(size_of(&inline(&wide)), (1360, 768));
    let source = pictures::png(3, 32, 20);
    let data = base64_simd::STANDARD.encode_to_string(&source);
    let parts = [json!({"text": "night"}), json!({"inlineData": {"mimeType": "image/png", "data": data}})];
    let edited = gemini(&rig, "sim-image", json!({}), &parts).await;
    assert_eq!(size_of(&inline(&edited)), (32, 20));
    assert!(gemini(&rig, "sim-image", json!({"imageSize": "9K"}), &parts).await.status == 400);
    let wrong = draw(&rig, "size:24x16+wrong-mime").await;
    assert_eq!(wrong.json()["candidates"][0]["content"]["parts"][1]["inlineData"]["mimeType"], "image/png");
    assert_eq!(PictureFormat::sniff(&inline(&wrong)), Some(PictureFormat::Jpeg));
    assert_eq!(rig.simulator.bill().pictures, 4);
}

#[tokio::test]
async fn gemini_fails_in_googles_words() {
    let script = vec![ScriptLine { at: 1, act: Act::RateLimited, retry_after_s: Some(3), slow_ms: None }];
    let rig = Rig::start(Scenario { script, ..Scenario::default() }).await;
    let limited = draw(&rig, "sim-image").await;
    assert_eq!(limited.status, 429);
    assert_eq!(limited.json()["error"]["status"], "RESOURCE_EXHAUSTED");
    assert_eq!(limited.json()["error"]["details"][0]["retryDelay"], "3s");
    let refused = draw(&rig, "refuse").await;
    assert_eq!((refused.status, &refused.json()["promptFeedback"]["blockReason"]), (200, &"PROHIBITED_CONTENT".into()));
    assert_eq!(draw(&rig, "n-1").await.json()["candidates"][0]["finishReason"], "NO_IMAGE");
    assert_eq!(draw(&rig, "err:503").await.json()["error"]["status"], "UNAVAILABLE");
    assert_eq!(draw(&rig, "no-such-model").await.json()["error"]["status"], "NOT_FOUND");
    let cut = draw(&rig, "size:64x64+cut").await;
    assert!(cut.broken && cut.status == 200);
    assert!(draw(&rig, "html").await.text().starts_with("<!DOCTYPE"));
    let link = draw(&rig, "size:24x16+link").await.json();
    let url = link["candidates"][0]["content"]["parts"][1]["fileData"]["fileUri"].as_str().unwrap().to_owned();
    assert_eq!(size_of(&rig.get(&url).await.bytes), (24, 16));
}

#[tokio::test]
async fn gemini_takes_its_key_in_its_header_and_lists_models() {
    let options = SimulatorOptions { require_key: Some("right".to_owned()), ..SimulatorOptions::default() };
    let rig = Rig::start_with(options).await;
    let url = format!("{}/models", rig.simulator.base_url_for(Protocol::Gemini));
    assert_eq!(rig.get(&url).await.status, 401);
    let listed = rig.send(rig.http.get(&url).header("x-goog-api-key", "right")).await.json();
    assert!(listed["models"].as_array().unwrap().iter().any(|model| model["name"] == "models/gpt-image-2"));
}

#[tokio::test]
async fn ark_makes_sets_and_withholds_one_of_them() {
    let rig = Rig::start(Scenario::default()).await;
    let set = |model: &str, more: Value| {
        let mut body = json!({"model": model, "prompt": "a fox", "size": "24x16",
            "sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 3}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let whole = ark(&rig, &set("sim-image", json!({}))).await.json();
    assert_eq!((whole["data"].as_array().unwrap().len(), &whole["usage"]["generated_images"]), (3, &3.into()));
    let picture = rig.get(whole["data"][2]["url"].as_str().unwrap()).await;
    assert_eq!(size_of(&picture.bytes), (24, 16));
    let part = ark(&rig, &set("n-1", json!({"response_format": "b64_json"}))).await.json();
    assert_eq!(size_of(&decode(part["data"][1]["b64_json"].as_str().unwrap())), (24, 16));
    assert_eq!(part["data"][2]["error"]["code"], "OutputImageSensitiveContentDetected");
    let events = ark(&rig, &set("n-1", json!({"stream": true}))).await.events();
    let names: Vec<&str> = events.iter().map(|(name, _)| name.strip_prefix("image_generation.").unwrap()).collect();
    assert_eq!(names, ["partial_succeeded", "partial_succeeded", "partial_failed", "completed"]);
    assert_eq!(events[3].1["usage"]["generated_images"], 2);
    assert_eq!(rig.simulator.bill().pictures, 7);

    let source = data_url("image/png", &pictures::png(3, 32, 20));
    let edited =
        ark(&rig, &json!({"model": "sim-image", "prompt": "x", "image": source, "response_format": "b64_json"})).await;
    assert_eq!(size_of(&decode(edited.json()["data"][0]["b64_json"].as_str().unwrap())), (32, 20));
    let many = json!({"image": vec![source; 13]});
    assert_eq!(ark(&rig, &set("sim-image", many)).await.error_code(), "InvalidParameter.max_images");
    assert_eq!(
        ark(&rig, &json!({"model": "sim-image", "prompt": "x", "n": 2})).await.error_code(),
        "InvalidParameter.n"
    );
    assert_eq!(ark(&rig, &set("refuse", json!({}))).await.error_code(), "InputTextSensitiveContentDetected");
    let limited = ark(&rig, &set("err:429", json!({}))).await;
    assert_eq!(limited.error_code(), "RateLimitExceeded.EndpointRPMExceeded");
    assert_eq!(limited.header("retry-after"), "2");
}

#[tokio::test]
async fn openrouters_one_endpoint_draws_and_edits() {
    let rig = Rig::start(Scenario::default()).await;
    let drawn = rig.post("images", &json!({"model": "sim-image", "prompt": "x", "size": "24x16"})).await.json();
    assert_eq!(size_of(&decode(drawn["data"][0]["b64_json"].as_str().unwrap())), (24, 16));
    let url = data_url("image/png", &pictures::png(3, 32, 20));
    let references = json!([{"type": "image_url", "image_url": {"url": url}}]);
    let edited =
        rig.post("images", &json!({"model": "sim-image", "prompt": "x", "input_references": references})).await;
    assert_eq!(size_of(&decode(edited.json()["data"][0]["b64_json"].as_str().unwrap())), (32, 20));
}
