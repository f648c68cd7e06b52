//! The limits of connections.

use std::time::Duration;

/// The limits of the connections of a server.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// The time from the start of a connection, or of the headers of a later request, to
    /// the end of the headers.
    pub headers: Duration,
    /// The time from the end of a response to the start of the next request.
    pub idle: Duration,
    /// The time in which the client reads nothing of a response.
    pub write: Duration,
    /// Open connections. Further ones wait to be accepted.
    pub connections: usize,
}
