//! Making a deck again from some stage on: what stands from there goes to `earlier/`, and the deck has work left as if it had never
//! been made. So a run that is interrupted goes on like any other, and nothing that was paid for is lost.

use std::path::{Path, PathBuf};

use crate::folder::{DeckError, DeckFolder};

/// A stage of a deck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// `style_spec.md`.
    Style,
    /// `outline.json`.
    Outline,
    /// The pages' prompts.
    Prompts,
    /// Their pictures.
    Pictures,
    /// The pptx file.
    Pptx,
}

impl DeckFolder {
    /// Puts aside what stands from `stage` on, of these pages (of all, when none is named). `when` is the name of the folder below
    /// `earlier/`. Returns what was moved.
    pub fn set_aside(&self, stage: Stage, pages: &[u32], when: &str) -> Result<Vec<PathBuf>, DeckError> {
        let mut files = Vec::new();
        if stage <= Stage::Style {
            files.push(self.style_path());
        }
        if stage <= Stage::Outline {
            files.push(self.outline_path());
        }
        for name in self.page_files()? {
            let number = name.split(['.', '_']).nth(1).and_then(|number| number.parse::<u32>().ok());
            let is_prompt = name.ends_with(".prompt.txt");
            let reached = if is_prompt { stage <= Stage::Prompts } else { stage <= Stage::Pictures };
            if reached && number.is_some_and(|number| pages.is_empty() || pages.contains(&number)) {
                files.push(self.root.join("pages").join(name));
            }
        }
        if stage <= Stage::Pptx {
            files.push(self.pptx_path());
            files.push(self.pdf_path());
        }
        files.retain(|file| file.is_file());
        let target = self.root.join("earlier").join(when);
        for file in &files {
            aside(&self.root, file, &target)?;
        }
        Ok(files)
    }

    /// Names of the files that belong to pages.
    fn page_files(&self) -> Result<Vec<String>, DeckError> {
        let folder = self.root.join("pages");
        let unreadable = |error: std::io::Error| DeckError::Unreadable { path: folder.clone(), why: error.to_string() };
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
            if name.starts_with("page_") {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

fn aside(root: &Path, file: &Path, target: &Path) -> Result<(), DeckError> {
    let place = target.join(file.strip_prefix(root).unwrap_or(file));
    let moved = std::fs::create_dir_all(place.parent().unwrap_or(target)).and_then(|()| std::fs::rename(file, &place));
    moved.map_err(|error| DeckError::Unwritable { path: place, why: error.to_string() })
}
