//! Placeholder secrets: values from examples, which are public.

use std::collections::BTreeSet;

use crate::layers::Layers;
use crate::{schema, values};

/// Parts of placeholder secrets, in lower case: from this project's files, from jwt.io and
/// from common guides.
const PLACEHOLDERS: [&str; 12] = [
    "change-me",
    "change_me",
    "changeme",
    "replace-me",
    "replace_me",
    "replaceme",
    "your-secret",
    "your_secret",
    "your-256-bit-secret",
    "a-string-secret-at-least-256-bits-long",
    "openssl rand",
    "use-a-long-random",
];
/// A random text of 32 bytes has more distinct bytes, in any alphabet.
const MIN_DISTINCT_BYTES: usize = 5;

/// Rejects placeholder secrets, also within URLs. The problem does not contain the value.
pub(crate) fn check(layers: &mut Layers) {
    let keys = schema::defaults().keys().filter(|key| schema::is_secret(key) || schema::is_secret_url(key));
    for key in keys {
        let text = layers.text(key);
        if is_placeholder(text) || (key == "auth.jwt_secret" && is_too_uniform(text)) {
            layers.reject_value(key, MESSAGE);
        }
    }
}

const MESSAGE: &str = "is a public placeholder from an example: set a secret of your own, such as the output of \
     openssl rand -hex 32";

fn is_placeholder(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|placeholder| text.contains(placeholder))
}

fn is_too_uniform(text: &str) -> bool {
    let bytes: BTreeSet<u8> = text.bytes().collect();
    values::signing_secret(text).is_ok() && !text.is_empty() && bytes.len() < MIN_DISTINCT_BYTES
}

#[cfg(test)]
mod tests {
    use crate::load::load_from;
    use crate::role::Role;

    fn pairs<'a>(changed: (&'a str, &'a str)) -> Vec<(String, String)> {
        let good = [
            ("DATABASE_URL", "postgres://atelier:Kq2w@db/atelier"),
            ("REDIS_URL", "redis://:Kq2w@redis"),
            ("JWT_SECRET", "6f1d0c9be2a74835a1d3f0b7c2e95846"),
        ];
        let kept = good.into_iter().filter(|(name, _)| *name != changed.0);
        kept.chain([changed]).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn a_split_role_rejects_placeholder_secrets() {
        for (name, value, key) in [
            ("JWT_SECRET", "change-me-change-me-change-me-change-me", "auth.jwt_secret"),
            ("JWT_SECRET", "a-string-secret-at-least-256-bits-long", "auth.jwt_secret"),
            ("JWT_SECRET", "YOUR_SECRET_THAT_IS_LONG_ENOUGH_BY_FAR", "auth.jwt_secret"),
            ("JWT_SECRET", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "auth.jwt_secret"),
            ("DATABASE_URL", "postgres://atelier:change-me@db/atelier", "database.url"),
            ("REDIS_URL", "redis://:change-me@redis", "redis.url"),
            ("SMTP_URL", "smtps://atelier:change-me@mail", "mail.smtp_url"),
            ("OPENAI_API_KEY", "change-me", "llm.api_key"),
        ] {
            let error = load_from(Role::Api, None, &pairs((name, value))).expect_err(value);
            let keys: Vec<&str> = error.problems.iter().map(|problem| problem.key.as_str()).collect();
            assert_eq!(keys, [key], "{value}");
            assert!(!error.to_string().contains(value), "{error}");
        }
        let good = pairs(("SMTP_URL", "smtps://atelier:Kq2w@mail"));
        assert!(load_from(Role::Api, None, &good).is_ok());
    }
}
