//! Result pictures and reviews.

use imagemill_domain::asset::{AssetId, Delivery};
use imagemill_domain::picture::Finding;
use imagemill_domain::review::{Review, Verdict};
use imagemill_domain::task::TaskState;
use imagemill_store::{RetrySelection, StoreError};

use crate::lab::{Lab, T0, content, ended, fetched, picture, succeeded};

#[tokio::test]
async fn a_picture_comes_back_with_every_fact_and_its_lineage() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    let lease = lab.claim(job, owner).await.lease;
    let call = lab.opened(lease, 10).await;
    let mut given = picture(3, 1);
    given.parents.push(content(77));
    given.prepared = Some(serde_json::json!({"rotated": 90}));
    let mut plain = picture(4, 2);
    plain.parents.clear();
    plain.delivery = Delivery::Inline;
    let mut end = fetched(Some(1), &[]);
    end.assets = vec![given.clone(), plain.clone()];
    let ids = lab.store.calls().finish(call, end, None, T0 + 2).await.unwrap().assets;
    let assets = lab.store.assets();
    let asset = assets.get(ids[0]).await.unwrap().unwrap();
    assert_eq!((asset.task, asset.call, asset.index, asset.created_us), (lease.task, call, 1, T0 + 2));
    assert_eq!((&asset.facts, asset.delivery, &asset.parents), (&given.facts, Delivery::Link, &given.parents));
    assert_eq!(asset.findings.iter().collect::<Vec<_>>(), [Finding::SizeDiffers, Finding::Unchanged]);
    assert_eq!(assets.prepared(ids[0]).await.unwrap(), given.prepared);
    assert_eq!(assets.prepared(ids[1]).await.unwrap(), None);
    let second = assets.get(ids[1]).await.unwrap().unwrap();
    assert_eq!((second.parents.len(), second.delivery, second.facts), (0, Delivery::Inline, plain.facts));
    assert_eq!(assets.get(AssetId(99)).await.unwrap(), None);
}

#[tokio::test]
async fn pages_go_by_the_plan_whatever_the_order_of_arrival() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", 0..600).await;
    let claimed = lab.store.tasks().claim(job, 600, owner, T0).await.unwrap();
    // Two pictures for every fifth task, the last task first; the others fail.
    for claimed in claimed.iter().rev() {
        let number = u64::from(claimed.spec.sample);
        if number % 5 == 0 {
            let call = lab.opened(claimed.lease, 1).await;
            let end = fetched(Some(1), &[number * 2, number * 2 + 1]);
            let task = Some((claimed.lease, succeeded(2)));
            lab.store.calls().finish(call, end, task, T0).await.unwrap();
        } else {
            lab.store.tasks().finish(claimed.lease, ended(TaskState::Failed), T0).await.unwrap();
        }
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = lab.store.assets().page(job, after, 7).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(last.id);
        for (asset, task) in page {
            assert_eq!(asset.task, task.id);
            seen.push((task.spec.sample, asset.index));
        }
    }
    let expected: Vec<_> = (0..600).step_by(5).flat_map(|sample| [(sample, 1), (sample, 2)]).collect();
    assert_eq!(seen, expected);
    let gone = lab.store.assets().page(job, Some(AssetId(1 << 40)), 7).await.unwrap_err();
    assert!(matches!(gone, StoreError::Missing { what: "asset", .. }));
}

#[tokio::test]
async fn superseded_pictures_are_on_no_page_but_gc_keeps_them() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0]).await;
    let task = lab.succeed(job, owner, 1).await.task;
    lab.store.tasks().retry(job, RetrySelection::Task(task), false, T0).await.unwrap();
    lab.succeed(job, owner, 2).await;
    let page = lab.store.assets().page(job, None, 10).await.unwrap();
    assert_eq!(page.iter().map(|(asset, _)| asset.facts.blake3).collect::<Vec<_>>(), [content(2)]);
    let mut all = [content(1), content(2)];
    all.sort();
    assert_eq!(lab.store.assets().hashes(None, 10).await.unwrap(), all);
}

#[tokio::test]
async fn every_content_that_rows_point_to_is_listed_once() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", 0..20).await;
    for number in 0..20 {
        lab.succeed(job, owner, number % 12).await;
    }
    let mut listed = Vec::new();
    loop {
        let page = lab.store.assets().hashes(listed.last().copied(), 5).await.unwrap();
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    let mut expected: Vec<_> = (0..12).map(content).collect();
    expected.sort();
    assert_eq!(listed, expected);
    assert!(lab.store.assets().is_referenced(content(3)).await.unwrap());
    assert!(!lab.store.assets().is_referenced(content(12)).await.unwrap());
}

#[tokio::test]
async fn a_later_review_replaces_an_earlier_one_of_the_same_person() {
    let lab = Lab::new().await;
    let owner = lab.owner().await;
    let job = lab.submit("night", [0, 1]).await;
    lab.succeed(job, owner, 1).await;
    lab.succeed(job, owner, 2).await;
    let ids: Vec<_> =
        lab.store.assets().page(job, None, 9).await.unwrap().into_iter().map(|(asset, _)| asset.id).collect();
    let review = |asset, reviewer: &str, verdict, rating| Review {
        asset,
        reviewer: reviewer.into(),
        verdict,
        rating,
        note: "夜".into(),
        at_us: T0,
    };
    let reviews = lab.store.reviews();
    reviews.put(review(ids[0], "ann", Verdict::Keep, 5)).await.unwrap();
    reviews.put(review(ids[0], "bob", Verdict::Reject, 0)).await.unwrap();
    reviews.put(review(ids[0], "ann", Verdict::Reject, 1)).await.unwrap();
    reviews.put(review(ids[1], "ann", Verdict::Keep, 3)).await.unwrap();
    let expected = [review(ids[0], "ann", Verdict::Reject, 1), review(ids[0], "bob", Verdict::Reject, 0)];
    assert_eq!(reviews.for_asset(ids[0]).await.unwrap(), expected);
    let page = reviews.for_assets(vec![ids[1], ids[0]]).await.unwrap();
    assert_eq!(page.len(), 3);
    assert_eq!((page[0].asset, page[0].verdict), (ids[1], Verdict::Keep));
    let error = reviews.put(review(AssetId(99), "ann", Verdict::Keep, 3)).await.unwrap_err();
    assert!(matches!(error, StoreError::Missing { what: "asset", id: 99 }), "{error}");
}
