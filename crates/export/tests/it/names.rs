//! Names: presets, variables, texts, selections.

use std::fs;

use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::review::Verdict;
use imagemill_domain::save_rule::SaveRule;
use imagemill_export::{ExportError, FileKind, SaveRequest, Selection, check_rule, save};
use imagemill_testkit::pictures::{jpeg, png, webp};

use crate::world::{World, edit, generate, plain, preset, tree};

/// Two sources in two folders; the first has two results, the second's is a JPEG.
async fn world() -> World {
    World::of(&[
        edit("a/001_start.png", 0).results(vec![png(1, 8, 6), png(2, 8, 6)]),
        edit("b/002_start.jpg", 0).results(vec![jpeg(3, 8, 6)]),
    ])
    .await
}

#[tokio::test]
async fn presets() {
    for (name, files) in [
        (
            "edit_pairs",
            vec![
                "a/001_end.png",
                "a/001_end_2.png",
                "a/001_start.png",
                "a/001_start_2.png",
                "b/002_end.jpg",
                "b/002_start.jpg",
                "manifest.json",
            ],
        ),
        ("aitookit_edit", vec!["a/001_end.png", "a/001_end_2.png", "b/002_end.jpg", "manifest.json"]),
        ("keep_source_name", vec!["a/001_start.png", "a/001_start_2.png", "b/002_start.jpg", "manifest.json"]),
        (
            "source_with_txt",
            vec![
                "a/001_start.png",
                "a/001_start.txt",
                "a/001_start_2.png",
                "a/001_start_2.txt",
                "b/002_start.jpg",
                "b/002_start.txt",
                "manifest.json",
            ],
        ),
        ("first_only_clean", vec!["a/001_start.png", "b/002_start.jpg", "manifest.json"]),
        ("indexed_archive", vec!["a/001_start_1.png", "a/001_start_2.png", "b/002_start_1.jpg", "manifest.json"]),
    ] {
        let world = world().await;
        let rule = preset(name);
        let planned = world.dry_run(&rule).await;
        assert!(!world.out().exists(), "{name}: a dry run writes nothing");
        let saved = world.save(&rule).await;
        assert_eq!(tree(&world.out()), files, "{name}");
        assert_eq!(saved.error_count, 0, "{name}: {:?}", saved.errors);

        let mut names: Vec<String> = planned.names.iter().map(|planned| planned.file.clone()).collect();
        names.push("manifest.json".into());
        names.sort();
        assert_eq!(names, files, "{name}: the dry run tells the real names");
        assert_eq!(
            (planned.pictures, planned.sources, planned.texts, planned.skipped),
            (saved.pictures, saved.sources, saved.texts, saved.skipped),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_pair_is_the_source_and_its_own_result_byte_for_byte() {
    let world = world().await;
    world.save(&preset("edit_pairs")).await;
    let read = |name: &str| fs::read(world.out().join(name)).unwrap();
    assert_eq!(read("a/001_end.png"), png(1, 8, 6));
    assert_eq!(read("a/001_end_2.png"), png(2, 8, 6));
    for copy in ["a/001_start.png", "a/001_start_2.png"] {
        assert_eq!(read(copy), fs::read(world.photos().join("a/001_start.png")).unwrap(), "{copy}");
    }
    assert_eq!(read("b/002_start.jpg"), fs::read(world.photos().join("b/002_start.jpg")).unwrap());
}

#[tokio::test]
async fn every_variable_of_file_names() {
    let world = World::of(&[
        edit("sub/first.JPEG.png", 1),
        edit("sub/夜 景.png", 0).results(vec![webp(2, 8, 6), png(3, 8, 6)]).column("Tag 1", "x/y"),
    ])
    .await;
    let hash = |bytes: &[u8]| imagemill_domain::hash::ContentHash::of(bytes).short();
    for (template, expected) in [
        ("{src_stem}", vec!["sub/first.JPEG.png", "sub/夜 景.png", "sub/夜 景.webp"]),
        ("{src_name}", vec!["sub/first.JPEG.png.png", "sub/夜 景.png.png", "sub/夜 景.png.webp"]),
        ("{src_ext}-{ext}", vec!["sub/png-png.png", "sub/png-png_2.png", "sub/png-webp.webp"]),
        ("{src_folder}+{result_index:02}", vec!["sub/sub+01.png", "sub/sub+01.webp", "sub/sub+02.png"]),
        ("{global_index:04d}", vec!["sub/0001.png", "sub/0002.webp", "sub/0003.png"]),
        (
            "{job}/{model}/{global_index}",
            vec!["sub/holiday/sim-image/1.png", "sub/holiday/sim-image/2.webp", "sub/holiday/sim-image/3.png"],
        ),
        ("{sample}.{prompt_index}.{width}x{height}", vec!["sub/1.1.8x6.png", "sub/1.1.8x6.webp", "sub/1.1.8x6_2.png"]),
    ] {
        let saved = world.dry_run(&plain(template)).await;
        let mut names: Vec<&str> = saved.names.iter().map(|planned| planned.file.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{template}");
    }
    let flat = SaveRule { keep_folders: false, ..plain("{blake3}_{task_key}_{task_id}_{result_id}") };
    let saved = world.dry_run(&flat).await;
    let name = &saved.names[0].file;
    let key = format!("{:032x}", 1);
    assert!(name.starts_with(&format!("{}_{key}_", hash(&png(1, 8, 6)))), "{name}");
    assert!(name.ends_with(&format!("_{}.png", world.assets[0].0)), "{name}");
}

#[tokio::test]
async fn columns_are_variables_when_the_job_reads_a_list() {
    let mut file = JobFile::new(RecipeName::Edit);
    file.source.list = Some("list.csv".into());
    let plans = [edit("a.png", 1).column("city", "Zürich/West").column("no", "7"), edit("b.png", 2)];
    let world = World::named("cities", file, &plans).await;
    let saved = world.save(&plain("{city}/{no:03}")).await;
    assert_eq!(tree(&world.out()), ["Zürich_West/007.png"], "a value never makes a sub-folder");
    assert_eq!(saved.error_count, 1);
    assert!(saved.errors[0].message.contains("unknown variable {city}"), "{}", saved.errors[0].message);
}

#[tokio::test]
async fn pictures_made_from_words_are_named_by_them() {
    let long = "word ".repeat(100);
    let world = World::of(&[
        generate("A red fox, in snow!", 1),
        generate("雪中的红狐", 2),
        generate(&long, 3),
        generate("?!", 4),
    ])
    .await;
    world.save(&plain("{src_stem}")).await;
    let files = tree(&world.out());
    assert_eq!(files[0], "a-red-fox-in-snow.png");
    assert_eq!(files[1], "picture.png");
    assert!(files[2].starts_with("word-word-") && files[2].len() <= 64, "{}", files[2]);
    assert_eq!(files[3], "雪中的红狐.png");
}

#[tokio::test]
async fn a_template_that_comes_to_nothing_falls_back() {
    let world = World::of(&[edit("a.png", 1), edit("b.png", 2)]).await;
    world.save(&plain("  ")).await;
    assert_eq!(tree(&world.out()), ["a_1.png", "b_1.png"]);
}

#[tokio::test]
async fn texts_say_what_the_template_says_and_nothing_more() {
    let world = World::of(&[edit("sub/001_start.png", 1)]).await;
    world.save(&preset("source_with_txt")).await;
    let text = fs::read_to_string(world.out().join("sub/001_start.txt")).unwrap();
    let task = world.store.assets().get(world.assets[0]).await.unwrap().unwrap().task.0;
    assert_eq!(text, format!("001_start.png\nai_image_edit_result\n{task}"));

    let rule = SaveRule {
        text: true,
        replace_from: "start".into(),
        replace_to: "end".into(),
        text_template: "{src_stem} → {image_name} at {image_path}".into(),
        ..plain("texts/{src_stem}")
    };
    world.save(&rule).await;
    let path = world.out().canonicalize().unwrap().join("sub/texts/001_end.png");
    let text = fs::read_to_string(world.out().join("sub/texts/001_end.txt")).unwrap();
    assert_eq!(
        text,
        format!("001_start → 001_end.png at {}", path.display()),
        "the stem in a text is the source's own"
    );
}

#[tokio::test]
async fn templates_are_checked_before_anything_is_written() {
    let world = world().await;
    for (rule, key, part) in [
        (plain("{nope}"), "name", "unknown variable {nope}; known here: src_stem, "),
        (plain("{src_stem.__class__}"), "name", "not a variable name"),
        (plain("{image_name}"), "name", "unknown variable {image_name}"),
        (plain("{global_index:9999999}"), "name", "not understood"),
        (SaveRule { copy_source: true, source_name: "{".into(), ..plain("x") }, "source_name", "single '{'"),
        (SaveRule { text: true, text_template: "{nope}".into(), ..plain("x") }, "text_template", "image_path"),
    ] {
        let error = world.try_save(&rule).await.unwrap_err();
        assert!(matches!(error, ExportError::Template { key: found, .. } if found == key), "{error}");
        assert!(error.to_string().contains(part), "{error}");
        assert!(check_rule(&rule, false).is_err());
        assert!(!world.out().exists());
    }
    assert!(check_rule(&plain("{column}"), true).is_ok(), "a list may have any column");
}

#[tokio::test]
async fn reviews_decide() {
    let plans: Vec<_> = ["kept", "unset", "rejected", "disputed"]
        .iter()
        .zip(1..)
        .map(|(name, seed)| edit(&format!("{name}.png"), seed))
        .collect();
    let world = World::of(&plans).await;
    world.review(world.assets[0], "ada", Verdict::Keep).await;
    world.review(world.assets[2], "ada", Verdict::Reject).await;
    world.review(world.assets[3], "ada", Verdict::Keep).await;
    world.review(world.assets[3], "bob", Verdict::Reject).await;
    let saved = world.save(&plain("all/{src_stem}")).await;
    assert_eq!((saved.pictures, saved.skipped), (2, 2));
    let saved = world.save(&SaveRule { only_kept: true, ..plain("kept/{src_stem}") }).await;
    assert_eq!((saved.pictures, saved.skipped), (1, 3));
    assert_eq!(tree(&world.out()), ["all/kept.png", "all/unset.png", "kept/kept.png"]);
}

#[tokio::test]
async fn only_first_is_the_first_that_is_not_rejected() {
    let world = World::of(&[edit("a.png", 0).results(vec![png(1, 8, 6), png(2, 8, 6), png(3, 8, 6)])]).await;
    world.review(world.assets[0], "ada", Verdict::Reject).await;
    let saved = world.save(&preset("first_only_clean")).await;
    assert_eq!((saved.pictures, saved.skipped), (1, 2));
    assert_eq!(fs::read(world.out().join("a.png")).unwrap(), png(2, 8, 6));
}

#[tokio::test]
async fn a_part_of_the_job_can_be_saved() {
    let world = world().await;
    let rule = plain("{src_stem}_{result_index}");
    let some = |selection| save(SaveRequest { selection, dry_run: true, ..world.request(&rule) }, |_| {});
    let files = |saved: imagemill_export::Saved| -> Vec<String> {
        assert!(saved.names.iter().all(|planned| planned.kind == FileKind::Result));
        saved.names.into_iter().map(|planned| planned.file).collect()
    };
    let first = world.store.assets().get(world.assets[0]).await.unwrap().unwrap().task;
    assert_eq!(files(some(Selection::Tasks(vec![first])).await.unwrap()), ["a/001_start_1.png", "a/001_start_2.png"]);
    let named = Selection::Assets(vec![world.assets[2], world.assets[1], world.assets[2]]);
    assert_eq!(files(some(named).await.unwrap()), ["a/001_start_2.png", "b/002_start_1.jpg"], "in the job's order");
}

#[tokio::test]
async fn progress_ends_with_everything_done() {
    let plans: Vec<_> = (0..100).map(|seed| edit(&format!("{seed}.png"), seed)).collect();
    let world = World::of(&plans).await;
    let mut seen = Vec::new();
    save(world.request(&plain("{src_stem}")), |progress| seen.push((progress.done, progress.total))).await.unwrap();
    assert!(seen.len() > 2 && seen.is_sorted(), "{seen:?}");
    assert_eq!((seen[0], seen[seen.len() - 1]), ((0, 100), (100, 100)));
}
