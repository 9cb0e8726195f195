//! What can be typed after `imagemill export`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `export`.
#[derive(Debug, Args)]
pub(crate) struct DatasetArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: DatasetAction,
}

/// What can be exported.
#[derive(Debug, Subcommand)]
pub(crate) enum DatasetAction {
    /// Pictures of jobs as a training set, with captions, lineage and rights
    Pictures(ExportPicturesArgs),
    /// Merged critiques of collections as tables, with their pictures
    Critiques(ExportCritiquesArgs),
    /// Merged critiques of collections as a release: subsets, rights, counts, change log, no pictures
    Release(ReleaseSetArgs),
    /// What changed between two releases
    Changes(ChangesArgs),
    /// Read an exported folder again and say what is wrong with it; code 1 when something is
    Check(CheckFolderArgs),
}

/// What both kinds of sets have.
#[derive(Debug, Args)]
pub(crate) struct FormArgs {
    /// Folder to write to: not there, empty, or written by an export before
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Share that is kept apart to measure on, such as 0.1; look-alikes never stand on both sides
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) validation: f64,
    /// Of pictures whose perceptual hashes differ in at most so many of 64 bits one stays
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u32).range(0..=32))]
    pub(crate) duplicates: Option<u32>,
    /// Licence of the pictures, such as cc-by-4.0; a column `license` of the list wins for its picture
    #[arg(long, value_name = "LICENSE")]
    pub(crate) license: Option<String>,
    /// Licence of captions or critiques
    #[arg(long, value_name = "LICENSE")]
    pub(crate) text_license: Option<String>,
    /// Who is to be named; a column `attribution` of the list wins for its picture
    #[arg(long, value_name = "NAME")]
    pub(crate) attribution: Option<String>,
    /// Tables: rows alone, without the pictures
    #[arg(long)]
    pub(crate) no_pictures: bool,
    /// imagefolder: metadata.csv instead of metadata.jsonl
    #[arg(long)]
    pub(crate) csv_metadata: bool,
    /// webdataset, parquet: megabytes of pictures in one file
    #[arg(long, value_name = "MB", default_value_t = 512, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub(crate) shard_mb: u64,
}

/// `export pictures`.
#[derive(Debug, Args)]
pub(crate) struct ExportPicturesArgs {
    /// Jobs by number, name, or a part of the name that no other job has
    #[arg(required = true, value_name = "JOB")]
    pub(crate) jobs: Vec<String>,
    /// kohya, ai-toolkit, imagefolder, webdataset, parquet, jsonl or csv
    #[arg(long = "as", value_name = "FORM")]
    pub(crate) form: String,
    /// Caption of each picture, a template over {prompt}, {src_stem}, {src_name}, {job}, {model} and the columns of the list
    #[arg(long, value_name = "TEMPLATE", default_value = "{prompt}")]
    pub(crate) caption: String,
    /// Word that stands for what is learned: where the caption says `[trigger]`, else before it
    #[arg(long, value_name = "WORD")]
    pub(crate) trigger: Option<String>,
    /// Leave pictures without a caption out; without this they are listed and nothing is written
    #[arg(long)]
    pub(crate) leave_out_captionless: bool,
    /// Folder with a mask for each picture, under the name of its source
    #[arg(long, value_name = "DIR")]
    pub(crate) masks: Option<PathBuf>,
    /// Leave the sources out: only results
    #[arg(long)]
    pub(crate) no_controls: bool,
    /// Only pictures that a reviewer kept; rejected ones are never taken
    #[arg(long)]
    pub(crate) only_kept: bool,
    /// Only the first result of each task
    #[arg(long)]
    pub(crate) only_first: bool,
    /// kohya: how often each picture counts in an epoch
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) repeats: u32,
    /// kohya: edge in pixels that is trained at
    #[arg(long, value_name = "PIXELS", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(64..=8_192))]
    pub(crate) resolution: u32,
    /// kohya: pictures at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub(crate) batch_size: u32,
    #[command(flatten)]
    pub(crate) form_args: FormArgs,
}

/// `export critiques`.
#[derive(Debug, Args)]
pub(crate) struct ExportCritiquesArgs {
    /// Collections by name
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// parquet, jsonl, csv, imagefolder or webdataset
    #[arg(long = "as", value_name = "FORM")]
    pub(crate) form: String,
    #[command(flatten)]
    pub(crate) form_args: FormArgs,
}

/// `export release`.
#[derive(Debug, Args)]
pub(crate) struct ReleaseSetArgs {
    /// Collections by name
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Folder to write to: not there, empty, or written by an export before
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Version of the release
    #[arg(long, value_name = "VERSION")]
    pub(crate) release: String,
    /// Folder of the release before; CHANGES.md tells what changed
    #[arg(long, value_name = "DIR")]
    pub(crate) since: Option<PathBuf>,
    /// Rows of each collection in the subset `pilot`
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) pilot: u32,
    /// Of pictures whose perceptual hashes differ in at most so many of 64 bits one stays
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u32).range(0..=32))]
    pub(crate) duplicates: Option<u32>,
    /// Licence of the pictures; a column `license` of the list wins for its picture
    #[arg(long, value_name = "LICENSE")]
    pub(crate) license: Option<String>,
    /// Licence of the critiques
    #[arg(long, value_name = "LICENSE")]
    pub(crate) text_license: Option<String>,
    /// Who is to be named; a column `attribution` of the list wins for its picture
    #[arg(long, value_name = "NAME")]
    pub(crate) attribution: Option<String>,
}

/// `export changes`.
#[derive(Debug, Args)]
pub(crate) struct ChangesArgs {
    /// Folder of the release before
    pub(crate) from: PathBuf,
    /// Folder of the release behind
    pub(crate) to: PathBuf,
}

/// `export check`.
#[derive(Debug, Args)]
pub(crate) struct CheckFolderArgs {
    /// Folder that an export wrote
    pub(crate) folder: PathBuf,
}
