//! What becomes of the fire times of a schedule: a pure function over values.

use atelier_entities::ScheduleOverlap;

/// How a schedule stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct UnderWay {
    /// Whether one of its runs is under way.
    pub(super) is_busy: bool,
    /// Its fire times that wait.
    pub(super) buffered: usize,
}

/// What becomes of a fire time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Start,
    Buffer,
    Skip,
}

/// What becomes of fire times that are due at once, in their order.
pub(super) fn decide(overlap: ScheduleOverlap, limit: usize, under_way: UnderWay, due: usize) -> Vec<Fate> {
    let UnderWay { is_busy, buffered } = under_way;
    let is_free = !is_busy && buffered == 0;
    let capacity = match overlap {
        ScheduleOverlap::AllowAll => return vec![Fate::Start; due],
        ScheduleOverlap::CancelOther | ScheduleOverlap::TerminateOther => {
            // Only the newest counts: it takes the place of what runs and of what waits.
            let last = if is_free { Fate::Start } else { Fate::Buffer };
            let mut fates = vec![Fate::Skip; due.saturating_sub(1)];
            fates.extend((due > 0).then_some(last));
            return fates;
        }
        ScheduleOverlap::Skip => 0,
        ScheduleOverlap::BufferOne => 1,
        ScheduleOverlap::BufferAll => limit,
    };
    let room = capacity.saturating_sub(buffered);
    let started = usize::from(is_free && due > 0);
    let waiting = room.min(due - started);
    let fates = [(Fate::Start, started), (Fate::Buffer, waiting), (Fate::Skip, due - started - waiting)];
    fates.into_iter().flat_map(|(fate, count)| std::iter::repeat_n(fate, count)).collect()
}

/// Whether a fire time that waits cancels the runs that are under way.
pub(super) const fn cancels(overlap: ScheduleOverlap) -> bool {
    matches!(overlap, ScheduleOverlap::CancelOther | ScheduleOverlap::TerminateOther)
}

#[cfg(test)]
mod tests {
    use ScheduleOverlap::{AllowAll, BufferAll, BufferOne, CancelOther, Skip, TerminateOther};

    use super::*;

    #[test]
    fn each_policy_decides_over_what_is_due_at_once() {
        let names = |overlap, is_busy, buffered, due| -> String {
            let fates = decide(overlap, 3, UnderWay { is_busy, buffered }, due);
            fates
                .iter()
                .map(|fate| match fate {
                    Fate::Start => 'S',
                    Fate::Buffer => 'B',
                    Fate::Skip => '-',
                })
                .collect()
        };
        for (overlap, is_busy, buffered, due, expected) in [
            (Skip, false, 0, 1, "S"),
            (Skip, true, 0, 2, "--"),
            (Skip, false, 0, 3, "S--"),
            (BufferOne, false, 0, 3, "SB-"),
            (BufferOne, true, 0, 2, "B-"),
            (BufferOne, true, 1, 1, "-"),
            (BufferOne, false, 1, 1, "-"),
            (BufferAll, true, 1, 4, "BB--"),
            (BufferAll, false, 0, 5, "SBBB-"),
            (CancelOther, false, 0, 3, "--S"),
            (CancelOther, true, 0, 2, "-B"),
            (TerminateOther, true, 1, 1, "B"),
            (AllowAll, true, 0, 3, "SSS"),
            (Skip, true, 0, 0, ""),
            (CancelOther, true, 0, 0, ""),
        ] {
            let found = names(overlap, is_busy, buffered, due);
            assert_eq!(found, expected, "{overlap} {is_busy} {buffered} {due}");
        }
    }
}
