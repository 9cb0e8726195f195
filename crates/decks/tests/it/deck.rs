//! Folders of decks, also those of the reference: what is left to do, and the file that is written.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use imagemill_decks::{BuildOptions, DeckError, DeckFolder, Fit, Missing, PageAction, build, check_pptx, status};
use imagemill_testkit::{TempWorkspace, pictures};
use serde_json::json;

use crate::outline::outline;

const PAGES: [&str; 5] = ["title", "section", "content", "data", "closing"];

/// A whole deck as the reference leaves it, but for its pptx.
fn deck() -> TempWorkspace {
    let folder = TempWorkspace::new();
    let pack = json!({"deck_id": "light", "deck_dir": "/elsewhere", "ppt_mode": "creative", "created_at": "2026-01-02T03:04:05+08:00",
        "params": {"page_count": "5", "language": "en", "role": "keeper"}, "skill_version": "0.1.0"});
    folder.write("task_pack.json", pack.to_string());
    folder.write("style_spec.md", "# Style");
    folder.write("outline.json", outline(&PAGES).to_string());
    for number in 1..=5 {
        folder.write(format!("pages/page_{number:03}.prompt.txt"), "a lighthouse");
        folder.write(format!("pages/page_{number:03}.png"), pictures::png(number, 64, 36));
    }
    for (name, age) in [("outline.json", 300), ("pages/page_001.prompt.txt", 200), ("pages/page_001.png", 100)] {
        for number in 1..=5 {
            let name = name.replace("001", &format!("{number:03}"));
            set_age(&folder.path().join(name), age);
        }
    }
    folder
}

fn set_age(path: &Path, seconds: u64) {
    let written = SystemTime::now() - Duration::from_secs(seconds);
    fs::File::options().write(true).open(path).unwrap().set_modified(written).unwrap();
}

fn open(folder: &TempWorkspace) -> DeckFolder {
    DeckFolder::open(folder.path()).unwrap()
}

fn actions(folder: &TempWorkspace) -> Vec<PageAction> {
    status(&open(folder)).unwrap().pages.into_iter().map(|page| page.action).collect()
}

#[test]
fn what_is_left_follows_from_what_the_files_hold() {
    use PageAction::{Full, RenderOnly, Skip};
    let folder = deck();
    let before = status(&open(&folder)).unwrap();
    assert_eq!(actions(&folder), [Skip; 5]);
    assert!(before.style_spec_done && before.outline_done && !before.pptx_done && !before.is_done());
    build(&open(&folder), &BuildOptions::default()).unwrap();
    assert!(status(&open(&folder)).unwrap().is_done());

    let png = pictures::png(1, 64, 36);
    folder.write("pages/page_001.png", &png[..png.len() / 2]);
    folder.write("pages/page_002.png", b"");
    fs::remove_file(folder.path().join("pages/page_003.png")).unwrap();
    fs::create_dir(folder.path().join("pages/page_003.png")).unwrap();
    folder.write("pages/page_004.prompt.txt", "another prompt");
    folder.write("pages/page_005.prompt.txt", " \n");
    assert_eq!(actions(&folder), [RenderOnly, RenderOnly, RenderOnly, RenderOnly, Full]);
    let after = status(&open(&folder)).unwrap();
    let whys: Vec<_> = after.pages.iter().map(|page| page.why.clone().unwrap()).collect();
    for (why, words) in
        whys.iter().zip(["cannot be read", "is empty", "is no file", "prompt is newer", "prompt is empty"])
    {
        assert!(why.contains(words), "{why}");
    }
    // A newer outline makes every older prompt old.
    set_age(&folder.path().join("outline.json"), 50);
    folder.write("pages/page_004.png", &png);
    assert_eq!(actions(&folder), [Full, Full, Full, Skip, Full]);
    // A picture that somebody put there without a prompt is theirs.
    fs::remove_file(folder.path().join("pages/page_004.prompt.txt")).unwrap();
    assert_eq!(actions(&folder)[3], Skip);
}

/// Every state of a prompt with every state of a picture; what lies beside the pages is no page.
#[test]
fn each_combination_of_prompt_and_picture_has_its_action() {
    use PageAction::{Full, RenderOnly, Skip};
    let folder = deck();
    let (prompt, picture) = (folder.path().join("pages/page_002.prompt.txt"), folder.path().join("pages/page_002.png"));
    let png = pictures::png(2, 64, 36);
    folder.write("pages/page_006.png", &png);
    folder.write("pages/page_006.prompt.txt", "beyond the last page");
    for (prompt_is, prompt_age) in [("absent", 0), ("empty", 200), ("older than the outline", 400), ("good", 200)] {
        for picture_is in ["absent", "empty", "cut", "a folder", "no picture", "older than the prompt", "good"] {
            let _ = (fs::remove_file(&prompt), fs::remove_file(&picture), fs::remove_dir(&picture));
            if prompt_is != "absent" {
                fs::write(&prompt, if prompt_is == "empty" { " \n" } else { "a lighthouse" }).unwrap();
                set_age(&prompt, prompt_age);
            }
            match picture_is {
                "absent" => {}
                "a folder" => fs::create_dir(&picture).unwrap(),
                "empty" => fs::write(&picture, b"").unwrap(),
                "cut" => fs::write(&picture, &png[..png.len() / 2]).unwrap(),
                "no picture" => fs::write(&picture, b"<html>").unwrap(),
                _ => fs::write(&picture, &png).unwrap(),
            }
            if picture_is == "older than the prompt" {
                set_age(&picture, 500);
            } else if picture.is_file() {
                set_age(&picture, 100);
            }
            let wanted = match (prompt_is, picture_is) {
                ("absent", "good" | "older than the prompt") | ("good", "good") => Skip,
                ("good", _) => RenderOnly,
                _ => Full,
            };
            let seen = status(&open(&folder)).unwrap();
            assert_eq!(seen.pages[1].action, wanted, "prompt {prompt_is}, picture {picture_is}");
            assert_eq!(seen.pages[1].why.is_some(), wanted != Skip, "prompt {prompt_is}, picture {picture_is}");
            assert_eq!(seen.pages.len(), 5);
        }
    }
}

#[test]
fn the_pptx_is_made_again_when_anything_it_shows_changed() {
    let folder = deck();
    let pptx = folder.path().join("light.pptx");
    let why = || status(&open(&folder)).unwrap().pptx_why;
    let write = || build(&open(&folder), &BuildOptions::default()).unwrap();
    assert!(why().unwrap().contains("there is no light.pptx"));
    write();
    assert_eq!(why(), None);
    set_age(&pptx, 90);
    assert_eq!(why(), None, "it is newer than all pictures");
    set_age(&pptx, 150);
    assert!(why().unwrap().contains("page 1 is newer"));
    set_age(&pptx, 350);
    assert!(why().unwrap().contains("outline is newer"));
    let whole = fs::read(&pptx).unwrap();
    for broken in [&b""[..], b"PK", &whole[..whole.len() / 2]] {
        fs::write(&pptx, broken).unwrap();
        assert!(why().unwrap().contains("broken"), "{} bytes", broken.len());
    }
    write();
    // A page that came late is in the next file.
    fs::remove_file(folder.path().join("pages/page_003.png")).unwrap();
    assert_eq!(write().missing_pages, [3]);
    folder.write("pages/page_003.png", pictures::png(9, 64, 36));
    set_age(&pptx, 1);
    assert!(why().unwrap().contains("page 3 is newer"));
}

#[test]
fn the_file_has_a_slide_for_each_page_and_is_the_same_each_time() {
    let folder = deck();
    folder.write("pages/page_002.png", b"not a picture");
    fs::remove_file(folder.path().join("pages/page_004.png")).unwrap();
    let deck = open(&folder);
    let built = build(&deck, &BuildOptions::default()).unwrap();
    assert_eq!((built.total_slides, &*built.included_pages, &*built.missing_pages), (5, &[1, 3, 5][..], &[2, 4][..]));
    assert!(built.missing[0].why.contains("cannot be read") && built.missing[1].why.contains("there is no picture"));
    let path = folder.path().join("light.pptx");
    assert_eq!(check_pptx(&path), Ok(5));
    let first = fs::read(&path).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(
            mode("light.pptx"),
            mode("style_spec.md"),
            "whoever may read the folder's other files may read the deck"
        );
    }
    build(&deck, &BuildOptions::default()).unwrap();
    assert!(first == fs::read(&path).unwrap(), "the same deck is the same file");
    for needle in
        ["Title 3", "What is told.", "descr=\"Title 3 · one · two · three\"", "2026-01-02T03:04:05+08:00", "en-US"]
    {
        assert!(first.windows(needle.len()).any(|part| part == needle.as_bytes()), "{needle}");
    }
    let output = folder.path().join("out/skipped.pptx");
    let skipped =
        build(&deck, &BuildOptions { output: Some(output.clone()), missing: Missing::Skip, fit: Fit::Fit }).unwrap();
    assert_eq!((skipped.total_slides, check_pptx(&output)), (3, Ok(3)));
    let told = build(&deck, &BuildOptions { missing: Missing::Text, ..BuildOptions::default() }).unwrap();
    assert_eq!(told.total_slides, 5);
    assert!(
        !path.with_extension("tmp").exists() && fs::read_dir(folder.path()).unwrap().count() == 6,
        "nothing is left over"
    );
}

#[test]
fn a_damaged_file_is_found() {
    let folder = deck();
    build(&open(&folder), &BuildOptions::default()).unwrap();
    let path = folder.path().join("light.pptx");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    assert!(check_pptx(&path).is_err());
    let mut changed = bytes.clone();
    let at = changed.windows(4).position(|part| part == b"IDAT").unwrap();
    changed[at + 6] ^= 0xff;
    fs::write(&path, changed).unwrap();
    assert!(check_pptx(&path).unwrap_err().contains("is damaged"));
    assert!(!status(&open(&folder)).unwrap().pptx_done);
}

#[test]
fn what_is_no_deck_is_said() {
    let folder = TempWorkspace::new();
    assert!(matches!(DeckFolder::open(folder.path()), Err(DeckError::NoPack(_))));
    folder.write("task_pack.json", "{}");
    let error = status(&open(&folder)).unwrap_err().to_string();
    assert!(error.contains("params.page_count"), "{error}");
    folder.write("task_pack.json", r#"{"deck_id": "a/b: \"c\"", "params": {"page_count": 3}}"#);
    assert_eq!(open(&folder).deck_id(), "a_b_ _c_");
    let mut twice = outline(&PAGES);
    twice["pages"][1]["page_no"] = json!(1);
    folder.write("outline.json", twice.to_string());
    let error = build(&open(&folder), &BuildOptions::default()).unwrap_err().to_string();
    assert!(error.contains("two pages have the number 1"), "{error}");
}
