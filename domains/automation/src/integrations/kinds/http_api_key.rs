//! Requests with a key in a header or in the query.

use super::{Credential, Field, Form, Kind, Opened, TEST_URL, Test, no_hosts, test_url};
use crate::text::both;

const API_KEY: Field = Field::secret("api_key", both("Key", "Clé"), Form::Line(8_192)).required();
const NAME: Field = Field::setting(
    "name",
    both("Name of the header or parameter", "Nom de l'en-tête ou du paramètre"),
    Form::Name,
)
.required();
const PLACE: Field =
    Field::setting("in", both("Where the key goes", "Où va la clé"), Form::Choice(&["header", "query"]))
        .required();

/// The type.
pub const KIND: Kind = Kind {
    name: "http_api_key",
    label: both("API key", "Clé d'API"),
    documentation: both(
        "Requests carry the key in a header or in a parameter of the query.",
        "Les requêtes portent la clé dans un en-tête ou dans un paramètre.",
    ),
    fields: &[API_KEY, NAME, PLACE, TEST_URL],
    default_hosts: no_hosts,
    attach: Some(attach),
    test: Test::Get(test_url),
};

fn attach(opened: &Opened, credential: &mut Credential) {
    let (name, key) = (opened.setting(NAME.name), opened.secret(API_KEY.name).to_owned());
    if opened.setting(PLACE.name) == "query" {
        credential.query.push((name.to_owned(), key.into()));
    } else {
        credential.add_header(name, key);
    }
}
