//! The request of a generation: the price is taken, the project is marked, and the job, the
//! entry of the credits and that of the audit are written, all or nothing.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sea_orm::sqlx;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    database::Database,
    views::{self, Job},
};

mod at_once;
mod in_turn;

/// Most characters of a prompt.
const LONGEST_PROMPT: usize = 5_000;

/// Versions that a project may have.
const MOST_VERSIONS: i64 = 1_000;

/// Milliseconds by which each job of the person that waits puts the next one back: the
/// longest time that a generation may take.
const TURN_MILLIS: i64 = 600_000;

const KIND: &str = "generation.run";
const QUEUE: &str = "generation";
const LANE: i16 = 1;
const MAX_ATTEMPTS: i32 = 3;

/// How to generate.
#[derive(Deserialize)]
pub(super) struct GenerateInput {
    #[serde(default)]
    mode: Mode,
    prompt: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Quick,
    Advanced,
}

impl Mode {
    /// Name, price and what the credits' entry says.
    const fn terms(self) -> (&'static str, i64, &'static str) {
        match self {
            Self::Quick => ("quick", 2, "Quick generation"),
            Self::Advanced => ("advanced", 4, "Advanced generation"),
        }
    }
}

/// How many statements write the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statements {
    /// One for each table, in a transaction.
    InTurn,
    /// One for all of them, where the database has such statements.
    AtOnce,
}

/// What became of the request.
pub(super) enum Outcome {
    Started(Box<Job>),
    InvalidInput,
    /// There is no such project, one of it is under way, or the credits do not reach.
    Refused,
}

/// The values of the rows that are written.
struct Rows {
    now: DateTime<Utc>,
    user: Uuid,
    project: Uuid,
    job: Uuid,
    unique_key: String,
    args: Value,
    trace_parent: String,
    request_id: String,
    entry: Uuid,
    price: i64,
    description: &'static str,
    audit: Uuid,
    target: String,
    ip: String,
    context: Value,
}

/// Starts a generation of that person's project.
pub(super) async fn start(
    (database, by): (&Database, Statements),
    (user, project): (Uuid, Uuid),
    input: &GenerateInput,
    ip: IpAddr,
) -> sqlx::Result<Outcome> {
    if input.prompt.as_ref().is_some_and(|prompt| prompt.chars().count() > LONGEST_PROMPT) {
        return Ok(Outcome::InvalidInput);
    }
    let rows = Rows::new(user, project, input, ip);
    let written = match (by, database) {
        (Statements::AtOnce, Database::Postgres(pool)) => at_once::write(pool, &rows).await,
        _ => in_turn::write(database, &rows).await,
    };
    match written {
        Ok(true) => Ok(Outcome::Started(Box::new(rows.into_job()))),
        Ok(false) => Ok(Outcome::Refused),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(Outcome::Refused),
        Err(error) => Err(error),
    }
}

impl Rows {
    fn new(user: Uuid, project: Uuid, input: &GenerateInput, ip: IpAddr) -> Self {
        let (mode, price, description) = input.mode.terms();
        let now = Utc::now();
        let job = Uuid::now_v7();
        let mut args = json!({"project_id": project, "mode": mode});
        if let Some(prompt) = &input.prompt {
            args["prompt"] = prompt.as_str().into();
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

    fn into_job(self) -> Job {
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
