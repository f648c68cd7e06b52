use std::collections::BTreeSet;

use atelier_foundation::{Actor, audit};
use serde_json::{Value, json};

use crate::{
    openapi::document,
    testing::{LIMITS, TestApi},
};

#[tokio::test]
async fn a_profile_is_read_and_changed() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let change =
        json!({"avatar_url": "https://img.example/ada.png", "country": "fr", "settings": {"theme": "dark"}});
    let changed = api.call("PUT", "/api/users/me", &ada, change).await;
    assert_eq!(changed.status, 200, "{}", changed.body);

    let profile = api.call("GET", "/api/users/me", &ada, Value::Null).await;
    let user = &profile.body["user"];
    assert_eq!((&user["email"], &user["country"]), (&"ada@example.org".into(), &"FR".into()));
    assert_eq!((&user["full_name"], &user["settings"]["theme"]), (&"Ada Lovelace".into(), &"dark".into()));
    assert!(user.get("password_hash").is_none());
    let taken = api.call("PUT", "/api/users/me", &ada, json!({"avatar_url": null})).await;
    assert_eq!(
        (&taken.body["user"]["avatar_url"], &taken.body["user"]["country"]),
        (&Value::Null, &"FR".into())
    );

    for (change, field) in [
        (json!({"avatar_url": "http://img.example/ada.png"}), "avatar_url"),
        (json!({"country": "ZZ"}), "country"),
        (json!({"settings": [1]}), "settings"),
        (json!({"locale": "de"}), "locale"),
        (json!({"full_name": ""}), "full_name"),
    ] {
        let answer = api.call("PUT", "/api/users/me", &ada, change).await;
        assert_eq!(answer.status, 422, "{field}");
        assert!(answer.body["details"][field].is_string(), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_new_password_ends_every_sign_in_and_opens_one() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let path = "/api/users/me/password";
    let wrong = api.call("PUT", path, &ada, change("wrong horse", "another horse")).await;
    assert_eq!((wrong.status.as_u16(), &wrong.body["code"]), (403, &"WRONG_PASSWORD".into()));

    let changed = api.call("PUT", path, &ada, change("correct horse", "another horse")).await;

    assert_eq!(changed.status, 200, "{}", changed.body);
    let fresh = changed.body["access_token"].as_str().expect("a token");
    assert_eq!(api.call("GET", "/api/auth/me", &ada, Value::Null).await.status, 401);
    assert_eq!(api.call("GET", "/api/auth/me", fresh, Value::Null).await.status, 200);
}

#[tokio::test]
async fn guessing_is_slowed_down_for_known_and_unknown_accounts_alike() {
    let api = TestApi::start(LIMITS).await;
    api.register("ada@example.org").await;
    for email in ["ada@example.org", "nobody@example.org"] {
        let mut failures = 0;
        let refused = loop {
            let body = json!({"email": email, "password": "wrong horse"});
            let answer = api.call("POST", "/api/auth/login", "", body).await;
            if answer.body["code"] != "BAD_CREDENTIALS" {
                break answer;
            }
            failures += 1;
        };
        // A slow machine may sit out the first delays, which are of seconds.
        assert!((6..12).contains(&failures), "{email}: {failures}");
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (429, &"TOO_MANY_ATTEMPTS".into()));
        assert!(refused.headers.contains_key("retry-after"));
    }
}

#[tokio::test]
async fn all_data_is_in_one_document_without_secrets() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let project = api.create_project(&ada).await;
    let prompt = json!({"prompt": "Add a shelf"});
    api.call("POST", &format!("/api/projects/{project}/generate"), &ada, prompt).await;
    api.call("POST", "/api/auth/tokens", &ada, json!({"name": "Nightly", "scopes": ["read"]})).await;

    let answer = api.call("GET", "/api/users/me/export", &ada, Value::Null).await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.headers["content-disposition"].to_str().expect("text").starts_with("attachment"));
    let data = &answer.body;
    assert_eq!(data["profile"]["email"], "ada@example.org");
    assert_eq!((&data["projects"][0]["id"], &data["versions"]), (&project.into(), &json!([])));
    let job = &data["jobs"][0];
    assert_eq!((&job["kind"], &job["args"]["prompt"]), (&json!("generation.run"), &json!("Add a shelf")));
    let mails: Vec<_> =
        data["mails"].as_array().expect("mails").iter().map(|mail| &mail["template"]).collect();
    assert_eq!(data["totals"]["mails"], 2);
    assert!(mails.contains(&&json!("welcome")) && mails.contains(&&json!("api_token_created")), "{mails:?}");
    assert_eq!(data["api_tokens"][0]["name"], "Nightly");
    assert_eq!(data["links"][0]["email"], "ada@example.org");
    let text = data.to_string();
    assert!(!text.contains("argon2") && !text.contains("_hash") && !text.contains("token_id"), "{text}");
    let stats = api.call("GET", "/api/users/me/stats", &ada, Value::Null).await;
    assert_eq!((&stats.body["projects"], &stats.body["credits_used"]), (&1.into(), &2.into()));
}

#[tokio::test]
async fn all_data_has_the_shape_of_the_document_however_much_it_is() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    for name in ["one", "two"] {
        api.call("PUT", "/api/users/me", &ada, json!({"full_name": name})).await;
    }
    let id = api.call("GET", "/api/users/me", &ada, Value::Null).await.body["user"]["id"].clone();
    let user = serde_json::from_value(id).expect("an id");
    let actor = Actor::of_job(Some(user));
    let tx = api.services.queue.begin().await.expect("a transaction");
    for number in 0..1_200 {
        audit::record(&tx, &actor, "test.act", None, json!({"number": number})).await.expect("recorded");
    }
    tx.commit().await.expect("committed");

    let data = api.call("GET", "/api/users/me/export", &ada, Value::Null).await.body;

    let schema = &serde_json::to_value(document()).expect("JSON")["components"]["schemas"];
    let named = |name: &str| schema[name]["properties"].as_object().expect("an object").keys().cloned();
    let parts = schema["PersonalDataView"]["allOf"][1]["properties"].as_object().expect("an object");
    let expected: BTreeSet<_> = parts.keys().cloned().chain(named("AccountDataView")).collect();
    let found: BTreeSet<_> = data.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(found, expected);
    let numbers = data["activity"].as_array().expect("a list").iter();
    let numbers: BTreeSet<_> = numbers.filter_map(|entry| entry["context"]["number"].as_u64()).collect();
    assert_eq!(numbers, (0..1_200).collect());
    assert_eq!(data["totals"]["activity"], json!(data["activity"].as_array().map(Vec::len)));
}

#[tokio::test]
async fn no_api_token_exports_all_data() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let input = json!({"name": "Nightly", "scopes": ["read", "write"]});
    let made = api.call("POST", "/api/auth/tokens", &ada, input).await;
    let token = made.body["token"].as_str().expect("a token");

    let refused = api.call("GET", "/api/users/me/export", token, Value::Null).await;

    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (403, &"INSUFFICIENT_SCOPE".into()));
}

#[tokio::test]
async fn deleting_an_account_asks_for_its_password() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let project = api.create_project(&ada).await;
    for body in [Value::Null, json!({"password": "wrong horse"})] {
        let refused = api.call("DELETE", "/api/users/me", &ada, body).await;
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (403, &"WRONG_PASSWORD".into()));
    }

    let deleted = api.call("DELETE", "/api/users/me", &ada, json!({"password": "correct horse"})).await;

    assert_eq!((deleted.status.as_u16(), &deleted.body), (200, &json!({"success": true})));
    assert_eq!(api.call("GET", &format!("/api/projects/{project}"), &ada, Value::Null).await.status, 401);
    let login = json!({"email": "ada@example.org", "password": "correct horse"});
    assert_eq!(api.call("POST", "/api/auth/login", "", login).await.status, 401);
    api.register("ada@example.org").await;
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register_admin("ada@example.org").await;

    let refused = api.call("DELETE", "/api/users/me", &ada, json!({"password": "correct horse"})).await;

    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &"LAST_ADMIN".into()));
}
