use sea_orm::PaginatorTrait;

use super::*;
use crate::{
    Client,
    identity::{IdentityError, SignedIn},
    testing::{Fixture, at_address},
};

const ADDRESS: &str = "ada@example.org";

fn from(network: u16) -> Actor {
    at_address(&format!("2001:db8:{network:x}::1"))
}

fn with(actor: Actor, signed_in: &SignedIn) -> Actor {
    let cookie = signed_in.device.as_ref().expect("a cookie");
    let client = Client { device: Some(cookie.value.clone().into()), ..actor.client.clone() };
    actor.with_client(client)
}

async fn sign_in(fixture: &Fixture, actor: &Actor, password: &str) -> Result<SignedIn, IdentityError> {
    fixture.services.identity.login(actor, ADDRESS, password).await
}

/// Fails from many networks until every attempt is delayed.
async fn attack(fixture: &Fixture) {
    for network in 1000..1012 {
        while fixture
            .services
            .identity
            .login(&from(network), ADDRESS, "wrong horse")
            .await
            .is_err_and(is_wrong)
        {}
    }
    let waits = sign_in(fixture, &from(999), "correct horse").await.err();
    assert!(
        matches!(waits, Some(IdentityError::TooManyAttempts { .. })),
        "the account is limited: {waits:?}"
    );
}

fn is_wrong(error: IdentityError) -> bool {
    matches!(error, IdentityError::BadCredentials)
}

#[tokio::test]
async fn failures_from_many_networks_do_not_lock_out_a_recognized_source() {
    let fixture = Fixture::new().await;
    fixture.register(ADDRESS).await;
    let home = sign_in(&fixture, &from(1), "correct horse").await.expect("in");
    attack(&fixture).await;

    sign_in(&fixture, &from(1), "correct horse").await.expect("from a network that is known");
    sign_in(&fixture, &with(from(2), &home), "correct horse").await.expect("with a device that is known");
    let elsewhere = sign_in(&fixture, &from(3), "correct horse").await.err();
    assert!(matches!(elsewhere, Some(IdentityError::TooManyAttempts { .. })), "{elsewhere:?}");
}

#[tokio::test]
async fn failures_from_recognized_sources_cause_delays_too() {
    let fixture = Fixture::new().await;
    fixture.register(ADDRESS).await;
    let home = sign_in(&fixture, &from(1), "correct horse").await.expect("in");

    for actor in [from(1), with(from(2), &home)] {
        let mut wrong = 0;
        while sign_in(&fixture, &actor, "wrong horse").await.is_err_and(is_wrong) {
            wrong += 1;
        }
        assert_eq!(wrong, 6, "{actor:?}");
        let waits = sign_in(&fixture, &actor, "correct horse").await.err();
        assert!(matches!(waits, Some(IdentityError::TooManyAttempts { .. })), "{waits:?}");
    }
    sign_in(&fixture, &from(3), "correct horse").await.expect("from elsewhere, where nobody failed");
}

#[tokio::test]
async fn a_device_is_recognized_by_its_account_until_the_password_changes() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (fixture.register(ADDRESS).await, fixture.register("bob@example.org").await);
    let home = sign_in(&fixture, &from(1), "correct horse").await.expect("in");
    let (key, cookie) = (&fixture.services.identity.devices, home.device.expect("a cookie").value);
    let now = fixture.services.queue.now();
    let other = users::Model { password_hash: Some("another".to_owned()), ..ada.clone() };
    let changed = |of: usize| {
        let mut parts: Vec<String> = cookie.split('.').map(str::to_owned).collect();
        parts[of] = format!("1{}", parts[of]);
        parts.join(".")
    };

    for (user, text, at, is_known) in [
        (&ada, cookie.clone(), now, true),
        (&bob, cookie.clone(), now, false),
        (&other, cookie.clone(), now, false),
        (&ada, cookie.clone(), now + DEVICE_KNOWN_FOR + Duration::from_secs(1), false),
        (&ada, changed(0), now, false),
        (&ada, changed(1), now, false),
        (&ada, changed(2), now, false),
        (&ada, String::new(), now, false),
        (&ada, "..".to_owned(), now, false),
    ] {
        assert_eq!(key.read(user, &text, at).is_some(), is_known, "{text}");
    }
}

#[tokio::test]
async fn networks_are_forgotten_after_a_password_change_with_time_and_beyond_fifty() {
    let fixture = Fixture::new().await;
    let ada = fixture.register(ADDRESS).await;
    let identity = &fixture.services.identity;
    let known =
        async || known_networks::Entity::find().count(fixture.services.queue.db()).await.expect("counted");
    let tx = fixture.services.queue.begin().await.expect("a transaction");
    for network in 0..60 {
        remember_network(&tx, &from(network), ada.id).await.expect("remembered");
    }
    tx.commit().await.expect("committed");
    assert_eq!(known().await, MAX_NETWORKS);

    identity
        .change_password(&from(1).identified_as(ada.id), "correct horse", "a better horse")
        .await
        .expect("changed");
    assert_eq!(known().await, 1, "the one that the person is in");

    fixture.advance(181 * 24 * 3600);
    crate::identity::purge(&fixture.services.queue, 100).await.expect("purged");
    assert_eq!(known().await, 0);
}

#[tokio::test]
async fn a_hash_from_before_normalization_is_accepted_and_replaced() {
    use sea_orm::{ActiveModelTrait, IntoActiveModel};

    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    let (typed, composed) = ("Zoe\u{308} is a horse", "Zo\u{eb} is a horse");
    let raw = identity.passwords.hash(typed.to_owned()).await.expect("a hash");
    let mut ada = fixture.register(ADDRESS).await.into_active_model();
    ada.password_hash = Set(Some(raw));
    ada.update(fixture.services.queue.db()).await.expect("updated");

    assert!(sign_in(&fixture, &from(1), composed).await.is_err_and(is_wrong), "hashed in another form");
    let again = sign_in(&fixture, &from(1), typed).await.expect("as it was typed");
    sign_in(&fixture, &from(1), composed).await.expect("in either form from now on");
    sign_in(&fixture, &from(1), typed).await.expect("in either form from now on");
    let hash = again.user.password_hash.clone();
    assert!(
        identity
            .devices
            .read(&again.user, &again.device.expect("a cookie").value, fixture.services.queue.now())
            .is_some()
    );
    assert_eq!(identity.get_user(again.user.id).await.expect("there").password_hash, hash);
}
