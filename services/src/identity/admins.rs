//! Who may operate the platform: never nobody, and from the start the person whose
//! mail address the settings name.

use atelier_entities::{UserId, users};
use atelier_queue::Transaction;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use serde_json::json;

use super::{Identity, IdentityError, user_target};
use crate::{Caller, audit};

/// Locks the active admins, in one order, for the rest of the transaction. Whoever is
/// about to take the right from somebody does this first, before any account is
/// locked, so that two of them wait for each other instead of leaving nobody.
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

/// Refuses where this account is the last active admin.
pub(super) async fn ensure_other_admin(tx: &Transaction, user: UserId) -> Result<(), IdentityError> {
    let admins = lock_admins(tx).await?;
    if admins.iter().any(|admin| *admin != user) { Ok(()) } else { Err(IdentityError::LastAdmin) }
}

impl Identity {
    /// Gives the account of the settings' `admin_email` the right to operate the
    /// platform, where it is there, active and its address is proven. For the start of
    /// a process; it tells whether something changed.
    pub async fn ensure_named_admin(&self, caller: &Caller) -> Result<bool, IdentityError> {
        let Some(email) = &self.options.admin_email else { return Ok(false) };
        let known = users::Entity::find_by_email(email).one(self.queue.db()).await?;
        if !known.is_some_and(|user| self.is_named_admin(&user)) {
            return Ok(false);
        }
        let tx = self.queue.begin().await?;
        let found = users::Entity::find_by_email(email).lock_exclusive().one(&*tx).await?;
        let Some(user) = found else { return Ok(false) };
        let granted = self.grant_named_admin(&tx, caller, user).await?;
        tx.commit().await?;
        Ok(granted.is_admin)
    }

    /// The account, with the right to operate the platform where the settings name it
    /// and its address is proven. To be called wherever an address gets proven, with the
    /// account locked.
    pub(super) async fn grant_named_admin(
        &self,
        tx: &Transaction,
        caller: &Caller,
        user: users::Model,
    ) -> Result<users::Model, DbErr> {
        if !self.is_named_admin(&user) {
            return Ok(user);
        }
        let mut row = user.into_active_model();
        row.is_admin = Set(true);
        row.updated_at = Set(tx.now());
        let user = row.update(&**tx).await?;
        tx.note_access(user.id);
        let context = json!({"by": "auth.admin_email"});
        audit::record_critical(tx, caller, "account.grant_admin", user_target(user.id), context).await?;
        Ok(user)
    }

    fn is_named_admin(&self, user: &users::Model) -> bool {
        self.options.admin_email.as_ref() == Some(&user.email)
            && user.is_active
            && !user.is_admin
            && user.email_verified_at.is_some()
    }
}

#[cfg(test)]
mod tests {
    use atelier_entities::{TokenPurpose, audit_log};
    use sea_orm::PaginatorTrait;

    use super::*;
    use crate::testing::{Bench, options};

    async fn named() -> Bench {
        let mut options = options();
        options.auth.admin_email = Some("root@example.org".to_owned());
        Bench::with_options(options).await
    }

    async fn verify(bench: &Bench, user: &users::Model) {
        let identity = &bench.services.identity;
        let tx = bench.services.queue.begin().await.expect("a transaction");
        let link = identity.create_link(&tx, user, TokenPurpose::VerifyEmail).await.expect("a link");
        tx.commit().await.expect("committed");
        let token = identity.links.token(TokenPurpose::VerifyEmail, link);
        identity.verify_email(&Caller::default(), &token).await.expect("verified");
    }

    async fn grants(bench: &Bench) -> u64 {
        let granted = audit_log::Entity::find().filter(audit_log::Column::Action.eq("account.grant_admin"));
        granted.count(bench.services.queue.db()).await.expect("counted")
    }

    #[tokio::test]
    async fn the_named_account_operates_the_platform_once_its_address_is_proven() {
        let bench = named().await;
        let identity = &bench.services.identity;
        let (root, ada) = (bench.register("Root@example.org").await, bench.register("ada@example.org").await);
        assert!(!root.is_admin);
        assert!(!identity.ensure_named_admin(&Caller::default()).await.expect("asked"), "not proven");

        verify(&bench, &root).await;
        verify(&bench, &ada).await;

        assert!(identity.get_user(root.id).await.expect("there").is_admin);
        assert!(!identity.get_user(ada.id).await.expect("there").is_admin);
        assert!(!identity.ensure_named_admin(&Caller::default()).await.expect("asked"), "is one already");
        assert_eq!(grants(&bench).await, 1);
    }

    #[tokio::test]
    async fn an_account_that_was_there_before_the_setting_is_found_at_the_start() {
        let bench = named().await;
        let identity = &bench.services.identity;
        let root = bench.register("root@example.org").await;
        let mut row = root.clone().into_active_model();
        row.email_verified_at = Set(Some(bench.services.queue.now()));
        row.update(bench.services.queue.db()).await.expect("updated");

        assert!(identity.ensure_named_admin(&Caller::default()).await.expect("asked"));
        assert!(!identity.ensure_named_admin(&Caller::default()).await.expect("asked"));
        assert!(identity.get_user(root.id).await.expect("there").is_admin);
        assert_eq!(grants(&bench).await, 1);
    }

    #[tokio::test]
    async fn a_deactivated_account_is_not_made_an_admin() {
        let bench = named().await;
        let root = bench.register("root@example.org").await;
        let mut row = root.into_active_model();
        row.email_verified_at = Set(Some(bench.services.queue.now()));
        row.is_active = Set(false);
        row.update(bench.services.queue.db()).await.expect("updated");

        let granted = bench.services.identity.ensure_named_admin(&Caller::default()).await;
        assert!(!granted.expect("asked"));
    }
}
