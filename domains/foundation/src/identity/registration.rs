//! Registration, which reveals or hides whether an address is taken.

use atelier_entities::{CreditKind, TokenPurpose, users};
use atelier_queue::Transaction;
use sea_orm::EntityTrait;
use serde_json::json;
use tokio::time::Instant;

use super::{
    Identity, IdentityError, Registration, SignedIn,
    accounts::{Checked, check, create_account, find_by_address},
    recovery::MIN_RESPONSE_TIME,
    user_target,
};
use crate::{
    Actor, audit, credits,
    mail::{queue_mail, templates},
};

impl Identity {
    /// Creates an account with its first credits, and signs in. The welcome mail has a
    /// verification link. An address that is taken is refused; a client that tries many
    /// addresses is slowed down like one that guesses passwords.
    pub async fn register(&self, actor: &Actor, input: Registration) -> Result<SignedIn, IdentityError> {
        let mut input = check(input)?;
        self.check_address(actor).await?;
        let known = find_by_address(&input.email).one(self.queue.db()).await?;
        if known.is_some() {
            self.count_failure(actor).await?;
            return Err(IdentityError::EmailTaken);
        }
        let hash = self.passwords.hash(std::mem::take(&mut input.password)).await?;
        let tx = self.queue.begin().await?;
        let (user, actor) = self.open_account(&tx, actor, input, hash).await?;
        let signed_in = self.open_session(&tx, &actor, user).await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    /// Creates an account that can sign in once its address is verified by the link of the
    /// welcome mail. If the address is taken, its owner gets a mail; the client gets the
    /// same response after the same time.
    pub async fn register_quietly(&self, actor: &Actor, input: Registration) -> Result<(), IdentityError> {
        let mut input = check(input)?;
        let hash = self.passwords.hash(std::mem::take(&mut input.password)).await?;
        let answer_at = Instant::now() + MIN_RESPONSE_TIME;
        let email = input.email.clone();
        let done = match self.try_register(actor, input, hash).await {
            // A concurrent request took the address.
            Err(IdentityError::EmailTaken) => self.mail_owner(actor, &email).await,
            done => done,
        };
        tokio::time::sleep_until(answer_at).await;
        done
    }

    async fn try_register(&self, actor: &Actor, input: Checked, hash: String) -> Result<(), IdentityError> {
        let tx = self.queue.begin().await?;
        if find_by_address(&input.email).one(&*tx).await?.is_some() {
            return Err(IdentityError::EmailTaken);
        }
        self.open_account(&tx, actor, input, hash).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Creates the account with its credits and welcome mail. Returns it with the actor as
    /// its owner.
    async fn open_account(
        &self,
        tx: &Transaction,
        actor: &Actor,
        input: Checked,
        hash: String,
    ) -> Result<(users::Model, Actor), IdentityError> {
        let user = create_account(tx, input, hash).await?;
        credits::grant(tx, user.id, self.signup_grant, CreditKind::Bonus, "Welcome credits").await?;
        let user = users::Entity::find_by_id(user.id).one(&**tx).await?.ok_or(IdentityError::NotFound)?;
        let actor = actor.identified_as(user.id);
        audit::record(tx, &actor, "auth.register", user_target(user.id), json!({})).await?;
        let link = self.create_link(tx, &user, TokenPurpose::VerifyEmail).await?;
        let data = json!({"credits": user.credits, "token_id": link});
        queue_mail(tx, &templates::WELCOME, &user, &user.id.to_string(), data).await?;
        Ok((user, actor))
    }

    /// Mails the owner of an address that somebody tried to register it, at most once a
    /// day.
    async fn mail_owner(&self, actor: &Actor, email: &str) -> Result<(), IdentityError> {
        let tx = self.queue.begin().await?;
        let Some(owner) = find_by_address(email).one(&*tx).await? else { return Ok(()) };
        let target = user_target(owner.id);
        audit::record_warning(&tx, actor, "auth.register_known", target, json!({})).await?;
        if owner.is_active {
            let day = tx.now().date_naive().to_string();
            queue_mail(&tx, &templates::ACCOUNT_EXISTS, &owner, &day, json!({})).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fixture, at_address, options};

    #[tokio::test]
    async fn registering_taken_addresses_causes_delays() {
        let fixture = Fixture::new().await;
        let actor = at_address("192.0.2.1");
        let register = async |email: &str| {
            fixture.services.identity.register(&actor, Fixture::registration(email)).await.err()
        };
        assert!(register("ada@example.org").await.is_none());
        for _ in 0..21 {
            let taken = register("ada@example.org").await;
            assert!(matches!(taken, Some(IdentityError::EmailTaken)), "{taken:?}");
        }

        let refused = register("ada@example.org").await;
        assert!(matches!(refused, Some(IdentityError::TooManyAttempts { .. })), "{refused:?}");
        let refused = register("bob@example.org").await;
        assert!(matches!(refused, Some(IdentityError::TooManyAttempts { .. })), "{refused:?}");
        let elsewhere = fixture
            .services
            .identity
            .register(&Actor::anonymous(), Fixture::registration("bob@example.org"))
            .await;
        assert!(elsewhere.is_ok());
        fixture.advance(2);
        assert!(register("eve@example.org").await.is_none());
    }

    #[tokio::test]
    async fn common_and_personal_passwords_are_refused_at_registration() {
        let fixture = Fixture::new().await;
        for password in ["password1", "Ada.Lovelace@example.org", "ada.lovelace", "ADA LOVELACE"] {
            let input = Registration {
                password: password.to_owned(),
                ..Fixture::registration("ada.lovelace@example.org")
            };
            let refused = fixture.services.identity.register(&Actor::anonymous(), input).await.err();
            let Some(IdentityError::InvalidInput(errors)) = refused else {
                panic!("{password}: {refused:?}")
            };
            assert_eq!(errors.0.keys().collect::<Vec<_>>(), [&"password"], "{password}");
        }
    }

    async fn quiet_fixture() -> Fixture {
        let mut options = options();
        options.auth.hide_registered_emails = true;
        Fixture::with_options(options).await
    }

    #[tokio::test]
    async fn registration_does_not_reveal_registered_addresses() {
        let fixture = quiet_fixture().await;
        let identity = &fixture.services.identity;
        let register = async |email: &str| {
            let hashed = identity.passwords.hashed();
            let done = identity.register_quietly(&Actor::anonymous(), Fixture::registration(email)).await;
            (done.is_ok(), identity.passwords.hashed() - hashed)
        };
        let login = async |email: &str| {
            let hashed = identity.passwords.hashed();
            let refused = identity.login(&Actor::anonymous(), email, "correct horse").await.err();
            assert!(matches!(refused, Some(IdentityError::BadCredentials)), "{refused:?}");
            identity.passwords.hashed() - hashed
        };

        let fresh = register("ada@example.org").await;
        assert_eq!((fresh, register("ADA@example.org").await), ((true, 1), (true, 1)));
        assert_eq!((login("ada@example.org").await, login("bob@example.org").await), (1, 1));
        register("ada@example.org").await;
        fixture.work().await;

        let mut told = fixture.subjects_to("ada@example.org");
        told.sort();
        assert_eq!(told, ["Welcome to Atelier", "You have an account already"], "once a day");
        assert_eq!(users::Entity::find().all(fixture.services.queue.db()).await.expect("listed").len(), 1);
    }

    #[tokio::test]
    async fn a_verified_address_signs_in_when_registered_addresses_are_hidden() {
        let fixture = quiet_fixture().await;
        let identity = &fixture.services.identity;
        identity
            .register_quietly(&Actor::anonymous(), Fixture::registration("ada@example.org"))
            .await
            .expect("registered");
        fixture.work().await;

        let mail = fixture.mailer.mails().into_iter().find(|mail| mail.to == "ada@example.org");
        let text = mail.expect("a mail").text;
        let token = text.split("#token=").nth(1).and_then(|rest| rest.split_whitespace().next());
        identity.verify_email(&Actor::anonymous(), token.expect("a link")).await.expect("proven");

        let signed_in = identity.login(&Actor::anonymous(), "ada@example.org", "correct horse").await;
        assert_eq!(signed_in.map(|signed_in| signed_in.user.credits).ok(), Some(10));
    }

    #[tokio::test]
    async fn every_sign_in_costs_one_hash() {
        let fixture = Fixture::new().await;
        fixture.register("ada@example.org").await;
        let identity = &fixture.services.identity;
        for (email, password) in [
            ("ada@example.org", "correct horse"),
            ("ada@example.org", "wrong horse"),
            ("nobody@example.org", "correct horse"),
            ("not an address", "correct horse"),
            ("nobody@example.org", &"x".repeat(1_000)),
        ] {
            let hashed = identity.passwords.hashed();
            let _ = identity.login(&Actor::anonymous(), email, password).await;
            assert_eq!(identity.passwords.hashed() - hashed, 1, "{email} {password}");
        }
    }
}
