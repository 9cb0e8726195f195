//! Asset folders and request files.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

shapes! {
    /// An asset in a list.
    AssetCard {
        /// From the workspace's folder, when it lies there.
        folder: String,
        asset: String,
        persona: Option<String>,
        concept: Option<String>,
        campaign: Option<String>,
        purpose: Option<String>,
        /// `review_pending`, `approved`, `revise`, `rejected`, `in_progress`, `submitting` or `materialization_failed`.
        status: Option<String>,
        /// Path of the approved picture in the folder.
        hero: Option<String>,
        updated: Option<String>,
        candidates: u64,
        approved: u64,
        rejected: u64,
    }

    /// What a review asks, and the words that may answer.
    AssetReviewWords { questions: Vec<String>, answers: Vec<String>, categories: Vec<String>, stages: Vec<String> }

    /// Asset folders.
    AssetList {
        path: String,
        assets: Vec<AssetCard>,
        /// Whether there are more than were listed.
        more: bool,
        words: AssetReviewWords,
    }

    /// A picture of an asset.
    AssetPicture {
        path: String,
        /// What verdicts call it.
        object: String,
        run: Option<String>,
        sha256: String,
        /// The verdict in force: `approved`, `revise`, `reject`.
        verdict: Option<String>,
        waits: bool,
        hero: bool,
        copies: Option<Vec<String>>,
    }

    /// An asset.
    AssetDocument {
        card: AssetCard,
        pictures: Vec<AssetPicture>,
        /// What each run asked for, by run; its record as it is in the folder.
        runs: BTreeMap<String, Value>,
        /// All verdicts, oldest first, as they are in the folder.
        decisions: Vec<Value>,
    }

    /// What a verdict did.
    AssetVerdictGiven {
        from: String,
        path: String,
        hero: Option<String>,
        record: Value,
        /// The same verdict was in force already.
        known: bool,
    }

    /// A request that edits a picture.
    ProposedEdit {
        /// The picture's path in its folder.
        picture: String,
        /// `run`, `request` (to be submitted with the verb `edit`), `feedback`, `regenerate` (whether an edit would keep the wrong face).
        proposal: Value,
    }

    /// Smallest, middle and largest of a set's numbers.
    Spread { least: f64, middle: f64, most: f64 }

    /// A picture of an asset folder.
    AssetPlace { folder: String, path: String }

    /// A picture's distance from the approved one.
    DriftPicture {
        folder: String,
        asset: String,
        path: String,
        object: String,
        sha256: String,
        verdict: Option<String>,
        waits: bool,
        /// 0 to 64; unrelated pictures differ in about 32.
        perceptual_bits: Option<u32>,
        /// Mean ΔE*ab, 0 to 259; 2.3 can just be seen.
        colour_delta_e: Option<f64>,
        /// Why it could not be measured.
        error: Option<String>,
    }

    /// How far pictures are from the approved one.
    DriftDocument {
        /// The asset or the persona.
        name: String,
        /// The approved picture.
        reference: Option<AssetPlace>,
        pictures: Vec<DriftPicture>,
        perceptual_bits: Option<Spread>,
        colour_delta_e: Option<Spread>,
        units: Value,
    }

    /// A request that passed the gate.
    TakenRequestDocument {
        asset: String,
        run: String,
        folder: String,
        model: String,
        profile: String,
        /// As it is sent, traits in their places.
        prompt: String,
        /// The negative prompt.
        forbidden: String,
        #[serde(rename = "requestHash")]
        request_hash: String,
        /// The run was submitted before.
        known: bool,
        /// What was not written, and how it was chosen.
        chosen: BTreeMap<String, String>,
        warnings: Vec<String>,
        new_folder: bool,
        /// The run's job, once it is submitted.
        job: Option<i64>,
    }

    /// Requests that passed the gate, with their price.
    RequestsPlanned {
        requests: Vec<TakenRequestDocument>,
        /// The most that all may cost, US dollars; nobody knows when it is null.
        most: Option<f64>,
        needs_consent: bool,
    }

    /// Requests that were submitted.
    RequestsSubmitted { requests: Vec<TakenRequestDocument> }
}
