//! The layer of the environment: `ATELIER_<SECTION>__<KEY>`, then the
//! well-known names.

use toml::{Table, Value};

use crate::error::Source;
use crate::layers::Layers;
use crate::schema::{self, Kind};

const PREFIX: &str = "ATELIER_";
const JWT_EXPIRATION_HOURS: &str = "JWT_EXPIRATION_HOURS";

/// Names that other software uses too, each with its setting.
const WELL_KNOWN: [(&str, &str); 24] = [
    ("DATABASE_URL", "database.url"),
    ("REDIS_URL", "redis.url"),
    ("BIND", "server.bind"),
    ("DATA_DIR", "server.data_dir"),
    ("JWT_SECRET", "auth.jwt_secret"),
    ("AUTH_REQUIRE_VERIFIED_EMAIL", "auth.require_verified_email"),
    ("ADMIN_EMAIL", "auth.admin_email"),
    ("CREDENTIAL_KEYS", "credentials.keys"),
    ("FRONTEND_URL", "oauth.frontend_url"),
    ("GOOGLE_CLIENT_ID", "oauth.google.client_id"),
    ("GOOGLE_CLIENT_SECRET", "oauth.google.client_secret"),
    ("GITHUB_CLIENT_ID", "oauth.github.client_id"),
    ("GITHUB_CLIENT_SECRET", "oauth.github.client_secret"),
    ("APPLE_CLIENT_ID", "oauth.apple.client_id"),
    ("APPLE_TEAM_ID", "oauth.apple.team_id"),
    ("APPLE_KEY_ID", "oauth.apple.key_id"),
    ("APPLE_PRIVATE_KEY", "oauth.apple.private_key"),
    ("SMTP_URL", "mail.smtp_url"),
    ("OPENAI_API_KEY", "llm.api_key"),
    ("OPENAI_BASE_URL", "llm.base_url"),
    ("ANTHROPIC_API_KEY", "llm.anthropic_api_key"),
    ("GEMINI_API_KEY", "llm.gemini_api_key"),
    ("RUST_LOG", "telemetry.log_filter"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.otlp_endpoint"),
];

/// Whether the variable may set a setting.
pub(crate) fn is_relevant(name: &str) -> bool {
    name.starts_with(PREFIX)
        || name == JWT_EXPIRATION_HOURS
        || WELL_KNOWN.iter().any(|(known, _)| *known == name)
}

/// Applies the environment over `layers`. A well-known name with an empty value counts as
/// unset.
pub(crate) fn apply(layers: &mut Layers, environment: &[(String, String)]) {
    for (name, value) in environment.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        apply_own_name(layers, name, value);
    }
    let set = |wanted: &str| {
        environment.iter().find(|(name, value)| name == wanted && !value.trim().is_empty()).map(|(_, v)| v)
    };
    for (name, key) in WELL_KNOWN {
        if let Some(value) = set(name) {
            set_text(layers, key, name, value);
        }
    }
    if let Some(hours) = set(JWT_EXPIRATION_HOURS) {
        apply_expiration_hours(layers, hours);
    }
}

fn apply_own_name(layers: &mut Layers, name: &str, value: &str) {
    let known_key = schema::defaults().keys().find(|key| schema::environment_name(key) == name);
    match known_key {
        Some(key) => set_text(layers, key, name, value),
        None if is_service_link(name) => {}
        None => reject_unknown(layers, name),
    }
}

/// Kubernetes sets such variables in every pod for each service of its namespace. Those of
/// a service called `atelier-api` start with our prefix.
fn is_service_link(name: &str) -> bool {
    let after_port = |(_, rest): (&str, &str)| rest.is_empty() || rest.starts_with('_');
    !name.contains("__")
        && (name.ends_with("_SERVICE_HOST")
            || name.contains("_SERVICE_PORT")
            || name.split_once("_PORT").is_some_and(after_port))
}

fn reject_unknown(layers: &mut Layers, name: &str) {
    let meant = name.trim_start_matches(PREFIX).to_lowercase();
    let key = meant.replace("__", ".");
    let hint =
        nearest_variable(name).or_else(|| schema::find_nearest_key(&key).map(schema::environment_name));
    let hint = hint.map_or_else(String::new, |nearest| format!("; the nearest is {nearest}"));
    layers.reject(&key, format!("no such setting{hint}"), Source::Environment(name.to_owned()));
}

/// The variable that differs from `name` only in its underscores.
fn nearest_variable(name: &str) -> Option<String> {
    let letters = |text: &str| text.replace('_', "");
    schema::defaults()
        .keys()
        .map(|key| schema::environment_name(key))
        .find(|known| letters(known) == letters(name))
}

fn set_text(layers: &mut Layers, key: &str, name: &str, text: &str) {
    let source = Source::Environment(name.to_owned());
    if text.contains(char::REPLACEMENT_CHARACTER) {
        layers.reject(key, "the value is not UTF-8", source);
        return;
    }
    let value = match schema::find_kind(key) {
        Some(Kind::Whole) => {
            text.trim().parse().map_or_else(|_| Value::String(text.to_owned()), Value::Integer)
        }
        Some(Kind::Flag) => {
            text.trim().parse().map_or_else(|_| Value::String(text.to_owned()), Value::Boolean)
        }
        Some(Kind::Texts | Kind::Sections) => parse_list(text),
        Some(Kind::Text) | None => Value::String(text.to_owned()),
    };
    layers.set(key, value, source);
}

/// A TOML list where the text starts with a bracket, otherwise texts separated by commas.
fn parse_list(text: &str) -> Value {
    let text = text.trim();
    if text.starts_with('[') {
        let parsed =
            format!("list = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("list"));
        return parsed.unwrap_or_else(|| Value::String(text.to_owned()));
    }
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
}

fn apply_expiration_hours(layers: &mut Layers, hours: &str) {
    let key = "auth.access_token_minutes";
    let source = Source::Environment(JWT_EXPIRATION_HOURS.to_owned());
    match hours.trim().parse::<i64>().ok().and_then(|hours| hours.checked_mul(60)) {
        Some(minutes) => layers.set(key, Value::Integer(minutes), source),
        None => layers.reject(key, format!("expected a whole number of hours, found {hours:?}"), source),
    }
}
