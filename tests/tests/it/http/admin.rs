//! Administrators: accounts, the audit log, and the health of the platform.

use std::collections::BTreeSet;

use atelier_entities::{audit_archives, audit_log, users};
use atelier_foundation::mail::OutboxFilter;
use atelier_providers::object_store::{ObjectStoreOptions, Objects};
use atelier_tests::{AppSetup, PASSWORD, Person, TestApp, job_id, until};
use chrono::TimeDelta;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};

/// Registers an administrator.
async fn operator(app: &TestApp, email: &str) -> Person {
    let person = app.client().register(email).await;
    let right = users::ActiveModel { is_admin: Set(true), ..Default::default() };
    let of_them = users::Entity::update_many().set(right).filter(users::Column::Email.eq(email));
    of_them.exec(app.db()).await.expect("a database");
    person
}

fn account(person: &Person) -> String {
    format!("/api/admin/users/{}", person.id)
}

pub(super) async fn a_deactivated_persons_tokens_end_at_once(setup: AppSetup) {
    let app = setup.start().await;
    let root = operator(&app, "root@example.org").await;
    let ada = app.client().register("ada@example.org").await;
    let token = json!({"name": "Nightly build", "scopes": ["read"]});
    let token = ada.client.post("/api/auth/tokens").json(&token).send().await.expect(201).json();
    let script = app.client().signed_in(token["token"].as_str().expect("a token"));
    let _reads = script.get("/api/projects").send().await.expect(200);

    let path = format!("{}/deactivate", account(&ada));
    let _deactivated = root.client.call("PATCH", &path).send().await.expect(200);

    for client in [&ada.client, &script] {
        let _refused = client.get("/api/projects").send().await.refused(403, "ACCOUNT_DEACTIVATED");
    }
    let _refused = app.client().refresh(&ada.refresh_token).await.refused(401, "INVALID_TOKEN");
    let _refused = app.client().login("ada@example.org", PASSWORD).await.refused(403, "ACCOUNT_DEACTIVATED");
    let path = format!("{}/activate", account(&ada));
    let _activated = root.client.call("PATCH", &path).send().await.expect(200);
    let _refused = ada.client.get("/api/projects").send().await.refused(401, "INVALID_TOKEN");
    let _again = app.client().login("ada@example.org", PASSWORD).await.expect(200);
    app.finish().await;
}

pub(super) async fn concurrent_removals_of_administrators_leave_one(setup: AppSetup) {
    let app = setup.start().await;
    for round in 0..4 {
        let one = operator(&app, &format!("one{round}@example.org")).await;
        let two = operator(&app, &format!("two{round}@example.org")).await;
        let act = async |by: &Person, whom: &Person| {
            let path = account(whom);
            match round % 4 {
                0 => by.client.call("PUT", &path).json(&json!({"is_admin": false})).send().await,
                1 => by.client.call("PATCH", &format!("{path}/deactivate")).send().await,
                2 => by.client.call("DELETE", &path).send().await,
                _ => {
                    let own = json!({"password": PASSWORD});
                    by.client.call("DELETE", "/api/users/me").json(&own).send().await
                }
            }
        };

        let answers = tokio::join!(act(&one, &two), act(&two, &one));

        let mut statuses = [answers.0.status, answers.1.status];
        statuses.sort_unstable();
        assert_eq!(statuses[0], 200, "{} {}", answers.0.text(), answers.1.text());
        // The second one is the last administrator, or has lost the right meanwhile.
        assert!(matches!(statuses[1], 401 | 403 | 404 | 409), "{} {}", answers.0.text(), answers.1.text());
        let admins = || {
            users::Entity::find()
                .filter(users::Column::IsAdmin.eq(true))
                .filter(users::Column::IsActive.eq(true))
        };
        assert_eq!(admins().count(app.db()).await.expect("a database"), 1, "round {round}");
        let nobody = users::ActiveModel { is_admin: Set(false), ..Default::default() };
        users::Entity::update_many().set(nobody).exec(app.db()).await.expect("a database");
    }
    app.finish().await;
}

pub(super) async fn a_balance_set_twice_concurrently_changes_once(setup: AppSetup) {
    let app = setup.start().await;
    let root = operator(&app, "root@example.org").await;
    let ada = app.client().register("ada@example.org").await;
    let path = account(&ada);
    let changes = json!({"credits": 100, "reason": "A prize"});
    let set = async || root.client.call("PUT", &path).json(&changes).send().await.expect(200);

    let _both = tokio::join!(set(), set());

    assert_eq!(ada.balance().await, 100);
    let logs = root.get(&format!("/api/admin/logs?action=credits.adjust&target=user:{}", ada.id)).await;
    assert_eq!(logs.as_array().expect("an array").len(), 1, "{logs}");
    assert_eq!(logs[0]["context"]["before"], json!({"credits": 10}));
    assert_eq!((&logs[0]["actor_id"], &logs[0]["level"]), (&json!(root.id), &json!("warning")));
    assert!(logs[0]["request_id"].is_string() && logs[0]["ip"].is_string(), "{logs}");
    let exported = ada.get("/api/users/me/export").await;
    let credits = exported["credits"].to_string();
    assert_eq!(credits.matches("adjustment").count(), 1, "{credits}");
    app.finish().await;
}

pub(super) async fn old_entries_are_archived_before_they_are_deleted(setup: AppSetup) {
    let app = setup.with(|settings| settings.retention.batch = 10).start().await;
    let root = operator(&app, "root@example.org").await;
    for _ in 0..25 {
        let _me =
            root.client.call("PUT", "/api/users/me").json(&json!({"locale": "fr"})).send().await.expect(200);
    }
    let old = app.queue().now() - TimeDelta::days(400);
    let of_root = || audit_log::Entity::find().filter(audit_log::Column::Action.eq("account.update"));
    let ids: BTreeSet<String> = of_root()
        .all(app.db())
        .await
        .expect("a database")
        .into_iter()
        .map(|row| row.id.to_string())
        .collect();
    audit_log::Entity::update_many()
        .col_expr(audit_log::Column::CreatedAt, Expr::value(old))
        .filter(audit_log::Column::Action.eq("account.update"))
        .exec(app.db())
        .await
        .expect("a database");

    let clean = async || {
        root.client.call("DELETE", "/api/admin/logs/cleanup?older_than_days=300").send().await.expect(202)
    };
    let job = job_id(&clean().await);
    root.job_once(&job, "succeeded").await;

    assert_eq!(of_root().count(app.db()).await.expect("a database"), 0);
    let folder = app.settings.storage_dir().expect("a folder");
    let objects = Objects::open(&ObjectStoreOptions::Folder(folder)).expect("a store");
    let mut archived = Vec::new();
    for note in audit_archives::Entity::find().all(app.db()).await.expect("a database") {
        let (bytes, _) = objects.get(&note.object_key).await.expect("read").expect("an object");
        for line in String::from_utf8_lossy(&bytes).lines() {
            let entry: Value = serde_json::from_str(line).expect("JSON");
            archived.push(entry["id"].as_str().expect("an id").to_owned());
        }
    }
    assert_eq!((archived.len(), archived.into_iter().collect::<BTreeSet<_>>()), (25, ids));
    let stats = root.get("/api/admin/logs/stats").await;
    assert_eq!((&stats["archived"]["entries"], &stats["archived"]["objects"]), (&json!(25), &json!(3)));
    app.finish().await;
}

pub(super) async fn the_health_of_every_part_is_reported(setup: AppSetup) {
    let app = setup.start().await;
    let root = operator(&app, "root@example.org").await;
    let parts = ["database", "redis", "queues", "workers", "schedulers"];
    let health = until("every part is well", async || {
        let health = root.get("/api/admin/system/health").await;
        parts.iter().all(|part| health[part]["status"] == "ok").then_some(health)
    })
    .await;

    for part in parts {
        assert!(health[part]["latency_ms"].as_f64().expect("a time") < 2_500.0, "{part}: {health:#}");
        assert!(!health[part]["facts"].is_null(), "{part}: {health:#}");
    }
    let (engine, transport) =
        if app.settings.is_sqlite() { ("sqlite", "in-process") } else { ("postgresql", "redis") };
    assert_eq!(health["database"]["facts"]["engine"], engine);
    assert_eq!(health["redis"]["facts"]["transport"], transport);
    assert_eq!(health["redis"]["facts"]["version"].is_string(), transport == "redis", "{health:#}");
    assert_eq!(health["queues"]["facts"].as_array().expect("queues").len(), 6);
    assert!(health["database"]["facts"]["size_bytes"].as_i64().expect("bytes") > 0);
    let overview = until("the figures are counted", async || {
        let overview = root.get("/api/admin/stats/overview").await;
        overview["computed_at"].is_string().then_some(overview)
    })
    .await;
    assert!(overview["users"]["total"].is_number(), "{overview}");
    app.finish().await;
}

pub(super) async fn growth_is_counted_by_days_of_a_time_zone(setup: AppSetup) {
    let app = setup.start().await;
    let root = operator(&app, "root@example.org").await;
    let ada = app.client().register("ada@example.org").await;
    // 11 p.m. in London is the next day in Paris.
    let at: chrono::DateTime<chrono::Utc> = "2026-03-14T23:30:00Z".parse().expect("a time");
    users::Entity::update_many()
        .col_expr(users::Column::CreatedAt, Expr::value(at))
        .filter(users::Column::Email.eq(ada.email.as_str()))
        .exec(app.db())
        .await
        .expect("a database");
    for (zone, counts) in [("UTC", [1, 0]), ("Europe/Paris", [0, 1])] {
        let path = "/api/admin/stats/users-growth?from=2026-03-14&to=2026-03-15&time_zone=";
        let growth = root.get(&format!("{path}{zone}")).await;
        let points = growth["points"].as_array().expect("points");
        let found: Vec<_> = points.iter().map(|point| point["new_users"].as_i64()).collect();
        assert_eq!(found, counts.map(Some), "{growth}");
    }
    app.finish().await;
}

pub(super) async fn accounts_are_found_by_part_of_their_name(setup: AppSetup) {
    let app = setup.start().await;
    let root = operator(&app, "root@example.org").await;
    let odd = json!({"email": "odd_one@example.org", "password": PASSWORD, "full_name": "100% Élise"});
    let odd = app.client().register_with(odd).await;
    for (search, found) in [("LISE", true), ("100%25", true), ("d_o", true), ("d%25o", false), ("%5C", false)]
    {
        let users = root.get(&format!("/api/admin/users?search={search}")).await;
        let ids: Vec<_> = users.as_array().expect("an array").iter().map(|user| user["id"].clone()).collect();
        assert_eq!(ids.contains(&json!(odd.id)), found, "{search} {users}");
    }
    for sort in ["created_at", "email", "full_name", "last_active_at", "credits"] {
        let users = root.get(&format!("/api/admin/users?sort={sort}&order=asc&role=user")).await;
        assert_eq!(users.as_array().expect("an array").len(), 1, "{sort}");
    }
    let detail = root.get(&account(&odd)).await;
    assert_eq!(
        (&detail["counts"]["sessions"], &detail["counts"]["mails"]),
        (&json!(1), &json!(1)),
        "{detail}"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configured_administrator_gets_the_right_after_the_verification() {
    let setup = AppSetup::embedded();
    let mut app =
        setup.with(|settings| settings.auth.admin_email = "Root@example.org".to_owned()).start().await;
    let root = app.client().register("root@example.org").await;
    let _refused = root.client.get("/api/admin/users").send().await.refused(403, "FORBIDDEN");
    app.restart().await;
    let root = app.client().person(&app.client().login("root@example.org", PASSWORD).await.expect(200));
    let _refused = root.client.get("/api/admin/users").send().await.refused(403, "FORBIDDEN");

    let token = until("the welcome mail is kept", async || {
        let (mails, _) = app
            .platform()
            .services
            .foundation
            .mail
            .list_outbox(&OutboxFilter::default(), atelier_foundation::Page { number: 1, size: 10 })
            .await
            .expect("a database");
        let text = mails.into_iter().find_map(|mail| mail.text_body)?;
        let rest = text.split("#token=").nth(1)?.to_owned();
        Some(rest.split_whitespace().next()?.to_owned())
    })
    .await;
    let proof = json!({"token": token});
    let _proven = app.client().post("/api/auth/verify-email").json(&proof).send().await.expect(200);

    let grants = root.get("/api/admin/logs?action=account.grant_admin&level=critical").await;
    assert_eq!(grants.as_array().expect("an array").len(), 1, "{grants}");
    app.restart().await;
    let root = app.client().person(&app.client().login("root@example.org", PASSWORD).await.expect(200));
    let grants = root.get("/api/admin/logs?action=account.grant_admin").await;
    assert_eq!(grants.as_array().expect("an array").len(), 1, "once: {grants}");
    app.finish().await;
}
