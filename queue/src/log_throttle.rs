//! A throttle for log lines about frequent events.

use std::time::Duration;

use tokio::time::Instant;

/// Allows one log line per interval and sums up what it reports.
#[derive(Debug)]
pub(crate) struct LogThrottle {
    interval: Duration,
    logged_at: Option<Instant>,
    pending: usize,
}

impl LogThrottle {
    /// Allows a line per interval.
    pub(crate) const fn new(interval: Duration) -> Self {
        Self { interval, logged_at: None, pending: 0 }
    }

    /// Adds events. Where a line may be logged now, answers how many events it reports: all
    /// since the last line.
    pub(crate) fn add(&mut self, count: usize, now: Instant) -> Option<usize> {
        self.pending += count;
        if self.pending == 0 || self.logged_at.is_some_and(|at| now - at < self.interval) {
            return None;
        }
        self.logged_at = Some(now);
        Some(std::mem::take(&mut self.pending))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reports_every_event_since_the_last_line() {
        let (mut throttle, start) = (LogThrottle::new(Duration::from_secs(10)), Instant::now());
        let steps = [(0, 0), (1, 3), (2, 4), (9, 5), (11, 0), (12, 0), (40, 1)];

        let reported: Vec<_> = steps
            .into_iter()
            .map(|(secs, count)| throttle.add(count, start + Duration::from_secs(secs)))
            .collect();

        assert_eq!(reported, [None, Some(3), None, None, Some(9), None, Some(1)]);
    }
}
