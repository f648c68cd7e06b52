//! Signing in at somebody else's: OpenID Connect for Google and Apple, OAuth 2 for
//! GitHub. By authorization code with PKCE; whoever uses it keeps the secrets of a
//! flow between its beginning and its end.

mod apple;
mod error;
pub mod fake;
pub mod github;
pub mod oidc;
mod provider;
mod transport;

pub use apple::{AppleKey, AppleKeyError};
pub use error::OAuthError;
pub use provider::{Callback, ExternalPerson, Flow, IdentityProvider};
pub use transport::{Transport, TransportError, TransportOptions};
