//! GitHub's API.

use super::{Field, Form, Kind, Test, base_url, host_of};
use crate::text::both;

/// The address of the service itself.
pub const BASE_URL: &str = "https://api.github.com";

const SECRET: Field =
    Field::secret("token", both("Access token", "Jeton d'accès"), Form::Line(8_192)).required();
const ADDRESS: Field =
    Field::setting("base_url", both("Another address of the API", "Autre adresse de l'API"), Form::Address);

/// The type.
pub const KIND: Kind = Kind {
    name: "github",
    label: both("GitHub", "GitHub"),
    documentation: both(
        "Requests to GitHub's API carry a personal access token or that of an app.",
        "Les requêtes à l'API de GitHub portent un jeton d'accès personnel ou celui d'une application.",
    ),
    fields: &[SECRET, ADDRESS],
    default_hosts: |settings| host_of(base_url(settings, BASE_URL)),
    attach: Some(|opened, credential| {
        if opened.find_secret(SECRET.name).is_some() {
            credential.add_bearer(opened.secret(SECRET.name));
        }
    }),
    test: Test::Get(|settings| Some(format!("{}/rate_limit", base_url(settings, BASE_URL)))),
};
