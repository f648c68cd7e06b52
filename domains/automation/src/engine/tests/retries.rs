//! Retries within a run, and after its end.

use std::time::Duration;

use serde_json::json;

use super::{
    super::{ItemState, pause_before},
    *,
};
use crate::graph::{Backoff, Retry};
use NodeState::{Cancelled, Failed, Iterating, Ready, Retrying, Skipped, Succeeded};

fn broken() -> NodeError {
    NodeError::new("BROKEN", "It broke.")
}

#[test]
fn pauses_grow_up_to_their_limit_and_jitter_moves_them_by_a_fifth() {
    let retry = Retry { max_attempts: 10, base_seconds: 2, max_seconds: 20, ..Retry::default() };
    let fixed = Retry { backoff: Backoff::Fixed, ..retry.clone() };
    let pause = |retry: &Retry, attempt, jitter| {
        pause_before(Some(retry), attempt, &broken(), jitter).unwrap().as_secs_f64()
    };
    assert_eq!([1, 2, 3, 4, 9].map(|attempt| pause(&retry, attempt, 0.0)), [2.0, 4.0, 8.0, 16.0, 20.0]);
    assert_eq!([1, 5].map(|attempt| pause(&fixed, attempt, 0.0)), [2.0, 2.0]);
    assert!((pause(&fixed, 1, 1.0) - 2.4).abs() < 1e-9);
    assert!((pause(&fixed, 1, -1.0) - 1.6).abs() < 1e-9);
    assert_eq!(pause_before(Some(&retry), 10, &broken(), 0.0), None);
    assert_eq!(pause_before(None, 1, &broken(), 0.0), None);
}

#[test]
fn the_pause_that_the_other_side_asks_for_wins_up_to_the_limit() {
    let retry = Retry { base_seconds: 2, max_seconds: 20, ..Retry::default() };
    for (asked, expected) in [(7, 7), (100, 20)] {
        let error = NodeError { retry_after: Some(Duration::from_secs(asked)), ..broken() };
        assert_eq!(pause_before(Some(&retry), 1, &error, 1.0), Some(Duration::from_secs(expected)));
    }
}

#[test]
fn what_another_attempt_cannot_help_is_not_repeated() {
    let retry = Retry::default();
    let listed = Retry { retry_on: Some(vec!["404".into(), "BROKEN".into()]), ..Retry::default() };
    let repeats = |retry: &Retry, error: NodeError| pause_before(Some(retry), 1, &error, 0.0).is_some();
    for status in [408, 409, 425, 429, 500, 502, 503] {
        assert!(repeats(&retry, broken().with_status(status)), "{status}");
    }
    for status in [400, 401, 403, 404, 410, 422] {
        assert!(!repeats(&retry, broken().with_status(status)), "{status}");
    }
    for code in ["EXPR_MISSING", "CONFIG_INVALID", "OUTPUT_TOO_LARGE", "ADDRESS_FORBIDDEN"] {
        assert!(!repeats(&retry, NodeError::new(code, "")), "{code}");
    }
    assert!(repeats(&retry, NodeError::new(NodeError::TIMEOUT, "")));
    assert!(!repeats(&retry, NodeError::permanent("BROKEN", "")));
    assert!(repeats(&listed, broken().with_status(500)));
    assert!(repeats(&listed, NodeError::new("OTHER", "").with_status(404)));
    assert!(!repeats(&listed, NodeError::new("OTHER", "").with_status(500)));
}

/// [n8n#7098], [n8n#10763], [n8n PR#16516]
#[test]
fn the_error_policy_applies_after_the_last_attempt_only() {
    let policy = json!({"retry": {"max_attempts": 3, "base_seconds": 10}, "on_error": "continue"});
    let flow = Flow::new().work("a after").policy("a", policy).edges("start>a a>after");
    let mut sim = flow.start();
    sim.fail("a");
    assert_eq!(sim.states("a after"), [Some(Retrying), None]);
    assert_eq!(sim.row("a").retry_at, Some(sim.now + TimeDelta::seconds(10)));
    sim.done("a");
    assert_eq!(sim.node("a"), Some(Succeeded));
    assert!(!sim.edge_row("a>after").unwrap().error);
    let mut sim = flow.start();
    for _ in 0..3 {
        sim.fail("a");
    }
    assert_eq!(sim.states("a after"), [Some(Failed), Some(Ready)]);
    assert!(sim.edge_row("a>after").unwrap().error);
}

/// `a > b > c`, with `other > d` beside it, all joined by `join`.
fn two_branches() -> Flow {
    Flow::new()
        .condition("check")
        .work("a b c other d never")
        .merge("join")
        .edges("start>a a>b b>c start>other other>d start>check check.true>never c>join d>join never>join")
}

/// [n8n#12957], [n8n#32131], [n8n#25735], [airflow#15697], [airflow#52640], [airflow#31510],
/// [activepieces PR#12365]
#[test]
fn a_retry_brings_back_what_failed_and_what_was_not_run_because_of_it() {
    let mut sim = two_branches().start();
    sim.choose("check", "false");
    sim.done("other a");
    sim.fail("b");
    assert_eq!(
        sim.states("b c d join never"),
        [Some(Failed), Some(Cancelled), Some(Cancelled), Some(Cancelled), Some(Skipped)]
    );
    assert_eq!(sim.status(), RunStatus::Failed);
    sim.send(Event::RetryFailed).unwrap();
    assert_eq!(sim.started(), ["b", "d"]);
    assert_eq!(
        sim.states("start a other check never"),
        [Some(Succeeded), Some(Succeeded), Some(Succeeded), Some(Succeeded), Some(Skipped)]
    );
    assert_eq!((sim.row("a").generation, sim.row("b").generation), (0, 1));
    sim.done("d b c join");
    assert_eq!(sim.status(), RunStatus::Succeeded);
    assert_eq!(sim.state.run.failure, None);
}

/// [n8n#14198], [n8n PR#13168]
#[test]
fn a_node_that_succeeded_is_not_run_again_after_a_wait_or_a_retry() {
    let flow =
        Flow::new().work("a b").add("pause", "delay", json!({"seconds": 1})).edges("start>a a>pause pause>b");
    let mut sim = flow.start();
    sim.done("a");
    sim.wait("pause", WaitKind::Delay, None, Some(1));
    sim.wait_seconds(1);
    let at = sim.at("pause");
    sim.send(Event::Wake(at)).unwrap();
    assert_eq!(sim.started(), ["b"]);
    sim.fail("b");
    sim.send(Event::RetryFailed).unwrap();
    assert_eq!(sim.started(), ["b"]);
}

/// [inngest#4897], [airflow#35773]
#[test]
fn a_second_end_of_an_attempt_is_dropped() {
    let mut sim = Flow::new().work("a b").edges("start>a a>b").start();
    let first = sim.at("a");
    sim.done("a");
    let before = sim.state.clone();
    for outcome in [Outcome::Done { port: None }, Outcome::Failed(broken())] {
        assert_eq!(sim.send(Event::Ended(first.clone(), outcome)), Err(Refusal::Stale));
    }
    assert_eq!(sim.state, before);
}

#[test]
fn the_end_of_an_attempt_of_before_a_retry_is_dropped() {
    let mut sim = Flow::new().work("a").edges("start>a").start();
    let before = sim.at("a");
    sim.fail("a");
    sim.send(Event::RetryFailed).unwrap();
    assert_eq!(sim.send(Event::Ended(before, Outcome::Done { port: None })), Err(Refusal::Stale));
    assert_eq!(sim.node("a"), Some(Ready));
}

/// [activepieces PR#8908], [windmill#4956], [airflow#23171]
#[test]
fn a_retry_reaches_into_loops_and_leaves_other_items_alone() {
    let body = Flow::body().work("a b").edges("a>b");
    let flow = Flow::new()
        .each("each", json!({"concurrency": 2}), body)
        .work("after")
        .edges("start>each each.done>after");
    let mut sim = flow.start();
    sim.items("each", 4);
    sim.done("each[0].a each[0].b each[1].a");
    sim.fail("each[1].b");
    sim.done("each[2].a each[2].b");
    assert_eq!(sim.status(), RunStatus::Failed);
    sim.send(Event::RetryFailed).unwrap();
    assert_eq!(sim.started(), ["each[1].b", "each[3].a"]);
    assert_eq!(sim.states("each after"), [Some(Iterating), None]);
    assert_eq!(sim.row("each[0].a").generation, 0);
    sim.done("each[1].b each[3].a each[3].b after");
    assert_eq!(sim.status(), RunStatus::Succeeded);
}

#[test]
fn failed_items_are_retried_after_a_run_that_went_on_without_them() {
    let body = Flow::body().work("a");
    let config = json!({"on_item_error": "continue", "concurrency": 2});
    let flow = Flow::new()
        .each("each", config, body)
        .each("later", json!({}), Flow::body().work("x"))
        .work("beside")
        .edges("start>each each.done>later start>beside");
    let mut sim = flow.start();
    sim.items("each", 5);
    sim.fail("each[0].a");
    sim.done("each[1].a");
    sim.fail("each[2].a");
    sim.fail("each[3].a");
    sim.done("each[4].a beside");
    sim.items("later", 1);
    sim.done("later[0].x");
    assert_eq!(sim.status(), RunStatus::Succeeded);
    let (scope, node) = sim.place("each");
    sim.send(Event::RetryItems { scope, node }).unwrap();
    assert_eq!(sim.started(), ["each[0].a", "each[2].a"]);
    assert_eq!(sim.states("later later[0].x beside"), [None, None, Some(Succeeded)]);
    sim.done("each[0].a");
    assert_eq!(sim.started(), ["each[3].a"]);
    sim.done("each[2].a each[3].a");
    assert_eq!(sim.started(), ["later"]);
    sim.items("later", 1);
    sim.done("later[0].x");
    assert_eq!(sim.status(), RunStatus::Succeeded);
    assert!(sim.state.items.values().all(|item| item.state == ItemState::Succeeded));
}

#[test]
fn failed_items_of_an_inner_loop_are_retried_with_the_loops_around_it() {
    let inner = Flow::body().each("inner", json!({"on_item_error": "continue"}), Flow::body().work("a"));
    let flow = Flow::new().each("outer", json!({}), inner.work("b").edges("inner.done>b")).work("after");
    let mut sim = flow.edges("start>outer outer.done>after").start();
    sim.items("outer", 2);
    for scope in ["outer[0]", "outer[1]"] {
        sim.items(&format!("{scope}.inner"), 1);
        sim.fail(&format!("{scope}.inner[0].a"));
        sim.done(&format!("{scope}.b"));
    }
    sim.done("after");
    let (scope, node) = sim.place("outer[0].inner");
    sim.send(Event::RetryItems { scope, node }).unwrap();
    assert_eq!(sim.started(), ["outer[0].inner[0].a"]);
    assert_eq!(
        sim.states("outer after outer[0].b outer[1].b"),
        [Some(Iterating), None, None, Some(Succeeded)]
    );
    sim.done("outer[0].inner[0].a outer[0].b after");
    assert_eq!(sim.status(), RunStatus::Succeeded);
}

#[test]
fn a_retry_that_fails_again_ends_the_run_again() {
    let body = Flow::body().work("a");
    let mut sim = Flow::new().each("each", json!({}), body).edges("start>each").start();
    sim.items("each", 2);
    sim.fail("each[0].a");
    for generation in 1..=3 {
        sim.send(Event::RetryFailed).unwrap();
        assert_eq!(sim.row("each[0].a").generation, generation);
        sim.fail("each[0].a");
        assert_eq!(sim.status(), RunStatus::Failed);
    }
}

#[test]
fn only_an_ended_run_with_a_failure_is_retried() {
    let mut sim = Flow::new().work("a").edges("start>a").start();
    assert_eq!(sim.send(Event::RetryFailed), Err(Refusal::NothingToRetry));
    sim.done("a");
    assert_eq!(sim.send(Event::RetryFailed), Err(Refusal::NothingToRetry));
}

#[test]
fn a_run_that_timed_out_goes_on_where_it_was() {
    let mut sim = Flow::new().work("a b").edges("start>a a>b").start();
    sim.done("a");
    sim.send(Event::TimedOut).unwrap();
    assert_eq!((sim.status(), sim.node("b")), (RunStatus::TimedOut, Some(Cancelled)));
    sim.send(Event::RetryFailed).unwrap();
    assert_eq!(sim.started(), ["b"]);
}

#[test]
fn an_edge_that_came_too_late_is_in_time_once_its_target_is_decided_anew() {
    let flow = Flow::new()
        .each("each", json!({"on_item_error": "continue"}), Flow::body().work("x"))
        .work("b")
        .merge("join")
        .policy("join", json!({"join": {"mode": "any"}}))
        .edges("start>each start>b each.done>join b>join");
    let mut sim = flow.start();
    sim.items("each", 2);
    sim.done("each[0].x");
    sim.fail("each[1].x");
    sim.done("b");
    assert!(sim.edge_row("b>join").unwrap().late);
    sim.done("join");

    let (scope, node) = sim.place("each");
    sim.send(Event::RetryItems { scope, node }).unwrap();

    assert_eq!(sim.started(), ["each[1].x", "join"]);
    assert!(!sim.edge_row("b>join").unwrap().late);
    sim.done("each[1].x");
    assert!(sim.edge_row("each.done>join").unwrap().late);
    sim.done("join");
    assert_eq!(sim.status(), RunStatus::Succeeded);
}
