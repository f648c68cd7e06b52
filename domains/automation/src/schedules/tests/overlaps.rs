//! Fire times that come while a run is under way.

use ScheduleOverlap::{AllowAll, BufferAll, BufferOne, CancelOther, Skip, TerminateOther};
use TickOutcome::{Buffered, SkippedOverlap, Started};

use super::*;

/// A schedule whose first run waits, after `more` further fire times.
async fn overlapped(
    fixture: &Fixture,
    overlap: ScheduleOverlap,
    more: usize,
) -> (WorkflowId, WorkflowScheduleId) {
    let workflow = fixture.publish(&flow()).await;
    fixture.let_wait(1);
    let id = fixture.schedule_of(workflow, overlapping(overlap)).await;
    for _ in 0..=more {
        fixture.reach_next(id).await;
        fixture.fixture.work().await;
    }
    (workflow, id)
}

#[tokio::test]
async fn skip_leaves_out_what_comes_meanwhile() {
    let fixture = Fixture::new().await;
    let (workflow, id) = overlapped(&fixture, Skip, 2).await;

    assert_eq!(fixture.outcomes(id).await, [Started, SkippedOverlap, SkippedOverlap]);
    fixture.signal(fixture.runs_of(workflow).await[0].id).await;
    fixture.reach_next(id).await;

    assert_eq!(fixture.outcomes(id).await.last(), Some(&Started));
}

#[tokio::test]
async fn buffer_one_keeps_the_first_that_comes_meanwhile() {
    let fixture = Fixture::new().await;
    let (workflow, id) = overlapped(&fixture, BufferOne, 2).await;
    assert_eq!(fixture.outcomes(id).await, [Started, Buffered, SkippedOverlap]);

    fixture.signal(fixture.runs_of(workflow).await[0].id).await;

    assert_eq!(fixture.outcomes(id).await, [Started, Started, SkippedOverlap]);
    assert_eq!(fixture.statuses(workflow).await, [RunStatus::Succeeded; 2]);
}

#[tokio::test]
async fn buffer_all_starts_one_after_another() {
    let fixture = Fixture::new().await;
    let (workflow, id) = overlapped(&fixture, BufferAll, 3).await;
    assert_eq!(fixture.outcomes(id).await, [Started, Buffered, Buffered, Buffered]);

    fixture.let_wait(1);
    fixture.signal(fixture.runs_of(workflow).await[0].id).await;
    assert_eq!(fixture.outcomes(id).await, [Started, Started, Buffered, Buffered]);
    fixture.signal(fixture.runs_of(workflow).await[1].id).await;

    assert_eq!(fixture.outcomes(id).await, [Started; 4]);
    assert_eq!(fixture.statuses(workflow).await, [RunStatus::Succeeded; 4]);
}

#[tokio::test]
async fn a_full_buffer_takes_no_more() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    fixture.let_wait(1);
    let full = ScheduleChanges { buffer_limit: Some(1), ..overlapping(BufferAll) };
    let id = fixture.schedule_of(workflow, full).await;
    for _ in 0..3 {
        fixture.reach_next(id).await;
        fixture.fixture.work().await;
    }

    assert_eq!(fixture.outcomes(id).await, [Started, Buffered, SkippedOverlap]);
}

#[tokio::test]
async fn cancel_and_terminate_put_the_newest_in_the_place_of_what_runs() {
    for overlap in [CancelOther, TerminateOther] {
        let fixture = Fixture::new().await;
        let (workflow, id) = overlapped(&fixture, overlap, 1).await;

        assert_eq!(fixture.outcomes(id).await, [Started, Started], "{overlap}");
        assert_eq!(
            fixture.statuses(workflow).await,
            [RunStatus::Cancelled, RunStatus::Succeeded],
            "{overlap}"
        );
        assert!(fixture.schedule(id).await.paused_at.is_none(), "cancelling a run pauses nothing");
    }
}

#[tokio::test]
async fn allow_all_starts_whatever_runs() {
    let fixture = Fixture::new().await;
    let (workflow, id) = overlapped(&fixture, AllowAll, 2).await;

    assert_eq!(fixture.outcomes(id).await, [Started; 3]);
    assert_eq!(fixture.runs_of(workflow).await.len(), 3);
}

#[tokio::test]
async fn what_waited_longer_than_the_window_is_missed() {
    let fixture = Fixture::new().await;
    let (workflow, id) = overlapped(&fixture, BufferOne, 1).await;

    fixture.fixture.advance(2 * 3_600);
    fixture.signal(fixture.runs_of(workflow).await[0].id).await;

    assert_eq!(fixture.outcomes(id).await, [Started, TickOutcome::MissedWindow]);
    assert_eq!(fixture.runs_of(workflow).await.len(), 1);
}

#[tokio::test]
async fn failures_in_a_row_pause_a_schedule() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let pausing = ScheduleChanges { pause_after: Some(Some(2)), ..every(60) };
    let id = fixture.schedule_of(workflow, pausing).await;
    fixture.script("a", [broken()]);
    fixture.reach_next(id).await;
    fixture.fixture.work().await;
    fixture.reach_next(id).await;
    fixture.fixture.work().await;
    assert!(fixture.schedule(id).await.paused_at.is_none(), "the second run succeeded");

    fixture.script("a", [broken(), broken()]);
    for _ in 0..2 {
        fixture.reach_next(id).await;
        fixture.fixture.work().await;
    }

    let schedule = fixture.schedule(id).await;
    assert_eq!(schedule.paused_reason.as_deref(), Some("The last 2 runs failed."));
    assert_eq!((schedule.paused_by, schedule.next_fire_at), (None, None));
    let resumed = fixture.schedules().resume(&fixture.actor(), id, false).await.expect("resumed").schedule;
    assert!(resumed.paused_at.is_none() && resumed.next_fire_at > Some(fixture.now()));
}
