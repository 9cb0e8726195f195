//! Money in whole micro-dollars, so that sums are exact.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount in US dollars, counted in millionths. May be negative as a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    /// Millionths of a US dollar.
    pub micros: i64,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self { micros: 0 };

    /// From millionths of a dollar.
    pub const fn from_micros(micros: i64) -> Self {
        Self { micros }
    }

    /// From dollars, rounded to the nearest millionth; saturates.
    pub fn from_dollars(dollars: f64) -> Self {
        Self { micros: (dollars * 1e6).round() as i64 }
    }

    /// As dollars, for plots and JSON.
    pub fn dollars(self) -> f64 {
        self.micros as f64 / 1e6
    }

    /// Saturating product.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self { micros: self.micros.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX)) }
    }
}

impl fmt::Display for Money {
    /// `$1.25`, `$0.0400`: two digits from a dollar on, four below, six when four would hide the amount.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.micros < 0 { "-" } else { "" };
        let dollars = self.micros.unsigned_abs() as f64 / 1e6;
        if self.micros == 0 || dollars >= 1.0 {
            write!(f, "{sign}${dollars:.2}")
        } else if self.micros.unsigned_abs().is_multiple_of(100) {
            write!(f, "{sign}${dollars:.4}")
        } else {
            write!(f, "{sign}${dollars:.6}")
        }
    }
}

/// A text that is not an amount.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected an amount in US dollars such as \"5\", \"0.25\" or \"$12.50\", found {0:?}")]
pub struct MoneyParseError(String);

impl FromStr for Money {
    type Err = MoneyParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || MoneyParseError(text.chars().take(40).collect());
        let number: f64 = text.trim().trim_start_matches('$').trim().parse().map_err(|_| error())?;
        if number.is_finite() && (0.0..1e12).contains(&number) { Ok(Self::from_dollars(number)) } else { Err(error()) }
    }
}

impl Serialize for Money {
    /// As a number of dollars.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.dollars())
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Money;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount in US dollars, such as 5 or \"0.25\"")
            }
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Money, E> {
                self.visit_f64(value as f64)
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Money, E> {
                self.visit_f64(value as f64)
            }
            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Money, E> {
                if value.is_finite() && value.abs() < 1e12 {
                    Ok(Money::from_dollars(value))
                } else {
                    Err(E::custom("an amount must be a finite number of dollars"))
                }
            }
            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Money, E> {
                value.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { micros: self.micros.saturating_add(other.micros) }
    }
}
impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { micros: self.micros.saturating_sub(other.micros) }
    }
}
impl Mul<f64> for Money {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self { micros: (self.micros as f64 * factor).round() as i64 }
    }
}
impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_small_and_large_amounts() {
        for (micros, text) in
            [(0, "$0.00"), (1_250_000, "$1.25"), (40_000, "$0.0400"), (1_234, "$0.001234"), (-2_000_000, "-$2.00")]
        {
            assert_eq!(Money::from_micros(micros).to_string(), text);
        }
    }

    #[test]
    fn reads_amounts() {
        assert_eq!("$12.50".parse(), Ok(Money::from_micros(12_500_000)));
        assert!("-1".parse::<Money>().is_err());
        assert!("much".parse::<Money>().unwrap_err().to_string().contains("US dollars"));
        assert_eq!(serde_json::from_str::<Money>("0.1").unwrap(), Money::from_micros(100_000));
    }
}
