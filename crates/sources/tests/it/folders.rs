//! Folders, files and globs.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use imagemill_domain::hash::ContentHash;
use imagemill_domain::job_file::{Duplicates, RecipeName, SourceSection};
use imagemill_domain::picture::PictureFormat;
use imagemill_domain::source::Scan;
use imagemill_sources::scan;

use crate::trees::{Tree, names, picture, section, skipped};

#[test]
fn a_folder_is_walked_in_natural_order() {
    let tree =
        Tree::of(&["p/x10.png", "p/X2.png", "p/sub 2/a.jpg", "p/sub 10/a.jpg", "p/夜景/图2.webp", "p/夜景/图10.webp"]);
    let scan = tree.scan_paths(&["p"]).unwrap();
    assert_eq!(names(&scan), ["sub 2/a.jpg", "sub 10/a.jpg", "X2.png", "x10.png", "夜景/图2.webp", "夜景/图10.webp"]);
}

#[test]
fn an_item_tells_what_the_bytes_are() {
    let tree = Tree::of(&["p/called.png"]);
    let item = &tree.scan_paths(&["p"]).unwrap().items[0];
    assert_eq!(item.format, Some(PictureFormat::Bmp), "by content, not by suffix");
    assert_eq!((item.bytes, item.size), (58, Some((1, 1))));
    assert_eq!(item.pictures[0].blake3, ContentHash::of(&picture(0)));
    assert!(Path::new(&item.pictures[0].path).is_absolute());
    assert_eq!(fs::read(&item.pictures[0].path).unwrap(), picture(0));
}

#[test]
fn pictures_count_by_suffix_or_content_and_the_rest_is_told() {
    let tree = Tree::of(&["p/a.png", "p/no suffix", "p/odd.dat"]);
    tree.write("p/text.jpg", b"not a picture at all").write("p/empty.png", b"");
    tree.write("p/a.txt", b"a prompt").write("p/lonely.txt", b"notes").write("p/Thumbs.db", b"rubbish");
    tree.write("p/phone.HEIC", b"....ftypheic");
    let scan = tree.scan_paths(&["p"]).unwrap();
    assert_eq!(names(&scan), ["a.png", "no suffix", "odd.dat"]);
    assert_eq!(scan.ignored, 2, "lonely.txt and Thumbs.db; a.txt belongs to a.png");
    let told = skipped(&scan);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("p/empty.png: ") && told[2].starts_with("p/text.jpg: "), "{told:?}");
    assert_eq!(told[1], "p/phone.HEIC: HEIC pictures cannot be read; convert it to PNG or JPEG first");
}

#[test]
fn hidden_entries_are_passed_over_unless_asked_for_and_workspaces_always() {
    let tree = Tree::of(&["p/a.png", "p/.b.png", "p/.cache/c.png", "p/.imagemill/files/d.png"]);
    assert_eq!(names(&tree.scan_paths(&["p"]).unwrap()), ["a.png"]);
    let all = tree.scan(&SourceSection { hidden: true, ..section(&["p"]) }).unwrap();
    assert_eq!(names(&all), [".b.png", ".cache/c.png", "a.png"]);
    assert_eq!(names(&tree.scan_paths(&["p/.cache", "p/.b.png"]).unwrap()), [".b.png", "c.png"], "named is asked for");
}

#[test]
fn links_keep_their_own_names_and_linked_folders_are_not_entered() {
    let tree = Tree::of(&["p/a.png", "store/0001.png", "store/deep/0002.png"]);
    let p = tree.path().join("p");
    symlink("../store/0001.png", p.join("friendly.png")).unwrap();
    symlink("../store/deep", p.join("linked")).unwrap();
    symlink(".", p.join("circle")).unwrap();
    symlink("nowhere", p.join("dangling.png")).unwrap();
    let scan = tree.scan_paths(&["p"]).unwrap();
    assert_eq!(names(&scan), ["a.png", "friendly.png"]);
    assert!(scan.items[1].pictures[0].path.ends_with("/p/friendly.png"));
    let told = skipped(&scan);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("p/circle: a link to a folder") && told[2].starts_with("p/linked: a link to a folder"));
    assert!(told[1].starts_with("p/dangling.png: "));
    assert_eq!(
        names(&tree.scan_paths(&["p/linked"]).unwrap()),
        ["0002.png"],
        "a linked folder that is named is entered"
    );
    assert_eq!(names(&tree.scan_paths(&["p/friendly.png"]).unwrap()), ["friendly.png"]);
}

#[test]
fn equal_bytes_are_one_task_unless_kept() {
    let tree = Tree::of(&["p/a.png", "p/c.png"]);
    tree.write("p/b.png", &picture(0));
    let scan = tree.scan_paths(&["p"]).unwrap();
    assert_eq!(
        (names(&scan), skipped(&scan)),
        (vec!["a.png", "c.png"], vec!["p/b.png: the same bytes as p/a.png".to_owned()])
    );
    let kept = tree.scan(&SourceSection { duplicates: Duplicates::Keep, ..section(&["p"]) }).unwrap();
    assert_eq!(names(&kept), ["a.png", "b.png", "c.png"]);
}

#[test]
fn a_file_named_twice_is_taken_once() {
    let tree = Tree::of(&["p/a.png", "p/sub/b.png"]);
    let keep = SourceSection {
        duplicates: Duplicates::Keep,
        ..section(&["p", "p/sub/../a.png", "p/**/*.png", "./p/sub", "p/sub/b.png"])
    };
    assert_eq!(names(&tree.scan(&keep).unwrap()), ["a.png", "sub/b.png"]);
}

#[test]
fn equal_names_in_several_folders_get_their_folder_in_front() {
    let tree = Tree::of(&["day/001.png", "day/002.png", "night/001.png", "extra/9.png"]);
    let scan = tree.scan_paths(&["night", "day", "extra"]).unwrap();
    assert_eq!(names(&scan), ["day/001.png", "day/002.png", "9.png", "night/001.png"]);
    let files = tree.scan_paths(&["night/001.png", "day/001.png"]).unwrap();
    assert_eq!(names(&files), ["day/001.png", "night/001.png"]);
}

#[test]
fn globs() {
    let tree = Tree::of(&["p/a.png", "p/b.jpg", "p/sub/c.png", "p/sub/deep/d.png", "p/[x].png", "p/.h/e.png"]);
    let of = |pattern: &str| -> Vec<String> {
        let scan = tree.scan_paths(&[pattern]).unwrap();
        names(&scan).into_iter().map(ToOwned::to_owned).collect()
    };
    assert_eq!(of("p/**/*.png"), ["[x].png", "a.png", "sub/c.png", "sub/deep/d.png"]);
    assert_eq!(of("p/*.{png,jpg}"), ["[x].png", "a.png", "b.jpg"]);
    assert_eq!(of("p/s*"), ["sub/c.png", "sub/deep/d.png"], "a folder that matches counts as a whole");
    assert_eq!(of("p/*/*.png"), ["sub/c.png"]);
    assert_eq!(of("p/[x].png"), ["[x].png"], "a file of that very name wins");
    assert_eq!(
        tree.error(&section(&["p/*.tif"])),
        "p/*.tif matches no file below BASE/p; hidden files were left out, --hidden takes them too"
    );
    assert_eq!(tree.error(&section(&["q/*.tif"])), "q does not exist; did you mean BASE/p?");
    assert!(tree.error(&section(&["p/{a"])).starts_with("p/{a is not a glob: "));
}

#[test]
fn what_is_missing_is_told_with_a_way_out() {
    let tree = Tree::of(&["Photos/a.png"]);
    assert_eq!(tree.error(&section(&["photos"])), "photos does not exist; did you mean BASE/Photos?");
    assert_eq!(
        tree.error(&section(&["Photos/b/c.png"])),
        "Photos/b/c.png does not exist; the nearest folder that exists is BASE/Photos"
    );
    assert_eq!(tree.error(&section(&["Phots/a.png"])), "Phots/a.png does not exist; did you mean BASE/Photos?");
    assert!(tree.error(&section(&[])).starts_with("no pictures are named; give a folder"));
}

#[test]
fn nothing_to_edit_says_what_was_seen() {
    let tree = Tree::of(&["p/.hidden.png"]);
    tree.write("p/readme.md", b"x").write("p/bad.png", b"<!DOCTYPE html>");
    let error = tree.error(&section(&["p"]));
    assert!(
        error.starts_with("no picture was found in p; 1 other file there, none of them a picture; hidden files"),
        "{error}"
    );
    assert!(error.contains("--hidden") && error.contains("\n  p/bad.png: "), "{error}");
    let error = tree.error(&section(&["p/readme.md"]));
    assert!(error.contains("\n  p/readme.md: "), "{error}");
}

#[test]
fn strange_names_do_not_stop_the_rest() {
    let long = "长".repeat(80) + ".png";
    let tree = Tree::of(&["p/a.png", "p/🌃 night 夜.png", &format!("p/{long}")]);
    fs::write(tree.path().join("p").join(OsStr::from_bytes(b"caf\xe9.png")), picture(9)).unwrap();
    let scan = tree.scan_paths(&["p"]).unwrap();
    assert_eq!(names(&scan), ["a.png", long.as_str(), "🌃 night 夜.png"]);
    assert_eq!(
        skipped(&scan),
        ["p/caf\u{fffd}.png: its name is not valid Unicode, so it cannot be written down; rename it"]
    );
    let too_long = "x".repeat(300);
    assert!(tree.error(&section(&[&too_long])).starts_with(&format!("cannot read {too_long}: ")));
}

#[test]
fn an_unreadable_folder_or_file_is_told_and_the_rest_goes_on() {
    let tree = Tree::of(&["p/a.png", "p/locked/b.png", "p/locked.png"]);
    let (folder, file) = (tree.path().join("p/locked"), tree.path().join("p/locked.png"));
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let everything_is_readable = fs::read(&file).is_ok(); // as root
    let scan = tree.scan_paths(&["p"]).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    if everything_is_readable {
        assert_eq!(scan.items.len(), 3);
    } else {
        assert_eq!(names(&scan), ["a.png"]);
        assert_eq!(scan.skipped.len(), 2, "{:?}", scan.skipped);
    }
}

#[test]
fn references_go_behind_every_picture() {
    let tree = Tree::of(&["p/a.png", "p/b.png", "style.png"]);
    let with = |references: &[&str]| SourceSection {
        references: references.iter().map(ToString::to_string).collect(),
        ..section(&["p"])
    };
    let scan = tree.scan(&with(&["style.png"])).unwrap();
    let pictures: Vec<Vec<&str>> =
        scan.items.iter().map(|item| item.pictures.iter().map(|picture| picture.name.as_str()).collect()).collect();
    assert_eq!(pictures, [["a.png", "style.png"], ["b.png", "style.png"]]);
    assert!(tree.error(&with(&["styles.png"])).contains("did you mean BASE/style.png?"));
    assert!(tree.error(&with(&["p"])).starts_with("the reference p cannot be used: it is not a file"));
    tree.write("note.png", b"words");
    assert!(tree.error(&with(&["note.png"])).starts_with("the reference note.png cannot be used: "));
}

#[test]
fn generate_takes_no_pictures() {
    let tree = Tree::of(&["p/a.png"]);
    let generate = |section: &SourceSection| scan(section, &tree.path(), RecipeName::Generate, &mut |_| {});
    assert_eq!(generate(&SourceSection::default()).unwrap(), Scan::default());
    let error = generate(&section(&["p"])).unwrap_err().to_string();
    assert!(error.contains("leave out [source] paths"), "{error}");
}
