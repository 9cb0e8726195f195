//! Infographics from a request to a picture, offline, through the real program.

use std::path::PathBuf;

use serde_json::Value;

use crate::critique_jobs::served;
use crate::world::World;

const TEA: &str = "How green tea is made: pick the leaves, steam them for 90 seconds, roll them, dry them at 80 °C";

fn made(world: &World, arguments: &[&str]) -> Value {
    let line = [&["infographic"], arguments, &["--profile", "simulator", "--size", "256x256", "--json"]].concat();
    world.run(&line).code(0).last_json_of("infographic")
}

fn steps(document: &Value) -> Vec<&str> {
    document["calls"].as_array().unwrap().iter().map(|call| call["step"].as_str().unwrap()).collect()
}

#[test]
fn a_request_becomes_a_picture_and_says_so_in_its_language() {
    let world = World::new();
    let ran = world.run(&["infographic", TEA, "--profile", "simulator", "--ratio", "3:4"]).code(0);
    assert!(ran.out.contains("It shows: How green tea is made"), "{}", ran.out);
    let picture = ran.out.lines().rfind(|line| line.starts_with("./imagemill-out/infographic-")).unwrap();
    assert!(std::fs::read(world.path().join(picture)).unwrap().starts_with(b"\x89PNG"));
    let chinese = world.run(&["infographic", "水循环：蒸发，凝结，降水，汇集", "--profile", "simulator"]).code(0);
    let sentence = chinese.out.lines().find(|line| line.contains("内容：")).unwrap();
    assert!(sentence.chars().count() <= 50, "{sentence}");
    assert!(chinese.err.contains("16:9"), "{}", chinese.err);

    let plan = world.run(&["infographic", TEA, "--profile", "simulator", "--rounds", "3", "--plan"]).code(0);
    assert!(plan.out.contains("infographic") || plan.err.contains("infographic"), "{}{}", plan.out, plan.err);
    let told = format!("{}{}", plan.out, plan.err);
    let calls = "1–2 × sim-text, 0–2 × sim-text, 0–4 × sim-text, 0–2 × sim-text, 2–12 × sim-text, 0–2 × sim-image";
    assert!(told.contains(&format!("each task calls {calls} on the way")), "{told}");
    assert!(world.run(&["infographic", TEA, "--rounds", "9"]).code(2).err.contains("1..=8"));
}

/// The steps in their order, each once, with their drafts; the record is the whole story.
#[test]
fn every_step_leaves_a_draft_and_a_call() {
    let world = World::new();
    let document = made(&world, &[TEA, "--rounds", "2", "--layout", "hub-spoke"]);
    assert_eq!(
        steps(&document),
        ["evaluation", "analysis", "content", "expansion", "round-1/image", "round-1/reading", "round-1/review"]
    );
    assert_eq!((&document["status"], &document["record"]["stopped"]), (&"ok".into(), &"passed".into()));
    assert_eq!(document["record"]["choice"]["layout"]["because"], "wished");
    assert!(document["record"]["labels"].as_array().unwrap().contains(&"steam them for 90 seconds".into()));
    let drafts = PathBuf::from(document["drafts"].as_str().unwrap());
    for name in [
        "evaluation.json",
        "analysis.json",
        "layout-style.json",
        "structured-content.md",
        "expand-system-prompt.md",
        "expanded-prompt.txt",
    ] {
        assert!(std::fs::metadata(drafts.join(name)).unwrap().len() > 20, "{name}");
    }
    assert!(document["timing"]["structured_content"]["model"] == "sim-text", "{}", document["timing"]);
    assert!(
        world
            .path()
            .join("imagemill-out")
            .read_dir()
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path()
            .join("infographics.jsonl")
            .exists()
    );
}

/// A person's text stands, and only what depends on it is made again.
#[test]
fn an_edited_draft_is_an_input_of_the_next_run() {
    let world = World::new();
    let first = made(&world, &[TEA, "--name", "tea"]);
    let drafts = PathBuf::from(first["drafts"].as_str().unwrap());
    let content = std::fs::read_to_string(drafts.join("structured-content.md")).unwrap();
    std::fs::write(drafts.join("structured-content.md"), content.replace("roll them", "twist them by hand")).unwrap();
    world.run(&["retry", "tea", "--all", "--json"]).code(0);
    let text =
        world.run(&["infographic", TEA, "--name", "tea", "--profile", "simulator", "--size", "256x256", "--json"]);
    let second = text.code(0).last_json_of("infographic");
    assert!(second["record"]["labels"].as_array().unwrap().contains(&"twist them by hand".into()), "{second}");
    let again: Vec<&str> = steps(&second).split_off(steps(&first).len());
    assert_eq!(again, ["expansion", "round-1/image"], "what was made before the text stands");

    // A draft that cannot be read is told, and not the picture of before.
    std::fs::write(drafts.join("analysis.json"), "{broken").unwrap();
    let retried = world.run(&["retry", "tea", "--all"]).code(1);
    assert!(retried.out.contains("analysis.json") && !retried.out.contains("It shows"), "{}", retried.out);
}

#[test]
fn the_document_of_older_runners_is_exactly_theirs() {
    let world = World::new();
    let keys = |value: &Value| {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let run = |arguments: &[&str]| {
        let line = [&["infographic", TEA, "--profile", "simulator", "--profile-output", "compat"], arguments].concat();
        let ran = world.run(&line).code(0);
        assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
        ran.json()
    };
    let once = run(&[]);
    assert_eq!(keys(&once), ["expanded_prompt", "need_main_agent_send", "rounds", "status", "timing"]);
    assert_eq!(
        keys(&once["timing"]),
        ["content_analysis", "prompt_evaluation", "prompt_expand", "total_elapsed_seconds"]
    );
    let round = &once["rounds"][0];
    assert_eq!(keys(round), ["image", "reasoning", "result", "round", "timing", "violations", "violations_count"]);
    assert_eq!(keys(&round["timing"]), ["image_generation"]);
    assert_eq!(round["timing"]["image_generation"]["model"], "sn_image_model");
    assert_eq!(
        (&round["result"], &round["reasoning"], &round["violations_count"]),
        (&"PASS".into(), &"".into(), &0.into())
    );
    assert!(PathBuf::from(round["image"].as_str().unwrap()).is_absolute());

    let skipped = run(&["--expand", "disable"]);
    assert_eq!(skipped["prompts_expand_skipped"], true);
    assert_eq!(
        (&skipped["expanded_prompt"], keys(&skipped["timing"])),
        (&TEA.into(), vec!["total_elapsed_seconds".to_owned()])
    );
    let forced = run(&["--expand", "force"]);
    assert!(forced.get("prompts_expand_skipped").is_none() && forced["timing"].get("prompt_evaluation").is_none());
    let early = run(&["--rounds", "3"]);
    assert_eq!((&early["early_terminated"], early["rounds"].as_array().unwrap().len()), (&true.into(), 1));
    assert_eq!(keys(&early["rounds"][0]["timing"]), ["image_generation", "vlm_review"]);
}

/// Nothing is paid for when nobody could look at the picture, or nobody could write the text.
#[test]
fn what_cannot_be_done_is_refused_before_spending() {
    let world = World::new();
    let key = [("OPENAI_API_KEY", "sk-test")];
    let err = world.run_with(&key, &["infographic", TEA, "--model", "gpt-image-1.5", "--plan"]).code(2).err;
    assert!(err.contains("[text]"), "{err}");
    let blind = ["infographic", TEA, "--model", "gpt-image-1.5", "--expand", "disable", "--rounds", "2", "--plan"];
    assert!(world.run_with(&key, &blind).code(2).err.contains("[vision]"));
    let asked = ["infographic", "Tea, 2 rounds, no expansion", "--model", "gpt-image-1.5", "--plan"];
    assert!(world.run_with(&key, &asked).code(2).err.contains("[vision]"), "the request itself asks for two");
    world.run_with(&key, &["infographic", TEA, "--model", "gpt-image-1.5", "--expand", "disable", "--plan"]).code(0);
    let err = world.run(&["infographic", TEA, "--profile", "simulator", "--layout", "bento-gird"]).code(2).err;
    assert!(err.contains("Did you mean `bento-grid`?"), "{err}");
    assert!(!world.path().join(".imagemill/drafts").exists());
}

/// Every round with its verdict, the time of each step that was made, all pictures; in the language of the request, whatever the reader's is.
#[test]
fn rounds_are_told_in_the_language_of_the_request() {
    let world = World::new();
    let _simulator = served(&world, "[rates]\nmisspelt = 1.0\n");
    let told = |request: &str, more: &[&str]| {
        let line = ["infographic", request, "--profile", "writer", "--model", "sim-image", "--size", "256x256"];
        world.run(&[&line[..], more].concat()).code(0).out
    };
    let verbose = told(TEA, &["--output", "verbose", "--rounds", "2"]);
    let lines: Vec<&str> = verbose.lines().skip_while(|line| *line != "By quality, the best first").collect();
    assert!(lines[1].starts_with("Prompt, worked out: An infographic"), "{verbose}");
    assert!(lines[2].starts_with("#1 round=1 result=FAIL violations="), "{verbose}");
    assert!(lines[3].starts_with("#2 round=2 result=FAIL violations="), "{verbose}");
    let times: Vec<&str> =
        lines[4].split(" | ").map(|part| part.trim_end_matches(|c: char| c != ' ').trim_end()).collect();
    let steps = [
        "Total",
        "Prompt evaluation",
        "Content analysis",
        "Text",
        "Prompt expansion",
        "Image generation",
        "VLM review",
    ];
    assert_eq!(times[..5], steps[..5], "{verbose}");
    for (part, name) in lines[4].split(" | ").zip(steps).skip(5) {
        assert!(part.starts_with(name) && part.ends_with("s×2 rounds"), "{part}");
    }
    let pictures: Vec<_> = lines[5..7].iter().map(|line| std::fs::read(world.path().join(line)).unwrap()).collect();
    assert!(pictures.iter().all(|bytes| bytes.starts_with(b"\x89PNG")) && lines[5] != lines[6], "{verbose}");

    let chinese =
        told("水循环：蒸发，凝结，降水，汇集", &["--output", "verbose", "--expand", "disable", "--rounds", "2"]);
    let times = chinese.lines().find(|line| line.starts_with("总计")).unwrap();
    assert!(chinese.contains("按质量从高到低\n原始提示词：水循环") && !times.contains("提示词评估"), "{chinese}");
    let worked_out = told("水循环：蒸发，凝结，降水，汇集", &["--output", "verbose", "--rounds", "2"]);
    assert!(worked_out.contains("扩写后的提示词：一张题为\"水循环\"的信息图"), "{worked_out}");
    assert!(times.contains("图像生成") && times.contains("VLM 评审"), "{times}");

    // Three faults and more are summed up; one round is friendly whatever was asked for.
    let friendly = told(TEA, &["--rounds", "2"]);
    assert!(friendly.contains(" things in it are not as they should be"), "{friendly}");
    let once = told(TEA, &["--rounds", "1", "--output", "verbose"]);
    assert!(once.contains("It shows: ") && !once.contains("#1 round="), "{once}");
}
