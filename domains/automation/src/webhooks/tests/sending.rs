//! Sending events, and sending them again.

use std::collections::BTreeSet;

use atelier_foundation::credits;

use super::*;

#[tokio::test]
async fn an_event_is_sent_once_with_its_data_and_a_signature() {
    let fixture = Fixture::new().await;
    let made = fixture.subscribe(&["*"]).await;

    let job = fixture.happen(fixture.user, None).await;

    let received = fixture.received();
    assert_eq!(received.len(), 1, "{received:?}");
    let body: Value = serde_json::from_str(&received[0].body).expect("JSON");
    assert_eq!(
        (&body["type"], &body["data"]["url"], &body["data"]["job_id"]),
        (&json!("deployment.succeeded"), &json!("https://a.example"), &json!(job))
    );
    assert_eq!(received[0].header("content-type"), "application/json");
    assert!(received[0].is_signed_by(&made.secret));
    let Delivery { row, attempts } = fixture.only().await;
    assert_eq!((row.state, row.attempts, row.error), (DeliveryState::Succeeded, 1, None));
    assert_eq!(
        (row.event_id.as_str(), row.payload),
        (received[0].header("webhook-id"), received[0].body.clone())
    );
    assert_eq!((attempts[0].status, attempts[0].response_body.as_deref()), (Some(200), Some("the answer")));
    let signature = received[0].header("webhook-signature");
    assert!(!attempts[0].request_headers.to_string().contains(signature));
    assert_eq!(attempts[0].request_headers["webhook-id"], row.event_id);
    assert!(fixture.subscription(made.subscription.id).await.last_success_at.is_some());
}

#[tokio::test]
async fn only_events_of_the_person_that_were_asked_for_are_sent() {
    let fixture = Fixture::new().await;
    let stranger = fixture.register("eve@example.org").await.id;
    fixture.subscribe(&["deployment.failed"]).await;
    fixture.subscribe(&["job.failed", "deployment.failed"]).await;
    fixture.subscribe(&["run.failed"]).await;

    fixture.happen(stranger, Some("STORAGE")).await;
    fixture.happen(fixture.user, None).await;
    fixture.happen(fixture.user, Some("STORAGE")).await;

    let events: Vec<_> = fixture.deliveries().await.into_iter().map(|row| row.event).collect();
    assert_eq!(events, ["deployment.failed", "deployment.failed"]);
    let ids: BTreeSet<_> = fixture.deliveries().await.into_iter().map(|row| row.event_id).collect();
    assert_eq!(ids.len(), 1, "one event has one id");
    assert!(fixture.received()[0].body.contains("STORAGE"));
}

#[tokio::test]
async fn the_end_of_a_run_is_an_event() {
    let fixture = Fixture::new().await;
    fixture.subscribe(&["run.succeeded"]).await;
    let graph = json!({
        "nodes": [{"key": "start", "type": "manual"}, {"key": "a", "type": "no_op"}],
        "edges": [{"from": "start", "to": "a"}],
    });
    let graph = serde_json::from_value(graph).expect("a graph");
    let workflow = crate::testing::publish(fixture.queue(), fixture.user, &graph, |_| {}).await;
    let workflow = workflow.expect("published");

    let runs = &fixture.services.automation.runs;
    let run = runs.start(&fixture.ada, workflow, Default::default()).await.expect("started").run.id;
    fixture.work().await;

    let body: Value = serde_json::from_str(&fixture.only().await.row.payload).expect("JSON");
    assert_eq!(body["type"], "run.succeeded");
    assert_eq!(
        (&body["data"]["run_id"], &body["data"]["workflow_id"], &body["data"]["status"]),
        (&json!(run), &json!(workflow), &json!("succeeded"))
    );
}

#[tokio::test]
async fn a_failed_attempt_is_repeated_by_the_schedule_under_the_same_id() {
    let fixture = Fixture::new().await;
    let made = fixture.subscribe(&["deployment.succeeded"]).await;
    fixture.answer((0..10).map(|_| (500, Vec::new())));
    fixture.happen(fixture.user, None).await;

    let mut hours = Vec::new();
    while let Some(next) = fixture.only().await.row.next_at {
        hours.push((next - fixture.queue().now()).num_milliseconds() as f64 / 3_600_000.0);
        fixture.reach_next().await;
    }

    assert_eq!(hours.len(), 9);
    for (found, expected) in
        hours.iter().zip([5.0 / 3_600.0, 5.0 / 60.0, 0.5, 2.0, 5.0, 10.0, 14.0, 20.0, 24.0])
    {
        assert!((expected * 0.79..expected * 1.21).contains(found), "{hours:?}");
    }
    let Delivery { row, attempts } = fixture.only().await;
    assert_eq!((row.state, row.attempts), (DeliveryState::Failed, 10));
    assert_eq!(row.error.as_deref(), Some("HTTP_STATUS"));
    assert_eq!(attempts.iter().map(|one| one.number).collect::<Vec<_>>(), (1..=10).rev().collect::<Vec<_>>());
    let received = fixture.received();
    let ids: BTreeSet<_> = received.iter().map(|one| one.header("webhook-id").to_owned()).collect();
    let bodies: BTreeSet<_> = received.iter().map(|one| one.body.clone()).collect();
    let times: BTreeSet<_> = received.iter().map(|one| one.header("webhook-timestamp").to_owned()).collect();
    assert_eq!((received.len(), ids.len(), bodies.len(), times.len()), (10, 1, 1, 10));
    assert!(received.iter().all(|one| one.is_signed_by(&made.secret)));
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let fixture = Fixture::new().await;
    fixture.subscribe(&["*"]).await;
    fixture.answer([(307, vec![("location", format!("{}/elsewhere", fixture.base))])]);

    fixture.happen(fixture.user, None).await;

    let Delivery { row, attempts } = fixture.only().await;
    assert_eq!((row.state, row.error.as_deref()), (DeliveryState::Pending, Some("REDIRECTED")));
    assert_eq!((attempts[0].status, fixture.received().len()), (Some(307), 1));
}

#[tokio::test]
async fn a_server_that_asks_for_a_pause_is_left_alone_for_it() {
    let fixture = Fixture::new().await;
    let made = fixture.subscribe(&["*"]).await;
    fixture.answer([(429, vec![("retry-after", "3600".to_owned())])]);
    fixture.happen(fixture.user, None).await;
    let pause = fixture.only().await.row.next_at.expect("an attempt") - fixture.queue().now();
    assert!((3_590..=3_600).contains(&pause.num_seconds()), "{pause}");

    fixture.happen(fixture.user, None).await;

    assert_eq!(fixture.received().len(), 1, "another event waits too");
    assert!(fixture.subscription(made.subscription.id).await.throttled_until.is_some());
    fixture.advance(2 * 3_600);
    fixture.work().await;
    assert_eq!(fixture.received().len(), 3);
    assert!(fixture.deliveries().await.iter().all(|row| row.state == DeliveryState::Succeeded));
}

#[tokio::test]
async fn a_server_may_end_the_attempts() {
    let fixture = Fixture::new().await;
    fixture.subscribe(&["*"]).await;
    fixture.answer([(400, vec![("webhook-delivery", "abort-message".to_owned())])]);

    fixture.happen(fixture.user, None).await;

    let row = fixture.only().await.row;
    assert_eq!((row.state, row.error.as_deref()), (DeliveryState::Aborted, Some("ABORTED")));
    assert_eq!((row.next_at, row.ended_at.is_some()), (None, true));
}

#[tokio::test]
async fn an_address_that_is_not_public_is_never_reached() {
    let fixture = Fixture::with(HttpOptions::default()).await;
    let input = NewSubscription { url: "https://shop.example/hook".to_owned(), ..fixture.input(&["*"]) };
    let made = fixture.webhooks().create(&fixture.ada, input).await.expect("created");
    let moved = subscriptions::Entity::update_many()
        .col_expr(subscriptions::Column::Url, Expr::value(fixture.base.clone()))
        .filter(subscriptions::Column::Id.eq(made.subscription.id));
    moved.exec(fixture.queue().db()).await.expect("moved");

    fixture.happen(fixture.user, None).await;

    assert!(fixture.received().is_empty());
    let Delivery { row, attempts } = fixture.only().await;
    assert_eq!((row.error.as_deref(), attempts[0].status), (Some("ADDRESS_FORBIDDEN"), None));
}

#[tokio::test]
async fn earlier_secrets_sign_for_a_day() {
    let fixture = Fixture::new().await;
    let old = fixture.subscribe(&["*"]).await;
    let id = old.subscription.id;
    let new = fixture.webhooks().rotate(&fixture.ada, id, None).await.expect("rotated");

    fixture.happen(fixture.user, None).await;
    fixture.advance(24 * 3_600 + 1);
    fixture.happen(fixture.user, None).await;

    let received = fixture.received();
    let by = |place: usize| [&old, &new].map(|made| received[place].is_signed_by(&made.secret));
    assert_eq!((by(0), by(1)), ([true, true], [false, true]));
    purge(fixture.queue(), 100).await.expect("purged");
    fixture.happen(fixture.user, None).await;
    assert!(fixture.received()[2].is_signed_by(&new.secret));
}

#[tokio::test]
async fn a_redelivery_has_the_same_id_and_begins_the_schedule_anew() {
    let fixture = Fixture::new().await;
    fixture.subscribe(&["*"]).await;
    fixture.answer([(400, vec![("webhook-delivery", "abort-message".to_owned())]), (500, Vec::new())]);
    fixture.happen(fixture.user, None).await;
    let Delivery { row, .. } = fixture.only().await;
    let again = || fixture.webhooks().redeliver(&fixture.ada, row.subscription_id, row.id);

    let started = again().await.expect("started");
    assert_eq!(started.delivery.state, DeliveryState::Pending);
    fixture.work().await;
    let waiting = fixture.only().await.row;
    let pause = waiting.next_at.expect("an attempt") - fixture.queue().now();
    assert!(pause.num_seconds() <= 6, "{pause}");

    // The one that waits is sent now, in place of its next attempt.
    again().await.expect("started");
    fixture.work().await;

    let Delivery { row, attempts } = fixture.only().await;
    assert_eq!((row.state, row.attempts), (DeliveryState::Succeeded, 3));
    assert_eq!(attempts.iter().map(|one| one.number).collect::<Vec<_>>(), [4, 2, 1]);
    let ids: BTreeSet<_> = fixture
        .received()
        .iter()
        .map(|one| (one.header("webhook-id").to_owned(), one.body.clone()))
        .collect();
    assert_eq!((ids.len(), fixture.received().len()), (1, 3));
    fixture.advance(60);
    fixture.work().await;
    assert_eq!(fixture.received().len(), 3, "the replaced attempt is not made");
}

#[tokio::test]
async fn a_change_of_the_balance_is_an_event() {
    let fixture = Fixture::new().await;
    fixture.subscribe(&["credits.changed"]).await;
    let tx = fixture.queue().begin().await.expect("begun");

    credits::adjust(&tx, fixture.user, 5, "A prize").await.expect("adjusted");
    tx.commit().await.expect("committed");
    fixture.work().await;

    let body: Value = serde_json::from_str(&fixture.received()[0].body).expect("JSON");
    assert_eq!(body["type"], "credits.changed");
    assert_eq!((&body["data"]["amount"], &body["data"]["description"]), (&json!(5), &json!("A prize")));
}

#[tokio::test]
async fn a_delivery_that_lost_its_job_gets_another_one_for_the_same_attempt() {
    let fixture = Fixture::new().await;
    fixture.subscribe(&["deployment.succeeded"]).await;
    fixture.answer([(500, Vec::new())]);
    fixture.happen(fixture.user, None).await;
    let waiting = fixture.only().await.row;

    let kept = restart_lost(fixture.queue()).await.expect("looked for");
    let gone = jobs::Entity::delete_many().filter(jobs::Column::Kind.eq(DeliverWebhook::KIND));
    gone.exec(fixture.queue().db()).await.expect("deleted");
    let restarted = restart_lost(fixture.queue()).await.expect("restarted");
    let again = restart_lost(fixture.queue()).await.expect("looked for");
    let early = fixture.received().len();
    let ended = fixture.reach_next().await;

    assert_eq!((kept, restarted, again, early), (0, 1, 0, 1));
    assert_eq!((ended.row.state, ended.row.attempts), (DeliveryState::Succeeded, 2));
    assert_eq!(ended.row.event_id, waiting.event_id);
    assert_eq!(fixture.received().len(), 2);
}
