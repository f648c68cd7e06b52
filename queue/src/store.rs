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
pub(crate) mod turns;
pub(crate) mod window;

use std::time::Duration;

use atelier_entities::JobId;
use sea_orm::{DbErr, RuntimeErr, sqlx};
use tokio::time;

use crate::{error::QueueError, transient::Transient};

/// Longest time any one step with the database may take, whatever became of its
/// connection.
const BOUND: Duration = Duration::from_secs(10);

/// Holds for jobs that are due and wait for a worker. The index of dispatch goes by the
/// phase ([`JobState::phase`]) and has what runs too. Of two conditions that both hold for
/// few jobs PostgreSQL expects that next to none meets both, so the second names the state
/// that a job is not in.
///
/// [`JobState::phase`]: atelier_entities::JobState::phase
pub(crate) const WAITING: &str = "jobs.phase = 1 AND jobs.state <> 'running'";

/// Holds for jobs that are due later.
pub(crate) const UNDUE: &str = "jobs.phase = 0";

/// Holds for jobs that have not ended.
pub(crate) const UNFINISHED: &str = "jobs.phase < 2";

/// Holds for jobs that succeeded, as the index of ended jobs has them.
pub(crate) const SUCCEEDED: &str = "jobs.phase = 2 AND jobs.finished_at IS NOT NULL";

/// Holds for jobs that failed, as the index of ended jobs has them.
pub(crate) const FAILED: &str = "jobs.phase = 3 AND jobs.finished_at IS NOT NULL";

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
            let late = RuntimeErr::Internal(format!("no answer within {} s", BOUND.as_secs()));
            Err(DbErr::Conn(late).into())
        }
    }
}

/// Whether the database answered, and answered no: another time may be as bad, and
/// other statements may well work. One that is full or locked refuses every statement.
pub(crate) fn refused(error: &QueueError) -> bool {
    if Transient::of(error).is_some() {
        return false;
    }
    let QueueError::Database(
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)),
    ) = error
    else {
        return false;
    };
    matches!(&**error, sqlx::Error::Database(_) | sqlx::Error::Encode(_))
}

#[cfg(test)]
mod tests {
    use atelier_entities::JobState;

    use super::*;

    #[test]
    fn conditions_hold_for_the_phases_they_speak_of() {
        let equals = |state: JobState| format!("jobs.phase = {}", state.phase());

        assert_eq!(WAITING, format!("{} AND jobs.state <> 'running'", equals(JobState::Available)));
        assert_eq!(JobState::Available.phase(), JobState::Running.phase());
        assert_eq!(UNDUE, equals(JobState::Scheduled));
        assert_eq!(UNDUE, equals(JobState::Retrying));
        for (ended, state) in [(SUCCEEDED, JobState::Succeeded), (FAILED, JobState::Failed)] {
            assert_eq!(ended, format!("{} AND jobs.finished_at IS NOT NULL", equals(state)));
        }
        for state in JobState::ALL {
            assert_eq!(state.phase() < 2, !state.is_terminal(), "{state}");
        }
    }
}
