//! The only SQL on jobs. Every statement works on batches, and reads the same on SQLite
//! and PostgreSQL but for row locks, lists of ids, and a claim, which is one statement on
//! PostgreSQL and a transaction on SQLite.

pub(crate) mod claim;
pub(crate) mod finish;
pub(crate) mod insert;
pub(crate) mod lease;
pub(crate) mod progress;
pub(crate) mod spacing;
pub(crate) mod sql;
pub(crate) mod table;
pub(crate) mod window;

use std::time::Duration;

use atelier_entities::JobId;
use sea_orm::{DbErr, RuntimeErr, sqlx};
use tokio::time;

use crate::error::QueueError;

/// Longest time any one step with the database may take, whatever became of its
/// connection.
const BOUND: Duration = Duration::from_secs(10);

/// The last job that a step of many looked at and what came of the step; none where
/// there was nothing left.
pub(crate) type Step<T> = Option<(JobId, Result<T, QueueError>)>;

/// The step's answer, or an error once it has taken too long.
pub(crate) async fn bounded<T, E>(step: impl Future<Output = Result<T, E>>) -> Result<T, QueueError>
where
    QueueError: From<E>,
{
    match time::timeout(BOUND, step).await {
        Ok(answer) => answer.map_err(QueueError::from),
        Err(_late) => {
            let message = format!("no answer within {} s", BOUND.as_secs());
            Err(DbErr::Custom(message).into())
        }
    }
}

/// Whether the database answered, and answered no: another time may be as bad, and
/// other statements may well work.
pub(crate) fn refused(error: &QueueError) -> bool {
    let QueueError::Database(
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)),
    ) = error
    else {
        return false;
    };
    matches!(&**error, sqlx::Error::Database(_) | sqlx::Error::Encode(_))
}
