use atelier_entities::UserId;
use atelier_queue::Origin;
use secrecy::SecretString;

/// Who asks for something and from where: for audit entries, sessions and the
/// origin of jobs.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Who is signed in; none for the platform itself and before a sign-in.
    pub user: Option<UserId>,
    /// The client's address.
    pub ip: Option<String>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// What the client's device shows of an earlier sign-in.
    pub device: Option<SecretString>,
    /// The request, carried into jobs.
    pub origin: Origin,
}
