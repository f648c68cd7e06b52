//! Subscriptions that get no more events.

use super::*;

const MAIL: &str = "Your webhook gets no more events";

#[tokio::test]
async fn a_server_that_is_gone_gets_no_more_events_and_the_owner_is_told() {
    let fixture = Fixture::new().await;
    let id = fixture.subscribe(&["*"]).await.subscription.id;
    fixture.answer([(410, Vec::new())]);

    fixture.happen(fixture.user, None).await;
    fixture.happen(fixture.user, None).await;

    let row = fixture.subscription(id).await;
    assert_eq!((row.status, row.disabled_reason.as_deref()), (WebhookStatus::Disabled, Some(GONE)));
    assert_eq!(fixture.only().await.row.state, DeliveryState::Aborted);
    let mails = fixture.subjects_to("ada@example.org");
    assert_eq!(mails.iter().filter(|subject| *subject == MAIL).count(), 1, "{mails:?}");
    assert!(matches!(fixture.webhooks().ping(&fixture.ada, id).await, Err(WebhookError::NotEnabled)));
}

#[tokio::test]
async fn a_server_that_fails_for_five_days_gets_no_more_events_until_it_is_enabled() {
    let fixture = Fixture::new().await;
    let id = fixture.subscribe(&["*"]).await.subscription.id;
    fixture.answer((0..100).map(|_| (503, Vec::new())));
    for _ in 0..5 {
        fixture.happen(fixture.user, None).await;
        assert_eq!(fixture.subscription(id).await.status, WebhookStatus::Enabled);
        fixture.advance(24 * 3_600);
        fixture.work().await;
    }

    fixture.happen(fixture.user, None).await;

    let row = fixture.subscription(id).await;
    assert_eq!((row.status, row.disabled_reason.as_deref()), (WebhookStatus::Disabled, Some(FAILING)));
    let mails = fixture.subjects_to("ada@example.org");
    assert_eq!(mails.iter().filter(|subject| *subject == MAIL).count(), 1, "{mails:?}");
    // What waited is not sent any more.
    fixture.server.script.lock().expect("not poisoned").clear();
    let before = fixture.received().len();
    fixture.advance(2 * 24 * 3_600);
    fixture.work().await;
    assert_eq!(fixture.received().len(), before);
    assert!(fixture.deliveries().await.iter().all(|row| row.state != DeliveryState::Pending));

    let enabled = SubscriptionChanges { status: Some(WebhookStatus::Enabled), ..Default::default() };
    let row = fixture.webhooks().update(&fixture.ada, id, enabled).await.expect("enabled");
    assert_eq!((row.disabled_reason, row.failing_since), (None, None));
    fixture.happen(fixture.user, None).await;
    assert_eq!(fixture.received().len(), before + 1);
}

#[tokio::test]
async fn a_success_ends_the_time_of_failures() {
    let fixture = Fixture::new().await;
    let id = fixture.subscribe(&["*"]).await.subscription.id;
    fixture.answer([(500, Vec::new())]);
    fixture.happen(fixture.user, None).await;
    assert!(fixture.subscription(id).await.failing_since.is_some());

    fixture.reach_next().await;

    let row = fixture.subscription(id).await;
    assert_eq!((row.failing_since, row.status), (None, WebhookStatus::Enabled));
}

#[tokio::test]
async fn deliveries_of_a_paused_webhook_wait() {
    let fixture = Fixture::new().await;
    let id = fixture.subscribe(&["*"]).await.subscription.id;
    fixture.answer([(500, Vec::new())]);
    fixture.happen(fixture.user, None).await;
    let status = |status| SubscriptionChanges { status: Some(status), ..Default::default() };
    fixture.webhooks().update(&fixture.ada, id, status(WebhookStatus::Paused)).await.expect("paused");

    fixture.advance(60);
    fixture.work().await;
    fixture.happen(fixture.user, None).await;

    assert_eq!(fixture.received().len(), 1);
    assert_eq!(fixture.only().await.row.state, DeliveryState::Pending, "what happens in a pause is not sent");
    let error = fixture.delivery_jobs().await.pop().and_then(|job| job.error).expect("a reason");
    assert_eq!(error["code"], "WEBHOOK_PAUSED");
    fixture.webhooks().update(&fixture.ada, id, status(WebhookStatus::Enabled)).await.expect("enabled");
    fixture.advance(10 * 60);
    fixture.work().await;
    assert_eq!(fixture.only().await.row.state, DeliveryState::Succeeded);
}

#[tokio::test]
async fn closing_the_account_ends_all_deliveries() {
    let fixture = Fixture::new().await;
    fixture.subscribe(&["*"]).await;
    fixture.answer([(500, Vec::new())]);
    fixture.happen(fixture.user, None).await;
    let identity = &fixture.services.foundation.identity;

    identity.erase_account(&Actor::platform(), fixture.user).await.expect("closed");
    fixture.finish_erasures().await;
    fixture.advance(3_600);
    fixture.work().await;

    assert_eq!(fixture.received().len(), 1);
    assert!(fixture.deliveries().await.is_empty());
    let left = subscriptions::Entity::find().all(fixture.queue().db()).await.expect("listed");
    assert!(left.is_empty());
}

#[tokio::test]
async fn a_job_that_is_cancelled_ends_its_delivery() {
    let fixture = Fixture::new().await;
    fixture.subscribe(&["*"]).await;
    fixture.answer([(500, Vec::new())]);
    fixture.happen(fixture.user, None).await;
    let jobs = fixture.delivery_jobs().await;
    let waiting = jobs.iter().find(|job| job.state == JobState::Scheduled).expect("a job");

    fixture.queue().cancel(waiting.id, Some(fixture.user)).await.expect("cancelled");

    let row = fixture.only().await.row;
    assert_eq!((row.state, row.error.as_deref()), (DeliveryState::Aborted, Some("CANCELLED")));
}

#[tokio::test]
async fn old_deliveries_are_deleted_and_those_that_wait_stay() {
    let fixture = Fixture::new().await;
    fixture.subscribe(&["deployment.succeeded"]).await;
    fixture.happen(fixture.user, None).await;
    fixture.answer([(500, Vec::new())]);
    fixture.happen(fixture.user, None).await;

    fixture.advance(31 * 24 * 3_600);

    assert_eq!(purge(fixture.queue(), 1).await.expect("purged"), 1);
    assert_eq!(fixture.only().await.row.state, DeliveryState::Pending);
}
