//! The fields of types.

use atelier_foundation::validation;
use serde_json::{Value, json};
use url::{Host, Url};

use crate::{integrations::header, text::Text};

/// Most bytes of a secret.
pub(in crate::integrations) const MAX_SECRET_BYTES: usize = 8 * 1024;
/// Most characters of the name of a host (RFC 1035).
const MAX_HOST: usize = 253;
/// Most characters of an address.
const MAX_ADDRESS: usize = 2_000;

/// A field of a type.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its name for people.
    pub label: Text,
    /// Whether it is never shown.
    pub is_secret: bool,
    /// Whether each integration of the type has it.
    pub is_required: bool,
    /// What it holds.
    pub form: Form,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// One line of at most so many characters.
    Line(usize),
    /// An address of the web.
    Address,
    /// The name of a header or of a parameter.
    Name,
    /// The name or the address of a host.
    Host,
    /// The number of a port.
    Port,
    /// One of these.
    Choice(&'static [&'static str]),
}

impl Field {
    /// A setting that may be absent.
    pub(super) const fn setting(name: &'static str, label: Text, form: Form) -> Self {
        Self { name, label, is_secret: false, is_required: false, form }
    }

    /// A secret that may be absent.
    pub(super) const fn secret(name: &'static str, label: Text, form: Form) -> Self {
        Self { is_secret: true, ..Self::setting(name, label, form) }
    }

    /// The same as a field that each integration has.
    pub(super) const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    /// The JSON Schema of its value.
    #[must_use]
    pub fn schema(&self) -> Value {
        let mut schema = match self.form {
            Form::Line(max) => json!({"type": "string", "minLength": 1, "maxLength": max}),
            Form::Address => json!({"type": "string", "format": "uri", "maxLength": MAX_ADDRESS}),
            Form::Name => json!({"type": "string", "minLength": 1, "maxLength": header::MAX_NAME}),
            Form::Host => json!({"type": "string", "minLength": 1, "maxLength": MAX_HOST}),
            Form::Port => json!({"type": "string", "pattern": "^[1-9][0-9]{0,4}$"}),
            Form::Choice(values) => json!({"enum": values}),
        };
        schema["title"] = self.label.en.into();
        if self.is_secret {
            schema["writeOnly"] = true.into();
        }
        schema
    }

    /// Checks a value. The error does not quote it.
    pub(in crate::integrations) fn check(&self, value: &str) -> Result<String, String> {
        let value = if self.is_secret { secret(value)? } else { value.trim().to_owned() };
        match self.form {
            Form::Line(_) if self.is_secret => Ok(value),
            Form::Line(max) => validation::line(&value, 1, max),
            Form::Address => address(&value),
            Form::Name => header::check_name(&value).map(|()| value),
            Form::Host => host(&value),
            Form::Port => port(&value),
            Form::Choice(values) if values.contains(&value.as_str()) => Ok(value),
            Form::Choice(values) => Err(format!("must be one of {}", values.join(", "))),
        }
    }
}

fn secret(value: &str) -> Result<String, String> {
    if value.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if value.len() > MAX_SECRET_BYTES {
        return Err(format!("must have at most {MAX_SECRET_BYTES} bytes"));
    }
    if value.chars().any(char::is_control) {
        return Err("must not hold control characters".to_owned());
    }
    Ok(value.to_owned())
}

/// The host as browsers write it.
fn host(value: &str) -> Result<String, String> {
    if value.len() > MAX_HOST {
        return Err(format!("must have at most {MAX_HOST} characters"));
    }
    let host = Host::parse(value);
    host.map(|host| host.to_string()).map_err(|_| "must be a host such as mail.example.com".to_owned())
}

fn port(value: &str) -> Result<String, String> {
    match value.parse::<u16>() {
        Ok(number @ 1..) => Ok(number.to_string()),
        _ => Err("must be a number from 1 to 65535".to_owned()),
    }
}

fn address(value: &str) -> Result<String, String> {
    if value.chars().count() > MAX_ADDRESS {
        return Err(format!("must have at most {MAX_ADDRESS} characters"));
    }
    let url = Url::parse(value).map_err(|_| "must be an address such as https://example.com".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https:// or http://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or a password".to_owned());
    }
    Ok(url.into())
}
