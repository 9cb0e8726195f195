//! The program is killed (SIGKILL) at each of the moments of a request's run at which money could be lost: between the submission and its answer, between
//! the answer and the download, and during the download. Started again it pays for nothing twice, and what was paid for is kept.

use std::time::{Duration, Instant};

use imagemill_domain::profile::Protocol;
use imagemill_simulator::{Simulator, SimulatorOptions};
use serde_json::{Value, json};

use crate::world::World;

const FOLDER: &str = "assets/persona-maya-v1";

struct Case {
    world: World,
    simulator: Simulator,
}

/// A request for a model that takes its time at one of these moments.
async fn case(model: &str) -> Case {
    let simulator = Simulator::start(SimulatorOptions::default()).await.unwrap();
    let world = World::new();
    let base = simulator.base_url_for(Protocol::HostedMedia);
    world.folder.write(
        "imagemill.toml",
        format!(
            "[profiles.hosted-media]\nprovider = \"simulator\"\nprotocol = \"hosted_media\"\nmodel = \"sim-image\"\nbase_url = \"{base}\"\n\
             network = {{ allow_private_api = true, allow_private_downloads = true }}\n"
        ),
    );
    world.folder.write("research/benchmarks.md", "what works");
    let request = json!({
        "assetId": "persona-maya-v1", "runId": "image-run-001", "personaId": "maya", "assetPurpose": "persona_candidate",
        "sourceBasis": ["research/benchmarks.md"], "localAssetDir": FOLDER, "model": model, "prompt": "a woman at her desk",
        "size": "64*48",
    });
    world.folder.write("request.json", request.to_string());
    Case { world, simulator }
}

const SUBMIT: [&str; 5] = ["request", "generate", "--request", "request.json", "--json"];

impl Case {
    /// Starts the run and kills it when its call is in `state` and the provider has billed it.
    fn kill_when(&self, state: &str) {
        let running = self.world.start(&SUBMIT);
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let explained = self.world.run(&["explain", "1", "--json"]);
            let reached = explained.code == 0
                && self.simulator.bill().calls == 1
                && explained.json()["calls"][0]["call"]["state"] == state;
            if reached {
                break;
            }
            assert!(Instant::now() < until, "never {state}: {}{}", explained.out, explained.err);
            std::thread::sleep(Duration::from_millis(20));
        }
        running.signal("KILL");
        assert_eq!(running.end().code, -1, "it was killed in the middle");
        assert!(!self.world.path().join(FOLDER).join("images").exists(), "nothing was there yet");
    }

    fn record(&self, file: &str) -> Value {
        let text = std::fs::read_to_string(self.world.path().join(FOLDER).join(file)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn is_whole(&self) {
        let manifest = self.record("runs/image/image-run-001/manifest.json");
        assert_eq!(manifest["assets"].as_array().unwrap().len(), 1, "{manifest:#}");
        let attempts = self.record("runs/image/image-run-001/attempts/index.json");
        assert_eq!(attempts["attempts"].as_array().unwrap().last().unwrap()["state"], "materialized");
        self.world.run(&["assets", "check", "assets"]).code(0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_submission_and_answer_it_is_not_sent_again_unasked() {
    let case = case("hang:4").await;
    case.kill_when("sent");
    // The record from before the call is there, so nothing about the run is lost with its answer.
    assert_eq!(case.record("runs/image/image-run-001/attempts/index.json")["attempts"][0]["state"], "submitting");
    let again = case.world.run(&SUBMIT).code(1).last_json();
    assert_eq!(again["state"], "unknown", "{again:#}");
    let polled = case.world.run(&["request", "poll", "--request", "request.json", "--json"]).code(1).last_json();
    assert_eq!(polled["state"], "unknown");
    let attempts = case.record("runs/image/image-run-001/attempts/index.json");
    assert_eq!(
        (&attempts["attempts"][0]["state"], &attempts["attempts"][0]["nextAction"]),
        (&json!("outcome_unknown"), &json!("reconcile"))
    );
    assert_eq!(case.simulator.bill().calls, 1, "nobody asked for a second payment");
    // A person says that it may be paid again: that is the second call, and the run ends complete.
    case.world.run(&["reconcile", "--all", "--resend"]).code(0);
    let polled = case.world.run(&["request", "poll", "--request", "request.json", "--json"]).code(0).last_json();
    assert_eq!((&polled["state"], case.simulator.bill().calls), (&json!("succeeded"), 2), "{polled:#}");
    case.is_whole();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_answer_and_download_it_pays_once_and_ends_complete() {
    let case = case("delay:2500").await;
    case.kill_when("accepted");
    let again = case.world.run(&SUBMIT).code(0).last_json();
    assert_eq!((&again["state"], case.simulator.bill().calls), (&json!("succeeded"), 1), "{again:#}");
    case.is_whole();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_during_the_download_it_pays_once_and_ends_complete() {
    let case = case("slow-download:3").await;
    case.kill_when("produced");
    // Polling alone brings it, too: from the stored record, without the request's words.
    let rest = json!({"assetId": "persona-maya-v1", "runId": "image-run-001", "localAssetDir": FOLDER});
    case.world.folder.write("request.json", rest.to_string());
    let polled = case.world.run(&["request", "poll", "--request", "request.json", "--json"]).code(0).last_json();
    assert_eq!((&polled["state"], case.simulator.bill().calls), (&json!("succeeded"), 1), "{polled:#}");
    case.is_whole();
}

/// Without a key and without a server: the hosted endpoints' names over the built-in simulator.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hosted_model_runs_offline_pays_once_and_its_folder_is_checked() {
    let case = case("image-nano-banana-2-text").await;
    let submit = ["request", "generate", "--request", "request.json", "--json", "--profile", "simulator"];
    let ran = case.world.run(&submit).code(0);
    let (first, spent) = (ran.last_json(), ran.last_json_of("summary")["spent"].clone());
    assert_eq!((&first["state"], &first["attempts"]), (&json!("succeeded"), &json!(1)), "{first:#}");
    let again = case.world.run(&submit).code(0);
    assert_eq!(again.last_json()["attempts"], 1);
    assert_eq!(again.last_json_of("summary")["spent"], spent, "{}", again.out);
    assert_eq!(case.simulator.bill().calls, 0, "only the built-in simulator was called");
    case.is_whole();
    let picture = first["pictures"][0].as_str().unwrap();
    std::fs::write(case.world.path().join(FOLDER).join(picture), "other bytes").unwrap();
    let checked = case.world.run(&["assets", "check", "assets", "--json"]).code(1).json();
    assert_eq!(checked["assets"][0]["differences"][0]["kind"], "changed", "{checked:#}");
}
