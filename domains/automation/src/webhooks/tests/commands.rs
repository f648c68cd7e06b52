//! What people do with their webhooks.

use super::*;

fn is_missing<T: std::fmt::Debug>(found: Result<T, WebhookError>) -> bool {
    matches!(found, Err(WebhookError::NotFound(_)))
}

#[tokio::test]
async fn another_persons_webhook_does_not_exist() {
    let fixture = Fixture::new().await;
    let id = fixture.subscribe(&["*"]).await.subscription.id;
    fixture.happen(fixture.user, None).await;
    let delivery = fixture.only().await.row.id;
    let eve = acting(fixture.register("eve@example.org").await.id);
    let webhooks = fixture.webhooks();
    let page = Page { number: 1, size: 10 };

    assert!(is_missing(webhooks.get(&eve, id).await));
    assert!(is_missing(webhooks.update(&eve, id, SubscriptionChanges::default()).await));
    assert!(is_missing(webhooks.rotate(&eve, id, None).await));
    assert!(is_missing(webhooks.ping(&eve, id).await));
    assert!(is_missing(webhooks.list_deliveries(&eve, id, DeliveryFilter::default(), page).await));
    assert!(is_missing(webhooks.get_delivery(&eve, id, delivery).await));
    assert!(is_missing(webhooks.redeliver(&eve, id, delivery).await));
    assert!(is_missing(webhooks.delete(&eve, id).await));
    assert_eq!(webhooks.list(&eve, page).await.expect("listed").1, 0);
    assert_eq!(webhooks.list(&fixture.ada, page).await.expect("listed").1, 1);
}

#[tokio::test]
async fn a_person_has_at_most_twenty_webhooks() {
    let fixture = Fixture::new().await;
    for _ in 0..MAX_SUBSCRIPTIONS {
        fixture.subscribe(&["run.failed"]).await;
    }

    let refused = fixture.webhooks().create(&fixture.ada, fixture.input(&["*"])).await;

    assert!(matches!(refused, Err(WebhookError::TooMany)), "{refused:?}");
}

#[tokio::test]
async fn a_secret_may_be_brought_along_and_is_stored_sealed() {
    let fixture = Fixture::new().await;
    let own = SecretString::from("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let input = NewSubscription { secret: Some(own.clone()), ..fixture.input(&["*"]) };
    let made = fixture.webhooks().create(&fixture.ada, input).await.expect("created");
    assert_eq!(made.secret.expose_secret(), own.expose_secret());

    fixture.happen(fixture.user, None).await;

    assert!(fixture.received()[0].is_signed_by(&own));
    let rows = atelier_entities::webhook_secrets::Entity::find().all(fixture.queue().db()).await;
    let rows = rows.expect("listed");
    assert_eq!((rows.len(), rows[0].key_id.as_str()), (1, "test"));
    assert!(!rows[0].sealed.contains("C2FVsBQI"));
    let short = NewSubscription { secret: Some("whsec_AAAA".into()), ..fixture.input(&["*"]) };
    let refused = fixture.webhooks().create(&fixture.ada, short).await;
    assert!(matches!(refused, Err(WebhookError::InvalidInput(_))), "{refused:?}");
}

#[tokio::test]
async fn five_secrets_sign_at_most() {
    let fixture = Fixture::new().await;
    let id = fixture.subscribe(&["*"]).await.subscription.id;
    for _ in 1..MAX_SECRETS {
        fixture.webhooks().rotate(&fixture.ada, id, None).await.expect("rotated");
    }

    let refused = fixture.webhooks().rotate(&fixture.ada, id, None).await;

    assert!(matches!(refused, Err(WebhookError::TooManySecrets)), "{refused:?}");
    fixture.happen(fixture.user, None).await;
    assert_eq!(fixture.received()[0].header("webhook-signature").split(' ').count(), 5);
}

#[tokio::test]
async fn a_ping_is_sent_whichever_events_are_asked_for() {
    let fixture = Fixture::new().await;
    let id = fixture.subscribe(&["run.failed"]).await.subscription.id;

    let started = fixture.webhooks().ping(&fixture.ada, id).await.expect("started");
    fixture.work().await;

    assert_eq!(fixture.job(started.job.id).await.state, JobState::Succeeded);
    let body: Value = serde_json::from_str(&fixture.received()[0].body).expect("JSON");
    assert_eq!((&body["type"], &body["data"]["webhook_id"]), (&json!(PING), &json!(id)));
    let filter = |state, event: &str| DeliveryFilter { state: Some(state), event: Some(event.to_owned()) };
    for (filter, expected) in [
        (filter(DeliveryState::Succeeded, PING), 1),
        (filter(DeliveryState::Failed, PING), 0),
        (filter(DeliveryState::Succeeded, "run.failed"), 0),
    ] {
        let page = Page { number: 1, size: 10 };
        let (_, count) =
            fixture.webhooks().list_deliveries(&fixture.ada, id, filter, page).await.expect("listed");
        assert_eq!(count, expected);
    }
}

#[tokio::test]
async fn deleting_a_webhook_ends_its_jobs() {
    let fixture = Fixture::new().await;
    let id = fixture.subscribe(&["*"]).await.subscription.id;
    fixture.answer([(500, Vec::new())]);
    fixture.happen(fixture.user, None).await;

    fixture.webhooks().delete(&fixture.ada, id).await.expect("deleted");

    assert!(fixture.deliveries().await.is_empty());
    assert!(fixture.delivery_jobs().await.iter().all(|job| job.state.is_terminal()));
    fixture.advance(3_600);
    fixture.work().await;
    assert_eq!(fixture.received().len(), 1);
}
