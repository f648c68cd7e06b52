//! Backoff: the wait before the next attempt.

use std::time::Duration;

/// The waits between attempts. Jitter of ±20 % spreads the retries of jobs that failed
/// together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// The same wait each time.
    Fixed(Duration),
    /// `base`, doubled with each attempt, at most `max`.
    Exponential {
        /// Wait after the first attempt.
        base: Duration,
        /// Longest wait.
        max: Duration,
    },
    /// These waits in turn, and then the last one each time.
    Steps(&'static [Duration]),
}

/// Share of the wait that jitter adds or subtracts at most.
const JITTER: f64 = 0.2;

impl Backoff {
    /// The wait after attempt number `attempt` (1 is the first), without jitter.
    #[must_use]
    pub fn wait(self, attempt: u16) -> Duration {
        let index = u32::from(attempt.max(1) - 1);
        match self {
            Self::Fixed(wait) => wait,
            Self::Exponential { base, max } => base.saturating_mul(2_u32.saturating_pow(index)).min(max),
            Self::Steps(steps) => {
                steps.get(index as usize).or_else(|| steps.last()).copied().unwrap_or(Duration::ZERO)
            }
        }
    }

    /// The wait with jitter; `random` is uniform in 0..1.
    #[must_use]
    pub fn jittered(self, attempt: u16, random: f64) -> Duration {
        self.wait(attempt).mul_f64(1.0 - JITTER + 2.0 * JITTER * random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPONENTIAL: Backoff =
        Backoff::Exponential { base: Duration::from_secs(1), max: Duration::from_secs(60) };

    #[test]
    fn doubles_until_its_bound() {
        let waits: Vec<u64> = (1..=8).map(|attempt| EXPONENTIAL.wait(attempt).as_secs()).collect();

        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn never_overflows() {
        assert_eq!(EXPONENTIAL.wait(u16::MAX), Duration::from_secs(60));
        assert_eq!(EXPONENTIAL.wait(0), Duration::from_secs(1));
    }

    #[test]
    fn steps_end_in_their_last_one() {
        const STEPS: Backoff = Backoff::Steps(&[Duration::from_secs(5), Duration::from_secs(30)]);

        assert_eq!(STEPS.wait(1).as_secs(), 5);
        assert_eq!(STEPS.wait(2).as_secs(), 30);
        assert_eq!(STEPS.wait(9).as_secs(), 30);
        assert_eq!(Backoff::Steps(&[]).wait(1), Duration::ZERO);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        let fixed = Backoff::Fixed(Duration::from_secs(10));

        assert_eq!(fixed.jittered(1, 0.0), Duration::from_secs(8));
        assert_eq!(fixed.jittered(1, 0.5), Duration::from_secs(10));
        assert_eq!(fixed.jittered(1, 1.0), Duration::from_secs(12));
    }
}
