//! The types of integrations: one file each, and this list.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use url::Url;

use super::hosts::HostRule;
use crate::text::Text;

mod field;
pub mod github;
pub mod http_api_key;
pub mod http_basic;
pub mod http_bearer;
pub mod oauth2_client_credentials;
pub mod openai_compatible;
pub mod slack_webhook;
pub mod smtp;
pub mod stripe;

pub use field::{Field, Form};

/// What an integration is told that is no secret, by the names of its fields.
pub type Settings = BTreeMap<String, String>;

/// All types.
pub const ALL: [Kind; 9] = [
    http_bearer::KIND,
    http_basic::KIND,
    http_api_key::KIND,
    oauth2_client_credentials::KIND,
    github::KIND,
    stripe::KIND,
    openai_compatible::KIND,
    slack_webhook::KIND,
    smtp::KIND,
];

/// A type of integrations.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The stable name.
    pub name: &'static str,
    /// Its name for people.
    pub label: Text,
    /// What it is for.
    pub documentation: Text,
    /// What it is told.
    pub fields: &'static [Field],
    /// Where its credentials may be sent if nothing is said. Nothing if it has to be said.
    pub default_hosts: fn(&Settings) -> Vec<HostRule>,
    /// How its credentials get into a request. Nothing if only nodes of their own send them.
    pub attach: Option<fn(&Opened, &mut Credential)>,
    /// How it is tested.
    pub test: Test,
}

/// How an integration is tested.
#[derive(Clone, Copy, Debug)]
pub enum Test {
    /// A GET of this address with its credentials. Nothing if the settings name none.
    Get(fn(&Settings) -> Option<String>),
    /// It gets a token.
    Token,
    /// A message without text, which a webhook of Slack refuses without showing it.
    Webhook,
    /// It signs in at a mail server and sends nothing.
    Mail,
}

/// An integration with its secrets.
#[derive(Debug)]
pub struct Opened {
    /// What is no secret.
    pub settings: Settings,
    secrets: BTreeMap<String, SecretString>,
}

impl Opened {
    pub(super) const fn new(settings: Settings, secrets: BTreeMap<String, SecretString>) -> Self {
        Self { settings, secrets }
    }

    /// A setting; empty if it is not set.
    #[must_use]
    pub fn setting(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }

    /// A secret, if it is set.
    #[must_use]
    pub fn find_secret(&self, name: &str) -> Option<&SecretString> {
        self.secrets.get(name)
    }

    /// A secret; empty if it is not set.
    fn secret(&self, name: &str) -> &str {
        self.find_secret(name).map_or("", ExposeSecret::expose_secret)
    }

    pub(super) fn add_secret(&mut self, name: &str, value: SecretString) {
        self.secrets.insert(name.to_owned(), value);
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.secrets.values()
    }
}

/// What a request carries. Its debug output has no value.
#[derive(Debug, Default)]
pub struct Credential {
    /// Headers, with names in lower case.
    pub headers: Vec<(String, SecretString)>,
    /// Parameters of the query.
    pub query: Vec<(String, SecretString)>,
    /// Everything that must not be shown.
    pub secrets: Vec<SecretString>,
}

impl Credential {
    fn add_header(&mut self, name: &str, value: String) {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
    }

    fn add_bearer(&mut self, token: &str) {
        self.add_header("authorization", format!("Bearer {token}"));
    }
}

impl Kind {
    /// A field of the type.
    #[must_use]
    pub fn find_field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The JSON Schema (2020-12) of the settings or of the secrets.
    #[must_use]
    pub fn schema(&self, secrets: bool) -> Value {
        let fields = || self.fields.iter().filter(|field| field.is_secret == secrets);
        let properties: Map<String, Value> =
            fields().map(|field| (field.name.to_owned(), field.schema())).collect();
        let required: Vec<_> = fields().filter(|field| field.is_required).map(|field| field.name).collect();
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "properties": properties, "required": required, "additionalProperties": false,
        })
    }
}

/// The type of that name.
#[must_use]
pub fn find_kind(name: &str) -> Option<&'static Kind> {
    static KINDS: &[Kind] = &ALL;
    KINDS.iter().find(|kind| kind.name == name)
}

/// The types whose credentials requests of any kind can carry.
pub fn for_requests() -> impl Iterator<Item = &'static str> {
    ALL.into_iter().filter(|kind| kind.attach.is_some()).map(|kind| kind.name)
}

/// No host: each integration has to name its own.
fn no_hosts(_: &Settings) -> Vec<HostRule> {
    Vec::new()
}

/// The address that a test asks.
const TEST_URL: Field = Field::setting(
    "test_url",
    crate::text::both("Address that a test asks", "Adresse qu'un test interroge"),
    Form::Address,
);

fn test_url(settings: &Settings) -> Option<String> {
    settings.get(TEST_URL.name).cloned()
}

/// The base address of the settings, or this one, without a slash at the end.
fn base_url<'s>(settings: &'s Settings, default: &'s str) -> &'s str {
    settings.get("base_url").map_or(default, String::as_str).trim_end_matches('/')
}

/// The rule for the host of an address.
fn host_of(address: &str) -> Vec<HostRule> {
    Url::parse(address).ok().as_ref().and_then(HostRule::of_url).into_iter().collect()
}
