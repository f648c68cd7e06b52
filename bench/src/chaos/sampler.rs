//! Samples the database: checks that ended jobs never change, and that running jobs obey
//! leases and limits.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use atelier_entities::{JobId, Timestamp, to_micros};
use chrono::{TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, QueryResult, Value};
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

use super::{
    running::{Limited, RunningWatch},
    tables::statement,
};

/// Interval of reading jobs that ended lately.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Interval of reading all ended jobs.
const LOOK_AT_ALL_EVERY: Duration = Duration::from_secs(10);

/// The fields of a job that must not change once it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ended {
    state: String,
    fence: i64,
    attempt: i32,
    finished_at: Option<Timestamp>,
    /// Its result and its error, or a digest of them.
    content: String,
}

/// Samples of a database.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    ended: HashMap<JobId, Ended>,
    changed: Vec<String>,
    looks: u64,
    running: RunningWatch,
}

/// The content is a digest where the database has one.
const fn select(backend: DatabaseBackend) -> &'static str {
    match backend {
        DatabaseBackend::Postgres => {
            "SELECT id, state, fence, attempt, finished_at, md5(COALESCE(result::text, '') || COALESCE(error::text, '')) AS content FROM jobs WHERE "
        }
        _ => {
            "SELECT id, state, fence, attempt, finished_at, COALESCE(CAST(result AS TEXT), '') || COALESCE(CAST(error AS TEXT), '') AS content FROM jobs WHERE "
        }
    }
}

/// How long a job counts as having ended lately.
const LATELY: TimeDelta = TimeDelta::seconds(5);

impl Sampler {
    /// Checks the limits of this queue too.
    pub(super) fn of_limited(limited: Limited) -> Self {
        Self { running: RunningWatch::of_limited(limited), ..Self::default() }
    }

    /// Samples until it is stopped, and returns itself. A failed sample is skipped.
    pub(super) async fn run(mut self, direct: DatabaseConnection, stop: CancellationToken) -> Self {
        let mut look_at_all = Instant::now();
        while !stop.is_cancelled() {
            let all = Instant::now() >= look_at_all;
            match self.look_once(&direct, all).await {
                Ok(()) if all => look_at_all = Instant::now() + LOOK_AT_ALL_EVERY,
                Ok(()) => {}
                Err(error) => tracing::debug!(%error, "a sample failed"),
            }
            tokio::select! {
                () = time::sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => {}
            }
        }
        self
    }

    async fn look_once(&mut self, direct: &DatabaseConnection, all: bool) -> Result<(), DbErr> {
        self.running.look(direct).await?;
        if all { self.look_at_all(direct).await } else { self.look_at_new(direct).await }
    }

    /// Reads every ended job; one that has disappeared has changed.
    pub(super) async fn look_at_all(&mut self, direct: &DatabaseConnection) -> Result<(), DbErr> {
        let known: Vec<JobId> = self.ended.keys().copied().collect();
        let seen = self
            .look(
                direct,
                "finished_at IS NOT NULL OR state IN ('succeeded', 'failed', 'cancelled', 'discarded')",
                [],
            )
            .await?;
        for id in known.into_iter().filter(|id| !seen.contains(id)) {
            if let Some(before) = self.ended.remove(&id) {
                self.changed.push(format!("{id} was {} and is no longer ended, or gone", before.state));
            }
        }
        Ok(())
    }

    /// Jobs that changed or disappeared after they had ended.
    pub(super) fn changed(&self) -> &[String] {
        &self.changed
    }

    /// The checks of running jobs.
    pub(super) fn into_running(self) -> RunningWatch {
        self.running
    }

    /// Numbers of samples and of ended jobs.
    pub(super) fn counts(&self) -> (u64, usize) {
        (self.looks, self.ended.len())
    }

    async fn look_at_new(&mut self, direct: &DatabaseConnection) -> Result<(), DbErr> {
        let from = to_micros(Utc::now() - LATELY);
        self.look(direct, "finished_at > $1", [from.into()]).await.map(drop)
    }

    async fn look(
        &mut self,
        direct: &DatabaseConnection,
        which: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<HashSet<JobId>, DbErr> {
        let sql = format!("{}{which}", select(direct.get_database_backend()));
        let rows = direct.query_all_raw(statement(direct, &sql, values)).await?;
        self.looks += 1;
        let mut seen = HashSet::with_capacity(rows.len());
        for row in rows {
            let (id, now) = read(&row)?;
            seen.insert(id);
            self.compare(id, now);
        }
        Ok(seen)
    }

    fn compare(&mut self, id: JobId, now: Ended) {
        match self.ended.get(&id) {
            Some(before) if *before != now => {
                self.changed.push(format!("{id} was {before:?} and became {now:?}"));
                self.ended.insert(id, now);
            }
            Some(_) => {}
            None => {
                self.ended.insert(id, now);
            }
        }
    }
}

fn read(row: &QueryResult) -> Result<(JobId, Ended), DbErr> {
    let ended = Ended {
        state: row.try_get("", "state")?,
        fence: row.try_get("", "fence")?,
        attempt: row.try_get("", "attempt")?,
        finished_at: row.try_get("", "finished_at")?,
        content: row.try_get("", "content")?,
    };
    Ok((row.try_get("", "id")?, ended))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(state: &str, fence: i64) -> Ended {
        Ended { state: state.to_owned(), fence, attempt: 1, finished_at: None, content: String::new() }
    }

    #[test]
    fn notices_an_end_that_changes() {
        let (mut sampler, id) = (Sampler::default(), JobId::new());

        sampler.compare(id, ended("succeeded", 1));
        sampler.compare(id, ended("succeeded", 1));
        assert!(sampler.changed().is_empty());

        sampler.compare(id, ended("failed", 1));
        assert_eq!(sampler.changed().len(), 1);
        assert!(sampler.changed()[0].contains("succeeded"), "{:?}", sampler.changed());
    }
}
