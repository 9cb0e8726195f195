//! Training sets and tables through the real program: from jobs and collections to folders, and the check of what was written.

use std::collections::BTreeSet;
use std::path::Path;

use imagemill_testkit::pictures;
use serde_json::Value;

use crate::critique_jobs::rows;
use crate::world::World;

/// A workspace whose job `night` has edited this many pictures.
fn edited(count: u64) -> World {
    let world = World::with_photos(count);
    world
        .run(&["edit", "photos", "--prompt", "make it night", "--profile", "simulator", "--name", "night", "--no-save"])
        .code(0);
    world
}

/// Stems of the files with this suffix.
fn stems(world: &World, folder: &str, suffix: &str) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(world.path().join(folder)) else { return BTreeSet::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let wanted = paths.filter(|path| path.extension().is_some_and(|found| found == suffix));
    wanted.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn text(world: &World, file: &str) -> String {
    std::fs::read_to_string(world.path().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn rules(world: &World, folder: &str, code: i32) -> Vec<String> {
    let checked = world.run(&["export", "check", folder, "--json"]).code(code).json();
    let faults = checked["faults"].as_array().unwrap().clone();
    faults
        .iter()
        .map(|fault| format!("{} {}", fault["rule"].as_str().unwrap(), fault["file"].as_str().unwrap()))
        .collect()
}

#[test]
fn a_job_becomes_folders_for_kohya_and_what_a_person_writes_stays() {
    let world = edited(10);
    let export = [
        "export",
        "pictures",
        "night",
        "--as",
        "kohya",
        "--to",
        "set",
        "--trigger",
        "nyx",
        "--validation",
        "0.2",
        "--license",
        "cc-by-4.0",
        "--json",
    ];
    let written = world.run(&export).code(0).json();
    assert_eq!((&written["train"], &written["validation"]), (&8.into(), &2.into()), "{written:#}");
    let train = stems(&world, "set/train/10_nyx", "png");
    let apart = stems(&world, "set/validation/1_nyx", "png");
    assert_eq!((train.len(), apart.len()), (8, 2));
    assert_eq!(
        (&stems(&world, "set/train/10_nyx", "txt"), &stems(&world, "set/train_conditioning", "png")),
        (&train, &train)
    );
    let stem = train.first().unwrap();
    assert_eq!(text(&world, &format!("set/train/10_nyx/{stem}.txt")), "nyx, make it night");
    let config: toml::Table = toml::from_str(&text(&world, "set/dataset.toml")).unwrap();
    let subset = &config["datasets"][0]["subsets"][0];
    assert_eq!((subset["image_dir"].as_str(), subset["num_repeats"].as_integer()), (Some("train/10_nyx"), Some(10)));
    assert_eq!(subset["conditioning_data_dir"].as_str(), Some("train_conditioning"));
    let lineage = rows(&world, "set/items.jsonl");
    assert_eq!(
        (&lineage[0]["job"], &lineage[0]["license"], &lineage[0]["caption"]),
        (&"night".into(), &"cc-by-4.0".into(), &"nyx, make it night".into())
    );
    assert!(lineage.iter().all(|row| row["task"].is_i64() && row["call"].is_i64() && row["sources"][0].is_string()));
    assert!(text(&world, "set/README.md").starts_with("---\npretty_name: \"night\"\nlicense: \"cc-by-4.0\"\n"));
    assert_eq!(rules(&world, "set", 0), Vec::<String>::new());

    // The same export again: the same split, and a caption that a person changed is an input.
    world.folder.write(format!("set/train/10_nyx/{stem}.txt"), "nyx, a night with two moons");
    let again = world.run(&export).code(0).json();
    assert_eq!((&again["kept_captions"], stems(&world, "set/train/10_nyx", "png")), (&1.into(), train.clone()));
    assert_eq!(text(&world, &format!("set/train/10_nyx/{stem}.txt")), "nyx, a night with two moons");
    assert!(text(&world, "set/items.jsonl").contains("two moons"));
    assert_eq!(rules(&world, "set", 0), Vec::<String>::new());

    // What goes wrong afterwards is told.
    world.folder.write(format!("set/train/10_nyx/{stem}.txt"), " \n");
    let other = train.last().unwrap();
    std::fs::remove_file(world.path().join(format!("set/train_conditioning/{other}.png"))).unwrap();
    let copied = apart.first().unwrap();
    let twin = std::fs::read(world.path().join(format!("set/train/10_nyx/{other}.png"))).unwrap();
    world.folder.write(format!("set/validation/1_nyx/{copied}.png"), twin);
    let found = rules(&world, "set", 1);
    for expected in [
        format!("no_caption set/train/10_nyx/{stem}.txt").replace("set/", ""),
        format!("missing train_conditioning/{other}.png"),
        format!("no_partner train_conditioning/{other}"),
        format!("changed validation/1_nyx/{copied}.png"),
        format!("leak validation/1_nyx/{copied}.png"),
    ] {
        assert!(found.contains(&expected), "{expected} in {found:#?}");
    }
    let refused = world.run(&export).code(2).out;
    assert!(refused.contains("these have no caption (1)") && refused.contains(stem), "{refused}");
    world.folder.write("mine/notes.txt", "precious");
    let told = world.run(&["export", "pictures", "night", "--as", "kohya", "--to", "mine"]).code(2).err;
    assert!(told.contains("holds other files and no dataset.json"), "{told}");
}

#[test]
fn ai_toolkit_gets_equal_stems_masks_and_types_that_it_reads() {
    let world = World::new();
    for number in 1..=3 {
        world.folder.write(format!("photos/{number:03}_start.webp"), pictures::webp(number, 48, 32));
        world.folder.write(format!("masks/{number:03}.png"), pictures::png(90 + number, 48, 32));
    }
    world
        .run(&["edit", "photos", "--prompt", "night", "--profile", "simulator", "--name", "night", "--no-save"])
        .code(0);
    let export =
        ["export", "pictures", "night", "--as", "ai-toolkit", "--to", "set", "--trigger", "nyx", "--masks", "masks"];
    world.run(&export).code(0);
    let images = stems(&world, "set/train/images", "png");
    assert_eq!(images, BTreeSet::from(["001", "002", "003"].map(str::to_owned)));
    for folder in ["control", "masks"] {
        assert_eq!(stems(&world, &format!("set/train/{folder}"), "png"), images, "{folder}");
    }
    let control = std::fs::read(world.path().join("set/train/control/001.png")).unwrap();
    assert!(control.starts_with(b"\x89PNG"), "the source is a WebP, which ai-toolkit does not read");
    assert_eq!(text(&world, "set/train/images/002.txt"), "[trigger], night");
    let config = text(&world, "set/ai-toolkit.yaml");
    for line in ["trigger_word: \"nyx\"", "control_path: \"train/control\"", "mask_path: \"train/masks\""] {
        assert!(config.contains(line), "{line} in {config}");
    }
    assert_eq!(rules(&world, "set", 0), Vec::<String>::new());
    std::fs::remove_file(world.path().join("masks/002.png")).unwrap();
    let told = world.run(&export).code(2).err;
    assert!(told.contains("these have no mask in the folder (1): 002_start.webp"), "{told}");
    let both = world.run(&["export", "pictures", "night", "--as", "kohya", "--to", "other", "--masks", "masks"]);
    assert_eq!(both.code, 2, "{}", both.err);
}

#[test]
fn missing_captions_are_listed_and_nothing_is_written() {
    let world = World::with_photos(3);
    world.folder.write("list.csv", "file,words,license\nphotos/001_start.png,a red barn,cc0-1.0\nphotos/002_start.png, ,\nphotos/003_start.png,,\n");
    let edit = [
        "edit",
        "--list",
        "list.csv",
        "--picture-column",
        "file",
        "--prompt",
        "night",
        "--profile",
        "simulator",
        "--name",
        "night",
        "--no-save",
    ];
    world.run(&edit).code(0);
    let export =
        ["export", "pictures", "night", "--as", "jsonl", "--to", "set", "--caption", "{words}", "--license", "mit"];
    let told = world.run(&export).code(2).err;
    assert!(told.contains("these have no caption (2): photos/002_start.png, photos/003_start.png"), "{told}");
    assert!(!Path::exists(&world.path().join("set")));
    world.run(&[&export[..], &["--leave-out-captionless"]].concat()).code(0);
    let written = rows(&world, "set/train.jsonl");
    assert_eq!(
        (written.len(), &written[0]["caption"], &written[0]["license"]),
        (1, &"a red barn".into(), &"cc0-1.0".into())
    );
    assert!(world.path().join("set").join(written[0]["file_name"].as_str().unwrap()).is_file());
    let told = world.run(&["export", "pictures", "night", "--as", "tfrecord", "--to", "x"]).code(2).err;
    assert!(told.contains("There is no form tfrecord; known are kohya"), "{told}");
}

#[test]
fn every_table_has_the_same_rows_and_merged_critiques_are_among_them() {
    let world = edited(4);
    for form in ["imagefolder", "webdataset", "parquet", "jsonl", "csv"] {
        let to = format!("pictures-{form}");
        let written = world.run(&["export", "pictures", "night", "--as", form, "--to", &to, "--json"]).code(0).json();
        assert_eq!(written["train"], 4, "{form}");
        assert_eq!(rules(&world, &to, 0), Vec::<String>::new(), "{form}");
    }
    let lines = rows(&world, "pictures-imagefolder/train/metadata.jsonl");
    assert_eq!(
        (lines.len(), &lines[0]["file_name"], &lines[0]["control_file_name"]),
        (4, &"001.png".into(), &"control/001.png".into())
    );
    assert!(world.path().join("pictures-imagefolder/train/control/001.png").is_file());
    assert_eq!(text(&world, "pictures-csv/train.csv").lines().count(), 5);

    world.run(&["collections", "add", "korean", "photos"]).code(0);
    world.run(&["collections", "run", "korean", "--profile", "simulator"]).code(0);
    let early = world.run(&["export", "critiques", "korean", "--as", "jsonl", "--to", "early"]).code(2).err;
    assert!(early.contains("run `imagemill collections sync korean` first"), "{early}");
    world.run(&["collections", "sync", "korean"]).code(0);
    for form in ["parquet", "jsonl", "csv", "imagefolder", "webdataset"] {
        let to = format!("korean-{form}");
        world.run(&["export", "critiques", "korean", "--as", form, "--to", &to, "--no-pictures"]).code(0);
        assert_eq!(rules(&world, &to, 0), Vec::<String>::new(), "{form}");
    }
    let written = rows(&world, "korean-jsonl/train.jsonl");
    let ids: BTreeSet<&str> = written.iter().map(|row| row["ulid"].as_str().unwrap()).collect();
    assert_eq!((written.len(), ids.len()), (4, 4));
    let row = &written[0];
    assert_eq!(
        (&row["culture"], &row["authorship"], &row["image_path"]),
        (&"korean".into(), &"model".into(), &"001_start.png".into())
    );
    assert_eq!((row["image_sha256"].as_str().unwrap().len(), &row["schema_version"]), (64, &1.into()));
    assert!(
        row["covered_dimensions"].as_array().unwrap().len() >= 18 && row["run_id"] == "korean-batch-001",
        "{row:#}"
    );
    world.run(&["export", "critiques", "korean", "--as", "jsonl", "--to", "again", "--no-pictures"]).code(0);
    assert_eq!(rows(&world, "again/train.jsonl"), written, "ids are minted once");
    assert_eq!(world.run(&["export", "critiques", "korean", "--as", "kohya", "--to", "x"]).code, 2);
    let _: Value = serde_json::from_str(&text(&world, "korean-parquet/dataset.json")).unwrap();
}

#[test]
fn a_release_adds_up_and_its_check_finds_what_was_broken() {
    let world = World::with_photos(5);
    for (name, photos) in [
        ("korean", &["photos/001_start.png", "photos/002_start.png", "photos/003_start.png"][..]),
        ("indian", &["photos/004_start.png", "photos/005_start.png"]),
    ] {
        world.run(&[&["collections", "add", name], photos].concat()).code(0);
        world.run(&["collections", "run", name, "--profile", "simulator"]).code(0);
        world.run(&["collections", "sync", name]).code(0);
    }
    world.run(&["export", "release", "korean", "--to", "one", "--release", "1.0"]).code(0);
    let release = [
        "export",
        "release",
        "korean",
        "indian",
        "--to",
        "two",
        "--release",
        "1.1",
        "--since",
        "one",
        "--pilot",
        "1",
        "--text-license",
        "cc-by-4.0",
    ];
    world.run(&release).code(0);
    assert_eq!((rules(&world, "one", 0), rules(&world, "two", 0)), (vec![], vec![]));
    let counts = |subset: &str| rows(&world, &format!("two/{subset}.jsonl")).len();
    assert_eq!((counts("full"), counts("balanced"), counts("pilot")), (5, 4, 2));
    assert!(text(&world, "two/rights.csv").lines().nth(1).unwrap().contains(",false,,cc-by-4.0,"));
    assert!(text(&world, "two/CHANGES.md").contains("3 rows before, 2 added, 0 removed: 5 rows now."));
    let change = world.run(&["export", "changes", "one", "two", "--json"]).code(0).json();
    assert_eq!((change["added"].as_array().unwrap().len(), &change["after"]["indian"]), (2, &2.into()), "{change:#}");
    assert!(world.run(&["export", "changes", "photos", "two"]).code(2).err.contains("photos is no data set"));

    let full = text(&world, "two/full.jsonl");
    let (first, rest) = full.split_once('\n').unwrap();
    world.folder.write(
        "two/full.jsonl",
        format!("{first}\n{first}\n{}", rest.replacen("\"image_path\": \"", "\"image_path\": \"/home/me/", 1)),
    );
    world.folder.write("two/data/seen.png", pictures::png(1, 8, 8));
    let found = rules(&world, "two", 1);
    for expected in [
        "changed full.jsonl",
        "count full.jsonl",
        "repeated full.jsonl",
        "path full.jsonl",
        "picture data/seen.png",
        "stranger data/seen.png",
    ] {
        assert!(found.iter().any(|rule| rule == expected), "{expected} in {found:#?}");
    }
}
