//! `run --rehearse`: no key, no consent, nothing kept, and the outcomes of a scenario.

use serde_json::Value;

use crate::world::World;

const JOB: &str = "recipe = \"edit\"\nprompt = \"make it night\"\nprofile = \"openai\"\n\
                   [source]\npaths = [\"photos\"]\n[retry]\nunknown = \"never\"\nwait_ms = 20\n[save]\nfolder = \"out\"\n";

fn rehearsed(world: &World, scenario: &str, more: &[&str], code: i32) -> Value {
    world.folder.write("scenario.toml", scenario);
    let arguments = [&["run", "night.toml", "--rehearse", "--scenario", "scenario.toml", "--json"], more].concat();
    world.run(&arguments).code(code).last_json_of("rehearsal")
}

#[test]
fn a_job_is_rehearsed_without_a_key_and_leaves_nothing() {
    let world = World::with_photos(6);
    world.folder.write("night.toml", JOB);
    let plan = world.run_with(&[("OPENAI_API_KEY", "k")], &["plan", "night.toml", "--json"]).code(0).json();
    let done = rehearsed(&world, "", &[], 0);
    assert_eq!((&done["tasks"]["succeeded"], &done["state"]), (&6.into(), &"finished".into()), "{done:#}");
    // Money by the table: what the plan calls likely.
    assert_eq!(done["spent"], plan["cost"]["likely"], "{plan:#}");
    let left: Vec<_> = std::fs::read_dir(world.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name != ".imagemill" && name != "out"), "{left:?}");
    assert!(world.run(&["run", "night.toml"]).code(3).err.contains("OPENAI_API_KEY"), "a real run needs the key");
    let shown = world.run(&["run", "night.toml", "--rehearse"]).code(0);
    assert!(
        shown.out.contains("nothing was sent to a provider") && !shown.out.contains("imagemill explain"),
        "{}",
        shown.out
    );
}

#[test]
fn every_fault_of_a_scenario_has_its_outcome() {
    let world = World::with_photos(9);
    world.folder.write("night.toml", JOB);
    let line = |at: u32, act: &str| format!("[[script]]\nat = {at}\ndo = \"{act}\"\n");
    let acts = ["refuse", "cut", "rate_limited", "html", "wrong_mime", "slow"];
    let script: String = (1..).zip(acts).map(|(at, act)| line(at, act)).collect();
    let done = rehearsed(&world, &format!("retry_after_s = 0\nslow_ms = 10\n{script}"), &[], 1);
    let tasks = |state: &str| done["tasks"][state].as_u64().unwrap();
    // The page with status 200 may have been charged; whatever it is called, it is no success.
    assert_eq!((tasks("refused"), tasks("unknown") + tasks("failed")), (1, 2), "{done:#}");
    assert_eq!((tasks("succeeded"), &done["unknown_tasks"]), (6, &done["tasks"]["unknown"]));
    assert!(tasks("unknown") >= 1 && done["reserved"].as_f64().unwrap() > 0.0, "a lost answer is held: {done:#}");
    assert_eq!(done["put_off"]["rate_limited"], 1, "{done:#}");
}

#[test]
fn a_hang_ends_soon_and_the_budget_holds() {
    let world = World::with_photos(4);
    world.folder.write("night.toml", JOB);
    let begin = std::time::Instant::now();
    let done = rehearsed(&world, "script = [{ at = 1, do = \"hang\" }]\n", &[], 1);
    assert_eq!((&done["tasks"]["unknown"], &done["tasks"]["succeeded"]), (&1.into(), &3.into()), "{done:#}");
    assert!(begin.elapsed().as_secs() < 30);
    let poor = rehearsed(&world, "", &["--budget", "0.01"], 1);
    assert!(poor["spent"].as_f64().unwrap() <= 0.01 && poor["state"] == "paused", "{poor:#}");
}

#[test]
fn the_example_of_the_docs_works_and_mistakes_are_told() {
    let world = World::with_photos(3);
    world.folder.write("night.toml", JOB);
    let page = include_str!("../../../../docs/rehearse.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let done = rehearsed(&world, example, &[], 0);
    assert_eq!(done["tasks"]["succeeded"], 3, "{done:#}");
    world.folder.write("wrong.toml", "latency = 3\n");
    let wrong = world.run(&["run", "night.toml", "--rehearse", "--scenario", "wrong.toml"]).code(2);
    assert!(wrong.err.contains("latency") && wrong.err.contains("latency_ms"), "{}", wrong.err);
    assert!(world.run(&["run", "night.toml", "--scenario", "wrong.toml"]).code(2).err.contains("--rehearse"));
    let comfy = "[profiles.mine]\nprovider = \"comfyui\"\nprotocol = \"comfyui\"\nbase_url = \"http://127.0.0.1:1\"\nmodel = \"m\"\n\
                 extra_body = { workflow = {} }\n";
    world.folder.write("imagemill.toml", comfy);
    let refused = world.run(&["run", "night.toml", "--rehearse", "--profile", "mine"]).code(3);
    assert!(refused.err.contains("cannot be rehearsed"), "{}", refused.err);
}

#[test]
fn profiles_of_every_protocol_are_rehearsed_under_their_own_models() {
    let world = World::with_photos(2);
    world.folder.write("night.toml", JOB);
    for (profile, model) in [
        ("openai", "gpt-image-1"),
        ("gemini", "gemini-2.5-flash-image"),
        ("fal", "fal-ai/nano-banana/edit"),
        ("replicate", "google/nano-banana"),
        ("openrouter", "google/gemini-2.5-flash-image"),
        ("xai", "grok-imagine-image"),
    ] {
        let done = rehearsed(&world, "", &["--profile", profile, "--model", model], 0);
        assert_eq!((&done["tasks"]["succeeded"], &done["profile"]), (&2.into(), &profile.into()), "{model}: {done:#}");
    }
}
