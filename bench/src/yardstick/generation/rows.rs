//! The values of the rows that a generation's request writes.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::yardstick::views::{self, Job};

/// Versions that a project may have.
pub(super) const MOST_VERSIONS: i64 = 1_000;

/// Distance in rank between two waiting jobs of one owner: the timeout of a generation in
/// milliseconds.
pub(super) const TURN_MILLIS: i64 = 600_000;

pub(super) const KIND: &str = "generation.run";
pub(super) const QUEUE: &str = "generation";
pub(super) const LANE: i16 = 1;
pub(super) const MAX_ATTEMPTS: i32 = 3;

/// How much effort is paid for.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    #[default]
    Quick,
    Advanced,
}

impl Mode {
    /// Name, price and description of the credit entry.
    const fn terms(self) -> (&'static str, i64, &'static str) {
        match self {
            Self::Quick => ("quick", 2, "Quick generation"),
            Self::Advanced => ("advanced", 4, "Advanced generation"),
        }
    }
}

/// The values of the rows that are written.
pub(super) struct Rows {
    pub(super) now: DateTime<Utc>,
    pub(super) user: Uuid,
    pub(super) project: Uuid,
    pub(super) job: Uuid,
    pub(super) unique_key: String,
    pub(super) args: Value,
    pub(super) trace_parent: String,
    pub(super) request_id: String,
    pub(super) entry: Uuid,
    pub(super) price: i64,
    pub(super) description: &'static str,
    pub(super) audit: Uuid,
    pub(super) target: String,
    pub(super) ip: String,
    pub(super) context: Value,
}

impl Rows {
    pub(super) fn new(user: Uuid, project: Uuid, (mode, prompt): (Mode, Option<&str>), ip: IpAddr) -> Self {
        let (mode, price, description) = mode.terms();
        let now = Utc::now();
        let job = Uuid::now_v7();
        let mut args = json!({"project_id": project, "mode": mode});
        if let Some(prompt) = prompt {
            args["prompt"] = prompt.into();
        }
        Self {
            // Whole microseconds are what both databases keep.
            now: DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now),
            user,
            project,
            job,
            unique_key: format!("generation:{project}"),
            args,
            trace_parent: trace_parent(),
            request_id: Uuid::now_v7().to_string(),
            entry: Uuid::now_v7(),
            price,
            description,
            audit: Uuid::now_v7(),
            target: format!("project:{project}"),
            ip: ip.to_string(),
            context: json!({"job": job, "mode": mode, "credits": price}),
        }
    }

    pub(super) fn into_job(self) -> Job {
        Job {
            id: self.job,
            kind: KIND.to_owned(),
            queue: QUEUE.to_owned(),
            status: "available".to_owned(),
            lane: views::lane(LANE),
            subject_id: Some(self.project),
            attempt: 0,
            max_attempts: MAX_ATTEMPTS,
            revision: 1,
            progress: None,
            result: None,
            error: None,
            run_at: self.now,
            created_at: self.now,
            started_at: None,
            finished_at: None,
            cancel_requested_at: None,
            updated_at: self.now,
        }
    }
}

/// W3C traceparent of a trace that begins with the request and is not sampled.
fn trace_parent() -> String {
    format!("00-{:032x}-{:016x}-00", rand::random::<u128>(), rand::random::<u64>())
}
