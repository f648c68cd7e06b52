//! Who an ID token is about.

use openidconnect::core::CoreIdTokenClaims;
use serde::Deserialize;

use crate::oauth::{ExternalPerson, OAuthError};

/// Most characters of a subject: OpenID Connect Core 1.0, section 2.
const LONGEST_SUBJECT: usize = 255;

/// The person of an ID token that passed every check. It is not trusted where it names
/// nobody, or names them by what no subject may be.
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
            .or_else(|| told_name(user?)),
        picture: claims.picture().and_then(|picture| picture.get(None)).map(|picture| text(picture)),
        locale: claims.locale().map(|locale| locale.as_ref().to_owned()),
    })
}

/// A subject of 1 to 255 characters of ASCII that can be seen, as they are.
fn subject(text: &str) -> Result<String, OAuthError> {
    let fits =
        (1..=LONGEST_SUBJECT).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err(OAuthError::untrusted("its subject is none")) }
}

/// The name in what Apple tells beside the code, at the first sign-in only. The browser
/// brings it, so it is good for a name and for nothing else.
fn told_name(user: &str) -> Option<String> {
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
    fn a_subject_is_what_openid_connect_says_it_is() {
        for (text, good) in [
            ("10769150350006150715113082367", true),
            ("001234.abcd_EF~|+/=.0123", true),
            (&*"s".repeat(LONGEST_SUBJECT), true),
            (&*"s".repeat(LONGEST_SUBJECT + 1), false),
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
    fn reads_the_name_that_apple_tells() {
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
            assert_eq!(told_name(user).as_deref(), name, "{user}");
        }
    }
}
