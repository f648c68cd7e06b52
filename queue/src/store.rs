//! What the statements on jobs are built from. Statements work on batches. Their text is the
//! same on SQLite and PostgreSQL but for row locks, lists of ids, and a claim, which is one
//! statement on PostgreSQL and a transaction on SQLite.

pub(crate) mod removal;
pub(crate) mod sql;
pub(crate) mod table;
pub(crate) mod turns;
pub(crate) mod window;

use std::time::Duration;

use atelier_entities::JobId;
use sea_orm::{DbErr, RuntimeErr, sqlx};
use tokio::time;

use crate::{error::QueueError, transient::Transient};

/// Longest time of a step with the database, even if its connection hangs.
const BOUND: Duration = Duration::from_secs(10);

/// True for jobs that are due and wait for a worker. The dispatch index is by phase
/// ([`JobState::phase`]) and contains running jobs too. The second condition excludes a
/// state, since PostgreSQL would multiply two low selectivities and expect no rows.
///
/// [`JobState::phase`]: atelier_entities::JobState::phase
pub(crate) const WAITING: &str = "jobs.phase = 1 AND jobs.state <> 'running'";

/// True for jobs that are due later.
pub(crate) const UNDUE: &str = "jobs.phase = 0";

/// True for jobs that have not ended.
pub(crate) const UNFINISHED: &str = "jobs.phase < 2";

/// True for jobs that succeeded; the index of ended jobs covers it.
pub(crate) const SUCCEEDED: &str = "jobs.phase = 2 AND jobs.finished_at IS NOT NULL";

/// True for jobs that failed; the index of ended jobs covers it.
pub(crate) const FAILED: &str = "jobs.phase = 3 AND jobs.finished_at IS NOT NULL";

/// The last job of a step and the result of the step; none where no jobs were left.
pub(crate) type Step<T> = Option<(JobId, Result<T, QueueError>)>;

/// The result of the step, or an error once it has taken too long.
pub(crate) async fn bounded<T, E>(step: impl Future<Output = Result<T, E>>) -> Result<T, QueueError>
where
    QueueError: From<E>,
{
    answered(async { step.await.map_err(QueueError::from) }).await
}

/// The result of the step with the database, or an error of its connection after 10 s without one: a connection
/// whose packets are lost never answers.
///
/// # Errors
/// Those of the step.
pub async fn answered<T, E: From<DbErr>>(step: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    time::timeout(BOUND, step).await.unwrap_or_else(|_late| {
        let late = RuntimeErr::Internal(format!("no answer within {} s", BOUND.as_secs()));
        Err(DbErr::Conn(late).into())
    })
}

/// Whether the database refused this statement. A repetition is refused too, but other
/// statements may succeed. A database that is full or locked refuses every statement.
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

/// Whether one job of a batch may have failed, by its effect or by what is written for it, so
/// that the others may succeed without it.
pub(crate) fn fails_alone(error: &QueueError) -> bool {
    matches!(error, QueueError::Effect { .. }) || refused(error)
}

#[cfg(test)]
mod tests {
    use atelier_entities::JobState;

    use super::*;

    #[test]
    fn conditions_match_the_phases_of_their_states() {
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
