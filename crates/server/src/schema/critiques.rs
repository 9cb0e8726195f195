//! Collections and their critiques.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

shapes! {
    /// How far a collection is.
    CollectionDocument {
        name: String,
        /// What it is called, in both languages.
        title: Option<Value>,
        accepted: u64,
        target: u64,
        gap: u64,
        percent: Option<f64>,
        pictures: u64,
        /// Pictures by state.
        states: BTreeMap<String, u64>,
        batches: u64,
        /// Pictures of a batch.
        batch: u32,
        batches_left: u64,
        next_milestone: Option<u64>,
        next_batch: u32,
        /// As numbers of accepted critiques.
        milestones: Vec<u64>,
        due: Option<String>,
        /// US dollars, as far as prices are known.
        spent: f64,
        /// Calls that cost nobody knows what; they are not in `spent`.
        unpriced: u64,
        /// What an accepted critique cost, failures included.
        cost_each: Option<f64>,
        /// Until the target, at the measured pace.
        seconds_left: Option<u64>,
        /// What the rule orders by.
        key: String,
    }

    /// All collections in the order of the rule.
    CollectionList { rule: String, collections: Vec<CollectionDocument> }

    /// A row in the queue; in the view `second` only its picture and name.
    QueueItem {
        /// Content name of its picture.
        picture: String,
        name: String,
        state: Option<String>,
        /// `open`, `approved`, `rejected` or `disputed`.
        decision: Option<String>,
        /// What is known against it, added up.
        points: Option<u32>,
        /// `reason`, its `points` and what it is about.
        reasons: Option<Vec<Value>>,
        edited: Option<bool>,
        /// The judge's score as calibrated, 1 to 5.
        quality: Option<f64>,
    }

    /// Rows for people.
    QueueDocument {
        name: String,
        view: String,
        /// Rows of each view.
        counts: BTreeMap<String, u64>,
        /// Rows of this one.
        total: u64,
        /// Share of the rows that are read twice.
        second_read: f64,
        /// As of `GET /agreement`, with `scored_twice` and `score_gap`.
        agreement: Value,
        /// Who looked a second time, what the scores are worth, and whether they drifted.
        judge: Value,
        items: Vec<QueueItem>,
        /// The cursor of the page behind this one.
        next: Option<String>,
    }

    /// Pictures that a collection took in.
    PicturesTakenIn {
        added: u64,
        /// Ones that it had.
        known: u64,
        /// With `path` and `reason`.
        skipped: Vec<Value>,
    }

    /// Jobs that were submitted or taken up again, with `id` and `name`.
    WorkSubmitted { jobs: Vec<Value> }

    /// A batch that was given back.
    BatchReleased {
        /// Pictures that wait again.
        released: u64,
    }

    /// Batches for somebody else, with `batch` and `rows`.
    BatchesHandedOut { batches: Vec<Value> }

    /// Rows of somebody else that were taken.
    RowsTaken {
        accepted: u64,
        /// With `picture` and `reason`; without a reason the collection has no such picture.
        refused: Vec<Value>,
    }

    /// A merge, or what it would be.
    MergeDocument {
        merge: u32,
        rows: u64,
        /// Rows that merges have now.
        all: u64,
        folder: String,
        /// The address of the table.
        lance: Option<String>,
        /// Its version.
        version: u64,
        /// With `picture` and `reason`; without a reason readers keep the row out.
        left_out: Vec<Value>,
        /// What would change in the table.
        difference: Option<Value>,
    }

    /// A merge that was taken back.
    MergeUndone { name: String, merge: u32, rows: u64, version: u64 }

    /// What is wrong with a data set.
    DatasetChecked {
        form: String,
        files: u64,
        /// Pictures that were decoded.
        pictures: u64,
        /// With `file`, `rule` and `message`.
        faults: Vec<Value>,
    }

    /// What changed between two releases.
    DatasetChanges {
        from: String,
        to: String,
        /// Rows of each collection.
        before: Value,
        after: Value,
        /// Ids of rows.
        added: Vec<String>,
        removed: Vec<String>,
        /// Ids of rows, with the columns that differ.
        changed: Value,
    }

    /// A reading of a row.
    ReadingDocument { reader: String, verdict: String, score: Option<u8>, note: String, blind: bool, at_us: i64 }

    /// One row; members from `state` on are not there for a blind reader.
    CritiquePage {
        name: String,
        picture: String,
        file: String,
        /// Whether this is a second reading, of which nothing is told.
        blind: bool,
        /// What a change and a reading name.
        version: String,
        row: Value,
        /// The rubric, with what is covered.
        dimensions: Vec<Value>,
        /// What this reader said.
        reading: Option<ReadingDocument>,
        state: Option<String>,
        decision: Option<String>,
        points: Option<u32>,
        reasons: Option<Vec<Value>>,
        /// `rule` and a sentence.
        findings: Option<Vec<Value>>,
        /// What the second look said of each claim.
        claims: Option<Vec<Value>>,
        quality: Option<f64>,
        /// Who changed what, with the difference in pieces.
        edits: Option<Vec<Value>>,
        readings: Option<Vec<ReadingDocument>>,
    }

    /// A rubric that comes with the program.
    RubricDocument {
        name: String,
        /// `{en, zh}`.
        title: Value,
        dimensions: u64,
    }

    /// What critiques can be held against.
    RubricsDocument { rubrics: Vec<RubricDocument>, gates: Vec<String>, collections: Vec<String> }

    /// What the gate found.
    CritiqueCheckDocument {
        /// `{name, version, dimensions}`.
        rubric: Value,
        gate: String,
        rows: u64,
        passed: u64,
        failed: u64,
        /// With `place`, `picture`, `rule` and the values of the rule.
        findings: Vec<Value>,
        /// What is odd about the whole.
        remarks: Vec<Value>,
    }
}
