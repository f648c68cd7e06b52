//! A server that takes deliveries of webhooks, and fails the first attempt of a third of them.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The header that names an event, the same in each attempt to deliver it.
const ID: &str = "webhook-id";

/// One in so many deliveries is refused once.
const FAILS: u64 = 3;

/// What came of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// Attempts that were refused, and those that were taken.
    pub(crate) refused: usize,
    pub(crate) taken: usize,
}

/// What came, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Deliveries of which an attempt came, and those of which one was taken.
    pub(crate) seen: usize,
    pub(crate) taken: usize,
    pub(crate) attempts: usize,
}

/// What came, by the keys of deliveries: the name of the subscription and the id of the event.
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

    /// What came, in numbers.
    pub(crate) fn counts(&self) -> Counts {
        let received = lock(&self.received);
        Counts {
            seen: received.len(),
            taken: received.values().filter(|one| one.taken > 0).count(),
            attempts: received.values().map(|one| one.refused + one.taken).sum(),
        }
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

async fn take(
    State(received): State<Shared>,
    Path(subscription): Path<String>,
    headers: HeaderMap,
) -> StatusCode {
    let Some(id) = headers.get(ID).and_then(|id| id.to_str().ok()) else { return StatusCode::BAD_REQUEST };
    let key = format!("{subscription}/{id}");
    let is_refused = is_refused_once(&key);
    let mut received = lock(&received);
    let one = received.entry(key).or_default();
    if is_refused && one.refused == 0 && one.taken == 0 {
        one.refused += 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    one.taken += 1;
    StatusCode::OK
}

/// Whether the first attempt of the delivery of that key is refused.
pub(crate) fn is_refused_once(key: &str) -> bool {
    // FNV-1a: the same in every process.
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
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
        let mut ids = (0..).map(|number| format!("msg_{number}"));
        let id = ids.find(|id| is_refused_once(&format!("one/{id}"))).expect("an id");
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let mut request = OutboundRequest::post_json(receiver.url("one"), &json!({"n": 1}));
            request.headers.push((ID.to_owned(), id.clone()));
            statuses.push(client.send_once(request).await.expect("a response").status);
        }

        assert_eq!(statuses, [500, 200, 200]);
        let received = receiver.received();
        assert_eq!(received[&format!("one/{id}")], Received { refused: 1, taken: 2 });
        assert_eq!(receiver.counts(), Counts { seen: 1, taken: 1, attempts: 3 });
    }
}
