//! The ledger added up by job, profile, model or day. How the sums are shown is the reporter's matter.

use std::collections::BTreeMap;

use imagemill_domain::job::JobId;
use imagemill_domain::money::Money;
use imagemill_store::{CostLine, CostsOf, Store};
use serde::Serialize;

use crate::clock::{day_name, now_us, offset_us};
use crate::error::DeskError;

const DAY_US: i64 = 86_400_000_000;

/// What makes a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostsBy {
    /// A job.
    Job,
    /// A profile.
    Profile,
    /// A model of a profile.
    Model,
    /// A day of this machine's time zone.
    Day,
}

impl CostsBy {
    /// The word for JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Profile => "profile",
            Self::Model => "model",
            Self::Day => "day",
        }
    }
}

/// Calls of one group, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CostSum {
    /// Calls sent.
    pub calls: u64,
    /// Pictures that they brought.
    pub pictures: u64,
    /// Settled.
    pub spent: Money,
    /// The price of calls that are open or unknown.
    pub held: Money,
    /// Calls with unknown outcome.
    pub unknown: u64,
    /// Calls that ended and cost nobody knows what; they are not in `spent`.
    pub unpriced: u64,
}

impl CostSum {
    pub(crate) fn add(&mut self, line: &CostLine) {
        self.calls += line.calls;
        self.pictures += line.pictures;
        self.spent += line.spent;
        self.held += line.held;
        self.unknown += line.unknown;
        self.unpriced += line.unpriced;
    }
}

/// Groups by name, and the total: of one job or all, of the last `days` days (today included) or ever. Jobs that are gone are
/// called `deleted`.
pub async fn costs(
    store: &Store,
    by: CostsBy,
    job: Option<JobId>,
    days: Option<u32>,
    deleted: &str,
) -> Result<(Vec<(String, CostSum)>, CostSum), DeskError> {
    let now_us = now_us();
    let offset_us = offset_us(now_us);
    // Whole days of the person's own calendar.
    let from_us = days
        .map_or(i64::MIN, |days| ((now_us + offset_us).div_euclid(DAY_US) - i64::from(days) + 1) * DAY_US - offset_us);
    let lines = store.calls().costs(CostsOf { job, from_us, until_us: i64::MAX, offset_us }).await?;
    let mut groups: BTreeMap<(i64, String), CostSum> = BTreeMap::new();
    let mut total = CostSum::default();
    for line in &lines {
        let key = match by {
            CostsBy::Job if line.job_name.is_empty() => (line.job.0, deleted.to_owned()),
            CostsBy::Job => (line.job.0, line.job_name.clone()),
            CostsBy::Profile => (0, line.profile.clone()),
            CostsBy::Model => (0, format!("{} ({})", line.model, line.profile)),
            CostsBy::Day => (line.day, day_name(line.day)),
        };
        groups.entry(key).or_default().add(line);
        total.add(line);
    }
    Ok((groups.into_iter().map(|((_, name), sum)| (name, sum)).collect(), total))
}
