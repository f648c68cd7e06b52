//! Calls of addresses.

use super::*;

#[tokio::test]
async fn a_call_starts_a_run_with_what_came() {
    let fixture = Fixture::new().await;
    let (workflow, token) = fixture.hooked(json!({})).await;
    let headers = [("Authorization", "Bearer secret"), ("Cookie", "secret"), ("X-Event", "paid")];
    let mut request = call(&token, &headers, r#" {"order": 7} "#);
    request.query = "source=shop".to_owned();

    let run = started(&fixture.send(&request).await.expect("accepted"));

    fixture.fixture.work().await;
    let row = fixture.row(run).await;
    assert_eq!((row.cause, row.trigger_node.as_str()), (RunCause::Webhook, "hook"));
    assert_eq!((row.status, row.workflow_id), (RunStatus::Succeeded, workflow));
    let input = row.input.expect("an input");
    assert_eq!(input["body"], json!({"order": 7}));
    assert_eq!((&input["query"]["source"], &input["headers"]["x-event"]), (&json!("shop"), &json!("paid")));
    assert_eq!(input["id"], json!(run));
    assert!(!input.to_string().contains("secret"), "{input}");
}

#[tokio::test]
async fn a_large_body_is_in_the_object_store() {
    let fixture = Fixture::new().await;
    let (_, token) = fixture.hooked(json!({})).await;
    let body = json!({"text": "a".repeat(200_000)});

    let run = started(&fixture.send(&call(&token, &[], &body.to_string())).await.expect("accepted"));

    assert!(fixture.row(run).await.input.is_none());
    let input = fixture.runs().get_input(&fixture.actor(), run).await.expect("read");
    assert_eq!(input["body"], body);
    let large = call(&token, &[], &json!("a".repeat(MAX_BODY_BYTES)).to_string());
    assert_eq!(fixture.code(&large).await, "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn what_a_hook_does_not_take_is_refused_and_leaves_nothing() {
    let fixture = Fixture::new().await;
    let config =
        json!({"verify": {"scheme": "github"}, "methods": ["POST", "PUT"], "content_types": ["json"]});
    let (workflow, token) = fixture.hooked(config).await;
    let unset = signed(&token, SECRET, "{}");
    assert_eq!(fixture.code(&unset).await, "CALL_REFUSED", "there is no secret yet");
    fixture.set_secret(workflow, Some(SECRET)).await;

    let get = HookRequest { method: "GET".to_owned(), ..signed(&token, SECRET, "{}") };
    let error = fixture.send(&get).await.expect_err("refused");
    assert!(matches!(&error, HookError::Method(allowed) if allowed == &["POST", "PUT"]), "{error:?}");
    let mut text = signed(&token, SECRET, "{}");
    text.headers = [("x-hub-signature-256", sign(SECRET, "{}")), ("content-type", "text/plain".to_owned())]
        .into_iter()
        .collect();
    assert_eq!(fixture.code(&text).await, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(fixture.code(&signed(&token, SECRET, "{")).await, "INVALID_JSON");
    assert_eq!(fixture.code(&signed(&token, "another secret", "{}")).await, "CALL_REFUSED");
    assert_eq!(fixture.code(&call(&token, &[], "{}")).await, "CALL_REFUSED");
    assert_eq!(fixture.code(&signed("another", SECRET, "{}")).await, "NOT_FOUND");

    assert_eq!(fixture.count_runs(workflow).await, 0);
    let calls = workflow_hook_calls::Entity::find().count(fixture.fixture.queue().db()).await;
    assert_eq!(calls.expect("counted"), 0);
    let put = HookRequest { method: "PUT".to_owned(), ..signed(&token, SECRET, "{}") };
    assert!(fixture.send(&put).await.is_ok());
}

#[tokio::test]
async fn whitespace_in_a_body_is_signed_with_it() {
    let fixture = Fixture::new().await;
    let (workflow, token) = fixture.hooked(github()).await;
    fixture.set_secret(workflow, Some(SECRET)).await;

    let spaced = signed(&token, SECRET, "{ \"a\":\n 1 }\n");
    let mut compact = spaced.clone();
    compact.body = Bytes::from_static(b"{\"a\":1}");

    assert!(fixture.send(&spaced).await.is_ok());
    assert_eq!(fixture.code(&compact).await, "CALL_REFUSED");
}

#[tokio::test]
async fn a_body_that_comes_again_under_another_delivery_is_one_call() {
    let fixture = Fixture::new().await;
    let config = json!({"verify": {"scheme": "github"}, "once_per_body": true});
    let (workflow, token) = fixture.hooked(config).await;
    fixture.set_secret(workflow, Some(SECRET)).await;
    let delivery = |id: &str| {
        let signature = sign(SECRET, "{}");
        call(&token, &[("x-hub-signature-256", &signature), ("x-github-delivery", id)], "{}")
    };

    let run = started(&fixture.send(&delivery("1")).await.expect("accepted"));
    assert_eq!(fixture.send(&delivery("2")).await.expect("accepted"), Accepted::Duplicate(run));
    assert_eq!(fixture.count_runs(workflow).await, 1);

    fixture.advance_clock(TimeDelta::hours(25));
    assert_ne!(started(&fixture.send(&delivery("3")).await.expect("accepted")), run);
}

#[tokio::test]
async fn equal_bodies_are_several_calls_where_nothing_else_is_said() {
    let fixture = Fixture::new().await;
    let (workflow, token) = fixture.hooked(json!({})).await;

    for _ in 0..2 {
        started(&fixture.send(&call(&token, &[], "{}")).await.expect("accepted"));
    }

    assert_eq!(fixture.count_runs(workflow).await, 2);
}

#[tokio::test]
async fn the_address_follows_the_workflow_without_being_saved_again() {
    let fixture = Fixture::new().await;
    let (workflow, token) = fixture.hooked(json!({})).await;
    let request = call(&token, &[], "{}");

    fixture.set(workflow, workflows::Column::Enabled, Expr::value(false)).await;
    assert_eq!(fixture.code(&request).await, "NOT_FOUND");
    fixture.set(workflow, workflows::Column::Enabled, Expr::value(true)).await;
    assert!(fixture.send(&request).await.is_ok(), "enabled again, it answers at once");

    let other = fixture.publish(&Flow::new().work("a").edges("start>a")).await;
    let row = workflows::Entity::find_by_id(other).one(fixture.fixture.queue().db()).await;
    let without = row.expect("asked").expect("there").published_id;
    fixture.set(workflow, workflows::Column::PublishedId, Expr::value(without)).await;
    assert_eq!(fixture.code(&request).await, "NOT_FOUND", "the published graph has no such webhook");
    fixture.set(workflow, workflows::Column::DeletedAt, Expr::value(fixture.fixture.queue().now())).await;
    assert_eq!(fixture.code(&request).await, "NOT_FOUND");
}

#[tokio::test]
async fn a_busy_workflow_tells_the_sender_to_come_again_and_forgets_the_call() {
    let fixture = Fixture::new().await;
    let config = json!({"once_per_body": true});
    let (workflow, token) = fixture.hooked(config).await;
    let limits = json!({"concurrency": {"limit": 1, "when_full": "skip"}});
    fixture.change_settings(workflow, limits).await;
    started(&fixture.send(&call(&token, &[], "1")).await.expect("accepted"));

    let second = call(&token, &[], "2");
    let refusal = fixture.send(&second).await.expect_err("busy").refusal();
    assert_eq!((refusal.code, refusal.retry_after.is_some()), ("WORKFLOW_BUSY", true));

    fixture.fixture.work().await;
    started(&fixture.send(&second).await.expect("accepted"));
}

#[tokio::test]
async fn a_call_waits_or_is_refused_while_workflows_are_paused() {
    let fixture = Fixture::new().await;
    let (_, waits) = fixture.hooked(json!({})).await;
    let (_, refuses) = fixture.hooked(json!({"when_paused": "refuse"})).await;
    fixture.fixture.queue().pause(QueueName::Workflow, None).await.expect("paused");

    assert!(fixture.send(&call(&waits, &[], "{}")).await.is_ok());
    assert_eq!(fixture.code(&call(&refuses, &[], "{}")).await, "WORKFLOW_PAUSED");
    fixture.fixture.queue().resume(QueueName::Workflow).await.expect("resumed");
    assert!(fixture.send(&call(&refuses, &[], "{}")).await.is_ok());
}

#[tokio::test]
async fn slack_gets_its_challenge_once_it_has_proven_itself() {
    let fixture = Fixture::new().await;
    let (workflow, token) = fixture.hooked(json!({"verify": {"scheme": "slack"}})).await;
    fixture.set_secret(workflow, Some(SECRET)).await;
    let body = r#"{"type": "url_verification", "challenge": "abc"}"#;
    let time = fixture.fixture.queue().now().timestamp().to_string();
    let request = |secret: &str| {
        let signature = sign(secret, &format!("v0:{time}:{body}")).replace("sha256=", "v0=");
        let headers = [("x-slack-request-timestamp", time.as_str()), ("x-slack-signature", &signature)];
        call(&token, &headers, body)
    };

    let accepted = fixture.send(&request(SECRET)).await.expect("accepted");
    assert_eq!(accepted, Accepted::Challenge("abc".to_owned()));
    assert_eq!(fixture.code(&request("another secret")).await, "CALL_REFUSED");
    assert_eq!(fixture.count_runs(workflow).await, 0);
}

#[tokio::test]
async fn a_node_answers_in_time_and_a_run_that_ends_without_answers_nothing() {
    let fixture = Fixture::new().await;
    let config = json!({"response": "answer"});
    let replies = Flow::default().add("hook", "webhook", config.clone());
    let replies = replies.add("reply", "webhook_response", json!({})).edges("hook>reply");
    let workflow = fixture.publish(&replies).await;
    let token = fixture.rotate(workflow).await;
    let answer = json!({"status": 201, "headers": {"x-a": "b"}, "content_type": null, "body": "hello"});
    fixture.script("reply", [Ok(done(answer.clone()))]);
    let late = started(&fixture.send(&call(&token, &[], "{}")).await.expect("accepted"));

    let nothing = fixture.runs().wait_for_response(late, Duration::ZERO).await.expect("waited");
    assert_eq!(nothing, Responded::Nothing(RunStatus::Running));
    let (responded, ()) =
        tokio::join!(fixture.runs().wait_for_response(late, Duration::from_secs(30)), fixture.fixture.work());
    let expected: Answer = serde_json::from_value(answer).expect("an answer");
    assert_eq!(responded.expect("waited"), Responded::Answer(expected));

    let (_, token) = fixture.hooked(config).await;
    let run = started(&fixture.send(&call(&token, &[], "{}")).await.expect("accepted"));
    fixture.fixture.work().await;
    let ended = fixture.runs().wait_for_response(run, Duration::from_secs(30)).await.expect("waited");
    assert_eq!(ended, Responded::Nothing(RunStatus::Succeeded));
}
