//! Waits for jobs that nodes start.

use NodeState::{Cancelled, Ready, Retrying, Skipped, Succeeded, Waiting};

use super::*;

fn starts_a_job() -> Flow {
    Flow::new().work("act after").edges("start>act act>after")
}

fn failed() -> Option<NodeError> {
    Some(NodeError::new("STORAGE", "It is full."))
}

#[test]
fn a_node_succeeds_with_its_job_and_a_second_end_changes_nothing() {
    let mut sim = starts_a_job().start();
    sim.wait("act", WaitKind::Job, None, None);
    let at = sim.at("act");
    assert_eq!((sim.node("act"), sim.status()), (Some(Waiting), RunStatus::Waiting));

    sim.send(Event::JobEnded(at.clone(), None)).unwrap();

    assert_eq!(sim.states("act after"), [Some(Succeeded), Some(Ready)]);
    assert_eq!(sim.send(Event::JobEnded(at, failed())), Err(Refusal::WaitClosed));
}

#[test]
fn a_failed_job_is_a_failed_attempt_that_the_policy_repeats() {
    let flow = starts_a_job().policy("act", json!({"retry": {"max_attempts": 2}}));
    let mut sim = flow.start();
    sim.wait("act", WaitKind::Job, None, None);
    let first = sim.at("act");
    sim.send(Event::JobEnded(first.clone(), failed())).unwrap();
    assert_eq!((sim.node("act"), sim.started()), (Some(Retrying), vec!["act".to_owned()]));

    sim.wait("act", WaitKind::Job, None, None);
    assert_eq!(sim.send(Event::JobEnded(first, None)), Err(Refusal::WaitClosed));
    let second = sim.at("act");
    sim.send(Event::JobEnded(second, failed())).unwrap();

    assert_eq!(sim.states("act after"), [Some(NodeState::Failed), Some(Cancelled)]);
    assert_eq!(sim.state.run.failure.as_ref().unwrap().code, "STORAGE");
}

#[test]
fn the_job_is_cancelled_with_its_run_and_after_the_time_of_the_wait() {
    for event in [Event::Cancel, Event::TimedOut] {
        let mut sim = starts_a_job().start();
        sim.wait("act", WaitKind::Job, None, None);
        let at = sim.at("act");
        sim.send(event).unwrap();
        assert!(sim.commands.contains(&Command::CancelJob(at.clone())), "{:?}", sim.commands);
        assert_eq!(sim.send(Event::JobEnded(at, None)), Err(Refusal::RunEnded));
    }
    let mut sim = starts_a_job().start();
    sim.wait("act", WaitKind::Job, None, Some(60));
    let at = sim.at("act");
    sim.wait_seconds(60);
    sim.send(Event::Wake(at.clone())).unwrap();
    assert!(sim.commands.contains(&Command::CancelJob(at)), "{:?}", sim.commands);
    assert_eq!(sim.state.run.failure.as_ref().unwrap().code, "TIMEOUT");
}

#[test]
fn the_end_of_a_job_is_kept_while_the_run_is_paused() {
    let mut sim = starts_a_job().start();
    sim.wait("act", WaitKind::Job, None, None);
    let at = sim.at("act");
    sim.send(Event::Pause).unwrap();

    sim.send(Event::JobEnded(at, None)).unwrap();
    assert_eq!(sim.states("act after"), [Some(Succeeded), Some(Ready)]);
    assert!(sim.started().is_empty());
    sim.send(Event::Resume).unwrap();

    assert_eq!(sim.started(), ["after"]);
}

#[test]
fn the_end_of_a_job_ends_no_wait_of_another_sort() {
    let flow = Flow::new()
        .add("ask", "approval", json!({"message": "Really?"}))
        .work("yes")
        .edges("start>ask ask.approved>yes");
    let mut sim = flow.start();
    sim.wait("ask", WaitKind::Approval, None, None);
    let at = sim.at("ask");
    assert_eq!(sim.send(Event::JobEnded(at, None)), Err(Refusal::WrongState));
    assert_ne!(sim.node("yes"), Some(Skipped));
}
