//! Schedules over SQLite, with a clock that tests set and nodes whose results are scripted.

use atelier_entities::{
    RunId, RunStatus, ScheduleOverlap, TickOutcome, Timestamp, WaitKind, WorkflowId, WorkflowScheduleId,
    workflow_runs, workflow_schedule_ticks, workflow_schedules, workflows,
};
use atelier_foundation::Page;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, sea_query::Expr};
use serde_json::{Value, json};

use super::{
    BackfillInput, PreviewInput, ScheduleChanges, ScheduleError, ScheduleFilter, ScheduleView, Schedules,
    fire_due,
};
use crate::{
    engine::tests::Flow,
    runs::tests::Fixture,
    testing::{broken, waiting},
};

mod commands;
mod firing;
mod overlaps;
mod repairs;
mod why;

/// A workflow whose run waits for a signal after its first node, if the script says so.
fn flow() -> Flow {
    Flow::default().add("start", "manual", json!({})).work("a").edges("start>a")
}

fn every(secs: u32) -> ScheduleChanges {
    ScheduleChanges {
        name: Some("Often".to_owned()),
        every_secs: Some(Some(secs)),
        ..ScheduleChanges::default()
    }
}

fn cron(expression: &str, zone: &str) -> ScheduleChanges {
    ScheduleChanges {
        name: Some("Daily".to_owned()),
        expression: Some(Some(expression.to_owned())),
        time_zone: Some(zone.to_owned()),
        ..ScheduleChanges::default()
    }
}

fn overlapping(overlap: ScheduleOverlap) -> ScheduleChanges {
    ScheduleChanges { overlap: Some(overlap), ..every(60) }
}

impl Fixture {
    fn schedules(&self) -> &Schedules {
        &self.fixture.services.automation.schedules
    }

    fn now(&self) -> Timestamp {
        self.fixture.queue().now()
    }

    /// Sets the clock.
    fn set_clock(&self, at: &str) {
        let at: Timestamp = at.parse().expect("a time");
        self.fixture.queue().clock().advance(at - self.now());
    }

    /// Sets the clock to the next fire time of a schedule, and fires.
    async fn reach_next(&self, id: WorkflowScheduleId) {
        let next = self.schedule(id).await.next_fire_at.expect("a fire time");
        self.fixture.queue().clock().advance(next - self.now() + TimeDelta::milliseconds(1));
        self.fire().await;
    }

    async fn fire(&self) {
        while fire_due(self.fixture.queue()).await.expect("fired") {}
    }

    async fn schedule_of(&self, workflow: WorkflowId, input: ScheduleChanges) -> WorkflowScheduleId {
        self.schedules().create(&self.actor(), workflow, input).await.expect("created").schedule.id
    }

    async fn schedule(&self, id: WorkflowScheduleId) -> workflow_schedules::Model {
        self.view(id).await.schedule
    }

    async fn view(&self, id: WorkflowScheduleId) -> ScheduleView {
        self.schedules().get(&self.actor(), id).await.expect("there")
    }

    async fn runs_of(&self, workflow: WorkflowId) -> Vec<workflow_runs::Model> {
        workflow_runs::Entity::find()
            .filter(workflow_runs::Column::WorkflowId.eq(workflow))
            .order_by_asc(workflow_runs::Column::Id)
            .all(self.fixture.queue().db())
            .await
            .expect("listed")
    }

    async fn statuses(&self, workflow: WorkflowId) -> Vec<RunStatus> {
        self.runs_of(workflow).await.iter().map(|run| run.status).collect()
    }

    /// The fire times, the oldest first.
    async fn ticks(&self, id: WorkflowScheduleId) -> Vec<workflow_schedule_ticks::Model> {
        let page = Page { number: 1, size: 100 };
        let found = self.schedules().list_ticks(&self.actor(), id, None, page).await.expect("listed");
        found.0.into_iter().rev().collect()
    }

    async fn outcomes(&self, id: WorkflowScheduleId) -> Vec<TickOutcome> {
        self.ticks(id).await.iter().map(|tick| tick.outcome).collect()
    }

    /// Lets the next runs wait for a signal.
    fn let_wait(&self, runs: usize) {
        self.script("a", (0..runs).map(|_| waiting(WaitKind::Signal, Some("go"), None)));
    }

    async fn signal(&self, run: RunId) {
        let signal = crate::runs::SignalInput { id: None, key: "go".to_owned(), payload: Value::Null };
        self.runs().signal(&self.actor(), run, signal).await.expect("sent");
        self.fixture.work().await;
    }
}
