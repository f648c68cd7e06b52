use std::time::Duration;

use super::*;
use crate::{
    Actor,
    testing::{Fixture, acting},
};

#[tokio::test]
async fn registering_signs_in_with_the_first_credits() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    let signed_in = identity.register(&Actor::anonymous(), Fixture::registration(" Ada@Example.org ")).await;
    let signed_in = signed_in.expect("registered");

    assert_eq!((signed_in.user.email.as_str(), signed_in.user.credits), ("ada@example.org", 10));
    assert_eq!((signed_in.user.country.as_deref(), signed_in.expires_in), (Some("GB"), 1_800));
    let who = identity.authenticate(&signed_in.access_token).await.expect("authenticated");
    assert_eq!(who.user.id, signed_in.user.id);
    assert_eq!(fixture.credits(who.user.id).await, 10);
    let again = identity.register(&Actor::anonymous(), Fixture::registration("ADA@example.org")).await;
    assert!(matches!(again, Err(IdentityError::EmailTaken)));
}

#[tokio::test]
async fn every_invalid_field_is_reported() {
    let fixture = Fixture::new().await;
    let input = Registration {
        email: "nobody".to_owned(),
        password: "short".to_owned(),
        full_name: " ".to_owned(),
        time_zone: Some("<zone>".to_owned()),
        country: Some("France".to_owned()),
        locale: None,
    };

    let refused = fixture.services.identity.register(&Actor::anonymous(), input).await.err();

    let Some(IdentityError::InvalidInput(errors)) = refused else { panic!("{refused:?}") };
    let fields: Vec<_> = errors.0.keys().copied().collect();
    assert_eq!(fields, ["country", "email", "full_name", "password", "time_zone"]);
}

#[tokio::test]
async fn a_name_with_a_web_address_is_refused_before_it_is_mailed() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    let ada = fixture.register("ada@example.org").await;
    let name = "Win at https://evil.example".to_owned();
    let input = Registration { full_name: name.clone(), ..Fixture::registration("bob@example.org") };
    let registered = identity.register(&Actor::anonymous(), input).await.err();
    let profile = ProfileChanges { full_name: Some(name.clone()), ..ProfileChanges::default() };
    let updated = identity.update_profile(&acting(ada.id), profile).await.err();
    let account = AccountChanges { full_name: Some(name), ..AccountChanges::default() };
    let changed = identity.change_account(&Actor::anonymous(), ada.id, account).await.err();

    for refused in [registered, updated, changed] {
        let Some(IdentityError::InvalidInput(errors)) = refused else { panic!("{refused:?}") };
        assert_eq!(errors.0.keys().collect::<Vec<_>>(), [&"full_name"]);
    }
    fixture.work().await;
    assert!(fixture.subjects_to("bob@example.org").is_empty());
}

#[tokio::test]
async fn unknown_addresses_and_wrong_passwords_have_the_same_error() {
    let fixture = Fixture::new().await;
    fixture.register("ada@example.org").await;
    let login = |email: &'static str, password: &'static str| {
        let identity = fixture.services.identity.clone();
        async move { identity.login(&Actor::anonymous(), email, password).await }
    };

    assert!(login("ADA@example.org", "correct horse").await.is_ok());
    let wrong = login("ada@example.org", "wrong horse").await.err().expect("refused");
    let unknown = login("bob@example.org", "correct horse").await.err().expect("refused");
    assert_eq!(wrong.to_string(), unknown.to_string());
    assert!(matches!(unknown, IdentityError::BadCredentials));
}

#[tokio::test]
async fn a_refresh_token_is_valid_once_and_its_reuse_revokes_the_family() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    let first =
        identity.register(&Actor::anonymous(), Fixture::registration("ada@example.org")).await.expect("in");
    let second = identity.refresh(&Actor::anonymous(), &first.refresh_token).await.expect("refreshed");
    let tab = identity.refresh(&Actor::anonymous(), &first.refresh_token).await.expect("two tabs at once");
    assert_ne!(second.refresh_token, tab.refresh_token);

    fixture.advance(11);
    let stolen = identity.refresh(&Actor::anonymous(), &first.refresh_token).await;
    assert!(matches!(stolen, Err(IdentityError::InvalidToken)));
    let owner = identity.refresh(&Actor::anonymous(), &second.refresh_token).await;
    assert!(matches!(owner, Err(IdentityError::InvalidToken)), "the family is revoked");
    let access = identity.authenticate(&second.access_token).await;
    assert!(matches!(access, Err(IdentityError::InvalidToken)));
}

#[tokio::test]
async fn signing_out_ends_this_sign_in_only() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    let here =
        identity.register(&Actor::anonymous(), Fixture::registration("ada@example.org")).await.expect("in");
    let there = identity.login(&Actor::anonymous(), "ada@example.org", "correct horse").await.expect("in");
    let who = fixture.actor_of(&here.access_token).await;

    identity.logout(&who).await.expect("out");

    assert!(matches!(identity.authenticate(&here.access_token).await, Err(IdentityError::InvalidToken)));
    assert!(identity.refresh(&Actor::anonymous(), &here.refresh_token).await.is_err());
    assert!(identity.authenticate(&there.access_token).await.is_ok());
}

#[tokio::test]
async fn tokens_expire() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    let signed_in =
        identity.register(&Actor::anonymous(), Fixture::registration("ada@example.org")).await.expect("in");

    fixture.advance(1_801);
    assert!(matches!(identity.authenticate(&signed_in.access_token).await, Err(IdentityError::ExpiredToken)));
    let refreshed =
        identity.refresh(&Actor::anonymous(), &signed_in.refresh_token).await.expect("still good");
    fixture.advance(7 * 24 * 3600 + 1);
    let late = identity.refresh(&Actor::anonymous(), &refreshed.refresh_token).await;
    assert!(matches!(late, Err(IdentityError::ExpiredToken)));
}

#[tokio::test]
async fn the_last_activity_is_stored_at_most_every_five_minutes() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    let signed_in =
        identity.register(&Actor::anonymous(), Fixture::registration("ada@example.org")).await.expect("in");
    let noted = || async { identity.get_user(signed_in.user.id).await.expect("there").last_active_at };
    let first = noted().await;

    fixture.advance(200);
    identity.authenticate(&signed_in.access_token).await.expect("authenticated");
    assert_eq!(noted().await, first);
    fixture.advance(200);
    identity.authenticate(&signed_in.access_token).await.expect("authenticated");
    assert!(noted().await.expect("noted") >= first.expect("noted") + Duration::from_secs(400));
}
