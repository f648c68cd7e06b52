//! The schema: which settings exist and which kind of value each takes, read from the
//! compiled defaults.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use toml::{Table, Value};

use crate::{credential_keys, model_servers};

/// The defaults with their documentation, as compiled in.
pub const DEFAULT_TOML: &str = include_str!("../default.toml");

/// The kind of value that a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Whole,
    Flag,
    Texts,
    Sections,
}

impl Kind {
    pub(crate) const fn expected(self) -> &'static str {
        match self {
            Self::Text => "a text in quotes",
            Self::Whole => "a whole number",
            Self::Flag => "true or false",
            Self::Texts => "a list of texts",
            Self::Sections => "a list of sections",
        }
    }

    /// The kind of `value`; none where no setting may have it.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(_) => Some(Self::Text),
            Value::Integer(_) => Some(Self::Whole),
            Value::Boolean(_) => Some(Self::Flag),
            Value::Array(items) if items.iter().all(Value::is_str) => Some(Self::Texts),
            Value::Array(items) if items.iter().all(Value::is_table) => Some(Self::Sections),
            _ => None,
        }
    }

    /// Whether a setting of this kind may have the value. An empty list is of either list
    /// kind.
    pub(crate) fn fits(self, value: &Value) -> bool {
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        Self::of(value) == Some(self) || (self == Self::Sections && is_empty)
    }
}

static DEFAULTS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let table: Table = DEFAULT_TOML.parse().expect("default.toml is compiled in and parsed by every test");
    let mut flat = BTreeMap::new();
    flatten("", table, &mut flat);
    flat
});

fn flatten(prefix: &str, table: Table, into: &mut BTreeMap<String, Value>) {
    for (name, value) in table {
        let key = join(prefix, &name);
        match value {
            Value::Table(inner) => flatten(&key, inner, into),
            value => drop(into.insert(key, value)),
        }
    }
}

/// `section.name`, or `name` at the top.
pub(crate) fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// Every setting by its full name, with its default.
pub(crate) fn defaults() -> &'static BTreeMap<String, Value> {
    &DEFAULTS
}

/// The kind of the setting `key`; none where it does not exist.
pub(crate) fn find_kind(key: &str) -> Option<Kind> {
    if key == model_servers::KEY || key == model_servers::PROVIDERS_KEY {
        return Some(Kind::Sections);
    }
    defaults().get(key).and_then(Kind::of)
}

/// Whether `name` is a section (`queue`, `queue.concurrency`).
pub(crate) fn is_section(name: &str) -> bool {
    let prefix = format!("{name}.");
    defaults().keys().any(|key| key.starts_with(&prefix))
}

/// Whether the whole value of the setting is a secret.
pub(crate) fn is_secret(key: &str) -> bool {
    matches!(
        key,
        "auth.jwt_secret"
            | credential_keys::KEY
            | "llm.api_key"
            | "llm.anthropic_api_key"
            | "llm.gemini_api_key"
            | "llm.fallback.api_key"
            | model_servers::KEY
            | model_servers::PROVIDERS_KEY
            | "oauth.google.client_secret"
            | "oauth.github.client_secret"
            | "oauth.apple.private_key"
            | "storage.s3_secret_access_key"
    )
}

/// Whether the setting is a URL that usually contains a password.
pub(crate) fn is_secret_url(key: &str) -> bool {
    matches!(key, "database.url" | "redis.url" | "mail.smtp_url")
}

/// The environment variable of a setting: `ATELIER_QUEUE__HEARTBEAT_SECS`.
pub(crate) fn environment_name(key: &str) -> String {
    format!("ATELIER_{}", key.replace('.', "__").to_uppercase())
}

/// The setting whose name is most similar to `wrong`.
pub(crate) fn find_nearest_key(wrong: &str) -> Option<&'static str> {
    let leaf = wrong.rsplit('.').next();
    nearest(defaults().keys().map(String::as_str), |key| {
        let similarity = strsim::normalized_damerau_levenshtein(key, wrong);
        if key.rsplit('.').next() == leaf { similarity.max(0.9) } else { similarity }
    })
}

/// The section whose name is most similar to `wrong`.
pub(crate) fn find_nearest_section(wrong: &str) -> Option<&'static str> {
    let sections = defaults().keys().filter_map(|key| key.rsplit_once('.').map(|(section, _)| section));
    nearest(sections, |section| strsim::normalized_damerau_levenshtein(section, wrong))
}

const MIN_SIMILARITY: f64 = 0.5;

fn nearest(
    names: impl Iterator<Item = &'static str>,
    similarity: impl Fn(&str) -> f64,
) -> Option<&'static str> {
    names
        .map(|name| (name, similarity(name)))
        .filter(|(_, score)| *score >= MIN_SIMILARITY)
        .max_by(|one, other| one.1.total_cmp(&other.1))
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_has_a_kind() {
        for (key, value) in defaults() {
            assert!(Kind::of(value).is_some(), "{key} has a value that no layer can set");
        }
        assert_eq!(find_kind("queue.concurrency.email"), Some(Kind::Whole));
        assert_eq!(find_kind("server.trusted_proxies"), Some(Kind::Texts));
        assert!(is_section("queue.concurrency") && !is_section("queue.window"));
    }

    #[test]
    fn finds_the_most_similar_name() {
        for (wrong, meant) in [
            ("queue.heartbeat_sec", Some("queue.heartbeat_secs")),
            ("queue.haertbeat_secs", Some("queue.heartbeat_secs")),
            ("server.heartbeat_secs", Some("queue.heartbeat_secs")),
            ("databse.url", Some("database.url")),
            ("colour", None),
        ] {
            assert_eq!(find_nearest_key(wrong), meant, "{wrong}");
        }
        assert_eq!(find_nearest_section("databse"), Some("database"));
    }

    #[test]
    fn secrets_are_settings_that_exist() {
        let secret = defaults().keys().filter(|key| is_secret(key) || is_secret_url(key)).count();
        assert_eq!(secret, 15);
    }
}
