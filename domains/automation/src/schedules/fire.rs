//! Firing due schedules, in batches.

use std::collections::{HashMap, HashSet};

use atelier_entities::{
    TickOutcome, Timestamp, WorkflowId, WorkflowScheduleId, workflow_schedule_ticks as ticks,
    workflow_schedules,
};
use atelier_foundation::schedule::{Due, Firing, Missed, MissedReason, Spec, find_due};
use atelier_queue::{NewJob, Queue, QueueError, Sql, Transaction, metrics::workflows as metrics};
use chrono::TimeDelta;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait};

use super::{
    Fields,
    overlap::{Fate, UnderWay, cancels, decide},
    ticks::{count_buffered, insert, list_busy, new},
};
use crate::runs::{Scheduled, SettleSchedule, start_scheduled};

/// Most schedules of one transaction.
const BATCH: usize = 500;

/// Schedules that are computed before others may use the thread.
const YIELD: usize = 20;

/// What is written when a schedule cannot go on.
const UNREADABLE: &str = "Its next fire time cannot be computed. Change its expression or its time zone.";

/// Fires the schedules that are due, a batch at most, and answers whether more may be due. Each fire time is
/// handled once, however many schedulers do this.
///
/// # Errors
/// If the database fails: then nothing of the batch has happened.
pub(crate) async fn fire_due(queue: &Queue) -> Result<bool, QueueError> {
    // A writer of SQLite would keep all others out, for nothing most of the time.
    if !is_any_due(queue).await? {
        return Ok(false);
    }
    let tx = queue.begin().await?;
    let due = lock_due(&tx).await?;
    let count = due.len();
    let batch = Batch::read(&tx, due).await?;
    let told = batch.write(&tx).await?;
    tx.commit().await?;
    let now = queue.now();
    for (outcome, late) in told {
        metrics::schedule_handled(outcome, late.map(|at| (now - at).to_std().unwrap_or_default()));
    }
    Ok(count == BATCH)
}

async fn is_any_due(queue: &Queue) -> Result<bool, DbErr> {
    let db = queue.db();
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT 1 FROM workflow_schedules WHERE next_fire_at <= ").bind(queue.now());
    sql.push(" ORDER BY next_fire_at LIMIT 1");
    Ok(db.query_one_raw(sql.build()).await?.is_some())
}

async fn lock_due(tx: &Transaction) -> Result<Vec<workflow_schedules::Model>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT * FROM workflow_schedules WHERE next_fire_at <= ")
        .bind(tx.now())
        .push(" ORDER BY next_fire_at, id LIMIT ")
        .push(&BATCH.to_string())
        .skip_locked();
    workflow_schedules::Entity::find().from_raw_sql(sql.build()).all(&**tx).await
}

/// What a batch of schedules comes to.
#[derive(Default)]
struct Batch {
    ticks: Vec<ticks::ActiveModel>,
    /// Runs to start, with the places of their rows in `ticks`.
    starts: Vec<(usize, Scheduled)>,
    jobs: Vec<NewJob>,
    nexts: Vec<Next>,
    /// What metrics are told: an outcome, and the time that was due.
    told: Vec<(&'static str, Option<Timestamp>)>,
}

/// What a schedule's row becomes.
#[derive(Clone, Copy)]
pub(super) struct Next {
    pub(super) id: WorkflowScheduleId,
    pub(super) last_tick: Option<Timestamp>,
    /// The next fire time, without and with its jitter.
    pub(super) next: Option<(Timestamp, Timestamp)>,
    pub(super) is_unreadable: bool,
}

impl Batch {
    async fn read(tx: &Transaction, due: Vec<workflow_schedules::Model>) -> Result<Self, QueueError> {
        let mut batch = Self::default();
        if due.is_empty() {
            return Ok(batch);
        }
        let ids: Vec<WorkflowScheduleId> = due.iter().map(|row| row.id).collect();
        let enabled = list_enabled(tx, &due.iter().map(|row| row.workflow_id).collect()).await?;
        let busy = list_busy(tx, &ids).await?;
        let buffered: HashMap<WorkflowScheduleId, usize> = count_buffered(tx, &ids).await?;
        for (index, row) in due.into_iter().enumerate() {
            // After a downtime many fire times are counted.
            if index % YIELD == YIELD - 1 {
                tokio::task::yield_now().await;
            }
            let under_way = UnderWay {
                is_busy: busy.contains(&row.id),
                buffered: buffered.get(&row.id).copied().unwrap_or_default(),
            };
            batch.take(&row, tx.now(), under_way, enabled.contains(&row.workflow_id));
        }
        Ok(batch)
    }

    /// Takes a schedule that is due.
    fn take(
        &mut self,
        row: &workflow_schedules::Model,
        now: Timestamp,
        under_way: UnderWay,
        is_enabled: bool,
    ) {
        let fields = Fields::of(row);
        let found = fields.spec().ok().and_then(|spec| {
            let due = if is_enabled {
                find_due(&spec, handled_until(row, &spec, now), now, fields.catch_up())
            } else {
                // Nothing is missed while the workflow's triggers do not fire.
                spec.next(now).map(|next| Due { next, ..Due::default() })
            };
            due.ok()
        });
        let Some(due) = found else {
            tracing::error!(schedule = %row.id, "the next fire time of a schedule cannot be computed");
            let last_tick = row.last_tick_at;
            return self.nexts.push(Next { id: row.id, last_tick, next: None, is_unreadable: true });
        };
        let newest = due.firings.last().map(|firing| firing.at);
        let last_missed = due.missed.last().map(|range| range.before - TimeDelta::microseconds(1));
        let last_tick = row.last_tick_at.max(newest).max(last_missed);
        let next = due.next.map(|firing| (firing.at, firing.with_jitter(row.id.0, fields.jitter_secs)));
        self.nexts.push(Next { id: row.id, last_tick, next, is_unreadable: false });
        for range in &due.missed {
            self.miss(row.id, range, now);
        }
        let limit = usize::try_from(fields.buffer_limit).unwrap_or(usize::MAX);
        let fates = decide(fields.overlap, limit, under_way, due.firings.len());
        let waits = under_way.buffered > 0 || fates.contains(&Fate::Buffer);
        // Otherwise the end of the run that is under way starts what waits.
        if waits && (!under_way.is_busy || cancels(fields.overlap)) {
            self.jobs.push(NewJob::of(&SettleSchedule { schedule_id: row.id }).owned_by(row.user_id));
        }
        for (firing, fate) in due.firings.iter().zip(fates) {
            self.add(row, *firing, fate, now);
        }
    }

    fn miss(&mut self, schedule: WorkflowScheduleId, range: &Missed, now: Timestamp) {
        let outcome = match range.reason {
            MissedReason::Window => TickOutcome::MissedWindow,
            MissedReason::Limit => TickOutcome::MissedLimit,
        };
        self.told.push((outcome.as_str(), None));
        self.ticks.push(ticks::ActiveModel {
            until_at: Set(Some(range.before)),
            missed: Set(range.count.and_then(|count| i32::try_from(count).ok())),
            ..new(schedule, range.first, outcome, now)
        });
    }

    fn add(&mut self, row: &workflow_schedules::Model, firing: Firing, fate: Fate, now: Timestamp) {
        let outcome = match fate {
            Fate::Start => TickOutcome::Started,
            Fate::Buffer => TickOutcome::Buffered,
            Fate::Skip => TickOutcome::SkippedOverlap,
        };
        if fate == Fate::Start {
            let (schedule, workflow) = (row.id, row.workflow_id);
            let start = Scheduled { schedule, workflow, at: firing.at, input: row.input.clone() };
            self.starts.push((self.ticks.len(), start));
        } else {
            self.told.push((outcome.as_str(), None));
        }
        self.ticks.push(ticks::ActiveModel {
            shifted_from: Set(firing.shifted_from.map(|civil| civil.format("%Y-%m-%dT%H:%M:%S").to_string())),
            ..new(row.id, firing.at, outcome, now)
        });
    }

    /// Starts the runs and writes the rows. Returns what metrics are told.
    async fn write(mut self, tx: &Transaction) -> Result<Vec<(&'static str, Option<Timestamp>)>, QueueError> {
        let (places, starts): (Vec<usize>, Vec<Scheduled>) = self.starts.into_iter().unzip();
        let due: Vec<Timestamp> = starts.iter().map(|start| start.at).collect();
        if !starts.is_empty() {
            let answers = start_scheduled(tx, starts).await?;
            for ((place, answer), at) in places.into_iter().zip(answers).zip(due) {
                let Some(tick) = self.ticks.get_mut(place) else { continue };
                match answer {
                    Ok(run) => {
                        tick.run_id = Set(Some(run));
                        self.told.push((TickOutcome::Started.as_str(), Some(at)));
                    }
                    Err(code) => {
                        tick.outcome = Set(TickOutcome::Failed);
                        tick.reason = Set(Some(code.to_owned()));
                        self.told.push((TickOutcome::Failed.as_str(), None));
                    }
                }
            }
        }
        insert(tx, &self.ticks).await?;
        if !self.jobs.is_empty() {
            tx.enqueue_all(self.jobs).await?;
        }
        save(tx, &self.nexts).await?;
        Ok(self.told)
    }
}

/// The moment after which the next fire time is found: what was handled before does not fire again.
fn handled_until(row: &workflow_schedules::Model, spec: &Spec, now: Timestamp) -> Timestamp {
    let next = row.next_tick_at.or(spec.start).unwrap_or(now) - TimeDelta::microseconds(1);
    row.last_tick_at.map_or(next, |last| last.max(next))
}

async fn list_enabled(tx: &Transaction, ids: &HashSet<WorkflowId>) -> Result<HashSet<WorkflowId>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT id FROM workflows WHERE enabled AND deleted_at IS NULL AND id ")
        .among(&ids.iter().copied().collect::<Vec<_>>());
    tx.query_all_raw(sql.build()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Writes what follows for each schedule. One that cannot go on is paused with its reason.
pub(super) async fn save(tx: &Transaction, nexts: &[Next]) -> Result<(), DbErr> {
    if nexts.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE workflow_schedules SET last_tick_at = saved.column2, next_tick_at = saved.column3, next_fire_at = saved.column4, paused_at = saved.column5, paused_reason = saved.column6 FROM (VALUES ");
    for (index, next) in nexts.iter().enumerate() {
        let reason = next.is_unreadable.then_some(UNREADABLE);
        sql.push(if index == 0 { "(" } else { ", (" })
            .bind(next.id)
            .push(", ")
            .bind(next.last_tick)
            .push(", ");
        sql.bind(next.next.map(|(tick, _)| tick)).push(", ").bind(next.next.map(|(_, fire)| fire)).push(", ");
        sql.bind(reason.map(|_| tx.now())).push(", ").bind(reason).push(")");
    }
    sql.push(") AS saved WHERE workflow_schedules.id = saved.column1");
    tx.execute_raw(sql.build()).await.map(drop)
}
