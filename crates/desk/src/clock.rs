//! The wall clock and the calendar of this machine's time zone. How times are written for people is the reporter's matter.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970.
pub fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// What the machine's time zone is ahead of UTC, in microseconds.
pub fn offset_us(at_us: i64) -> i64 {
    let at = jiff::Timestamp::from_microsecond(at_us).unwrap_or_default();
    i64::from(jiff::tz::TimeZone::system().to_offset(at).seconds()) * 1_000_000
}

/// Microseconds since 1970 as RFC 3339 in UTC.
pub fn rfc3339(at_us: i64) -> String {
    jiff::Timestamp::from_microsecond(at_us).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// `2026-11-21`, from days since 1970.
pub fn day_name(day: i64) -> String {
    let at = jiff::Timestamp::from_second(day.saturating_mul(86_400)).unwrap_or_default();
    at.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_names() {
        assert_eq!([0, 20_778].map(day_name), ["1970-01-01", "2026-11-21"]);
    }
}
