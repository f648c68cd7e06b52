//! Measures the time from a fault until jobs are run as before.

use std::{collections::HashMap, time::Duration};

use atelier_entities::{JobId, JobState, jobs};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter};
use tokio::{
    task::JoinHandle,
    time::{self, Instant},
};

use super::{probes::Probes, tables::statement};

/// After this time the recovery counts as failed.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The consequences of a fault.
#[derive(Debug)]
pub(super) struct Impact {
    /// When recovery can begin: at the fault itself, or at the end of an outage.
    pub(super) over: Instant,
    /// Jobs that its victims held, by their fence.
    pub(super) held: HashMap<JobId, i64>,
    /// Names of the processes that it hit.
    pub(super) victims: Vec<String>,
    /// Tasks that go on, such as the one that resumes a paused process.
    pub(super) aftermath: Vec<JoinHandle<()>>,
}

impl Impact {
    /// A fault that ends now.
    pub(super) fn now() -> Self {
        Self { over: Instant::now(), held: HashMap::new(), victims: Vec::new(), aftermath: Vec::new() }
    }

    /// A fault that ends now and hit this process.
    pub(super) fn against(victim: &str) -> Self {
        Self { victims: vec![victim.to_owned()], ..Self::now() }
    }

    /// Combines two faults at once.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.over = self.over.max(other.over);
        self.held.extend(other.held);
        self.victims.extend(other.victims);
        self.aftermath.extend(other.aftermath);
        self
    }
}

/// Waits until every earlier probe and a new one have ended, and every job that the victims
/// held runs again or has ended. None where that takes longer than [`LIMIT`].
pub(super) async fn wait(
    direct: &DatabaseConnection,
    probes: &Probes,
    impact: &mut Impact,
) -> Option<Duration> {
    while impact.over.elapsed() < LIMIT {
        if !impact.held.is_empty()
            && let Err(error) = drop_those_that_go_on(direct, &mut impact.held).await
        {
            tracing::debug!(%error, "held jobs were not read");
        }
        if impact.held.is_empty() && probes.recovered_since(impact.over) {
            return Some(impact.over.elapsed());
        }
        time::sleep(LOOK_EVERY).await;
    }
    None
}

/// Jobs that the worker of this process id holds.
pub(super) async fn held_by(direct: &DatabaseConnection, pid: u32) -> Result<HashMap<JobId, i64>, DbErr> {
    let sql = "SELECT running_jobs.id, running_jobs.fence FROM running_jobs JOIN workers ON workers.id = running_jobs.worker_id WHERE workers.pid = $1";
    let pid = i32::try_from(pid).unwrap_or_default();
    let rows = direct.query_all_raw(statement(direct, sql, [pid.into()])).await?;
    rows.iter().map(|row| Ok((row.try_get("", "id")?, row.try_get("", "fence")?))).collect()
}

/// Returns once these jobs have ended, or after [`LIMIT`].
pub(super) async fn wait_for_end(direct: &DatabaseConnection, ids: &[JobId]) {
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        let found = jobs::Entity::find().filter(jobs::Column::Id.is_in(ids.to_vec())).all(direct).await;
        if found.is_ok_and(|jobs| jobs.iter().all(|job| job.state.is_terminal())) {
            return;
        }
        time::sleep(LOOK_EVERY).await;
    }
}

async fn drop_those_that_go_on(
    direct: &DatabaseConnection,
    held: &mut HashMap<JobId, i64>,
) -> Result<(), DbErr> {
    let ids: Vec<JobId> = held.keys().copied().collect();
    for job in jobs::Entity::find().filter(jobs::Column::Id.is_in(ids)).all(direct).await? {
        let waits = matches!(job.state, JobState::Running | JobState::Available);
        if !waits || held.get(&job.id).is_some_and(|fence| *fence != job.fence) {
            held.remove(&job.id);
        }
    }
    Ok(())
}
