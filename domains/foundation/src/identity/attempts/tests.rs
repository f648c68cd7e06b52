use super::*;
use crate::testing::{Fixture, acting, at_address};

fn from(ip: &str) -> Actor {
    at_address(ip)
}

async fn login(fixture: &Fixture, actor: &Actor, email: &str, password: &str) -> Option<IdentityError> {
    fixture.services.identity.login(actor, email, password).await.err()
}

#[test]
fn failures_are_counted_by_a_hash_of_the_account_and_by_network() {
    let network = |ip: &str| network_key(&from(ip)).expect("an address");

    assert_eq!(network_key(&Actor::anonymous()), None);
    assert!(!account_key("ada@example.org").contains("ada"));
    assert_eq!(network("192.0.2.7"), "address:192.0.2.7");
    assert_eq!(network("2001:db8:1:2:3::4"), network("2001:db8:1:2:ffff::1"));
    assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
}

#[tokio::test]
async fn failures_cause_delays_and_the_right_password_resets_them() {
    let fixture = Fixture::new().await;
    fixture.register("ada@example.org").await;
    let login = async |email: &str, password: &str| {
        fixture.services.identity.login(&Actor::anonymous(), email, password).await.err()
    };
    for _ in 0..12 {
        let wrong = login("ada@example.org", "wrong horse").await;
        assert!(matches!(wrong, Some(IdentityError::BadCredentials)), "{wrong:?}");
        fixture.advance(60);
    }
    let wrong = login("ada@example.org", "wrong horse").await;
    assert!(matches!(wrong, Some(IdentityError::BadCredentials)), "{wrong:?}");
    let blocked = login("ada@example.org", "correct horse").await;
    assert!(matches!(blocked, Some(IdentityError::TooManyAttempts { retry_after: 1..=60 })));

    fixture.advance(60);
    assert!(login("ada@example.org", "correct horse").await.is_none());
    let wrong = login("ada@example.org", "wrong horse").await;
    assert!(matches!(wrong, Some(IdentityError::BadCredentials)));
    assert!(login("ada@example.org", "correct horse").await.is_none());
}

#[tokio::test]
async fn unknown_accounts_and_networks_are_delayed_too() {
    let fixture = Fixture::new().await;
    let actor = at_address("192.0.2.1");
    let begin = async |email: String| fixture.services.identity.begin_attempt(&actor, &email, None).await;
    for _ in 0..6 {
        begin("nobody@example.org".to_owned()).await.expect("counted");
    }
    let refused = begin("nobody@example.org".to_owned()).await;
    assert!(matches!(refused, Err(IdentityError::TooManyAttempts { .. })));
    for number in 0..15 {
        begin(format!("{number}@example.org")).await.expect("counted");
    }
    let refused = begin("another@example.org".to_owned()).await;
    assert!(matches!(refused, Err(IdentityError::TooManyAttempts { .. })));

    fixture.advance(24 * 3600);
    for _ in 0..5 {
        begin("nobody@example.org".to_owned()).await.expect("forgotten");
    }
}

#[tokio::test]
async fn a_sign_in_does_not_delay_others_in_its_network() {
    let fixture = Fixture::new().await;
    let office = from("192.0.2.1");
    for name in ["ada", "bob"] {
        fixture.register(&format!("{name}@example.org")).await;
    }
    for number in 0..25 {
        let wrong = login(&fixture, &office, &format!("{number}@example.org"), "wrong horse").await;
        assert!(matches!(wrong, Some(IdentityError::BadCredentials)), "{wrong:?}");
        // As long as the delay, and too short for a failure to be forgotten.
        fixture.advance(if number < 20 { 0 } else { 1 << (number - 20) });
    }

    for name in ["ada", "bob", "ada"] {
        let refused = login(&fixture, &office, &format!("{name}@example.org"), "correct horse").await;
        assert!(refused.is_none(), "{name}: {refused:?}");
    }
    let wrong = login(&fixture, &office, "eve@example.org", "wrong horse").await;
    assert!(matches!(wrong, Some(IdentityError::BadCredentials)), "{wrong:?}");
    let waits = login(&fixture, &office, "ada@example.org", "correct horse").await;
    assert!(matches!(waits, Some(IdentityError::TooManyAttempts { .. })), "failures still count: {waits:?}");
}

#[tokio::test]
async fn an_attempt_that_was_not_verified_is_no_failure() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    let office = from("192.0.2.1");
    let who = fixture.register("ada@example.org").await;
    identity.passwords.close();

    for _ in 0..30 {
        let busy = login(&fixture, &office, "ada@example.org", "correct horse").await;
        assert!(matches!(busy, Some(IdentityError::Busy)), "{busy:?}");
        let busy = identity.check_password(&office, &who, "correct horse").await;
        assert!(matches!(busy, Err(IdentityError::Busy)), "{busy:?}");
    }

    let counts = sign_in_failures::Entity::find().all(fixture.services.queue.db()).await.expect("listed");
    assert_eq!(counts.iter().map(|row| row.failures).collect::<Vec<_>>(), [0, 0, 0]);
}

#[tokio::test]
async fn attempts_from_outside_do_not_delay_re_authentication() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    let who = fixture.register("ada@example.org").await;
    let here = from("192.0.2.1");
    while !matches!(
        login(&fixture, &here, "ada@example.org", "wrong horse").await,
        Some(IdentityError::TooManyAttempts { .. })
    ) {}

    identity.check_password(&here, &who, "correct horse").await.expect("looked at");

    for _ in 0..6 {
        let wrong = identity.check_password(&here, &who, "wrong horse").await;
        assert!(matches!(wrong, Err(IdentityError::WrongPassword)), "{wrong:?}");
    }
    let waits = identity.check_password(&here, &who, "correct horse").await;
    assert!(matches!(waits, Err(IdentityError::TooManyAttempts { .. })), "guessed from inside: {waits:?}");
}

#[tokio::test]
async fn a_password_that_was_changed_during_its_verification_is_refused() {
    let fixture = Fixture::new().await;
    let identity = fixture.services.identity.clone();
    let ada = fixture.register("ada@example.org").await;
    let mut permits = Vec::new();
    while let Some(permit) = identity.passwords.try_permit() {
        permits.push(permit);
    }
    let late = tokio::spawn({
        let identity = identity.clone();
        async move { identity.login(&Actor::anonymous(), "ada@example.org", "correct horse").await.err() }
    });
    let counted = async || {
        let key = account_key("ada@example.org");
        sign_in_failures::Entity::find_by_id(key).one(fixture.services.queue.db()).await.expect("asked")
    };
    while counted().await.is_none() {
        tokio::task::yield_now().await;
    }
    let other = users::ActiveModel { id: Set(ada.id), password_hash: Set(None), ..Default::default() };
    other.update(fixture.services.queue.db()).await.expect("updated");
    drop(permits);

    let refused = late.await.expect("no panic");

    assert!(matches!(refused, Some(IdentityError::BadCredentials)), "{refused:?}");
    assert!(
        identity.list_sign_ins(&acting(ada.id)).await.expect("listed").len() == 1,
        "the one of the registration"
    );
}
