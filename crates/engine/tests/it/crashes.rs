//! Random lives of small jobs over the real store and the simulator: any lane, answers that are lost, refused, broken off or
//! late, and processes that die at any moment. What the provider billed is held against what the job's word on lost answers allows.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use imagemill_domain::call::{Call, CallState};
use imagemill_domain::job::JobId;
use imagemill_domain::job_file::UnknownPolicy;
use imagemill_domain::lane::Lane;
use imagemill_domain::profile::{Protocol, Timeouts};
use imagemill_domain::task::TaskId;
use imagemill_simulator::{BatchRules, Rates, Scenario};

use crate::harness::Bed;

/// Lives in each lane under each word on lost answers.
const LIVES: u64 = 4;
const TASKS: u32 = 6;
const ATTEMPTS: u32 = 4;

/// Numbers that a seed decides.
struct Chance(blake3::OutputReader);

impl Chance {
    fn of(seed: u64) -> Self {
        Self(blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof())
    }

    fn below(&mut self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % bound
    }

    /// A share of up to `most` percent.
    fn share(&mut self, most: u64) -> f64 {
        self.below(most + 1) as f64 / 100.0
    }
}

/// How the calls go.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    AtOnce(Protocol),
    Queue(Protocol),
    Batch(Protocol),
}

impl Way {
    fn drawn(kind: u64, chance: &mut Chance) -> Self {
        let of = |protocols: &[Protocol], chance: &mut Chance| protocols[chance.below(protocols.len() as u64) as usize];
        match kind {
            0 => Self::AtOnce(of(&[Protocol::ChatCompletions, Protocol::Images, Protocol::Responses], chance)),
            1 => Self::Queue(of(&[Protocol::Fal, Protocol::Replicate, Protocol::HostedMedia], chance)),
            _ => Self::Batch(of(&[Protocol::Images, Protocol::Gemini], chance)),
        }
    }
}

/// One life, as its seed decides it.
struct Life {
    way: Way,
    policy: UnknownPolicy,
    scenario: Scenario,
    /// When its processes die, each counted from its start.
    deaths: Vec<Duration>,
}

impl Life {
    fn drawn(seed: u64) -> Self {
        let mut chance = Chance::of(seed);
        let way = Way::drawn(seed % 3, &mut chance);
        let policy = [UnknownPolicy::Never, UnknownPolicy::Once, UnknownPolicy::Always][(seed / 3 % 3) as usize];
        let rates = Rates {
            rate_limited: chance.share(15),
            refused: chance.share(15),
            cut: chance.share(30),
            // Nobody would give up a request of a batch.
            hang: if matches!(way, Way::Batch(_)) { 0.0 } else { chance.share(8) },
            server_error: chance.share(12),
            html: chance.share(10),
            ..Rates::default()
        };
        let batch = BatchRules {
            takes_ms: chance.below(300),
            expires_after: (chance.below(3) == 0).then(|| chance.below(u64::from(TASKS))),
            lost_creates: chance.below(2) as u32,
            hides_lost: chance.below(2) == 0,
            cut_results: chance.below(2) as u32,
            ..BatchRules::default()
        };
        let scenario = Scenario {
            seed,
            latency_ms: chance.below(120),
            retry_after_s: 0,
            bill_refusals: chance.below(2) == 0,
            rates,
            batch,
            ..Scenario::default()
        };
        let deaths = (0..chance.below(4)).map(|_| Duration::from_millis(20 + chance.below(380))).collect();
        Self { way, policy, scenario, deaths }
    }

    async fn lived(&self) -> (Bed, JobId) {
        let bed = Bed::new(self.scenario.clone()).await;
        let job = bed
            .submit("sim-image", TASKS, |file, profile| {
                file.retry.unknown = self.policy;
                file.retry.attempts = ATTEMPTS;
                profile.limits.concurrency = 3;
                profile.timeouts = Timeouts { first_byte_ms: 400, idle_ms: 400, total_ms: 4_000, ..profile.timeouts };
                let (Way::AtOnce(protocol) | Way::Queue(protocol) | Way::Batch(protocol)) = self.way;
                profile.protocol = protocol;
                profile.base_url = bed.simulator.base_url_for(protocol);
                match self.way {
                    Way::Batch(_) => file.lane = Lane::Batch,
                    Way::Queue(Protocol::Replicate) => profile.model = "sim/sim-image".into(),
                    _ => {}
                }
                if protocol == Protocol::Gemini {
                    profile.provider = "gemini".into();
                    file.options.size = None;
                }
            })
            .await;
        for after in &self.deaths {
            let until = Instant::now() + *after;
            bed.run_and_kill(async || Instant::now() >= until).await;
        }
        bed.run().await;
        (bed, job)
    }
}

/// What is wrong with a life: calls that were sent although nobody asked for them, or money that nobody accounts for. `billed` are
/// the provider's charges by call.
fn wrongs(policy: UnknownPolicy, calls: &[Call], billed: &HashMap<i64, u64>) -> Vec<String> {
    let mut wrongs = Vec::new();
    let mut by_task: HashMap<TaskId, Vec<&Call>> = HashMap::new();
    for call in calls {
        by_task.entry(call.task).or_default().push(call);
    }
    for (task, mut calls) in by_task {
        calls.sort_by_key(|call| call.id);
        let again = calls.iter().skip_while(|call| call.state != CallState::Unknown).skip(1).count();
        let lost = calls.iter().filter(|call| call.state == CallState::Unknown).count();
        let most_lost = match policy {
            UnknownPolicy::Never => 1,
            UnknownPolicy::Once => 2,
            _ => ATTEMPTS as usize,
        };
        if (policy == UnknownPolicy::Never && again > 0) || lost > most_lost {
            wrongs.push(format!("task {}: {lost} lost, {again} sent again under {policy:?}", task.0));
        }
        let paid: u64 = calls.iter().filter_map(|call| billed.get(&call.id.0)).sum();
        if paid > most_lost as u64 {
            wrongs.push(format!("task {}: paid {paid} times under {policy:?}", task.0));
        }
    }
    for call in calls {
        match (call.state, billed.get(&call.id.0).copied().unwrap_or(0)) {
            (CallState::Fetched, 1) | (CallState::Refused | CallState::Unknown, 0 | 1) | (CallState::Failed, 0) => {}
            (state, times) => {
                let why = call.failure.as_ref().map(ToString::to_string).unwrap_or_default();
                wrongs.push(format!("call {}: {} and billed {times} times: {why}", call.id.0, state.word()));
            }
        }
    }
    wrongs
}

/// The provider's charges by the call that its request names.
fn charges(bed: &Bed) -> HashMap<i64, u64> {
    let bill = bed.simulator.bill();
    let mut charges = HashMap::new();
    for (request, times) in bill.billed_by_request() {
        let call = request.rsplit('-').next().and_then(|number| number.parse().ok());
        *charges.entry(call.unwrap_or_else(|| panic!("a request of no call was billed: {request}"))).or_default() +=
            times;
    }
    charges
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_life_of_a_job_pays_for_what_nobody_asked() {
    let (mut paid_again, mut lost) = (0, 0);
    // They mostly wait, so several are lived at once.
    let mut lives = stream::iter(0..9 * LIVES).map(outcome).buffer_unordered(6);
    while let Some((told, policy, calls, charges)) = lives.next().await {
        assert_eq!(wrongs(policy, &calls, &charges), Vec::<String>::new(), "{told}");
        lost += calls.iter().filter(|call| call.state == CallState::Unknown).count();
        // The same life under the strictest word would be wrong: the check can fail.
        paid_again += u64::from(!wrongs(UnknownPolicy::Never, &calls, &charges).is_empty());
    }
    assert!(
        lost >= 20 && paid_again >= 3,
        "{lost} lost, {paid_again} lives with calls sent again: too tame to show anything"
    );
}

/// What it was, its word on lost answers, and what came of it in the ledger and on the bill.
async fn outcome(seed: u64) -> (String, UnknownPolicy, Vec<Call>, HashMap<i64, u64>) {
    let life = Life::drawn(seed);
    let (bed, job) = life.lived().await;
    let (calls, charges) = (bed.calls(job).await, charges(&bed));
    let told = format!("seed {seed}, {:?}, {:?}, died after {:?}", life.way, life.policy, life.deaths);
    assert!(charges.keys().all(|call| calls.iter().any(|known| known.id.0 == *call)), "{told}: a charge without a row");
    let states = bed.states(job).await;
    assert_eq!(states.iter().map(|(_, count)| count).sum::<u64>(), u64::from(TASKS), "{told}");
    assert!(states.iter().all(|(state, _)| state.is_ended()), "{told}: {states:?}");
    (told, life.policy, calls, charges)
}
