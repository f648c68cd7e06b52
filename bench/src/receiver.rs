//! A server that takes deliveries of webhooks, and fails the first attempt of a third of them.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The header that names a delivery, the same in each of its attempts.
const ID: &str = "webhook-id";

/// One in so many deliveries is refused once.
const FAILS: u64 = 3;

/// What came of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// Attempts that were refused, and those that were taken.
    pub(crate) refused: usize,
    pub(crate) taken: usize,
    /// The body of the last attempt.
    pub(crate) body: Bytes,
}

/// What came, by the ids of deliveries.
type Shared = Arc<Mutex<HashMap<String, Received>>>;

/// A server on a port of 127.0.0.1, until it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    received: Shared,
    server: JoinHandle<()>,
}

impl Receiver {
    /// Starts it.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port for deliveries")?;
        let address = listener.local_addr()?;
        let received = Shared::default();
        let router = Router::new().route("/{subscription}", post(take)).with_state(received.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the server of deliveries has ended");
            }
        });
        Ok(Self { address, received, server })
    }

    /// The address of a subscription of that name.
    pub(crate) fn url(&self, subscription: &str) -> String {
        format!("http://{}/{subscription}", self.address)
    }

    /// Deliveries of which an attempt was taken, and all attempts.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let received = lock(&self.received);
        let attempts = received.values().map(|one| one.refused + one.taken).sum();
        (received.values().filter(|one| one.taken > 0).count(), attempts)
    }

    /// Everything that came.
    pub(crate) fn received(&self) -> HashMap<String, Received> {
        lock(&self.received).clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(received: &Shared) -> MutexGuard<'_, HashMap<String, Received>> {
    received.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn take(State(received): State<Shared>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Some(id) = headers.get(ID).and_then(|id| id.to_str().ok()) else { return StatusCode::BAD_REQUEST };
    let mut received = lock(&received);
    let one = received.entry(id.to_owned()).or_default();
    one.body = body;
    if is_refused_once(id) && one.refused == 0 && one.taken == 0 {
        one.refused += 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    one.taken += 1;
    StatusCode::OK
}

/// Whether the first attempt of the delivery of that id is refused.
pub(crate) fn is_refused_once(id: &str) -> bool {
    // FNV-1a: the same in every process.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32).is_multiple_of(FAILS)
}

#[cfg(test)]
mod tests {
    use atelier_providers::http::{GuardedClient, HttpOptions, OutboundRequest};
    use serde_json::json;

    use super::*;

    #[test]
    fn about_a_third_is_refused_once() {
        let refused = (0..3_000).filter(|number| is_refused_once(&format!("msg_{number}"))).count();
        assert!((900..1_100).contains(&refused), "{refused}");
    }

    #[tokio::test]
    async fn takes_the_second_attempt_of_what_it_refused() {
        let receiver = Receiver::start().await.expect("a receiver");
        let options = HttpOptions { allow_private_addresses: true, ..HttpOptions::default() };
        let client = GuardedClient::new(options).expect("a client");
        let id = (0..).map(|number| format!("msg_{number}")).find(|id| is_refused_once(id)).expect("an id");
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let mut request = OutboundRequest::post_json(receiver.url("one"), &json!({"n": 1}));
            request.headers.push((ID.to_owned(), id.clone()));
            statuses.push(client.send_once(request).await.expect("a response").status);
        }

        assert_eq!(statuses, [500, 200, 200]);
        let received = receiver.received();
        assert_eq!(received[&id], Received { refused: 1, taken: 2, body: Bytes::from("{\"n\":1}") });
        assert_eq!(receiver.counts(), (1, 3));
    }
}
