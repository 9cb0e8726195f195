//! The queue of critiques for people: which rows to read first and why, what the second looks found, what the judge's scores are worth,
//! and how far readers agree. Gathers what the store has; the rules are the domain's.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use imagemill_domain::critique::{
    Anchor, Answer, Calibration, Commission, CritiqueSection, Decision, Drift, Fault, Known, Look, Outcome, Reading,
    ReadingAgreement, Reason, Risk, agreement, answer_of, check, in_sample, risk, version_of,
};
use imagemill_domain::hash::ContentHash;
use imagemill_store::Store;
use serde::Serialize;
use serde_json::{Value, json};

use crate::collections::{Board, BoardItem, BoardRow};
use crate::config::Config;
use crate::critiques::{collection, commission_of};
use crate::error::DeskError;

/// Documents read at once.
const PAGE: u32 = 500;

/// A row that waits to be read, or was read.
#[derive(Clone, Debug)]
pub struct QueueEntry {
    /// Its picture's place on the board.
    pub at: usize,
    /// It.
    pub row: BoardRow,
    /// A name for what it says now.
    pub version: String,
    /// What the gate found, among all rows, and the second look.
    pub faults: Vec<Fault>,
    /// What the second look at this text found.
    pub look: Option<Look>,
    /// What the judge's score is worth, 1 to 5.
    pub quality: Option<f64>,
    /// What readers decided.
    pub decision: Decision,
    /// Whether it is in the sample for a second reading.
    pub sampled: bool,
    /// What speaks for reading it soon.
    pub risk: Risk,
}

impl QueueEntry {
    /// What rows are ordered by: the riskiest first, then as their pictures came.
    fn turn(&self) -> Turn {
        (Reverse(self.risk.points), self.at)
    }
}

/// See [`QueueEntry::turn`].
type Turn = (Reverse<u32>, usize);

/// The judge, as far as it is known.
#[derive(Clone, Debug, Default, Serialize)]
pub struct JudgeStanding {
    /// The model of the latest look.
    pub judge: Option<String>,
    /// Texts, as they stand, that it looked at.
    pub looked: usize,
    /// Texts among them that people scored.
    pub anchors: usize,
    /// What its scores are worth; none with too few anchors.
    pub calibration: Option<Calibration>,
    /// How anchors came out in the latest look that were looked at before.
    pub drift: Option<Drift>,
}

/// Which rows somebody wants to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueView {
    /// Those nobody decided about, and those that are disputed.
    #[default]
    Open,
    /// Those that a second person is to read without knowing what the first one said.
    Second,
    /// Those that readers keep out.
    Rejected,
    /// Those that people changed.
    Edited,
    /// Every row.
    All,
}

impl QueueView {
    /// By its word.
    pub fn from_word(word: &str) -> Option<Self> {
        let known = [Self::Open, Self::Second, Self::Rejected, Self::Edited, Self::All];
        known.into_iter().find(|view| view.word() == word)
    }

    /// The stable machine word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Second => "second",
            Self::Rejected => "rejected",
            Self::Edited => "edited",
            Self::All => "all",
        }
    }
}

/// All rows of a collection, the riskiest first.
#[derive(Clone, Debug)]
pub struct Queue {
    /// The collection.
    pub board: Board,
    /// What its rows are held against.
    pub commission: Commission,
    /// Its rows.
    pub entries: Vec<QueueEntry>,
    /// What the gate found among all rows.
    pub outcome: Outcome,
    /// Who looked a second time.
    pub judge: JudgeStanding,
    /// Where each picture's entry stands.
    places: HashMap<ContentHash, usize>,
    /// Pictures whose rows were changed or read since it was read.
    pub(crate) touched: Vec<ContentHash>,
}

impl Queue {
    /// Reads it; files of rubric and gate are found from `base`.
    pub async fn read(store: &Store, config: &Config, base: &Path, name: &str) -> Result<Self, DeskError> {
        let board = Board::read(store, name, collection(config, name)?).await?;
        let section = CritiqueSection { collection: Some(name.to_owned()), ..CritiqueSection::default() };
        let commission = commission_of(config, base, &section)?;
        let rows = board.all_rows(store).await?.into_iter().map(|(at, row)| {
            let version = version_of(&row.now);
            (at, row, version)
        });
        let rows: Vec<(usize, BoardRow, String)> = rows.collect();
        let looks = looks(store, name).await?;
        // The gate over a large collection is seconds of work.
        let assembling = tokio::task::spawn_blocking(move || Self::of(board, commission, rows, &looks));
        assembling.await.map_err(|error| DeskError::Critique(error.to_string()))
    }

    fn of(
        board: Board,
        commission: Commission,
        mut rows: Vec<(usize, BoardRow, String)>,
        looks: &[Vec<(ContentHash, Look)>],
    ) -> Self {
        let name = &board.name;
        // Those that are merged stand first, so that the later one of two copies is the one that is found.
        rows.sort_by_key(|(at, ..)| board.items[*at].item.merged == 0);
        let members = rows.iter().zip(1..).filter_map(|((_, row, _), number)| Some((number, row.now.as_object()?)));
        let answers: Vec<Answer> = members.map(|(number, row)| answer_of(name, number, row)).collect();
        let mut outcome = check(&answers, &commission.rubric, &commission.gate, None);
        drop(answers);
        let standing = |(at, _, version): &(usize, BoardRow, String)| (board.items[*at].item.picture, version.clone());
        let current: Vec<(ContentHash, String)> = rows.iter().map(standing).collect();
        let judged = Judged::of(looks, &current, &board.readings);
        let mut entries: Vec<QueueEntry> = Vec::new();
        for ((at, row, version), number) in rows.into_iter().zip(1..) {
            let item = &board.items[at];
            let look = judged.latest.get(&(item.item.picture, version.clone())).cloned();
            if commission.gate.evidence
                && let Some(fault) = look.as_ref().and_then(Look::fault)
            {
                outcome.add(name, number, item.item.name.clone(), fault);
            }
            // They are in the order of their rows.
            let begin = outcome.findings.partition_point(|finding| finding.place.row < number);
            let own = outcome.findings[begin..].iter().take_while(|finding| finding.place.row == number);
            let faults: Vec<Fault> = own.map(|finding| finding.fault.clone()).collect();
            let quality = judged.quality(look.as_ref());
            let decision = board.decision(item, &row);
            let known = Known { faults: &faults, look: look.as_ref(), quality, decision };
            let risk = risk(&row.now, &commission.gate, known);
            let sampled = in_sample(name, &item.item.picture, board.collection.second_read());
            entries.push(QueueEntry { at, row, version, faults, look, quality, decision, sampled, risk });
        }
        entries.sort_by_key(QueueEntry::turn);
        let places = entries.iter().map(|entry| board.items[entry.at].item.picture).zip(0..).collect();
        Self { board, commission, entries, outcome, judge: judged.standing, places, touched: Vec::new() }
    }

    /// Where a picture's entry stands.
    pub(crate) fn place(&self, picture: &ContentHash) -> Option<usize> {
        self.places.get(picture).copied()
    }

    /// The picture of an entry.
    pub fn item(&self, entry: &QueueEntry) -> &BoardItem {
        &self.board.items[entry.at]
    }

    /// What was said of an entry's text as it stands.
    pub fn readings<'a>(&'a self, entry: &'a QueueEntry) -> impl Iterator<Item = &'a Reading> {
        let all = self.board.readings_of(self.item(entry)).iter();
        all.filter(|reading| reading.version == entry.version)
    }

    /// How far readers agree about texts as they stand.
    pub fn agreement(&self) -> ReadingAgreement {
        let readings: Vec<&Reading> = self.entries.iter().flat_map(|entry| self.readings(entry)).collect();
        agreement(&readings)
    }

    /// The rows of a view for a reader, in the order in which they are to be read. A second reading comes in the order of the
    /// pictures, so that the order tells nothing.
    pub fn view(&self, view: QueueView, reader: &str) -> Vec<&QueueEntry> {
        let mut entries: Vec<&QueueEntry> =
            self.entries.iter().filter(|entry| self.is_in(view, entry, reader)).collect();
        if view == QueueView::Second {
            entries.sort_by_key(|entry| entry.at);
        } else {
            // Nearly in order already: few have other points than when it was read.
            entries.sort_by_key(|entry| entry.turn());
        }
        entries
    }

    fn is_in(&self, view: QueueView, entry: &QueueEntry, reader: &str) -> bool {
        match view {
            QueueView::Open => matches!(entry.decision, Decision::Open | Decision::Disputed),
            QueueView::Second => self.waits_for(entry, reader),
            QueueView::Rejected => !entry.decision.lets_through(),
            QueueView::Edited => entry.row.now.get("edited_by").is_some(),
            QueueView::All => true,
        }
    }

    /// Whether a reader is to read an entry blind: it is in the sample, somebody else decided, and this one did not.
    pub fn waits_for(&self, entry: &QueueEntry, reader: &str) -> bool {
        let decided = |reading: &&Reading| reading.approved.is_some();
        let mut by_others = self.readings(entry).filter(decided).filter(|reading| reading.reader != reader);
        let own = self.readings(entry).filter(decided).any(|reading| reading.reader == reader);
        entry.sampled && !own && by_others.next().is_some()
    }

    /// What `--json` prints of a view: up to `limit` rows behind `cursor`, which is `next` of the page before. Rows that leave a view
    /// meanwhile move no other to a page that was shown.
    pub fn document(&self, view: QueueView, reader: &str, limit: usize, cursor: Option<&str>) -> Value {
        let rows = self.view(view, reader);
        let is_blind = view == QueueView::Second;
        let turn = |entry: &QueueEntry| if is_blind { (Reverse(0), entry.at) } else { entry.turn() };
        let behind = cursor.and_then(parsed_turn);
        let begin = behind.map_or(0, |behind| rows.partition_point(|entry| turn(entry) <= behind));
        let page = &rows[begin..rows.len().min(begin.saturating_add(limit))];
        let items: Vec<Value> = page.iter().map(|entry| self.entry_document(entry, is_blind)).collect();
        let last = page.last().filter(|_| begin + page.len() < rows.len()).map(|entry| turn(entry));
        let count = |view: QueueView| {
            let rows = self.entries.iter().filter(|entry| self.is_in(view, entry, reader)).count();
            (view.word(), rows)
        };
        let views = [QueueView::Open, QueueView::Second, QueueView::Rejected, QueueView::Edited, QueueView::All];
        json!({
            "name": self.board.name,
            "view": view.word(),
            "counts": views.map(count).into_iter().collect::<BTreeMap<_, _>>(),
            "total": rows.len(),
            "second_read": self.board.collection.second_read(),
            "agreement": self.agreement(),
            "judge": self.judge,
            "items": items,
            "next": last.map(|(Reverse(points), at)| format!("{points}.{at}")),
        })
    }

    /// An entry in a list. A blind one tells nothing of what others found.
    fn entry_document(&self, entry: &QueueEntry, blind: bool) -> Value {
        let item = self.item(entry);
        let mut document = json!({ "picture": item.item.picture, "name": item.item.name });
        if !blind {
            document["state"] = item.state.word().into();
            document["decision"] = json!(entry.decision);
            document["points"] = entry.risk.points.into();
            document["reasons"] = json!(entry.risk.reasons.iter().map(reason_document).collect::<Vec<_>>());
            document["edited"] = entry.row.now.get("edited_by").is_some().into();
            document["quality"] = json!(entry.quality.map(|quality| (quality * 10.0).round() / 10.0));
        }
        document
    }
}

/// The cursor of a page; one that is none of ours is the beginning.
fn parsed_turn(cursor: &str) -> Option<Turn> {
    let (points, at) = cursor.split_once('.')?;
    Some((Reverse(points.parse().ok()?), at.parse().ok()?))
}

fn reason_document(reason: &Reason) -> Value {
    let mut document = json!(reason);
    document["points"] = reason.points().into();
    document
}

/// What the second looks of a collection found, look by look.
async fn looks(store: &Store, name: &str) -> Result<Vec<Vec<(ContentHash, Look)>>, DeskError> {
    let mut looks = Vec::new();
    for job in store.critiques().looks(name).await? {
        let Some(job) = store.jobs().by_name(&job).await? else { continue };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.tasks().documents(job.id, after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some((last.position, last.id));
            found.extend(
                page.iter()
                    .filter_map(|(task, document)| Some((task.spec.pictures.first()?.blake3, Look::read(document)?))),
            );
        }
        looks.push(found);
    }
    Ok(looks)
}

/// The looks at texts as they stand, and what their scores are worth.
struct Judged {
    latest: HashMap<(ContentHash, String), Look>,
    /// Who the calibration is of.
    whose: Option<(String, String)>,
    standing: JudgeStanding,
}

impl Judged {
    /// Scores of different models, or of different words to one model, are never mixed: the judge is that of the latest look.
    fn of(
        looks: &[Vec<(ContentHash, Look)>],
        current: &[(ContentHash, String)],
        readings: &HashMap<ContentHash, Vec<Reading>>,
    ) -> Self {
        let current: HashSet<&(ContentHash, String)> = current.iter().collect();
        let whose = |look: &Look| (look.judge.clone(), look.prompt_hash.clone());
        let judge = looks.iter().rev().find_map(|look| look.last()).map(|(_, look)| whose(look));
        let human = |(picture, version): &(ContentHash, String)| {
            let own = readings.get(picture)?.iter().filter(|reading| reading.version == *version);
            let scores: Vec<f64> = own.filter_map(|reading| reading.score).map(f64::from).collect();
            (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
        };
        let mut latest: HashMap<(ContentHash, String), Look> = HashMap::new();
        let mut first: HashMap<(ContentHash, String), Anchor> = HashMap::new();
        let mut again = Vec::new();
        for (number, look) in looks.iter().enumerate() {
            for (picture, look) in look {
                let key = (*picture, look.version.clone());
                if !current.contains(&key) {
                    continue;
                }
                if Some(whose(look)) == judge
                    && let Some(human) = human(&key)
                {
                    let anchor = Anchor { raw: look.raw, human };
                    if first.contains_key(&key) {
                        if number + 1 == looks.len() {
                            again.push(anchor);
                        }
                    } else {
                        first.insert(key.clone(), anchor);
                    }
                }
                latest.insert(key, look.clone());
            }
        }
        let anchors: Vec<Anchor> = first.into_values().collect();
        let calibration = Calibration::fit(&anchors);
        let drift = calibration.as_ref().and_then(|known| known.drift(&again));
        let standing = JudgeStanding {
            judge: judge.as_ref().map(|(model, _)| model.clone()),
            looked: latest.len(),
            anchors: anchors.len(),
            calibration,
            drift,
        };
        Self { latest, whose: judge, standing }
    }

    fn quality(&self, look: Option<&Look>) -> Option<f64> {
        let (look, (judge, hash)) = (look?, self.whose.as_ref()?);
        let known = self.standing.calibration.as_ref()?;
        (look.judge == *judge && look.prompt_hash == *hash).then(|| known.at(look.raw))
    }
}
