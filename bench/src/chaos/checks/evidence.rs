//! What the checks read, and what they report.

use std::collections::{HashMap, HashSet};

use atelier_entities::{JobId, Timestamp, job_attempts, jobs};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter};
use serde::Serialize;

use crate::chaos::{
    ledger::{Entry, EntryState, Ledger},
    tables::{self, statement},
};

/// Breaches that are listed; the rest is only counted.
const EXAMPLES: usize = 5;

/// A promise, and how often it was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::chaos) struct Check {
    /// What is promised.
    pub(in crate::chaos) promise: &'static str,
    /// Cases that were checked.
    pub(in crate::chaos) cases: usize,
    /// Cases that broke it.
    pub(in crate::chaos) broken: usize,
    /// Some of the breaches.
    pub(in crate::chaos) examples: Vec<String>,
}

impl Check {
    /// A check of so many cases, of which these broke the promise.
    pub(in crate::chaos) fn new(promise: &'static str, cases: usize, breaches: Vec<String>) -> Self {
        let broken = breaches.len();
        let examples = breaches.into_iter().take(EXAMPLES).collect();
        Self { promise, cases, broken, examples }
    }
}

/// The data that the checks use.
pub(in crate::chaos) struct Evidence {
    /// Every job of the run's database.
    pub(in crate::chaos) jobs: HashMap<JobId, jobs::Model>,
    /// The entries of the run's ledger.
    pub(in crate::chaos) entries: HashMap<JobId, Entry>,
    pub(in crate::chaos) batches_in_doubt: Vec<Vec<JobId>>,
    /// Recorded attempts, by job.
    pub(in crate::chaos) attempts: HashMap<JobId, Vec<job_attempts::Model>>,
    /// Starts of handlers, by job.
    pub(in crate::chaos) runs: HashMap<JobId, Vec<Timestamp>>,
    /// Attempts that were lost before their handler had begun.
    pub(in crate::chaos) lost_unbegun: i64,
    /// Effects, by job: the state each was applied for, and the job it enqueued.
    pub(in crate::chaos) effects: HashMap<JobId, Vec<(String, JobId)>>,
    /// The database's time at the end.
    pub(in crate::chaos) now: Timestamp,
}

impl Evidence {
    /// Reads it from the database and the ledger.
    pub(in crate::chaos) async fn gather(
        direct: &DatabaseConnection,
        ledger: &Ledger,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let jobs = jobs::Entity::find().all(direct).await?.into_iter().map(|job| (job.id, job)).collect();
        let mut attempts: HashMap<JobId, Vec<job_attempts::Model>> = HashMap::new();
        for attempt in job_attempts::Entity::find().all(direct).await? {
            attempts.entry(attempt.job_id).or_default().push(attempt);
        }
        let mut runs: HashMap<JobId, Vec<Timestamp>> = HashMap::new();
        for row in direct
            .query_all_raw(statement(direct, "SELECT job_id, at FROM chaos_runs ORDER BY at", []))
            .await?
        {
            runs.entry(row.try_get("", "job_id")?).or_default().push(row.try_get("", "at")?);
        }
        let mut effects: HashMap<JobId, Vec<(String, JobId)>> = HashMap::new();
        let sql = "SELECT job_id, state, child_id FROM chaos_effects";
        for row in direct.query_all_raw(statement(direct, sql, [])).await? {
            let effect = (row.try_get("", "state")?, row.try_get("", "child_id")?);
            effects.entry(row.try_get("", "job_id")?).or_default().push(effect);
        }
        let lost_unbegun = tables::count_lost_unbegun(direct).await?;
        let (entries, batches_in_doubt) = (ledger.entries(), ledger.batches_in_doubt());
        Ok(Self { jobs, entries, batches_in_doubt, attempts, runs, lost_unbegun, effects, now })
    }

    /// Jobs that were acknowledged, and their kinds.
    pub(super) fn acknowledged(&self) -> impl Iterator<Item = (JobId, &'static str)> {
        let acknowledged = self.entries.iter().filter(|(_, entry)| entry.state == EntryState::Acknowledged);
        acknowledged.map(|(id, entry)| (*id, entry.kind))
    }

    /// Jobs that have ended.
    pub(super) fn ended(&self) -> impl Iterator<Item = &jobs::Model> {
        self.jobs.values().filter(|job| job.state.is_terminal())
    }

    /// Starts of a job's handler.
    pub(super) fn runs_of(&self, id: JobId) -> &[Timestamp] {
        self.runs.get(&id).map_or(&[], Vec::as_slice)
    }
}

/// Describes those of these jobs that are missing or have not ended.
pub(in crate::chaos) async fn not_ended(
    direct: &DatabaseConnection,
    ids: &[JobId],
) -> anyhow::Result<Vec<String>> {
    use sea_orm::ColumnTrait;
    let mut found: HashMap<JobId, jobs::Model> = HashMap::new();
    for page in ids.chunks(10_000) {
        let rows = jobs::Entity::find().filter(jobs::Column::Id.is_in(page.to_vec())).all(direct).await?;
        found.extend(rows.into_iter().map(|job| (job.id, job)));
    }
    let unique: HashSet<&JobId> = ids.iter().collect();
    Ok(unique.into_iter().filter_map(|id| unfinished(*id, "job", found.get(id))).collect())
}

pub(super) fn unfinished(id: JobId, kind: &str, job: Option<&jobs::Model>) -> Option<String> {
    match job {
        None => Some(format!("{kind} {id} is not there")),
        Some(job) if !job.state.is_terminal() => Some(describe(job)),
        Some(_) => None,
    }
}

/// A job in one line of text.
pub(super) fn describe(job: &jobs::Model) -> String {
    let code = job.error.as_ref().and_then(|error| error["code"].as_str()).unwrap_or("no error");
    format!(
        "{} {} is {} after attempt {} of {}, fence {}, {code}, run_at {}, worker {:?}",
        job.kind,
        job.id,
        job.state,
        job.attempt,
        job.max_attempts,
        job.fence,
        job.run_at,
        job.worker_id.map(|worker| worker.0),
    )
}
