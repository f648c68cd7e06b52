//! What people type, checked field by field. Lengths are counted in characters.

mod common_passwords;
mod countries;

use std::{collections::BTreeMap, fmt};

/// What is wrong with each field of an input, by the field's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(pub BTreeMap<&'static str, String>);

impl FieldErrors {
    /// One wrong field.
    #[must_use]
    pub fn of(field: &'static str, problem: impl Into<String>) -> Self {
        Self(BTreeMap::from([(field, problem.into())]))
    }

    /// The value of a check; where it failed, the problem is noted and nothing is
    /// answered.
    pub fn take<T>(&mut self, field: &'static str, checked: Result<T, String>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(problem) => {
                self.0.insert(field, problem);
                None
            }
        }
    }

    /// The value, where it is there and no field is wrong.
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

/// A line of `min..=max` characters, without white space around it and without
/// control characters.
pub fn line(text: &str, min: usize, max: usize) -> Result<String, String> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err("must be one line without control characters".to_owned());
    }
    bounded(text, min, max)
}

/// What somebody calls themselves: a line of 1 to 120 characters that leads nowhere. It
/// stands in mails to an address that may be somebody else's.
pub fn full_name(text: &str) -> Result<String, String> {
    let name = line(text, 1, 120)?;
    let lower = name.to_lowercase();
    if lower.contains("://") || lower.contains("www.") {
        return Err("must not hold an address of the web".to_owned());
    }
    if name.chars().any(reorders) {
        return Err("must not hold characters that hide or turn around text".to_owned());
    }
    Ok(name)
}

/// Whether a character shows nothing itself and changes how others are shown. Joiners are
/// part of some languages' names.
fn reorders(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Text of at most `max` characters; line breaks and tabs are welcome, other control
/// characters are not.
pub fn paragraph(text: &str, max: usize) -> Result<String, String> {
    let text = text.trim();
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("must not hold control characters".to_owned());
    }
    bounded(text, 0, max)
}

/// A mail address in lower case, at most 254 characters.
pub fn email(text: &str) -> Result<String, String> {
    let text = text.trim().to_lowercase();
    let wrong = || "must be a mail address such as name@example.org".to_owned();
    if text.chars().count() > 254 {
        return Err("must have at most 254 characters".to_owned());
    }
    let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c));
    let domain_ok = domain.contains('.') && domain.split('.').all(is_domain_label);
    if local_ok && domain_ok { Ok(text) } else { Err(wrong()) }
}

/// A password of 8 to 128 characters, as it is: none of those that are guessed first.
pub fn password(text: &str) -> Result<String, String> {
    match text.chars().count() {
        0..8 => Err("must have at least 8 characters".to_owned()),
        8..=128 if common_passwords::is_one(text) => {
            Err("is one of the most common passwords: choose another".to_owned())
        }
        8..=128 => Ok(text.to_owned()),
        _ => Err("must have at most 128 characters".to_owned()),
    }
}

/// Whether a password is what everybody knows of its person: the mail address, the
/// part of it before the `@`, or the name.
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

/// A country's two letters in ISO 3166-1, in upper case.
pub fn country(text: &str) -> Result<String, String> {
    let text = text.trim().to_ascii_uppercase();
    if countries::is_one(&text) {
        Ok(text)
    } else {
        Err("must be a country code of ISO 3166-1 such as FR".to_owned())
    }
}

fn is_domain_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
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
    fn names_lead_nowhere() {
        for (name, good) in [
            (" Ada Lovelace ", true),
            ("J. R. R. Tolkien", true),
            ("Kumar a/l Raj", true),
            ("عبد الله", true),
            ("می\u{200c}ترا", true),
            ("Win at https://evil.example", false),
            ("HTTP://EVIL.EXAMPLE", false),
            ("Www.evil.example", false),
            ("Ada\nWin", false),
            ("Ada \u{202e}ecalevoL", false),
            ("Ada\u{200b}", false),
            ("Ada\u{2028}Win", false),
            (" ", false),
        ] {
            assert_eq!(full_name(name).is_ok(), good, "{name:?}");
        }
    }

    #[test]
    fn lowers_good_mail_addresses() {
        for (given, kept) in [
            (" Ada@Example.org ", "ada@example.org"),
            ("a.b+c@sub.example.co", "a.b+c@sub.example.co"),
            ("élise@exämple.fr", "élise@exämple.fr"),
        ] {
            assert_eq!(email(given).as_deref(), Ok(kept));
        }
    }

    #[test]
    fn refuses_bad_mail_addresses() {
        let long = format!("{}@example.org", "a".repeat(250));
        for given in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@localhost",
            "a b@example.org",
            "ada@exa mple.org",
            "ada@-example.org",
            ".ada@example.org",
            "a..b@example.org",
            "ada@example..org",
            "ada@example.org\nBcc: x@y.zz",
            "<ada@example.org>",
            &long,
        ] {
            assert!(email(given).is_err(), "{given}");
        }
    }

    #[test]
    fn counts_characters_not_bytes() {
        assert!(line(&"é".repeat(120), 1, 120).is_ok());
        assert!(line(&"é".repeat(121), 1, 120).is_err());
        assert!(password(&"é".repeat(8)).is_ok());
        assert!(password("1234567").is_err());
        assert!(password(&"é".repeat(129)).is_err());
    }

    #[test]
    fn a_time_zone_is_one_that_there_is() {
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
    fn refuses_passwords_that_are_guessed_first() {
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
    fn keeps_line_breaks_in_paragraphs_only() {
        assert!(paragraph("one\ntwo", 100).is_ok());
        assert!(line("one\ntwo", 1, 100).is_err());
        assert!(paragraph("one\u{0}two", 100).is_err());
    }

    #[test]
    fn tells_every_wrong_field() {
        let mut errors = FieldErrors::default();
        let title = errors.take("title", line(" ", 1, 120));
        let country = errors.take("country", country("fr"));

        assert_eq!((title, country.as_deref()), (None, Some("FR")));
        assert_eq!(errors.to_string(), "title: must not be empty");
    }
}
