//! One way of a job's calls at a time: does its model take the job, what goes out for sizes, what does a call cost; and what
//! several ways together mean for the job's money and time.

use serde::Serialize;

use crate::capability::{CallEstimate, CallShape, Capabilities, CapabilityTable};
use crate::job_file::JobFile;
use crate::lane::{BatchFallback, BatchTerms};
use crate::money::Money;
use crate::profile::{Profile, Protocol};
use crate::request::NegativePrompt;
use crate::route::Route;
use crate::sizes::SizeChoice;
use crate::source::Scan;

use super::options::Asked;
use super::{CostEstimate, PlanError};

/// A way as a plan shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedWay {
    /// Profile by name.
    pub profile: String,
    /// Who serves it.
    pub provider: String,
    /// Over which protocol.
    pub protocol: Protocol,
    /// The model that is called.
    pub model: String,
    /// Its share of the tasks; 0 in a fail-over order.
    pub share: u32,
    /// What goes out for the aspect ratio and size that were asked for.
    pub size: SizeChoice,
    /// What one call costs here; `None` when the price is not known.
    pub call: Option<CallEstimate>,
}

/// A way with its price.
pub(super) struct Way {
    pub(super) route: Route,
    pub(super) planned: PlannedWay,
    /// Source and day of its price.
    price: Option<(String, String)>,
}

/// Checks the job against one profile.
pub(super) fn plan_way(
    file: &JobFile,
    (profile, share): (&Profile, u32),
    scan: &Scan,
    table: &CapabilityTable,
    warnings: &mut Vec<String>,
) -> Result<Way, PlanError> {
    let model = [file.model.as_deref(), Some(profile.model.as_str())]
        .into_iter()
        .flatten()
        .find(|model| !model.is_empty())
        .ok_or_else(|| PlanError::NoModel { profile: profile.name.clone() })?
        .to_owned();
    let capabilities = table.find(&profile.provider, &model);
    let asked = Asked { model: &model, profile, capabilities };
    let size = asked.size(&file.options)?;
    let mut file = file.clone();
    file.options.stream = asked.stream(&file)?;
    let batch = asked.batch(&file, table)?;
    file.options.size.clone_from(&size.size);
    file.options.aspect_ratio.clone_from(&size.aspect_ratio);
    asked.check(&file, scan)?;
    asked.check_bytes(&file, scan, batch.as_ref())?;
    let negative = asked.negative_prompt();
    if negative == NegativePrompt::Folded && !file.negative_prompt.trim().is_empty() {
        let (paragraph, _) = negative.apply(String::new(), &file.negative_prompt);
        warnings.push(format!(
            "{model} has no parameter for a negative prompt: it goes out as the last paragraph of each prompt, {:?}",
            paragraph.trim()
        ));
    }
    // Where no picture is made, what it costs are the steps, at whoever answers them.
    let words_only = !file.recipe.makes_pictures();
    let price = capabilities.and_then(|capabilities| capabilities.price.as_ref()).filter(|_| !words_only);
    let call = match price {
        None => words_only.then(CallEstimate::default),
        Some(price) => price.estimate(shape(&file, &size, scan)),
    };
    if call.is_none() {
        warnings.push(price_not_known(&model, &profile.provider));
    }
    let mut profile = profile.clone();
    if let Some(limits) = file.limits {
        profile.limits = limits;
    }
    profile.protocol = profile.resolved_protocol(capabilities.is_some_and(Capabilities::knows_images));
    let call_ceiling = call.map(|call| call.high);
    let call = call.map(|call| batch.as_ref().map_or(call, |terms| batch_call(call, terms, &file)));
    let planned = PlannedWay {
        profile: profile.name.clone(),
        provider: profile.provider.clone(),
        protocol: profile.protocol,
        model: model.clone(),
        share,
        size,
        call,
    };
    let price = price.map(|price| (price.source.clone(), price.date.clone()));
    let route = Route { profile, model, negative, call_ceiling, batch, options: file.options, share };
    Ok(Way { route, planned, price })
}

/// What a plan says where a model has no price.
pub(super) fn price_not_known(model: &str, provider: &str) -> String {
    format!(
        "the price of {model} at {provider} is not known; add it to a models file, or accept it with --accept-unknown-price"
    )
}

fn shape<'a>(file: &'a JobFile, size: &'a SizeChoice, scan: &Scan) -> CallShape<'a> {
    CallShape {
        n: file.options.n.unwrap_or(1),
        references: scan.items.iter().map(|item| item.pictures.len()).max().unwrap_or(0) as u32,
        quality: file.options.quality.as_deref(),
        size: size.size.as_deref(),
        pixels: size.pixels,
        prompt_chars: file.system_prompt.len()
            + file.negative_prompt.len()
            + file.all_prompts().map(str::len).max().unwrap_or(200),
    }
}

/// One call at the batch price. What a batch does not get to may cost the full price, where the job says so.
pub(super) fn batch_call(call: CallEstimate, terms: &BatchTerms, file: &JobFile) -> CallEstimate {
    let high = if file.batch_fallback == BatchFallback::Sync { call.high } else { terms.of(call.high) };
    CallEstimate { low: terms.of(call.low), likely: terms.of(call.likely), high }
}

/// The money of a job: low at the cheapest way, high at the dearest, likely by the shares or at the first. `None` when a price
/// is not known.
pub(super) fn cost_of_job(ways: &[Way], tasks: u64) -> Option<CostEstimate> {
    let calls: Vec<CallEstimate> = ways.iter().map(|way| way.planned.call).collect::<Option<_>>()?;
    let likely: f64 = fractions(ways).zip(&calls).map(|(part, call)| part * call.likely.dollars()).sum();
    let mut sources: Vec<&str> = Vec::new();
    for (source, _) in ways.iter().filter_map(|way| way.price.as_ref()) {
        if !sources.contains(&source.as_str()) {
            sources.push(source);
        }
    }
    Some(CostEstimate {
        low: calls.iter().map(|call| call.low).min()?.times(tasks),
        likely: Money::from_dollars(likely * tasks as f64),
        high: calls.iter().map(|call| call.high).max()?.times(tasks),
        source: sources.join(", "),
        // The oldest one; none where nothing of it is paid for.
        date: ways.iter().filter_map(|way| way.price.as_ref()).map(|(_, date)| date.clone()).min().unwrap_or_default(),
    })
}

/// The part of the tasks that goes each way while all are open.
fn fractions(ways: &[Way]) -> impl Iterator<Item = f64> + '_ {
    let all: u32 = ways.iter().map(|way| way.route.share).sum();
    ways.iter().enumerate().map(move |(at, way)| match all {
        0 => f64::from(u8::from(at == 0)),
        all => f64::from(way.route.share) / f64::from(all),
    })
}

/// The shortest time at the profiles' request rates: that of the way which is busy longest.
pub(super) fn seconds_at_rate(ways: &[Way], tasks: u64) -> Option<u64> {
    let seconds = |(part, way): (f64, &Way)| {
        let rate = way.route.profile.limits.requests_per_minute?;
        Some((part * tasks as f64 * 60.0 / f64::from(rate.max(1))) as u64)
    };
    fractions(ways).zip(ways).filter_map(seconds).max()
}
