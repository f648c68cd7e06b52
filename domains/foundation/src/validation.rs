//! Validation of input, field by field. Lengths are in characters.

mod address;
mod common_passwords;
mod countries;
mod names;
mod opaque;

use std::{collections::BTreeMap, fmt};

pub use address::{email, email_forms, known_email};
pub use names::{full_name, without_hidden};
pub use opaque::opaque;

/// The error of each invalid field, by the field's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(pub BTreeMap<&'static str, String>);

impl FieldErrors {
    /// One invalid field.
    #[must_use]
    pub fn of(field: &'static str, problem: impl Into<String>) -> Self {
        Self(BTreeMap::from([(field, problem.into())]))
    }

    /// Returns the value of a check. If it failed, stores the error and returns none.
    pub fn take<T>(&mut self, field: &'static str, checked: Result<T, String>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(problem) => {
                self.0.insert(field, problem);
                None
            }
        }
    }

    /// Returns the value if every field is valid.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self),
        }
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (field, problem) in &self.0 {
            write!(f, "{separator}{field}: {problem}")?;
            separator = "; ";
        }
        Ok(())
    }
}

impl std::error::Error for FieldErrors {}

/// One line of `min..=max` characters. It is trimmed. Line breaks, control characters and
/// characters that change the direction of text are refused.
pub fn line(text: &str, min: usize, max: usize) -> Result<String, String> {
    let text = text.trim();
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err("must be one line without control characters".to_owned());
    }
    if text.chars().any(changes_direction) {
        return Err("must not hold characters that turn text around".to_owned());
    }
    if !text.is_empty() && text.chars().all(|c| c.is_whitespace() || names::is_hidden(c)) {
        return Err(names::NO_VISIBLE_TEXT.to_owned());
    }
    bounded(text, min, max)
}

/// Whether a character changes the direction of the text after it: the embeddings,
/// overrides and isolates of UAX 9. Direction marks change nothing and are used in Hebrew
/// and Arabic.
fn changes_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text of at most `max` characters. Line breaks and tabs are allowed, other control
/// characters are refused.
pub fn paragraph(text: &str, max: usize) -> Result<String, String> {
    let text = text.trim();
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("must not hold control characters".to_owned());
    }
    bounded(text, 0, max)
}

/// A password of 8 to 128 characters in the form that is hashed ([`opaque`]). The most
/// common passwords are refused.
pub fn password(text: &str) -> Result<String, String> {
    let text = opaque(text);
    match text.chars().count() {
        0..8 => Err("must have at least 8 characters".to_owned()),
        8..=128 if common_passwords::is_common(&text) => {
            Err("is one of the most common passwords: choose another".to_owned())
        }
        8..=128 => Ok(text),
        _ => Err("must have at most 128 characters".to_owned()),
    }
}

/// Whether a password is public knowledge about its person: the mail address, the part of
/// it before the `@`, or the name.
pub fn is_personal(password: &str, email: &str, full_name: &str) -> bool {
    let password = password.trim().to_lowercase();
    let local = email.rsplit_once('@').map_or(email, |(local, _)| local);
    [email, local, full_name].iter().any(|known| known.trim().to_lowercase() == password)
}

/// A time zone of the IANA database, such as `Europe/Paris`.
pub fn time_zone(text: &str) -> Result<String, String> {
    let zone: Result<chrono_tz::Tz, _> = text.trim().parse();
    zone.map(|zone| zone.name().to_owned()).map_err(|_| "must be a time zone such as Europe/Paris".to_owned())
}

/// A country code of two letters in ISO 3166-1, in upper case.
pub fn country(text: &str) -> Result<String, String> {
    let text = text.trim().to_ascii_uppercase();
    if countries::is_country_code(&text) {
        Ok(text)
    } else {
        Err("must be a country code of ISO 3166-1 such as FR".to_owned())
    }
}

fn bounded(text: &str, min: usize, max: usize) -> Result<String, String> {
    let length = text.chars().count();
    if length < min {
        return Err(if min == 1 {
            "must not be empty".to_owned()
        } else {
            format!("must have at least {min} characters")
        });
    }
    if length > max {
        return Err(format!("must have at most {max} characters"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_in_characters() {
        assert!(line(&"é".repeat(120), 1, 120).is_ok());
        assert!(line(&"é".repeat(121), 1, 120).is_err());
        assert!(password(&"é".repeat(8)).is_ok());
        assert!(password("1234567").is_err());
        assert!(password(&"é".repeat(129)).is_err());
    }

    #[test]
    fn only_known_time_zones_are_valid() {
        for (text, known) in [
            ("Europe/Paris", true),
            (" UTC ", true),
            ("America/Argentina/Ushuaia", true),
            ("Europe/Atlantis", false),
            ("europe", false),
            ("<zone>", false),
            ("", false),
        ] {
            assert_eq!(time_zone(text).is_ok(), known, "{text}");
        }
    }

    #[test]
    fn common_and_personal_passwords_are_refused() {
        for common in ["password", "12345678", "Sunshine", "TRUSTNO1"] {
            assert!(password(common).is_err_and(|problem| problem.contains("common")), "{common}");
        }
        for (password, personal) in [
            ("Ada.Lovelace@Example.org", true),
            ("ada.lovelace", true),
            (" ADA lovelace", true),
            ("ada lovelace 1815", false),
        ] {
            let found = is_personal(password, "ada.lovelace@example.org", "Ada Lovelace");
            assert_eq!(found, personal, "{password}");
        }
    }

    #[test]
    fn line_breaks_are_valid_in_paragraphs_only() {
        assert!(paragraph("one\ntwo", 100).is_ok());
        assert!(line("one\ntwo", 1, 100).is_err());
        assert!(paragraph("one\u{0}two", 100).is_err());
    }

    #[test]
    fn every_invalid_field_is_reported() {
        let mut errors = FieldErrors::default();
        let title = errors.take("title", line(" ", 1, 120));
        let country = errors.take("country", country("fr"));

        assert_eq!((title, country.as_deref()), (None, Some("FR")));
        assert_eq!(errors.to_string(), "title: must not be empty");
    }
}
