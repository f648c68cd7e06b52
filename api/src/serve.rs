//! The server's loop.

use std::time::Duration;

use atelier_ops::connections;
use atelier_services::deployments::Deployments;
use tokio::{net::TcpListener, sync::oneshot, time};

use crate::{app::router, state::ApiState};

/// Between two times that views of published sites are written. A process that dies
/// loses those of this time.
const VIEWS_INTERVAL: Duration = Duration::from_secs(1);

/// Serves the API on `listener` until the shutdown of `state` begins; then takes no
/// new connection, ends idle ones and event streams, and returns when the running
/// requests are answered. Bound the wait with the shutdown's grace.
pub async fn serve(listener: TcpListener, state: ApiState) {
    let (limits, drain) = (state.options.connections, state.shutdown.token());
    let deployments = state.services.deployments.clone();
    let (served, ended) = oneshot::channel();
    let serving = async {
        connections::serve(listener, router(state), limits, drain).await;
        drop(served);
    };
    tokio::join!(serving, write_views(&deployments, ended));
}

async fn write_views(deployments: &Deployments, mut ended: oneshot::Receiver<()>) {
    while time::timeout(VIEWS_INTERVAL, &mut ended).await.is_err() {
        deployments.write_views().await;
    }
    deployments.write_views().await;
}
