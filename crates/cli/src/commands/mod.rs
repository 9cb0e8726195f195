//! The commands, one file each. A command is glue: the whole story of it can be read in its file.

pub(crate) mod assets;
pub(crate) mod catalogue;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod costs;
pub(crate) mod critiques;
pub(crate) mod demo;
pub(crate) mod direct;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod gc;
pub(crate) mod models;
pub(crate) mod plan;
pub(crate) mod probe;
pub(crate) mod profiles;
pub(crate) mod reconcile;
pub(crate) mod rehearse;
pub(crate) mod request;
pub(crate) mod retry;
pub(crate) mod run;
pub(crate) mod save;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod watch;
