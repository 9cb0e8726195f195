//! Fixtures for each age: absolute paths, missing hashes, wrong types, overwritten runs.

use std::fs;
use std::path::Path;

use imagemill_briefs::{AssetFolder, DifferenceKind, asset_name, check, import, prompt_hash, rebuild};
use imagemill_testkit::{TempWorkspace, pictures};
use serde_json::{Value, json};

fn write(root: &Path, file: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn read(root: &Path, file: &str) -> Value {
    serde_json::from_slice(&fs::read(root.join(file)).unwrap()).unwrap()
}

/// One run as the scripts recorded it: absolute paths from a machine that is gone, the type by the wish.
fn run(root: &Path, run: &str, picture: &str, at: &str, provider: &str, more: &Value) {
    let there = "/Users/someone/work/assets/persona-maya-v1";
    let mut manifest = json!({
        "assetId": "persona-maya-v1", "runId": run, "jobId": run, "provider": provider, "model": "image-nano-banana-2-text",
        "mode": "text-to-image", "mediaType": "image", "localAssetDir": there,
        "requestPath": format!("{there}/runs/image/{run}/request.json"),
        "responsePath": format!("{there}/runs/image/{run}/response.json"), "createdAt": at,
        "assets": [{
            "assetId": "img-001", "localPath": format!("{there}/{picture}"), "assetRelativePath": picture,
            "remoteUrl": "https://example.invalid/1.png", "mimeType": "image/png", "promptHash": prompt_hash("a woman"),
            "sourceBasis": [],
        }],
    });
    for (name, value) in more.as_object().unwrap() {
        manifest[name] = value.clone();
    }
    write(root, &format!("runs/image/{run}/manifest.json"), manifest.to_string());
    write(root, &format!("runs/image/{run}/request.json"), json!({"prompt": "a woman"}).to_string());
    write(root, &format!("runs/image/{run}/response.json"), json!({"status": "completed"}).to_string());
}

/// What all ages have in common.
fn asset(root: &Path, provider: &str, more: &Value) {
    // The runner named files after the wish; these bytes are a JPEG.
    write(root, "images/candidates/img-001.png", pictures::jpeg(1, 48, 32));
    run(root, "image-run-001", "images/candidates/img-001.png", "2026-05-01T00:00:00Z", provider, more);
    let card = json!({
        "assetId": "persona-maya-v1", "status": "review_pending", "localAssetDir": "/Users/someone/work/assets/persona-maya-v1",
        "heroImagePath": "images/candidates/img-001.png", "heroVideoPath": null,
    });
    write(root, "asset.json", card.to_string());
    let index = json!({"assetId": "persona-maya-v1", "images": [{"path": "images/candidates/img-001.png", "kind": "candidate", "originRunId": "image-run-001"}]});
    write(root, "index.json", index.to_string());
}

#[test]
fn a_folder_of_each_age_imports_and_checks_clean() {
    for (age, provider, more) in [
        ("a0", "wavespeed", json!({"model": "google/nano-banana-2/text-to-image", "providerPredictionId": "p-1"})),
        ("a", "hosted-media", json!({"generationHandle": "h-1", "providerStatus": "completed"})),
        ("b", "hosted-media", json!({"attemptId": "attempt-001", "materializationStatus": "materialized"})),
        ("c", "hosted-media", json!({"model": "image-gpt-image-2-text", "hostedOperationId": "op-1"})),
    ] {
        let temp = TempWorkspace::new();
        let (old, new) = (temp.path().join("old"), temp.path().join("new"));
        asset(&old, provider, &more);
        if age == "b" {
            write(&old, "runs/image/image-run-001/attempts/attempt-001/attempt.json", r#"{"state":"materialized"}"#);
            write(&old, "runs/image/image-run-001/attempts/attempt-001/manifest.json", "{}");
        }
        let (from, to) = (AssetFolder::new(old.clone()), AssetFolder::new(new.clone()));
        assert_eq!(asset_name(&from).unwrap(), "persona-maya-v1");
        let imported = import(&from, &to).unwrap();
        assert_eq!((imported.runs, imported.lost.len()), (1, 0), "{age}");
        assert_eq!(imported.hero_dropped.as_deref(), Some("images/candidates/img-001.png"));
        assert_eq!(check(&to).unwrap(), [], "{age}");
        let manifest = read(&new, "runs/image/image-run-001/manifest.json");
        assert!(!manifest.to_string().contains("/Users/"), "{age}: {manifest:#}");
        let entry = &manifest["assets"][0];
        assert_eq!((&entry["mimeType"], &entry["width"]), (&json!("image/jpeg"), &json!(48)), "{age}");
        assert_eq!(entry["promptHash"], prompt_hash("a woman"));
        assert_eq!(manifest["provider"], provider);
        // Again is the same, and moved is as true as before.
        assert_eq!(import(&from, &to).unwrap(), imported, "{age}");
        let moved = temp.path().join("elsewhere/maya");
        fs::create_dir_all(moved.parent().unwrap()).unwrap();
        fs::rename(&new, &moved).unwrap();
        assert_eq!(check(&AssetFolder::new(moved)).unwrap(), [], "{age}");
        assert_eq!(
            read(&old, "asset.json")["heroImagePath"],
            "images/candidates/img-001.png",
            "the source is untouched"
        );
    }
}

#[test]
fn pictures_that_a_later_run_replaced_are_named_as_lost() {
    let temp = TempWorkspace::new();
    let old = temp.path().join("old");
    asset(&old, "hosted-media", &json!({}));
    run(&old, "image-run-002", "images/candidates/img-001.png", "2026-05-02T00:00:00Z", "hosted-media", &json!({}));
    let to = AssetFolder::new(temp.path().join("new"));
    let imported = import(&AssetFolder::new(old), &to).unwrap();
    assert_eq!(imported.lost.len(), 1);
    assert!(imported.lost[0].starts_with("image-run-001: "), "{imported:?}");
    assert_eq!(read(to.root(), "index.json")["images"][0]["originRunId"], "image-run-002");
    assert_eq!(check(&to).unwrap(), []);
}

#[test]
fn a_check_tells_every_difference_and_rebuilding_mends_the_index() {
    let temp = TempWorkspace::new();
    let (old, new) = (temp.path().join("old"), temp.path().join("new"));
    asset(&old, "hosted-media", &json!({}));
    write(&old, "images/candidates/img-002.png", pictures::png(2, 8, 8));
    run(&old, "image-run-002", "images/candidates/img-002.png", "2026-05-02T00:00:00Z", "hosted-media", &json!({}));
    let to = AssetFolder::new(new.clone());
    import(&AssetFolder::new(old), &to).unwrap();
    let kinds = || check(&to).unwrap().into_iter().map(|difference| difference.kind).collect::<Vec<_>>();
    // Moved by a person: the same picture, only the browse list does not know yet.
    fs::create_dir_all(new.join("images/approved")).unwrap();
    fs::rename(new.join("images/candidates/img-001.png"), new.join("images/approved/hero.png")).unwrap();
    assert_eq!(kinds(), [DifferenceKind::StaleIndex]);
    assert!(rebuild(&to).unwrap() && !rebuild(&to).unwrap());
    assert_eq!(kinds(), []);
    assert_eq!(read(&new, "index.json")["images"][0]["kind"], "approved");
    fs::write(new.join("images/approved/hero.png"), pictures::png(9, 8, 8)).unwrap();
    fs::write(new.join("images/candidates/img-002.png"), pictures::png(9, 8, 8)).unwrap();
    write(&new, "images/candidates/stranger.png", pictures::png(3, 8, 8));
    let found = kinds();
    for kind in [DifferenceKind::Missing, DifferenceKind::Changed, DifferenceKind::Extra, DifferenceKind::StaleIndex] {
        assert!(found.contains(&kind), "{kind:?} in {found:?}");
    }
    let mut card = read(&new, "asset.json");
    card["heroImagePath"] = "images/candidates/img-002.png".into();
    write(&new, "asset.json", card.to_string());
    assert!(kinds().contains(&DifferenceKind::Hero));
}
