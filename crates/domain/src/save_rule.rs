//! How finished pictures are named and what is written beside them. The writing itself is in the crate `export`.

use serde::{Deserialize, Serialize};

/// What to do when a file of that name is there already with other content. The same content is never written twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collision {
    /// Leave the old file, report it.
    Skip,
    /// Replace the old file.
    Overwrite,
    /// Write beside it as `name_2`, `name_3`, …
    #[default]
    Suffix,
}

/// One save rule. Templates are data: `{name}` and `{name:04}` only (docs/saving.md lists the names).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SaveRule {
    /// Folder of the results; relative to the current folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// File name without suffix. `/` makes sub-folders; nothing can leave the folder.
    pub name: String,
    /// Replaced in the source's stem, everywhere, before it goes into the name; empty = nothing.
    pub replace_from: String,
    /// What it is replaced by.
    pub replace_to: String,
    /// Write a text file of the same name beside each picture.
    pub text: bool,
    /// What the text file holds.
    pub text_template: String,
    /// Only the first eligible result of each task.
    pub only_first: bool,
    /// Only results a reviewer kept. Rejected ones are never saved.
    pub only_kept: bool,
    /// Repeat the source tree's folders below the output folder.
    pub keep_folders: bool,
    /// Copy the source beside the result, so that the folder holds whole pairs.
    pub copy_source: bool,
    /// Name of the copied source; used with `copy_source`.
    pub source_name: String,
    /// What to do about taken names.
    pub collision: Collision,
    /// Write `manifest.json`.
    pub manifest: bool,
    /// Write `contact-sheet.jpg`, sources beside results.
    pub contact_sheet: bool,
}

impl Default for SaveRule {
    fn default() -> Self {
        Self {
            folder: None,
            name: "{src_stem}_{result_index}".into(),
            replace_from: String::new(),
            replace_to: String::new(),
            text: false,
            text_template: "{src_name}".into(),
            only_first: false,
            only_kept: false,
            keep_folders: true,
            copy_source: false,
            source_name: "{src_stem}".into(),
            collision: Collision::default(),
            manifest: true,
            contact_sheet: false,
        }
    }
}

/// The built-in presets: id, one line for people, rule. User-made ones stand in the configuration under `[save.NAME]`.
pub fn built_in() -> Vec<(&'static str, &'static str, SaveRule)> {
    let stem = || SaveRule { name: "{src_stem}".into(), ..SaveRule::default() };
    vec![
        (
            "edit_pairs",
            "training pairs: photo.jpg or photo_start.jpg becomes photo_start.jpg beside photo_end.png",
            SaveRule {
                name: "{pair_stem}_end".into(),
                source_name: "{pair_stem}_start".into(),
                copy_source: true,
                ..SaveRule::default()
            },
        ),
        (
            "aitookit_edit",
            "result named as the source with start replaced by end",
            SaveRule { replace_from: "start".into(), replace_to: "end".into(), ..stem() },
        ),
        ("keep_source_name", "result named as the source", stem()),
        (
            "source_with_txt",
            "result named as the source, with a text file that names source and task",
            SaveRule { text: true, text_template: "{src_name}\nai_image_edit_result\n{task_id}".into(), ..stem() },
        ),
        (
            "first_only_clean",
            "only the first result of each source, named as the source",
            SaveRule { only_first: true, ..stem() },
        ),
        ("indexed_archive", "every result, numbered behind the source's name", SaveRule::default()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_have_unique_names() {
        let names: std::collections::BTreeSet<_> = built_in().into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names.len(), built_in().len());
    }
}
