//! Every operation of the document, called by everybody.

mod table;
mod world;

use std::collections::BTreeMap;

use atelier_entities::users;
use atelier_tests::{AppSetup, Person, TestApp};
use sea_orm::sea_query::Expr;
use serde_json::json;

use self::table::{Access, TABLE, Who};
use self::world::{Actor, Things, set};
use super::document::{Operation, operations};

/// Codes of answers to somebody who may not call.
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
fn every_operation_has_its_line_and_the_document_agrees() {
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

/// Reading first, and what ends things last.
fn rank(operation: &Operation) -> u8 {
    match (operation.method.as_str(), operation.path.as_str()) {
        ("GET", _) => 0,
        (_, "/api/auth/logout") => 4,
        ("DELETE", "/api/auth/sessions") => 3,
        ("DELETE", _) => 2,
        _ => 1,
    }
}

/// Calls every operation and checks each answer.
async fn check(actor: &Actor, things: &Things, must_verify: bool) {
    let lines: BTreeMap<&str, Access> = TABLE.iter().copied().collect();
    let mut operations = operations();
    operations.sort_by_key(rank);
    for operation in operations {
        let name = operation.name();
        let access = lines[name.as_str()];
        let call = actor.client.call(&operation.method, &things.path(&operation));
        let call = if operation.has_body { call.json(&json!({})) } else { call };
        let reply = call.send().await;
        let told = format!("{} as {}: {} {}", name, actor.name, reply.status, reply.text());
        assert!(operation.statuses.contains(&reply.status.to_string()), "not documented: {told}");
        if let Some((status, code)) = actor.refusal(&operation, access, must_verify) {
            assert_eq!(reply.status, status, "{told}");
            let reply = reply.refused(status, code);
            assert!(!reply.text().contains("Secret"), "{told}");
            continue;
        }
        assert!(reply.status < 500 && reply.status != 405, "{told}");
        if reply.status >= 400 && reply.header("content-type") == "application/json" {
            let code = reply.json()["code"].as_str().unwrap_or_default().to_owned();
            assert!(!REFUSALS.contains(&code.as_str()), "{told}");
            assert!(!(access.owned && code == "NOT_FOUND"), "{told}");
        }
    }
}

const READ: &[&str] = &["read"];
const WRITE: &[&str] = &["read", "write"];
const READ_ADMIN: &[&str] = &["read", "admin"];
const ALL: &[&str] = &["read", "write", "admin"];

/// Everybody to whom the owner's things are not there.
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
        token("an administrator's token to look after things", READ_ADMIN).await,
        token("an administrator's token for everything", ALL).await,
        Actor { admin: true, ..Actor::session("an administrator", &root) },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_answered_as_they_should_be() {
    let app = AppSetup::scaled().await.start().await;
    let ada = app.client().register("ada@example.org").await;
    let things = Things::of(&app, &ada).await;
    for actor in others(&app).await {
        check(&actor, &things, false).await;
    }

    let reader = Actor { owner: true, ..Actor::token("the owner's token to read", &app, &ada, READ).await };
    check(&reader, &things, false).await;
    // The second set is for the owner in person: a token deletes what it can.
    let second = Things::of(&app, &ada).await;
    let writer = Actor { owner: true, ..Actor::token("the owner's token to write", &app, &ada, WRITE).await };
    check(&writer, &things, false).await;
    for admin in admins(&app).await {
        check(&admin, &second, false).await;
    }
    let owner = Actor { owner: true, ..Actor::session("the owner", &ada) };
    check(&owner, &second, false).await;
    app.finish().await;
}

/// Somebody whose things were made while their address was proven.
async fn owner(app: &TestApp, email: &str, is_proven: bool) -> (Person, Things) {
    let person = app.client().register(email).await;
    set(app, &person, users::Column::EmailVerifiedAt, Expr::value(chrono::Utc::now())).await;
    let things = Things::of(app, &person).await;
    if !is_proven {
        let nothing = Expr::value(None::<chrono::DateTime<chrono::Utc>>);
        set(app, &person, users::Column::EmailVerifiedAt, nothing).await;
    }
    (person, things)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_must_prove_an_address_neither_generates_nor_deploys_before() {
    let setup = AppSetup::scaled().await.with(|settings| settings.auth.require_verified_email = true);
    let app = setup.start().await;
    let (ada, things) = owner(&app, "ada@example.org", false).await;
    let token = Actor::token("an unproven owner's token", &app, &ada, WRITE).await;
    check(&Actor { owner: true, ..token }, &things, true).await;
    let (eve, things) = owner(&app, "eve@example.org", false).await;
    check(&Actor { owner: true, ..Actor::session("an unproven owner", &eve) }, &things, true).await;
    let (bob, things) = owner(&app, "bob@example.org", true).await;
    let bob = Actor { owner: true, verified: true, ..Actor::session("a proven owner", &bob) };
    check(&bob, &things, true).await;
    app.finish().await;
}
