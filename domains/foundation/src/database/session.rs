//! What every session with PostgreSQL is told once it is open.
//!
//! It is told in statements and not in the packet that opens the connection: poolers
//! refuse the parameters there that they do not know, or drop them without a word.

use std::time::Duration;

use sea_orm::sqlx::{self, AssertSqlSafe, PgConnection, Row};

/// How PostgreSQL shows the connection to its operators.
pub(super) const APPLICATION: &str = "atelier";

/// What makes the server notice within half a minute that a client is gone without a
/// word. A connection over a Unix socket has none of it.
const KEEPALIVES: [(&str, u16); 3] =
    [("tcp_keepalives_idle", 15), ("tcp_keepalives_interval", 5), ("tcp_keepalives_count", 3)];

/// Transactions go by locks, and by what is committed when a statement begins, whatever the
/// database prefers.
const ISOLATION: &str = "default_transaction_isolation";
const READ_COMMITTED: &str = "read committed";

/// What bounds a session, in milliseconds. The second makes the server give up a session
/// whose client is gone without a word, and with it the locks of its transaction: others
/// would wait for them until TCP notices, after hours.
fn bounds(statement: Duration) -> [(&'static str, u128); 2] {
    let millis = statement.as_millis();
    [("statement_timeout", millis), ("idle_in_transaction_session_timeout", millis)]
}

/// The statements that set a session up and then list what it did not keep, for one
/// round trip. What a pooler's last client prepared is dropped too: its names are ours.
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

/// Sets a session up by [`script`], or fails where it did not keep a bound.
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
