//! Access tokens that are missing, broken, forged or too old.

use atelier_tests::AppSetup;
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::document::{NOBODYS, operations};

const SECRET: &str = "the signing secret of this one test";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_answered_without_a_token_but_what_is_public() {
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
    jsonwebtoken::dangerous::insecure_decode::<Value>(token).expect("a token").claims
}

fn signed(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
    encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).expect("a token")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_our_own_tokens_are_believed() {
    let app = AppSetup::embedded().with(|settings| settings.auth.jwt_secret = SECRET.into()).start().await;
    let ada = app.client().register("ada@example.org").await;
    let good = claims(&ada.access_token);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signed(Algorithm::HS256, SECRET, &claims)
    };
    let status = async |token: &str| app.client().signed_in(token).get("/api/auth/me").send().await;
    assert_eq!(status(&signed(Algorithm::HS256, SECRET, &good)).await.status, 200, "the test can sign");

    let [_, payload, signature] = ada.access_token.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let forged = [
        signed(Algorithm::HS256, "another secret, just as long as it must be", &good),
        signed(Algorithm::HS512, SECRET, &good),
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        with("aud", json!("somebody-else")),
        with("iss", json!("somebody-else")),
        with("sub", json!(NOBODYS)),
        with("fam", json!(NOBODYS)),
        ada.refresh_token.clone(),
        ada.access_token[..ada.access_token.len() - 1].to_owned(),
        "garbage".to_owned(),
        "x".repeat(6000),
    ];
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
async fn a_token_is_good_for_half_an_hour() {
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
