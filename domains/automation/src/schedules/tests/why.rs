//! Why schedules start no run.

use ScheduleReasonCode::{
    Due, NoFireTime, Paused, RunUnderWay, WaitingForRun, WaitingForTime, WorkflowDisabled,
    WorkflowUnpublished,
};

use sea_orm::ActiveValue::Set;

use super::*;
use crate::schedules::{ScheduleReason, ScheduleReasonCode};

impl Fixture {
    async fn why(&self, id: WorkflowScheduleId) -> Vec<ScheduleReason> {
        self.schedules().why(&self.actor(), id).await.expect("asked")
    }

    async fn codes(&self, id: WorkflowScheduleId) -> Vec<ScheduleReasonCode> {
        self.why(id).await.into_iter().map(|reason| reason.code).collect()
    }
}

#[tokio::test]
async fn what_the_clock_and_the_runs_say_is_told() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&flow()).await;
    fixture.let_wait(1);
    let id = fixture.schedule_of(workflow, overlapping(ScheduleOverlap::BufferOne)).await;
    assert_eq!(fixture.codes(id).await, [WaitingForTime]);

    fixture.fixture.queue().clock().advance(TimeDelta::seconds(61));
    assert_eq!(fixture.codes(id).await, [Due]);

    fixture.fire().await;
    fixture.fixture.work().await;
    fixture.reach_next(id).await;
    fixture.fixture.work().await;
    assert_eq!(fixture.codes(id).await, [WaitingForTime, RunUnderWay, WaitingForRun]);
    assert_eq!(fixture.why(id).await[2].details["count"], 1);

    fixture.schedules().pause(&fixture.actor(), id, Some("Holidays".to_owned())).await.expect("paused");
    let paused = fixture.why(id).await.swap_remove(0);
    assert_eq!((paused.code, &paused.details["reason"]), (Paused, &json!("Holidays")));
    assert_eq!(paused.details["by"], json!(fixture.actor().user()));
}

#[tokio::test]
async fn a_disabled_workflow_and_the_end_of_a_schedule_are_reasons() {
    let fixture = Fixture::new().await;
    let disabled = fixture.publish_with(&flow(), json!({}), |row| row.enabled = Set(false)).await;
    let silent = fixture.schedule_of(disabled, every(60)).await;
    assert_eq!(fixture.codes(silent).await, [WorkflowDisabled]);
    let draft = fixture.publish_with(&flow(), json!({}), |row| row.published_id = Set(None)).await;
    let failing = fixture.schedule_of(draft, every(60)).await;
    assert_eq!(fixture.codes(failing).await, [WorkflowUnpublished]);

    let workflow = fixture.publish(&flow()).await;
    let ends = ScheduleChanges { end_at: Some(Some(fixture.now() + TimeDelta::seconds(61))), ..every(60) };
    let ending = fixture.schedule_of(workflow, ends).await;
    fixture.reach_next(ending).await;
    fixture.fixture.work().await;
    assert_eq!(fixture.codes(ending).await, [NoFireTime]);
}
