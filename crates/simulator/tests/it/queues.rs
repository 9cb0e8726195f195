//! The queue protocols and the web UI's, from outside: taken now, done later, billed when taken.

use std::time::Duration;

use imagemill_domain::profile::Protocol;
use imagemill_simulator::{Act, Scenario, ScriptLine, UploadRules};
use imagemill_testkit::pictures;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::client::{Answer, Rig, data_url, decode, size_of};

fn slow(latency_ms: u64) -> Scenario {
    Scenario { latency_ms, ..Scenario::default() }
}

impl Rig {
    fn origin(&self) -> String {
        self.simulator.base_url_for(Protocol::Automatic1111)
    }

    async fn send_to(&self, path: &str, body: &Value) -> Answer {
        self.send(self.http.post(format!("{}/{path}", self.origin())).json(body)).await
    }

    /// Submits to fal's queue.
    async fn fal(&self, model: &str) -> Answer {
        self.send_to(&format!("fal/{model}"), &json!({"prompt": "a fox", "image_size": {"width": 24, "height": 16}}))
            .await
    }

    /// Asks until something other than a 2xx "not yet" comes, then for the result.
    async fn fal_result(&self, taken: &Value) -> Answer {
        for _ in 0..200 {
            let status = self.get(taken["status_url"].as_str().unwrap()).await;
            if status.status != 202 {
                return self.get(taken["response_url"].as_str().unwrap()).await;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never done: {taken}")
    }
}

#[tokio::test]
async fn fal_takes_waits_and_gives() {
    let rig = Rig::start(slow(80)).await;
    let taken = rig.fal("sim-image").await.json();
    assert_eq!(taken["status"], "IN_QUEUE");
    assert_eq!(rig.simulator.bill().billed, 1, "billed when taken");
    assert_eq!(rig.get(taken["response_url"].as_str().unwrap()).await.status, 400, "not done yet");
    let result = rig.fal_result(&taken).await.json();
    assert_eq!(result["has_nsfw_concepts"], json!([false]));
    let picture = rig.get(result["images"][0]["url"].as_str().unwrap()).await;
    assert_eq!(size_of(&picture.bytes), (24, 16));
    assert_eq!(rig.simulator.bill().calls, 1);
}

#[tokio::test]
async fn a_cancel_drops_what_is_not_done_and_the_bill_stays() {
    let rig = Rig::start(slow(60_000)).await;
    let taken = rig.fal("sim-image").await.json();
    let cancel = taken["cancel_url"].as_str().unwrap();
    assert_eq!(rig.send(rig.http.put(cancel)).await.status, 202);
    assert_eq!(rig.send(rig.http.put(cancel)).await.status, 400);
    let result = rig.fal_result(&taken).await;
    assert!(result.status == 400 && result.text().contains("cancelled"));
    assert_eq!((rig.simulator.bill().billed, rig.simulator.cancelled()), (1, 1));
}

#[tokio::test]
async fn queues_misbehave_by_name() {
    let rig = Rig::start(Scenario::default()).await;
    let nsfw = rig.fal("nsfw").await.json();
    assert_eq!(rig.fal_result(&nsfw).await.json()["has_nsfw_concepts"], json!([true]));
    let fails = rig.fal("job-fails").await.json();
    let failed = rig.fal_result(&fails).await;
    assert_eq!((failed.status, failed.header("x-fal-error-type")), (500, "internal_error"));
    let lost = rig.fal("lost-job").await.json();
    assert_eq!(rig.get(lost["status_url"].as_str().unwrap()).await.status, 404);
    let flaky = rig.fal("ask-err:2").await.json();
    for status in [500, 500, 200] {
        assert_eq!(rig.get(flaky["status_url"].as_str().unwrap()).await.status, status);
    }
    let stuck = rig.fal("stuck").await.json();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(rig.get(stuck["status_url"].as_str().unwrap()).await.status, 202);
    let expired = rig.fal("expired-link").await.json();
    let result = rig.fal_result(&expired).await.json();
    assert_eq!(rig.get(result["images"][0]["url"].as_str().unwrap()).await.status, 403);
    assert_eq!(rig.fal("err:429").await.header("retry-after"), "2");
    assert_eq!(rig.fal("no-such-model").await.status, 404);
    let bill = rig.simulator.bill();
    assert_eq!((bill.calls, bill.billed), (7, 5), "what fails or is turned away costs nothing");
}

#[tokio::test]
async fn a_lost_answer_to_a_submission_is_billed() {
    let script = vec![ScriptLine { at: 1, act: Act::Cut, retry_after_s: None, slow_ms: None }];
    let rig = Rig::start(Scenario { script, ..Scenario::default() }).await;
    assert!(rig.fal("sim-image").await.broken);
    assert_eq!(rig.simulator.bill().billed, 1);
}

#[tokio::test]
async fn replicate_names_models_and_versions() {
    let rig = Rig::start(Scenario::default()).await;
    let source = data_url("image/png", &pictures::png(1, 40, 30));
    let input = json!({"prompt": "night", "input_image": source, "num_outputs": 2});
    let by_model = rig.send_to("replicate/v1/models/o/sim-image/predictions", &json!({"input": input})).await;
    let by_version = rig.send_to("replicate/v1/predictions", &json!({"version": "sim-image", "input": input})).await;
    for created in [by_model, by_version] {
        assert_eq!((created.status, &created.json()["status"]), (201, &json!("starting")));
        let done = rig.get(created.json()["urls"]["get"].as_str().unwrap()).await.json();
        assert_eq!(done["status"], "succeeded");
        let links = done["output"].as_array().unwrap();
        assert_eq!(links.len(), 2);
        assert_eq!(size_of(&rig.get(links[1].as_str().unwrap()).await.bytes), (40, 30));
    }
    let refused = rig
        .send_to(
            "replicate/v1/models/o/nsfw/predictions",
            &json!({"input": {"prompt": "x", "width": 16, "height": 16}}),
        )
        .await;
    let refused = rig.get(refused.json()["urls"]["get"].as_str().unwrap()).await.json();
    assert!(refused["error"].as_str().unwrap().contains("NSFW"));
    let slow = json!({"input": {"prompt": "x", "width": 16, "height": 16}});
    let stuck = rig.send_to("replicate/v1/models/o/stuck/predictions", &slow).await.json();
    let cancelled = rig.send(rig.http.post(stuck["urls"]["cancel"].as_str().unwrap())).await.json();
    assert_eq!(cancelled["status"], "canceled");
    assert_eq!(rig.get(&format!("{}/replicate/v1/account", rig.origin())).await.status, 200);
}

#[tokio::test]
async fn fal_answers_as_its_own_clients_read() {
    let rig = Rig::start(slow(60)).await;
    let body = json!({"prompt": "a fox", "image_size": {"width": 24, "height": 16}});
    let taken = rig.send_to("fal/imagemill/sim-image", &body).await.json();
    let status_url = taken["status_url"].as_str().unwrap();
    assert!(
        status_url
            .ends_with(&format!("/fal/imagemill/sim-image/requests/{}/status", taken["request_id"].as_str().unwrap()))
    );
    assert_eq!(rig.get(status_url).await.json()["logs"], Value::Null, "present, if empty");
    let states = rig.get(&format!("{status_url}/stream")).await;
    let words = ["IN_PROGRESS", "COMPLETED"].map(|word| states.text().matches(word).count());
    assert_eq!(words, [1, 1], "{}", states.text());
    assert_eq!(rig.fal_result(&taken).await.header("x-fal-request-id"), taken["request_id"].as_str().unwrap());
    let below = rig.send_to("fal/imagemill/flux/sim-image", &body).await.json();
    assert!(below["response_url"].as_str().unwrap().contains("/fal/imagemill/flux/requests/"), "{below}");

    let refused = rig.send_to("fal/imagemill/refuse", &body).await;
    assert_eq!((refused.status, &refused.json()["detail"][0]["type"]), (422, &json!("content_policy_violation")));
    let wrong = rig.send_to("fal/imagemill/sim-image", &json!({})).await;
    assert_eq!((wrong.status, &wrong.json()["detail"][0]["loc"]), (422, &json!(["body", "prompt"])));
    let limited = rig.send_to("fal/imagemill/err:429", &body).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "2"));
    assert!(limited.json()["detail"].is_string());
}

#[tokio::test]
async fn replicate_answers_as_its_own_clients_read() {
    let rig = Rig::start(slow(60)).await;
    let body = json!({"input": {"prompt": "a fox", "width": 24, "height": 16}});
    let create = |name: &str| format!("replicate/v1/models/o/{name}/predictions");
    let url = format!("{}/{}", rig.origin(), create("sim-image"));
    let held = rig.send(rig.http.post(url).header("Prefer", "wait=5").json(&body)).await.json();
    assert_eq!(held["status"], "succeeded");
    let started = rig.send_to(&create("sim-image"), &body).await.json();
    let events = rig.get(started["urls"]["stream"].as_str().unwrap()).await;
    let events = events.text();
    assert!(events.contains("event: output\n") && events.contains("event: done\n"), "{events}");
    let list = rig.get(&format!("{}/replicate/v1/predictions", rig.origin())).await.json();
    assert_eq!((&list["results"][0]["id"], &list["results"][1]["id"]), (&started["id"], &held["id"]));
    assert_eq!(list["results"][0]["input"]["prompt"], "a fox");

    let wrong = rig.send_to(&create("sim-image"), &json!({"input": {}})).await;
    assert_eq!((wrong.status, &wrong.json()["title"]), (422, &json!("Unprocessable Entity")));
    let limited = rig.send_to(&create("err:429"), &body).await.json();
    assert_eq!(limited["detail"], "Request was throttled. Your rate limit resets in ~2s.");
}

#[tokio::test]
async fn hosted_media_takes_uploads_and_answers_in_an_envelope() {
    let rig = Rig::start(Scenario::default()).await;
    let part = Part::bytes(pictures::png(2, 30, 20)).file_name("a.png").mime_str("image/png").unwrap();
    let upload = rig.http.post(format!("{}/hosted/media/upload/binary", rig.origin()));
    let uploaded = rig.send(upload.multipart(Form::new().part("file", part))).await.json();
    let body = json!({"prompt": "night", "images": [uploaded["data"]["download_url"]]});
    let created = rig.send_to("hosted/sim-image-edit", &body).await.json();
    assert_eq!((&created["code"], &created["data"]["status"]), (&json!(200), &json!("processing")));
    let done = rig.get(created["data"]["urls"]["get"].as_str().unwrap()).await.json();
    assert_eq!((&done["data"]["status"], &done["data"]["has_nsfw_contents"]), (&json!("completed"), &json!([false])));
    assert_eq!(size_of(&rig.get(done["data"]["outputs"][0].as_str().unwrap()).await.bytes), (30, 20));
    let sized = rig.send_to("hosted/sim-image", &json!({"prompt": "x", "size": "48*32"})).await.json();
    let sized = rig.get(sized["data"]["urls"]["get"].as_str().unwrap()).await.json();
    assert_eq!(size_of(&rig.get(sized["data"]["outputs"][0].as_str().unwrap()).await.bytes), (48, 32));
}

#[tokio::test]
async fn uploads_fail_and_their_links_end_as_the_scenario_says() {
    let uploads = UploadRules { uses: 1, failures: 1, ..UploadRules::default() };
    let rig = Rig::start(Scenario { uploads, ..Scenario::default() }).await;
    let picture = pictures::png(2, 30, 20);
    let begin = json!({"content_type": "image/png", "file_name": "a.png"});
    let begun = rig.send_to("fal/storage/upload/initiate", &begin).await.json();
    let put = || rig.send(rig.http.put(begun["upload_url"].as_str().unwrap()).body(picture.clone()));
    assert_eq!(put().await.status, 502, "once");
    assert_eq!((put().await.status, rig.simulator.uploads()), (200, 1));
    let link = begun["file_url"].as_str().unwrap();
    assert_eq!(rig.get(link).await.bytes, picture);
    let edit = json!({"prompt": "night", "image_urls": [link]});
    assert_eq!(rig.send_to("fal/sim-image", &edit).await.status, 200);
    assert_eq!(rig.send_to("fal/sim-image", &edit).await.status, 422, "its link ended");
    assert_eq!((rig.get(link).await.status, rig.simulator.bill().billed), (404, 1));
    let part = Part::bytes(picture.clone()).file_name("a.png");
    let file = rig.http.post(format!("{}/replicate/v1/files", rig.origin()));
    let file = rig.send(file.multipart(Form::new().part("content", part))).await.json();
    assert!(file["urls"]["get"].as_str().unwrap().ends_with(file["id"].as_str().unwrap()));
    assert!(file["expires_at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn comfy_router_tells_everything_at_one_address() {
    let rig = Rig::start(slow(80)).await;
    let source = base64_simd::STANDARD.encode_to_string(pictures::png(1, 40, 30));
    let own = "comfy/v2/models/bfl";
    let body = json!({"prompt": "night", "input_image": source});
    let taken = rig.send_to(&format!("{own}/sim-image/requests"), &body).await;
    assert_eq!(taken.status, 201);
    let url = taken.json()["response_url"].as_str().unwrap().to_owned();
    assert_eq!(rig.get(&url).await.status, 202);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let done = rig.get(&url).await.json();
    assert_eq!(size_of(&rig.get(done["result"]["sample"].as_str().unwrap()).await.bytes), (40, 30));
    let cancelled = rig.send(rig.http.put(format!("{url}/cancel"))).await;
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (409, &json!("ALREADY_COMPLETED")));
    for (model, status, word) in [
        ("nsfw", 400, "content_policy_violation"),
        ("job-fails", 502, "provider_error"),
        ("stuck", 400, "client_disconnected"),
    ] {
        let taken = rig.send_to(&format!("{own}/{model}/requests"), &json!({"prompt": "x"})).await.json();
        tokio::time::sleep(Duration::from_millis(100)).await;
        if model == "stuck" {
            assert_eq!(rig.send(rig.http.put(taken["cancel_url"].as_str().unwrap())).await.status, 202);
        }
        let ended = rig.get(taken["response_url"].as_str().unwrap()).await;
        assert_eq!((ended.status, ended.header("x-comfy-error-type")), (status, word), "{model}");
    }
}

#[tokio::test]
async fn the_web_ui_answers_at_once_in_base64() {
    let rig = Rig::start(Scenario::default()).await;
    let body = json!({"prompt": "a fox", "seed": -1, "width": 32, "height": 24, "n_iter": 2});
    let answer = rig.send_to("sdapi/v1/txt2img", &body).await.json();
    let images = answer["images"].as_array().unwrap();
    assert_eq!(images.len(), 2);
    assert_eq!(size_of(&decode(images[0].as_str().unwrap())), (32, 24));
    let source = data_url("image/png", &pictures::png(3, 20, 20));
    let body =
        json!({"prompt": "night", "init_images": [source], "override_settings": {"sd_model_checkpoint": "refuse"}});
    assert_eq!(rig.send_to("sdapi/v1/img2img", &body).await.status, 400);
    assert_eq!(rig.simulator.bill().pictures, 2);
}
