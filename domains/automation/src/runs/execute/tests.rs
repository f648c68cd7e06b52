//! Attempts over rows that are written by hand, run by a worker.

use atelier_entities::{CancelCause, ItemState, NodeState, RunStatus, WaitKind};
use atelier_providers::llm::fake::ScriptedCompletion;
use serde_json::{Value, json};

use super::*;
use crate::runs::run_folder;
use stage::{NodeRow, Stage, node, with_body, with_policy};

mod loops;
mod made;
mod stage;

/// A graph whose node `work` follows the trigger.
fn one(work: Value) -> Value {
    json!({"nodes": [node("start", "manual", json!({})), work], "edges": [{"from": "start", "to": "work"}]})
}

fn transform(key: &str, value: Value) -> Value {
    node(key, "transform", json!({"fields": {"out": value}}))
}

#[tokio::test]
async fn a_node_reads_its_input_and_gives_its_output() {
    let stage = Stage::new(one(transform("work", json!("{{ input.n + 1 }}"))), json!({"n": 1})).await;
    let result = stage.run("work").await;
    assert_eq!(result.outcome, WorkOutcome::Done { port: None });
    let output = result.output.unwrap();
    assert_eq!((output.value, output.object), (Some(json!({"out": 2})), None));
    assert_eq!(output.bytes, 9);
}

#[tokio::test]
async fn a_run_that_is_paused_or_over_is_left_alone() {
    let graph = one(node("work", "send_mail", json!({"subject": "a", "text": "b"})));
    let mut stage = Stage::new(graph, json!({})).await;
    let before = stage.fixture.jobs_of_kind("email.deliver").await.len();
    for (paused, status) in [
        (true, RunStatus::Paused),
        (false, RunStatus::Cancelled),
        (false, RunStatus::Failed),
        (false, RunStatus::Succeeded),
    ] {
        stage.set_run(paused, status).await;
        assert_eq!(stage.run("work").await, held(), "{status:?}");
    }
    assert_eq!(stage.fixture.jobs_of_kind("email.deliver").await.len(), before);
}

#[tokio::test]
async fn an_attempt_of_somebody_who_closed_the_account_does_nothing() {
    let stage = Stage::new(one(transform("work", json!(1))), json!({})).await;
    stage.close_account().await;

    assert_eq!(stage.run("work").await, held());
}

#[tokio::test]
async fn an_attempt_that_is_not_the_current_one_is_left_alone() {
    let stage = Stage::new(one(transform("work", json!(1))), json!({})).await;
    stage.add(NodeRow { attempt: 2, ..NodeRow::ready("work") }).await;
    let args = stage.args("work");
    assert_eq!(stage.end(&args).await, Ok(held()));
    for args in [
        RunNode { attempt: 3, ..args.clone() },
        RunNode { generation: 1, attempt: 2, ..args.clone() },
        RunNode { round: 1, attempt: 2, ..args.clone() },
        RunNode { scope: "each[0]".into(), ..args.clone() },
        RunNode { node: "gone".into(), ..args.clone() },
    ] {
        assert_eq!(stage.end(&args).await, Ok(held()), "{args:?}");
    }
    let current = RunNode { attempt: 2, ..args };
    assert_eq!(stage.end(&current).await.unwrap().outcome, WorkOutcome::Done { port: None });
    stage.add(NodeRow { attempt: 2, state: NodeState::Succeeded, ..NodeRow::ready("work") }).await;
    assert_eq!(stage.end(&RunNode { attempt: 2, ..stage.args("work") }).await, Ok(held()));
}

#[tokio::test]
async fn a_failure_says_whether_another_attempt_may_help() {
    let stage = Stage::new(one(transform("work", json!("{{ input.missing }}"))), json!({})).await;
    stage.add(NodeRow::ready("work")).await;
    let error = stage.end(&stage.args("work")).await.unwrap_err();
    assert_eq!(error["code"], "EXPR_MISSING");
    assert_eq!(error["details"], json!({"retryable": false}));
    assert!(error["message"].as_str().unwrap().starts_with("/fields/out: input.missing has no value"));
}

#[tokio::test]
async fn a_secret_that_does_not_exist_fails_only_a_node_that_sends_it() {
    let url = json!({"url": "http://127.0.0.1:9/", "headers": {"authorization": "Bearer {{ secrets.KEY }}"}});
    for (work, code) in [
        (node("work", "http_request", url), "EXPR_SECRET_UNKNOWN"),
        (transform("work", json!("{{ secrets.KEY }}")), "EXPR_SECRET_MISUSED"),
    ] {
        let stage = Stage::new(one(work), json!({})).await;
        stage.add(NodeRow::ready("work")).await;
        assert_eq!(stage.end(&stage.args("work")).await.unwrap_err()["code"], code);
    }
}

#[tokio::test]
async fn expressions_see_the_run_and_the_workflow() {
    let fields = json!("{{ [run.trigger, run.attempt, workflow.name, vars.rate, now() | iso] | join('|') }}");
    let stage = Stage::new(one(transform("work", fields)), json!({})).await;
    let output = stage.run("work").await.output.unwrap().value.unwrap();
    let text = output["out"].as_str().unwrap();
    assert!(text.starts_with("start|1|Orders|3|2026-11-30T12:00:00"), "{text}");
}

#[tokio::test]
async fn a_retry_sees_the_same_time_and_ids() {
    let stage = Stage::new(one(transform("work", json!("{{ uuid() ~ now() }}"))), json!({})).await;
    let first = stage.run("work").await.output;
    stage.add(NodeRow { attempt: 2, state: NodeState::Retrying, ..NodeRow::ready("work") }).await;
    let second = stage.end(&RunNode { attempt: 2, ..stage.args("work") }).await.unwrap().output;
    assert_eq!(first, second);
}

/// Three branches into `work`: `a` and `c` were taken, `b` is dead.
fn branches(work: Value) -> Value {
    let nodes = ["a", "b", "c"].map(|key| transform(key, json!(1)));
    let mut nodes: Vec<Value> = nodes.to_vec();
    nodes.extend([node("start", "manual", json!({})), work]);
    let edges = ["c", "a", "b"].map(|from| json!({"from": from, "to": "work"}));
    json!({"nodes": nodes, "edges": edges})
}

async fn stage_of_branches(work: Value) -> Stage {
    let stage = Stage::new(branches(work), json!({})).await;
    stage.add(NodeRow::done("a", json!({"n": 1}))).await;
    stage.add(NodeRow { state: NodeState::Skipped, ..NodeRow::done("b", json!(null)) }).await;
    stage.add(NodeRow::done("c", json!({"n": 3}))).await;
    stage.decide("", "a.main>work.in", true, false).await;
    stage.decide("", "b.main>work.in", false, false).await;
    stage.decide("", "c.main>work.in", true, false).await;
    stage
}

#[tokio::test]
async fn several_branches_are_told_apart() {
    let work = transform("work", json!("{{ [inputs.b.taken, inputs.a.output.n, input] }}"));
    let stage = stage_of_branches(work).await;
    let output = stage.run("work").await.output.unwrap().value.unwrap();
    assert_eq!(output["out"], json!([false, 1, [{"n": 3}, {"n": 1}]]), "in the order of the edges");
}

#[tokio::test]
async fn a_merge_takes_the_branches_in_the_order_of_the_edges() {
    let stage = stage_of_branches(node("work", "merge", json!({}))).await;
    assert_eq!(stage.run("work").await.output.unwrap().value, Some(json!([{"n": 3}, {"n": 1}])));
}

#[tokio::test]
async fn what_a_skipped_node_gave_is_missing() {
    let work = transform("work", json!("{{ nodes.b.output.n | default(0) + nodes.a.output.n }}"));
    let stage = stage_of_branches(work).await;
    assert_eq!(stage.run("work").await.output.unwrap().value, Some(json!({"out": 1})));
}

#[tokio::test]
async fn a_disabled_node_passes_on_what_it_got() {
    let mut off = transform("off", json!("never"));
    off["disabled"] = json!(true);
    let nodes = [
        node("start", "manual", json!({})),
        off,
        transform("work", json!("{{ [input, nodes.off.output] }}")),
    ];
    let edges = [json!({"from": "start", "to": "off"}), json!({"from": "off", "to": "work"})];
    let stage = Stage::new(json!({"nodes": nodes, "edges": edges}), json!("given")).await;
    stage.add(NodeRow { passed: true, ..NodeRow::bare("off", NodeState::Succeeded) }).await;
    assert_eq!(stage.run("work").await.output.unwrap().value, Some(json!({"out": ["given", "given"]})));
}

#[tokio::test]
async fn an_error_is_carried_with_what_its_node_had_got() {
    let fetch = with_policy(transform("fetch", json!(1)), json!({"on_error": "error_branch"}));
    let nodes = [node("start", "manual", json!({})), fetch, transform("work", json!("{{ input }}"))];
    let edges = [
        json!({"from": "start", "to": "fetch"}),
        json!({"from": "fetch", "from_port": "error", "to": "work"}),
    ];
    let stage = Stage::new(json!({"nodes": nodes, "edges": edges}), json!({"id": 7})).await;
    let error = json!({"code": "HTTP_STATUS", "message": "No.", "status": 503, "retryable": true});
    let failed = NodeRow { error: Some(error), attempt: 3, ..NodeRow::bare("fetch", NodeState::Failed) };
    stage.add(failed).await;
    stage.decide("", "fetch.error>work.in", true, true).await;
    let output = stage.run("work").await.output.unwrap().value.unwrap();
    let error =
        json!({"code": "HTTP_STATUS", "message": "No.", "status": 503, "node": "fetch", "attempt": 3});
    assert_eq!(output["out"], json!({"error": error, "input": {"id": 7}}));
}

#[tokio::test]
async fn a_condition_passes_its_input_on_by_one_port() {
    let when = json!({"left": "{{ input.n }}", "operator": "greater_than", "right": 1});
    let stage = Stage::new(one(node("work", "condition", json!({"when": when}))), json!({"n": 2})).await;
    let result = stage.run("work").await;
    assert_eq!(result.outcome, WorkOutcome::Done { port: Some("true".into()) });
    assert_eq!(result.output.unwrap().value, Some(json!({"n": 2})));
}

#[tokio::test]
async fn a_large_output_goes_to_the_object_store_and_is_read_from_there() {
    let work = transform("work", json!("{{ input.rows }}"));
    let nodes =
        [node("start", "manual", json!({})), work, transform("next", json!("{{ input.out | length }}"))];
    let edges = [json!({"from": "start", "to": "work"}), json!({"from": "work", "to": "next"})];
    let rows: Vec<String> = (0..10_000).map(|n| format!("row number {n}")).collect();
    let stage = Stage::new(json!({"nodes": nodes, "edges": edges}), json!({"rows": rows})).await;
    let output = stage.run("work").await.output.unwrap();
    let key = output.object.clone().unwrap();
    assert!(output.value.is_none() && key.starts_with(&run_folder(stage.run_id)), "{key}");
    let (bytes, _) = stage.fixture.objects.get(&key).await.unwrap().unwrap();
    assert_eq!(bytes.len() as u64, output.bytes);

    let mut done = NodeRow::bare("work", NodeState::Succeeded);
    done.output_object = Some(key);
    stage.add(done).await;
    assert_eq!(stage.run("next").await.output.unwrap().value, Some(json!({"out": 10_000})));
}

#[tokio::test]
async fn a_large_input_that_is_passed_on_is_not_stored_again() {
    let stage = Stage::new(one(node("work", "delay", json!({"seconds": 5}))), json!(null)).await;
    stage.set_input_object("runs/elsewhere.json").await;
    let result = stage.run("work").await;
    let output = result.output.unwrap();
    assert_eq!((output.object.as_deref(), output.shared), (Some("runs/elsewhere.json"), true));
    let WorkOutcome::Wait { kind, due, .. } = result.outcome else { panic!("{:?}", result.outcome) };
    assert_eq!(kind, WaitKind::Delay);
    assert!(due.is_some());
}

#[tokio::test]
async fn outputs_are_bounded() {
    let stage = Stage::new(one(transform("work", json!("{{ input }}"))), json!("x".repeat(1 << 20))).await;
    stage.set_output_bytes(100 * 1024 * 1024 - 10).await;
    stage.add(NodeRow::ready("work")).await;
    let error = stage.end(&stage.args("work")).await.unwrap_err();
    assert_eq!((&error["code"], &error["details"]["retryable"]), (&json!("RUN_TOO_LARGE"), &json!(false)));

    let copies = json!(vec!["{{ input }}"; 11]);
    let stage = Stage::new(one(transform("work", copies)), json!("x".repeat(1 << 20))).await;
    stage.add(NodeRow::ready("work")).await;
    assert_eq!(stage.end(&stage.args("work")).await.unwrap_err()["code"], "OUTPUT_TOO_LARGE");
}

#[tokio::test]
async fn a_null_character_is_kept_outside_of_the_database() {
    let stage = Stage::new(one(transform("work", json!("{{ input ~ '' }}"))), json!("a\u{0}b")).await;
    let output = stage.run("work").await.output.unwrap();
    assert!(output.object.is_some() && output.value.is_none());
}

#[tokio::test]
async fn an_object_store_that_is_away_repeats_the_job_and_not_the_node() {
    let stage = Stage::new(one(transform("work", json!("{{ input }}"))), json!("x".repeat(1 << 17))).await;
    stage.add(NodeRow::ready("work")).await;
    stage.fixture.lose_objects();
    let job = stage.work(&stage.args("work")).await;
    assert_eq!(job.state, atelier_entities::JobState::Retrying);
    assert_eq!(job.error.unwrap()["code"], "OBJECTS_UNAVAILABLE");
}

#[tokio::test]
async fn a_node_that_takes_too_long_times_out_as_a_failure_of_the_node() {
    let stage = Stage::new(one(node("work", "llm_prompt", json!({"prompt": "a"}))), json!({})).await;
    let never = std::sync::Arc::new(tokio::sync::Notify::new());
    stage.model.push(ScriptedCompletion::Waits(never, Box::new(ScriptedCompletion::Text("late".into()))));
    stage.add(NodeRow::ready("work")).await;
    let job = stage.work_within(&stage.args("work"), Duration::from_secs(1)).await;
    assert_eq!(job.state, atelier_entities::JobState::Failed);
    let error = job.error.unwrap();
    assert_eq!((&error["code"], &error["details"]), (&json!("TIMEOUT"), &json!({"retryable": true})));
    assert_eq!(job.attempt, 1);
}

#[tokio::test]
async fn a_model_answers_a_prompt() {
    let config = json!({"prompt": "Sum up {{ input.text }}", "system": "Be short."});
    let stage = Stage::new(one(node("work", "llm_prompt", config)), json!({"text": "a list"})).await;
    stage.model.push(ScriptedCompletion::Text("A list.".into()));
    let output = stage.run("work").await.output.unwrap().value.unwrap();
    assert_eq!((&output["text"], &output["truncated"]), (&json!("A list."), &json!(false)));
    let asked: Vec<_> =
        stage.model.requests()[0].messages.iter().map(|message| message.content.clone()).collect();
    assert_eq!(asked, ["Be short.", "Sum up a list"]);
}

#[tokio::test]
async fn a_child_gets_the_input_of_its_node_or_its_own() {
    let id = "019aa0b2-0000-7000-8000-000000000001";
    for (config, expected) in [
        (json!({"workflow": id}), json!({"n": 1})),
        (json!({"workflow": id, "input": ["{{ input.n }}"]}), json!([1])),
    ] {
        let stage = Stage::new(one(node("work", "sub_workflow", config)), json!({"n": 1})).await;
        let result = stage.run("work").await;
        let WorkOutcome::Child(request) = result.outcome else { panic!("{:?}", result.outcome) };
        assert_eq!((request.workflow_id, request.input.value), (id.parse().unwrap(), Some(expected)));
    }
}

#[tokio::test]
async fn a_mail_goes_to_the_owner_once() {
    let config = json!({"subject": "{{ input.n }} orders", "text": "All fine."});
    let stage = Stage::new(one(node("work", "send_mail", config)), json!({"n": 12})).await;
    stage.fixture.verify_address(stage.owner.id).await;
    let first = stage.run("work").await.output.unwrap().value.unwrap();
    assert_eq!(first["queued"], true);
    assert_eq!(stage.end(&stage.args("work")).await.unwrap().output.unwrap().value.unwrap()["queued"], false);
    let subjects = stage.fixture.subjects_to(&stage.owner.email);
    assert_eq!(subjects.iter().filter(|subject| *subject == "12 orders").count(), 1);
}
