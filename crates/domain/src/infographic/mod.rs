//! The rules of infographics: what a request asks for, whether it needs expansion, which layout and style, which words are drawn
//! and whether they were, which round is the best. Pure; what models are asked in which words is the recipe's matter.

mod analysis;
mod asked;
mod evaluation;
mod fidelity;
mod labels;
mod lint;
mod manuscript;
mod ratio;
mod record;
mod review;
mod section;
mod selection;

pub use analysis::{Analysis, AudienceProfile, Combination, Complexity, ContentProfile, Knowledge};
pub use asked::{Asked, Taken, read_request};
pub use evaluation::{Answer, EvaluationAnswer, OPTIONAL, Question, REQUIRED, Verdict, evaluation_schema};
pub use fidelity::{Foreign, foreign_to, prune};
pub use labels::{LabelCheck, LabelState, compare_labels, text_fidelity};
pub use lint::{LintFault, lint, mend, quoted};
pub use manuscript::{Manuscript, Part, Quote, Visual, labels_of};
pub use ratio::{Inferred, RATIOS, infer_ratio};
pub use record::{Plateau, Record, Round, RoundPicture, Stopped, amended, corrections_of, rank};
pub use review::{CriticAnswer, Review, Violation, critic_schema, reading_schema, reviewed};
pub use section::{Expand, Fidelity, InfographicSection, MAX_ROUNDS, Output, Repair};
pub use selection::{Candidate, Choice, Picked, Recommended, Wish, choose};

/// Whether a text is mostly Chinese, Japanese or Korean: a third of its letters are.
pub fn is_cjk(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic());
    let (all, wide) = letters.fold((0_usize, 0_usize), |(all, wide), c| (all + 1, wide + usize::from(is_wide(c))));
    all > 0 && wide * 3 >= all
}

/// A letter of Chinese, Japanese or Korean.
fn is_wide(letter: char) -> bool {
    matches!(letter, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}')
}
