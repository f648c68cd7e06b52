//! Granting and revoking the admin role. The calling command writes the audit entry.

use atelier_entities::{ApiScope, UserId, api_tokens, users};
use atelier_queue::{QueueError, Transaction};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder,
};
use serde_json::json;

use super::api_tokens::scopes_of;
use crate::mail::{queue_mail, templates};

/// Grants the role to a locked account that does not have it. Existing API tokens do not
/// get the scope `admin`. A mail informs the person. A mail without the person's name and
/// address informs all other administrators.
pub(super) async fn grant(tx: &Transaction, user: users::Model) -> Result<users::Model, QueueError> {
    let user = write(tx, user, true).await?;
    let cause = format!("{}:{}", user.id, tx.now().timestamp_micros());
    queue_mail(tx, &templates::OPERATOR_ADDED, &user, &cause, json!({"own": true})).await?;
    let others = users::Entity::find()
        .filter(users::Column::IsAdmin.eq(true))
        .filter(users::Column::IsActive.eq(true))
        .filter(users::Column::Id.ne(user.id))
        .order_by_asc(users::Column::Id);
    for other in others.all(&**tx).await? {
        let data = json!({"own": false, "account": user.id});
        queue_mail(tx, &templates::OPERATOR_ADDED, &other, &cause, data).await?;
    }
    Ok(user)
}

/// Revokes the role of a locked account, and removes the scope `admin` from its API tokens.
pub(super) async fn revoke(tx: &Transaction, user: users::Model) -> Result<users::Model, DbErr> {
    write(tx, user, false).await
}

async fn write(tx: &Transaction, user: users::Model, is_admin: bool) -> Result<users::Model, DbErr> {
    let mut row = user.into_active_model();
    row.is_admin = Set(is_admin);
    row.updated_at = Set(tx.now());
    let user = row.update(&**tx).await?;
    tx.note_access_change(user.id);
    narrow_api_tokens(tx, user.id).await?;
    Ok(user)
}

async fn narrow_api_tokens(tx: &Transaction, user: UserId) -> Result<(), DbErr> {
    let tokens = api_tokens::Entity::find_owned(user).order_by_asc(api_tokens::Column::Id);
    for token in tokens.all(&**tx).await? {
        let mut scopes = scopes_of(&token);
        if scopes.contains(&ApiScope::Admin) {
            scopes.retain(|scope| *scope != ApiScope::Admin);
            let mut row = token.into_active_model();
            row.scopes = Set(json!(scopes));
            row.update(&**tx).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Actor, FieldErrors,
        identity::{AccountChanges, IdentityError, NewApiToken},
        testing::Fixture,
    };

    async fn operator(fixture: &Fixture, email: &str) -> users::Model {
        let made =
            fixture.services.identity.ensure_admin(&Actor::anonymous(), Fixture::registration(email)).await;
        made.expect("an operator").0
    }

    async fn change(
        fixture: &Fixture,
        user: UserId,
        changes: AccountChanges,
    ) -> Result<users::Model, IdentityError> {
        fixture.services.identity.change_account(&Actor::anonymous(), user, changes).await
    }

    fn right(is_admin: bool) -> AccountChanges {
        AccountChanges { is_admin: Some(is_admin), ..AccountChanges::default() }
    }

    /// Creates a token with all scopes.
    async fn make(fixture: &Fixture, email: &str) -> Result<String, IdentityError> {
        let who = fixture.sign_in(email).await;
        let input = NewApiToken {
            name: "Everything".to_owned(),
            scopes: ApiScope::ALL.to_vec(),
            expires_in_days: None,
        };
        let made = fixture.services.identity.create_api_token(&who, None, input).await;
        made.map(|made| made.token)
    }

    async fn may_administrate(fixture: &Fixture, token: &str) -> bool {
        fixture.services.identity.authenticate(token).await.expect("a good token").may_administrate()
    }

    #[tokio::test]
    async fn only_operators_create_tokens_with_the_scope_admin() {
        let fixture = Fixture::new().await;
        fixture.register("ada@example.org").await;

        let Err(IdentityError::InvalidInput(FieldErrors(fields))) = make(&fixture, "ada@example.org").await
        else {
            panic!("refused")
        };

        assert_eq!(fields.keys().copied().collect::<Vec<_>>(), ["scopes"]);
    }

    #[tokio::test]
    async fn a_new_grant_of_the_role_does_not_widen_earlier_tokens() {
        let fixture = Fixture::new().await;
        operator(&fixture, "root@example.org").await;
        let ada = operator(&fixture, "ada@example.org").await;
        let token = make(&fixture, "ada@example.org").await.expect("made");
        assert!(may_administrate(&fixture, &token).await);

        change(&fixture, ada.id, right(false)).await.expect("taken");
        assert!(!may_administrate(&fixture, &token).await);
        change(&fixture, ada.id, right(true)).await.expect("given");

        assert!(!may_administrate(&fixture, &token).await);
        let newer = make(&fixture, "ada@example.org").await.expect("made");
        assert!(may_administrate(&fixture, &newer).await);
    }

    #[tokio::test]
    async fn a_promotion_does_not_widen_existing_tokens() {
        let fixture = Fixture::new().await;
        let ada = operator(&fixture, "ada@example.org").await;
        operator(&fixture, "root@example.org").await;
        let token = make(&fixture, "ada@example.org").await.expect("made");
        // As if anybody could have created it.
        let mut row = ada.clone().into_active_model();
        row.is_admin = Set(false);
        row.update(fixture.services.queue.db()).await.expect("updated");

        change(&fixture, ada.id, right(true)).await.expect("given");

        assert!(!may_administrate(&fixture, &token).await);
    }

    #[tokio::test]
    async fn a_new_operator_and_all_others_get_a_mail_without_a_name() {
        let fixture = Fixture::new().await;
        operator(&fixture, "root@example.org").await;
        let ada = fixture.register("ada@example.org").await;
        fixture.verify_address(ada.id).await;
        fixture.work().await;

        change(&fixture, ada.id, right(true)).await.expect("given");
        change(&fixture, ada.id, right(true)).await.expect("nothing to do");
        fixture.work().await;

        let told =
            |to: &str, subject: &str| fixture.subjects_to(to).iter().filter(|told| *told == subject).count();
        assert_eq!(told("ada@example.org", "You may operate the platform"), 1);
        assert_eq!(told("root@example.org", "Another account may operate the platform"), 1);
        let mails = fixture.mailer.mails();
        let to_root = mails.iter().find(|mail| mail.subject.starts_with("Another account")).expect("a mail");
        assert!(to_root.text.contains(&ada.id.to_string()) && !to_root.text.contains("ada@"));
    }

    #[tokio::test]
    async fn an_operator_loses_the_role_when_the_address_changes() {
        let fixture = Fixture::new().await;
        let root = operator(&fixture, "root@example.org").await;
        let to = |email: &str| AccountChanges { email: Some(email.to_owned()), ..AccountChanges::default() };
        let last = change(&fixture, root.id, to("typo@example.org")).await;
        assert!(matches!(last, Err(IdentityError::LastAdmin)), "somebody has to be left: {last:?}");
        let ada = operator(&fixture, "ada@example.org").await;

        let moved = change(&fixture, ada.id, to("typo@example.org")).await.expect("changed");

        assert!(!moved.is_admin);
        let too_early = change(&fixture, ada.id, right(true)).await;
        assert!(matches!(too_early, Err(IdentityError::UnverifiedAdmin)), "{too_early:?}");
        fixture
            .services
            .identity
            .forgot_password(&Actor::anonymous(), "typo@example.org")
            .await
            .expect("asked");
        fixture.verify_address(ada.id).await;
        assert!(!fixture.services.identity.get_user(ada.id).await.expect("there").is_admin);
        assert!(change(&fixture, ada.id, right(true)).await.expect("given again").is_admin);
    }

    #[tokio::test]
    async fn taking_over_an_unverified_account_removes_its_role() {
        let fixture = Fixture::new().await;
        let ada = operator(&fixture, "ada@example.org").await;
        let mut row = ada.into_active_model();
        row.email_verified_at = Set(None);
        let ada = row.update(fixture.services.queue.db()).await.expect("updated");

        let tx = fixture.services.queue.begin().await.expect("a transaction");
        let claimed = super::super::sign_in_methods::hand_over(&tx, &Actor::anonymous(), ada, "reset").await;
        tx.commit().await.expect("committed");

        assert!(!claimed.expect("handed over").0.is_admin);
    }
}
