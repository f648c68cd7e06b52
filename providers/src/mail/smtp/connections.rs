//! A pool of connections.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lettre::transport::smtp::{Error as SmtpError, client::AsyncSmtpConnection};
use tokio::time::Instant;

use super::server::Server;

/// How long a connection may be idle: less than the usual timeouts of servers.
const MAX_IDLE: Duration = Duration::from_secs(60);

/// Makes connections and pools those that are returned.
pub(super) struct Connections {
    server: Server,
    timeout: Duration,
    max_idle: usize,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl Connections {
    pub(super) fn new(server: Server, timeout: Duration, max_idle: usize) -> Self {
        Self { server, timeout, max_idle, idle: Mutex::default() }
    }

    /// A working connection: the most recently used one, or a new one.
    pub(super) async fn take(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        while let Some(mut connection) = self.pop() {
            if connection.test_connected().await {
                return Ok(connection);
            }
        }
        self.server.connect(self.timeout).await
    }

    /// Returns a connection to the pool, unless the pool is full.
    pub(super) fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.locked();
        if !connection.has_broken() && idle.len() < self.max_idle {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }

    fn pop(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.locked();
        idle.retain(|idle| idle.since.elapsed() < MAX_IDLE);
        idle.pop().map(|idle| idle.connection)
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
