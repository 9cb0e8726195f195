//! What a machine does to a program: full disks, read-only folders, a damaged database, odd names. A clear sentence each time,
//! and nothing that was paid for is lost.

use std::path::Path;
use std::process::{Command, Stdio};

use imagemill_simulator::{Scenario, Simulator, SimulatorOptions};
use serde_json::Value;

use crate::world::World;

/// Whether this machine lets a test mount a small disk of its own. Says so when not, as scripts/test does.
#[expect(clippy::print_stderr, reason = "a test that is skipped says why")]
fn may_mount() -> bool {
    let probe = ["--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /mnt"];
    let may = Command::new("unshare").args(probe).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !may {
        eprintln!("skipped: this machine does not allow `unshare --user --mount`, so there is no small disk to fill");
    }
    may
}

/// Runs `script` with a disk of `size` at `disk/`, which is the current folder. `$IMAGEMILL` is the program.
#[track_caller]
fn on_a_small_disk(world: &World, size: &str, script: &str) -> String {
    std::fs::create_dir_all(world.path().join("disk")).unwrap();
    let whole = format!("set -u; mount -t tmpfs -o size={size} tmpfs disk && cd disk || exit 99\n{script}");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &whole]).current_dir(world.path());
    command.env_clear().env("HOME", world.path()).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("IMAGEMILL", env!("CARGO_BIN_EXE_imagemill"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    text
}

fn profile(simulator: &Simulator) -> String {
    format!(
        "[profiles.target]\nprovider = \"simulator\"\nprotocol = \"chat_completions\"\nbase_url = \"{}\"\nmodel = \"sim-image\"\n\
         [profiles.target.network]\nallow_private_api = true\n[profiles.target.limits]\nconcurrency = 4\n",
        simulator.base_url()
    )
}

async fn simulator(scenario: Scenario) -> Simulator {
    Simulator::start(SimulatorOptions { scenario, ..SimulatorOptions::default() }).await.unwrap()
}

/// Pictures of about 8 MB.
fn large_pictures() -> Scenario {
    Scenario { grain_bits: 4, latency_ms: 800, ..Scenario::default() }
}

const GENERATE: &str =
    "\"$IMAGEMILL\" generate 'a barn' -n 6 --size 2048x2048 --profile target --name job --no-save --quiet --yes";

#[track_caller]
fn report(text: &str, name: &str) -> Value {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap_or_else(|| panic!("{text}"));
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_too_little_room_nothing_is_sent_and_the_job_goes_on_when_there_is_some() {
    if !may_mount() {
        return;
    }
    let (world, simulator) = (World::new(), simulator(large_pictures()).await);
    world.folder.write("imagemill.toml", profile(&simulator));
    let script = format!(
        "cp ../imagemill.toml .\n{GENERATE}; echo code=$?\n\
         echo first=$(\"$IMAGEMILL\" status job --json)\n\
         mount -o remount,size=800m .\n\"$IMAGEMILL\" resume job --quiet; echo code=$?\n\
         echo second=$(\"$IMAGEMILL\" status job --json)"
    );
    let text = on_a_small_disk(&world, "40m", &script);
    let codes: Vec<&str> = text.lines().filter(|line| line.starts_with("code=")).collect();
    assert_eq!(codes, ["code=3", "code=0"], "{text}");
    assert!(text.contains("the next answer needs") && text.contains("nothing was sent"), "{text}");
    let (first, second) = (report(&text, "first"), report(&text, "second"));
    assert_eq!((&first["state"], &first["tasks"]["queued"]), (&"paused".into(), &6.into()), "{text}");
    assert_eq!(second["tasks"]["succeeded"], 6, "{text}");
    assert_eq!(simulator.bill().billed, 6);
}

/// Somebody else fills the disk while answers are on their way: they are held in memory until there is room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_loses_nothing_that_was_paid_for() {
    if !may_mount() {
        return;
    }
    let (world, simulator) = (World::new(), simulator(large_pictures()).await);
    world.folder.write("imagemill.toml", profile(&simulator));
    let script = format!(
        "cp ../imagemill.toml .\n{GENERATE} 2> ../err & run=$!\n\
         while ! \"$IMAGEMILL\" status job --json 2> ../status | grep -q '\"running\": *[1-9]'; do sleep 0.05; done\n\
         sleep 0.3; head -c 1G /dev/zero > eater 2> ../eaten\n\
         for n in $(seq 200); do grep -q 'held in memory' ../err && break; sleep 0.1; done\n\
         grep -q 'held in memory' ../err && echo held\n\
         rm eater; wait $run; echo code=$?\n\
         cat ../err\n\"$IMAGEMILL\" resume job --quiet; echo code=$?\n\
         echo after=$(\"$IMAGEMILL\" status job --json)"
    );
    let text = on_a_small_disk(&world, "300m", &script);
    assert!(text.contains("\nheld\n") || text.starts_with("held\n"), "{text}");
    let codes: Vec<&str> = text.lines().filter(|line| line.starts_with("code=")).collect();
    assert!(codes[0] != "code=0" && codes[1] == "code=0", "{text}");
    let after = report(&text, "after");
    assert_eq!((&after["state"], &after["tasks"]["succeeded"]), (&"finished".into(), &6.into()), "{text}");
    assert_eq!(simulator.bill().billed, 6, "nothing was paid twice\n{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_that_cannot_be_written_are_named_and_pictures_stay() {
    if !may_mount() {
        return;
    }
    let (world, simulator) = (World::new(), simulator(Scenario::default()).await);
    world.folder.write("imagemill.toml", profile(&simulator));
    let script = "cp ../imagemill.toml .; run='generate barn --size 64x64 --profile target --quiet --yes'\n\
         mkdir saved; mount -t tmpfs -o ro tmpfs saved\n\
         \"$IMAGEMILL\" $run --name one --save-to saved; echo code=$?\n\
         \"$IMAGEMILL\" save one --to other --quiet; echo code=$?; ls other\n\
         mount -o remount,ro .\n\"$IMAGEMILL\" $run --name two --no-save; echo code=$?\n\
         echo status=$(\"$IMAGEMILL\" status one --json)";
    let text = on_a_small_disk(&world, "200m", script);
    let codes: Vec<&str> = text.lines().filter(|line| line.starts_with("code=")).collect();
    assert_eq!(codes, ["code=1", "code=0", "code=3"], "{text}");
    assert!(text.contains("saved") && text.contains("Read-only file system"), "{text}");
    assert!(text.contains("db.sqlite could not be opened: this user cannot read or write it"), "{text}");
    assert_eq!(report(&text, "status")["tasks"]["succeeded"], 1, "{text}");
    assert_eq!(simulator.bill().billed, 1);
}

fn snapshot(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sqlite"))
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_damaged_database_is_named_and_left_as_it_is() {
    let world = World::new();
    let line = ["generate", "a barn", "--size", "64x64", "--profile", "simulator", "--name", "job", "--no-save"];
    world.run(&line).code(0);
    let inside = world.path().join(".imagemill");
    let database = inside.join("db.sqlite");
    let sound = std::fs::read(&database).unwrap();
    let mut torn = sound.clone();
    torn[4_096..].iter_mut().for_each(|byte| *byte = 0x5a);
    for (what, bytes) in [("overwritten", torn), ("cut", sound[..5_000].to_vec()), ("foreign", b"hello ".repeat(2_000))]
    {
        for beside in ["db.sqlite-wal", "db.sqlite-shm"] {
            let _ = std::fs::remove_file(inside.join(beside));
        }
        std::fs::write(&database, &bytes).unwrap();
        let before = snapshot(&inside);
        for command in [&line[..], &["status"], &["resume", "job"]] {
            let ran = world.run(command).code(3);
            assert!(ran.err.contains("db.sqlite") && ran.err.contains("damaged"), "{what} {command:?}: {}", ran.err);
            assert!(snapshot(&inside) == before, "{what} {command:?} changed the database");
        }
    }
    // A restored copy goes on as if nothing had been.
    std::fs::write(&database, &sound).unwrap();
    assert_eq!(world.run(&["status", "job", "--json"]).code(0).json()["tasks"]["succeeded"], 1);
}

#[test]
fn a_source_that_goes_away_during_the_run_fails_alone() {
    let world = World::with_photos(2);
    let running = world.start(&[
        "edit",
        "photos",
        "--prompt",
        "night",
        "--profile",
        "simulator",
        "--model",
        "delay:6000",
        "--concurrency",
        "1",
        "--name",
        "job",
        "--no-save",
    ]);
    // One of the two is on its way, whichever came first to the gate; it was read, and the other one was not.
    world.wait_for("job", |job| job["reserved"].as_f64() > Some(0.0));
    std::thread::sleep(std::time::Duration::from_millis(300));
    for name in ["001_start.png", "002_start.png"] {
        std::fs::remove_file(world.path().join("photos").join(name)).unwrap();
    }
    let ran = running.end().code(1);
    assert!(ran.out.contains("_start.png") || ran.err.contains("_start.png"), "{}{}", ran.out, ran.err);
    let status = world.run(&["status", "job", "--json"]).json();
    assert_eq!((&status["tasks"]["succeeded"], &status["tasks"]["failed"]), (&1.into(), &1.into()), "{status:#}");
}

#[test]
fn names_in_any_script_and_of_any_length() {
    let world = World::new();
    let names = ["夜景照片", "🌙 été", "a b;c&d'e", &"長".repeat(80), &"x".repeat(251)];
    for (number, name) in names.iter().enumerate() {
        world.folder.write(format!("照片/{name}.png"), imagemill_testkit::pictures::png(number as u64, 48, 32));
    }
    let prompt = format!("{} 夜 🌙", "make it night ".repeat(25));
    let line = ["edit", "照片", "--prompt", &prompt, "--profile", "simulator", "--name", "夜", "--save-to", "出力"];
    let rule = ["--save-preset", "edit_pairs"];
    world.run(&[&line[..], &rule].concat()).code(0);
    let saved: Vec<_> =
        std::fs::read_dir(world.path().join("出力")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(saved.iter().any(|name| name.to_string_lossy().contains("夜景照片")), "{saved:?}");
    let pictures = saved.iter().filter(|name| !name.to_string_lossy().ends_with(".json")).count();
    assert!(pictures >= 10, "a pair of each: {saved:?}");
    // Named by 300 characters of prompt.
    let words = "夜".repeat(300);
    world.run(&["generate", &words, "--profile", "simulator", "--size", "64x64", "--save-to", "words"]).code(0);
    let named: Vec<_> =
        std::fs::read_dir(world.path().join("words")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(named.iter().any(|name| name.to_string_lossy().starts_with("夜夜") && name.len() <= 255), "{named:?}");
}
