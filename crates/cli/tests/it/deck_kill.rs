//! A ten-page deck whose process is killed at every stage: at the end it is the deck of an undisturbed run, byte for byte, and the
//! provider was paid once for each of its calls. The folder is one as the reference leaves it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use imagemill_domain::profile::Protocol;
use imagemill_simulator::{Act, Outcome, Scenario, ScriptLine, Simulator, SimulatorOptions};
use imagemill_testkit::TempWorkspace;
use serde_json::json;

const PAGES: usize = 10;
/// Calls that are put off, one in each stage and then some: nothing is under way then, so nothing can be lost with the process.
const PUT_OFF: [u64; 12] = [1, 3, 5, 7, 9, 11, 16, 21, 26, 31, 36, 41];

fn scenario(put_off: &[u64]) -> Scenario {
    let line = |at: &u64| ScriptLine { at: *at, act: Act::RateLimited, retry_after_s: Some(1), slow_ms: None };
    // A picture is the same however often it is asked for.
    Scenario { script: put_off.iter().map(line).collect(), variations: 1, ..Scenario::default() }
}

async fn world(put_off: &[u64]) -> (TempWorkspace, Simulator) {
    let options = SimulatorOptions { scenario: scenario(put_off), ..SimulatorOptions::default() };
    let simulator = Simulator::start(options).await.unwrap();
    let workspace = TempWorkspace::new();
    workspace.write(
        "imagemill.toml",
        format!(
            "[profiles.target]\nprovider = \"simulator\"\nprotocol = \"chat_completions\"\nbase_url = \"{}\"\nmodel = \"sim-image\"\n\
             [profiles.target.network]\nallow_private_api = true\nallow_private_downloads = true\n\
             [profiles.target.limits]\nconcurrency = 1\n",
            simulator.base_url_for(Protocol::ChatCompletions)
        ),
    );
    let pack = json!({"deck_id": "tea", "deck_dir": "/somewhere/else", "ppt_mode": "creative",
        "params": {"role": "guide", "audience": "visitors", "scene": "a walk", "page_count": "10", "language": "en", "output_format": "pptx"},
        "created_at": "2026-08-20T10:00:00+08:00", "skill_version": "0.1.0"});
    workspace.write("deck/task_pack.json", pack.to_string());
    let info = json!({"user_query": "How tea is made: pick leaves, steam them, roll them, dry them",
        "user_assets": {"reference_images": [], "reference_docs": [], "reference_docs_failed": [], "reference_image_captions": {}},
        "document_digest": null, "raw_document_excerpts": {"enabled": false, "path": ""}});
    workspace.write("deck/info_pack.json", info.to_string());
    std::fs::create_dir_all(workspace.path().join("deck/pages")).unwrap();
    (workspace, simulator)
}

fn start(workspace: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_imagemill"))
        .args(["deck", "run", "deck", "--profile", "target", "--size", "64x36", "--yes", "--quiet"])
        .current_dir(workspace)
        .env_remove("IMAGEMILL_WORKSPACE")
        .env_remove("APP_DATA_DIR")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn ended(child: &mut Child) {
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return;
        }
        assert!(Instant::now() < until, "the run does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What the deck is: its texts, pictures and pptx. Records and sheets say when and how often, so they are left out.
fn deck(workspace: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files: Vec<String> = vec!["style_spec.md".into(), "outline.json".into(), "tea.pptx".into()];
    for page in 1..=PAGES {
        files.push(format!("pages/page_{page:03}.prompt.txt"));
        files.push(format!("pages/page_{page:03}.png"));
    }
    let folder = workspace.join("deck");
    files.into_iter().map(|file| (file.clone(), std::fs::read(folder.join(&file)).expect(&file))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_stage_it_is_the_same_deck_and_paid_once() {
    let (calm, undisturbed) = world(&[]).await;
    ended(&mut start(calm.path()));
    let calls = undisturbed.bill();
    // Style and outline; prompt, picture and reading of each page.
    assert_eq!((calls.billed, calls.pictures), (2 + 3 * PAGES as u64, PAGES as u64));

    let (workspace, simulator) = world(&PUT_OFF).await;
    for (kills, at) in PUT_OFF.iter().enumerate() {
        let mut child = start(workspace.path());
        let until = Instant::now() + Duration::from_secs(60);
        while simulator.bill().calls < *at {
            assert!(child.try_wait().unwrap().is_none(), "the run ended by itself after {kills} kills");
            assert!(Instant::now() < until, "call {at} does not come after {kills} kills");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    ended(&mut start(workspace.path()));
    let bill = simulator.bill();
    assert_eq!((bill.billed, bill.pictures), (calls.billed, calls.pictures), "paid once");
    let put_off = bill.entries.iter().filter(|entry| entry.outcome == Outcome::RateLimited).count();
    assert_eq!(put_off, PUT_OFF.len(), "each kill was while a call was put off");
    let (one, other) = (deck(calm.path()), deck(workspace.path()));
    for (file, bytes) in &one {
        assert!(other[file] == *bytes, "{file} is another one");
    }
    // Once more: nothing is left, nothing is sent.
    ended(&mut start(workspace.path()));
    assert_eq!(simulator.bill().calls, bill.calls);
    undisturbed.stop().await;
    simulator.stop().await;
}
