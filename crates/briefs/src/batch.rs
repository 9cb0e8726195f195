//! A batch file to single requests: rows (CSV, JSONL), or a matrix of personas, concepts, variations and samples (JSON, TOML) over common
//! members. What comes out are request files like any other, each to be read by the gate; nothing is decided here that it would refuse.

use std::fmt::Write as _;

use imagemill_domain::template::Template;
use serde_json::{Map, Value, json};

use crate::brief::Verb;
use crate::fields::{BOOLEANS, LISTS, NUMBERS};
use crate::problem::{Problem, Problems};
use crate::read::read;

/// The axes of a matrix, in the order of their names in an asset's name.
const AXES: [(&str, &str); 3] = [("personas", "persona"), ("concepts", "concept"), ("variations", "variation")];
/// The most requests of one file: more is most likely a mistake in a matrix.
const MOST_REQUESTS: usize = 10_000;

/// One request of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRequest {
    /// `ASSET RUN`, for messages.
    pub label: String,
    /// What is asked for.
    pub verb: Verb,
    /// As the text of a request file.
    pub text: String,
}

type Members = Map<String, Value>;

/// Reads a batch file; `suffix` is that of its name. Everything that is wrong with any of its requests is told at once.
pub fn batch(text: &str, suffix: &str) -> Result<Vec<BatchRequest>, Problems> {
    let text = text.trim_start_matches('\u{feff}');
    let rows = match suffix.to_ascii_lowercase().as_str() {
        "csv" => table(text)?,
        "jsonl" | "ndjson" => lines(text)?,
        "toml" => matrix(toml::from_str(text).map_err(|error| unreadable(&error))?)?,
        _ => matrix(serde_json::from_str(text).map_err(|error| unreadable(&error))?)?,
    };
    if rows.is_empty() {
        return Err(file_problem("the batch file has no requests".into()));
    }
    if rows.len() > MOST_REQUESTS {
        let message = format!("the batch file makes {} requests, and {MOST_REQUESTS} is the most of one", rows.len());
        return Err(file_problem(message));
    }
    let (mut requests, mut problems): (Vec<BatchRequest>, Vec<Problem>) = (Vec::new(), Vec::new());
    for (at, members) in rows.into_iter().enumerate() {
        let word = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
        let label = format!("{} {}", word("assetId"), word("runId"));
        let edits = word("mode") == "edit" || members.contains_key("inputUrls") || members.contains_key("inputImages");
        let verb = if edits { Verb::Edit } else { Verb::Generate };
        let text = Value::Object(members).to_string();
        let place = if label.contains('?') { format!("request {}", at + 1) } else { label.clone() };
        if let Err(wrong) = read(&text, verb) {
            problems.extend(wrong.of(&place).0);
        } else if requests.iter().any(|other| other.label == label) {
            let message = "this asset and run stand in the file twice; give each a runId of its own";
            problems.push(Problem::wrong("runId", message).of(&place));
        }
        requests.push(BatchRequest { label, verb, text });
    }
    if problems.is_empty() { Ok(requests) } else { Err(Problems(problems)) }
}

fn file_problem(message: String) -> Problems {
    Problems(vec![Problem::wrong("", message)])
}

fn unreadable(error: &dyn std::fmt::Display) -> Problems {
    file_problem(format!("the batch file cannot be read: {error}"))
}

/// Request files, one a line.
fn lines(text: &str) -> Result<Vec<Members>, Problems> {
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(Value::Object(mut members)) => rows.push(match members.remove("input") {
                Some(Value::Object(input)) => input,
                _ => members,
            }),
            Ok(_) => return Err(file_problem(format!("line {} of the batch file is no JSON object", at + 1))),
            Err(error) => return Err(unreadable(&format!("line {}: {error}", at + 1))),
        }
    }
    Ok(rows.into_iter().map(placed).collect())
}

/// A table whose columns are members; a list has `|` between its items, and an empty cell is no member.
fn table(text: &str) -> Result<Vec<Members>, Problems> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names: Vec<String> =
        reader.headers().map_err(|error| unreadable(&error))?.iter().map(|name| name.trim().to_owned()).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| unreadable(&error))?;
        let cells = names.iter().zip(record.iter()).filter(|(name, cell)| !name.is_empty() && !cell.trim().is_empty());
        rows.push(cells.map(|(name, cell)| (name.clone(), cell_value(name, cell))).collect());
    }
    Ok(rows.into_iter().map(placed).collect())
}

/// What is not of its type stays text, so that the gate says what is wrong with it.
fn cell_value(name: &str, cell: &str) -> Value {
    let trimmed = cell.trim();
    if LISTS.contains(&name) {
        return trimmed.split('|').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>().into();
    }
    let number = NUMBERS.contains(&name).then(|| trimmed.parse::<i64>().ok()).flatten();
    let flag = BOOLEANS.contains(&name).then(|| trimmed.to_ascii_lowercase().parse::<bool>().ok()).flatten();
    number.map(Value::from).or(flag.map(Value::from)).unwrap_or_else(|| cell.into())
}

/// A request without a folder goes to `assets/` under its asset's name.
fn placed(mut members: Members) -> Members {
    if !members.contains_key("localAssetDir")
        && !members.contains_key("localOutputDir")
        && let Some(asset) = members.get("assetId").and_then(Value::as_str)
    {
        let folder = format!("assets/{asset}");
        members.insert("localAssetDir".into(), folder.into());
    }
    members
}

/// An entry of an axis.
#[derive(Clone)]
struct Entry {
    id: String,
    /// What stands in the prompt for it.
    text: String,
    members: Members,
}

fn matrix(value: Value) -> Result<Vec<Members>, Problems> {
    let Value::Object(mut file) = value else {
        return Err(file_problem("a batch file holds one JSON object, or is a CSV, JSONL or TOML file".into()));
    };
    let mut axes = Vec::new();
    for (plural, _) in AXES {
        axes.push(entries(plural, file.remove(plural))?);
    }
    let defaults = match file.remove("defaults") {
        None => Members::new(),
        Some(Value::Object(members)) => members,
        Some(_) => {
            return Err(Problems(vec![Problem::wrong("defaults", "defaults holds members of requests, by name")]));
        }
    };
    let samples =
        match file.remove("samples").map(|samples| samples.as_u64().filter(|number| (1..=999).contains(number))) {
            None => 1,
            Some(Some(samples)) => samples,
            Some(None) => {
                let message = "samples must be a whole number, at least 1 and at most 999";
                return Err(Problems(vec![Problem::wrong("samples", message)]));
            }
        };
    let sequential = file.remove("sequential").is_some_and(|value| value == true);
    if let Some(unknown) = file.keys().next() {
        let message = format!(
            "the batch file does not know {unknown}; it has defaults, personas, concepts, variations, samples and sequential"
        );
        return Err(Problems(vec![Problem::wrong(unknown, message)]));
    }
    let shots = if sequential { std::mem::take(&mut axes[2]) } else { Vec::new() };
    if sequential {
        check_shots(&shots)?;
    }
    let mut rows = Vec::new();
    for chosen in combinations(&axes) {
        for sample in 1..=samples {
            rows.push(placed(request(&defaults, &chosen, &shots, sample)?));
        }
        if rows.len() > MOST_REQUESTS {
            break;
        }
    }
    Ok(rows)
}

fn entries(axis: &str, value: Option<Value>) -> Result<Vec<Entry>, Problems> {
    let wrong = |message: String| Problems(vec![Problem::wrong(axis, message)]);
    let items = match value {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(wrong(format!("{axis} must be a list"))),
    };
    let entry = |item: Value| match item {
        Value::String(id) => Ok(Entry { text: id.clone(), id, members: Members::new() }),
        Value::Object(mut members) => {
            let id = members.remove("id").and_then(|id| Some(id.as_str()?.to_owned())).unwrap_or_default();
            if id.is_empty() {
                return Err(wrong(format!("each of {axis} needs an id that people can read")));
            }
            let text = members.remove("text").and_then(|text| Some(text.as_str()?.to_owned()));
            Ok(Entry { text: text.unwrap_or_else(|| id.clone()), id, members })
        }
        _ => Err(wrong(format!("each of {axis} is a name, or an object with id, text and members of requests"))),
    };
    items.into_iter().map(entry).collect()
}

/// A sequence is one request, so what differs between its pictures can only be said in words.
fn check_shots(shots: &[Entry]) -> Result<(), Problems> {
    if shots.is_empty() {
        let message = "sequential needs variations: each is one picture of the sequence";
        return Err(Problems(vec![Problem::wrong("variations", message)]));
    }
    let Some(shot) = shots.iter().find(|shot| !shot.members.is_empty()) else { return Ok(()) };
    let message =
        format!("the variation {} has members of its own, and a sequence is one request; say it in its text", shot.id);
    Err(Problems(vec![Problem::wrong("variations", message)]))
}

/// One entry of each axis that has any, with the axis' name, in all combinations.
fn combinations(axes: &[Vec<Entry>]) -> Vec<Vec<(&'static str, &Entry)>> {
    let mut all = vec![Vec::new()];
    for ((_, axis), entries) in AXES.iter().zip(axes).filter(|(_, entries)| !entries.is_empty()) {
        all = all
            .into_iter()
            .take(MOST_REQUESTS + 1)
            .flat_map(|chosen: Vec<(&str, &Entry)>| {
                entries.iter().map(move |entry| {
                    let mut chosen = chosen.clone();
                    chosen.push((*axis, entry));
                    chosen
                })
            })
            .collect();
    }
    all
}

fn request(
    defaults: &Members,
    chosen: &[(&'static str, &Entry)],
    shots: &[Entry],
    sample: u64,
) -> Result<Members, Problems> {
    let mut members = defaults.clone();
    for (axis, entry) in chosen {
        for (name, value) in &entry.members {
            match (members.get_mut(name), value) {
                // What is fixed for a persona stays fixed in each of its concepts.
                (Some(Value::Array(known)), Value::Array(more)) => {
                    let new: Vec<Value> = more.iter().filter(|one| !known.contains(one)).cloned().collect();
                    known.extend(new);
                }
                _ => _ = members.insert(name.clone(), value.clone()),
            }
        }
        if let Some(field) = match *axis {
            "persona" => Some("personaId"),
            "concept" => Some("conceptId"),
            _ => None,
        } {
            members.entry(field).or_insert_with(|| entry.id.clone().into());
        }
    }
    let named: Vec<&str> = chosen.iter().map(|(_, entry)| entry.id.as_str()).collect();
    if !members.contains_key("assetId") || !named.is_empty() {
        let stem = members.get("assetId").and_then(Value::as_str).map(str::to_owned);
        let parts: Vec<&str> = stem.as_deref().into_iter().chain(named).chain(["v1"]).collect();
        members.insert("assetId".into(), parts.join("-").into());
    }
    let run = members.get("runId").and_then(Value::as_str).unwrap_or("image-run");
    members.insert("runId".into(), format!("{run}-{sample:03}").into());
    if let Some(seed) = members.get("seed").and_then(Value::as_i64) {
        members.insert("seed".into(), (seed + sample as i64 - 1).into());
    }
    if !chosen.is_empty()
        && let Some(prompt) = members.get("prompt").and_then(Value::as_str)
    {
        let prompt = filled(prompt, chosen)?;
        members.insert("prompt".into(), prompt.into());
    }
    if !shots.is_empty() {
        sequence(&mut members, shots);
    }
    Ok(members)
}

/// The prompt of a matrix is a template: `{persona}`, `{concept}`, `{variation}`.
fn filled(prompt: &str, chosen: &[(&'static str, &Entry)]) -> Result<String, Problems> {
    let value = |name: &str| chosen.iter().find(|(axis, _)| *axis == name).map(|(_, entry)| entry.text.as_str().into());
    let known = || chosen.iter().map(|(axis, _)| (*axis).to_owned()).collect();
    let rendered = Template::parse(prompt).and_then(|template| template.render(value, known));
    rendered
        .map_err(|error| Problems(vec![Problem::wrong("prompt", format!("the prompt cannot be filled in: {error}"))]))
}

/// One request for all shots, for a model that keeps a person and a place the same over a sequence. Such models want the number in words, too.
fn sequence(members: &mut Members, shots: &[Entry]) {
    members.entry("model").or_insert_with(|| "image-seedream-v5-lite-sequential".into());
    members.entry("maxImages").or_insert_with(|| json!(shots.len()));
    let Some(prompt) = members.get("prompt").and_then(Value::as_str) else { return };
    let chinese = prompt.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    let mut prompt = if chinese {
        format!("{prompt}\n\n同一人物、同一场景的 {} 张图片：", shots.len())
    } else {
        format!("{prompt}\n\nA sequence of {} pictures of the same person and place:", shots.len())
    };
    for (at, shot) in shots.iter().enumerate() {
        let _ = write!(prompt, "\n{}. {}", at + 1, shot.text);
    }
    members.insert("prompt".into(), prompt.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common() -> Value {
        json!({
            "assetPurpose": "persona_candidate", "sourceBasis": ["research.md"], "mustKeep": ["one face"], "seed": 5,
            "prompt": "{persona} {concept}, {variation}", "qualityProfile": "draft", "qualityReason": "a first look",
        })
    }

    fn members(request: &BatchRequest) -> Value {
        serde_json::from_str(&request.text).unwrap()
    }

    #[test]
    fn a_matrix_makes_a_request_for_each_combination_and_sample() {
        let file = json!({
            "defaults": common(), "samples": 2,
            "personas": [{"id": "maya", "text": "a woman", "mustKeep": ["short hair"]}, "tom"],
            "concepts": [{"id": "desk", "text": "at a desk"}],
            "variations": ["mug", {"id": "lamp", "text": "by a lamp", "canVary": ["the lamp"]}],
        });
        let requests = batch(&file.to_string(), "json").unwrap();
        assert_eq!(requests.len(), 8);
        assert_eq!(requests[3].label, "maya-desk-lamp-v1 image-run-002");
        let one = members(&requests[3]);
        assert_eq!(one["prompt"], "a woman at a desk, by a lamp");
        assert_eq!((&one["personaId"], &one["conceptId"], &one["seed"]), (&json!("maya"), &json!("desk"), &json!(6)));
        assert_eq!(one["mustKeep"], json!(["one face", "short hair"]));
        assert_eq!(
            (&one["canVary"], &one["localAssetDir"]),
            (&json!(["the lamp"]), &json!("assets/maya-desk-lamp-v1"))
        );
        let toml = "samples = 2\n[defaults]\nassetPurpose = \"cover_frame\"\nsourceBasis = [\"a\"]\nprompt = \"{persona}\"\n[[personas]]\nid = \"maya\"\n";
        assert_eq!(batch(toml, "toml").unwrap().len(), 2);
    }

    #[test]
    fn a_sequence_is_one_request_that_says_its_number() {
        let mut defaults = common();
        defaults["prompt"] = "{persona} in one flat".into();
        let file = json!({
            "defaults": defaults, "personas": ["maya"], "sequential": true,
            "variations": [{"id": "door", "text": "at the door"}, {"id": "sofa", "text": "on the sofa"}],
        });
        let requests = batch(&file.to_string(), "json").unwrap();
        assert_eq!(requests.len(), 1);
        let one = members(&requests[0]);
        assert_eq!((&one["model"], &one["maxImages"]), (&json!("image-seedream-v5-lite-sequential"), &json!(2)));
        let expected = "maya in one flat\n\nA sequence of 2 pictures of the same person and place:\n1. at the door\n2. on the sofa";
        assert_eq!(one["prompt"], expected);
    }

    #[test]
    fn rows_are_requests_and_all_that_is_wrong_is_told_with_its_row() {
        let csv = "assetId,runId,personaId,assetPurpose,sourceBasis,prompt,mustKeep,maxImages\n\
                   maya-v1,r-1,maya,cover_frame,a.md|b.md,\"a woman, smiling\",hair|mug,\n";
        let one = members(&batch(csv, "csv").unwrap()[0]);
        assert_eq!((&one["sourceBasis"], &one["mustKeep"]), (&json!(["a.md", "b.md"]), &json!(["hair", "mug"])));
        let line = r#"{"assetId":"maya-v1","runId":"r-1","personaId":"maya","assetPurpose":"cover_frame","sourceBasis":["a"],"prompt":"x"}"#;
        let edit = line.replace("r-1", "r-2").replace("\"prompt\"", "\"inputUrls\":[\"a.png\"],\"prompt\"");
        let requests = batch(&format!("{line}\n{edit}\n"), "jsonl").unwrap();
        assert_eq!((requests[0].verb, requests[1].verb), (Verb::Generate, Verb::Edit));
        let wrong =
            batch(&format!("{line}\n{}\n{line}\n", line.replace("cover_frame", "poster")), "jsonl").unwrap_err();
        let told: Vec<(String, bool)> =
            wrong.0.iter().map(|one| (one.field.clone(), one.message.starts_with("maya-v1 r-1: "))).collect();
        assert_eq!(told, [("maya-v1 r-1: assetPurpose".to_owned(), true), ("maya-v1 r-1: runId".to_owned(), true),]);
    }

    #[test]
    fn a_matrix_that_cannot_be_meant_is_refused() {
        for (file, part) in [
            (json!({"persona": ["a"]}), "does not know persona"),
            (json!({"defaults": common(), "personas": [{"text": "x"}]}), "needs an id"),
            (json!({"defaults": common(), "personas": ["a"], "samples": 0}), "samples must be"),
            (json!({"defaults": common(), "personas": ["a"], "sequential": true}), "sequential needs variations"),
            (json!({"defaults": common(), "personas": ["a"]}), "cannot be filled in"),
        ] {
            let said = batch(&file.to_string(), "json").unwrap_err().to_string();
            assert!(said.contains(part), "{said}");
        }
        let many: Vec<String> = (0..101).map(|number| format!("p{number}")).collect();
        let file = json!({"defaults": {"prompt": "x"}, "personas": many, "concepts": many, "samples": 1});
        assert!(batch(&file.to_string(), "json").unwrap_err().to_string().contains("is the most of one"));
    }
}
