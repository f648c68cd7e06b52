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
        "http://127.0.0.1:1/",
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
