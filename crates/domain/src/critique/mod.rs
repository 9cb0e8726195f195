//! Written critiques of pictures: the rubrics they are held against, how their files read, and the gate that says which rows may
//! enter a data set. Pure: texts in, findings out. Knows no files and no language of messages.

mod answer;
mod commission;
mod difference;
mod echo;
mod edit;
mod fault;
mod gate;
mod judge;
mod look;
mod reading;
mod risk;
mod rubric;
mod script;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Place, answer_of, pictures, read};
pub use commission::{Commission, CritiqueSection, ONCE_MORE, SENT_BACK, complaint};
pub use difference::{Piece, PieceKind, difference};
pub use edit::{Change, CritiqueEdit, EDITABLE, changes, edited, edits_of, version_of};
pub use fault::{Fault, Finding, RULES, Remark};
pub use gate::{Gate, GateError, Outcome, check};
pub use judge::{Anchor, Calibration, Drift, FEWEST_ANCHORS};
pub use look::{Claim, Look, SECOND_LOOK, Support, look_document, look_hash, look_schema, look_system, look_task};
pub use reading::{Decision, Reading, ReadingAgreement, SCORES, agreement, in_sample};
pub use risk::{Known, Reason, Risk, risk};
pub use rubric::{Dimension, Rubric, RubricError, Taboo, Words};
