//! Texts that repeat one another: the same text, nearly the same text, and sentences that are pasted from row to row. The work
//! grows with the number of texts, not with its square: near copies are found by MinHash (Broder 1997) with banding.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::answer::{Answer, Place};
use super::fault::Fault;
use super::gate::Gate;
use super::script::{chinese_length, is_han, words};

/// Letters or words that make one shingle.
const SHINGLE: usize = 3;
/// Bands of a signature; texts that share one are compared.
const BANDS: usize = 20;
/// Values of a band. With 20 bands of 3, texts that are 70 % the same are compared with a chance above 99.9 %.
const BAND: usize = 3;
/// The texts of a band that a new one is compared with. Bounds the work where a corpus repeats itself over and over.
const COMPARED: usize = 8;
/// Shorter texts have too few shingles to be called near one another.
const FEWEST_SHINGLES: usize = 20;
/// How far below the threshold the signatures may be for the texts to be compared in full: three standard deviations.
const ESTIMATE_MARGIN: f64 = 0.18;
/// A sentence is one that a writer does not make twice by chance from this length on.
const LETTERS: usize = 10;
const WORDS: usize = 7;

type Signature = [u64; BANDS * BAND];

/// One of the two texts of a row.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pub(super) key: &'static str,
    pub(super) of: fn(&Answer) -> &str,
}

/// Both.
pub(super) const SIDES: [Side; 2] =
    [Side { key: "critique_zh", of: |answer| &answer.zh }, Side { key: "critique_en", of: |answer| &answer.en }];

/// The faults of each row, by its index.
pub(super) fn echoes(answers: &[Answer], gate: &Gate) -> Vec<(usize, Fault)> {
    let mut found = Vec::new();
    for side in SIDES {
        let copies = copies(answers, side);
        if gate.copies {
            found.extend(
                copies.iter().map(|(&at, first)| (at, Fault::SameText { key: side.key, first: first.clone() })),
            );
        }
        let own: Vec<usize> = (0..answers.len()).filter(|at| !copies.contains_key(at)).collect();
        if let Some(least) = gate.near_copies {
            near(answers, &own, side, least, &mut found);
        }
        if let Some(rows) = gate.stock_rows {
            stock(answers, &own, side, rows, &mut found);
        }
    }
    found
}

/// Letters and digits in lower case; marks and spaces do not make a text another one.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Rows whose text an earlier row has, with its place.
fn copies(answers: &[Answer], side: Side) -> HashMap<usize, Place> {
    let mut first: HashMap<blake3::Hash, usize> = HashMap::new();
    let mut copies = HashMap::new();
    for (at, answer) in answers.iter().enumerate() {
        let letters = letters((side.of)(answer));
        if letters.is_empty() {
            continue;
        }
        let known = *first.entry(blake3::hash(letters.as_bytes())).or_insert(at);
        if known != at {
            copies.insert(at, answers[known].place.clone());
        }
    }
    copies
}

fn near(answers: &[Answer], own: &[usize], side: Side, least: f64, found: &mut Vec<(usize, Fault)>) {
    let seeds = seeds();
    let mut signatures: HashMap<usize, Signature> = HashMap::with_capacity(own.len());
    let mut bands: HashMap<(usize, [u64; BAND]), Vec<usize>> = HashMap::new();
    for &at in own {
        let shingles = shingles((side.of)(&answers[at]));
        if shingles.len() < FEWEST_SHINGLES {
            continue;
        }
        let signature = sign(&shingles, &seeds);
        let mut others = BTreeSet::new();
        for band in 0..BANDS {
            let values = std::array::from_fn(|value| signature[band * BAND + value]);
            let members = bands.entry((band, values)).or_default();
            others.extend(members.iter().copied());
            if members.len() < COMPARED {
                members.push(at);
            }
        }
        let alike = |other: &usize| {
            let same = signature.iter().zip(&signatures[other]).filter(|(a, b)| a == b).count();
            same as f64 / signature.len() as f64 >= least - ESTIMATE_MARGIN
        };
        let best = others
            .into_iter()
            .filter(alike)
            .map(|other| (likeness(&shingles, &self::shingles((side.of)(&answers[other]))), other))
            .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        if let Some((share, other)) = best.filter(|(share, _)| *share >= least) {
            let first = answers[other].place.clone();
            found.push((at, Fault::NearText { key: side.key, first, percent: (share * 100.0) as u32 }));
        }
        signatures.insert(at, signature);
    }
}

/// Hashes of all runs of three: of letters in Chinese, of words in other scripts. Sorted, each once.
fn shingles(text: &str) -> Vec<u64> {
    let lower = text.to_lowercase();
    let han: Vec<char> = lower.chars().filter(|c| is_han(*c)).collect();
    let words: Vec<&str> = words(&lower).collect();
    let mut hashes: Vec<u64> = if han.len() > words.len() {
        han.windows(SHINGLE).map(|run| hash(run.iter().flat_map(|c| u32::from(*c).to_le_bytes()))).collect()
    } else {
        words.windows(SHINGLE).map(|run| hash(run.iter().flat_map(|word| word.bytes().chain([0])))).collect()
    };
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// Shared shingles in all shingles; both are sorted.
fn likeness(a: &[u64], b: &[u64]) -> f64 {
    let (mut at, mut to, mut shared) = (0, 0, 0_usize);
    while at < a.len() && to < b.len() {
        match a[at].cmp(&b[to]) {
            std::cmp::Ordering::Less => at += 1,
            std::cmp::Ordering::Greater => to += 1,
            std::cmp::Ordering::Equal => (at, to, shared) = (at + 1, to + 1, shared + 1),
        }
    }
    shared as f64 / (a.len() + b.len() - shared) as f64
}

/// The least value of all shingles under each of sixty orders.
fn sign(shingles: &[u64], seeds: &[(u64, u64); BANDS * BAND]) -> Signature {
    let mut signature = [u64::MAX; BANDS * BAND];
    for shingle in shingles {
        for (least, (factor, addend)) in signature.iter_mut().zip(seeds) {
            *least = (*least).min(shingle.wrapping_mul(*factor).wrapping_add(*addend));
        }
    }
    signature
}

fn seeds() -> [(u64, u64); BANDS * BAND] {
    std::array::from_fn(|at| (mix(2 * at as u64 + 1) | 1, mix(2 * at as u64 + 2)))
}

/// FNV-1a, mixed so that all bits count.
fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    mix(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// The finaliser of SplitMix64.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Sentences that at least `least` rows hold; one finding a row, for the sentence that most rows have.
fn stock(answers: &[Answer], own: &[usize], side: Side, least: usize, found: &mut Vec<(usize, Fault)>) {
    let mut rows: HashMap<blake3::Hash, usize> = HashMap::new();
    let name = |sentence: &str| blake3::hash(letters(sentence).as_bytes());
    for &at in own {
        let distinct: HashSet<blake3::Hash> = sentences((side.of)(&answers[at])).map(name).collect();
        for sentence in distinct {
            *rows.entry(sentence).or_default() += 1;
        }
    }
    for &at in own {
        let counted = sentences((side.of)(&answers[at])).map(|sentence| (rows[&name(sentence)], sentence));
        let Some((count, sentence)) = counted.reduce(|most, next| if next.0 > most.0 { next } else { most }) else {
            continue;
        };
        if count >= least {
            found.push((at, Fault::StockSentence { key: side.key, sentence: sentence.to_owned(), rows: count }));
        }
    }
}

/// Sentences long enough to be told by.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| matches!(c, '。' | '！' | '？' | '；' | '!' | '?' | ';' | '.' | '\n');
    text.split(ends).map(str::trim).filter(|sentence| {
        let words = words(sentence).count();
        words >= WORDS || chinese_length(sentence) - words >= LETTERS
    })
}
