//! What people did with critiques.

use std::collections::BTreeMap;

use imagemill_domain::critique::{Change, CritiqueEdit, Reading};
use imagemill_domain::hash::ContentHash;

use crate::lab::{Lab, T0};

fn edit(author: &str, after: &str, at_us: i64) -> CritiqueEdit {
    let change = Change { before: "old".into(), after: after.into() };
    CritiqueEdit {
        picture: ContentHash::of(b"a"),
        base: "b1".into(),
        author: author.into(),
        changes: BTreeMap::from([("critique_en".to_owned(), change)]),
        note: "the seal is red".into(),
        at_us,
    }
}

fn reading(reader: &str, approved: Option<bool>, score: Option<u8>, note: &str) -> Reading {
    Reading {
        picture: ContentHash::of(b"a"),
        reader: reader.into(),
        version: "v1".into(),
        approved,
        score,
        note: note.into(),
        blind: reader == "ben",
        at_us: T0,
    }
}

#[tokio::test]
async fn edits_are_kept_for_good_and_two_people_never_write_over_one_another() {
    let lab = Lab::new().await;
    let critiques = lab.store.critiques();
    assert!(critiques.edit("korean", edit("ann", "new", T0), 0).await.unwrap());
    assert!(!critiques.edit("korean", edit("ben", "other", T0 + 1), 0).await.unwrap(), "ann was faster");
    assert!(critiques.edit("korean", edit("ben", "newer", T0 + 1), 1).await.unwrap());
    let of_another = CritiqueEdit { base: "b2".into(), ..edit("ben", "x", T0) };
    assert!(critiques.edit("korean", of_another.clone(), 0).await.unwrap(), "another text has edits of its own");
    let all = [edit("ann", "new", T0), edit("ben", "newer", T0 + 1), of_another];
    assert_eq!(critiques.edits("korean").await.unwrap(), all);
    assert_eq!(critiques.edits_of("korean", ContentHash::of(b"a")).await.unwrap(), all);
    assert_eq!(critiques.edits_of("korean", ContentHash::of(b"b")).await.unwrap(), []);
    assert_eq!(critiques.edits("mural").await.unwrap(), []);
}

#[tokio::test]
async fn one_reading_a_person_stands_and_one_that_says_nothing_is_none() {
    let lab = Lab::new().await;
    let critiques = lab.store.critiques();
    for one in [
        reading("ann", Some(true), None, ""),
        reading("ben", None, Some(4), ""),
        reading("ann", Some(false), Some(2), "a pine that is not there"),
    ] {
        critiques.put_reading("korean", one).await.unwrap();
    }
    let ann = reading("ann", Some(false), Some(2), "a pine that is not there");
    let mark = critiques.mark("korean").await.unwrap();
    assert_eq!(critiques.mark("korean").await.unwrap(), mark);
    assert_eq!(critiques.readings("korean").await.unwrap(), [ann.clone(), reading("ben", None, Some(4), "")]);
    critiques.put_reading("korean", reading("ben", None, None, "")).await.unwrap();
    assert_eq!(critiques.readings("korean").await.unwrap(), [ann]);
    assert_ne!(critiques.mark("korean").await.unwrap(), mark, "who looks at the mark sees that something changed");
    assert_eq!(critiques.readings("mural").await.unwrap(), []);
}

#[tokio::test]
async fn second_looks_are_numbered_by_collection() {
    let lab = Lab::new().await;
    let critiques = lab.store.critiques();
    let name = |collection: &'static str| move |number: u32| format!("{collection}-look-{number:03}");
    assert_eq!(critiques.begin_look("korean", name("korean"), T0).await.unwrap(), "korean-look-001");
    assert_eq!(critiques.begin_look("korean", name("korean"), T0).await.unwrap(), "korean-look-002");
    assert_eq!(critiques.begin_look("mural", name("mural"), T0).await.unwrap(), "mural-look-001");
    assert_eq!(critiques.looks("korean").await.unwrap(), ["korean-look-001", "korean-look-002"]);
}
