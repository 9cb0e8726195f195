//! Which rows a person should read first: what is known against each, in points. The points are an order and nothing else; each
//! reader sees the reasons. Pure.

use serde::Serialize;
use serde_json::Value;

use super::fault::Fault;
use super::gate::Gate;
use super::look::Look;
use super::reading::Decision;
use super::script::{chinese_length, words};

/// A floor that is passed by no more than this share was aimed at.
const NEAR: f64 = 0.05;
/// Thought that is scored this much above what it rests on is likely to be name-dropping: half a point of five.
const TOP_HEAVY: f64 = 12.5;
/// Calibrated quality below which a reader should look: the middle of 1 to 5.
const MIDDLE: f64 = 3.0;

/// Something that is known against a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// People disagree about it.
    Disputed,
    /// The second look found claims that the picture contradicts.
    Contradicted {
        /// How many.
        claims: usize,
    },
    /// It breaks a rule of the gate.
    Finding {
        /// Which.
        rule: String,
    },
    /// The judge, as calibrated, puts it below the middle.
    LowQuality {
        /// 1 to 5.
        quality: f64,
    },
    /// The second look found claims that cannot be seen in the picture.
    Unseen {
        /// How many.
        claims: usize,
    },
    /// Its thought is scored well above what is seen.
    TopHeavy {
        /// By how much, on the scale of 0 to 100.
        above: f64,
    },
    /// It passed only after it was sent back.
    SentBack,
    /// Nobody says who wrote it.
    Unsigned,
    /// A text is hardly longer than it must be.
    NearFloor {
        /// Which.
        key: &'static str,
    },
}

impl Reason {
    /// How much it counts.
    pub fn points(&self) -> u32 {
        match self {
            Self::Disputed => 50,
            Self::Contradicted { claims } => 40 + 5 * u32::try_from(*claims).unwrap_or(4).min(4),
            Self::Finding { .. } => 30,
            Self::LowQuality { quality } => ((MIDDLE - quality) * 15.0).round() as u32,
            Self::Unseen { claims } => 6 * u32::try_from(*claims).unwrap_or(4).min(4),
            Self::TopHeavy { .. } => 12,
            Self::SentBack => 8,
            Self::Unsigned => 6,
            Self::NearFloor { .. } => 4,
        }
    }
}

/// What is known against a row, the heaviest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Risk {
    /// Their sum.
    pub points: u32,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// What others found about a row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// What the gate found, among all rows.
    pub faults: &'a [Fault],
    /// What the second look at this text found.
    pub look: Option<&'a Look>,
    /// What the calibrated judge makes of it, 1 to 5.
    pub quality: Option<f64>,
    /// What readers said.
    pub decision: Decision,
}

/// What speaks for reading a row soon.
pub fn risk(row: &Value, gate: &Gate, known: Known<'_>) -> Risk {
    let mut reasons: Vec<Reason> =
        known.faults.iter().map(|fault| Reason::Finding { rule: fault.rule().to_owned() }).collect();
    reasons.dedup();
    if known.decision == Decision::Disputed {
        reasons.push(Reason::Disputed);
    }
    if let Some(look) = known.look {
        let (contradicted, unseen) = (look.contradicted(), look.unseen());
        reasons.extend((contradicted > 0).then_some(Reason::Contradicted { claims: contradicted }));
        reasons.extend((unseen > 0).then_some(Reason::Unseen { claims: unseen }));
    }
    reasons.extend(known.quality.filter(|quality| *quality < MIDDLE).map(|quality| Reason::LowQuality { quality }));
    reasons.extend(top_heavy(row));
    if row["attempts"].as_u64().is_some_and(|attempts| attempts > 1) {
        reasons.push(Reason::SentBack);
    }
    if !matches!(row["authorship"].as_str(), Some("human" | "model" | "model+human-edited")) {
        reasons.push(Reason::Unsigned);
    }
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let lengths = [
        ("critique_zh", chinese_length(&text("critique_zh")), gate.least_zh),
        ("critique_en", words(&text("critique_en")).count(), gate.least_en),
    ];
    for (key, length, least) in lengths {
        if least > 0 && length >= least && length as f64 <= least as f64 * (1.0 + NEAR) {
            reasons.push(Reason::NearFloor { key });
        }
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.points()));
    Risk { points: reasons.iter().map(Reason::points).sum(), reasons }
}

fn top_heavy(row: &Value) -> Option<Reason> {
    let score = |layer: u8| row["scores"][format!("L{layer}")].as_f64();
    let below: Vec<f64> = (1..=4).map(score).collect::<Option<_>>()?;
    let above = score(5)? - below.iter().sum::<f64>() / below.len() as f64;
    (above > TOP_HEAVY).then_some(Reason::TopHeavy { above })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_known_against_a_row_is_named_the_heaviest_first() {
        let gate = Gate::shipped("strict").unwrap();
        let clean = json!({"critique_zh": "山".repeat(300), "critique_en": "hill ".repeat(150), "authorship": "model",
            "attempts": 1, "scores": {"L1": 70, "L2": 71, "L3": 69, "L4": 70, "L5": 72}});
        assert_eq!(risk(&clean, &gate, Known::default()), Risk::default());
        let mut bad = clean.clone();
        bad["scores"]["L5"] = json!(90);
        bad["attempts"] = json!(2);
        bad["authorship"] = json!("unknown");
        bad["critique_en"] = json!("hill ".repeat(103));
        let faults = [Fault::NotEnglish];
        let known = Known { faults: &faults, look: None, quality: Some(2.0), decision: Decision::Disputed };
        let found = risk(&bad, &gate, known);
        let words: Vec<String> = found
            .reasons
            .iter()
            .map(|reason| serde_json::to_value(reason).unwrap()["reason"].as_str().unwrap().to_owned())
            .collect();
        let expected = ["disputed", "finding", "low_quality", "top_heavy", "sent_back", "unsigned", "near_floor"];
        assert_eq!(words, expected);
        assert_eq!(found.points, 50 + 30 + 15 + 12 + 8 + 6 + 4);
    }
}
