//! The request of a generation: charges the account, marks the project, and inserts the job,
//! the credit entry and the audit entry, all in one transaction.

use std::net::IpAddr;

use sea_orm::sqlx;
use serde::Deserialize;
use uuid::Uuid;

use super::{database::Database, views::Job};

mod at_once;
mod in_turn;
mod rows;

use rows::{Mode, Rows};

/// Most characters of a prompt.
const LONGEST_PROMPT: usize = 5_000;

/// How to generate.
#[derive(Deserialize)]
pub(super) struct GenerateInput {
    #[serde(default)]
    mode: Mode,
    prompt: Option<String>,
}

/// How many statements write the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statements {
    /// One for each table, in a transaction.
    InTurn,
    /// One for all of them, where the database has such statements.
    AtOnce,
}

/// The outcome of a request.
pub(super) enum Outcome {
    Started(Box<Job>),
    InvalidInput,
    /// There is no such project, it has a generation under way or too many versions, or the
    /// credits do not suffice.
    Refused,
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
    let rows = Rows::new(user, project, (input.mode, input.prompt.as_deref()), ip);
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
