//! Jobs over several profiles: what `plan`, `run`, `status` and `explain` say of them.

use imagemill_simulator::{Simulator, SimulatorOptions};

use crate::world::World;

/// Two simulators as the profiles `east`, which takes no key but the right one, and `west`.
async fn world() -> (World, [Simulator; 2]) {
    let locked = SimulatorOptions { require_key: Some("right".into()), ..SimulatorOptions::default() };
    let servers =
        [Simulator::start(locked).await.unwrap(), Simulator::start(SimulatorOptions::default()).await.unwrap()];
    let world = World::with_photos(6);
    let profile = |name: &str, server: &Simulator| {
        let url = server.base_url();
        format!(
            "[profiles.{name}]\nprovider = \"simulator\"\nprotocol = \"images\"\nbase_url = \"{url}\"\nmodel = \"sim-image\"\n\
             network = {{ allow_private_api = true, allow_private_downloads = true }}\n"
        )
    };
    let config = profile("east", &servers[0]) + &profile("west", &servers[1]);
    world.folder.write("imagemill.toml", config);
    (world, servers)
}

const JOB: &str = "recipe = \"edit\"\nprompt = \"make it night\"\nprofiles = [\"east\", \"west\"]\n\
                   [source]\npaths = [\"photos\"]\n[save]\nfolder = \"out\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_next_profile_does_the_job_and_everything_says_so() {
    let (world, _servers) = world().await;
    world.folder.write("night.toml", JOB);
    let plan = world.run(&["plan", "night.toml", "--json"]).code(0).json();
    let ways: Vec<_> = plan["ways"].as_array().unwrap().iter().map(|way| way["profile"].as_str().unwrap()).collect();
    assert_eq!(ways, ["east", "west"]);
    let shown = world.run(&["plan", "night.toml"]).code(0);
    assert!(
        shown.out.contains("(east, west)") && shown.out.contains("west: sim-image, $0.0400 a call"),
        "{}",
        shown.out
    );

    let ran = world.run(&["run", "night.toml"]).code(0);
    assert_eq!(std::fs::read_dir(world.path().join("out")).unwrap().count(), 7, "{}{}", ran.out, ran.err);
    let status = world.run(&["status", "night", "--json"]).code(0).json();
    let done = |at: usize| (status["ways"][at]["tasks"].as_u64(), status["ways"][at]["paused"]["kind"].as_str());
    assert_eq!([done(0), done(1)], [(Some(0), Some("auth")), (Some(6), None)], "{status:#}");
    let told = world.run(&["status", "night"]).code(0).out;
    assert!(
        told.contains("east (sim-image): 0 tasks  paused (") && told.contains("west (sim-image): 6 tasks"),
        "{told}"
    );
    let explained = world.run(&["explain", "001_start", "--job", "night"]).code(0).out;
    assert!(explained.contains("by east") && explained.contains("by west"), "{explained}");
    let manifest = std::fs::read_to_string(world.path().join("out/manifest.json")).unwrap();
    assert!(manifest.contains("\"profile\":\"west\"") || manifest.contains("\"profile\": \"west\""), "{manifest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_typed_as_an_order_or_as_shares() {
    let (world, _servers) = world().await;
    let plan = |profiles: &str| {
        let arguments = ["edit", "photos", "--prompt", "night", "--plan", "--json", "--profile", profiles];
        world.run(&arguments)
    };
    let shares = plan("east=1,west=3").code(0).json();
    let told: Vec<_> =
        shares["ways"].as_array().unwrap().iter().map(|way| (way["profile"].as_str(), way["share"].as_u64())).collect();
    assert_eq!(told, [(Some("west"), Some(3)), (Some("east"), Some(1))]);
    assert!(plan("east,west=3").code(2).err.contains("every profile has a share"));
    assert!(plan("east,nord").code(2).err.contains("nord"));
    world.folder.write("both.toml", format!("profile = \"east\"\n{JOB}"));
    let refused = world.run(&["plan", "both.toml"]).code(2).err;
    assert!(refused.contains("leave one of them out"), "{refused}");
}
