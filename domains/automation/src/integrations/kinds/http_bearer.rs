//! Requests with a bearer token.

use super::{Field, Form, Kind, TEST_URL, Test, no_hosts, test_url};
use crate::text::both;

const TOKEN: Field = Field::secret("token", both("Token", "Jeton"), Form::Line(8_192)).required();

/// The type.
pub const KIND: Kind = Kind {
    name: "http_bearer",
    label: both("Bearer token", "Jeton Bearer"),
    documentation: both(
        "Requests carry the token in the header Authorization.",
        "Les requêtes portent le jeton dans l'en-tête Authorization.",
    ),
    fields: &[TOKEN, TEST_URL],
    default_hosts: no_hosts,
    attach: Some(|opened, credential| credential.add_bearer(opened.secret(TOKEN.name))),
    test: Test::Get(test_url),
};
