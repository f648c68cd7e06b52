//! Finds or creates the account of a person whom a provider identified: linked before,
//! linked now by the mail address, or new.

use atelier_entities::{CreditKind, OAuthIdentityId, SignInProvider, UserId, oauth_identities, users};
use atelier_providers::oauth::ExternalPerson;
use atelier_queue::Transaction;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DbErr, EntityTrait, IntoActiveModel, QuerySelect, SqlErr};
use serde_json::json;

use super::{OAuthRefusal, provider_profile::ProviderProfile, recent::mark_provider};
use crate::{
    Actor, audit, credits,
    identity::{
        Identity, IdentityError, SignedIn, accounts::lock_user, linked::name_of, sign_in_methods::hand_over,
        user_target,
    },
    mail::{queue_mail, templates},
    validation,
};

/// What to do for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Sign in: the provider account is linked.
    SignIn,
    /// Link the account with the same address, which is verified at both.
    Link,
    /// Claim the account with the same address. It is unverified, so somebody else may have
    /// created it.
    Claim,
    /// Create an account.
    Create,
}

/// Decides what to do by the linked account, the account with the same address, and whether
/// the provider has verified the address.
fn decide(
    linked: Option<&users::Model>,
    of_email: Option<&users::Model>,
    is_proven: bool,
) -> Result<Step, IdentityError> {
    let account = linked.or(of_email.filter(|_| is_proven));
    if account.is_some_and(|account| !account.is_active) {
        return Err(IdentityError::Deactivated);
    }
    match (linked, of_email) {
        (Some(_), _) => Ok(Step::SignIn),
        // The same result with and without such an account, so that its existence is not
        // revealed.
        _ if !is_proven => Err(OAuthRefusal::UnverifiedEmail.into()),
        (None, Some(account)) if account.email_verified_at.is_some() => Ok(Step::Link),
        (None, Some(_)) => Ok(Step::Claim),
        (None, None) => Ok(Step::Create),
    }
}

/// The provider account of a sign-in.
struct ExternalAccount<'a> {
    provider: SignInProvider,
    subject: &'a str,
    profile: ProviderProfile,
}

impl Identity {
    /// Finds or creates the account of a person whom a provider identified.
    pub(super) async fn admit(
        &self,
        actor: &Actor,
        provider: SignInProvider,
        person: &ExternalPerson,
    ) -> Result<SignedIn, IdentityError> {
        let external =
            ExternalAccount { provider, subject: &person.subject, profile: ProviderProfile::of(person) };
        match self.try_admit(actor, &external).await {
            // A concurrent request created the account.
            Err(IdentityError::Database(error)) if is_taken(&error) => self.try_admit(actor, &external).await,
            done => done,
        }
    }

    async fn try_admit(
        &self,
        actor: &Actor,
        external: &ExternalAccount<'_>,
    ) -> Result<SignedIn, IdentityError> {
        let tx = self.queue.begin().await?;
        let known =
            oauth_identities::Entity::find_by_subject(external.provider, external.subject).one(&*tx).await?;
        let linked = match &known {
            Some(known) => lock_user(&tx, known.user_id).await?,
            None => None,
        };
        let email = external.profile.verified_email.as_deref();
        let of_email = match (&linked, email) {
            (None, Some(email)) => {
                let forms = validation::email_forms(email);
                users::Entity::find_by_email(forms).lock_exclusive().one(&*tx).await?
            }
            _ => None,
        };
        let step = decide(linked.as_ref(), of_email.as_ref(), email.is_some())?;
        let (user, email) = match (step, linked.or(of_email), email) {
            (Step::Create, _, Some(email)) => (self.create(&tx, actor, external, email).await?, email),
            (Step::Claim, Some(user), Some(email)) => (claim(&tx, actor, external, user).await?, email),
            (Step::Link, Some(user), Some(email)) => (set_missing_avatar(&tx, external, user).await?, email),
            (_, Some(user), email) => (user, email.unwrap_or_default()),
            _ => return Err(OAuthRefusal::UnverifiedEmail.into()),
        };
        let actor = &actor.identified_as(user.id);
        match known {
            Some(known) => mark_used(&tx, known, email).await?,
            None => link(&tx, actor, external, &user, step).await?,
        }
        let user = self.complete(&tx, actor, external, user).await?;
        let context = json!({"provider": external.provider});
        audit::record(&tx, actor, "auth.login", user_target(user.id), context).await?;
        let signed_in = self.open_session(&tx, actor, user).await?;
        mark_provider(&tx, &signed_in, external.provider).await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    /// Creates an account, with its first credits and a welcome mail.
    async fn create(
        &self,
        tx: &Transaction,
        actor: &Actor,
        external: &ExternalAccount<'_>,
        email: &str,
    ) -> Result<users::Model, IdentityError> {
        let id = row(external, email, tx).insert(&**tx).await?.id;
        credits::grant(tx, id, self.signup_grant, CreditKind::Bonus, "Welcome credits").await?;
        let user = users::Entity::find_by_id(id).one(&**tx).await?.ok_or(IdentityError::NotFound)?;
        let actor = actor.identified_as(id);
        let context = json!({"provider": external.provider});
        audit::record(tx, &actor, "auth.register", user_target(id), context).await?;
        let data = json!({"credits": user.credits});
        queue_mail(tx, &templates::WELCOME, &user, &id.to_string(), data).await?;
        Ok(user)
    }

    /// Marks the account's address as verified if the provider has verified it.
    async fn complete(
        &self,
        tx: &Transaction,
        actor: &Actor,
        external: &ExternalAccount<'_>,
        user: users::Model,
    ) -> Result<users::Model, IdentityError> {
        let proven = external.profile.verified_email.as_deref();
        let is_same = |proven| validation::email_forms(proven).contains(&user.email);
        let user = if user.email_verified_at.is_none() && proven.is_some_and(is_same) {
            let id = user.id;
            let mut row = user.into_active_model();
            row.email_verified_at = Set(Some(tx.now()));
            row.updated_at = Set(tx.now());
            tx.note_access_change(id);
            row.update(&**tx).await?
        } else {
            user
        };
        self.grant_named_admin(tx, actor, user).await
    }
}

/// Sets the provider's picture if the account has none.
async fn set_missing_avatar(
    tx: &Transaction,
    external: &ExternalAccount<'_>,
    user: users::Model,
) -> Result<users::Model, DbErr> {
    let Some(picture) = external.profile.avatar_url.clone().filter(|_| user.avatar_url.is_none()) else {
        return Ok(user);
    };
    let mut row = user.into_active_model();
    row.avatar_url = Set(Some(picture));
    row.updated_at = Set(tx.now());
    row.update(&**tx).await
}

fn is_taken(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

fn row(external: &ExternalAccount<'_>, email: &str, tx: &Transaction) -> users::ActiveModel {
    let (profile, now) = (&external.profile, tx.now());
    users::ActiveModel {
        id: Set(UserId::new()),
        email: Set(email.to_owned()),
        full_name: Set(profile.name_or(email)),
        password_hash: Set(None),
        is_active: Set(true),
        is_admin: Set(false),
        email_verified_at: Set(Some(now)),
        provider: Set(external.provider.as_str().to_owned()),
        provider_id: Set(Some(external.subject.to_owned())),
        avatar_url: Set(profile.avatar_url.clone()),
        locale: Set(profile.locale),
        time_zone: Set("UTC".to_owned()),
        country: Set(profile.country.clone()),
        settings: Set(json!({})),
        credits: Set(0),
        subscription_plan: Set("free".to_owned()),
        last_active_at: Set(Some(now)),
        created_at: Set(now),
        updated_at: Set(now),
    }
}

/// Hands an account over to the owner of its address, whom the provider identified.
async fn claim(
    tx: &Transaction,
    actor: &Actor,
    external: &ExternalAccount<'_>,
    user: users::Model,
) -> Result<users::Model, IdentityError> {
    let actor = actor.identified_as(user.id);
    let (user, _) = hand_over(tx, &actor, user, external.provider.as_str()).await?;
    let full_name = external.profile.name_or(&user.email);
    let mut row = user.into_active_model();
    row.provider = Set(external.provider.as_str().to_owned());
    row.provider_id = Set(Some(external.subject.to_owned()));
    row.full_name = Set(full_name);
    row.avatar_url = Set(external.profile.avatar_url.clone());
    Ok(row.update(&**tx).await?)
}

/// Links a provider. The person gets a mail, unless the account is new.
async fn link(
    tx: &Transaction,
    actor: &Actor,
    external: &ExternalAccount<'_>,
    user: &users::Model,
    step: Step,
) -> Result<(), IdentityError> {
    let id = OAuthIdentityId::new();
    let row = oauth_identities::ActiveModel {
        id: Set(id),
        user_id: Set(user.id),
        provider: Set(external.provider),
        subject: Set(external.subject.to_owned()),
        email: Set(external.profile.verified_email.clone()),
        created_at: Set(tx.now()),
        last_used_at: Set(tx.now()),
    };
    row.insert(&**tx).await?;
    let context = json!({"provider": external.provider});
    audit::record(tx, actor, "auth.link_identity", user_target(user.id), context).await?;
    if step != Step::Create {
        let data = json!({"provider": name_of(external.provider), "claimed": step == Step::Claim});
        queue_mail(tx, &templates::PROVIDER_LINKED, user, &id.to_string(), data).await?;
    }
    Ok(())
}

async fn mark_used(tx: &Transaction, known: oauth_identities::Model, email: &str) -> Result<(), DbErr> {
    let mut row = known.into_active_model();
    if !email.is_empty() {
        row.email = Set(Some(email.to_owned()));
    }
    row.last_used_at = Set(tx.now());
    row.update(&**tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;

    #[tokio::test]
    async fn a_link_takes_precedence_over_a_verified_address() {
        let fixture = Fixture::new().await;
        let unproven = fixture.register("ada@example.org").await;
        let proven = users::Model { email_verified_at: Some(unproven.created_at), ..unproven.clone() };
        let closed = users::Model { is_active: false, ..proven.clone() };
        let closed_unproven = users::Model { is_active: false, ..unproven.clone() };
        let none = None;
        for (linked, of_email, is_proven, expected) in [
            (Some(&proven), none, true, Ok(Step::SignIn)),
            (Some(&proven), none, false, Ok(Step::SignIn)),
            (Some(&unproven), none, false, Ok(Step::SignIn)),
            (Some(&closed), none, true, Err("deactivated")),
            (none, Some(&proven), true, Ok(Step::Link)),
            (none, Some(&unproven), true, Ok(Step::Claim)),
            (none, Some(&closed), true, Err("deactivated")),
            (none, Some(&closed_unproven), true, Err("deactivated")),
            (none, Some(&proven), false, Err("unverified")),
            (none, Some(&closed), false, Err("unverified")),
            (none, none, true, Ok(Step::Create)),
            (none, none, false, Err("unverified")),
        ] {
            let decided = decide(linked, of_email, is_proven).map_err(|error| match error {
                IdentityError::Deactivated => "deactivated",
                IdentityError::OAuth(OAuthRefusal::UnverifiedEmail) => "unverified",
                other => panic!("{other}"),
            });
            assert_eq!(decided, expected, "{linked:?} {of_email:?} {is_proven}");
        }
    }
}
