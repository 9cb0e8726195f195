//! An account and a model that make a job's pictures, and which of a job's several ones a step of a task calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use imagemill_domain::call::{Call, CallState, RecoveryClass, Usage};
use imagemill_domain::capability::Capabilities;
use imagemill_domain::failure::{Billing, Failure, FailureKind};
use imagemill_domain::money::Money;
use imagemill_domain::route::Route;
use imagemill_providers::ImageProvider;

use crate::batch::BatchWay;
use crate::context::TaskContext;
use crate::course::Account;
use crate::limits::Gate;

/// One way to a job's pictures, ready to be called.
pub(crate) struct Drawing {
    pub(crate) route: Route,
    pub(crate) provider: Arc<dyn ImageProvider>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) capabilities: Option<Capabilities>,
    /// How its calls go in batches, in the batch lane.
    pub(crate) batch: Option<Arc<BatchWay>>,
    /// What its dearest call cost so far, in micro-dollars at the usual price; 0 before one is known.
    pub(crate) dearest: AtomicI64,
}

impl Drawing {
    pub(crate) fn name(&self) -> &str {
        &self.route.profile.name
    }

    pub(crate) fn account(&self) -> Account {
        Account {
            profile: self.name().to_owned(),
            gate: self.gate.clone(),
            recovery: self.recovery(),
            longest_wait_ms: self.route.profile.limits.longest_wait_ms,
        }
    }

    fn recovery(&self) -> RecoveryClass {
        self.capabilities.as_ref().map(|known| known.recovery).unwrap_or_default()
    }

    /// A refusal looks free on the wire; whether it is, the capability table says.
    pub(crate) fn with_billing(&self, failure: Failure) -> Failure {
        let bills_refusals = self.capabilities.as_ref().and_then(|known| known.bills_refusals);
        match (failure.kind, bills_refusals) {
            (FailureKind::Refused, Some(true)) => failure.billing(Billing::Billed),
            (FailureKind::Refused, Some(false)) => failure.billing(Billing::NotBilled),
            _ => failure,
        }
    }

    /// What an answer with `made` pictures cost; `None` when it cannot be told. `share` is of the usual price; a provider that names
    /// money names what it charges.
    pub(crate) fn cost_of(&self, usage: &Usage, made: u64, share: f64) -> Option<Money> {
        let cost = match usage.cost_micros {
            Some(micros) => Money::from_micros(micros),
            None => self.capabilities.as_ref()?.price.as_ref()?.settle(usage, made)? * share,
        };
        let whole = (cost.micros as f64 / share) as i64;
        let before = self.dearest.fetch_max(whole, Ordering::Relaxed);
        if whole > before && self.route.call_ceiling.is_some_and(|ceiling| whole > ceiling.micros) {
            tracing::warn!(profile = self.name(), %cost, "a call cost more than the table of prices says; further ones hold as much");
        }
        Some(cost)
    }

    /// The most that a call may cost: what the plan says, or what one did cost where that was more, so that a wrong price does not
    /// empty a budget unseen.
    pub(crate) fn ceiling(&self) -> Option<Money> {
        let dearest = Some(Money::from_micros(self.dearest.load(Ordering::Relaxed))).filter(|most| *most > Money::ZERO);
        self.route.call_ceiling.max(dearest)
    }
}

impl TaskContext {
    /// The way that picture calls go right now.
    pub(crate) fn drawing(&self) -> Arc<Drawing> {
        self.course.drawing().unwrap_or_else(|| self.way.clone())
    }

    /// From here on the step goes the way that `call` went: what was begun at one account is ended there.
    pub(crate) fn follow(&self, call: &Call) {
        if let Some(drawing) = self.job.drawing_of(&call.profile) {
            self.course.draw_at(drawing.clone());
        }
    }

    /// The account where the outcome of an earlier call of this step is unknown, when sending it again is safe only there (under
    /// the same idempotency key).
    pub(crate) fn bound_to(&self, earlier: &[Call], step: &str) -> Option<Arc<Drawing>> {
        let lost = |call: &&Call| call.step == step && call.state == CallState::Unknown;
        let drawings = earlier.iter().filter(lost).filter_map(|call| self.job.drawing_of(&call.profile));
        drawings.into_iter().find(|drawing| drawing.recovery() == RecoveryClass::Replayable).cloned()
    }
}
