//! The forms of a data set: which files a trainer or reader wants, where, and with what in them. Pure; sources of the rules:
//! kohya-ss/sd-scripts docs/config_README-en.md and masked_loss_README.md, ostris/ai-toolkit config/examples, huggingface.co/docs/datasets
//! image_dataset, webdataset/webdataset README.

use std::fmt::Write as _;

use imagemill_domain::picture::PictureFormat;
use serde_json::{Map, Value};

use super::captions::filled;
use super::card;
use super::item::{Dataset, DatasetError, Item, Picture, Split, named};
use super::piece::Piece;
use super::table::{Column, Kind, csv_head, csv_line, line};
use super::write::FormOptions;

/// A form of data sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Folders and TOML of kohya's sd-scripts.
    Kohya,
    /// Folders and YAML of ai-toolkit.
    AiToolkit,
    /// Pictures with metadata, as Hugging Face's `imagefolder` reads them.
    ImageFolder,
    /// Tar files of examples.
    WebDataset,
    /// Tables with the pictures inside.
    Parquet,
    /// Lines of JSON beside a folder of pictures.
    Jsonl,
    /// CSV beside a folder of pictures.
    Csv,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 7] =
        [Self::Kohya, Self::AiToolkit, Self::ImageFolder, Self::WebDataset, Self::Parquet, Self::Jsonl, Self::Csv];

    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kohya => "kohya",
            Self::AiToolkit => "ai-toolkit",
            Self::ImageFolder => "imagefolder",
            Self::WebDataset => "webdataset",
            Self::Parquet => "parquet",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }

    /// From its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.word() == word)
    }

    /// Whether pictures have texts beside them, which a person may change.
    pub(crate) fn has_texts(self) -> bool {
        matches!(self, Self::Kohya | Self::AiToolkit)
    }
}

/// Most pictures that ai-toolkit takes beside one.
const MOST_CONTROLS: usize = 3;
/// Longest word in the name of kohya's folder.
const WORD_CHARS: usize = 60;

/// The files of a data set in a form, without `dataset.json`.
pub(crate) fn pieces(set: &Dataset, options: &FormOptions) -> Result<Vec<Piece>, DatasetError> {
    let mut pieces = match options.form {
        Form::Kohya => kohya(set, options)?,
        Form::AiToolkit => ai_toolkit(set)?,
        Form::ImageFolder => image_folder(set, options),
        Form::WebDataset => shards(set, options),
        Form::Parquet => parquet(set, options),
        Form::Jsonl | Form::Csv => beside(set, options),
    };
    if options.form.has_texts() {
        let rows = set.items.iter().map(|item| line(&set.columns, &row(set, item)));
        pieces.push(Piece::Text { file: "items.jsonl".to_owned(), text: rows.collect() });
    }
    pieces.push(Piece::Text { file: "README.md".to_owned(), text: card::card(set, options) });
    Ok(pieces)
}

/// The text beside an item's picture, where the form has one.
pub(crate) fn text_file(set: &Dataset, options: &FormOptions, item: &Item) -> Option<String> {
    match options.form {
        Form::Kohya => Some(format!("{}/{}.txt", kohya_folder(set, options, item.split), item.stem)),
        Form::AiToolkit => Some(format!("{}/images/{}.txt", item.split.word(), item.stem)),
        _ => None,
    }
}

/// An item's row with its caption as it is written.
pub(crate) fn row(set: &Dataset, item: &Item) -> Map<String, Value> {
    let mut row = item.fields.clone();
    if !set.of_critiques {
        row.insert("caption".to_owned(), filled(&item.caption, set.trigger.as_deref()).into());
    }
    row
}

fn named_by(item: &Item, picture: &Picture) -> String {
    format!("{}.{}", item.stem, picture.format.extension())
}

fn copy(picture: &Picture, folder: &str, item: &Item) -> Piece {
    Piece::Copy { picture: picture.clone(), file: format!("{folder}/{}", named_by(item, picture)) }
}

/// kohya's folder of a part: repeats and the word, as its own convention has it; the TOML names the same folder.
fn kohya_folder(set: &Dataset, options: &FormOptions, split: Split) -> String {
    let word = crate::clean::slug(set.trigger.as_deref().unwrap_or(&set.name), WORD_CHARS).replace('-', " ");
    let repeats = if split == Split::Train { options.repeats } else { 1 };
    format!("{}/{repeats}_{word}", split.word())
}

fn kohya(set: &Dataset, options: &FormOptions) -> Result<Vec<Piece>, DatasetError> {
    let masks = set.items.iter().any(|item| item.mask.is_some());
    let controls = set.items.iter().any(|item| !item.controls.is_empty());
    if masks && controls {
        let message = "sd-scripts reads masks and control pictures from the same folder, so a set has one of them; add --no-controls or leave --masks out";
        return Err(DatasetError::Unfit(message.to_owned()));
    }
    let many: Vec<String> =
        set.items.iter().filter(|item| item.controls.len() > 1).map(|item| item.title.clone()).collect();
    if !many.is_empty() {
        let (count, names) = named(&many);
        return Err(DatasetError::Unfit(format!(
            "sd-scripts takes one control picture, and these have more ({count}): {names}; add --no-controls"
        )));
    }
    let mut pieces = Vec::new();
    for split in Split::ALL {
        let part = set.part(split);
        if part.is_empty() {
            continue;
        }
        let folder = kohya_folder(set, options, split);
        let conditioning = format!("{}_conditioning", split.word());
        for at in part {
            let item = &set.items[at];
            pieces.push(readable(&item.picture, &folder, item, &SD_SCRIPTS));
            let text = filled(&item.caption, set.trigger.as_deref());
            pieces.push(Piece::Text { file: format!("{folder}/{}.txt", item.stem), text });
            pieces.extend(
                item.mask.iter().chain(&item.controls).map(|beside| readable(beside, &conditioning, item, &SD_SCRIPTS)),
            );
        }
        let beside = (masks || controls).then_some(conditioning.as_str());
        let file = if split == Split::Train { "dataset.toml" } else { "validation.toml" };
        pieces.push(Piece::Text { file: file.to_owned(), text: kohya_toml(&folder, beside, set, options, split) });
    }
    Ok(pieces)
}

fn kohya_toml(folder: &str, beside: Option<&str>, set: &Dataset, options: &FormOptions, split: Split) -> String {
    let repeats = if split == Split::Train { options.repeats } else { 1 };
    let quoted = |text: &str| Value::from(text).to_string();
    let mut text = format!(
        "# Paths are from this folder: run sd-scripts in it, or put its path before them.\n[general]\ncaption_extension = \".txt\"\nenable_bucket = true\n\n\
         [[datasets]]\nresolution = {}\nbatch_size = {}\n\n  [[datasets.subsets]]\n  image_dir = {}\n  num_repeats = {repeats}\n",
        options.resolution,
        options.batch_size,
        quoted(folder)
    );
    if let Some(word) = &set.trigger {
        let _ = writeln!(text, "  class_tokens = {}", quoted(word));
    }
    if let Some(beside) = beside {
        let _ = writeln!(text, "  conditioning_data_dir = {}", quoted(beside));
    }
    text
}

/// Types that ai-toolkit reads, and those of sd-scripts.
const TOOLKIT: [PictureFormat; 2] = [PictureFormat::Png, PictureFormat::Jpeg];
const SD_SCRIPTS: [PictureFormat; 4] =
    [PictureFormat::Png, PictureFormat::Jpeg, PictureFormat::Webp, PictureFormat::Bmp];

/// A copy of a picture, as PNG when its type is none of these.
fn readable(picture: &Picture, folder: &str, item: &Item, types: &[PictureFormat]) -> Piece {
    if types.contains(&picture.format) {
        copy(picture, folder, item)
    } else {
        Piece::Png { picture: picture.clone(), file: format!("{folder}/{}.png", item.stem) }
    }
}

fn ai_toolkit(set: &Dataset) -> Result<Vec<Piece>, DatasetError> {
    let most = set.items.iter().map(|item| item.controls.len()).max().unwrap_or(0);
    let uneven: Vec<String> =
        set.items.iter().filter(|item| item.controls.len() != most).map(|item| item.title.clone()).collect();
    if most > MOST_CONTROLS || !uneven.is_empty() {
        let (count, names) = named(&uneven);
        let message = if most > MOST_CONTROLS {
            format!("ai-toolkit takes up to three control pictures, and here are {most}; add --no-controls")
        } else {
            format!(
                "ai-toolkit needs as many control pictures for each picture, {most} here, and these have another number ({count}): {names}; add --no-controls, or export those jobs apart"
            )
        };
        return Err(DatasetError::Unfit(message));
    }
    let masks = set.items.iter().any(|item| item.mask.is_some());
    let mut pieces = Vec::new();
    for split in Split::ALL {
        for at in set.part(split) {
            let item = &set.items[at];
            let folder = |kind: &str| format!("{}/{kind}", split.word());
            pieces.push(readable(&item.picture, &folder("images"), item, &TOOLKIT));
            pieces.push(Piece::Text {
                file: format!("{}/{}.txt", folder("images"), item.stem),
                text: item.caption.clone(),
            });
            for (number, control) in item.controls.iter().enumerate() {
                pieces.push(readable(control, &folder(&control_folder(number, most)), item, &TOOLKIT));
            }
            pieces.extend(item.mask.iter().map(|mask| readable(mask, &folder("masks"), item, &TOOLKIT)));
        }
    }
    let mut yaml = String::from("# Put this into the config of a training run; paths are from this folder.\n");
    if let Some(word) = &set.trigger {
        let _ = writeln!(yaml, "trigger_word: {}", Value::from(word.as_str()));
    }
    yaml += "datasets:\n  - folder_path: \"train/images\"\n    caption_ext: \"txt\"\n    cache_latents_to_disk: true\n    resolution: [512, 768, 1024]\n";
    let paths: Vec<String> = (0..most).map(|number| format!("\"train/{}\"", control_folder(number, most))).collect();
    let _ = match paths.as_slice() {
        [] => Ok(()),
        [one] => writeln!(yaml, "    control_path: {one}"),
        several => writeln!(yaml, "    control_path: [{}]", several.join(", ")),
    };
    if masks {
        yaml += "    mask_path: \"train/masks\"\n";
    }
    pieces.push(Piece::Text { file: "ai-toolkit.yaml".to_owned(), text: yaml });
    Ok(pieces)
}

fn control_folder(number: usize, of: usize) -> String {
    if of == 1 { "control".to_owned() } else { format!("control_{}", number + 1) }
}

/// The pictures of an item with the column that each is in.
pub(crate) fn picture_columns(set: &Dataset) -> Vec<String> {
    let most = set.items.iter().map(|item| item.controls.len()).max().unwrap_or(0);
    let masks = set.items.iter().any(|item| item.mask.is_some());
    let controls = (0..most).map(|number| control_folder(number, most));
    std::iter::once("image".to_owned()).chain(controls).chain(masks.then(|| "mask".to_owned())).collect()
}

/// The pictures of an item in the order of [`picture_columns`].
pub(crate) fn pictures_of<'a>(item: &'a Item, columns: &[String]) -> Vec<Option<&'a Picture>> {
    columns
        .iter()
        .enumerate()
        .map(|(at, name)| match name.as_str() {
            "image" => Some(&item.picture),
            "mask" => item.mask.as_ref(),
            _ => item.controls.get(at - 1),
        })
        .collect()
}

/// Columns that name the files of pictures, in front of the others.
fn with_files(set: &Dataset, pictures: &[String]) -> Vec<Column> {
    let file = |name: &String| if name == "image" { "file_name".to_owned() } else { format!("{name}_file_name") };
    let files = pictures.iter().map(|name| Column { name: file(name), kind: Kind::Text });
    files.chain(set.columns.iter().cloned()).collect()
}

/// Copies of a part's pictures below `folder`, and the rows that name them from `base`.
fn pictures_and_rows(set: &Dataset, split: Split, folder: &str, base: &str) -> (Vec<Piece>, Vec<Map<String, Value>>) {
    let columns = picture_columns(set);
    let named = with_files(set, &columns);
    let (mut pieces, mut rows) = (Vec::new(), Vec::new());
    for at in set.part(split) {
        let item = &set.items[at];
        let mut row = row(set, item);
        for (number, picture) in pictures_of(item, &columns).into_iter().enumerate() {
            let Some(picture) = picture else { continue };
            let below = if number == 0 { folder.to_owned() } else { format!("{folder}/{}", columns[number]) };
            let piece = copy(picture, &below, item);
            let name = piece.file().strip_prefix(base).unwrap_or(piece.file()).trim_start_matches('/').to_owned();
            row.insert(named[number].name.clone(), name.into());
            pieces.push(piece);
        }
        rows.push(row);
    }
    (pieces, rows)
}

fn table(columns: &[Column], rows: &[Map<String, Value>], csv: bool) -> String {
    if csv {
        csv_head(columns) + &rows.iter().map(|row| csv_line(columns, row)).collect::<String>()
    } else {
        rows.iter().map(|row| line(columns, row)).collect()
    }
}

fn image_folder(set: &Dataset, options: &FormOptions) -> Vec<Piece> {
    let columns = with_files(set, &picture_columns(set));
    let mut pieces = Vec::new();
    for split in Split::ALL {
        let (pictures, rows) = pictures_and_rows(set, split, split.word(), split.word());
        if rows.is_empty() {
            continue;
        }
        pieces.extend(pictures);
        let suffix = if options.csv_metadata { "csv" } else { "jsonl" };
        let text = table(&columns, &rows, options.csv_metadata);
        pieces.push(Piece::Text { file: format!("{}/metadata.{suffix}", split.word()), text });
    }
    pieces
}

fn beside(set: &Dataset, options: &FormOptions) -> Vec<Piece> {
    let csv = options.form == Form::Csv;
    let mut pieces = Vec::new();
    for split in Split::ALL {
        let (pictures, rows) = pictures_and_rows(set, split, "pictures", "");
        if rows.is_empty() {
            continue;
        }
        let columns = if options.with_pictures { with_files(set, &picture_columns(set)) } else { set.columns.clone() };
        pieces.extend(pictures.into_iter().filter(|_| options.with_pictures));
        pieces.push(Piece::Text {
            file: format!("{}.{}", split.word(), options.form.word()),
            text: table(&columns, &rows, csv),
        });
    }
    pieces
}

/// Items in runs of at most so many bytes of pictures; an item is never parted.
fn runs(set: &Dataset, split: Split, most: u64) -> Vec<Vec<usize>> {
    let mut runs: Vec<(u64, Vec<usize>)> = Vec::new();
    for at in set.part(split) {
        let item = &set.items[at];
        let bytes: u64 =
            std::iter::once(&item.picture).chain(&item.controls).chain(&item.mask).map(|picture| picture.bytes).sum();
        match runs.last_mut().filter(|(held, _)| held + bytes <= most) {
            Some((held, run)) => {
                *held += bytes;
                run.push(at);
            }
            None => runs.push((bytes, vec![at])),
        }
    }
    runs.into_iter().map(|(_, run)| run).collect()
}

fn shards(set: &Dataset, options: &FormOptions) -> Vec<Piece> {
    let of = |split: Split| {
        let runs = runs(set, split, options.shard_bytes);
        runs.into_iter()
            .enumerate()
            .map(move |(number, items)| Piece::Shard { file: format!("{}-{number:06}.tar", split.word()), items })
    };
    Split::ALL.into_iter().flat_map(of).collect()
}

fn parquet(set: &Dataset, options: &FormOptions) -> Vec<Piece> {
    let with_pictures = options.with_pictures;
    let of = |split: Split| {
        let runs = if with_pictures { runs(set, split, options.shard_bytes) } else { vec![set.part(split)] };
        let runs: Vec<Vec<usize>> = runs.into_iter().filter(|run| !run.is_empty()).collect();
        let all = runs.len();
        runs.into_iter().enumerate().map(move |(number, items)| Piece::Parquet {
            file: format!("data/{}-{number:05}-of-{all:05}.parquet", split.word()),
            columns: set.columns.clone(),
            items,
            with_pictures,
        })
    };
    Split::ALL.into_iter().flat_map(of).collect()
}
