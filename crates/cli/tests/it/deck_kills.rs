//! Decks whose program is killed at other moments than between two calls: while answers are on their way, while pages wait in a provider's
//! queue, while the pptx is written, and as a server between a deck's two jobs. The deck is in the end that of an undisturbed run,
//! and what was paid twice is an answer that the ledger lists as lost.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use imagemill_decks::check_pptx;
use imagemill_domain::call::CallState;
use imagemill_domain::profile::Protocol;
use imagemill_simulator::{Scenario, Simulator};
use imagemill_store::{Store, StoreOptions, TaskFilter};
use imagemill_testkit::TempWorkspace;
use serde_json::{Value, json};

use crate::deck_runs::{PAGES, command, deck, ended, run, world};

/// How long an answer takes: long enough to be killed in.
const LATENCY_MS: u64 = 160;
/// Calls that are on their way when the program is killed: the outline, then of four pages a prompt, a picture or a reading.
const LOST: [u64; 5] = [2, 6, 13, 20, 27];

fn slow(latency_ms: u64) -> Scenario {
    Scenario { latency_ms, variations: 1, ..Scenario::default() }
}

fn begin(workspace: &Path, more: &[&str]) -> Child {
    command(workspace, more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

async fn until(what: &str, is: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(90);
    while !is() {
        assert!(Instant::now() < end, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// Calls of all jobs in this state: how many, and how many of them made a picture that is kept.
async fn calls(workspace: &Path, state: CallState) -> usize {
    let options = StoreOptions { read_only: true };
    let store = Store::open(&workspace.join(".imagemill/db.sqlite"), options).await.unwrap();
    let mut found = 0;
    for job in store.jobs().list().await.unwrap() {
        let filter = TaskFilter { job: job.id, states: None, failure: None };
        for task in store.tasks().page(filter, None, 1_000).await.unwrap() {
            let calls = store.calls().for_task(task.id).await.unwrap();
            found += calls.iter().filter(|call| call.state == state).count();
        }
    }
    store.close().await;
    found
}

fn same(one: &Path, other: &Path) {
    let other = deck(other);
    for (file, bytes) in deck(one) {
        assert!(other[&file] == bytes, "{file} is another one");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_with_answers_on_their_way_it_is_the_same_deck_and_what_was_lost_is_listed() {
    let (calm, undisturbed) = world(slow(0), PAGES).await;
    ended(&mut begin(calm.path(), &[]));
    let whole = undisturbed.bill();

    let (workspace, simulator) = world(slow(LATENCY_MS), PAGES).await;
    for at in LOST {
        let mut child = begin(workspace.path(), &[]);
        until("a call", || simulator.bill().calls + 1 >= at).await;
        tokio::time::sleep(Duration::from_millis(LATENCY_MS / 2)).await;
        assert!(child.try_wait().unwrap().is_none(), "the run ended by itself before call {at}");
        kill(&mut child);
        // The provider goes on without us, and charges.
        tokio::time::sleep(Duration::from_millis(LATENCY_MS)).await;
    }
    let lost =
        (calls(workspace.path(), CallState::Unknown).await + calls(workspace.path(), CallState::Sent).await) as u64;
    let (mut code, mut said) = run(workspace.path(), &[]).await;
    if code == 1 {
        // Which page a call is of depends on the machine's pace; one that lost two answers waits for a person's word.
        let resend = ["reconcile", "--all", "--resend", "--later"];
        let word = Command::new(env!("CARGO_BIN_EXE_imagemill")).args(resend).current_dir(workspace.path()).status();
        assert!(word.unwrap().success());
        (code, said) = run(workspace.path(), &[]).await;
    }
    assert_eq!(code, 0, "{said}");
    let bill = simulator.bill();
    assert!(lost >= 3, "the kills hit no call: the test does not test");
    assert!(bill.billed <= whole.billed + lost, "{} for {} and {lost} lost", bill.billed, whole.billed);
    assert_eq!(calls(workspace.path(), CallState::Fetched).await as u64, whole.billed, "each step was kept once");
    same(calm.path(), workspace.path());
    undisturbed.stop().await;
    simulator.stop().await;
}

/// Words at once, pictures through a queue that goes on without us.
async fn queued() -> (TempWorkspace, Simulator) {
    let (workspace, simulator) = world(slow(1_500), PAGES).await;
    let written = std::fs::read_to_string(workspace.path().join("imagemill.toml")).unwrap();
    let written = written.replace("concurrency = 1", "concurrency = 10").replace("profiles.target", "profiles.writes");
    let draws = format!(
        "[profiles.target]\nprovider = \"simulator\"\nprotocol = \"fal\"\nbase_url = \"{}\"\nmodel = \"sim-image\"\n\
         [profiles.target.network]\nallow_private_api = true\nallow_private_downloads = true\n\
         [profiles.target.limits]\nconcurrency = 10\n",
        simulator.base_url_for(Protocol::Fal)
    );
    workspace.write("imagemill.toml", written + &draws);
    (workspace, simulator)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_with_pages_in_a_queue_each_is_drawn_once() {
    let arguments = ["--text-profile", "writes", "--text-model", "sim-text", "--no-check"];
    let (calm, undisturbed) = queued().await;
    ended(&mut begin(calm.path(), &arguments));

    let (workspace, simulator) = queued().await;
    let picture = |page: usize| workspace.path().join(format!("deck/pages/page_{page:03}.png"));
    let mut child = begin(workspace.path(), &arguments);
    until("the last picture's order", || simulator.bill().pictures == PAGES as u64).await;
    // Its ticket is written down.
    tokio::time::sleep(Duration::from_millis(250)).await;
    kill(&mut child);
    assert!((1..=PAGES).any(|page| !picture(page).exists()), "all pages are there: the test does not test");
    for _ in 0..2 {
        let mut child = begin(workspace.path(), &arguments);
        tokio::time::sleep(Duration::from_millis(400)).await;
        kill(&mut child);
    }
    ended(&mut begin(workspace.path(), &arguments));
    let (once, bill) = (undisturbed.bill(), simulator.bill());
    assert_eq!((bill.calls, bill.billed, bill.pictures), (once.calls, once.billed, PAGES as u64), "paid once");
    assert_eq!(calls(workspace.path(), CallState::Unknown).await, 0);
    same(calm.path(), workspace.path());
    undisturbed.stop().await;
    simulator.stop().await;
}

/// Killed at sixteen moments of writing: the file is the whole one or none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_the_pptx_is_written_it_is_whole_or_not_there() {
    let (workspace, simulator) = world(slow(0), PAGES).await;
    ended(&mut begin(workspace.path(), &[]));
    let whole = deck(workspace.path());
    let pptx = workspace.path().join("deck/tea.pptx");
    let bill = simulator.bill();
    std::fs::remove_file(&pptx).unwrap();
    let started = Instant::now();
    ended(&mut begin(workspace.path(), &[]));
    let takes = started.elapsed();
    for part in 1..=16 {
        let _ = std::fs::remove_file(&pptx);
        let mut child = begin(workspace.path(), &[]);
        tokio::time::sleep(takes * part / 16).await;
        let _ = child.kill();
        child.wait().unwrap();
        if pptx.exists() {
            check_pptx(&pptx).unwrap();
            assert!(std::fs::read(&pptx).unwrap() == whole["tea.pptx"], "part {part} of 16");
        }
    }
    ended(&mut begin(workspace.path(), &[]));
    assert!(deck(workspace.path()) == whole);
    assert_eq!(simulator.bill().calls, bill.calls, "files cost nothing");
    simulator.stop().await;
}

/// A server of the workspace, and where it listens.
fn serve(workspace: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_imagemill"))
        .args(["serve", "--port", "0", "--json"])
        .current_dir(workspace)
        .env_remove("IMAGEMILL_WORKSPACE")
        .env_remove("APP_DATA_DIR")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    (child, format!("127.0.0.1:{}", told["port"]))
}

/// Asks a server for something, as a page would.
fn post(address: &str, path: &str, body: &Value) -> Value {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /api/v1{path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 20"), "{answer}");
    serde_json::from_str(body).unwrap()
}

/// One click; the servers that come after do the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deck_of_a_killed_server_goes_on_with_the_next_one() {
    let (workspace, simulator) = world(slow(LATENCY_MS), 3).await;
    let (mut server, address) = serve(workspace.path());
    let topic = "How tea is made: pick leaves, steam them, roll them, dry them";
    let made = post(&address, "/decks", &json!({"topic": topic, "pages": 3}));
    let folder = Path::new(made["folder"].as_str().unwrap()).to_path_buf();
    let run = format!("/decks/{}/run", made["id"].as_str().unwrap());
    assert!(post(&address, &run, &json!({"profile": "target"}))["job"].is_i64());
    // In the middle of the words, then as soon as they are there, then among the pages.
    for file in ["style_spec.md", "outline.json", "pages/page_001.png"] {
        until(file, || folder.join(file).exists()).await;
        kill(&mut server);
        (server, _) = serve(workspace.path());
    }
    let pptx = folder.join(format!("{}.pptx", made["deck_id"].as_str().unwrap()));
    until("the pptx", || pptx.exists()).await;
    until("the end", || std::fs::read_dir(workspace.path().join(".imagemill/decks")).unwrap().count() == 0).await;
    for page in 1..=3 {
        assert!(folder.join(format!("pages/page_{page:03}.png")).exists(), "page {page}");
    }
    let lost = calls(workspace.path(), CallState::Unknown).await as u64;
    let bill = simulator.bill();
    assert!(bill.billed <= 2 + 3 * 3 + lost, "{} with {lost} lost", bill.billed);
    // Nothing is left to do by itself: another server sends nothing.
    kill(&mut server);
    (server, _) = serve(workspace.path());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(simulator.bill().calls, bill.calls);
    kill(&mut server);
    simulator.stop().await;
}
