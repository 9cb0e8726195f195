//! The engine's time: wall clock at the start, then the monotonic clock, so that a clock set back or forward while a job
//! runs changes nothing. Follows tokio's time, so tests can pause it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Microseconds since 1970 that never go back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    start_us: i64,
}

impl Clock {
    /// Starts from the wall clock.
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { start: Instant::now(), start_us: i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX) }
    }

    /// Now, in microseconds since 1970.
    pub fn now_us(&self) -> i64 {
        self.start_us + i64::try_from(self.start.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// Now plus a number of milliseconds.
    pub fn after_ms(&self, ms: u64) -> i64 {
        self.now_us().saturating_add(i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000))
    }
}
