//! Waiting for conditions.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tokio::time::{sleep, timeout};

/// How long a test waits for a condition.
const TIME_LIMIT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Calls `poll` until it returns a value, and returns that value.
///
/// # Panics
/// If there is no value within 30 seconds. The message contains `what`.
pub async fn until<T>(what: &str, poll: impl AsyncFn() -> Option<T>) -> T {
    poll_until(poll).await.unwrap_or_else(|| panic!("timed out waiting until {what}"))
}

/// Like [`until`], but returns `None` after 30 seconds.
pub(crate) async fn poll_until<T>(poll: impl AsyncFn() -> Option<T>) -> Option<T> {
    let found = async {
        loop {
            if let Some(found) = poll().await {
                return found;
            }
            sleep(POLL_INTERVAL).await;
        }
    };
    timeout(TIME_LIMIT, found).await.ok()
}

/// Waits until so many statements of a database of PostgreSQL wait for locks.
///
/// # Panics
/// If they are fewer for 30 seconds.
pub async fn until_statements_wait(db: &DatabaseConnection, count: usize) {
    let sql =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until(&format!("{count} statements wait for locks"), async || {
        let waiting = Statement::from_string(DbBackend::Postgres, sql);
        let found = db.query_all_raw(waiting).await.expect("an answer");
        (found.len() >= count).then_some(())
    })
    .await;
}

/// Returns as soon as an attempt takes less than `promised`.
///
/// On a busy machine some attempts are late. If the promise is broken, all of them are.
///
/// # Panics
/// If five attempts in a row took longer.
pub async fn in_time(promised: Duration, attempt: impl AsyncFn() -> Duration) {
    let mut late = Vec::new();
    while late.len() < 5 {
        let took = attempt().await;
        if took < promised {
            return;
        }
        late.push(took);
    }
    panic!("promised within {promised:?}, took {late:?}");
}
