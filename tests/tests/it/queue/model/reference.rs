//! The reference: jobs as plain values, with a second implementation of the rules without SQL.

use std::collections::BTreeMap;

use atelier_entities::{AttemptOutcome, JobId, JobState, WorkerId};

use super::command::{End, Limits, NewJobCommand};
use super::kinds::queue_of;

/// Time in half turns of the clock. The current time is even, due times within a turn are odd,
/// so that nothing depends on the speed of the test.
pub(super) type Half = u32;

/// The code of a job whose effect fails.
pub(super) const EFFECT_FAILED: &str = "EFFECT_FAILED";

/// A day, during which a failed effect is retried.
const GIVEN_UP_AFTER: Half = 173;

/// A job of the reference.
#[derive(Clone, Debug)]
pub(super) struct ModelJob {
    pub(super) kind: usize,
    pub(super) owner: Option<usize>,
    pub(super) unique: Option<usize>,
    pub(super) state: JobState,
    pub(super) attempt: u16,
    pub(super) max_attempts: u16,
    pub(super) fence: i64,
    pub(super) run_at: Half,
    pub(super) expires: Option<Half>,
    pub(super) lease: Option<Half>,
    pub(super) worker: Option<WorkerId>,
    pub(super) stop: bool,
    pub(super) progress: Option<usize>,
    pub(super) code: Option<&'static str>,
    /// Since when its effect fails, if its code is that of a failed effect.
    failing_since: Half,
    /// Ended attempts, by fence.
    pub(super) attempts: BTreeMap<i64, AttemptOutcome>,
    /// Effects of its ends.
    pub(super) marks: Vec<JobState>,
}

/// A queue of the reference.
#[derive(Clone, Debug, Default)]
pub(super) struct ModelQueue {
    pub(super) paused: bool,
    pub(super) limits: Limits,
    /// Starts of this turn that the rate counts.
    started: u32,
}

#[derive(Default)]
pub(super) struct Reference {
    pub(super) now: Half,
    pub(super) jobs: BTreeMap<JobId, ModelJob>,
    pub(super) queues: [ModelQueue; 2],
    pub(super) effects_fail: bool,
}

/// A time within the turn that begins after `turns - 1` more turns.
const fn within(now: Half, turns: u32) -> Half {
    if turns == 0 { now } else { now + 2 * turns - 1 }
}

impl ModelJob {
    fn is_effectful(&self) -> bool {
        self.kind == 1
    }

    fn end(&mut self, state: JobState, code: Option<&'static str>) {
        self.state = state;
        self.code = code;
        self.lease = None;
        if self.is_effectful() {
            self.marks.push(state);
        }
    }

    fn wait(&mut self, state: JobState, run_at: Half, code: Option<&'static str>) {
        self.state = state;
        self.run_at = run_at;
        self.code = code;
        self.lease = None;
    }
}

impl Reference {
    /// The unfinished job with this unique key.
    pub(super) fn holder(&self, unique: Option<usize>) -> Option<JobId> {
        let unique = unique?;
        let held = |job: &ModelJob| job.unique == Some(unique) && !job.state.is_terminal();
        self.jobs.iter().find(|(_, job)| held(job)).map(|(id, _)| *id)
    }

    pub(super) fn enqueue(&mut self, id: JobId, ask: &NewJobCommand) {
        let job = ModelJob {
            kind: ask.kind,
            owner: ask.owner,
            unique: ask.unique,
            state: if ask.delay.is_some() { JobState::Scheduled } else { JobState::Available },
            attempt: 0,
            max_attempts: ask.max_attempts,
            fence: 0,
            run_at: within(self.now, ask.delay.unwrap_or(0)),
            expires: ask.expires.map(|turns| within(self.now, turns)),
            lease: None,
            worker: None,
            stop: false,
            progress: None,
            code: None,
            failing_since: 0,
            attempts: BTreeMap::new(),
            marks: Vec::new(),
        };
        self.jobs.insert(id, job);
    }

    fn running(&self, queue: usize, owner: Option<usize>) -> usize {
        self.jobs
            .values()
            .filter(|job| job.state == JobState::Running && queue_of(job.kind) == queue)
            .filter(|job| owner.is_none() || job.owner == owner)
            .count()
    }

    /// The jobs that a claim must take, out of jobs in the order of dispatch.
    pub(super) fn claimable(&self, queue: usize, count: usize, order: &[JobId]) -> Vec<JobId> {
        let ModelQueue { paused, limits, started } = &self.queues[queue];
        if *paused {
            return Vec::new();
        }
        let mut allowed = count;
        if let Some(most) = limits.running {
            allowed = allowed.min((most as usize).saturating_sub(self.running(queue, None)));
        }
        if let Some(rate) = limits.rate {
            allowed = allowed.min(rate.saturating_sub(*started) as usize);
        }
        let mut turns: BTreeMap<usize, usize> = BTreeMap::new();
        let mut taken = Vec::new();
        for id in order {
            let Some(job) = self.jobs.get(id) else { continue };
            let in_time = job.expires.is_none_or(|at| at > self.now);
            if job.state != JobState::Available || queue_of(job.kind) != queue || !in_time {
                continue;
            }
            if let (Some(most), Some(owner)) = (limits.per_owner, job.owner) {
                let turn = turns.entry(owner).or_insert_with(|| self.running(queue, Some(owner)));
                *turn += 1;
                if *turn > most as usize {
                    continue;
                }
            }
            taken.push(*id);
        }
        taken.truncate(allowed);
        taken
    }

    pub(super) fn claim(&mut self, queue: usize, worker: WorkerId, ids: &[JobId]) {
        for id in ids {
            let Some(job) = self.jobs.get_mut(id) else { continue };
            job.state = JobState::Running;
            job.attempt += 1;
            job.fence += 1;
            job.worker = Some(worker);
            job.lease = Some(self.now + 1);
        }
        let queue = &mut self.queues[queue];
        if queue.limits.rate.is_some() {
            queue.started += u32::try_from(ids.len()).unwrap_or(u32::MAX);
        }
    }

    /// Whether the fence of a claim is still valid.
    pub(super) fn holds(&self, id: JobId, fence: i64) -> bool {
        self.jobs.get(&id).is_some_and(|job| job.state == JobState::Running && job.fence == fence)
    }

    /// Whether the effect of this end would fail, so that nothing changes.
    fn would_fail(&self, before: &ModelJob, after: &ModelJob) -> bool {
        self.effects_fail && after.marks.len() > before.marks.len()
    }

    /// Changes a job unless the effect of its end fails. Returns whether it changed.
    fn change(&mut self, id: JobId, change: impl FnOnce(&mut ModelJob)) -> bool {
        let Some(before) = self.jobs.get(&id) else { return false };
        let mut after = before.clone();
        change(&mut after);
        let fails = self.would_fail(before, &after);
        if !fails {
            self.jobs.insert(id, after);
        }
        !fails
    }

    /// Ends a claim with a valid fence. Returns false if its effect failed.
    pub(super) fn finish(&mut self, id: JobId, end: End) -> bool {
        let now = self.now;
        self.change(id, |job| {
            let again = job.attempt < job.max_attempts;
            let (outcome, wait, code) = match end {
                End::Done => return job.end(JobState::Succeeded, None),
                End::Snooze(turns) => (None, Some((JobState::Scheduled, within(now, turns))), None),
                End::Drained => (None, Some((JobState::Available, now)), None),
                End::NotWanted | End::Stopped => (Some(AttemptOutcome::Cancelled), None, Some("CANCELLED")),
                End::TooLarge => (Some(AttemptOutcome::Failed), None, Some("RESULT_TOO_LARGE")),
                End::Hopeless => (Some(AttemptOutcome::Failed), None, Some("HOPELESS")),
                End::Error => {
                    (Some(AttemptOutcome::Failed), Some((JobState::Retrying, now + 1)), Some("ERROR"))
                }
                End::ErrorAfter(turns) => (
                    Some(AttemptOutcome::Failed),
                    Some((JobState::Retrying, within(now, turns))),
                    Some("ERROR"),
                ),
                End::TimedOut => {
                    (Some(AttemptOutcome::TimedOut), Some((JobState::Retrying, now + 1)), Some("TIMED_OUT"))
                }
                End::Panicked => {
                    (Some(AttemptOutcome::Panicked), Some((JobState::Retrying, now + 1)), Some("PANICKED"))
                }
            };
            match wait.filter(|(state, _)| again || *state != JobState::Retrying) {
                Some(_) if job.stop => {
                    job.attempts.insert(job.fence, AttemptOutcome::Cancelled);
                    return job.end(JobState::Cancelled, Some("CANCELLED"));
                }
                Some((state, run_at)) => job.wait(state, run_at, code),
                None if outcome == Some(AttemptOutcome::Cancelled) => job.end(JobState::Cancelled, code),
                None => job.end(JobState::Failed, code),
            }
            if let Some(outcome) = outcome {
                job.attempts.insert(job.fence, outcome);
            } else {
                job.attempt -= 1;
            }
        })
    }

    pub(super) fn rescue(&mut self) {
        let now = self.now;
        let lost = |job: &ModelJob| job.lease.is_some_and(|lease| lease < now);
        let ids: Vec<JobId> = self.jobs.iter().filter(|(_, job)| lost(job)).map(|(id, _)| *id).collect();
        for id in ids {
            let is_rescued = self.change(id, |job| {
                job.attempts.insert(job.fence, AttemptOutcome::Lost);
                if job.stop {
                    job.end(JobState::Cancelled, Some("CANCELLED"));
                } else if job.attempt >= job.max_attempts {
                    job.end(JobState::Failed, Some("WORKER_LOST"));
                } else {
                    job.wait(JobState::Available, now, Some("WORKER_LOST"));
                }
            });
            if !is_rescued {
                self.put_off(id);
            }
        }
    }

    /// Handles a failed effect: no worker holds the job for the rest of the turn, or it ends
    /// without its effect.
    fn put_off(&mut self, id: JobId) {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if job.code != Some(EFFECT_FAILED) {
            (job.code, job.failing_since) = (Some(EFFECT_FAILED), now);
        }
        if now - job.failing_since < GIVEN_UP_AFTER {
            (job.lease, job.worker) = (Some(now), None);
            return;
        }
        job.attempts.insert(job.fence, AttemptOutcome::Lost);
        job.state = if job.stop { JobState::Cancelled } else { JobState::Failed };
        job.lease = None;
    }

    pub(super) fn relay(&mut self) {
        let now = self.now;
        for job in self.jobs.values_mut() {
            if matches!(job.state, JobState::Scheduled | JobState::Retrying) && job.run_at <= now {
                job.state = JobState::Available;
            }
        }
        let late = |job: &ModelJob| {
            let waits = matches!(job.state, JobState::Scheduled | JobState::Available | JobState::Retrying);
            waits && job.expires.is_some_and(|at| at <= now)
        };
        let ids: Vec<JobId> = self.jobs.iter().filter(|(_, job)| late(job)).map(|(id, _)| *id).collect();
        for id in ids {
            self.change(id, |job| job.end(JobState::Cancelled, Some("EXPIRED")));
        }
    }

    /// Returns whether it was possible.
    pub(super) fn cancel(&mut self, id: JobId) -> bool {
        let state = self.jobs.get(&id).map(|job| job.state);
        match state {
            Some(JobState::Running) => self.change(id, |job| job.stop = true),
            Some(state) if !state.is_terminal() => {
                self.change(id, |job| job.end(JobState::Cancelled, Some("CANCELLED")))
            }
            _ => false,
        }
    }

    /// Returns whether it was possible.
    pub(super) fn discard(&mut self, id: JobId) -> bool {
        let state = self.jobs.get(&id).map(|job| job.state);
        match state {
            Some(JobState::Failed | JobState::Cancelled) => self.change(id, |job| {
                job.state = JobState::Discarded;
                job.code = Some("DISCARDED");
            }),
            Some(JobState::Scheduled | JobState::Available | JobState::Retrying) => {
                self.change(id, |job| job.end(JobState::Discarded, Some("DISCARDED")))
            }
            _ => false,
        }
    }

    /// Returns whether it was possible.
    pub(super) fn replay(&mut self, id: JobId) -> bool {
        let now = self.now;
        let Some(job) = self.jobs.get(&id) else { return false };
        let ended = matches!(job.state, JobState::Failed | JobState::Cancelled | JobState::Discarded);
        if !ended || self.holder(job.unique).is_some() {
            return false;
        }
        self.change(id, |job| {
            job.wait(JobState::Available, now, None);
            (job.attempt, job.expires, job.stop, job.progress) = (0, None, false, None);
        })
    }

    /// The jobs that a heartbeat extends, with fence and cancellation.
    pub(super) fn heartbeat(&mut self, worker: WorkerId) -> Vec<(JobId, i64, bool)> {
        let lease = Some(self.now + 1);
        let held = |job: &ModelJob| job.state == JobState::Running && job.worker == Some(worker);
        let jobs = self.jobs.iter_mut().filter(|(_, job)| held(job));
        jobs.map(|(id, job)| {
            job.lease = lease;
            (*id, job.fence, job.stop)
        })
        .collect()
    }

    pub(super) fn advance(&mut self, turns: u32) {
        self.now += 2 * turns;
        if turns > 0 {
            for queue in &mut self.queues {
                queue.started = 0;
            }
        }
    }

    pub(super) fn limit(&mut self, queue: usize, limits: Limits) {
        self.queues[queue].limits = limits;
    }
}
