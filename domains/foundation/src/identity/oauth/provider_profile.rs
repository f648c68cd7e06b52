//! The profile of a person at a provider, converted to the fields of an account.

use atelier_entities::Locale;
use atelier_providers::oauth::ExternalPerson;

use crate::{identity::profile::check_avatar, validation};

/// A person's profile. Invalid fields are left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProviderProfile {
    /// The normalized address, if the provider has verified it.
    pub(super) verified_email: Option<String>,
    pub(super) full_name: Option<String>,
    pub(super) avatar_url: Option<String>,
    pub(super) locale: Locale,
    pub(super) country: Option<String>,
}

impl ProviderProfile {
    pub(super) fn of(person: &ExternalPerson) -> Self {
        let proven = person.email.as_deref().filter(|_| person.email_verified);
        let (locale, country) = parse_locale(person.locale.as_deref().unwrap_or_default());
        Self {
            verified_email: proven.and_then(|email| validation::email(email).ok()),
            full_name: person.name.as_deref().and_then(name),
            avatar_url: person.picture.as_deref().and_then(|url| check_avatar(url).ok()),
            locale,
            country,
        }
    }

    /// The person's name, or else the local part of the address, or `Anonymous`.
    pub(super) fn name_or(&self, email: &str) -> String {
        let local = || name(email.split('@').next().unwrap_or_default());
        self.full_name.clone().or_else(local).unwrap_or_else(|| "Anonymous".to_owned())
    }
}

/// A name in one line of at most 120 characters, without hidden characters.
fn name(text: &str) -> Option<String> {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let cut = |text: &str| text.chars().take(120).collect::<String>();
    let plain = || cut(&validation::without_hidden(&spaced));
    validation::full_name(&cut(&spaced)).or_else(|_| validation::full_name(&plain())).ok()
}

/// Language and country of a locale such as `fr-CA` or `fr_CA`.
fn parse_locale(locale: &str) -> (Locale, Option<String>) {
    let mut parts = locale.split(['-', '_']);
    let language = parts.next().unwrap_or_default().to_ascii_lowercase();
    let country = parts.find_map(|part| validation::country(part).ok());
    (Locale::parse(&language).unwrap_or(Locale::En), country)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_fields_are_taken_and_the_rest_left_out() {
        let person = ExternalPerson {
            subject: "7".to_owned(),
            email: Some("Ada@Example.org".to_owned()),
            email_verified: true,
            name: Some("Ada\nLovelace".to_owned()),
            picture: Some("https://img.example/ada.png".to_owned()),
            locale: Some("fr-CA".to_owned()),
        };
        let profile = ProviderProfile::of(&person);
        assert_eq!(profile.verified_email.as_deref(), Some("ada@example.org"));
        assert_eq!(profile.full_name.as_deref(), Some("Ada Lovelace"));
        assert_eq!(profile.avatar_url.as_deref(), Some("https://img.example/ada.png"));
        assert_eq!((profile.locale, profile.country.as_deref()), (Locale::Fr, Some("CA")));

        let odd = ExternalPerson {
            email: Some("not an address".to_owned()),
            name: Some(" \u{0}\u{3164} ".to_owned()),
            picture: Some("http://img.example/ada.png".to_owned()),
            locale: Some("tlh-XX".to_owned()),
            ..person.clone()
        };
        let profile = ProviderProfile::of(&odd);
        assert_eq!((profile.verified_email.as_ref(), profile.full_name.as_ref()), (None, None));
        assert_eq!((profile.avatar_url.as_ref(), profile.country.as_ref()), (None, None));
        assert_eq!(profile.locale, Locale::En);
        assert_eq!(profile.name_or("ada.l@example.org"), "ada.l");

        let unproven = ExternalPerson { email_verified: false, ..person };
        assert_eq!(ProviderProfile::of(&unproven).verified_email, None);
    }

    #[test]
    fn reads_locales_as_providers_write_them() {
        for (text, language, country) in [
            ("en", Locale::En, None),
            ("fr", Locale::Fr, None),
            ("FR_be", Locale::Fr, Some("BE")),
            ("zh-Hant-TW", Locale::En, Some("TW")),
            ("", Locale::En, None),
        ] {
            assert_eq!(parse_locale(text), (language, country.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn names_are_cut_and_have_no_hidden_characters() {
        assert_eq!(name(&"é".repeat(200)).expect("a name").chars().count(), 120);
        assert_eq!(name("Win at https://evil.example"), None);
        assert_eq!(name("Ada\u{200b} \u{202e}Lovelace").as_deref(), Some("Ada Lovelace"));
    }
}
