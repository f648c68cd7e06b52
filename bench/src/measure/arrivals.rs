//! A load whose requests come by a clock, whether earlier ones were answered or not.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{self, Instant},
};

use super::load::{Connection, Request};

/// Connections, which are far more than the requests under way at a time.
const CONNECTIONS: usize = 64;

/// Time until the first request.
const LEAD: Duration = Duration::from_millis(100);

/// How the requests were answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answers {
    /// Milliseconds from the time at which a request was to be sent to its response, sorted. Only of requests
    /// that were answered with the wanted status.
    pub(super) millis: Vec<f64>,
    /// Requests that were answered otherwise, or not at all.
    pub(super) errors: usize,
}

/// Sends `rate` requests a second, each at its time, on the next free connection.
pub(super) async fn run(
    address: SocketAddr,
    requests: Vec<Request>,
    rate: f64,
    status: u16,
) -> anyhow::Result<Answers> {
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS.min(requests.len()) {
        connections.push(Connection::open(address).await?);
    }
    let begin = Instant::now() + LEAD;
    let mut callers = JoinSet::new();
    for connection in connections {
        let (requests, next) = (requests.clone(), next.clone());
        callers.spawn(async move {
            let mut caller = Caller { address, connection: Some(connection), answers: Answers::default() };
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = requests.get(number) else { return caller.answers };
                let due = begin + Duration::from_secs_f64(number as f64 / rate);
                time::sleep_until(due).await;
                caller.send(request, due, status).await;
            }
        });
    }
    let mut all = Answers::default();
    while let Some(ended) = callers.join_next().await {
        let answers = ended?;
        all.millis.extend(answers.millis);
        all.errors += answers.errors;
    }
    all.millis.sort_by(f64::total_cmp);
    Ok(all)
}

struct Caller {
    address: SocketAddr,
    /// None after an error.
    connection: Option<Connection>,
    answers: Answers,
}

impl Caller {
    async fn send(&mut self, request: &Request, due: Instant, status: u16) {
        match self.exchange(request).await {
            Ok(answered) if answered == status => {
                self.answers.millis.push(due.elapsed().as_secs_f64() * 1_000.0);
            }
            outcome => {
                tracing::debug!(?outcome, "a request failed");
                self.answers.errors += 1;
            }
        }
    }

    async fn exchange(&mut self, request: &Request) -> anyhow::Result<u16> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address).await?,
        };
        let response = connection.send(request).await?;
        self.connection = Some(connection);
        Ok(response.status)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::measure::load;

    /// Answers each connection once with 202, and closes it.
    async fn serve_once_each() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut asked = [0; 1_024];
                    if stream.read(&mut asked).await.is_ok_and(|count| count > 0) {
                        let text = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
                        stream.write_all(text).await.expect("written");
                    }
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn counts_answers_of_another_status_as_errors_and_goes_on() {
        let address = serve_once_each().await;
        let requests = vec![load::request("POST", "/", &[], "{}"); 20];

        let answers = run(address, requests.clone(), 1_000.0, 202).await.expect("answers");
        assert_eq!((answers.millis.len(), answers.errors), (20, 0));
        let answers = run(address, requests, 1_000.0, 200).await.expect("answers");
        assert_eq!((answers.millis.len(), answers.errors), (0, 20));
    }

    #[tokio::test]
    async fn a_closed_connection_costs_its_request_and_is_opened_again() {
        let address = serve_once_each().await;
        let requests = vec![load::request("POST", "/", &[], "{}"); CONNECTIONS + 3];

        let answers = run(address, requests, 10_000.0, 202).await.expect("answers");

        assert_eq!(answers.millis.len() + answers.errors, CONNECTIONS + 3);
        assert!(answers.millis.len() >= CONNECTIONS, "{answers:?}");
    }
}
