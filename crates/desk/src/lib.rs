//! What the command line and the server do alike: find and own a workspace, read the configuration, choose a profile and its
//! secret, plan and submit a job, run the engine, and make the JSON documents that both hand out. Must not know terminals,
//! requests or the language of a reader; its sentences are English and [`translated`] says them in another language.

mod asset_folders;
pub mod catalogue;
mod clock;
mod collection_files;
mod collection_merge;
mod collection_work;
mod collections;
pub mod config;
mod costs;
mod critique_page;
mod critique_queue;
mod critiques;
mod day_check;
mod decks;
mod desk;
pub mod doctor;
pub mod documents;
mod error;
mod infographics;
mod job_input;
mod key_files;
mod key_store;
mod lang;
mod look;
mod loose;
mod lost;
mod planning;
mod presets;
mod profiles;
mod progress;
mod rehearsal;
mod requests;
mod runner;
mod story;
mod submit;
mod translate;
mod workspace;

pub use asset_folders::{asset_card, asset_folders, asset_folders_below};
pub use clock::{day_name, now_us, offset_us, rfc3339};
pub use collection_files::{input_row, write_input};
pub use collection_merge::{LeftOut, MergeOrder, Merged, NotUndone, Undone, merge, merged_rows, undo_merge};
pub use collection_work::{
    CritiqueOrder, RefusedRow, TakenBatch, first_waiting, give_back_unsubmitted, hand_out, look_job, release_batch,
    retry_batches, scan_pictures, take_batches, take_in, take_rows,
};
pub use collections::{Board, BoardBatch, BoardItem, BoardRow, ItemState, new_items};
pub use costs::{CostSum, CostsBy, costs};
pub use critique_page::{Said, Wanted};
pub use critique_queue::{Queue, QueueEntry, QueueView};
pub use critiques::{collection, commission_of, gate, rubric};
pub use day_check::{DayCheck, day_check, day_number, yesterday};
pub use decks::{
    DeckWork, deck_job_name, deck_jobs, deck_time, deck_work, new_deck_folder, page_of, set_aside, take_up,
};
pub use desk::{Desk, user_file};
pub use error::{DeskError, FileFault};
pub use infographics::{Made, RECORD_FILE, infographic, infographics, write_infographics};
pub use job_input::JobInput;
pub use key_files::{KeyPlace, forget_key, keep_key, keep_key_in_store, key_file, server_of};
pub use lang::Lang;
pub use look::{
    FailureExample, PauseState, UnknownCall, WayState, failure_examples, find_job, snapshot, snapshot_of,
    snapshot_with, unknown_calls, ways_of,
};
pub use loose::{LooseFile, loose_files};
pub use lost::LostCall;
pub use planning::{Planned, plan};
pub use presets::{Target, check_name, default_folder, save_presets, save_rule, stored_target};
pub use profiles::{SIMULATOR, choose, credential, login_of, read_credential, secret_file};
pub use progress::{JobSnapshot, Progress};
pub use requests::{
    KnownRun, TakenRequest, collect_run, job_of_run, known_run, take_batch, take_request, upload_request,
};
pub use runner::Runner;
pub use story::TaskStory;
pub use submit::{most_it_may_cost, submit};
pub use translate::translated;
pub use workspace::{Claim, Owner, OwnerLock, Workspace, host_name};
