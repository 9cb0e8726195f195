//! Jobs whose results are critiques: from pictures to rows, offline, through the real program.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::world::{Running, World};

/// The rows of a file of lines.
pub(crate) fn rows(world: &World, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(world.path().join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn texts<'a>(rows: &'a [Value], key: &str) -> BTreeSet<&'a str> {
    rows.iter().map(|row| row[key].as_str().unwrap()).collect()
}

#[test]
fn pictures_become_rows_that_pass_the_gate() {
    let world = World::with_photos(6);
    let critique = ["critique", "photos", "--collection", "korean", "--profile", "simulator", "--name", "first"];
    let ran = world.run(&critique).code(0);
    assert!(ran.out.contains("6 rows written to ./imagemill-out/first/critiques.jsonl"), "{}", ran.out);
    let written = rows(&world, "imagemill-out/first/critiques.jsonl");
    assert_eq!((texts(&written, "critique_zh").len(), texts(&written, "critique_en").len()), (6, 6));
    assert_eq!(texts(&written, "filepath").len(), 6);
    let row = &written[0];
    assert_eq!((&row["authorship"], &row["culture"]), (&"model".into(), &"korean".into()));
    assert_eq!((&row["rubric_version"], &row["gate"], &row["attempts"]), (&"1.0".into(), &"strict".into(), &1.into()));
    assert_eq!(row["prompt_hash"].as_str().unwrap().len(), 32);
    assert!(row["covered_dimensions"].as_array().unwrap().len() >= 18 && row["quality_score"].as_f64().unwrap() > 0.0);
    world.run(&["critiques", "check", "imagemill-out/first/critiques.jsonl", "--rubric", "korean"]).code(0);

    // The same line again pays nothing and changes nothing.
    let calls = || world.run(&["explain", "1", "--json"]).code(0).json()["calls"].as_array().unwrap().len();
    assert_eq!(calls(), 1);
    world.run(&critique).code(0);
    assert_eq!((calls(), rows(&world, "imagemill-out/first/critiques.jsonl")), (1, written.clone()));

    let told = world.run(&["explain", "1", "--json"]).code(0).json();
    assert_eq!(told["document"], written[0]);
    assert!(world.run(&["explain", "1"]).code(0).out.contains("\"critique_en\""));
    world.run(&["critiques", "export", "first", "--to", "rows.json"]).code(0);
    let array: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(world.path().join("rows.json")).unwrap()).unwrap();
    assert_eq!(array, written);
    let lines = world.run(&["critiques", "export", "first"]).code(0);
    assert_eq!(lines.out.lines().count(), 6);
    world.run(&["save", "first", "--to", "again"]).code(0);
    assert_eq!(rows(&world, "again/critiques.jsonl"), written);
}

#[test]
fn a_job_file_names_rubric_and_gate_and_a_list_names_pictures() {
    let world = World::with_photos(2);
    world.folder.write("house.toml", "least_zh = 60\nleast_en = 40\nleast_share = 0.5\n");
    world.folder.write("list.csv", "file,artist,filepath\nphotos/001_start.png,Jeong Seon,korean/one.png\n");
    let job = "recipe = \"critique\"\nprofile = \"simulator\"\nmodel = \"sim-text\"\nprompt = \"mind the seal\"\n\
               [critique]\ncollection = \"joseon\"\nrubric = \"korean\"\ngate = \"house.toml\"\n\
               [source]\nlist = \"list.csv\"\npicture_column = \"file\"\n[save]\nfolder = \"out\"\n";
    world.folder.write("job.toml", job);
    world.run(&["plan", "job.toml"]).code(0);
    world.run(&["run", "job.toml"]).code(0);
    let written = rows(&world, "out/critiques.jsonl");
    assert_eq!(written.len(), 1);
    let row = &written[0];
    assert_eq!((&row["filepath"], &row["artist"]), (&"korean/one.png".into(), &"Jeong Seon".into()));
    assert_eq!((&row["culture"], &row["gate"]), (&"joseon".into(), &"house.toml".into()));
    let told = world.run(&["explain", "1", "--json"]).code(0).json();
    assert!(told["calls"][0]["request"].to_string().contains("mind the seal"));
}

#[test]
fn what_is_wrong_with_a_job_is_said_before_anything_is_sent() {
    let world = World::with_photos(1);
    let run =
        |more: &[&str]| world.run(&[&["critique", "photos", "--profile", "simulator"], more].concat()).code(2).err;
    assert!(run(&["--collection", "korea"]).contains("Did you mean `korean`?"));
    assert!(run(&["--rubric", "nowhere.toml"]).contains("nowhere.toml"));
    assert!(run(&["--collection", "korean", "--gate", "loose"]).contains("there is no gate profile loose"));
    assert!(run(&["--collection", "korean", "--lang", "zh-CN", "--gate", "loose"]).contains("loose"));
    world.folder.write("job.toml", "recipe = \"critique\"\nprofile = \"simulator\"\n[source]\npaths = [\"photos\"]\n");
    let said = world.run(&["run", "job.toml"]).code(2).err;
    assert!(said.contains("[critique] with collection"), "{said}");
    world.folder.write("edit.toml", "recipe = \"edit\"\nprompt = \"x\"\nprofile = \"simulator\"\n[critique]\ncollection = \"korean\"\n[source]\npaths = [\"photos\"]\n");
    assert!(world.run(&["run", "edit.toml"]).code(2).err.contains("is for the recipe critique"));
    assert!(!world.path().join(".imagemill/db.sqlite").exists());
}

/// A simulator of its own, as another program would serve one, with this scenario.
pub(crate) fn served(world: &World, scenario: &str) -> Running {
    world.folder.write("scenario.toml", scenario);
    let mut simulator = world.start(&["simulate", "--port", "0", "--scenario", "scenario.toml", "--json"]);
    let line: Value = serde_json::from_str(&simulator.first_line()).unwrap();
    let address = line["url"].as_str().unwrap().to_owned();
    let profile = format!(
        "[profiles.writer]\nprovider = \"simulator\"\nmodel = \"sim-text\"\nbase_url = \"{address}\"\n\
         network = {{ allow_private_api = true, allow_private_downloads = true }}\n"
    );
    world.folder.write("imagemill.toml", profile);
    simulator
}

/// Another model under `[vision]` writes, so its price is the job's.
#[test]
fn a_plan_has_the_price_of_the_model_that_writes() {
    let world = World::with_photos(2);
    world.folder.write(
        "models.toml",
        "[[model]]\nprovider = \"simulator\"\nmodel = \"sim-text-dear\"\nchat = true\n\
        price = { date = \"2026-11-20\", source = \"a dear one\", text_in = 1000.0, text_out = 1000.0 }\n",
    );
    world.folder.write("imagemill.toml", "models_file = \"models.toml\"\n");
    let job = "recipe = \"critique\"\nprofile = \"simulator\"\nmodel = \"sim-text\"\n[critique]\ncollection = \"korean\"\n\
               [source]\npaths = [\"photos\"]\n";
    world.folder.write("own.toml", job);
    world.folder.write("dear.toml", format!("{job}[vision]\nmodel = \"sim-text-dear\"\n"));
    let cost = |file: &str| world.run(&["plan", file, "--json"]).code(0).json()["cost"].clone();
    let (own, dear) = (cost("own.toml"), cost("dear.toml"));
    assert_eq!((&dear["source"], &dear["date"]), (&"a dear one".into(), &"2026-11-20".into()), "{dear}");
    assert!(dear["likely"].as_f64() > Some(own["likely"].as_f64().unwrap() * 100.0), "{own} {dear}");
    assert!(world.run(&["plan", "dear.toml"]).code(0).out.contains("1–4 × sim-text-dear"));
}

#[test]
fn a_weak_critique_goes_back_once_and_a_bad_one_costs_no_other() {
    let world = World::with_photos(10);
    let _simulator = served(&world, "seed = 3\n[critiques]\nweak = 0.3\nhopeless = 0.1\n");
    let critique = ["critique", "photos", "--collection", "korean", "--profile", "writer", "--name", "batch", "--json"];
    let ran = world.run(&critique).code(1);
    let summary = ran.last_json_of("summary");
    assert_eq!((&summary["tasks"]["succeeded"], &summary["tasks"]["failed"]), (&9.into(), &1.into()), "{summary:#}");
    let written = rows(&world, "imagemill-out/batch/critiques.jsonl");
    assert_eq!(written.len(), 9);
    let twice = written.iter().filter(|row| row["attempts"] == 2).count();
    assert!((1..=6).contains(&twice), "{twice} were sent back");
    world.run(&["critiques", "check", "imagemill-out/batch/critiques.jsonl", "--rubric", "korean"]).code(0);
}

/// The batch lane, in each dialect that has batches of words: the same critiques for half the money.
#[test]
fn critiques_are_written_in_batches_at_half_the_price() {
    let world = World::with_photos(4);
    let _simulator = served(&world, "[critiques]\nweak = 0.3\n");
    let config = std::fs::read_to_string(world.path().join("imagemill.toml")).unwrap();
    let origin = config.split("base_url = \"").nth(1).unwrap().split("/v1").next().unwrap().to_owned();
    let dialects = [
        ("openai", "chat_completions", "/v1", "openai"),
        ("openai", "responses", "/v1", "openai"),
        ("gemini", "gemini", "/v1beta", "gemini"),
        ("anthropic", "anthropic_messages", "/v1", "anthropic"),
    ];
    let (mut profiles, mut models) = ("models_file = \"models.toml\"\n".to_owned(), String::new());
    for (provider, protocol, path, kind) in dialects {
        let _ = write!(
            profiles,
            "[profiles.{protocol}]\nprovider = \"{provider}\"\nprotocol = \"{protocol}\"\nmodel = \"sim-text\"\n\
             base_url = \"{origin}{path}\"\ncredential = {{ env = \"SIM_KEY\" }}\n\
             network = {{ allow_private_api = true, allow_private_downloads = true }}\n"
        );
        if !models.contains(provider) {
            let _ = write!(
                models,
                "[[model]]\nprovider = \"{provider}\"\nmodel = \"sim-text\"\nchat = true\nresponses = true\n\
                 json_schema = true\nbatch = \"{kind}\"\nprice = {{ date = \"2026-01-01\", source = \"test\", text_in = 0.5, text_out = 2.0 }}\n"
            );
        }
    }
    world.folder.write("imagemill.toml", profiles);
    world.folder.write("models.toml", models);
    for (_, protocol, ..) in dialects {
        let run = |lane: &str| {
            let name = format!("{protocol}-{lane}");
            let critique = ["critique", "photos", "--collection", "korean", "--profile", protocol, "--lane", lane];
            let more = ["--name", &name, "--json"];
            let ran = world.run_with(&[("SIM_KEY", "0123456789abcdef")], &[&critique[..], &more].concat()).code(0);
            (ran.last_json_of("summary"), rows(&world, &format!("imagemill-out/{name}/critiques.jsonl")))
        };
        let (at_once, written_at_once) = run("sync");
        let (batched, written) = run("batch");
        let spent = [&at_once, &batched].map(|summary| summary["spent"].as_f64().unwrap());
        assert!(spent[0] > 0.0 && (spent[1] * 2.0 - spent[0]).abs() < 2e-5, "{protocol}: {spent:?}");
        let texts_of = |rows: &[Value]| texts(rows, "critique_en").into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(texts_of(&written), texts_of(&written_at_once), "{protocol}: the same critiques");
        assert_eq!(written.len(), 4);
        let name = format!("{protocol}-batch");
        let status = world.run(&["status", &name, "--json"]).code(0).json();
        assert!(status["batches"][0]["calls"].as_u64() == Some(4), "{protocol}: {status:#}");
    }
}
