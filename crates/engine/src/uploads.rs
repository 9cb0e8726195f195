//! Source pictures that a request names by address: each is given to its provider once for an account and a content, in this
//! job and in later ones, and again when the address ended or was refused. Must not know a provider.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use imagemill_domain::call::Call;
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::job_file::Oversize;
use imagemill_providers::{Intake, PictureInput, Spool, may_mean_source_is_gone};
use imagemill_store::GivenPicture;
use tokio::sync::Mutex as Turn;

use crate::context::TaskContext;
use crate::drawing::Drawing;
use crate::paid;
use crate::pictures::local;
use crate::recipe::ImageAsk;
use crate::retry::SOURCE_GONE;
use crate::settle::lock;
use crate::sources::SentPicture;

/// One upload of a content at a time; the others wait for its address.
pub(crate) type Turns = Mutex<HashMap<(String, ContentHash), Arc<Turn<()>>>>;

/// How many bytes each of `count` sources may have so that they fit into one request, where that is the job's policy.
pub(crate) fn share(intake: Intake, policy: Oversize, count: usize) -> Option<u64> {
    let scales = policy == Oversize::Scale && intake.inline_bytes > 0 && intake.inline_bytes < u64::MAX;
    scales.then(|| intake.inline_bytes / count.max(1) as u64)
}

/// Whether the sources go by address; a failure where they do not fit into a request and there is no other way.
fn go_by_address(intake: Intake, sent: &[SentPicture]) -> Result<bool, Failure> {
    let bytes: u64 = sent.iter().map(|picture| picture.input.len).sum();
    if sent.is_empty() || bytes <= intake.inline_bytes {
        return Ok(false);
    }
    if intake.uploads {
        return Ok(true);
    }
    let message = format!(
        "the source pictures have {} MiB together, and this provider takes {} MiB in a request and no uploads; nothing was sent. Set [prepare] oversize = \"scale\", max_bytes or max_edge",
        bytes.div_ceil(1 << 20),
        intake.inline_bytes >> 20
    );
    Err(Failure::new(FailureKind::Invalid, message))
}

/// What is known of the addresses of a request's sources.
#[derive(Clone, Copy)]
pub(crate) struct Placed {
    /// Some were there before.
    known: bool,
    /// When they were looked up.
    at_us: i64,
}

/// Gives `sent` their addresses, where they go by address. Nothing of it costs money.
pub(crate) async fn place(task: &TaskContext, drawing: &Drawing, sent: &mut [SentPicture]) -> Result<Placed, Failure> {
    let mut placed = Placed { known: false, at_us: task.shared.clock.now_us() };
    if !go_by_address(drawing.provider.intake(), sent)? {
        return Ok(placed);
    }
    for picture in sent {
        let turns = &task.shared.uploads;
        let key = (account(drawing), picture.input.blake3);
        let turn = Arc::clone(lock(turns).entry(key.clone()).or_default());
        let mine = turn.lock().await;
        let address = address_of(task, drawing, &picture.input, &mut placed).await;
        drop(mine);
        drop(turn);
        let mut turns = lock(turns);
        if turns.get(&key).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            turns.remove(&key);
        }
        drop(turns);
        picture.input.address = Some(address?);
    }
    Ok(placed)
}

/// The address that is known, or a new one.
async fn address_of(
    task: &TaskContext,
    drawing: &Drawing,
    input: &PictureInput,
    placed: &mut Placed,
) -> Result<String, Failure> {
    let (uploads, account, clock) = (task.shared.store.uploads(), account(drawing), &task.shared.clock);
    // A batch names it until its window is over.
    let needed_ms = drawing.batch.as_ref().map_or(0, |way| u64::from(way.terms.window_h) * 3_600_000);
    let needed_until_us = clock.after_ms(needed_ms);
    let known = uploads.find(&account, input.blake3, needed_until_us).await.map_err(|error| local(&error))?;
    if let Some(address) = known {
        placed.known = true;
        return Ok(address);
    }
    let spool = Spool::new(task.shared.files.spool_dir(), &format!("upload-{}", task.claimed.lease.task.0));
    let uploaded =
        drawing.provider.upload(input, spool).await.map_err(|failure| failure.billing(Billing::NotBilled))?;
    // A request may wait at the provider for a while before it fetches its sources.
    let used_for_ms = uploaded.kept_for_ms / 8 * 7;
    let given_us = clock.now_us();
    let given = GivenPicture {
        account,
        content: input.blake3,
        address: uploaded.address.clone(),
        given_us,
        ends_us: given_us.saturating_add(i64::try_from(used_for_ms).unwrap_or(i64::MAX).saturating_mul(1_000)),
    };
    uploads.keep(given).await.map_err(|error| local(&error))?;
    Ok(uploaded.address)
}

/// A request that was turned down, and not charged, in words that may mean that an uploaded source is gone: the addresses that
/// were known before are forgotten, and it is tried again with new ones.
pub(crate) async fn refused(
    task: &TaskContext,
    drawing: &Drawing,
    sent: &[SentPicture],
    placed: Placed,
    failure: Failure,
) -> Failure {
    if !placed.known || !may_mean_source_is_gone(&failure) {
        return failure;
    }
    forget(task, drawing, sent, placed.at_us).await;
    again(failure)
}

/// The same of a request that a queue or a batch took and could not finish: its own upload may have ended while it waited. One that may have
/// been charged is not tried again; a retry by a person uploads anew.
pub(crate) async fn ended(task: &TaskContext, ask: &ImageAsk, call: &Call, failure: Failure) -> Failure {
    let drawing = task.drawing();
    let intake = drawing.provider.intake();
    if !intake.uploads || !may_mean_source_is_gone(&failure) {
        return failure;
    }
    let sent = paid::prepare(task, ask).await.unwrap_or_default();
    if !go_by_address(intake, &sent).unwrap_or_default() {
        return failure;
    }
    forget(task, &drawing, &sent, call.sent_us).await;
    again(failure)
}

/// What was certainly not charged is tried again.
fn again(failure: Failure) -> Failure {
    if failure.billing != Billing::NotBilled {
        return failure;
    }
    let message = format!("{}; the source pictures are uploaded again, in case their addresses ended", failure.message);
    Failure { kind: FailureKind::Invalid, code: Some(SOURCE_GONE.to_owned()), message, ..failure }
}

async fn forget(task: &TaskContext, drawing: &Drawing, sent: &[SentPicture], before_us: i64) {
    let account = account(drawing);
    for picture in sent {
        let forgotten = task.shared.store.uploads().forget(&account, picture.input.blake3, before_us).await;
        if let Err(error) = forgotten {
            tracing::warn!(%error, "the address of an upload could not be forgotten");
        }
    }
}

/// Whose uploads they are: a profile's name alone may stand for another server tomorrow.
fn account(drawing: &Drawing) -> String {
    format!("{} {}", drawing.name(), drawing.route.profile.base_url)
}
