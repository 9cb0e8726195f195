//! Source pictures that are handed over and named: once for an account and a content, again when their links end, and what is
//! done about pictures that are too large for a request.

use std::sync::atomic::{AtomicU32, Ordering};

use imagemill_domain::call::Call;
use imagemill_domain::failure::FailureKind;
use imagemill_domain::job::JobId;
use imagemill_domain::job_file::{JobFile, Oversize, RecipeName};
use imagemill_domain::lane::Lane;
use imagemill_domain::money::Money;
use imagemill_domain::profile::{Profile, Protocol};
use imagemill_domain::source::{Scan, SourceItem};
use imagemill_domain::task::SourcePicture;
use imagemill_domain::task::TaskState::{Failed, Succeeded};
use imagemill_simulator::{Scenario, UploadRules};
use imagemill_testkit::pictures;

use crate::harness::Bed;

/// Equal words would make equal tasks, and those continue.
static JOBS: AtomicU32 = AtomicU32::new(0);

fn at(bed: &Bed, protocol: Protocol) -> Profile {
    let mut profile = bed.profile("sim-image");
    profile.protocol = protocol;
    profile.base_url = bed.simulator.base_url_for(protocol);
    if protocol == Protocol::Replicate {
        profile.model = "sim/sim-image".into();
    }
    profile
}

impl Bed {
    /// An edit job whose tasks all send the picture `name`.
    async fn with_reference(&self, profile: &Profile, name: &str, tasks: u32, oversize: Oversize) -> JobId {
        self.with_reference_in(Lane::Auto, profile, name, tasks, oversize).await
    }

    async fn with_reference_in(
        &self,
        lane: Lane,
        profile: &Profile,
        name: &str,
        tasks: u32,
        oversize: Oversize,
    ) -> JobId {
        let path = self.workspace.join(name);
        let blake3 = imagemill_domain::hash::ContentHash::of(&std::fs::read(&path).unwrap());
        let picture = SourcePicture { path: path.display().to_string(), name: name.into(), blake3 };
        let items = vec![SourceItem { pictures: vec![picture], ..SourceItem::default() }];
        let number = JOBS.fetch_add(1, Ordering::Relaxed);
        let prompt = Some(format!("make it night, {number}"));
        let mut file = JobFile { prompt, samples: tasks, lane, ..JobFile::new(RecipeName::Edit) };
        file.prepare.oversize = oversize;
        file.retry.wait_ms = 20;
        let scan = Scan { items, ..Scan::default() };
        self.submit_as(&format!("job {number}"), &file, &[(profile.clone(), 0)], scan).await
    }

    async fn request_of(&self, call: &Call) -> String {
        self.store.calls().raw(call.id).await.unwrap().unwrap().0
    }
}

fn scenario(uploads: UploadRules) -> Scenario {
    Scenario { uploads, ..Scenario::default() }
}

/// A picture of more bytes than a request takes. What stands behind its end is no part of it.
fn large() -> Vec<u8> {
    let mut bytes = pictures::png(7, 64, 64);
    bytes.resize(16 << 20, 0);
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_reference_is_uploaded_once_for_all_tasks_and_jobs() {
    let bed = Bed::new(Scenario::default()).await;
    bed.workspace.write("ref.png", pictures::png(7, 32, 32));
    let profile = at(&bed, Protocol::HostedMedia);
    let job = bed.with_reference(&profile, "ref.png", 50, Oversize::Upload).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 50)]);
    assert_eq!((bed.simulator.uploads(), bed.billed()), (1, 50));
    let later = bed.with_reference(&profile, "ref.png", 3, Oversize::Upload).await;
    bed.run().await;
    assert_eq!(bed.states(later).await, [(Succeeded, 3)]);
    assert_eq!(bed.simulator.uploads(), 1, "another engine, another job, the same address");
    // Another account does not know the address.
    let other = Profile { name: "other".into(), ..profile };
    bed.with_reference(&other, "ref.png", 1, Oversize::Upload).await;
    bed.run().await;
    assert_eq!(bed.simulator.uploads(), 2);
    let call = &bed.calls(job).await[0];
    let request = bed.request_of(call).await;
    assert!(request.contains("blake3:") && request.contains("/uploads/upload-1)"), "{request}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_ended_is_uploaded_again_and_nothing_is_paid_twice() {
    for protocol in [Protocol::HostedMedia, Protocol::Gemini] {
        let bed = Bed::new(scenario(UploadRules { uses: 4, ..UploadRules::default() })).await;
        let small = protocol == Protocol::HostedMedia;
        bed.workspace.write("ref.png", if small { pictures::png(7, 32, 32) } else { large() });
        let mut profile = at(&bed, protocol);
        profile.limits.concurrency = 2;
        let job = bed.with_reference(&profile, "ref.png", 10, Oversize::Upload).await;
        bed.run().await;
        assert_eq!(bed.states(job).await, [(Succeeded, 10)], "{protocol:?}");
        assert_eq!(bed.billed(), 10);
        assert!((3..10).contains(&bed.simulator.uploads()), "{}", bed.simulator.uploads());
        let ended: Vec<_> = bed.calls(job).await.into_iter().filter_map(|call| call.failure).collect();
        assert!(!ended.is_empty());
        for failure in ended {
            assert_eq!(failure.kind, FailureKind::Invalid);
            assert!(failure.message.contains("uploaded again"), "{failure}");
        }
    }
}

/// A queue finds out when the request's turn comes: nothing was drawn, so it is uploaded again and sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_link_ended_while_it_waited_is_made_again_with_a_new_one() {
    for protocol in [Protocol::HostedMedia, Protocol::Fal, Protocol::Replicate] {
        let bed = Bed::new(scenario(UploadRules { uses: 2, late: true, ..UploadRules::default() })).await;
        let small = protocol == Protocol::HostedMedia;
        bed.workspace.write("ref.png", if small { pictures::png(7, 32, 32) } else { large() });
        let mut profile = at(&bed, protocol);
        profile.limits.concurrency = 2;
        let job = bed.with_reference(&profile, "ref.png", 6, Oversize::Upload).await;
        bed.run().await;
        assert_eq!(bed.states(job).await, [(Succeeded, 6)], "{protocol:?}");
        assert_eq!(bed.billed(), 6, "{protocol:?}: what lacked its source was not charged, and nothing was paid twice");
        assert!((2..=6).contains(&bed.simulator.uploads()), "{protocol:?}: {}", bed.simulator.uploads());
        let ended: Vec<_> = bed.calls(job).await.into_iter().filter(|call| call.failure.is_some()).collect();
        assert!(!ended.is_empty(), "{protocol:?}");
        for call in ended {
            let failure = call.failure.unwrap();
            assert!(failure.message.contains("uploaded again"), "{protocol:?}: {failure}");
            assert_eq!((failure.kind, call.cost), (FailureKind::Invalid, Some(Money::ZERO)), "{protocol:?}");
            assert!(call.remote_id.is_some(), "{protocol:?}: the queue had taken it");
        }
    }
}

/// A run that failed of something else may have been charged, so it ends as it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_failed_otherwise_is_not_made_again_for_its_link() {
    let bed = Bed::new(Scenario::default()).await;
    bed.workspace.write("ref.png", pictures::png(7, 32, 32));
    let mut profile = at(&bed, Protocol::HostedMedia);
    profile.model = "job-fails".into();
    let job = bed.with_reference(&profile, "ref.png", 1, Oversize::Upload).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Failed, 1)]);
    assert_eq!((bed.calls(job).await.len(), bed.simulator.uploads()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_not_used_to_the_end_of_its_life() {
    let bed = Bed::new(scenario(UploadRules { lives_ms: 1_000, ..UploadRules::default() })).await;
    bed.workspace.write("ref.png", large());
    let profile = at(&bed, Protocol::Replicate);
    bed.with_reference(&profile, "ref.png", 1, Oversize::Upload).await;
    bed.run().await;
    tokio::time::sleep(std::time::Duration::from_millis(900)).await;
    let job = bed.with_reference(&profile, "ref.png", 2, Oversize::Upload).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 2)]);
    assert_eq!(bed.simulator.uploads(), 2);
    assert_eq!(bed.calls(job).await.len(), 2, "no request named a link that had ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_for_a_request_is_uploaded_or_scaled_by_policy() {
    for protocol in [Protocol::Fal, Protocol::Replicate, Protocol::Gemini] {
        let bed = Bed::new(Scenario::default()).await;
        bed.workspace.write("small.png", pictures::png(7, 32, 32));
        bed.workspace.write("large.png", large());
        let profile = at(&bed, protocol);
        let small = bed.with_reference(&profile, "small.png", 2, Oversize::Upload).await;
        let scaled = bed.with_reference(&profile, "large.png", 2, Oversize::Scale).await;
        bed.run().await;
        assert_eq!(bed.states(small).await, [(Succeeded, 2)], "{protocol:?}");
        assert_eq!(bed.states(scaled).await, [(Succeeded, 2)], "{protocol:?}");
        assert_eq!(bed.simulator.uploads(), 0);
        let assets = bed.store.assets().for_task(bed.tasks(scaled).await[0].id).await.unwrap();
        let prepared = bed.store.assets().prepared(assets[0].id).await.unwrap().unwrap().to_string();
        assert!(prepared.contains("reencoded") || prepared.contains("scaled"), "{prepared}");
        let uploaded = bed.with_reference(&profile, "large.png", 2, Oversize::Upload).await;
        bed.run().await;
        assert_eq!(bed.states(uploaded).await, [(Succeeded, 2)], "{protocol:?}");
        assert_eq!(bed.simulator.uploads(), 1);
        let assets = bed.store.assets().for_task(bed.tasks(uploaded).await[0].id).await.unwrap();
        assert_eq!(bed.store.assets().prepared(assets[0].id).await.unwrap(), None, "the file's own bytes");
    }
}

#[tokio::test]
async fn without_uploads_nothing_is_sent_and_the_way_out_is_named() {
    let bed = Bed::new(Scenario::default()).await;
    bed.workspace.write("large.png", large());
    let profile = at(&bed, Protocol::ComfyRouter);
    let job = bed.with_reference(&profile, "large.png", 1, Oversize::Upload).await;
    bed.run().await;
    let task = &bed.tasks(job).await[0];
    let failure = task.failure.clone().unwrap();
    assert_eq!((task.state, failure.kind, bed.billed()), (Failed, FailureKind::Invalid, 0));
    assert!(failure.message.contains("oversize = \"scale\""), "{failure}");
    assert!(bed.calls(job).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_that_fails_is_asked_again_and_costs_nothing() {
    let bed = Bed::new(scenario(UploadRules { failures: 2, ..UploadRules::default() })).await;
    bed.workspace.write("ref.png", pictures::png(7, 32, 32));
    let mut profile = at(&bed, Protocol::HostedMedia);
    profile.limits.concurrency = 1;
    let job = bed.with_reference(&profile, "ref.png", 1, Oversize::Upload).await;
    bed.run().await;
    assert_eq!(bed.states(job).await, [(Succeeded, 1)]);
    assert_eq!((bed.billed(), bed.simulator.uploads(), bed.calls(job).await.len()), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openai_is_given_large_pictures_as_files() {
    for protocol in [Protocol::Images, Protocol::Responses] {
        let bed = Bed::new(Scenario::default()).await;
        bed.workspace.write("small.png", pictures::png(7, 32, 32));
        bed.workspace.write("large.png", large());
        let profile = at(&bed, protocol);
        let small = bed.with_reference(&profile, "small.png", 2, Oversize::Upload).await;
        let large = bed.with_reference(&profile, "large.png", 3, Oversize::Upload).await;
        bed.run().await;
        assert_eq!(bed.states(small).await, [(Succeeded, 2)], "{protocol:?}");
        assert_eq!(bed.states(large).await, [(Succeeded, 3)], "{protocol:?}");
        assert_eq!((bed.simulator.uploads(), bed.billed()), (1, 5), "{protocol:?}");
        let request = bed.request_of(&bed.calls(large).await[0]).await;
        assert!(request.contains("\"file_id\":\"blake3:") && request.contains("(upload-1)"), "{request}");
        let request = bed.request_of(&bed.calls(small).await[0]).await;
        assert!(request.contains("\"image_url\":\"blake3:"), "{request}");
    }
}

/// Lines of a batch name what does not fit into them; one whose link ended goes into the next batch with a new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_names_pictures_that_do_not_fit_into_it() {
    for (protocol, uses) in [(Protocol::Gemini, 0), (Protocol::Images, 0), (Protocol::Gemini, 3)] {
        let bed = Bed::new(scenario(UploadRules { uses, ..UploadRules::default() })).await;
        bed.workspace.write("large.png", large());
        let mut profile = at(&bed, protocol);
        if protocol == Protocol::Gemini {
            profile.provider = "gemini".into();
        }
        let job = bed.with_reference_in(Lane::Batch, &profile, "large.png", 5, Oversize::Upload).await;
        bed.run().await;
        assert_eq!(bed.states(job).await, [(Succeeded, 5)], "{protocol:?}: {:?}", bed.tasks(job).await);
        assert_eq!(bed.billed(), 5, "{protocol:?}: nothing was paid twice");
        let rounds = if uses == 0 { 1 } else { 2 };
        // A busy machine may send the lines in more batches; the file is uploaded once for each link.
        let batches = bed.simulator.batches().0;
        assert!(bed.simulator.uploads() == rounds && batches >= rounds, "{protocol:?}: {batches} batches");
    }
}
