//! Limits of a queue over all workers: running jobs, running jobs of an owner, and starts in a
//! period. They can be changed at any time.

use std::time::Duration;

use atelier_entities::{Timestamp, queues};
use serde::{Deserialize, Serialize};

/// Limits of a queue. A limit that is left out does not apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueLimits {
    /// Most running jobs over all workers.
    pub max_running: Option<u32>,
    /// Most running jobs of one owner.
    pub max_running_per_owner: Option<u32>,
    /// Most starts in a period.
    pub rate: Option<Rate>,
}

/// At most `count` starts in each window of `period`. After a pause `count` jobs may start at
/// once, and further ones as the first starts leave the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Most starts.
    pub count: u32,
    /// The length of the window, at least a second.
    pub period: Duration,
}

impl QueueLimits {
    /// The limits in a queue's row.
    #[must_use]
    pub fn of(row: &queues::Model) -> Self {
        let positive = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
        let rate = positive(row.rate_limit).zip(positive(row.rate_period_secs));
        Self {
            max_running: positive(row.max_running),
            max_running_per_owner: positive(row.max_running_per_owner),
            rate: rate.map(|(count, secs)| Rate { count, period: Duration::from_secs(secs.max(1).into()) }),
        }
    }

    /// Whether there is no limit.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}

/// Parts of a period. Starts are counted at the end of their part: that bounds the number of
/// entries, and no start leaves the window too early.
const PARTS: i64 = 60;

/// The counted starts of a queue: the end of their part of a period, in milliseconds since
/// 1970, and their number, the earliest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Starts(Vec<(i64, u32)>);

impl Starts {
    /// The starts in a queue's row.
    pub(crate) fn of(row: &queues::Model) -> Self {
        let stored = row.rate_starts.clone().map(serde_json::from_value);
        stored.and_then(Result::ok).unwrap_or_default()
    }
}

impl Rate {
    /// How many jobs may start now.
    pub(crate) fn left(self, starts: &Starts, now: Timestamp) -> u32 {
        self.count.saturating_sub(self.counted(starts, now))
    }

    /// When another job may start.
    pub(crate) fn next_start(self, starts: &Starts, now: Timestamp) -> Timestamp {
        let mut counted = self.counted(starts, now);
        for (end, jobs) in &starts.0 {
            if counted < self.count {
                break;
            }
            let over = end.saturating_add(self.millis());
            if over > now.timestamp_millis() {
                counted = counted.saturating_sub(*jobs);
                if counted < self.count {
                    return Timestamp::from_timestamp_millis(over).unwrap_or(now);
                }
            }
        }
        now
    }

    /// The starts after further jobs have started now.
    pub(crate) fn noting(self, starts: &Starts, jobs: u32, now: Timestamp) -> Starts {
        let (now, part) = (now.timestamp_millis(), self.part());
        // Kept for another part, for processes whose clock is behind.
        let kept = |(end, _): &(i64, u32)| end.saturating_add(self.millis()).saturating_add(part) > now;
        let mut noted: Vec<(i64, u32)> = starts.0.iter().copied().filter(kept).collect();
        let end = (now.div_euclid(part) + 1) * part;
        match noted.binary_search_by_key(&end, |(end, _)| *end) {
            Ok(at) => noted[at].1 = noted[at].1.saturating_add(jobs),
            Err(at) => noted.insert(at, (end, jobs)),
        }
        Starts(noted)
    }

    fn counted(self, starts: &Starts, now: Timestamp) -> u32 {
        let still = |(end, _): &&(i64, u32)| end.saturating_add(self.millis()) > now.timestamp_millis();
        starts.0.iter().filter(still).fold(0, |sum, (_, jobs)| sum.saturating_add(*jobs))
    }

    fn millis(self) -> i64 {
        i64::try_from(self.period.as_millis()).unwrap_or(i64::MAX)
    }

    fn part(self) -> i64 {
        (self.millis() / PARTS).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_A_MINUTE: Rate = Rate { count: 10, period: Duration::from_secs(60) };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_timestamp_millis(millis).expect("a valid time")
    }

    /// Numbers that follow from the one before, below `bound`.
    fn next(seed: &mut u64, bound: u64) -> u64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % bound
    }

    /// Starts allowed jobs at random times from `from` until `until`, and answers the times.
    fn play(rate: Rate, starts: &mut Starts, from: i64, until: i64, seed: &mut u64) -> Vec<i64> {
        let (mut now, mut started) = (from, Vec::new());
        while now < until {
            let wanted = u32::try_from(next(seed, u64::from(rate.count) + 2)).expect("few");
            let jobs = rate.left(starts, at(now)).min(wanted);
            if jobs > 0 {
                *starts = rate.noting(starts, jobs, at(now));
                started.extend((0..jobs).map(|_| now));
            }
            now += i64::try_from(next(seed, rate.period.as_millis() as u64 / 4) + 1).expect("soon");
        }
        started
    }

    fn most_in_a_window(rate: Rate, started: &[i64]) -> usize {
        let within =
            |last: i64| started.iter().filter(move |at| (last - rate.millis() + 1..=last).contains(*at));
        started.iter().map(|last| within(*last).count()).max().unwrap_or(0)
    }

    #[test]
    fn no_window_of_a_period_has_more_starts_than_the_rate_allows() {
        let mut seed = 7;
        for (count, secs) in [(1, 1), (1, 60), (4, 2), (10, 60), (100, 1), (100, 60), (200, 3_600)] {
            let rate = Rate { count, period: Duration::from_secs(secs) };
            for from in [0, 1, 999, 1_234_567] {
                let until = from + 20 * rate.millis();

                let started = play(rate, &mut Starts::default(), from, until, &mut seed);

                assert!(
                    most_in_a_window(rate, &started) <= count as usize,
                    "{count} in {secs} s from {from}"
                );
                assert!(started.len() >= 5 * count as usize, "{count} in {secs} s: {}", started.len());
            }
        }
    }

    #[test]
    fn a_rate_that_changes_counts_what_started_under_the_one_before() {
        let mut seed = 11;
        for (one, other) in
            [((10, 60), (4, 60)), ((4, 60), (10, 60)), ((100, 60), (5, 10)), ((3, 60), (3, 30))]
        {
            let [one, other] =
                [one, other].map(|(count, secs)| Rate { count, period: Duration::from_secs(secs) });
            let mut starts = Starts::default();
            let mut started = play(one, &mut starts, 0, 90_000, &mut seed);

            let later = play(other, &mut starts, 90_000, 400_000, &mut seed);

            started.extend(&later);
            let windows = later.iter().map(|last| {
                started.iter().filter(|at| (last - other.millis() + 1..=*last).contains(*at)).count()
            });
            assert!(windows.max().unwrap_or(0) <= other.count as usize, "{one:?} to {other:?}");
        }
    }

    #[test]
    fn after_a_pause_all_may_start_at_once_and_count_for_a_period() {
        let starts = TEN_A_MINUTE.noting(&Starts::default(), 4, at(0));
        let starts = TEN_A_MINUTE.noting(&starts, 6, at(10_500));

        for (now, left) in [(10_500, 0), (60_999, 0), (61_000, 4), (70_999, 4), (71_000, 10)] {
            assert_eq!(TEN_A_MINUTE.left(&starts, at(now)), left, "{now}");
        }
        assert_eq!(TEN_A_MINUTE.next_start(&starts, at(20_000)), at(61_000));
        assert_eq!(TEN_A_MINUTE.next_start(&starts, at(61_000)), at(61_000), "at once");
        let five = Rate { count: 5, ..TEN_A_MINUTE };
        assert_eq!(five.next_start(&starts, at(61_000)), at(71_000), "six of them still count");
    }

    #[test]
    fn a_clock_that_goes_back_allows_no_starts() {
        let starts = TEN_A_MINUTE.noting(&Starts::default(), 10, at(600_000));

        assert_eq!(TEN_A_MINUTE.left(&starts, at(0)), 0);
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let busy = Rate { count: 1_000_000, period: Duration::from_secs(60) };
        let mut starts = Starts::default();
        for now in 0..100_000 {
            starts = busy.noting(&starts, 1, at(now * 7));
        }

        assert!(starts.0.len() <= 62, "{}", starts.0.len());
        assert_eq!(serde_json::to_string(&Starts(vec![(1_000, 2)])).expect("JSON"), "[[1000,2]]");
    }
}
