//! Devices that are known by the cookie of a sign-in.

use axum::http::header;
use serde_json::json;

use super::with_header;
use crate::testing::{Answer, LIMITS, TestApi, request};

async fn login(api: &TestApi, network: usize, cookie: &str, password: &str) -> Answer {
    let body = json!({"email": "ada@example.org", "password": password});
    let request = request("POST", "/api/auth/login", "", body);
    let request = with_header(request, "x-forwarded-for", &format!("2001:db8:{network:x}::1"));
    let request = if cookie.is_empty() { request } else { with_header(request, "cookie", cookie) };
    api.send(request).await
}

#[tokio::test]
async fn whoever_fails_from_many_networks_keeps_out_no_device_that_shows_its_cookie() {
    let api = TestApi::start(LIMITS).await;
    api.register("ada@example.org").await;
    let signed_in = login(&api, 1, "", "correct horse").await;
    let line = signed_in.headers[header::SET_COOKIE].to_str().expect("text");
    assert!(line.starts_with("__Host-atelier_device="), "{line}");
    assert!(line.ends_with("; Path=/; Max-Age=15552000; HttpOnly; SameSite=Lax; Secure"), "{line}");
    let cookie = line.split(';').next().expect("a pair").to_owned();

    let mut network = 100;
    while login(&api, network, "", "wrong horse").await.status == 401 {
        network += 1;
    }

    let waits = login(&api, 2, "", "correct horse").await;
    assert_eq!((waits.status.as_u16(), &waits.body["code"]), (429, &json!("TOO_MANY_ATTEMPTS")));
    let forged = login(&api, 3, "__Host-atelier_device=1790000000.name.mac", "correct horse").await;
    assert_eq!(forged.status, 429, "a cookie that nobody gave");
    assert_eq!(login(&api, 4, &cookie, "correct horse").await.status, 200);
}
