//! The rank orders the dispatch: the time when the job became due, shifted by its lane and by
//! its owner's turn. The lowest rank goes first.
//!
//! Since the rank is a time, no job starves: a bulk job overtakes every urgent one that is
//! enqueued more than twenty minutes later. Since each waiting job of an owner delays their
//! next one by a turn, the only job of an owner goes before another owner's thousand.
//!
//! A turn is as long as the job's timeout. So even an owner with one slot works off a backlog
//! as fast as its ranks pass, and a job of another owner that comes hours later does not
//! wait for the rest of it.

use std::time::Duration;

use atelier_entities::Timestamp;

use crate::job::Lane;

/// Head start of urgent work and handicap of bulk work.
const LANE_OFFSET: Duration = Duration::from_secs(600);

/// Most waiting jobs of an owner that are counted.
pub(crate) const MAX_COUNTED_WAITING: u64 = 1_000;

/// The rank of a job that is due at `run_at`, has that timeout, and waits for `waiting` jobs
/// of its owner.
pub(crate) fn of(run_at: Timestamp, lane: Lane, waiting: i64, timeout: Duration) -> i64 {
    let offset = millis(LANE_OFFSET);
    let lane = match lane {
        Lane::Urgent => -offset,
        Lane::Normal => 0,
        Lane::Bulk => offset,
    };
    let turns = waiting.max(0).saturating_mul(turn(timeout));
    run_at.timestamp_millis().saturating_add(lane).saturating_add(turns)
}

/// How much each waiting job of the owner adds to the rank of a job with that timeout. The
/// bound is the longest timeout that a job's row can have.
pub(crate) fn turn(timeout: Duration) -> i64 {
    millis(timeout).min(i64::from(i32::MAX) * 1_000)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_timestamp(secs, 0).expect("a valid time")
    }

    #[test]
    fn urgent_goes_before_normal_before_bulk() {
        let [urgent, normal, bulk] =
            [Lane::Urgent, Lane::Normal, Lane::Bulk].map(|lane| of(at(0), lane, 0, MINUTE));

        assert!(urgent < normal && normal < bulk);
    }

    #[test]
    fn bulk_is_not_starved_by_a_stream_of_urgent_jobs() {
        assert!(of(at(0), Lane::Bulk, 0, MINUTE) < of(at(1_201), Lane::Urgent, 0, MINUTE));
    }

    #[test]
    fn one_job_goes_before_a_thousand_of_another_owner() {
        let last_of_thousand = of(at(0), Lane::Normal, 999, MINUTE);
        let only_one = of(at(10), Lane::Normal, 0, MINUTE);

        assert!(only_one < last_of_thousand);
        assert!(of(at(0), Lane::Normal, 0, MINUTE) < only_one, "it waits for few others");
    }

    #[test]
    fn one_job_that_comes_hours_later_goes_before_the_rest_of_the_thousand() {
        // One slot, and each job takes as long as it may: sixty are done each hour.
        let (hours, done) = (5, 300);

        assert!(of(at(hours * 3_600), Lane::Normal, 0, MINUTE) <= of(at(0), Lane::Normal, done, MINUTE));
    }

    #[test]
    fn an_endless_timeout_does_not_overflow_the_rank() {
        let longest = Duration::from_secs(2_147_483_647);
        let counted = i64::try_from(MAX_COUNTED_WAITING).expect("a number");

        let rank = of(at(0), Lane::Bulk, counted, Duration::MAX);

        assert_eq!(rank, of(at(0), Lane::Bulk, counted, longest));
        assert!(rank < i64::MAX);
    }
}
