//! The wall clock, and times and durations for people.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970.
pub(crate) fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// `2026-11-21 04:05:06` in the machine's time zone.
pub(crate) fn local_time(at_us: i64) -> String {
    match jiff::Timestamp::from_microsecond(at_us) {
        Ok(at) => at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => "?".to_owned(),
    }
}

/// What the machine's time zone is ahead of UTC, in microseconds.
pub(crate) fn offset_us(at_us: i64) -> i64 {
    let at = jiff::Timestamp::from_microsecond(at_us).unwrap_or_default();
    i64::from(jiff::tz::TimeZone::system().to_offset(at).seconds()) * 1_000_000
}

/// `2026-11-21`, from days since 1970.
pub(crate) fn day_name(day: i64) -> String {
    let at = jiff::Timestamp::from_second(day.saturating_mul(86_400)).unwrap_or_default();
    at.strftime("%Y-%m-%d").to_string()
}

/// `45s`, `3m 20s`, `2h 05m`, `3d 4h`.
pub(crate) fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        assert_eq!([0, 20_778].map(day_name), ["1970-01-01", "2026-11-21"]);
        assert_eq!(
            [0, 59, 60, 3_599, 7_500, 100_000].map(duration),
            ["0s", "59s", "1m 00s", "59m 59s", "2h 05m", "1d 3h"]
        );
    }
}
