//! The account of a demo.

use anyhow::Context;
use atelier_client::ApiClient;
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

/// Registers an account with a random address and password, and returns a signed-in client.
pub(crate) async fn register(anonymous: &ApiClient) -> anyhow::Result<ApiClient> {
    let email = format!("demo-{}@example.com", Uuid::now_v7().simple());
    let body = json!({
        "email": email,
        "password": Uuid::new_v4().to_string(),
        "full_name": "Demo",
    });
    let answer = anonymous.post("/api/auth/register", &body, None).await.context("cannot register")?;
    let token = answer
        .body
        .get("access_token")
        .and_then(Value::as_str)
        .context("the response has no access token")?;
    Ok(anonymous.clone().signed_in(SecretString::from(token)))
}
