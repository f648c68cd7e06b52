use serde_json::{Value, json};

use crate::testing::{LIMITS, TestApi};

#[tokio::test]
async fn what_was_done_is_found_by_who_what_and_where_from() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    let ada = api.register("ada@example.org").await;
    let me = api.call("GET", "/api/auth/me", &ada, Value::Null).await;
    let id = me.body["user"]["id"].as_str().expect("an id").to_owned();
    let list = async |query: &str| {
        let answer = api.call("GET", &format!("/api/admin/logs?{query}"), &root, Value::Null).await;
        assert_eq!(answer.status, 200, "{query} {}", answer.body);
        answer.body.as_array().expect("an array").clone()
    };

    let entries = list(&format!("actor_id={id}")).await;
    assert_eq!(
        (entries.len(), &entries[0]["action"], &entries[0]["ip"]),
        (1, &json!("auth.register"), &json!("127.0.0.1"))
    );
    let request = entries[0]["request_id"].as_str().expect("a request").to_owned();
    assert_eq!(list(&format!("request_id={request}")).await, entries);
    assert_eq!(list(&format!("target=user:{id}")).await, entries);
    assert_eq!(list("level=warning").await.len(), 0);
    assert_eq!(list("action=auth.*&page_size=1").await.len(), 1);
    assert_eq!(list("action=account.grant_admin&level=critical").await.len(), 1);

    let stats = api.call("GET", "/api/admin/logs/stats", &root, Value::Null).await;
    assert_eq!(
        (&stats.body["total"], &stats.body["by_level"]["critical"]),
        (&json!(3), &json!(1)),
        "{}",
        stats.body
    );
    assert_eq!(stats.body["by_action"][0], json!({"action": "auth.register", "count": 2}));
    assert_eq!(stats.body["by_day"].as_array().expect("days").len(), 1);
}

#[tokio::test]
async fn an_export_is_a_file_of_lines_and_is_recorded() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    let export = async |query: &str| {
        let answer = api.call("GET", &format!("/api/admin/logs/export?{query}"), &root, Value::Null).await;
        assert_eq!(answer.status, 200, "{query} {}", answer.body);
        let kind = answer.headers["content-type"].to_str().expect("text").to_owned();
        let name = answer.headers["content-disposition"].to_str().expect("text").to_owned();
        (kind, name, answer.body)
    };

    let (kind, name, csv) = export("format=csv&action=auth.*").await;
    assert_eq!(
        (kind.as_str(), name.as_str()),
        ("text/csv; charset=utf-8", "attachment; filename=\"audit-log.csv\"")
    );
    let csv = csv.as_str().expect("text").to_owned();
    assert!(csv.starts_with("id,created_at,level,") && csv.lines().count() == 2, "{csv}");
    let (kind, _, first) = export("limit=1").await;
    assert_eq!((kind.as_str(), &first["action"]), ("application/x-ndjson", &json!("audit.export")));
    let (_, _, nothing) = export("action=no.such").await;
    assert_eq!(nothing, json!(""));
}

#[tokio::test]
async fn a_cleanup_is_a_job_and_a_second_click_is_the_same_one() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    let clean = async |query: &str| {
        api.call("DELETE", &format!("/api/admin/logs/cleanup?{query}"), &root, Value::Null).await
    };

    let first = clean("older_than_days=30").await;
    assert_eq!(
        (first.status.as_u16(), &first.body["job"]["kind"]),
        (202, &json!("maintenance.archive_audit"))
    );
    let location = first.headers["location"].to_str().expect("text");
    assert_eq!(location, format!("/api/jobs/{}", first.body["job"]["id"].as_str().expect("an id")));
    let second = clean("older_than_days=30").await;
    assert_eq!((second.status.as_u16(), &second.body["job"]["id"]), (202, &first.body["job"]["id"]));
    let other = clean("older_than_days=7").await;
    assert_eq!((other.status.as_u16(), &other.body["code"]), (409, &json!("CLEANUP_IN_PROGRESS")));
    assert_eq!(other.body["details"]["job_id"], first.body["job"]["id"]);

    for (query, field) in [
        ("", "older_than_days"),
        ("older_than_days=0", "older_than_days"),
        ("older_than_days=-1", "older_than_days"),
        ("older_than_days=99999999999", "older_than_days"),
        ("older_then_days=30", "older_then_days"),
    ] {
        let refused = clean(query).await;
        assert_eq!(refused.status, 422, "{query} {}", refused.body);
        assert!(refused.body["details"][field].is_string(), "{query} {}", refused.body);
    }
}

#[tokio::test]
async fn the_platform_is_shown_at_a_glance() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    let get = async |path: &str| {
        let answer = api.call("GET", &format!("/api/admin/{path}"), &root, Value::Null).await;
        assert_eq!(answer.status, 200, "{path} {}", answer.body);
        answer.body
    };

    let overview = get("stats/overview").await;
    assert_eq!(
        (&overview["users"]["total"], &overview["computed_at"]),
        (&json!(0), &Value::Null),
        "not yet counted"
    );
    assert_eq!(overview["jobs"]["available"], 2, "the welcome mail and the one of the right");
    let growth = get("stats/users-growth?period=week&time_zone=Europe/Paris").await;
    assert_eq!((&growth["time_zone"], &growth["new_users"]), (&json!("Europe/Paris"), &json!(1)), "{growth}");
    let points = growth["points"].as_array().expect("points");
    assert_eq!((points.len(), &points[11]["new_users"], &points[0]["new_users"]), (12, &json!(1), &json!(0)));
    let health = get("system/health").await;
    assert_eq!(
        (&health["status"], &health["database"]["status"]),
        (&json!("down"), &json!("ok")),
        "{health}"
    );
    assert_eq!(health["redis"]["facts"]["transport"], "in-process");
    assert_eq!(
        (&health["workers"]["status"], &health["schedulers"]["status"]),
        (&json!("down"), &json!("down"))
    );
    assert!(health["disk"]["facts"]["total_bytes"].as_u64().expect("bytes") > 0);
}

#[tokio::test]
async fn who_probes_what_is_not_theirs_leaves_one_entry_with_who_and_where() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    let ada = api.register("ada@example.org").await;
    let input = json!({"name": "Nightly", "scopes": ["read"]});
    let made = api.call("POST", "/api/auth/tokens", &ada, input).await;
    let token = made.body["token"].as_str().expect("a token").to_owned();
    for _ in 0..5 {
        for path in ["/api/admin/users", "/api/admin/logs", "/api/admin/queues"] {
            assert_eq!(api.call("GET", path, &ada, Value::Null).await.status, 403);
        }
        assert_eq!(api.call("POST", "/api/projects", &token, json!({})).await.status, 403);
        assert_eq!(api.call("POST", "/api/auth/logout", &token, Value::Null).await.status, 403);
        assert_eq!(api.call("GET", "/api/admin/users", "", Value::Null).await.status, 401);
        assert_eq!(api.call("GET", "/api/admin/users", "nonsense", Value::Null).await.status, 401);
    }

    let logs =
        api.call("GET", "/api/admin/logs?action=auth.forbidden&level=warning", &root, Value::Null).await;

    let me = api.call("GET", "/api/auth/me", &ada, Value::Null).await.body["user"]["id"].clone();
    let entries = logs.body.as_array().expect("an array").clone();
    let mut targets: Vec<_> = entries.iter().filter_map(|entry| entry["target"].as_str()).collect();
    targets.sort_unstable();
    assert_eq!(targets, ["area:admin", "area:auth", "area:projects"], "{entries:?}");
    for entry in &entries {
        assert_eq!((&entry["actor_id"], &entry["ip"]), (&me, &json!("127.0.0.1")));
        assert!(entry["request_id"].is_string(), "{entry}");
    }
    let of = |target: &str| {
        let entry = entries.iter().find(|entry| entry["target"] == target).expect("an entry");
        entry["context"].clone()
    };
    let probed = json!({"code": "FORBIDDEN", "method": "GET", "path": "/api/admin/users", "api_token": null});
    assert_eq!(of("area:admin"), probed);
    assert_eq!(of("area:projects")["code"], "INSUFFICIENT_SCOPE");
    assert_eq!(of("area:projects")["api_token"], made.body["api_token"]["id"]);
}
