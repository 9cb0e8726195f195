//! One task's life as a model: the order in which things become durable is that of the engine, what a failure and a dead process
//! mean is asked of its own rules, and the process dies after any of its steps. What the provider billed is held against what the
//! job's word on lost answers allows.

use imagemill_domain::call::CallId;
use imagemill_domain::hash::RequestHash;
use imagemill_domain::job_file::{RetrySection, UnknownPolicy};
use imagemill_domain::lane::{BatchFallback, BatchId};
use imagemill_domain::task::TaskId;
use imagemill_providers::Ticket;
use imagemill_store::BatchState;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::batch::{is_unfinished, may_be_paid, unfinished};
use crate::retry::{Batched, SOURCE_GONE, decide, decide_batched};

/// How a task's calls go.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    AtOnce(RecoveryClass),
    Queue,
    Batch,
}

/// What the provider makes of a request that reaches it, and what of its answer reaches us.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Made,
    /// Made and billed; the answer is lost.
    Lost,
    /// Lost before it was made. Nobody here can tell that from `Lost`.
    NeverArrived,
    RateLimited,
    Overloaded,
    Refused,
    /// An uploaded source is gone; not charged.
    SourceGone,
    /// Billed, and nothing that could be used.
    Garbage,
    /// Batches only: it ended before this request was run.
    Unfinished,
}

const FATES: [Fate; 9] = [
    Fate::Made,
    Fate::Lost,
    Fate::NeverArrived,
    Fate::RateLimited,
    Fate::Overloaded,
    Fate::Refused,
    Fate::SourceGone,
    Fate::Garbage,
    Fate::Unfinished,
];

impl Fate {
    fn bills(self) -> bool {
        matches!(self, Self::Made | Self::Lost | Self::Garbage)
    }

    fn failure(self) -> Option<Failure> {
        let of = |kind, billing| Some(Failure::new(kind, "x").billing(billing));
        match self {
            Self::Made => None,
            Self::Lost | Self::NeverArrived => of(FailureKind::UnknownOutcome, Billing::Unknown),
            Self::RateLimited => of(FailureKind::RateLimited, Billing::NotBilled),
            Self::Overloaded => of(FailureKind::Transient, Billing::NotBilled),
            Self::Unfinished => Some(unfinished("expired")),
            Self::Refused => of(FailureKind::Refused, Billing::NotBilled),
            Self::Garbage => of(FailureKind::Protocol, Billing::Billed),
            Self::SourceGone => {
                let failure = of(FailureKind::Invalid, Billing::NotBilled)?;
                Some(Failure { code: Some(SOURCE_GONE.to_owned()), ..failure })
            }
        }
    }
}

/// The process died.
struct Dead;

struct Life {
    way: Way,
    policy: UnknownPolicy,
    fallback: BatchFallback,
    /// A batch whose creation was not answered is found in the provider's list.
    listed: bool,
    rules: RetrySection,
    fates: Vec<Fate>,
    /// After how many steps each process dies; later ones live.
    deaths: Vec<usize>,

    // What is durable.
    calls: Vec<Call>,
    keys: Vec<usize>,
    answers: Vec<(CallId, Fate)>,
    batch: Option<(BatchState, bool)>,
    tries: u32,
    end: Option<TaskState>,

    // What only the provider and the test know.
    steps_left: Option<usize>,
    sent: Vec<(CallId, Fate)>,
    /// A process died between a request and what it would have learned.
    in_the_dark: usize,
}

impl Life {
    /// One thing more is done; the process may die of it.
    fn step(&mut self) -> Result<(), Dead> {
        match &mut self.steps_left {
            Some(0) => return Err(Dead),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(())
    }

    fn lived(mut self) -> Self {
        let mut deaths = std::mem::take(&mut self.deaths).into_iter();
        for life in 0.. {
            assert!(life < 200, "it does not end");
            self.steps_left = deaths.next();
            if self.run().is_ok() && self.end.is_some() {
                return self;
            }
        }
        self
    }

    /// A process from its start to its end.
    fn run(&mut self) -> Result<(), Dead> {
        self.recover()?;
        while self.end.is_none() {
            self.attempt()?;
        }
        Ok(())
    }

    fn open_call(&mut self) -> Option<&mut Call> {
        self.calls.iter_mut().rfind(|call| call.state.is_open())
    }

    /// What `recover` does.
    fn recover(&mut self) -> Result<(), Dead> {
        if self.end.is_some() {
            return Ok(());
        }
        if self.batch.is_some_and(|(state, _)| !may_be_paid(state)) {
            self.step()?;
            self.batch = None;
            self.close(CallState::Failed);
        }
        let Some(call) = self.open_call().map(|call| call.clone()) else { return Ok(()) };
        let answered = self.answers.iter().any(|(id, _)| *id == call.id);
        if left(&call, answered) == Left::Nothing {
            self.step()?;
            self.close(CallState::Unknown);
            self.judge(&Fate::Lost.failure().unwrap());
        }
        Ok(())
    }

    fn close(&mut self, state: CallState) {
        if let Some(call) = self.open_call() {
            call.state = state;
        }
    }

    /// What the engine's own rules say.
    fn judge(&mut self, failure: &Failure) {
        let unknown = self.calls.iter().filter(|call| call.state == CallState::Unknown).count();
        let lost_now = usize::from(failure.kind == FailureKind::UnknownOutcome);
        let situation = Situation {
            failure,
            tries: self.tries,
            earlier_unknowns: (unknown - lost_now.min(unknown)) as u32,
            rules: &self.rules,
            unknown: self.policy,
            recovery: match self.way {
                Way::AtOnce(class) => class,
                Way::Queue | Way::Batch => RecoveryClass::Addressable,
            },
            longest_hint_ms: 120_000,
            faults_in_a_row: 1,
            limited_for_ms: 0,
            chance: 0.5,
        };
        let batched = Batched { unfinished: is_unfinished(failure), fallback: self.fallback, stopping: false };
        let decision = if self.way == Way::Batch { decide_batched(situation, batched) } else { decide(situation) };
        match decision {
            Decision::End(state) => self.end = Some(state),
            Decision::Wait { counts: false, .. } => self.tries = self.tries.saturating_sub(1),
            Decision::Wait { .. } => {}
            Decision::PauseProfile { .. } | Decision::PauseJob => unreachable!("no fate pauses anything"),
        }
    }

    fn attempt(&mut self) -> Result<(), Dead> {
        if self.open_call().is_some() {
            return self.go_on();
        }
        self.step()?;
        self.tries += 1;
        let number = self.calls.len();
        let id = CallId(number as i64);
        // Under the key of the call whose answer was lost, else a new one.
        let lost = self.calls.iter().rposition(|call| call.state == CallState::Unknown);
        self.step()?;
        self.keys.push(lost.map_or(number, |lost| self.keys[lost]));
        self.calls.push(call(id, (self.way == Way::Batch).then_some(BatchId(number as i64))));
        if self.way == Way::Batch {
            self.batch = Some((BatchState::Gathering, false));
            self.step()?;
            self.batch = Some((BatchState::Creating, false));
        }
        self.step()?;
        let fate = *self.fates.get(self.sent.len()).unwrap_or(&Fate::Made);
        let fate = if fate == Fate::Unfinished && self.way != Way::Batch { Fate::Made } else { fate };
        self.sent.push((id, fate));
        match self.way {
            Way::AtOnce(_) => {
                if self.step().is_err() {
                    self.in_the_dark += 1;
                    return Err(Dead);
                }
                self.told(fate)
            }
            Way::Queue if matches!(fate, Fate::RateLimited | Fate::Overloaded) => self.told(fate),
            Way::Queue => {
                self.step()?;
                if matches!(fate, Fate::Lost | Fate::NeverArrived) {
                    return self.told(fate);
                }
                self.step()?;
                let taken = self.open_call().unwrap();
                (taken.state, taken.remote_id) = (CallState::Accepted, Some(ticket()));
                self.go_on()
            }
            Way::Batch => {
                self.step()?;
                if matches!(fate, Fate::Lost | Fate::NeverArrived) {
                    return self.go_on();
                }
                self.step()?;
                self.batch = Some((BatchState::Open, true));
                self.go_on()
            }
        }
    }

    /// A call that is open: its answer is finished, or it is asked about.
    fn go_on(&mut self) -> Result<(), Dead> {
        let call = self.open_call().unwrap().clone();
        let known = self.answers.iter().find(|(id, _)| *id == call.id).map(|(_, fate)| *fate);
        if let Some(fate) = known {
            return self.finish(fate);
        }
        let fate = self.sent.iter().find(|(id, _)| *id == call.id).map(|(_, fate)| *fate);
        if self.way == Way::Batch && self.batch != Some((BatchState::Open, true)) {
            // Looked for by our name of it; the process may have died before it went out.
            let there = fate.is_some_and(|fate| fate != Fate::NeverArrived) && self.listed;
            self.step()?;
            if !there {
                return self.told(Fate::Lost);
            }
            self.batch = Some((BatchState::Open, true));
        }
        let fate = fate.expect("what is asked about was sent");
        self.step()?;
        self.told(if fate == Fate::Lost { Fate::Made } else { fate })
    }

    fn told(&mut self, fate: Fate) -> Result<(), Dead> {
        if fate.failure().is_none() || self.way == Way::Batch {
            self.step()?;
            let id = self.open_call().unwrap().id;
            self.answers.push((id, fate));
        }
        self.finish(fate)
    }

    fn finish(&mut self, fate: Fate) -> Result<(), Dead> {
        self.step()?;
        let Some(failure) = fate.failure() else {
            self.close(CallState::Fetched);
            self.end = Some(TaskState::Succeeded);
            return Ok(());
        };
        self.close(match failure.kind {
            FailureKind::Refused => CallState::Refused,
            FailureKind::UnknownOutcome => CallState::Unknown,
            _ => CallState::Failed,
        });
        self.batch = None;
        self.judge(&failure);
        Ok(())
    }

    /// Bills at the provider, one for each idempotency key where it takes them.
    fn bills(&self) -> usize {
        let billed = self.sent.iter().filter(|(_, fate)| fate.bills());
        let mut keys: Vec<usize> = billed
            .map(|(id, _)| match self.way {
                Way::AtOnce(RecoveryClass::Replayable) => self.keys[id.0 as usize],
                _ => id.0 as usize,
            })
            .collect();
        keys.dedup();
        keys.len()
    }

    /// What is wrong with how it went.
    fn wrongs(&self) -> Vec<String> {
        let mut wrongs = Vec::new();
        let allowed = match (self.way, self.policy) {
            (Way::AtOnce(RecoveryClass::Opaque), UnknownPolicy::Once) => 2,
            (Way::AtOnce(RecoveryClass::Opaque), UnknownPolicy::Always) => self.rules.attempts as usize,
            _ => 1,
        };
        if self.bills() > allowed {
            wrongs.push(format!("billed {} times where {allowed} is the most", self.bills()));
        }
        let lost = self.calls.iter().filter(|call| call.state == CallState::Unknown).count();
        let after = self.calls.iter().skip_while(|call| call.state != CallState::Unknown).skip(1).count();
        let asked = match (self.way, self.policy) {
            (Way::AtOnce(RecoveryClass::Replayable), _)
            | (Way::AtOnce(RecoveryClass::Opaque), UnknownPolicy::Always) => true,
            // What is certainly not charged may follow the one that was asked for.
            (Way::AtOnce(RecoveryClass::Opaque), UnknownPolicy::Once) => lost <= 2,
            _ => false,
        };
        if after > 0 && !asked {
            wrongs.push(format!("{after} requests after one whose outcome is unknown"));
        }
        for (id, fate) in self.sent.iter().filter(|(_, fate)| fate.bills()) {
            let state = self.calls[id.0 as usize].state;
            let explained = match fate {
                Fate::Garbage => matches!(state, CallState::Failed | CallState::Unknown),
                _ => matches!(state, CallState::Fetched | CallState::Unknown),
            };
            if !explained {
                wrongs.push(format!("call {} was billed and is {}", id.0, state.word()));
            }
        }
        if self.calls.iter().any(|call| call.state.is_open()) {
            wrongs.push("a call is open at the end".into());
        }
        wrongs
    }
}

fn ticket() -> String {
    let (status_url, result_url, cancel_url) = (None, None, None);
    let ticket = Ticket { version: 1, id: "r".into(), status_url, result_url, cancel_url, model: "m".into() };
    serde_json::to_string(&ticket).unwrap()
}

fn call(id: CallId, batch: Option<BatchId>) -> Call {
    Call {
        id,
        task: TaskId(1),
        attempt: 1,
        step: "image".into(),
        request_hash: RequestHash([0; 16]),
        state: CallState::Sent,
        profile: "p".into(),
        model: "m".into(),
        ceiling: None,
        cost: None,
        usage: Usage::default(),
        remote_id: None,
        batch,
        http_status: None,
        failure: None,
        sent_us: 0,
        ended_us: None,
    }
}

const WAYS: [Way; 5] = [
    Way::AtOnce(RecoveryClass::Opaque),
    Way::AtOnce(RecoveryClass::Addressable),
    Way::AtOnce(RecoveryClass::Replayable),
    Way::Queue,
    Way::Batch,
];
const POLICIES: [UnknownPolicy; 3] = [UnknownPolicy::Never, UnknownPolicy::Once, UnknownPolicy::Always];
const FALLBACKS: [BatchFallback; 2] = [BatchFallback::Batch, BatchFallback::Stop];

fn life(way: Way, policy: UnknownPolicy, fates: Vec<Fate>, deaths: Vec<usize>) -> Life {
    Life {
        way,
        policy,
        fallback: BatchFallback::Batch,
        listed: true,
        rules: RetrySection::default(),
        fates,
        deaths,
        calls: Vec::new(),
        keys: Vec::new(),
        answers: Vec::new(),
        batch: None,
        tries: 0,
        end: None,
        steps_left: None,
        sent: Vec::new(),
        in_the_dark: 0,
    }
}

/// Every way, every word on lost answers, every fate of the first request, and a death after every step of the first life.
#[test]
fn a_death_at_any_point_pays_for_nothing_unasked() {
    let (mut lost, mut again) = (0, 0);
    for way in WAYS {
        for policy in POLICIES {
            for fate in FATES {
                for death in 0..14 {
                    let lived = life(way, policy, vec![fate], vec![death]).lived();
                    let told = format!("{way:?} {policy:?} {fate:?}, died after {death} steps: {:?}", lived.sent);
                    assert_eq!(lived.wrongs(), Vec::<String>::new(), "{told}");
                    lost += lived.in_the_dark;
                    again += usize::from(lived.bills() > 1);
                }
            }
        }
    }
    assert!(lost > 20 && again > 0, "{lost} deaths in the dark, {again} paid again: too tame to show anything");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    /// The same over many deaths, any fates in a row, and any limit of attempts.
    #[test]
    fn no_life_sends_an_opaque_call_twice_unasked(
        way in select(WAYS.to_vec()),
        policy in select(POLICIES.to_vec()),
        fallback in select(FALLBACKS.to_vec()),
        listed in any::<bool>(),
        attempts in 1u32..6,
        fates in vec(select(FATES.to_vec()), 0..8),
        deaths in vec(0usize..14, 0..8),
    ) {
        let mut drawn = life(way, policy, fates, deaths);
        (drawn.fallback, drawn.listed, drawn.rules.attempts) = (fallback, listed, attempts);
        let lived = drawn.lived();
        prop_assert_eq!(lived.wrongs(), Vec::<String>::new(), "{:?}", lived.sent);
        prop_assert!(lived.end.is_some_and(TaskState::is_ended));
    }
}
