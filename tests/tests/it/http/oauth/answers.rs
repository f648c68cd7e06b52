//! Invalid responses of providers are rejected.

use atelier_entities::users;
use atelier_tests::{AppSetup, Browser, IdentityServer};
use chrono::TimeDelta;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::json;

use super::{PROVIDERS, account, ada, assert_refused, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_id_token_is_rejected() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    for fault in [
        "wrong_nonce",
        "no_nonce",
        "wrong_audience",
        "further_audience",
        "wrong_issuer",
        "expired",
        "of_the_future",
        "unsigned",
        "signed_with_the_secret",
        "signed_with_the_public_key",
        "other_algorithm",
        "other_key",
        "unknown_key",
        "empty_subject",
        "endless_subject",
        "foreign_subject",
        "no_token",
    ] {
        server.set_fault(fault).await;
        for provider in ["google", "apple"] {
            let params = Browser::new(&client).sign_in(provider, &ada(provider)).await;
            assert_eq!(params.get("error").map(String::as_str), Some("OAUTH_ANSWER_UNTRUSTED"), "{fault}");
        }
    }
    assert_eq!(users::Entity::find().count(app.db()).await.expect("a database"), 0);

    server.set_fault("").await;
    account(&client, &Browser::new(&client).sign_in("google", &ada("google")).await).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_cached_and_fetched_again_after_a_rotation() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    let sign_in =
        async || account(&client, &Browser::new(&client).sign_in("google", &ada("google")).await).await;
    sign_in().await;
    sign_in().await;
    assert_eq!(server.count_requests().await, (2, 1), "the keys were kept");

    server.rotate_keys().await;
    sign_in().await;
    assert_eq!(server.count_requests().await, (3, 2), "a key was unknown");

    server.set_fault("unknown_key").await;
    for _ in 0..2 {
        let params = Browser::new(&client).sign_in("google", &ada("google")).await;
        assert_refused(&params, "google", "OAUTH_ANSWER_UNTRUSTED");
    }
    assert_eq!(server.count_requests().await, (5, 2), "unknown keys are not asked for at each sign-in");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_and_codes_are_valid_once() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    for provider in PROVIDERS {
        let mut browser = Browser::new(&client);
        let first = browser.authorize(provider, &ada(provider)).await;
        account(&client, &browser.follow_redirect(&first).await).await;
        assert_refused(&browser.follow_redirect(&first).await, provider, "OAUTH_STATE_INVALID");

        let second = browser.authorize(provider, &ada(provider)).await;
        let replayed = second.with("code", Some(&first.get("code")));
        assert_refused(&browser.follow_redirect(&replayed).await, provider, "OAUTH_CODE_REFUSED");
        assert_refused(&browser.follow_redirect(&second).await, provider, "OAUTH_STATE_INVALID");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_of_another_sign_in_is_rejected() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    for provider in PROVIDERS {
        let stolen = Browser::new(&client).authorize(provider, &ada(provider)).await.get("code");
        let mut thief = Browser::new(&client);
        let eve = with(ada(provider), json!({"sub": 666, "email": "eve@example.org"}));

        let injected = thief.authorize(provider, &eve).await.with("code", Some(&stolen));

        assert_refused(&thief.follow_redirect(&injected).await, provider, "OAUTH_CODE_REFUSED");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_completes_only_in_its_browser() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    for provider in PROVIDERS {
        let begun_by_eve = Browser::new(&client).authorize(provider, &ada(provider)).await;

        let mut victim = Browser::new(&client);

        assert_refused(&victim.follow_redirect(&begun_by_eve).await, provider, "OAUTH_STATE_INVALID");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_response_of_another_provider_is_rejected() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    let mut browser = Browser::new(&client);

    let mut mixed_up = browser.authorize("google", &ada("google")).await;
    mixed_up.url.set_path("/api/auth/github/callback");
    assert_refused(&browser.follow_redirect(&mixed_up).await, "github", "OAUTH_STATE_INVALID");

    for (provider, issuer) in [
        ("google", Some("https://accounts.example")),
        ("google", Some("")),
        ("google", None),
        ("apple", Some("https://accounts.example")),
        ("github", Some("https://accounts.example")),
    ] {
        let params = browser.authorize(provider, &ada(provider)).await.with("iss", issuer);
        assert_refused(&browser.follow_redirect(&params).await, provider, "OAUTH_ANSWER_UNTRUSTED");
    }
    let silent = browser.authorize("github", &ada("github")).await.with("iss", None);
    account(&client, &browser.follow_redirect(&silent).await).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_sign_in_must_begin_again() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let mut browser = Browser::new(&app.client());
    let back = browser.authorize("google", &ada("google")).await;

    app.advance(TimeDelta::minutes(10)).await;

    assert_refused(&browser.follow_redirect(&back).await, "google", "OAUTH_STATE_INVALID");
    app.finish().await;
}
