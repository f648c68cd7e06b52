use SignInProvider::{Apple, Github, Google};
use atelier_entities::{OAuthIdentityId, audit_log};
use sea_orm::PaginatorTrait;

use super::*;
use crate::testing::Fixture;

const ADA: &str = "ada@example.org";

async fn link(fixture: &Fixture, user: UserId, provider: SignInProvider, subject: &str) {
    let now = fixture.services.queue.now();
    let row = oauth_identities::ActiveModel {
        id: Set(OAuthIdentityId::new()),
        user_id: Set(user),
        provider: Set(provider),
        subject: Set(subject.to_owned()),
        email: Set(Some(ADA.to_owned())),
        created_at: Set(now),
        last_used_at: Set(now),
    };
    row.insert(fixture.services.queue.db()).await.expect("linked");
}

/// A person who signed up with Google and linked GitHub, with or without a password.
async fn ada(fixture: &Fixture, has_password: bool) -> Actor {
    let user = fixture.register(ADA).await;
    fixture.verify_address(user.id).await;
    let who = fixture.sign_in(ADA).await;
    link(fixture, user.id, Google, "one").await;
    link(fixture, user.id, Github, "two").await;
    let mut row = fixture.services.identity.get_user(user.id).await.expect("there").into_active_model();
    row.provider = Set("google".to_owned());
    row.provider_id = Set(Some("one".to_owned()));
    if !has_password {
        row.password_hash = Set(None);
    }
    row.update(fixture.services.queue.db()).await.expect("updated");
    who
}

async fn unlink(
    fixture: &Fixture,
    who: &Actor,
    provider: SignInProvider,
    password: &str,
) -> Result<(), IdentityError> {
    fixture.services.identity.unlink(who, provider, password).await
}

#[test]
fn the_last_sign_in_method_cannot_be_removed() {
    let of = |provider| oauth_identities::Model {
        id: OAuthIdentityId::new(),
        user_id: UserId::new(),
        provider,
        subject: String::new(),
        email: None,
        created_at: chrono::DateTime::UNIX_EPOCH,
        last_used_at: chrono::DateTime::UNIX_EPOCH,
    };
    for (linked, provider, has_password, expected) in [
        (&[][..], Google, true, "not linked"),
        (&[of(Github)], Google, true, "not linked"),
        (&[of(Google)], Google, true, "may"),
        (&[of(Google)], Google, false, "last"),
        (&[of(Google), of(Google)], Google, false, "last"),
        (&[of(Google), of(Github)], Google, false, "may"),
    ] {
        let checked = match check_unlink(linked, provider, has_password) {
            Ok(()) => "may",
            Err(IdentityError::NotLinked) => "not linked",
            Err(IdentityError::LastSignInMethod) => "last",
            Err(other) => panic!("{other}"),
        };
        assert_eq!(checked, expected, "{linked:?} {has_password}");
    }
}

#[tokio::test]
async fn unlinking_a_provider_requires_the_password() {
    let fixture = Fixture::new().await;
    let (ada, identity) = (ada(&fixture, true).await, &fixture.services.identity);
    for password in ["", "wrong horse"] {
        let refused = unlink(&fixture, &ada, Google, password).await;
        assert!(matches!(refused, Err(IdentityError::WrongPassword)), "{refused:?}");
    }
    let unknown = unlink(&fixture, &ada, Apple, "").await;
    assert!(matches!(unknown, Err(IdentityError::NotLinked)), "{unknown:?}");

    unlink(&fixture, &ada, Google, "correct horse").await.expect("unlinked");

    let left = identity.list_linked(&ada).await.expect("listed");
    assert_eq!(left.iter().map(|identity| identity.provider).collect::<Vec<_>>(), [Github]);
    let user = identity.get_user(ada.person().expect("a person")).await.expect("there");
    assert_eq!((user.provider.as_str(), user.provider_id.as_deref()), ("github", Some("two")));
    unlink(&fixture, &ada, Github, "correct horse").await.expect("unlinked");
    let user = identity.get_user(ada.person().expect("a person")).await.expect("there");
    assert_eq!((user.provider.as_str(), user.provider_id), ("email", None));
    fixture.work().await;
    let told = fixture.subjects_to(ADA);
    for provider in ["Google", "GitHub"] {
        assert!(told.contains(&format!("{provider} was unlinked from your account")), "{told:?}");
    }
    let entries = audit_log::Entity::find().filter(audit_log::Column::Action.eq("auth.unlink_identity"));
    assert_eq!(entries.count(fixture.services.queue.db()).await.expect("counted"), 2);
}

#[tokio::test]
async fn an_account_without_a_password_unlinks_by_a_recent_sign_in_except_the_last_provider() {
    let fixture = Fixture::new().await;
    let ada = ada(&fixture, false).await;
    unlink(&fixture, &ada, Google, "").await.expect("unlinked");
    let last = unlink(&fixture, &ada, Github, "").await;
    assert!(matches!(last, Err(IdentityError::LastSignInMethod)), "{last:?}");
    link(&fixture, ada.person().expect("a person"), Apple, "three").await;
    fixture.advance(11 * 60);

    let old = unlink(&fixture, &ada, Github, "").await;

    assert!(matches!(old, Err(IdentityError::RecentSignInRequired)), "{old:?}");
    assert_eq!(fixture.services.identity.list_linked(&ada).await.expect("listed").len(), 2);
}

#[tokio::test]
async fn an_operator_unlinks_a_provider_and_ends_every_sign_in() {
    let fixture = Fixture::new().await;
    let (ada, identity) = (ada(&fixture, false).await, &fixture.services.identity);
    for provider in [Google, Github] {
        identity
            .unlink_from_account(&Actor::anonymous(), ada.person().expect("a person"), provider)
            .await
            .expect("unlinked");
    }

    let again =
        identity.unlink_from_account(&Actor::anonymous(), ada.person().expect("a person"), Google).await;
    assert!(matches!(again, Err(IdentityError::NotLinked)), "{again:?}");
    let ended = identity.authenticate_again(&ada).await;
    assert!(matches!(ended, Err(IdentityError::InvalidToken)), "{ended:?}");
    let nobody = identity.unlink_from_account(&Actor::anonymous(), UserId::new(), Google).await;
    assert!(matches!(nobody, Err(IdentityError::NotFound)), "{nobody:?}");
}
