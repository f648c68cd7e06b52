//! What happens often is told seldom, with how often it was.

use std::time::Duration;

use tokio::time::Instant;

/// Adds up what a log line is about until the next one may be written.
#[derive(Debug)]
pub(crate) struct Seldom {
    every: Duration,
    told_at: Option<Instant>,
    untold: usize,
}

impl Seldom {
    /// A line at most each so long.
    pub(crate) const fn new(every: Duration) -> Self {
        Self { every, told_at: None, untold: 0 }
    }

    /// Adds so much, and answers what a line is to tell now: everything since the last.
    pub(crate) fn add(&mut self, count: usize, now: Instant) -> Option<usize> {
        self.untold += count;
        if self.untold == 0 || self.told_at.is_some_and(|at| now - at < self.every) {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_of_everything_since_the_one_before() {
        let (mut seldom, start) = (Seldom::new(Duration::from_secs(10)), Instant::now());
        let steps = [(0, 0), (1, 3), (2, 4), (9, 5), (11, 0), (12, 0), (40, 1)];

        let told: Vec<_> = steps
            .into_iter()
            .map(|(secs, count)| seldom.add(count, start + Duration::from_secs(secs)))
            .collect();

        assert_eq!(told, [None, Some(3), None, None, Some(9), None, Some(1)]);
    }
}
