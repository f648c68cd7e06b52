//! Sign-in at identity providers: OpenID Connect for Google and Apple, OAuth 2 for GitHub.
//! Both use the authorization code flow with PKCE. The caller stores the secrets of a flow
//! until it ends.

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
