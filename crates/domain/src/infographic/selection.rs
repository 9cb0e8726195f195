//! Which layout and style: what was wished for, else one of those that suit, drawn by weight. The draw is a function of a seed that
//! is kept, so it can be repeated and explained.

use serde::{Deserialize, Serialize};

use crate::catalogue::{Catalogue, Content, Context, Needs};
use crate::hash::keyed_128;

/// Taken when nothing suits.
const FALLBACK: (&str, &str) = ("hub-spoke", "corporate-memphis");

/// What a recommendation of the analysis adds to a weight, and the one that it would take.
const RECOMMENDED: u32 = 5;
const FIRST: u32 = 10;

/// What a style weighs more that goes well with the layout.
const PAIRED: u32 = 6;

/// Names that were asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish<'a> {
    /// A layout.
    pub layout: Option<&'a str>,
    /// A style.
    pub style: Option<&'a str>,
}

/// A combination that the analysis recommends.
#[derive(Clone, Copy, Debug)]
pub struct Recommended<'a> {
    /// A layout.
    pub layout: &'a str,
    /// A style.
    pub style: &'a str,
    /// The one that it would take.
    pub first: bool,
}

/// One name in a draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The entry.
    pub name: String,
    /// Its share.
    pub weight: u32,
}

/// How a name was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picked {
    /// The entry.
    pub name: String,
    /// `wished`, `drawn` or `fallback`.
    pub because: String,
    /// What was given up so that anything suits, in plain words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relaxed: Vec<String>,
    /// Who else was in the draw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
}

/// A layout and a style.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Where things stand.
    pub layout: Picked,
    /// How they look.
    pub style: Picked,
    /// Of the draw.
    pub seed: u64,
}

/// Chooses. A wish that is not in the catalogue counts for nothing here; that it is there was checked where it was typed.
pub fn choose(
    catalogue: &Catalogue,
    (content, context): (Content, Context),
    needs: &Needs,
    wish: Wish<'_>,
    recommended: &[Recommended<'_>],
    seed: u64,
) -> Choice {
    let layout = match wish.layout.and_then(|name| catalogue.layout(name)) {
        Some(layout) => wished(layout.name.as_str()),
        None => pick("layout", seed, FALLBACK.0, needs, |needs| {
            let fitting = catalogue.layouts_for(content, needs);
            let mut found: Vec<Candidate> =
                fitting.into_iter().map(|(layout, weight)| candidate(layout.name.as_str(), weight.into())).collect();
            for one in recommended {
                if let Some(layout) = catalogue.layout(one.layout).filter(|layout| layout.suits(needs)) {
                    add(&mut found, layout.name.as_str(), if one.first { FIRST } else { RECOMMENDED });
                }
            }
            found
        }),
    };
    let paired = catalogue.layout(&layout.name).map(|layout| layout.pairings.as_slice()).unwrap_or_default();
    let style = match wish.style.and_then(|name| catalogue.style(name)) {
        Some(style) => wished(style.name.as_str()),
        None => pick("style", seed, FALLBACK.1, needs, |needs| {
            let fitting = catalogue.styles_for(context, needs);
            let mut found: Vec<Candidate> =
                fitting.into_iter().map(|(style, weight)| candidate(style.name.as_str(), weight.into())).collect();
            for one in recommended {
                if let Some(style) = catalogue.style(one.style).filter(|style| style.suits(needs)) {
                    add(&mut found, style.name.as_str(), if one.first { FIRST } else { RECOMMENDED });
                }
            }
            for one in &mut found {
                if paired.iter().any(|name| name.as_str() == one.name) {
                    one.weight += PAIRED;
                }
            }
            found
        }),
    };
    Choice { layout, style, seed }
}

fn candidate(name: &str, weight: u32) -> Candidate {
    Candidate { name: name.to_owned(), weight }
}

fn wished(name: &str) -> Picked {
    Picked { name: name.to_owned(), because: "wished".into(), relaxed: Vec::new(), candidates: Vec::new() }
}

fn add(found: &mut Vec<Candidate>, name: &str, weight: u32) {
    match found.iter_mut().find(|candidate| candidate.name == name) {
        Some(candidate) => candidate.weight += weight,
        None => found.push(candidate(name, weight)),
    }
}

/// Draws among what `suiting` gives; when that is nothing, the density and then the ratio are not held against anybody.
fn pick(what: &str, seed: u64, fallback: &str, needs: &Needs, suiting: impl Fn(&Needs) -> Vec<Candidate>) -> Picked {
    let dense = Needs { points: None, labels: None, ..needs.clone() };
    let free = Needs { ratio: None, ..dense.clone() };
    let steps: [(&Needs, &[&str]); 3] =
        [(needs, &[]), (&dense, &["number of points and labels"]), (&free, &["number of points and labels", "ratio"])];
    for (needs, relaxed) in steps {
        let candidates = suiting(needs);
        if let Some(name) = draw(what, seed, &candidates) {
            let relaxed = relaxed.iter().map(|text| (*text).to_owned()).collect();
            return Picked { name, because: "drawn".into(), relaxed, candidates };
        }
    }
    Picked { name: fallback.to_owned(), because: "fallback".into(), relaxed: Vec::new(), candidates: Vec::new() }
}

fn draw(what: &str, seed: u64, candidates: &[Candidate]) -> Option<String> {
    let all: u64 = candidates.iter().map(|candidate| u64::from(candidate.weight)).sum();
    if all == 0 {
        return None;
    }
    let canonical = serde_json::to_vec(&(what, seed)).expect("a word and a number serialise");
    let lot = u128::from_le_bytes(keyed_128("imagemill infographic draw 1", &canonical));
    let mut left = (lot % u128::from(all)) as u64;
    for candidate in candidates {
        let weight = u64::from(candidate.weight);
        if left < weight {
            return Some(candidate.name.clone());
        }
        left -= weight;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn catalogue() -> Catalogue {
        let mut all = Catalogue::default();
        for text in [
            include_str!("../../../../data/layouts/sequences.toml"),
            include_str!("../../../../data/layouts/relations.toml"),
            include_str!("../../../../data/layouts/grids.toml"),
            include_str!("../../../../data/layouts/pages.toml"),
            include_str!("../../../../data/layouts/pictures.toml"),
            include_str!("../../../../data/layouts/expressive.toml"),
            include_str!("../../../../data/styles/design.toml"),
            include_str!("../../../../data/styles/drawing.toml"),
            include_str!("../../../../data/styles/crafts.toml"),
            include_str!("../../../../data/styles/screens.toml"),
        ] {
            let part = Catalogue::parse(text).unwrap();
            all.layouts.extend(part.layouts);
            all.styles.extend(part.styles);
        }
        all
    }

    fn chosen(catalogue: &Catalogue, content: Content, needs: &Needs, wish: Wish<'_>, seed: u64) -> Choice {
        choose(catalogue, (content, Context::Business), needs, wish, &[], seed)
    }

    #[test]
    fn a_wish_wins_and_a_seed_repeats() {
        let all = catalogue();
        let wish = Wish { layout: Some("iceberg"), style: Some("kawaii") };
        let narrow = Needs { ratio: Some("21:9".parse().unwrap()), ..Needs::default() };
        let choice = chosen(&all, Content::Timeline, &narrow, wish, 7);
        assert_eq!((choice.layout.name.as_str(), choice.style.name.as_str()), ("iceberg", "kawaii"));
        let draw = |seed| chosen(&all, Content::Concept, &Needs::default(), Wish::default(), seed);
        assert_eq!(draw(7), draw(7));
        assert!((0..20).any(|seed| draw(seed).layout.name != draw(7).layout.name));
        let nothing = Wish { layout: Some("no-such"), style: None };
        assert_eq!(chosen(&all, Content::Cycle, &Needs::default(), nothing, 1).layout.because, "drawn");
    }

    #[test]
    fn weights_are_kept_in_the_long_run() {
        let all = catalogue();
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        let mut weights: Vec<Candidate> = Vec::new();
        for seed in 0..8_000 {
            let choice = chosen(&all, Content::Comparison, &Needs::default(), Wish::default(), seed);
            *counts.entry(choice.layout.name).or_default() += 1;
            weights = choice.layout.candidates;
        }
        let sum: u32 = weights.iter().map(|candidate| candidate.weight).sum();
        for Candidate { name, weight } in weights {
            let expected = 8_000.0 * f64::from(weight) / f64::from(sum);
            let seen = f64::from(counts.get(&name).copied().unwrap_or_default());
            assert!((seen - expected).abs() < 4.0 * expected.sqrt() + 5.0, "{name}: {seen} of {expected}");
        }
    }

    #[test]
    fn recommendations_and_pairings_count() {
        let all = catalogue();
        let recommended = [Recommended { layout: "iceberg", style: "ukiyo-e", first: true }];
        let choice =
            choose(&all, (Content::Process, Context::Business), &Needs::default(), Wish::default(), &recommended, 3);
        let weight = |picked: &Picked, name: &str| {
            picked.candidates.iter().find(|candidate| candidate.name == name).map(|candidate| candidate.weight)
        };
        assert_eq!(weight(&choice.layout, "iceberg"), Some(FIRST));
        assert!(weight(&choice.style, "ukiyo-e").is_some_and(|weight| weight >= FIRST));
    }

    #[test]
    fn what_suits_nobody_is_given_up_step_by_step() {
        let all = catalogue();
        let crowded = Needs { points: Some(500), labels: Some(5_000), cjk: true, ..Needs::default() };
        let choice = chosen(&all, Content::Timeline, &crowded, Wish::default(), 1);
        assert_eq!((choice.layout.because.as_str(), choice.layout.relaxed.len()), ("drawn", 1), "{choice:?}");
        let empty = chosen(&Catalogue::default(), Content::Timeline, &crowded, Wish::default(), 1);
        assert_eq!((empty.layout.name.as_str(), empty.layout.because.as_str()), ("hub-spoke", "fallback"));
    }

    proptest! {
        /// Whatever is drawn suits what could be suited.
        #[test]
        fn what_is_drawn_suits(seed: u64, content in 0_usize..21, points in 3_u32..12, cjk: bool) {
            let all = catalogue();
            let content = Content::ALL[content % Content::ALL.len()];
            let needs = Needs { ratio: Some("3:4".parse().unwrap()), points: Some(points), labels: None, cjk };
            let choice = chosen(&all, content, &needs, Wish::default(), seed);
            let layout = all.layout(&choice.layout.name).unwrap();
            prop_assert!(layout.suits(&needs) || !choice.layout.relaxed.is_empty() || choice.layout.because == "fallback");
            let candidates: Vec<&str> = choice.layout.candidates.iter().map(|one| one.name.as_str()).collect();
            prop_assert!(candidates.contains(&choice.layout.name.as_str()) || choice.layout.because == "fallback");
        }
    }
}
