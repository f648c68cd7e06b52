//! The HTTP server.

use std::time::Duration;

use atelier_builder::deployments::Deployments;
use atelier_ops::connections;
use tokio::{net::TcpListener, sync::oneshot, time};

use crate::{app::router, state::ApiState};

/// How often the views of published sites are written. A process that crashes loses the
/// views of this interval.
const VIEWS_INTERVAL: Duration = Duration::from_secs(1);

/// Serves the API on `listener` until the shutdown of `state` begins; then accepts no new
/// connection, ends idle ones and event streams, and returns when the running requests are
/// answered. Limit the wait by the shutdown's grace period.
pub async fn serve(listener: TcpListener, state: ApiState) {
    let (limits, drain) = (state.options.connections, state.shutdown.token());
    let deployments = state.services.builder.deployments.clone();
    let (serving_done, done) = oneshot::channel();
    let serving = async {
        connections::serve(listener, router(state), limits, drain).await;
        drop(serving_done);
    };
    tokio::join!(serving, write_views(&deployments, done));
}

async fn write_views(deployments: &Deployments, mut done: oneshot::Receiver<()>) {
    while time::timeout(VIEWS_INTERVAL, &mut done).await.is_err() {
        deployments.write_views().await;
    }
    deployments.write_views().await;
}
