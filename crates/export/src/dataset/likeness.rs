//! Near-duplicates of a data set: which are left out, and how the rest is split so that no two look-alikes are on both sides. Pure; how
//! alike two pictures are is told by their perceptual hashes.

use std::collections::{BTreeMap, HashMap};

use imagemill_domain::hash::ContentHash;
use imagemill_imaging::near_duplicates;

use super::item::{Item, Split};

/// Bits in which look-alikes differ at most where nobody says otherwise, as the finding `near_duplicate` has it.
pub(crate) const BITS: u32 = 3;

/// What is done about look-alikes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Likeness {
    /// Of pictures within so many bits (0 to 64) one stays; `None` keeps all.
    pub bits: Option<u32>,
    /// Share of the set that is kept apart to measure on, 0 to below 1.
    pub validation: f64,
}

impl Likeness {
    /// Bits within which no two pictures are on both sides of a split.
    pub(crate) fn apart(&self) -> u32 {
        self.bits.unwrap_or(BITS).max(BITS)
    }
}

/// Of each group of look-alikes only the one of most worth stays, the earlier of equals. Returns how many went.
pub(crate) fn thin(items: &mut Vec<Item>, bits: u32) -> u64 {
    let hashes: Vec<(usize, u64)> =
        items.iter().enumerate().filter_map(|(at, item)| Some((at, item.picture.phash?))).collect();
    let mut stays = vec![true; items.len()];
    for group in near_duplicates(&hashes, bits) {
        let best = group.iter().copied().max_by_key(|at| (items[*at].worth, std::cmp::Reverse(*at)));
        for at in group {
            stays[at] = Some(at) == best;
        }
    }
    let before = items.len();
    let mut stays = stays.into_iter();
    items.retain(|_| stays.next().unwrap_or(true));
    (before - items.len()) as u64
}

/// Puts a share of the items apart. Items whose pictures, or the pictures they were made from, look alike are of one family and go
/// together; which families go is told by their content, so the same set is always split the same way.
pub(crate) fn part(items: &mut [Item], likeness: &Likeness) {
    let wanted = ((items.len() as f64 * likeness.validation).round() as usize).max(1);
    let families = families(items, likeness.apart());
    if likeness.validation <= 0.0 || families.len() < 2 {
        return;
    }
    let key = |family: &Vec<usize>| {
        let least = family.iter().map(|at| items[*at].picture.blake3).min();
        blake3::derive_key("imagemill split of a data set 1", least.unwrap_or(ContentHash([0; 32])).as_bytes())
    };
    let ordered: BTreeMap<[u8; 32], Vec<usize>> = families.into_iter().map(|family| (key(&family), family)).collect();
    let mut chosen: Vec<&Vec<usize>> = Vec::new();
    let mut taken = 0;
    for family in ordered.values().filter(|family| family.len() <= wanted) {
        if taken + family.len() <= wanted {
            taken += family.len();
            chosen.push(family);
        }
    }
    if chosen.is_empty() {
        chosen.extend(ordered.values().min_by_key(|family| family.len()));
    }
    for at in chosen.into_iter().flatten().copied().collect::<Vec<_>>() {
        items[at].split = Split::Validation;
    }
}

/// Items that must not be parted, each in one family.
fn families(items: &[Item], bits: u32) -> Vec<Vec<usize>> {
    let mut parents: Vec<usize> = (0..items.len()).collect();
    let pictures = |item: &Item| -> Vec<(ContentHash, Option<u64>)> {
        std::iter::once(&item.picture).chain(&item.controls).map(|picture| (picture.blake3, picture.phash)).collect()
    };
    let mut first_with: HashMap<ContentHash, usize> = HashMap::new();
    let mut hashes = Vec::new();
    for (at, item) in items.iter().enumerate() {
        for (content, phash) in pictures(item) {
            let first = *first_with.entry(content).or_insert(at);
            join(&mut parents, first, at);
            hashes.extend(phash.map(|phash| (at, phash)));
        }
    }
    for group in near_duplicates(&hashes, bits) {
        for at in &group[1..] {
            join(&mut parents, group[0], *at);
        }
    }
    let mut families: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..items.len() {
        families.entry(root(&mut parents, at)).or_default().push(at);
    }
    families.into_values().collect()
}

fn join(parents: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(parents, a), root(parents, b));
    parents[a.max(b)] = a.min(b);
}

fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use imagemill_domain::picture::PictureFormat;
    use serde_json::Map;

    use super::super::item::Picture;
    use super::*;

    fn picture(name: u64, phash: u64) -> Picture {
        let blake3 = ContentHash::of(&name.to_be_bytes());
        Picture { path: PathBuf::new(), blake3, sha256: None, format: PictureFormat::Png, bytes: 1, phash: Some(phash) }
    }

    fn item(name: u64, phash: u64, worth: u8, control: Option<u64>) -> Item {
        Item {
            stem: name.to_string(),
            title: name.to_string(),
            picture: picture(name, phash),
            controls: control
                .map(|name| picture(name + 1_000_000, u64::MAX ^ name.rotate_left(40)))
                .into_iter()
                .collect(),
            mask: None,
            caption: String::new(),
            worth,
            split: Split::Train,
            fields: Map::new(),
        }
    }

    #[test]
    fn of_look_alikes_the_worthiest_stays() {
        let mut items = vec![item(1, 0, 0, None), item(2, 1, 3, None), item(3, 3, 3, None), item(4, u64::MAX, 0, None)];
        assert_eq!(thin(&mut items, 3), 2);
        let stems: Vec<&str> = items.iter().map(|item| item.stem.as_str()).collect();
        assert_eq!(stems, ["2", "4"]);
    }

    #[test]
    fn no_family_is_on_both_sides_and_the_same_set_is_split_the_same_way() {
        // Forty pictures in ten families of look-alikes, and ten pairs that share their sources only.
        let spread = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let alike = (0..40_u64).map(|n| item(n, spread(n % 10 + 1) ^ (1 << (n / 10)), 0, None));
        let paired = (40..60_u64).map(|n| item(n, spread(n + 100), 0, Some(n / 2)));
        let mut items: Vec<Item> = alike.chain(paired).collect();
        let likeness = Likeness { bits: None, validation: 0.2 };
        part(&mut items, &likeness);
        let apart: Vec<usize> = (0..60).filter(|at| items[*at].split == Split::Validation).collect();
        assert!((8..=12).contains(&apart.len()), "{apart:?}");
        for a in &items {
            for b in &items {
                let near = a.picture.phash.zip(b.picture.phash).is_some_and(|(a, b)| (a ^ b).count_ones() <= 3);
                let shared = a.controls.iter().any(|picture| b.controls.contains(picture));
                assert!(!(near || shared) || a.split == b.split, "{} and {}", a.stem, b.stem);
            }
        }
        let before: Vec<Split> = items.iter().map(|item| item.split).collect();
        for item in &mut items {
            item.split = Split::Train;
        }
        part(&mut items, &likeness);
        assert_eq!(before, items.iter().map(|item| item.split).collect::<Vec<_>>());
    }

    #[test]
    fn one_family_alone_is_not_split() {
        let mut items: Vec<Item> = (0..8).map(|n| item(n, 0, 0, None)).collect();
        part(&mut items, &Likeness { bits: None, validation: 0.5 });
        assert!(items.iter().all(|item| item.split == Split::Train));
    }
}
