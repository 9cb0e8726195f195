//! Pictures as a person looks at them, and what people say about them.

use imagemill_domain::asset::AssetId;
use imagemill_domain::event::EventBody;
use imagemill_domain::job::JobId;
use imagemill_domain::picture::Finding;
use imagemill_domain::review::{Review, Verdict};
use imagemill_domain::task::TaskState;
use imagemill_store::{CallEnd, GalleryFilter, GalleryOrder, ReviewChange, StoreError, TaskFilter, VerdictFilter};

use crate::lab::{Lab, T0, ended, fetched, new_call, picture, succeeded};

/// A job of six tasks with two pictures each, the last task first, and one that failed.
async fn gallery(lab: &Lab) -> (JobId, Vec<AssetId>) {
    let owner = lab.owner().await;
    let job = lab.submit("night", 0..7).await;
    let mut claimed = lab.store.tasks().claim(job, 7, owner, T0).await.unwrap();
    let failed = claimed.pop().unwrap();
    lab.store.tasks().finish(failed.lease, ended(TaskState::Failed), T0).await.unwrap();
    let mut by_plan = vec![AssetId(0); 12];
    for (at, claimed) in claimed.iter().enumerate().rev() {
        let model = if at < 3 { "good" } else { "better" };
        let new = imagemill_store::NewCall { model: model.into(), ..new_call(claimed.lease, Some(1)) };
        let imagemill_store::OpenCall::Opened(call) = lab.store.calls().open(new, T0).await.unwrap() else { panic!() };
        let mut assets = vec![picture(at as u64 * 2, 1), picture(at as u64 * 2 + 1, 2)];
        if at == 1 {
            assets[0].findings = [Finding::Blank].into_iter().collect();
        }
        let end = CallEnd { assets, ..fetched(Some(40), &[]) };
        let done = lab.store.calls().finish(call, end, Some((claimed.lease, succeeded(2))), T0).await.unwrap();
        by_plan[at * 2..at * 2 + 2].copy_from_slice(&done.assets);
    }
    (job, by_plan)
}

async fn ids(lab: &Lab, filter: GalleryFilter) -> Vec<AssetId> {
    lab.store.assets().ids(filter).await.unwrap()
}

fn change(asset: AssetId, verdict: Verdict, rating: u8) -> ReviewChange {
    ReviewChange { asset, verdict: Some(verdict), rating: Some(rating), note: None }
}

#[tokio::test]
async fn numbers_come_in_the_order_that_was_asked_for() {
    let lab = Lab::new().await;
    let (job, by_plan) = gallery(&lab).await;
    let of = |order| GalleryFilter { job: Some(job), order, ..GalleryFilter::default() };
    assert_eq!(ids(&lab, of(GalleryOrder::Plan)).await, by_plan);
    let mut newest = by_plan.clone();
    newest.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(ids(&lab, of(GalleryOrder::Newest)).await, newest);
    lab.store.reviews().change("ann", vec![change(by_plan[5], Verdict::Unset, 4)], T0).await.unwrap();
    lab.store.reviews().change("bo", vec![change(by_plan[7], Verdict::Unset, 5)], T0).await.unwrap();
    let rated = ids(&lab, of(GalleryOrder::Rating)).await;
    assert_eq!(rated[..3], [by_plan[7], by_plan[5], by_plan[0]]);
    let anns = GalleryFilter { reviewer: Some("ann".into()), ..of(GalleryOrder::Rating) };
    assert_eq!(ids(&lab, anns).await[..2], [by_plan[5], by_plan[0]]);
    // `picture` has two findings, the blank one has one.
    assert_eq!(ids(&lab, of(GalleryOrder::Findings)).await.last(), Some(&by_plan[2]));
    let second = lab.submit("later", [0]).await;
    let owner = lab.owner().await;
    lab.succeed(second, owner, 99).await;
    let all = ids(&lab, GalleryFilter::default()).await;
    assert_eq!((all.len(), all[1]), (13, by_plan[0]), "the newest job stands first");
}

#[tokio::test]
async fn filters_let_through_what_they_say() {
    let lab = Lab::new().await;
    let (job, by_plan) = gallery(&lab).await;
    let reviews = lab.store.reviews();
    reviews
        .change("ann", vec![change(by_plan[0], Verdict::Keep, 5), change(by_plan[1], Verdict::Keep, 0)], T0)
        .await
        .unwrap();
    reviews
        .change("bo", vec![change(by_plan[1], Verdict::Reject, 2), change(by_plan[2], Verdict::Unset, 1)], T0)
        .await
        .unwrap();
    let all = GalleryFilter { job: Some(job), ..GalleryFilter::default() };
    let verdict = |verdict, reviewer: Option<&str>| GalleryFilter {
        verdict: Some(verdict),
        reviewer: reviewer.map(str::to_owned),
        ..all.clone()
    };
    let is = VerdictFilter::Is;
    assert_eq!(ids(&lab, verdict(is(Verdict::Keep), None)).await, by_plan[..2]);
    assert_eq!(ids(&lab, verdict(is(Verdict::Reject), None)).await, by_plan[1..2]);
    assert_eq!(ids(&lab, verdict(is(Verdict::Reject), Some("ann"))).await, []);
    assert_eq!(ids(&lab, verdict(is(Verdict::Unset), None)).await, by_plan[2..]);
    assert_eq!(ids(&lab, verdict(is(Verdict::Unset), Some("bo"))).await.len(), 11);
    assert_eq!(ids(&lab, verdict(VerdictFilter::Disputed, Some("ann"))).await, by_plan[1..2]);
    assert_eq!(ids(&lab, GalleryFilter { rating_min: Some(2), ..all.clone() }).await, by_plan[..2]);
    assert_eq!(ids(&lab, GalleryFilter { finding: Some(Finding::Blank), ..all.clone() }).await, by_plan[2..3]);
    assert_eq!(ids(&lab, GalleryFilter { model: Some("better".into()), ..all.clone() }).await, by_plan[6..]);
    let states = Some(vec![TaskState::Failed]);
    assert_eq!(ids(&lab, GalleryFilter { states, ..all.clone() }).await, []);
    let text = Some("SAMPLE 3".to_owned());
    assert_eq!(ids(&lab, GalleryFilter { text, ..all.clone() }).await, by_plan[4..6]);
    let odd = Some("it's; --".to_owned());
    assert_eq!(ids(&lab, GalleryFilter { text: odd.clone(), model: odd.clone(), reviewer: odd, ..all }).await, []);
}

#[tokio::test]
async fn rows_have_all_that_is_shown() {
    let lab = Lab::new().await;
    let (job, by_plan) = gallery(&lab).await;
    lab.store.reviews().change("ann", vec![change(by_plan[3], Verdict::Keep, 2)], T0).await.unwrap();
    let asked = vec![by_plan[3], AssetId(77_777), by_plan[0]];
    let rows = lab.store.assets().rows(asked).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.asset.id).collect::<Vec<_>>(), [by_plan[3], by_plan[0]]);
    assert_eq!((rows[0].task.job, rows[0].model.as_str(), rows[0].reviews.len()), (job, "good", 1));
    assert!(rows[1].reviews.is_empty());
    let looks = lab.store.assets().looks(job).await.unwrap();
    assert_eq!(looks.len(), 12);
    let first = looks.iter().find(|(id, _)| *id == by_plan[0]).unwrap();
    assert_eq!(first.1, u64::MAX);
    let found = lab.store.assets().with_hash(rows[0].asset.facts.blake3).await.unwrap().unwrap();
    assert_eq!(found.id, by_plan[3]);
}

#[tokio::test]
async fn reviews_change_together_and_can_be_undone() {
    let lab = Lab::new().await;
    let (job, by_plan) = gallery(&lab).await;
    let seq = lab.store.events().latest().await.unwrap();
    let reviews = lab.store.reviews();
    let note = ReviewChange { asset: by_plan[0], verdict: None, rating: None, note: Some("hands".into()) };
    reviews.change("ann", vec![note], T0).await.unwrap();
    let many: Vec<ReviewChange> = by_plan.iter().map(|asset| change(*asset, Verdict::Reject, 1)).collect();
    let before = reviews.change("ann", many, T0 + 1).await.unwrap();
    assert_eq!(reviews.for_asset(by_plan[0]).await.unwrap()[0].note, "hands");
    assert_eq!(reviews.of_job(job).await.unwrap().len(), 12);
    let back = before
        .into_iter()
        .map(|Review { asset, verdict, rating, note, .. }| ReviewChange {
            asset,
            verdict: Some(verdict),
            rating: Some(rating),
            note: Some(note),
        })
        .collect();
    reviews.change("ann", back, T0 + 2).await.unwrap();
    let left = reviews.of_job(job).await.unwrap();
    assert_eq!(left.len(), 1, "a review that says nothing is no review");
    assert_eq!((left[0].verdict, left[0].note.as_str()), (Verdict::Unset, "hands"));
    let told = lab.events_after(seq).await;
    assert_eq!(told.len(), 25);
    assert!(
        matches!(&told[1], EventBody::Review { verdict: Verdict::Reject, rating: 1, reviewer, .. } if reviewer == "ann")
    );
    // The same again is no news, and one picture that is not there refuses all.
    reviews.change("ann", vec![change(by_plan[0], Verdict::Unset, 0)], T0).await.unwrap();
    let bad = vec![change(by_plan[4], Verdict::Keep, 0), change(AssetId(77_777), Verdict::Keep, 0)];
    let error = reviews.change("ann", bad, T0).await.unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    assert_eq!(lab.events_after(seq).await.len(), 25);
}

#[tokio::test]
async fn a_search_goes_on_where_it_was() {
    let lab = Lab::new().await;
    let job = lab.submit("long", 0..4_500).await;
    let filter = TaskFilter { job, states: None, failure: None };
    let (mut found, mut after, mut questions) = (Vec::new(), None, 0);
    loop {
        let (page, next) = lab.store.tasks().search(filter.clone(), "Sample 44", after, 7).await.unwrap();
        found.extend(page.iter().map(|task| task.spec.sample + 1));
        questions += 1;
        after = next;
        if next.is_none() {
            break;
        }
    }
    let wanted: Vec<u32> = [44].into_iter().chain(440..450).chain(4_400..4_500).collect();
    assert_eq!(found, wanted);
    assert!(questions >= 16, "{questions}");
}

#[tokio::test]
async fn lists_of_jobs_and_tasks_have_what_they_show() {
    let lab = Lab::new().await;
    let (job, _) = gallery(&lab).await;
    for name in ["b", "c", "d"] {
        lab.submit(name, [1]).await;
    }
    let jobs = lab.store.jobs();
    let first = jobs.page(None, None, 2).await.unwrap();
    assert_eq!(first.iter().map(|job| job.name.as_str()).collect::<Vec<_>>(), ["d", "c"]);
    let second = jobs.page(None, Some(first[1].id), 2).await.unwrap();
    assert_eq!(second.iter().map(|job| job.name.as_str()).collect::<Vec<_>>(), ["b", "night"]);
    let finished = Some(vec![imagemill_domain::job::JobState::Finished]);
    assert_eq!(jobs.page(finished, None, 9).await.unwrap().len(), 1);
    assert!(jobs.page(Some(Vec::new()), None, 9).await.unwrap().is_empty());
    let tasks = lab.all_tasks(job).await;
    let briefs = lab.store.tasks().briefs(tasks.iter().map(|task| task.id).collect()).await.unwrap();
    let brief = &briefs[&tasks[0].id];
    assert_eq!((brief.pictures, brief.thumbnails.len(), brief.calls), (2, 2, 1));
    assert_eq!(brief.cost.map(|cost| cost.micros), Some(40));
    assert_eq!(briefs[&tasks[6].id].calls, 0);
}
