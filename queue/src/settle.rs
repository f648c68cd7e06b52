//! Settling: [`settle`] turns the end of an attempt into the job's next state, for every
//! kind.

use std::time::Duration;

use atelier_entities::{AttemptOutcome, JobState, Timestamp, jobs};
use serde_json::Value;

use crate::{
    outcome::{Disposition, JobError, Outcome},
    retry::Backoff,
};

/// How long after its enqueue a job may wait for a version of the program that can read
/// it. After that it fails.
const VERSION_PATIENCE: Duration = Duration::from_secs(24 * 3_600);

/// Wait between two attempts to read such a job.
const VERSION_WAIT: Duration = Duration::from_secs(15);

/// How an attempt ended, as the worker saw it.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The handler answered.
    Returned(Result<Outcome, JobError>),
    /// It ran longer than the policy's timeout.
    TimedOut(Duration),
    /// The handler panicked. The message is only logged: it may hold internals.
    Panicked,
    /// Somebody cancelled the job.
    Cancelled,
    /// The process stops: the job is handed back.
    Drained,
}

/// The facts of an attempt that decide what follows its end.
#[derive(Clone, Copy, Debug)]
pub struct AttemptFacts {
    /// The attempt that ended, from 1.
    pub attempt: u16,
    /// Attempts allowed.
    pub max_attempts: u16,
    /// The kind's backoff.
    pub backoff: Backoff,
    /// Uniform in 0..1, for the jitter.
    pub random: f64,
    /// When the job was enqueued.
    pub created_at: Timestamp,
    /// When the attempt ended.
    pub now: Timestamp,
}

impl AttemptFacts {
    /// The facts of a job's last attempt that ended now, for an end that waits for no
    /// backoff.
    pub(crate) fn of(job: &jobs::Model, now: Timestamp) -> Self {
        Self {
            attempt: u16::try_from(job.attempt).unwrap_or(u16::MAX),
            max_attempts: u16::try_from(job.max_attempts).unwrap_or(u16::MAX),
            backoff: Backoff::Fixed(Duration::ZERO),
            random: 0.5,
            created_at: job.created_at,
            now,
        }
    }
}

/// What is written at the end of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// The job's next state.
    pub state: JobState,
    /// The result of a job that succeeded.
    pub result: Option<Value>,
    /// Why the job failed, or why it is tried again.
    pub error: Option<Value>,
    /// When the job is due again; none where it has ended.
    pub run_at: Option<Timestamp>,
    /// Whether the attempt counts.
    pub counted: bool,
    /// The outcome in `job_attempts`; none where the attempt does not count, or succeeded
    /// and so stands in the job's own row.
    pub record: Option<AttemptOutcome>,
}

/// Decides the job's next state from the end of an attempt.
#[must_use]
pub fn settle(ending: Ending, facts: &AttemptFacts) -> Settlement {
    match ending {
        Ending::Returned(Ok(Outcome::Done(result))) => Settlement {
            result: (!result.is_null()).then_some(result),
            ..ended(JobState::Succeeded, None, None)
        },
        Ending::Returned(Ok(Outcome::Snooze(wait))) => Settlement {
            state: JobState::Scheduled,
            result: None,
            error: None,
            run_at: Some(facts.now + wait),
            counted: false,
            record: None,
        },
        Ending::Returned(Ok(Outcome::Cancel(reason))) => {
            let error = JobError::fail("CANCELLED", reason);
            ended(JobState::Cancelled, Some(error), Some(AttemptOutcome::Cancelled))
        }
        Ending::Returned(Err(error)) => failed(error, AttemptOutcome::Failed, facts),
        Ending::TimedOut(limit) => {
            let message = format!("ran longer than its limit of {} s", limit.as_secs());
            failed(JobError::retry("TIMED_OUT", message), AttemptOutcome::TimedOut, facts)
        }
        Ending::Panicked => {
            failed(JobError::retry("PANICKED", "the handler crashed"), AttemptOutcome::Panicked, facts)
        }
        Ending::Cancelled => {
            let error = JobError::fail("CANCELLED", "cancelled while it ran");
            ended(JobState::Cancelled, Some(error), Some(AttemptOutcome::Cancelled))
        }
        Ending::Drained => Settlement {
            state: JobState::Available,
            result: None,
            error: None,
            run_at: Some(facts.now),
            counted: false,
            record: None,
        },
    }
}

/// Decides the next state of a job whose lease expired because its worker died or stalled:
/// it runs again at once while attempts are left.
#[must_use]
pub fn settle_lost(facts: &AttemptFacts) -> Settlement {
    let error = JobError::retry("WORKER_LOST", "the worker that ran it went away");
    if facts.attempt >= facts.max_attempts {
        return ended(JobState::Failed, Some(error), Some(AttemptOutcome::Lost));
    }
    Settlement {
        state: JobState::Available,
        result: None,
        error: Some(error.to_json()),
        run_at: Some(facts.now),
        counted: true,
        record: Some(AttemptOutcome::Lost),
    }
}

fn ended(state: JobState, error: Option<JobError>, record: Option<AttemptOutcome>) -> Settlement {
    Settlement {
        state,
        result: None,
        error: error.map(|error| error.to_json()),
        run_at: None,
        counted: true,
        record,
    }
}

/// The job was not tried: it is due again at `run_at`, and the attempt does not count.
fn waiting(error: &JobError, run_at: Timestamp) -> Settlement {
    Settlement {
        state: JobState::Scheduled,
        result: None,
        error: Some(error.to_json()),
        run_at: Some(run_at),
        counted: false,
        record: None,
    }
}

fn failed(error: JobError, record: AttemptOutcome, facts: &AttemptFacts) -> Settlement {
    let wait = match error.disposition {
        Disposition::Wait(wait) => return waiting(&error, facts.now + wait),
        Disposition::WaitForVersion if facts.now < facts.created_at + VERSION_PATIENCE => {
            return waiting(&error, facts.now + VERSION_WAIT);
        }
        Disposition::Fail | Disposition::WaitForVersion => None,
        Disposition::RetryAfter(wait) => Some(wait),
        Disposition::Retry => Some(facts.backoff.jittered(facts.attempt, facts.random)),
    };
    match wait {
        Some(wait) if facts.attempt < facts.max_attempts => Settlement {
            state: JobState::Retrying,
            result: None,
            error: Some(error.to_json()),
            run_at: Some(facts.now + wait),
            counted: true,
            record: Some(record),
        },
        _ => ended(JobState::Failed, Some(error), Some(record)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::undecodable;

    fn facts(attempt: u16) -> AttemptFacts {
        AttemptFacts {
            attempt,
            max_attempts: 3,
            backoff: Backoff::Fixed(Duration::from_secs(10)),
            random: 0.5,
            created_at: Timestamp::from_timestamp(0, 0).expect("a valid time"),
            now: Timestamp::from_timestamp(1_000, 0).expect("a valid time"),
        }
    }

    fn error() -> Ending {
        Ending::Returned(Err(JobError::retry("UPSTREAM", "no answer")))
    }

    #[test]
    fn an_error_waits_for_the_backoff_while_attempts_are_left() {
        let settlement = settle(error(), &facts(2));

        assert_eq!(settlement.state, JobState::Retrying);
        assert_eq!(settlement.run_at, Some(facts(2).now + Duration::from_secs(10)));
        assert_eq!(settlement.record, Some(AttemptOutcome::Failed));
        assert!(settlement.counted);
    }

    #[test]
    fn the_last_attempt_fails_the_job() {
        for ending in [error(), Ending::TimedOut(Duration::from_secs(1)), Ending::Panicked] {
            assert_eq!(settle(ending, &facts(3)).state, JobState::Failed);
        }
    }

    #[test]
    fn an_error_that_cannot_pass_fails_at_once() {
        let settlement = settle(Ending::Returned(Err(JobError::fail("GONE", "gone"))), &facts(1));

        assert_eq!(settlement.state, JobState::Failed);
        assert_eq!(settlement.error.expect("an error")["code"], "GONE");
    }

    #[test]
    fn the_time_given_by_an_error_beats_the_backoff() {
        let later = JobError::retry_after("BUSY", "busy", Duration::from_secs(77));

        let settlement = settle(Ending::Returned(Err(later)), &facts(1));

        assert_eq!(settlement.run_at, Some(facts(1).now + Duration::from_secs(77)));
    }

    #[test]
    fn snoozing_and_draining_spend_no_attempt() {
        let snoozed = settle(Ending::Returned(Ok(Outcome::Snooze(Duration::from_secs(5)))), &facts(3));
        let drained = settle(Ending::Drained, &facts(3));

        assert_eq!((snoozed.state, snoozed.counted), (JobState::Scheduled, false));
        assert_eq!((drained.state, drained.counted), (JobState::Available, false));
    }

    #[test]
    fn what_could_not_be_tried_waits_with_its_reason_and_spends_no_attempt() {
        let away = JobError::wait("CIRCUIT_OPEN", "the circuit is open", Duration::from_secs(30));

        let settlement = settle(Ending::Returned(Err(away)), &facts(3));

        assert_eq!((settlement.state, settlement.counted), (JobState::Scheduled, false));
        assert_eq!(settlement.run_at, Some(facts(3).now + Duration::from_secs(30)));
        assert_eq!(settlement.error.expect("the reason")["code"], "CIRCUIT_OPEN");
        assert_eq!(settlement.record, None);
    }

    #[test]
    fn a_job_that_kills_its_workers_runs_out_of_attempts() {
        assert_eq!(settle_lost(&facts(2)).state, JobState::Available);
        assert_eq!(settle_lost(&facts(3)).state, JobState::Failed);
    }

    #[test]
    fn unreadable_args_wait_a_day_for_a_version_that_reads_them() {
        let unreadable = || {
            let reason = serde_json::from_str::<u8>("x").expect_err("no number");
            Ending::Returned(Err(undecodable(&reason)))
        };
        let too_late = AttemptFacts { now: facts(1).created_at + VERSION_PATIENCE, ..facts(1) };

        let waiting = settle(unreadable(), &facts(3));

        assert_eq!((waiting.state, waiting.counted), (JobState::Scheduled, false));
        assert_eq!(settle(unreadable(), &too_late).state, JobState::Failed);
    }

    #[test]
    fn success_keeps_its_result_and_needs_no_attempt_row() {
        let settlement = settle(Ending::Returned(Ok(Outcome::Done(Value::from(7)))), &facts(1));

        assert_eq!(settlement.state, JobState::Succeeded);
        assert_eq!(settlement.result, Some(Value::from(7)));
        assert_eq!(settlement.record, None);
    }
}
