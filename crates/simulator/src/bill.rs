//! The provider's side of the truth: what was charged for which call. It must not decide what is charged.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// How a call ended, on the provider's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Pictures were made, whether or not the answer arrived.
    Made,
    /// Words were given, whether or not they arrived.
    Said,
    /// Refused for its content.
    Refused,
    /// Turned away by the rate limit.
    RateLimited,
    /// The request was wrong.
    Invalid,
    /// Failed before a picture was made, or answered without one.
    Failed,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillEntry {
    /// The client's `X-Client-Request-Id`; the server's own `x-request-id` when it gave none.
    pub request_id: Box<str>,
    /// The model it asked for.
    pub model: Arc<str>,
    /// Whether it was charged.
    pub billed: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// Pictures that were made.
    pub pictures: u32,
    /// What was charged, in micro-dollars.
    pub micros: i64,
}

/// All calls since the start, in the order in which they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// Calls that asked for a picture or for words.
    pub calls: u64,
    /// Calls that were charged, charged refusals included.
    pub billed: u64,
    /// Refusals that were charged.
    pub refused_billed: u64,
    /// Pictures that were made.
    pub pictures: u64,
    /// The sum, in micro-dollars.
    pub micros: i64,
    /// Each call.
    pub entries: Vec<BillEntry>,
}

impl Bill {
    /// How many charged calls came under each request id.
    pub fn billed_by_request(&self) -> BTreeMap<&str, u64> {
        let mut counts = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| entry.billed) {
            *counts.entry(&*entry.request_id).or_default() += 1;
        }
        counts
    }

    fn add(&mut self, entry: BillEntry) {
        self.calls += 1;
        self.billed += u64::from(entry.billed);
        self.refused_billed += u64::from(entry.billed && entry.outcome == Outcome::Refused);
        self.pictures += u64::from(entry.pictures);
        self.micros += entry.micros;
        self.entries.push(entry);
    }
}

/// The bill being written.
pub(crate) struct Ledger {
    pages: Mutex<(Bill, Option<File>)>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

impl Ledger {
    /// Appends to `log` when one is given.
    pub(crate) fn open(log: Option<&Path>) -> std::io::Result<Self> {
        let log = log.map(|path| OpenOptions::new().create(true).append(true).open(path)).transpose()?;
        Ok(Self { pages: Mutex::new((Bill::default(), log)) })
    }

    /// Records one call; the log's line is written before this returns.
    pub(crate) fn record(&self, entry: BillEntry) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = &mut pages.1 {
            let mut line = serde_json::to_vec(&entry).expect("an entry has only plain fields");
            line.push(b'\n');
            if let Err(error) = log.write_all(&line) {
                tracing::error!(%error, request_id = %entry.request_id, "the call log cannot be written");
            }
        }
        pages.0.add(entry);
    }

    /// A copy of the bill as it stands.
    pub(crate) fn bill(&self) -> Bill {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}
