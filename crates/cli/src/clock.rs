//! Times and durations for people.

/// `2026-11-21 04:05:06` in the machine's time zone.
pub(crate) fn local_time(at_us: i64) -> String {
    match jiff::Timestamp::from_microsecond(at_us) {
        Ok(at) => at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => "?".to_owned(),
    }
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
        assert_eq!(
            [0, 59, 60, 3_599, 7_500, 100_000].map(duration),
            ["0s", "59s", "1m 00s", "59m 59s", "2h 05m", "1d 3h"]
        );
    }
}
