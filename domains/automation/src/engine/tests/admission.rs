//! How many runs of a workflow are under way at once.

use super::super::{Admission, Concurrency, Occupancy, WhenFull};

const fn rule(limit: u32, when_full: WhenFull) -> Concurrency {
    Concurrency { limit: Some(limit), when_full, count_waiting: true, max_queued: 3 }
}

const fn runs(running: u32, waiting: u32, queued: u32) -> Occupancy {
    Occupancy { running, waiting, queued }
}

/// [kestra#13211], [kestra#13743], [kestra#19679], [kestra#10657], [kestra PR#17759]
#[test]
fn a_place_is_free_exactly_while_fewer_runs_than_the_limit_are_under_way() {
    let rule = rule(3, WhenFull::Queue);
    for (occupancy, expected) in [
        (runs(3, 0, 2), 0),
        (runs(2, 0, 2), 1),
        (runs(0, 0, 2), 2),
        (runs(0, 0, 9), 3),
        (runs(1, 1, 9), 1),
        (runs(9, 0, 2), 0),
    ] {
        assert_eq!(rule.startable(occupancy), expected, "{occupancy:?}");
    }
}

/// [kestra PR#18235]
#[test]
fn every_queued_run_starts_once_the_limit_is_gone() {
    let rule = Concurrency { limit: None, ..rule(1, WhenFull::Queue) };
    assert_eq!(rule.startable(runs(5, 0, 7)), 7);
}

/// [kestra#7880]
#[test]
fn a_retried_run_is_admitted_like_a_new_one() {
    assert_eq!(rule(1, WhenFull::Queue).admit(runs(1, 0, 0)), Admission::Queue);
    assert_eq!(rule(1, WhenFull::Queue).admit(runs(0, 0, 1)), Admission::Queue);
    assert_eq!(rule(1, WhenFull::Queue).admit(runs(0, 0, 0)), Admission::Start);
}

/// [kestra#13141]
#[test]
fn each_rule_for_a_full_workflow_does_what_it_says() {
    let full = runs(2, 0, 1);
    assert_eq!(rule(2, WhenFull::Skip).admit(full), Admission::SkipLimit);
    assert_eq!(rule(2, WhenFull::Queue).admit(full), Admission::Queue);
    assert_eq!(rule(2, WhenFull::CancelOlder).admit(full), Admission::CancelOlder { runs: 1, queued: 1 });
    assert_eq!(rule(2, WhenFull::CancelOlder).admit(runs(1, 0, 0)), Admission::Start);
}

/// [kestra#3000]
#[test]
fn a_run_beyond_the_limit_is_skipped_by_default_and_the_queue_is_bounded() {
    assert_eq!(
        Concurrency { limit: Some(1), ..Concurrency::default() }.admit(runs(1, 0, 0)),
        Admission::SkipLimit
    );
    assert_eq!(rule(1, WhenFull::Queue).admit(runs(1, 0, 3)), Admission::SkipQueueFull);
}

/// [inngest#2263]
#[test]
fn a_waiting_run_counts_unless_the_workflow_says_otherwise() {
    let waiting = runs(0, 1, 0);
    assert_eq!(rule(1, WhenFull::Skip).admit(waiting), Admission::SkipLimit);
    assert_eq!(
        Concurrency { count_waiting: false, ..rule(1, WhenFull::Skip) }.admit(waiting),
        Admission::Start
    );
}
