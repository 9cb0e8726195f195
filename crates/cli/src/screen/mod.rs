//! The full-screen view of a workspace: jobs, progress, money, recent failures, the log. It reads rows and writes rows like every
//! other command, so it may come and go beside whoever runs the jobs.

mod board;
mod draw;
mod terminal;

pub(crate) use board::Board;
pub(crate) use terminal::show;
