//! The checks after each step: the queue and the reference agree on every job, and the rules
//! that need no reference hold.

use std::collections::BTreeMap;

use atelier_entities::{
    AttemptOutcome, JobId, JobState, Timestamp, WorkerId, job_attempts, jobs, running_jobs,
};
use sea_orm::EntityTrait;

use super::{Checked, Command, HALF_TURN, Player, failed, same};
use crate::queue::model::reference::{EFFECT_FAILED, Half, ModelJob};

/// The compared properties of a job.
#[derive(Debug, PartialEq)]
struct View {
    state: JobState,
    attempt: i32,
    fence: i64,
    stop: bool,
    run_at: Option<Half>,
    lease: Option<Half>,
    worker: Option<WorkerId>,
    progress: Option<usize>,
    code: Option<String>,
    attempts: BTreeMap<i64, AttemptOutcome>,
    marks: Vec<JobState>,
}

/// Whether the due time matters in this state.
fn is_timed(state: JobState) -> bool {
    matches!(state, JobState::Scheduled | JobState::Retrying)
}

/// Whether no worker holds the job because its effect fails.
fn is_put_off(row: &jobs::Model) -> bool {
    row.state == JobState::Running && row.error.as_ref().is_some_and(|error| error["code"] == EFFECT_FAILED)
}

impl View {
    fn of_model(job: &ModelJob) -> Self {
        Self {
            state: job.state,
            attempt: i32::from(job.attempt),
            fence: job.fence,
            stop: job.stop,
            run_at: is_timed(job.state).then_some(job.run_at),
            lease: job.lease,
            worker: job.worker.filter(|_| job.state == JobState::Running),
            progress: job.progress,
            code: job.code.map(str::to_owned),
            attempts: job.attempts.clone(),
            marks: job.marks.clone(),
        }
    }

    fn of_row(row: &jobs::Model, lease: Option<&running_jobs::Model>, begun: Timestamp) -> Self {
        let half = |at: Timestamp| {
            let secs = u64::try_from((at - begun).num_seconds()).unwrap_or(0);
            Half::try_from(secs / HALF_TURN.as_secs()).unwrap_or(Half::MAX)
        };
        let number = |value: &serde_json::Value| value["number"].as_u64().and_then(|n| n.try_into().ok());
        Self {
            state: row.state,
            attempt: row.attempt,
            fence: row.fence,
            stop: row.cancel_requested_at.is_some(),
            run_at: is_timed(row.state).then(|| half(row.run_at)),
            lease: lease.map(|lease| half(lease.expires_at)),
            worker: lease.filter(|_| !is_put_off(row)).map(|lease| lease.worker_id),
            progress: row.progress.as_ref().and_then(number),
            code: row.error.as_ref().and_then(|error| error["code"].as_str()).map(str::to_owned),
            attempts: BTreeMap::new(),
            marks: Vec::new(),
        }
    }
}

impl Player {
    pub(super) async fn compare(&mut self, command: &Command) -> Checked {
        let rows = jobs::Entity::find().all(self.queue.db()).await.map_err(failed)?;
        let attempts = job_attempts::Entity::find().all(self.queue.db()).await.map_err(failed)?;
        let leases = self.leases().await?;
        let mut machine: BTreeMap<JobId, View> =
            rows.iter().map(|row| (row.id, View::of_row(row, leases.get(&row.id), self.begun))).collect();
        for attempt in attempts {
            let job = machine.get_mut(&attempt.job_id).ok_or("an attempt of no job")?;
            job.attempts.insert(attempt.fence, attempt.outcome);
        }
        for (id, state) in self.marks.made() {
            if let Some(job) = machine.get_mut(&id) {
                job.marks.push(state);
            }
        }
        let ids: Vec<_> = machine.keys().collect();
        same("the jobs", &ids, &self.reference.jobs.keys().collect())?;
        for (id, job) in &self.reference.jobs {
            same(&format!("job {id}"), &machine[id], &View::of_model(job))?;
        }
        for row in &rows {
            rules(row, leases.get(&row.id), self.before.get(&row.id), command)
                .map_err(|rule| format!("job {}: {rule}", row.id))?;
        }
        self.before = rows.into_iter().map(|row| (row.id, row)).collect();
        Ok(())
    }

    /// The leases by their jobs. No job may have two.
    async fn leases(&self) -> Result<BTreeMap<JobId, running_jobs::Model>, String> {
        let leases = running_jobs::Entity::find().all(self.queue.db()).await.map_err(failed)?;
        let count = leases.len();
        let leases: BTreeMap<_, _> = leases.into_iter().map(|lease| (lease.id, lease)).collect();
        kept(leases.len() == count, "two leases of a job")?;
        Ok(leases)
    }
}

fn kept(kept: bool, rule: &str) -> Checked {
    if kept { Ok(()) } else { Err(rule.to_owned()) }
}

/// The rules that need no reference.
fn rules(
    row: &jobs::Model,
    lease: Option<&running_jobs::Model>,
    before: Option<&jobs::Model>,
    command: &Command,
) -> Checked {
    let ended = row.state.is_terminal();
    kept(row.attempt >= 0 && row.attempt <= row.max_attempts, "more attempts than allowed")?;
    kept(ended == row.finished_at.is_some(), "exactly the ended jobs have an end time")?;
    kept(row.phase == row.state.phase(), "a phase that does not match the state")?;
    let is_leased = lease.is_some_and(|lease| {
        let is_its_own = is_put_off(row) || Some(lease.worker_id) == row.worker_id;
        is_its_own && (lease.fence, &lease.queue) == (row.fence, &row.queue)
    });
    kept(is_leased == (row.state == JobState::Running), "exactly the running jobs have a lease")?;
    let Some(before) = before else { return Ok(()) };
    kept(before.fence <= row.fence, "a fence went back")?;
    if before.state == row.state {
        return Ok(());
    }
    kept(before.revision < row.revision, "a change that no watcher sees")?;
    kept(before.fence < row.fence || row.state != JobState::Running, "a start without a new fence")?;
    let by_hand = matches!(command, Command::Replay(_) | Command::Discard(_));
    kept(!before.state.is_terminal() || by_hand, "a terminal state changed")
}
