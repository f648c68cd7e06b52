//! Calls every operation of the document as every kind of caller.

mod actors;
mod table;

use std::collections::BTreeMap;

use atelier_entities::users;
use atelier_tests::{AppSetup, Person, TestApp};
use sea_orm::sea_query::Expr;
use serde_json::json;

use self::actors::{Actor, Items, set};
use self::table::{Access, TABLE, Who};
use super::document::{Operation, operations};

/// The codes of responses to callers without access.
const REFUSALS: [&str; 7] = [
    "UNAUTHENTICATED",
    "INVALID_TOKEN",
    "TOKEN_EXPIRED",
    "FORBIDDEN",
    "INSUFFICIENT_SCOPE",
    "EMAIL_NOT_VERIFIED",
    "ACCOUNT_DEACTIVATED",
];

#[test]
fn every_operation_has_a_line_that_agrees_with_the_document() {
    let mut lines: BTreeMap<&str, Access> = TABLE.iter().copied().collect();
    assert_eq!(lines.len(), TABLE.len(), "a line twice");
    for operation in operations() {
        let name = operation.name();
        let access = lines.remove(name.as_str());
        let access = access.unwrap_or_else(|| panic!("say in matrix/table.rs who may call {name}"));
        let documents = |status: &str| operation.statuses.iter().any(|known| known == status);
        assert_eq!(access.who == Who::Anybody, operation.is_public, "{name}");
        assert_eq!(access.who == Who::Admin, operation.is_admin_only(), "{name}");
        assert_eq!(access.who == Who::Anybody, operation.token_scopes.is_empty(), "{name}");
        assert_eq!(access.who == Who::Admin, operation.is_administration, "{name}");
        assert_eq!(access.owned, access.who == Who::Person && operation.path.contains("{id}"), "{name}");
        if access.who != Who::Anybody {
            assert!(documents("401") && documents("403"), "{name}");
        }
        assert!(!access.owned || documents("404"), "{name}");
    }
    assert!(lines.is_empty(), "no longer in the document: {lines:?}");
}

/// Orders reads first and deletions last.
fn rank(operation: &Operation) -> u8 {
    match (operation.method.as_str(), operation.path.as_str()) {
        ("GET", _) => 0,
        (_, "/api/auth/logout") => 4,
        ("DELETE", "/api/auth/sessions" | "/api/v1/automation/workflows/{id}/") => 3,
        ("DELETE", _) => 2,
        _ => 1,
    }
}

/// Calls every operation and checks each answer.
async fn check(actor: &Actor, items: &Items, must_verify: bool) {
    let lines: BTreeMap<&str, Access> = TABLE.iter().copied().collect();
    let mut operations = operations();
    operations.sort_by_key(rank);
    for operation in operations {
        let name = operation.name();
        let access = lines[name.as_str()];
        let call = actor.client.call(&operation.method, &items.path(&operation));
        let call = if operation.has_body { call.json(&json!({})) } else { call };
        let reply = call.send().await;
        let context = format!("{} as {}: {} {}", name, actor.name, reply.status, reply.text());
        assert!(operation.statuses.contains(&reply.status.to_string()), "not documented: {context}");
        if let Some((status, code)) = actor.refusal(&operation, access, must_verify) {
            assert_eq!(reply.status, status, "{context}");
            let reply = reply.refused(status, code);
            assert!(!reply.text().contains("Secret"), "{context}");
            continue;
        }
        assert!(reply.status < 500 && reply.status != 405, "{context}");
        if reply.status >= 400 && reply.header("content-type") == "application/json" {
            let code = reply.json()["code"].as_str().unwrap_or_default().to_owned();
            assert!(!REFUSALS.contains(&code.as_str()), "{context}");
            assert!(!(access.owned && code == "NOT_FOUND"), "{context}");
        }
    }
}

const READ: &[&str] = &["read"];
const WRITE: &[&str] = &["read", "write"];
const READ_ADMIN: &[&str] = &["read", "admin"];
const ALL: &[&str] = &["read", "write", "admin"];

/// The callers for whom the owner's data does not exist.
async fn others(app: &TestApp) -> Vec<Actor> {
    let client = app.client();
    let eve = client.register("eve@example.org").await;
    let gone = client.register("gone@example.org").await;
    for person in [&eve, &gone] {
        set(app, person, users::Column::IsAdmin, Expr::value(true)).await;
    }
    let gone_token = Actor::token("a token of a closed account", app, &gone, ALL).await;
    let eves = Actor::token("another's token for everything", app, &eve, ALL).await;
    for person in [&eve, &gone] {
        set(app, person, users::Column::IsAdmin, Expr::value(false)).await;
    }
    set(app, &gone, users::Column::IsActive, Expr::value(false)).await;
    vec![
        Actor::anonymous(app),
        Actor { active: false, ..Actor::session("a closed account", &gone) },
        Actor { active: false, ..gone_token },
        Actor::token("another's token to read", app, &eve, READ).await,
        Actor::token("another's token to write", app, &eve, WRITE).await,
        eves,
        Actor::session("another person", &eve),
    ]
}

async fn admins(app: &TestApp) -> Vec<Actor> {
    let root = app.client().register("root@example.org").await;
    set(app, &root, users::Column::IsAdmin, Expr::value(true)).await;
    let token = async |name, scopes| Actor { admin: true, ..Actor::token(name, app, &root, scopes).await };
    vec![
        token("an administrator's token to read", READ).await,
        token("an administrator's token to write", WRITE).await,
        token("an administrator's token to look after items", READ_ADMIN).await,
        token("an administrator's token for everything", ALL).await,
        Actor { admin: true, ..Actor::session("an administrator", &root) },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_answers_every_caller_as_declared() {
    let app = AppSetup::scaled().await.start().await;
    let ada = app.client().register("ada@example.org").await;
    let items = Items::of(&app, &ada).await;
    for actor in others(&app).await {
        check(&actor, &items, false).await;
    }

    let reader = Actor { owner: true, ..Actor::token("the owner's token to read", &app, &ada, READ).await };
    check(&reader, &items, false).await;
    // The second set is for the owner's session, because the token deletes the first one.
    let second = Items::of(&app, &ada).await;
    let writer = Actor { owner: true, ..Actor::token("the owner's token to write", &app, &ada, WRITE).await };
    check(&writer, &items, false).await;
    for admin in admins(&app).await {
        check(&admin, &second, false).await;
    }
    let owner = Actor { owner: true, ..Actor::session("the owner", &ada) };
    check(&owner, &second, false).await;
    app.finish().await;
}

/// A person whose data was created while their address was verified.
async fn owner(app: &TestApp, email: &str, is_proven: bool) -> (Person, Items) {
    let person = app.client().register(email).await;
    set(app, &person, users::Column::EmailVerifiedAt, Expr::value(chrono::Utc::now())).await;
    let items = Items::of(app, &person).await;
    if !is_proven {
        let nothing = Expr::value(None::<chrono::DateTime<chrono::Utc>>);
        set(app, &person, users::Column::EmailVerifiedAt, nothing).await;
    }
    (person, items)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unverified_person_neither_generates_nor_deploys() {
    let setup = AppSetup::scaled().await.with(|settings| settings.auth.require_verified_email = true);
    let app = setup.start().await;
    let (ada, items) = owner(&app, "ada@example.org", false).await;
    let token = Actor::token("an unproven owner's token", &app, &ada, WRITE).await;
    check(&Actor { owner: true, ..token }, &items, true).await;
    let (eve, items) = owner(&app, "eve@example.org", false).await;
    check(&Actor { owner: true, ..Actor::session("an unproven owner", &eve) }, &items, true).await;
    let (bob, items) = owner(&app, "bob@example.org", true).await;
    let bob = Actor { owner: true, verified: true, ..Actor::session("a proven owner", &bob) };
    check(&bob, &items, true).await;
    app.finish().await;
}
