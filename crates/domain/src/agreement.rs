//! How far several people agree about the same pictures: per cent, and Cohen's kappa, which leaves out what chance alone would
//! bring (Cohen, "A coefficient of agreement for nominal scales", 1960). Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::review::{Review, Verdict};

/// What one person decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewerCount {
    /// Who.
    pub name: String,
    /// Pictures with a verdict.
    pub reviewed: u64,
    /// Kept.
    pub keep: u64,
    /// Rejected.
    pub reject: u64,
}

/// Two people, over the pictures on which both decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReviewerPair {
    /// One.
    pub a: String,
    /// The other.
    pub b: String,
    /// Pictures on which both decided.
    pub both: u64,
    /// The share of these on which they decided alike, 0 to 1.
    pub agree: f64,
    /// 1 is full agreement, 0 what chance brings, below that less; `None` when one answer was the only one that was given.
    pub kappa: Option<f64>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// By name.
    pub reviewers: Vec<ReviewerCount>,
    /// Each pair that has pictures in common, by names.
    pub pairs: Vec<ReviewerPair>,
    /// Pictures that somebody keeps and somebody rejects.
    pub disputed: u64,
}

impl Agreement {
    /// From reviews in any order.
    pub fn of(reviews: &[Review]) -> Self {
        let decided = reviews.iter().filter(|review| review.verdict != Verdict::Unset);
        Self::over(decided.map(|review| (review.reviewer.as_str(), review.asset, review.verdict == Verdict::Keep)))
    }

    /// From verdicts in any order: who, on what, and whether it is kept.
    pub fn over<'a, K: Ord + Copy>(decided: impl IntoIterator<Item = (&'a str, K, bool)>) -> Self {
        let mut verdicts: BTreeMap<&str, BTreeMap<K, bool>> = BTreeMap::new();
        let (mut kept, mut rejected) = (BTreeSet::new(), BTreeSet::new());
        for (who, on, keep) in decided {
            verdicts.entry(who).or_default().insert(on, keep);
            let side = if keep { &mut kept } else { &mut rejected };
            side.insert(on);
        }
        let reviewers = verdicts.iter().map(|(name, verdicts)| {
            let keep = verdicts.values().filter(|keep| **keep).count() as u64;
            let reviewed = verdicts.len() as u64;
            ReviewerCount { name: (*name).to_owned(), reviewed, keep, reject: reviewed - keep }
        });
        let mut pairs = Vec::new();
        for (at, (a, of_a)) in verdicts.iter().enumerate() {
            pairs.extend(verdicts.iter().skip(at + 1).filter_map(|(b, of_b)| pair((a, of_a), (b, of_b))));
        }
        Self { reviewers: reviewers.collect(), pairs, disputed: kept.intersection(&rejected).count() as u64 }
    }
}

type Named<'a, K> = (&'a str, &'a BTreeMap<K, bool>);

fn pair<K: Ord>((a, of_a): Named<'_, K>, (b, of_b): Named<'_, K>) -> Option<ReviewerPair> {
    let (mut both, mut alike, mut a_keeps, mut b_keeps) = (0u64, 0u64, 0u64, 0u64);
    for (on, keep) in of_a {
        let Some(other) = of_b.get(on) else { continue };
        both += 1;
        alike += u64::from(keep == other);
        a_keeps += u64::from(*keep);
        b_keeps += u64::from(*other);
    }
    if both == 0 {
        return None;
    }
    let share = |count: u64| count as f64 / both as f64;
    let by_chance = share(a_keeps) * share(b_keeps) + (1.0 - share(a_keeps)) * (1.0 - share(b_keeps));
    let agree = share(alike);
    let kappa = (by_chance < 1.0).then(|| (agree - by_chance) / (1.0 - by_chance));
    Some(ReviewerPair { a: a.to_owned(), b: b.to_owned(), both, agree, kappa })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::AssetId;

    fn reviews(reviewer: &str, verdicts: &str) -> Vec<Review> {
        let verdict = |letter| match letter {
            'k' => Verdict::Keep,
            'r' => Verdict::Reject,
            _ => Verdict::Unset,
        };
        let of = |(asset, letter)| Review {
            asset: AssetId(asset),
            reviewer: reviewer.into(),
            verdict: verdict(letter),
            rating: 0,
            note: String::new(),
            at_us: 0,
        };
        (1..).zip(verdicts.chars()).map(of).collect()
    }

    #[test]
    fn kappa_is_that_of_the_books() {
        // 20 both keep, 15 both reject, 5 and 10 apart: the example of many textbooks, kappa 0.4.
        let a = format!("{}{}", "k".repeat(25), "r".repeat(25));
        let b = format!("{}{}{}{}", "k".repeat(20), "r".repeat(5), "k".repeat(10), "r".repeat(15));
        let agreement = Agreement::of(&[reviews("a", &a), reviews("b", &b)].concat());
        let pair = &agreement.pairs[0];
        assert_eq!((pair.both, pair.agree, agreement.disputed), (50, 0.7, 15));
        assert!((pair.kappa.unwrap() - 0.4).abs() < 1e-12);
        assert_eq!(agreement.reviewers[1], ReviewerCount { name: "b".into(), reviewed: 50, keep: 30, reject: 20 });
    }

    #[test]
    fn only_common_pictures_count() {
        let all = [reviews("a", "kk.."), reviews("b", "k.r."), reviews("c", "...k")].concat();
        let agreement = Agreement::of(&all);
        assert_eq!(agreement.pairs.len(), 1);
        assert_eq!((agreement.pairs[0].both, agreement.pairs[0].agree, agreement.pairs[0].kappa), (1, 1.0, None));
        assert_eq!(agreement.disputed, 0);
        assert_eq!(Agreement::of(&[]), Agreement::default());
    }
}
