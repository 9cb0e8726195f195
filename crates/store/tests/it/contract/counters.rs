//! After any verbs in any order: every counter equals a recount, money is where the calls say, the budget holds, and
//! events have no gap.

use imagemill_domain::call::{CallId, CallState};
use imagemill_domain::failure::{Billing, FailureKind};
use imagemill_domain::job::{JobId, JobState, TaskCounts};
use imagemill_domain::task::TaskState;
use imagemill_store::{Lease, OpenCall, OwnerId, RetrySelection};
use proptest::prelude::*;
use std::collections::BTreeMap;

use crate::lab::{Lab, T0, call_end, ended, fetched, limited, new_call, succeeded};

const BUDGET: i64 = 900;
const CEILING: i64 = 60;
const ENDS: [TaskState; 6] = [
    TaskState::Succeeded,
    TaskState::Partial,
    TaskState::Failed,
    TaskState::Refused,
    TaskState::Unknown,
    TaskState::Stopped,
];

/// One verb; numbers choose among what is there.
#[derive(Clone, Debug)]
enum Verb {
    Submit { from: u32, count: u32 },
    Claim { limit: u32 },
    Finish { lease: usize, state: usize },
    Wait { lease: usize, counts: bool },
    Release { lease: usize },
    Promote,
    Open { lease: usize, known_price: bool },
    EndCall { call: usize, state: usize, cost: Option<i64>, billing: usize, with_task: bool },
    WriteOff { call: usize, billed: bool },
    Resend { call: usize },
    Retry { selection: usize, keep: bool },
    Pause,
    Resume,
    Stop,
    Reap,
}

fn verb() -> impl Strategy<Value = Verb> {
    let pick = 0..64_usize;
    prop_oneof![
        1 => (0..20_u32, 0..20_u32).prop_map(|(from, count)| Verb::Submit { from, count }),
        4 => (1..5_u32).prop_map(|limit| Verb::Claim { limit }),
        3 => (pick.clone(), 0..6_usize).prop_map(|(lease, state)| Verb::Finish { lease, state }),
        2 => (pick.clone(), any::<bool>()).prop_map(|(lease, counts)| Verb::Wait { lease, counts }),
        1 => pick.clone().prop_map(|lease| Verb::Release { lease }),
        1 => Just(Verb::Promote),
        6 => (pick.clone(), any::<bool>()).prop_map(|(lease, known_price)| Verb::Open { lease, known_price }),
        6 => (pick.clone(), 0..4_usize, prop::option::of(0..=CEILING), 0..4_usize, any::<bool>()).prop_map(
            |(call, state, cost, billing, with_task)| Verb::EndCall { call, state, cost, billing, with_task }
        ),
        1 => (pick.clone(), any::<bool>()).prop_map(|(call, billed)| Verb::WriteOff { call, billed }),
        1 => pick.prop_map(|call| Verb::Resend { call }),
        2 => (0..4_usize, any::<bool>()).prop_map(|(selection, keep)| Verb::Retry { selection, keep }),
        1 => Just(Verb::Pause),
        2 => Just(Verb::Resume),
        1 => Just(Verb::Stop),
        1 => Just(Verb::Reap),
    ]
}

struct World {
    lab: Lab,
    job: JobId,
    owner: OwnerId,
    leases: Vec<Lease>,
    calls: Vec<(CallId, Lease)>,
    next_picture: u64,
}

fn pick<T: Copy>(from: &[T], number: usize) -> Option<T> {
    (!from.is_empty()).then(|| from[number % from.len()])
}

impl World {
    async fn new() -> Self {
        let lab = Lab::new().await;
        let job = lab.submit_with_budget("night", 0..15, Some(BUDGET)).await;
        let owner = lab.owner().await;
        Self { lab, job, owner, leases: Vec::new(), calls: Vec::new(), next_picture: 0 }
    }

    async fn run(&mut self, verb: Verb) {
        let store = self.lab.store.clone();
        let (tasks, jobs, calls) = (store.tasks(), store.jobs(), store.calls());
        let job = self.job;
        match verb {
            Verb::Submit { from, count } => {
                self.lab.submit_with_budget("night", from..from + count, Some(BUDGET)).await;
            }
            Verb::Claim { limit } => {
                let claimed = tasks.claim(job, limit, self.owner, T0).await.unwrap();
                self.leases.extend(claimed.into_iter().map(|claimed| claimed.lease));
            }
            Verb::Finish { lease, state } => {
                let Some(lease) = pick(&self.leases, lease) else { return };
                tasks.finish(lease, ended(ENDS[state]), T0).await.unwrap();
            }
            Verb::Wait { lease, counts } => {
                let Some(lease) = pick(&self.leases, lease) else { return };
                tasks.wait(lease, T0 + 10, limited(), counts, T0).await.unwrap();
            }
            Verb::Release { lease } => {
                let Some(lease) = pick(&self.leases, lease) else { return };
                tasks.release(lease, T0).await.unwrap();
            }
            Verb::Promote => {
                tasks.promote(T0 + 10).await.unwrap();
            }
            Verb::Open { lease, known_price } => {
                let Some(lease) = pick(&self.leases, lease) else { return };
                let call = new_call(lease, known_price.then_some(CEILING));
                if let OpenCall::Opened(call) = calls.open(call, T0).await.unwrap() {
                    self.calls.push((call, lease));
                }
            }
            Verb::EndCall { call, state, cost, billing, with_task } => {
                let Some((call, lease)) = pick(&self.calls, call) else { return };
                self.end_call(call, lease, state, cost, billing, with_task).await;
            }
            Verb::WriteOff { call, billed } => {
                let Some((call, _)) = pick(&self.calls, call) else { return };
                calls.write_off(call, billed, T0).await.unwrap();
            }
            Verb::Resend { call } => {
                let Some((call, _)) = pick(&self.calls, call) else { return };
                calls.resend(call, T0).await.unwrap();
            }
            Verb::Retry { selection, keep } => {
                let selection = match selection {
                    0 => RetrySelection::Failed,
                    1 => RetrySelection::All,
                    2 => RetrySelection::States(vec![TaskState::Unknown, TaskState::Refused]),
                    _ => match self.lab.all_tasks(job).await.first() {
                        Some(task) => RetrySelection::Task(task.id),
                        None => return,
                    },
                };
                tasks.retry(job, selection, keep, T0).await.unwrap();
            }
            Verb::Pause => jobs.set_state(job, JobState::Paused, Some("a person".into()), T0).await.unwrap(),
            Verb::Resume => jobs.set_state(job, JobState::Active, None, T0).await.unwrap(),
            Verb::Stop => {
                jobs.stop(job, T0).await.unwrap();
            }
            Verb::Reap => {
                self.owner = self.lab.owner().await;
                let orphans = store.owners().reap(self.owner, T0, true).await.unwrap();
                self.leases.extend(orphans.into_iter().map(|orphan| orphan.lease));
            }
        }
    }

    async fn end_call(
        &mut self,
        call: CallId,
        lease: Lease,
        state: usize,
        cost: Option<i64>,
        billing: usize,
        with_task: bool,
    ) {
        let billing = [None, Some(Billing::NotBilled), Some(Billing::Billed), Some(Billing::Unknown)][billing];
        self.next_picture += 1;
        let (end, task_end) = match state {
            0 => (fetched(cost, &[self.next_picture]), succeeded(1)),
            1 => (call_end(CallState::Refused, cost, billing), ended(TaskState::Refused)),
            2 => (call_end(CallState::Failed, cost, billing), ended(TaskState::Failed)),
            _ => (call_end(CallState::Unknown, None, billing), ended(TaskState::Unknown)),
        };
        let task = with_task.then_some((lease, task_end));
        self.lab.store.calls().finish(call, end, task, T0).await.unwrap();
    }

    async fn check(&self) {
        let store = &self.lab.store;
        let mut counts = TaskCounts::default();
        let mut failures: BTreeMap<(FailureKind, TaskState), u64> = BTreeMap::new();
        let (mut pictures, mut spent, mut reserved) = (0, 0, 0);
        for task in self.lab.all_tasks(self.job).await {
            counts.set(task.state, counts.get(task.state) + 1);
            if let Some(failure) = &task.failure {
                *failures.entry((failure.kind, task.state)).or_default() += 1;
            }
            assert_eq!(task.not_before_us.is_some(), task.state == TaskState::Waiting);
            pictures += store.assets().for_task(task.id).await.unwrap().len() as u64;
            for call in store.calls().for_task(task.id).await.unwrap() {
                let ceiling = call.ceiling.map_or(0, |ceiling| ceiling.micros);
                let not_billed = call.state != CallState::Fetched
                    && call.failure.as_ref().is_some_and(|failure| failure.billing == Billing::NotBilled);
                match call.state {
                    state if state.is_open() => reserved += ceiling,
                    CallState::Unknown => reserved += ceiling,
                    _ if not_billed => {}
                    _ => spent += call.cost.map_or(ceiling, |cost| cost.micros),
                }
            }
        }
        assert_eq!(store.jobs().counts(self.job).await.unwrap(), counts);
        let told = store.jobs().failures(self.job).await.unwrap();
        let told: BTreeMap<_, _> = told.into_iter().map(|(kind, state, n)| ((kind, state), n)).collect();
        assert_eq!(told, failures);
        assert_eq!(store.jobs().pictures(self.job).await.unwrap(), pictures);
        assert_eq!(self.lab.money(self.job).await, (spent, reserved));
        let job = store.jobs().get(self.job).await.unwrap().unwrap();
        assert!(job.state != JobState::Finished || counts.open() == 0, "finished with open tasks");
        assert!(job.state != JobState::Active || counts.open() > 0, "active with nothing open");
        let seqs: Vec<_> = self.lab.events().await.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn counters_equal_a_recount_after_any_verbs(verbs in proptest::collection::vec(verb(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for (number, verb) in verbs.into_iter().enumerate() {
                world.run(verb).await;
                if number % 8 == 0 {
                    world.check().await;
                }
            }
            world.check().await;
        });
    }
}
