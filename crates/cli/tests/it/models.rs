//! What is known of models, and what a server says of itself.

use serde_json::Value;

use crate::world::World;

const MYSTERY: &str = r#"
[profiles.mystery]
provider = "mystery"
protocol = "images"
base_url = "URL"
model = "gpt-image-2"
credential = { env = "MYSTERY_KEY" }
network = { allow_private_api = true, allow_private_downloads = true }
"#;

#[test]
fn the_table_tells_what_is_known_and_what_is_not() {
    let world = World::new();
    let all = world.run(&["models"]).code(0).out;
    for words in ["gpt-image-2*", "1K 2K 4K WxH", "$5 / $8 / $30", "unknown: price", "2026-11-21"] {
        assert!(all.contains(words), "{words} in\n{all}");
    }
    let key = [("SN_API_KEY", "k")];
    let document = world.run_with(&key, &["models", "--profile", "sensenova", "--json"]).code(0).json();
    assert_eq!(document["profile_entry"], "sensenova-u1-fast");
    let [entry] = document["models"].as_array().unwrap().as_slice() else { panic!("{document:#}") };
    assert_eq!(entry["size"]["sizes"]["2K"]["16:9"], "2752x1536");
    assert_eq!((&entry["endpoints"][0], &entry["max_references"]), (&"generations".into(), &0.into()));
    let unknown: Vec<&str> = entry["unknown"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
    assert_eq!(unknown, ["price", "bills_refusals", "link_lifetime_s", "batch"]);
    let marked = world.run_with(&key, &["models", "-p", "sensenova"]).code(0).out;
    assert!(marked.lines().any(|line| line.starts_with("* sensenova")) && !marked.contains("gpt-image"), "{marked}");
    assert!(world.run(&["--lang", "zh-CN", "models"]).code(0).out.contains("参考图"));
    assert!(!world.path().join(".imagemill").exists());

    world.folder.write("models.toml", "[[model]]\nprovider = \"sensenova\"\nmodel = \"mine\"\nmax_n = 4\n");
    world.folder.write("imagemill.toml", "models_file = \"models.toml\"\n");
    let first = world.run(&["models", "--json"]).code(0).json()["models"][0].clone();
    assert_eq!((&first["model"], &first["max_n"]), (&"mine".into(), &4.into()), "a user's file comes first");
    world.folder.write("models.toml", "[[model]]\nprovider = \"x\"\nmodel = \"m\"\nsize = { kind = \"lst\" }\n");
    assert!(world.run(&["models"]).code(2).err.contains("models.toml:4"));
}

/// What decides about money stands there for every model, or is named among what nobody told.
#[test]
fn every_model_answers_what_money_asks() {
    let world = World::new();
    let document = world.run(&["models", "--json"]).code(0).json();
    let models = document["models"].as_array().unwrap();
    assert!(models.len() > 60, "{}", models.len());
    for entry in models {
        let name = format!("{} {}", entry["provider"], entry["model"]);
        let unknown = entry["unknown"].as_array().unwrap();
        let makes_pictures = entry["generations"] == true || entry["edits"] == true;
        for (key, words) in [
            ("seed", &["absent", "ignored", "honoured"][..]),
            ("negative_prompt", &["parameter", "after_bar", "folded"]),
            ("recovery", &["replayable", "addressable", "opaque"]),
        ] {
            assert!(words.contains(&entry[key].as_str().unwrap_or_default()), "{name}: {key}");
        }
        for key in ["price", "size", "bills_refusals", "link_lifetime_s", "stream", "batch"] {
            let told = !entry[key].is_null();
            let named = unknown.contains(&key.into());
            assert!(told != named || (key == "link_lifetime_s" && !makes_pictures), "{name}: {key}");
        }
        if let Some(price) = entry["price"].as_object() {
            let date = price["date"].as_str().unwrap();
            assert!(date.len() == 10 && date.starts_with("20"), "{name}: {date}");
            assert!(price["source"].as_str().unwrap().len() > 10, "{name} does not say where its price is from");
        }
    }
    let priced = models.iter().filter(|entry| !entry["price"].is_null()).count();
    assert!(priced >= 14, "{priced} models have a price");
}

#[test]
fn a_probe_is_free_unless_told_otherwise() {
    let world = World::new();
    let document = world.run(&["probe", "--profile", "simulator", "--json"]).code(0).json();
    assert_eq!((&document["models"]["has_model"], &document["paid"]), (&true.into(), &Value::Null));
    assert!(!world.path().join(".imagemill").exists(), "nothing was paid, nothing is kept");
    let ran = world.run(&["probe", "--profile", "simulator", "--model", "n-1"]).code(0);
    assert!(ran.out.contains("n-1 is not among them") && ran.out.contains("[profiles.simulator]"), "{}", ran.out);
    let nobody = [("GEMINI_API_KEY", "k"), ("GEMINI_BASE_URL", "http://127.0.0.1:9/v1beta")];
    let document =
        world.run_with(&nobody, &["probe", "--profile", "gemini", "--paid", "--yes", "--json"]).code(1).json();
    assert_eq!(document["models"]["failure"]["kind"], "transient");
    assert!(document["paid"].is_null(), "nobody is there to be paid");
    assert!(world.run(&["probe", "--profile", "openai"]).code(3).err.contains("OPENAI_API_KEY"));
}

#[test]
fn a_day_of_the_ledger_is_held_against_the_providers_account() {
    let world = World::new();
    let mut simulator = world.start(&["simulate", "--port", "0", "--json"]);
    let url = serde_json::from_str::<Value>(&simulator.first_line()).unwrap()["url"].as_str().unwrap().to_owned();
    let profile = MYSTERY.replace("URL", &url).replace("provider = \"mystery\"", "provider = \"openai\"");
    world.folder.write("imagemill.toml", &profile);
    let key = [("MYSTERY_KEY", "sk-caller"), ("OPENAI_ADMIN_KEY", "sk-admin-secret")];
    world
        .run_with(&key, &["generate", "a barn", "-p", "mystery", "--model", "sim-image", "--accept-unknown-price"])
        .code(0);
    // What nobody knows the price of was not free.
    let told = world.run(&["status", "--json"]).code(0).json();
    assert_eq!((&told["jobs"][0]["spent"], &told["jobs"][0]["unpriced"]), (&0.0.into(), &1.into()), "{told:#}");
    for command in ["status", "costs"] {
        let told = world.run(&[command]).code(0).out;
        assert!(told.contains("1 call of unknown price") && !told.contains("$0.00 spent"), "{told}");
    }
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let ask = |more: &[&str], code: i32| {
        let all = [&["reconcile", "--usage", "-p", "mystery"], more].concat();
        world.run_with(&key, &all).code(code)
    };
    let told = ask(&["--day", &today, "--json"], 1).json();
    assert_eq!((&told["provider"]["lines"][0]["name"], &told["ledger"]["calls"]), (&"sim-image".into(), &1.into()));
    assert!(told["provider"]["cost"].as_f64().unwrap() > 0.0 && told["difference"] == told["provider"]["cost"]);
    let shown = ask(&["--day", &today], 1);
    assert!(shown.out.contains("more there than here"), "{}", shown.out);
    assert!(ask(&["--day", "2020-01-01"], 0).out.contains("Both say the same"));
    assert!(ask(&["--day", "someday"], 2).err.contains("2026-11-21"));
    assert!(!format!("{}{}", shown.out, shown.err).contains("sk-admin-secret"));
    world.folder.write("imagemill.toml", profile.replace("provider = \"openai\"", "provider = \"gemini\""));
    assert!(ask(&[], 3).err.contains("no address that tells"));
    simulator.signal("INT");
    simulator.end();
}

#[test]
fn a_paid_probe_makes_one_picture_and_tells_what_is_refused() {
    let world = World::new();
    let mut simulator = world.start(&["simulate", "--port", "0", "--json", "--log", "calls.jsonl"]);
    let url = serde_json::from_str::<Value>(&simulator.first_line()).unwrap()["url"].as_str().unwrap().to_owned();
    world.folder.write("imagemill.toml", MYSTERY.replace("URL", &url));
    let key = [("MYSTERY_KEY", "sk-probe-secret")];
    let refused = world.run_with(&key, &["probe", "--profile", "mystery", "--paid"]).code(3);
    assert!(refused.err.contains("--yes"), "{}", refused.err);
    let ran = world.run_with(&key, &["probe", "-p", "mystery", "--paid", "--yes", "--save", "--json"]).code(0);
    let document = ran.json();
    assert_eq!(document["paid"]["refuses"][0]["option"], "response_format", "{document:#}");
    assert_eq!((&document["paid"]["streams"], &document["paid"]["picture"]["width"]), (&true.into(), &1024.into()));
    let snippet = std::fs::read_to_string(world.path().join("imagemill-probe-mystery.toml")).unwrap();
    assert_eq!(document["snippet"].as_str().unwrap(), snippet);
    for line in ["[profiles.mystery]", "stream = true", "refuses = [\"response_format\"]", "generations = true"] {
        assert!(snippet.contains(line), "{line} in\n{snippet}");
    }
    toml::from_str::<toml::Table>(&snippet).unwrap();
    let log = std::fs::read_to_string(world.path().join("calls.jsonl")).unwrap();
    let billed = log.lines().filter(|line| serde_json::from_str::<Value>(line).unwrap()["billed"] == true);
    assert_eq!(billed.count(), 1, "one picture was paid for:\n{log}");
    // The ledger knows it like any other call, and the picture is kept.
    let jobs = world.run(&["status", "--json"]).code(0).json();
    assert!(
        jobs["jobs"].as_array().unwrap().iter().all(|job| job["job"].as_str().unwrap().starts_with("probe-mystery"))
    );
    assert!(std::path::Path::new(document["paid"]["picture"]["path"].as_str().unwrap()).exists());
    assert!(!ran.out.contains("sk-probe-secret") && !ran.err.contains("sk-probe-secret"));
    simulator.signal("TERM");
    simulator.end();
}

#[test]
fn a_probe_tells_a_model_that_fails() {
    let world = World::new();
    let ran = world.run(&["probe", "-p", "simulator", "-m", "refuse", "--paid", "--json"]).code(1);
    assert_eq!(ran.json()["paid"]["failure"]["kind"], "refused");
    let ran = world.run(&["probe", "-p", "simulator", "-m", "err:400", "--paid"]).code(1);
    assert!(ran.out.contains("no picture (invalid)"), "{}", ran.out);
}
