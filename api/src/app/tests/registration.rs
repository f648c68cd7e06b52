//! Registration that does not reveal which addresses have an account.

use serde_json::{Value, json};

use crate::testing::{LIMITS, TestApi};

fn registration(email: &str) -> Value {
    json!({"email": email, "password": "correct horse", "full_name": "Ada"})
}

#[tokio::test]
async fn a_free_and_a_taken_address_get_the_same_answer() {
    let api = TestApi::start_hiding().await;
    let register = async |email: &str| {
        let answer = api.call("POST", "/api/auth/register", "", registration(email)).await;
        let mut headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        headers.sort();
        (answer.status.as_u16(), answer.body, headers)
    };

    let free = register("ada@example.org").await;
    let taken = register("Ada@example.org").await;

    assert_eq!((free.0, &free.1), (202, &json!({"success": true})));
    assert_eq!(free, taken);
    for email in ["ada@example.org", "bob@example.org"] {
        let body = json!({"email": email, "password": "correct horse"});
        let login = api.call("POST", "/api/auth/login", "", body).await;
        assert_eq!((login.status.as_u16(), &login.body["code"]), (401, &json!("BAD_CREDENTIALS")), "{email}");
    }
}

#[tokio::test]
async fn an_answer_to_codex_has_what_its_clients_read() {
    let api = TestApi::start(LIMITS).await;
    let answer = api.call("POST", "/api/auth/register", "", registration("ada@example.org")).await;
    let login = json!({"email": "ADA@example.org", "password": "correct horse"});
    let again = api.call("POST", "/api/auth/login", "", login).await;
    for (status, answer) in [(201, answer), (200, again)] {
        assert_eq!(answer.status, status);
        let mut names: Vec<_> = answer.body.as_object().expect("an object").keys().cloned().collect();
        names.sort();
        assert_eq!(names, ["access_token", "expires_in", "refresh_token", "token_type", "user"]);
        assert_eq!(answer.body["token_type"], "bearer");
        let token = answer.body["access_token"].as_str().expect("a token");
        let me = api.call("GET", "/api/auth/me", token, Value::Null).await;
        assert_eq!(me.body, json!({"user": answer.body["user"]}));
        let user = answer.body["user"].as_object().expect("an object");
        for field in [
            "id",
            "email",
            "full_name",
            "created_at",
            "updated_at",
            "is_active",
            "provider",
            "provider_id",
            "credits",
            "subscription_plan",
            "avatar_url",
            "locale",
            "time_zone",
            "country",
        ] {
            assert!(user.contains_key(field), "{field}");
        }
        assert!(!answer.body.to_string().contains("password"));
    }
}

#[tokio::test]
async fn common_passwords_are_refused_with_the_field() {
    let api = TestApi::start(LIMITS).await;
    let mut body = registration("ada@example.org");
    body["password"] = json!("password1");

    let answer = api.call("POST", "/api/auth/register", "", body).await;

    assert_eq!(answer.status, 422);
    assert!(answer.body["details"]["password"].as_str().expect("text").contains("common"));
}
