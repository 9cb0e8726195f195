//! Pictures that are looked at together, and the approved one that they are held against: those of an asset beside its hero, or those of
//! all assets of a persona beside the persona's approved face; and how far each is from it. Changes nothing.

use std::ffi::OsStr;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use imagemill_imaging::{Look, colour_distance, hamming, upright_look_of};
use serde::Serialize;
use serde_json::{Value, json};

use crate::folder::{AssetFolder, FolderError};
use crate::index::text;
use crate::judge::{Standing, standing};

/// Pictures that are looked at together.
#[derive(Clone, Debug)]
pub struct PictureSet {
    /// The asset or the persona.
    pub name: String,
    /// The picture that the others are held against; nothing was approved yet when there is none.
    pub reference: Option<PathBuf>,
    /// All others but the rejected ones, by asset and name.
    pub members: Vec<Member>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Member {
    /// The asset.
    pub asset: String,
    /// Where the file is.
    pub file: PathBuf,
    /// Where it stands in review.
    pub standing: Standing,
}

/// How far a picture is from the reference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Distance {
    /// Bits in which the perceptual hashes differ: 0 to 64. Unrelated pictures differ in about 32.
    pub perceptual_bits: u32,
    /// Mean ΔE*ab over 16×16 cells, rounded to a tenth: 0 to 259; 2.3 can just be seen.
    pub colour_delta_e: f32,
}

/// The set of one asset.
pub fn asset_set(folder: &AssetFolder) -> Result<PictureSet, FolderError> {
    let card = folder.json("asset.json")?.unwrap_or_default();
    let members = members(folder, &card)?;
    let hero = members.iter().find(|member| member.standing.hero).map(|member| member.file.clone());
    Ok(PictureSet { name: asset_of(folder, &card), members: others(members, hero.as_deref()), reference: hero })
}

/// The set of a persona: its face is the hero of its `persona_candidate`, the one that was approved last when there are several.
/// `None` when no asset is the persona's.
pub fn persona_set(folders: &[AssetFolder], persona: &str) -> Result<Option<PictureSet>, FolderError> {
    let (mut all, mut faces) = (Vec::new(), Vec::new());
    let mut found = false;
    for folder in folders {
        let card = folder.json("asset.json")?.unwrap_or_default();
        if text(&card, "personaId") != Some(persona) {
            continue;
        }
        found = true;
        let members = members(folder, &card)?;
        let hero = members.iter().find(|member| member.standing.hero);
        if let Some(hero) = hero.filter(|_| text(&card, "assetPurpose") == Some("persona_candidate")) {
            faces.push((text(&card, "updatedAt").unwrap_or_default().to_owned(), hero.file.clone()));
        }
        all.extend(members);
    }
    let reference = faces.into_iter().max().map(|(_, file)| file);
    let members = others(all, reference.as_deref());
    Ok(found.then(|| PictureSet { name: persona.to_owned(), reference, members }))
}

fn asset_of(folder: &AssetFolder, card: &Value) -> String {
    let named = folder.root().file_name().unwrap_or_default().to_string_lossy();
    text(card, "assetId").map_or_else(|| named.into_owned(), str::to_owned)
}

fn members(folder: &AssetFolder, card: &Value) -> Result<Vec<Member>, FolderError> {
    let asset = asset_of(folder, card);
    let member = |standing: Standing| Member { asset: asset.clone(), file: folder.path(&standing.path), standing };
    Ok(standing(folder)?.into_iter().filter(|one| one.folder() != "rejected").map(member).collect())
}

fn others(members: Vec<Member>, reference: Option<&Path>) -> Vec<Member> {
    members.into_iter().filter(|member| Some(member.file.as_path()) != reference).collect()
}

/// A set with what was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The pictures.
    pub set: PictureSet,
    /// In the order of the members, or why one cannot be measured; empty when nothing is approved.
    pub distances: Vec<Result<Distance, String>>,
}

impl Measured {
    /// Measures a set.
    ///
    /// # Errors
    /// The reference cannot be read.
    pub fn of(set: PictureSet) -> Result<Self, String> {
        let distances = match &set.reference {
            None => Vec::new(),
            Some(reference) => drift(reference, &set.members)?,
        };
        Ok(Self { set, distances })
    }

    /// How many could not be measured.
    pub fn failures(&self) -> usize {
        self.distances.iter().filter(|distance| distance.is_err()).count()
    }

    /// Smallest, middle and largest of a set's numbers.
    fn spread(&self, number: impl Fn(&Distance) -> f32) -> Option<[f32; 3]> {
        let mut all: Vec<f32> = self.distances.iter().flatten().map(number).collect();
        all.sort_by(f32::total_cmp);
        Some([*all.first()?, all[all.len() / 2], *all.last()?])
    }

    /// For machines. Numbers of colour have one digit behind the point.
    pub fn document(&self) -> Value {
        let picture = |(at, member): (usize, &Member)| {
            let measured = self.distances.get(at);
            let distance = measured.and_then(|distance| distance.as_ref().ok());
            json!({
                "asset": member.asset, "path": member.standing.path, "object": member.standing.object,
                "sha256": member.standing.sha256, "verdict": member.standing.verdict, "waits": member.standing.waits,
                "perceptual_bits": distance.map(|distance| distance.perceptual_bits),
                "colour_delta_e": distance.map(|distance| tenth(distance.colour_delta_e)),
                "error": measured.and_then(|distance| distance.as_ref().err()),
            })
        };
        let spread = |found: Option<[f32; 3]>| {
            found.map(
                |[least, middle, most]| json!({ "least": tenth(least), "middle": tenth(middle), "most": tenth(most) }),
            )
        };
        let reference = self.set.reference.as_deref().and_then(Path::file_name).map(OsStr::to_string_lossy);
        json!({
            "name": self.set.name, "reference": reference,
            "pictures": self.set.members.iter().enumerate().map(picture).collect::<Vec<_>>(),
            "perceptual_bits": spread(self.spread(|distance| distance.perceptual_bits as f32)),
            "colour_delta_e": spread(self.spread(|distance| distance.colour_delta_e)),
        })
    }

    /// What the numbers mean.
    pub fn units() -> Value {
        json!({
            "perceptual_bits": { "unit": "differing bits of a 64-bit perceptual hash of the brightness", "range": [0, 64], "unrelated": 32 },
            "colour_delta_e": { "unit": "mean CIE 1976 ΔE*ab over 16×16 cells, D65", "range": [0, 259], "just_visible": 2.3 },
        })
    }
}

/// As it is shown, without the noise of a number of 32 bits.
fn tenth(number: f32) -> f64 {
    (f64::from(number) * 10.0).round() / 10.0
}

/// The distance of each member from `reference`, in their order; a picture that cannot be read has the reason instead.
///
/// # Errors
/// The reference cannot be read.
fn drift(reference: &Path, members: &[Member]) -> Result<Vec<Result<Distance, String>>, String> {
    let to = upright_look_of(reference).map_err(|error| error.to_string())?;
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(members.len()).max(1);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(member) = members.get(at) else { return done };
            let look = upright_look_of(&member.file).map_err(|error| error.to_string());
            done.push((at, look.map(|look| distance(&to, &look))));
        }
    };
    let mut all: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().map(|(_, distance)| distance).collect())
}

fn distance(a: &Look, b: &Look) -> Distance {
    let colour_delta_e = (colour_distance(a, b) * 10.0).round() / 10.0;
    Distance { perceptual_bits: hamming(a.phash, b.phash), colour_delta_e }
}
