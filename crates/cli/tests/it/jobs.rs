//! Jobs from submission to saved files, through the simulator.

use imagemill_testkit::pictures;

use crate::world::World;

const SIMULATOR: [&str; 2] = ["--profile", "simulator"];

fn edit<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["edit", "photos", "--prompt", "night"], &SIMULATOR[..], more].concat()
}

#[test]
fn the_same_line_continues_and_another_prompt_is_another_job() {
    let world = World::with_photos(3);
    let first = world.run(&edit(&["--json"])).code(0).last_json();
    assert_eq!(
        (&first["type"], &first["tasks"]["succeeded"], &first["pictures"]),
        (&"summary".into(), &3.into(), &3.into())
    );
    assert_eq!(first["spent"], 0.12);
    let folder = first["saved"]["folder"].as_str().unwrap().to_owned();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 4, "three pictures and the manifest");

    world.folder.write("photos/004_start.png", pictures::png(4, 48, 32));
    let again = world.run(&edit(&["--json", "--budget", "3"])).code(0).last_json();
    assert_eq!((&again["job"], &again["total"]), (&first["job"], &4.into()));
    assert_eq!(again["spent"], 0.16, "only the new picture was paid for");
    assert_eq!((&again["saved"]["pictures"], &again["saved"]["already_there"]), (&1.into(), &3.into()));

    let other = world
        .run(&["edit", "photos", "--prompt", "snow", "--profile", "simulator", "--json", "--no-save"])
        .code(0)
        .last_json();
    assert_ne!(other["job"], first["job"]);
    assert!(other["saved"].is_null());
    assert_eq!(world.run(&["status", "--json"]).code(0).json()["jobs"].as_array().unwrap().len(), 2);
}

#[test]
fn a_part_of_a_jobs_name_is_enough_when_no_other_has_it() {
    let world = World::with_photos(1);
    world.run(&edit(&["--name", "night-in-bern"])).code(0);
    world.run(&edit(&["--name", "night-in-rome"])).code(0);
    assert_eq!(world.run(&["status", "rome", "--json"]).code(0).json()["job"], "night-in-rome");
    let both = world.run(&["status", "night"]).code(2);
    assert!(both.err.contains("no job night"), "{}", both.err);
}

#[test]
fn a_job_file_saves_by_its_rule_relative_to_itself() {
    let world = World::with_photos(2);
    world.folder.write(
        "jobs/night.json",
        r#"{"recipe":"edit","prompt":"night","profile":"simulator","source":{"paths":["../photos"]},
            "save_preset":"edit_pairs","save":{"folder":"pairs","manifest":false}}"#,
    );
    world.run(&["run", "jobs/night.json"]).code(0);
    let mut names: Vec<String> = std::fs::read_dir(world.path().join("pairs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["001_end.png", "001_start.png", "002_end.png", "002_start.png"]);

    let dry = world.run(&["save", "night", "--to", "flat", "--template", "{global_index:03}", "--flat", "--dry-run"]);
    let dry = dry.code(0);
    assert!(dry.out.contains("001.png") && !world.path().join("flat").exists(), "{}", dry.out);
    world.run(&["save", "night", "--to", "flat", "--template", "{nope}"]).code(3);
    assert!(world.run(&["save", "night", "--preset", "edit_pair"]).code(2).err.contains("edit_pairs"));
}

#[test]
fn failures_are_told_and_can_be_tried_again() {
    let world = World::with_photos(2);
    let ran = world.run(&edit(&["--model", "refuse", "--name", "no"])).code(1);
    assert!(
        ran.out.contains("2 × refused by the provider") && ran.out.contains("docs/failures/refused.md"),
        "{}",
        ran.out
    );
    let chinese = world.run(&["--lang", "zh-CN", "status", "no"]).code(0);
    assert!(chinese.out.contains("服务商拒绝") && chinese.out.contains("zh-CN/refused.md"), "{}", chinese.out);
    let ran = world.run(&["retry", "no", "--json"]).code(0);
    assert_eq!(ran.json()["tasks"], 0, "refused tasks are only done again when named");
    let ran = world.run(&["retry", "no", "--state", "refused", "--json"]).code(1);
    assert_eq!(ran.last_json()["tasks"]["refused"], 2);
    assert!(world.run(&["retry", "no", "--state", "gone"]).code(2).err.contains("refused"));

    let explained = world.run(&["explain", "001_start.png"]).code(0);
    assert!(explained.out.contains("HTTP 400") && explained.out.contains("prompt: night"), "{}", explained.out);
    assert!(explained.out.contains("imagemill retry no --task"), "{}", explained.out);
    let document = world.run(&["explain", "001_start.png", "--json"]).code(0).json();
    assert_eq!(document["calls"].as_array().unwrap().len(), 2);
    assert!(world.run(&["explain", "nothing-like-it"]).code(2).err.contains("No task"));
}

#[test]
fn a_budget_stops_before_the_money_is_spent() {
    let world = World::with_photos(4);
    let ran = world.run(&edit(&["--budget", "0.10", "--concurrency", "1", "--name", "poor", "--json"])).code(1);
    let summary = ran.last_json();
    assert_eq!(summary["state"], "paused");
    assert!(summary["spent"].as_f64().unwrap() <= 0.10 && summary["tasks"]["succeeded"] == 2, "{summary:#}");
    let again = world.run(&edit(&["--budget", "1", "--name", "poor", "--json"])).code(0).last_json();
    assert_eq!(again["tasks"]["succeeded"], 4);
}

#[test]
fn several_job_files_run_together() {
    let world = World::new();
    for name in ["a", "b"] {
        world.folder.write(
            format!("{name}.toml"),
            format!(
                "recipe = \"generate\"\nprompt = \"{name}\"\nprofile = \"simulator\"\n[options]\nsize = \"64x64\"\n"
            ),
        );
    }
    let ran = world.run(&["run", "a.toml", "b.toml", "--json"]).code(0);
    let finals: Vec<serde_json::Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &serde_json::Value| line["type"] == "summary")
        .collect();
    assert_eq!(finals.len(), 2);
    assert!(ran.out.contains("job_submitted"), "events come first");
    world.folder.write("c.toml", "name = \"a\"\nrecipe = \"generate\"\nprompt = \"x\"\nprofile = \"simulator\"\n");
    assert!(world.run(&["run", "a.toml", "c.toml"]).code(2).err.contains('a'));
}

#[test]
fn prompts_come_from_a_file_line_by_line() {
    let world = World::new();
    world.folder.write("prompts.txt", "# trees\nan {old} oak\n\na young ash\n");
    let ran =
        world.run(&["generate", "--prompts", "prompts.txt", "--profile", "simulator", "--size", "64x64", "--json"]);
    assert_eq!(ran.code(0).last_json()["tasks"]["succeeded"], 2);
    world.folder.write("none.txt", "# nothing\n");
    world.run(&["generate", "--prompts", "none.txt", "--profile", "simulator"]).code(2);
}

#[test]
fn gc_shows_first_and_removes_only_what_nothing_refers_to() {
    let world = World::with_photos(1);
    world.run(&edit(&[])).code(0);
    let stray = blake3_name(b"stray");
    let path = world.folder.write(format!(".imagemill/files/{}/{stray}.png", &stray[..2]), b"stray");
    let small = world.folder.write(format!(".imagemill/thumbs/{}/{stray}.jpg", &stray[..2]), b"small");
    let shown = world.run(&["gc", "--json"]).code(0).json();
    assert_eq!((&shown["files"], &shown["removed"]), (&2.into(), &false.into()));
    assert!(path.exists());
    world.run(&["gc", "--yes"]).code(0);
    assert!(!path.exists() && !small.exists());
    assert_eq!(world.run(&["gc", "--json"]).code(0).json()["files"], 0);
    world.folder.write(".imagemill/drafts/999/1/content.md", "of a job that is gone");
    let drafts = world.run(&["gc", "--json"]).code(0).json();
    assert_eq!((&drafts["files"], &drafts["removed"]), (&1.into(), &false.into()));
    world.run(&["gc", "--yes"]).code(0);
    assert!(!world.path().join(".imagemill/drafts/999").exists());
    assert_eq!(world.run(&edit(&["--json"])).code(0).last_json()["saved"]["already_there"], 1);
}

fn blake3_name(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[test]
fn a_batch_is_planned_run_and_explained() {
    let world = World::with_photos(3);
    let plan = world.run(&edit(&["--lane", "batch", "--plan"])).code(0);
    assert!(plan.out.contains("at 50% of the usual price; results come within 24 h"), "{}", plan.out);
    let plan = world.run(&edit(&["--lane", "batch", "--plan", "--json"])).code(0).json();
    assert_eq!(
        (&plan["lane"], &plan["cost"]["likely"], &plan["batch"]["price"]),
        (&"batch".into(), &0.06.into(), &0.5.into())
    );

    let run = world.run(&edit(&["--lane", "batch", "--json", "--name", "night"])).code(0).last_json();
    assert_eq!((&run["tasks"]["succeeded"], &run["spent"]), (&3.into(), &0.06.into()));
    let status = world.run(&["status", "night", "--json"]).code(0).json();
    assert_eq!((&status["batches"][0]["state"], &status["batches"][0]["calls"]), (&"ended".into(), &3.into()));
    let told = world.run(&["explain", "1"]).code(0).out;
    let batch = status["batches"][0]["remote_id"].as_str().unwrap();
    assert!(told.contains(batch) && told.contains("with 3 calls") && told.contains("completed"), "{told}");

    let refused = world.run(&edit(&["--lane", "queue"])).code(2);
    assert!(refused.err.contains("has no queue"), "{}", refused.err);
}
