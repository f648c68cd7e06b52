use ApiScope::{Admin, Read, Write};

use super::*;
use crate::{
    Credential,
    testing::{Fixture, acting},
};

const ADA: &str = "ada@example.org";

/// A person with a recent sign-in.
async fn ada(fixture: &Fixture) -> Actor {
    fixture.register(ADA).await;
    fixture.sign_in(ADA).await
}

async fn make(
    fixture: &Fixture,
    who: &Actor,
    password: Option<&str>,
    scopes: &[ApiScope],
) -> Result<CreatedApiToken, IdentityError> {
    let identity = &fixture.services.identity;
    identity.create_api_token(who, password, input(scopes)).await
}

fn input(scopes: &[ApiScope]) -> NewApiToken {
    NewApiToken { name: "Nightly build".to_owned(), scopes: scopes.to_vec(), expires_in_days: None }
}

#[test]
fn the_scope_write_implies_read_and_admin_implies_neither() {
    for (wanted, scopes) in [
        (&[Write][..], Some(&[Read, Write][..])),
        (&[Read, Read], Some(&[Read])),
        (&[Admin, Read], Some(&[Read, Admin])),
        (&[Admin], None),
        (&[], None),
    ] {
        assert_eq!(check_scopes(wanted).ok().as_deref(), scopes, "{wanted:?}");
    }
}

#[tokio::test]
async fn a_token_signs_in_until_it_expires_or_is_deleted() {
    let fixture = Fixture::new().await;
    let (ada, identity) = (ada(&fixture).await, &fixture.services.identity);
    let made = make(&fixture, &ada, None, &[Write]).await.expect("made");

    let who = identity.authenticate(&made.token).await.expect("authenticated");
    assert_eq!(Some(who.user.id), ada.user());
    assert_eq!(who.credential, Credential::ApiToken(made.row.id, vec![Read, Write]));
    let kept = identity.list_api_tokens(&ada).await.expect("listed").remove(0);
    assert!(kept.last_used_at.is_some() && kept.token_hash == hash_token(&made.token));
    assert!(made.token.starts_with(&kept.prefix) && kept.prefix.len() == 10);

    let other = make(&fixture, &ada, None, &[Read]).await.expect("made");
    identity.delete_api_token(&ada, made.row.id).await.expect("deleted");
    let deleted = identity.authenticate(&made.token).await;
    assert!(matches!(deleted, Err(IdentityError::InvalidToken)));
    fixture.advance(90 * 24 * 3600 + 1);
    let expired = identity.authenticate(&other.token).await;
    assert!(matches!(expired, Err(IdentityError::ExpiredToken)));
    assert!(matches!(identity.authenticate("atl_unknown").await, Err(IdentityError::InvalidToken)));
}

#[tokio::test]
async fn creating_a_token_requires_a_recent_sign_in_or_the_password() {
    let fixture = Fixture::new().await;
    let ada = ada(&fixture).await;
    fixture.advance(10 * 60);

    let old = make(&fixture, &ada, None, &[Read]).await;
    assert!(matches!(old, Err(IdentityError::RecentSignInRequired)), "{old:?}");
    let wrong = make(&fixture, &ada, Some("wrong horse"), &[Read]).await;
    assert!(matches!(wrong, Err(IdentityError::WrongPassword)), "{wrong:?}");
    let made = make(&fixture, &ada, Some("correct horse"), &[Read]).await.expect("made");
    let by_token = fixture.actor_of(&made.token).await;
    let more = make(&fixture, &by_token, Some("correct horse"), &[Read]).await;
    assert!(matches!(more, Err(IdentityError::RecentSignInRequired)), "{more:?}");
}

#[tokio::test]
async fn an_ended_sign_in_creates_no_token() {
    let fixture = Fixture::new().await;
    let (ada, identity) = (ada(&fixture).await, &fixture.services.identity);
    let family = ada.session().expect("a sign-in");
    identity.end_sign_in(&ada, family).await.expect("ended");

    let made = make(&fixture, &ada, Some("correct horse"), &[Read]).await;

    assert!(matches!(made, Err(IdentityError::InvalidToken)), "{made:?}");
    assert!(identity.list_api_tokens(&ada).await.expect("listed").is_empty());
}

#[tokio::test]
async fn the_person_gets_a_mail_for_each_token_once_the_address_is_verified() {
    let fixture = Fixture::new().await;
    let ada = ada(&fixture).await;
    let told = async || {
        fixture.work().await;
        let subjects = fixture.subjects_to(ADA);
        subjects.iter().filter(|subject| subject.starts_with("A new API token")).count()
    };
    for _ in 0..2 {
        make(&fixture, &ada, None, &[Read]).await.expect("made");
    }
    assert_eq!(told().await, 1, "whose address it is nobody knows");
    fixture.verify_address(ada.person().expect("a person")).await;
    for _ in 0..2 {
        make(&fixture, &ada, None, &[Write]).await.expect("made");
    }

    assert_eq!(told().await, 3);
    let text = fixture.mailer.mails().pop().expect("a mail").text;
    assert!(text.contains("has the scopes read, write") && !text.contains("Nightly build"), "{text}");
}

#[tokio::test]
async fn another_persons_token_is_not_found() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (ada(&fixture).await, fixture.register("bob@example.org").await);
    let identity = &fixture.services.identity;
    let made = make(&fixture, &ada, None, &[Read]).await.expect("made");

    let deleted = identity.delete_api_token(&acting(bob.id), made.row.id).await;
    assert!(matches!(deleted, Err(IdentityError::NoSuchApiToken)));
    assert!(identity.list_api_tokens(&acting(bob.id)).await.expect("listed").is_empty());
}

#[tokio::test]
async fn an_account_has_a_bounded_number_of_tokens() {
    let fixture = Fixture::new().await;
    let ada = ada(&fixture).await;
    for _ in 0..MAX_TOKENS {
        make(&fixture, &ada, None, &[Read]).await.expect("made");
    }

    let more = make(&fixture, &ada, None, &[Read]).await;

    assert!(matches!(more, Err(IdentityError::TooManyApiTokens(MAX_TOKENS))));
}
