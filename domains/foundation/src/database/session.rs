//! The settings of every PostgreSQL session.
//!
//! They are set by statements and not in the startup packet, since poolers refuse or
//! silently drop startup parameters that they do not know.

use std::time::Duration;

use sea_orm::sqlx::{self, AssertSqlSafe, PgConnection, Row};

/// The application name that PostgreSQL shows to operators.
pub(super) const APPLICATION: &str = "atelier";

/// TCP keepalives, by which the server notices a dead client within half a minute. Unix
/// sockets have none.
const KEEPALIVES: [(&str, u16); 3] =
    [("tcp_keepalives_idle", 15), ("tcp_keepalives_interval", 5), ("tcp_keepalives_count", 3)];

/// The isolation level. Transactions rely on locks and on data committed before each
/// statement, so the default of the database does not apply.
const ISOLATION: &str = "default_transaction_isolation";
const READ_COMMITTED: &str = "read committed";

/// The time limits of a session, in milliseconds. By the second one the server ends a
/// session whose client is dead, and releases the locks of its transaction: others would
/// wait for them until TCP notices, after hours.
fn bounds(statement: Duration) -> [(&'static str, u128); 2] {
    let millis = statement.as_millis();
    [("statement_timeout", millis), ("idle_in_transaction_session_timeout", millis)]
}

/// The statements that set up a session and then list the settings that it did not keep, in
/// one round trip. They also drop statements that the last client of a pooler prepared,
/// since the names may be the same.
pub(super) fn script(statement: Duration) -> String {
    let bounds = bounds(statement);
    let set = bounds.iter().map(|(name, millis)| format!("SET {name} = {millis};"));
    let kept_alive = KEEPALIVES.iter().map(|(name, value)| format!("SET {name} = {value};"));
    let wanted: Vec<String> =
        bounds.iter().map(|(name, millis)| format!("('{name}', interval '{millis} ms')")).collect();
    let set: String = set.chain(kept_alive).collect();
    format!(
        "{set} SET {ISOLATION} = '{READ_COMMITTED}'; DEALLOCATE ALL; \
         SELECT name FROM (VALUES {}) AS wanted (name, value) \
         WHERE current_setting(name)::interval <> value \
         UNION ALL SELECT '{ISOLATION}' WHERE current_setting('{ISOLATION}') <> '{READ_COMMITTED}'",
        wanted.join(", ")
    )
}

/// Sets up a session with [`script`]. Fails if it did not keep a setting.
pub(super) async fn set_up(held: &mut PgConnection, script: &str) -> Result<(), sqlx::Error> {
    let lost = sqlx::raw_sql(AssertSqlSafe(script)).fetch_all(held).await?;
    let lost = lost.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
    if lost.is_empty() {
        return Ok(());
    }
    Err(sqlx::Error::Configuration(format!("the session did not keep {}", lost.join(" and ")).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_bounded_and_asked_what_it_kept() {
        let script = script(Duration::from_millis(1_500));

        for part in [
            "SET statement_timeout = 1500;",
            "SET idle_in_transaction_session_timeout = 1500;",
            "SET tcp_keepalives_idle = 15;",
            "('statement_timeout', interval '1500 ms')",
            "SET default_transaction_isolation = 'read committed';",
        ] {
            assert!(script.contains(part), "{part} is not in {script}");
        }
    }
}
