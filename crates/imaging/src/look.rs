//! What a picture looks like, as a few numbers that can be compared: a perceptual hash and a coarse colour grid. It must
//! not decide what a likeness means; `findings` does.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use fast_image_resize::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

use crate::decode;
use crate::error::ImageError;
use crate::ingest::THUMBNAIL_EDGE;
use crate::input::{Bytes, Limits};
use crate::shrink::{resize, thumbnail};

/// Cells of the colour grid along one edge.
pub(crate) const GRID_EDGE: usize = 16;
/// Edge of the tiny picture that both numbers are computed on.
const TINY_EDGE: usize = 32;
/// Frequencies of the perceptual hash along one axis.
const FREQUENCIES: usize = 8;
/// How far the channels of a flat picture may spread: room for the rounding of a lossy encoder.
const FLAT_SPREAD: u8 = 4;

/// What is compared between pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// 64-bit perceptual hash of the brightness; insensitive to size, compression and even tinting.
    pub phash: u64,
    /// One flat colour.
    pub blank: bool,
    /// Mean red, green and blue of 16×16 cells, row by row: what the perceptual hash does not see.
    pub grid: Vec<u8>,
}

impl Look {
    /// From the thumbnail of a picture of the given size.
    pub(crate) fn of_thumbnail(small: RgbImage, width: u32, height: u32) -> Self {
        let blank = is_flat(&small);
        let edge = TINY_EDGE as u32;
        let tiny = resize(&DynamicImage::ImageRgb8(small), edge, edge, FilterType::Bilinear).into_rgb8();
        Self { width, height, phash: perceptual_hash(&tiny), blank, grid: colour_grid(&tiny) }
    }
}

/// The look of a picture file, as `ingest` would find it: one decode, no thumbnail is encoded.
pub fn look_of(path: &Path) -> Result<Look, ImageError> {
    let bytes = Bytes::File(path);
    let probe = decode::probe(bytes)?;
    let picture = decode::pixels(bytes, &probe, &Limits::SOURCES)?;
    Ok(Look::of_thumbnail(thumbnail(picture, THUMBNAIL_EDGE), probe.width, probe.height))
}

/// The look of a picture file as a person sees it: turned as its EXIF orientation says.
pub fn upright_look_of(path: &Path) -> Result<Look, ImageError> {
    let bytes = Bytes::File(path);
    let probe = decode::probe(bytes)?;
    let mut picture = decode::pixels(bytes, &probe, &Limits::SOURCES)?;
    if let Some(orientation) = Orientation::from_exif(probe.orientation) {
        picture.apply_orientation(orientation);
    }
    let (width, height) = (picture.width(), picture.height());
    Ok(Look::of_thumbnail(thumbnail(picture, THUMBNAIL_EDGE), width, height))
}

/// The perceptual hash of a picture file; the same number that `ingest` finds for the same bytes.
pub fn phash_of(path: &Path) -> Result<u64, ImageError> {
    Ok(look_of(path)?.phash)
}

/// In how many bits two perceptual hashes differ: 0 (look alike) to 64; unrelated pictures differ in about 32.
pub fn hamming(a: u64, b: u64) -> u32 {
    (a ^ b).count_ones()
}

/// How far the colours of two pictures are apart, place by place: the mean over the 16×16 cells of their grids of ΔE*ab, the distance in
/// CIE L*a*b* under D65 (CIE 1976). 0 is the same; 2.3 can just be seen (Mahy, Van Eycken, Oosterlinck, "Evaluation of uniform color
/// spaces", 1994); black and white are 100 apart, and no two colours of sRGB more than 259.
pub fn colour_distance(a: &Look, b: &Look) -> f32 {
    let cells = a.grid.as_chunks::<3>().0.iter().zip(b.grid.as_chunks::<3>().0);
    let sum: f32 = cells
        .map(|(a, b)| {
            let (a, b) = (lab(*a), lab(*b));
            a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
        })
        .sum();
    sum / (GRID_EDGE * GRID_EDGE) as f32
}

/// sRGB (IEC 61966-2-1) to CIE L*a*b* under D65 (CIE 15).
fn lab(rgb: [u8; 3]) -> [f32; 3] {
    let [red, green, blue] = rgb.map(|channel| {
        let value = f32::from(channel) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    let curve = |value: f32| {
        if value > 216.0 / 24_389.0 { value.cbrt() } else { (24_389.0 / 27.0 * value + 16.0) / 116.0 }
    };
    // Each row is divided by the white point, so that white is 1, 1, 1.
    let x = curve((0.412_456 * red + 0.357_576 * green + 0.180_437 * blue) / 0.950_469);
    let y = curve(0.212_672 * red + 0.715_152 * green + 0.072_176 * blue);
    let z = curve((0.019_334 * red + 0.119_192 * green + 0.950_304 * blue) / 1.088_83);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// Groups of pictures that look alike: each member is within `max_distance` bits of another member. Groups have two
/// members or more, in the order of `pictures`, and stand in the order of their first members.
///
/// Two hashes that differ in at most `d` bits agree in at least one of `d + 1` slices, so only pictures that share a slice
/// are compared; 100,000 pictures need a fraction of a second instead of 5,000,000,000 comparisons.
pub fn near_duplicates<Id: Copy>(pictures: &[(Id, u64)], max_distance: u32) -> Vec<Vec<Id>> {
    let mut first_with: HashMap<u64, usize> = HashMap::new();
    let mut parents: Vec<usize> = (0..pictures.len()).collect();
    let mut distinct = Vec::new();
    for (index, (_, hash)) in pictures.iter().enumerate() {
        let first = *first_with.entry(*hash).or_insert(index);
        if first == index {
            distinct.push(index);
        } else {
            parents[index] = first;
        }
    }
    let slices = max_distance.min(64) + 1;
    for slice in 0..slices {
        let (start, end) = (slice * 64 / slices, (slice + 1) * 64 / slices);
        let mask = if end - start == 64 { u64::MAX } else { ((1u64 << (end - start)) - 1) << start };
        let mut buckets: HashMap<u64, Vec<usize>> = HashMap::new();
        for &index in &distinct {
            buckets.entry(pictures[index].1 & mask).or_default().push(index);
        }
        for bucket in buckets.values() {
            for (position, &a) in bucket.iter().enumerate() {
                for &b in &bucket[position + 1..] {
                    if hamming(pictures[a].1, pictures[b].1) <= max_distance {
                        let (a, b) = (root(&mut parents, a), root(&mut parents, b));
                        parents[a.max(b)] = a.min(b);
                    }
                }
            }
        }
    }
    let mut groups: Vec<Vec<Id>> = Vec::new();
    let mut group_of: HashMap<usize, usize> = HashMap::new();
    for (index, (id, _)) in pictures.iter().enumerate() {
        let group = *group_of.entry(root(&mut parents, index)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(*id);
    }
    groups.retain(|group| group.len() > 1);
    groups
}

fn root(parents: &mut [usize], mut index: usize) -> usize {
    while parents[index] != index {
        parents[index] = parents[parents[index]];
        index = parents[index];
    }
    index
}

fn is_flat(picture: &RgbImage) -> bool {
    let (mut low, mut high) = ([u8::MAX; 3], [0u8; 3]);
    for pixel in picture.as_chunks::<3>().0 {
        for channel in 0..3 {
            low[channel] = low[channel].min(pixel[channel]);
            high[channel] = high[channel].max(pixel[channel]);
        }
    }
    low.iter().zip(high).all(|(low, high)| high.saturating_sub(*low) <= FLAT_SPREAD)
}

fn colour_grid(tiny: &RgbImage) -> Vec<u8> {
    let step = TINY_EDGE / GRID_EDGE;
    let mut grid = Vec::with_capacity(GRID_EDGE * GRID_EDGE * 3);
    for (row, column, channel) in cells() {
        let sum: usize = (0..step * step)
            .map(|k| (row * step + k / step, column * step + k % step))
            .map(|(y, x)| usize::from(tiny.as_raw()[(y * TINY_EDGE + x) * 3 + channel]))
            .sum();
        grid.push(((sum + step * step / 2) / (step * step)) as u8);
    }
    grid
}

fn cells() -> impl Iterator<Item = (usize, usize, usize)> {
    (0..GRID_EDGE * GRID_EDGE * 3).map(|k| (k / 3 / GRID_EDGE, k / 3 % GRID_EDGE, k % 3))
}

/// Rows of the orthonormal DCT-II: `cosines[frequency][sample]`.
static COSINES: LazyLock<[[f32; TINY_EDGE]; FREQUENCIES]> = LazyLock::new(|| {
    std::array::from_fn(|frequency| {
        let scale = if frequency == 0 { 1.0 / TINY_EDGE as f32 } else { 2.0 / TINY_EDGE as f32 }.sqrt();
        std::array::from_fn(|sample| {
            let angle = std::f32::consts::PI * (sample as f32 + 0.5) * frequency as f32 / TINY_EDGE as f32;
            scale * angle.cos()
        })
    })
});

/// The DCT hash of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010): signs of the 8×8
/// lowest frequencies of a 32×32 grey picture against their median. Here a frequency must exceed the median by more than
/// the rounding noise of a lossy encoder, so that the empty frequencies of plain drawings do not flicker; the bit of the
/// constant part says whether the picture is brighter than mid-grey.
fn perceptual_hash(tiny: &RgbImage) -> u64 {
    const NOISE: f32 = 2.0;
    let grey: Vec<f32> = tiny
        .as_chunks::<3>()
        .0
        .iter()
        .map(|[red, green, blue]| 0.299 * f32::from(*red) + 0.587 * f32::from(*green) + 0.114 * f32::from(*blue))
        .collect();
    let mut by_row = [[0f32; FREQUENCIES]; TINY_EDGE];
    for (row, line) in by_row.iter_mut().zip(grey.chunks_exact(TINY_EDGE)) {
        for (sum, cosines) in row.iter_mut().zip(COSINES.iter()) {
            *sum = line.iter().zip(cosines).map(|(grey, cosine)| grey * cosine).sum();
        }
    }
    let mut frequencies = [0f32; FREQUENCIES * FREQUENCIES];
    for (k, frequency) in frequencies.iter_mut().enumerate() {
        let cosines = &COSINES[k / FREQUENCIES];
        *frequency = by_row.iter().zip(cosines).map(|(row, cosine)| row[k % FREQUENCIES] * cosine).sum();
    }
    let mut sorted = frequencies;
    sorted[1..].sort_by(f32::total_cmp);
    let median = sorted[1 + (frequencies.len() - 1) / 2];
    let brighter = frequencies[0] > 127.5 * TINY_EDGE as f32;
    frequencies[1..]
        .iter()
        .map(|frequency| *frequency > median + NOISE)
        .enumerate()
        .fold(u64::from(brighter), |bits, (k, set)| bits | (u64::from(set) << (k + 1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn groups_are_those_of_all_pairs(seeds in prop::collection::vec((0u64..4, 0u64..64, 0u64..64), 0..40), distance in 0u32..6) {
            let hashes: Vec<(usize, u64)> = seeds
                .iter()
                .enumerate()
                .map(|(id, (base, a, b))| (id, base.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (1 << a) ^ (1 << b)))
                .collect();
            let mut expected: Vec<Vec<usize>> = Vec::new();
            let mut seen = vec![false; hashes.len()];
            for start in 0..hashes.len() {
                if seen[start] { continue; }
                let (mut group, mut next) = (vec![start], 0);
                seen[start] = true;
                while next < group.len() {
                    for other in 0..hashes.len() {
                        if !seen[other] && hamming(hashes[group[next]].1, hashes[other].1) <= distance {
                            seen[other] = true;
                            group.push(other);
                        }
                    }
                    next += 1;
                }
                group.sort_unstable();
                if group.len() > 1 { expected.push(group); }
            }
            prop_assert_eq!(near_duplicates(&hashes, distance), expected);
        }
    }

    fn flat(rgb: [u8; 3]) -> Look {
        Look { width: 1, height: 1, phash: 0, blank: true, grid: rgb.repeat(GRID_EDGE * GRID_EDGE) }
    }

    #[test]
    fn colours_are_as_far_apart_as_the_standard_says() {
        // L*a*b* of sRGB red is 53.24, 80.09, 67.20; of green 87.73, -86.18, 83.18; of blue 32.30, 79.19, -107.86.
        for (rgb, expected) in [([255, 0, 0], [53.24, 80.09, 67.20]), ([0, 0, 255], [32.30, 79.19, -107.86])] {
            assert!(lab(rgb).iter().zip(expected).all(|(is, should)| (is - should).abs() < 0.05), "{:?}", lab(rgb));
        }
        let distance = |a, b| colour_distance(&flat(a), &flat(b));
        assert!(distance([7, 90, 200], [7, 90, 200]) == 0.0);
        assert!((distance([0, 0, 0], [255, 255, 255]) - 100.0).abs() < 0.05);
        assert!((258.0..259.0).contains(&distance([0, 255, 0], [0, 0, 255])));
    }

    #[test]
    fn every_distance_is_allowed() {
        assert_eq!(near_duplicates(&[('a', 0), ('b', u64::MAX)], 64), [['a', 'b']]);
        assert!(near_duplicates(&[('a', 0), ('b', 1)], 0).is_empty());
        assert_eq!(near_duplicates(&[('a', 7), ('b', 1), ('c', 7)], 0), [['a', 'c']]);
    }
}
