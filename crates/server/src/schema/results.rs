//! Results, what people say about them, and how they are saved.

use serde_json::Value;
use utoipa::ToSchema;

use crate::saves::SaveState;

shapes! {
    /// Numbers of pictures in order.
    ResultIds { ids: Vec<i64>, total: u64, seq: i64 }

    /// What it was made from.
    ResultSource { hash: Option<String>, task: i64 }

    /// One person's review.
    ReviewDocument { reviewer: String, verdict: String, rating: u8, note: String, at_us: i64 }

    /// What all say.
    ReviewCounts { keep: u64, reject: u64, disputed: bool }

    /// A picture.
    ResultRow {
        id: i64,
        task: i64,
        job: i64,
        /// Content name; its bytes are at `/pictures/HASH`.
        hash: String,
        format: String,
        width: u32,
        height: u32,
        bytes: u64,
        title: String,
        prompt: String,
        model: String,
        findings: Vec<String>,
        /// The first picture of those that look alike, as they were looked at last.
        stack: Option<i64>,
        source: Option<ResultSource>,
        /// Of the reviewer that was named.
        review: Option<ReviewDocument>,
        reviews: ReviewCounts,
        created_us: i64,
        /// Where one picture is asked for.
        #[schema(required = false)]
        all_reviews: Option<Vec<ReviewDocument>>,
    }

    /// Rows in view.
    ResultRows { rows: Vec<ResultRow> }

    /// Pictures that look alike.
    ResultStacks { stacks: Vec<Vec<i64>> }

    /// A review as it was.
    ReviewBefore { id: i64, reviewer: String, verdict: String, rating: u8, note: String, at_us: i64 }

    /// What was changed.
    ReviewsChanged { changed: u64, before: Vec<ReviewBefore> }

    /// What one person decided.
    ReviewerCount { name: String, reviewed: u64, keep: u64, reject: u64 }

    /// How far two people agree.
    ReviewerPair {
        a: String,
        b: String,
        both: u64,
        /// 0 to 1.
        agree: f64,
        /// Cohen's kappa.
        kappa: Option<f64>,
    }

    /// How far reviewers agree.
    AgreementDocument { reviewers: Vec<ReviewerCount>, pairs: Vec<ReviewerPair>, disputed: u64 }

    /// A save rule with its name.
    NamedSaveRule { name: String, about: String, built_in: bool, rule: Value }

    /// All save rules.
    SaveRules { presets: Vec<NamedSaveRule> }

    /// A file that saving would write.
    PlannedName { task: i64, asset: i64, kind: String, file: String, there: bool }

    /// A picture that could not be saved.
    SaveFailure { task: i64, path: String, message: String }

    /// The first names.
    SavePreview { folder: String, names: Vec<PlannedName>, pictures: u64, errors: Vec<SaveFailure> }

    /// How a save goes.
    SaveStatusDocument {
        state: SaveState,
        done: u64,
        total: u64,
        /// As `save --json` prints it.
        result: Option<Value>,
        error: Option<String>,
        zip: bool,
    }
}
