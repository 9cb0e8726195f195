//! Critiques that people read: riskiest first, changed in place, read blind a second time.

use imagemill_domain::hash::ContentHash;
use imagemill_store::{NewCollectionItem, Store, StoreOptions};
use serde_json::{Value, json};

use crate::world::World;

/// A collection of which everything is read twice.
const CONFIG: &str = "[collections.korean]\nsecond_read = 1.0\ngate = \"gate.toml\"\n";
const GATE: &str = "least_zh = 4\nleast_en = 3\ncopies = true\n";

/// Three rows: one clean, one that was sent back, one that copies the first.
async fn world() -> (World, Vec<String>) {
    let folder = World::new().await;
    folder.folder.write("imagemill.toml", CONFIG);
    folder.folder.write("gate.toml", GATE);
    let world = folder.again().await;
    let database = world.folder.path().join(".imagemill/db.sqlite");
    let store = Store::open(&database, StoreOptions::default()).await.unwrap();
    world.photos(3);
    let paths = [1, 2, 3].map(|number| world.folder.path().join(format!("photos/{number:03}_start.png")));
    let pictures = paths.clone().map(|path| ContentHash::of(&std::fs::read(path).unwrap()));
    let item = |at: usize| NewCollectionItem {
        picture: pictures[at],
        path: paths[at].to_string_lossy().into_owned(),
        name: format!("korean/{at}.png"),
        columns: std::collections::BTreeMap::new(),
    };
    let row = |at: usize, en: &str, attempts: u32| {
        let row = json!({"filepath": format!("korean/{at}.png"), "culture": "korean", "authorship": "model",
            "critique_zh": format!("第{at}幅远山淡墨"), "critique_en": en, "covered_dimensions": ["KR_L1_D1"],
            "quality_score": 70, "attempts": attempts, "image_blake3": pictures[at]});
        (pictures[at], row)
    };
    let rows = vec![
        row(0, "A pale hill stands far away.", 1),
        row(1, "A boat rests by the reeds, unmoored.", 2),
        row(2, "A pale hill stands far away.", 1),
    ];
    store.collections().add("korean", (0..3).map(item).collect()).await.unwrap();
    store.collections().accept("korean", rows).await.unwrap();
    store.close().await;
    (world, pictures.map(|picture| picture.to_hex()).to_vec())
}

fn names(queue: &Value) -> Vec<&str> {
    queue["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_read_riskiest_first_changed_in_place_and_read_again_blind() {
    let (world, pictures) = world().await;
    let list = world.get("/collections").await.ok();
    let korean = list["collections"].as_array().unwrap().iter().find(|one| one["name"] == "korean").unwrap().clone();
    assert_eq!((&korean["accepted"], &korean["target"], &korean["next_batch"]), (&3.into(), &150.into(), &1.into()));

    let queue = world.get("/collections/korean/queue?reader=ann").await.ok();
    assert_eq!(names(&queue), ["korean/2.png", "korean/1.png", "korean/0.png"]);
    assert_eq!(queue["items"][0]["reasons"][0], json!({"reason": "finding", "rule": "same_text", "points": 30}));
    assert_eq!(queue["items"][1]["reasons"][0]["reason"], "sent_back");
    assert_eq!(queue["counts"], json!({"open": 3, "second": 0, "rejected": 0, "edited": 0, "all": 3}));

    // The copy is changed in place: by whom, from what to what.
    let path = format!("/collections/korean/rows/{}", pictures[2]);
    let before = world.get(&format!("{path}?reader=ann")).await.ok();
    assert_eq!(before["findings"][0]["message"], "critique_en is the text of korean:1");
    let change = |version: &Value, text: &str| json!({"author": "ann", "version": version, "changes": {"critique_en": text}, "note": "it was a copy"});
    let after = world.put(&path, change(&before["version"], "A bare slope stands far away.")).await.ok();
    let edit = &after["edits"][0];
    assert_eq!((&edit["author"], &edit["note"]), (&"ann".into(), &"it was a copy".into()));
    assert_eq!(edit["changes"][0]["difference"][1], json!({"kind": "removed", "text": "pale"}));
    assert_eq!((&after["row"]["authorship"], &after["findings"]), (&"model+human-edited".into(), &json!([])));
    world.put(&path, change(&before["version"], "Another.")).await.refused(409, "conflict");
    let wrong = json!({"author": "ann", "version": after["version"], "changes": {"quality_score": 99}});
    world.put(&path, wrong).await.refused(400, "usage");

    // Ann decides about all three; Ben reads the same blind and sees nothing of it.
    let say = |who: &str, version: &Value, verdict: &str, score: u8| json!({"reader": who, "version": version, "verdict": verdict, "score": score});
    for (at, verdict) in [(0, "approve"), (1, "reject"), (2, "approve")] {
        let path = format!("/collections/korean/rows/{}", pictures[at]);
        let version = world.get(&path).await.ok()["version"].clone();
        let said = world.put(&format!("{path}/reading"), say("ann", &version, verdict, 4)).await.ok();
        assert_eq!(said["reading"]["verdict"], verdict);
    }
    let rejected = world.get("/collections/korean/queue?view=rejected").await.ok();
    assert_eq!(names(&rejected), ["korean/1.png"]);
    let states = |list: Value| {
        list["collections"].as_array().unwrap().iter().find(|one| one["name"] == "korean").unwrap()["states"].clone()
    };
    let known = states(world.get("/collections").await.ok());
    assert_eq!((&known["rejected"], &known["accepted"]), (&1.into(), &2.into()));

    let second = world.get("/collections/korean/queue?view=second&reader=ben").await.ok();
    assert_eq!(names(&second), ["korean/0.png", "korean/1.png", "korean/2.png"]);
    assert!(second["items"][1].get("reasons").is_none() && second["items"][1].get("decision").is_none());
    assert_eq!(world.get("/collections/korean/queue?view=second&reader=ann").await.ok()["total"], 0);
    for (at, verdict) in [(0, "approve"), (1, "approve")] {
        let path = format!("/collections/korean/rows/{}", pictures[at]);
        let page = world.get(&format!("{path}?reader=ben")).await.ok();
        assert_eq!((&page["blind"], page.get("readings"), page.get("findings")), (&true.into(), None, None));
        assert!(page["row"].get("quality_score").is_none());
        let said = world.put(&format!("{path}/reading"), say("ben", &page["version"], verdict, 3)).await.ok();
        assert_eq!((&said["blind"], &said["reading"]["blind"]), (&false.into(), &true.into()));
        assert_eq!(said["readings"].as_array().unwrap().len(), 2, "once he decided he may see the other");
    }
    let open = world.get("/collections/korean/queue?reader=ann").await.ok();
    assert_eq!((names(&open), &open["items"][0]["decision"]), (vec!["korean/1.png"], &"disputed".into()));
    let agreement = &open["agreement"];
    assert_eq!((&agreement["pairs"][0]["both"], &agreement["pairs"][0]["agree"]), (&2.into(), &0.5.into()));
    assert_eq!((&agreement["scored_twice"], &agreement["score_gap"]), (&2.into(), &1.0.into()));

    // What was said of a text does not count for another.
    let path = format!("/collections/korean/rows/{}", pictures[1]);
    let page = world.get(&format!("{path}?reader=ann")).await.ok();
    let changed = world.put(&path, change(&page["version"], "A boat rests by the reeds, tied to a post.")).await.ok();
    assert_eq!((&changed["decision"], &changed["readings"]), (&"open".into(), &json!([])));
    let reading = format!("{path}/reading");
    world.put(&reading, say("ann", &page["version"], "approve", 5)).await.refused(409, "conflict");
    assert_eq!(states(world.get("/collections").await.ok())["accepted"], 3);

    // What is asked wrongly is told.
    world.get("/collections/korea/queue").await.refused(404, "not_found");
    world.get("/collections/korean/queue?view=best").await.refused(400, "usage");
    world.get(&format!("/collections/korean/rows/{}", "0".repeat(64))).await.refused(404, "not_found");
    world.put(&reading, say("ann", &changed["version"], "maybe", 5)).await.refused(400, "usage");
    world.put(&reading, say("ann", &changed["version"], "approve", 6)).await.refused(400, "usage");
    world.put(&reading, say(" ", &changed["version"], "approve", 5)).await.refused(400, "usage");
    let picture = world.request(reqwest::Method::GET, &format!("/collections/korean/pictures/{}", pictures[0]));
    assert_eq!(picture.send().await.unwrap().headers()["content-type"], "image/png");
    let small = world.request(reqwest::Method::GET, &format!("/collections/korean/pictures/{}/thumbnail", pictures[0]));
    assert_eq!(small.send().await.unwrap().headers()["content-type"], "image/jpeg");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn findings_are_told_in_the_readers_language() {
    let (world, pictures) = world().await;
    let path = format!("/collections/korean/rows/{}", pictures[2]);
    let asked = world.request(reqwest::Method::GET, &path).header("Accept-Language", "zh-CN");
    let page = world.send(reqwest::Method::GET, &path, asked).await.ok();
    assert_eq!(page["findings"][0]["message"], "critique_en 与 korean:1 的文本相同");
}

/// Pictures taken in, batches priced, refused, written and given back, failed ones written again: what `imagemill collections` does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_become_batches_and_batches_jobs() {
    let folder = World::new().await;
    folder.folder.write("imagemill.toml", format!("{CONFIG}batch = 2\n"));
    folder.folder.write("gate.toml", "least_zh = 4\nleast_en = 3\n");
    let world = folder.again().await;
    world.photos(44);
    world.folder.write("photos/torn.png", b"no picture");
    let at = "/collections/korean";
    world.post(&format!("{at}/pictures"), json!({})).await.refused(400, "usage");
    world.post("/collections/nothing/pictures", json!({"paths": ["photos"]})).await.refused(404, "not_found");
    let taken = world.post(&format!("{at}/pictures"), json!({"paths": ["photos"]})).await.ok();
    assert_eq!((&taken["added"], &taken["known"]), (&json!(44), &json!(0)));
    assert!(taken["skipped"][0]["path"].as_str().unwrap().ends_with("torn.png"), "{taken:#}");
    let again = world.post(&format!("{at}/pictures"), json!({"paths": ["photos"]})).await.ok();
    assert_eq!((&again["added"], &again["known"]), (&json!(0), &json!(44)));

    // A price that nobody knows is agreed to, or nothing is taken.
    world.post(&format!("{at}/batches"), json!({"count": 0})).await.refused(400, "usage");
    let dear = json!({"provider": "openai", "base_url": "https://127.0.0.1:1/v1", "model": "nobody-knows",
        "credential": {"kind": "key", "value": "sk-test"}});
    world.put("/profiles/dear", dear).await.ok();
    let dear = json!({"profile": "dear", "count": 3});
    world.post(&format!("{at}/batches"), dear).await.refused(409, "needs_consent");
    let state = |list: &Value, state: &str| {
        let korean = list["collections"].as_array().unwrap().iter().find(|one| one["name"] == "korean").unwrap();
        korean["states"][state].clone()
    };
    assert_eq!(state(&world.get("/collections").await.ok(), "pending"), 44, "the pictures wait on");

    let jobs = world.post(&format!("{at}/batches"), json!({"count": 2, "profile": "simulator"})).await.ok();
    let names: Vec<&str> = jobs["jobs"].as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2);
    for name in &names {
        world.ended(name).await;
    }
    assert_eq!(state(&world.get("/collections").await.ok(), "pending"), 40);
    assert_eq!(world.post(&format!("{at}/retry"), json!({})).await.ok()["jobs"], json!([]), "nothing failed");

    // What was stopped is taken up again, is not given back while it is written, and then is.
    let slow = json!({"profile": "simulator", "model": "sim-text+delay:400", "size": 40});
    let stopped = world.post(&format!("{at}/batches"), slow).await.ok()["jobs"][0].clone();
    let name = stopped["name"].as_str().unwrap();
    let batch = format!("{at}/batches/{}", name.rsplit_once('-').unwrap().1.trim_start_matches('0'));
    let stop = format!("/jobs/{name}/stop");
    world.post(&stop, json!({})).await.ok();
    world.ended(name).await;
    let again = world.post(&format!("{at}/retry"), json!({})).await.ok();
    assert_eq!(again["jobs"], json!([stopped]));
    world.delete(&batch).await.refused(409, "conflict");
    world.post(&stop, json!({})).await.ok();
    world.ended(name).await;
    let left = state(&world.get("/collections").await.ok(), "stopped");
    assert!(left.as_u64().unwrap() > 0, "{left}");
    assert_eq!(world.delete(&batch).await.ok()["released"], left);
    assert_eq!(state(&world.get("/collections").await.ok(), "pending"), left);

    world.post(&format!("{at}/looks"), json!({"share": 2})).await.refused(400, "usage");
    let look = world.post(&format!("{at}/looks"), json!({"share": 1.0, "profile": "simulator"})).await.ok();
    let name = look["jobs"][0]["name"].as_str().unwrap().to_owned();
    assert!(name.starts_with("korean-look-"), "{look:#}");
    world.ended(&name).await;
    // Somebody else writes the last one: a row that fails costs nobody, and what passes is merged, exported and taken back.
    let handed = world.post(&format!("{at}/handouts"), json!({"size": 1})).await.ok();
    let file = handed["batches"][0]["rows"][0]["filepath"].as_str().unwrap().to_owned();
    let row = |file: &str| {
        json!({"filepath": file, "critique_zh": "远山淡墨，舟泊苇间", "critique_en": "A pale hill, and a boat unmoored.",
            "covered_dimensions": ["KR_L1_D1"], "quality_score": 70})
    };
    let mut torn = row(&file);
    torn["critique_zh"] = "".into();
    let taken = world.post(&format!("{at}/rows"), json!({"rows": [torn, row("nobody.png"), row(&file)]})).await.ok();
    assert_eq!(taken["accepted"], 1, "{taken:#}");
    let why: Vec<bool> = taken["refused"].as_array().unwrap().iter().map(|row| row["reason"].is_string()).collect();
    assert_eq!(why, [true, false], "{taken:#}");
    let set = |folder: &str| json!({"collections": ["korean"], "form": "jsonl", "folder": folder, "no_pictures": true});
    world.post("/exports", set("sets/early")).await.refused(409, "conflict");
    let planned = world.post(&format!("{at}/merges"), json!({"dry_run": true})).await.ok();
    let merged = world.post(&format!("{at}/merges"), json!({})).await.ok();
    assert_eq!((&planned["rows"], &merged["merge"]), (&merged["rows"], &json!(1)));
    assert!(merged["rows"].as_u64().unwrap() >= 1 && world.folder.path().join("checkpoints").is_dir(), "{merged:#}");

    let begun = world.post("/exports", set("sets/korean")).await.ok();
    let done = world.saved(&begun["save"]).await;
    assert_eq!((&done["state"], &done["result"]["train"]), (&json!("done"), &merged["rows"]), "{done:#}");
    let checked = world.post("/exports/checks", json!({"folder": "sets/korean"})).await.ok();
    assert_eq!(checked["faults"], json!([]));
    for release in ["1", "2"] {
        let body = json!({"collections": ["korean"], "folder": format!("release-{release}"), "release": release});
        let begun = world.post("/exports/releases", body).await.ok();
        assert_eq!(world.saved(&begun["save"]).await["state"], "done");
    }
    let change = world.post("/exports/changes", json!({"from": "release-1", "to": "release-2"})).await.ok();
    assert_eq!((&change["from"], &change["added"]), (&json!("1"), &json!([])), "{change:#}");
    world.post("/exports", json!({"form": "jsonl", "folder": "x"})).await.refused(400, "usage");
    let kohya = json!({"collections": ["korean"], "form": "kohya", "folder": "x"});
    world.post("/exports", kohya).await.refused(400, "usage");

    let undone = world.delete(&format!("{at}/merges")).await.ok();
    assert_eq!((&undone["merge"], &undone["rows"]), (&json!(1), &merged["rows"]));
    world.delete(&format!("{at}/merges")).await.refused(409, "conflict");
    let audit = world.get("/audit").await.ok();
    assert!(audit.to_string().contains("korean: 2"), "{audit:#}");
}

/// Pages of the queue follow one another although rows leave it meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_comes_in_pages() {
    let (world, pictures) = world().await;
    let first = world.get("/collections/korean/queue?limit=1").await.ok();
    assert_eq!((names(&first), &first["total"]), (vec!["korean/2.png"], &3.into()));
    let path = format!("/collections/korean/rows/{}", pictures[2]);
    let version = world.get(&path).await.ok()["version"].clone();
    let said = json!({"reader": "ann", "version": version, "verdict": "approve"});
    let said = world.put(&format!("{path}/reading"), said).await.ok();
    assert_eq!(said["state"], "accepted");
    let cursor = first["next"].as_str().unwrap();
    let rest = world.get(&format!("/collections/korean/queue?limit=9&cursor={cursor}")).await.ok();
    assert_eq!((names(&rest), &rest["next"]), (vec!["korean/1.png", "korean/0.png"], &Value::Null));
    let said = json!({"reader": "ann", "version": version, "verdict": "reject"});
    assert_eq!(world.put(&format!("{path}/reading"), said).await.ok()["state"], "rejected");
}
