//! Examples out of jobs: each picture that was not rejected, with what it was made from, its caption, and a row that points back to
//! task, call, cost, reviewer and licence. Reads rows and looks at files; writes nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use imagemill_domain::asset::{Asset, AssetId};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::job::Job;
use imagemill_domain::plan::prompt_of;
use imagemill_domain::review::{Review, Verdict};
use imagemill_domain::save_rule::SaveRule;
use imagemill_domain::task::{SourcePicture, Task};
use imagemill_domain::template::Template;
use imagemill_imaging::{Bytes, facts, phash_of, probe};
use imagemill_store::{Files, Store};
use serde_json::{Map, Value, json};

use super::captions::CaptionRule;
use super::card::CardWords;
use super::item::{Dataset, DatasetError, Item, Picture, Rights, Split, named};
use super::likeness::{self, Likeness};
use super::table::{Kind, columns};
use super::write::side_by_side;
use crate::clean;
use crate::error::ExportError;
use crate::feed::{Feed, Group, Pick};
use crate::naming::pair_stem;
use crate::request::Selection;
use crate::save::blocking;

/// The columns of a picture's row, behind those of its files.
pub(crate) const COLUMNS: [(&str, Kind); 31] = [
    ("caption", Kind::Text),
    ("split", Kind::Text),
    ("width", Kind::Whole),
    ("height", Kind::Whole),
    ("format", Kind::Text),
    ("bytes", Kind::Whole),
    ("sha256", Kind::Text),
    ("blake3", Kind::Text),
    ("phash", Kind::Text),
    ("findings", Kind::Texts),
    ("job", Kind::Text),
    ("recipe", Kind::Text),
    ("task", Kind::Whole),
    ("task_key", Kind::Text),
    ("attempt", Kind::Whole),
    ("sample", Kind::Whole),
    ("result_index", Kind::Whole),
    ("prompt", Kind::Text),
    ("profile", Kind::Text),
    ("model", Kind::Text),
    ("call", Kind::Whole),
    ("cost_usd", Kind::Real),
    ("created", Kind::Text),
    ("sources", Kind::Texts),
    ("source_blake3", Kind::Texts),
    ("verdict", Kind::Text),
    ("rating", Kind::Whole),
    ("reviewers", Kind::Texts),
    ("license", Kind::Text),
    ("text_license", Kind::Text),
    ("attribution", Kind::Text),
];

/// Longest stem that is made from a prompt, in characters.
const SLUG_CHARS: usize = 60;
/// Suffixes under which a mask is looked for.
const MASKS: [&str; 6] = ["png", "jpg", "jpeg", "webp", "bmp", "tif"];

/// What to gather.
#[derive(Debug)]
pub struct PictureRequest<'a> {
    /// The rows.
    pub store: &'a Store,
    /// The originals.
    pub files: &'a Files,
    /// The jobs, in this order.
    pub jobs: Vec<Job>,
    /// How captions are made.
    pub captions: CaptionRule,
    /// Folder with one mask for each picture.
    pub masks: Option<PathBuf>,
    /// Only pictures that a reviewer kept.
    pub only_kept: bool,
    /// Only the first picture of each task.
    pub only_first: bool,
    /// Whether sources go along.
    pub controls: bool,
    /// What is done about look-alikes.
    pub likeness: Likeness,
    /// Licence and names.
    pub rights: Rights,
}

/// Gathers the examples of jobs.
///
/// # Errors
/// No picture at all; captions or masks that are missing, all at once; a source that cannot be read or has changed.
pub async fn pictures(request: PictureRequest<'_>) -> Result<Dataset, DatasetError> {
    let PictureRequest { store, files, jobs, captions, masks, only_kept, only_first, controls, likeness, rights } =
        request;
    let template =
        Template::parse(&captions.template).map_err(|source| ExportError::Template { key: "caption", source })?;
    let rule = SaveRule { only_kept, only_first, ..SaveRule::default() };
    let mut gathered = Gathered {
        captions: &captions,
        template,
        rights: &rights,
        controls,
        stems: HashSet::new(),
        items: Vec::new(),
        captionless: Vec::new(),
    };
    for job in &jobs {
        let mut feed = Feed::new(store, job.id, &Selection::Job, &rule, true).await?;
        loop {
            let groups = feed.next().await?;
            if groups.is_empty() {
                break;
            }
            let ids: Vec<AssetId> =
                groups.iter().flat_map(|group| group.results.iter().map(|pick| pick.asset.id)).collect();
            let mut reviews: HashMap<AssetId, Vec<Review>> = HashMap::new();
            for review in store.reviews().for_assets(ids).await? {
                reviews.entry(review.asset).or_default().push(review);
            }
            for group in &groups {
                gathered.add(job, group, &reviews, files)?;
            }
        }
    }
    let Gathered { items, captionless, .. } = gathered;
    if !captionless.is_empty() && !captions.leave_out {
        let (count, names) = named(&captionless);
        return Err(DatasetError::Captionless { count, names });
    }
    let name = jobs.iter().map(|job| job.name.as_str()).collect::<Vec<_>>().join("-");
    blocking(move || settle(name, items, masks.as_deref(), likeness, rights, captions.trigger)).await
}

struct Gathered<'a> {
    captions: &'a CaptionRule,
    template: Template,
    rights: &'a Rights,
    controls: bool,
    stems: HashSet<String>,
    items: Vec<Item>,
    captionless: Vec<String>,
}

impl Gathered<'_> {
    fn add(
        &mut self,
        job: &Job,
        group: &Group,
        reviews: &HashMap<AssetId, Vec<Review>>,
        files: &Files,
    ) -> Result<(), DatasetError> {
        let task = &group.task;
        let prompt = prompt_of(&job.definition, &task.spec);
        let (title, base) = names(task, &prompt);
        for pick in &group.results {
            let asset = &pick.asset;
            let model = pick.made.as_ref().map_or(&job.definition.model, |made| &made.model);
            let values = BTreeMap::from([
                ("prompt", prompt.clone().into_owned()),
                ("src_name", title.clone()),
                ("src_stem", base.clone()),
                ("job", job.name.clone()),
                ("model", model.clone()),
            ]);
            let caption = self.captions.caption(&self.template, &task.spec.columns, &values);
            let caption = caption.map_err(|source| ExportError::Template { key: "caption", source })?;
            if caption.is_empty() {
                self.captionless.push(title.clone());
                continue;
            }
            let reviews = reviews.get(&asset.id).map_or(&[][..], Vec::as_slice);
            let fields = row(job, task, pick, &prompt, reviews, self.rights);
            let controls = if self.controls { task.spec.pictures.iter().map(control).collect() } else { Vec::new() };
            let stem = self.free(&base);
            let facts = &asset.facts;
            let picture = Picture {
                path: files.original_path(&facts.blake3, facts.format),
                blake3: facts.blake3,
                sha256: Some(facts.sha256),
                format: facts.format,
                bytes: facts.bytes,
                phash: Some(facts.phash),
            };
            let kept = reviews.iter().any(|review| review.verdict == Verdict::Keep);
            let worth = u8::from(kept) * 8 + reviews.iter().map(|review| review.rating).max().unwrap_or(0);
            let split = Split::Train;
            self.items.push(Item {
                stem,
                title: title.clone(),
                picture,
                controls,
                mask: None,
                caption,
                worth,
                split,
                fields,
            });
        }
        Ok(())
    }

    /// The stem itself, or with the first number that makes it another. Letters without regard to case, as some systems have it.
    fn free(&mut self, base: &str) -> String {
        let mut numbered = (2_u64..).map(|number| format!("{base}_{number}"));
        let mut stem = base.to_owned();
        while !self.stems.insert(stem.to_lowercase()) {
            stem = numbered.next().unwrap_or_default();
        }
        stem
    }
}

/// What a person knows the task by, and the stem of its files: no dots, because what follows the first dot of a name in a tar file is
/// its kind.
fn names(task: &Task, prompt: &str) -> (String, String) {
    let Some(source) = task.spec.pictures.first() else {
        return (task.spec.title(), clean::slug(prompt, SLUG_CHARS));
    };
    let name = source.name.rsplit_once('/').map_or(source.name.as_str(), |(_, name)| name);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let stem = clean::part(pair_stem(stem)).replace('.', "_");
    (source.name.clone(), if stem.is_empty() { "picture".to_owned() } else { stem })
}

/// A source; its type and look are found when all are gathered.
fn control(source: &SourcePicture) -> Picture {
    let format = imagemill_domain::picture::PictureFormat::Png;
    Picture { path: PathBuf::from(&source.path), blake3: source.blake3, sha256: None, format, bytes: 0, phash: None }
}

fn row(job: &Job, task: &Task, pick: &Pick, prompt: &str, reviews: &[Review], rights: &Rights) -> Map<String, Value> {
    let Asset { facts, .. } = &pick.asset;
    let sources: Vec<&str> = task.spec.pictures.iter().map(|source| source.name.as_str()).collect();
    let hashes: Vec<String> = task.spec.pictures.iter().map(|source| source.blake3.to_hex()).collect();
    let made = pick.made.as_ref();
    let verdict = reviews.iter().any(|review| review.verdict == Verdict::Keep).then_some("keep");
    let of_list = |column: &str, own: &Option<String>| {
        task.spec.columns.get(column).filter(|text| !text.is_empty()).cloned().or_else(|| own.clone())
    };
    let row = json!({
        "width": facts.width, "height": facts.height, "format": facts.format.word(), "bytes": facts.bytes,
        "sha256": facts.sha256, "blake3": facts.blake3, "phash": format!("{:016x}", facts.phash),
        "findings": pick.asset.findings.iter().map(imagemill_domain::picture::Finding::word).collect::<Vec<_>>(),
        "job": job.name, "recipe": job.definition.file.recipe.word(), "task": task.id.0, "task_key": task.key,
        "attempt": task.attempt, "sample": task.spec.sample + 1, "result_index": pick.asset.index, "prompt": prompt,
        "profile": made.map_or(&job.definition.profile.name, |made| &made.profile),
        "model": made.map_or(&job.definition.model, |made| &made.model),
        "call": pick.asset.call.0, "cost_usd": made.and_then(|made| made.cost).map(|cost| cost.micros as f64 / 1e6),
        "created": crate::session::rfc3339(pick.asset.created_us), "sources": sources, "source_blake3": hashes,
        "verdict": verdict, "rating": reviews.iter().map(|review| review.rating).max().filter(|rating| *rating > 0),
        "reviewers": reviews.iter().map(|review| review.reviewer.as_str()).collect::<Vec<_>>(),
        "license": of_list("license", &rights.license), "text_license": rights.text_license,
        "attribution": of_list("attribution", &rights.attribution),
    });
    match row {
        Value::Object(row) => row,
        _ => Map::new(),
    }
}

/// Everything that needs files: types and looks of sources, masks, look-alikes, the split.
fn settle(
    name: String,
    mut items: Vec<Item>,
    masks: Option<&Path>,
    likeness: Likeness,
    rights: Rights,
    trigger: Option<String>,
) -> Result<Dataset, DatasetError> {
    let removed = likeness.bits.map_or(0, |bits| likeness::thin(&mut items, bits));
    if items.is_empty() {
        return Err(DatasetError::Empty);
    }
    let looks = likeness.validation > 0.0;
    look_at_sources(&mut items, looks)?;
    if let Some(folder) = masks {
        find_masks(&mut items, folder)?;
    }
    likeness::part(&mut items, &likeness);
    for item in &mut items {
        item.fields.insert("split".to_owned(), item.split.word().into());
    }
    let bits = (likeness.bits.is_some() || looks).then(|| likeness.apart());
    let columns = columns(&COLUMNS);
    Ok(Dataset {
        name,
        of_critiques: false,
        columns,
        items,
        rights,
        trigger,
        removed,
        bits,
        words: CardWords::default(),
    })
}

/// Each source once, on all processors.
fn look_at_sources(items: &mut [Item], looks: bool) -> Result<(), DatasetError> {
    let mut sources: BTreeMap<(ContentHash, PathBuf), String> = BTreeMap::new();
    for item in items.iter() {
        for control in &item.controls {
            sources.entry((control.blake3, control.path.clone())).or_insert_with(|| item.title.clone());
        }
    }
    let sources: Vec<((ContentHash, PathBuf), String)> = sources.into_iter().collect();
    let found = side_by_side(&sources, |((_, path), name)| {
        let wrong = |error: imagemill_imaging::ImageError| DatasetError::Picture {
            name: name.clone(),
            message: error.to_string(),
        };
        let probe = probe(Bytes::File(path)).map_err(wrong)?;
        let phash = looks.then(|| phash_of(path)).transpose().map_err(wrong)?;
        Ok((probe.format, probe.bytes, phash))
    })?;
    let known: HashMap<&(ContentHash, PathBuf), _> = sources.iter().map(|(key, _)| key).zip(found).collect();
    for control in items.iter_mut().flat_map(|item| &mut item.controls) {
        if let Some((format, bytes, phash)) = known.get(&(control.blake3, control.path.clone())) {
            (control.format, control.bytes, control.phash) = (*format, *bytes, *phash);
        }
    }
    Ok(())
}

/// A mask has the name of the source, of its stem without `start`, or of the exported picture.
fn find_masks(items: &mut [Item], folder: &Path) -> Result<(), DatasetError> {
    let mut missing = Vec::new();
    for item in items {
        let source = item.title.rsplit_once('/').map_or(item.title.as_str(), |(_, name)| name);
        let source = source.rsplit_once('.').map_or(source, |(stem, _)| stem);
        let stems = [source, pair_stem(source), &item.stem];
        let paths =
            stems.iter().flat_map(|stem| MASKS.iter().map(move |suffix| folder.join(format!("{stem}.{suffix}"))));
        let Some(path) = paths.into_iter().find(|path| path.is_file()) else {
            missing.push(item.title.clone());
            continue;
        };
        let wrong = |error: imagemill_imaging::ImageError| DatasetError::Picture {
            name: path.display().to_string(),
            message: error.to_string(),
        };
        let (blake3, probe) = facts(&path).map_err(wrong)?;
        item.mask = Some(Picture { path, blake3, sha256: None, format: probe.format, bytes: probe.bytes, phash: None });
    }
    if missing.is_empty() {
        return Ok(());
    }
    let (count, names) = named(&missing);
    Err(DatasetError::Maskless { count, names })
}
