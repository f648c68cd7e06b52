//! Connections that are kept for the next mail.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lettre::transport::smtp::{Error as SmtpError, client::AsyncSmtpConnection};
use tokio::time::Instant;

use super::server::Server;

/// How long a connection may lie idle: less than servers wait before they hang up.
const MOST_IDLE: Duration = Duration::from_secs(60);

/// Makes connections, and keeps those that are lent back.
pub(super) struct Connections {
    server: Server,
    timeout: Duration,
    most_idle: usize,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl Connections {
    pub(super) fn new(server: Server, timeout: Duration, most_idle: usize) -> Self {
        Self { server, timeout, most_idle, idle: Mutex::default() }
    }

    /// A connection that answers: the one that was used last, or another.
    pub(super) async fn take(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        while let Some(mut connection) = self.pop() {
            if connection.test_connected().await {
                return Ok(connection);
            }
        }
        self.server.connect(self.timeout).await
    }

    /// Keeps a connection for the next mail, unless there are enough.
    pub(super) fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.locked();
        if !connection.has_broken() && idle.len() < self.most_idle {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }

    fn pop(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.locked();
        idle.retain(|idle| idle.since.elapsed() < MOST_IDLE);
        idle.pop().map(|idle| idle.connection)
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
