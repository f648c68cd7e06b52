use atelier_entities::{
    ApiScope, OAuthIdentityId, SignInProvider, audit_log, mail_messages, oauth_identities,
};

use super::*;
use crate::{
    identity::{AccountChanges, NewApiToken, SignedIn},
    testing::{Fixture, acting},
};

const EMAIL: &str = "ada@example.org";

async fn register(fixture: &Fixture) -> SignedIn {
    let identity = &fixture.services.identity;
    identity.register(&Actor::anonymous(), Fixture::registration(EMAIL)).await.expect("registered")
}

/// The token in the newest mail to an address with this text in its subject.
async fn mailed_token(fixture: &Fixture, subject: &str) -> String {
    fixture.work().await;
    let mails = fixture.mailer.mails();
    let mail = mails.iter().rev().find(|mail| mail.to == EMAIL && mail.subject.contains(subject));
    let text = &mail.expect("a mail").text;
    let token = text.split("#token=").nth(1).expect("a link").split_whitespace().next().expect("a token");
    assert!(mail.expect("a mail").html.contains(token));
    token.to_owned()
}

async fn reset(fixture: &Fixture, token: &str, password: &str) -> Result<(), IdentityError> {
    fixture.services.identity.reset_password(&Actor::anonymous(), token, password).await
}

#[tokio::test]
async fn a_link_is_checked_by_its_row_and_its_account() {
    let fixture = Fixture::new().await;
    let user = register(&fixture).await.user;
    let now = fixture.services.queue.now();
    let link = account_tokens::Model {
        id: AccountTokenId::new(),
        user_id: user.id,
        purpose: TokenPurpose::ResetPassword,
        token_hash: String::new(),
        email: user.email.clone(),
        created_at: now,
        expires_at: now + HOUR,
        used_at: None,
    };
    let used = account_tokens::Model { used_at: Some(now), ..link.clone() };
    let moved = account_tokens::Model { email: "other@example.org".to_owned(), ..link.clone() };
    let closed = users::Model { is_active: false, ..user.clone() };

    assert!(check_link(&link, &user, now).is_ok());
    assert!(matches!(check_link(&link, &user, now + HOUR), Err(IdentityError::ExpiredLink)));
    for (link, user) in [(&used, &user), (&moved, &user), (&link, &closed)] {
        assert!(matches!(check_link(link, user, now), Err(IdentityError::InvalidLink)), "{link:?}");
    }
}

#[tokio::test]
async fn the_link_of_the_welcome_mail_verifies_the_address_once() {
    let fixture = Fixture::new().await;
    let user = register(&fixture).await.user;
    let identity = &fixture.services.identity;
    let token = mailed_token(&fixture, "Welcome").await;
    assert_eq!(identity.get_user(user.id).await.expect("there").email_verified_at, None);

    let wrong = identity.verify_email(&Actor::anonymous(), &format!("{token}x")).await;
    assert!(matches!(wrong, Err(IdentityError::InvalidLink)));
    assert!(matches!(reset(&fixture, &token, "another horse").await, Err(IdentityError::InvalidLink)));
    identity.verify_email(&Actor::anonymous(), &token).await.expect("verified");
    assert!(identity.get_user(user.id).await.expect("there").email_verified_at.is_some());
    let again = identity.verify_email(&Actor::anonymous(), &token).await;
    assert!(matches!(again, Err(IdentityError::InvalidLink)));
}

#[tokio::test]
async fn a_verification_lasts_two_days_and_can_be_sent_again() {
    let fixture = Fixture::new().await;
    register(&fixture).await;
    let identity = &fixture.services.identity;
    let first = mailed_token(&fixture, "Welcome").await;

    fixture.advance(48 * 3600 + 1);
    let expired = identity.verify_email(&Actor::anonymous(), &first).await;
    assert!(matches!(expired, Err(IdentityError::ExpiredLink)));
    identity.resend_verification(&Actor::anonymous(), EMAIL).await.expect("sent");
    let second = mailed_token(&fixture, "Confirm").await;
    identity.verify_email(&Actor::anonymous(), &second).await.expect("verified");
    let mails = fixture.mailer.mails().len();
    identity.resend_verification(&Actor::anonymous(), EMAIL).await.expect("the same answer");
    fixture.work().await;
    assert_eq!(fixture.mailer.mails().len(), mails, "nothing is left to prove");
}

#[tokio::test]
async fn a_reset_ends_every_sign_in_and_works_once() {
    let fixture = Fixture::new().await;
    let signed_in = register(&fixture).await;
    let identity = &fixture.services.identity;
    identity.forgot_password(&Actor::anonymous(), " ADA@example.org ").await.expect("asked");
    let earlier = mailed_token(&fixture, "password").await;
    identity.forgot_password(&Actor::anonymous(), EMAIL).await.expect("asked");
    let token = mailed_token(&fixture, "password").await;

    let weak = reset(&fixture, &token, "short").await;
    assert!(matches!(weak, Err(IdentityError::InvalidInput(_))));
    reset(&fixture, &token, "another horse").await.expect("reset");

    let access = identity.authenticate(&signed_in.access_token).await;
    assert!(matches!(access, Err(IdentityError::InvalidToken)));
    assert!(identity.refresh(&Actor::anonymous(), &signed_in.refresh_token).await.is_err());
    assert!(identity.login(&Actor::anonymous(), EMAIL, "correct horse").await.is_err());
    assert!(identity.login(&Actor::anonymous(), EMAIL, "another horse").await.is_ok());
    for used in [&token, &earlier] {
        assert!(matches!(reset(&fixture, used, "third horse!").await, Err(IdentityError::InvalidLink)));
    }
    let user = identity.get_user(signed_in.user.id).await.expect("there");
    assert!(user.email_verified_at.is_some(), "who has the mail has the address");
    fixture.work().await;
    assert!(fixture.subjects_to(EMAIL).iter().any(|subject| subject.contains("was changed")));
}

fn script() -> NewApiToken {
    NewApiToken { name: "Nightly build".to_owned(), scopes: vec![ApiScope::Read], expires_in_days: None }
}

async fn link_google(fixture: &Fixture, user: UserId) {
    let now = fixture.services.queue.now();
    let row = oauth_identities::ActiveModel {
        id: Set(OAuthIdentityId::new()),
        user_id: Set(user),
        provider: Set(SignInProvider::Google),
        subject: Set("mallory".to_owned()),
        email: Set(None),
        created_at: Set(now),
        last_used_at: Set(now),
    };
    row.insert(fixture.services.queue.db()).await.expect("linked");
}

/// The token of a requested reset mail.
async fn ask(fixture: &Fixture) -> String {
    fixture.services.identity.forgot_password(&Actor::anonymous(), EMAIL).await.expect("asked");
    mailed_token(fixture, "Choose another password").await
}

#[tokio::test]
async fn a_reset_removes_the_access_of_the_creator_of_an_unverified_account() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    let trap = register(&fixture).await;
    let confirmation = mailed_token(&fixture, "Welcome").await;
    let who = fixture.actor_of(&trap.access_token).await;
    let made = identity.create_api_token(&who, None, script()).await.expect("made");
    link_google(&fixture, trap.user.id).await;

    let link = ask(&fixture).await;
    reset(&fixture, &link, "another horse").await.expect("reset");

    for token in [&trap.access_token, &made.token] {
        let refused = identity.authenticate(token).await;
        assert!(matches!(refused, Err(IdentityError::InvalidToken)), "{refused:?}");
    }
    assert!(identity.refresh(&Actor::anonymous(), &trap.refresh_token).await.is_err());
    assert!(identity.list_linked(&acting(trap.user.id)).await.expect("listed").is_empty());
    let spent = identity.verify_email(&Actor::anonymous(), &confirmation).await;
    assert!(matches!(spent, Err(IdentityError::InvalidLink)), "{spent:?}");
    assert!(identity.login(&Actor::anonymous(), EMAIL, "another horse").await.is_ok());
    fixture.work().await;
    let mails = fixture.mailer.mails();
    let told = mails.iter().find(|mail| mail.subject == "Your password was changed").expect("a mail");
    assert!(told.text.contains("had not been proven here before"), "{}", told.text);
    assert!(told.text.contains("deleted with it: 1.") && !told.text.contains("still open"), "{}", told.text);
    assert!(mails.iter().any(|mail| mail.subject.contains("Google was unlinked")));
}

#[tokio::test]
async fn a_reset_deletes_api_tokens_and_mails_the_remaining_sign_in_methods() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    let ada = register(&fixture).await;
    fixture.verify_address(ada.user.id).await;
    let who = fixture.actor_of(&ada.access_token).await;
    let made = identity.create_api_token(&who, None, script()).await.expect("made");
    link_google(&fixture, ada.user.id).await;

    let link = ask(&fixture).await;
    reset(&fixture, &link, "another horse").await.expect("reset");

    let refused = identity.authenticate(&made.token).await;
    assert!(matches!(refused, Err(IdentityError::InvalidToken)), "{refused:?}");
    assert_eq!(identity.list_linked(&acting(ada.user.id)).await.expect("listed").len(), 1);
    let entry = audit_log::Entity::find()
        .filter(audit_log::Column::Action.eq("auth.reset_password"))
        .one(fixture.services.queue.db())
        .await;
    let context = entry.expect("asked").expect("an entry").context;
    assert_eq!(context["closed"], json!({"api_tokens": 1, "providers": []}));
    assert_eq!(context["open"], json!({"api_tokens": 0, "providers": ["Google"]}));
    fixture.work().await;
    let mails = fixture.mailer.mails();
    let told = mails.iter().find(|mail| mail.subject == "Your password was changed").expect("a mail");
    assert!(told.text.contains("deleted with it: 1."), "{}", told.text);
    assert!(told.text.contains("sign-ins that still open your account: Google."), "{}", told.text);
    assert!(!told.text.contains("had not been proven"), "{}", told.text);
}

#[tokio::test]
async fn the_first_reset_after_an_address_change_hands_the_account_over() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.identity;
    let former = fixture.register("former@example.org").await;
    fixture.verify_address(former.id).await;
    let who = fixture.sign_in("former@example.org").await;
    let made = identity.create_api_token(&who, None, script()).await.expect("made");
    let moved = AccountChanges { email: Some(EMAIL.to_owned()), ..AccountChanges::default() };
    identity.change_account(&Actor::anonymous(), former.id, moved).await.expect("changed");
    assert!(identity.authenticate(&made.token).await.is_ok(), "scripts go on until somebody takes over");

    let link = ask(&fixture).await;
    reset(&fixture, &link, "another horse").await.expect("reset");

    assert!(identity.authenticate(&made.token).await.is_err());
    assert!(identity.login(&Actor::anonymous(), EMAIL, "correct horse").await.is_err());
}

#[tokio::test]
async fn a_reset_link_lasts_an_hour_and_clears_failures() {
    let fixture = Fixture::new().await;
    register(&fixture).await;
    let identity = &fixture.services.identity;
    identity.forgot_password(&Actor::anonymous(), EMAIL).await.expect("asked");
    let late = mailed_token(&fixture, "password").await;
    fixture.advance(3601);
    assert!(matches!(reset(&fixture, &late, "another horse").await, Err(IdentityError::ExpiredLink)));

    for _ in 0..6 {
        identity.login(&Actor::anonymous(), EMAIL, "wrong horse").await.err().expect("refused");
    }
    identity.forgot_password(&Actor::anonymous(), EMAIL).await.expect("asked");
    let token = mailed_token(&fixture, "password").await;
    reset(&fixture, &token, "another horse").await.expect("reset");
    assert!(identity.login(&Actor::anonymous(), EMAIL, "another horse").await.is_ok());
}

#[tokio::test]
async fn mailed_links_do_not_reveal_accounts_and_are_limited() {
    let fixture = Fixture::new().await;
    register(&fixture).await;
    let identity = &fixture.services.identity;

    let started = Instant::now();
    identity.forgot_password(&Actor::anonymous(), "nobody@example.org").await.expect("the same answer");
    identity.resend_verification(&Actor::anonymous(), "nobody@example.org").await.expect("the same answer");
    assert!(started.elapsed() >= MIN_RESPONSE_TIME * 2);
    for _ in 0..7 {
        identity.forgot_password(&Actor::anonymous(), EMAIL).await.expect("asked");
    }
    fixture.work().await;
    let resets = fixture.subjects_to(EMAIL).iter().filter(|subject| subject.contains("password")).count();
    assert_eq!(resets, 5);
    assert!(fixture.subjects_to("nobody@example.org").is_empty());
    let malformed = identity.forgot_password(&Actor::anonymous(), "nobody").await;
    assert!(matches!(malformed, Err(IdentityError::InvalidInput(_))));
}

#[tokio::test]
async fn the_token_of_a_link_is_stored_nowhere() {
    let fixture = Fixture::new().await;
    register(&fixture).await;
    fixture.services.identity.forgot_password(&Actor::anonymous(), EMAIL).await.expect("asked");
    let token = mailed_token(&fixture, "password").await;
    let db = fixture.services.queue.db();

    let mails = mail_messages::Entity::find().all(db).await.expect("listed");
    let links = account_tokens::Entity::find().all(db).await.expect("listed");
    let jobs = fixture.jobs_of_kind("email.deliver").await;

    assert!(!format!("{mails:?}{links:?}{jobs:?}").contains(&token));
}

#[tokio::test]
async fn changing_the_password_ends_every_sign_in_but_the_new_one() {
    let fixture = Fixture::new().await;
    let before = register(&fixture).await;
    let (identity, ada) = (&fixture.services.identity, before.user.id);
    let actor = acting(ada);
    let who = fixture.actor_of(&before.access_token).await;
    let script = identity.create_api_token(&who, None, script()).await.expect("made");

    let wrong = identity.change_password(&actor, "wrong horse", "another horse").await;
    assert!(matches!(wrong, Err(IdentityError::WrongPassword)));
    let weak = identity.change_password(&actor, "correct horse", "short").await;
    assert!(matches!(weak, Err(IdentityError::InvalidInput(_))));
    let after = identity.change_password(&actor, "correct horse", "another horse").await.expect("changed");

    assert!(identity.authenticate(&before.access_token).await.is_err());
    assert!(identity.authenticate(&after.access_token).await.is_ok());
    assert!(identity.authenticate(&script.token).await.is_ok(), "scripts go on");
    fixture.work().await;
    let mails = fixture.mailer.mails();
    let told = mails.iter().find(|mail| mail.subject == "Your password was changed").expect("a mail");
    assert!(told.text.contains("API tokens that still open your account: 1."), "{}", told.text);
    assert!(identity.login(&Actor::anonymous(), EMAIL, "another horse").await.is_ok());
}

#[tokio::test]
async fn an_outdated_hash_is_replaced_at_sign_in() {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version, password_hash::phc::PasswordHash};

    let fixture = Fixture::new().await;
    let user = register(&fixture).await.user;
    let cheap = Params::new(8_192, 1, 1, None).expect("parameters");
    let old: PasswordHash = Argon2::new(Algorithm::Argon2id, Version::V0x13, cheap)
        .hash_password(b"correct horse")
        .expect("a hash");
    let mut row = user.clone().into_active_model();
    row.password_hash = Set(Some(old.to_string()));
    row.update(fixture.services.queue.db()).await.expect("written");
    let identity = &fixture.services.identity;

    identity.login(&Actor::anonymous(), EMAIL, "correct horse").await.expect("in");

    let hash = identity.get_user(user.id).await.expect("there").password_hash.expect("a hash");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(identity.login(&Actor::anonymous(), EMAIL, "correct horse").await.is_ok());
}
