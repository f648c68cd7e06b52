//! Stripe's API.

use super::{Field, Form, Kind, Test, base_url, host_of};
use crate::text::both;

/// The address of the service itself.
pub const BASE_URL: &str = "https://api.stripe.com";

const SECRET: Field =
    Field::secret("api_key", both("Secret key", "Clé secrète"), Form::Line(8_192)).required();
const ADDRESS: Field =
    Field::setting("base_url", both("Another address of the API", "Autre adresse de l'API"), Form::Address);

/// The type.
pub const KIND: Kind = Kind {
    name: "stripe",
    label: both("Stripe", "Stripe"),
    documentation: both(
        "Requests to Stripe's API carry a secret or restricted key.",
        "Les requêtes à l'API de Stripe portent une clé secrète ou restreinte.",
    ),
    fields: &[SECRET, ADDRESS],
    default_hosts: |settings| host_of(base_url(settings, BASE_URL)),
    attach: Some(|opened, credential| {
        if opened.find_secret(SECRET.name).is_some() {
            credential.add_bearer(opened.secret(SECRET.name));
        }
    }),
    test: Test::Get(|settings| Some(format!("{}/v1/balance", base_url(settings, BASE_URL)))),
};
