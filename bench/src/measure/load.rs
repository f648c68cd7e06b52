//! A load generator: HTTP/1.1 over persistent connections. It is as simple as possible, since
//! it shares the machine with what it measures.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use super::figures::percentile;

/// The bytes of a request.
pub(super) type Request = Arc<[u8]>;

/// The requests of one caller, one after the other.
pub(super) type Requests = Box<dyn Iterator<Item = Request> + Send>;

/// Composes a request.
pub(super) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: bench\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if method != "GET" {
        text.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes().into()
}

/// A response.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Response {
    /// A header's value, by its name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A persistent connection.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Opens it.
    pub(super) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and waits for the whole response.
    pub(super) async fn send(&mut self, request: &[u8]) -> anyhow::Result<Response> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (head, status, end) = loop {
            self.read_more().await?;
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(self.buffer.get(..end).unwrap_or_default()).into_owned();
                let status = head.get(9..12).and_then(|code| code.parse().ok()).context("no status")?;
                break (head, status, end + 4);
            }
        };
        let length: usize = match header(&head, "content-length") {
            Some(length) => length.parse()?,
            None if matches!(status, 204 | 304) => 0,
            None => bail!("a response without a length"),
        };
        while self.buffer.len() < end + length {
            self.read_more().await?;
        }
        let body = self.buffer.get(end..end + length).unwrap_or_default().to_vec();
        Ok(Response { status, head, body })
    }

    async fn read_more(&mut self) -> anyhow::Result<()> {
        ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the connection was closed");
        Ok(())
    }
}

/// How the requests of a load were answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoadResult {
    /// Requests answered in a second.
    pub(super) per_second: f64,
    /// Milliseconds within which half of them were answered.
    pub(super) p50_ms: f64,
    /// Milliseconds within which 99 of 100 were answered.
    pub(super) p99_ms: f64,
}

/// Sends the requests of each caller on a connection of its own, until they are sent or the
/// time is over. Every response must have that status.
pub(super) async fn run(
    address: SocketAddr,
    callers: Vec<Requests>,
    during: Option<Duration>,
    status: u16,
) -> anyhow::Result<LoadResult> {
    let mut connections = Vec::new();
    for requests in callers {
        connections.push((Connection::open(address).await?, requests));
    }
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for (connection, requests) in connections {
        callers.spawn(call(connection, requests, during.map(|during| begun + during), status));
    }
    let mut waits = Vec::new();
    while let Some(ended) = callers.join_next().await {
        waits.extend(ended??);
    }
    let took = begun.elapsed().as_secs_f64();
    waits.sort_by(f64::total_cmp);
    Ok(LoadResult {
        per_second: waits.len() as f64 / took,
        p50_ms: percentile(&waits, 0.5),
        p99_ms: percentile(&waits, 0.99),
    })
}

async fn call(
    mut connection: Connection,
    requests: Requests,
    until: Option<Instant>,
    status: u16,
) -> anyhow::Result<Vec<f64>> {
    let mut waits = Vec::new();
    for request in requests {
        let begun = Instant::now();
        if until.is_some_and(|until| begun >= until) {
            break;
        }
        let answer = connection.send(&request).await?;
        waits.push(begun.elapsed().as_secs_f64() * 1_000.0);
        ensure!(
            answer.status == status,
            "answered {} instead of {status}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
    }
    Ok(waits)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers every request with that text, in two pieces.
    async fn serve_text(text: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = [0; 1_024];
                while stream.read(&mut asked).await.is_ok_and(|count| count > 0) {
                    let (first, rest) = text.as_bytes().split_at(text.len() / 2);
                    stream.write_all(first).await.expect("written");
                    tokio::task::yield_now().await;
                    stream.write_all(rest).await.expect("written");
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn reads_a_response_in_pieces() {
        let address = serve_text("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: W/\"3\"\r\n\r\nhello").await;

        let mut connection = Connection::open(address).await.expect("a connection");
        let answer = connection.send(&request("GET", "/", &[], "")).await.expect("an answer");

        assert_eq!((answer.status, answer.body.as_slice()), (200, b"hello".as_slice()));
        assert_eq!(answer.header("etag"), Some("W/\"3\""));
    }

    #[tokio::test]
    async fn a_response_of_another_status_fails_the_load() {
        let address = serve_text("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n").await;
        let requests: Requests = Box::new(std::iter::repeat_n(request("GET", "/", &[], ""), 3));

        let outcome = run(address, vec![requests], None, 200).await;

        assert!(outcome.is_err_and(|error| error.to_string().contains("429")));
    }

    #[test]
    fn composes_requests() {
        let bytes = request("POST", "/x", &[("a", "b")], "{}");
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("POST /x HTTP/1.1\r\n") && text.ends_with("content-length: 2\r\n\r\n{}"));
    }
}
