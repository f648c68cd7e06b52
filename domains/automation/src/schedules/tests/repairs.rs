//! Downtime, pauses and backfills.

use atelier_queue::NewJob;

use super::*;
use crate::runs::RecomputeSchedules;

#[tokio::test]
async fn after_a_downtime_the_newest_fire_times_are_made_up_for() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let few = ScheduleChanges {
        catchup_limit: Some(2),
        catchup_window_secs: Some(600),
        ..overlapping(ScheduleOverlap::AllowAll)
    };
    let id = fixture.schedule_of(workflow, few).await;

    fixture.fixture.advance(3_600);
    fixture.fire().await;

    let ticks = fixture.ticks(id).await;
    let outcomes: Vec<_> = ticks.iter().map(|tick| tick.outcome).collect();
    use TickOutcome::{MissedLimit, MissedWindow, Started};
    assert_eq!(outcomes, [MissedWindow, MissedLimit, Started, Started]);
    let missed: i32 = ticks.iter().filter_map(|tick| tick.missed).sum();
    assert_eq!(missed, 58);
    assert_eq!(fixture.runs_of(workflow).await.len(), 2);
    fixture.fire().await;
    assert_eq!(fixture.runs_of(workflow).await.len(), 2);
}

#[tokio::test]
async fn a_pause_misses_nothing_unless_asked() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let id = fixture.schedule_of(workflow, overlapping(ScheduleOverlap::AllowAll)).await;
    let (schedules, actor) = (fixture.schedules(), fixture.actor());
    let paused = schedules.pause(&actor, id, Some(" Holidays ".to_owned())).await.expect("paused");
    assert_eq!(paused.schedule.paused_reason.as_deref(), Some("Holidays"));
    assert!(paused.upcoming.is_empty());

    fixture.fixture.advance(300);
    fixture.fire().await;
    schedules.resume(&actor, id, false).await.expect("resumed");
    fixture.fire().await;
    assert!(fixture.ticks(id).await.is_empty());

    schedules.pause(&actor, id, None).await.expect("paused");
    fixture.fixture.advance(300);
    schedules.resume(&actor, id, true).await.expect("resumed");
    fixture.fire().await;
    assert_eq!(fixture.outcomes(id).await, [TickOutcome::Started; 5]);
}

#[tokio::test]
async fn a_disabled_workflow_misses_nothing() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let id = fixture.schedule_of(workflow, every(60)).await;
    let enable = async |enabled: bool| {
        workflows::Entity::update_many()
            .col_expr(workflows::Column::Enabled, Expr::value(enabled))
            .exec(fixture.fixture.queue().db())
            .await
            .expect("changed");
    };
    enable(false).await;

    fixture.reach_next(id).await;
    fixture.fixture.advance(3_600);
    fixture.fire().await;
    assert!(fixture.ticks(id).await.is_empty());
    enable(true).await;
    fixture.reach_next(id).await;

    assert_eq!(fixture.outcomes(id).await, [TickOutcome::Started]);
}

#[tokio::test]
async fn a_change_never_fires_a_time_again() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let id = fixture.schedule_of(workflow, cron("*/10 * * * *", "UTC")).await;
    fixture.reach_next(id).await;
    let last = fixture.schedule(id).await.last_tick_at.expect("handled");

    let changed = fixture.schedules().update(&fixture.actor(), id, cron("*/5 * * * *", "UTC")).await;

    let changed = changed.expect("changed").schedule;
    assert_eq!(changed.last_tick_at, Some(last));
    assert_eq!(changed.next_tick_at, Some(last + TimeDelta::minutes(5)));
    let due = changed.next_tick_at;
    let named = ScheduleChanges { name: Some("Other".to_owned()), ..ScheduleChanges::default() };
    let named = fixture.schedules().update(&fixture.actor(), id, named).await.expect("changed");
    assert_eq!((named.schedule.name.as_str(), named.schedule.next_tick_at), ("Other", due));
    fixture.fire().await;
    assert_eq!(fixture.ticks(id).await.len(), 1);
}

#[tokio::test]
async fn a_backfill_makes_up_for_what_is_missing_one_after_another() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let id = fixture.schedule_of(workflow, every(60)).await;
    fixture.reach_next(id).await;
    fixture.fixture.work().await;
    let last = fixture.schedule(id).await.last_tick_at.expect("handled");
    let actor = fixture.actor();
    fixture.schedules().pause(&actor, id, None).await.expect("paused");

    let input = BackfillInput { from: last - TimeDelta::minutes(3), to: fixture.now(), only_missing: true };
    let backfill = fixture.schedules().backfill(&actor, id, input).await.expect("accepted");
    assert_eq!((backfill.times.len(), backfill.covered), (3, 1));
    fixture.fixture.work().await;

    assert_eq!(fixture.statuses(workflow).await, [RunStatus::Succeeded; 4]);
    let again = fixture.schedules().backfill(&actor, id, input).await.expect("accepted");
    assert_eq!((again.times.len(), again.covered), (0, 4));
    let all = BackfillInput { only_missing: false, ..input };
    assert_eq!(fixture.schedules().backfill(&actor, id, all).await.expect("accepted").times.len(), 4);
    fixture.fixture.work().await;
    assert_eq!(fixture.runs_of(workflow).await.len(), 8);
}

#[tokio::test]
async fn a_schedule_runs_by_hand_while_it_is_paused() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let id = fixture.schedule_of(workflow, every(60)).await;
    let actor = fixture.actor();
    fixture.schedules().pause(&actor, id, None).await.expect("paused");

    let started = fixture.schedules().run(&actor, id).await.expect("started");
    fixture.fixture.work().await;

    assert!(started.job_id.is_some());
    assert_eq!(fixture.status(started.run.id).await, RunStatus::Succeeded);
    let ticks = fixture.ticks(id).await;
    assert_eq!((ticks[0].backfill.as_str(), ticks[0].run_id), ("manual", Some(started.run.id)));
}

#[tokio::test]
async fn an_expression_that_this_version_cannot_read_pauses_the_schedule() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let id = fixture.schedule_of(workflow, cron("* * * * *", "UTC")).await;
    workflow_schedules::Entity::update_many()
        .col_expr(workflow_schedules::Column::Expression, Expr::value("in the morning"))
        .exec(fixture.fixture.queue().db())
        .await
        .expect("changed");

    fixture.reach_next(id).await;

    let schedule = fixture.schedule(id).await;
    assert!(schedule.paused_at.is_some() && schedule.next_fire_at.is_none());
    assert!(schedule.paused_reason.is_some_and(|reason| reason.contains("expression")));
}

#[tokio::test]
async fn other_rules_of_a_time_zone_move_the_next_fire_time() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let id = fixture.schedule_of(workflow, cron("0 9 * * *", "Europe/Paris")).await;
    let computed = fixture.schedule(id).await;
    let recompute = async || {
        let job = NewJob::of(&RecomputeSchedules {});
        let job = fixture.fixture.queue().enqueue(job).await.expect("enqueued");
        fixture.fixture.work().await;
        fixture.fixture.job(job.id).await.result.expect("a result")
    };
    assert_eq!(recompute().await, json!({"changed": 0}));
    let later = computed.next_tick_at.map(|tick| tick + TimeDelta::hours(1));
    workflow_schedules::Entity::update_many()
        .col_expr(workflow_schedules::Column::NextTickAt, Expr::value(later))
        .exec(fixture.fixture.queue().db())
        .await
        .expect("changed");

    assert_eq!(recompute().await, json!({"changed": 1}));
    assert_eq!(fixture.schedule(id).await, computed);
}
