//! How an attempt ends, as a value. `settle` is the one place where an outcome
//! becomes a state, for every kind.

use std::time::Duration;

use atelier_entities::{AttemptOutcome, JobState, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::retry::Backoff;

/// What a handler answers when nothing went wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Done, with a result for whoever asked (`Value::Null` for none).
    Done(Value),
    /// Not yet: run again after this long. Spends no attempt.
    Snooze(Duration),
    /// No longer wanted, with the reason.
    Cancel(String),
}

impl Outcome {
    /// Done, with nothing to tell.
    #[must_use]
    pub const fn done() -> Self {
        Self::Done(Value::Null)
    }
}

/// What went wrong in an attempt, fit to be shown to the job's owner: the message
/// holds no secret and nothing of the inside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct JobError {
    /// Stable name for filters and frontends, `UPPER_SNAKE`.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// More of it, such as the faults of an answer.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
    /// What to do about it.
    #[serde(skip, default)]
    pub disposition: Disposition,
}

/// What to do after an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disposition {
    /// Try again after the policy's backoff, as long as attempts are left.
    #[default]
    Retry,
    /// Try again after this long, as long as attempts are left.
    RetryAfter(Duration),
    /// Trying again cannot help: the job has failed.
    Fail,
    /// It could not even be tried: run again after this long, without spending the
    /// attempt. The error says what the job waits for, in its `why` too.
    Wait(Duration),
    /// This version of the program cannot read the job, another one may: wait for it
    /// without spending attempts, for as long as an upgrade may take.
    WaitForVersion,
}

/// How long a job waits for a version of the program that can read it, counted from
/// when it was enqueued; then it has failed.
pub(crate) const VERSION_PATIENCE: Duration = Duration::from_secs(24 * 3_600);

/// Between two offers of such a job.
pub(crate) const VERSION_WAIT: Duration = Duration::from_secs(15);

/// The error of args that this version of the program cannot read.
pub(crate) fn undecodable(reason: &serde_json::Error) -> JobError {
    let message = format!("this version of the program cannot read its args: {reason}");
    JobError { disposition: Disposition::WaitForVersion, ..JobError::retry("UNDECODABLE_ARGS", message) }
}

impl JobError {
    /// An error that another attempt may not meet.
    pub fn retry(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            details: Value::Null,
            disposition: Disposition::Retry,
        }
    }

    /// An error that a later attempt, and no earlier one, may not meet.
    pub fn retry_after(code: impl Into<String>, message: impl Into<String>, after: Duration) -> Self {
        Self { disposition: Disposition::RetryAfter(after), ..Self::retry(code, message) }
    }

    /// What the job must wait for before it can be tried; spends no attempt.
    pub fn wait(code: impl Into<String>, message: impl Into<String>, after: Duration) -> Self {
        Self { disposition: Disposition::Wait(after), ..Self::retry(code, message) }
    }

    /// An error that every attempt would meet.
    pub fn fail(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { disposition: Disposition::Fail, ..Self::retry(code, message) }
    }

    /// The same with details.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// As it is stored.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// How an attempt ended, as the machine saw it.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The handler answered.
    Returned(Result<Outcome, JobError>),
    /// It ran longer than the policy's timeout.
    TimedOut(Duration),
    /// It panicked. What with is for the log: it may tell of the inside.
    Panicked,
    /// Somebody cancelled the job.
    Cancelled,
    /// The process stops: the job goes back untouched.
    Drained,
}

/// What the decision needs to know of the job.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The attempt that just ended, from 1.
    pub attempt: u16,
    /// Attempts allowed.
    pub max_attempts: u16,
    /// The kind's waits.
    pub backoff: Backoff,
    /// Uniform in 0..1, for the jitter.
    pub random: f64,
    /// When the job was enqueued.
    pub created_at: Timestamp,
    /// When it ended.
    pub now: Timestamp,
}

/// What is written when an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// The job's next state.
    pub state: JobState,
    /// Its result, when it succeeded.
    pub result: Option<Value>,
    /// Its error: why it failed, or what the next attempt hopes not to meet.
    pub error: Option<Value>,
    /// When it is due, unless it has ended.
    pub run_at: Option<Timestamp>,
    /// False gives the attempt back.
    pub counted: bool,
    /// The row of `job_attempts`; none where the attempt was given back or where the
    /// job's own row tells it all.
    pub record: Option<AttemptOutcome>,
}

/// Turns the end of an attempt into the job's next state.
#[must_use]
pub fn settle(ending: Ending, standing: &Standing) -> Settlement {
    match ending {
        Ending::Returned(Ok(Outcome::Done(result))) => Settlement {
            result: (!result.is_null()).then_some(result),
            ..ended(JobState::Succeeded, None, None)
        },
        Ending::Returned(Ok(Outcome::Snooze(wait))) => Settlement {
            state: JobState::Scheduled,
            result: None,
            error: None,
            run_at: Some(standing.now + wait),
            counted: false,
            record: None,
        },
        Ending::Returned(Ok(Outcome::Cancel(reason))) => {
            let error = JobError::fail("CANCELLED", reason);
            ended(JobState::Cancelled, Some(error), Some(AttemptOutcome::Cancelled))
        }
        Ending::Returned(Err(error)) => failed(error, AttemptOutcome::Failed, standing),
        Ending::TimedOut(limit) => {
            let message = format!("ran longer than its limit of {} s", limit.as_secs());
            failed(JobError::retry("TIMED_OUT", message), AttemptOutcome::TimedOut, standing)
        }
        Ending::Panicked => {
            failed(JobError::retry("PANICKED", "the handler crashed"), AttemptOutcome::Panicked, standing)
        }
        Ending::Cancelled => {
            let error = JobError::fail("CANCELLED", "cancelled while it ran");
            ended(JobState::Cancelled, Some(error), Some(AttemptOutcome::Cancelled))
        }
        Ending::Drained => Settlement {
            state: JobState::Available,
            result: None,
            error: None,
            run_at: Some(standing.now),
            counted: false,
            record: None,
        },
    }
}

/// The next state of a job whose worker died or stalled until its lease ran out: run
/// again at once, as long as attempts are left.
#[must_use]
pub fn settle_lost(standing: &Standing) -> Settlement {
    let error = JobError::retry("WORKER_LOST", "the worker that ran it went away");
    if standing.attempt >= standing.max_attempts {
        return ended(JobState::Failed, Some(error), Some(AttemptOutcome::Lost));
    }
    Settlement {
        state: JobState::Available,
        result: None,
        error: Some(error.to_json()),
        run_at: Some(standing.now),
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

/// Not tried: due again at `run_at`, the attempt given back.
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

fn failed(error: JobError, record: AttemptOutcome, standing: &Standing) -> Settlement {
    let wait = match error.disposition {
        Disposition::Wait(wait) => return waiting(&error, standing.now + wait),
        Disposition::WaitForVersion if standing.now < standing.created_at + VERSION_PATIENCE => {
            return waiting(&error, standing.now + VERSION_WAIT);
        }
        Disposition::Fail | Disposition::WaitForVersion => None,
        Disposition::RetryAfter(wait) => Some(wait),
        Disposition::Retry => Some(standing.backoff.jittered(standing.attempt, standing.random)),
    };
    match wait {
        Some(wait) if standing.attempt < standing.max_attempts => Settlement {
            state: JobState::Retrying,
            result: None,
            error: Some(error.to_json()),
            run_at: Some(standing.now + wait),
            counted: true,
            record: Some(record),
        },
        _ => ended(JobState::Failed, Some(error), Some(record)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(attempt: u16) -> Standing {
        Standing {
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
        let settlement = settle(error(), &standing(2));

        assert_eq!(settlement.state, JobState::Retrying);
        assert_eq!(settlement.run_at, Some(standing(2).now + Duration::from_secs(10)));
        assert_eq!(settlement.record, Some(AttemptOutcome::Failed));
        assert!(settlement.counted);
    }

    #[test]
    fn the_last_attempt_fails_the_job() {
        for ending in [error(), Ending::TimedOut(Duration::from_secs(1)), Ending::Panicked] {
            assert_eq!(settle(ending, &standing(3)).state, JobState::Failed);
        }
    }

    #[test]
    fn an_error_that_cannot_pass_fails_at_once() {
        let settlement = settle(Ending::Returned(Err(JobError::fail("GONE", "gone"))), &standing(1));

        assert_eq!(settlement.state, JobState::Failed);
        assert_eq!(settlement.error.expect("an error")["code"], "GONE");
    }

    #[test]
    fn the_time_given_by_an_error_beats_the_backoff() {
        let later = JobError::retry_after("BUSY", "busy", Duration::from_secs(77));

        let settlement = settle(Ending::Returned(Err(later)), &standing(1));

        assert_eq!(settlement.run_at, Some(standing(1).now + Duration::from_secs(77)));
    }

    #[test]
    fn snoozing_and_draining_spend_no_attempt() {
        let snoozed = settle(Ending::Returned(Ok(Outcome::Snooze(Duration::from_secs(5)))), &standing(3));
        let drained = settle(Ending::Drained, &standing(3));

        assert_eq!((snoozed.state, snoozed.counted), (JobState::Scheduled, false));
        assert_eq!((drained.state, drained.counted), (JobState::Available, false));
    }

    #[test]
    fn what_could_not_be_tried_waits_with_its_reason_and_spends_no_attempt() {
        let away = JobError::wait("CIRCUIT_OPEN", "the circuit is open", Duration::from_secs(30));

        let settlement = settle(Ending::Returned(Err(away)), &standing(3));

        assert_eq!((settlement.state, settlement.counted), (JobState::Scheduled, false));
        assert_eq!(settlement.run_at, Some(standing(3).now + Duration::from_secs(30)));
        assert_eq!(settlement.error.expect("the reason")["code"], "CIRCUIT_OPEN");
        assert_eq!(settlement.record, None);
    }

    #[test]
    fn a_job_that_kills_its_workers_runs_out_of_attempts() {
        assert_eq!(settle_lost(&standing(2)).state, JobState::Available);
        assert_eq!(settle_lost(&standing(3)).state, JobState::Failed);
    }

    #[test]
    fn unreadable_args_wait_a_day_for_a_version_that_reads_them() {
        let unreadable = || {
            let reason = serde_json::from_str::<u8>("x").expect_err("no number");
            Ending::Returned(Err(undecodable(&reason)))
        };
        let too_late = Standing { now: standing(1).created_at + VERSION_PATIENCE, ..standing(1) };

        let waiting = settle(unreadable(), &standing(3));

        assert_eq!((waiting.state, waiting.counted), (JobState::Scheduled, false));
        assert_eq!(settle(unreadable(), &too_late).state, JobState::Failed);
    }

    #[test]
    fn success_keeps_its_result_and_needs_no_attempt_row() {
        let settlement = settle(Ending::Returned(Ok(Outcome::Done(Value::from(7)))), &standing(1));

        assert_eq!(settlement.state, JobState::Succeeded);
        assert_eq!(settlement.result, Some(Value::from(7)));
        assert_eq!(settlement.record, None);
    }
}
