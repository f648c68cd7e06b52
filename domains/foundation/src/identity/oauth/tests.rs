use atelier_entities::{ApiScope, audit_log, oauth_identities, oauth_states, users};
use atelier_providers::oauth::ExternalPerson;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter,
};

use super::*;
use crate::{identity::NewApiToken, testing::Fixture};

const GOOGLE: SignInProvider = SignInProvider::Google;

fn ada() -> ExternalPerson {
    ExternalPerson {
        subject: "110169484474386276334".to_owned(),
        email: Some("Ada@example.org".to_owned()),
        email_verified: true,
        name: Some("Ada King".to_owned()),
        picture: Some("https://img.example/ada.png".to_owned()),
        locale: Some("fr-CA".to_owned()),
    }
}

fn returned(begun: &StartedSignIn) -> SignInCallback {
    SignInCallback {
        state: begun.state.clone(),
        callback: Callback { code: "a code".to_owned(), issuer: None, user: None },
        end: OAuthEnd::Browser,
        cookie: begun.cookie.as_ref().map(|cookie| cookie.value.clone()),
    }
}

async fn begin(fixture: &Fixture) -> StartedSignIn {
    fixture.services.identity.begin_oauth(GOOGLE, OAuthEnd::Browser).await.expect("begun")
}

async fn finish(fixture: &Fixture, returned: SignInCallback) -> Result<SignedIn, IdentityError> {
    fixture.services.identity.finish_oauth(&Actor::anonymous(), GOOGLE, returned).await
}

async fn sign_in(fixture: &Fixture, person: ExternalPerson) -> Result<SignedIn, IdentityError> {
    fixture.google.push(Ok(person));
    let begun = begin(fixture).await;
    finish(fixture, returned(&begun)).await
}

async fn prove(fixture: &Fixture, user: &users::Model) {
    let mut row = user.clone().into_active_model();
    row.email_verified_at = Set(Some(fixture.services.queue.now()));
    row.update(fixture.services.queue.db()).await.expect("updated");
}

async fn entries(fixture: &Fixture, action: &str) -> Vec<audit_log::Model> {
    let entries = audit_log::Entity::find().filter(audit_log::Column::Action.eq(action));
    entries.all(fixture.services.queue.db()).await.expect("listed")
}

fn refusal(done: Result<SignedIn, IdentityError>) -> OAuthRefusal {
    match done.map(|signed_in| signed_in.user.email) {
        Err(IdentityError::OAuth(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// The subjects of the mails about linked providers, in order.
fn notices(fixture: &Fixture) -> Vec<String> {
    let subjects = fixture.subjects_to("ada@example.org").into_iter();
    subjects.filter(|subject| subject.starts_with("Google") || subject.contains("associé")).collect()
}

#[tokio::test]
async fn a_new_person_gets_an_account_and_is_found_at_the_next_sign_in() {
    let fixture = Fixture::new().await;

    let first = sign_in(&fixture, ada()).await.expect("signed in").user;
    assert_eq!((first.email.as_str(), first.full_name.as_str()), ("ada@example.org", "Ada King"));
    assert_eq!((first.provider.as_str(), first.provider_id.as_deref()), ("google", Some(&*ada().subject)));
    assert_eq!((first.locale.as_str(), first.country.as_deref()), ("fr", Some("CA")));
    assert_eq!((first.credits, first.password_hash.is_none()), (10, true));
    assert!(first.email_verified_at.is_some() && first.avatar_url.is_some());

    let moved = ExternalPerson { email: Some("ada@elsewhere.example".to_owned()), ..ada() };
    let unproven = ExternalPerson { email_verified: false, email: None, ..ada() };
    for person in [moved, unproven] {
        let again = sign_in(&fixture, person).await.expect("signed in").user;
        assert_eq!((again.id, again.email.as_str()), (first.id, "ada@example.org"));
    }
    let linked = oauth_identities::Entity::find().all(fixture.services.queue.db()).await.expect("listed");
    assert_eq!((linked.len(), linked[0].email.as_deref()), (1, Some("ada@elsewhere.example")));
    assert_eq!(
        (entries(&fixture, "auth.register").await.len(), entries(&fixture, "auth.login").await.len()),
        (1, 3)
    );
    fixture.work().await;
    let mails = fixture.mailer.mails();
    assert_eq!(mails.len(), 1, "the welcome, with no link to prove the address");
    assert!(!mails[0].text.contains("#token="));
}

#[tokio::test]
async fn a_verified_address_links_its_account_without_other_changes() {
    let fixture = Fixture::new().await;
    let before = fixture.register("ada@example.org").await;
    prove(&fixture, &before).await;

    let after = sign_in(&fixture, ada()).await.expect("signed in").user;

    assert_eq!((after.id, &after.password_hash), (before.id, &before.password_hash));
    assert_eq!((after.full_name.as_str(), after.provider.as_str()), ("Ada Lovelace", "email"));
    assert_eq!(after.avatar_url.as_deref(), Some("https://img.example/ada.png"));
    let login =
        fixture.services.identity.login(&Actor::anonymous(), "ada@example.org", "correct horse").await;
    assert_eq!(login.expect("still").user.id, before.id);
    assert_eq!(entries(&fixture, "auth.link_identity").await.len(), 1);
    sign_in(&fixture, ada()).await.expect("signed in again");
    fixture.work().await;
    assert_eq!(notices(&fixture), ["Google was linked to your account"], "told once");
}

#[tokio::test]
async fn an_account_with_somebody_elses_address_is_taken_over_by_its_owner() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    let trap =
        identity.register(&Actor::anonymous(), Fixture::registration("ada@example.org")).await.expect("in");
    let who = fixture.actor_of(&trap.access_token).await;
    let token = NewApiToken { name: "later".to_owned(), scopes: vec![ApiScope::Read], expires_in_days: None };
    let made = identity.create_api_token(&who, None, token).await.expect("made");

    let owner = sign_in(&fixture, ada()).await.expect("signed in");

    assert_eq!((owner.user.id, owner.user.full_name.as_str()), (trap.user.id, "Ada King"));
    assert!(owner.user.password_hash.is_none() && owner.user.email_verified_at.is_some());
    let login = identity.login(&Actor::anonymous(), "ada@example.org", "correct horse").await.err();
    assert!(matches!(login, Some(IdentityError::BadCredentials)), "{login:?}");
    for token in [&trap.access_token, &made.token] {
        let refused = identity.authenticate(token).await.err();
        assert!(matches!(refused, Some(IdentityError::InvalidToken)), "{refused:?}");
    }
    let refresh = identity.refresh(&Actor::anonymous(), &trap.refresh_token).await.err();
    assert!(matches!(refresh, Some(IdentityError::InvalidToken)), "{refresh:?}");
    fixture.work().await;
    let mails = fixture.mailer.mails();
    let link = mails.iter().find_map(|mail| mail.text.split("#token=").nth(1));
    if let Some(link) = link.and_then(|rest| rest.split_whitespace().next()) {
        let refused = identity.verify_email(&Actor::anonymous(), link).await.err();
        assert!(matches!(refused, Some(IdentityError::InvalidLink)), "{refused:?}");
    }
    assert!(identity.authenticate(&owner.access_token).await.is_ok());
    assert_eq!(entries(&fixture, "auth.claim_account").await.len(), 1);
}

#[tokio::test]
async fn a_changed_address_does_not_link_its_former_owner() {
    let fixture = Fixture::new().await;
    let eve =
        ExternalPerson { subject: "666".to_owned(), email: Some("eve@example.org".to_owned()), ..ada() };
    let before = sign_in(&fixture, eve.clone()).await.expect("signed in").user;
    let mut row = before.clone().into_active_model();
    row.email = Set("ada@example.org".to_owned());
    row.email_verified_at = Set(None);
    row.update(fixture.services.queue.db()).await.expect("updated");

    let owner = sign_in(&fixture, ada()).await.expect("signed in").user;

    assert_eq!(owner.id, before.id);
    assert_ne!(sign_in(&fixture, eve).await.expect("signed in").user.id, owner.id);
    fixture.work().await;
    let mut told = notices(&fixture);
    told.sort_unstable();
    assert_eq!(told, ["Google a été associé à votre compte", "Google n’est plus associé à votre compte"]);
    let mails = fixture.mailer.mails();
    assert!(mails.iter().any(|mail| mail.text.contains("jetons d’API")), "what was removed is told");
}

#[tokio::test]
async fn an_unverified_address_neither_links_nor_creates_an_account() {
    let fixture = Fixture::new().await;
    let account = fixture.register("ada@example.org").await;
    prove(&fixture, &account).await;
    for email in [Some("ada@example.org"), Some("new@example.org"), None] {
        let person = ExternalPerson { email: email.map(str::to_owned), email_verified: false, ..ada() };
        assert_eq!(refusal(sign_in(&fixture, person).await), OAuthRefusal::UnverifiedEmail, "{email:?}");
    }
    let db = fixture.services.queue.db();
    assert_eq!(users::Entity::find().count(db).await.expect("counted"), 1);
    assert_eq!(oauth_identities::Entity::find().count(db).await.expect("counted"), 0);
    let failures = entries(&fixture, "auth.login_failed").await;
    assert_eq!(failures.len(), 3);
    assert_eq!(failures[0].context, json!({"provider": "google", "reason": "OAUTH_EMAIL_UNVERIFIED"}));
}

#[tokio::test]
async fn a_provider_does_not_open_a_deactivated_account() {
    let fixture = Fixture::new().await;
    let known = sign_in(&fixture, ada()).await.expect("signed in").user;
    let other = fixture.register("bob@example.org").await;
    for user in [&known, &other] {
        let mut row = user.clone().into_active_model();
        row.is_active = Set(false);
        row.update(fixture.services.queue.db()).await.expect("updated");
    }
    let bob = ExternalPerson { subject: "2".to_owned(), email: Some("bob@example.org".to_owned()), ..ada() };
    for person in [ada(), bob] {
        let refused = sign_in(&fixture, person).await.err();
        assert!(matches!(refused, Some(IdentityError::Deactivated)), "{refused:?}");
    }
    assert_eq!(entries(&fixture, "auth.login_failed").await.len(), 2);
}

#[tokio::test]
async fn a_state_is_valid_once_in_time_and_for_its_browser() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    fixture.google.push(Ok(ada()));
    let begun = begin(&fixture).await;
    finish(&fixture, returned(&begun)).await.expect("signed in");
    assert_eq!(refusal(finish(&fixture, returned(&begun)).await), OAuthRefusal::InvalidState, "used");

    let begun = begin(&fixture).await;
    let elsewhere = SignInCallback { cookie: Some("another".to_owned()), ..returned(&begun) };
    assert_eq!(refusal(finish(&fixture, elsewhere).await), OAuthRefusal::InvalidState, "another browser");
    assert_eq!(refusal(finish(&fixture, returned(&begun)).await), OAuthRefusal::InvalidState, "spent by it");

    let begun = begin(&fixture).await;
    let mixed_up = identity.finish_oauth(&Actor::anonymous(), SignInProvider::Apple, returned(&begun)).await;
    assert_eq!(refusal(mixed_up), OAuthRefusal::InvalidState, "another provider");

    let begun = begin(&fixture).await;
    fixture.advance(600);
    assert_eq!(refusal(finish(&fixture, returned(&begun)).await), OAuthRefusal::InvalidState, "too late");

    let unknown = identity.finish_oauth(&Actor::anonymous(), SignInProvider::Github, returned(&begun)).await;
    assert_eq!(refusal(unknown), OAuthRefusal::NotConfigured);
    assert_eq!(fixture.google.flows().len(), 1, "no code went to the provider but the first");
}

#[tokio::test]
async fn the_secrets_of_a_sign_in_are_stored_hashed_where_possible() {
    let fixture = Fixture::new().await;
    let begun = begin(&fixture).await;
    let db = fixture.services.queue.db();
    let row = oauth_states::Entity::find().one(db).await.expect("asked").expect("a row");
    let cookie = begun.cookie.clone().expect("a cookie");

    assert!(cookie.name.starts_with("__Host-atelier_oauth_") && cookie.is_secure && !cookie.is_cross_site);
    let kept = format!("{row:?}");
    assert!(!kept.contains(&begun.state) && !kept.contains(&cookie.value));
    assert!(!begun.authorization_url.contains(&row.verifier));

    fixture.google.push(Ok(ada()));
    finish(&fixture, returned(&begun)).await.expect("signed in");
    let (flow, _) = fixture.google.flows().remove(0);
    assert_eq!((&flow.verifier, &flow.nonce), (&row.verifier, &row.nonce));
    assert_eq!(flow.redirect_uri, "https://atelier.example/api/auth/google/callback");
    assert_eq!(oauth_states::Entity::find().count(db).await.expect("counted"), 0);
}

#[tokio::test]
async fn errors_of_providers_are_distinguished() {
    let fixture = Fixture::new().await;
    for (error, expected) in [
        (OAuthError::Unavailable("down".to_owned()), OAuthRefusal::Unavailable),
        (OAuthError::Misconfigured("invalid_client".to_owned()), OAuthRefusal::Unavailable),
        (OAuthError::Refused("invalid_grant".to_owned()), OAuthRefusal::RefusedCode),
        (OAuthError::Untrusted("nonce".to_owned()), OAuthRefusal::Untrusted),
    ] {
        fixture.google.push(Err(error));
        let begun = begin(&fixture).await;
        assert_eq!(refusal(finish(&fixture, returned(&begun)).await), expected);
    }
}

#[tokio::test]
async fn concurrent_sign_ins_of_a_new_person_create_one_account() {
    let fixture = Fixture::new().await;
    let (one, other) = tokio::join!(sign_in(&fixture, ada()), sign_in(&fixture, ada()));

    assert_eq!(one.expect("signed in").user.id, other.expect("signed in").user.id);
    assert_eq!(users::Entity::find().count(fixture.services.queue.db()).await.expect("counted"), 1);
}

#[tokio::test]
async fn an_account_without_a_password_is_deleted_by_a_fresh_sign_in() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    let old = sign_in(&fixture, ada()).await.expect("signed in");
    fixture.advance(11 * 60);
    let delete = async |token: &str| {
        let who = fixture.actor_of(token).await;
        assert!(who.session().is_some());
        identity.delete_account(&who, "").await
    };
    let refused = delete(&old.access_token).await.err();
    assert!(matches!(refused, Some(IdentityError::RecentSignInRequired)), "{refused:?}");
    let refreshed = identity.refresh(&Actor::anonymous(), &old.refresh_token).await.expect("refreshed");
    let refused = delete(&refreshed.access_token).await.err();
    assert!(matches!(refused, Some(IdentityError::RecentSignInRequired)), "{refused:?}");

    let fresh = sign_in(&fixture, ada()).await.expect("signed in");
    delete(&fresh.access_token).await.expect("deleted");

    let db = fixture.services.queue.db();
    assert_eq!(oauth_identities::Entity::find().count(db).await.expect("counted"), 0);
    assert_ne!(sign_in(&fixture, ada()).await.expect("anew").user.id, old.user.id);
}

#[tokio::test]
async fn the_frontend_gets_its_parameters_in_the_fragment() {
    let fixture = Fixture::new().await;

    let address = fixture.services.identity.frontend_callback(&[("error", "A&B #1"), ("provider", "google")]);

    assert_eq!(address, "https://app.example/auth/callback#error=A%26B+%231&provider=google");
}
