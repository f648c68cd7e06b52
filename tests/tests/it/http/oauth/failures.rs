//! Cancelled sign-ins, and unavailable providers.

use atelier_config::Role;
use atelier_tests::{AppSetup, Browser, IdentityServer, until};
use serde_json::{Value, json};

use super::{PROVIDERS, account, ada, assert_refused, begin};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_sign_in_returns_to_the_frontend() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    for provider in PROVIDERS {
        for (error, code) in [
            ("access_denied", "OAUTH_DENIED"),
            ("invalid_request", "OAUTH_REFUSED"),
            ("server_error", "OAUTH_PROVIDER_UNAVAILABLE"),
        ] {
            let mut browser = Browser::new(&client);
            let back = browser.refuse(provider, error).await;
            assert_eq!(back.get("error"), error);
            assert_refused(&browser.follow_redirect(&back).await, provider, code);
            let retried = back.with("error", None).with("code", Some("guessed"));
            assert_refused(&browser.follow_redirect(&retried).await, provider, "OAUTH_STATE_INVALID");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_timeout_is_reported_within_the_time_limit() {
    for fault in ["silent", "status_500"] {
        let server = IdentityServer::start().await;
        let app = AppSetup::embedded().with_sign_in(&server);
        let app = app.with(|settings| settings.oauth.timeout_secs = 1).start().await;
        let client = app.client();
        let mut browser = Browser::new(&client);
        for provider in PROVIDERS {
            let back = browser.authorize(provider, &ada(provider)).await;
            server.set_fault(fault).await;
            let params = browser.follow_redirect(&back).await;
            assert_refused(&params, provider, "OAUTH_PROVIDER_UNAVAILABLE");
            server.set_fault("").await;
        }
        let (state, address) = begin(&client, "google").await;
        let login = "person=%7B%22sub%22%3A1%7D";
        let back = browser.authorize_at(&address, login).await;
        server.set_fault(fault).await;
        let body = json!({"code": back.get("code"), "state": state, "iss": back.get("iss")});
        let answer = client.post("/api/auth/oauth/google").json(&body).send().await;
        let _told = answer.refused(502, "OAUTH_PROVIDER_UNAVAILABLE");
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_of_a_provider_open_its_circuit() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    account(&client, &Browser::new(&client).sign_in("google", &ada("google")).await).await;
    server.set_fault("status_500").await;
    for _ in 0..5 {
        let params = Browser::new(&client).sign_in("google", &ada("google")).await;
        assert_refused(&params, "google", "OAUTH_PROVIDER_UNAVAILABLE");
    }
    let (tokens, _) = server.count_requests().await;
    assert_eq!(tokens, 4, "one that was answered and three that failed");

    let address = server.url().to_owned();
    drop(server);
    until("the server is gone", async || {
        let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err().then_some(())
    })
    .await;
    let mut browser = Browser::new(&client);
    let begun = browser.open("https://atelier.test/api/auth/apple/login").await.expect(302);
    let location = begun.header("location");
    assert!(
        location.ends_with("/auth/callback#error=OAUTH_PROVIDER_UNAVAILABLE&provider=apple"),
        "{location}"
    );
    let asked = client.get("/api/auth/apple/login").header("accept", "application/json");
    let _told = asked.send().await.refused(502, "OAUTH_PROVIDER_UNAVAILABLE");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_the_circuit_of_a_provider() {
    let server = IdentityServer::start().await;
    let setup = AppSetup::scaled().await.without(Role::Worker).without(Role::Scheduler);
    let mut app = setup.with_sign_in(&server).start().await;
    let (one, other) = (app.client(), app.start(Role::Api).await);
    server.set_fault("status_500").await;
    for _ in 0..3 {
        let params = Browser::new(&one).sign_in("google", &ada("google")).await;
        assert_refused(&params, "google", "OAUTH_PROVIDER_UNAVAILABLE");
    }
    server.set_fault("").await;
    let asked = server.count_requests().await;

    let begin = async |provider: &str| {
        let login = other.get(&format!("/api/auth/{provider}/login"));
        login.header("accept", "application/json").send().await
    };
    let _resting = begin("google").await.refused(502, "OAUTH_PROVIDER_UNAVAILABLE");
    assert_eq!(server.count_requests().await, asked, "no request was sent");
    let _begun = begin("apple").await.expect(200);

    let scrape = other.get("/metrics").send().await.expect(200).text();
    assert!(scrape.contains("atelier_circuit_held_back_total{provider=\"sign_in:google\""), "{scrape}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apple_verifies_the_signature_of_the_client_secret() {
    for wrong in ["key_id", "team_id", "client_id"] {
        let server = IdentityServer::start().await;
        let app = AppSetup::embedded().with_sign_in(&server).with(|settings| {
            let apple = &mut settings.oauth.apple;
            match wrong {
                "key_id" => apple.key_id = "ANOTHER".to_owned(),
                "team_id" => apple.team_id = "ANOTHER".to_owned(),
                _ => settings.oauth.google.client_secret = "another".into(),
            }
        });
        let provider = if wrong == "client_id" { "google" } else { "apple" };
        let app = app.start().await;
        let params = Browser::new(&app.client()).sign_in(provider, &ada(provider)).await;
        assert_refused(&params, provider, "OAUTH_PROVIDER_UNAVAILABLE");
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_callback_request_causes_an_internal_error() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    let long = "x".repeat(4_000);
    for query in [
        "",
        "?code",
        "?code=&state=",
        "?state=%E2%82%AC&code=%F0%9F%8D%AA",
        "?error=%0d%0aSet-Cookie:%20a=b&state=s",
        "?code=c&state=s&iss=%22%3E%3Cscript%3E",
        &format!("?code={long}&state={long}"),
    ] {
        for provider in PROVIDERS {
            let answer =
                client.get(&format!("/api/auth/{provider}/callback{query}")).send().await.expect(302);
            let location = answer.header("location");
            assert!(
                location.starts_with("https://app.atelier.test/auth/callback#error=OAUTH_"),
                "{query}: {location}"
            );
            let form = client.post(&format!("/api/auth/{provider}/callback"));
            let body = query.trim_start_matches('?').to_owned();
            let answer = form.body("application/x-www-form-urlencoded", body).send().await.expect(302);
            assert_eq!(answer.header("location"), location, "{query}");
        }
    }
    let twice = client.get("/api/auth/google/callback?code=a&code=b&state=s").send().await;
    let _refused = twice.refused(422, "VALIDATION_FAILED");
    for body in [json!({}), json!({"code": 7, "state": "s"}), Value::Null] {
        let answer = client.post("/api/auth/oauth/google").json(&body).send().await;
        let _refused = answer.refused(422, "VALIDATION_FAILED");
    }
    app.finish().await;
}
