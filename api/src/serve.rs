//! The server's loop.

use atelier_ops::connections;
use tokio::net::TcpListener;

use crate::app::{ApiState, router};

/// Serves the API on `listener` until the shutdown of `state` begins; then takes no
/// new connection, ends idle ones and event streams, and returns when the running
/// requests are answered. Bound the wait with the shutdown's grace.
pub async fn serve(listener: TcpListener, state: ApiState) {
    let (limits, drain) = (state.options.connections, state.shutdown.token());
    connections::serve(listener, router(state), limits, drain).await;
}
