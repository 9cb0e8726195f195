//! Each endpoint as its own documentation says, with well-behaved models.

use imagemill_domain::picture::PictureFormat;
use imagemill_simulator::{Scenario, SimulatorOptions};
use imagemill_testkit::pictures;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::client::{Rig, chat, data_url, decode, link_in, pictures_in, size_of};

#[tokio::test]
async fn images_are_generated_as_asked() {
    let rig = Rig::start(Scenario::default()).await;
    for (format, kind) in [("png", PictureFormat::Png), ("jpeg", PictureFormat::Jpeg), ("webp", PictureFormat::Webp)] {
        let body = json!({"model": "gpt-image-2", "prompt": "a fox", "size": "96x64", "n": 2, "output_format": format});
        let answer = rig.post("images/generations", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(!answer.header("x-request-id").is_empty() && !answer.header("x-ratelimit-limit-requests").is_empty());
        let value = answer.json();
        let data = value["data"].as_array().unwrap();
        assert_eq!((data.len(), &value["size"], &value["output_format"]), (2, &json!("96x64"), &json!(format)));
        let both: Vec<_> = data.iter().map(|item| decode(item["b64_json"].as_str().unwrap())).collect();
        assert_ne!(both[0], both[1], "samples differ");
        for bytes in &both {
            assert_eq!(PictureFormat::sniff(bytes), Some(kind));
            assert_eq!(size_of(bytes), (96, 64));
        }
        let usage = &value["usage"];
        assert_eq!(usage["output_tokens"], 12, "3×2 tokens of 32×32 pixels, twice");
        let sum = usage["input_tokens"].as_u64().unwrap() + 12;
        assert_eq!(usage["total_tokens"], sum);
    }
}

#[tokio::test]
async fn edits_change_the_picture_and_keep_its_size() {
    let rig = Rig::start(Scenario::default()).await;
    for (format, orientation) in [("image/png", 1), ("image/jpeg", 6)] {
        let source = match orientation {
            1 => pictures::png(1, 110, 70),
            _ => pictures::jpeg_with_orientation(1, 110, 70, orientation),
        };
        // orientation is ignored on purpose
        let stored = if orientation == 1 { (110, 70) } else { (70, 110) };
        let url = data_url(format, &source);
        let json_edit = json!({"model": "gpt-image-2", "prompt": "night", "images": [{"image_url": url}]});
        let by_json = rig.post("images/edits", &json_edit).await;
        let form = Form::new()
            .text("model", "gpt-image-2")
            .text("prompt", "night")
            .part("image[]", Part::bytes(source.clone()).file_name("a.png").mime_str(format).unwrap());
        let by_form = rig.send(rig.http.post(rig.url("images/edits")).multipart(form)).await;
        let by_chat = rig.post("chat/completions", &chat("sim-image-edit", "night", std::slice::from_ref(&url))).await;
        for answer in [by_json, by_form] {
            let result = decode(answer.json()["data"][0]["b64_json"].as_str().unwrap());
            assert_eq!(size_of(&result), stored);
            assert_changed(&source, &result);
        }
        let mut request = chat("sim-image-edit", "night", &[url]);
        request["image_config"] = json!({});
        let unsized_chat = rig.post("chat/completions", &request).await;
        assert_eq!(size_of(&pictures_in(unsized_chat.text())[0]), stored);
        assert_eq!(size_of(&pictures_in(by_chat.text())[0]), (24, 16), "an explicit size is kept to");
    }
}

fn assert_changed(source: &[u8], result: &[u8]) {
    let look = |bytes| {
        let limits = imagemill_imaging::Limits::default();
        imagemill_imaging::ingest(imagemill_imaging::Bytes::Memory(bytes), &limits).unwrap().look
    };
    assert!(imagemill_imaging::findings(&look(result), Some(&look(source)), &[]).is_empty());
}

#[tokio::test]
async fn links_and_ratios_follow_the_gateway() {
    let rig = Rig::start(Scenario::default()).await;
    let body = json!({"model": "grok-imagine-image", "prompt": "a fox", "aspect_ratio": "2:1"});
    let answer = rig.post("images/generations", &body).await.json();
    let picture = rig.get(answer["data"][0]["url"].as_str().unwrap()).await;
    let (width, height) = size_of(&picture.bytes);
    assert!((f64::from(width) / f64::from(height) - 2.0).abs() < 0.05, "{width}×{height}");
    let edit = json!({"model": "grok-imagine-image-edit", "prompt": "x", "image": {"url": data_url("image/png", &pictures::jpeg(1, 8, 8))}});
    assert_eq!(rig.post("images/edits", &edit).await.error_code(), "invalid_image_input", "label and content differ");
    let form =
        Form::new().text("model", "grok-imagine-image-edit").text("prompt", "x").part("image", Part::bytes(vec![1]));
    let answer = rig.send(rig.http.post(rig.url("images/edits")).multipart(form)).await;
    assert_eq!(answer.status, 415);
    assert_eq!(rig.chat("grok-imagine-image-edit").await.status, 400);
    assert_eq!(rig.chat("grok-imagine-1.0-edit").await.error_code(), "empty_content");
}

#[tokio::test]
async fn image_streams_end_with_a_completed_event() {
    let rig = Rig::start(Scenario::default()).await;
    let body = json!({"model": "gpt-image-2", "prompt": "a fox", "size": "64x64", "stream": true, "partial_images": 2});
    let answer = rig.post("images/generations", &body).await;
    assert!(answer.header("content-type").starts_with("text/event-stream"));
    let events = answer.events();
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    let partial = "image_generation.partial_image";
    assert_eq!(names, [partial, partial, "image_generation.completed"]);
    assert_eq!(events[1].1["partial_image_index"], 1);
    let completed = &events[2].1;
    assert_eq!(size_of(&decode(completed["b64_json"].as_str().unwrap())), (64, 64));
    assert!(completed["usage"]["total_tokens"].as_u64().unwrap() > 0);
    assert_ne!(completed["b64_json"], events[0].1["b64_json"]);
}

#[tokio::test]
async fn chat_answers_in_each_way() {
    let rig = Rig::start(Scenario::default()).await;
    let plain = rig.chat("sim-image").await.json();
    let content = plain["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(content.starts_with("![image](data:image/png;base64,"));
    assert_eq!(size_of(&pictures_in(content)[0]), (24, 16));
    assert_eq!(plain["choices"][0]["finish_reason"], "stop");

    let mut request = chat("sim-image", "a red house", &[]);
    request["image_config"]["response_format"] = "url".into();
    request["image_config"]["n"] = 2.into();
    let linked = rig.post("chat/completions", &request).await.json();
    let content = linked["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    assert_eq!(content.matches("![image](http://").count(), 2);
    assert_eq!(size_of(&rig.get(&link_in(&content)).await.bytes), (24, 16));

    let mut request = chat("gpt-4o", "a red house", &[]);
    assert_eq!(rig.post("chat/completions", &request).await.text().matches("data:image").count(), 0);
    request["modalities"] = json!(["image", "text"]);
    let parts = rig.post("chat/completions", &request).await.json();
    let url = parts["choices"][0]["message"]["images"][0]["image_url"]["url"].as_str().unwrap();
    assert_eq!(size_of(&pictures_in(url)[0]), (24, 16));

    let mut request = chat("sim-image", "a red house", &[]);
    request["stream"] = true.into();
    let stream = rig.post("chat/completions", &request).await;
    assert!(stream.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(pictures_in(&stream.streamed_content()).len(), 1);
    let last = &stream.events()[2].1;
    assert_eq!((&last["choices"][0]["finish_reason"], last["usage"]["total_tokens"].is_u64()), (&json!("stop"), true));
}

#[tokio::test]
async fn responses_answer_with_the_tool_and_without() {
    let rig = Rig::start(Scenario::default()).await;
    let tool = json!({"type": "image_generation", "size": "48x32", "output_format": "jpeg", "partial_images": 1});
    let body = json!({"model": "gpt-5", "input": "a fox", "tools": [tool]});
    let answer = rig.post("responses", &body).await.json();
    let item = &answer["output"][0];
    assert_eq!((&item["type"], &item["status"]), (&json!("image_generation_call"), &json!("completed")));
    let result = decode(item["result"].as_str().unwrap());
    assert_eq!((PictureFormat::sniff(&result), size_of(&result)), (Some(PictureFormat::Jpeg), (48, 32)));

    let mut streamed = body;
    streamed["stream"] = true.into();
    let events = rig.post("responses", &streamed).await.events();
    let names: Vec<_> = events.iter().map(|(name, _)| name.trim_start_matches("response.")).collect();
    let call = |step: &str| format!("image_generation_call.{step}");
    let expected = [
        "created",
        "in_progress",
        "output_item.added",
        &call("in_progress"),
        &call("generating"),
        &call("partial_image"),
        &call("completed"),
        "output_item.done",
        "completed",
    ];
    assert_eq!(names, expected);
    for (number, (_, data)) in events.iter().enumerate() {
        assert_eq!(data["sequence_number"], number);
    }
    assert_eq!(size_of(&decode(events[7].1["item"]["result"].as_str().unwrap())), (48, 32));

    let url = data_url("image/png", &pictures::png(1, 50, 40));
    let content = json!([{"type": "input_text", "text": "night"}, {"type": "input_image", "image_url": url}]);
    let edit = json!({"model": "sim-image-edit", "input": [{"role": "user", "content": content}]});
    let answer = rig.post("responses", &edit).await.json();
    let text = answer["output"][0]["content"][0]["text"].as_str().unwrap();
    assert_eq!(size_of(&pictures_in(text)[0]), (50, 40));
    assert_eq!(rig.post("responses", &json!({"model": "gpt-image-2", "input": "x"})).await.status, 400);
}

#[tokio::test]
async fn wrong_requests_are_refused_in_openais_words() {
    let rig = Rig::start(Scenario::default()).await;
    let source = data_url("image/png", &pictures::png(1, 8, 8));
    let cases: [(&str, Value, u16, &str); 12] = [
        ("images/generations", json!({"prompt": "x"}), 400, "missing_required_parameter"),
        ("images/generations", json!({"model": "gpt-9", "prompt": "x"}), 404, "model_not_found"),
        ("images/generations", json!({"model": "gpt-image-2"}), 400, "missing_required_parameter"),
        (
            "images/generations",
            json!({"model": "gpt-image-2", "prompt": "x", "response_format": "url"}),
            400,
            "unknown_parameter",
        ),
        ("images/generations", json!({"model": "sim-image", "prompt": "x", "n": 11}), 400, "invalid_value"),
        ("images/generations", json!({"model": "sim-image", "prompt": "x", "size": "1x99999"}), 400, "invalid_value"),
        (
            "images/generations",
            json!({"model": "sim-image", "prompt": "x", "output_format": "tiff"}),
            400,
            "invalid_value",
        ),
        ("images/edits", json!({"model": "sim-image", "prompt": "x"}), 400, "missing_required_parameter"),
        (
            "images/edits",
            json!({"model": "sim-image", "prompt": "x", "image": source[..30]}),
            400,
            "invalid_image_input",
        ),
        ("chat/completions", json!({"model": "sim-image"}), 400, "missing_required_parameter"),
        (
            "chat/completions",
            json!({"model": "gpt-image-2", "messages": [{"role": "user", "content": "x"}]}),
            404,
            "model_not_found",
        ),
        ("responses", json!({"model": "gpt-5"}), 400, "missing_required_parameter"),
    ];
    for (path, body, status, code) in cases {
        let answer = rig.post(path, &body).await;
        assert_eq!((answer.status, answer.error_code().as_str()), (status, code), "{body}");
        assert!(answer.json()["error"]["message"].as_str().unwrap().len() > 5);
    }
    let text = rig.http.post(rig.url("responses")).header("content-type", "text/plain").body("{}");
    assert_eq!(rig.send(text).await.status, 415);
    let broken = rig.http.post(rig.url("responses")).header("content-type", "application/json").body("{");
    assert_eq!(rig.send(broken).await.status, 400);
    assert_eq!(rig.get(&rig.url("nothing")).await.status, 404);
    assert_eq!(rig.simulator.bill().calls, 0, "none of these reached a model");
}

#[tokio::test]
async fn the_key_is_checked_where_one_is_wanted() {
    let options = SimulatorOptions { require_key: Some("right".to_owned()), ..SimulatorOptions::default() };
    let rig = Rig::start_with(options).await;
    let models = rig.url("models");
    assert_eq!(rig.get(&models).await.status, 401);
    assert_eq!(rig.send(rig.http.get(&models).bearer_auth("wrong")).await.error_code(), "invalid_api_key");
    assert_eq!(rig.send(rig.http.get(&models).header("x-api-key", "right")).await.status, 200);
    let listed = rig.send(rig.http.get(&models).bearer_auth("right")).await.json();
    assert!(listed["data"].as_array().unwrap().iter().any(|model| model["id"] == "gpt-image-2"));
}

#[tokio::test]
async fn the_same_request_gives_another_picture_and_the_same_seed_the_same() {
    let rig = Rig::start(Scenario::default()).await;
    let first = rig.generate("sim-image", "a fox").await.json()["data"][0]["b64_json"].clone();
    let second = rig.generate("sim-image", "a fox").await.json()["data"][0]["b64_json"].clone();
    let other = rig.generate("sim-image", "a fix").await.json()["data"][0]["b64_json"].clone();
    assert!(first != second && first != other && second != other);
    let seeded = json!({"model": "sim-image", "prompt": "a fox", "size": "24x16", "seed": 7});
    let once = rig.post("images/generations", &seeded).await.json()["data"].clone();
    assert_eq!(once, rig.post("images/generations", &seeded).await.json()["data"]);
    let again = Rig::start(Scenario::default()).await;
    assert_eq!(again.generate("sim-image", "a fox").await.json()["data"][0]["b64_json"], first, "after a restart too");
    let steady = Rig::start(Scenario { variations: 1, ..Scenario::default() }).await;
    assert_eq!(
        steady.generate("sim-image", "a fox").await.json()["data"],
        steady.generate("sim-image", "a fox").await.json()["data"]
    );
}
