//! Decks against a simulator that misbehaves, in folders as the reference leaves them. Killed at every stage a deck is in the end that of
//! an undisturbed run, byte for byte, and each call was paid once; a page that fails stops no other; careless answers go back once.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use imagemill_domain::hash::ContentHash;
use imagemill_domain::profile::Protocol;
use imagemill_simulator::{Act, Outcome, Rates, Scenario, ScriptLine, Simulator, SimulatorOptions};
use imagemill_store::{Store, StoreOptions, TaskFilter};
use imagemill_testkit::TempWorkspace;
use serde_json::json;

pub(crate) const PAGES: usize = 10;
/// Calls that are put off, one in each stage and then some: nothing is under way then, so nothing can be lost with the process.
const PUT_OFF: [u64; 12] = [1, 3, 5, 7, 9, 11, 16, 21, 26, 31, 36, 41];

fn acting(act: Act, calls: &[u64]) -> Scenario {
    let line = |at: &u64| ScriptLine { at: *at, act, retry_after_s: Some(1), slow_ms: None };
    // A picture is the same however often it is asked for.
    Scenario { script: calls.iter().map(line).collect(), variations: 1, ..Scenario::default() }
}

pub(crate) async fn world(scenario: Scenario, pages: usize) -> (TempWorkspace, Simulator) {
    let options = SimulatorOptions { scenario, ..SimulatorOptions::default() };
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
        "params": {"role": "guide", "audience": "visitors", "scene": "a walk", "page_count": pages.to_string(), "language": "en", "output_format": "pptx"},
        "created_at": "2026-08-20T10:00:00+08:00", "skill_version": "0.1.0"});
    workspace.write("deck/task_pack.json", pack.to_string());
    let info = json!({"user_query": "How tea is made: pick leaves, steam them, roll them, dry them",
        "user_assets": {"reference_images": [], "reference_docs": [], "reference_docs_failed": [], "reference_image_captions": {}},
        "document_digest": null, "raw_document_excerpts": {"enabled": false, "path": ""}});
    workspace.write("deck/info_pack.json", info.to_string());
    std::fs::create_dir_all(workspace.path().join("deck/pages")).unwrap();
    (workspace, simulator)
}

pub(crate) fn command(workspace: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imagemill"));
    command.args(["deck", "run", "deck", "--profile", "target", "--size", "64x36", "--yes", "--quiet"]).args(more);
    command
        .current_dir(workspace)
        .env_remove("IMAGEMILL_WORKSPACE")
        .env_remove("APP_DATA_DIR")
        .env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::null());
    command
}

fn start(workspace: &Path) -> Child {
    command(workspace, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Runs to the end; the code and what was said.
pub(crate) async fn run(workspace: &Path, more: &[&str]) -> (i32, String) {
    let mut command = command(workspace, more);
    let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (
        done.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr),
    )
}

pub(crate) fn ended(child: &mut Child) {
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
pub(crate) fn deck(workspace: &Path) -> BTreeMap<String, Vec<u8>> {
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
    let (calm, undisturbed) = world(acting(Act::RateLimited, &[]), PAGES).await;
    ended(&mut start(calm.path()));
    let calls = undisturbed.bill();
    // Style and outline; prompt, picture and reading of each page.
    assert_eq!((calls.billed, calls.pictures), (2 + 3 * PAGES as u64, PAGES as u64));

    let (workspace, simulator) = world(acting(Act::RateLimited, &PUT_OFF), PAGES).await;
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

/// Call 7 is a page's picture; whose, depends on which prompt was written first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_refused_stops_no_other_and_is_not_sent_again_unasked() {
    let (workspace, simulator) = world(acting(Act::Refuse, &[7]), 3).await;
    let (code, said) = run(workspace.path(), &[]).await;
    assert_eq!(code, 1, "{said}");
    let refused = (1..=3).find(|page| said.contains(&format!("[page {page}/3] ✗"))).expect("one was refused");
    for page in (1..=3).filter(|page| *page != refused) {
        assert!(said.contains(&format!("[page {page}/3] page_00{page}.png ✓")), "{said}");
    }
    let again = format!("--only-pages {refused}");
    assert!(said.contains("[pptx] tea.pptx ✓ (3 slides, 1 without a picture)") && said.contains(&again), "{said}");
    let picture = format!("deck/pages/page_00{refused}.png");
    assert!(!workspace.path().join(picture).exists(), "no picture stands in for it");
    let calls = simulator.bill().calls;
    let (code, said) = run(workspace.path(), &[]).await;
    assert_eq!((code, simulator.bill().calls), (1, calls), "{said}");
    let (code, said) = run(workspace.path(), &["--only-pages", &refused.to_string()]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("[pptx] tea.pptx ✓ (3 slides, 0 without a picture)"), "{said}");
    // The prompt stood: a picture and a reading.
    assert_eq!((simulator.bill().pictures, simulator.bill().calls), (3, calls + 2));
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn careless_answers_go_back_once_and_misprints_are_told() {
    let rates = Rates { invented: 1.0, misspelt: 1.0, ..Rates::default() };
    let (workspace, simulator) = world(Scenario { rates, ..Scenario::default() }, 2).await;
    let (code, said) = run(workspace.path(), &["--takes", "2"]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("was ordered and") && said.contains("was drawn"), "{said}");
    let bill = simulator.bill();
    // Style; outline and again; for each page prompt and again, two pictures, two readings.
    assert_eq!((bill.calls, bill.pictures), (1 + 2 + 2 * (2 + 2 + 2), 4));
    let outline = std::fs::read_to_string(workspace.path().join("deck/outline.json")).unwrap();
    assert!(!outline.contains("longer than any slide"), "{outline}");
    let prompt = std::fs::read_to_string(workspace.path().join("deck/pages/page_001.prompt.txt")).unwrap();
    assert!(prompt.contains("\"3: pick leaves\"") && !prompt.contains('#'), "{prompt}");
    simulator.stop().await;
}

/// From a stage on everything is made anew, and what was there lies aside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_stage_on_all_is_made_again() {
    let (workspace, simulator) = world(Scenario::default(), 2).await;
    assert_eq!(run(workspace.path(), &[]).await.0, 0);
    let before = deck_file(workspace.path(), "pages/page_001.png");
    let style = deck_file(workspace.path(), "style_spec.md");
    let (code, said) = run(workspace.path(), &["--from", "pictures", "--only-pages", "1", "--pdf"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(simulator.bill().pictures, 3);
    assert_ne!(deck_file(workspace.path(), "pages/page_001.png"), before);
    let aside: Vec<_> =
        std::fs::read_dir(workspace.path().join("deck/earlier")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(std::fs::read(aside[0].join("pages/page_001.png")).unwrap(), before);
    assert!(deck_file(workspace.path(), "tea.pdf").starts_with(b"%PDF"));
    assert_eq!(deck_file(workspace.path(), "style_spec.md"), style);
    let (code, said) = run(workspace.path(), &["--from", "style"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(simulator.bill().pictures, 5);
    simulator.stop().await;
}

fn deck_file(workspace: &Path, file: &str) -> Vec<u8> {
    std::fs::read(workspace.join("deck").join(file)).unwrap()
}

/// A picture that goes with a page is in its lineage; the page as it was before is another task, which is not drawn along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_anchor_goes_with_the_page_and_no_page_is_drawn_twice() {
    let (workspace, simulator) = world(Scenario::default(), 3).await;
    assert_eq!(run(workspace.path(), &[]).await.0, 0);
    assert_eq!(simulator.bill().pictures, 3);
    let anchor = ContentHash::of(&deck_file(workspace.path(), "pages/page_001.png"));
    let anchored = ["--from", "pictures", "--only-pages", "2-3", "--anchor", "deck/pages/page_001.png", "--seed", "5"];
    let (code, said) = run(workspace.path(), &anchored).await;
    assert_eq!((code, simulator.bill().pictures), (0, 5), "{said}");
    let options = StoreOptions { read_only: true };
    let store = Store::open(&workspace.join(".imagemill/db.sqlite"), options).await.unwrap();
    let mut with_anchor = 0;
    for job in store.jobs().list().await.unwrap() {
        let filter = TaskFilter { job: job.id, states: None, failure: None };
        for task in store.tasks().page(filter, None, 100).await.unwrap() {
            let assets = store.assets().for_task(task.id).await.unwrap();
            with_anchor += assets.iter().filter(|asset| asset.parents == [anchor]).count();
        }
    }
    store.close().await;
    assert_eq!(with_anchor, 2);
    // The anchor cannot be made again while it is one.
    let (code, said) = run(workspace.path(), &["--from", "pictures", "--anchor", "deck/pages/page_001.png"]).await;
    assert!(code == 2 && said.contains("The anchor is page 1"), "{said}");
    assert!(workspace.path().join("deck/pages/page_001.png").exists());
    let (code, said) = run(workspace.path(), &["--from", "pictures"]).await;
    assert_eq!((code, simulator.bill().pictures), (0, 8), "{said}");
    simulator.stop().await;
}
