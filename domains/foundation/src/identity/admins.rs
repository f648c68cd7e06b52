//! The administrators of the platform. There is always at least one, and the account with the
//! mail address in the settings becomes one.

use atelier_entities::{UserId, users};
use atelier_queue::Transaction;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use serde_json::json;

use super::{
    Identity, IdentityError, Registration,
    accounts::{Checked, check, create_account, find_by_address},
    admin_role,
    password_change::{Reason, set_password},
    sign_in_methods, user_target,
};
use crate::{Actor, audit, validation};

/// How an account became an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminSource {
    /// A new account was created.
    Created,
    /// An unverified account was taken over. It has the password that was given.
    TakenOver,
    /// A verified account was promoted. It keeps its password and everything else.
    Granted,
}

impl AdminSource {
    const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::TakenOver => "taken over",
            Self::Granted => "granted",
        }
    }
}

/// Locks the active admins in the order of their ids for the rest of the transaction. A
/// command that revokes the role does this before it locks any account, so that of two
/// such commands one waits and the last admin stays.
pub(super) async fn lock_admins(tx: &Transaction) -> Result<Vec<UserId>, DbErr> {
    let admins = users::Entity::find()
        .filter(users::Column::IsAdmin.eq(true))
        .filter(users::Column::IsActive.eq(true))
        .order_by_asc(users::Column::Id)
        .lock_exclusive()
        .all(&**tx)
        .await?;
    Ok(admins.into_iter().map(|admin| admin.id).collect())
}

/// Refuses if this account is the last active admin.
pub(super) async fn ensure_other_admin(tx: &Transaction, user: UserId) -> Result<(), IdentityError> {
    let admins = lock_admins(tx).await?;
    if admins.iter().any(|admin| *admin != user) { Ok(()) } else { Err(IdentityError::LastAdmin) }
}

impl Identity {
    /// Ensures that an active account with this mail address exists and is an administrator. The
    /// caller vouches for the address: an unverified account may have been created by
    /// anybody, so it is taken over with the password of the input. A verified account
    /// keeps its password and everything else.
    pub async fn ensure_admin(
        &self,
        actor: &Actor,
        input: Registration,
    ) -> Result<(users::Model, AdminSource), IdentityError> {
        let mut input = check(input)?;
        let hash = self.passwords.hash(std::mem::take(&mut input.password)).await?;
        let tx = self.queue.begin().await?;
        let (user, source) = ensure_verified_account(&tx, actor, input, hash).await?;
        let user = if user.is_admin { user } else { admin_role::grant(&tx, user).await? };
        let mut row = user.into_active_model();
        row.is_active = Set(true);
        row.updated_at = Set(tx.now());
        let user = row.update(&*tx).await?;
        tx.note_access_change(user.id);
        let context = json!({"by": "command line", "how": source.name()});
        audit::record_critical(&tx, actor, "account.grant_admin", user_target(user.id), context).await?;
        tx.commit().await?;
        Ok((user, source))
    }

    /// Makes the account of the setting `admin_email` an administrator, if it exists, is active
    /// and has a verified address. Called at the start of a process. Returns whether
    /// something changed.
    pub async fn ensure_named_admin(&self, actor: &Actor) -> Result<bool, IdentityError> {
        let Some(email) = &self.options.admin_email else { return Ok(false) };
        let known = find_by_address(email).one(self.queue.db()).await?;
        if !known.is_some_and(|user| self.is_named_admin(&user)) {
            return Ok(false);
        }
        let tx = self.queue.begin().await?;
        let found = find_by_address(email).lock_exclusive().one(&*tx).await?;
        let Some(user) = found else { return Ok(false) };
        let granted = self.grant_named_admin(&tx, actor, user).await?;
        tx.commit().await?;
        Ok(granted.is_admin)
    }

    /// Makes the account an administrator if the settings name it and its address is verified.
    /// Call it wherever an address gets verified, with the account locked.
    pub(super) async fn grant_named_admin(
        &self,
        tx: &Transaction,
        actor: &Actor,
        user: users::Model,
    ) -> Result<users::Model, IdentityError> {
        if !self.is_named_admin(&user) {
            return Ok(user);
        }
        let user = admin_role::grant(tx, user).await?;
        let context = json!({"by": "auth.admin_email"});
        audit::record_critical(tx, actor, "account.grant_admin", user_target(user.id), context).await?;
        Ok(user)
    }

    fn is_named_admin(&self, user: &users::Model) -> bool {
        let named = self.options.admin_email.as_deref();
        named.is_some_and(|named| validation::email_forms(named).contains(&user.email))
            && user.is_active
            && !user.is_admin
            && user.email_verified_at.is_some()
    }
}

/// The account with this address, verified: new, taken over or unchanged.
async fn ensure_verified_account(
    tx: &Transaction,
    actor: &Actor,
    input: Checked,
    hash: String,
) -> Result<(users::Model, AdminSource), IdentityError> {
    let known = find_by_address(&input.email).lock_exclusive().one(&**tx).await?;
    match known {
        Some(user) if user.email_verified_at.is_some() => Ok((user, AdminSource::Granted)),
        Some(user) => {
            let (user, closed) = sign_in_methods::hand_over(tx, actor, user, "command line").await?;
            let user = set_password(tx, actor, user, hash, &Reason::Reclaimed(closed)).await?;
            Ok((user, AdminSource::TakenOver))
        }
        None => {
            let mut row = create_account(tx, input, hash).await?.into_active_model();
            row.email_verified_at = Set(Some(tx.now()));
            let user = row.update(&**tx).await?;
            tx.note_access_change(user.id);
            Ok((user, AdminSource::Created))
        }
    }
}

#[cfg(test)]
mod tests {
    use atelier_entities::{ApiScope, AuditLevel, TokenPurpose, audit_log};
    use sea_orm::PaginatorTrait;

    use super::*;
    use crate::{
        identity::NewApiToken,
        testing::{Fixture, options},
    };

    async fn named() -> Fixture {
        let mut options = options();
        options.auth.admin_email = Some("root@example.org".to_owned());
        Fixture::with_options(options).await
    }

    async fn verify(fixture: &Fixture, user: &users::Model) {
        let identity = &fixture.services.identity;
        let tx = fixture.services.queue.begin().await.expect("a transaction");
        let link = identity.create_link(&tx, user, TokenPurpose::VerifyEmail).await.expect("a link");
        tx.commit().await.expect("committed");
        let token = identity.links.token(TokenPurpose::VerifyEmail, link);
        identity.verify_email(&Actor::anonymous(), &token).await.expect("verified");
    }

    /// The number of critical audit entries about granted rights.
    async fn grants(fixture: &Fixture) -> u64 {
        let granted = audit_log::Entity::find()
            .filter(audit_log::Column::Action.eq("account.grant_admin"))
            .filter(audit_log::Column::Level.eq(AuditLevel::Critical));
        granted.count(fixture.services.queue.db()).await.expect("counted")
    }

    #[tokio::test]
    async fn a_verified_account_is_promoted_and_keeps_its_password() {
        let fixture = Fixture::new().await;
        let ada = fixture.register("ada@example.org").await;
        fixture.verify_address(ada.id).await;
        let identity = &fixture.services.identity;
        let other =
            Registration { password: "another one".to_owned(), ..Fixture::registration("ada@example.org") };

        let (admin, source) = identity.ensure_admin(&Actor::anonymous(), other).await.expect("an admin");

        assert_eq!((admin.id, admin.is_admin, source), (ada.id, true, AdminSource::Granted));
        assert!(identity.login(&Actor::anonymous(), "ada@example.org", "correct horse").await.is_ok());
        let new = identity.ensure_admin(&Actor::anonymous(), Fixture::registration("root@example.org")).await;
        assert_eq!(new.expect("an admin").1, AdminSource::Created);
        assert!(identity.login(&Actor::anonymous(), "root@example.org", "correct horse").await.is_ok());
        assert_eq!(grants(&fixture).await, 2);
    }

    #[tokio::test]
    async fn an_unverified_account_is_taken_over() {
        let fixture = Fixture::new().await;
        let identity = &fixture.services.identity;
        let trap = identity
            .register(&Actor::anonymous(), Fixture::registration("root@example.org"))
            .await
            .expect("in");
        let who = fixture.actor_of(&trap.access_token).await;
        let token =
            NewApiToken { name: "later".to_owned(), scopes: vec![ApiScope::Read], expires_in_days: None };
        let token = identity.create_api_token(&who, None, token).await.expect("made");
        let mine = Registration {
            password: "a better horse".to_owned(),
            ..Fixture::registration("root@example.org")
        };

        let (admin, source) = identity.ensure_admin(&Actor::anonymous(), mine).await.expect("an admin");

        assert_eq!((admin.id, source), (trap.user.id, AdminSource::TakenOver));
        assert!(admin.is_admin && admin.email_verified_at.is_some());
        for token in [&trap.access_token, &token.token] {
            let refused = identity.authenticate(token).await;
            assert!(matches!(refused, Err(IdentityError::InvalidToken)), "{refused:?}");
        }
        assert!(identity.refresh(&Actor::anonymous(), &trap.refresh_token).await.is_err());
        assert!(identity.login(&Actor::anonymous(), "root@example.org", "correct horse").await.is_err());
        assert!(identity.login(&Actor::anonymous(), "root@example.org", "a better horse").await.is_ok());
        assert_eq!(grants(&fixture).await, 1);
    }

    #[tokio::test]
    async fn the_account_in_the_settings_becomes_an_operator_once_it_is_verified() {
        let fixture = named().await;
        let identity = &fixture.services.identity;
        let (root, ada) =
            (fixture.register("Root@example.org").await, fixture.register("ada@example.org").await);
        assert!(!root.is_admin);
        assert!(!identity.ensure_named_admin(&Actor::anonymous()).await.expect("asked"), "not verified");

        verify(&fixture, &root).await;
        verify(&fixture, &ada).await;

        assert!(identity.get_user(root.id).await.expect("there").is_admin);
        assert!(!identity.get_user(ada.id).await.expect("there").is_admin);
        assert!(!identity.ensure_named_admin(&Actor::anonymous()).await.expect("asked"), "is one already");
        assert_eq!(grants(&fixture).await, 1);
    }

    #[tokio::test]
    async fn an_account_that_existed_before_the_setting_is_promoted_at_the_start() {
        let fixture = named().await;
        let identity = &fixture.services.identity;
        let root = fixture.register("root@example.org").await;
        let mut row = root.clone().into_active_model();
        row.email_verified_at = Set(Some(fixture.services.queue.now()));
        row.update(fixture.services.queue.db()).await.expect("updated");

        assert!(identity.ensure_named_admin(&Actor::anonymous()).await.expect("asked"));
        assert!(!identity.ensure_named_admin(&Actor::anonymous()).await.expect("asked"));
        assert!(identity.get_user(root.id).await.expect("there").is_admin);
        assert_eq!(grants(&fixture).await, 1);
    }

    #[tokio::test]
    async fn a_deactivated_account_is_not_made_an_admin() {
        let fixture = named().await;
        let root = fixture.register("root@example.org").await;
        let mut row = root.into_active_model();
        row.email_verified_at = Set(Some(fixture.services.queue.now()));
        row.is_active = Set(false);
        row.update(fixture.services.queue.db()).await.expect("updated");

        let granted = fixture.services.identity.ensure_named_admin(&Actor::anonymous()).await;
        assert!(!granted.expect("asked"));
    }
}
