//! The program is killed (SIGKILL, and now and then SIGINT or SIGTERM) at random moments of a run, again and again. Afterwards, call by call: what the provider
//! billed is an asset, a billed refusal, or a listed unknown; nothing was paid twice unasked; every task ended; no file lies
//! around without a cause.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use imagemill_domain::call::{CallId, CallState};
use imagemill_domain::failure::Billing;
use imagemill_domain::hash::ContentHash;
use imagemill_domain::profile::Protocol;
use imagemill_domain::task::TaskState;
use imagemill_simulator::{Rates, Scenario, Simulator, SimulatorOptions};
use imagemill_store::{Files, Store, StoreOptions, TaskFilter};
use imagemill_testkit::TempWorkspace;

const TASKS: usize = 1_000;

/// Small and repeatable; the moments differ all the same, because the machine's pace does.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most.max(1)
    }
}

fn job_file(workspace: &TempWorkspace, protocol: Protocol, base_url: &str, unknown: &str) {
    let prompts: Vec<String> = (0..TASKS).map(|number| format!("\"picture {number}\"")).collect();
    workspace.write(
        "imagemill.toml",
        format!(
            "models_file = \"models.toml\"\n[profiles.target]\nprovider = \"simulator\"\nprotocol = \"{}\"\nbase_url = \"{base_url}\"\n\
             model = \"sim-image\"\n[profiles.target.network]\nallow_private_api = true\nallow_private_downloads = true\n\
             [profiles.target.limits]\nconcurrency = {}\n",
            protocol.word(),
            // A question comes half a second after the request at the earliest.
            if protocol == Protocol::Fal { 32 } else { 4 }
        ),
    );
    workspace.write(
        "models.toml",
        "[[model]]\nprovider = \"simulator\"\nmodel = \"sim-image\"\nchat = true\ngenerations = true\nbills_refusals = true\n\
         price = { date = \"2026-01-01\", source = \"test\", per_image = 0.04 }\n",
    );
    workspace.write(
        "kill.toml",
        format!(
            "recipe = \"generate\"\nprofile = \"target\"\nprompts = [{}]\n[options]\nsize = \"32x32\"\n\
             [retry]\nattempts = 20\nwait_ms = 10\nunknown = \"{unknown}\"\n",
            prompts.join(", ")
        ),
    );
}

fn start(workspace: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_imagemill"))
        .args(["run", "kill.toml", "--yes", "--no-save", "--quiet"])
        .current_dir(workspace)
        .env_remove("IMAGEMILL_WORKSPACE")
        .env_remove("APP_DATA_DIR")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// It may be over or not yet ready for signals; in whatever way it ends, it ends.
fn end_in_order(child: &mut Child, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let until = Instant::now() + Duration::from_secs(30);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < until, "SIG{signal} did not end the run");
        std::thread::sleep(Duration::from_millis(5));
    }
}

async fn kill_again_and_again(kills_in_all: u32, unknown: &str, seed: u64, protocol: Protocol) {
    let workspace = TempWorkspace::new();
    let scenario = Scenario {
        latency_ms: 25,
        jitter_ms: 20,
        bill_refusals: true,
        rates: Rates { refused: 0.03, rate_limited: 0.01, ..Rates::default() },
        ..Scenario::default()
    };
    let simulator = Simulator::start(SimulatorOptions { scenario, ..SimulatorOptions::default() }).await.unwrap();
    job_file(&workspace, protocol, &simulator.base_url_for(protocol), unknown);
    let mut dice = Dice(seed);
    let (mut kills, mut window_ms) = (0, 300);
    while kills < kills_in_all {
        let before = simulator.bill().calls;
        let mut child = start(workspace.path());
        // A machine that is suddenly faster must not get through the run in one window.
        let left = (TASKS as u64).saturating_sub(before);
        let most = before + (2 * left / u64::from(kills_in_all - kills)).max(3);
        let until = Instant::now() + Duration::from_millis(20 + dice.below(2 * window_ms));
        while Instant::now() < until && simulator.bill().calls < most {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if let Some(status) = child.try_wait().unwrap() {
            panic!("the run ended by itself ({status}) after {kills} kills: it must be slower than that");
        }
        kills += 1;
        match kills % 5 {
            // A person's Ctrl-C and a system's stop end the run in order; what they leave must be taken up just as well.
            1 => end_in_order(&mut child, "INT"),
            2 => end_in_order(&mut child, "TERM"),
            _ => {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
        // Spread the kills over the whole run, whatever the machine's pace.
        let progress = simulator.bill().calls as usize * kills_in_all as usize;
        let on_time = progress <= TASKS * kills as usize * 9 / 10;
        let moved = simulator.bill().calls > before;
        window_ms = if on_time || !moved { (window_ms * 5 / 4 + 1).min(2_000) } else { (window_ms * 3 / 4).max(20) };
    }
    let status = start(workspace.path()).wait().unwrap();
    assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    verify(&workspace, &simulator, protocol, unknown).await;
}

async fn verify(workspace: &TempWorkspace, simulator: &Simulator, protocol: Protocol, policy: &str) {
    let inside = workspace.join(".imagemill");
    let store = Store::open(&inside.join("db.sqlite"), StoreOptions { read_only: true }).await.unwrap();
    let files = Files::open(&inside).unwrap();
    let job = store.jobs().by_name("kill").await.unwrap().unwrap();
    let filter = TaskFilter { job: job.id, states: None, failure: None };
    let tasks = store.tasks().page(filter, None, 10_000).await.unwrap();
    assert_eq!(tasks.len(), TASKS);

    let bill = simulator.bill();
    let mut billed: HashMap<CallId, u64> = HashMap::new();
    for entry in bill.entries.iter().filter(|entry| entry.billed) {
        let call = entry.request_id.rsplit('-').next().unwrap().parse().unwrap();
        *billed.entry(CallId(call)).or_default() += 1;
    }
    assert!(billed.values().all(|times| *times == 1), "no call is sent twice under one id");

    let mut accounted = HashSet::new();
    let mut named = HashSet::new();
    let (mut unknown_calls, mut spent) = (0, 0);
    for task in &tasks {
        assert!(task.state.is_ended(), "{task:?}");
        let assets = store.assets().for_task(task.id).await.unwrap();
        assert_eq!(task.state == TaskState::Succeeded, assets.len() == 1, "{task:?}: {assets:?}");
        let calls = store.calls().for_task(task.id).await.unwrap();
        let unknown = calls.iter().filter(|call| call.state == CallState::Unknown).count();
        let paid = calls.iter().filter(|call| billed.contains_key(&call.id)).count();
        let allowed = match policy {
            "never" => 1,
            "once" => 1 + unknown.min(1),
            _ => 1 + unknown,
        };
        assert!(paid <= allowed, "paid {paid} times with {unknown} unknowns under {policy}: {calls:?}");
        unknown_calls += unknown;
        for call in calls {
            let refused_and_billed = call.state == CallState::Refused
                && call.failure.as_ref().is_some_and(|failure| failure.billing != Billing::NotBilled);
            match call.state {
                CallState::Fetched => {
                    assert!(billed.contains_key(&call.id), "an asset that nobody made: {call:?}");
                    assert_eq!(assets.iter().filter(|asset| asset.call == call.id).count(), 1);
                }
                CallState::Unknown => {}
                _ if refused_and_billed => {}
                CallState::Refused => {}
                _ => assert!(!billed.contains_key(&call.id), "billed and neither kept nor listed: {call:?}"),
            }
            spent += call.cost.map_or(0, |cost| cost.micros);
            accounted.insert(call.id);
        }
        for asset in assets {
            let bytes = std::fs::read(files.original_path(&asset.facts.blake3, asset.facts.format)).unwrap();
            assert_eq!(ContentHash::of(&bytes), asset.facts.blake3);
            named.insert(asset.facts.blake3);
        }
    }
    assert!(billed.keys().all(|call| accounted.contains(call)), "every billed call is in the ledger");
    assert_eq!(store.calls().page_unknown(Some(job.id), None, 100_000).await.unwrap().len(), unknown_calls);
    // Over a queue only the moment between the request and its ticket makes an unknown; the rest goes on.
    let lost = protocol == Protocol::Fal || unknown_calls > 0;
    assert!(lost, "the kills hit no call: the test does not test");
    assert_eq!(job.spent.micros, spent, "the budget's sum is the sum of the calls");

    // A crash between a picture's sync and its row leaves a file that no row names; gc removes exactly those.
    let gc = Command::new(env!("CARGO_BIN_EXE_imagemill"))
        .args(["gc", "--yes", "--quiet"])
        .current_dir(workspace.path())
        .status()
        .unwrap();
    assert!(gc.success());
    let left: HashSet<ContentHash> = files.originals().map(|file| file.unwrap().0).collect();
    assert_eq!(left, named);
    assert_eq!(std::fs::read_dir(files.spool_dir()).unwrap().count(), 0, "the spool is empty");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_two_hundred_times_where_lost_answers_wait_for_a_person() {
    kill_again_and_again(200, "never", 1, Protocol::ChatCompletions).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_fifty_times_where_lost_answers_are_sent_again() {
    kill_again_and_again(50, "always", 2, Protocol::ChatCompletions).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_fifty_times_where_lost_answers_are_sent_again_once() {
    kill_again_and_again(50, "once", 4, Protocol::ChatCompletions).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_sixty_times_over_a_queue_that_goes_on_without_us() {
    kill_again_and_again(60, "never", 3, Protocol::Fal).await;
}
