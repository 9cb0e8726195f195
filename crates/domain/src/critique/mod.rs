//! Written critiques of pictures: the rubrics they are held against, how their files read, and the gate that says which rows may
//! enter a data set. Pure: texts in, findings out. Knows no files and no language of messages.

mod answer;
mod commission;
mod echo;
mod fault;
mod gate;
mod rubric;
mod script;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Place, pictures, read};
pub use commission::{Commission, CritiqueSection, SENT_BACK, complaint};
pub use fault::{Fault, Finding, RULES, Remark};
pub use gate::{Gate, GateError, Outcome, check};
pub use rubric::{Dimension, Rubric, RubricError, Taboo, Words};
