//! `infographic`: a request becomes an infographic. Evaluation, analysis, text, prompt, then rounds of picture and review; every
//! step's result is a draft that a person may change, and every paid step is in the journal.

mod frame;
mod prompts;
mod recipe;
mod review;
mod rounds;
mod writing;

pub use recipe::Infographic;
