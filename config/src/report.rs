//! The effective settings with their sources, without secrets.

use toml::Value;
use url::Url;

use crate::layers::Layers;
use crate::schema;

const MASK: &str = "********";

/// One setting as `atelier config` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingReport {
    /// Full name, such as `queue.heartbeat_secs`.
    pub key: String,
    /// The value as text; secrets and passwords in URLs are masked.
    pub value: String,
    /// `default`, `file atelier.toml` or `environment DATABASE_URL`.
    pub source: String,
}

/// Every setting, sorted by name.
pub(crate) fn report(layers: &Layers) -> Vec<SettingReport> {
    let line = |(key, entry): (&String, &crate::layers::Entry)| SettingReport {
        key: key.clone(),
        value: show(key, &entry.value),
        source: entry.source.to_string(),
    };
    layers.entries().iter().map(line).collect()
}

fn show(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => String::new(),
        Value::String(_) if schema::is_secret(key) => MASK.to_owned(),
        Value::String(text) => mask_url(text)
            .unwrap_or_else(|| if schema::is_secret_url(key) { MASK.to_owned() } else { text.clone() }),
        Value::Array(items) => {
            let name = |item: &'_ Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
            let items =
                items.iter().filter_map(|item| item.as_str().map(str::to_owned).or_else(|| name(item)));
            items.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// If `text` is a URL: the URL with its password masked, and query parameters too whose
/// name suggests a secret.
fn mask_url(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    let secret = |name: &str| {
        let name = name.to_lowercase();
        ["pass", "secret", "token", "key", "auth"].iter().any(|part| name.contains(part))
    };
    let password = url.password().is_some();
    let parameters = url.query_pairs().any(|(name, _)| secret(&name));
    if !password && !parameters {
        return Some(text.to_owned());
    }
    if password {
        url.set_password(Some(MASK)).ok()?;
    }
    if parameters {
        let masked: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| {
                (name.to_string(), if secret(&name) { MASK.to_owned() } else { value.to_string() })
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(masked);
    }
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_secrets() {
        for (key, value, shown) in [
            ("auth.jwt_secret", "0123456789abcdef0123456789abcdef", MASK),
            ("auth.jwt_secret", "", ""),
            ("llm.api_key", "sk-hunter2", MASK),
            ("storage.s3_secret_access_key", "hunter2", MASK),
            ("database.url", "postgres://atelier:hunter2@db:5432/a", "postgres://atelier:********@db:5432/a"),
            (
                "database.url",
                "postgres://db/a?user=u&password=hunter2",
                "postgres://db/a?user=u&password=********",
            ),
            ("database.url", "sqlite://./data/atelier.db?mode=rwc", "sqlite://./data/atelier.db?mode=rwc"),
            ("database.url", "postgres://u:hunt/er2@db/a", MASK),
            ("redis.url", "redis://:hunter2@cache", "redis://:********@cache"),
            ("mail.smtp_url", "smtps://u:hunter2@mail", "smtps://u:********@mail"),
            ("llm.base_url", "https://u:hunter2@proxy/v1", "https://u:********@proxy/v1"),
            ("telemetry.log_filter", "info,sqlx=warn", "info,sqlx=warn"),
            ("server.data_dir", "./data", "./data"),
        ] {
            assert_eq!(show(key, &Value::String(value.to_owned())), shown, "{key}");
        }
    }

    #[test]
    fn shows_numbers_flags_and_lists() {
        assert_eq!(show("queue.window", &Value::Integer(1000)), "1000");
        assert_eq!(show("http_client.allow_private_addresses", &Value::Boolean(false)), "false");
        let list = Value::Array(vec![Value::from("10.0.0.0/8"), Value::from("fd00::/8")]);
        assert_eq!(show("server.trusted_proxies", &list), "10.0.0.0/8, fd00::/8");
        let sections = "a = [{ name = 'spare', api_key = 'hunter2' }, { name = 'local' }]";
        let sections: toml::Table = sections.parse().expect("TOML");
        assert_eq!(show("llm.fallbacks", &sections["a"]), "spare, local");
    }
}
