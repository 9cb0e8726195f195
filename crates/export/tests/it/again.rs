//! Saving again: nothing twice, names that stay, files that people touched.

use std::fs;

use imagemill_domain::hash::ContentHash;
use imagemill_domain::review::Verdict;
use imagemill_domain::save_rule::{Collision, SaveRule};
use imagemill_testkit::pictures::png;

use crate::world::{World, edit, plain, preset, tree};

#[tokio::test]
async fn saving_twice_makes_nothing_twice() {
    for collision in [Collision::Suffix, Collision::Skip, Collision::Overwrite] {
        for manifest in [true, false] {
            let world = World::of(&[
                edit("a/1_start.png", 0).results(vec![png(1, 8, 6), png(2, 8, 6)]),
                edit("b/1_start.png", 3),
            ])
            .await;
            let flat = SaveRule { keep_folders: false, text: true, collision, manifest, ..preset("edit_pairs") };
            let first = world.save(&flat).await;
            let files = tree(&world.out());
            let content = |files: &[String]| -> Vec<Vec<u8>> {
                files.iter().map(|file| fs::read(world.out().join(file)).unwrap()).collect()
            };
            let before = content(&files);
            let second = world.save(&flat).await;
            let case = format!("{collision:?}, manifest {manifest}");
            assert_eq!(tree(&world.out()), files, "{case}");
            assert_eq!(content(&files), before, "{case}: the manifest too is the same, byte for byte");
            assert_eq!((second.pictures, second.sources, second.texts), (0, 0, 0), "{case}");
            assert_eq!(second.already_there, first.pictures + first.sources + first.already_there, "{case}");
            assert_eq!(second.skipped, first.skipped, "{case}");
            assert_eq!((first.error_count, second.error_count), (0, 0), "{case}");
        }
    }
}

#[tokio::test]
async fn names_and_numbers_stay_when_the_job_grows() {
    let mut world = World::of(&[edit("b.png", 0).results(vec![png(1, 8, 6), png(2, 8, 6)])]).await;
    let numbered = SaveRule { manifest: true, ..plain("{global_index:03}") };
    world.save(&numbered).await;
    assert_eq!(tree(&world.out()), ["001.png", "002.png", "manifest.json"]);
    world.review(world.assets[0], "ada", Verdict::Reject).await;
    world.add(&[edit("a.png", 3)]).await;
    let saved = world.save(&numbered).await;
    assert_eq!((saved.pictures, saved.already_there, saved.skipped), (1, 1, 1));
    assert_eq!(tree(&world.out()), ["001.png", "002.png", "003.png", "manifest.json"]);
    assert_eq!(fs::read(world.out().join("002.png")).unwrap(), png(2, 8, 6));
    let files: Vec<_> =
        world.manifest()["entries"].as_array().unwrap().iter().map(|entry| entry["file"].clone()).collect();
    assert_eq!(files, ["002.png", "003.png", "001.png"], "what is still there stays listed");
}

#[tokio::test]
async fn suffixes_stay_with_their_results() {
    let world = World::of(&[edit("a.png", 0).results(vec![png(1, 8, 6), png(2, 8, 6), png(3, 8, 6)])]).await;
    let rule = preset("keep_source_name");
    world.save(&rule).await;
    fs::remove_file(world.out().join("a.png")).unwrap();
    world.review(world.assets[0], "ada", Verdict::Reject).await;
    let saved = world.save(&rule).await;
    assert_eq!((saved.pictures, saved.already_there), (0, 2), "the freed name is not given to the next");
    assert_eq!(tree(&world.out()), ["a_2.png", "a_3.png", "manifest.json"]);
    world.review(world.assets[0], "ada", Verdict::Unset).await;
    world.save(&rule).await;
    assert_eq!(fs::read(world.out().join("a.png")).unwrap(), png(1, 8, 6), "it comes back under its own name");
}

#[tokio::test]
async fn a_number_stays_when_the_stranger_that_caused_it_is_gone() {
    let world = World::of(&[edit("a.png", 1)]).await;
    fs::create_dir(world.out()).unwrap();
    fs::write(world.out().join("a.png"), "stranger").unwrap();
    world.save(&preset("keep_source_name")).await;
    fs::remove_file(world.out().join("a.png")).unwrap();
    let saved = world.save(&preset("keep_source_name")).await;
    assert_eq!((saved.pictures, saved.already_there), (0, 1));
    assert_eq!(tree(&world.out()), ["a_2.png", "manifest.json"]);
}

#[tokio::test]
async fn another_rule_gives_new_names_beside_the_old() {
    let world = World::of(&[edit("a.png", 1)]).await;
    world.save(&preset("keep_source_name")).await;
    world.save(&preset("indexed_archive")).await;
    assert_eq!(tree(&world.out()), ["a.png", "a_1.png", "manifest.json"]);
    assert_eq!(world.manifest()["entries"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_picture_that_a_person_changed_is_left_alone() {
    for (collision, files, pictures) in [
        (Collision::Suffix, vec!["a.png", "a_2.png", "manifest.json"], 1),
        (Collision::Skip, vec!["a.png", "manifest.json"], 0),
    ] {
        let world = World::of(&[edit("a.png", 1)]).await;
        let rule = SaveRule { collision, ..preset("keep_source_name") };
        world.save(&rule).await;
        fs::write(world.out().join("a.png"), "retouched").unwrap();
        let saved = world.save(&rule).await;
        assert_eq!((tree(&world.out()), saved.pictures), (files.iter().map(ToString::to_string).collect(), pictures));
        assert_eq!(fs::read(world.out().join("a.png")).unwrap(), b"retouched");
        let third = world.save(&rule).await;
        assert_eq!((tree(&world.out()).len(), third.pictures), (files.len(), 0), "{collision:?}");
    }
}

#[tokio::test]
async fn a_text_follows_its_template_until_a_person_writes_in_it() {
    let world = World::of(&[edit("a.png", 1), edit("b.png", 2)]).await;
    let rule = |text: &str| SaveRule { text: true, text_template: text.into(), ..preset("keep_source_name") };
    let read = |name: &str| fs::read_to_string(world.out().join(name)).unwrap();
    world.save(&rule("one {src_name}")).await;
    fs::write(world.out().join("b.txt"), "my own words").unwrap();
    let saved = world.save(&rule("two {src_name}")).await;
    assert_eq!((read("a.txt"), read("b.txt"), saved.texts), ("two a.png".into(), "my own words".into(), 1));
    world.save(&rule("three {src_name}")).await;
    assert_eq!((read("a.txt"), read("b.txt")), ("three a.png".into(), "my own words".into()));
    assert_eq!(tree(&world.out()), ["a.png", "a.txt", "b.png", "b.txt", "manifest.json"]);
    world.save(&SaveRule { collision: Collision::Overwrite, ..rule("four") }).await;
    assert_eq!(read("b.txt"), "four", "overwrite means it");
}

#[tokio::test]
async fn a_killed_save_is_continued() {
    let world = World::of(&[edit("a.png", 1), edit("b.png", 2)]).await;
    let rule = preset("keep_source_name");
    // What a kill leaves: some pictures, a temporary file, no manifest.
    fs::create_dir(world.out()).unwrap();
    fs::write(world.out().join("a.png"), png(1, 8, 6)).unwrap();
    fs::write(world.out().join(format!(".imagemill-{}-1.part", std::process::id())), "half").unwrap();
    let saved = world.save(&rule).await;
    assert_eq!((saved.pictures, saved.already_there, saved.error_count), (1, 1, 0));
    assert_eq!(world.manifest()["entries"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_result_that_replaces_another_replaces_its_file_only_when_the_rule_says_so() {
    for (collision, files, new) in [
        (Collision::Suffix, vec!["a.png", "a_2.png", "b.png", "manifest.json"], "a_2.png"),
        (Collision::Overwrite, vec!["a.png", "b.png", "manifest.json"], "a.png"),
    ] {
        let mut world = World::of(&[edit("a.png", 1), edit("b.png", 2)]).await;
        let rule = SaveRule { collision, ..preset("keep_source_name") };
        world.save(&rule).await;
        world.redo(&edit("a.png", 9)).await;
        let saved = world.save(&rule).await;
        assert_eq!((saved.pictures, saved.already_there), (1, 1), "{collision:?}");
        assert_eq!(tree(&world.out()), files, "{collision:?}");
        assert_eq!(fs::read(world.out().join(new)).unwrap(), png(9, 8, 6));
        let entries = world.manifest_entries();
        assert_eq!(entries.len(), files.len() - 1, "{collision:?}: each file is listed once");
        assert_eq!(entries[new], ContentHash::of(&png(9, 8, 6)).to_hex());
    }
}
