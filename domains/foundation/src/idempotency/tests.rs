use atelier_entities::{ProjectKind, projects};
use sea_orm::PaginatorTrait;

use super::*;
use crate::testing::Fixture;

const DONE: StoredResponse<'static> =
    StoredResponse { status: 202, location: Some("/api/jobs/1"), body: "{}" };

fn replay() -> BeginOutcome {
    BeginOutcome::Replay { status: 202, location: Some("/api/jobs/1".to_owned()), body: "{}".to_owned() }
}

async fn claim(keys: &Idempotency, user: UserId, hash: &str) -> Claim {
    match keys.begin(user, "k", hash).await.expect("asked") {
        BeginOutcome::Fresh(claim) => claim,
        other => panic!("not fresh: {other:?}"),
    }
}

/// Creates a project in a transaction that is not committed yet.
async fn work(fixture: &Fixture, user: UserId) -> Option<Transaction> {
    let queue = &fixture.services.queue;
    queue.defer(fixture.create_project(user, ProjectKind::WebApp)).await.1
}

async fn count_projects(fixture: &Fixture) -> u64 {
    projects::Entity::find().count(fixture.services.queue.db()).await.expect("counted")
}

#[tokio::test]
async fn the_first_response_is_replayed_and_another_request_is_refused() {
    let fixture = Fixture::new().await;
    let user = fixture.register("ada@example.org").await.id;
    let keys = &fixture.services.idempotency;

    let first = claim(keys, user, "one").await;
    assert_eq!(keys.begin(user, "k", "one").await.expect("asked"), BeginOutcome::InFlight);
    assert_eq!(keys.begin(user, "k", "two").await.expect("asked"), BeginOutcome::Conflict);
    assert!(keys.finish(&first, None, DONE).await.expect("kept"));
    assert_eq!(keys.begin(user, "k", "one").await.expect("asked"), replay());
    assert!(!keys.release(&first, None).await.expect("a finished key stays"));
    fixture.advance(60);
    assert_eq!(keys.begin(user, "k", "one").await.expect("asked"), replay());
    fixture.advance(25 * 3600);
    claim(keys, user, "three").await;
}

#[tokio::test]
async fn a_request_without_changes_releases_its_key() {
    let fixture = Fixture::new().await;
    let user = fixture.register("ada@example.org").await.id;
    let keys = &fixture.services.idempotency;

    let first = claim(keys, user, "one").await;
    assert!(keys.release(&first, None).await.expect("released"));
    claim(keys, user, "two").await;
}

#[tokio::test]
async fn changes_are_committed_with_the_response_or_not_at_all() {
    let fixture = Fixture::new().await;
    let user = fixture.register("ada@example.org").await.id;
    let keys = &fixture.services.idempotency;

    let died = claim(keys, user, "one").await;
    drop(work(&fixture, user).await);
    assert_eq!(keys.begin(user, "k", "one").await.expect("asked"), BeginOutcome::InFlight);
    fixture.advance(10);
    let second = claim(keys, user, "one").await;
    assert_ne!(second, died);
    let done = work(&fixture, user).await;
    assert_eq!(count_projects(&fixture).await, 0, "not before its answer");
    assert!(keys.finish(&second, done, DONE).await.expect("kept"));

    assert_eq!(keys.begin(user, "k", "one").await.expect("asked"), replay());
    assert_eq!(count_projects(&fixture).await, 1);
}

#[tokio::test]
async fn a_request_whose_key_was_taken_over_commits_nothing() {
    let fixture = Fixture::new().await;
    let user = fixture.register("ada@example.org").await.id;
    let keys = &fixture.services.idempotency;

    let slow = claim(keys, user, "one").await;
    fixture.advance(10);
    let other = claim(keys, user, "one").await;
    let done = work(&fixture, user).await;
    assert!(!keys.finish(&slow, done, DONE).await.expect("asked"), "its claim has ended");
    let done = work(&fixture, user).await;
    assert!(!keys.release(&slow, done).await.expect("asked"), "not even the trace of a refusal");
    assert_eq!(count_projects(&fixture).await, 0);
    let done = work(&fixture, user).await;
    assert!(keys.finish(&other, done, DONE).await.expect("kept"));

    assert_eq!(count_projects(&fixture).await, 1);
}

#[tokio::test]
async fn a_refusal_commits_its_audit_entry_and_releases_the_key() {
    let fixture = Fixture::new().await;
    let user = fixture.register("ada@example.org").await.id;
    let keys = &fixture.services.idempotency;

    let first = claim(keys, user, "one").await;
    let done = work(&fixture, user).await;
    assert!(keys.release(&first, done).await.expect("released"));

    assert_eq!(count_projects(&fixture).await, 1);
    claim(keys, user, "one").await;
}

#[tokio::test]
async fn a_commit_without_a_result_is_resolved() {
    let fixture = Fixture::new().await;
    let user = fixture.register("ada@example.org").await.id;
    let keys = &fixture.services.idempotency;
    let lost = || IdempotencyError::Database(DbErr::Custom("lost".to_owned()));

    let undone = claim(keys, user, "one").await;
    assert!(keys.resolve_commit(&undone, lost()).await.is_err());
    let committed = claim(keys, user, "one").await;
    assert!(keys.finish(&committed, None, DONE).await.expect("kept"));
    assert!(keys.resolve_commit(&committed, lost()).await.expect("found"));
}
