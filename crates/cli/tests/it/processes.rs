//! Two processes on one workspace, interruptions, and what is left on disk.

use std::path::Path;

use serde_json::Value;

use crate::world::{Running, World};

/// Eight slow tasks, two at once.
fn slow(world: &World, name: &str, delay: &str) -> Running {
    slow_tasks(world, name, delay, "8")
}

fn slow_tasks(world: &World, name: &str, delay: &str, count: &str) -> Running {
    let model = format!("delay:{delay}");
    let line = ["generate", "a cat", "-n", count, "--size", "64x64", "--profile", "simulator", "--concurrency", "2"];
    world.start(&[&line[..], &["--model", &model, "--name", name, "--no-save"]].concat())
}

fn succeeded(job: &Value) -> u64 {
    job["tasks"]["succeeded"].as_u64().unwrap()
}

#[test]
fn a_second_process_hands_its_job_to_the_owner_and_follows() {
    let world = World::new();
    let owner = slow(&world, "first", "300");
    world.wait_for("first", |job| job["tasks"]["running"] != 0);
    let second = world.run(&["generate", "a dog", "--size", "64x64", "--profile", "simulator", "--name", "second"]);
    let second = second.code(0);
    assert!(second.err.contains("run by process"), "{}", second.err);
    assert!(world.run(&["gc"]).code == 3 || world.run(&["status", "--json"]).json()["owner"].is_null());
    owner.end().code(0);
    let status = world.run(&["status", "--json"]).code(0).json();
    assert!(status["owner"].is_null());
    assert!(status["jobs"].as_array().unwrap().iter().all(|job| job["state"] == "finished"), "{status:#}");
}

#[test]
fn pause_resume_and_stop_from_another_process() {
    let world = World::new();
    let owner = slow_tasks(&world, "job", "300", "24");
    world.wait_for("job", |job| succeeded(job) >= 2);
    let paused = world.run(&["pause", "job", "--json"]).code(0).json();
    assert_eq!(paused["state"], "paused");
    owner.end().code(130);
    let resting = world.wait_for("job", |job| job["tasks"]["running"] == 0);
    assert!(resting["tasks"]["queued"].as_u64().unwrap() > 0, "{resting:#}");

    let resumed = world.start(&["resume", "job"]);
    world.wait_for("job", |job| succeeded(job) > succeeded(&resting));
    let watch = world.start(&["watch", "job", "--json"]);
    std::thread::sleep(std::time::Duration::from_millis(200));
    world.run(&["stop", "job"]).code(0);
    resumed.end().code(130);
    assert_eq!(watch.end().code(130).last_json()["state"], "stopped");
    let stopped = world.wait_for("job", |job| job["state"] == "stopped");
    assert!(stopped["tasks"]["stopped"].as_u64().unwrap() > 0, "{stopped:#}");
    assert!(world.run(&["resume", "job"]).code(2).err.contains("--state stopped"));
    assert_eq!(world.run(&["watch", "nosuch"]).code(2).code, 2);
}

#[test]
fn one_interruption_waits_for_paid_calls_and_the_same_command_goes_on() {
    let world = World::new();
    let running = slow(&world, "job", "400");
    world.wait_for("job", |job| job["reserved"].as_f64().unwrap() > 0.0);
    running.signal("INT");
    let ran = running.end().code(130);
    assert!(ran.err.contains("Ctrl-C again"), "{}", ran.err);
    let job = world.run(&["status", "job", "--json"]).code(0).json();
    assert_eq!((&job["state"], &job["tasks"]["unknown"], &job["reserved"]), (&"paused".into(), &0.into(), &0.0.into()));
    assert!(succeeded(&job) >= 1, "what was paid for came in: {job:#}");
    let again = slow(&world, "job", "10").end().code(0);
    assert!(again.out.contains("8 succeeded"), "{}", again.out);
}

#[test]
fn being_ended_lists_calls_that_may_have_been_charged() {
    let world = World::new();
    let running = slow(&world, "job", "5000");
    world.wait_for("job", |job| job["reserved"].as_f64().unwrap() > 0.0);
    running.signal("TERM");
    let ran = running.end().code(130);
    assert!(ran.out.contains("may have been charged"), "{}", ran.out);
    let job = world.run(&["status", "job", "--json"]).code(0).json();
    assert_eq!(job["unknown"].as_array().unwrap().len() as u64, job["tasks"]["unknown"].as_u64().unwrap());
    assert_eq!(job["unknown"][0]["ceiling"], 0.04);
    reconcile(&world);
}

/// Two calls are unknown: one is closed as charged, one is sent again.
fn reconcile(world: &World) {
    let listed = world.run(&["reconcile", "--json"]).code(0).json();
    let calls: Vec<String> = listed["calls"].as_array().unwrap().iter().map(|call| call["call"].to_string()).collect();
    assert_eq!((calls.len(), &listed["ceiling"]), (2, &0.08.into()), "{listed:#}");
    let people = world.run(&["reconcile"]).code(0);
    assert!(people.out.contains("at most $0.0800") && people.out.contains("--not-charged"), "{}", people.out);
    assert_eq!(world.run(&["reconcile", "--charged"]).code, 2, "which ones must be said");
    assert_eq!(world.run(&["reconcile", "999", "--charged"]).code, 2);
    world.run(&["reconcile", &calls[0], "--charged"]).code(0);
    let costs = world.run(&["costs", "--json"]).code(0).json();
    assert_eq!((&costs["total"]["spent"], &costs["total"]["held"]), (&0.04.into(), &0.04.into()), "{costs:#}");
    world.run(&["reconcile", "--all", "--resend", "--later"]).code(0);
    let job = world.run(&["status", "job", "--json"]).code(0).json();
    assert_eq!((&job["tasks"]["queued"], &job["tasks"]["failed"]), (&7.into(), &1.into()), "{job:#}");
    world.run(&["reconcile", "--all", "--not-charged"]).code(0);
    let costs = world.run(&["costs"]).code(0);
    assert!(costs.out.contains("job") && costs.out.contains("$0.0400 spent"), "{}", costs.out);
    assert!(world.run(&["reconcile"]).code(0).out.contains("No call has an unknown outcome"));
}

/// The day's budget of a profile holds over two jobs, and says what to do.
#[test]
fn a_profiles_budget_holds_over_its_jobs() {
    let world = World::new();
    let simulator = ["simulate", "--port", "0", "--json"];
    let mut simulator = world.start(&simulator);
    let address: Value = serde_json::from_str(&simulator.first_line()).unwrap();
    world.folder.write(
        "imagemill.toml",
        format!(
            "[profiles.target]\nprovider = \"simulator\"\nprotocol = \"chat_completions\"\nbase_url = {}\nmodel = \"sim-image\"\n\
             budget = {{ total = \"0.10\" }}\n[profiles.target.network]\nallow_private_api = true\n",
            address["url"]
        ),
    );
    let line = |name: &'static str| {
        ["generate", "a cat", "--size", "64x64", "--profile", "target", "--no-save", "--name", name]
    };
    world.run(&line("one")).code(0);
    world.run(&line("two")).code(0);
    // Not that of a day: shortly before midnight a run waits for the next one.
    let over = world.run(&line("three")).code(3);
    assert!(over.out.contains("the budget of $0.1000 of the profile target"), "{}{}", over.out, over.err);
    let costs = world.run(&["costs", "--by", "profile", "--days", "2", "--json"]).code(0).json();
    assert_eq!((&costs["groups"][0]["name"], &costs["total"]["spent"]), (&"target".into(), &0.08.into()), "{costs:#}");
    assert_eq!(costs["total"]["pictures"], 2);
}

#[test]
fn a_killed_run_is_gone_on_with() {
    let world = World::new();
    let running = slow(&world, "job", "200");
    world.wait_for("job", |job| succeeded(job) >= 2);
    running.signal("KILL");
    running.end();
    let ran = world.run(&["resume", "job"]);
    assert!([0, 1].contains(&ran.code), "{}{}", ran.out, ran.err);
    let job = world.run(&["status", "job", "--json"]).code(0).json();
    let open = ["queued", "running", "waiting"].iter().map(|state| job["tasks"][state].as_u64().unwrap()).sum::<u64>();
    assert_eq!((open, &job["state"]), (0, &"finished".into()), "{job:#}");
}

#[test]
fn the_key_is_nowhere_on_disk_or_on_the_screen() {
    const KEY: &str = "sk-this-must-stay-hidden-0123456789";
    let world = World::with_photos(2);
    let mut simulator = world.start(&["simulate", "--port", "0", "--json"]);
    let address: Value = serde_json::from_str(&simulator.first_line()).unwrap();
    let url = address["url"].as_str().unwrap();
    let variables = [("OPENAI_API_KEY", KEY), ("OPENAI_BASE_URL", url)];
    let ran =
        world.run_with(&variables, &["--verbose", "edit", "photos", "--prompt", "night", "--model", "gpt-image-2"]);
    let ran = ran.code(0);
    let explained = world.run_with(&variables, &["explain", "001_start.png"]).code(0);
    let config = world.run_with(&variables, &["config", "show"]).code(0);
    for text in [&ran.out, &ran.err, &explained.out, &config.out] {
        assert!(!text.contains(KEY), "{text}");
    }
    assert!(!contains_below(world.path(), KEY.as_bytes()));
    simulator.signal("TERM");
    assert!(simulator.end().code(0).err.contains("2 calls"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let world = World::with_photos(1);
    world.run(&["edit", "photos", "--prompt", "x", "--profile", "simulator"]).code(0);
    let program = env!("CARGO_BIN_EXE_imagemill");
    let line = format!("'{program}' config show | true; '{program}' status | head -c 1");
    let output = std::process::Command::new("bash")
        .args(["-o", "pipefail", "-c", &line])
        .current_dir(world.path())
        .output()
        .unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}

fn contains_below(folder: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return contains_below(&path, needle);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}
