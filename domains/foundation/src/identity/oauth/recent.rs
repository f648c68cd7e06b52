//! Recent sign-ins at providers, which re-authenticate like a password.

use atelier_entities::{SessionFamilyId, SignInProvider, sessions};
use atelier_queue::Transaction;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};

use crate::identity::{Identity, SignedIn, reauthentication::RECENT, tokens::hash_token};

/// Stores the provider of a new sign-in.
pub(super) async fn mark_provider(
    tx: &Transaction,
    signed_in: &SignedIn,
    provider: SignInProvider,
) -> Result<(), DbErr> {
    sessions::Entity::update_many()
        .col_expr(sessions::Column::Provider, Expr::value(provider))
        .filter(sessions::Column::TokenHash.eq(hash_token(&signed_in.refresh_token)))
        .exec(&**tx)
        .await?;
    Ok(())
}

impl Identity {
    /// Whether a sign-in is recent and was made at a provider.
    pub(in crate::identity) async fn is_recent_provider_sign_in(
        &self,
        family: SessionFamilyId,
    ) -> Result<bool, DbErr> {
        let recent = sessions::Entity::find()
            .filter(sessions::Column::FamilyId.eq(family))
            .filter(sessions::Column::Provider.is_not_null())
            .filter(sessions::Column::SignedInAt.gt(self.queue.now() - RECENT));
        Ok(recent.count(self.queue.db()).await? > 0)
    }
}

#[cfg(test)]
mod tests {
    use atelier_entities::{OAuthEnd, users};
    use atelier_providers::oauth::{Callback, ExternalPerson};

    use crate::{
        Actor,
        identity::{IdentityError, SignInCallback},
        testing::{Fixture, acting},
    };

    use super::*;

    /// Signs in at Google to an account with a password.
    async fn come_back(fixture: &Fixture) -> SignedIn {
        let person = ExternalPerson {
            subject: "110169484474386276334".to_owned(),
            email: Some("ada@example.org".to_owned()),
            email_verified: true,
            ..ExternalPerson::default()
        };
        fixture.google.push(Ok(person));
        let (identity, google) = (&fixture.services.identity, SignInProvider::Google);
        let begun = identity.begin_oauth(google, OAuthEnd::Client).await.expect("begun");
        let returned = SignInCallback {
            state: begun.state,
            callback: Callback { code: "a code".to_owned(), issuer: None, user: None },
            end: OAuthEnd::Client,
            cookie: None,
        };
        identity.finish_oauth(&Actor::anonymous(), google, returned).await.expect("signed in")
    }

    async fn proven(fixture: &Fixture) -> users::Model {
        let ada = fixture.register("ada@example.org").await;
        let now = Expr::value(fixture.services.queue.now());
        let proof = users::Entity::update_many().col_expr(users::Column::EmailVerifiedAt, now);
        proof.exec(fixture.services.queue.db()).await.expect("proven");
        ada
    }

    #[tokio::test]
    async fn deleting_an_account_requires_the_password_or_a_recent_sign_in_at_a_provider() {
        let fixture = Fixture::new().await;
        let ada = proven(&fixture).await;
        let (identity, actor) = (&fixture.services.identity, acting(ada.id));
        let by_password = identity.login(&actor, "ada@example.org", "correct horse").await.expect("in");
        let by_provider = come_back(&fixture).await;
        let there = |done: &Result<(), IdentityError>| matches!(done, Err(IdentityError::WrongPassword));

        let other = fixture.actor_of(&by_password.access_token).await;
        let refused = identity.delete_account(&other, "").await;
        assert!(there(&refused), "a sign-in with the password is not asked for twice: {refused:?}");
        let fresh = fixture.actor_of(&by_provider.access_token).await;
        let refused = identity.delete_account(&fresh, "wrong horse").await;
        assert!(there(&refused), "a password that is given is the right one: {refused:?}");

        identity.delete_account(&fresh, "").await.expect("deleted");
        assert!(matches!(identity.get_user(ada.id).await, Err(IdentityError::NotFound)));
    }

    #[tokio::test]
    async fn a_sign_in_at_a_provider_re_authenticates_for_ten_minutes_even_if_refreshed() {
        let fixture = Fixture::new().await;
        let ada = proven(&fixture).await;
        let (identity, actor) = (&fixture.services.identity, acting(ada.id));
        let signed_in = come_back(&fixture).await;
        fixture.advance(300);
        let refreshed = identity.refresh(&actor, &signed_in.refresh_token).await.expect("refreshed");
        let is_fresh = async || {
            let who = fixture.actor_of(&refreshed.access_token).await;
            let family = who.session().expect("a sign-in");
            identity.is_recent_provider_sign_in(family).await.expect("asked")
        };

        assert!(is_fresh().await);
        fixture.advance(299);
        assert!(is_fresh().await);
        fixture.advance(1);
        assert!(!is_fresh().await);
        let who = fixture.actor_of(&refreshed.access_token).await;
        let refused = identity.delete_account(&who, "").await;
        assert!(matches!(refused, Err(IdentityError::WrongPassword)), "{refused:?}");
    }
}
