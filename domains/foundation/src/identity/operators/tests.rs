use atelier_entities::{AuditLevel, CreditKind, audit_log, credit_transactions};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::*;
use crate::testing::{Fixture, at_address};

fn by(user: UserId) -> Actor {
    at_address("192.0.2.1").identified_as(user)
}

async fn admin(fixture: &Fixture, email: &str) -> UserId {
    let made =
        fixture.services.identity.ensure_admin(&Actor::anonymous(), Fixture::registration(email)).await;
    made.expect("an admin").0.id
}

/// The audit entries about an account by this administrator, oldest first.
async fn recorded(fixture: &Fixture, operator: UserId) -> Vec<(String, AuditLevel, Value)> {
    let rows = audit_log::Entity::find()
        .filter(audit_log::Column::ActorId.eq(operator))
        .order_by_asc(audit_log::Column::Id)
        .all(fixture.services.queue.db())
        .await
        .expect("listed");
    rows.into_iter().map(|row| (row.action, row.level, row.context)).collect()
}

fn nothing() -> AccountChanges {
    AccountChanges::default()
}

#[tokio::test]
async fn each_kind_of_change_is_made_and_recorded_once() {
    let fixture = Fixture::new().await;
    let (root, ada) = (admin(&fixture, "root@example.org").await, fixture.register("ada@example.org").await);
    fixture.verify_address(ada.id).await;
    let identity = &fixture.services.identity;
    let changes = AccountChanges {
        full_name: Some("Ada King".to_owned()),
        is_admin: Some(true),
        credits: Some(25),
        subscription_plan: Some("pro".to_owned()),
        reason: Some("A prize".to_owned()),
        ..nothing()
    };

    let changed = identity.change_account(&by(root), ada.id, changes.clone()).await.expect("changed");
    let again = identity.change_account(&by(root), ada.id, changes).await.expect("nothing to do");

    assert_eq!(changed, identity.get_user(ada.id).await.expect("there"));
    assert_eq!(again, changed);
    assert_eq!((changed.full_name.as_str(), changed.is_admin, changed.credits), ("Ada King", true, 25));
    assert_eq!(fixture.credits(ada.id).await, 25);
    let entries = recorded(&fixture, root).await;
    let actions: Vec<_> = entries.iter().map(|(action, level, _)| (action.as_str(), *level)).collect();
    assert_eq!(
        actions,
        [
            ("account.change", AuditLevel::Warning),
            ("account.grant_admin", AuditLevel::Critical),
            ("credits.adjust", AuditLevel::Warning),
        ]
    );
    assert_eq!(entries[0].2["before"], json!({"full_name": "Ada Lovelace", "subscription_plan": "free"}));
    assert_eq!(entries[0].2["after"], json!({"full_name": "Ada King", "subscription_plan": "pro"}));
    assert_eq!(entries[2].2["before"], json!({"credits": 10}));
    assert!(entries.iter().all(|(_, _, context)| context["reason"] == "A prize"));
    let adjusted = credit_transactions::Entity::find()
        .filter(credit_transactions::Column::Kind.eq(CreditKind::Adjustment))
        .all(fixture.services.queue.db())
        .await
        .expect("listed");
    assert_eq!(adjusted.iter().map(|row| row.amount).collect::<Vec<_>>(), [15]);
}

#[tokio::test]
async fn a_new_mail_address_must_be_free_and_is_unverified() {
    let fixture = Fixture::new().await;
    let (root, ada) = (admin(&fixture, "root@example.org").await, fixture.register("ada@example.org").await);
    let identity = &fixture.services.identity;
    let to = |email: &str| AccountChanges { email: Some(email.to_owned()), ..nothing() };

    let taken = identity.change_account(&by(root), ada.id, to("ROOT@example.org")).await;
    assert!(matches!(taken, Err(IdentityError::EmailTaken)), "{taken:?}");
    let here = identity.login(&Actor::anonymous(), "ada@example.org", "correct horse").await.expect("in");
    let changed = identity.change_account(&by(root), ada.id, to("Ada@King.example")).await.expect("changed");

    assert_eq!((changed.email.as_str(), changed.email_verified_at), ("ada@king.example", None));
    let ended = identity.authenticate(&here.access_token).await;
    assert!(matches!(ended, Err(IdentityError::InvalidToken)), "{ended:?}");
    fixture.work().await;
    assert_eq!(fixture.subjects_to("ada@king.example"), ["Confirm your mail address"]);
    assert!(fixture.subjects_to("ada@example.org").contains(&"Your mail address was changed".to_owned()));
    let mails = fixture.mailer.mails();
    let told = mails.iter().find(|mail| mail.subject == "Your mail address was changed").expect("a mail");
    assert!(!told.text.contains("ada@king.example"), "the former address learns of no other");
    assert!(identity.login(&Actor::anonymous(), "ada@king.example", "correct horse").await.is_ok());
}

#[tokio::test]
async fn an_unverified_account_cannot_become_an_operator() {
    let fixture = Fixture::new().await;
    let (root, ada) = (admin(&fixture, "root@example.org").await, fixture.register("ada@example.org").await);
    let identity = &fixture.services.identity;
    let right = || AccountChanges { is_admin: Some(true), ..nothing() };

    let refused = identity.change_account(&by(root), ada.id, right()).await;
    assert!(matches!(refused, Err(IdentityError::UnverifiedAdmin)), "{refused:?}");
    fixture.verify_address(ada.id).await;
    let moved = AccountChanges { email: Some("ada@king.example".to_owned()), ..right() };
    let refused = identity.change_account(&by(root), ada.id, moved).await;
    assert!(
        matches!(refused, Err(IdentityError::UnverifiedAdmin)),
        "the other one is not verified: {refused:?}"
    );
    assert_eq!(identity.get_user(ada.id).await.expect("there").email, "ada@example.org");

    assert!(identity.change_account(&by(root), ada.id, right()).await.expect("granted").is_admin);
    let actions: Vec<_> =
        recorded(&fixture, root).await.into_iter().map(|(action, level, _)| (action, level)).collect();
    assert_eq!(actions, [("account.grant_admin".to_owned(), AuditLevel::Critical)]);
}

#[tokio::test]
async fn the_tokens_of_a_deactivated_person_are_refused_from_then_on() {
    let fixture = Fixture::new().await;
    let root = admin(&fixture, "root@example.org").await;
    let identity = &fixture.services.identity;
    let ada =
        identity.register(&Actor::anonymous(), Fixture::registration("ada@example.org")).await.expect("in");
    let set = async |active| {
        let changes = AccountChanges { is_active: Some(active), ..nothing() };
        identity.change_account(&by(root), ada.user.id, changes).await.expect("changed")
    };
    let who = fixture.actor_of(&ada.access_token).await;
    let made = identity
        .create_api_token(
            &who,
            None,
            crate::identity::NewApiToken {
                name: "Nightly build".to_owned(),
                scopes: vec![atelier_entities::ApiScope::Read],
                expires_in_days: None,
            },
        )
        .await
        .expect("made");

    assert!(!set(false).await.is_active);
    let refused = identity.authenticate(&ada.access_token).await;
    assert!(matches!(refused, Err(IdentityError::Deactivated)), "{refused:?}");
    let refused = identity.authenticate(&made.token).await;
    assert!(matches!(refused, Err(IdentityError::Deactivated)), "{refused:?}");
    let refused = identity.refresh(&Actor::anonymous(), &ada.refresh_token).await;
    assert!(matches!(refused.err(), Some(IdentityError::InvalidToken)));
    set(false).await;
    assert!(set(true).await.is_active);
    assert!(identity.authenticate(&ada.access_token).await.is_err(), "the sign-in has ended");
    assert!(identity.login(&Actor::anonymous(), "ada@example.org", "correct horse").await.is_ok());
    let actions: Vec<_> = recorded(&fixture, root).await.into_iter().map(|(action, ..)| action).collect();
    assert_eq!(actions, ["account.deactivate", "account.activate"], "not recorded twice");
}

#[tokio::test]
async fn the_last_admin_cannot_be_demoted() {
    let fixture = Fixture::new().await;
    let root = admin(&fixture, "root@example.org").await;
    let identity = &fixture.services.identity;
    let demote = || AccountChanges { is_admin: Some(false), ..nothing() };
    let deactivate = || AccountChanges { is_active: Some(false), ..nothing() };
    for changes in [demote(), deactivate()] {
        let refused = identity.change_account(&by(root), root, changes).await;
        assert!(matches!(refused, Err(IdentityError::LastAdmin)), "{refused:?}");
    }
    let refused = identity.delete_other_account(&by(root), root).await;
    assert!(matches!(refused, Err(IdentityError::LastAdmin)), "{refused:?}");

    let other = admin(&fixture, "other@example.org").await;
    identity.change_account(&by(root), other, deactivate()).await.expect("deactivated");
    let refused = identity.change_account(&by(root), root, demote()).await;
    assert!(matches!(refused, Err(IdentityError::LastAdmin)), "one that cannot sign in does not count");
    let activate = AccountChanges { is_active: Some(true), ..nothing() };
    identity.change_account(&by(root), other, activate).await.expect("activated");
    let own = identity.delete_other_account(&by(root), root).await;
    assert!(matches!(own, Err(IdentityError::OwnAccount)), "{own:?}");
    identity.change_account(&by(other), root, demote()).await.expect("demoted");
    identity.delete_other_account(&by(other), root).await.expect("deleted");
}

#[tokio::test]
async fn concurrent_demotions_leave_one_admin() {
    let fixture = Fixture::new().await;
    let (one, two) = (admin(&fixture, "one@example.org").await, admin(&fixture, "two@example.org").await);
    let demote = |by_whom: UserId, whom: UserId| {
        let identity = fixture.services.identity.clone();
        let changes = AccountChanges { is_admin: Some(false), ..AccountChanges::default() };
        tokio::spawn(async move { identity.change_account(&by(by_whom), whom, changes).await })
    };

    let outcomes = [demote(one, two), demote(two, one)];
    let mut refused = 0;
    for outcome in outcomes {
        match outcome.await.expect("no panic") {
            Ok(_) => {}
            Err(IdentityError::LastAdmin) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }

    assert_eq!(refused, 1);
}

#[tokio::test]
async fn audit_entries_about_a_person_are_redacted_by_their_erasure() {
    let fixture = Fixture::new().await;
    let (root, ada) = (admin(&fixture, "root@example.org").await, fixture.register("ada@example.org").await);
    let identity = &fixture.services.identity;
    let changes = AccountChanges { full_name: Some("Ada King".to_owned()), ..nothing() };
    identity.change_account(&by(root), ada.id, changes).await.expect("changed");

    identity.delete_other_account(&by(root), ada.id).await.expect("deleted");
    fixture.finish_erasures().await;

    let entries = recorded(&fixture, root).await;
    assert!(entries.iter().any(|(action, ..)| action == "account.change"));
    assert!(!format!("{entries:?}").contains("Ada"), "{entries:?}");
}

#[tokio::test]
async fn every_invalid_field_is_reported() {
    let fixture = Fixture::new().await;
    let (root, ada) = (admin(&fixture, "root@example.org").await, fixture.register("ada@example.org").await);
    let wrong = AccountChanges {
        full_name: Some(" ".to_owned()),
        email: Some("nobody".to_owned()),
        subscription_plan: Some("Pro plan".to_owned()),
        credits: Some(-1),
        reason: Some("\0".to_owned()),
        ..nothing()
    };
    let refused = fixture.services.identity.change_account(&by(root), ada.id, wrong).await;

    let Err(IdentityError::InvalidInput(errors)) = refused else { panic!("{refused:?}") };
    let fields: Vec<_> = errors.0.keys().copied().collect();
    assert_eq!(fields, ["credits", "email", "full_name", "reason", "subscription_plan"]);
    let unknown = fixture.services.identity.change_account(&by(root), UserId::new(), nothing()).await;
    assert!(matches!(unknown, Err(IdentityError::NotFound)));
}
