//! Which job is served next and how many of its tasks are taken: fairly among the jobs of a profile, the higher priority first, and
//! never more than the ways to a job's pictures have room for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use imagemill_domain::hash::TaskKey;
use imagemill_domain::job::JobId;
use imagemill_domain::route;
use imagemill_store::{Claimed, OpenJob, StoreError};

use super::Dispatcher;
use crate::context::RunningJob;
use crate::drawing::Drawing;

/// Most tasks of one claim.
const CLAIM_MOST: u32 = 256;
/// Tasks taken beyond the calls allowed at once, so that checking and storing pictures never keeps the line idle.
const SPARE_TASKS: u32 = 8;

/// What a claim brought.
pub(super) struct Claim {
    job: JobId,
    asked: u32,
    /// Which reading of the open jobs it was made from.
    reading: u64,
    result: Result<Vec<Claimed>, StoreError>,
}

/// A job that wants tasks, with the part of them that goes each way.
struct Wish<'a> {
    open: &'a OpenJob,
    parts: Vec<(&'a str, f64)>,
}

impl Dispatcher {
    /// Starts claims where there is room. Each job has one claim under way at most; what ends meanwhile is taken up by the
    /// next one, so claims grow with the load.
    pub(super) fn claim_more(&mut self) {
        let mut rooms: BTreeMap<&str, u32> = BTreeMap::new();
        for (name, profile) in self.profiles.iter().filter(|(_, profile)| profile.paused.is_none()) {
            let (_, allowed, _) = profile.gate.figures();
            let asked: u32 = self.claiming.values().filter_map(|asked| asked.get(name)).sum();
            let taken = profile.running + asked + self.gone_on(name);
            rooms.insert(name, (allowed * 2 + SPARE_TASKS).saturating_sub(taken));
        }
        let mut wishes = self.wishes();
        // How many wait for the same profile: each gets an equal share of its room; what one cannot use goes to the next.
        let mut rivals: BTreeMap<&str, u32> = BTreeMap::new();
        for name in wishes.iter().flat_map(|wish| &wish.parts).map(|(name, _)| *name) {
            *rivals.entry(name).or_default() += 1;
        }
        let running_of = |job: JobId| self.running.values().filter(|running| running.job == job).count();
        wishes.sort_by_cached_key(|wish| (running_of(wish.open.job.id), wish.open.job.id));
        let mut claims: Vec<(JobId, u32, HashMap<String, u32>)> = Vec::new();
        for Wish { open, parts } in &wishes {
            let fitting = |(name, part): &(&str, f64)| {
                let room =
                    rooms.get(name).copied().unwrap_or(0).div_ceil(rivals.get(name).copied().unwrap_or(1).max(1));
                (f64::from(room) / part) as u32
            };
            let most = parts.iter().map(fitting).min().unwrap_or(0);
            let asked = most.min(CLAIM_MOST).min(u32::try_from(open.queued).unwrap_or(u32::MAX));
            let mut by_profile = HashMap::new();
            for (name, part) in parts {
                let expected = (f64::from(asked) * part).ceil() as u32;
                rooms.entry(name).and_modify(|room| *room = room.saturating_sub(expected));
                rivals.entry(name).and_modify(|rivals| *rivals -= 1);
                by_profile.insert((*name).to_owned(), expected);
            }
            if asked > 0 {
                claims.push((open.job.id, asked, by_profile));
            }
        }
        for (job, asked, by_profile) in claims {
            self.claiming.insert(job, by_profile);
            let (store, owner, now_us) = (self.shared.store.clone(), self.shared.owner, self.shared.clock.now_us());
            let reading = self.reading;
            self.claims.spawn(async move {
                let result = store.tasks().claim(job, asked, owner, now_us).await;
                Claim { job, asked, reading, result }
            });
        }
    }

    /// The jobs that may be served now: nobody of higher priority waits at a profile of theirs.
    fn wishes(&self) -> Vec<Wish<'_>> {
        let mut wishes: Vec<Wish<'_>> = Vec::new();
        for open in self.open.iter().filter(|open| open.queued > 0 && !self.set_aside.contains_key(&open.job.id)) {
            // One that was submitted again over another profile is read again first.
            let is_known = |job: &&Arc<RunningJob>| job.definition.profile.name == open.job.profile;
            let Some(job) = self.jobs.get(&open.job.id).filter(is_known) else { continue };
            if job.waits_for(|name| self.is_paused(name)) {
                continue;
            }
            let ways: Vec<(&str, u32)> = self.open_ways(job).collect();
            let all: u32 = ways.iter().map(|(_, share)| share).sum();
            let parts = match all {
                0 => ways.into_iter().take(1).map(|(name, _)| (name, 1.0)).collect(),
                all => ways.into_iter().map(|(name, share)| (name, f64::from(share) / f64::from(all))).collect(),
            };
            wishes.push(Wish { open, parts });
        }
        let mut highest: BTreeMap<&str, i32> = BTreeMap::new();
        for Wish { open, parts } in &wishes {
            for (name, _) in parts {
                let highest = highest.entry(name).or_insert(i32::MIN);
                *highest = open.job.priority.max(*highest);
            }
        }
        let first =
            |wish: &Wish<'_>| wish.parts.iter().all(|(name, _)| highest.get(name) == Some(&wish.open.job.priority));
        wishes.retain(|wish| first(wish) && !self.claiming.contains_key(&wish.open.job.id));
        wishes
    }

    fn open_ways<'a>(&'a self, job: &'a RunningJob) -> impl Iterator<Item = (&'a str, u32)> {
        let ways = job.drawings.iter().map(|drawing| (drawing.name(), drawing.route.share));
        ways.filter(|(name, _)| !self.is_paused(name))
    }

    /// The way that a task goes now.
    fn way_of(&self, job: &RunningJob, key: &TaskKey) -> Option<Arc<Drawing>> {
        let name = route::choose(key, self.open_ways(job));
        // With all of them paused meanwhile it turns back at the first one's gate.
        name.map_or_else(|| job.drawings.first(), |name| job.drawing_of(name)).cloned()
    }

    pub(super) fn on_claim(&mut self, Claim { job: id, asked, reading, result }: Claim) {
        self.claiming.remove(&id);
        let claimed = match result {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "tasks could not be claimed");
                self.set_aside.insert(id, error.to_string());
                return;
            }
        };
        if reading != self.reading {
            // Read again meanwhile: nobody can say whether these tasks are in the figures.
            self.stale = true;
        } else if let Some(open) = self.open.iter_mut().find(|open| open.job.id == id) {
            let fewer = claimed.len() < asked as usize;
            open.queued = if fewer { 0 } else { open.queued.saturating_sub(claimed.len() as u64) };
        }
        let Some(job) = self.jobs.get(&id).cloned() else { return };
        for claimed in claimed {
            let Some(way) = self.way_of(&job, &claimed.key) else { return };
            if let Some(profile) = self.profiles.get_mut(way.name()) {
                profile.running += 1;
            }
            self.begin(&job, way, claimed, None, false);
        }
    }
}
