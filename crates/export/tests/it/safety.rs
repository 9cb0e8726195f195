//! Nothing outside, nothing lost, one bad picture harms no other.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use imagemill_domain::hash::ContentHash;
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::save_rule::{Collision, SaveRule};
use imagemill_export::{ExportError, SaveRequest, save};
use imagemill_testkit::pictures::png;
use proptest::prelude::*;

use crate::world::{Plan, World, edit, plain, preset, tree};

#[tokio::test]
async fn links_in_the_output_folder_lead_nowhere_else() {
    let world = World::of(&[edit("in/a.png", 1), edit("b.png", 2), edit("c.png", 3)]).await;
    let (out, outside) = (world.out(), world.dir.path().join("outside"));
    fs::create_dir_all(&out).unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("target.png"), "precious").unwrap();
    symlink(&outside, out.join("in")).unwrap();
    symlink(outside.join("target.png"), out.join("b.png")).unwrap();
    for dry_run in [true, false] {
        let rule = SaveRule { collision: Collision::Overwrite, ..plain("{src_stem}") };
        let saved = save(SaveRequest { dry_run, ..world.request(&rule) }, |_| {}).await.unwrap();
        assert_eq!((saved.pictures, saved.error_count), (2, 1), "dry run {dry_run}");
        assert!(saved.errors[0].message.contains("leads out of the output folder"), "{}", saved.errors[0].message);
    }
    assert_eq!(tree(&outside), ["target.png"]);
    assert_eq!(fs::read(outside.join("target.png")).unwrap(), b"precious", "the link was replaced, not what it named");
    assert_eq!(fs::read(out.join("b.png")).unwrap(), png(2, 8, 6));
}

#[tokio::test]
async fn a_changed_or_missing_source_is_told_and_the_result_is_saved() {
    let world = World::of(&[edit("1_start.png", 1), edit("2_start.png", 2), edit("3_start.png", 3)]).await;
    fs::write(world.photos().join("1_start.png"), png(99, 9, 7)).unwrap();
    fs::remove_file(world.photos().join("2_start.png")).unwrap();
    let saved = world.save(&preset("edit_pairs")).await;
    assert_eq!(tree(&world.out()), ["1_end.png", "2_end.png", "3_end.png", "3_start.png", "manifest.json"]);
    assert_eq!((saved.pictures, saved.sources, saved.error_count), (3, 1, 2));
    assert!(saved.errors[0].message.contains("has changed since the job was planned"), "{}", saved.errors[0].message);
    assert!(saved.errors[1].message.contains("cannot be read"), "{}", saved.errors[1].message);
}

#[tokio::test]
async fn a_damaged_or_missing_original_is_told_and_the_rest_is_saved() {
    let world = World::of(&[edit("a.png", 1), edit("b.png", 2), edit("c.png", 3)]).await;
    let original = |seed| {
        let bytes = png(seed, 8, 6);
        world.files.original_path(&ContentHash::of(&bytes), imagemill_domain::picture::PictureFormat::Png)
    };
    fs::set_permissions(original(1), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(original(1), "damaged").unwrap();
    fs::remove_file(original(2)).unwrap();
    let saved = world.save(&preset("keep_source_name")).await;
    assert_eq!(tree(&world.out()), ["c.png", "manifest.json"], "and no half file stays");
    assert_eq!((saved.pictures, saved.error_count), (1, 2));
    assert!(saved.errors[0].message.contains("original is damaged"), "{}", saved.errors[0].message);
    assert_eq!(world.manifest()["entries"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_output_folder_that_cannot_be_made_is_told() {
    let world = World::of(&[edit("a.png", 1)]).await;
    fs::write(world.out(), "a file").unwrap();
    let error = world.try_save(&plain("x")).await.unwrap_err();
    assert!(matches!(error, ExportError::Folder { .. }), "{error}");
    assert!(error.to_string().contains("--to"), "{error}");
}

#[tokio::test]
async fn more_failures_than_can_be_told_are_counted() {
    let plans: Vec<Plan> = (0..25).map(|seed| edit(&format!("{seed}_start.png"), seed)).collect();
    let world = World::of(&plans).await;
    fs::remove_dir_all(world.photos()).unwrap();
    let saved = world.save(&preset("edit_pairs")).await;
    assert_eq!((saved.pictures, saved.errors.len(), saved.error_count), (25, 20, 25));
}

/// Texts that people and attackers put into names.
fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9_ .]{0,8}",
        Just("../../etc/passwd".to_owned()),
        Just("..".to_owned()),
        Just("/".to_owned()),
        Just("a/../../b".to_owned()),
        Just("C:\\Windows\\x".to_owned()),
        Just("con".to_owned()),
        Just("\0\n\r\t".to_owned()),
        Just("\u{202e}gnp".to_owned()),
        Just("夜".repeat(150)),
        Just(".imagemill".to_owned()),
        Just("manifest".to_owned()),
        "\\PC{0,12}",
    ]
}

fn template() -> impl Strategy<Value = String> {
    let variable = prop_oneof![
        Just("{src_stem}"),
        Just("{src_name}"),
        Just("{src_folder}"),
        Just("{column}"),
        Just("{global_index:03}"),
        Just("{job}"),
        Just("/"),
        Just("../"),
        Just("..\\"),
        Just("~/"),
    ];
    let literal = nasty().prop_map(|text| text.replace(['{', '}'], ""));
    prop::collection::vec(prop_oneof![variable.prop_map(ToOwned::to_owned), literal], 0..4)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn no_text_whatever_leaves_the_folder_or_hides_a_picture(
        name in template(),
        source_name in template(),
        columns in prop::collection::vec(nasty(), 3),
        job in "[a-z/.\\\\]{1,8}",
        keep_folders: bool,
        copy_source: bool,
        overwrite: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut file = JobFile::new(RecipeName::Edit);
            file.source.list = Some("list.csv".into());
            let plans: Vec<Plan> = ["a/x.png", "b/x.png", "b/X.jpg"]
                .iter()
                .zip(&columns)
                .zip(1..)
                .map(|((source, column), seed)| edit(source, seed).results(vec![png(seed, 8, 6), png(seed + 50, 8, 6)]).column("column", column))
                .collect();
            let world = World::named(&job, file, &plans).await;
            fs::create_dir(world.out()).unwrap();
            let outside_before: Vec<String> = outside(&world);
            let collision = if overwrite { Collision::Overwrite } else { Collision::Suffix };
            let rule = SaveRule { name, source_name, keep_folders, copy_source, collision, text: true, ..SaveRule::default() };
            let planned = world.dry_run(&rule).await;
            let saved = world.save(&rule).await;
            assert_eq!(outside(&world), outside_before, "nothing appears outside");
            assert!(saved.pictures + saved.error_count >= 6, "each picture is saved or told: {saved:?}");
            assert_eq!(saved.skipped, 0, "no rule leaves one out here: {saved:?}");
            let entries = world.manifest_entries();
            assert_eq!(entries.len() as u64, saved.pictures);
            for (file, blake3) in &entries {
                let bytes = fs::read(world.out().join(file)).unwrap();
                assert_eq!(ContentHash::of(&bytes).to_hex(), *blake3, "{file} holds the picture that the manifest names");
                assert!(file.split('/').all(|part| part != ".." && part.len() <= 255), "{file}");
            }
            let on_disk = tree(&world.out()).len() as u64;
            assert_eq!(on_disk, saved.pictures + saved.sources + saved.texts + 1, "no file hides another");
            let names: Vec<&String> = planned.names.iter().filter(|name| !name.there).map(|name| &name.file).collect();
            if planned.error_count == saved.error_count {
                assert_eq!(names.len() as u64, on_disk - 1, "the dry run told all of them");
                assert!(names.iter().all(|name| world.out().join(name).is_file()));
            }
        });
    }
}

/// Everything in the workspace's folder but the output folder and the database.
fn outside(world: &World) -> Vec<String> {
    tree(world.dir.path())
        .into_iter()
        .filter(|file| !file.starts_with("out/") && !file.starts_with("state.db"))
        .collect()
}
