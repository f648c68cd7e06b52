//! The account of a sign-in with a provider.

use atelier_entities::users;
use atelier_tests::{AppSetup, Browser, IdentityServer, PASSWORD, TestApp};
use chrono::{TimeDelta, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;

use super::{account, ada, assert_refused, with};

async fn prove(app: &TestApp, email: &str) {
    let proven = users::ActiveModel { email_verified_at: Set(Some(Utc::now())), ..Default::default() };
    let update = users::Entity::update_many().set(proven).filter(users::Column::Email.eq(email));
    update.exec(app.db()).await.expect("a database");
}

pub(in crate::http) async fn only_a_verified_address_links_an_account(setup: AppSetup) {
    let server = IdentityServer::start().await;
    let app = setup.with_sign_in(&server).start().await;
    let client = app.client();
    let before = client.register("ada@example.org").await;
    prove(&app, "ada@example.org").await;

    for provider in ["google", "github"] {
        let claimed = with(ada(provider), json!({"email": "ada@example.org", "email_verified": false}));
        let params = Browser::new(&client).sign_in(provider, &claimed).await;
        assert_refused(&params, provider, "OAUTH_EMAIL_UNVERIFIED");
    }
    let decoy = json!({"email": "eve@example.org", "email_verified": false, "others": ["ada@example.org"]});
    let params = Browser::new(&client).sign_in("github", &with(ada("github"), decoy)).await;
    assert_refused(&params, "github", "OAUTH_EMAIL_UNVERIFIED");
    let nobody = with(ada("google"), json!({"email": null}));
    let params = Browser::new(&client).sign_in("google", &nobody).await;
    assert_refused(&params, "google", "OAUTH_EMAIL_UNVERIFIED");

    for provider in ["google", "github", "apple"] {
        let person = with(ada(provider), json!({"email": "ADA@example.org"}));
        let user = account(&client, &Browser::new(&client).sign_in(provider, &person).await).await;
        assert_eq!((&user["id"], &user["full_name"]), (&before.id.as_str().into(), &"Ada Lovelace".into()));
    }
    before.get("/api/auth/me").await;
    let _still = client.login("ada@example.org", PASSWORD).await.expect(200);
    assert_eq!(users::Entity::find().count(app.db()).await.expect("a database"), 1);
    let held = before.client.get("/api/users/me/export").send().await.expect(200).json();
    assert_eq!(held["linked_accounts"].as_array().map(Vec::len), Some(3));
    assert!(!held.to_string().contains("access_token"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_registered_in_advance_is_taken_over_by_the_owner() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    let trap = client.register("ada.google@example.org").await;
    let made = json!({"name": "later", "scopes": ["read", "write"]});
    let token = trap.client.post("/api/auth/tokens").json(&made).send().await.expect(201).json();
    let token = token["token"].as_str().expect("a token").to_owned();

    let params = Browser::new(&client).sign_in("google", &ada("google")).await;

    let user = account(&client, &params).await;
    assert_eq!((&user["id"], &user["full_name"]), (&trap.id.as_str().into(), &"Ada King".into()));
    let _gone = client.login("ada.google@example.org", PASSWORD).await.refused(401, "BAD_CREDENTIALS");
    let _gone = trap.client.get("/api/auth/me").send().await.refused(401, "INVALID_TOKEN");
    let _gone = client.refresh(&trap.refresh_token).await.refused(401, "INVALID_TOKEN");
    let _gone = client.signed_in(&token).get("/api/auth/me").send().await.refused(401, "INVALID_TOKEN");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deactivated_account_cannot_sign_in_with_a_provider() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    account(&client, &Browser::new(&client).sign_in("google", &ada("google")).await).await;
    let closed = users::ActiveModel { is_active: Set(false), ..Default::default() };
    users::Entity::update_many().set(closed).exec(app.db()).await.expect("a database");

    let params = Browser::new(&client).sign_in("google", &ada("google")).await;
    assert_refused(&params, "google", "ACCOUNT_DEACTIVATED");
    let by_address = with(ada("github"), json!({"email": "ada.google@example.org"}));
    let params = Browser::new(&client).sign_in("github", &by_address).await;
    assert_refused(&params, "github", "ACCOUNT_DEACTIVATED");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_an_account_without_a_password_requires_a_recent_sign_in() {
    let server = IdentityServer::start().await;
    let app = AppSetup::embedded().with_sign_in(&server).start().await;
    let client = app.client();
    let params = Browser::new(&client).sign_in("google", &ada("google")).await;
    let old = client.signed_in(&params["access_token"]);
    let id = account(&client, &params).await["id"].clone();
    app.advance(TimeDelta::minutes(11)).await;
    for body in [json!({}), json!({"password": PASSWORD})] {
        let delete = old.call("DELETE", "/api/users/me").json(&body);
        let _refused = delete.send().await.refused(403, "RECENT_SIGN_IN_REQUIRED");
    }
    let next = client.refresh(&params["refresh_token"]).await.expect(200).json();
    let refreshed = client.signed_in(next["access_token"].as_str().expect("a token"));
    let delete = refreshed.call("DELETE", "/api/users/me");
    let _not_fresh = delete.send().await.refused(403, "RECENT_SIGN_IN_REQUIRED");

    let again = Browser::new(&client).sign_in("google", &ada("google")).await;
    let fresh = client.signed_in(&again["access_token"]);
    let _deleted = fresh.call("DELETE", "/api/users/me").send().await.expect(200);

    let _gone = fresh.get("/api/auth/me").send().await.refused(401, "INVALID_TOKEN");
    let created = account(&client, &Browser::new(&client).sign_in("google", &ada("google")).await).await;
    assert_ne!(created["id"], id);
    app.finish().await;
}
