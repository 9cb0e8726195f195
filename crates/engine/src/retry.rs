//! The one place where it is decided what a failure means for its task. Pure: time and chance are arguments.
//!
//! The rule above all others: a call that may have been paid for is never sent again unasked
//! (`RecoveryClass::Opaque` with `UnknownPolicy::Never`).

use imagemill_domain::call::RecoveryClass;
use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::job_file::{RetrySection, UnknownPolicy};
use imagemill_domain::lane::BatchFallback;
use imagemill_domain::task::TaskState;

/// Transport faults in a row, whatever the item, after which the profile pauses (money-and-failure §2).
pub const FAULTS_BEFORE_PAUSE: u32 = 5;

/// Rate limits and nothing else for this long are no pressure but a plan that does not suffice: the profile pauses visibly.
pub const LIMITED_BEFORE_PAUSE_MS: u64 = 600_000;

/// The first question about a call that a provider took comes after this.
pub const FIRST_POLL_MS: u64 = 500;
/// The longest time between two questions, whatever the provider's hint.
pub const LONGEST_POLL_MS: u64 = 15_000;
/// How long questions must have failed in one go before a call is given up whose time is over: a machine that slept wakes
/// up without a network.
pub const FAILING_POLLS_MS: u64 = 120_000;

/// What is known when a provider was asked about a call that it took.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Milliseconds since the call was sent.
    pub age_ms: u64,
    /// How long a call may take in all.
    pub total_ms: u64,
    /// When the provider wants to be asked again.
    pub hint_ms: Option<u64>,
    /// The question failed, and since when all of them did; `None` when the provider said "not yet".
    pub failing_ms: Option<u64>,
}

/// When to ask again, in milliseconds; `None` when the call is given up. The older the call, the longer the wait; a call
/// is given up only after a question was put when its time was over.
pub fn ask_again(asked: Asked) -> Option<u64> {
    let patient = asked.failing_ms.is_some_and(|failing_ms| failing_ms < FAILING_POLLS_MS);
    if asked.age_ms >= asked.total_ms && !patient {
        return None;
    }
    Some(asked.hint_ms.unwrap_or(asked.age_ms / 8).clamp(FIRST_POLL_MS, LONGEST_POLL_MS))
}

/// What is known when a task failed.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// What went wrong.
    pub failure: &'a Failure,
    /// How often the task was tried, this time included; waits for rate limits do not count.
    pub tries: u32,
    /// Calls of this task before this one whose outcome is unknown and which were sent again.
    pub earlier_unknowns: u32,
    /// The job's rules.
    pub rules: &'a RetrySection,
    /// The job's settled word on lost answers; never `Auto`.
    pub unknown: UnknownPolicy,
    /// What the provider allows.
    pub recovery: RecoveryClass,
    /// Longest wait a provider may ask for, in milliseconds; more means "not now".
    pub longest_hint_ms: u64,
    /// Transport faults of the profile in a row, this one included.
    pub faults_in_a_row: u32,
    /// For how long the profile's every answer has been a rate limit, in milliseconds.
    pub limited_for_ms: u64,
    /// A number in [0, 1) drawn for this decision.
    pub chance: f64,
}

/// Code of a budget failure that concerns every job of the profile.
pub const PROFILE_BUDGET: &str = "profile_budget";

/// Code of a budget failure that the end of calls under way may lift.
pub const NO_ROOM_YET: &str = "no_room_yet";

/// Code of a request that was turned down, and not charged, because an uploaded source picture may be gone.
pub const SOURCE_GONE: &str = "source_gone";

/// How long a task waits for calls under way to make room in the budget, in milliseconds.
const NO_ROOM_WAIT_MS: u64 = 2_000;

/// What becomes of the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It ends.
    End(TaskState),
    /// It waits and is tried again.
    Wait {
        /// How long.
        wait_ms: u64,
        /// Whether this time counts as one of its attempts.
        counts: bool,
    },
    /// It goes back to the queue and its profile pauses, until then or until a person says so.
    PauseProfile {
        /// When the profile may try again, from now; `None` waits for a person.
        again_in_ms: Option<u64>,
        /// What the pause means; transport faults become `StableInfra`.
        kind: FailureKind,
    },
    /// It goes back to the queue and its job pauses.
    PauseJob,
}

/// Decides. Never repeats a paid call whose outcome is unknown, except as the policy and the recovery class allow.
pub fn decide(situation: Situation<'_>) -> Decision {
    let Situation { failure, rules, .. } = situation;
    match failure.kind {
        // It is uploaded again, at once.
        FailureKind::Invalid if failure.code.as_deref() == Some(SOURCE_GONE) && situation.tries < rules.attempts => {
            Decision::Wait { wait_ms: jitter(500, situation.chance), counts: true }
        }
        FailureKind::Invalid | FailureKind::Protocol | FailureKind::BadPicture | FailureKind::FetchExpired => {
            Decision::End(TaskState::Failed)
        }
        FailureKind::Refused => Decision::End(TaskState::Refused),
        FailureKind::Stopped => Decision::End(TaskState::Stopped),
        FailureKind::Budget if failure.code.as_deref() == Some(NO_ROOM_YET) => {
            Decision::Wait { wait_ms: NO_ROOM_WAIT_MS, counts: false }
        }
        // The profile's own budget: until the next day, or until a person raises it.
        FailureKind::Budget if failure.code.as_deref() == Some(PROFILE_BUDGET) => {
            Decision::PauseProfile { again_in_ms: failure.retry_after_ms, kind: FailureKind::Budget }
        }
        FailureKind::Budget | FailureKind::Local => Decision::PauseJob,
        FailureKind::Auth | FailureKind::Quota | FailureKind::NotEntitled => {
            Decision::PauseProfile { again_in_ms: None, kind: failure.kind }
        }
        FailureKind::StableInfra => Decision::PauseProfile { again_in_ms: Some(10_000), kind: failure.kind },
        FailureKind::RateLimited => match failure.retry_after_ms {
            Some(asked_ms) if asked_ms > situation.longest_hint_ms => {
                Decision::PauseProfile { again_in_ms: Some(asked_ms), kind: FailureKind::RateLimited }
            }
            _ if situation.limited_for_ms > LIMITED_BEFORE_PAUSE_MS => {
                Decision::PauseProfile { again_in_ms: Some(LIMITED_BEFORE_PAUSE_MS), kind: FailureKind::RateLimited }
            }
            // A little later than told, and not all at once.
            Some(asked_ms) => {
                Decision::Wait { wait_ms: asked_ms + jitter(asked_ms / 4 + 50, situation.chance), counts: false }
            }
            None => Decision::Wait { wait_ms: back_off(situation), counts: false },
        },
        FailureKind::Transient => {
            if situation.faults_in_a_row >= FAULTS_BEFORE_PAUSE && failure.http_status.is_none() {
                Decision::PauseProfile { again_in_ms: Some(10_000), kind: FailureKind::StableInfra }
            } else if failure.should_retry == Some(false) || situation.tries >= rules.attempts {
                Decision::End(TaskState::Failed)
            } else if let Some(asked_ms) = failure.retry_after_ms.filter(|asked| *asked > situation.longest_hint_ms) {
                Decision::PauseProfile { again_in_ms: Some(asked_ms), kind: FailureKind::RateLimited }
            } else {
                Decision::Wait { wait_ms: failure.retry_after_ms.unwrap_or_else(|| back_off(situation)), counts: true }
            }
        }
        FailureKind::UnknownOutcome => {
            let again = match (situation.recovery, situation.unknown) {
                (RecoveryClass::Replayable, _) | (RecoveryClass::Opaque, UnknownPolicy::Always) => true,
                (RecoveryClass::Opaque, UnknownPolicy::Once) => situation.earlier_unknowns == 0,
                _ => false,
            };
            if again && situation.tries < rules.attempts {
                Decision::Wait { wait_ms: back_off(situation), counts: true }
            } else {
                Decision::End(TaskState::Unknown)
            }
        }
    }
}

/// What is known besides of a request that went with a batch.
#[derive(Clone, Copy, Debug)]
pub struct Batched {
    /// The batch ended before it was run; it was not charged.
    pub unfinished: bool,
    /// The job's word on such requests.
    pub fallback: BatchFallback,
    /// The job is to stop.
    pub stopping: bool,
}

/// The same for a request of a batch. The provider was asked by id: when it cannot tell, there is nobody left to ask, and nothing is
/// sent again whatever the policy.
pub fn decide_batched(situation: Situation<'_>, batched: Batched) -> Decision {
    match situation.failure.kind {
        _ if batched.unfinished && batched.stopping => Decision::End(TaskState::Stopped),
        _ if batched.unfinished && batched.fallback == BatchFallback::Stop => Decision::End(TaskState::Failed),
        _ if batched.unfinished && situation.tries >= situation.rules.attempts => Decision::End(TaskState::Failed),
        _ if batched.unfinished => Decision::Wait { wait_ms: 0, counts: true },
        FailureKind::UnknownOutcome => Decision::End(TaskState::Unknown),
        _ => decide(situation),
    }
}

/// Doubling from the first wait up to the longest, less up to half by chance.
fn back_off(situation: Situation<'_>) -> u64 {
    let doublings = situation.tries.saturating_sub(1).min(20);
    let full = situation.rules.wait_ms.saturating_mul(1 << doublings).min(situation.rules.longest_wait_ms);
    full - jitter(full / 2, situation.chance)
}

fn jitter(most_ms: u64, chance: f64) -> u64 {
    (most_ms as f64 * chance.clamp(0.0, 1.0)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decide_on(kind: FailureKind, change: impl FnOnce(&mut Failure, &mut Situation<'_>)) -> Decision {
        let rules = RetrySection::default();
        let mut failure = Failure::new(kind, "x");
        let placeholder = Failure::new(kind, "x");
        let mut situation = Situation {
            failure: &placeholder,
            tries: 1,
            earlier_unknowns: 0,
            rules: &rules,
            unknown: UnknownPolicy::Never,
            recovery: RecoveryClass::Opaque,
            longest_hint_ms: 120_000,
            faults_in_a_row: 1,
            limited_for_ms: 0,
            chance: 0.0,
        };
        change(&mut failure, &mut situation);
        decide(Situation { failure: &failure, ..situation })
    }

    #[test]
    fn a_refusal_is_never_sent_again() {
        assert_eq!(decide_on(FailureKind::Refused, |_, _| {}), Decision::End(TaskState::Refused));
    }

    #[test]
    fn rate_limits_wait_as_told_and_do_not_count() {
        let told = decide_on(FailureKind::RateLimited, |failure, situation| {
            failure.retry_after_ms = Some(2_000);
            situation.tries = 99;
        });
        assert_eq!(told, Decision::Wait { wait_ms: 2_000, counts: false });
        let for_ever = decide_on(FailureKind::RateLimited, |_, situation| situation.limited_for_ms = 700_000);
        assert!(matches!(for_ever, Decision::PauseProfile { kind: FailureKind::RateLimited, .. }));
        let not_now = decide_on(FailureKind::RateLimited, |failure, _| failure.retry_after_ms = Some(3_600_000));
        assert_eq!(not_now, Decision::PauseProfile { again_in_ms: Some(3_600_000), kind: FailureKind::RateLimited });
    }

    #[test]
    fn transient_faults_end_after_the_attempts_or_pause_the_profile() {
        let first = decide_on(FailureKind::Transient, |_, _| {});
        assert_eq!(first, Decision::Wait { wait_ms: 1_500, counts: true });
        let last = decide_on(FailureKind::Transient, |_, situation| situation.tries = 4);
        assert_eq!(last, Decision::End(TaskState::Failed));
        let storm = decide_on(FailureKind::Transient, |_, situation| situation.faults_in_a_row = FAULTS_BEFORE_PAUSE);
        assert!(matches!(storm, Decision::PauseProfile { kind: FailureKind::StableInfra, .. }));
    }

    #[test]
    fn lost_answers_follow_the_policy() {
        let lost = |policy, earlier| {
            decide_on(FailureKind::UnknownOutcome, |_, situation| {
                situation.unknown = policy;
                situation.earlier_unknowns = earlier;
            })
        };
        assert_eq!(lost(UnknownPolicy::Never, 0), Decision::End(TaskState::Unknown));
        assert!(matches!(lost(UnknownPolicy::Once, 0), Decision::Wait { .. }));
        assert_eq!(lost(UnknownPolicy::Once, 1), Decision::End(TaskState::Unknown));
        assert!(matches!(lost(UnknownPolicy::Always, 2), Decision::Wait { .. }));
    }

    #[test]
    fn questions_grow_rarer_within_bounds_and_end_with_the_total_limit() {
        let asked = Asked { age_ms: 0, total_ms: 900_000, hint_ms: None, failing_ms: None };
        let at = |age_ms| ask_again(Asked { age_ms, ..asked });
        assert_eq!([at(0), at(16_000), at(600_000)], [Some(500), Some(2_000), Some(15_000)]);
        assert_eq!(at(900_000), None);
        assert_eq!(ask_again(Asked { hint_ms: Some(3_600_000), ..asked }), Some(15_000));
        assert_eq!(ask_again(Asked { hint_ms: Some(1), ..asked }), Some(500));
        let failing = |failing_ms| ask_again(Asked { age_ms: 9_000_000, failing_ms: Some(failing_ms), ..asked });
        assert_eq!((failing(1_000), failing(120_000)), (Some(15_000), None));
    }

    #[test]
    fn what_a_key_cannot_do_pauses_the_profile_and_costs_no_task() {
        for kind in [FailureKind::Auth, FailureKind::Quota, FailureKind::NotEntitled] {
            assert_eq!(decide_on(kind, |_, _| {}), Decision::PauseProfile { again_in_ms: None, kind });
        }
    }

    fn any_kind() -> impl Strategy<Value = FailureKind> {
        proptest::sample::select(FailureKind::ALL.to_vec())
    }

    proptest! {
        /// Whatever the situation: an opaque call of unknown outcome is not sent again under `never`, waits are bounded,
        /// and only kinds that may be repeated are repeated.
        #[test]
        fn never_repeats_a_paid_call_with_unknown_outcome(
            kind in any_kind(),
            tries in 1u32..30,
            earlier in 0u32..5,
            hint in proptest::option::of(0u64..10_000_000),
            faults in 0u32..10,
            chance in 0.0f64..1.0,
            policy in proptest::sample::select(vec![UnknownPolicy::Never, UnknownPolicy::Once, UnknownPolicy::Always]),
        ) {
            let rules = RetrySection::default();
            let mut failure = Failure::new(kind, "x");
            failure.retry_after_ms = hint;
            let decision = decide(Situation {
                failure: &failure, tries, earlier_unknowns: earlier, rules: &rules, unknown: policy,
                recovery: RecoveryClass::Opaque, longest_hint_ms: 120_000, faults_in_a_row: faults, limited_for_ms: 0, chance,
            });
            if kind == FailureKind::UnknownOutcome && (policy == UnknownPolicy::Never || earlier > 0 && policy == UnknownPolicy::Once) {
                prop_assert_eq!(&decision, &Decision::End(TaskState::Unknown));
            }
            if let Decision::Wait { wait_ms, counts } = &decision {
                prop_assert!(matches!(kind, FailureKind::RateLimited | FailureKind::Transient | FailureKind::UnknownOutcome));
                let longest_ms = hint.unwrap_or(0).max(120_000) * 5 / 4 + 50;
                prop_assert!(*wait_ms <= longest_ms);
                prop_assert!(!*counts || tries < rules.attempts);
            }
        }
    }
}
