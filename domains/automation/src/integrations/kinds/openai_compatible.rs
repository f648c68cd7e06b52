//! Servers of language models with OpenAI's API.

use super::{Field, Form, Kind, Settings, Test, base_url, host_of};
use crate::text::both;

/// The address of the service itself.
pub const BASE_URL: &str = "https://api.openai.com/v1";

const SECRET: Field = Field::secret("api_key", both("Key", "Clé"), Form::Line(8_192));
const ADDRESS: Field =
    Field::setting("base_url", both("Another address of the API", "Autre adresse de l'API"), Form::Address);

/// The type.
pub const KIND: Kind = Kind {
    name: "openai_compatible",
    label: both("OpenAI-compatible model server", "Serveur de modèles compatible OpenAI"),
    documentation: both(
        "Nodes of the type llm_prompt and requests ask a model server of your own.",
        "Les nœuds llm_prompt et les requêtes interrogent votre propre serveur de modèles.",
    ),
    fields: &[SECRET, ADDRESS],
    default_hosts: |settings| host_of(base_url(settings, BASE_URL)),
    attach: Some(|opened, credential| {
        if opened.find_secret(SECRET.name).is_some() {
            credential.add_bearer(opened.secret(SECRET.name));
        }
    }),
    test: Test::Get(|settings| Some(format!("{}/models", base_url(settings, BASE_URL)))),
};

/// Where completions of chats are asked for.
pub(crate) fn chat_url(settings: &Settings) -> String {
    format!("{}/chat/completions", base_url(settings, BASE_URL))
}
