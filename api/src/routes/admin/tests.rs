mod accounts;
mod logs;

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use crate::testing::{LIMITS, TestApi};

/// What every route here is called with by those who may not.
const ROUTES: [(&str, &str); 22] = [
    ("POST", "/api/admin/jobs/cancel"),
    ("POST", "/api/admin/jobs/replay"),
    ("POST", "/api/admin/jobs/discard"),
    ("GET", "/api/admin/scaling"),
    ("GET", "/api/admin/schedules"),
    ("GET", "/api/admin/schedules/stats.aggregate/why"),
    ("GET", "/api/admin/queues/email/limits"),
    ("PUT", "/api/admin/queues/email/limits"),
    ("POST", "/api/admin/queues/email/pause"),
    ("GET", "/api/admin/users"),
    ("GET", "/api/admin/users/0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a"),
    ("PUT", "/api/admin/users/0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a"),
    ("DELETE", "/api/admin/users/0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a"),
    ("PATCH", "/api/admin/users/0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a/deactivate"),
    ("PATCH", "/api/admin/users/0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a/activate"),
    ("GET", "/api/admin/stats/overview"),
    ("GET", "/api/admin/stats/users-growth"),
    ("GET", "/api/admin/system/health"),
    ("GET", "/api/admin/logs"),
    ("GET", "/api/admin/logs/stats"),
    ("GET", "/api/admin/logs/export"),
    ("DELETE", "/api/admin/logs/cleanup"),
];

#[tokio::test]
async fn routes_of_administrators_refuse_others() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    for (method, path) in ROUTES {
        for (token, status, code) in [("", 401, "UNAUTHENTICATED"), (ada.as_str(), 403, "FORBIDDEN")] {
            let answer = api.call(method, path, token, Value::Null).await;
            assert_eq!((answer.status.as_u16(), &answer.body["code"]), (status, &code.into()), "{path}");
        }
    }
}

#[tokio::test]
async fn many_jobs_are_counted_and_then_steered() {
    let api = TestApi::start(LIMITS).await;
    let (root, ada) = (api.register_admin("root@example.org").await, api.register("ada@example.org").await);
    let project = api.create_project(&ada).await;
    api.call("POST", &format!("/api/projects/{project}/generate"), &ada, Value::Null).await;
    let filter = |dry_run| json!({"queue": "generation", "status": "available", "dry_run": dry_run});

    let counted = api.call("POST", "/api/admin/jobs/cancel", &root, filter(true)).await;
    assert_eq!((counted.status.as_u16(), &counted.body), (200, &json!({"count": 1})));
    let steered = api.call("POST", "/api/admin/jobs/cancel", &root, filter(false)).await;
    assert_eq!(
        (steered.status.as_u16(), &steered.body["job"]["kind"]),
        (202, &"maintenance.steer_jobs".into())
    );
    let location = steered.headers["location"].to_str().expect("text").to_owned();
    assert_eq!(location, format!("/api/jobs/{}", steered.body["job"]["id"].as_str().expect("an id")));
    assert_eq!(api.call("GET", &location, &root, Value::Null).await.body["lane"], "urgent");
}

#[tokio::test]
async fn a_filter_that_would_mean_more_than_it_says_is_refused() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    for (action, body, field) in [
        ("cancel", json!({}), "filter"),
        ("discard", json!({"dry_run": false}), "filter"),
        ("cancel", json!({"dry_run": true}), "filter"),
        ("cancel", json!({"staus": "failed"}), "staus"),
        ("cancel", json!({"status": "done"}), "status"),
        ("cancel", json!({"queue": "lunch"}), "queue"),
        ("cancel", json!({"owner": "seven"}), "owner"),
        ("cancel", json!({"created_before": "yesterday"}), "created_before"),
        ("replay", json!({"kind": "generation.run"}), "kind"),
    ] {
        let answer = api.call("POST", &format!("/api/admin/jobs/{action}"), &root, body.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["code"]),
            (422, &"VALIDATION_FAILED".into()),
            "{body}"
        );
        let details = answer.body["details"].as_object().expect("details");
        assert_eq!(details.keys().collect::<Vec<_>>(), [field], "{body} {details:?}");
    }
}

#[tokio::test]
async fn limits_are_replaced_as_a_whole() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    let path = "/api/admin/queues/email/limits";
    let none = json!({"max_running": null, "max_running_per_owner": null, "rate": null});
    assert_eq!(api.call("GET", path, &root, Value::Null).await.body, none);

    let limits =
        json!({"max_running": 5, "max_running_per_owner": null, "rate": {"count": 100, "period_secs": 60}});
    let put = api.call("PUT", path, &root, limits.clone()).await;
    assert_eq!((put.status.as_u16(), &put.body), (200, &limits));
    assert_eq!(api.call("GET", path, &root, Value::Null).await.body, limits);
    assert_eq!(api.call("PUT", path, &root, json!({})).await.body, none);

    for (body, field) in [
        (json!({"max_running": 0}), "max_running"),
        (json!({"max_running": -1}), "max_running"),
        (json!({"max_runing": 5}), "max_runing"),
        (json!({"rate": {"count": 5}}), "rate.period_secs"),
        (json!({"rate": {"count": 5, "period_secs": 0}}), "rate.period_secs"),
    ] {
        let refused = api.call("PUT", path, &root, body.clone()).await;
        assert_eq!(refused.status, 422, "{body}");
        assert!(refused.body["details"][field].is_string(), "{body} {}", refused.body);
    }
    for (method, path) in
        [("GET", "/api/admin/queues/lunch/limits"), ("POST", "/api/admin/queues/lunch/pause")]
    {
        assert_eq!(api.call(method, path, &root, Value::Null).await.status, 404, "{path}");
    }
    let missing = api.call("PUT", "/api/admin/queues/lunch/limits", &root, json!({})).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn queues_are_shown_with_what_limits_them() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    let limits = json!({"max_running": 5, "rate": {"count": 100, "period_secs": 60}});
    api.call("PUT", "/api/admin/queues/email/limits", &root, limits).await;

    let queues = api.call("GET", "/api/admin/queues", &root, Value::Null).await.body;

    let of = |name: &str| {
        let mut all = queues.as_array().expect("queues").iter();
        all.find(|queue| queue["queue"] == name).expect("the queue").clone()
    };
    let unlimited = json!({"max_running": null, "max_running_per_owner": null, "slots": 0, "workers": 0});
    assert_eq!((&of("stats")["rate"], &of("stats")["concurrency"]), (&Value::Null, &unlimited));
    assert_eq!(of("email")["rate"], json!({"count": 100, "period_secs": 60}));
    assert_eq!(of("email")["concurrency"]["max_running"], 5);
}

#[tokio::test]
async fn autoscalers_get_the_load_or_one_number() {
    let api = TestApi::start(LIMITS).await;
    let (root, ada) = (api.register_admin("root@example.org").await, api.register("ada@example.org").await);
    let project = api.create_project(&ada).await;
    api.call("POST", &format!("/api/projects/{project}/generate"), &ada, Value::Null).await;

    let all = api.call("GET", "/api/admin/scaling", &root, Value::Null).await;
    let generation = &all.body[0];
    assert_eq!(
        (&generation["queue"], &generation["backlog"]),
        (&"generation".into(), &1.into()),
        "{}",
        all.body
    );
    assert!(generation["arrivals"]["last_minute"].as_f64().expect("a rate") > 0.0);
    assert_eq!((&generation["workers"], &generation["drain_secs"]), (&0.into(), &Value::Null));
    let one =
        api.call("GET", "/api/admin/scaling?queue=generation&target_wait_secs=60", &root, Value::Null).await;
    assert_eq!(one.body, json!({"value": 1}));
    let idle = api.call("GET", "/api/admin/scaling?queue=workflow", &root, Value::Null).await;
    assert_eq!(idle.body, json!({"value": 0}));

    let bare = api.call("GET", "/api/admin/scaling?queue=generation&format=text", &root, Value::Null).await;
    assert_eq!(bare.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(bare.body, 1);
    for (path, accepted, body) in [
        ("/api/admin/scaling?queue=generation", "text/plain", json!(1)),
        ("/api/admin/scaling?queue=generation", "*/*", json!({"value": 1})),
        ("/api/admin/scaling?queue=generation&format=json", "text/plain", json!({"value": 1})),
    ] {
        let request = Request::get(path).header("authorization", format!("Bearer {root}"));
        let request = request.header("accept", accepted).body(Body::empty()).expect("a request");
        assert_eq!(api.send(request).await.body, body, "{path} {accepted}");
    }

    for query in [
        "queue=lunch",
        "target_wait_secs=0",
        "target_wait_secs=86401",
        "target_wait_secs=soon",
        "format=text",
        "queue=email&format=xml",
    ] {
        let refused = api.call("GET", &format!("/api/admin/scaling?{query}"), &root, Value::Null).await;
        assert_eq!(refused.status, 422, "{query}");
    }
    assert_eq!(api.call("GET", "/api/admin/schedules", &root, Value::Null).await.body, json!([]));
}
