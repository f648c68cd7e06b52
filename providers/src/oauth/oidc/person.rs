//! The person of an ID token.

use openidconnect::core::CoreIdTokenClaims;
use serde::Deserialize;

use crate::oauth::{ExternalPerson, OAuthError};

/// Longest subject in characters (OpenID Connect Core 1.0, section 2).
const MAX_SUBJECT: usize = 255;

/// The person of an ID token that passed every check. Fails if the subject is invalid.
pub(super) fn person(claims: &CoreIdTokenClaims, user: Option<&str>) -> Result<ExternalPerson, OAuthError> {
    let text = |value: &str| value.to_owned();
    Ok(ExternalPerson {
        subject: subject(claims.subject().as_str())?,
        email: claims.email().map(|email| text(email)),
        email_verified: claims.email_verified().unwrap_or(false),
        name: claims
            .name()
            .and_then(|name| name.get(None))
            .map(|name| text(name))
            .or_else(|| name_of_user(user?)),
        picture: claims.picture().and_then(|picture| picture.get(None)).map(|picture| text(picture)),
        locale: claims.locale().map(|locale| locale.as_ref().to_owned()),
    })
}

/// A valid subject: 1 to 255 visible ASCII characters.
fn subject(text: &str) -> Result<String, OAuthError> {
    let fits = (1..=MAX_SUBJECT).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err(OAuthError::untrusted("its subject is invalid")) }
}

/// The name in the parameter `user`, which Apple sends with the code of the first sign-in.
/// It comes from the browser and is not authenticated: use it as a name only.
fn name_of_user(user: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Name {
        #[serde(default)]
        first_name: Option<String>,
        #[serde(default)]
        last_name: Option<String>,
    }
    #[derive(Deserialize)]
    struct User {
        name: Name,
    }
    let User { name } = serde_json::from_str(user).ok()?;
    let parts: Vec<String> = [name.first_name, name.last_name].into_iter().flatten().collect();
    let name = parts.join(" ");
    if name.trim().is_empty() { None } else { Some(name.trim().to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_follows_openid_connect() {
        for (text, good) in [
            ("10769150350006150715113082367", true),
            ("001234.abcd_EF~|+/=.0123", true),
            (&*"s".repeat(MAX_SUBJECT), true),
            (&*"s".repeat(MAX_SUBJECT + 1), false),
            ("", false),
            (" ", false),
            ("7\n", false),
            ("7\0", false),
            ("\u{212a}7", false),
        ] {
            assert_eq!(subject(text).is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn reads_the_name_that_apple_sends() {
        for (user, name) in [
            (
                r#"{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"a@b.example"}"#,
                Some("Ada Lovelace"),
            ),
            (r#"{"name":{"firstName":"Ada"}}"#, Some("Ada")),
            (r#"{"name":{"firstName":null,"lastName":" "}}"#, None),
            (r#"{"email":"a@b.example"}"#, None),
            ("Ada", None),
        ] {
            assert_eq!(name_of_user(user).as_deref(), name, "{user}");
        }
    }
}
