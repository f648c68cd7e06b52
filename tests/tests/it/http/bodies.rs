//! Bodies and request heads beyond their limits, and clients that send less than announced.

use std::time::Duration;

use atelier_tests::{AppSetup, TestApp};
use futures::stream;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const PIECE: usize = 64 * 1_024;
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends raw bytes and returns what the server sends until it closes the connection.
pub(super) async fn raw(app: &TestApp, request: &str) -> String {
    let address = app.client().base().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer));
    reading.await.expect("closed in time").expect("read");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_too_much_gets_a_413() {
    let app = AppSetup::embedded().with(|settings| settings.server.max_body_bytes = 1_024).start().await;
    let ada = app.client().register("ada@example.org").await;
    let post = |body: reqwest::Body| ada.client.post("/api/projects").body("application/json", body).send();
    for megabytes in [1, 4, 7] {
        let pieces = megabytes * 1_024 * 1_024 / PIECE;
        let whole = vec![b' '; pieces * PIECE];
        let streamed = stream::iter((0..pieces).map(|_| Ok::<_, std::io::Error>(vec![b' '; PIECE])));

        let _refused = post(whole.into()).await.refused(413, "PAYLOAD_TOO_LARGE");
        let _refused = post(reqwest::Body::wrap_stream(streamed)).await.refused(413, "PAYLOAD_TOO_LARGE");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_large_is_rejected_at_once() {
    let app = AppSetup::embedded().start().await;
    for path in ["/api/auth/login", "/nowhere", "/"] {
        for length in
            ["Content-Length: 99999999\r\n\r\nx", "Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"]
        {
            let answer = raw(&app, &format!("POST {path} HTTP/1.1\r\nHost: test\r\n{length}")).await;
            assert!(answer.starts_with("HTTP/1.1 413 "), "{path} {answer}");
            assert!(answer.contains("PAYLOAD_TOO_LARGE"), "{path} {answer}");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_body_is_awaited_for_the_request_timeout() {
    let app = AppSetup::embedded().with(|settings| settings.server.request_timeout_secs = 1).start().await;
    for body in ["Content-Length: 20\r\n\r\n{\"email\"", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"] {
        let head = "POST /api/auth/login HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";
        let answer = raw(&app, &format!("{head}{body}")).await;
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("TIMED_OUT"), "{answer}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_does_not_wait_for_a_silent_request() {
    let mut app = AppSetup::embedded().start().await;
    let address = app.client().base().trim_start_matches("http://").to_owned();
    let mut silent = TcpStream::connect(address).await.expect("a connection");
    let head = "POST /api/auth/login HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";
    silent.write_all(format!("{head}Content-Length: 50\r\n\r\n").as_bytes()).await.expect("sent");
    let _answered = app.client().get("/healthz").send().await.expect(200);

    // Much less than the grace period of a shutdown.
    tokio::time::timeout(Duration::from_secs(15), app.restart()).await.expect("stopped in time");

    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_request_heads_get_the_common_error_body() {
    let app = AppSetup::embedded().start().await;
    let cookie = format!("Host: test\r\nCookie: {}\r\n", "c".repeat(17_000));
    let address = format!("/{}", "a".repeat(9_000));
    for (target, headers, status, code) in [
        ("/healthz", "", 400, "BAD_REQUEST"),
        ("/api/projects", "Host: a\r\nHost: b\r\n", 400, "BAD_REQUEST"),
        ("/nowhere", "Host: a/b\r\n", 400, "BAD_REQUEST"),
        ("/api/projects", &cookie, 431, "HEADERS_TOO_LARGE"),
        (&address, "Host: test\r\n", 414, "ADDRESS_TOO_LONG"),
    ] {
        let answer = raw(&app, &format!("GET {target} HTTP/1.1\r\n{headers}X-Request-Id: r.7\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{code} {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let body: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!((&body["code"], &body["request_id"]), (&code.into(), &"r.7".into()), "{body}");
        assert!(head.contains("content-security-policy") && head.contains("x-request-id: r.7"), "{head}");
    }
    // A head that is far too large is not read completely.
    let endless = format!("GET / HTTP/1.1\r\nHost: test\r\nCookie: {}\r\n\r\n", "c".repeat(300_000));
    let answer = raw(&app, &endless).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    app.finish().await;
}
