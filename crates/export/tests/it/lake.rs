//! Merges into a Lance table in a folder: keyed rows, versions that can be taken back, vectors, and a process that is killed in the midst.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use imagemill_domain::hash::ContentHash;
use imagemill_export::dataset::{CritiqueRow, Dataset, Likeness, Rights, critiques};
use imagemill_export::lake::{difference, merge, prepare, restore, version};
use imagemill_testkit::TempWorkspace;
use imagemill_testkit::pictures::png;
use serde_json::{Value, json};

const TABLE: &str = "korean";

/// Rows of pictures with these numbers; `more` is put into each.
async fn set(folder: &Path, numbers: std::ops::Range<u64>, more: impl Fn(u64) -> Value) -> Dataset {
    std::fs::create_dir_all(folder.join("photos")).unwrap();
    let rows = numbers.map(|number| {
        let (bytes, path) = (png(number, 8, 8), folder.join(format!("photos/{number}.png")));
        std::fs::write(&path, &bytes).unwrap();
        let mut row = json!({"critique_zh": format!("第{number}幅"), "critique_en": format!("Number {number}."), "authorship": "model",
            "covered_dimensions": ["KR_L1_D1", "KR_L2_D1"], "quality_score": 80.5, "mood": "calm"});
        row.as_object_mut().unwrap().extend(more(number).as_object().unwrap().clone());
        CritiqueRow {
            collection: TABLE.to_owned(),
            picture: ContentHash::of(&bytes),
            path,
            name: format!("photos/{number}.png"),
            number: number as i64,
            minted_ms: 1_700_000_000_000,
            row: row.as_object().unwrap().clone(),
        }
    });
    critiques(TABLE.to_owned(), rows.collect(), Likeness::default(), Rights::default()).await.unwrap()
}

fn plain(_: u64) -> Value {
    json!({})
}

/// Where the tables go; a folder that is named from outside stays, so that others can read it.
fn address(world: &TempWorkspace) -> String {
    std::env::var("IMAGEMILL_LAKE").unwrap_or_else(|_| world.join("lake").to_string_lossy().into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_keyed_and_each_merge_is_a_version_that_can_be_taken_back() {
    let world = TempWorkspace::new();
    let lake = address(&world);
    assert_eq!(version(&lake, TABLE).await.unwrap(), 0);
    let first = set(world.path(), 0..40, plain).await;
    let before = difference(&lake, TABLE, &first).await.unwrap();
    assert_eq!((before.new.len(), before.version, before.same), (40, 0, 0));
    assert_eq!(version(&lake, TABLE).await.unwrap(), 0, "a difference makes no table");

    let empty = prepare(&lake, TABLE).await.unwrap();
    let one = merge(&lake, TABLE, &first).await.unwrap();
    assert!(one > empty);
    let again = difference(&lake, TABLE, &first).await.unwrap();
    assert_eq!((again.new.len(), again.changed.len(), again.same), (0, 0, 40));
    assert_eq!(again.there[TABLE], 40);

    // Ten rows are edited, ten are new: the others stay, and no row stands twice.
    let second = set(world.path(), 30..50, |_| json!({"authorship": "model+human-edited"})).await;
    let planned = difference(&lake, TABLE, &second).await.unwrap();
    assert_eq!((planned.new.len(), planned.changed.len(), planned.same), (10, 10, 0));
    let two = merge(&lake, TABLE, &second).await.unwrap();
    assert!(two > one);
    assert_eq!(difference(&lake, TABLE, &second).await.unwrap().there[TABLE], 50);

    let back = restore(&lake, TABLE, one).await.unwrap();
    assert!(back > two, "taking back is a version, too");
    let after = difference(&lake, TABLE, &first).await.unwrap();
    assert_eq!((after.there[TABLE], after.same, after.changed.len()), (40, 40, 0));
    restore(&lake, TABLE, empty).await.unwrap();
    assert!(difference(&lake, TABLE, &first).await.unwrap().there.is_empty(), "the first merge can be taken back, too");

    // Vectors become a column as soon as a row has one; lengths that differ are refused before anything is written.
    merge(&lake, TABLE, &first).await.unwrap();
    let vectors = set(world.path(), 0..40, |number| json!({"embedding": [number as f64, 1.0, 0.5]})).await;
    merge(&lake, TABLE, &vectors).await.unwrap();
    assert_eq!(difference(&lake, TABLE, &vectors).await.unwrap().same, 40);
    let uneven = set(world.path(), 0..2, |number| json!({"embedding": vec![0.5; 2 + number as usize]})).await;
    let told = merge(&lake, TABLE, &uneven).await.unwrap_err().to_string();
    assert!(told.contains("has an embedding of 3 numbers, and others have 2"), "{told}");
    let unreadable = merge("/dev/null/lake", TABLE, &first).await.unwrap_err().to_string();
    assert!(unreadable.starts_with("the Lance table korean at /dev/null/lake cannot be"), "{unreadable}");
}

/// The process that is killed: merges the rows that its environment names. Runs only when another test starts it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by kill_9_leaves_the_old_or_the_new_version"]
async fn a_merge_for_a_killer() {
    let Ok(folder) = std::env::var("LAKE_TEST_FOLDER").map(PathBuf::from) else { return };
    let until: u64 = std::env::var("LAKE_TEST_UNTIL").unwrap().parse().unwrap();
    let rows = set(&folder, 0..until, plain).await;
    std::fs::write(folder.join("ready"), "").unwrap();
    merge(folder.join("lake").to_str().unwrap(), TABLE, &rows).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_leaves_the_old_or_the_new_version() {
    const ROWS: u64 = 50;
    let world = TempWorkspace::new();
    let lake = world.join("lake").to_string_lossy().into_owned();
    merge(&lake, TABLE, &set(world.path(), 0..ROWS, plain).await).await.unwrap();
    // How long a merge takes when nobody is killed.
    let begun = Instant::now();
    merge(&lake, TABLE, &set(world.path(), 0..ROWS * 2, plain).await).await.unwrap();
    let (whole, turns) = (begun.elapsed(), 16);
    let (mut known, mut left) = (ROWS * 2, Vec::new());
    for turn in 0..turns {
        let (old, new) = (known, known + ROWS);
        let _ = std::fs::remove_file(world.join("ready"));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["lake::a_merge_for_a_killer", "--exact", "--ignored"])
            .env("LAKE_TEST_FOLDER", world.path())
            .env("LAKE_TEST_UNTIL", new.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !world.join("ready").exists() {
            assert!(child.try_wait().unwrap().is_none(), "the merge ended before it began");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(whole * turn / (turns - 2));
        child.kill().unwrap();
        child.wait().unwrap();
        let rows = set(world.path(), 0..new, plain).await;
        let found = difference(&lake, TABLE, &rows).await.unwrap();
        let there = found.there[TABLE];
        assert!(there == old || there == new, "turn {turn}: {there} rows, neither {old} nor {new}");
        assert_eq!((found.same, found.changed.len() as u64), (there, 0), "turn {turn}");
        left.push(there == new);
        // The same merge again ends what was cut.
        merge(&lake, TABLE, &rows).await.unwrap();
        known = new;
        assert_eq!(difference(&lake, TABLE, &rows).await.unwrap().there[TABLE], known);
    }
    assert!(left.contains(&false), "no merge was cut: {left:?}");
}
