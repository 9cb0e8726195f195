//! Synchronous calls to a web UI over loopback.

use imagemill_domain::profile::Protocol;
use imagemill_domain::request::RequestOptions;
use serde_json::json;

use super::*;
use crate::fixtures::{b64, data_url, png};
use crate::provider::{Found, Reply};
use crate::queue_rig::{Rig, input, json as answer_json, options, request};
use crate::scripted_server::{Step, answer, open_head};

async fn rig(script: Vec<Step>) -> Rig {
    Rig::new(Protocol::Automatic1111, options(None), |_| {}, |_| vec![script]).await
}

#[tokio::test]
async fn pictures_come_from_images_and_nowhere_else() {
    let (one, two) = (png(1, 90_000), png(2, 3000));
    let echo = png(3, 5000);
    let body = json!({"images": [b64(&one), b64(&two)], "parameters": {"prompt": "x", "init_images": [b64(&echo)]},
        "info": "{\"prompt\": \"like https://x.org/a.png\", \"seed\": 1}"});
    let rig = rig(answer_json(200, &body)).await;
    let mut asked = request("sd15.safetensors");
    asked.options =
        RequestOptions { size: Some("512x768".into()), n: Some(2), seed: Some(9), ..RequestOptions::default() };
    let Reply::Answer(found) = rig.submit(&asked, &[input(&echo)]).await.unwrap() else { panic!("no queue here") };
    let sizes: Vec<u64> = found
        .items
        .iter()
        .map(|item| if let Found::Picture(spooled) = item { spooled.bytes } else { panic!("{item:?}") })
        .collect();
    assert_eq!(sizes, [90_000, 3000]);
    assert_eq!(rig.lines(), ["POST /sdapi/v1/img2img"]);
    let seen = rig.server.seen().remove(0);
    assert!(seen.header("authorization").unwrap().starts_with("Basic "));
    let expected = json!({"prompt": "a \"red\" barn", "seed": 9, "width": 512, "height": 768, "n_iter": 2,
        "override_settings": {"return_grid": false, "sd_model_checkpoint": "sd15.safetensors"},
        "init_images": [data_url("image/png", &echo)]});
    assert_eq!(seen.json(), expected);
}

#[tokio::test]
async fn words_alone_go_to_txt2img_with_the_loaded_checkpoint() {
    let rig = rig(answer_json(200, &json!({"images": [b64(&png(1, 900))]}))).await;
    rig.submit(&request("loaded"), &[]).await.unwrap();
    assert_eq!(rig.lines(), ["POST /sdapi/v1/txt2img"]);
    assert_eq!(rig.server.seen()[0].json(), json!({"prompt": "a \"red\" barn", "seed": -1}));
}

#[tokio::test]
async fn failures_cost_nothing_on_a_machine_of_ones_own() {
    let memory = json!({"error": "OutOfMemoryError", "detail": "", "errors": "CUDA out of memory"});
    let missing = json!({"detail": [{"loc": ["body", "width"], "msg": "not an integer", "type": "int_type"}]});
    let cut = vec![open_head(Some(9000)), Step::Write(br#"{"images": ["iVBOR"#.to_vec())];
    for (script, kind, words) in [
        (answer_json(500, &memory), FailureKind::Transient, "OutOfMemoryError"),
        (answer_json(422, &missing), FailureKind::Invalid, "body.width"),
        (answer(401, "", b"{\"detail\": \"Incorrect username or password\"}"), FailureKind::Auth, "Incorrect"),
        (cut, FailureKind::UnknownOutcome, "broke"),
        (answer_json(200, &json!({"images": []})), FailureKind::Protocol, "no picture"),
    ] {
        let rig = rig(script).await;
        let failure = rig.submit(&request("loaded"), &[]).await.unwrap_err();
        assert_eq!(failure.failure.kind, kind, "{failure:?}");
        assert!(failure.failure.message.contains(words), "{failure:?}");
    }
    let mut asked = request("loaded");
    asked.options.size = Some("auto".into());
    let failure = rig(Vec::new()).await.submit(&asked, &[]).await.unwrap_err();
    assert_eq!(failure.failure.kind, FailureKind::Invalid);
}
