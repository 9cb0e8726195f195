//! What a person should know about a result: rules over looks. It must not read pixels.

use imagemill_domain::picture::{Finding, Findings};

use crate::look::{Look, hamming};

/// Ratio of width to height may differ by this much.
const ASPECT_TOLERANCE: f64 = 0.02;
/// Bits in which the hashes of a picture and its re-encoded or rescaled copy differ at most.
const UNCHANGED_BITS: u32 = 6;
/// Mean difference of the colour grids of such a pair, in levels of 255, at most.
const UNCHANGED_MEAN: f64 = 1.5;
/// Largest difference of one cell. An edit of a small part moves its cell's mean by more: a 20×20 object of contrast 100 in
/// a 1024×1024 picture by about 10.
const UNCHANGED_CELL: u8 = 8;
/// Siblings that look the same. Stricter than "similar": samples of one edit share their source's layout on purpose.
const DUPLICATE_BITS: u32 = 3;

/// Compares a result with the picture it was made from (as it was sent: rotated and scaled) and with the hashes of the other
/// results of the same task.
///
/// *Unchanged* needs three signs together, because each alone is fooled: the perceptual hash does not see a tint or a
/// change of brightness, the mean of the colour grid does not see a small object, a single cell does not see layout. All
/// three survive re-encoding and rescaling.
pub fn findings(result: &Look, source: Option<&Look>, siblings_phash: &[u64]) -> Findings {
    let mut found = Findings::NONE;
    if let Some(source) = source {
        let same_shape = (aspect(result) / aspect(source) - 1.0).abs() <= ASPECT_TOLERANCE;
        if (result.width, result.height) != (source.width, source.height) {
            found.insert(Finding::SizeDiffers);
        }
        if !same_shape {
            found.insert(Finding::AspectDiffers);
        }
        if same_shape && looks_unchanged(result, source) {
            found.insert(Finding::Unchanged);
        }
    }
    if result.blank {
        found.insert(Finding::Blank);
    }
    if siblings_phash.iter().any(|sibling| hamming(*sibling, result.phash) <= DUPLICATE_BITS) {
        found.insert(Finding::NearDuplicate);
    }
    found
}

fn aspect(look: &Look) -> f64 {
    f64::from(look.width) / f64::from(look.height)
}

fn looks_unchanged(result: &Look, source: &Look) -> bool {
    let differences = || result.grid.iter().zip(&source.grid).map(|(a, b)| a.abs_diff(*b));
    let sum: u32 = differences().map(u32::from).sum();
    hamming(result.phash, source.phash) <= UNCHANGED_BITS
        && f64::from(sum) <= UNCHANGED_MEAN * result.grid.len() as f64
        && differences().all(|difference| difference <= UNCHANGED_CELL)
}
