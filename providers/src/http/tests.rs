use axum::Router;
use axum::http::{HeaderMap as AxumHeaders, StatusCode};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{any, get};

use super::*;

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn client(change: impl FnOnce(&mut HttpOptions)) -> GuardedClient {
    let mut options = HttpOptions { max_response_bytes: 1000, ..HttpOptions::default() };
    change(&mut options);
    GuardedClient::new(options).expect("valid options")
}

fn echoing_headers() -> Router {
    Router::new().route(
        "/",
        any(|headers: AxumHeaders| async move { format!("{:?}", headers.get("x-api-key").is_some()) }),
    )
}

#[tokio::test]
async fn refuses_literal_private_addresses_in_every_spelling() {
    let client = client(|_| {});
    for url in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
    ] {
        let error = client.send(OutboundRequest::get(url)).await.expect_err(url);
        assert!(matches!(error, HttpError::Refused { .. }), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn refuses_a_name_that_resolves_to_loopback() {
    let base = serve(Router::new().route("/", get(|| async { "secret" }))).await;
    let url = base.replace("127.0.0.1", "localhost");
    let error = client(|_| {}).send(OutboundRequest::get(&url)).await.expect_err("refused");
    assert_eq!(error, HttpError::Refused { host: "localhost".into() });
    let response = client(|o| o.allow_private_addresses = true).send(OutboundRequest::get(url)).await;
    assert_eq!(response.expect("allowed").body, "secret");
}

#[tokio::test]
async fn refuses_other_schemes() {
    let client = client(|_| {});
    for url in ["file:///etc/passwd", "ftp://example.org/", "gopher://x/", "not a url", "http://"] {
        let error = client.send(OutboundRequest::get(url)).await.expect_err(url);
        assert!(matches!(error, HttpError::Malformed(_)), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn an_allowed_origin_does_not_open_other_ports() {
    let allowed = serve(Router::new().route("/", get(|| async { "fine" }))).await;
    let other = serve(Router::new().route("/", get(|| async { "secret" }))).await;
    let client = client(|o| o.allowed_origins = vec![allowed.clone()]);
    assert_eq!(client.send(OutboundRequest::get(allowed)).await.expect("allowed").body, "fine");
    let error = client.send(OutboundRequest::get(other)).await.expect_err("refused");
    assert!(matches!(error, HttpError::Refused { .. }));
}

#[tokio::test]
async fn does_not_follow_a_redirect_into_a_private_network() {
    let inside = serve(Router::new().route("/", get(|| async { "secret" }))).await;
    let target = inside.clone();
    let outside =
        serve(Router::new().route("/", get(move || async move { Redirect::temporary(&target) }))).await;
    let client = client(|o| o.allowed_origins = vec![outside.clone()]);
    let error = client.send(OutboundRequest::get(outside)).await.expect_err("refused");
    assert!(matches!(error, HttpError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn keeps_headers_to_the_origin_they_were_meant_for() {
    let second = serve(echoing_headers()).await;
    let target = second.clone();
    let first = Router::new()
        .route("/away", get(move || async move { Redirect::temporary(&target) }))
        .route("/within", get(|| async { Redirect::temporary("/") }))
        .merge(echoing_headers());
    let base = serve(first).await;
    let client = client(|o| o.allow_private_addresses = true);
    for (path, expected) in [("/within", "true"), ("/away", "false")] {
        let mut request = OutboundRequest::get(format!("{base}{path}"));
        request.headers.push(("x-api-key".into(), "secret".into()));
        assert_eq!(client.send(request).await.expect("followed").body, expected, "{path}");
    }
}

#[tokio::test]
async fn bounds_redirects_bytes_and_time() {
    let base = serve(
        Router::new()
            .route("/loop", get(|| async { Redirect::temporary("/loop") }))
            .route("/large", get(|| async { "x".repeat(1001) }))
            .route("/fits", get(|| async { "x".repeat(1000) }))
            .route("/never", get(std::future::pending::<&'static str>)),
    )
    .await;
    let client = client(|o| {
        o.allow_private_addresses = true;
        o.total_timeout = Duration::from_millis(300);
    });
    let get = |path: &str| client.send(OutboundRequest::get(format!("{base}{path}")));
    assert_eq!(get("/loop").await.expect_err("loop"), HttpError::TooManyRedirects);
    assert_eq!(get("/large").await.expect_err("large"), HttpError::TooLarge { limit: 1000 });
    assert_eq!(get("/never").await.expect_err("never"), HttpError::Timeout);
    assert_eq!(get("/fits").await.expect("fits").body.len(), 1000);
}

#[tokio::test]
async fn answers_statuses_and_headers_as_they_are() {
    let router =
        Router::new().route(
            "/",
            any(|body: String| async move {
                (StatusCode::IM_A_TEAPOT, [("x-kind", "tea")], body).into_response()
            }),
        );
    let base = serve(router).await;
    let client = client(|o| o.allow_private_addresses = true);
    let request = OutboundRequest::post_json(base, &serde_json::json!({"a": 1}));
    let response = client.send(request).await.expect("a response");
    assert_eq!(response.status, 418);
    assert!(response.headers.contains(&("x-kind".into(), "tea".into())));
    assert_eq!(response.body, r#"{"a":1}"#);
}

/// Answers each look-up with the next list of addresses, and keeps the last one.
#[derive(Debug)]
struct Script(std::sync::Mutex<(Vec<&'static str>, usize)>);

impl Script {
    fn of(answers: &[&'static str]) -> Arc<Self> {
        let reversed = answers.iter().rev().copied().collect();
        Arc::new(Self(std::sync::Mutex::new((reversed, 0))))
    }

    fn lookups(&self) -> usize {
        self.0.lock().expect("the script").1
    }
}

#[async_trait::async_trait]
impl Lookup for Script {
    async fn lookup(&self, _name: &str) -> std::io::Result<Vec<std::net::SocketAddr>> {
        let mut script = self.0.lock().expect("the script");
        script.1 += 1;
        let answer = if script.0.len() > 1 { script.0.pop() } else { script.0.last().copied() };
        let addresses = answer.unwrap_or_default().split(' ').filter(|text| !text.is_empty());
        Ok(addresses.map(|ip| std::net::SocketAddr::new(ip.parse().expect("an address"), 0)).collect())
    }
}

fn scripted(answers: &[&'static str]) -> (GuardedClient, Arc<Script>) {
    let script = Script::of(answers);
    let networks = vec!["127.0.0.1/32".parse().expect("a network")];
    let options = HttpOptions { allowed_networks: networks, ..HttpOptions::default() };
    (GuardedClient::with_lookup(options, script.clone()).expect("valid options"), script)
}

fn named(base: &str) -> String {
    base.replace("127.0.0.1", "rebinding.example")
}

#[tokio::test]
async fn an_allowed_network_can_be_reached() {
    let base = serve(Router::new().route("/", get(|| async { "inside" }))).await;
    let (client, _) = scripted(&["127.0.0.1"]);
    for url in [base.clone(), named(&base)] {
        let response = client.send(OutboundRequest::get(url)).await.expect("allowed");
        assert_eq!(response.body, "inside");
    }
}

#[tokio::test]
async fn a_connection_uses_the_addresses_that_were_checked() {
    let closing = || async { ([("connection", "close")], "first") };
    let base = serve(Router::new().route("/", get(closing))).await;
    let (client, script) = scripted(&["127.0.0.1", "127.0.0.2"]);

    let first = client.send(OutboundRequest::get(named(&base))).await.expect("the checked address");
    assert_eq!((&first.body[..], script.lookups()), (&b"first"[..], 1), "one look-up for one connection");
    let error = client.send(OutboundRequest::get(named(&base))).await.expect_err("it was rebound");
    assert_eq!(error, HttpError::Refused { host: "rebinding.example".into() });
}

#[tokio::test]
async fn a_name_with_one_forbidden_address_is_refused() {
    let base = serve(Router::new().route("/", get(|| async { "inside" }))).await;
    for answer in ["127.0.0.1 10.0.0.1", "169.254.169.254 127.0.0.1", "::ffff:127.0.0.2", "::1"] {
        let (client, _) = scripted(&[answer]);
        let error = client.send(OutboundRequest::get(named(&base))).await.expect_err(answer);
        assert!(matches!(error, HttpError::Refused { .. }), "{answer}: {error:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_resolved_and_checked_again() {
    let target = "http://other.example/".to_owned();
    let base =
        serve(Router::new().route("/", get(move || async move { Redirect::temporary(&target) }))).await;
    let (client, script) = scripted(&["127.0.0.1", "192.168.0.1"]);
    let error = client.send(OutboundRequest::get(named(&base))).await.expect_err("refused");
    assert_eq!(error, HttpError::Refused { host: "other.example".into() });
    assert_eq!(script.lookups(), 2);
}

#[tokio::test]
async fn a_redirect_with_a_password_or_to_a_closed_port_is_refused() {
    for target in ["http://user:pass@127.0.0.1:8080/", "http://127.0.0.1:6379/", "http://127.0.0.1:22/"] {
        let answer = move || async move { Redirect::temporary(target) };
        let base = serve(Router::new().route("/", get(answer))).await;
        let (client, _) = scripted(&["127.0.0.1"]);
        let error = client.send(OutboundRequest::get(base)).await.expect_err(target);
        let refused = matches!(error, HttpError::Malformed(_) | HttpError::RefusedPort { .. });
        assert!(refused && !error.to_string().contains("pass@"), "{target}: {error:?}");
    }
}

#[tokio::test]
async fn a_name_without_addresses_is_a_failed_connection() {
    let (client, _) = scripted(&[""]);
    let error = client.send(OutboundRequest::get("http://nowhere.example/")).await.expect_err("no address");
    assert!(matches!(error, HttpError::Connection(_)) && error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn bounds_the_headers_of_a_response() {
    let large = || async { ([("x-large", "x".repeat(70_000))], "body") };
    let base = serve(Router::new().route("/", get(large))).await;
    let client = client(|o| o.allow_private_addresses = true);
    let error = client.send(OutboundRequest::get(base)).await.expect_err("too large");
    assert_eq!(error, HttpError::TooLarge { limit: 64 * 1024 });
}

#[tokio::test]
async fn no_error_and_no_debug_output_has_a_path_a_query_or_a_header() {
    let (client, _) = scripted(&["10.0.0.1"]);
    let mut request = OutboundRequest::get("http://hook.example/path-secret?key=query-secret");
    request.headers.push(("authorization".into(), "header-secret".into()));
    request.body = "body-secret".into();
    let shown = format!("{request:?}");
    let error = client.send(request).await.expect_err("refused");
    for text in [shown, error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains("hook.example"), "{text}");
    }
}

#[tokio::test]
async fn the_addresses_of_a_mail_server_are_checked_like_those_of_requests() {
    for (addresses, port, allowed) in [
        ("93.184.216.34", 587, true),
        ("93.184.216.34 127.0.0.1", 25, true),
        ("93.184.216.34 10.0.0.1", 587, false),
        ("::1", 465, false),
        ("93.184.216.34", 443, false),
        ("93.184.216.34", 22, false),
        ("93.184.216.34", 6379, false),
        ("", 587, false),
    ] {
        let (client, script) = scripted(&[addresses, "10.0.0.1"]);
        let found = client.resolve_mail_server("mail.example", port).await;
        assert_eq!(found.is_ok(), allowed, "{addresses} {port}: {found:?}");
        assert!(script.lookups() <= 1, "a second answer could be another one");
        assert!(found.iter().flatten().all(|address| address.port() == port));
    }
}
