//! Pictures of collections and the batches that take them.

use std::collections::{BTreeMap, BTreeSet};

use imagemill_domain::critique::CritiqueEdit;
use imagemill_domain::hash::ContentHash;
use imagemill_store::{CollectionMerge, NewCollectionItem, RetrySelection, Store};
use serde_json::json;

use crate::lab::{Lab, T0, succeeded};

/// After this long a batch without a job is given back.
const STALE_US: i64 = 300_000_000;

fn picture(number: u32) -> ContentHash {
    ContentHash::of(&number.to_le_bytes())
}

fn items(numbers: std::ops::Range<u32>) -> Vec<NewCollectionItem> {
    let new = |number| NewCollectionItem {
        picture: picture(number),
        path: format!("/pictures/{number}.png"),
        name: format!("korean/{number}.png"),
        columns: [("artist".to_owned(), "Jeong Seon".to_owned())].into(),
    };
    numbers.map(new).collect()
}

/// Numbers of the batches and the pictures of each.
async fn take(store: &Store, count: u32, size: u32, now_us: i64) -> Vec<(u32, Vec<ContentHash>)> {
    let job = |number: u32| format!("korean-batch-{number:03}");
    let taken = store.collections().take("korean", count, size, job, now_us).await.unwrap();
    taken.into_iter().map(|(batch, items)| (batch.number, items.iter().map(|item| item.picture).collect())).collect()
}

#[tokio::test]
async fn a_picture_is_in_a_collection_once_and_takes_its_new_place() {
    let lab = Lab::new().await;
    let collections = lab.store.collections();
    assert_eq!(collections.add("korean", items(0..3)).await.unwrap(), 3);
    assert_eq!(collections.add("mural", items(0..1)).await.unwrap(), 1, "collections know nothing of one another");
    let mut moved = items(1..4);
    moved[0].path = "/elsewhere/1.png".into();
    assert_eq!(collections.add("korean", moved).await.unwrap(), 1);
    let known = collections.items("korean").await.unwrap();
    let paths: Vec<&str> = known.iter().map(|item| item.path.as_str()).collect();
    assert_eq!(paths, ["/pictures/0.png", "/elsewhere/1.png", "/pictures/2.png", "/pictures/3.png"]);
    assert_eq!((known[0].columns["artist"].as_str(), known[0].batch, known[0].merged), ("Jeong Seon", None, 0));
}

#[tokio::test]
async fn batches_taken_side_by_side_never_share_a_picture() {
    let lab = Lab::new().await;
    lab.store.collections().add("korean", items(0..103)).await.unwrap();
    let second = lab.second(false).await;
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..8 {
        let store = if worker % 2 == 0 { lab.store.clone() } else { second.clone() };
        workers.spawn(async move { take(&store, 2, 10, T0).await });
    }
    let taken: Vec<(u32, Vec<ContentHash>)> = workers.join_all().await.into_iter().flatten().collect();
    let pictures: BTreeSet<ContentHash> = taken.iter().flat_map(|(_, pictures)| pictures.clone()).collect();
    let numbers: BTreeSet<u32> = taken.iter().map(|(number, _)| *number).collect();
    assert_eq!((taken.len(), pictures.len()), (11, 103), "no picture twice, none left");
    assert_eq!(taken.iter().map(|(_, pictures)| pictures.len()).sum::<usize>(), 103);
    assert_eq!(numbers, (1..=11).collect());
    assert_eq!(take(&lab.store, 1, 10, T0).await, []);
}

#[tokio::test]
async fn a_batch_whose_job_never_began_waits_again_after_five_minutes() {
    let lab = Lab::new().await;
    let collections = lab.store.collections();
    collections.add("korean", items(0..6)).await.unwrap();
    assert_eq!(take(&lab.store, 1, 2, T0).await[0].0, 1, "its taker is killed here");
    lab.submit("korean-batch-002", 0..2).await;
    assert_eq!(take(&lab.store, 1, 2, T0).await[0].0, 2, "this one was submitted");
    let handed = collections.take("korean", 1, 2, |_| String::new(), T0).await.unwrap();
    assert_eq!(handed[0].0.number, 3, "somebody else works on this one");
    assert_eq!(take(&lab.store, 9, 2, T0 + STALE_US).await, [], "not yet");
    let again = take(&lab.store, 9, 2, T0 + STALE_US + 1).await;
    assert_eq!(again, [(4, vec![picture(0), picture(1)])], "only the pictures of the first, under a new number");
    let open = vec![picture(4), picture(5), picture(2)];
    assert_eq!(collections.give_back_only("korean", 3, open).await.unwrap(), 2, "another batch has the last one");
    assert_eq!(take(&lab.store, 1, 9, T0).await, [(5, vec![picture(4), picture(5)])]);
}

#[tokio::test]
async fn rows_from_elsewhere_stay_and_merges_are_numbered() {
    let lab = Lab::new().await;
    let collections = lab.store.collections();
    collections.add("korean", items(0..4)).await.unwrap();
    let rows = vec![(picture(1), json!({"critique_zh": "山"})), (picture(99), json!({}))];
    assert_eq!(collections.accept("korean", rows).await.unwrap(), 1, "a stranger's row is no row of the collection");
    assert_eq!(take(&lab.store, 1, 9, T0).await[0].1, [picture(0), picture(2), picture(3)]);
    collections.accept("korean", vec![(picture(2), json!({"critique_zh": "水"}))]).await.unwrap();
    assert_eq!(collections.give_back("korean", 1).await.unwrap(), 2, "what has its row does not wait again");
    collections.merged("korean", vec![picture(1)], 1, 0).await.unwrap();
    collections.merged("korean", vec![picture(2)], 2, 0).await.unwrap();
    let known = collections.items("korean").await.unwrap();
    assert_eq!(known.iter().map(|item| item.merged).collect::<Vec<_>>(), [0, 1, 2, 0]);
    assert_eq!(known.iter().map(|item| item.has_row).collect::<Vec<_>>(), [false, true, true, false]);
    assert_eq!(collections.row("korean", picture(1)).await.unwrap(), Some(json!({"critique_zh": "山"})));
    assert_eq!(collections.row("korean", picture(0)).await.unwrap(), None);
    assert_eq!(collections.rows("korean").await.unwrap().len(), 2);
    let batches = collections.batches("korean").await.unwrap();
    assert_eq!((batches.len(), batches[0].job.as_str(), batches[0].created_us), (1, "korean-batch-001", T0));
}

/// Ids of a published row are made from the time of its first merge; taking that merge back does not change them.
#[tokio::test]
async fn a_row_is_minted_once_and_one_that_changed_waits_for_the_next_merge() {
    let lab = Lab::new().await;
    let (collections, critiques) = (lab.store.collections(), lab.store.critiques());
    collections.add("korean", items(0..2)).await.unwrap();
    let row = |text: &str| json!({"critique_zh": text});
    collections.accept("korean", vec![(picture(0), row("山")), (picture(1), row("水"))]).await.unwrap();
    let merge = async |number: u32, created_us: i64, pictures: Vec<ContentHash>| {
        let begun = CollectionMerge { number, created_us, ..CollectionMerge::default() };
        collections.begin_merge("korean", begun).await.unwrap();
        collections.merged("korean", pictures, number, 0).await.unwrap();
    };
    let standing = async || -> Vec<(u32, Option<i64>)> {
        let known = collections.items("korean").await.unwrap();
        known.iter().map(|item| (item.merged, item.minted_us)).collect()
    };
    merge(1, T0, vec![picture(0)]).await;
    assert_eq!(standing().await, [(1, Some(T0)), (0, None)]);
    collections.undo_merge("korean", 1, T0 + 1).await.unwrap();
    merge(2, T0 + 2, vec![picture(0), picture(1)]).await;
    assert_eq!(standing().await, [(2, Some(T0)), (2, Some(T0 + 2))]);

    let mark = critiques.mark("korean").await.unwrap();
    collections.accept("korean", vec![(picture(0), row("山")), (picture(1), row("川"))]).await.unwrap();
    assert_eq!(standing().await, [(2, Some(T0)), (0, Some(T0 + 2))], "the same row again changes nothing");
    let (changes, note) = (BTreeMap::new(), String::new());
    let edit = CritiqueEdit { picture: picture(0), base: "b".into(), author: "ann".into(), changes, note, at_us: T0 };
    assert!(critiques.edit("korean", edit, 0).await.unwrap());
    assert_eq!(standing().await[0], (0, Some(T0)));
    assert_ne!(critiques.mark("korean").await.unwrap(), mark);
}

#[tokio::test]
async fn a_critique_that_was_written_shows_in_the_mark_of_its_collection_alone() {
    let lab = Lab::new().await;
    let (collections, critiques) = (lab.store.collections(), lab.store.critiques());
    for name in ["korean", "mural"] {
        collections.add(name, items(0..1)).await.unwrap();
    }
    take(&lab.store, 1, 1, T0).await;
    let job = lab.submit("korean-batch-001", 0..1).await;
    let owner = lab.owner().await;
    let marks = async || (critiques.mark("korean").await.unwrap(), critiques.mark("mural").await.unwrap());
    let before = marks().await;
    let claimed = lab.claim(job, owner).await;
    lab.store.tasks().finish_with(claimed.lease, succeeded(0), json!({"critique_zh": "山"}), T0).await.unwrap();
    let after = marks().await;
    assert_ne!(after.0, before.0);
    assert_eq!(after.1, before.1);
    lab.store.tasks().retry(job, RetrySelection::All, true, T0).await.unwrap();
    assert_ne!(marks().await.0, after.0, "asked for once more, it has no row meanwhile");
}
