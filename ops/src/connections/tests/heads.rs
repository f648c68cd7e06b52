//! Heads of requests that are at fault.

use super::*;

async fn status_of(site: &Site, head: &str) -> String {
    let mut stream = site.say(head).await;
    let answer = read_to_close(&mut stream).await;
    answer.lines().next().unwrap_or_default().to_owned()
}

fn with_header_of(length: usize) -> String {
    format!(
        "GET /fault HTTP/1.1\r\nHost: test\r\nCookie: {}\r\nConnection: close\r\n\r\n",
        "c".repeat(length)
    )
}

#[tokio::test]
async fn a_host_is_named_once() {
    let site = Site::start(GENEROUS).await;
    for (hosts, status) in [
        ("Host: test\r\n", "HTTP/1.1 200 OK"),
        ("", "HTTP/1.1 400 Bad Request"),
        ("Host: test\r\nHost: other\r\n", "HTTP/1.1 400 Bad Request"),
        ("Host: te st\r\n", "HTTP/1.1 400 Bad Request"),
    ] {
        let head = format!("GET /fault HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        assert_eq!(status_of(&site, &head).await, status, "{hosts:?}");
    }
}

#[tokio::test]
async fn headers_end_at_their_bound() {
    let site = Site::start(GENEROUS).await;
    let too_large = "HTTP/1.1 431 Request Header Fields Too Large";

    assert_eq!(status_of(&site, &with_header_of(15_000)).await, "HTTP/1.1 200 OK");
    assert_eq!(status_of(&site, &with_header_of(17_000)).await, too_large);
    assert_eq!(status_of(&site, &with_header_of(400_000)).await, too_large);
    let many = "X: y\r\n".repeat(200);
    let many = format!("GET /fault HTTP/1.1\r\nHost: test\r\n{many}\r\n");
    assert_eq!(status_of(&site, &many).await, too_large);
    let long =
        format!("GET /fault?{} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", "q".repeat(9_000));
    assert_eq!(status_of(&site, &long).await, "HTTP/1.1 414 URI Too Long");
}
