//! The limits of connections.

use std::time::Duration;

/// What a client may hold.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// From the beginning of a connection, or of the headers of a later request, to the
    /// end of the headers.
    pub headers: Duration,
    /// From the end of an answer to the beginning of the next request.
    pub idle: Duration,
    /// While an answer is written and the client takes nothing of it.
    pub write: Duration,
    /// Connections at the same time. Further ones wait to be taken.
    pub connections: usize,
}
