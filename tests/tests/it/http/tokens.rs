//! Access tokens that are missing, malformed, forged or expired.

use atelier_config::Role;
use atelier_entities::users;
use atelier_tests::{AppSetup, PASSWORD, Person};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

use super::document::{NOBODYS, operations};

const SECRET: &str = "the signing secret of this one test";
/// The year 2096.
const FAR_AWAY: i64 = 4_000_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_public_operations_answer_without_a_token() {
    let app = AppSetup::embedded().start().await;
    let (nobody, forger) = (app.client(), app.client().signed_in("a.b.c"));
    let mut asked = 0;
    for operation in operations() {
        let path = operation.path_with(NOBODYS);
        let reply = nobody.call(&operation.method, &path).send().await;
        if operation.is_public {
            assert!(
                !matches!(reply.status, 401 | 403 | 405),
                "{} {path}: {}",
                operation.method,
                reply.status
            );
            continue;
        }
        let refused = reply.refused(401, "UNAUTHENTICATED");
        assert_eq!(refused.header("www-authenticate"), "Bearer", "{path}");
        let _refused = forger.call(&operation.method, &path).send().await.refused(401, "INVALID_TOKEN");
        asked += 1;
    }
    assert!(asked >= 25, "only {asked} operations ask for a token");
    app.finish().await;
}

/// The claims of a token.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

/// Signs with HMAC and this hash (RFC 7515, RFC 7518), also where the product would not.
fn signed_by<M: Mac + KeyInit>(header: &Value, secret: &str, claims: &Value) -> String {
    let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    let signature = mac.chain_update(&message).finalize().into_bytes();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn signed(secret: &str, claims: &Value) -> String {
    signed_by::<Hmac<Sha256>>(&json!({"typ": "JWT", "alg": "HS256"}), secret, claims)
}

/// Forged tokens.
fn forgeries(ada: &Person, good: &Value, payload: &str, signature: &str) -> Vec<String> {
    let header = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let mut forged = vec![
        signed("another secret, just as long as it must be", good),
        signed("", good),
        signed_by::<Hmac<Sha512>>(&json!({"typ": "JWT", "alg": "HS512"}), SECRET, good),
        signed_by::<Hmac<Sha384>>(&json!({"typ": "JWT", "alg": "HS384"}), SECRET, good),
        ada.refresh_token.clone(),
        format!("atl_{}", ada.refresh_token),
        ada.access_token[..ada.access_token.len() - 1].to_owned(),
        ada.access_token[..ada.access_token.len() / 2].to_owned(),
        format!("{}.{payload}.{signature}", header("{\"alg\":\"HS256\"}")),
        "garbage".to_owned(),
        "..".to_owned(),
        "x".repeat(10_000),
    ];
    for algorithm in ["none", "None", "nOnE", "", "RS256", "ES256", "PS256", "EdDSA"] {
        let header = header(&json!({"alg": algorithm, "typ": "JWT"}).to_string());
        forged.push(format!("{header}.{payload}."));
        forged.push(format!("{header}.{payload}.{signature}"));
    }
    for claim in ["sub", "fam", "iss", "aud", "iat", "exp"] {
        let mut without = good.clone();
        without.as_object_mut().expect("an object").remove(claim);
        forged.push(signed(SECRET, &without));
    }
    // A key that the sender chose.
    let chosen = json!({
        "typ": "JWT", "alg": "HS256", "kid": "../../../dev/null", "jku": "https://evil.example/keys",
    });
    forged.push(signed_by::<Hmac<Sha256>>(&chosen, "", good));
    forged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_tokens_are_rejected() {
    let app = AppSetup::embedded().with(|settings| settings.auth.jwt_secret = SECRET.into()).start().await;
    let ada = app.client().register("ada@example.org").await;
    let good = claims(&ada.access_token);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signed(SECRET, &claims)
    };
    let status = async |token: &str| app.client().signed_in(token).get("/api/auth/me").send().await;
    assert_eq!(status(&signed(SECRET, &good)).await.status, 200, "the test can sign");

    let [_, payload, signature] = ada.access_token.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };
    let mut forged = forgeries(&ada, &good, payload, signature);
    forged.extend([
        with("aud", json!("somebody-else")),
        with("iss", json!("somebody-else")),
        with("iss", json!("https://another-installation.example")),
        with("sub", json!(NOBODYS)),
        with("fam", json!(NOBODYS)),
        with("nbf", json!(FAR_AWAY)),
        with("iat", json!(FAR_AWAY)),
    ]);
    for token in forged {
        let _refused = status(&token).await.refused(401, "INVALID_TOKEN");
    }
    let _old = status(&with("exp", json!(1_000_000_000))).await.refused(401, "TOKEN_EXPIRED");
    for scheme in [format!("Basic {}", ada.access_token), ada.access_token.clone(), "Bearer".to_owned()] {
        let call = app.client().get("/api/auth/me").header("authorization", &scheme);
        let _refused = call.send().await.refused(401, "UNAUTHENTICATED");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_expires_after_half_an_hour() {
    let app = AppSetup::embedded().start().await;
    let ada = app.client().register("ada@example.org").await;

    app.advance(TimeDelta::minutes(29)).await;
    ada.get("/api/auth/me").await;
    app.advance(TimeDelta::minutes(2)).await;
    let _refused = ada.client.get("/api/auth/me").send().await.refused(401, "TOKEN_EXPIRED");

    let refreshed = app.client().refresh(&ada.refresh_token).await.expect(200);
    assert_eq!(refreshed.json()["expires_in"], 1800);
    let ada = app.client().person(&refreshed);
    ada.get("/api/auth/me").await;
    app.advance(TimeDelta::days(8)).await;
    let _refused = app.client().refresh(&ada.refresh_token).await.refused(401, "TOKEN_EXPIRED");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_ends_with_its_sign_in_and_its_account() {
    let app = AppSetup::embedded().start().await;
    let client = app.client();
    let ada = client.register("ada@example.org").await;
    let elsewhere = client.person(&client.login("ada@example.org", PASSWORD).await.expect(200));
    let sessions = ada.get("/api/auth/sessions").await;
    let other = sessions.as_array().expect("a list").iter().find(|entry| entry["current"] == false);
    let other = other.expect("the other sign-in")["id"].as_str().expect("an id").to_owned();

    let ended = ada.client.call("DELETE", &format!("/api/auth/sessions/{other}")).send().await;
    let _ended = ended.expect(200);
    let _refused = elsewhere.client.get("/api/auth/me").send().await.refused(401, "INVALID_TOKEN");
    let _refused = client.refresh(&elsewhere.refresh_token).await.refused(401, "INVALID_TOKEN");
    ada.get("/api/auth/me").await;

    let closed = users::ActiveModel { is_active: Set(false), ..Default::default() };
    users::Entity::update_many().set(closed).exec(app.db()).await.expect("a database");
    let _refused = ada.client.get("/api/auth/me").send().await.refused(403, "ACCOUNT_DEACTIVATED");
    users::Entity::delete_many().exec(app.db()).await.expect("a database");
    let _refused = ada.client.get("/api/auth/me").send().await.refused(401, "INVALID_TOKEN");
    app.finish_leaving(&["email.deliver"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_another_installation_is_rejected() {
    let setup = AppSetup::scaled().await.without(Role::Worker).without(Role::Scheduler);
    let mut app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;

    // A copy of the database with the same secret, like a staging installation.
    app.settings.server.public_url = "https://staging.atelier.test".to_owned();
    let staging = app.start(Role::Api).await;
    let _refused =
        staging.signed_in(&ada.access_token).get("/api/auth/me").send().await.refused(401, "INVALID_TOKEN");
    let there = staging.person(&staging.login("ada@example.org", PASSWORD).await.expect(200));
    there.get("/api/auth/me").await;
    let here = app.client().signed_in(&there.access_token).get("/api/auth/me").send().await;
    let _refused = here.refused(401, "INVALID_TOKEN");
    app.finish_leaving(&["email.deliver"]).await;
}
