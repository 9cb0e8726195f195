//! Verdicts on pictures of an asset folder: what moves, what is recorded, what is the hero, and that nothing is lost.

use std::collections::BTreeMap;
use std::fs;

use imagemill_briefs::{
    AssetFolder, AssetVerdict, DifferenceKind, Judged, Judgement, check, judge, rebuild, review_words, standing,
};
use imagemill_testkit::{TempWorkspace, pictures};
use serde_json::{Value, json};

struct Case {
    _temp: TempWorkspace,
    folder: AssetFolder,
}

/// An asset with two candidates of one run.
fn case() -> Case {
    let temp = TempWorkspace::new();
    let folder = AssetFolder::new(temp.path().join("persona-maya-v1"));
    let mut assets = Vec::new();
    for number in 1..=2_u64 {
        let path = format!("images/candidates/image-run-001-img-00{number}.png");
        let bytes = pictures::png(number, 32, 24);
        put(&folder, &path, &bytes);
        assets.push(json!({
            "assetId": format!("img-00{number}"), "assetRelativePath": path, "localPath": path,
            "sha256": imagemill_briefs::sha256(&bytes),
        }));
    }
    let manifest = json!({ "runId": "image-run-001", "mediaType": "image", "assets": assets });
    put(&folder, "runs/image/image-run-001/manifest.json", manifest.to_string().as_bytes());
    let card = json!({
        "assetId": "persona-maya-v1", "personaId": "maya", "status": "review_pending", "heroImagePath": null,
    });
    put(&folder, "asset.json", card.to_string().as_bytes());
    rebuild(&folder).unwrap();
    Case { _temp: temp, folder }
}

fn put(folder: &AssetFolder, file: &str, bytes: &[u8]) {
    let path = folder.path(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn judgement(verdict: AssetVerdict) -> Judgement {
    let answers: BTreeMap<_, _> =
        review_words().questions.iter().map(|question| (question.clone(), "pass".to_owned())).collect();
    let against = verdict != AssetVerdict::Approve;
    let list = |word: &str| if against { vec![word.to_owned()] } else { Vec::new() };
    Judgement {
        verdict,
        answers: if against { BTreeMap::new() } else { answers },
        good: Vec::new(),
        bad: list("plastic skin"),
        categories: list("visual_realism"),
        stages: list("image"),
        action: None,
        reviewer: "ada".into(),
    }
}

impl Case {
    fn give(&self, number: u32, verdict: AssetVerdict) -> Judged {
        let object = format!("persona-maya-v1/image-run-001/img-00{number}");
        let picture = standing(&self.folder).unwrap().into_iter().find(|one| one.object == object).unwrap();
        judge(&self.folder, &picture, &judgement(verdict), "2026-11-21T10:00:00Z").unwrap()
    }

    fn read(&self, file: &str) -> Value {
        self.folder.json(file).unwrap().unwrap()
    }

    fn there(&self, file: &str) -> bool {
        self.folder.path(file).exists()
    }

    fn waiting(&self) -> usize {
        standing(&self.folder).unwrap().iter().filter(|one| one.waits).count()
    }
}

#[test]
fn an_approved_picture_moves_and_is_the_hero_and_another_verdict_undoes_it() {
    let case = case();
    assert_eq!(case.waiting(), 2);
    let first = case.give(1, AssetVerdict::Approve);
    assert_eq!(first.path, "images/approved/image-run-001-img-001.png");
    assert_eq!(first.hero.as_deref(), Some(first.path.as_str()));
    assert!(case.there(&first.path) && !case.there(&first.from));
    let card = case.read("asset.json");
    assert_eq!((&card["status"], &card["personaId"]), (&json!("approved"), &json!("maya")));
    assert_eq!(check(&case.folder).unwrap(), []);
    let second = case.give(2, AssetVerdict::Approve);
    assert_eq!(case.read("asset.json")["heroImagePath"], second.path);
    // The second was a mistake: the first is the hero again.
    let undone = case.give(2, AssetVerdict::Revise);
    assert_eq!((undone.path.as_str(), undone.hero), (second.from.as_str(), Some(first.path.clone())));
    let last = case.give(1, AssetVerdict::Reject);
    assert_eq!((last.path.as_str(), last.hero), ("images/rejected/image-run-001-img-001.png", None));
    assert_eq!(case.read("asset.json")["status"], "revise");
    assert_eq!((case.waiting(), check(&case.folder).unwrap().len()), (0, 0));
    let decisions = case.read("qa/decisions.json");
    let states: Vec<&str> =
        decisions["decisions"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["superseded", "superseded", "current", "current"]);
    assert_eq!(decisions["decisions"][0]["supersededBy"], "qa-0004");
    assert_eq!(decisions["feedback"][0]["feedbackText"], "plastic skin");
    assert!(!decisions.to_string().contains(case.folder.root().to_str().unwrap()), "{decisions:#}");
}

#[test]
fn the_same_verdict_again_adds_no_record_and_ends_what_a_crash_left() {
    let case = case();
    let first = case.give(1, AssetVerdict::Approve);
    assert!(!first.known);
    // As if the process had died after the record: the picture never moved, nobody is the hero.
    fs::rename(case.folder.path(&first.path), case.folder.path(&first.from)).unwrap();
    let mut card = case.read("asset.json");
    card["heroImagePath"] = Value::Null;
    put(&case.folder, "asset.json", card.to_string().as_bytes());
    rebuild(&case.folder).unwrap();
    let kinds: Vec<_> = check(&case.folder).unwrap().into_iter().map(|one| one.kind).collect();
    assert_eq!((kinds, case.waiting()), (vec![DifferenceKind::Verdict], 2));
    let again = case.give(1, AssetVerdict::Approve);
    assert!(again.known && case.there(&first.path));
    assert_eq!(case.read("asset.json")["heroImagePath"], first.path);
    assert_eq!(case.read("qa/decisions.json")["decisions"].as_array().unwrap().len(), 1);
    assert_eq!(check(&case.folder).unwrap(), []);
}

#[test]
fn nothing_is_replaced_and_what_a_person_copied_counts() {
    let case = case();
    // Another picture has the name already.
    put(&case.folder, "images/rejected/image-run-001-img-001.png", &pictures::png(7, 8, 8));
    let judged = case.give(1, AssetVerdict::Reject);
    assert!(judged.path.starts_with("images/rejected/image-run-001-img-001-"), "{judged:?}");
    assert_eq!(
        fs::read(case.folder.path("images/rejected/image-run-001-img-001.png")).unwrap(),
        pictures::png(7, 8, 8)
    );
    // Approved by hand: a copy, and the candidate left where it was.
    put(&case.folder, "images/approved/best.png", &pictures::png(2, 32, 24));
    assert_eq!(case.waiting(), 0, "{:#?}", standing(&case.folder).unwrap());
    let rejected = case.give(2, AssetVerdict::Reject);
    assert!(!case.there("images/approved/best.png") && !case.there("images/candidates/image-run-001-img-002.png"));
    assert_eq!(fs::read(case.folder.path(&rejected.path)).unwrap(), pictures::png(2, 32, 24));
}

#[test]
fn records_of_other_programs_are_kept_and_what_cannot_be_read_is_left_alone() {
    let case = case();
    let theirs = json!([{ "qaReportId": "qr-7", "targetObjectId": "img-001", "verdict": "approved" }]);
    for known in [theirs.clone(), theirs[0].clone()] {
        put(&case.folder, "qa/decisions.json", known.to_string().as_bytes());
        assert_eq!(case.waiting(), 2);
    }
    case.give(1, AssetVerdict::Approve);
    let decisions = case.read("qa/decisions.json");
    assert_eq!((&decisions["decisions"][0], &decisions["decisions"][1]["qaReportId"]), (&theirs[0], &json!("qa-0002")));
    put(&case.folder, "qa/decisions.json", br#"{"decisions": "none"}"#);
    let said = standing(&case.folder).unwrap_err().to_string();
    assert!(said.contains("form of its own"), "{said}");
    assert_eq!(fs::read(case.folder.path("qa/decisions.json")).unwrap(), br#"{"decisions": "none"}"#);
}
