//! Which pictures are to be saved, task by task in the job's order. Reads rows; knows no files and no names.

use std::collections::{BTreeMap, HashMap, VecDeque};

use imagemill_domain::asset::{Asset, AssetId};
use imagemill_domain::call::{Call, CallId};
use imagemill_domain::job::JobId;
use imagemill_domain::money::Money;
use imagemill_domain::review::Verdict;
use imagemill_domain::save_rule::SaveRule;
use imagemill_domain::task::{Task, TaskId};
use imagemill_store::{Store, StoreError};

use crate::request::Selection;

/// Rows read at once.
const PAGE: u32 = 256;

/// Pictures handed out at once: enough to make a thread worth waking, few enough to show progress.
const BATCH: usize = 32;

/// The pictures of one task that are to be saved.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) task: Task,
    pub(crate) results: Vec<Pick>,
    /// Pictures of the task that the rule leaves out.
    pub(crate) left_out: u64,
}

/// A result and what is known of its call.
#[derive(Clone, Debug)]
pub(crate) struct Pick {
    pub(crate) asset: Asset,
    /// `None` when the calls were not asked for.
    pub(crate) made: Option<Made>,
}

/// Who made a picture.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) profile: String,
    pub(crate) model: String,
    /// The picture's share of what its call cost.
    pub(crate) cost: Option<Money>,
}

/// Reads the pictures of a job in portions.
pub(crate) struct Feed<'a> {
    store: &'a Store,
    rule: &'a SaveRule,
    rows: Rows,
    with_calls: bool,
}

enum Rows {
    Job {
        job: JobId,
        after: Option<AssetId>,
        /// More of the last task's pictures may be on the next page.
        ready: VecDeque<(Task, Vec<Asset>)>,
        ended: bool,
    },
    Named {
        tasks: VecDeque<Task>,
        /// Only these, when pictures were named and not whole tasks.
        assets: Option<Vec<AssetId>>,
    },
}

impl<'a> Feed<'a> {
    /// `with_calls` asks who made each picture and what it cost, which is a query for each task.
    pub(crate) async fn new(
        store: &'a Store,
        job: JobId,
        selection: &Selection,
        rule: &'a SaveRule,
        with_calls: bool,
    ) -> Result<Self, StoreError> {
        let rows = match selection {
            Selection::Job => Rows::Job { job, after: None, ready: VecDeque::new(), ended: false },
            Selection::Tasks(ids) => Rows::Named { tasks: tasks(store, job, ids.iter().copied()).await?, assets: None },
            Selection::Assets(ids) => {
                let mut of = Vec::new();
                for id in ids {
                    of.extend(store.assets().get(*id).await?.map(|asset| asset.task));
                }
                Rows::Named { tasks: tasks(store, job, of.into_iter()).await?, assets: Some(ids.clone()) }
            }
        };
        Ok(Self { store, rule, rows, with_calls })
    }

    /// The next portion; empty at the end.
    pub(crate) async fn next(&mut self) -> Result<Vec<Group>, StoreError> {
        let mut groups = Vec::new();
        let mut pictures = 0;
        while pictures < BATCH {
            let Some((task, assets)) = self.next_task().await? else { break };
            pictures += assets.len();
            groups.push((task, assets));
        }
        let verdicts = self.verdicts(&groups).await?;
        let mut out = Vec::with_capacity(groups.len());
        for (task, assets) in groups {
            let results = self.choose(&assets, &verdicts);
            let left_out = (assets.len() - results.len()) as u64;
            let made = if results.is_empty() { HashMap::new() } else { self.made(task.id, &assets).await? };
            let results =
                results.into_iter().map(|asset| Pick { made: made.get(&asset.call).cloned(), asset }).collect();
            out.push(Group { task, results, left_out });
        }
        Ok(out)
    }

    async fn next_task(&mut self) -> Result<Option<(Task, Vec<Asset>)>, StoreError> {
        match &mut self.rows {
            Rows::Named { tasks, assets } => {
                let Some(task) = tasks.pop_front() else { return Ok(None) };
                let mut found = self.store.assets().for_task(task.id).await?;
                found.sort_by_key(|asset| asset.index);
                if let Some(named) = assets {
                    found.retain(|asset| named.contains(&asset.id));
                }
                Ok(Some((task, found)))
            }
            Rows::Job { job, after, ready, ended } => {
                while ready.len() < 2 && !*ended {
                    let page = self.store.assets().page(*job, *after, PAGE).await?;
                    match page.last() {
                        Some((asset, _)) => *after = Some(asset.id),
                        None => *ended = true,
                    }
                    for (asset, task) in page {
                        match ready.back_mut() {
                            Some((last, assets)) if last.id == task.id => assets.push(asset),
                            _ => ready.push_back((task, vec![asset])),
                        }
                    }
                }
                Ok(ready.pop_front())
            }
        }
    }

    /// Of a task's pictures those that the rule takes. A rejected one is never taken, whoever else kept it.
    fn choose(&self, assets: &[Asset], verdicts: &HashMap<AssetId, Verdict>) -> Vec<Asset> {
        let fits = |asset: &&Asset| match verdicts.get(&asset.id) {
            Some(Verdict::Reject) => false,
            Some(Verdict::Keep) => true,
            Some(Verdict::Unset) | None => !self.rule.only_kept,
        };
        let most = if self.rule.only_first { 1 } else { usize::MAX };
        assets.iter().filter(fits).take(most).cloned().collect()
    }

    /// One verdict for each picture: a rejection counts before a keep.
    async fn verdicts(&self, groups: &[(Task, Vec<Asset>)]) -> Result<HashMap<AssetId, Verdict>, StoreError> {
        let ids: Vec<AssetId> = groups.iter().flat_map(|(_, assets)| assets.iter().map(|asset| asset.id)).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut verdicts = HashMap::new();
        for review in self.store.reviews().for_assets(ids).await? {
            let verdict = verdicts.entry(review.asset).or_insert(Verdict::Unset);
            *verdict = match (*verdict, review.verdict) {
                (Verdict::Reject, _) | (_, Verdict::Reject) => Verdict::Reject,
                (Verdict::Keep, _) | (_, Verdict::Keep) => Verdict::Keep,
                _ => Verdict::Unset,
            };
        }
        Ok(verdicts)
    }

    /// Who made the pictures of each call, and what one of them cost: a call that brought several is shared evenly.
    async fn made(&self, task: TaskId, assets: &[Asset]) -> Result<HashMap<CallId, Made>, StoreError> {
        if !self.with_calls {
            return Ok(HashMap::new());
        }
        let calls = self.store.calls().for_task(task).await?;
        let made = |call: Call| {
            let pictures = assets.iter().filter(|asset| asset.call == call.id).count().max(1) as i64;
            let cost = call.cost.map(|cost| Money::from_micros(cost.micros / pictures));
            (call.id, Made { profile: call.profile, model: call.model, cost })
        };
        Ok(calls.into_iter().map(made).collect())
    }
}

/// The tasks of `ids` that belong to `job`, each once, in the job's order.
async fn tasks(store: &Store, job: JobId, ids: impl Iterator<Item = TaskId>) -> Result<VecDeque<Task>, StoreError> {
    let mut found = BTreeMap::new();
    for id in ids {
        if let Some(task) = store.tasks().get(id).await?.filter(|task| task.job == job) {
            found.insert((task.position, task.id), task);
        }
    }
    Ok(found.into_values().collect())
}
