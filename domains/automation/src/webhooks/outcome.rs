//! What an attempt found, and what follows from it.

use std::{collections::BTreeMap, time::Duration};

use atelier_entities::{JobState, Timestamp};
use atelier_queue::EndedJob;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schedule::pause_after;

/// How long nothing is sent to a server that is overloaded and asks for no pause.
const THROTTLE: Duration = Duration::from_secs(30);

/// What an attempt found. It is the result of its job and holds no secret of the subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) number: i32,
    pub(super) started_at: Timestamp,
    pub(super) duration_ms: i64,
    /// The HTTP status of the answer.
    pub(super) status: Option<u16>,
    /// A code that says why the attempt failed.
    pub(super) error: Option<String>,
    /// The pause that the server asked for.
    pub(super) retry_after_secs: Option<i32>,
    /// Whether the server wants no more attempts.
    pub(super) aborts: bool,
    pub(super) request_headers: BTreeMap<String, String>,
    pub(super) response_headers: Option<BTreeMap<String, String>>,
    pub(super) response_body: Option<String>,
}

/// How a job of an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum End {
    /// The attempt was made.
    Made(Box<Report>),
    /// The attempt could not be made, with the code of the job's error. It counts as a failure.
    Unmade(String),
    /// The job was cancelled.
    Cancelled(String),
    /// There was nothing to send.
    Nothing,
}

impl End {
    /// How the job of an attempt ended.
    pub(super) fn of(job: &EndedJob) -> Self {
        let code = || {
            let code = job.error.as_ref().and_then(|error| error.get("code")).and_then(Value::as_str);
            code.unwrap_or("FAILED").to_owned()
        };
        match job.state {
            JobState::Succeeded => match &job.result {
                None | Some(Value::Null) => Self::Nothing,
                Some(result) => match Report::deserialize(result) {
                    Ok(report) => Self::Made(Box::new(report)),
                    Err(_) => Self::Unmade("RESULT_INVALID".to_owned()),
                },
            },
            JobState::Failed => Self::Unmade(code()),
            _ => Self::Cancelled(code()),
        }
    }

    /// What becomes of the delivery, after so many failed attempts of its schedule, this one included.
    pub(super) fn fate(&self, failed: usize, jitter: f64) -> Fate {
        let retry = |asked| match pause_after(failed, asked, jitter) {
            Some(pause) => Fate::Retry(pause),
            None => Fate::Fail,
        };
        match self {
            Self::Made(report) if report.is_success() => Fate::Succeed,
            Self::Made(report) if report.aborts || report.status == Some(410) => Fate::Abort,
            Self::Made(report) => retry(report.pause()),
            Self::Unmade(_) => retry(None),
            Self::Cancelled(_) => Fate::Abort,
            Self::Nothing => Fate::Ignore,
        }
    }

    /// The code of why it did not succeed.
    pub(super) fn error(&self) -> Option<String> {
        match self {
            Self::Made(report) => report.error.clone(),
            Self::Unmade(code) | Self::Cancelled(code) => Some(code.clone()),
            Self::Nothing => None,
        }
    }
}

impl Report {
    /// That of an attempt that could not be made.
    pub(super) fn unmade(number: i32, code: &str, now: Timestamp) -> Self {
        Self {
            number,
            started_at: now,
            duration_ms: 0,
            status: None,
            error: Some(code.to_owned()),
            retry_after_secs: None,
            aborts: false,
            request_headers: BTreeMap::new(),
            response_headers: None,
            response_body: None,
        }
    }

    fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    fn pause(&self) -> Option<Duration> {
        self.retry_after_secs.and_then(|secs| u64::try_from(secs).ok()).map(Duration::from_secs)
    }

    /// What it says about the server.
    pub(super) fn verdict(&self) -> Verdict {
        match self.status {
            _ if self.is_success() => Verdict::Works,
            Some(410) => Verdict::Gone,
            Some(429 | 502 | 504) => Verdict::Overloaded(self.pause().unwrap_or(THROTTLE)),
            _ => Verdict::Fails,
        }
    }
}

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Succeed,
    /// Another attempt follows, after this pause.
    Retry(Duration),
    Fail,
    Abort,
    Ignore,
}

/// What an attempt says about the server of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Works,
    Fails,
    /// It fails, and is to be left alone for this long.
    Overloaded(Duration),
    /// It wants no events any more.
    Gone,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(status: Option<u16>) -> Report {
        Report {
            number: 1,
            started_at: Timestamp::UNIX_EPOCH,
            duration_ms: 12,
            status,
            error: None,
            retry_after_secs: None,
            aborts: false,
            request_headers: BTreeMap::new(),
            response_headers: None,
            response_body: None,
        }
    }

    fn made(report: Report) -> End {
        End::Made(Box::new(report))
    }

    #[test]
    fn only_statuses_from_200_to_299_are_a_success() {
        for (status, expected) in [
            (Some(200), Fate::Succeed),
            (Some(204), Fate::Succeed),
            (Some(199), Fate::Retry(Duration::from_secs(5))),
            (Some(301), Fate::Retry(Duration::from_secs(5))),
            (Some(308), Fate::Retry(Duration::from_secs(5))),
            (Some(400), Fate::Retry(Duration::from_secs(5))),
            (Some(410), Fate::Abort),
            (Some(500), Fate::Retry(Duration::from_secs(5))),
            (None, Fate::Retry(Duration::from_secs(5))),
        ] {
            assert_eq!(made(report(status)).fate(1, 0.0), expected, "{status:?}");
        }
    }

    #[test]
    fn a_server_may_ask_for_a_pause_or_for_no_more_attempts() {
        let asked = Report { retry_after_secs: Some(3_600), ..report(Some(503)) };
        let aborted = Report { aborts: true, ..report(Some(500)) };
        let taken = Report { aborts: true, ..report(Some(200)) };

        assert_eq!(made(asked).fate(1, 0.0), Fate::Retry(Duration::from_secs(3_600)));
        assert_eq!(made(aborted).fate(1, 0.0), Fate::Abort);
        assert_eq!(made(taken).fate(1, 0.0), Fate::Succeed);
    }

    #[test]
    fn the_tenth_failure_is_the_last_one() {
        assert_eq!(made(report(Some(500))).fate(9, 0.0), Fate::Retry(Duration::from_secs(86_400)));
        assert_eq!(made(report(Some(500))).fate(10, 0.0), Fate::Fail);
        assert_eq!(End::Unmade("WORKER_LOST".to_owned()).fate(10, 0.0), Fate::Fail);
        assert_eq!(End::Cancelled("CANCELLED".to_owned()).fate(1, 0.0), Fate::Abort);
        assert_eq!(End::Nothing.fate(1, 0.0), Fate::Ignore);
    }

    #[test]
    fn servers_that_are_overloaded_are_left_alone() {
        let asked = Report { retry_after_secs: Some(90), ..report(Some(429)) };
        for (report, expected) in [
            (report(Some(200)), Verdict::Works),
            (report(Some(410)), Verdict::Gone),
            (report(Some(502)), Verdict::Overloaded(THROTTLE)),
            (report(Some(504)), Verdict::Overloaded(THROTTLE)),
            (asked, Verdict::Overloaded(Duration::from_secs(90))),
            (report(Some(503)), Verdict::Fails),
            (report(None), Verdict::Fails),
        ] {
            assert_eq!(report.verdict(), expected, "{report:?}");
        }
    }
}
