//! Removes secrets from what is stored or shown: the second wall behind the handles.

use std::{collections::BTreeSet, fmt, fmt::Write};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::error::Fault;

/// Shorter values are ordinary words: removing them would blank what has nothing to do with
/// the secret.
const MIN_BYTES: usize = 6;
/// What stands in the place of a secret.
const MARK: &str = "[secret]";

/// Finds secrets as they are, and in base64, base64url, percent-encoded, JSON-escaped and
/// hexadecimal form.
#[derive(Clone, Default)]
pub struct Redactor {
    /// One for each set of secrets that was added.
    forms: Vec<AhoCorasick>,
}

impl Redactor {
    /// A redactor of these values. It ignores values of less than 6 bytes.
    ///
    /// # Errors
    /// If they are too large.
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s SecretString>) -> Result<Self, Fault> {
        Self::default().with(secrets)
    }

    /// The same with further values.
    ///
    /// # Errors
    /// If they are too large.
    pub fn with<'s>(mut self, secrets: impl IntoIterator<Item = &'s SecretString>) -> Result<Self, Fault> {
        let mut forms = BTreeSet::new();
        for secret in secrets {
            let value = secret.expose_secret();
            if value.len() >= MIN_BYTES {
                forms.extend(forms_of(value));
            }
        }
        if forms.is_empty() {
            return Ok(self);
        }
        let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&forms);
        let forms = built.map_err(|_| Fault::Argument("the secrets are too large".into()))?;
        self.forms.push(forms);
        Ok(self)
    }

    /// The bytes without secrets.
    #[must_use]
    pub fn redact_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut clean = bytes.to_vec();
        for forms in &self.forms {
            let dirty = std::mem::take(&mut clean);
            forms.replace_all_with_bytes(&dirty, &mut clean, |_, _, clean| {
                clean.extend_from_slice(MARK.as_bytes());
                true
            });
        }
        clean
    }

    /// The text without secrets.
    #[must_use]
    pub fn redact_text(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for forms in &self.forms {
            let dirty = std::mem::take(&mut clean);
            forms.replace_all_with(&dirty, &mut clean, |_, _, clean| {
                clean.push_str(MARK);
                true
            });
        }
        clean
    }

    /// The value without secrets in its texts and keys.
    #[must_use]
    pub fn redact_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.redact_text(text)),
            Value::Array(items) => items.iter().map(|item| self.redact_json(item)).collect(),
            Value::Object(fields) => {
                let fields = fields.iter();
                fields.map(|(key, field)| (self.redact_text(key), self.redact_json(field))).collect()
            }
            scalar => scalar.clone(),
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

/// The forms that a value may have in a request, a log line or an error.
fn forms_of(value: &str) -> Vec<String> {
    let quoted = Value::from(value).to_string();
    let json = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(value);
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let in_paths = |byte: u8| byte.is_ascii_graphic() && !b"\"#<>?`{}%&=+".contains(&byte);
    let encoded = percent(value, unreserved, false);
    let mut forms = vec![
        value.to_owned(),
        json.to_owned(),
        json.replace('/', "\\/"),
        hex::encode(value),
        hex::encode_upper(value),
        encoded.replace("%20", "+"),
        encoded,
        percent(value, unreserved, true),
        percent(value, in_paths, false),
    ];
    for alphabet in [alphabet::STANDARD, alphabet::URL_SAFE] {
        let engine = GeneralPurpose::new(&alphabet, NO_PAD);
        forms.extend((0..3).map(|shift| base64_at(&engine, value, shift)));
    }
    forms.retain(|form| form.len() >= MIN_BYTES);
    forms
}

/// The characters of base64 that depend on the value alone, where `shift` bytes modulo 3 are
/// in front of it. So a value is found inside of what is encoded with it, as in Basic
/// authentication.
fn base64_at(engine: &GeneralPurpose, value: &str, shift: usize) -> String {
    let encoded = engine.encode([&vec![0; shift], value.as_bytes()].concat());
    let (first, end) = ((shift * 8).div_ceil(6), (shift + value.len()) * 8 / 6);
    encoded.get(first..end).unwrap_or_default().to_owned()
}

fn percent(value: &str, keeps: fn(u8) -> bool, lower: bool) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        let written = match (keeps(byte), lower) {
            (true, _) => {
                encoded.push(char::from(byte));
                Ok(())
            }
            (false, true) => write!(encoded, "%{byte:02x}"),
            (false, false) => write!(encoded, "%{byte:02X}"),
        };
        debug_assert!(written.is_ok(), "writing into a text does not fail");
    }
    encoded
}
