//! The order of dispatch as one number: when the job became due, moved by its lane
//! and by its owner's turn. Lower goes first.
//!
//! Because real time is part of it, nothing waits for ever: a bulk job overtakes
//! every urgent one that came twenty minutes after it. And because each waiting job
//! of an owner pushes their next one back by a turn, an owner's one job goes before
//! another owner's thousand.
//!
//! A turn is as long as the job may take. So an owner who gets no more than one slot is
//! still served as fast as their ranks go by, and a job of somebody else that comes
//! hours later does not find the rest of the thousand before it.

use std::time::Duration;

use atelier_entities::Timestamp;

use crate::job::Lane;

/// Head start of urgent work and handicap of bulk work.
const LANE_OFFSET: Duration = Duration::from_secs(600);

/// Waiting jobs of one owner that are counted; more make no difference.
pub(crate) const MAX_COUNTED_WAITING: u64 = 1_000;

/// The rank of a job due at `run_at` that may take that long and whose owner has
/// `waiting` jobs before it.
pub(crate) fn of(run_at: Timestamp, lane: Lane, waiting: i64, timeout: Duration) -> i64 {
    let offset = millis(LANE_OFFSET);
    let lane = match lane {
        Lane::Urgent => -offset,
        Lane::Normal => 0,
        Lane::Bulk => offset,
    };
    let turns = waiting.max(0).saturating_mul(millis(timeout));
    run_at.timestamp_millis().saturating_add(lane).saturating_add(turns)
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
    fn bulk_is_not_starved_by_urgent_work_that_keeps_coming() {
        assert!(of(at(0), Lane::Bulk, 0, MINUTE) < of(at(1_201), Lane::Urgent, 0, MINUTE));
    }

    #[test]
    fn one_job_goes_before_a_thousand_of_another_owner() {
        let last_of_thousand = of(at(0), Lane::Normal, 999, MINUTE);
        let only_one = of(at(10), Lane::Normal, 0, MINUTE);

        assert!(only_one < last_of_thousand);
        assert!(of(at(0), Lane::Normal, 0, MINUTE) < only_one, "it waits for a few others at most");
    }

    #[test]
    fn one_job_that_comes_hours_later_goes_before_what_is_left_of_the_thousand() {
        // One slot, and each job takes as long as it may: sixty are done each hour.
        let (hours, done) = (5, 300);

        assert!(of(at(hours * 3_600), Lane::Normal, 0, MINUTE) <= of(at(0), Lane::Normal, done, MINUTE));
    }

    #[test]
    fn a_timeout_without_end_puts_a_job_last_and_no_further() {
        assert_eq!(of(at(0), Lane::Bulk, 1_000, Duration::MAX), i64::MAX);
    }
}
