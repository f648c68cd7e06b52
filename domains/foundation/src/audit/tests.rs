//! Every sensitive action of a person is recorded.

use std::collections::BTreeSet;

use atelier_entities::{ApiScope, users};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;

use super::*;
use crate::{
    identity::{AccountChanges, NewApiToken},
    testing::{Fixture, curl},
};

const EMAIL: &str = "ada@example.org";

fn from(user: Option<atelier_entities::UserId>) -> Actor {
    Actor::of_job(user).with_client(curl())
}

async fn entries(fixture: &Fixture) -> Vec<audit_log::Model> {
    let rows = audit_log::Entity::find().order_by_asc(audit_log::Column::Id);
    rows.all(fixture.services.queue.db()).await.expect("listed")
}

/// Performs every sensitive action: sign-ins, tokens, an export, mailed links and a
/// password change.
async fn act(fixture: &Fixture, ada: &users::Model) {
    let (identity, actor) = (&fixture.services.identity, from(Some(ada.id)));
    let login = async || identity.login(&from(None), EMAIL, "correct horse").await.expect("in");
    let here = async || fixture.actor_of(&login().await.access_token).await.with_client(curl());
    identity.logout(&here().await).await.expect("out");
    let second = here().await.session().expect("a sign-in");
    identity.end_sign_in(&actor, second).await.expect("ended");
    identity.end_other_sign_ins(&here().await).await.expect("ended");
    let token =
        NewApiToken { name: "Nightly build".to_owned(), scopes: vec![ApiScope::Read], expires_in_days: None };
    let token = identity.create_api_token(&here().await, None, token).await.expect("made");
    identity.delete_api_token(&actor, token.row.id).await.expect("deleted");
    identity.start_export(&actor).await.expect("exported");
    identity.forgot_password(&from(None), EMAIL).await.expect("mailed");
    identity.resend_verification(&from(None), EMAIL).await.expect("mailed");
    let wrong = identity.change_password(&actor, "wrong horse", "another horse").await;
    assert!(wrong.is_err());
    identity.change_password(&actor, "correct horse", "another horse").await.expect("changed");
}

#[tokio::test]
async fn every_sensitive_action_about_an_account_is_recorded() {
    let fixture = Fixture::new().await;
    let ada = fixture.register(EMAIL).await;
    let (identity, root) = (&fixture.services.identity, fixture.register("root@example.org").await);
    act(&fixture, &ada).await;
    fixture.verify_address(ada.id).await;
    for _ in 0..6 {
        assert!(identity.login(&from(None), EMAIL, "wrong horse").await.is_err());
    }
    fixture.advance(60);
    let set =
        async |changes| identity.change_account(&from(Some(root.id)), ada.id, changes).await.expect("set");
    set(AccountChanges { is_active: Some(false), credits: Some(3), ..AccountChanges::default() }).await;
    assert!(identity.login(&from(None), EMAIL, "another horse").await.is_err(), "deactivated");
    set(AccountChanges { is_active: Some(true), is_admin: Some(true), ..AccountChanges::default() }).await;
    let before = entries(&fixture).await;
    identity.delete_other_account(&from(Some(root.id)), ada.id).await.expect_err("the last admin");
    set(AccountChanges { full_name: Some("Ada King".to_owned()), ..AccountChanges::default() }).await;

    let actions: BTreeSet<_> = entries(&fixture).await.into_iter().map(|entry| entry.action).collect();
    let expected = [
        "account.activate",
        "account.change",
        "account.deactivate",
        "account.export",
        "account.grant_admin",
        "auth.change_password",
        "auth.create_api_token",
        "auth.delete_api_token",
        "auth.end_session",
        "auth.end_sessions",
        "auth.forgot_password",
        "auth.login",
        "auth.login_failed",
        "auth.logout",
        "auth.password_failed",
        "auth.register",
        "auth.resend_verification",
        "auth.slowed_down",
        "credits.adjust",
    ];
    assert_eq!(actions, expected.map(str::to_owned).into());
    let of_requests = before.iter().filter(|entry| entry.action != "auth.register");
    assert!(of_requests.clone().all(|entry| entry.ip.is_some() && entry.user_agent.is_some()), "{before:#?}");
    assert!(!format!("{before:?}").contains("horse"), "no secret is recorded");
}

#[tokio::test]
async fn a_delay_after_failed_sign_ins_is_recorded() {
    let fixture = Fixture::new().await;
    let ada = fixture.register(EMAIL).await;
    for _ in 0..6 {
        let _refused = fixture.services.identity.login(&from(None), EMAIL, "wrong horse").await;
    }

    let slowed = audit_log::Entity::find().filter(audit_log::Column::Action.eq("auth.slowed_down"));
    let slowed = slowed.all(fixture.services.queue.db()).await.expect("listed");

    assert_eq!(slowed.len(), 1);
    assert_eq!(slowed[0].target, Some(format!("user:{}", ada.id)));
    assert_eq!((slowed[0].level, &slowed[0].context), (AuditLevel::Warning, &json!({"wait_secs": 1})));
}
