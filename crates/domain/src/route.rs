//! The ways to a job's pictures: several accounts with a model each, and which of them a task goes. Pure: whether a way is open
//! is the caller's knowledge.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::hash::TaskKey;
use crate::lane::BatchTerms;
use crate::money::Money;
use crate::profile::Profile;
use crate::request::{NegativePrompt, RequestOptions};

/// Greatest share of one profile.
const MOST_SHARE: u32 = 1_000;

/// `profiles` of a job file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Profiles {
    /// Names in the order in which they stand in for each other.
    Order(Vec<String>),
    /// Names with their shares of the tasks.
    Shares(BTreeMap<String, u32>),
}

impl Profiles {
    /// Names with their shares, the first way first: as written, or the greatest share first. Shares are 0 in an order.
    ///
    /// Fails with what is wrong with them.
    pub fn wanted(&self) -> Result<Vec<(&str, u32)>, String> {
        let wanted: Vec<(&str, u32)> = match self {
            Self::Order(names) => names.iter().map(|name| (name.as_str(), 0)).collect(),
            Self::Shares(shares) => {
                let mut shares: Vec<_> = shares.iter().map(|(name, share)| (name.as_str(), *share)).collect();
                shares.sort_by_key(|(_, share)| std::cmp::Reverse(*share));
                if let Some((name, share)) = shares.iter().find(|(_, share)| !(1..=MOST_SHARE).contains(share)) {
                    return Err(format!("the share of {name} is {share}; it can be 1 to {MOST_SHARE}"));
                }
                shares
            }
        };
        if wanted.is_empty() {
            return Err("the list of profiles is empty".into());
        }
        let twice =
            wanted.iter().enumerate().find(|(at, (name, _))| wanted[..*at].iter().any(|(other, _)| other == name));
        match twice {
            Some((_, (name, _))) => Err(format!("the profile {name} stands there twice")),
            None => Ok(wanted),
        }
    }
}

impl FromStr for Profiles {
    type Err = String;

    /// `a`, `a,b`, or `a=3,b=1`.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err("a name is missing; write a, or a,b in fail-over order, or a=3,b=1 for shares".into());
        }
        let shares: Vec<(&str, &str)> = parts.iter().filter_map(|part| part.split_once('=')).collect();
        let profiles = match shares.len() {
            0 => Self::Order(parts.into_iter().map(str::to_owned).collect()),
            given if given == parts.len() => {
                let mut known = BTreeMap::new();
                for (name, share) in shares {
                    let share = share.trim().parse().map_err(|_| format!("the share of {name} is no whole number"))?;
                    if known.insert(name.trim().to_owned(), share).is_some() {
                        return Err(format!("the profile {name} stands there twice"));
                    }
                }
                Self::Shares(known)
            }
            _ => return Err("either every profile has a share (a=3,b=1) or none has (a,b)".into()),
        };
        profiles.wanted().map(drop)?;
        Ok(profiles)
    }
}

impl<'de> Deserialize<'de> for Profiles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl<'de> Visitor<'de> for Written {
            type Value = Profiles;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of profiles in fail-over order, or a table of their shares")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Profiles, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = items.next_element()? {
                    names.push(name);
                }
                Ok(Profiles::Order(names))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Profiles, A::Error> {
                let mut shares = BTreeMap::new();
                while let Some((name, share)) = entries.next_entry()? {
                    shares.insert(name, share);
                }
                Ok(Profiles::Shares(shares))
            }
        }

        deserializer.deserialize_any(Written)
    }
}

/// One way to a job's pictures, fixed when the job was submitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// The profile as it was, without its secret.
    pub profile: Profile,
    /// The model that is called.
    pub model: String,
    /// How the model is told the negative prompt.
    pub negative: NegativePrompt,
    /// The most one picture call may cost at the full price; `None` when the price is not known.
    pub call_ceiling: Option<Money>,
    /// For the batch lane: what the provider's batches take and cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchTerms>,
    /// The job's options as this model takes them.
    pub options: RequestOptions,
    /// Its share of the tasks; 0 in a fail-over order.
    pub share: u32,
}

impl Route {
    /// What goes out for `asked`: options that are the job's own become this model's spelling of them.
    pub fn fit(&self, asked: &RequestOptions, job: &RequestOptions) -> RequestOptions {
        let mut fitted = asked.clone();
        if (&asked.size, &asked.aspect_ratio) == (&job.size, &job.aspect_ratio) {
            fitted.size.clone_from(&self.options.size);
            fitted.aspect_ratio.clone_from(&self.options.aspect_ratio);
        }
        if asked.stream == job.stream {
            fitted.stream = self.options.stream;
        }
        fitted
    }
}

/// The way that a task goes among those that are open, given by profile and share in the job's order. In a fail-over order it
/// is the first one; with shares it depends on the task alone, so that it stays the same after a restart, and when a way closes
/// only its own tasks go another one (weighted rendezvous hashing: Thaler and Ravishankar 1998).
pub fn choose<'a>(key: &TaskKey, open: impl IntoIterator<Item = (&'a str, u32)>) -> Option<&'a str> {
    let mut best: Option<(f64, &str)> = None;
    for (profile, share) in open {
        if share == 0 {
            return Some(profile);
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(key.as_bytes()).update(profile.as_bytes());
        let bytes: [u8; 8] = hasher.finalize().as_bytes()[..8].try_into().expect("a hash has more than eight bytes");
        // In (0, 1]: 53 bits, as many as a float holds exactly.
        let chance = ((u64::from_le_bytes(bytes) >> 11) + 1) as f64 / (1u64 << 53) as f64;
        let score = -chance.ln() / f64::from(share);
        if best.is_none_or(|(least, _)| score < least) {
            best = Some((score, profile));
        }
    }
    best.map(|(_, profile)| profile)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> TaskKey {
        TaskKey(crate::hash::keyed_128("test", &number.to_le_bytes()))
    }

    #[test]
    fn both_forms_are_read_and_told_apart() {
        let read = |text: &str| serde_json::from_str::<Profiles>(text);
        assert_eq!(read(r#"["a", "b"]"#).unwrap(), "a, b".parse().unwrap());
        assert_eq!(read(r#"{"a": 3, "b": 1}"#).unwrap(), "b=1,a=3".parse().unwrap());
        assert_eq!("b=1,a=3".parse::<Profiles>().unwrap().wanted().unwrap(), [("a", 3), ("b", 1)]);
        assert!(read("3").unwrap_err().to_string().contains("fail-over order"));
        for wrong in ["", "a,,b", "a,a", "a=0", "a=1001", "a=x", "a=1,b", "a=1,a=2"] {
            assert!(wrong.parse::<Profiles>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_order_takes_the_first_that_is_open() {
        assert_eq!(choose(&key(1), [("a", 0), ("b", 0)]), Some("a"));
        assert_eq!(choose(&key(1), [("b", 0)]), Some("b"));
        assert_eq!(choose(&key(1), []), None);
    }

    #[test]
    fn shares_hold_and_only_the_tasks_of_a_closed_way_move() {
        let all = [("a", 3), ("b", 1), ("c", 4)];
        let mut counts = BTreeMap::new();
        for number in 0..8_000 {
            let way = choose(&key(number), all).unwrap();
            *counts.entry(way).or_insert(0) += 1;
            let reordered = choose(&key(number), [all[2], all[0], all[1]]).unwrap();
            assert_eq!(way, reordered, "the order of the ways says nothing");
            let without_c = choose(&key(number), [all[0], all[1]]).unwrap();
            assert!(way == "c" || way == without_c, "a task of an open way stays");
        }
        for (profile, share) in all {
            let expected = f64::from(share) * 1_000.0;
            assert!((f64::from(counts[profile]) - expected).abs() < 150.0, "{counts:?}");
        }
    }
}
