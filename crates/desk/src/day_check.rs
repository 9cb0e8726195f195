//! A day of our ledger beside what the provider says that it cost. How it is shown is the reporter's matter.

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::money::Money;
use imagemill_domain::profile::Profile;
use imagemill_providers::{DayBill, Registry, account_key_variable};
use imagemill_store::{CostsOf, Store};
use serde_json::{Value, json};

use crate::clock::{day_name, now_us};
use crate::costs::CostSum;
use crate::error::DeskError;
use crate::profiles::{credential, key_of_variable};

const DAY_US: i64 = 86_400_000_000;

/// Both sides of one day (UTC) of one profile.
#[derive(Clone, Debug)]
pub struct DayCheck {
    /// The profile.
    pub profile: String,
    /// Days since 1970.
    pub day: i64,
    /// What this workspace's ledger has.
    pub ours: CostSum,
    /// What the provider says, of everybody who called with the account.
    pub theirs: DayBill,
}

impl DayCheck {
    /// The provider's figure less ours: above zero, somebody else called with the account or a call of ours cost more than we know.
    pub fn difference(&self) -> Money {
        self.theirs.cost - self.ours.spent
    }

    /// Whether the price of our lost calls explains the difference.
    pub fn is_explained(&self) -> bool {
        let open = self.difference();
        open >= Money::ZERO && open <= self.ours.held && self.ours.unpriced == 0
    }

    /// Its JSON form.
    pub fn document(&self) -> Value {
        let lines: Vec<Value> =
            self.theirs.lines.iter().map(|(name, cost)| json!({"name": name, "cost": cost})).collect();
        json!({
            "profile": self.profile,
            "day": day_name(self.day),
            "ledger": self.ours,
            "provider": {"cost": self.theirs.cost, "requests": self.theirs.requests, "lines": lines},
            "difference": self.difference(),
        })
    }
}

/// The day before today, in UTC: providers close their accounts of a day after it is over.
pub fn yesterday() -> i64 {
    now_us().div_euclid(DAY_US) - 1
}

/// A day by its name, `2026-11-21`.
pub fn day_number(name: &str) -> Option<i64> {
    let date: jiff::civil::Date = name.parse().ok()?;
    let at = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(at.timestamp().as_second().div_euclid(86_400))
}

/// Asks the provider of `profile` and adds up the ledger; the inner failure is the provider's. Asking costs nothing. To a key
/// that may only call, the failure names the variable that would hold another one.
pub async fn day_check(store: &Store, profile: &Profile, day: i64) -> Result<Result<DayCheck, Failure>, DeskError> {
    let other = account_key_variable(&profile.provider);
    let named = other.map(key_of_variable);
    let secret = match named {
        Some(Ok(secret)) => Some(secret),
        _ => credential(profile)?,
    };
    let theirs = match Registry::new().day_bill(profile, secret, day).await {
        Ok(theirs) => theirs,
        Err(mut failure) => {
            if let (FailureKind::Auth | FailureKind::NotEntitled, Some(variable)) = (failure.kind, other) {
                let said = failure.message;
                failure.message = format!("{said}; accounts are told to a key of their own, put it into {variable}");
            }
            return Ok(Err(failure));
        }
    };
    let of = CostsOf { job: None, from_us: day * DAY_US, until_us: (day + 1) * DAY_US, offset_us: 0 };
    let lines = store.calls().costs(of).await?;
    let mut ours = CostSum::default();
    for line in lines.iter().filter(|line| line.profile == profile.name) {
        ours.add(line);
    }
    Ok(Ok(DayCheck { profile: profile.name.clone(), day, ours, theirs }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_numbers() {
        assert_eq!((day_number("2026-11-21"), day_number("1970-01-01")), (Some(20_778), Some(0)));
        assert!(["2026-13-01", "yesterday", ""].iter().all(|name| day_number(name).is_none()));
    }

    #[test]
    fn held_money_explains_a_difference() {
        let check = |theirs: f64, spent: f64, held: f64| DayCheck {
            profile: "p".into(),
            day: 0,
            ours: CostSum { spent: Money::from_dollars(spent), held: Money::from_dollars(held), ..CostSum::default() },
            theirs: DayBill { cost: Money::from_dollars(theirs), ..DayBill::default() },
        };
        assert!(check(1.0, 1.0, 0.0).is_explained() && check(1.2, 1.0, 0.3).is_explained());
        assert!(!check(1.4, 1.0, 0.3).is_explained() && !check(0.9, 1.0, 0.3).is_explained());
    }
}
