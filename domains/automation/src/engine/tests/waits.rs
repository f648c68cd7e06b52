//! Waits, resumes and signals.

use chrono::FixedOffset;
use serde_json::json;

use super::*;
use NodeState::{Failed, Ready, Skipped, Succeeded, Waiting};

fn signal(sim: &Sim, id: &str, key: &str) -> Event {
    Event::Signal { id: id.into(), key: key.into(), sent_at: sim.now }
}

fn waits_for_signals(keys: &str) -> Flow {
    keys.split(' ').fold(Flow::new(), |flow, key| {
        flow.add(key, "wait_signal", json!({"signal": "x"})).edges(&format!("start>{key}"))
    })
}

fn asks() -> Flow {
    Flow::new()
        .add("ask", "approval", json!({"message": "?"}))
        .work("yes no")
        .edges("start>ask ask.approved>yes ask.rejected>no")
}

/// [n8n#28664], [n8n#29160], [n8n#8548]
#[test]
fn a_delay_is_over_at_its_moment_in_whatever_zone_that_is_told() {
    for hours in [-11, 0, 5, 13] {
        let flow = Flow::new()
            .add("pause", "wait_until", json!({"at": "{{ input.at }}"}))
            .work("a")
            .edges("start>pause pause>a");
        let mut sim = flow.start();
        let zone = FixedOffset::east_opt(hours * 3600).unwrap();
        let due = (sim.now + TimeDelta::seconds(60)).with_timezone(&zone).to_rfc3339();
        let due = DateTime::parse_from_rfc3339(&due).unwrap().to_utc();
        sim.end("pause", Outcome::Wait(WaitRequest { kind: WaitKind::Until, key: None, due: Some(due) }));
        assert_eq!(sim.status(), RunStatus::Waiting);
        let at = sim.at("pause");
        sim.wait_seconds(59);
        assert_eq!(sim.send(Event::Wake(at.clone())), Err(Refusal::NotDue));
        sim.wait_seconds(1);
        sim.send(Event::Wake(at.clone())).unwrap();
        assert_eq!(sim.states("pause a"), [Some(Succeeded), Some(Ready)]);
        assert_eq!(sim.send(Event::Wake(at)), Err(Refusal::WaitClosed));
    }
}

/// [inngest#1433]
#[test]
fn a_signal_that_was_sent_before_the_wait_is_not_lost() {
    let mut sim = waits_for_signals("a").start();
    let early = signal(&sim, "1", "paid");
    sim.send(early).unwrap();
    sim.wait("a", WaitKind::Signal, Some("paid"), Some(60));
    assert_eq!(sim.node("a"), Some(Succeeded));
    assert!(sim.commands.iter().all(|command| !matches!(command, Command::OpenWait(..))));
}

#[test]
fn a_signal_is_taken_once_and_by_the_oldest_wait() {
    let mut sim = waits_for_signals("a b c").start();
    for key in ["c", "a", "b"] {
        sim.wait(key, WaitKind::Signal, Some("paid"), None);
        sim.wait_seconds(1);
    }
    for (id, expected) in [("1", "c"), ("2", "a"), ("3", "b")] {
        let event = signal(&sim, id, "paid");
        sim.send(event.clone()).unwrap();
        assert_eq!(sim.node(expected), Some(Succeeded));
        assert_eq!(sim.state.signals[id].taken_by, Some(sim.place(expected)));
        if id != "3" {
            assert_eq!(sim.send(event), Err(Refusal::Stale));
        }
    }
    assert_eq!(sim.status(), RunStatus::Succeeded);
}

#[test]
fn a_signal_of_another_name_answers_nothing() {
    let mut sim = waits_for_signals("a").start();
    sim.wait("a", WaitKind::Signal, Some("paid"), None);
    let event = signal(&sim, "1", "sent");
    sim.send(event).unwrap();
    assert_eq!(sim.node("a"), Some(Waiting));
}

/// [inngest PR#538]
#[test]
fn a_signal_from_before_the_run_is_refused() {
    let mut sim = waits_for_signals("a").start();
    let sent_at = sim.now - TimeDelta::seconds(1);
    let event = Event::Signal { id: "1".into(), key: "paid".into(), sent_at };
    assert_eq!(sim.send(event), Err(Refusal::SignalTooOld));
}

/// [inngest PR#3522]
#[test]
fn a_wait_and_its_timeout_are_ordered_together() {
    let mut sim = waits_for_signals("a").start();
    sim.wait("a", WaitKind::Signal, Some("paid"), Some(60));
    let due = Some(sim.now + TimeDelta::seconds(60));
    let opened = sim.commands.iter().find_map(|command| match command {
        Command::OpenWait(at, request) => Some((at.clone(), request.due)),
        _ => None,
    });
    assert_eq!(opened, Some((sim.at("a"), due)));
    assert_eq!(sim.state.waits[&sim.place("a")].due, due);
}

#[test]
fn a_wait_that_nobody_answers_leaves_by_its_timeout_or_fails() {
    let flow = waits_for_signals("a").work("late").edges("a.timeout>late");
    for (flow, expected) in [
        (flow, [Some(Succeeded), Some(Ready)]),
        (waits_for_signals("a").work("late"), [Some(Failed), Some(Skipped)]),
    ] {
        let mut sim = flow.start();
        sim.wait("a", WaitKind::Signal, Some("paid"), Some(1));
        sim.wait_seconds(1);
        let at = sim.at("a");
        sim.send(Event::Wake(at)).unwrap();
        assert_eq!(sim.states("a late"), expected);
    }
}

/// [activepieces#5236], [activepieces#7315]
#[test]
fn an_answer_is_used_once_and_not_after_the_run_has_failed() {
    let mut sim = asks().start();
    sim.wait("ask", WaitKind::Approval, None, None);
    let at = sim.at("ask");
    let mut failed = sim.clone();
    sim.send(Event::Decided(at.clone(), false)).unwrap();
    assert_eq!(sim.states("yes no"), [Some(Skipped), Some(Ready)]);
    assert_eq!(sim.send(Event::Decided(at.clone(), true)), Err(Refusal::WaitClosed));
    failed.send(Event::TimedOut).unwrap();
    assert_eq!(failed.send(Event::Decided(at, true)), Err(Refusal::RunEnded));
}

#[test]
fn an_approval_is_not_given_by_a_wait_of_another_sort() {
    let mut sim = waits_for_signals("a").start();
    sim.wait("a", WaitKind::Signal, Some("paid"), None);
    let at = sim.at("a");
    assert_eq!(sim.send(Event::Decided(at, true)), Err(Refusal::WrongState));
}

/// [elastic/kibana PR#287527]
#[test]
fn a_late_end_does_not_bring_a_cancelled_run_back() {
    let mut sim = Flow::new().work("a b").edges("start>a a>b").start();
    let at = sim.at("a");
    sim.send(Event::Cancel).unwrap();
    assert_eq!(sim.send(Event::Ended(at.clone(), Outcome::Done { port: None })), Err(Refusal::RunEnded));
    let request = WaitRequest { kind: WaitKind::Approval, key: None, due: None };
    assert_eq!(sim.send(Event::Ended(at, Outcome::Wait(request))), Err(Refusal::RunEnded));
    assert_eq!(sim.status(), RunStatus::Cancelled);
}

#[test]
fn a_paused_run_starts_nothing_and_goes_on_when_it_is_resumed() {
    let mut sim = Flow::new().work("a b c").edges("start>a start>b a>c").start();
    let b = sim.at("b");
    sim.send(Event::Pause).unwrap();
    assert_eq!(sim.status(), RunStatus::Paused);
    assert_eq!(sim.send(Event::Pause), Err(Refusal::WrongState));
    assert_eq!(sim.send(Event::Started(b)), Err(Refusal::Paused));
    sim.done("a");
    assert_eq!(sim.node("c"), Some(Ready));
    assert!(sim.started().is_empty());
    sim.send(Event::Resume).unwrap();
    assert_eq!(sim.started(), ["b", "c"]);
    assert_eq!(sim.send(Event::Resume), Err(Refusal::WrongState));
}

#[test]
fn a_time_that_comes_while_the_run_is_paused_is_held() {
    let flow =
        Flow::new().add("pause", "delay", json!({"seconds": 1})).work("a").edges("start>pause pause>a");
    let mut sim = flow.start();
    sim.wait("pause", WaitKind::Delay, None, Some(1));
    sim.send(Event::Pause).unwrap();
    sim.wait_seconds(1);
    let at = sim.at("pause");
    sim.send(Event::Wake(at)).unwrap();
    assert_eq!(sim.node("pause"), Some(Waiting));
    sim.send(Event::Resume).unwrap();
    assert_eq!(sim.states("pause a"), [Some(Succeeded), Some(Ready)]);
}

#[test]
fn a_run_is_waiting_only_while_nothing_works() {
    let mut sim = asks().work("side").edges("start>side").start();
    sim.wait("ask", WaitKind::Approval, None, None);
    assert_eq!(sim.status(), RunStatus::Running);
    sim.done("side");
    assert_eq!(sim.status(), RunStatus::Waiting);
    let at = sim.at("ask");
    sim.send(Event::Decided(at, true)).unwrap();
    assert_eq!(sim.status(), RunStatus::Running);
}
