//! Fire times that come.

use sea_orm::ActiveValue::Set;

use super::*;

#[tokio::test]
async fn each_fire_time_starts_one_run() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let input = ScheduleChanges { input: Some(json!({"n": 1})), ..every(60) };
    let id = fixture.schedule_of(workflow, input).await;
    let due = fixture.schedule(id).await.next_tick_at;

    fixture.fire().await;
    assert!(fixture.runs_of(workflow).await.is_empty(), "nothing is due yet");
    fixture.reach_next(id).await;
    fixture.fire().await;
    fixture.fixture.work().await;

    let runs = fixture.runs_of(workflow).await;
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].cause.as_str(), runs[0].status), ("schedule", RunStatus::Succeeded));
    assert_eq!((runs[0].schedule_id, runs[0].input.clone()), (Some(id), Some(json!({"n": 1}))));
    let ticks = fixture.ticks(id).await;
    assert_eq!((ticks.len(), ticks[0].outcome), (1, TickOutcome::Started));
    assert_eq!((Some(ticks[0].tick_at), ticks[0].run_id), (due, Some(runs[0].id)));
    let schedule = fixture.schedule(id).await;
    assert_eq!(schedule.last_tick_at, due);
    assert_eq!(schedule.next_tick_at, due.map(|due| due + TimeDelta::seconds(60)));
}

#[tokio::test]
async fn schedules_with_one_expression_fire_each_for_itself() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let ids = [
        fixture.schedule_of(workflow, cron("*/5 * * * *", "UTC")).await,
        fixture.schedule_of(workflow, cron("*/5 * * * *", "UTC")).await,
    ];

    fixture.reach_next(ids[0]).await;

    assert_eq!(fixture.runs_of(workflow).await.len(), 2);
    for id in ids {
        assert_eq!(fixture.outcomes(id).await, [TickOutcome::Started]);
    }
}

#[tokio::test]
async fn a_trigger_for_schedules_is_told_the_fire_time() {
    let fixture = Fixture::new().await;
    let both = flow().add("clock", "schedule", json!({})).edges("clock>a");
    let workflow = fixture.publish(&both).await;
    let id = fixture.schedule_of(workflow, ScheduleChanges { input: Some(json!(7)), ..every(60) }).await;
    let due = fixture.schedule(id).await.next_tick_at;

    fixture.reach_next(id).await;

    let runs = fixture.runs_of(workflow).await;
    assert_eq!(runs[0].trigger_node, "clock");
    let given = json!({"schedule_id": id, "scheduled_at": due, "input": 7});
    assert_eq!(runs[0].input, Some(given));
}

#[tokio::test]
async fn a_jitter_delays_the_fire_time_and_the_preview_shows_it() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let spread = ScheduleChanges { jitter_secs: Some(3_600), ..every(86_400) };
    let id = fixture.schedule_of(workflow, spread.clone()).await;

    let view = fixture.view(id).await;
    let (tick, fires) = (view.schedule.next_tick_at.expect("one"), view.schedule.next_fire_at.expect("one"));
    assert!(fires > tick && fires <= tick + TimeDelta::hours(1), "{tick} {fires}");
    assert_eq!((view.upcoming[0].at, view.upcoming[0].fires_at), (tick, fires));
    let input = PreviewInput { fields: spread, schedule: Some(id), after: None, count: 1 };
    let preview = fixture.schedules().preview(input).expect("a preview");
    assert_eq!(preview.upcoming[..], view.upcoming[..1]);
    fixture.reach_next(id).await;
    assert_eq!(fixture.ticks(id).await[0].tick_at, tick);
}

#[tokio::test]
async fn a_schedule_fires_on_the_days_on_which_the_clock_changes() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    fixture.set_clock("2027-03-13T12:00:00Z");
    let id = fixture.schedule_of(workflow, cron("30 2 * * *", "America/New_York")).await;
    fixture.reach_next(id).await;
    fixture.reach_next(id).await;

    fixture.set_clock("2027-11-06T12:00:00Z");
    let night = fixture.schedule_of(workflow, cron("30 1 * * *", "America/New_York")).await;
    fixture.reach_next(night).await;
    fixture.reach_next(night).await;

    let of = |ticks: Vec<workflow_schedule_ticks::Model>| -> Vec<_> {
        ticks
            .into_iter()
            .map(|tick| (tick.tick_at.format("%m-%dT%H:%M").to_string(), tick.shifted_from))
            .collect()
    };
    let gap = [
        ("03-14T07:00".to_owned(), Some("2027-03-14T02:30:00".to_owned())),
        ("03-15T06:30".to_owned(), None),
    ];
    assert_eq!(of(fixture.ticks(id).await)[..2], gap);
    let fold = [("11-07T05:30".to_owned(), None), ("11-08T06:30".to_owned(), None)];
    assert_eq!(of(fixture.ticks(night).await), fold);
}

#[tokio::test]
async fn a_schedule_ends_at_its_end() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let ends = ScheduleChanges { end_at: Some(Some(fixture.now() + TimeDelta::seconds(61))), ..every(60) };
    let id = fixture.schedule_of(workflow, ends).await;

    fixture.reach_next(id).await;

    let schedule = fixture.schedule(id).await;
    assert_eq!((schedule.next_fire_at, schedule.paused_at), (None, None));
    assert_eq!(fixture.outcomes(id).await, [TickOutcome::Started]);
}

#[tokio::test]
async fn a_workflow_that_cannot_run_is_told_with_its_fire_time() {
    let fixture = Fixture::new().await;
    let limit = json!({"concurrency": {"limit": 1, "when_full": "skip"}});
    let workflow = fixture.publish_with(&flow(), limit, |_| {}).await;
    fixture.let_wait(1);
    let id = fixture.schedule_of(workflow, overlapping(ScheduleOverlap::AllowAll)).await;
    fixture.reach_next(id).await;
    fixture.fixture.work().await;

    fixture.reach_next(id).await;

    let ticks = fixture.ticks(id).await;
    assert_eq!((ticks[1].outcome, ticks[1].reason.as_deref()), (TickOutcome::Failed, Some("WORKFLOW_BUSY")));
}

#[tokio::test]
async fn a_batch_of_schedules_fires_at_once() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let first = fixture.schedule_of(workflow, every(60)).await;
    let row = fixture.schedule(first).await;
    let copies: Vec<_> = (0..1_100)
        .map(|_| {
            let id = WorkflowScheduleId::new();
            workflow_schedules::ActiveModel::from(workflow_schedules::Model { id, ..row.clone() })
        })
        .collect();
    for some in copies.chunks(500) {
        let insert = workflow_schedules::Entity::insert_many(some.to_vec());
        insert.exec_without_returning(fixture.fixture.queue().db()).await.expect("inserted");
    }

    fixture.reach_next(first).await;

    assert_eq!(fixture.runs_of(workflow).await.len(), 1_101);
    let ticks = workflow_schedule_ticks::Entity::find().count(fixture.fixture.queue().db()).await;
    assert_eq!(ticks.expect("counted"), 1_101);
}

#[tokio::test]
async fn resuming_with_catch_up_begins_at_what_was_due_before_the_pause() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let overlap = || overlapping(ScheduleOverlap::AllowAll);
    let caught_up = fixture.schedule_of(workflow, overlap()).await;
    let not_caught_up = fixture.schedule_of(workflow, overlap()).await;
    let due = fixture.schedule(caught_up).await.next_tick_at.expect("a fire time");

    fixture.fixture.queue().clock().advance(due - fixture.now() + TimeDelta::seconds(1));
    for id in [caught_up, not_caught_up] {
        fixture.schedules().pause(&fixture.actor(), id, None).await.expect("paused");
    }
    fixture.fire().await;
    assert!(fixture.ticks(caught_up).await.is_empty(), "no scheduler came to it in time");
    fixture.fixture.queue().clock().advance(TimeDelta::seconds(120));
    for (id, catch_up) in [(caught_up, true), (not_caught_up, false)] {
        fixture.schedules().resume(&fixture.actor(), id, catch_up).await.expect("resumed");
    }
    fixture.fire().await;

    let fired: Vec<_> = fixture.ticks(caught_up).await.iter().map(|tick| tick.tick_at).collect();
    assert_eq!(fired, [0, 60, 120].map(|secs| due + TimeDelta::seconds(secs)));
    assert_eq!(fixture.outcomes(caught_up).await, [TickOutcome::Started; 3]);
    assert!(fixture.ticks(not_caught_up).await.is_empty());
}

#[tokio::test]
async fn a_fire_time_of_a_workflow_that_is_not_published_fails() {
    let fixture = Fixture::new().await;
    let draft = fixture.publish_with(&flow(), json!({}), |row| row.published_id = Set(None)).await;
    let id = fixture.schedule_of(draft, every(60)).await;

    fixture.reach_next(id).await;

    let ticks = fixture.ticks(id).await;
    let told: Vec<_> = ticks.iter().map(|tick| (tick.outcome, tick.reason.as_deref())).collect();
    assert_eq!(told, [(TickOutcome::Failed, Some("WORKFLOW_UNPUBLISHED"))]);
    assert!(fixture.runs_of(draft).await.is_empty());
}
