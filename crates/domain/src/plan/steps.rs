//! What a recipe's further paid steps add to a plan's money: calls in words, and pictures before the last ones. The recipe says
//! which and how many; who answers and what that costs is the plan's. Must not know a recipe.

use serde::Serialize;

use crate::capability::{CallEstimate, CapabilityTable};
use crate::chat::ChatShape;
use crate::lane::Lane;

use super::{CostEstimate, Plan};

/// Who is called in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// The job's text model.
    Text,
    /// Its vision model.
    Vision,
    /// Its picture model, as in the last call.
    Picture,
}

/// A paid step that each task makes besides its last call, as its recipe states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedStep {
    kind: StepKind,
    times: [u32; 3],
    shape: ChatShape,
}

impl PlannedStep {
    /// A call in words with about so many bytes in, `pictures` to look at, and at most so many tokens out. `times`: how often at
    /// least, usually and at most, retries not counted.
    pub fn words(times: [u32; 3], prompt_bytes: u64, pictures: u64, max_tokens: u64) -> Self {
        let kind = if pictures > 0 { StepKind::Vision } else { StepKind::Text };
        Self { kind, times, shape: ChatShape { prompt_bytes, pictures, max_tokens } }
    }

    /// Pictures that are made before the last ones.
    pub fn pictures(times: [u32; 3]) -> Self {
        Self { kind: StepKind::Picture, times, shape: ChatShape { prompt_bytes: 0, pictures: 0, max_tokens: 0 } }
    }
}

/// Such a step in a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PricedStep {
    /// Who is called.
    pub kind: StepKind,
    /// How often for each task: at least, usually, at most.
    pub times: [u32; 3],
    /// The model that is called.
    pub model: String,
    /// What one call costs; `None` when the price is not known.
    pub call: Option<CallEstimate>,
}

/// Where a price is from and its day, where that is not the pictures' own.
type Source = Option<(String, String)>;

impl Plan {
    /// Adds what `steps` cost for each task. A price that is not known makes the job's unknown. The speakers must be set.
    pub fn price_steps(&mut self, steps: &[PlannedStep], table: &CapabilityTable) {
        for step in steps.iter().filter(|step| step.times[2] > 0) {
            let (model, price) = self.priced(*step, table);
            let (call, source) = price.unzip();
            self.cost = self.cost.take().zip(call).map(|(cost, call)| self.with(cost, *step, call, source.flatten()));
            self.steps.push(PricedStep { kind: step.kind, times: step.times, model, call });
        }
    }

    /// Who answers, and what one call costs there with the price's source.
    fn priced(&mut self, step: PlannedStep, table: &CapabilityTable) -> (String, Option<(CallEstimate, Source)>) {
        let definition = &self.definition;
        let speaker = match step.kind {
            StepKind::Picture => return (definition.model.clone(), self.ways[0].call.map(|call| (call, None))),
            StepKind::Text => &definition.speakers.text,
            StepKind::Vision => &definition.speakers.vision,
        };
        let own = (&definition.profile, &definition.model);
        let (profile, model) = speaker.as_ref().map_or(own, |speaker| (&speaker.profile, &speaker.model));
        let known = table.find(&profile.provider, model);
        // Words have no other endpoint in the batch lane; a model without batches answers at once.
        let file = &definition.file;
        let terms = known.filter(|known| {
            file.lane == Lane::Batch && known.batch == Some(profile.resolved_chat_protocol().batch_kind())
        });
        let terms = terms.and_then(|known| table.batch_terms(known));
        let priced = known.and_then(|known| known.price.as_ref()).and_then(|price| {
            let call = price.chat_estimate(step.shape)?;
            let call = terms.map_or(call, |terms| super::ways::batch_call(call, terms, file));
            Some((call, Some((price.source.clone(), price.date.clone()))))
        });
        let warning = super::ways::price_not_known(model, &profile.provider);
        let model = model.clone();
        if priced.is_none() && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
        (model, priced)
    }

    fn with(&self, mut cost: CostEstimate, step: PlannedStep, call: CallEstimate, source: Source) -> CostEstimate {
        let [least, usual, most] = step.times.map(|times| u64::from(times) * self.tasks);
        cost.low += call.low.times(least);
        cost.likely += call.likely.times(usual);
        cost.high += call.high.times(most);
        if let Some((source, date)) = source {
            if cost.source.is_empty() {
                (cost.source, cost.date) = (source, date);
                return cost;
            }
            if !cost.source.split(", ").any(|known| known == source) {
                cost.source = format!("{}, {source}", cost.source);
            }
            cost.date = cost.date.min(date);
        }
        cost
    }
}
