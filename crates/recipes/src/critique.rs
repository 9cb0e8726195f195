//! `critique`: one picture becomes a critique in two languages. An answer that does not pass the gate goes back once, with what is
//! wrong with it; one that passes is the task's result. A second look asks a judge about a critique that is there already.

use std::collections::BTreeMap;

use imagemill_domain::chat::DEFAULT_MAX_TOKENS;
use imagemill_domain::critique::{
    Commission, complaint, look_document, look_schema, look_system, look_task, version_of,
};
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::job_file::{JobFile, RecipeName};
use imagemill_domain::plan::PlannedStep;
use imagemill_domain::task::TaskSpec;
use imagemill_engine::{AskPart, ChatAsk, Ending, Recipe, RecipeFuture, TaskContext};
use serde_json::{Map, Value, json};

/// The code of a failure at the gate.
const AT_THE_GATE: &str = "critique_gate";
/// Rubric, task and schema in bytes, with room for an answer that is sent back.
const RUBRIC_BYTES: u64 = 14_000;

/// The steps whose answers are critiques.
static WRITING: [&str; 4] = ["critique", "critique/repair", "critique/gate", "critique/gate/repair"];

/// The recipe `critique`.
#[derive(Clone, Copy, Debug)]
pub struct Critique;

impl Recipe for Critique {
    fn name(&self) -> RecipeName {
        RecipeName::Critique
    }

    /// Written at once, or sent back once by the gate; an answer that breaks its schema is repaired, which is a call more.
    fn steps(&self, file: &JobFile) -> Vec<PlannedStep> {
        let wish = file.all_prompts().map(str::len).max().unwrap_or_default();
        let tokens = u64::from(file.options.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS));
        vec![PlannedStep::words([1, 1, 4], RUBRIC_BYTES + wish as u64, 1, tokens)]
    }

    fn run<'a>(&'a self, task: &'a TaskContext) -> RecipeFuture<'a> {
        Box::pin(async move {
            match &task.definition().critique {
                Some(commission) if commission.look => look(task, commission).await,
                _ => write(task).await,
            }
        })
    }
}

async fn write(task: &TaskContext) -> Result<Ending, Failure> {
    let nothing = |message| Failure::new(FailureKind::Invalid, message);
    let commission = task.definition().critique.as_ref();
    let commission = commission.ok_or_else(|| nothing("the job names no rubric; nothing was sent"))?;
    let picture = task.spec().pictures.first();
    let picture = picture.ok_or_else(|| nothing("there is no picture to describe; nothing was sent"))?;
    let name = name_of(task.spec(), &picture.name);
    let wish = task.prompt();
    let schema = commission.schema();
    let mut ask = ChatAsk::new(commission.task(&wish)).system(commission.system());
    for picture in &task.spec().pictures {
        ask = ask.picture(picture.clone());
    }
    let options = &task.definition().file.options;
    ask.max_tokens = options.max_tokens.unwrap_or(ask.max_tokens);
    ask.temperature = options.temperature;
    ask.extra_body = options.extra_body.clone();

    // Asked for anew after it failed at the gate: the writer is told what was wrong with what came last.
    if let Some(told) = complaint_before(task, commission, &name).await? {
        ask.parts.push(AskPart::Text(told));
    }
    let answer = task.structured("critique", ask.clone(), &schema).await?;
    let mut row = commission.row(&name, &answer);
    let faults = commission.faults(&row);
    if !faults.is_empty() {
        ask.parts.push(AskPart::Text(commission.again(&answer, &faults)));
        row = commission.row(&name, &task.structured("critique/gate", ask, &schema).await?);
        let left = commission.faults(&row);
        if !left.is_empty() {
            let message = format!(
                "the critique does not pass the gate {}, and sending it back once did not help: {}",
                commission.gate_name,
                complaint(&left)
            );
            let failure = Failure::new(FailureKind::Protocol, message).billing(Billing::Billed);
            return Err(Failure { code: Some(AT_THE_GATE.to_owned()), ..failure });
        }
    }
    row.extend(origin(task, commission, &wish, faults.is_empty()));
    Ok(Ending::Words(Box::new(Value::Object(row))))
}

/// What sends the last answer of an earlier round back, when it was one that the gate did not let through.
async fn complaint_before(task: &TaskContext, commission: &Commission, name: &str) -> Result<Option<String>, Failure> {
    let Some(text) = task.answered_before(&WRITING).await? else { return Ok(None) };
    // An answer that was no JSON tells nothing that could be put right.
    let Ok(answer) = serde_json::from_str::<Value>(&text) else { return Ok(None) };
    let faults = commission.faults(&commission.row(name, &answer));
    Ok((!faults.is_empty()).then(|| commission.once_more(&answer, &faults)))
}

/// What a judge says of a critique that the list brought, with the picture before it.
async fn look(task: &TaskContext, commission: &Commission) -> Result<Ending, Failure> {
    let spec = task.spec();
    let nothing = |message| Failure::new(FailureKind::Invalid, message);
    let picture = spec.pictures.first();
    let picture = picture.ok_or_else(|| nothing("there is no picture to look at; nothing was sent"))?;
    let text = |column: &str| spec.columns.get(column).map(String::as_str).unwrap_or_default();
    let (zh, en) = (text("critique_zh"), text("critique_en"));
    if zh.is_empty() && en.is_empty() {
        return Err(nothing("the list brings no critique_zh and no critique_en to look at; nothing was sent"));
    }
    let mut ask = ChatAsk::new(look_task(zh, en)).system(look_system(&commission.rubric)).picture(picture.clone());
    let options = &task.definition().file.options;
    ask.max_tokens = options.max_tokens.unwrap_or(ask.max_tokens);
    ask.temperature = options.temperature;
    ask.extra_body = options.extra_body.clone();
    let answer = task.structured("critique/look", ask, &look_schema()).await?;
    let version = match text("version") {
        "" => version_of(&json!({ "critique_zh": zh, "critique_en": en })),
        named => named.to_owned(),
    };
    let mut document = look_document(&version, &answer, task.vision_model(), &commission.rubric);
    document.insert("filepath".to_owned(), name_of(spec, &picture.name).into());
    document.insert("culture".to_owned(), commission.collection.clone().into());
    document.insert("image_blake3".to_owned(), json!(picture.blake3));
    Ok(Ending::Words(Box::new(Value::Object(document))))
}

/// The picture as a list of candidates names it, else as it lies in its folder.
fn name_of(spec: &TaskSpec, name: &str) -> String {
    let listed = ["filepath", "image_path"].into_iter().find_map(|column| spec.columns.get(column));
    listed.filter(|path| !path.is_empty()).map_or(name, String::as_str).to_owned()
}

/// Where the row is from: who wrote it, told what, about which bytes. What a list says of the picture goes along.
fn origin(task: &TaskContext, commission: &Commission, wish: &str, at_once: bool) -> Map<String, Value> {
    let spec = task.spec();
    let said: BTreeMap<&str, &String> = ["artist", "title", "art_genre"]
        .into_iter()
        .filter_map(|column| Some((column, spec.columns.get(column)?)))
        .collect();
    let facts = json!({
        "authorship": "model",
        "model": task.vision_model(),
        "prompt_hash": commission.prompt_hash(wish),
        "rubric": commission.rubric.name,
        "rubric_version": commission.rubric.version,
        "gate": commission.gate_name,
        "attempts": if at_once { 1 } else { 2 },
        "image_blake3": spec.pictures.first().map(|picture| picture.blake3),
    });
    let mut facts = facts.as_object().cloned().unwrap_or_default();
    facts.extend(said.into_iter().map(|(column, value)| (column.to_owned(), value.clone().into())));
    facts
}
