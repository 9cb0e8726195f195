//! Collections: pictures that critiques are written for, as configuration. Which one comes first is a rule here; what was done is
//! the caller's to count. Pure.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::critique::Words;

mod files;

pub use files::{ArtistStatus, CollectionFile, ProgressFile, batch_file, path_key, picture_of};

/// The collections of this build.
pub const SHIPPED: &str = include_str!("../../../data/collections.toml");

/// Pictures of a batch where a collection does not say.
const BATCH: u32 = 10;
/// Share of rows that are read twice where it does not say.
const SECOND_READ: f64 = 0.1;
/// Calls at once where it does not say.
const PARALLEL: u32 = 4;

/// One collection. A key that is left out has its default, so that a file may change single ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Collection {
    /// What it is called; its name when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Words>,
    /// Accepted critiques that it is to have; 0 sets none.
    pub target: u64,
    /// Those it has from before, which stand in no workspace.
    pub before: u64,
    /// Rubric by name or file; the one of the collection's name when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rubric: Option<String>,
    /// Gate profile by name or file; `strict` when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// Who writes: profile by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Who writes: model; the profile's when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// A wish beside the rubric, said with each picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Pictures of a batch. A hint for work in portions; nothing is known by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// Calls at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel: Option<u32>,
    /// Share of the rows that were read which a second person reads blind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_read: Option<f64>,
    /// Folder or address of LanceDB tables that merges go into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lance: Option<String>,
    /// Milestones as numbers of accepted critiques, `before` included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub milestones: Vec<u64>,
    /// How much its gap counts under the rule `weighted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// The day by which it is to be done, `2027-03-31`, under the rule `deadline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// Before all that are not pinned, whatever the rule.
    pub pinned: bool,
}

impl Collection {
    /// The collections of this build by name.
    pub fn shipped() -> BTreeMap<String, Self> {
        toml::from_str(SHIPPED).expect("a test reads data/collections.toml")
    }

    /// Pictures of a batch.
    pub fn batch(&self) -> u32 {
        self.batch.unwrap_or(BATCH).max(1)
    }

    /// Share of the rows that were read which a second person reads blind, 0 to 1.
    pub fn second_read(&self) -> f64 {
        self.second_read.unwrap_or(SECOND_READ).clamp(0.0, 1.0)
    }

    /// Calls at once.
    pub fn parallel(&self) -> u32 {
        self.parallel.unwrap_or(PARALLEL).max(1)
    }
}

/// Which collection comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// The greatest share of the target that is missing.
    #[default]
    Relative,
    /// The most that is missing.
    Absolute,
    /// The greatest share that is missing, times the weight.
    Weighted,
    /// The nearest due day; those without one last.
    Deadline,
}

impl Priority {
    /// Every rule.
    pub const ALL: [Self; 4] = [Self::Relative, Self::Absolute, Self::Weighted, Self::Deadline];

    /// The stable machine word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Relative => "relative",
            Self::Absolute => "absolute",
            Self::Weighted => "weighted",
            Self::Deadline => "deadline",
        }
    }
}

/// How far a collection is.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is.
    pub collection: &'a Collection,
    /// Accepted critiques, those from before included.
    pub accepted: u64,
}

impl Standing<'_> {
    /// Accepted critiques that are missing.
    pub fn gap(&self) -> u64 {
        self.collection.target.saturating_sub(self.accepted)
    }

    /// The share of the target that is missing, 0 to 1. Without a target nothing is.
    pub fn relative_gap(&self) -> f64 {
        if self.collection.target == 0 { 0.0 } else { self.gap() as f64 / self.collection.target as f64 }
    }

    /// The share that is done, in percent.
    pub fn percent(&self) -> Option<f64> {
        (self.collection.target > 0).then(|| self.accepted as f64 * 100.0 / self.collection.target as f64)
    }

    /// The first milestone that is not reached.
    pub fn next_milestone(&self) -> Option<u64> {
        self.collection.milestones.iter().copied().filter(|at| *at > self.accepted).min()
    }

    /// What the rule orders by, greatest first, for a reader.
    pub fn key(&self, rule: Priority) -> String {
        match rule {
            Priority::Relative => format!("{:.1} %", self.relative_gap() * 100.0),
            Priority::Absolute => self.gap().to_string(),
            Priority::Weighted => format!("{:.3}", self.weighted()),
            Priority::Deadline => self.collection.due.clone().unwrap_or_else(|| "–".to_owned()),
        }
    }

    fn weighted(&self) -> f64 {
        self.relative_gap() * self.collection.weight.unwrap_or(1.0)
    }
}

/// The order in which collections are worked on: pinned ones, then by the rule; ties by the absolute gap, then by name.
pub fn order(standings: &mut [Standing<'_>], rule: Priority) {
    let by_rule = |a: &Standing<'_>, b: &Standing<'_>| match rule {
        Priority::Relative => b.relative_gap().total_cmp(&a.relative_gap()),
        Priority::Absolute => b.gap().cmp(&a.gap()),
        Priority::Weighted => b.weighted().total_cmp(&a.weighted()),
        Priority::Deadline => match (&a.collection.due, &b.collection.due) {
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        },
    };
    standings.sort_by(|a, b| {
        let pinned = b.collection.pinned.cmp(&a.collection.pinned);
        let rest = || by_rule(a, b).then(b.gap().cmp(&a.gap())).then_with(|| a.name.cmp(b.name));
        if pinned == Ordering::Equal { rest() } else { pinned }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the reference's table has.
    const NOW: [(&str, u64); 4] = [("chinese", 1_854), ("indian", 98), ("korean", 64), ("mural", 109)];

    fn ordered(rule: Priority, change: impl Fn(&mut BTreeMap<String, Collection>)) -> Vec<String> {
        let mut collections = Collection::shipped();
        change(&mut collections);
        let mut standings: Vec<Standing<'_>> = NOW
            .iter()
            .map(|(name, accepted)| Standing { name, collection: &collections[*name], accepted: *accepted })
            .collect();
        order(&mut standings, rule);
        standings.iter().map(|standing| standing.name.to_owned()).collect()
    }

    #[test]
    fn every_shipped_collection_has_a_rubric_and_a_target() {
        let all = Collection::shipped();
        assert_eq!(all.len(), 8);
        for (name, collection) in &all {
            assert!(crate::critique::Rubric::shipped(name).is_ok() && collection.target > 0, "{name}");
            assert_eq!((collection.batch(), collection.parallel()), (10, 4));
            assert!(
                collection.milestones.is_sorted() && collection.milestones.iter().all(|at| *at <= collection.target)
            );
        }
    }

    #[test]
    fn the_largest_relative_gap_comes_first() {
        assert_eq!(ordered(Priority::Relative, |_| {}), ["korean", "indian", "mural", "chinese"]);
        assert_eq!(ordered(Priority::Absolute, |_| {}), ["chinese", "korean", "indian", "mural"]);
        let pinned = ordered(Priority::Relative, |all| all.get_mut("mural").unwrap().pinned = true);
        assert_eq!(pinned, ["mural", "korean", "indian", "chinese"]);
        let weighted = ordered(Priority::Weighted, |all| all.get_mut("chinese").unwrap().weight = Some(10.0));
        assert_eq!(weighted, ["chinese", "korean", "indian", "mural"]);
        let due = ordered(Priority::Deadline, |all| {
            all.get_mut("mural").unwrap().due = Some("2027-01-31".into());
            all.get_mut("indian").unwrap().due = Some("2027-03-31".into());
        });
        assert_eq!(due, ["mural", "indian", "chinese", "korean"]);
    }

    #[test]
    fn a_standing_says_what_is_missing_and_which_milestone_is_next() {
        let collections = Collection::shipped();
        let western = Standing { name: "western", collection: &collections["western"], accepted: 2_188 };
        assert_eq!((western.gap(), western.next_milestone()), (3_454, Some(2_688)));
        let none = Collection::default();
        let none = Standing { name: "x", collection: &none, accepted: 7 };
        assert_eq!((none.percent(), none.gap(), none.relative_gap()), (None, 0, 0.0));
    }
}
