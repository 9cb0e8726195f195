//! Whole jobs over Gemini's and Ark's own forms, through the simulator, well-behaved and not.

use serde_json::Value;

use crate::world::World;

const PROFILES: &str = r#"
[profiles.gem]
provider = "simulator"
protocol = "gemini"
model = "sim-image"
network = { allow_private_api = true, allow_private_downloads = true }
[profiles.ark]
provider = "simulator"
protocol = "seedream"
model = "sim-image"
network = { allow_private_api = true, allow_private_downloads = true }
"#;

fn world(photos: u64) -> World {
    let world = World::with_photos(photos);
    world.folder.write("imagemill.toml", PROFILES);
    world
}

fn edit(world: &World, profile: &str, model: &str, code: i32) -> Value {
    let arguments =
        ["edit", "photos", "--prompt", "night", "--profile", profile, "--model", model, "--name", model, "--json"];
    world.run(&arguments).code(code).last_json()
}

#[test]
fn a_folder_is_edited_over_both() {
    for profile in ["gem", "ark"] {
        let world = world(3);
        let done = edit(&world, profile, "sim-image", 0);
        assert_eq!((&done["pictures"], &done["spent"]), (&3.into(), &0.12.into()), "{profile}");
        let task = world.run(&["explain", "001_start.png", "--json"]).code(0).json();
        let request = task["calls"][0]["request"].to_string();
        assert!(request.contains("blake3:") && !request.contains("base64"), "{request}");
    }
}

#[test]
fn comfy_routers_own_profile_runs_a_job_through_its_queue() {
    let world = World::with_photos(0);
    let mut simulator = world.start(&["simulate", "--port", "0", "--json"]);
    let told: Value = serde_json::from_str(&simulator.first_line()).unwrap();
    let base = told["url"].as_str().unwrap().replace("/v1", "/comfy/v2");
    let variables = [("COMFY_API_KEY", "k"), ("COMFY_ROUTER_BASE_URL", base.as_str())];
    let run = |model: &str, code: i32| {
        let arguments =
            ["generate", "a barn", "-p", "comfy-router", "--model", model, "--accept-unknown-price", "--json"];
        world.run_with(&variables, &arguments).code(code).last_json()
    };
    assert_eq!(run("sim/sim-image", 0)["pictures"], 1);
    assert_eq!(run("sim/nsfw", 1)["tasks"]["refused"], 1);
    let listed = world.run_with(&variables, &["probe", "-p", "comfy-router"]).code(0).out;
    assert!(listed.contains("bfl/flux-2-pro is not among them"), "{listed}");
    simulator.signal("INT");
    simulator.end();
}

#[test]
fn a_set_with_one_refused_is_partly_done() {
    let world = world(0);
    world.folder.write(
        "set.toml",
        "recipe = \"generate\"\nprompt = \"a fox\"\nnegative_prompt = \"text\"\nprofile = \"ark\"\nmodel = \"n-1\"\n[options]\nn = 3\nsize = \"64x48\"\n",
    );
    let done = world.run(&["run", "set.toml", "--json"]).code(1).last_json();
    assert_eq!((&done["tasks"]["partial"], &done["pictures"]), (&1.into(), &2.into()), "{done:#}");
    let task = world.run(&["explain", "1", "--json"]).code(0).json();
    let request = &task["calls"][0]["request"];
    assert_eq!(request["sequential_image_generation_options"]["max_images"], 3);
    assert_eq!(request["prompt"], "a fox\n\nAvoid: text");
    let shown = world.run(&["explain", "1"]).code(0).out;
    assert!(shown.contains("not in the picture: text"), "{shown}");
}

#[test]
fn samples_follow_the_seed_one_by_one() {
    for (profile, place) in [("gem", "/generationConfig/seed"), ("ark", "/seed"), ("simulator", "/seed")] {
        let world = world(0);
        world.folder.write(
            "seeds.toml",
            format!("recipe = \"generate\"\nprompt = \"a fox\"\nsamples = 3\nprofile = \"{profile}\"\nmodel = \"size:24x16\"\n[options]\nseed = 40\n"),
        );
        world.run(&["run", "seeds.toml", "--json"]).code(0);
        let seeds: Vec<Value> = (1..=3)
            .map(|task| world.run(&["explain", &task.to_string(), "--json"]).code(0).json())
            .map(|task| task["calls"][0]["request"].pointer(place).cloned().unwrap_or_default())
            .collect();
        assert_eq!(seeds, [40, 41, 42], "{profile}");
    }
}

#[test]
fn misbehaviour_means_the_same_over_both() {
    for profile in ["gem", "ark"] {
        let world = world(1);
        for (model, state, kind) in [
            ("refuse", "refused", "refused"),
            ("cut", "unknown", "unknown_outcome"),
            ("html", "failed", "protocol"),
            ("err:400", "failed", "invalid"),
            ("broken-picture", "failed", "bad_picture"),
        ] {
            // A cut answer is sent again once in a small job; here it stays unknown.
            world.folder.write(
                "job.toml",
                format!(
                    "recipe = \"edit\"\nname = \"{model}\"\nprompt = \"night\"\nprofile = \"{profile}\"\nmodel = \"{model}\"\n[source]\npaths = [\"photos\"]\n[retry]\nunknown = \"never\"\nattempts = 1\n"
                ),
            );
            let done = world.run(&["run", "job.toml", "--json"]).last_json_of("summary");
            assert_eq!(done["tasks"][state], 1, "{profile} {model}: {done:#}");
            assert_eq!(done["failures"][0]["kind"], kind, "{profile} {model}: {done:#}");
        }
        let done = edit(&world, profile, "sim-image+flaky:1", 0);
        assert_eq!(done["tasks"]["succeeded"], 1, "{profile}");
    }
}

#[test]
fn what_the_protocol_has_no_place_for_is_an_error_before_anything_is_sent() {
    let world = world(1);
    let ran = world.run(&["generate", "x", "--profile", "gem", "--quality", "high"]).code(2);
    assert!(ran.err.contains("the protocol gemini has no place for it"), "{}", ran.err);
    assert!(world.run(&["status", "--json"]).code(0).json()["jobs"].as_array().unwrap().is_empty());
    let key = [("SN_API_KEY", "k")];
    let ran = world.run_with(&key, &["generate", "x", "--aspect-ratio", "21:9", "--plan"]).code(2);
    assert!(ran.err.contains("2752x1536"), "{}", ran.err);
    let plan = world.run_with(&key, &["generate", "x", "--aspect-ratio", "9:16", "--plan", "--json"]).code(0).json();
    assert_eq!((&plan["size"]["size"], &plan["protocol"]), (&"1536x2752".into(), &"sensenova".into()));
    let plan = world.run_with(&key, &["generate", "x", "--negative-prompt", "text", "--plan"]).code(0);
    assert!(plan.err.contains("Avoid: text"), "{}", plan.err);
}
