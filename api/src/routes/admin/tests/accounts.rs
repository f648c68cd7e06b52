use serde_json::{Value, json};

use crate::testing::{LIMITS, TestApi};

const NOBODY: &str = "0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a";

async fn id_of(api: &TestApi, token: &str) -> String {
    let me = api.call("GET", "/api/auth/me", token, Value::Null).await;
    me.body["user"]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn accounts_are_found_filtered_sorted_and_paged() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    for name in ["ada", "bob", "cyd"] {
        api.register(&format!("{name}@example.org")).await;
    }
    let list = async |query: &str| {
        let answer = api.call("GET", &format!("/api/admin/users?{query}"), &root, Value::Null).await;
        assert_eq!(answer.status, 200, "{query} {}", answer.body);
        let emails = answer.body.as_array().expect("an array").iter();
        let names =
            emails.map(|user| user["email"].as_str().expect("text").split('@').next().map(str::to_owned));
        let total = answer.headers["x-total-count"].to_str().expect("text").to_owned();
        (names.map(|name| name.expect("a name")).collect::<Vec<_>>().join(" "), total)
    };
    for (query, names, total) in [
        ("", "cyd bob ada root", "4"),
        ("search=", "cyd bob ada root", "4"),
        ("search=ADA@", "ada", "1"),
        ("search=%25", "", "0"),
        ("role=admin", "root", "1"),
        ("role=user&sort=email&order=asc", "ada bob cyd", "3"),
        ("sort=email&order=asc&page=2&page_size=3", "root", "4"),
        ("is_active=false", "", "0"),
        ("provider=email&plan=free&is_verified=false&role=user", "cyd bob ada", "3"),
        ("created_before=2001-01-01T00:00:00Z", "", "0"),
    ] {
        assert_eq!(list(query).await, (names.to_owned(), total.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn a_parameter_that_does_not_fit_is_named() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    let long = format!("users?search={}", "x".repeat(5_000));
    for (path, field) in [
        (long.as_str(), "search"),
        ("users?search=a%0Ab", "search"),
        ("users?role=king", "role"),
        ("users?is_active=maybe", "is_active"),
        ("users?sort=password_hash", "sort"),
        ("users?order=up", "order"),
        ("users?plan=%01", "plan"),
        ("users?created_from=yesterday", "created_from"),
        ("users?created_from=2026-01-02T00:00:00Z&created_before=2026-01-01T00:00:00Z", "created_before"),
        ("users?created_from=-9999-01-01T00:00:00Z", "created_from"),
        ("logs/stats?before=0001-01-01T00:00:00Z", "before"),
        ("users?page=0", "page"),
        ("users?page_size=101", "page_size"),
        ("users?page=99999999999999999999", "page"),
        ("stats/users-growth?period=hour", "period"),
        ("stats/users-growth?time_zone=Mars/Base", "time_zone"),
        ("stats/users-growth?from=2026-02-30", "from"),
        ("stats/users-growth?from=1990-01-01", "from"),
        ("stats/users-growth?from=-9999-01-01&to=-9998-01-01", "from"),
        ("stats/users-growth?from=2026-01-02&to=2026-01-01", "to"),
        ("logs?level=loud", "level"),
        ("logs?action=Auth", "action"),
        ("logs?actor_id=seven", "actor_id"),
        ("logs?target=%01", "target"),
        ("logs?ip=1%0A1", "ip"),
        ("logs?from=2026-01-02T00:00:00Z&before=2026-01-01T00:00:00Z", "before"),
        ("logs?page_size=1000", "page_size"),
        ("logs/stats?from=2020-01-01T00:00:00Z", "from"),
        ("logs/export?format=pdf", "format"),
        ("logs/export?limit=0", "limit"),
        ("logs/export?limit=100001", "limit"),
        ("logs/export?action=%25", "action"),
    ] {
        let answer = api.call("GET", &format!("/api/admin/{path}"), &root, Value::Null).await;
        let shown = &path[..path.len().min(60)];
        assert_eq!(
            (answer.status.as_u16(), &answer.body["code"]),
            (422, &"VALIDATION_FAILED".into()),
            "{shown}"
        );
        assert!(answer.body["details"][field].is_string(), "{shown} {}", answer.body);
    }
}

#[tokio::test]
async fn an_account_is_looked_at_and_changed() {
    let api = TestApi::start(LIMITS).await;
    let (root, ada) = (api.register_admin("root@example.org").await, api.register("ada@example.org").await);
    let path = format!("/api/admin/users/{}", id_of(&api, &ada).await);
    api.create_project(&ada).await;

    let detail = api.call("GET", &path, &root, Value::Null).await;
    assert_eq!((detail.status.as_u16(), &detail.body["user"]["email"]), (200, &json!("ada@example.org")));
    assert_eq!(
        (&detail.body["counts"]["projects"], &detail.body["counts"]["sessions"]),
        (&json!(1), &json!(1))
    );
    assert!(!detail.body.to_string().contains("password"), "{}", detail.body);

    let unproven = api.call("PUT", &path, &root, json!({"is_admin": true})).await;
    assert_eq!((unproven.status.as_u16(), &unproven.body["code"]), (409, &json!("EMAIL_UNPROVEN")));
    assert!(unproven.body["details"]["is_admin"].is_string(), "{}", unproven.body);
    api.prove("ada@example.org").await;
    let changes = json!({"full_name": "Ada King", "credits": 40, "is_admin": true, "reason": "A prize"});
    for _ in 0..2 {
        let changed = api.call("PUT", &path, &root, changes.clone()).await;
        assert_eq!(
            (changed.status.as_u16(), &changed.body["user"]["credits"]),
            (200, &json!(40)),
            "{}",
            changed.body
        );
    }
    let history = api.call("GET", "/api/credits/history", &ada, Value::Null).await;
    let rows = history.body.as_array().expect("an array").iter();
    assert_eq!(rows.filter(|row| row["type"] == "adjustment").count(), 1, "{}", history.body);

    for (body, field) in [
        (json!({"credits": -1}), "credits"),
        (json!({"credits": 1.5}), "credits"),
        (json!({"email": "nobody"}), "email"),
        (json!({"full_name": ""}), "full_name"),
        (json!({"subscription_plan": "Gold plan"}), "subscription_plan"),
        (json!({"locale": "de"}), "locale"),
        (json!({"is_amdin": true}), "is_amdin"),
    ] {
        let refused = api.call("PUT", &path, &root, body.clone()).await;
        assert_eq!(refused.status, 422, "{body} {}", refused.body);
        assert!(refused.body["details"][field].is_string(), "{body} {}", refused.body);
    }
    let taken = api.call("PUT", &path, &root, json!({"email": "ROOT@example.org"})).await;
    assert_eq!((taken.status.as_u16(), &taken.body["code"]), (409, &json!("EMAIL_TAKEN")));
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_what_is_no_id_is_refused() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    for (method, end) in
        [("GET", ""), ("PUT", ""), ("DELETE", ""), ("PATCH", "/deactivate"), ("PATCH", "/activate")]
    {
        let body = if method == "PUT" { json!({}) } else { Value::Null };
        let unknown = api.call(method, &format!("/api/admin/users/{NOBODY}{end}"), &root, body.clone()).await;
        assert_eq!((unknown.status.as_u16(), &unknown.body["code"]), (404, &json!("NOT_FOUND")), "{method}");
        let wrong = api.call(method, &format!("/api/admin/users/seven{end}"), &root, body).await;
        assert_eq!((wrong.status.as_u16(), &wrong.body["code"]), (400, &json!("INVALID_PATH")), "{method}");
    }
}

#[tokio::test]
async fn a_deactivated_persons_access_token_is_refused_at_once() {
    let api = TestApi::start(LIMITS).await;
    let (root, ada) = (api.register_admin("root@example.org").await, api.register("ada@example.org").await);
    let path = format!("/api/admin/users/{}", id_of(&api, &ada).await);
    let me = async || {
        let answer = api.call("GET", "/api/auth/me", &ada, Value::Null).await;
        (answer.status.as_u16(), answer.body["code"].clone())
    };
    assert_eq!(me().await, (200, Value::Null));

    for _ in 0..2 {
        let answer = api.call("PATCH", &format!("{path}/deactivate"), &root, Value::Null).await;
        assert_eq!((answer.status.as_u16(), &answer.body["user"]["is_active"]), (200, &json!(false)));
        assert_eq!(me().await, (403, json!("ACCOUNT_DEACTIVATED")));
    }
    let login = json!({"email": "ada@example.org", "password": "correct horse"});
    let refused = api.call("POST", "/api/auth/login", "", login.clone()).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (403, &json!("ACCOUNT_DEACTIVATED")));
    let answer = api.call("PATCH", &format!("{path}/activate"), &root, Value::Null).await;
    assert_eq!((answer.status.as_u16(), &answer.body["user"]["is_active"]), (200, &json!(true)));
    assert_eq!(me().await, (401, json!("INVALID_TOKEN")), "the sign-in has ended");
    assert_eq!(api.call("POST", "/api/auth/login", "", login).await.status, 200);
}

#[tokio::test]
async fn the_last_admin_stays_and_ones_own_account_goes_another_way() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    let path = format!("/api/admin/users/{}", id_of(&api, &root).await);
    let own = json!({"password": "correct horse"});
    for (method, path, body) in [
        ("PUT", path.clone(), json!({"is_admin": false})),
        ("PUT", path.clone(), json!({"is_active": false})),
        ("PATCH", format!("{path}/deactivate"), Value::Null),
        ("DELETE", path.clone(), Value::Null),
        ("DELETE", "/api/users/me".to_owned(), own),
    ] {
        let refused = api.call(method, &path, &root, body.clone()).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.body["code"]),
            (409, &json!("LAST_ADMIN")),
            "{method} {path} {body}"
        );
    }
    let other = api.register_admin("other@example.org").await;
    let refused = api.call("DELETE", &path, &root, Value::Null).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &json!("OWN_ACCOUNT")));
    let deleted = api.call("DELETE", &path, &other, Value::Null).await;
    assert_eq!((deleted.status.as_u16(), &deleted.body), (200, &json!({"success": true})));
    assert_eq!(api.call("DELETE", &path, &other, Value::Null).await.status, 404, "a second click");
    assert_eq!(api.call("GET", "/api/auth/me", &root, Value::Null).await.status, 401);
}
