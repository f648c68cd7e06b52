//! Repeated attempts, error routes, and the retries of ended runs.

use atelier_entities::{NodeState, RunCause, RunStatus};
use serde_json::json;

use super::*;
use crate::runs::{RerunInput, RunError, Stored};

#[tokio::test]
async fn a_failed_attempt_is_repeated_after_a_pause_and_kept_as_history() {
    let fixture = Fixture::new().await;
    let flow = Flow::new()
        .work("a")
        .edges("start>a")
        .policy("a", json!({"retry": {"max_attempts": 3, "base_seconds": 10}}));
    let details = json!({"status": 503, "retry_after_secs": 30});
    fixture.script("a", [Err(JobError::fail("HTTP_STATUS", "No.").with_details(details)), broken()]);

    let run = fixture.run(fixture.publish(&flow).await).await;
    let first = fixture.nodes(run).await["a"].clone();
    fixture.fixture.advance(31);
    fixture.fixture.work().await;
    fixture.fixture.advance(31);
    fixture.fixture.work().await;

    assert_eq!((first.state, first.attempt), (NodeState::Retrying, 2));
    assert!(first.retry_at.expect("a time") > first.ready_at + chrono::TimeDelta::seconds(29));
    let row = fixture.row(run).await;
    assert_eq!(row.status, RunStatus::Succeeded);
    let attempts = fixture.runs().list_attempts(&fixture.actor(), run, ("", "a")).await.expect("listed");
    let codes: Vec<_> = attempts.iter().map(|attempt| (attempt.attempt, &attempt.error["code"])).collect();
    assert_eq!(codes, [(1, &json!("HTTP_STATUS")), (2, &json!("BROKEN"))]);
    assert_eq!(attempts[0].error["status"], 503);
    assert_eq!(fixture.nodes(run).await["a"].ready_at, first.ready_at);
}

#[tokio::test]
async fn an_error_leaves_by_the_error_branch_after_the_last_attempt() {
    let fixture = Fixture::new().await;
    let flow = Flow::new()
        .work("a ok handle")
        .edges("start>a a>ok a.error>handle")
        .policy("a", json!({"on_error": "error_branch"}));
    fixture.script("a", [broken()]);

    let run = fixture.run(fixture.publish(&flow).await).await;

    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    assert_eq!(fixture.ran(), ["a", "handle"]);
}

#[tokio::test]
async fn a_retry_runs_what_failed_and_what_was_not_run_because_of_it() {
    let fixture = Fixture::new().await;
    let flow = Flow::new().work("a b c other").edges("start>a a>b b>c start>other");
    fixture.script("b", [broken()]);
    let run = fixture.run(fixture.publish(&flow).await).await;
    let failed = fixture.row(run).await;

    fixture.runs().retry(&fixture.actor(), run).await.expect("retried");
    fixture.fixture.work().await;

    assert_eq!(failed.status, RunStatus::Failed);
    let row = fixture.row(run).await;
    assert_eq!((row.status, row.generation, row.failure), (RunStatus::Succeeded, 1, None));
    assert_eq!(fixture.ran(), ["a", "b", "b", "c", "other"]);
    let again = fixture.runs().retry(&fixture.actor(), run).await;
    assert!(matches!(again, Err(RunError::NothingToRetry)), "{again:?}");
}

#[tokio::test]
async fn a_retry_of_items_runs_the_failed_ones_and_what_follows_the_loop() {
    let fixture = Fixture::new().await;
    let body = Flow::body().work("a b").edges("a>b");
    let flow = Flow::new()
        .each("each", json!({"on_item_error": "continue"}), body)
        .work("after")
        .edges("start>each each.done>after");
    fixture.script("each", [items(&[json!(1), json!(2), json!(3)])]);
    fixture.script("b", [Ok(done(json!(1))), broken(), Ok(done(json!(3)))]);
    let run = fixture.run(fixture.publish(&flow).await).await;
    let before = fixture.states(run, "each[1].b after").await;

    fixture.runs().retry_items(&fixture.actor(), run, ("", "each")).await.expect("retried");
    fixture.fixture.work().await;

    assert_eq!(before, [Some(NodeState::Failed), Some(NodeState::Succeeded)]);
    assert_eq!(fixture.states(run, "each[1].b after").await, [Some(NodeState::Succeeded); 2]);
    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    let ran = fixture.ran();
    let count = |name: &str| ran.iter().filter(|one| *one == name).count();
    assert_eq!((count("each[1].b"), count("each[1].a"), count("each[0].b"), count("after")), (2, 1, 1, 2));
}

#[tokio::test]
async fn an_item_gives_its_output_where_its_job_begins_as_often_as_its_kind_says() {
    let fixture = Fixture::new().await;
    let starts = <RunNode as atelier_queue::Job>::policy().max_attempts;
    let flow = Flow::new()
        .each("each", json!({"on_item_error": "continue"}), Flow::body().work("a"))
        .edges("start>each");
    let workflow = fixture.publish(&flow).await;
    let lost = || Err(JobError::retry("OBJECTS_UNAVAILABLE", "the object store did not answer"));

    let mut found = Vec::new();
    for losses in [starts - 1, starts] {
        fixture.script("each", [items(&[json!(1)])]);
        fixture.script("a", (0..losses).map(|_| lost()));
        let run = fixture.run(workflow).await;
        for _ in 1..starts {
            // The longest pause between two attempts, with its jitter.
            fixture.fixture.advance(75);
            fixture.fixture.work().await;
        }
        found.extend(fixture.states(run, "each[0].a").await);
        assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    }

    assert_eq!(found, [Some(NodeState::Succeeded), Some(NodeState::Failed)]);
    assert_eq!(fixture.ran().iter().filter(|one| *one == "each[0].a").count(), 2 * usize::from(starts));
}

#[tokio::test]
async fn a_failed_loop_is_retried_where_it_stopped() {
    let fixture = Fixture::new().await;
    let flow = Flow::new()
        .each("each", json!({"concurrency": 1}), Flow::body().work("a b").edges("a>b"))
        .work("after")
        .edges("start>each each.done>after");
    fixture.script("each", [items(&[json!(1), json!(2), json!(3)])]);
    fixture.script("b", [Ok(done(json!(1))), broken()]);
    let run = fixture.run(fixture.publish(&flow).await).await;
    let failed = fixture.row(run).await.status;

    fixture.runs().retry(&fixture.actor(), run).await.expect("retried");
    fixture.fixture.work().await;

    assert_eq!((failed, fixture.status(run).await), (RunStatus::Failed, RunStatus::Succeeded));
    let ran = fixture.ran();
    let count = |name: &str| ran.iter().filter(|one| *one == name).count();
    assert_eq!((count("each"), count("each[0].b"), count("each[1].b"), count("each[2].b")), (1, 1, 2, 1));
}

#[tokio::test]
async fn a_rerun_has_the_same_input_and_another_run() {
    let fixture = Fixture::new().await;
    let run = fixture.run(fixture.publish(&Flow::new().work("a").edges("start>a")).await).await;

    let same = fixture.runs().rerun(&fixture.actor(), run, RerunInput::default()).await.expect("started").run;
    let edited = RerunInput { input: Some(json!({"n": 8})), ..RerunInput::default() };
    let edited = fixture.runs().rerun(&fixture.actor(), run, edited).await.expect("started").run;
    fixture.fixture.work().await;

    for (row, input) in [(same, json!({"n": 7})), (edited, json!({"n": 8}))] {
        assert_eq!((row.cause, row.rerun_of, row.input), (RunCause::Rerun, Some(run), Some(input)));
        assert_eq!(fixture.status(row.id).await, RunStatus::Succeeded);
    }
}

#[tokio::test]
async fn a_large_input_is_kept_in_the_object_store() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&Flow::new().work("a").edges("start>a")).await;
    let input = json!({"text": "x".repeat(100_000)});
    let start = |input| StartInput { input, ..StartInput::default() };

    let run =
        fixture.runs().start(&fixture.actor(), workflow, start(input.clone())).await.expect("started").run;
    let too_large = json!("x".repeat(super::super::MAX_INPUT_BYTES));
    let refused = fixture.runs().start(&fixture.actor(), workflow, start(too_large)).await;
    let again =
        fixture.runs().rerun(&fixture.actor(), run.id, RerunInput::default()).await.expect("started").run;

    assert_eq!((run.input, run.input_object.is_some()), (None, true));
    assert!(matches!(refused, Err(RunError::InvalidInput(_))), "{refused:?}");
    assert_ne!(again.input_object, run.input_object);
    assert_eq!(fixture.runs().reader().run_input(again.id).await.expect("read"), input);
}

#[tokio::test]
async fn a_value_that_is_passed_on_counts_once_towards_the_size_of_a_run() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&Flow::new().work("a b c").edges("start>a a>b b>c")).await;
    let large = Stored::object("runs/large.json".to_owned(), super::super::MAX_RUN_BYTES / 2 + 1);
    let gives = |shared| {
        let output = Some(Stored { shared, ..large.clone() });
        Ok(NodeResult { outcome: WorkOutcome::Done { port: None }, output })
    };

    for (key, shared) in [("a", false), ("b", true), ("c", true), ("a", false), ("b", false)] {
        fixture.script(key, [gives(shared)]);
    }
    let passing = fixture.run(workflow).await;
    let storing = fixture.run(workflow).await;

    assert_eq!(fixture.status(passing).await, RunStatus::Succeeded);
    assert_eq!(u64::try_from(fixture.row(passing).await.output_bytes), Ok(large.bytes));
    assert_eq!(fixture.failure(storing).await, "RUN_TOO_LARGE");
}
