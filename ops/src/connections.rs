//! HTTP connections: their number, their time limits and how they are closed.

mod body;
mod head;
mod limits;
mod stream;
#[cfg(test)]
mod tests;
mod timer;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    response::Response,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time,
};
use tokio_util::sync::CancellationToken;
use tower::Service;

use body::MonitoredBody;
pub use head::HeadFault;
pub use limits::ConnectionLimits;
use stream::MonitoredStream;
use timer::{ConnectionTimer, LAST_WAIT};

/// The wait after a failed accept, for instance because no file descriptor is left.
const PAUSE: Duration = Duration::from_secs(1);
/// The time between two warnings that no further connection is accepted.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);
/// The time for a refused client to finish what it sends.
const LINGER: Duration = Duration::from_secs(5);

/// Serves HTTP/1 on `listener` until `drain` is cancelled. Then it accepts no new
/// connection, closes those without a request, and returns once the running requests are
/// answered. Dropping the future closes all connections at once. Handlers get the address
/// of the client as [`ConnectInfo`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    drain: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let mut warned = None;
    let mut open = JoinSet::new();
    loop {
        let accepted = drain.run_until_cancelled(accept(&listener, &permits, &mut warned)).await.flatten();
        let Some((stream, client, permit)) = accepted else { break };
        while open.try_join_next().is_some() {}
        let (router, drain) = (router.clone(), drain.clone());
        open.spawn(async move {
            serve_connection(stream, client, router, limits, drain).await;
            drop(permit);
        });
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

/// Accepts the next connection, once the number of connections allows one more.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    warned: &mut Option<Instant>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    if permits.available_permits() == 0 && warned.is_none_or(|at| at.elapsed() > WARNING_INTERVAL) {
        tracing::warn!("server.max_connections is reached: further connections wait");
        *warned = Some(Instant::now());
    }
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, client)) => return Some((stream, client, permit)),
            Err(error) if is_client_abort(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept a connection");
                time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether the client closed a connection before it was accepted.
fn is_client_abort(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn serve_connection(
    stream: TcpStream,
    client: SocketAddr,
    router: Router,
    limits: ConnectionLimits,
    drain: CancellationToken,
) {
    let timer = ConnectionTimer::new(limits);
    let stream = MonitoredStream::new(stream, timer.clone(), limits.write);
    let mut connection = http1::Builder::new()
        .timer(timer.clone())
        .header_read_timeout(limits.idle)
        .max_header_size(head::MAX_PARSED)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(|request| answer(&router, client, &timer, request)),
        );
    let mut check = std::pin::pin!(time::sleep(Duration::ZERO));
    let mut draining = None;
    let is_refused = loop {
        tokio::select! {
            biased;
            ended = &mut connection => break ended.is_err_and(|error| {
                tracing::debug!(%error, "a connection was closed early");
                error.is_parse()
            }),
            () = check.as_mut() => {
                let now = Instant::now();
                let left = draining.map_or_else(|| timer.left(now), |at| timer.left_in_drain(now, at));
                let Some(left) = left else { return };
                check.as_mut().reset(time::Instant::now() + left);
            }
            () = drain.cancelled(), if draining.is_none() => {
                draining = Some(Instant::now());
                std::pin::Pin::new(&mut connection).graceful_shutdown();
                check.as_mut().reset(time::Instant::now() + LAST_WAIT);
            }
        }
    };
    if is_refused || timer.has_unread() {
        let longest = if drain.is_cancelled() { LAST_WAIT } else { LINGER };
        connection.into_parts().io.into_inner().linger(longest).await;
    }
}

async fn answer(
    router: &Router,
    client: SocketAddr,
    timer: &ConnectionTimer,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    if let Some(fault) = head::fault(&request) {
        request.extensions_mut().insert(fault);
    }
    request.extensions_mut().insert(ConnectInfo(client));
    let request = request.map(|body| MonitoredBody::new(body, timer.clone()));
    router.clone().call(request).await
}
