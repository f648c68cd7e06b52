//! Cancellation and sub-workflows.

use serde_json::json;

use super::{
    super::{ChildEnd, Failure, Rows},
    *,
};
use crate::graph::node_type::ParentCancel;
use NodeState::{Cancelled, Failed, Ready, Retrying, Succeeded};

fn with_child(config: serde_json::Value) -> Flow {
    let mut all = json!({"workflow": "monthly"});
    all.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
    Flow::new().add("child", "sub_workflow", all).work("after").edges("start>child child>after")
}

/// [apache/incubator-kie-kogito-runtimes#4252], [tinyhumansai/opencompany#675], [kibana PR#250526],
/// [StackStorm/st2#3442], [prefect#9756]
#[test]
fn a_cancelled_run_tells_its_children_by_their_policy() {
    for (config, policy) in
        [(json!({}), ParentCancel::Cancel), (json!({"on_parent_cancel": "abandon"}), ParentCancel::Abandon)]
    {
        let mut sim = with_child(config).start();
        sim.end("child", Outcome::Child);
        let at = sim.at("child");
        assert_eq!(sim.commands, [Command::StartChild(at.clone())]);
        sim.send(Event::Cancel).unwrap();
        assert!(sim.commands.contains(&Command::CancelChild(at, policy)));
        assert_eq!(sim.states("child after"), all(Cancelled, 2));
    }
}

/// [Netflix/conductor PR#171], [kestra#11574]
#[test]
fn a_run_that_has_not_begun_is_cancelled_and_never_starts() {
    let mut sim = Sim::of(Flow::new().work("a").edges("start>a").plan());
    sim.send(Event::Cancel).unwrap();
    assert_eq!(sim.states("start a"), all(Cancelled, 2));
    let trigger = sim.plan.find_node("start").unwrap();
    assert_eq!(sim.send(Event::Start { trigger }), Err(Refusal::RunEnded));
}

#[test]
fn a_cancel_reaches_every_job_and_wait_at_any_depth() {
    let inner = Flow::body().work("a").add("pause", "delay", json!({"seconds": 9})).edges("a>pause");
    let outer = Flow::body().each("inner", json!({"concurrency": 2}), inner);
    let mut sim = Flow::new().each("outer", json!({"concurrency": 2}), outer).edges("start>outer").start();
    sim.items("outer", 3);
    sim.items("outer[0].inner", 2);
    sim.done("outer[0].inner[0].a");
    sim.wait("outer[0].inner[0].pause", WaitKind::Delay, None, Some(9));
    let (wait, job, list) =
        (sim.at("outer[0].inner[0].pause"), sim.at("outer[0].inner[1].a"), sim.at("outer[1].inner"));
    sim.send(Event::Cancel).unwrap();
    for expected in [Command::CloseWait(wait), Command::CancelNode(job), Command::CancelNode(list)] {
        assert!(sim.commands.contains(&expected), "{expected:?}");
    }
    assert!(sim.state.nodes.values().all(|row| row.state.is_final()));
    assert_eq!((sim.state.run.working, sim.state.run.waiting), (0, 0));
    assert!(sim.state.items.values().all(|item| (item.working, item.waiting) == (0, 0)));
    assert_eq!(sim.send(Event::Cancel), Err(Refusal::RunEnded));
}

#[test]
fn a_cancel_beats_a_pause() {
    let mut sim = Flow::new().work("a").edges("start>a").start();
    sim.send(Event::Pause).unwrap();
    sim.send(Event::Cancel).unwrap();
    assert_eq!(sim.status(), RunStatus::Cancelled);
    assert_eq!(sim.send(Event::Resume), Err(Refusal::RunEnded));
}

/// [activepieces#14621]
#[test]
fn each_attempt_of_a_sub_workflow_starts_one_child() {
    let mut sim = with_child(json!({})).policy("child", json!({"retry": {"max_attempts": 2}})).start();
    sim.end("child", Outcome::Child);
    let first = sim.at("child");
    let failure = Failure::of_run("BROKEN", "It broke.");
    sim.send(Event::ChildEnded(first.clone(), ChildEnd::Failed(failure.clone()))).unwrap();
    assert_eq!(sim.node("child"), Some(Retrying));
    assert_eq!(sim.send(Event::ChildEnded(first.clone(), ChildEnd::Succeeded)), Err(Refusal::Stale));
    sim.end("child", Outcome::Child);
    let second = sim.at("child");
    assert_ne!(first, second);
    assert_eq!(sim.commands, [Command::StartChild(second.clone())]);
    sim.send(Event::ChildEnded(second, ChildEnd::Failed(failure))).unwrap();
    assert_eq!((sim.node("child"), sim.status()), (Some(Failed), RunStatus::Failed));
}

#[test]
fn a_run_goes_on_after_its_child_succeeded_and_fails_after_it_was_cancelled() {
    let mut sim = with_child(json!({})).start();
    sim.end("child", Outcome::Child);
    assert_eq!(sim.status(), RunStatus::Waiting);
    let at = sim.at("child");
    let mut other = sim.clone();
    sim.send(Event::ChildEnded(at.clone(), ChildEnd::Succeeded)).unwrap();
    assert_eq!(sim.states("child after"), [Some(Succeeded), Some(Ready)]);
    other.send(Event::ChildEnded(at, ChildEnd::Cancelled)).unwrap();
    assert_eq!(other.row("child").error.as_ref().unwrap().code, NodeError::CHILD_CANCELLED);
}

#[test]
fn a_run_that_took_too_long_says_so() {
    let mut sim = with_child(json!({})).start();
    sim.send(Event::TimedOut).unwrap();
    assert_eq!(sim.status(), RunStatus::TimedOut);
    assert_eq!(sim.state.run.failure.as_ref().unwrap().code, Failure::RUN_TIMEOUT);
}

#[test]
fn an_event_before_the_start_changes_nothing() {
    let mut sim = Sim::of(with_child(json!({})).plan());
    assert_eq!(sim.send(Event::Pause), Err(Refusal::WrongState));
    assert_eq!(sim.send(Event::TimedOut), Err(Refusal::WrongState));
}

#[test]
fn an_event_of_a_scope_that_the_graph_does_not_have_is_refused() {
    let mut sim = with_child(json!({})).start();
    let at = NodeAt { scope: ScopePath::root().item("child", 0), ..sim.at("child") };
    assert!(matches!(sim.send(Event::Started(at)), Err(Refusal::UnknownNode { .. })));
}

#[test]
fn an_event_of_a_node_needs_the_rows_of_its_path() {
    let sim = with_child(json!({})).start();
    assert_eq!(Rows::of(&Event::Started(sim.at("child"))), Rows::Path(ScopePath::root()));
    assert_eq!(Rows::of(&Event::Cancel), Rows::Open);
    assert_eq!(Rows::of(&Event::RetryFailed), Rows::All);
}
