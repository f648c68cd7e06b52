//! Requests with a token that the client gets for itself (RFC 6749, section 4.4).

use super::{Field, Form, Kind, Test, no_hosts};
use crate::text::both;

/// Where tokens are got.
pub(in crate::integrations) const TOKEN_URL: Field =
    Field::setting("token_url", both("Address of tokens", "Adresse des jetons"), Form::Address).required();
/// The name of the client.
pub(in crate::integrations) const CLIENT_ID: Field =
    Field::setting("client_id", both("Client id", "Identifiant du client"), Form::Line(500)).required();
/// The secret of the client.
pub(in crate::integrations) const CLIENT_SECRET: Field =
    Field::secret("client_secret", both("Client secret", "Secret du client"), Form::Line(8_192)).required();
/// What the token is to allow.
pub(in crate::integrations) const SCOPE: Field = Field::setting(
    "scope",
    both("Scopes, separated by spaces", "Portées, séparées par des espaces"),
    Form::Line(1_000),
);
/// For which API the token is.
pub(in crate::integrations) const AUDIENCE: Field =
    Field::setting("audience", both("Audience", "Audience"), Form::Line(1_000));
/// How the client proves who it is: `basic` (the default) or `body`.
pub(in crate::integrations) const CLIENT_AUTHENTICATION: Field = Field::setting(
    "client_authentication",
    both("Where the client secret goes", "Où va le secret du client"),
    Form::Choice(&["basic", "body"]),
);

/// The secret that holds the last token. No person sets it.
pub(in crate::integrations) const ACCESS_TOKEN: &str = "access_token";

/// The type.
pub const KIND: Kind = Kind {
    name: "oauth2_client_credentials",
    label: both("OAuth 2 client credentials", "Identifiants de client OAuth 2"),
    documentation: both(
        "A worker gets a token with the client's secret, keeps it until it expires, and requests carry it.",
        "Un worker obtient un jeton avec le secret du client, le garde jusqu'à son expiration, et les requêtes le portent.",
    ),
    fields: &[TOKEN_URL, CLIENT_ID, CLIENT_SECRET, SCOPE, AUDIENCE, CLIENT_AUTHENTICATION],
    default_hosts: no_hosts,
    attach: Some(|opened, credential| credential.add_bearer(opened.secret(ACCESS_TOKEN))),
    test: Test::Token,
};
