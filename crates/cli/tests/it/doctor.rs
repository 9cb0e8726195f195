//! The doctor: each fault by its name, with what to do, and a code that scripts can go by.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::world::World;

/// A server that answers its root with 404, whoever shows no key with 401, and else with `status` and `body`; it lives as long
/// as the test.
fn server(status: &'static str, body: &'static str, date: &'static str) -> String {
    serve(status, body, date, true)
}

/// The same, and `asks_for_key` says whether it looks at keys at all.
fn serve(status: &'static str, body: &'static str, date: &'static str, asks_for_key: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut head = [0; 8 << 10];
            let read = socket.read(&mut head).unwrap_or(0);
            let root = head[..read].starts_with(b"GET / ");
            let keyless = !String::from_utf8_lossy(&head[..read]).to_lowercase().contains("\r\nauthorization:");
            let (status, body) = match root {
                true => ("404 Not Found", ""),
                false if keyless && asks_for_key => ("401 Unauthorized", "{}"),
                false => (status, body),
            };
            let length = body.len();
            let _ = write!(
                socket,
                "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    address
}

fn profile(world: &World, base_url: &str) {
    world.folder.write(
        "imagemill.toml",
        format!(
            "[profiles.studio]\nprovider = \"mystery\"\nprotocol = \"images\"\nbase_url = \"{base_url}\"\nmodel = \"flux\"\n\
             credential = {{ env = \"STUDIO_KEY\" }}\nnetwork = {{ allow_private_api = true }}\n"
        ),
    );
}

/// What the doctor found of this kind in the profile `studio`, with the code it ended with.
fn found(world: &World, check: &str, code: i32) -> Value {
    let ran = world.run_with(&[("STUDIO_KEY", "sk-not-to-be-told")], &["doctor", "--profile", "studio", "--json"]);
    let ran = ran.code(code);
    assert!(!ran.out.contains("sk-not-to-be-told"), "{}", ran.out);
    let document = ran.json();
    assert_eq!(document["broken"].as_u64().unwrap() > 0, code == 3, "{document:#}");
    let findings = document["findings"].as_array().unwrap();
    let of_studio = findings.iter().find(|finding| finding["profile"] == "studio" && finding["check"] == check);
    of_studio.unwrap_or_else(|| panic!("no {check} in {document:#}")).clone()
}

#[track_caller]
fn assert_says(finding: &Value, level: &str, message: &str, fix: &str) {
    assert_eq!(finding["level"], level, "{finding:#}");
    assert!(finding["message"].as_str().unwrap().contains(message), "{finding:#}");
    assert!(finding["fix"].as_str().unwrap_or_default().contains(fix), "{finding:#}");
}

const NOW: &str = "Sat, 21 Nov 2026 09:00:00 GMT";

#[test]
fn a_wrong_key_is_told_from_a_server_that_cannot_be_reached() {
    let world = World::new();
    let refuses = server("401 Unauthorized", "{\"error\":{\"message\":\"bad key\"}}", NOW);
    profile(&world, &format!("http://{refuses}/v1"));
    assert_says(&found(&world, "server", 3), "good", "answers in", "");
    assert_says(&found(&world, "key", 3), "broken", "bad key", "valid");

    profile(&world, "http://127.0.0.1:9/v1");
    assert_says(&found(&world, "server", 3), "broken", "could not be reached", "Nothing listens");
    profile(&world, "http://no-such-host.invalid/v1");
    assert_says(&found(&world, "server", 3), "broken", "no-such-host.invalid", "name does not exist");
    // A server without TLS behind an address with it.
    profile(&world, &format!("https://{refuses}/v1"));
    assert_says(&found(&world, "server", 3), "broken", "could not be reached", "does not speak TLS");
}

#[test]
fn a_model_that_the_server_does_not_have_and_a_clock_that_is_off_are_told() {
    let world = World::new();
    let lists =
        server("200 OK", "{\"data\":[{\"id\":\"flux-2\"},{\"id\":\"other\"}]}", "Mon, 01 Jan 2001 00:00:00 GMT");
    profile(&world, &format!("http://{lists}/v1"));
    assert_says(&found(&world, "key", 0), "good", "accepted", "");
    assert_says(&found(&world, "model", 0), "note", "does not list flux", "flux-2");
    assert_says(&found(&world, "clock", 0), "warning", "ahead of", "Set the clock");
    let for_all = serve("200 OK", "{\"data\":[{\"id\":\"flux\"}]}", NOW, false);
    let text = std::fs::read_to_string(world.path().join("imagemill.toml")).unwrap();
    profile(&world, &format!("http://{for_all}/v1"));
    assert_says(&found(&world, "key", 0), "note", "without a key, too", "--paid");
    world.folder.write("imagemill.toml", text);
    let ran = world.run_with(&[("STUDIO_KEY", "k")], &["doctor", "--profile", "studio", "--lang", "zh-CN"]).code(0);
    assert!(ran.out.contains("密钥有效") && ran.out.contains("请校准时钟"), "{}", ran.out);
}

#[test]
fn a_key_that_is_missing_or_open_to_others_is_told_with_what_to_type() {
    let world = World::new();
    profile(&world, "http://127.0.0.1:9/v1");
    let ran = world.run(&["doctor", "--profile", "studio", "--offline"]).code(3);
    assert!(ran.out.contains("STUDIO_KEY") && ran.out.contains("export STUDIO_KEY="), "{}", ran.out);
    assert!(ran.out.contains("not asked"), "{}", ran.out);

    let key = world.path().join("key");
    world.folder.write("key", "sk-not-to-be-told\n");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let text = std::fs::read_to_string(world.path().join("imagemill.toml")).unwrap();
    world.folder.write(
        "imagemill.toml",
        text.replace("{ env = \"STUDIO_KEY\" }", &format!("{{ file = \"{}\" }}", key.display())),
    );
    assert_says(&found(&world, "credential", 3), "broken", "can be read by others", "chmod 600");
    assert!(world.run(&["doctor", "--profile", "nobody"]).code(3).out.contains("There is no profile nobody"));
}

#[test]
fn a_damaged_database_is_told_and_left_as_it_is() {
    let world = World::new();
    world.run(&["doctor"]).code(0);
    assert!(!world.path().join(".imagemill").exists(), "looking makes nothing");
    world.run(&["generate", "a barn", "--profile", "simulator", "--size", "64x64", "--no-save"]).code(0);
    let well = world.run(&["doctor"]).code(0);
    assert!(well.out.contains("the database is sound") && well.out.contains("Everything is in order"), "{}", well.out);

    let path = world.path().join(".imagemill/db.sqlite");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let cut = std::fs::read(&path).unwrap();
    let document = world.run(&["doctor", "--json"]).code(3).json();
    let database = document["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "database");
    assert_eq!(database.unwrap()["level"], "broken", "{document:#}");
    assert_eq!(std::fs::read(&path).unwrap(), cut);
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    // A folder of the system's in which not even root can write.
    let world = World::new();
    let ran = world.run(&["doctor", "--offline", "--workspace", "/proc/1"]).code(3);
    assert!(ran.out.contains("/proc/1 cannot be written") && ran.out.contains("--workspace DIR"), "{}", ran.out);
}

#[test]
fn a_variable_that_goes_to_another_server_than_its_owners_is_told() {
    let world = World::new();
    let address = format!("http://{}/v1", server("200 OK", r#"{"data":[{"id":"flux"}]}"#, NOW));
    world.folder.write(
        "imagemill.toml",
        format!(
            "[profiles.studio]\nprovider = \"mystery\"\nprotocol = \"images\"\nbase_url = \"{address}\"\nmodel = \"flux\"\n\
             credential = {{ env = \"OPENAI_API_KEY\" }}\nnetwork = {{ allow_private_api = true }}\n"
        ),
    );
    let of_studio = |variables: &[(&str, &str)]| {
        let document = world.run_with(variables, &["doctor", "--profile", "studio", "--json"]).code(0).json();
        let findings = document["findings"].as_array().unwrap().clone();
        findings
            .into_iter()
            .filter(|found| found["check"] == "credential" && found["level"] == "warning")
            .collect::<Vec<_>>()
    };
    let told = of_studio(&[("OPENAI_API_KEY", "sk-x")]);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_says(
        &told[0],
        "warning",
        "holds the key of openai (https://api.openai.com)",
        "imagemill profiles login studio",
    );
    // Said in so many words that OpenAI's key is for this server.
    assert_eq!(of_studio(&[("OPENAI_API_KEY", "sk-x"), ("OPENAI_BASE_URL", &address)]), Vec::<Value>::new());
}
