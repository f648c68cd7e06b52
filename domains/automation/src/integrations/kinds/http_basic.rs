//! Requests with a user name and a password.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Credential, Field, Form, Kind, Opened, TEST_URL, Test, no_hosts, test_url};
use crate::text::both;

const USERNAME: Field =
    Field::setting("username", both("User name", "Nom d'utilisateur"), Form::Line(200)).required();
const PASSWORD: Field =
    Field::secret("password", both("Password", "Mot de passe"), Form::Line(8_192)).required();

/// The type.
pub const KIND: Kind = Kind {
    name: "http_basic",
    label: both("User name and password", "Nom d'utilisateur et mot de passe"),
    documentation: both(
        "Requests carry both in the header Authorization (Basic).",
        "Les requêtes portent les deux dans l'en-tête Authorization (Basic).",
    ),
    fields: &[USERNAME, PASSWORD, TEST_URL],
    default_hosts: no_hosts,
    attach: Some(attach),
    test: Test::Get(test_url),
};

fn attach(opened: &Opened, credential: &mut Credential) {
    let pair = STANDARD.encode(format!("{}:{}", opened.setting(USERNAME.name), opened.secret(PASSWORD.name)));
    credential.secrets.push(pair.clone().into());
    credential.add_header("authorization", format!("Basic {pair}"));
}
