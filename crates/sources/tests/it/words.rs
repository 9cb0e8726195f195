//! Prompts beside pictures.

use imagemill_domain::job_file::SourceSection;

use crate::trees::{Tree, names, picture, section, skipped};

fn beside() -> SourceSection {
    SourceSection { sidecar_prompts: true, ..section(&["p"]) }
}

#[test]
fn the_text_beside_a_picture_is_its_prompt() {
    let tree = Tree::of(&["p/a.png", "p/b.c.png", "p/c.png", "p/d.png"]);
    tree.write("p/a.txt", "\u{feff}  make it 夜 {literal}\r\n".as_bytes())
        .write("p/b.c.txt", b"dotted")
        .write("p/c.txt", b" \n");
    let prompts = |section: &SourceSection| -> Vec<Option<String>> {
        tree.scan(section).unwrap().items.into_iter().map(|item| item.prompt).collect()
    };
    assert_eq!(prompts(&beside()), [Some("make it 夜 {literal}".to_owned()), Some("dotted".to_owned()), None, None]);
    assert_eq!(prompts(&section(&["p"])), [None, None, None, None], "only when asked for");
}

#[test]
fn equal_bytes_with_different_prompts_are_different_work() {
    let tree = Tree::of(&["p/a.png"]);
    tree.write("p/b.png", &picture(0)).write("p/c.png", &picture(0)).write("p/b.txt", b"as night");
    let scan = tree.scan(&beside()).unwrap();
    assert_eq!(
        (names(&scan), skipped(&scan)),
        (vec!["a.png", "b.png"], vec!["p/c.png: the same bytes as p/a.png".to_owned()])
    );
}

#[test]
fn texts_in_other_encodings_are_all_named() {
    let tree = Tree::of(&["p/a.png", "p/b.png"]);
    tree.write("p/a.txt", b"\xff\xfen\0").write("p/b.txt", b"nuit \xe9toil\xe9e");
    let error = tree.error(&beside());
    assert!(error.starts_with("2 side-car prompts cannot be read\n  BASE/p/a.txt: it is UTF-16 text"), "{error}");
    assert!(error.contains("BASE/p/b.txt: it is not UTF-8 text (line 1)"), "{error}");
}
