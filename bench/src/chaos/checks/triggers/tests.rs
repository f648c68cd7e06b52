use atelier_entities::{
    RunId, RunStatus, ScheduleOverlap, TickOutcome, Timestamp, WorkflowId, WorkflowScheduleId,
    WorkflowVersionId,
};
use chrono::DateTime;
use serde_json::{Value, json};

use super::*;
use crate::{
    chaos::{
        triggers::rows::{Delivery, Schedule, Start, Tick},
        workflows::rows::Run,
    },
    receiver::Received,
};

const ONE_OUTCOME: &str = "each fire time of a schedule has one outcome";
const ONE_RUN: &str = "a fire time of a schedule starts its run once";
const OVERLAPS: &str = "runs of a schedule overlap only as it allows";
const CALL_HAS_RUN: &str = "an accepted call of a webhook has its run";
const ONE_CALL: &str = "a signed call of a webhook starts one run";
const ONE_DELIVERY: &str = "the success of a subscribed run has one delivery";
const TAKEN: &str = "a delivery is taken by its receiver, or has a next attempt";

fn second(second: i64) -> Timestamp {
    DateTime::from_timestamp(1_000_000_000 + second, 0).expect("a moment")
}

/// A schedule that fires every five seconds: it was created at 1, and 5, 10 and 15 were handled.
struct Story {
    triggers: TriggerRows,
    rows: Rows,
    record: Record,
    received: AllReceived,
    schedule: WorkflowScheduleId,
}

impl Story {
    fn new() -> Self {
        let schedule = WorkflowScheduleId::new();
        let mut story = Self {
            triggers: TriggerRows::default(),
            rows: Rows::default(),
            record: Record::default(),
            received: AllReceived::default(),
            schedule,
        };
        story.record.note_schedule(schedule);
        story.triggers.schedules.push(Schedule {
            id: schedule,
            expression: None,
            every_secs: Some(5),
            phase_secs: 0,
            overlap: ScheduleOverlap::Skip,
            last_tick_at: Some(second(15)),
            paused_at: Some(second(18)),
            created_at: second(1),
        });
        story.add_tick(5, TickOutcome::Started);
        story.add_tick(10, TickOutcome::SkippedOverlap);
        story.add_tick(15, TickOutcome::Started);
        story
    }

    /// A fire time, and the run that it starts.
    fn add_tick(&mut self, at: i64, outcome: TickOutcome) {
        let run = (outcome == TickOutcome::Started).then(|| self.add_run(at));
        self.triggers.ticks.push(Tick {
            schedule_id: self.schedule,
            tick_at: second(at),
            until_at: None,
            outcome,
            run_id: run,
            reason: None,
        });
    }

    fn add_run(&mut self, at: i64) -> RunId {
        let run = self.run_of(at, json!({"scheduled_at": second(at), "input": null}));
        let id = run.id;
        self.rows.runs.insert(id, run);
        self.triggers.starts.push(Start { run_id: id, schedule_id: self.schedule, others: 0 });
        id
    }

    /// A run of the call `msg_1` of a webhook.
    fn add_call(&mut self) -> RunId {
        let input = json!({"method": "POST", "body": {"call": "msg_1"}});
        let run = Run { schedule_id: None, ..self.run_of(20, input) };
        let id = run.id;
        self.rows.runs.insert(id, run);
        id
    }

    fn run_of(&self, at: i64, input: Value) -> Run {
        Run {
            id: RunId::new(),
            workflow_id: WorkflowId::new(),
            version_id: WorkflowVersionId::new(),
            parent_id: None,
            parent_attempt: None,
            schedule_id: Some(self.schedule),
            status: RunStatus::Succeeded,
            generation: 0,
            failure: None,
            input: Some(input),
            started_at: Some(second(at)),
            finished_at: Some(second(at + 1)),
        }
    }

    /// A run of a subscribed workflow.
    fn add_subscribed_run(&mut self) -> RunId {
        let id = self.add_call();
        let workflow = self.rows.runs.get(&id).map(|run| run.workflow_id);
        self.record.note_subscribed(workflow.into_iter());
        id
    }

    /// A delivery of a run under a number, which its receiver took.
    fn add_delivery(&mut self, run: RunId, number: u32) {
        let delivery = Delivery {
            url: "http://127.0.0.1:1/one".to_owned(),
            event_id: format!("msg_{number}"),
            payload: json!({"type": "run.succeeded", "data": {"run_id": run}}).to_string(),
            state: "succeeded".to_owned(),
            attempts: 1,
            next_at: None,
        };
        self.received.insert(format!("one/msg_{number}"), Received { refused: 0, taken: 1 });
        self.triggers.deliveries.push(delivery);
    }

    fn schedule(&mut self) -> &mut Schedule {
        self.triggers.schedules.first_mut().expect("the schedule")
    }
}

/// The promises that are broken if this happened.
fn broken(happened: impl FnOnce(&mut Story)) -> Vec<&'static str> {
    let mut story = Story::new();
    happened(&mut story);
    let checks = check(&story.triggers, &story.rows, &story.record, &story.received);
    checks.iter().filter(|check| check.broken > 0).map(|check| check.promise).collect()
}

#[test]
fn a_schedule_that_fired_breaks_nothing() {
    assert_eq!(broken(|_| {}), [""; 0]);
    let by_expression = broken(|story| {
        story.schedule().every_secs = None;
        story.schedule().expression = Some("*/5 * * * * *".to_owned());
    });
    assert_eq!(by_expression, [""; 0]);
}

#[test]
fn a_fire_time_that_is_missing_or_handled_twice_is_found() {
    assert_eq!(broken(|story| drop(story.triggers.ticks.remove(1))), [ONE_OUTCOME]);
    assert_eq!(broken(|story| story.add_tick(10, TickOutcome::Buffered)), [ONE_OUTCOME]);
    assert_eq!(broken(|story| story.add_tick(12, TickOutcome::Buffered)), [ONE_OUTCOME]);
    assert_eq!(broken(|story| story.triggers.schedules.clear()), [ONE_OUTCOME]);
    assert_eq!(broken(|story| story.triggers.ticks[1].outcome = TickOutcome::Failed), [ONE_OUTCOME]);
}

#[test]
fn a_range_of_missed_fire_times_counts_for_each_of_them() {
    let range = |story: &mut Story, until: i64| {
        story.triggers.ticks[1].outcome = TickOutcome::MissedWindow;
        story.triggers.ticks[1].until_at = Some(second(until));
    };
    assert_eq!(broken(|story| range(story, 11)), [""; 0]);
    assert_eq!(broken(|story| range(story, 16)), [ONE_OUTCOME], "it has the next fire time too");
    assert_eq!(broken(|story| range(story, 10)), [ONE_OUTCOME], "it has none");
}

#[test]
fn a_schedule_that_stopped_firing_is_found() {
    assert_eq!(broken(|story| story.schedule().paused_at = Some(second(45))), [""; 0]);
    assert_eq!(broken(|story| story.schedule().paused_at = Some(second(60))), [ONE_OUTCOME]);
}

#[test]
fn a_run_without_a_fire_time_and_a_fire_time_with_two_runs_are_found() {
    for at in [10, 15] {
        let added = broken(|story| {
            story.add_run(at);
        });
        assert_eq!(added, [ONE_RUN], "{at}");
    }
    assert_eq!(broken(|story| story.rows.runs.clear()), [ONE_RUN]);
    assert_eq!(broken(|story| story.triggers.ticks[0].run_id = Some(RunId::new())), [ONE_RUN]);
}

#[test]
fn a_run_that_began_beside_another_is_found() {
    let beside = |story: &mut Story| story.triggers.starts[1].others = 1;
    assert_eq!(broken(beside), [OVERLAPS]);
    let allowed = broken(|story| {
        beside(story);
        story.schedule().overlap = ScheduleOverlap::AllowAll;
    });
    assert_eq!(allowed, [""; 0]);
}

#[test]
fn an_accepted_call_without_its_run_and_a_call_with_two_runs_are_found() {
    let call = |story: &mut Story| {
        let id = story.add_call();
        story.record.note_call("msg_1".to_owned(), id);
    };
    assert_eq!(broken(call), [""; 0]);
    let lost = broken(|story| story.record.note_call("msg_1".to_owned(), RunId::new()));
    assert_eq!(lost, [CALL_HAS_RUN]);
    let twice = broken(|story| {
        call(story);
        story.add_call();
    });
    assert_eq!(twice, [ONE_CALL]);
    let unanswered = broken(|story| {
        story.add_call();
    });
    assert_eq!(unanswered, [""; 0]);
}

#[test]
fn a_run_without_a_delivery_and_a_run_with_two_are_found() {
    let delivered = |times: u32| {
        broken(|story| {
            let run = story.add_subscribed_run();
            for number in 0..times {
                story.add_delivery(run, number);
            }
        })
    };
    assert_eq!(delivered(1), [""; 0]);
    assert_eq!(delivered(0), [ONE_DELIVERY]);
    assert_eq!(delivered(2), [ONE_DELIVERY]);
    let retried = broken(|story| {
        let run = story.add_subscribed_run();
        story.rows.runs.get_mut(&run).expect("the run").generation = 1;
        story.add_delivery(run, 1);
        story.add_delivery(run, 2);
    });
    assert_eq!(retried, [""; 0]);
}

#[test]
fn a_delivery_that_did_not_come_or_has_no_next_attempt_is_found() {
    let with = |happened: fn(&mut Story)| {
        broken(|story| {
            let run = story.add_subscribed_run();
            story.add_delivery(run, 1);
            happened(story);
        })
    };
    assert_eq!(with(|story| story.received.clear()), [TAKEN]);
    assert_eq!(with(|story| story.triggers.deliveries[0].state = "pending".to_owned()), [TAKEN]);
    assert_eq!(with(|story| story.triggers.deliveries[0].state = "failed".to_owned()), [TAKEN]);
    let pending = with(|story| {
        story.triggers.deliveries[0].state = "pending".to_owned();
        story.triggers.deliveries[0].next_at = Some(second(30));
        story.received.clear();
    });
    assert_eq!(pending, [""; 0]);
}
