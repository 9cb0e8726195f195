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
