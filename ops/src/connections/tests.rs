mod heads;
mod slow;

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
    routing::{get, post},
};
use futures::{StreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
};

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);
const GENEROUS: ConnectionLimits =
    ConnectionLimits { headers: LONG, idle: LONG, write: LONG, connections: 100 };
/// Bytes of `/large`: more than the sockets of both sides take.
const LARGE_ANSWER: usize = 16 * 1_024 * 1_024;
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

/// A server that is told when to go on with `/slow` and `/events`.
struct Site {
    /// Answers of `/large` that are being written.
    writing: Arc<AtomicUsize>,
    address: SocketAddr,
    drain: CancellationToken,
    ended: tokio::task::JoinHandle<()>,
    asked: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Site {
    async fn start(limits: ConnectionLimits) -> Self {
        let (asked, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let writing = Arc::new(AtomicUsize::new(0));
        let events = {
            let go_on = Arc::clone(&go_on);
            async move || {
                let last = async move {
                    go_on.notified().await;
                    "last\n"
                };
                let events = stream::once(async { "first\n" }).chain(stream::once(last));
                Body::from_stream(events.map(Ok::<_, Infallible>))
            }
        };
        let large = {
            let (asked, writing) = (Arc::clone(&asked), Arc::clone(&writing));
            async move || {
                let answer = large(&writing);
                asked.notify_one();
                answer
            }
        };
        let fault = async |request: Request| {
            request.extensions().get::<HeadFault>().map_or(StatusCode::OK, |HeadFault(status)| *status)
        };
        let slow = {
            let (asked, go_on) = (Arc::clone(&asked), Arc::clone(&go_on));
            async move || {
                asked.notify_one();
                go_on.notified().await;
                "slow"
            }
        };
        let whoami = async |ConnectInfo(client): ConnectInfo<SocketAddr>| client.to_string();
        let router = Router::new()
            .route("/", get(async || "hello"))
            .route("/me", get(whoami))
            .route("/slow", get(slow))
            .route("/events", get(events))
            .route("/large", get(large))
            .route("/fault", get(fault))
            .route("/refuse", post(async || StatusCode::PAYLOAD_TOO_LARGE))
            .route("/echo", post(async |body: Bytes| body));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let drain = CancellationToken::new();
        let ended = tokio::spawn(serve(listener, router, limits, drain.clone()));
        Self { writing, address, drain, ended, asked, go_on }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    async fn say(&self, text: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.expect("sent");
        stream
    }
}

/// An answer in pieces that is counted until it has ended.
fn large(writing: &Arc<AtomicUsize>) -> Body {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    writing.fetch_add(1, Ordering::SeqCst);
    let counted = Counted(Arc::clone(writing));
    let piece = Bytes::from(vec![b'x'; 64 * 1_024]);
    let pieces = (0..LARGE_ANSWER / piece.len()).map(move |_| {
        let _counted = &counted;
        Ok::<_, Infallible>(piece.clone())
    });
    Body::from_stream(stream::iter(pieces))
}

/// Reads until the answer ends so, within the time limit.
async fn read_to(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let reading = async {
        while !text.ends_with(end) {
            let mut bytes = [0; 1_024];
            let count = stream.read(&mut bytes).await.expect("read");
            assert!(count > 0, "closed after {text:?}");
            text.push_str(std::str::from_utf8(&bytes[..count]).expect("text"));
        }
    };
    time::timeout(LONG, reading).await.expect("an answer in time");
    text
}

/// Reads until the server closes, within the time limit.
async fn read_to_close(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = time::timeout(LONG, stream.read_to_end(&mut bytes)).await.expect("closed in time");
    if let Err(error) = read {
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
    String::from_utf8(bytes).expect("text")
}

#[tokio::test]
async fn serves_requests_in_sequence_with_the_address_of_the_client() {
    let site = Site::start(GENEROUS).await;
    let mut stream = site.say("GET /me HTTP/1.1\r\nHost: test\r\n\r\n").await;
    let me = stream.local_addr().expect("an address").to_string();
    read_to(&mut stream, &me).await;
    stream.write_all(REQUEST.as_bytes()).await.expect("sent");
    read_to(&mut stream, "hello").await;
}

#[tokio::test]
async fn headers_that_do_not_end_close_the_connection() {
    let site = Site::start(ConnectionLimits { headers: SHORT, ..GENEROUS }).await;
    for beginning in ["", "GET / HTTP/1.1\r\nHost:"] {
        let mut stream = site.say(beginning).await;
        assert!(!read_to_close(&mut stream).await.starts_with("HTTP/1.1 200"), "{beginning:?}");
    }
    let mut later = site.say(REQUEST).await;
    read_to(&mut later, "hello").await;
    later.write_all(b"GET / HT").await.expect("sent");
    read_to_close(&mut later).await;
}

#[tokio::test]
async fn a_byte_now_and_then_wins_no_time() {
    let site = Site::start(ConnectionLimits { headers: SHORT, ..GENEROUS }).await;
    let mut stream = site.connect().await;
    let dripping = async {
        for byte in REQUEST.as_bytes() {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            time::sleep(SHORT / 4).await;
        }
    };
    dripping.await;
    assert!(!read_to_close(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_connection_without_a_next_request_is_closed() {
    let site = Site::start(ConnectionLimits { idle: SHORT, ..GENEROUS }).await;
    let mut stream = site.say(REQUEST).await;
    assert!(read_to_close(&mut stream).await.ends_with("hello"));
}

#[tokio::test]
async fn a_request_may_take_longer_than_its_headers() {
    let site = Site::start(ConnectionLimits { headers: SHORT, idle: SHORT, ..GENEROUS }).await;
    let body = "POST /echo HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 4\r\n\r\n";
    let mut slow_body = site.say(body).await;
    let mut slow_answer = site.say("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n").await;
    site.asked.notified().await;

    time::sleep(SHORT * 3).await;
    slow_body.write_all(b"done").await.expect("sent");
    site.go_on.notify_one();

    read_to(&mut slow_body, "done").await;
    read_to(&mut slow_answer, "slow").await;
}

#[tokio::test]
async fn a_connection_beyond_the_bound_waits_for_another_to_end() {
    let site = Site::start(ConnectionLimits { connections: 1, ..GENEROUS }).await;
    let mut first = site.say(REQUEST).await;
    read_to(&mut first, "hello").await;
    let mut second = site.say(REQUEST).await;
    let mut byte = [0];
    assert!(time::timeout(SHORT, second.read(&mut byte)).await.is_err(), "there is room for one");

    drop(first);

    read_to(&mut second, "hello").await;
}

#[tokio::test]
async fn a_drain_closes_idle_connections_and_waits_for_running_requests() {
    let site = Site::start(GENEROUS).await;
    let mut idle = site.say(REQUEST).await;
    read_to(&mut idle, "hello").await;
    let mut fresh = site.connect().await;
    let mut half = site.say("GET / HTTP/1.1\r\nHost:").await;
    let mut running = site.say("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n").await;
    site.asked.notified().await;

    site.drain.cancel();
    for stream in [&mut idle, &mut fresh, &mut half] {
        read_to_close(stream).await;
    }
    assert!(!site.ended.is_finished());
    site.go_on.notify_one();

    assert!(read_to_close(&mut running).await.ends_with("slow"));
    site.ended.await.expect("ended");
}

#[tokio::test]
async fn a_server_that_is_dropped_ends_its_connections() {
    let site = Site::start(GENEROUS).await;
    let mut running = site.say("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n").await;
    site.asked.notified().await;

    site.ended.abort();

    assert_eq!(read_to_close(&mut running).await, "");
}
