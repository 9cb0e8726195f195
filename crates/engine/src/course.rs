//! What the paid steps of a task under way have led to so far: money, pictures, at whose account the last failure was, and the
//! verdict that ends this attempt. A recipe only sees failures; the verdict behind one is kept here for the worker.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imagemill_domain::call::RecoveryClass;
use imagemill_domain::failure::Failure;
use imagemill_domain::money::Money;

use crate::drawing::Drawing;
use crate::limits::Gate;
use crate::paid::Step;

/// One account that calls are made at, as far as failures concern it.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) profile: String,
    pub(crate) gate: Arc<Gate>,
    pub(crate) recovery: RecoveryClass,
    pub(crate) longest_wait_ms: u64,
}

/// The course of one attempt.
#[derive(Default)]
pub(crate) struct Course(Mutex<State>);

#[derive(Default)]
struct State {
    /// The recipe is done; what is under way ends the task.
    is_last: bool,
    /// Steps that ended, those from the journal included.
    steps: u32,
    pictures: u32,
    /// What this attempt's steps cost; `None` when one of them cannot be told.
    cost: Option<Money>,
    unknown_cost: bool,
    account: Option<Account>,
    drawing: Option<Arc<Drawing>>,
    faults: u32,
    verdict: Option<(Step, Failure)>,
}

impl Course {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on a step's end is the task's end.
    pub(crate) fn begin_last(&self) {
        let mut state = self.lock();
        state.is_last = true;
        state.account = None;
        state.drawing = None;
        state.faults = 0;
    }

    pub(crate) fn is_last(&self) -> bool {
        self.lock().is_last
    }

    /// Whether a step ended before in this attempt.
    pub(crate) fn has_steps(&self) -> bool {
        self.lock().steps > 0
    }

    /// A step ended. `cost` is what it cost now: nothing when it came from the journal.
    pub(crate) fn ended(&self, cost: Option<Money>, pictures: usize) {
        let mut state = self.lock();
        state.steps += 1;
        state.pictures += pictures as u32;
        match cost {
            Some(cost) => state.cost = Some(state.cost.unwrap_or_default() + cost),
            None => state.unknown_cost = true,
        }
    }

    /// Pictures of the steps so far.
    pub(crate) fn pictures(&self) -> u32 {
        self.lock().pictures
    }

    /// What this attempt cost with one more call of `cost`; `None` when that cannot be told.
    pub(crate) fn cost_with(&self, cost: Option<Money>) -> Option<Money> {
        let state = self.lock();
        if state.unknown_cost {
            return None;
        }
        Some(state.cost.unwrap_or_default() + cost?)
    }

    /// What this attempt cost so far; `None` when no step was paid or it cannot be told.
    pub(crate) fn cost(&self) -> Option<Money> {
        let state = self.lock();
        state.cost.filter(|_| !state.unknown_cost)
    }

    /// A picture step begins: it goes the attempt's way until [`Self::draw_at`] says otherwise.
    pub(crate) fn at_pictures(&self) {
        let mut state = self.lock();
        state.account = None;
        state.drawing = None;
        state.faults = 0;
    }

    /// The picture step goes this way.
    pub(crate) fn draw_at(&self, drawing: Arc<Drawing>) {
        self.lock().drawing = Some(drawing);
    }

    pub(crate) fn drawing(&self) -> Option<Arc<Drawing>> {
        self.lock().drawing.clone()
    }

    /// Calls are made at `account` now; the account of the pictures when there is none.
    pub(crate) fn at(&self, account: Account) {
        let mut state = self.lock();
        state.account = Some(account);
        state.faults = 0;
    }

    pub(crate) fn account(&self) -> Option<Account> {
        self.lock().account.clone()
    }

    /// How this attempt ends; the recipe is told `failure` and only unwinds. The first verdict stands.
    pub(crate) fn decided(&self, step: Step, failure: Failure) -> Failure {
        let mut state = self.lock();
        state.verdict.get_or_insert((step, failure.clone()));
        failure
    }

    /// Fails when this attempt is over, so that a recipe that goes on all the same pays nothing more.
    pub(crate) fn check_open(&self) -> Result<(), Failure> {
        match &self.lock().verdict {
            Some((_, failure)) => Err(failure.clone()),
            None => Ok(()),
        }
    }

    pub(crate) fn take_verdict(&self) -> Option<Step> {
        self.lock().verdict.take().map(|(step, _)| step)
    }
}
