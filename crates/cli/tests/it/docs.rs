//! The pages name everything that they promise to explain.

use crate::world::World;

fn page(name: &str) -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/").to_owned() + name).unwrap()
}

#[test]
fn every_command_is_on_its_page() {
    let world = World::new();
    let help = world.run(&["--help"]).code(0).out;
    let page = page("command-line.md");
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() >= 18, "{commands:?}");
    for command in commands.into_iter().filter(|command| *command != "help") {
        let headed =
            page.lines().any(|line| line.starts_with("## ") && line[3..].split([',', ' ']).any(|w| w == command));
        assert!(headed, "{command} has no heading");
    }
}

#[test]
fn every_setting_is_on_its_page() {
    let world = World::new();
    let page = page("config.md");
    let profile = world.run(&["profiles", "show", "simulator"]).code(0).out;
    let rule = toml::to_string(&imagemill_domain::profile::NetworkRules::default()).unwrap();
    let limits = toml::to_string(&imagemill_domain::profile::RateLimits::default()).unwrap();
    let timeouts = toml::to_string(&imagemill_domain::profile::Timeouts::default()).unwrap();
    let settings = world.run(&["config", "show"]).code(0).out;
    let keys = [&profile, &rule, &limits, &timeouts]
        .into_iter()
        .flat_map(|text| text.lines())
        .chain(settings.lines().filter(|line| !line.starts_with("profiles.")))
        .filter_map(|line| Some(line.split_once(" = ")?.0.trim().to_owned()))
        .filter(|key| key != "name");
    let missing: Vec<String> = keys.filter(|key| !page.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "not on the page: {missing:?}");
}

/// The members of the summary, as the page shows them, are those that are printed.
#[test]
fn the_summary_is_as_its_page_shows_it() {
    let world = World::with_photos(1);
    let summary =
        world.run(&["edit", "photos", "--prompt", "x", "--profile", "simulator", "--json"]).code(0).last_json();
    let page = page("command-line.md");
    let start = page.find("{\"type\":\"summary\"").unwrap();
    let shown: serde_json::Value = serde_json::from_str(page[start..].split("```").next().unwrap()).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&shown), keys(&summary));
    assert_eq!(keys(&shown["saved"]), keys(&summary["saved"]));
    assert_eq!(keys(&shown["tasks"]), keys(&summary["tasks"]));
}

/// The fenced TOML of a page.
fn toml_of(page: &str) -> Vec<&str> {
    page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// A job of some recipe is planned with `profile`: its model may draw from words, from a picture, or only write.
#[track_caller]
fn assert_plans(world: &World, profile: &str) {
    world.folder.write("photo.png", imagemill_testkit::pictures::png(1, 48, 32));
    let mut said = String::new();
    for job in [
        "recipe = \"generate\"\nprompt = \"a barn\"\n",
        "recipe = \"edit\"\nprompt = \"make it night\"\n[source]\npaths = [\"photo.png\"]\n",
        "recipe = \"critique\"\n[critique]\ncollection = \"korean\"\n[source]\npaths = [\"photo.png\"]\n",
    ] {
        world.folder.write("job.toml", format!("profile = {profile:?}\n{job}"));
        let ran = world.run(&["plan", "job.toml", "--json"]);
        if ran.code == 0 {
            assert_eq!(ran.json()["tasks"], 1, "{profile}: {}", ran.out);
            return;
        }
        said += &ran.err;
    }
    panic!("no job can be planned with the profile {profile}:\n{said}");
}

#[test]
fn profiles_to_copy_can_be_copied() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/providers");
    let pages: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let list = page("providers/README.md");
    let rows = list.lines().filter(|line| line.starts_with("| [")).count();
    assert!(rows > 10 && rows == pages.len() - 1, "{rows} rows for {pages:?}");
    for name in pages.iter().filter(|name| *name != "README.md") {
        assert!(list.contains(&format!("({name})")), "{name} is not in the list");
        let text = page(&format!("providers/{name}"));
        assert!(text.contains("\nNot verified: "), "{name} does not say what was not verified");
        let [head, rest] = text.splitn(2, "```toml").collect::<Vec<_>>()[..] else { panic!("{name} has no profile") };
        assert!(["Key: ", "No key"].iter().any(|word| head.contains(word)), "{name}: how is a key got?");
        let special = rest.lines().filter(|line| line.starts_with("- ") || line.starts_with("| ")).count();
        assert!(special >= 3, "{name} says nothing of what is special");
        let blocks = toml_of(&text);
        assert!(!blocks.is_empty(), "{name} has no profile to copy");
        for block in blocks {
            let world = World::new();
            world.folder.write("imagemill.toml", block);
            let ran = world.run(&["profiles", "--json"]).code(0);
            assert!(!ran.err.contains("not known"), "{name}: {}", ran.err);
            let sections = block.split("\n[profiles.").map(|part| part.trim_start_matches("[profiles."));
            let names = sections.filter_map(|part| part.split(']').next()).filter(|profile| !profile.contains('.'));
            for profile in names {
                let shown = world.run(&["profiles", "show", profile, "--json"]).code(0).json();
                assert!(!shown["provider"].as_str().unwrap().is_empty(), "{name}: {shown}");
                assert_plans(&world, profile);
            }
        }
    }
}

/// A new provider's profile and protocol are on the page of settings.
#[test]
fn every_built_in_profile_is_on_the_page_of_settings() {
    let table: toml::Table = toml::from_str(include_str!("../../../../data/profiles.toml")).unwrap();
    let page = page("config.md");
    let templates = table["template"].as_array().unwrap();
    assert!(templates.len() > 15, "{}", templates.len());
    for template in templates {
        for key in ["name", "protocol"] {
            let Some(word) = template["profile"].get(key).and_then(toml::Value::as_str) else { continue };
            assert!(page.contains(&format!("`{word}`")), "{key} {word} is not on the page of settings");
        }
    }
}

#[test]
fn the_models_page_names_every_key() {
    let world = World::new();
    let text = page("models.md");
    world.folder.write("models.toml", toml_of(&text)[0]);
    world.folder.write("imagemill.toml", "models_file = \"models.toml\"\n");
    let entry = world.run(&["models", "--json"]).code(0).json()["models"][0].clone();
    assert_eq!(entry["note"], "our own");
    let computed = ["endpoints", "unknown"];
    let keys: Vec<&String> =
        entry.as_object().unwrap().keys().filter(|key| !computed.contains(&key.as_str())).collect();
    let missing: Vec<_> = keys
        .iter()
        .filter(|key| !text.contains(&format!("`{key}`")) && !text.contains(&format!("[model.{key}]")))
        .collect();
    assert!(keys.len() > 20 && missing.is_empty(), "not on the page: {missing:?}");
}
