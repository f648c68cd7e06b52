//! What people may say of schedules.

use atelier_foundation::{Problem, testing::acting};

use super::*;

fn field(error: ScheduleError) -> String {
    match error {
        ScheduleError::InvalidInput(errors) => errors.0.keys().copied().collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_its_field() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let base = || every(60);
    let cases = [
        (ScheduleChanges { name: Some(" ".to_owned()), ..base() }, "name"),
        (ScheduleChanges { every_secs: None, ..base() }, "expression"),
        (ScheduleChanges { expression: Some(Some("@daily".to_owned())), ..base() }, "every_secs"),
        (every(0), "every_secs"),
        (ScheduleChanges { phase_secs: Some(60), ..base() }, "phase_secs"),
        (cron("0 25 * * *", "UTC"), "expression"),
        (cron("0 0 30 2 *", "UTC"), "expression"),
        (cron("@reboot", "UTC"), "expression"),
        (cron("@daily", "Mars/Olympus"), "time_zone"),
        (ScheduleChanges { jitter_secs: Some(3_601), ..base() }, "jitter_secs"),
        (ScheduleChanges { buffer_limit: Some(0), ..base() }, "buffer_limit"),
        (ScheduleChanges { catchup_window_secs: Some(9), ..base() }, "catchup_window_secs"),
        (ScheduleChanges { catchup_limit: Some(101), ..base() }, "catchup_limit"),
        (ScheduleChanges { pause_after: Some(Some(0)), ..base() }, "pause_after"),
        (ScheduleChanges { end_at: Some(Some(fixture.now())), ..base() }, "end_at"),
        (ScheduleChanges { input: Some(json!("x".repeat(64 * 1024))), ..base() }, "input"),
    ];
    for (input, expected) in cases {
        let refused = fixture.schedules().create(&fixture.actor(), workflow, input).await;
        assert_eq!(field(refused.expect_err(expected)), expected);
    }
    let unknown = fixture.schedules().create(&fixture.actor(), WorkflowId::new(), base()).await;
    assert_eq!(field(unknown.expect_err("no workflow")), "workflow_id");
    let none = PreviewInput { count: 0, ..PreviewInput::default() };
    assert_eq!(field(fixture.schedules().preview(none).expect_err("none")), "count");
}

#[tokio::test]
async fn warnings_come_with_the_next_five_times() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;

    let created =
        fixture.schedules().create(&fixture.actor(), workflow, cron("0 9 * * 1", "Europe/Paris")).await;

    let created = created.expect("created");
    assert_eq!(created.warnings.iter().map(|one| one.code()).collect::<Vec<_>>(), ["WEEKDAY_NUMBERS"]);
    assert_eq!(created.upcoming.len(), 5);
    assert!(created.upcoming.iter().all(|time| time.local.format("%a %H:%M").to_string() == "Mon 09:00"));
}

#[tokio::test]
async fn an_interval_takes_the_place_of_an_expression() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let id = fixture.schedule_of(workflow, cron("@daily", "Europe/Paris")).await;
    let update =
        async |changes| fixture.schedules().update(&fixture.actor(), id, changes).await.expect("changed");

    let changed =
        update(ScheduleChanges { every_secs: Some(Some(90)), phase_secs: Some(15), ..Default::default() });
    let changed = changed.await.schedule;
    assert_eq!((changed.expression, changed.every_secs, changed.phase_secs), (None, Some(90), 15));
    let back = update(ScheduleChanges { expression: Some(Some("@hourly".to_owned())), ..Default::default() });
    let back = back.await.schedule;
    assert_eq!((back.expression.as_deref(), back.every_secs, back.phase_secs), (Some("@hourly"), None, 0));
}

#[tokio::test]
async fn schedules_are_their_owners() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let id = fixture.schedule_of(workflow, every(60)).await;
    let stranger = acting(fixture.fixture.register("eve@example.org").await.id);
    let schedules = fixture.schedules();
    let page = Page { number: 1, size: 10 };

    for refused in [
        schedules.get(&stranger, id).await.map(drop),
        schedules.update(&stranger, id, every(90)).await.map(drop),
        schedules.pause(&stranger, id, None).await.map(drop),
        schedules.resume(&stranger, id, false).await.map(drop),
        schedules.run(&stranger, id).await.map(drop),
        schedules.list_ticks(&stranger, id, None, page).await.map(drop),
        schedules.delete(&stranger, id).await,
    ] {
        assert!(matches!(refused, Err(ScheduleError::NotFound)), "{refused:?}");
    }
    let listed = async |filter| schedules.list(&fixture.actor(), filter, page).await.expect("listed").1;
    assert_eq!(listed(ScheduleFilter::default()).await, 1);
    assert_eq!(listed(ScheduleFilter { paused: Some(true), ..ScheduleFilter::default() }).await, 0);
    assert_eq!(listed(ScheduleFilter { workflow: Some(workflow), paused: Some(false) }).await, 1);
    assert_eq!(schedules.list(&stranger, ScheduleFilter::default(), page).await.expect("listed").1, 0);
    schedules.delete(&fixture.actor(), id).await.expect("deleted");
    assert_eq!(listed(ScheduleFilter::default()).await, 0);
}

#[tokio::test]
async fn a_person_has_a_hundred_schedules_at_most() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let first = fixture.schedule_of(workflow, every(60)).await;
    let row = fixture.schedule(first).await;
    let copies = (1..super::super::MAX_SCHEDULES).map(|_| {
        let id = WorkflowScheduleId::new();
        workflow_schedules::ActiveModel::from(workflow_schedules::Model { id, ..row.clone() })
    });
    let insert = workflow_schedules::Entity::insert_many(copies);
    insert.exec_without_returning(fixture.fixture.queue().db()).await.expect("inserted");

    let refused = fixture.schedules().create(&fixture.actor(), workflow, every(60)).await.expect_err("full");

    assert_eq!(refused.refusal().code, "SCHEDULE_LIMIT");
}

#[tokio::test]
async fn a_deleted_workflow_takes_its_schedules_along() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    let id = fixture.schedule_of(workflow, every(60)).await;

    fixture.fixture.services.automation.workflows.delete(&fixture.actor(), workflow).await.expect("deleted");

    assert!(matches!(fixture.schedules().get(&fixture.actor(), id).await, Err(ScheduleError::NotFound)));
    fixture.fixture.advance(120);
    fixture.fire().await;
    assert!(fixture.runs_of(workflow).await.is_empty());
}
