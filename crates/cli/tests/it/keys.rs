//! Keys that imagemill keeps: typed or piped, for one server, and nowhere to be seen.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::world::World;

const KEY: &str = "sk-kept-very-secret";

/// Runs `profiles login`, with `key` piped in.
fn login(world: &World, name: &str, key: &str) -> std::process::Output {
    let mut command = world.command(&["profiles", "login", name]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(key.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Files below `folder` that hold the key.
fn leaks(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            leaks(&path, found);
        } else if std::fs::read(&path).unwrap().windows(KEY.len()).any(|window| window == KEY.as_bytes()) {
            found.push(path.strip_prefix(folder).unwrap_or(&path).display().to_string());
        }
    }
}

#[test]
fn a_kept_key_serves_its_own_server_only_and_is_seen_nowhere() {
    let world = World::with_photos(2);
    let mut simulator = world.start(&["simulate", "--port", "0", "--json"]);
    let url = serde_json::from_str::<Value>(&simulator.first_line()).unwrap()["url"].as_str().unwrap().to_owned();
    let profile = |url: &str| {
        format!(
            "[profiles.studio]\nprovider = \"simulator\"\nprotocol = \"images\"\nbase_url = \"{url}\"\nmodel = \"sim-image\"\n\
             network = {{ allow_private_api = true, allow_private_downloads = true }}\n"
        )
    };
    world.folder.write("imagemill.toml", profile(&url));
    let empty = login(&world, "studio", "\n");
    assert_eq!(empty.status.code(), Some(2), "{empty:?}");
    let kept = login(&world, "studio", &format!("{KEY}\n"));
    assert!(kept.status.success() && !String::from_utf8_lossy(&kept.stdout).contains(KEY), "{kept:?}");

    let edit = ["edit", "photos", "--prompt", "night", "-p", "studio", "--name", "night", "--save-to", "out", "--json"];
    let ran = world.run(&edit).code(0);
    assert_eq!(ran.last_json()["pictures"], 2);
    for command in [&["profiles", "show", "studio"][..], &["config", "show"], &["explain", "001_start.png"]] {
        let shown = world.run(command).code(0);
        assert!(!shown.out.contains(KEY) && !shown.err.contains(KEY), "{command:?}");
    }
    let mut found = Vec::new();
    leaks(world.path(), &mut found);
    assert_eq!(found.len(), 1, "only its own file holds the key: {found:?}");
    let file = world.path().join("home/.config/imagemill/keys/studio");

    // The same key, another server.
    world.folder.write("imagemill.toml", profile("http://127.0.0.1:9/v1"));
    let refused = world.run(&["edit", "photos", "--prompt", "day", "-p", "studio"]).code(3);
    assert!(refused.err.contains("is not sent to http://127.0.0.1:9") && refused.err.contains("profiles login studio"));

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(world.run(&["edit", "photos", "--prompt", "day", "-p", "studio"]).code(3).err.contains("chmod 600"));
    }
    world.run(&["profiles", "logout", "studio"]).code(0);
    assert!(!file.exists());
    simulator.signal("INT");
    simulator.end();
}

#[test]
fn a_built_in_profile_appears_with_its_key() {
    let world = World::new();
    assert!(login(&world, "openai", KEY).status.success());
    let listed = world.run(&["profiles", "--json"]).code(0).json();
    assert_eq!(listed["default"], "openai", "{listed:#}");
    world.folder.write("imagemill.toml", "[profiles.openai]\nbase_url = \"https://elsewhere.example/v1\"");
    let listed = world.run(&["profiles"]).code(0).out;
    assert!(listed.contains("not sent to https://elsewhere.example"), "{listed}");
    world.folder.write("imagemill.toml", "[profiles.openai]\ncredential = { env = \"MY_KEY\" }");
    let elsewhere = login(&world, "openai", KEY);
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("takes its key from elsewhere"), "{elsewhere:?}");
    assert!(!login(&world, "nobody", KEY).status.success());
}

/// The usual build has no key store, and says what to do instead.
#[cfg(not(feature = "keyring"))]
#[test]
fn without_the_systems_key_store_a_sentence_says_so() {
    let world = World::new();
    let mut command = world.command(&["profiles", "login", "openai", "--keyring"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(KEY.as_bytes()).unwrap();
    let refused = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("--features keyring"), "{said}");
    world.folder.write(
        "imagemill.toml",
        "[profiles.studio]\nprovider = \"openai\"\nbase_url = \"https://a.example/v1\"\nmodel = \"gpt-image-2\"\n\
         credential = { keyring = \"studio\" }\n",
    );
    let ran = world.run(&["generate", "a barn", "-p", "studio", "--yes"]).code(3);
    assert!(ran.err.contains("--features keyring") && ran.err.contains("profiles login studio"), "{}", ran.err);
    let shown = world.run(&["profiles", "show", "studio", "--json"]).code(0).json();
    assert_eq!(shown["credential"]["keyring"], "studio");
    let chinese = world.run(&["--lang", "zh-CN", "doctor", "--offline", "-p", "studio"]);
    assert!(chinese.out.contains("--features keyring") && chinese.out.contains("密钥库"), "{}", chinese.out);
}
