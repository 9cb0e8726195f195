//! The JSON documents of docs/command-line.md. The command line prints them with `--json`, the server answers with them; their
//! members are promises.

use std::collections::BTreeMap;

use imagemill_domain::capability::Capabilities;
use imagemill_domain::failure::FailureKind;
use imagemill_domain::plan::Plan;
use imagemill_domain::profile::{Credential, Profile};
use imagemill_export::Saved;
use imagemill_store::Batch;
use serde_json::{Value, json};

use crate::costs::{CostSum, CostsBy};
use crate::look::{FailureExample, UnknownCall};
use crate::profiles::read_credential;
use crate::progress::JobSnapshot;

/// JOB: a job in a list.
pub fn job(job: &JobSnapshot) -> Value {
    json!({
        "job": job.name,
        "id": job.id,
        "state": job.state,
        "reason": job.reason,
        "profile": job.profile,
        "tasks": job.counts,
        "total": job.counts.total(),
        "pictures": job.pictures,
        "spent": job.spent,
        "unpriced": job.unpriced,
        "reserved": job.reserved,
        "budget": job.budget,
        "waiting_until_us": job.waiting_until_us,
        "profile_paused": paused(job),
    })
}

/// The last words of a run.
pub fn summary(
    job: &JobSnapshot,
    seconds: u64,
    put_off: &BTreeMap<FailureKind, u64>,
    failures: &[FailureExample],
    unknown: &[UnknownCall],
    saved: Option<&Saved>,
) -> Value {
    json!({
        "type": "summary",
        "job": job.name,
        "id": job.id,
        "state": job.state,
        "reason": job.reason,
        "tasks": job.counts,
        "total": job.counts.total(),
        "pictures": job.pictures,
        "spent": job.spent,
        "unpriced": job.unpriced,
        "reserved": job.reserved,
        "budget": job.budget,
        "seconds": seconds,
        "put_off": put_off,
        "failures": failures,
        "unknown": unknown,
        "profile": job.profile,
        "profile_paused": paused(job),
        "saved": saved,
    })
}

/// Calls that go to their provider together.
pub fn batch(batch: &Batch) -> Value {
    json!({
        "id": batch.id,
        "state": batch.state.word(),
        "key": batch.key,
        "profile": batch.profile,
        "model": batch.model,
        "calls": batch.items,
        "remote_id": batch.remote_id,
        "outcome": batch.outcome,
        "opened_us": batch.opened_us,
        "sent_us": batch.sent_us,
        "ended_us": batch.ended_us,
        "next_ask_us": batch.next_ask_us,
    })
}

fn paused(job: &JobSnapshot) -> Option<Value> {
    let (kind, reason, until_us) = job.paused.as_ref()?;
    Some(json!({ "kind": kind, "reason": reason, "until_us": until_us }))
}

/// PLAN; `tasks` are the listed ones, as the planner wrote them.
pub fn plan(plan: &Plan, tasks: &[Value]) -> Value {
    json!({
        "job": plan.name,
        "recipe": plan.definition.file.recipe,
        "profile": plan.definition.profile.name,
        "provider": plan.definition.profile.provider,
        "protocol": plan.definition.profile.protocol,
        "model": plan.definition.model,
        "ways": plan.ways,
        "size": plan.size,
        "tasks": plan.tasks,
        "sources": plan.scan.items.len(),
        "cost": plan.cost,
        "steps": plan.steps,
        "call_ceiling": plan.definition.call_ceiling,
        "lane": plan.definition.file.lane,
        "batch": plan.definition.batch,
        "budget": plan.definition.file.budget,
        "seconds_at_rate": plan.seconds_at_rate,
        "unknown_policy": plan.definition.unknown,
        "skipped": plan.scan.skipped,
        "ignored_files": plan.scan.ignored,
        "warnings": plan.warnings,
        "task_list": tasks,
    })
}

/// PROFILE: where the secret is, never the secret.
pub fn profile(profile: &Profile, default: Option<&str>) -> Value {
    let credential = match &profile.credential {
        Credential::None => json!(null),
        Credential::Env(name) => json!({ "env": name }),
        Credential::File(path) => json!({ "file": path }),
        Credential::Keyring(entry) => json!({ "keyring": entry }),
    };
    json!({
        "name": profile.name,
        "description": profile.description,
        "provider": profile.provider,
        "protocol": profile.protocol,
        "base_url": profile.base_url,
        "model": profile.model,
        "credential": credential,
        "ready": read_credential(profile).is_ok(),
        "default": default == Some(profile.name.as_str()),
        "limits": profile.limits,
    })
}

/// All keys of an entry of the models table, with what follows from them.
pub fn model(entry: &Capabilities) -> Value {
    let mut value = serde_json::to_value(entry).expect("a table that was read can be written");
    value["endpoints"] = entry.endpoints().into();
    value["unknown"] = entry.unknowns().into();
    value
}

/// The ledger added up.
pub fn costs(by: CostsBy, groups: &[(String, CostSum)], total: &CostSum) -> Value {
    let groups: Vec<Value> = groups
        .iter()
        .map(|(name, sum)| {
            let mut document = serde_json::to_value(sum).expect("sums always serialise");
            document["name"] = name.as_str().into();
            document
        })
        .collect();
    json!({ "by": by.word(), "groups": groups, "total": total })
}
