//! Answers that are not what they should be let nobody in.

use atelier_entities::users;
use atelier_tests::{AppSetup, Browser, IdentityServer};
use chrono::TimeDelta;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::json;

use super::{PROVIDERS, account, ada, assert_refused, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_token_that_fails_a_check_lets_nobody_in() {
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
            let told = Browser::new(&client).sign_in(provider, &ada(provider)).await;
            assert_eq!(told.get("error").map(String::as_str), Some("OAUTH_ANSWER_UNTRUSTED"), "{fault}");
        }
    }
    assert_eq!(users::Entity::find().count(app.db()).await.expect("a database"), 0);

    server.set_fault("").await;
    account(&client, &Browser::new(&client).sign_in("google", &ada("google")).await).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_asked_for_once_and_again_when_they_changed() {
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
        let told = Browser::new(&client).sign_in("google", &ada("google")).await;
        assert_refused(&told, "google", "OAUTH_ANSWER_UNTRUSTED");
    }
    assert_eq!(server.count_requests().await, (5, 2), "unknown keys are not asked for at each sign-in");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_and_codes_are_good_once() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    for provider in PROVIDERS {
        let mut browser = Browser::new(&client);
        let first = browser.authorize(provider, &ada(provider)).await;
        account(&client, &browser.come_back(&first).await).await;
        assert_refused(&browser.come_back(&first).await, provider, "OAUTH_STATE_INVALID");

        let second = browser.authorize(provider, &ada(provider)).await;
        let replayed = second.with("code", Some(&first.get("code")));
        assert_refused(&browser.come_back(&replayed).await, provider, "OAUTH_CODE_REFUSED");
        assert_refused(&browser.come_back(&second).await, provider, "OAUTH_STATE_INVALID");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anothers_code_is_no_use_in_ones_own_sign_in() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    for provider in PROVIDERS {
        let stolen = Browser::new(&client).authorize(provider, &ada(provider)).await.get("code");
        let mut thief = Browser::new(&client);
        let eve = with(ada(provider), json!({"sub": 666, "email": "eve@example.org"}));

        let injected = thief.authorize(provider, &eve).await.with("code", Some(&stolen));

        assert_refused(&thief.come_back(&injected).await, provider, "OAUTH_CODE_REFUSED");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_ends_in_the_browser_that_began_it() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    for provider in PROVIDERS {
        let begun_by_eve = Browser::new(&client).authorize(provider, &ada(provider)).await;

        let mut victim = Browser::new(&client);

        assert_refused(&victim.come_back(&begun_by_eve).await, provider, "OAUTH_STATE_INVALID");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_providers_answer_is_not_taken_for_anothers() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    let mut browser = Browser::new(&client);

    let mut mixed_up = browser.authorize("google", &ada("google")).await;
    mixed_up.url.set_path("/api/auth/github/callback");
    assert_refused(&browser.come_back(&mixed_up).await, "github", "OAUTH_STATE_INVALID");

    for (provider, issuer) in [
        ("google", Some("https://accounts.example")),
        ("google", Some("")),
        ("google", None),
        ("apple", Some("https://accounts.example")),
        ("github", Some("https://accounts.example")),
    ] {
        let told = browser.authorize(provider, &ada(provider)).await.with("iss", issuer);
        assert_refused(&browser.come_back(&told).await, provider, "OAUTH_ANSWER_UNTRUSTED");
    }
    let silent = browser.authorize("github", &ada("github")).await.with("iss", None);
    account(&client, &browser.come_back(&silent).await).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_back_late_begins_again() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let mut browser = Browser::new(&app.client());
    let back = browser.authorize("google", &ada("google")).await;

    app.advance(TimeDelta::minutes(10)).await;

    assert_refused(&browser.come_back(&back).await, "google", "OAUTH_STATE_INVALID");
    app.finish().await;
}
