use std::{fs, path::Path};

use atelier_entities::{ApiScope, Locale, TokenPurpose, account_tokens};
use sea_orm::ActiveValue::Set;

use super::*;
use crate::{
    Actor, Person,
    identity::{AccountChanges, CreatedApiToken, NewApiToken, SignedIn},
    testing::Fixture,
};

const PASSWORD: &str = "correct horse";

/// A person whose access token and API token are cached.
struct Remembered<'a> {
    fixture: &'a Fixture,
    signed_in: SignedIn,
    actor: Actor,
    script: CreatedApiToken,
}

fn nobody() -> Actor {
    Actor::anonymous()
}

impl<'a> Remembered<'a> {
    async fn new(fixture: &'a Fixture, email: &str) -> Self {
        let identity = &fixture.services.identity;
        let signed_in = identity.register(&nobody(), Fixture::registration(email)).await.expect("in");
        let wanted =
            NewApiToken { name: "CI".to_owned(), scopes: vec![ApiScope::Read], expires_in_days: None };
        let actor = fixture.actor_of(&signed_in.access_token).await;
        let script = identity.create_api_token(&actor, None, wanted).await.expect("made");
        identity.authenticate(&script.token).await.expect("authenticated");
        Self { fixture, signed_in, actor, script }
    }

    /// The same with a verified address.
    async fn proven(fixture: &'a Fixture, email: &str) -> Self {
        let known = Self::new(fixture, email).await;
        let link = known.link(TokenPurpose::VerifyEmail).await;
        known.identity().verify_email(&nobody(), &link).await.expect("proven");
        known
    }

    fn id(&self) -> UserId {
        self.signed_in.user.id
    }

    fn identity(&self) -> &Identity {
        &self.fixture.services.identity
    }

    async fn change(&self, changes: AccountChanges) {
        self.identity().change_account(&nobody(), self.id(), changes).await.expect("changed");
    }

    /// The results of the next requests with the access token and with the API token.
    async fn next(&self) -> [Result<Person, IdentityError>; 2] {
        let by_session = self.identity().authenticate(&self.signed_in.access_token).await;
        let by_token = self.identity().authenticate(&self.script.token).await;
        [by_session.map(|who| who.user), by_token.map(|who| who.user)]
    }

    async fn link(&self, purpose: TokenPurpose) -> String {
        let id = atelier_entities::AccountTokenId::new();
        let token = self.identity().links.token(purpose, id);
        let now = self.fixture.services.queue.now();
        let row = account_tokens::ActiveModel {
            id: Set(id),
            user_id: Set(self.id()),
            purpose: Set(purpose),
            token_hash: Set(hash_token(&token)),
            email: Set(self.signed_in.user.email.clone()),
            created_at: Set(now),
            expires_at: Set(now + Duration::from_secs(60)),
            used_at: Set(None),
        };
        account_tokens::Entity::insert(row)
            .exec_without_returning(self.fixture.services.queue.db())
            .await
            .expect("a link");
        token
    }
}

fn is_invalid(answer: &Result<Person, IdentityError>) -> bool {
    matches!(answer, Err(IdentityError::InvalidToken))
}

#[tokio::test]
async fn a_repeated_authentication_uses_the_cache() {
    let fixture = Fixture::new().await;
    let ada = Remembered::new(&fixture, "ada@example.org").await;
    let db = fixture.services.queue.db();
    sessions::Entity::delete_many().exec(db).await.expect("behind everybody's back");
    api_tokens::Entity::delete_many().exec(db).await.expect("behind everybody's back");

    let [session, token] = ada.next().await;
    assert!(session.is_ok() && token.is_ok(), "nobody looked");
    fixture.advance(3);

    let [session, token] = ada.next().await;
    assert!(is_invalid(&session) && is_invalid(&token), "somebody did");
}

#[tokio::test]
async fn a_cached_token_expires_on_time() {
    let fixture = Fixture::new().await;
    let ada = Remembered::new(&fixture, "ada@example.org").await;
    fixture.advance(1_798);
    assert!(ada.next().await[0].is_ok(), "looked up, and remembered");

    fixture.advance(2);

    assert!(matches!(ada.next().await[0], Err(IdentityError::ExpiredToken)));
}

#[tokio::test]
async fn every_end_of_a_sign_in_invalidates_the_cache() {
    let fixture = Fixture::new().await;
    for (number, name) in ["logout", "end", "change", "reset", "erase", "reuse"].into_iter().enumerate() {
        let ada = Remembered::proven(&fixture, &format!("ada{number}@example.org")).await;
        let (identity, actor, id) = (ada.identity(), &ada.actor, ada.id());
        match name {
            "logout" => identity.logout(actor).await.expect("out"),
            "end" => {
                let family = actor.session().expect("a sign-in");
                identity.end_sign_in(actor, family).await.expect("ended");
            }
            "change" => {
                let new = identity.change_password(actor, PASSWORD, "another horse").await;
                let again = identity.authenticate(&new.expect("changed").access_token).await;
                assert!(again.is_ok(), "the new sign-in is good");
            }
            "reset" => {
                let link = ada.link(TokenPurpose::ResetPassword).await;
                identity.reset_password(&nobody(), &link, "another horse").await.expect("reset");
            }
            "erase" => identity.erase_account(&nobody(), id).await.expect("erased"),
            _ => {
                identity.refresh(&nobody(), &ada.signed_in.refresh_token).await.expect("refreshed");
                fixture.advance(11);
                let warm = identity.authenticate(&ada.signed_in.access_token).await;
                assert!(warm.is_ok(), "a refresh ends no access token");
                let stolen = identity.refresh(&nobody(), &ada.signed_in.refresh_token).await;
                assert!(stolen.is_err(), "somebody else has it");
            }
        }
        let [session, token] = ada.next().await;
        assert!(is_invalid(&session), "{name}: {session:?}");
        assert_eq!(is_invalid(&token), ["reset", "erase"].contains(&name), "{name}: {token:?}");
    }
}

#[tokio::test]
async fn changes_by_operators_invalidate_the_cache() {
    let fixture = Fixture::new().await;
    Remembered::proven(&fixture, "root@example.org").await.change(right(true)).await;
    let ada = Remembered::proven(&fixture, "ada@example.org").await;
    let [session, token] = ada.next().await.map(|person| person.expect("known"));
    assert!(!session.is_admin && !token.is_admin);

    ada.change(right(true)).await;
    let [session, token] = ada.next().await.map(|person| person.expect("known"));
    assert!(session.is_admin && token.is_admin);
    ada.change(AccountChanges { is_active: Some(false), ..AccountChanges::default() }).await;
    for answer in ada.next().await {
        assert!(matches!(answer, Err(IdentityError::Deactivated)), "{answer:?}");
    }

    let bob = Remembered::new(&fixture, "bob@example.org").await;
    bob.change(AccountChanges { locale: Some(Locale::Fr), ..AccountChanges::default() }).await;
    assert!(bob.next().await[0].is_ok());
    let link = bob.link(TokenPurpose::VerifyEmail).await;
    bob.identity().verify_email(&nobody(), &link).await.expect("proven");
    assert!(bob.next().await[0].as_ref().expect("known").is_verified, "what is granted holds as well");
    let moved = Some("bob@elsewhere.example".to_owned());
    bob.change(AccountChanges { email: moved, ..AccountChanges::default() }).await;
    let [session, token] = bob.next().await;
    assert!(is_invalid(&session) && !token.expect("known").is_verified);
    fixture.verify_address(bob.id()).await;
    let admin = bob.identity().ensure_admin(&nobody(), Fixture::registration("bob@elsewhere.example")).await;
    assert_eq!(admin.expect("an admin").0.id, bob.id());
    assert!(bob.next().await[1].as_ref().expect("known").is_admin);

    let eve = Remembered::new(&fixture, "eve@example.org").await;
    let admin = eve.identity().ensure_admin(&nobody(), Fixture::registration("eve@example.org")).await;
    assert_eq!(admin.expect("taken over").0.id, eve.id());
    assert!(eve.next().await.iter().all(is_invalid));
}

fn right(is_admin: bool) -> AccountChanges {
    AccountChanges { is_admin: Some(is_admin), ..AccountChanges::default() }
}

#[tokio::test]
async fn a_deleted_api_token_is_refused_at_once_and_the_sign_in_goes_on() {
    let fixture = Fixture::new().await;
    let ada = Remembered::new(&fixture, "ada@example.org").await;

    ada.identity().delete_api_token(&ada.actor, ada.script.row.id).await.expect("deleted");

    let [session, token] = ada.next().await;
    assert!(session.is_ok() && is_invalid(&token));
}

#[tokio::test]
async fn long_responses_authenticate_again() {
    let fixture = Fixture::new().await;
    let ada = Remembered::new(&fixture, "ada@example.org").await;
    let identity = ada.identity();
    let by_token = fixture.actor_of(&ada.script.token).await;
    for actor in [&ada.actor, &by_token] {
        let again = identity.authenticate_again(actor).await.expect("good");
        let before = actor.token().expect("a token");
        assert_eq!((again.user, &again.credential), (before.user, &before.credential));
    }

    identity.logout(&ada.actor).await.expect("out");
    identity.delete_api_token(&ada.actor, ada.script.row.id).await.expect("deleted");

    for actor in [&ada.actor, &by_token] {
        let again = identity.authenticate_again(actor).await;
        assert!(matches!(again, Err(IdentityError::InvalidToken)), "{again:?}");
    }
}

/// Writes to tables on which authentication depends.
const WRITES: [&str; 9] = [
    "is_active = Set(",
    "is_admin = Set(",
    "email_verified_at = Set(",
    "RevokedAt, Expr",
    "sessions::Entity::delete",
    "api_tokens::Entity::delete",
    "api_tokens::Entity::update",
    "users::Entity::delete",
    "account.delete(",
];

/// Functions that need not invalidate caches: the tokens that they delete were refused
/// already, or they only store that a token was used.
const SILENT: [&str; 3] = ["purge", "delete_expired", "mark_token_used"];

fn check_file(path: &Path, faults: &mut Vec<String>, seen: &mut usize) {
    let text = fs::read_to_string(path).expect("a source file");
    let text = text.split("#[cfg(test)]\nmod tests {").next().expect("the part before the tests");
    for function in text.split("fn ").skip(1) {
        let name = function.split(['(', '<']).next().expect("a name").trim();
        if !WRITES.iter().any(|write| function.contains(write)) || SILENT.contains(&name) {
            continue;
        }
        *seen += 1;
        if !function.contains("note_access_change(") {
            faults.push(format!("{}: {name}", path.display()));
        }
    }
}

fn is_source(path: &Path) -> bool {
    let is_of_tests = path.file_name().is_some_and(|name| name == "tests.rs" || name == "testing.rs");
    !is_of_tests && path.extension().is_some_and(|extension| extension == "rs")
}

#[test]
fn every_write_that_affects_access_notes_the_change() {
    let (mut faults, mut seen) = (Vec::new(), 0);
    let domains = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of all domains");
    let mut folders = vec![domains.to_owned(), domains.with_file_name("services")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if is_source(&path) {
                check_file(&path, &mut faults, &mut seen);
            }
        }
    }

    assert!(faults.is_empty(), "call `Transaction::note_access_change` in {faults:?}");
    assert!(seen >= 10, "only {seen} functions were found");
}
