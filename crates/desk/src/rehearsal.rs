//! Turns a planned job into one that calls a simulator in this process, over the same protocols and with the same limits and prices.
//! Nothing of it reaches a provider. Where the rehearsal is kept is the caller's matter.

use std::time::Duration;

use imagemill_domain::capability::{CapabilityTable, Price};
use imagemill_domain::plan::Plan;
use imagemill_domain::profile::{Credential, NetworkRules, Profile, Protocol};
use imagemill_simulator::{Scenario, Simulator, SimulatorOptions};

use crate::error::DeskError;

/// A rehearsed call that says nothing is given up after this, on top of what the scenario lets it take: a hang must not take as long
/// as a real one.
const PATIENCE: Duration = Duration::from_secs(10);

/// A simulator that stands in for every provider.
pub(crate) struct Rehearsal {
    simulator: Simulator,
    patience_ms: u64,
    /// The models of the jobs under their rehearsed names, with one price for each picture.
    pub(crate) table: CapabilityTable,
}

impl Rehearsal {
    pub(crate) async fn start(scenario: Scenario) -> Result<Self, DeskError> {
        let patience_ms = PATIENCE.as_millis() as u64 + scenario.latency_ms + scenario.jitter_ms + scenario.slow_ms;
        let options = SimulatorOptions { scenario, any_model: true, ..SimulatorOptions::default() };
        let simulator = Simulator::start(options).await?;
        Ok(Self { simulator, patience_ms, table: CapabilityTable::default() })
    }

    pub(crate) fn into_simulator(self) -> Simulator {
        self.simulator
    }

    /// Lets all calls of `plan` go to the simulator.
    pub(crate) fn take(&mut self, plan: &mut Plan, table: &CapabilityTable) -> Result<(), DeskError> {
        let pictures = f64::from(plan.definition.file.options.n.unwrap_or(1).max(1));
        let definition = &mut plan.definition;
        let first = std::iter::once((&mut definition.profile, &mut definition.model));
        let others = definition.others.iter_mut().map(|route| (&mut route.profile, &mut route.model));
        for ((profile, model), way) in first.chain(others).zip(&plan.ways) {
            let real = (profile.provider.clone(), model.clone());
            self.stand_in(profile, model, way.protocol)?;
            let Some(known) = table.find(&real.0, &real.1) else { continue };
            // The simulator counts no tokens as the model would, so a picture costs what the plan calls likely.
            let price = way.call.map(|call| Price {
                per_image: Some(call.likely.dollars() / pictures),
                date: known.price.as_ref().map(|price| price.date.clone()).unwrap_or_default(),
                source: known.price.as_ref().map(|price| price.source.clone()).unwrap_or_default(),
                ..Price::default()
            });
            let mut rehearsed = known.clone();
            rehearsed.model.clone_from(model);
            rehearsed.price = price;
            self.table.models.push(rehearsed);
        }
        for speaker in [&mut definition.speakers.text, &mut definition.speakers.vision].into_iter().flatten() {
            let protocol = speaker.profile.resolved_chat_protocol();
            self.stand_in(&mut speaker.profile, &mut speaker.model, protocol)?;
        }
        Ok(())
    }

    fn stand_in(&self, profile: &mut Profile, model: &mut String, protocol: Protocol) -> Result<(), DeskError> {
        if protocol == Protocol::Comfyui {
            return Err(DeskError::NoRehearsal { profile: profile.name.clone(), protocol: protocol.word() });
        }
        if matches!(protocol, Protocol::Fal | Protocol::HostedMedia) {
            // Their models are a part of the path, and the simulator's have one piece there.
            *model = model.trim_matches('/').replace('/', "--");
        }
        profile.protocol = protocol;
        profile.base_url = self.simulator.base_url_for(protocol);
        profile.credential = Credential::None;
        profile.headers.clear();
        profile.network =
            NetworkRules { allow_private_api: true, allow_private_downloads: true, ..NetworkRules::default() };
        let timeouts = &mut profile.timeouts;
        for limit in [&mut timeouts.first_byte_ms, &mut timeouts.idle_ms, &mut timeouts.total_ms] {
            *limit = (*limit).min(self.patience_ms);
        }
        Ok(())
    }
}
