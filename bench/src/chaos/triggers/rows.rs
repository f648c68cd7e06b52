//! What the rows of triggers say at the end.

use atelier_entities::{RunId, ScheduleOverlap, TickOutcome, Timestamp, WorkflowScheduleId};
use sea_orm::{DatabaseConnection, DbErr, FromQueryResult};
use serde_json::Value;

use crate::chaos::workflows::rows::all;

/// A schedule.
#[derive(Clone, Debug, FromQueryResult)]
pub(in crate::chaos) struct Schedule {
    pub(in crate::chaos) id: WorkflowScheduleId,
    pub(in crate::chaos) expression: Option<String>,
    pub(in crate::chaos) every_secs: Option<i32>,
    pub(in crate::chaos) phase_secs: i32,
    pub(in crate::chaos) overlap: ScheduleOverlap,
    pub(in crate::chaos) last_tick_at: Option<Timestamp>,
    pub(in crate::chaos) paused_at: Option<Timestamp>,
    pub(in crate::chaos) created_at: Timestamp,
}

/// What became of a fire time, or of a range of them.
#[derive(Clone, Debug, FromQueryResult)]
pub(in crate::chaos) struct Tick {
    pub(in crate::chaos) schedule_id: WorkflowScheduleId,
    pub(in crate::chaos) tick_at: Timestamp,
    pub(in crate::chaos) until_at: Option<Timestamp>,
    pub(in crate::chaos) outcome: TickOutcome,
    pub(in crate::chaos) run_id: Option<RunId>,
    pub(in crate::chaos) reason: Option<String>,
}

/// The beginning of a run of a schedule, as a trigger of the database recorded it.
#[derive(Clone, Debug, FromQueryResult)]
pub(in crate::chaos) struct Start {
    pub(in crate::chaos) run_id: RunId,
    pub(in crate::chaos) schedule_id: WorkflowScheduleId,
    /// Other runs of the schedule that were under way.
    pub(in crate::chaos) others: i64,
}

/// A delivery of an event.
#[derive(Clone, Debug, FromQueryResult)]
pub(in crate::chaos) struct Delivery {
    pub(in crate::chaos) url: String,
    pub(in crate::chaos) event_id: String,
    pub(in crate::chaos) payload: String,
    pub(in crate::chaos) state: String,
    pub(in crate::chaos) attempts: i32,
    pub(in crate::chaos) next_at: Option<Timestamp>,
}

impl Delivery {
    /// The key by which its receiver knows it.
    pub(in crate::chaos) fn key(&self) -> String {
        format!("{}/{}", self.url.rsplit('/').next().unwrap_or_default(), self.event_id)
    }

    /// The run whose end is delivered.
    pub(in crate::chaos) fn run(&self) -> Option<RunId> {
        let payload: Value = serde_json::from_str(&self.payload).ok()?;
        payload.pointer("/data/run_id")?.as_str()?.parse().ok()
    }
}

/// Everything that the checks of triggers read.
#[derive(Clone, Debug, Default)]
pub(in crate::chaos) struct TriggerRows {
    pub(in crate::chaos) schedules: Vec<Schedule>,
    pub(in crate::chaos) ticks: Vec<Tick>,
    pub(in crate::chaos) starts: Vec<Start>,
    pub(in crate::chaos) deliveries: Vec<Delivery>,
}

impl TriggerRows {
    /// Reads them from the product's database.
    pub(in crate::chaos) async fn read(product: &DatabaseConnection) -> Result<Self, DbErr> {
        Ok(Self {
            schedules: all(
                product,
                "SELECT id, expression, every_secs, phase_secs, overlap, last_tick_at, paused_at, created_at FROM workflow_schedules",
            )
            .await?,
            ticks: all(
                product,
                "SELECT schedule_id, tick_at, until_at, outcome, run_id, reason FROM workflow_schedule_ticks WHERE backfill = ''",
            )
            .await?,
            starts: all(product, "SELECT run_id, schedule_id, others FROM chaos_schedule_starts").await?,
            deliveries: all(
                product,
                "SELECT subscriptions.url, deliveries.event_id, deliveries.payload, deliveries.state, deliveries.attempts, deliveries.next_at FROM webhook_deliveries AS deliveries JOIN webhook_subscriptions AS subscriptions ON subscriptions.id = deliveries.subscription_id",
            )
            .await?,
        })
    }
}
