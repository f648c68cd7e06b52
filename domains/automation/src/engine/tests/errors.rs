//! Where errors go.

use serde_json::json;

use super::*;
use NodeState::{Cancelled, Failed, Ready, Skipped};

/// `a`, whose output leads to `good` and whose errors lead to `bad`.
fn routed(on_error: &str) -> Flow {
    let flow = Flow::new().work("a good bad beside").policy("a", json!({"on_error": on_error}));
    flow.edges("start>a a>good a.error>bad start>beside")
}

/// [n8n#11202], [n8n#36095], [n8n#25581], [n8n#21917], [n8n#8744], [n8n#23224]
#[test]
fn the_engine_routes_every_error_by_the_policy_of_the_node() {
    for code in ["BROKEN", "EXPR_MISSING", "CONFIG_INVALID", NodeError::TIMEOUT] {
        let mut sim = routed("error_branch").start();
        sim.end("a", Outcome::Failed(NodeError::new(code, "")));
        assert_eq!(sim.states("a good bad"), [Some(Failed), Some(Skipped), Some(Ready)], "{code}");
        assert_eq!((sim.edge("a>good"), sim.edge("a.error>bad")), (Some(false), Some(true)));
        let mut sim = routed("continue").start();
        sim.end("a", Outcome::Failed(NodeError::new(code, "")));
        assert_eq!(sim.states("a good bad"), [Some(Failed), Some(Ready), Some(Skipped)], "{code}");
        let mut sim = routed("stop").start();
        sim.end("a", Outcome::Failed(NodeError::new(code, "")));
        assert_eq!(sim.status(), RunStatus::Failed, "{code}");
    }
}

/// [n8n#30050]
#[test]
fn an_error_keeps_its_node_attempt_and_code() {
    let mut sim = routed("error_branch").start();
    sim.end("a", Outcome::Failed(NodeError::new("BROKEN", "It broke.").with_status(503)));
    let row = sim.row("a");
    let error = row.error.as_ref().unwrap();
    assert_eq!((error.code.as_str(), error.status, row.attempt), ("BROKEN", Some(503), 1));
    assert!(sim.edge_row("a.error>bad").unwrap().error);
}

#[test]
fn a_success_takes_no_error_edge() {
    let mut sim = routed("error_branch").start();
    sim.done("a");
    assert_eq!(sim.states("good bad"), [Some(Ready), Some(Skipped)]);
}

#[test]
fn a_handled_failure_does_not_fail_the_run() {
    let mut sim = routed("error_branch").start();
    sim.fail("a");
    sim.done("bad beside");
    assert_eq!(sim.status(), RunStatus::Succeeded);
}

#[test]
fn a_failure_under_stop_cancels_what_is_under_way() {
    let mut sim = routed("stop").start();
    let beside = sim.at("beside");
    sim.send(Event::Started(beside.clone())).unwrap();
    sim.fail("a");
    assert_eq!(sim.states("good bad beside"), all(Cancelled, 3));
    assert!(sim.commands.contains(&Command::CancelNode(beside)));
    assert_eq!((sim.state.run.working, sim.state.run.waiting), (0, 0));
}

/// [n8n#1112]
#[test]
fn a_failed_run_starts_its_error_workflow_in_the_same_step_and_an_error_workflow_starts_none() {
    let mut sim = routed("stop").start();
    let mut of_error = sim.clone();
    of_error.state.run.handles_error = true;
    sim.fail("a");
    let failure = sim.state.run.failure.clone().unwrap();
    assert_eq!(
        (failure.code.as_str(), failure.node.as_deref(), failure.attempt),
        ("BROKEN", Some("a"), Some(1))
    );
    assert!(sim.commands.contains(&Command::StartErrorWorkflow(failure)));
    of_error.fail("a");
    assert!(!of_error.commands.iter().any(|command| matches!(command, Command::StartErrorWorkflow(_))));
}

#[test]
fn a_stop_node_fails_the_run_with_its_code() {
    let mut sim =
        Flow::new().add("halt", "stop", json!({"message": "None left"})).edges("start>halt").start();
    sim.end("halt", Outcome::Failed(NodeError::permanent("NO_STOCK", "None left")));
    assert_eq!(sim.state.run.failure.as_ref().unwrap().code, "NO_STOCK");
}

#[test]
fn an_outcome_that_the_type_cannot_have_fails_the_node() {
    for outcome in [Outcome::Items { count: 1 }, Outcome::Round { holds: true }, Outcome::Child] {
        let mut sim = routed("stop").start();
        sim.end("a", outcome);
        assert_eq!(sim.row("a").error.as_ref().unwrap().code, NodeError::UNEXPECTED_OUTCOME);
    }
}

#[test]
fn an_attempt_has_the_time_of_its_policy() {
    let sim =
        Flow::new().work("a b").policy("a", json!({"timeout_seconds": 7})).edges("start>a start>b").start();
    let timeouts: Vec<_> = sim
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::StartNode { at, timeout, .. } => Some((sim.name(at), timeout.as_secs())),
            _ => None,
        })
        .collect();
    assert!(timeouts.contains(&("a".into(), 7)) && timeouts.contains(&("b".into(), 60)));
}
