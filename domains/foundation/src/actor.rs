//! The actor: who does something. An actor is created once for a request, a command line or
//! a job, and is passed to every command.
//!
//! A command on the person's own data takes the actor alone. A command on somebody else's
//! data takes that person's id beside it. Functions inside a transaction take ids.

use std::sync::Arc;

use atelier_entities::{ApiScope, ApiTokenId, SessionFamilyId, UserId};
use atelier_queue::Origin;
use secrecy::SecretString;

use crate::{Class, Problem, Refusal};

/// Who acts, from which client and in which request. Cheap to clone, except for the client.
#[derive(Clone, Debug)]
pub struct Actor {
    subject: Subject,
    /// The client that sent the request.
    pub client: Client,
    /// The request, carried into jobs.
    pub origin: Origin,
}

#[derive(Clone, Debug)]
enum Subject {
    /// The platform itself: the command line, the scheduler, jobs.
    Platform,
    /// Somebody who has not signed in.
    Anonymous,
    /// A person who sent a token.
    Authenticated(Arc<Authenticated>),
    /// A person who was identified without a token.
    Identified(UserId),
}

/// The program that sent a request.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Its IP address.
    pub ip: Option<String>,
    /// Its `User-Agent`.
    pub user_agent: Option<String>,
    /// The device cookie, from an earlier sign-in.
    pub device: Option<SecretString>,
}

/// The owner of a token, and the token.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The account, which is active.
    pub user: Person,
    /// The kind of token.
    pub credential: Credential,
}

/// The facts about an account that a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub id: UserId,
    /// Whether the person is an administrator.
    pub is_admin: bool,
    /// Whether the mail address is verified.
    pub is_verified: bool,
}

/// The kind of a bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An access token of this sign-in.
    Session(SessionFamilyId),
    /// A token that the person created for a script, and its scopes.
    ApiToken(ApiTokenId, Vec<ApiScope>),
}

/// A command that needs a person was called without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody is signed in")]
pub struct NotSignedIn;

impl Problem for NotSignedIn {
    fn refusal(&self) -> Refusal {
        let message = "Sign in and send the access token as \"Authorization: Bearer …\".";
        Refusal::new(Class::Unauthenticated, "UNAUTHENTICATED", message)
    }
}

impl Actor {
    fn new(subject: Subject) -> Self {
        Self { subject, client: Client::default(), origin: Origin::default() }
    }

    /// The platform itself.
    #[must_use]
    pub fn platform() -> Self {
        Self::new(Subject::Platform)
    }

    /// Somebody who has not signed in.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new(Subject::Anonymous)
    }

    /// The person whose token the request carries.
    #[must_use]
    pub fn authenticated(who: Arc<Authenticated>) -> Self {
        Self::new(Subject::Authenticated(who))
    }

    /// The actor of a job: the person who owns it, or else the platform.
    #[must_use]
    pub fn of_job(owner: Option<UserId>) -> Self {
        Self::new(owner.map_or(Subject::Platform, Subject::Identified))
    }

    /// The same request by a person who was identified without a token: by a password, a
    /// mailed link, or a sign-in provider.
    #[must_use]
    pub fn identified_as(&self, user: UserId) -> Self {
        Self { subject: Subject::Identified(user), ..self.clone() }
    }

    /// The same actor with this client.
    #[must_use]
    pub fn with_client(self, client: Client) -> Self {
        Self { client, ..self }
    }

    /// The same actor in this request.
    #[must_use]
    pub fn with_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// The person, if the actor is one. Audit entries record this id.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        match &self.subject {
            Subject::Platform | Subject::Anonymous => None,
            Subject::Authenticated(who) => Some(who.user.id),
            Subject::Identified(user) => Some(*user),
        }
    }

    /// The person, or an error if the actor is none.
    pub fn person(&self) -> Result<UserId, NotSignedIn> {
        self.user().ok_or(NotSignedIn)
    }

    /// The sign-in whose access token the request carries.
    #[must_use]
    pub fn session(&self) -> Option<SessionFamilyId> {
        match self.token()?.credential {
            Credential::Session(family) => Some(family),
            Credential::ApiToken(..) => None,
        }
    }

    /// The API token that the request carries.
    #[must_use]
    pub fn api_token(&self) -> Option<ApiTokenId> {
        match self.token()?.credential {
            Credential::Session(_) => None,
            Credential::ApiToken(id, _) => Some(id),
        }
    }

    /// The token that the request carries, and its owner.
    #[must_use]
    pub fn token(&self) -> Option<&Authenticated> {
        if let Subject::Authenticated(who) = &self.subject { Some(who) } else { None }
    }

    /// Whether this actor has administrator rights.
    #[must_use]
    pub fn may_administrate(&self) -> bool {
        match &self.subject {
            Subject::Platform => true,
            Subject::Anonymous | Subject::Identified(_) => false,
            Subject::Authenticated(who) => who.may_administrate(),
        }
    }

    /// The owner of the jobs that this actor may see and change. None means the jobs of
    /// everybody.
    pub fn job_scope(&self) -> Result<Option<UserId>, NotSignedIn> {
        match &self.subject {
            Subject::Platform => Ok(None),
            Subject::Anonymous => Err(NotSignedIn),
            Subject::Authenticated(who) => Ok((!who.may_administrate()).then_some(who.user.id)),
            Subject::Identified(user) => Ok(Some(*user)),
        }
    }
}

impl Authenticated {
    /// Whether this request has administrator rights. An API token needs the scope `admin`, and
    /// its owner must be an administrator.
    #[must_use]
    pub fn may_administrate(&self) -> bool {
        let by_credential = match &self.credential {
            Credential::Session(_) => true,
            Credential::ApiToken(_, scopes) => scopes.contains(&ApiScope::Admin),
        };
        self.user.is_admin && by_credential
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authenticated(is_admin: bool, credential: Credential) -> Actor {
        let user = Person { id: UserId::new(), is_admin, is_verified: true };
        Actor::authenticated(Arc::new(Authenticated { user, credential }))
    }

    #[test]
    fn only_operators_and_the_platform_see_jobs_of_everybody() {
        let session = || Credential::Session(SessionFamilyId::new());
        let token = |scope| Credential::ApiToken(ApiTokenId::new(), vec![scope]);
        for (actor, is_operator) in [
            (Actor::platform(), true),
            (Actor::of_job(None), true),
            (authenticated(true, session()), true),
            (authenticated(true, token(ApiScope::Admin)), true),
            (authenticated(true, token(ApiScope::Read)), false),
            (authenticated(false, token(ApiScope::Admin)), false),
            (authenticated(false, session()), false),
            (Actor::of_job(Some(UserId::new())), false),
        ] {
            let own = if is_operator { None } else { actor.user() };
            assert_eq!((actor.may_administrate(), actor.job_scope()), (is_operator, Ok(own)), "{actor:?}");
        }
        assert_eq!(Actor::anonymous().job_scope(), Err(NotSignedIn));
    }

    #[test]
    fn a_person_is_authenticated_by_a_token_or_identified_otherwise() {
        let family = SessionFamilyId::new();
        let by_token = authenticated(false, Credential::Session(family));
        let ada = UserId::new();
        let client = Client { ip: Some("192.0.2.1".to_owned()), ..Client::default() };
        let by_password = Actor::anonymous().with_client(client).identified_as(ada);

        assert_eq!((by_token.session(), by_password.session()), (Some(family), None));
        assert_eq!((by_password.person(), by_password.client.ip.as_deref()), (Ok(ada), Some("192.0.2.1")));
        assert_eq!((Actor::platform().person(), Actor::anonymous().user()), (Err(NotSignedIn), None));
    }
}
