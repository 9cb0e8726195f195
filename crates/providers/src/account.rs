//! What a provider says that a day cost, whoever called with the account: to hold against our own ledger. Asking costs nothing.
//!
//! OpenAI's organization costs and Anthropic's cost report (an admin key), and OpenRouter's activity (a management key, days that
//! are over); the forms are those of their references. Other providers have no such address on the host that they are called at.

use std::collections::BTreeMap;

use imagemill_domain::failure::{Failure, FailureKind};
use imagemill_domain::money::Money;
use imagemill_domain::profile::Profile;
use secrecy::SecretString;
use serde_json::Value;

use crate::registry::{Registry, WireOptions, of_anthropic};

const DAY_S: i64 = 86_400;

/// What a day (UTC) cost at a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayBill {
    /// All of it.
    pub cost: Money,
    /// How many requests there were, where that is told.
    pub requests: Option<u64>,
    /// What each model or line of the bill cost, where that is told.
    pub lines: BTreeMap<String, Money>,
}

/// The variable with the key that may ask, where it is not the one that calls.
pub fn account_key_variable(provider: &str) -> Option<&'static str> {
    match provider {
        "openai" => Some("OPENAI_ADMIN_KEY"),
        "anthropic" => Some("ANTHROPIC_ADMIN_KEY"),
        "openrouter" => Some("OPENROUTER_MANAGEMENT_KEY"),
        _ => None,
    }
}

impl Registry {
    /// What the day with this number (since 1970, UTC) cost the account of `profile`.
    pub async fn day_bill(
        &self,
        profile: &Profile,
        secret: Option<SecretString>,
        day: i64,
    ) -> Result<DayBill, Failure> {
        let mut wire = self.wire(profile, secret, WireOptions::default())?;
        let date =
            |day: i64| jiff::Timestamp::from_second(day * DAY_S).unwrap_or_default().strftime("%Y-%m-%d").to_string();
        let (path, query) = match profile.provider.as_str() {
            "openai" | "simulator" => {
                let (start, end) = (day * DAY_S, (day + 1) * DAY_S);
                let query = format!("start_time={start}&end_time={end}&bucket_width=1d&group_by=line_item&limit=1");
                ("/organization/costs", query)
            }
            "anthropic" => {
                wire = of_anthropic(wire)?;
                let (start, end) = (date(day), date(day + 1));
                let query =
                    format!("starting_at={start}T00:00:00Z&ending_at={end}T00:00:00Z&group_by[]=description&limit=1");
                ("/organizations/cost_report", query)
            }
            "openrouter" => ("/activity", format!("date={}", date(day))),
            other => {
                let message = format!(
                    "{other} has no address that tells what a day cost; look at its own console and at `imagemill costs --by day`"
                );
                return Err(Failure::new(FailureKind::Invalid, message));
            }
        };
        let mut bill = DayBill::default();
        let mut page = None;
        loop {
            let mut url =
                if profile.provider == "anthropic" { wire.words_endpoint("/v1", path) } else { wire.below(path) };
            url.set_query(Some(&query));
            url.query_pairs_mut().extend_pairs(page.take().map(|page: String| ("page", page)));
            let answer = wire.list_at(url).await?;
            let entries = answer.get("data").and_then(Value::as_array).ok_or_else(|| {
                Failure::new(FailureKind::Protocol, "the provider's account of the day cannot be read")
            })?;
            for entry in entries {
                bill.add(entry);
            }
            page = answer.get("next_page").and_then(Value::as_str).map(str::to_owned);
            if page.is_none() || answer.get("has_more") != Some(&Value::Bool(true)) {
                return Ok(bill);
            }
        }
    }
}

impl DayBill {
    /// A bucket of OpenAI's or Anthropic's with its results, or a line of OpenRouter's.
    fn add(&mut self, entry: &Value) {
        if let Some(results) = entry.get("results").and_then(Value::as_array) {
            for result in results {
                let amount = match (result.pointer("/amount/value"), result.get("amount")) {
                    (Some(value), _) => dollars(value),
                    // Anthropic's is a text, in cents.
                    (None, Some(cents)) => dollars(cents) * 0.01,
                    (None, None) => Money::ZERO,
                };
                self.line(result.get("line_item").or_else(|| result.get("description")), amount);
            }
            return;
        }
        self.line(entry.get("model"), entry.get("usage").map(dollars).unwrap_or_default());
        if let Some(requests) = entry.get("requests").and_then(Value::as_u64) {
            *self.requests.get_or_insert(0) += requests;
        }
    }

    fn line(&mut self, name: Option<&Value>, amount: Money) {
        self.cost += amount;
        if let Some(name) = name.and_then(Value::as_str) {
            *self.lines.entry(name.to_owned()).or_default() += amount;
        }
    }
}

/// A number, or one written as text.
fn dollars(value: &Value) -> Money {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    Money::from_dollars(number.unwrap_or_default())
}

#[cfg(test)]
mod tests;
