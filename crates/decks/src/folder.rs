//! A deck's folder: which file is where, what its packs say, and which pages stand. Reads only, but for [`write_whole`].

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use imagemill_domain::hash::ContentHash;
use imagemill_domain::picture::PictureFormat;
use imagemill_imaging::{PreparePolicy, Prepared, prepare};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::look;
use crate::outline::Outline;

/// What cannot be done with a deck's folder.
#[derive(Debug, thiserror::Error)]
pub enum DeckError {
    /// It is no deck.
    #[error("there is no task_pack.json in {0}; `--help` says what a deck's folder holds")]
    NoPack(PathBuf),
    /// A new deck's place is taken.
    #[error("there is a deck in {} already; go on with `imagemill deck run`, or name another folder", .0.display())]
    Exists(PathBuf),
    /// A file cannot be read.
    #[error("{} cannot be read: {why}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A file cannot be written.
    #[error("{} cannot be written: {why}", .path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// `task_pack.json`: what deck is wanted. Members that nobody knows are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskPack {
    /// Name of the deck and of its pptx file.
    #[serde(default)]
    pub deck_id: String,
    /// `creative`: one picture a page.
    #[serde(default)]
    pub ppt_mode: String,
    /// What the deck is for.
    #[serde(default)]
    pub params: DeckParams,
    /// When it was ordered, ISO 8601.
    #[serde(default)]
    pub created_at: String,
    /// Everything else.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// What a deck is for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeckParams {
    /// Who speaks.
    #[serde(default)]
    pub role: String,
    /// Who listens.
    #[serde(default)]
    pub audience: String,
    /// On what occasion.
    #[serde(default)]
    pub scene: String,
    /// Pages; a number, also as text.
    #[serde(default)]
    pub page_count: Value,
    /// `zh-Hans`, `zh-Hant`, `zh` or `en`.
    #[serde(default)]
    pub language: String,
    /// Everything else.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// The picture of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagePicture {
    /// Where.
    pub path: PathBuf,
    /// By its content.
    pub format: PictureFormat,
    /// Pixels, as stored: slides do not turn pictures.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// A deck's folder with its pack.
#[derive(Clone, Debug)]
pub struct DeckFolder {
    /// Where.
    pub root: PathBuf,
    /// What is wanted.
    pub pack: TaskPack,
}

impl DeckFolder {
    /// Opens a folder that has a `task_pack.json`.
    pub fn open(root: &Path) -> Result<Self, DeckError> {
        let path = root.join("task_pack.json");
        if !path.is_file() {
            return Err(DeckError::NoPack(root.to_path_buf()));
        }
        let text = read_text(&path)?;
        let pack = serde_json::from_str(&text)
            .map_err(|error| DeckError::Unreadable { path: path.clone(), why: error.to_string() })?;
        // However it was typed, it is the same deck: its jobs are known by this path.
        let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf());
        Ok(Self { root, pack })
    }

    /// The pack's name, else the folder's, fit for a file.
    pub fn deck_id(&self) -> String {
        let folder =
            || self.root.file_name().map_or_else(|| "deck".to_owned(), |name| name.to_string_lossy().into_owned());
        let name = if self.pack.deck_id.trim().is_empty() { folder() } else { self.pack.deck_id.trim().to_owned() };
        let safe: String = name
            .chars()
            .map(|letter| if letter.is_control() || "/\\:*?\"<>|".contains(letter) { '_' } else { letter })
            .take(120)
            .collect();
        match safe.trim_matches(['.', ' ']) {
            "" => "deck".to_owned(),
            name => name.to_owned(),
        }
    }

    /// The language of its words as a tag: `zh-Hans`, `zh-Hant` or `en`, whatever the pack calls it.
    pub fn language(&self) -> String {
        let told = self.pack.params.language.trim().to_ascii_lowercase();
        let language = match crate::outline::language(&told) {
            "en" => "en",
            _ if ["hant", "tw", "hk", "mo"].iter().any(|part| told.split(['-', '_']).any(|one| one == *part)) => {
                "zh-Hant"
            }
            _ => "zh-Hans",
        };
        language.to_owned()
    }

    /// Pages that are wanted; `None` when the pack does not say.
    pub fn page_count(&self) -> Option<u32> {
        match &self.pack.params.page_count {
            Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
        .filter(|count| *count > 0)
    }

    /// The outline; `None` when there is none yet.
    pub fn outline(&self) -> Result<Option<Outline>, DeckError> {
        let path = self.outline_path();
        if !path.is_file() {
            return Ok(None);
        }
        let text = read_text(&path)?;
        let outline = Outline::read(&text);
        outline.map(Some).map_err(|fault| DeckError::Unreadable { path, why: fault.message })
    }

    /// `style_spec.md`.
    pub fn style_path(&self) -> PathBuf {
        self.root.join("style_spec.md")
    }

    /// `outline.json`.
    pub fn outline_path(&self) -> PathBuf {
        self.root.join("outline.json")
    }

    /// `<deck_id>.pptx`.
    pub fn pptx_path(&self) -> PathBuf {
        self.root.join(format!("{}.pptx", self.deck_id()))
    }

    /// `<deck_id>.pdf`.
    pub fn pdf_path(&self) -> PathBuf {
        self.root.join(format!("{}.pdf", self.deck_id()))
    }

    /// `pages/page_003.prompt.txt`.
    pub fn prompt_path(&self, page_no: u32) -> PathBuf {
        self.root.join("pages").join(format!("page_{page_no:03}.prompt.txt"))
    }

    /// `pages/page_003.png`: the name that a picture of the page has, whatever its format.
    pub fn picture_path(&self, page_no: u32) -> PathBuf {
        self.root.join("pages").join(format!("page_{page_no:03}.png"))
    }

    /// What identifies the content of a page's picture.
    pub fn picture_hash(&self, page_no: u32) -> Option<ContentHash> {
        Some(look::at(&self.picture_path(page_no)).ok()?.content)
    }

    /// The page's picture: there, whole, and of a format that slides can show. Else why not.
    pub fn picture(&self, page_no: u32) -> Result<PagePicture, String> {
        let path = self.picture_path(page_no);
        let seen = look::at(&path)?;
        seen.shown.map(|(format, width, height)| PagePicture { path, format, width, height })
    }
}

/// Reads a text file whole.
pub fn read_text(path: &Path) -> Result<String, DeckError> {
    std::fs::read_to_string(path)
        .map_err(|error| DeckError::Unreadable { path: path.to_path_buf(), why: error.to_string() })
}

/// Writes a file so that its name shows the old or the new content, never a part of it.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut std::fs::File) -> std::io::Result<()>,
) -> Result<(), DeckError> {
    let unwritable = |error: std::io::Error| DeckError::Unwritable { path: path.to_path_buf(), why: error.to_string() };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    let mut draft = tempfile::Builder::new();
    // A finished file is for whoever may read the folder, as any other program's would be; a temporary one would be its owner's alone.
    #[cfg(unix)]
    draft.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = draft.tempfile_in(folder).map_err(unwritable)?;
    write(file.as_file_mut()).map_err(unwritable)?;
    file.as_file_mut().flush().and_then(|()| file.as_file().sync_all()).map_err(unwritable)?;
    file.persist(path).map_err(|error| unwritable(error.error))?;
    Ok(())
}

/// Puts a picture in a page's place and says what identifies the file. A format that slides cannot show is written as PNG.
pub fn place_picture(folder: &DeckFolder, page_no: u32, source: &Path) -> Result<ContentHash, DeckError> {
    let unreadable = |why: String| DeckError::Unreadable { path: source.to_path_buf(), why };
    let policy = PreparePolicy {
        rotate: false,
        accepted: &[PictureFormat::Png, PictureFormat::Jpeg],
        convert_to: PictureFormat::Png,
        max_edge: None,
        max_pixels: None,
        max_bytes: None,
    };
    let bytes = match prepare(source, &policy).map_err(|error| unreadable(error.to_string()))? {
        Prepared::AsIs(_) => std::fs::read(source).map_err(|error| unreadable(error.to_string()))?,
        Prepared::Changed { bytes, .. } => bytes,
    };
    write_whole(&folder.picture_path(page_no), |file| file.write_all(&bytes))?;
    Ok(ContentHash::of(&bytes))
}
