//! What keeps a job from being planned, submitted or run, in sentences that say what to do. How a command or a request ends
//! because of it is decided by their own crates.

use std::path::PathBuf;

use imagemill_briefs::{FolderError, Objections, Problems};
use imagemill_domain::failure::Failure;
use imagemill_domain::job_file::JobFileError;
use imagemill_domain::plan::PlanError;
use imagemill_engine::EngineError;
use imagemill_export::dataset::DatasetError;
use imagemill_export::lake::LakeError;
use imagemill_simulator::SimulatorError;
use imagemill_sources::SourceError;
use imagemill_store::StoreError;

use crate::workspace::Owner;

/// Why something asked for was not done.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The named profile does not exist.
    #[error("There is no profile {name}; known are {known}.{}", did_you_mean(.near.as_deref()))]
    UnknownProfile {
        /// As it was written.
        name: String,
        /// Those that exist.
        known: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// A profile that comes with the program and waits for its variables.
    #[error("The profile {name} appears when {variables} is set.")]
    ProfileNeeds {
        /// Which.
        name: String,
        /// What it waits for.
        variables: String,
    },
    /// No profile was named and none can be chosen unasked.
    #[error(
        "No provider is set up. Set one of {variables}, give a key with `imagemill profiles login NAME`, name a profile of your configuration, or try it offline with --profile simulator."
    )]
    NoProfile {
        /// Variables that make one appear.
        variables: String,
    },
    /// A deck's folder cannot be used.
    #[error(transparent)]
    Deck(#[from] imagemill_decks::DeckError),
    /// A page was named that the deck does not have.
    #[error("The deck has {pages} pages, and there is no page {page}.")]
    NoSuchPage {
        /// Which.
        page: u32,
        /// How many it has.
        pages: u32,
    },
    /// The anchor is the picture of a page that is to be made.
    #[error(
        "The anchor is page {0}, which is made again itself; leave that page out with --only-pages, or name a copy of its picture."
    )]
    AnchorIsMade(u32),
    /// Pages are not numbered from 1 without a gap.
    #[error("The pages of the outline in {} are not numbered from 1 without a gap; `imagemill deck outline` lists what is wrong.", .0.display())]
    DeckNumbers(PathBuf),
    /// The profile's secret cannot be read.
    #[error("The profile {profile} cannot be called: {}", .failure.message)]
    NoCredential {
        /// Which.
        profile: String,
        /// Why.
        failure: Failure,
    },
    /// The simulator cannot stand in for a profile.
    #[error(
        "The profile {profile} cannot be rehearsed: the simulator does not speak {protocol}. Rehearse the job with another --profile."
    )]
    NoRehearsal {
        /// Which.
        profile: String,
        /// What it speaks.
        protocol: &'static str,
    },
    /// The named save preset does not exist.
    #[error("There is no save preset {name}; known are {known}.{}", did_you_mean(.near.as_deref()))]
    UnknownPreset {
        /// As it was written.
        name: String,
        /// Those that exist.
        known: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// The named collection does not exist.
    #[error("There is no collection {name}; known are {known}.{}", did_you_mean(.near.as_deref()))]
    UnknownCollection {
        /// As it was written.
        name: String,
        /// Those that exist.
        known: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// A job for critiques that does not say what they are held against, or another job that does.
    #[error("{0}")]
    Critique(String),
    /// The named layout does not exist.
    #[error("There is no layout {name}; `imagemill catalogue layouts` lists them.{}", did_you_mean(.near.as_deref()))]
    UnknownLayout {
        /// As it was written.
        name: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// The named style does not exist.
    #[error("There is no style {name}; `imagemill catalogue styles` lists them.{}", did_you_mean(.near.as_deref()))]
    UnknownStyle {
        /// As it was written.
        name: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// The keys do not make a save rule.
    #[error("this is no save rule: {0}")]
    SaveRule(#[source] serde_json::Error),
    /// The named job does not exist.
    #[error("There is no job {name} in this workspace; `imagemill status` lists them.{}", did_you_mean(.near.as_deref()))]
    UnknownJob {
        /// As it was written.
        name: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// The job went away while it was looked at.
    #[error("the job was deleted meanwhile")]
    JobGone,
    /// A name that cannot be typed and shown.
    #[error("A job's name must have 1 to 200 characters and no control characters.")]
    BadJobName,
    /// A job was asked for where none was ever run.
    #[error("No job was ever run in {}.", .folder.display())]
    NoWorkspace {
        /// The workspace's folder.
        folder: PathBuf,
    },
    /// A process on another machine runs the workspace, so its work cannot be followed.
    #[error(
        "This workspace is run by {0}, on another machine; wait until it has ended, or choose another workspace with --workspace DIR."
    )]
    Elsewhere(Owner),
    /// The file system has no locks.
    #[error("the file system of {} cannot lock files, so nobody can tell whether another process runs this workspace (the last one was {owner}); use a workspace on a local disk: {source}", .path.display())]
    CannotLock {
        /// The lock file.
        path: PathBuf,
        /// Who wrote into it last.
        owner: Owner,
        /// Why.
        source: std::io::Error,
    },
    /// A folder of the workspace cannot be made.
    #[error("cannot make the folder {}; choose a writable place with --workspace DIR: {source}", .folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another file cannot be read or written.
    #[error("{what} {}: {source}", .path.display())]
    File {
        /// What was attempted.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A request is under-specified, or names what is not there.
    #[error(transparent)]
    Request(#[from] Problems),
    /// A verdict on a picture says too little, or contradicts itself.
    #[error(transparent)]
    Verdict(#[from] Objections),
    /// An asset's folder cannot be read or written.
    #[error(transparent)]
    AssetFolder(#[from] FolderError),
    /// The provider did not take a file.
    #[error("{file} was not uploaded: {}", .failure.message)]
    NotUploaded {
        /// Which.
        file: String,
        /// Why.
        failure: Failure,
    },
    /// A setting that cannot be used.
    #[error("{0}")]
    Setting(String),
    /// Something is wrong in a file that a user wrote.
    #[error(transparent)]
    Written(#[from] Box<FileFault>),
    /// The job cannot be planned, and no place of its text is to blame.
    #[error("{}{error}", .file.as_ref().map(|file| format!("{file}: ")).unwrap_or_default())]
    Plan {
        /// The job file, when there is one.
        file: Option<String>,
        /// Why.
        error: PlanError,
    },
    /// A data set cannot be made of this.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A Lance table, or a build without Lance.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The sources cannot be read.
    #[error(transparent)]
    Sources(#[from] SourceError),
    /// The database or the pictures' files.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine does not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The simulator does not start.
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    /// A part of the program broke.
    #[error("imagemill met a fault of its own: {0}")]
    Fault(String),
}

impl DeskError {
    /// Whether the user asked for something that does not exist or makes no sense; else nothing could start.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::UnknownProfile { .. }
                | Self::UnknownPreset { .. }
                | Self::UnknownCollection { .. }
                | Self::Critique(_)
                | Self::UnknownLayout { .. }
                | Self::UnknownStyle { .. }
                | Self::SaveRule(_)
                | Self::UnknownJob { .. }
                | Self::BadJobName
                | Self::NoWorkspace { .. }
                | Self::NoSuchPage { .. }
                | Self::AnchorIsMade(_)
                | Self::DeckNumbers(_)
                | Self::Deck(
                    imagemill_decks::DeckError::NoPack(_)
                        | imagemill_decks::DeckError::Exists(_)
                        | imagemill_decks::DeckError::Unreadable { .. }
                )
                | Self::Request(_)
                | Self::Verdict(_)
                | Self::Written(_)
                | Self::Plan { .. }
                | Self::Sources(_)
                | Self::Lake(LakeError::NotBuilt)
        ) || matches!(self, Self::Dataset(error) if error.is_usage())
    }
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default()
}

/// What is wrong with a file that a user wrote, and all that is needed to show the place.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .error.message)]
pub struct FileFault {
    /// The name the user knows it by.
    pub file: String,
    /// Its text.
    pub text: String,
    /// What is wrong, where, and what to do.
    pub error: JobFileError,
}

impl FileFault {
    /// From what the reader of `text` said.
    pub fn new(file: &str, text: &str, error: JobFileError) -> Box<Self> {
        Box::new(Self { file: file.to_owned(), text: text.to_owned(), error })
    }

    /// Line and column, from 1.
    pub fn place(&self) -> (usize, usize) {
        let before = &self.text[..self.error.span.as_ref().map_or(0, |span| span.start)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}
