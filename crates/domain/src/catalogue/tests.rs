use super::*;

const LAYOUT: &str = r#"
[[layout]]
name = "shelf"
title = { en = "Shelf" }
gist = { en = "Things on boards" }
fits = { collection = 10 }
ratios = ["4:5", "16:9"]
points = [3, 8]
labels = [4, 20]
structure = ["boards"]
visual = ["things"]
text = ["a name under each thing"]
best_for = ["collections"]
pairings = ["plain"]
"#;

const STYLE: &str = r#"
[[style]]
name = "plain"
title = { en = "Plain", zh = "朴素" }
gist = { en = "Nothing special" }
fits = { business = 10 }
palette = { main = ["grey"], ground = "white", accents = ["red"] }
most_labels = 12
cjk = false
visual = ["boxes"]
lettering = ["sans serif"]
best_for = ["everything"]
"#;

fn both() -> String {
    format!("{LAYOUT}{STYLE}")
}

fn fault(from: &str, to: &str) -> String {
    assert!(both().contains(from), "{from}");
    Catalogue::parse(&both().replacen(from, to, 1)).unwrap_err().message
}

#[test]
fn a_request_gets_only_what_suits_it() {
    let catalogue = Catalogue::parse(&both()).unwrap();
    catalogue.check().unwrap();
    let needs = |ratio: &str, points, labels| Needs {
        ratio: Some(ratio.parse().unwrap()),
        points: Some(points),
        labels: Some(labels),
        cjk: false,
    };
    let layouts = |content, needs: &Needs| catalogue.layouts_for(content, needs).len();
    assert_eq!(layouts(Content::Categories, &Needs::default()), 1, "`collection` is another word for it");
    assert_eq!(layouts(Content::Data, &Needs::default()), 0);
    for (ratio, points, labels, found) in [
        ("4:5", 3, 4, 1),
        ("16:9", 8, 20, 1),
        ("9:16", 5, 9, 0),
        ("21:9", 5, 9, 0),
        ("1:1", 2, 9, 0),
        ("1:1", 9, 9, 0),
        ("1:1", 5, 3, 0),
        ("1:1", 5, 21, 0),
    ] {
        assert_eq!(layouts(Content::Categories, &needs(ratio, points, labels)), found, "{ratio} {points} {labels}");
    }
    let styles = |needs: &Needs| catalogue.styles_for(Context::Business, needs).len();
    assert_eq!((styles(&needs("9:16", 99, 12)), styles(&needs("9:16", 1, 13))), (1, 0));
    assert_eq!(styles(&Needs { cjk: true, ..Needs::default() }), 0);
}

#[test]
fn an_entry_that_makes_no_sense_is_refused_at_its_place() {
    for (from, to, says) in [
        ("\"boards\"", "\"boards in #a1B2c3\"", "colour as a number"),
        ("\"boards\"", "\"boards in 0xA1B2C3\"", "colour as a number"),
        ("\"boards\"", "\"a “board”\"", "quotation marks"),
        ("\"boards\"", "\"{{BOARDS}}\"", "filled in"),
        ("\"boards\"", "\" \"", "1 to 200"),
        ("\"grey\"", "\"#fff\"", "colour as a number"),
        ("\"朴素\"", "\"#fff\"", "colour as a number"),
        ("\"4:5\"", "\"wide\"", "no ratio"),
        ("\"4:5\"", "\"21:9\"", "21:9 is more than 16:9"),
        ("[3, 8]", "[9, 8]", "9 is more than 8"),
        ("collection = 10", "collection = 0", "1 to 100"),
        ("collection", "colection", "`colection` is not possible"),
        ("\"shelf\"", "\"My Shelf\"", "small letters"),
        ("structure", "strukture", "unknown key `strukture`"),
        ("gist = { en = \"Things on boards\" }\n", "", "`gist` is missing"),
    ] {
        let message = fault(from, to);
        assert!(message.contains(says), "{to}: {message}");
    }
    let text = both().replace("[3, 8]", "[9, 8]");
    let error = Catalogue::parse(&text).unwrap_err();
    assert_eq!(&text[error.span.unwrap()], "[9, 8]");
    let hashes = both().replace("\"boards\"", "\"place #1, issue #42 and #deadline\"");
    Catalogue::parse(&hashes).unwrap();
}

#[test]
fn entries_that_do_not_go_together_are_named() {
    let check = |text: String| Catalogue::parse(&text).unwrap().check().unwrap_err();
    let name = |text: &str| EntryName::try_from(text.to_owned()).unwrap();
    assert_eq!(check(both() + LAYOUT), CatalogueError::Twice(name("shelf")));
    assert_eq!(check(both() + STYLE), CatalogueError::Twice(name("plain")));
    assert_eq!(check(LAYOUT.to_owned()), CatalogueError::NoSuchStyle { name: name("shelf"), style: name("plain") });
    assert_eq!(check(both().replace("{ collection = 10 }", "{}")), CatalogueError::Unreachable(name("shelf")));
    assert_eq!(check(both().replace("{ business = 10 }", "{}")), CatalogueError::Unreachable(name("plain")));
    assert_eq!(
        check(both().replace("[\"boards\"]", "[]")),
        CatalogueError::Empty { name: name("shelf"), key: "structure" }
    );
    assert_eq!(
        check(both().replace("most_labels = 12", "most_labels = 12\nexempt = [\"space\", \"legibility\"]")),
        CatalogueError::Illegible(name("plain"))
    );
}

#[test]
fn a_users_entry_takes_the_place_of_ours() {
    let ours = Catalogue::parse(&both()).unwrap();
    let user = Catalogue::parse(&LAYOUT.replace("\"shelf\"", "\"board\"")).unwrap();
    let more = ours.clone().overlaid_by(user);
    assert_eq!((more.layouts.len(), more.layouts[0].name.as_str()), (2, "board"), "a new one stands in front");
    let user = Catalogue::parse(&LAYOUT.replace("[3, 8]", "[1, 2]")).unwrap();
    let changed = ours.overlaid_by(user);
    changed.check().unwrap();
    assert_eq!((changed.layouts.len(), changed.layout("shelf").unwrap().points.most), (1, 2));
}
