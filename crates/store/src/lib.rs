//! Durable rows (SQLite) and asset files (disk).
//!
//! [`Store`] holds jobs, tasks, calls, assets, reviews and events; [`Files`] holds the pictures' bytes under their
//! content names. Every change of a task and the event that tells of it are one transaction, and a verb that returns
//! has made its change durable. The store reads no clock: each verb that writes takes the time as microseconds since
//! 1970, and order is told by sequence numbers, so a clock set back confuses nobody.
//!
//! SQL and the types of the database library never leave this crate. The verbs are cut so that a second backend
//! (PostgreSQL) can offer the same ones; `tests/it/contract` is the list of behaviours it will have to pass.

mod error;
mod files;
mod record;
mod sqlite;

pub use error::StoreError;
pub use files::Files;
pub use record::{
    Batch, BatchCall, BatchState, BudgetOf, CallEnd, Claimed, CollectionBatch, CollectionItem, CollectionMerge,
    CostLine, CostsOf, Finished, GalleryFilter, GalleryOrder, GalleryRow, Health, JobBrief, JobFigures, Lease,
    NewAsset, NewCall, NewCollectionItem, NewJob, NewTask, OpenCall, OpenJob, Orphan, OverBudget, Owner, OwnerId,
    PausedProfile, PollJob, RetrySelection, ReviewChange, Submitted, TaskBrief, TaskEnd, TaskFilter, VerdictFilter,
};
pub use sqlite::{
    Assets, Batches, Calls, Collections, Critiques, Events, GivenPicture, Jobs, Owners, Profiles, Reviews, Store,
    StoreOptions, Tasks, Uploads,
};
