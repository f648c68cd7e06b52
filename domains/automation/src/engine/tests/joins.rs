//! Joins, branches and skipped paths.

use serde_json::json;

use super::{
    super::{Arrived, Failure, JoinDecision, decide_join},
    *,
};
use crate::graph::Join;
use NodeState::{Cancelled, Ready, Running, Skipped, Succeeded};

/// `start > check`, whose ports lead to `a` and `b`, which `join` joins.
fn diamond() -> Flow {
    Flow::new()
        .condition("check")
        .work("a b after")
        .merge("join")
        .edges("start>check check.true>a check.false>b a>join b>join join>after")
}

/// `a`, `b` and `c` at once, which `join` joins.
fn fan(policy: serde_json::Value) -> Flow {
    Flow::new()
        .work("a b c after")
        .merge("join")
        .policy("join", policy)
        .edges("start>a start>b start>c a>join b>join c>join join>after")
}

#[test]
fn the_table_of_joins_holds() {
    use JoinDecision::{Run, Skip, Wait};
    let any = Join::Any { cancel_rest: false };
    let quorum = |count| Join::Quorum { count, cancel_rest: false };
    for (join, edges, taken, dead, expected) in [
        (Join::All, 3, 2, 0, Wait),
        (Join::All, 3, 3, 0, Run),
        (Join::All, 3, 1, 1, Wait),
        (Join::All, 3, 1, 2, Run),
        (Join::All, 3, 0, 3, Skip),
        (Join::All, 0, 0, 0, Skip),
        (any, 3, 0, 2, Wait),
        (any, 3, 1, 0, Run),
        (any, 3, 0, 3, Skip),
        (quorum(2), 3, 1, 0, Wait),
        (quorum(2), 3, 2, 0, Run),
        (quorum(2), 3, 1, 1, Wait),
        (quorum(2), 3, 1, 2, Skip),
        (quorum(2), 3, 0, 2, Skip),
    ] {
        let arrived = Arrived { edges, taken, dead };
        assert_eq!(decide_join(join, arrived), expected, "{join:?} {arrived:?}");
    }
}

/// [n8n#1351]
#[test]
fn a_join_runs_when_one_branch_was_taken_and_the_other_is_dead() {
    let mut sim = diamond().start();
    sim.choose("check", "true");
    assert_eq!(sim.states("b join"), [Some(Skipped), None]);
    sim.done("a");
    assert_eq!(sim.started(), ["join"]);
    sim.done("join after");
    assert_eq!(sim.status(), RunStatus::Succeeded);
}

/// [n8n#37895]
#[test]
fn a_run_with_an_undecided_node_never_succeeds() {
    let mut sim = diamond().start();
    sim.choose("check", "true");
    let (scope, _) = sim.place("a");
    let lost = *sim.plan.inbound(sim.place("join").1).last().unwrap();
    assert!(sim.state.edges.remove(&(scope, lost)).is_some());
    sim.done("a");
    assert_eq!(sim.status(), RunStatus::Failed);
    assert_eq!(sim.state.run.failure.as_ref().unwrap().code, Failure::ENGINE_STUCK);
    assert_eq!(sim.states("join after"), all(Cancelled, 2));
}

/// [n8n#27053], [n8n#3029], [n8n#1286]
#[test]
fn dead_edges_pass_through_any_depth_of_merges() {
    let mut flow = Flow::new().condition("check").work("yes").edges("start>check check.true>yes");
    let mut before = String::from("check.false");
    for level in 0..30 {
        let key = format!("merge_{level}");
        flow = flow.merge(&key).edges(&format!("{before}>{key}"));
        before = key;
    }
    flow = flow.merge("last").edges(&format!("{before}>last yes>last"));
    let mut sim = flow.start();
    sim.choose("check", "true");
    assert_eq!(sim.states("merge_0 merge_29"), all(Skipped, 2));
    sim.done("yes last");
    assert_eq!(sim.status(), RunStatus::Succeeded);
}

/// [twenty#24071], [twenty#24060]
#[test]
fn a_node_behind_one_branch_and_downstream_of_the_other_runs() {
    let flow = Flow::new()
        .condition("check")
        .work("a join")
        .edges("start>check check.true>a a>join check.false>join");
    let mut sim = flow.start();
    sim.choose("check", "true");
    assert_eq!(sim.edge("check.false>join"), Some(false));
    sim.done("a");
    assert_eq!(sim.node("join"), Some(Ready));
    let mut sim = flow.start();
    sim.choose("check", "false");
    assert_eq!(sim.states("a join"), [Some(Skipped), Some(Ready)]);
}

/// [n8n#948]
#[test]
fn exactly_one_output_of_a_condition_is_taken() {
    let mut sim = diamond().start();
    sim.choose("check", "false");
    assert_eq!((sim.edge("check.true>a"), sim.edge("check.false>b")), (Some(false), Some(true)));
    for port in [None, Some("both"), Some("error")] {
        let mut sim = diamond().start();
        sim.end("check", Outcome::Done { port: port.map(str::to_owned) });
        assert_eq!(sim.status(), RunStatus::Failed);
        assert_eq!(sim.state.run.failure.as_ref().unwrap().code, NodeError::UNEXPECTED_OUTCOME);
        assert_eq!((sim.edge("check.true>a"), sim.edge("check.false>b")), (Some(false), Some(false)));
    }
}

/// [airflow#11768], [airflow#7885], [airflow#1521], [airflow#46297]
#[test]
fn a_join_is_not_skipped_because_one_source_was() {
    let mut sim = diamond().start();
    sim.choose("check", "false");
    sim.done("b");
    assert_eq!(sim.states("a join"), [Some(Skipped), Some(Ready)]);
}

/// [airflow#55187]
#[test]
fn a_join_does_not_run_because_the_branching_node_itself_leads_to_it() {
    let flow = Flow::new()
        .condition("check")
        .work("a join")
        .edges("start>check check.false>a a>join check.false>join");
    let mut sim = flow.start();
    sim.choose("check", "true");
    assert_eq!(sim.states("a join"), all(Skipped, 2));
    assert_eq!(sim.status(), RunStatus::Succeeded);
}

/// [airflow#35149]
#[test]
fn a_join_of_all_waits_for_all_and_a_join_of_any_does_not() {
    let mut sim = fan(json!({})).start();
    sim.done("a b");
    assert_eq!(sim.node("join"), None);
    let mut sim = fan(json!({"join": {"mode": "any"}})).start();
    sim.done("a");
    assert_eq!(sim.started(), ["join"]);
    sim.done("b");
    assert!(sim.started().is_empty());
    assert!(sim.edge_row("b>join").unwrap().late);
    assert!(!sim.edge_row("a>join").unwrap().late);
    sim.done("join after");
    assert_eq!(sim.status(), RunStatus::Running);
    sim.done("c");
    assert_eq!(sim.status(), RunStatus::Succeeded);
}

#[test]
fn a_quorum_runs_at_its_number_and_is_skipped_once_it_cannot_be_met() {
    let quorum = json!({"join": {"mode": "quorum", "count": 2}});
    let mut sim = fan(quorum.clone()).start();
    sim.done("c");
    assert_eq!(sim.node("join"), None);
    sim.done("a");
    assert_eq!(sim.node("join"), Some(Ready));
    let branch = json!({"on_error": "error_branch"});
    let mut sim = fan(quorum).policy("a", branch.clone()).policy("b", branch).start();
    sim.fail("a");
    assert_eq!(sim.node("join"), None);
    sim.fail("b");
    assert_eq!(sim.states("join after"), all(Skipped, 2));
}

#[test]
fn an_error_taken_as_output_counts_as_taken() {
    let quorum = json!({"join": {"mode": "quorum", "count": 2}});
    let mut sim = fan(quorum).policy("a", json!({"on_error": "continue"})).start();
    sim.fail("a");
    assert!(sim.edge_row("a>join").unwrap().error);
    sim.done("b");
    assert_eq!(sim.node("join"), Some(Ready));
}

#[test]
fn the_first_branch_wins_and_the_rest_is_cancelled_where_it_leads_nowhere_else() {
    let flow = Flow::new()
        .work("a b b_before c other")
        .merge("join")
        .policy("join", json!({"join": {"mode": "any", "cancel_rest": true}}))
        .edges("start>a start>b_before b_before>b start>c a>join b>join c>join c>other");
    let mut sim = flow.start();
    let b = sim.at("b_before");
    sim.send(Event::Started(b.clone())).unwrap();
    sim.done("a");
    assert_eq!(sim.states("b_before b c join"), [Some(Cancelled), Some(Cancelled), Some(Ready), Some(Ready)]);
    assert!(sim.commands.contains(&Command::CancelNode(b.clone())));
    assert_eq!(sim.send(Event::Ended(b, Outcome::Done { port: None })), Err(Refusal::Stale));
    sim.done("c other join");
    assert_eq!(sim.status(), RunStatus::Succeeded);
}

/// [windmill#2639], [mastra-ai/mastra PR#16476]
#[test]
fn waits_in_several_branches_are_answered_in_any_order() {
    let approvals = |order: [&str; 3]| {
        let approval = json!({"message": "?"});
        let flow =
            ["a", "b", "c"].iter().fold(Flow::new(), |flow, key| flow.add(key, "approval", approval.clone()));
        let flow = flow
            .merge("join")
            .edges("start>a start>b start>c a.approved>join b.approved>join c.approved>join");
        let mut sim = flow.start();
        for key in ["a", "b", "c"] {
            sim.wait(key, WaitKind::Approval, None, None);
        }
        assert_eq!(sim.status(), RunStatus::Waiting);
        for key in order {
            assert_eq!(sim.node("join"), None);
            let at = sim.at(key);
            sim.send(Event::Decided(at, true)).unwrap();
        }
        assert_eq!(sim.node("join"), Some(Ready));
    };
    approvals(["a", "b", "c"]);
    approvals(["c", "a", "b"]);
    approvals(["b", "c", "a"]);
}

/// [windmill PR#9821]
#[test]
fn a_skipped_approval_makes_no_wait() {
    let flow = Flow::new()
        .condition("check")
        .add("ask", "approval", json!({"message": "?"}))
        .edges("start>check check.true>ask");
    let mut sim = flow.start();
    sim.choose("check", "false");
    assert_eq!(sim.node("ask"), Some(Skipped));
    assert!(sim.state.waits.is_empty());
    assert_eq!(sim.status(), RunStatus::Succeeded);
}

/// [windmill PR#9547], [windmill PR#11008]
#[test]
fn a_retry_does_not_decide_the_way_in_again() {
    let mut sim = diamond().policy("a", json!({"retry": {"max_attempts": 2}})).start();
    sim.choose("check", "true");
    let edges = sim.state.edges.clone();
    sim.fail("a");
    assert_eq!(sim.row("a").attempt, 2);
    assert_eq!(sim.state.edges, edges);
}

/// [n8n#22128], [n8n#13086]
#[test]
fn a_graph_with_an_edge_to_a_missing_node_is_no_plan() {
    let flow = Flow::new().work("a").edges("start>a a>gone");
    assert!(matches!(Plan::new(&flow.0, &catalog()), Err(super::super::PlanError::BadEdge(_))));
}

/// [n8n#14640], [n8n PR#3946]
#[test]
fn a_disabled_node_passes_its_input_through_its_first_output() {
    let mut sim = diamond().disabled("check").disabled("a").start();
    assert_eq!(sim.states("check a b join"), [Some(Succeeded), Some(Succeeded), Some(Skipped), Some(Ready)]);
    assert!(sim.row("check").passed && sim.row("a").passed);
    sim.done("join after");
    assert_eq!(sim.status(), RunStatus::Succeeded);
}

#[test]
fn a_disabled_node_behind_a_dead_edge_is_skipped() {
    let mut sim = diamond().disabled("b").start();
    sim.choose("check", "true");
    assert_eq!(sim.node("b"), Some(Skipped));
}

#[test]
fn a_disabled_trigger_fires_nothing_and_other_triggers_are_skipped() {
    let flow = Flow::new()
        .add("event", "platform_event", json!({"event": "job.failed"}))
        .work("a b")
        .edges("start>a event>b");
    let mut sim = Sim::of(flow.clone().disabled("event").plan());
    let event = sim.plan.find_node("event").unwrap();
    assert_eq!(sim.send(Event::Start { trigger: event }), Err(Refusal::NoTrigger));
    let a = sim.plan.find_node("a").unwrap();
    assert_eq!(sim.send(Event::Start { trigger: a }), Err(Refusal::NoTrigger));
    let sim = flow.start();
    assert_eq!(sim.states("event b a"), [Some(Skipped), Some(Skipped), Some(Ready)]);
}

#[test]
fn a_worker_that_takes_an_attempt_makes_it_running_once() {
    let mut sim = diamond().start();
    let at = sim.at("check");
    sim.send(Event::Started(at.clone())).unwrap();
    assert_eq!(sim.node("check"), Some(Running));
    assert_eq!(sim.send(Event::Started(at)), Err(Refusal::Stale));
}
