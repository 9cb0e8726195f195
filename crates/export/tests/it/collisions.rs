//! Names that are taken.

use std::fs;

use imagemill_domain::save_rule::{Collision, SaveRule};
use imagemill_testkit::pictures::png;

use crate::world::{World, edit, plain, preset, tree};

#[tokio::test]
async fn equal_stems_in_sub_folders_keep_their_relation() {
    let plans = [edit("day/001_start.png", 1), edit("dusk/001_start.png", 2), edit("night/001_start.jpg", 3)];
    let world = World::of(&plans).await;
    world.save(&preset("edit_pairs")).await;
    let folders = ["day/001_end.png", "day/001_start.png", "dusk/001_end.png", "dusk/001_start.png"];
    assert_eq!(tree(&world.out())[..4], folders);
    fs::remove_dir_all(world.out()).unwrap();

    world.save(&SaveRule { keep_folders: false, ..preset("edit_pairs") }).await;
    let flat = [
        "001_end.png",
        "001_end_2.png",
        "001_end_3.png",
        "001_start.png",
        "001_start_2.png",
        "001_start_3.jpg",
        "manifest.json",
    ];
    assert_eq!(tree(&world.out()), flat, "the third source is free to be 001_start.jpg, but belongs to 001_end_3");
    for (number, folder) in [("", "day"), ("_2", "dusk")] {
        let copy = fs::read(world.out().join(format!("001_start{number}.png"))).unwrap();
        assert_eq!(copy, fs::read(world.photos().join(folder).join("001_start.png")).unwrap(), "{folder}");
    }
}

#[tokio::test]
async fn strangers_files_are_treated_as_the_rule_says() {
    for (collision, expected, files) in [
        (Collision::Skip, (1, 1), vec!["a.png=stranger", "b.png"]),
        (Collision::Suffix, (2, 0), vec!["a.png=stranger", "a_2.png", "b.png"]),
        (Collision::Overwrite, (2, 0), vec!["a.png", "b.png"]),
    ] {
        let world = World::of(&[edit("a.png", 1), edit("b.png", 2)]).await;
        fs::create_dir(world.out()).unwrap();
        fs::write(world.out().join("a.png"), "stranger").unwrap();
        let saved = world.save(&SaveRule { collision, ..plain("{src_stem}") }).await;
        assert_eq!((saved.pictures, saved.skipped), expected, "{collision:?}");
        let told: Vec<String> = tree(&world.out())
            .into_iter()
            .map(|file| match fs::read(world.out().join(&file)).unwrap().as_slice() {
                b"stranger" => format!("{file}=stranger"),
                _ => file,
            })
            .collect();
        assert_eq!(told, files, "{collision:?}");
    }
}

#[tokio::test]
async fn siblings_never_replace_each_other() {
    let world = World::of(&[edit("a.png", 0).results(vec![png(1, 8, 6), png(2, 8, 6), png(1, 8, 6)])]).await;
    let saved = world.save(&SaveRule { collision: Collision::Overwrite, ..plain("{src_stem}") }).await;
    assert_eq!(tree(&world.out()), ["a.png", "a_2.png"]);
    assert_eq!((saved.pictures, saved.already_there), (2, 1), "the third has the bytes of the first");
}

#[tokio::test]
async fn sources_are_never_replaced_and_never_changed() {
    let world = World::of(&[edit("a.png", 1), edit("b.png", 2)]).await;
    let before = fs::read(world.photos().join("a.png")).unwrap();
    for collision in [Collision::Overwrite, Collision::Suffix] {
        let rule = SaveRule { collision, ..plain("{src_stem}") };
        let request = imagemill_export::SaveRequest { folder: world.photos(), ..world.request(&rule) };
        let saved = imagemill_export::save(request, |_| {}).await.unwrap();
        assert_eq!(saved.error_count, 0, "{:?}", saved.errors);
        assert_eq!(tree(&world.photos()), ["a.png", "a_2.png", "b.png", "b_2.png"], "{collision:?}");
        assert_eq!(fs::read(world.photos().join("a.png")).unwrap(), before);
    }
}

#[tokio::test]
async fn one_name_for_source_and_result_is_an_error_for_the_item() {
    let world = World::of(&[edit("a.png", 1), edit("b.jpg", 2)]).await;
    let rule = SaveRule { copy_source: true, ..plain("{src_stem}") };
    let saved = world.save(&rule).await;
    assert_eq!(tree(&world.out()), ["b.jpg", "b.png"], "other suffixes are other names");
    assert_eq!(saved.error_count, 1);
    assert!(saved.errors[0].message.contains("change name or source_name"), "{}", saved.errors[0].message);
}

#[tokio::test]
async fn names_that_differ_only_in_case_stay_two_files_everywhere() {
    let world = World::of(&[edit("IMG.png", 1), edit("img.png", 2)]).await;
    world.save(&plain("{src_stem}")).await;
    assert_eq!(tree(&world.out()), ["IMG.png", "img_2.png"]);
}
