//! The shapes of answers, for the document. The answers themselves are the documents of `imagemill-desk`; a test holds every
//! answer against these shapes.

#![expect(dead_code, reason = "only their shapes are used, in the document")]

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

use crate::audit::AuditEntry;
use crate::saves::SaveState;

macro_rules! shapes {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident : $kind:ty),* $(,)? })*) => {
        $(
            $(#[$meta])*
            #[derive(ToSchema)]
            pub(crate) struct $name { $($(#[$field_meta])* pub(crate) $field: $kind),* }
        )*
    };
}

shapes! {
    /// What this server is.
    About {
        version: String,
        /// The folder that holds `.imagemill/`.
        workspace: String,
        /// `en` or `zh-CN`.
        language: String,
        /// Whether other machines reach the server.
        remote: bool,
        /// The newest event's number.
        seq: i64,
        /// A job that may cost more needs consent; US dollars.
        confirm_above: f64,
        /// A name to review under when none is chosen.
        reviewer: String,
        /// Folders to begin choosing a source from.
        roots: Vec<String>,
        /// Whether the profile that is taken when none is named only pretends.
        simulator: bool,
        /// Whether this server runs the jobs.
        runs: bool,
        /// The process that runs them when this server does not.
        owner: Option<Owner>,
    }

    /// A process.
    Owner { pid: u32, host: String, started_us: i64, command: String }

    /// Why a profile's tasks are not sent.
    ProfilePause { kind: String, reason: String, until_us: Option<i64> }

    /// Tasks that failed in one way.
    FailureCount { kind: String, state: String, tasks: u64 }

    /// A job in a list.
    JobDocument {
        /// Its name.
        job: String,
        id: i64,
        /// `submitting`, `active`, `paused`, `stopped` or `finished`.
        state: String,
        reason: Option<String>,
        profile: String,
        /// Tasks by state.
        tasks: BTreeMap<String, u64>,
        total: u64,
        pictures: u64,
        /// US dollars.
        spent: f64,
        reserved: f64,
        budget: Option<f64>,
        waiting_until_us: Option<i64>,
        profile_paused: Option<ProfilePause>,
        recipe: String,
        model: String,
        created_us: i64,
        finished_us: Option<i64>,
        failures: Vec<FailureCount>,
        /// How often tasks were put off since the server started, by the reason.
        put_off: BTreeMap<String, u64>,
    }

    /// A page of jobs.
    JobPage { items: Vec<JobDocument>, next: Option<String> }

    /// One example of a kind of failure.
    FailureExample { kind: String, tasks: u64, task: i64, title: String, message: String }

    /// A call whose outcome nobody knows.
    UnknownCall { call: i64, task: i64, ceiling: Option<f64> }

    /// A job with examples of what failed.
    SummaryDocument {
        r#type: String,
        job: String,
        id: i64,
        state: String,
        reason: Option<String>,
        tasks: BTreeMap<String, u64>,
        total: u64,
        pictures: u64,
        spent: f64,
        reserved: f64,
        budget: Option<f64>,
        /// Since it was submitted.
        seconds: u64,
        /// How often tasks were put off since this server started, by the reason; the command line counts from its own start.
        put_off: BTreeMap<String, u64>,
        failures: Vec<FailureExample>,
        unknown: Vec<UnknownCall>,
        profile: String,
        profile_paused: Option<ProfilePause>,
        waiting_until_us: Option<i64>,
        recipe: String,
        model: String,
        created_us: i64,
        finished_us: Option<i64>,
        /// For a job with `[save]` that was submitted here: what was saved when it ended, as `save --json` prints it.
        saved: Option<Value>,
        /// Why that could not be done.
        not_saved: Option<String>,
    }

    /// A stopped job.
    JobStopped { job: String, id: i64, state: String, stopped_tasks: u64, running: u64 }

    /// What is done again.
    RetryAnswer { job: String, id: i64, tasks: u64 }

    /// A price estimate, in US dollars.
    PlanCost { low: f64, likely: f64, high: f64, source: String, date: String }

    /// A task of a plan.
    PlannedTask { key: String, source: String, prompt: String, sample: u32 }

    /// A job before it is submitted.
    PlanDocument {
        job: String,
        name: String,
        recipe: String,
        profile: String,
        provider: String,
        protocol: String,
        model: String,
        /// The way of the calls as the job asks for it.
        lane: String,
        /// What the provider's batches take and cost, for the batch lane.
        batch: Option<Value>,
        size: Value,
        tasks: u64,
        sources: u64,
        cost: Option<PlanCost>,
        call_ceiling: Option<f64>,
        budget: Option<f64>,
        /// Each profile of several with what it would cost.
        ways: Vec<Value>,
        /// Calls of each task besides its last one, with what one costs.
        steps: Vec<Value>,
        seconds_at_rate: Option<u64>,
        unknown_policy: String,
        skipped: Vec<Value>,
        ignored_files: u64,
        warnings: Vec<String>,
        task_list: Vec<PlannedTask>,
        /// Whether `agreed_up_to` has to be sent.
        needs_consent: bool,
        /// The most it may still cost.
        most: Option<f64>,
        /// Tasks that a job of this name has already.
        known: u64,
    }

    /// Why a task is where it is.
    TaskFailure { kind: String, message: String }

    /// A task in a list.
    TaskRow {
        id: i64,
        job: i64,
        position: i64,
        title: String,
        state: String,
        failure: Option<TaskFailure>,
        prompt: String,
        pictures: u64,
        cost: Option<f64>,
        tries: u32,
        not_before_us: Option<i64>,
        /// Content names of the first pictures.
        thumbnails: Vec<String>,
        /// Content name of the source.
        source: Option<String>,
    }

    /// A page of tasks.
    TaskPage { items: Vec<TaskRow>, next: Option<String> }

    /// Everything known about a task.
    TaskStoryDocument {
        /// The job's name.
        job: String,
        job_id: i64,
        title: String,
        task: Value,
        prompt: String,
        /// With `call`, `request` and `answer`.
        calls: Vec<Value>,
        /// With `asset`, `prepared` and `path`.
        assets: Vec<Value>,
        /// Batches that its calls are or were part of.
        batches: Vec<Value>,
        /// Whether requests and answers are told to this client.
        raw_allowed: bool,
        /// What it ended with in words, such as a critique.
        document: Option<Value>,
        /// `edit`, `generate`, `critique` or `infographic`.
        recipe: String,
    }

    /// A text between two steps.
    DraftDocument {
        name: String,
        text: String,
        /// A person wrote it, so it stands.
        edited: bool,
    }

    /// The drafts of an infographic.
    DraftsDocument {
        /// Where they lie.
        folder: String,
        drafts: Vec<DraftDocument>,
        /// What was made so far, as `infographic --json` prints it: `record` with the rounds, `best`, `timing`.
        made: Value,
    }

    /// What tasks ended with in words.
    DocumentPage { items: Vec<Value>, next: Option<String> }

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

    /// A profile; never its secret.
    ProfileDocument {
        name: String,
        description: String,
        provider: String,
        protocol: String,
        base_url: String,
        model: String,
        /// `{env}` or `{file}`.
        credential: Option<Value>,
        /// Whether its secret can be read.
        ready: bool,
        default: bool,
        limits: Value,
        budget: Value,
        network: Value,
        timeouts: Value,
        stream: Option<bool>,
        token_field: String,
        paused: Option<ProfilePause>,
        /// `console`, `file` or `built_in`.
        origin: String,
        /// Whether it can be changed here.
        editable: bool,
    }

    /// All profiles.
    ProfileList { profiles: Vec<ProfileDocument>, default: Option<String> }

    /// One thing that was looked at.
    ProfileCheck { name: String, ok: bool, message: Option<String>, fix: Option<String> }

    /// What was found.
    ProfileTest { ok: bool, checks: Vec<ProfileCheck>, models: Option<Vec<String>> }

    /// Names of models.
    ModelNames { names: Vec<String> }

    /// What was taken from a file.
    ImportAnswer { profiles: Vec<String>, jobs_hint: Option<String>, warnings: Vec<String> }

    /// The table of models.
    ModelsDocument {
        profile: Option<String>,
        profile_model: Option<String>,
        profile_entry: Option<String>,
        models: Vec<Value>,
    }

    /// Calls added up, US dollars.
    CostGroup { name: String, calls: u64, pictures: u64, spent: f64, held: f64, unknown: u64, unpriced: u64 }

    /// All of them.
    CostTotal { calls: u64, pictures: u64, spent: f64, held: f64, unknown: u64, unpriced: u64 }

    /// The ledger added up.
    CostsDocument { by: String, groups: Vec<CostGroup>, total: CostTotal }

    /// A call whose answer was lost.
    LostCallDocument {
        call: i64,
        task: i64,
        task_state: String,
        title: String,
        job: String,
        profile: String,
        model: String,
        sent_us: i64,
        ceiling: Option<f64>,
        remote_id: Option<String>,
        message: Option<String>,
    }

    /// All lost calls.
    LostCalls { calls: Vec<LostCallDocument>, ceiling: f64 }

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
        /// US dollars.
        spent: f64,
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

    /// A job that is kept.
    JobPreset { name: String, job: Value }

    /// All kept jobs.
    JobPresets { presets: Vec<JobPreset> }

    /// A file that was sent.
    UploadedFile { name: String, bytes: u64, ok: bool, message: Option<String> }

    /// An upload.
    UploadAnswer {
        /// A path for a job's source; `null` when no file was a picture.
        folder: Option<String>,
        files: Vec<UploadedFile>,
    }

    /// A slide deck in a list.
    DeckRow {
        id: String,
        deck_id: String,
        folder: String,
        title: Option<String>,
        /// What it is about.
        topic: String,
        page_count: Option<u32>,
        pages_done: u32,
        created_at: String,
        /// Why its folder cannot be used.
        fault: Option<String>,
    }

    /// Slide decks.
    DeckPage { items: Vec<DeckRow> }

    /// A text of a page that is not drawn as it should be.
    DeckMisprint { label: String, read: Option<String>, state: String, distance: u64 }

    /// How the words in a page's picture came out.
    DeckWords { fidelity: f64, misprints: Vec<DeckMisprint> }

    /// One page of a deck.
    DeckSlide {
        page_no: u32,
        prompt_done: bool,
        png_done: bool,
        /// `skip`, `render_only` or `full`.
        action: String,
        why: Option<String>,
        words: Option<DeckWords>,
        title: Option<String>,
        prompt: Option<String>,
        /// Content name of the picture in the folder.
        picture: Option<String>,
        /// Content names of the pictures that were made of it.
        takes: Vec<String>,
        failure: Option<String>,
    }

    /// A job of a deck.
    DeckJob {
        id: i64,
        /// `outline` or `pages`.
        what: String,
        state: String,
        reason: Option<String>,
        spent: f64,
        /// Tasks that have not ended.
        open: u64,
    }

    /// A deck.
    DeckDocument {
        id: String,
        deck_id: String,
        folder: String,
        title: Option<String>,
        topic: String,
        page_count: Option<u32>,
        pages_done: u32,
        created_at: String,
        fault: Option<String>,
        style_spec_done: bool,
        outline_done: bool,
        pptx_done: bool,
        style: String,
        pages: Vec<DeckSlide>,
        jobs: Vec<DeckJob>,
        /// Documents that could not be read, when it was just made.
        unread: Option<Vec<Value>>,
    }

    /// A deck that is being made.
    DeckStarted {
        /// The job that runs first; `null` when nothing was left to make.
        job: Option<i64>,
    }

    /// A folder.
    FolderDocument { path: String, parent: Option<String>, folders: Vec<String>, pictures: u64 }

    /// Something that was looked at.
    DoctorFinding {
        /// `workspace`, `space`, `database`, `open_files`, `settings`, `proxy`, `credential`, `server`, `clock`, `key` or `model`.
        check: String,
        profile: Option<String>,
        /// `good`, `note`, `warning` or `broken`.
        level: String,
        message: String,
        /// What to do.
        fix: Option<String>,
    }

    /// Everything that was looked at.
    DoctorDocument { findings: Vec<DoctorFinding>, broken: u64 }

    /// Files that nothing refers to.
    LooseDocument {
        files: u64,
        bytes: u64,
        removed: bool,
        /// The first hundred, from the workspace's folder.
        paths: Vec<String>,
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

    /// Layouts and styles with all that stands in their tables, and `weight` where a word was asked for.
    CatalogueDocument { layouts: Vec<Value>, styles: Vec<Value> }

    /// A setting with its origin.
    SettingDocument { key: String, value: String, origin: String }

    /// Settings in force.
    ConfigDocument {
        settings: Vec<SettingDocument>,
        save_presets: Vec<String>,
        workspace: String,
        unknown_keys: Vec<Vec<String>>,
    }

    /// Lines of the log.
    LogLines { lines: Vec<String>, next: Option<String> }

    /// What was changed.
    AuditPage { items: Vec<AuditEntry>, next: Option<String> }

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
