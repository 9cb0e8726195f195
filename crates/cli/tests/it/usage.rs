//! What is wrong with what was typed is said plainly, before anything is sent.

use crate::world::World;

#[test]
fn help_needs_no_workspace_and_makes_none() {
    let world = World::new();
    let help = world.run(&["--help"]).code(0);
    for command in ["run", "plan", "edit", "generate", "status", "demo", "completions"] {
        assert!(help.out.contains(&format!("\n  {command} ")), "{command}");
    }
    let script = world.run(&["completions", "bash"]).code(0);
    assert!(script.out.contains("_imagemill"));
    world.run(&["status"]).code(0);
    world.run(&["profiles"]).code(0);
    assert!(!world.path().join(".imagemill").exists());
}

#[test]
fn texts_follow_the_language() {
    let world = World::new();
    assert!(world.run(&["--lang", "zh-CN", "--help"]).code(0).out.contains("批量"));
    assert!(world.run_with(&[("LANG", "zh_CN.UTF-8")], &["edit", "--help"]).code(0).out.contains("用法"));
    assert!(world.run_with(&[("LANG", "zh_CN.UTF-8")], &["status"]).code(0).out.contains("还没有运行过"));
    assert!(world.run_with(&[("LANG", "zh_CN.UTF-8")], &["--lang", "en", "status"]).code(0).out.contains("No job"));
    assert!(world.run(&["--lang", "fr", "status"]).code(3).err.contains("zh-CN"));
}

#[test]
fn a_bad_job_file_is_shown_with_its_place() {
    let world = World::new();
    world.folder.write("night.toml", "recipe = \"edit\"\npromt = \"make it night\"\n");
    let ran = world.run(&["run", "night.toml"]).code(2);
    insta::assert_snapshot!(ran.err, @r#"
      × unknown key `promt`
       ╭─[night.toml:2:1]
     1 │ recipe = "edit"
     2 │ promt = "make it night"
       · ─────
       ╰────
      help: did you mean `prompt`? keys known here: name, recipe, profile, profiles, model,
            system_prompt, prompt, prompts, negative_prompt, variables, samples, budget,
            accept_unknown_price, priority, lane, batch_fallback, text, vision, infographic, critique,
            deck, source, options, prepare, retry, limits, save_preset, save
    "#);
    let error = world.run(&["run", "night.toml", "--json"]).code(2).json();
    assert_eq!(error["error"]["kind"], "usage");
    assert_eq!(error["error"]["place"]["line"], 2);

    world
        .folder
        .write("zero.toml", "recipe = \"generate\"\nprompt = \"a cat\"\nsamples = 0\nprofile = \"simulator\"\n");
    let ran = world.run(&["plan", "zero.toml"]).code(2);
    assert!(ran.err.contains("zero.toml:3:11") && ran.err.contains("1 to 100,000"), "{}", ran.err);
    world.folder.write(
        "size.toml",
        "recipe = \"generate\"\nprompt = \"x\"\nmodel = \"gpt-image-1\"\n[options]\nsize = \"7x7\"",
    );
    let ran = world.run_with(&[("OPENAI_API_KEY", "k")], &["plan", "size.toml"]).code(2);
    assert!(ran.err.contains("size.toml:5:8") && ran.err.contains("1536x1024"), "{}", ran.err);
}

#[test]
fn files_that_are_no_job_files() {
    let world = World::new();
    world.folder.write("latin.toml", b"recipe = \"edit\"\nprompt = \"caf\xe9\"\n");
    let ran = world.run(&["plan", "latin.toml"]).code(2);
    assert!(ran.err.contains("line 2") && ran.err.contains("UTF-8"), "{}", ran.err);
    world.folder.write("wide.toml", b"\xff\xfer\0e\0");
    assert!(world.run(&["plan", "wide.toml"]).code(2).err.contains("UTF-16"));
    let file = std::fs::File::create(world.path().join("huge.toml")).unwrap();
    file.set_len(100 << 20).unwrap();
    assert!(world.run(&["plan", "huge.toml"]).code(2).err.contains("100 MB"));
    let nested = format!("{{\"recipe\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000));
    world.folder.write("deep.json", nested);
    assert!(!world.run(&["plan", "deep.json"]).code(2).err.is_empty());
    assert!(world.run(&["plan", "missing.toml"]).code(2).err.contains("missing.toml"));
    assert!(world.run(&["plan", "."]).code(2).err.contains("imagemill edit"));
}

#[test]
fn no_key_names_the_variables_and_the_simulator() {
    let world = World::with_photos(1);
    let ran = world.run(&["edit", "photos", "--prompt", "night"]).code(3);
    assert!(ran.err.contains("OPENAI_API_KEY") && ran.err.contains("--profile simulator"), "{}", ran.err);
    let ran = world.run(&["edit", "photos", "--prompt", "night", "--profile", "openai"]).code(3);
    assert!(ran.err.contains("OPENAI_API_KEY"), "{}", ran.err);
    let ran = world.run(&["edit", "photos", "--prompt", "night", "--profile", "simulater"]).code(2);
    assert!(ran.err.contains("Did you mean `simulator`?"), "{}", ran.err);
}

#[test]
fn no_pictures_is_an_error_that_says_where() {
    let world = World::new();
    world.folder.write("photos/readme.txt", "hello");
    let ran = world.run(&["edit", "photos", "--prompt", "x", "--profile", "simulator"]).code(2);
    assert!(ran.err.contains("photos"), "{}", ran.err);
    let ran = world.run(&["edit", "photo", "--prompt", "x", "--profile", "simulator"]).code(2);
    assert!(ran.err.contains("photos"), "{}", ran.err);
}

#[test]
fn money_is_asked_for_before_anything_is_sent() {
    let world = World::new();
    let key = [("OPENAI_API_KEY", "k"), ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")];
    let ran = world.run_with(&key, &["generate", "a cat", "-n", "200"]).code(3);
    assert!(ran.err.contains("--yes") && ran.err.contains("$5.00"), "{}", ran.err);
    let ran = world.run_with(&key, &["generate", "a cat", "--model", "gpt-image-1.5"]).code(3);
    assert!(ran.err.contains("--accept-unknown-price"), "{}", ran.err);
    let limit = [key[0], key[1], ("IMAGEMILL_CONFIRM_ABOVE", "0.01")];
    world.run_with(&limit, &["generate", "a cat"]).code(3);
    assert!(world.run(&["status", "--json"]).code(0).json()["jobs"].as_array().unwrap().is_empty());
}

#[test]
fn plan_tells_tasks_and_money_and_sends_nothing() {
    let world = World::with_photos(3);
    world.folder.write("photos/copy.png", std::fs::read(world.path().join("photos/001_start.png")).unwrap());
    world.folder.write(
        "night.toml",
        "recipe = \"edit\"\nprompts = [\"night\", \"snow\"]\nsamples = 2\nprofile = \"simulator\"\n[source]\npaths = [\"photos\"]\n",
    );
    let plan = world.run(&["plan", "night.toml", "--json", "--tasks", "2"]).code(0).json();
    assert_eq!((&plan["job"], &plan["tasks"]), (&"night".into(), &12.into()));
    assert_eq!(plan["cost"]["likely"], 0.48);
    assert_eq!(plan["skipped"][0]["reason"]["reason"], "duplicate");
    assert_eq!(plan["task_list"].as_array().unwrap().len(), 2);
    assert!(!world.path().join(".imagemill").exists());
}

#[test]
fn settings_are_shown_with_their_origin_and_without_secrets() {
    let world = World::new();
    world.folder.write("home/.config/imagemill/config.toml", "confirm_above = 9\n[profiles.mine]\nprovider = \"openai\"\nheaders = { Authorization = \"Bearer sk-hidden\", X-Team = \"7\" }\n");
    world.folder.write("imagemill.toml", "default_profile = \"mine\"\ntypo = 1\n");
    let ran = world.run_with(&[("IMAGEMILL_LOG", "debug")], &["config", "show"]).code(0);
    assert!(!ran.out.contains("sk-hidden") && ran.out.contains("X-Team"), "{}", ran.out);
    assert!(ran.out.contains("confirm_above = 9") && ran.out.contains("home/.config/imagemill/config.toml"));
    assert!(ran.out.contains("environment IMAGEMILL_LOG"), "{}", ran.out);
    assert!(ran.err.contains("typo"), "{}", ran.err);
    assert!(!world.run(&["profiles", "show", "mine"]).code(0).out.contains("sk-hidden"));
    assert!(!world.run(&["--json", "config", "show"]).code(0).out.contains("sk-hidden"));
}

#[test]
fn who_answers_in_words_is_checked_before_anything_is_sent() {
    let world = World::new();
    let job = |tables: &str| format!("recipe = \"generate\"\nprompt = \"a fox\"\nprofile = \"simulator\"\n{tables}");
    world.folder.write("nobody.toml", job("[text]\nprofile = \"nobody\"\n"));
    assert!(world.run(&["run", "nobody.toml"]).code(2).err.contains("nobody"));
    world.folder.write("typo.toml", job("[vision]\nmodle = \"sim-text\"\n"));
    assert!(world.run(&["run", "typo.toml"]).code(2).err.contains("did you mean `model`"));
    world.folder.write("good.toml", job("[text]\nmodel = \"sim-text\"\n[vision]\nprofile = \"simulator\"\n"));
    world.run(&["run", "good.toml"]).code(0);
}
