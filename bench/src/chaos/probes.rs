//! Probes: ten jobs a second that do nothing, which show whether jobs are run and how soon
//! they start.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use atelier_entities::{JobId, jobs};
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter};
use serde::Serialize;
use tokio::time::{self, Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    enqueuer::{Enqueuer, JobRequest},
    kinds::Probe,
    ledger::Ledger,
    load,
};

/// Between two probes.
const INTERVAL: Duration = Duration::from_millis(100);

/// Interval of looking at them.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Probes looked at in one statement.
const PAGE: usize = 1_000;

/// A probe that has not ended yet.
#[derive(Clone, Copy, Debug)]
struct Pending {
    acknowledged: Instant,
    under_fire: bool,
}

#[derive(Debug, Default)]
struct Inner {
    pending: HashMap<JobId, Pending>,
    /// When the latest probe that has ended was acknowledged.
    latest_done: Option<Instant>,
    peace: Vec<Duration>,
    fire: Vec<Duration>,
}

/// Every probe of a run.
#[derive(Debug, Default)]
pub(super) struct Probes {
    inner: Mutex<Inner>,
    under_fire: AtomicBool,
}

impl Probes {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets whether a fault is being injected.
    pub(super) fn set_under_fire(&self, under_fire: bool) {
        self.under_fire.store(under_fire, Ordering::Relaxed);
    }

    /// Whether every probe acknowledged before that moment has ended, and one acknowledged
    /// after it too.
    pub(super) fn recovered_since(&self, moment: Instant) -> bool {
        let inner = self.lock();
        let flowing = inner.latest_done.is_some_and(|done| done > moment);
        flowing && inner.pending.values().all(|probe| probe.acknowledged > moment)
    }

    /// How soon probes started, without faults and under faults.
    pub(super) fn latencies(&self) -> (Latencies, Latencies) {
        let inner = self.lock();
        (Latencies::of(inner.peace.clone()), Latencies::of(inner.fire.clone()))
    }

    fn note(&self, id: JobId) {
        let under_fire = self.under_fire.load(Ordering::Relaxed);
        self.lock().pending.insert(id, Pending { acknowledged: Instant::now(), under_fire });
    }

    fn pending(&self) -> Vec<JobId> {
        self.lock().pending.keys().take(PAGE).copied().collect()
    }

    fn end(&self, job: &jobs::Model) {
        let mut inner = self.lock();
        let Some(probe) = inner.pending.remove(&job.id) else { return };
        inner.latest_done = inner.latest_done.max(Some(probe.acknowledged));
        let waited = job.started_at.and_then(|started| (started - job.created_at).to_std().ok());
        let series = if probe.under_fire { &mut inner.fire } else { &mut inner.peace };
        series.push(waited.unwrap_or_default());
    }
}

/// Enqueues probes until it is stopped. One that hangs does not delay the next.
pub(super) async fn send(
    enqueuer: Arc<Enqueuer>,
    ledger: Arc<Ledger>,
    probes: Arc<Probes>,
    stop: CancellationToken,
) {
    let under_way = TaskTracker::new();
    let mut interval = time::interval(INTERVAL);
    interval.set_missed_tick_behavior(time::MissedTickBehavior::Skip);
    while !stop.is_cancelled() {
        interval.tick().await;
        let (enqueuer, ledger, probes) = (enqueuer.clone(), ledger.clone(), probes.clone());
        under_way.spawn(async move {
            let enqueued = load::submit(&enqueuer, &ledger, vec![JobRequest::of(&Probe {})]).await;
            enqueued.into_iter().flatten().for_each(|id| probes.note(id));
        });
    }
    under_way.close();
    under_way.wait().await;
}

/// Watches for ended probes until it is stopped.
pub(super) async fn watch(direct: DatabaseConnection, probes: Arc<Probes>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = look(&direct, &probes).await {
            tracing::debug!(%error, "probes not looked at");
        }
        time::sleep(LOOK_EVERY).await;
    }
}

async fn look(direct: &DatabaseConnection, probes: &Probes) -> Result<(), DbErr> {
    let pending = probes.pending();
    if pending.is_empty() {
        return Ok(());
    }
    let found = jobs::Entity::find().filter(jobs::Column::Id.is_in(pending)).all(direct).await?;
    found.iter().filter(|job| job.state.is_terminal()).for_each(|job| probes.end(job));
    Ok(())
}

/// How soon jobs started, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Latencies {
    pub(super) count: usize,
    pub(super) p50_ms: u64,
    pub(super) p95_ms: u64,
    pub(super) p99_ms: u64,
    pub(super) max_ms: u64,
}

impl Latencies {
    fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        let at = |percent: usize| {
            let index = (all.len() * percent / 100).min(all.len().saturating_sub(1));
            all.get(index).map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
        };
        Self { count: all.len(), p50_ms: at(50), p95_ms: at(95), p99_ms: at(99), max_ms: at(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_percentiles() {
        let all = (1..=200).rev().map(Duration::from_millis).collect();

        let found = Latencies::of(all);

        assert_eq!(found, Latencies { count: 200, p50_ms: 101, p95_ms: 191, p99_ms: 199, max_ms: 200 });
        assert_eq!(Latencies::of(Vec::new()), Latencies::default());
    }

    #[tokio::test]
    async fn has_recovered_once_old_probes_ended_and_new_ones_do() {
        let probes = Probes::default();
        let before = Instant::now();
        assert!(!probes.recovered_since(before), "nothing has ended yet");

        probes.note(JobId::new());
        let fault = Instant::now();
        probes.lock().latest_done = Some(Instant::now() + Duration::from_secs(1));

        assert!(probes.recovered_since(before));
        assert!(!probes.recovered_since(fault), "one that was acknowledged before it still waits");
    }
}
