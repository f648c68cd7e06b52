//! Addresses, secrets and test calls.

use super::*;

#[tokio::test]
async fn a_rotated_address_starts_nothing_any_more() {
    let fixture = Fixture::new().await;
    let (workflow, first) = fixture.hooked(json!({})).await;

    let second = fixture.rotate(workflow).await;

    assert_eq!(fixture.code(&call(&first, &[], "{}")).await, "NOT_FOUND");
    assert!(fixture.send(&call(&second, &[], "{}")).await.is_ok());
    fixture.hooks().delete(&fixture.actor(), workflow, "hook").await.expect("deleted");
    assert_eq!(fixture.code(&call(&second, &[], "{}")).await, "NOT_FOUND");
    let third = fixture.rotate(workflow).await;
    assert!(fixture.send(&call(&third, &[], "{}")).await.is_ok());
}

#[tokio::test]
async fn an_earlier_secret_is_good_for_another_day() {
    let fixture = Fixture::new().await;
    let (workflow, token) = fixture.hooked(github()).await;
    fixture.set_secret(workflow, Some(SECRET)).await;

    let made = fixture.set_secret(workflow, None).await;

    let secret = made.made.expect("a secret").expose_secret().to_owned();
    assert_eq!(made.secrets.len(), 2);
    assert!(made.secrets[0].expires_at.is_none() && made.secrets[1].expires_at.is_some());
    for secret in [&secret, SECRET] {
        assert!(fixture.send(&signed(&token, secret, "{}")).await.is_ok());
    }
    fixture.advance_clock(TimeDelta::hours(25));
    assert!(fixture.send(&signed(&token, &secret, "{}")).await.is_ok());
    assert_eq!(fixture.code(&signed(&token, SECRET, "{}")).await, "CALL_REFUSED");
    assert_eq!(purge(fixture.fixture.queue(), 100).await.expect("purged"), 1);
}

#[tokio::test]
async fn neither_tokens_nor_secrets_are_in_a_row() {
    let fixture = Fixture::new().await;
    let (workflow, token) = fixture.hooked(github()).await;
    fixture.set_secret(workflow, Some(SECRET)).await;
    fixture.send(&signed(&token, SECRET, "{}")).await.expect("accepted");

    let db = fixture.fixture.queue().db();
    let hooks = workflow_hooks::Entity::find().all(db).await.expect("listed");
    let secrets = workflow_hook_secrets::Entity::find().all(db).await.expect("listed");
    let runs = workflow_runs::Entity::find().all(db).await.expect("listed");
    let rows = format!("{hooks:?} {secrets:?} {runs:?}");
    assert!(!rows.contains(&token) && !rows.contains(SECRET), "{rows}");
    assert_eq!(hooks[0].token_prefix.as_deref(), Some(&token[..6]));
}

#[tokio::test]
async fn the_list_has_the_webhooks_of_the_graph_with_what_they_have() {
    let fixture = Fixture::new().await;
    let two = flow(github()).add("other", "webhook", json!({}));
    let workflow = fixture.publish(&two).await;
    fixture.rotate(workflow).await;
    fixture.set_secret(workflow, Some(SECRET)).await;

    let views = fixture.hooks().list(&fixture.actor(), workflow).await.expect("listed");

    let shown: Vec<_> =
        views.iter().map(|view| (view.node.as_str(), view.is_live, view.secrets.len())).collect();
    assert_eq!(shown, [("hook", true, 1), ("other", false, 0)]);
    assert_eq!(views[0].scheme, Some(Scheme::Github));
    let missing = fixture.hooks().rotate(&fixture.actor(), workflow, "a").await.expect_err("no webhook");
    assert_eq!(missing.refusal().code, "NODE_NOT_FOUND");
}

#[tokio::test]
async fn the_webhooks_of_another_person_are_not_there() {
    let fixture = Fixture::new().await;
    let (workflow, _) = fixture.hooked(json!({})).await;
    let eve = fixture.fixture.register("eve@example.org").await.id;
    let eve = atelier_foundation::testing::acting(eve);
    let hooks = fixture.hooks();

    let codes = [
        hooks.list(&eve, workflow).await.expect_err("refused").refusal().code,
        hooks.rotate(&eve, workflow, "hook").await.expect_err("refused").refusal().code,
        hooks.set_secret(&eve, workflow, ("hook", None)).await.expect_err("refused").refusal().code,
        hooks.delete(&eve, workflow, "hook").await.expect_err("refused").refusal().code,
        hooks.get_test_call(&eve, workflow, "hook").await.expect_err("refused").refusal().code,
    ];

    assert_eq!(codes, ["NOT_FOUND"; 5]);
}

#[tokio::test]
async fn a_test_call_is_kept_and_runs_the_draft_of_a_disabled_workflow() {
    let fixture = Fixture::new().await;
    let (workflow, token) = fixture.hooked(json!({})).await;
    fixture.set(workflow, workflows::Column::Enabled, Expr::value(false)).await;
    let hooks = fixture.hooks();
    let none = hooks.get_test_call(&fixture.actor(), workflow, "hook").await.expect_err("none yet");
    assert_eq!(none.refusal().code, "TEST_CALL_NOT_FOUND");
    let body = json!({"text": "b".repeat(2 * KEPT_BODY_BYTES)}).to_string();
    let request = call(&token, &[("Authorization", "Bearer secret")], &body);

    let found = hooks.find_test(&token).await.expect("found");
    let tested = hooks.accept_test(&found, &request).await.expect("kept");

    let TestedCall::Kept { run: Some(run), problem: None } = tested else { panic!("{tested:?}") };
    let kept = hooks.get_test_call(&fixture.actor(), workflow, "hook").await.expect("kept");
    assert_eq!((kept.run_id, &kept.call["truncated"]), (Some(run), &json!(true)));
    assert_eq!(kept.call["body"].as_str().map(str::len), Some(KEPT_BODY_BYTES));
    assert!(!kept.call.to_string().contains("secret"));
    let row = fixture.row(run).await;
    assert_ne!(Some(row.version_id), published_of(&fixture, workflow).await, "the draft was copied");
    assert_eq!(row.cause, RunCause::Webhook);

    fixture.advance_clock(TimeDelta::days(8));
    assert_eq!(purge(fixture.fixture.queue(), 100).await.expect("purged"), 1);
    let left = workflow_hook_test_calls::Entity::find().count(fixture.fixture.queue().db()).await;
    assert_eq!(left.expect("counted"), 0);
}

#[tokio::test]
async fn a_wait_for_a_test_call_ends_with_the_next_call_or_with_its_time() {
    let fixture = Fixture::new().await;
    let (workflow, token) = fixture.hooked(json!({})).await;
    let (hooks, actor) = (fixture.hooks(), fixture.actor());
    let keep = async || {
        let found = hooks.find_test(&token).await.expect("found");
        hooks.accept_test(&found, &call(&token, &[], "{}")).await.expect("kept");
    };
    let wait = async |after, millis| {
        let wait = std::time::Duration::from_millis(millis);
        hooks.wait_for_test_call(&actor, (workflow, "hook"), after, wait).await
    };

    let none = wait(None, 10).await.expect_err("none");
    let (first, ()) = tokio::join!(wait(None, 10_000), keep());
    let first = first.expect("the call").received_at;
    let stale = wait(Some(first), 10).await.expect_err("nothing newer");
    fixture.advance_clock(TimeDelta::seconds(1));
    let (second, ()) = tokio::join!(wait(Some(first), 10_000), keep());

    assert_eq!([none.refusal().code, stale.refusal().code], ["TEST_CALL_NOT_FOUND"; 2]);
    assert!(second.expect("the next call").received_at > first);
}

async fn published_of(
    fixture: &Fixture,
    workflow: WorkflowId,
) -> Option<atelier_entities::WorkflowVersionId> {
    let row = workflows::Entity::find_by_id(workflow).one(fixture.fixture.queue().db()).await;
    row.expect("asked").expect("there").published_id
}

#[tokio::test]
async fn a_draft_with_errors_does_not_run_but_keeps_its_test_call() {
    let fixture = Fixture::new().await;
    let broken = flow(json!({})).add("lost", "no_such_type", json!({}));
    let workflow = fixture.publish(&Flow::new().work("a").edges("start>a")).await;
    let drafted = fixture.publish(&broken).await;
    let db = fixture.fixture.queue().db();
    let row = workflows::Entity::find_by_id(drafted).one(db).await.expect("asked").expect("there");
    fixture.set(workflow, workflows::Column::DraftId, Expr::value(row.draft_id)).await;
    let token = fixture.rotate(workflow).await;

    let found = fixture.hooks().find_test(&token).await.expect("found");
    let tested = fixture.hooks().accept_test(&found, &call(&token, &[], "{}")).await.expect("kept");

    assert_eq!(tested, TestedCall::Kept { run: None, problem: Some("GRAPH_INVALID") });
    assert_eq!(fixture.code(&call(&token, &[], "{}")).await, "NOT_FOUND", "it is not published");
}

#[tokio::test]
async fn what_calls_are_recognized_by_is_deleted_after_its_time() {
    let fixture = Fixture::new().await;
    let (_, token) = fixture.hooked(json!({"once_per_body": true})).await;
    fixture.send(&call(&token, &[], "{}")).await.expect("accepted");
    let queue = fixture.fixture.queue();

    assert_eq!(purge(queue, 100).await.expect("purged"), 0);
    fixture.advance_clock(TimeDelta::hours(25));
    assert_eq!(purge(queue, 100).await.expect("purged"), 1);
}
