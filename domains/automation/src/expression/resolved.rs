//! Resolved parameters, in which secrets are still handles.

use std::{collections::BTreeSet, fmt};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::error::Fault;

/// The name of a secret in the place of its value. It cannot be written into a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretHandle {
    name: String,
}

impl SecretHandle {
    pub(super) const fn new(name: String) -> Self {
        Self { name }
    }

    /// The name of the secret.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextPart {
    /// Text as it is.
    Plain(String),
    /// The place of a secret.
    Secret(SecretHandle),
}

/// A parameter without expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolved {
    /// A value without secrets.
    Value(Value),
    /// A text with secrets.
    Text(Vec<TextPart>),
    /// A list with secrets.
    List(Vec<Resolved>),
    /// An object with secrets.
    Object(Vec<(String, Resolved)>),
}

impl Resolved {
    pub(super) fn of_parts(mut parts: Vec<TextPart>) -> Self {
        match parts.as_mut_slice() {
            [] => Self::Value(Value::from("")),
            [TextPart::Plain(text)] => Self::Value(Value::String(std::mem::take(text))),
            _ => Self::Text(parts),
        }
    }

    pub(super) fn of_items(items: Vec<Self>) -> Self {
        if items.iter().all(Self::is_value) {
            return Self::Value(items.into_iter().filter_map(Self::into_plain).collect());
        }
        Self::List(items)
    }

    pub(super) fn of_fields(fields: Vec<(String, Self)>) -> Self {
        if fields.iter().all(|(_, field)| field.is_value()) {
            let fields = fields.into_iter().filter_map(|(key, field)| Some((key, field.into_plain()?)));
            return Self::Value(Value::Object(fields.collect()));
        }
        Self::Object(fields)
    }

    const fn is_value(&self) -> bool {
        matches!(self, Self::Value(_))
    }

    fn into_plain(self) -> Option<Value> {
        if let Self::Value(value) = self { Some(value) } else { None }
    }

    /// The value, or an error if there is a secret in it.
    pub fn into_value(self) -> Result<Value, Fault> {
        self.into_plain().ok_or(Fault::SecretMisused)
    }

    /// The names of the secrets in it.
    #[must_use]
    pub fn secrets(&self) -> BTreeSet<&str> {
        match self {
            Self::Value(_) => BTreeSet::new(),
            Self::Text(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    TextPart::Plain(_) => None,
                    TextPart::Secret(handle) => Some(handle.name()),
                })
                .collect(),
            Self::List(items) => items.iter().flat_map(Self::secrets).collect(),
            Self::Object(fields) => fields.iter().flat_map(|(_, field)| field.secrets()).collect(),
        }
    }

    /// What may be stored and shown: `[secret NAME]` in the place of each secret.
    #[must_use]
    pub fn redacted(&self) -> Value {
        match self.filled(&|name| Some(format!("[secret {name}]"))) {
            Ok(value) => value,
            Err(_) => Value::Null,
        }
    }

    /// Puts the secrets in their places. Only the node that sends the parameter does this.
    pub fn reveal(&self, find: impl Fn(&str) -> Option<SecretString>) -> Result<Revealed, Fault> {
        let opened = |name: &str| find(name).map(|secret| secret.expose_secret().to_owned());
        self.filled(&opened).map(Revealed)
    }

    fn filled(&self, find: &dyn Fn(&str) -> Option<String>) -> Result<Value, Fault> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        TextPart::Plain(plain) => text.push_str(plain),
                        TextPart::Secret(SecretHandle { name }) => {
                            let secret = find(name);
                            text.push_str(
                                &secret.ok_or_else(|| Fault::SecretUnknown { name: name.clone() })?,
                            );
                        }
                    }
                }
                Ok(Value::String(text))
            }
            Self::List(items) => items.iter().map(|item| item.filled(find)).collect(),
            Self::Object(fields) => {
                let fields = fields.iter().map(|(key, field)| Ok((key.clone(), field.filled(find)?)));
                fields.collect::<Result<Map<_, _>, Fault>>().map(Value::Object)
            }
        }
    }
}

/// A parameter with its secrets. Its debug output shows nothing of it.
#[derive(Clone)]
pub struct Revealed(Value);

impl Revealed {
    /// The value, with secrets: for sending only.
    #[must_use]
    pub const fn expose(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Revealed([hidden])")
    }
}
