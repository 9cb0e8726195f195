//! The paid step in words: a text or vision call goes through the same journal, limits, ledger, budget and answer log as a picture,
//! and its answer is kept in its call's row.

use std::sync::Arc;

use imagemill_domain::call::{Call, CallId, CallState, Usage};
use imagemill_domain::capability::Capabilities;
use imagemill_domain::chat::{ChatPart, ChatRequest};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::money::Money;
use imagemill_domain::profile::Profile;
use imagemill_domain::task::TaskState;
use imagemill_providers::{CallFailure, ChatAnswer, ChatCall, ChatProvider, PictureInput, Spool};
use imagemill_store::{CallEnd, NewCall, OpenCall};
use serde::{Deserialize, Serialize};

use crate::answers::{Kept, SavedAnswer, SavedItem};
use crate::batch::{self, BatchWay, Joined, Joining};
use crate::context::TaskContext;
use crate::course::Account;
use crate::journal::{self, Entry};
use crate::limits::Gate;
use crate::paid::{self, Step, over_budget};
use crate::pictures::local;
use crate::recipe::{AskPart, ChatAsk};
use crate::retry::Decision;
use crate::settle::{conclude, failed_end, keep_failed, lock};
use crate::sources::{self, SentPicture};
use crate::worker::decide;

/// What a call in words holds in memory besides its pictures: the longest answer, and buffers.
const CALL_BYTES: u64 = 2 << 20;
/// Largest picture that is shown, in bytes: 5 MB of base64 is the least that providers take.
const MOST_SHOWN_BYTES: u64 = 3_700_000;
/// Version of the stored form of an answer.
const STORED_VERSION: u32 = 1;

/// An account that answers in words.
pub(crate) struct Speaking {
    pub(crate) profile: Profile,
    pub(crate) model: String,
    pub(crate) provider: Arc<dyn ChatProvider>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) capabilities: Option<Capabilities>,
    /// How its calls go in batches, where it has some, in the batch lane.
    pub(crate) batch: Option<Arc<BatchWay>>,
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatReply {
    /// Its words, without its thoughts.
    pub text: String,
    /// Who said it.
    pub model: String,
    /// What the provider counted.
    pub usage: Usage,
    /// The call that was paid for it.
    pub call: CallId,
}

/// An answer as it lies in its call's row.
#[derive(Debug, Serialize, Deserialize)]
struct StoredWords {
    version: u32,
    text: String,
    finish: String,
    /// The answer as it came.
    raw: String,
}

impl Speaking {
    fn account(&self) -> Account {
        Account {
            profile: self.profile.name.clone(),
            gate: self.gate.clone(),
            recovery: self.capabilities.as_ref().map(|known| known.recovery).unwrap_or_default(),
            longest_wait_ms: self.profile.limits.longest_wait_ms,
        }
    }

    /// A refusal looks free on the wire; whether it is, the capability table says.
    fn with_billing(&self, failure: Failure) -> Failure {
        match self.capabilities.as_ref().and_then(|known| known.bills_refusals) {
            Some(billed) if failure.kind == FailureKind::Refused => {
                failure.billing(if billed { Billing::Billed } else { Billing::NotBilled })
            }
            _ => failure,
        }
    }

    /// `share` is of the usual price; a provider that names money names what it charges.
    fn cost_of(&self, usage: &Usage, share: f64) -> Option<Money> {
        match usage.cost_micros {
            Some(micros) => Some(Money::from_micros(micros)),
            None => Some(self.capabilities.as_ref()?.price.as_ref()?.settle_chat(usage)? * share),
        }
    }
}

impl TaskContext {
    /// Makes a text or vision call, or returns what an earlier one of the same step and request was answered.
    ///
    /// A failure that the same request would meet again (`invalid`, `refused`, `protocol`) may be tolerated by the recipe. Every
    /// other one has decided what becomes of the attempt: further steps fail with it at once, and the recipe only unwinds.
    pub async fn chat(&self, step: &str, ask: ChatAsk) -> Result<ChatReply, Failure> {
        self.course.check_open()?;
        let speaking = self.speaking(&ask).clone();
        self.course.at(speaking.account());
        match self.try_chat(step, ask, &speaking).await {
            Ok(reply) => Ok(reply),
            Err(failure) => Err(self.judge(failure).await),
        }
    }

    /// Who answers `ask`: the job's vision model when it has pictures, else its text model.
    pub(crate) fn speaking(&self, ask: &ChatAsk) -> &Arc<Speaking> {
        if ask.has_pictures() { &self.job.vision } else { &self.job.text }
    }

    /// Decides what a step's failure means. One that the recipe may tolerate decides nothing.
    pub(crate) async fn judge(&self, failure: Failure) -> Failure {
        if self.course.check_open().is_err() {
            return failure;
        }
        let decision = decide(self, &failure, 0).await;
        if is_tolerable(&decision) {
            return failure;
        }
        self.course.decided(Step::Judged { failure: failure.clone(), decision, written: false }, failure)
    }

    /// The attempt ends and its task goes back to the queue as if it had not been taken.
    pub(crate) fn release(&self) -> Failure {
        let failure = Failure::new(FailureKind::Stopped, "put back before the step was sent; nothing was paid for it");
        self.course.decided(Step::Released, failure)
    }

    async fn try_chat(&self, step: &str, ask: ChatAsk, speaking: &Speaking) -> Result<ChatReply, Failure> {
        // Pictures are prepared before there is a place at the gate only where the journal may have the answer.
        if self.claimed.lease.attempt > 1 || self.course.has_steps() {
            let sent = self.shown(&ask, speaking).await?;
            let request = request(&ask, &sent, speaking);
            match journal::look(self, step, request.hash()).await? {
                Entry::Nothing => self.close_others(step, speaking).await?,
                Entry::Done(call) => return self.remembered(call).await,
                Entry::Failed(failure) => return Err(failure),
                Entry::Open(call) => return self.go_on(call, speaking).await,
            }
        }
        if let Some(way) = &speaking.batch
            && !batch::fell_back(self, step).await?
        {
            return Err(self.join_batch(step, &ask, speaking, way.clone()).await?);
        }
        let permit = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(self.release()),
            () = self.shared.draining.cancelled() => return Err(self.release()),
            permit = speaking.gate.acquire(CALL_BYTES, 0) => permit.map_err(|_| self.release())?,
        };
        let sent = self.shown(&ask, speaking).await?;
        let request = request(&ask, &sent, speaking);
        let inputs: Vec<PictureInput> = sent.into_iter().map(|picture| picture.input).collect();
        let room = tokio::select! {
            room = self.shared.disk.room(0) => room?,
            () = self.cancel.cancelled() => return Err(self.release()),
        };
        let key = paid::idempotency_key(self, &speaking.account(), step, request.hash()).await;
        let key = key.map_err(|error| local(&error))?;
        let call = self.open(step, &request, &inputs, speaking, key.clone()).await?;
        let result = self.send(call, &request, &inputs, speaking, key.as_deref()).await;
        drop(permit);
        let reply = match result {
            Ok(answer) => {
                speaking.gate.succeeded();
                speaking.gate.hint(answer.rate.remaining_requests, answer.rate.reset_requests_ms);
                let answer = SavedAnswer::of_words(call, answer);
                match self.shared.answers.keep(&answer) {
                    Ok(kept) => self.enter(answer, Some(kept), speaking).await,
                    Err(error) => Err(keep_failed(self, answer, &error)),
                }
            }
            Err(failure) => Err(self.failed(call, *failure, speaking).await?),
        };
        drop(room);
        reply
    }

    /// The pictures of `ask` as they are sent.
    async fn shown(&self, ask: &ChatAsk, speaking: &Speaking) -> Result<Vec<SentPicture>, Failure> {
        let pictures: Vec<_> = ask.pictures().cloned().collect();
        if pictures.is_empty() {
            return Ok(Vec::new());
        }
        let accepted = speaking.profile.accepted_formats().to_vec();
        let rules = self.job.definition.file.prepare.clone();
        let max_edge = [rules.max_edge, ask.max_edge].into_iter().flatten().min();
        let max_bytes = Some(rules.max_bytes.map_or(MOST_SHOWN_BYTES, |bytes| bytes.min(MOST_SHOWN_BYTES)));
        self.shared
            .pool
            .run(move || {
                let rules = imagemill_domain::job_file::PrepareSection { max_edge, max_bytes, ..rules };
                pictures.iter().map(|source| sources::prepare_for(source, &rules, &accepted)).collect()
            })
            .await
    }

    /// The durable row, with the ceiling held.
    async fn open(
        &self,
        step: &str,
        request: &ChatRequest,
        inputs: &[PictureInput],
        speaking: &Speaking,
        idempotency_key: Option<String>,
    ) -> Result<CallId, Failure> {
        let call = NewCall { idempotency_key, ..self.new_call(step, request, inputs, speaking) };
        paid::open(self, call).await?.ok_or_else(|| self.release())
    }

    fn new_call(&self, step: &str, request: &ChatRequest, inputs: &[PictureInput], speaking: &Speaking) -> NewCall {
        let price = speaking.capabilities.as_ref().and_then(|known| known.price.as_ref());
        NewCall {
            lease: self.claimed.lease,
            step: step.to_owned(),
            request_hash: request.hash(),
            profile: speaking.profile.name.clone(),
            model: request.model.clone(),
            ceiling: price.and_then(|price| price.chat_ceiling(request.shape())),
            request_raw: speaking.provider.request_text(request, inputs).into_bytes(),
            idempotency_key: None,
            profile_budget: speaking.profile.budget,
            batch: None,
        }
    }

    /// The call goes with a batch: this attempt ends, and the recipe runs again when the answer is here.
    async fn join_batch(
        &self,
        step: &str,
        ask: &ChatAsk,
        speaking: &Speaking,
        way: Arc<BatchWay>,
    ) -> Result<Failure, Failure> {
        let ready = tokio::select! {
            ready = self.shared.batches.ready() => ready,
            () = self.cancel.cancelled() => return Ok(self.release()),
        };
        let sent = self.shown(ask, speaking).await?;
        let request = request(ask, &sent, speaking);
        let inputs: Vec<PictureInput> = sent.into_iter().map(|picture| picture.input).collect();
        let call = self.new_call(step, &request, &inputs, speaking);
        let ask = speaking.provider.batch_ask(&request, &inputs);
        let joined = batch::join(self, Joining { way, call, ask, in_words: true, pictures: 0 }).await;
        drop(ready);
        match joined? {
            Joined::Waits => Ok(self.waits()),
            Joined::Refused(OpenCall::OverBudget(over)) => Ok(over_budget(self, &speaking.profile.name, over)),
            Joined::Refused(_) => Ok(self.release()),
        }
    }

    /// The task waits for a batch already.
    fn waits(&self) -> Failure {
        let failure = Failure::new(FailureKind::Stopped, "put off until its batch is answered");
        self.course.decided(Step::Moved, failure)
    }

    /// Sends the request. A stop closes the socket after a short grace.
    async fn send(
        &self,
        call: CallId,
        request: &ChatRequest,
        inputs: &[PictureInput],
        speaking: &Speaking,
        idempotency_key: Option<&str>,
    ) -> Result<ChatAnswer, Box<CallFailure>> {
        let sending = paid::Sending::default();
        let progress = |progress| sending.note(progress);
        let key = format!("{}-{}", self.claimed.key.short(), call.0);
        let wire = ChatCall {
            request,
            pictures: inputs,
            key: &key,
            idempotency_key,
            spool: Spool::new(self.shared.files.spool_dir(), &call.0.to_string()),
            progress: &progress,
        };
        tokio::select! {
            biased;
            result = speaking.provider.chat(wire) => result,
            () = paid::stop_asked(self) => Err(CallFailure::without_answer(sending.stopped())),
        }
    }

    /// Ends a call that brought no words; gives the failure that the step ends with.
    async fn failed(&self, call: CallId, failed: CallFailure, speaking: &Speaking) -> Result<Failure, Failure> {
        speaking.gate.hint(failed.rate.remaining_requests, failed.rate.reset_requests_ms);
        let failure = speaking.with_billing(failed.failure);
        let mut end = failed_end(self, &failure, failed.usage, failed.raw);
        if failure.billing == Billing::Billed {
            // Counted by the provider, else the most it may have cost, which the ledger knows.
            end.cost = speaking.cost_of(&end.usage, 1.0);
        }
        let known = end.cost;
        let step = conclude(self, call, end, failure.clone()).await?;
        self.course.ended(if failure.billing == Billing::NotBilled { Some(Money::ZERO) } else { known }, 0);
        match &step {
            Step::Judged { decision, written: false, .. } if is_tolerable(decision) => Ok(failure),
            _ => Ok(self.course.decided(step, failure)),
        }
    }

    /// Ends a call of a batch that brought no words.
    async fn failed_in_batch(
        &self,
        answer: SavedAnswer,
        kept: Option<Kept>,
        failure: Failure,
        speaking: &Speaking,
    ) -> Result<ChatReply, Failure> {
        let failure = speaking.with_billing(failure);
        let mut end = failed_end(self, &failure, answer.usage.clone(), answer.raw.clone());
        if failure.billing == Billing::Billed {
            end.cost = speaking.cost_of(&end.usage, answer.price);
        }
        let known = end.cost;
        let step = batch::failed(self, answer, kept, end, failure.clone()).await?;
        self.course.ended(if failure.billing == Billing::NotBilled { Some(Money::ZERO) } else { known }, 0);
        match &step {
            Step::Judged { decision, written: false, .. } if is_tolerable(decision) => Err(failure),
            _ => Err(self.course.decided(step, failure)),
        }
    }

    /// Enters an answer in the ledger; its words are durable in the same transaction as its call's end.
    ///
    /// Fails only with `local`: the answer is held then, and the next try of its task starts from it.
    async fn enter(&self, answer: SavedAnswer, kept: Option<Kept>, speaking: &Speaking) -> Result<ChatReply, Failure> {
        let Some(SavedItem::Words { text, finish }) = answer.items.first().cloned() else {
            return Err(Failure::new(FailureKind::Protocol, "the answer that was kept for this step holds no words")
                .billing(Billing::Billed));
        };
        let cost = speaking.cost_of(&answer.usage, answer.price);
        let stored = StoredWords { version: STORED_VERSION, text, finish, raw: answer.raw.clone() };
        let end = CallEnd {
            state: CallState::Fetched,
            usage: answer.usage.clone(),
            cost,
            http_status: Some(answer.http_status),
            failure: None,
            response_raw: serde_json::to_vec(&stored).expect("texts always serialise"),
            assets: Vec::new(),
        };
        let (call, usage) = (answer.call, answer.usage.clone());
        if let Err(error) = self.shared.store.calls().finish(call, end, None, self.shared.clock.now_us()).await {
            lock(&self.shared.stuck).insert(call, (answer, kept));
            return Err(local(&error));
        }
        kept.into_iter().for_each(Kept::settle);
        self.course.ended(cost, 0);
        Ok(ChatReply { text: stored.text, model: speaking.model.clone(), usage, call })
    }

    /// What a call that ended well was answered.
    /// What a model answered to one of these steps before the task was asked for anew; `None` for a task that never was.
    pub async fn answered_before(&self, steps: &'static [&'static str]) -> Result<Option<String>, Failure> {
        let lease = self.claimed.lease;
        let calls = self.shared.store.calls();
        let call = calls.before_round(lease.task, lease.round, steps).await.map_err(|error| local(&error))?;
        let Some(call) = call else { return Ok(None) };
        let raw = calls.raw(call.id).await.map_err(|error| local(&error))?;
        let stored = raw.and_then(|(_, response)| serde_json::from_str::<StoredWords>(&response).ok());
        Ok(stored.map(|stored| stored.text))
    }

    async fn remembered(&self, call: Call) -> Result<ChatReply, Failure> {
        let raw = self.shared.store.calls().raw(call.id).await.map_err(|error| local(&error))?;
        let (_, response) = raw.unwrap_or_default();
        let stored: StoredWords = serde_json::from_str(&response).map_err(|error| {
            let message = format!("the answer of call {} cannot be read back: {error}", call.id.0);
            Failure::new(FailureKind::Local, message)
        })?;
        self.course.ended(Some(Money::ZERO), 0);
        Ok(ChatReply { text: stored.text, model: call.model, usage: call.usage, call: call.id })
    }

    /// Ends what an earlier try left open of this step under another request: it was paid for, and it is no answer to this one.
    async fn close_others(&self, step: &str, speaking: &Speaking) -> Result<(), Failure> {
        let calls = self.shared.store.calls().for_task(self.claimed.lease.task).await;
        let calls = calls.map_err(|error| local(&error))?;
        for call in calls.into_iter().filter(|call| call.step == step && call.state.is_open()) {
            self.go_on(call, speaking).await?;
        }
        Ok(())
    }

    /// An earlier try left the call open: its answer is held, or its end could not be written when it came.
    async fn go_on(&self, call: Call, speaking: &Speaking) -> Result<ChatReply, Failure> {
        let held = lock(&self.shared.stuck).remove(&call.id);
        if let Some((answer, kept)) = held {
            return match answer.only_failure().filter(|_| call.batch.is_some()) {
                Some(failure) => self.failed_in_batch(answer, kept, failure, speaking).await,
                None => self.enter(answer, kept, speaking).await,
            };
        }
        if call.batch.is_some() {
            return Err(match batch::wait(self, call.id).await? {
                Step::Judged { failure, decision, written } => {
                    let step = Step::Judged { failure: failure.clone(), decision, written };
                    self.course.decided(step, failure)
                }
                Step::Moved => self.waits(),
                _ => self.release(),
            });
        }
        let failure = paid::end_not_written();
        let end = failed_end(self, &failure, Usage::default(), String::new());
        let step = conclude(self, call.id, end, failure.clone()).await?;
        Err(self.course.decided(step, failure))
    }
}

/// Whether a recipe may go on after a failure that was decided so.
pub(crate) fn is_tolerable(decision: &Decision) -> bool {
    matches!(decision, Decision::End(TaskState::Failed | TaskState::Refused))
}

fn request(ask: &ChatAsk, sent: &[SentPicture], speaking: &Speaking) -> ChatRequest {
    let mut shown = sent.iter().map(|picture| picture.input.blake3);
    let parts = ask.parts.iter().filter_map(|part| match part {
        AskPart::Text(text) => Some(ChatPart::Text(text.clone())),
        AskPart::Picture(_) => shown.next().map(ChatPart::Picture),
    });
    ChatRequest {
        model: speaking.model.clone(),
        system: ask.system.clone(),
        parts: parts.collect(),
        schema: ask.schema.clone(),
        max_tokens: ask.max_tokens,
        temperature: ask.temperature,
        reasoning_effort: ask.reasoning_effort.clone(),
        extra_body: ask.extra_body.clone(),
    }
}
