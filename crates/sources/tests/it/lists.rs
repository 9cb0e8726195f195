//! Lists of pictures and prompts.

use std::fmt::Write;

use imagemill_domain::job_file::{RecipeName, SourceSection};
use imagemill_domain::source::Scan;
use imagemill_sources::{SourceError, scan};

use crate::trees::{Tree, names, picture, skipped};

fn list(name: &str) -> SourceSection {
    SourceSection {
        list: Some(name.to_owned()),
        picture_column: Some("file".to_owned()),
        prompt_column: Some("prompt".to_owned()),
        ..SourceSection::default()
    }
}

fn rows(scan: &Scan) -> Vec<(Vec<&str>, Option<&str>, &str)> {
    scan.items
        .iter()
        .map(|item| {
            let pictures = item.pictures.iter().map(|picture| picture.name.as_str()).collect();
            (pictures, item.prompt.as_deref(), item.columns.get("tag").map_or("-", String::as_str))
        })
        .collect()
}

#[test]
fn rows_in_the_order_of_the_file_with_every_column() {
    let tree = Tree::of(&["lists/z.png", "lists/sub/a.png", "elsewhere/b.png"]);
    let expected = vec![
        (vec!["z.png"], Some("as night, please"), "1"),
        (vec!["sub/a.png", "z.png"], None, "夜"),
        (vec!["b.png"], Some("as day"), ""),
    ];
    tree.write(
        "lists/comma.csv",
        "\u{feff}file,prompt,tag\nz.png,\"as night, please\",1\nsub/a.png | z.png,,夜\n../elsewhere/b.png, as day ,\n"
            .as_bytes(),
    );
    tree.write(
        "lists/semicolon.csv",
        "file;prompt;tag\r\nz.png;as night, please;1\r\nsub/a.png|z.png;;夜\r\n../elsewhere/b.png;as day;\r\n"
            .as_bytes(),
    );
    tree.write(
        "lists/tabs.tsv",
        "file\tprompt\ttag\nz.png\tas night, please\t1\nsub/a.png|z.png\t\t夜\n../elsewhere/b.png\tas day\t\n"
            .as_bytes(),
    );
    tree.write(
        "lists/lines.jsonl",
        "{\"file\":\"z.png\",\"prompt\":\"as night, please\",\"tag\":1}\n\n{\"file\":[\"sub/a.png\",\"z.png\"],\"tag\":\"夜\"}\n{\"file\":\"../elsewhere/b.png\",\"prompt\":\"as day\",\"tag\":\"\"}\n"
            .as_bytes(),
    );
    for name in ["lists/comma.csv", "lists/semicolon.csv", "lists/tabs.tsv", "lists/lines.jsonl"] {
        assert_eq!(rows(&tree.scan(&list(name)).unwrap()), expected, "{name}");
    }
}

#[test]
fn a_row_without_its_picture_is_an_error_with_all_lines() {
    let tree = Tree::of(&["a.png"]);
    let mut text = "file,prompt\na.png,x\n".to_owned();
    for number in 0..12 {
        writeln!(text, "missing{number}.png,x").unwrap();
    }
    text.push_str(",no picture\nnote.png,x\n");
    tree.write("list.csv", text.as_bytes()).write("note.png", b"words");
    let error = tree.error(&list("list.csv"));
    assert!(error.starts_with("list.csv: 13 rows cannot be used\n  line 3: missing0.png does not exist\n"), "{error}");
    assert!(error.ends_with("\n  line 12: missing9.png does not exist\n  and 3 more"), "{error}");

    tree.write("short.csv", b"file,prompt\na.png,x\nnote.png,y\n");
    let error = tree.error(&list("short.csv"));
    assert!(error.starts_with("short.csv: 1 row cannot be used\n  line 3: note.png: "), "{error}");
}

#[test]
fn unknown_columns_list_the_known_ones() {
    let tree = Tree::of(&["a.png"]);
    tree.write("list.csv", b"picture,prompt\na.png,x\n");
    assert_eq!(tree.error(&list("list.csv")), "list.csv has no column \"file\"; its columns are: picture, prompt");
    let error = tree.error(&SourceSection { picture_column: None, ..list("list.csv") });
    assert!(error.contains("picture_column") && error.ends_with("picture, prompt"), "{error}");
    assert!(tree.error(&list("lits.csv")).contains("did you mean BASE/list.csv?"));
}

#[test]
fn lists_that_are_none() {
    let tree = Tree::of(&["a.png"]);
    tree.write("utf16.csv", b"\xff\xfef\0i\0")
        .write("array.json", b"[{\"file\":\"a.png\"}]")
        .write("empty.csv", b"file,prompt\n");
    assert!(tree.error(&list("utf16.csv")).contains("UTF-16"));
    assert!(tree.error(&list("array.json")).contains("one object a line"));
    assert!(tree.error(&list("empty.csv")).ends_with("it has no rows"));
}

#[test]
fn rows_are_the_same_work_only_when_all_but_the_name_is_equal() {
    let tree = Tree::of(&["a.png"]);
    tree.write("b.png", &picture(0));
    tree.write("list.csv", b"file,prompt,tag\na.png,x,1\nb.png,x,1\nb.png,y,1\na.png,x,2\n");
    let scan = tree.scan(&list("list.csv")).unwrap();
    assert_eq!(names(&scan), ["a.png", "b.png", "a.png"]);
    assert_eq!(skipped(&scan), ["b.png: the same bytes as a.png"]);
}

#[test]
fn equal_names_in_other_folders_stay_apart() {
    let tree = Tree::of(&["l/x.png", "m/x.png"]);
    tree.write("l/list.csv", b"file,prompt\nx.png,1\n../m/x.png,1\nx.png,2\n");
    assert_eq!(names(&tree.scan(&list("l/list.csv")).unwrap()), ["l/x.png", "m/x.png", "l/x.png"]);
}

#[test]
fn generate_takes_prompts_and_columns() {
    let tree = Tree::of(&[]);
    tree.write("list.csv", "prompt,tag\na castle,1\n,2\n城堡,3\n".as_bytes());
    let section = SourceSection { picture_column: None, ..list("list.csv") };
    let generate = |section: &SourceSection| -> Result<Scan, SourceError> {
        scan(section, &tree.path(), RecipeName::Generate, &mut |_| {})
    };
    let scan = generate(&section).unwrap();
    assert_eq!(rows(&scan), [(vec![], Some("a castle"), "1"), (vec![], None, "2"), (vec![], Some("城堡"), "3")]);
    assert!(generate(&list("list.csv")).unwrap_err().to_string().contains("leave out [source] picture_column"));
}
