//! One row of the queue as a person reads it: both texts, what is known against them, what was changed by whom, what others said; and
//! what this person changes and says. A blind reader is told none of what others found.

use std::collections::BTreeMap;

use imagemill_domain::critique::{
    CritiqueEdit, Fault, Known, Reading, changes, complaint, difference, edits_of, risk, version_of,
};
use imagemill_domain::hash::ContentHash;
use imagemill_store::Store;
use serde_json::{Value, json};

use crate::collections::{BoardRow, ItemState};
use crate::critique_queue::{Queue, QueueEntry};
use crate::error::DeskError;
use crate::lang::Lang;
use crate::translate::translated;

/// Members of a row that a blind reader is not shown: what others measured.
const NOT_BLIND: [&str; 5] = ["scores", "quality_score", "attempts", "edited_by", "edited_us"];

/// What a person says of a row.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Who.
    pub reader: String,
    /// The version that was read.
    pub version: String,
    /// Whether it may be given out.
    pub approved: Option<bool>,
    /// 1 to 5.
    pub score: Option<u8>,
    /// Free text.
    pub note: String,
}

/// What a person changes in a row.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Who.
    pub author: String,
    /// The version that was changed.
    pub version: String,
    /// Members with their new values.
    pub changes: BTreeMap<String, Value>,
    /// Why.
    pub note: String,
}

impl Queue {
    /// The entry of a picture.
    pub fn entry(&self, picture: &ContentHash) -> Option<&QueueEntry> {
        self.place(picture).map(|at| &self.entries[at])
    }

    /// An entry as a reader sees it.
    pub fn page(&self, entry: &QueueEntry, reader: &str, lang: Lang) -> Value {
        let blind = self.waits_for(entry, reader);
        let item = self.item(entry);
        let mut row = entry.row.now.clone();
        if let Some(members) = row.as_object_mut().filter(|_| blind) {
            members.retain(|member, _| !NOT_BLIND.contains(&member.as_str()));
        }
        let own = self.readings(entry).find(|reading| reading.reader == reader);
        let mut page = json!({
            "name": self.board.name,
            "picture": item.item.picture,
            "file": item.item.name,
            "blind": blind,
            "version": entry.version,
            "row": row,
            "dimensions": self.dimensions(&entry.row.now),
            "reading": own.map(reading_document),
        });
        if !blind {
            let findings = entry.faults.iter().map(|fault| finding_document(fault, lang));
            page["state"] = item.state.word().into();
            page["decision"] = json!(entry.decision);
            page["points"] = entry.risk.points.into();
            page["reasons"] = json!(entry.risk.reasons);
            page["findings"] = findings.collect();
            page["claims"] = json!(entry.look.as_ref().map(|look| &look.claims));
            page["quality"] = json!(entry.quality.map(|quality| (quality * 10.0).round() / 10.0));
            page["edits"] = self.edits(entry).iter().map(|edit| edit_document(edit)).collect();
            page["readings"] = self.readings(entry).map(reading_document).collect();
        }
        page
    }

    fn edits(&self, entry: &QueueEntry) -> Vec<&CritiqueEdit> {
        let all = self.board.edits_of(self.item(entry));
        edits_of(entry.row.first(), all)
    }

    /// The rubric, with what the row says it covers; ids that the rubric does not have stand at the end.
    fn dimensions(&self, row: &Value) -> Vec<Value> {
        let covered =
            |id: &str| row["covered_dimensions"].as_array().is_some_and(|ids| ids.iter().any(|own| own == id));
        let rubric = &self.commission.rubric;
        let known = rubric.dimensions.iter().map(|dimension| {
            let (id, layer) = (&dimension.id, dimension.layer());
            json!({ "id": id, "layer": layer, "name": dimension.name, "covered": covered(id) })
        });
        let strange = row["covered_dimensions"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let strange = strange.filter(|id| rubric.find(id).is_none());
        known.chain(strange.map(|id| json!({ "id": id, "layer": 0, "name": null, "covered": true }))).collect()
    }

    /// Keeps what a person changed; `false` when the row says something else by now. What is told of the row is told anew, as far as
    /// it does not need the other rows.
    pub async fn change(
        &mut self,
        store: &Store,
        picture: &ContentHash,
        wanted: Wanted,
        now_us: i64,
    ) -> Result<bool, DeskError> {
        let Some(at) = self.place(picture) else { return Ok(false) };
        let entry = &self.entries[at];
        if entry.version != wanted.version {
            return Ok(false);
        }
        let changes = changes(&entry.row.now, &wanted.changes).map_err(DeskError::Critique)?;
        if changes.is_empty() {
            return Ok(true);
        }
        let (base, known) = (version_of(entry.row.first()), self.edits(entry).len());
        let (author, note) = (wanted.author, wanted.note);
        let edit = CritiqueEdit { picture: *picture, base, author, changes, note, at_us: now_us };
        let kept = store.critiques().edit(&self.board.name, edit.clone(), known).await?;
        if kept {
            self.board.edits.entry(*picture).or_default().push(edit);
            let place = self.entries[at].at;
            self.board.items[place].item.merged = 0;
            self.renew(at);
        }
        Ok(kept)
    }

    /// Keeps what a person says; `false` when the row says something else by now. Whether it was said blind is known here.
    pub async fn say(
        &mut self,
        store: &Store,
        picture: &ContentHash,
        said: Said,
        now_us: i64,
    ) -> Result<bool, DeskError> {
        let Some(at) = self.place(picture) else { return Ok(false) };
        let entry = &self.entries[at];
        if entry.version != said.version {
            return Ok(false);
        }
        let before = self.readings(entry).find(|reading| reading.reader == said.reader);
        let blind = before.map_or_else(|| self.waits_for(entry, &said.reader), |reading| reading.blind);
        let Said { reader, version, approved, score, note } = said;
        let reading = Reading { picture: *picture, reader, version, approved, score, note, blind, at_us: now_us };
        store.critiques().put_reading(&self.board.name, reading.clone()).await?;
        let own = self.board.readings.entry(*picture).or_default();
        own.retain(|known| known.reader != reading.reader);
        if reading.approved.is_some() || reading.score.is_some() || !reading.note.is_empty() {
            own.push(reading);
        }
        self.renew(at);
        Ok(true)
    }

    /// Takes over what people did in `before` while this one was read.
    pub fn catch_up(&mut self, before: &Self) {
        for picture in &before.touched {
            let (Some(at), Some(known)) = (self.place(picture), before.place(picture)) else { continue };
            let place = self.entries[at].at;
            let edits = before.board.edits_of(before.item(&before.entries[known]));
            if edits.len() > self.board.edits_of(&self.board.items[place]).len() {
                self.board.edits.insert(*picture, edits.to_vec());
                self.board.items[place].item.merged = 0;
            }
            let readings = before.board.readings.get(picture).cloned().unwrap_or_default();
            self.board.readings.insert(*picture, readings);
            self.renew(at);
        }
    }

    /// Forgets what people did so far: whoever reads the queue from here on finds it in the store.
    pub fn begin_again(&mut self) {
        self.touched.clear();
    }

    /// Tells an entry anew after it was changed. Copies and stock sentences of a new text show at the next reading of the queue.
    fn renew(&mut self, at: usize) {
        let place = self.entries[at].at;
        let picture = self.board.items[place].item.picture;
        self.touched.push(picture);
        let mut entry = self.entries[at].clone();
        entry.row = BoardRow::new(entry.row.first().clone(), self.board.edits_of(&self.board.items[place]));
        let version = version_of(&entry.row.now);
        if version != entry.version {
            entry.version = version;
            entry.look = None;
            entry.quality = None;
            entry.faults = entry.row.now.as_object().map(|row| self.commission.faults(row)).unwrap_or_default();
        }
        entry.decision = self.board.decision(self.item(&entry), &entry.row);
        let item = &mut self.board.items[place];
        item.state = match item.item.merged {
            _ if !entry.decision.lets_through() => ItemState::Rejected,
            0 => ItemState::Accepted,
            _ => ItemState::Merged,
        };
        let known = Known {
            faults: &entry.faults,
            look: entry.look.as_ref(),
            quality: entry.quality,
            decision: entry.decision,
        };
        entry.risk = risk(&entry.row.now, &self.commission.gate, known);
        self.entries[at] = entry;
    }
}

fn finding_document(fault: &Fault, lang: Lang) -> Value {
    let message = complaint(std::slice::from_ref(fault));
    json!({ "rule": fault.rule(), "message": translated(lang, &message) })
}

fn reading_document(reading: &Reading) -> Value {
    json!({
        "reader": reading.reader,
        "verdict": match reading.approved { Some(true) => "approve", Some(false) => "reject", None => "none" },
        "score": reading.score,
        "note": reading.note,
        "blind": reading.blind,
        "at_us": reading.at_us,
    })
}

fn edit_document(edit: &CritiqueEdit) -> Value {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(ids) => ids.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    };
    let changes: Vec<Value> = edit
        .changes
        .iter()
        .map(|(member, change)| {
            json!({ "member": member, "difference": difference(&text(&change.before), &text(&change.after)) })
        })
        .collect();
    json!({ "author": edit.author, "at_us": edit.at_us, "note": edit.note, "changes": changes })
}
