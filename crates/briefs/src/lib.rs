//! Request files for creative assets: what they say and whether it is enough (`read`), how it reaches the model (`wording`, `job`),
//! what makes two of them the same (`digest`), and the asset folders that keep what came of them (`folder` and what builds on it).
//!
//! Must not know jobs' states, providers or commands: `desk` puts these parts and the engine together.

mod attempt;
mod batch;
mod brief;
mod check;
mod digest;
mod evidence;
mod fields;
mod folder;
mod import;
mod index;
mod job;
mod judge;
mod problem;
mod proposal;
mod read;
mod record;
mod sets;
mod verdict;
mod wording;

pub use batch::{BatchRequest, batch};
pub use brief::{Brief, Purpose, QualityProfile, Verb};
pub use check::{Difference, DifferenceKind, check};
pub use digest::{prompt_hash, request_hash, sha256};
pub use evidence::{Evidence, is_link, look, place};
pub use folder::{AssetFolder, FolderError, FolderLock, sha256_of};
pub use import::{Imported, asset_name, import};
pub use index::{derived, rebuild};
pub use job::job_file;
pub use judge::{Judged, Standing, judge, standing};
pub use problem::{Objections, Problem, ProblemKind, Problems};
pub use proposal::{Proposal, ProposalError, propose};
pub use read::{read, which_run};
pub use record::{Outcome, StoredRequest};
pub use sets::{Distance, Measured, Member, PictureSet, asset_set, persona_set};
pub use verdict::{AssetVerdict, Judgement, ReviewWords, review_words};
pub use wording::{forbidden, sent_prompt};
