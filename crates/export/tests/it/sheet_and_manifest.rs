//! The manifest and the contact sheet.

use std::fs;

use imagemill_domain::hash::ContentHash;
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::save_rule::SaveRule;
use imagemill_testkit::pictures::png;

use crate::world::{World, edit, preset, tree};

#[tokio::test]
async fn the_manifest_tells_where_each_picture_comes_from() {
    let world = World::of(&[edit("a/1_start.png", 0).results(vec![png(1, 8, 6), png(2, 8, 6)])]).await;
    let saved = world.save(&SaveRule { text: true, ..preset("edit_pairs") }).await;
    assert_eq!(saved.manifest, Some(world.out().canonicalize().unwrap().join("manifest.json")));
    let manifest = world.manifest();
    assert_eq!(manifest["job"], "holiday");
    assert_eq!(manifest["profile"], "simulator");
    assert_eq!(manifest["totals"]["tasks"]["succeeded"], 1);
    assert_eq!(manifest["totals"]["spent"], 0.04);
    let entry = &manifest["entries"][1];
    assert_eq!(entry["file"], "a/1_end_2.png");
    assert_eq!(entry["source"]["file"], "a/1_start_2.png");
    assert_eq!(entry["source"]["name"], "a/1_start.png");
    assert_eq!(entry["text"]["file"], "a/1_end_2.txt");
    assert_eq!(entry["prompt"], "night");
    assert_eq!(entry["blake3"], ContentHash::of(&png(2, 8, 6)).to_hex());
    assert_eq!(entry["phash"], "0000000000000abc");
    assert_eq!(entry["cost"], 0.02, "two pictures share what the call cost");
    assert_eq!(entry["created"], "2023-11-14T22:13:20Z");
    assert_eq!((&entry["number"], &entry["sample"], &entry["result_index"]), (&2.into(), &1.into(), &2.into()));
    let text = fs::read_to_string(world.out().join("manifest.json")).unwrap();
    assert!(!text.contains(world.dir.path().to_str().unwrap()), "no absolute path stands in it");
}

#[tokio::test]
async fn a_strangers_manifest_is_left_alone() {
    for stranger in
        ["{\"my\": \"own\"}", "not JSON", "{\"manifest\":1,\"tool\":\"imagemill\",\"job\":\"other\",\"entries\":[]}"]
    {
        let world = World::of(&[edit("a.png", 1)]).await;
        fs::create_dir(world.out()).unwrap();
        fs::write(world.out().join("manifest.json"), stranger).unwrap();
        for _ in 0..2 {
            let saved = world.save(&preset("keep_source_name")).await;
            assert!(saved.manifest.unwrap().ends_with("imagemill-manifest-holiday.json"));
            assert_eq!(tree(&world.out()), ["a.png", "imagemill-manifest-holiday.json", "manifest.json"]);
            assert_eq!(fs::read_to_string(world.out().join("manifest.json")).unwrap(), stranger);
        }
    }
}

#[tokio::test]
async fn two_jobs_share_a_folder() {
    let first = World::named(
        "first",
        imagemill_domain::job_file::JobFile::new(imagemill_domain::job_file::RecipeName::Edit),
        &[edit("a.png", 1)],
    )
    .await;
    let second = World::named("second", first.job.definition.file.clone(), &[edit("a.png", 2)]).await;
    let rule = preset("keep_source_name");
    for _ in 0..2 {
        first.save(&rule).await;
        let request = imagemill_export::SaveRequest { folder: first.out(), ..second.request(&rule) };
        imagemill_export::save(request, |_| {}).await.unwrap();
    }
    assert_eq!(tree(&first.out()), ["a.png", "a_2.png", "imagemill-manifest-second.json", "manifest.json"]);
    assert_eq!(fs::read(first.out().join("a.png")).unwrap(), png(1, 8, 6));
}

#[tokio::test]
async fn the_contact_sheet_is_a_picture_and_is_made_once() {
    let plans: Vec<_> = (0..30).map(|seed| edit(&format!("{seed}.png"), seed)).collect();
    let world = World::of(&plans).await;
    let rule = SaveRule { contact_sheet: true, ..preset("keep_source_name") };
    for _ in 0..2 {
        let saved = world.save(&rule).await;
        let names: Vec<_> =
            saved.contact_sheets.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["contact-sheet.jpg", "contact-sheet-2.jpg"]);
        for sheet in &saved.contact_sheets {
            assert_eq!(PictureFormat::sniff(&fs::read(sheet).unwrap()), Some(PictureFormat::Jpeg));
        }
        assert_eq!(tree(&world.out()).len(), 30 + 2 + 1);
    }
}

#[tokio::test]
async fn a_strangers_contact_sheet_is_left_alone() {
    let world = World::of(&[edit("a.png", 1)]).await;
    fs::create_dir(world.out()).unwrap();
    fs::write(world.out().join("contact-sheet.jpg"), "mine").unwrap();
    let rule = SaveRule { contact_sheet: true, ..preset("keep_source_name") };
    for _ in 0..2 {
        world.save(&rule).await;
        assert_eq!(tree(&world.out()), ["a.png", "contact-sheet-2.jpg", "contact-sheet.jpg", "manifest.json"]);
        assert_eq!(fs::read(world.out().join("contact-sheet.jpg")).unwrap(), b"mine");
    }
}
