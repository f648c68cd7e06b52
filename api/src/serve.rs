//! The server's loop.

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;

use crate::app::{ApiState, router};

/// Serves the API on `listener` until the shutdown of `state` begins; then takes no
/// new connection, ends event streams, and returns when the running requests are
/// answered. Bound the wait with the shutdown's grace.
///
/// # Errors
/// What the system said of the listener.
pub async fn serve(listener: TcpListener, state: ApiState) -> io::Result<()> {
    let shutdown = state.shutdown.clone();
    let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(async move { shutdown.draining().await }).await
}
