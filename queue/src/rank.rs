//! The order of dispatch as one number: when the job became due, moved by its lane
//! and by its owner's turn. Lower goes first.
//!
//! Because real time is part of it, nothing waits for ever: a bulk job overtakes
//! every urgent one that came twenty minutes after it. And because each waiting job
//! of an owner pushes their next one back by a turn, an owner's one job goes before
//! another owner's thousand.

use std::time::Duration;

use atelier_entities::Timestamp;

use crate::job::Lane;

/// Head start of urgent work and handicap of bulk work.
const LANE_OFFSET: Duration = Duration::from_secs(600);

/// Waiting jobs of one owner that are counted; more make no difference.
pub(crate) const MAX_COUNTED_WAITING: u64 = 1_000;

/// The rank of a job due at `run_at` whose owner has `waiting` jobs before it.
pub(crate) fn of(run_at: Timestamp, lane: Lane, waiting: i64, turn: Duration) -> i64 {
    let offset = millis(LANE_OFFSET);
    let lane = match lane {
        Lane::Urgent => -offset,
        Lane::Normal => 0,
        Lane::Bulk => offset,
    };
    run_at.timestamp_millis() + lane + waiting.max(0).saturating_mul(millis(turn))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURN: Duration = Duration::from_secs(1);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_timestamp(secs, 0).expect("a valid time")
    }

    #[test]
    fn urgent_goes_before_normal_before_bulk() {
        let [urgent, normal, bulk] =
            [Lane::Urgent, Lane::Normal, Lane::Bulk].map(|lane| of(at(0), lane, 0, TURN));

        assert!(urgent < normal && normal < bulk);
    }

    #[test]
    fn bulk_is_not_starved_by_urgent_work_that_keeps_coming() {
        assert!(of(at(0), Lane::Bulk, 0, TURN) < of(at(1_201), Lane::Urgent, 0, TURN));
    }

    #[test]
    fn one_job_goes_before_a_thousand_of_another_owner() {
        let last_of_thousand = of(at(0), Lane::Normal, 999, TURN);
        let only_one = of(at(10), Lane::Normal, 0, TURN);

        assert!(only_one < last_of_thousand);
        assert!(of(at(0), Lane::Normal, 9, TURN) < only_one, "it waits for a few others at most");
    }
}
