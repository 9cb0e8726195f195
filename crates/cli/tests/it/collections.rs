//! Collections through the real program: pictures are taken by one batch each, order comes from the rule, files go in and out.

use serde_json::{Value, json};

use crate::critique_jobs::{rows, served, texts};
use crate::world::World;

fn board(world: &World, name: &str) -> Value {
    world.run(&["collections", "status", name, "--json"]).code(0).json()["collections"][0].clone()
}

fn read_json(world: &World, file: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(world.path().join(file)).unwrap()).unwrap()
}

#[test]
fn four_workers_over_forty_pictures_give_forty_distinct_critiques() {
    let world = World::with_photos(40);
    let _simulator = served(&world, "latency_ms = 40\n");
    world.run(&["collections", "add", "korean", "photos"]).code(0);
    let again = world.run(&["collections", "add", "korean", "photos", "--json"]).code(0).json();
    assert_eq!((&again["added"], &again["known"]), (&0.into(), &40.into()));
    let workers: Vec<_> = (0..4)
        .map(|_| world.start(&["collections", "run", "korean", "--count", "1", "--size", "10", "--profile", "writer"]))
        .collect();
    for worker in workers {
        worker.end().code(0);
    }
    let known = board(&world, "korean");
    assert_eq!((&known["states"]["accepted"], &known["batches"]), (&40.into(), &4.into()), "{known:#}");
    assert_eq!((&known["percent"], &known["next_milestone"]), (&26.7.into(), &Value::Null));
    assert!(known["cost_each"].is_string() || known["cost_each"].is_number(), "{known:#}");
    assert!(known["seconds_left"].as_u64().unwrap() >= 1, "{known:#}");
    // One call a picture: nobody did the work of another.
    let costs = world.run(&["costs", "--json"]).code(0).out;
    let calls: u64 = (1..=40)
        .map(|task| {
            world.run(&["explain", &task.to_string(), "--json"]).json()["calls"].as_array().unwrap().len() as u64
        })
        .sum();
    assert_eq!(calls, 40, "{costs}");

    let merged = world.run(&["collections", "sync", "korean", "--json"]).code(0).json();
    assert_eq!((&merged["merged"], &merged["merge"]), (&40.into(), &1.into()));
    let written = rows(&world, "checkpoints/korean_accepted.jsonl");
    assert_eq!((texts(&written, "critique_zh").len(), texts(&written, "critique_en").len()), (40, 40));
    assert_eq!(texts(&written, "filepath").len(), 40);
    assert_eq!(board(&world, "korean")["states"]["merged"], 40);
    let progress = read_json(&world, "checkpoints/korean_expansion_progress.json");
    assert_eq!((&progress["completed"], &progress["next_batch"]), (&40.into(), &5.into()));
    assert_eq!((&progress["merged_batches"], &progress["failed_batches"]), (&json!([1, 2, 3, 4]), &json!([])));
    assert_eq!(read_json(&world, "checkpoints/korean_batch_003_output.json").as_array().unwrap().len(), 10);
    let nothing = world.run(&["collections", "run", "korean", "--profile", "writer"]).code(0);
    assert!(nothing.out.contains("no waiting pictures"), "{}", nothing.out);
}

#[test]
fn the_order_comes_out_of_the_rule() {
    let world = World::new();
    let now = [("chinese", 1_854), ("korean", 64), ("indian", 98), ("mural", 109)];
    let config: String = now.map(|(name, before)| format!("[collections.{name}]\nbefore = {before}\n")).concat();
    world.folder.write("imagemill.toml", config);
    let order = |more: &[&str]| {
        let document = world.run(&[&["collections", "status", "--json"], more].concat()).code(0).json();
        let all = document["collections"].as_array().unwrap().clone();
        let names = all.iter().map(|one| one["name"].as_str().unwrap().to_owned());
        names.filter(|name| now.iter().any(|(known, _)| known == name)).collect::<Vec<_>>()
    };
    assert_eq!(order(&[]), ["korean", "indian", "mural", "chinese"]);
    assert_eq!(order(&["--by", "absolute"]), ["chinese", "korean", "indian", "mural"]);
    let shown = world.run(&["collections", "status", "mural"]).code(0).out;
    assert!(shown.contains("mural            109/150  72.7%   27.3 %"), "{shown}");
    assert!(world.run(&["collections", "status", "--by", "mood"]).code(2).err.contains("no rule mood"));
    assert!(world.run(&["collections", "status", "murals"]).code(2).err.contains("Did you mean `mural`?"));
    let marks = world.run(&["collections", "milestones", "western", "--json"]).code(0).json();
    assert_eq!((&marks["milestones"][0]["missing"], &marks["milestones"][0]["batches"]), (&2_188.into(), &219.into()));
}

#[test]
fn files_of_other_programs_go_in_and_out() {
    let world = World::with_photos(3);
    let images = json!({"images": [
        {"filepath": "photos/001_start.png", "artist": "Luce"},
        {"filepath": "photos/002_start.png", "artist": "Luce"},
        {"filepath": "photos/003_start.png", "artist": "Signac"},
        {"filepath": "photos/gone.png", "artist": "Signac"},
    ]});
    world.folder.write("candidates.json", images.to_string());
    let taken = world.run(&["collections", "import", "western", "candidates.json", "--json"]).code(1);
    assert_eq!(taken.json()["added"], 3);
    assert!(taken.err.contains("gone.png"), "{}", taken.err);

    let next = ["collections", "next", "western", "--size", "2", "--json"];
    assert_eq!(world.run(&next).code(0).json()["batches"][0]["pictures"], 2);
    let input = read_json(&world, "checkpoints/western_batch_001_input.json");
    assert_eq!(input[1], json!({"filepath": "photos/002_start.png", "artist": "Luce"}));
    assert_eq!(world.run(&next).code(0).json()["batches"][0]["pictures"], 1, "no picture is handed out twice");
    world.run(&["collections", "release", "western", "2"]).code(0);
    let states = board(&world, "western")["states"].clone();
    assert_eq!((&states["handed_out"], &states["pending"]), (&2.into(), &1.into()));

    // Somebody else's rows: the good one is taken, the bad one is told, a stranger is refused.
    world.run(&["critique", "photos", "--collection", "western", "--profile", "simulator", "--name", "writer"]).code(0);
    let mut outside = rows(&world, "imagemill-out/writer/critiques.jsonl");
    for (row, name) in outside.iter_mut().zip(["photos/001_start.png", "photos/002_start.png", "photos/x.png"]) {
        row["filepath"] = name.into();
        row.as_object_mut().unwrap().remove("authorship");
    }
    outside[1]["critique_en"] = "Too short.".into();
    world.folder.write("western_batch_001_output.json", json!(outside).to_string());
    let import = ["collections", "import", "western", "western_batch_001_output.json", "--authorship", "human"];
    let told = world.run(&import).code(1).out;
    assert!(told.contains("photos/002_start.png: critique_en has 2 words and needs 100"), "{told}");
    assert!(told.contains("photos/x.png: no picture of western has this name"), "{told}");
    let known = board(&world, "western");
    assert_eq!((&known["states"]["accepted"], &known["cost_each"]), (&1.into(), &Value::Null), "{known:#}");
    world.run(&["collections", "sync", "western"]).code(0);
    assert_eq!(rows(&world, "checkpoints/western_accepted.jsonl")[0]["authorship"], "human");
    let progress = read_json(&world, "checkpoints/western_expansion_progress.json");
    assert_eq!(progress["artists_status"]["Luce"], json!({"total": 2, "completed": 1}));

    let sample = json!({"total": 3704, "completed": 100, "next_batch": 5, "last_updated": null, "completed_batches": [1, 2, 3, 4],
        "merged_batches": [], "failed_batches": [3, {"batch_id": 4}]});
    world.folder.write("western_expansion_progress.json", sample.to_string());
    let read = ["collections", "import", "western", "western_expansion_progress.json", "--json"];
    let told = world.run(&read).code(0).json();
    assert_eq!((&told["percent"], &told["batches_left"]), (&"2.7".into(), &361.into()));
    world.folder.write("imagemill.toml", "[collections.western]\nbatch = 25\n");
    assert_eq!(world.run(&read).code(0).json()["batches_left"], 145);
}

#[test]
fn failed_pictures_are_written_again_and_copies_are_not_merged() {
    let world = World::with_photos(10);
    let _simulator = served(&world, "seed = 3\n[critiques]\nhopeless = 0.1\n");
    world.run(&["collections", "add", "korean", "photos"]).code(0);
    world.run(&["collections", "run", "korean", "--profile", "writer"]).code(1);
    let states = |name: &str| board(&world, "korean")["states"][name].clone();
    assert_eq!((states("accepted"), states("failed")), (9.into(), 1.into()));
    world.run(&["collections", "retry", "korean"]).code(1);
    assert_eq!((states("accepted"), states("failed")), (9.into(), 1.into()));
    world.run(&["collections", "sync", "korean"]).code(0);
    let progress = read_json(&world, "checkpoints/korean_expansion_progress.json");
    assert_eq!(progress["completed_batches"], json!([]));
    assert!(progress["failed_batches"][0]["error"].as_str().unwrap().contains("does not pass the gate"));
    // The failed picture gets the text of another: alone it passes, among the others it does not.
    let mut copy = rows(&world, "checkpoints/korean_accepted.jsonl")[0].clone();
    copy["filepath"] = progress["failed_batches"][0]["item_ids"][0].clone();
    world.folder.write("copy.json", json!([copy]).to_string());
    world.run(&["collections", "import", "korean", "copy.json"]).code(0);
    let told = world.run(&["collections", "sync", "korean"]).code(1).out;
    assert!(told.contains("critique_zh is the text of"), "{told}");
    assert_eq!((states("merged"), states("accepted")), (9.into(), 1.into()));
}

/// Somebody killed right after pictures were taken, again and again: no picture is lost, and none is in two batches.
#[test]
fn a_run_that_is_killed_leaves_every_picture_to_be_written_once() {
    let world = World::with_photos(24);
    let _simulator = served(&world, "latency_ms = 60\n");
    world.run(&["collections", "add", "korean", "photos"]).code(0);
    let run = ["collections", "run", "korean", "--count", "2", "--size", "4", "--profile", "writer"];
    for wait_ms in [60, 140, 260, 400, 700] {
        let running = world.start(&run);
        std::thread::sleep(std::time::Duration::from_millis(wait_ms));
        running.signal("KILL");
        running.end();
    }
    // What was taken and never submitted waits again after five minutes; a person may give it back at once.
    let batches = board(&world, "korean")["batches"].as_u64().unwrap();
    for batch in (1..=batches).map(|batch| batch.to_string()) {
        world.run(&["collections", "release", "korean", &batch]);
    }
    let jobs = world.run(&["status", "--json"]).code(0).json();
    let names = |jobs: &Value| -> Vec<String> {
        jobs["jobs"].as_array().unwrap().iter().map(|job| job["job"].as_str().unwrap().to_owned()).collect()
    };
    for job in names(&jobs) {
        world.run(&["resume", &job]);
    }
    // Calls that were cut are for a person to decide about; this one has them sent again.
    world.run(&["reconcile", "--all", "--resend", "--yes"]);
    world.run(&["collections", "run", "korean", "--count", "9", "--size", "4", "--profile", "writer"]).code(0);
    let known = board(&world, "korean");
    assert_eq!(known["states"]["accepted"], 24, "{known:#}");
    let jobs = world.run(&["status", "--json"]).code(0).json();
    let written: u64 =
        jobs["jobs"].as_array().unwrap().iter().map(|job| job["tasks"]["succeeded"].as_u64().unwrap()).sum();
    assert_eq!(written, 24, "no picture was written about twice");
    world.run(&["collections", "sync", "korean"]).code(0);
    let rows = rows(&world, "checkpoints/korean_accepted.jsonl");
    assert_eq!((texts(&rows, "filepath").len(), texts(&rows, "critique_zh").len()), (24, 24));
}

/// An answer that came back as bad as it went is asked for anew with what was wrong with it, and then it is good.
#[test]
fn what_failed_goes_back_with_the_complaint() {
    let world = World::with_photos(10);
    let _simulator = served(&world, "seed = 3\n[critiques]\nstubborn = 0.3\n");
    world.run(&["collections", "add", "korean", "photos"]).code(0);
    world.run(&["collections", "run", "korean", "--profile", "writer"]).code(1);
    let before = board(&world, "korean")["states"].clone();
    let failed = before["failed"].as_u64().unwrap();
    assert!((1..=6).contains(&failed), "{before:#}");
    world.run(&["collections", "retry", "korean"]).code(0);
    assert_eq!(board(&world, "korean")["states"]["accepted"], 10);
    let asked: Vec<String> = (1..=10)
        .flat_map(|task| {
            let told = world.run(&["explain", &task.to_string(), "--json"]).json();
            told["calls"].as_array().unwrap().iter().map(|call| call["request"].to_string()).collect::<Vec<_>>()
        })
        .collect();
    let anew: Vec<&String> = asked.iter().filter(|request| request.contains("This is its last chance.")).collect();
    assert_eq!((anew.len() as u64, asked.len() as u64), (failed, 10 + 2 * failed));
    assert!(anew.iter().all(|request| request.contains("It cannot be taken: ")), "{anew:?}");
}

/// People: what they change is what is given out, what they keep out is in no merge.
#[test]
fn readers_change_rows_and_keep_rows_out() {
    let world = World::with_photos(6);
    let _simulator = served(&world, "");
    world.run(&["collections", "add", "korean", "photos"]).code(0);
    world.run(&["collections", "run", "korean", "--profile", "writer"]).code(0);
    let queue = world.run(&["collections", "queue", "korean", "--json"]).code(0).json();
    assert_eq!((&queue["total"], &queue["counts"]["open"]), (&6.into(), &6.into()));
    let [first, second] = [0, 1].map(|at| queue["items"][at]["name"].as_str().unwrap().to_owned());
    let read = |picture: &str, more: &[&str]| {
        world.run(&[&["collections", "read", "korean", picture, "--json"], more].concat())
    };
    let said =
        read(&first, &["--verdict", "reject", "--reader", "ann", "--note", "the seal is invented"]).code(0).json();
    assert_eq!((&said["decision"], &said["reading"]["note"]), (&"rejected".into(), &"the seal is invented".into()));
    assert_eq!(board(&world, "korean")["states"]["rejected"], 1);
    assert!(read(&first, &["--verdict", "maybe"]).code(2).err.contains("approve, reject or none"));
    assert!(read("nowhere.png", &["--score", "3"]).code(2).err.contains("nowhere.png has no critique"));

    // Exported, changed in an editor, taken in again.
    world.run(&["critiques", "export", "korean-batch-001", "--to", "rows.jsonl"]).code(0);
    let mut all = rows(&world, "rows.jsonl");
    let row = all.iter_mut().find(|row| row["filepath"] == second.as_str()).unwrap();
    let text = row["critique_en"].as_str().unwrap().replacen("In the", "Within the", 1) + " The seal is red.";
    row["critique_en"] = text.clone().into();
    world.folder.write("rows.json", json!(all).to_string());
    let edit = ["collections", "edit", "korean", "rows.json", "--author", "ann", "--note", "looked closer", "--json"];
    let told = world.run(&edit).code(0).json();
    assert_eq!((&told["changed"], &told["same"]), (&1.into(), &5.into()));
    let page = read(&second, &["--score", "4", "--reader", "ben"]).code(0).json();
    assert_eq!((&page["edits"][0]["author"], &page["edits"][0]["note"]), (&"ann".into(), &"looked closer".into()));

    // The changed row is given out everywhere, with who changed it; the one kept out is in no merge.
    let left = world.run(&["collections", "sync", "korean"]).code(1).out;
    assert!(left.contains(&format!("{first}: kept out by readers")), "{left}");
    world.run(&["save", "korean-batch-001", "--to", "saved"]).code(0);
    for file in ["checkpoints/korean_accepted.jsonl", "saved/critiques.jsonl"] {
        let written = rows(&world, file);
        let row = written.iter().find(|row| row["filepath"] == second.as_str()).unwrap();
        assert_eq!((&row["critique_en"], &row["authorship"]), (&text.clone().into(), &"model+human-edited".into()));
        assert_eq!(row["edited_by"], json!(["ann"]), "{file}");
    }
    assert_eq!(rows(&world, "checkpoints/korean_accepted.jsonl").len(), 5);
    let zh = world.run(&["collections", "sync", "korean", "--lang", "zh-CN"]).code(1).out;
    assert!(zh.contains("读者否决"), "{zh}");
}

/// What a merge has and a person changes goes with the next merge; ids stay, whatever merges are taken back.
#[test]
fn a_merged_row_that_is_edited_goes_with_the_next_merge_and_keeps_its_ids() {
    let world = World::with_photos(4);
    let _simulator = served(&world, "");
    world.run(&["collections", "add", "korean", "photos"]).code(0);
    world.run(&["collections", "run", "korean", "--profile", "writer"]).code(0);
    let sync = || world.run(&["collections", "sync", "korean", "--json"]).code(0).json()["merged"].clone();
    let exported = |folder: &str| -> std::collections::BTreeMap<String, Value> {
        world.run(&["export", "critiques", "korean", "--as", "jsonl", "--no-pictures", "--to", folder]).code(0);
        let rows = rows(&world, &format!("{folder}/train.jsonl"));
        rows.into_iter().map(|row| (row["image_path"].as_str().unwrap().to_owned(), row)).collect()
    };
    let ids = |rows: &std::collections::BTreeMap<String, Value>| -> Vec<Value> {
        rows.values().map(|row| json!([row["pair_id"], row["ulid"]])).collect()
    };
    assert_eq!(sync(), 4);
    let before = exported("one");
    assert_eq!(world.run(&["collections", "undo", "korean", "--json"]).code(0).json()["rows"], 4);
    assert_eq!(board(&world, "korean")["states"]["accepted"], 4);
    assert_eq!(sync(), 4);
    assert_eq!(ids(&exported("two")), ids(&before), "taken back and merged again");

    let (picture, mut row) = before.first_key_value().map(|(name, row)| (name.clone(), row.clone())).unwrap();
    let text = format!("{} The seal is red.", row["critique_en"].as_str().unwrap());
    row["critique_en"] = text.clone().into();
    row["filepath"] = picture.clone().into();
    world.folder.write("changed.json", json!([row]).to_string());
    world.run(&["collections", "edit", "korean", "changed.json", "--author", "ann"]).code(0);
    let states = board(&world, "korean")["states"].clone();
    assert_eq!((&states["merged"], &states["accepted"]), (&3.into(), &1.into()));
    assert_eq!(sync(), 1, "and nothing else");
    let after = exported("three");
    assert_eq!((ids(&after), &after[&picture]["critique_en"]), (ids(&before), &text.into()));
    assert_eq!(after[&picture]["merge"], 3);

    // Written anew by its model it goes again, too.
    world.run(&["retry", "korean-batch-001", "--all", "--yes"]).code(0);
    assert_eq!(board(&world, "korean")["states"]["accepted"], 4);
    assert_eq!(sync(), 4);
    assert_eq!(sync(), 0);
}

/// A batch that is given back keeps what it brought.
#[test]
fn what_a_batch_brought_stays_when_it_is_given_back() {
    let world = World::with_photos(10);
    let _simulator = served(&world, "seed = 3\n[critiques]\nhopeless = 0.1\n");
    world.run(&["collections", "add", "korean", "photos"]).code(0);
    world.run(&["collections", "run", "korean", "--profile", "writer"]).code(1);
    let given = world.run(&["collections", "release", "korean", "1", "--json"]).code(0).json();
    assert_eq!(given["released"], 1, "only the one that failed");
    let states = board(&world, "korean")["states"].clone();
    assert_eq!((&states["accepted"], &states["pending"]), (&9.into(), &1.into()));
}

/// A judge looks a second time; people score; the scores say what the judge is worth, and that it became kinder.
#[test]
fn a_judge_looks_again_is_calibrated_and_its_drift_is_noticed() {
    let world = World::with_photos(14);
    let simulator = served(&world, "[critiques]\ncontradicted = 0.2\n");
    world.run(&["collections", "add", "korean", "photos"]).code(0);
    world.run(&["collections", "run", "korean", "--count", "2", "--profile", "writer"]).code(0);
    let look = ["collections", "look", "korean", "--share", "1", "--profile", "writer"];
    let first = world.run(&look).code(0).out;
    assert!(first.contains("sim-text looked at 14; 0 scored by people") && first.contains("not calibrated"), "{first}");
    assert!(first.contains("14 critiques in"), "{first}");
    let spent = world.run(&["costs", "--json"]).code(0).json()["total"]["calls"].as_u64().unwrap();
    assert_eq!(spent, 28, "each look is a call in the ledger");

    // What the picture contradicts is a finding, comes first in the queue, and is in no merge.
    let queue = || world.run(&["collections", "queue", "korean", "--limit", "99", "--json"]).code(0).json();
    let found = queue();
    assert_eq!(found["items"][0]["reasons"][0]["reason"], "contradicted", "{:#}", found["items"][0]);
    let report = ["collections", "check", "korean", "--report", "report", "--json"];
    let checked = world.run(&report).code(1).json();
    let contradicted = checked["rules"]["contradicted"].as_u64().unwrap();
    assert!((1..=7).contains(&contradicted), "{checked:#}");
    let page = std::fs::read_to_string(world.path().join("report/critiques.md")).unwrap();
    assert!(page.contains("the picture contradicts it: "), "{page}");
    let merged = world.run(&["collections", "sync", "korean", "--json"]).code(1).json();
    assert_eq!(merged["merged"], 14 - contradicted);

    // People score twelve, a point and a half harder than the judge.
    world.run(&["save", "korean-look-001", "--to", "saved"]).code(0);
    let looks = rows(&world, "saved/looks.jsonl");
    for look in looks.iter().take(12) {
        let score = (look["raw"].as_f64().unwrap() * 2.0 - 4.5).round().clamp(1.0, 5.0).to_string();
        let read = ["collections", "read", "korean", look["filepath"].as_str().unwrap(), "--score", &score];
        world.run(&read).code(0);
    }
    let known = queue()["judge"].clone();
    assert_eq!((&known["anchors"], &known["drift"]), (&12.into(), &Value::Null));
    let (raw, error) =
        (known["calibration"]["error_raw"].as_f64().unwrap(), known["calibration"]["error"].as_f64().unwrap());
    assert!(error < raw, "held out, the calibrated scores are nearer to people's: {raw} {error}");
    // The anchors are looked at again: the same judge says the same.
    world.run(&look).code(0);
    assert_eq!(
        (&queue()["judge"]["drift"]["anchors"], &queue()["judge"]["drift"]["alarm"]),
        (&12.into(), &false.into())
    );
    // Another day the same model is kinder.
    drop(simulator);
    let _kinder = served(&world, "[critiques]\ncontradicted = 0.2\nkinder = 0.8\n");
    let told = world.run(&look).code(0).out;
    assert!(told.contains("The judge drifted: 12"), "{told}");
    assert_eq!(queue()["judge"]["drift"]["alarm"], true);
}
