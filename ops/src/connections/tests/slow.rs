//! Clients that keep the server waiting with the rest of a request or with an answer.

use super::*;

/// More than the sockets of both sides take.
const LARGE: &str = "GET /large HTTP/1.1\r\nHost: test\r\n\r\n";

/// A client whose system takes as little as it can.
async fn slow_reader(site: &Site) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let mut stream = socket.connect(site.address).await.expect("a connection");
    stream.write_all(LARGE.as_bytes()).await.expect("sent");
    stream
}

/// Waits, within the time limit, until so many large answers are being written.
async fn until_writing(site: &Site, count: usize) {
    let reached = async {
        while site.writing.load(Ordering::SeqCst) != count {
            time::sleep(SHORT / 10).await;
        }
    };
    time::timeout(LONG, reached).await.expect("reached in time");
}

#[tokio::test]
async fn an_answer_that_is_not_read_ends_the_connection() {
    let site = Site::start(ConnectionLimits { write: SHORT, ..GENEROUS }).await;
    let stream = slow_reader(&site).await;

    site.asked.notified().await;
    until_writing(&site, 0).await;
    drop(stream);
}

#[tokio::test]
async fn a_silent_stream_is_not_a_stalled_write() {
    let site = Site::start(ConnectionLimits { write: SHORT, ..GENEROUS }).await;
    let mut stream = site.say("GET /events HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").await;
    read_to(&mut stream, "first\n\r\n").await;

    time::sleep(SHORT * 4).await;
    site.go_on.notify_one();

    assert!(read_to_close(&mut stream).await.contains("last\n"));
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_all_of_it() {
    let site = Site::start(ConnectionLimits { write: LONG, ..GENEROUS }).await;
    let mut stream = slow_reader(&site).await;
    let (mut bytes, mut read) = (vec![0; 64 * 1_024], 0);
    while read < LARGE_ANSWER {
        read += stream.read(&mut bytes).await.expect("read");
    }
    stream.write_all(REQUEST.as_bytes()).await.expect("sent");
    read_to(&mut stream, "hello").await;
}

#[tokio::test]
async fn a_drain_does_not_wait_for_a_client() {
    let site = Site::start(GENEROUS).await;
    let silent = "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n12345";
    let mut silent = site.say(silent).await;
    let chunked = "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    let mut chunked = site.say(chunked).await;
    let unread = slow_reader(&site).await;
    site.asked.notified().await;
    let mut running = site.say("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n").await;
    site.asked.notified().await;
    assert_eq!(site.writing.load(Ordering::SeqCst), 1);

    site.drain.cancel();
    for stream in [&mut silent, &mut chunked] {
        assert_eq!(read_to_close(stream).await, "");
    }
    until_writing(&site, 0).await;
    assert!(!site.ended.is_finished());
    site.go_on.notify_one();

    assert!(read_to_close(&mut running).await.ends_with("slow"));
    site.ended.await.expect("ended");
    drop(unread);
}

#[tokio::test]
async fn who_is_refused_in_the_middle_of_a_body_can_read_why() {
    let site = Site::start(GENEROUS).await;
    let head = "POST /refuse HTTP/1.1\r\nHost: test\r\nContent-Length: 4000000\r\n\r\n";
    let mut stream = site.say(head).await;
    // A client that reads only once it has sent everything.
    stream.write_all(&vec![b'x'; 4_000_000]).await.expect("taken to its end");

    let answer = read_to_close(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}
