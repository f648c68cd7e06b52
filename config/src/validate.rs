//! The checks of the values: each by itself, together, and for the role.

use secrecy::ExposeSecret;

use crate::credential_keys;
use crate::layers::Layers;
use crate::model_servers;
use crate::placeholders;
use crate::role::Role;
use crate::settings::{LlmProvider, OAuthSettings, ProviderSettings, Settings};
use crate::values::{self, Check};

/// The greatest `llm.timeout_secs`: a generation may take ten minutes, including the check
/// and the storage of its files.
pub const MAX_LLM_TIMEOUT_SECS: i64 = 540;

const DAY_SECS: i64 = 86_400;
const TEN_YEARS_DAYS: i64 = 3_650;
const GIB: i64 = 1 << 30;

/// Least and greatest value of every whole number.
const RANGES: &[(&str, i64, i64)] = &[
    ("server.shutdown_grace_secs", 1, 3_600),
    ("server.max_body_bytes", 1_024, GIB),
    ("server.request_timeout_secs", 1, 3_600),
    ("server.header_timeout_secs", 1, 300),
    ("server.idle_timeout_secs", 1, 3_600),
    ("server.write_timeout_secs", 1, 3_600),
    ("server.max_connections", 1, 1_000_000),
    ("database.max_connections", 1, 1_000),
    ("database.acquire_timeout_secs", 1, 300),
    ("database.statement_timeout_secs", 1, 3_600),
    ("redis.command_timeout_ms", 10, 60_000),
    ("auth.access_token_minutes", 1, 525_600),
    ("auth.refresh_token_days", 1, TEN_YEARS_DAYS),
    ("auth.max_sign_in_days", 1, TEN_YEARS_DAYS),
    ("auth.refresh_grace_secs", 0, 300),
    ("auth.password_hash_concurrency", 1, 256),
    ("oauth.timeout_secs", 1, 60),
    ("limits.requests_per_minute", 1, 1_000_000_000),
    ("limits.auth_per_minute", 1, 1_000_000),
    ("limits.generation_per_minute", 1, 1_000_000),
    ("limits.preview_per_minute", 1, 1_000_000_000),
    ("limits.projects_per_user", 1, 1_000_000),
    ("limits.versions_per_project", 1, 1_000_000),
    ("credits.signup_grant", 0, 1_000_000_000),
    ("credits.quick_price", 0, 1_000_000_000),
    ("credits.advanced_price", 0, 1_000_000_000),
    ("llm.max_output_tokens", 1, 10_000_000),
    ("llm.timeout_secs", 1, MAX_LLM_TIMEOUT_SECS),
    ("llm.idle_timeout_secs", 1, DAY_SECS),
    ("llm.circuit_failures", 1, 1_000),
    ("llm.circuit_open_secs", 1, 3_600),
    ("llm.max_retries", 0, 10),
    ("llm.max_continuations", 0, 10),
    ("llm.budget_secs", 0, MAX_LLM_TIMEOUT_SECS),
    ("llm.budget_tokens", 0, 1_000_000_000),
    ("llm.budget_cents", 0, 1_000_000),
    ("generation.max_repairs", 0, 10),
    ("generation.max_files", 1, 10_000),
    ("generation.max_file_bytes", 1, GIB),
    ("generation.max_total_bytes", 1, GIB),
    ("mail.timeout_secs", 1, 600),
    ("http_client.connect_timeout_secs", 1, 300),
    ("queue.heartbeat_secs", 1, 300),
    ("queue.window", 1, 5_000),
    ("queue.relay_interval_ms", 10, 60_000),
    ("queue.max_args_bytes", 256, 16 * 1_024 * 1_024),
    ("queue.max_result_bytes", 256, 16 * 1_024 * 1_024),
    ("queue.max_log_lines", 1, 100_000),
    ("queue.concurrency.generation", 0, 10_000),
    ("queue.concurrency.deployment", 0, 10_000),
    ("queue.concurrency.email", 0, 10_000),
    ("queue.concurrency.stats", 0, 10_000),
    ("queue.concurrency.workflow", 0, 10_000),
    ("queue.concurrency.maintenance", 0, 10_000),
    ("retention.succeeded_days", 0, TEN_YEARS_DAYS),
    ("retention.failed_days", 0, TEN_YEARS_DAYS),
    ("retention.cancelled_days", 0, TEN_YEARS_DAYS),
    ("retention.batch", 1, 100_000),
    ("retention.idempotency_hours", 1, 8_760),
    ("retention.audit_days", 0, TEN_YEARS_DAYS),
    ("retention.audit_archive_days", 0, TEN_YEARS_DAYS),
];

/// The check of every text that has one.
const TEXTS: [(&str, Check); 33] = [
    ("server.bind", values::address),
    ("server.ops_bind", values::address),
    ("server.public_url", values::web_url_or_empty),
    ("server.preview_url", values::site_url_or_empty),
    ("server.data_dir", values::filled),
    ("database.url", values::database_url),
    ("redis.url", values::redis_url),
    ("redis.key_prefix", values::key_prefix),
    ("auth.jwt_secret", values::signing_secret),
    ("auth.admin_email", values::mail_address_or_empty),
    (credential_keys::KEY, credential_keys::check),
    ("oauth.frontend_url", values::web_url_or_empty),
    ("oauth.google.issuer", values::web_url),
    ("oauth.github.authorize_url", values::web_url),
    ("oauth.github.token_url", values::web_url),
    ("oauth.github.api_url", values::web_url),
    ("oauth.apple.private_key", values::private_key),
    ("oauth.apple.issuer", values::web_url),
    ("llm.provider", |text| values::one_of(text, &["auto", "openai", "scaffold"])),
    ("llm.base_url", values::web_url),
    ("llm.quick_model", values::filled),
    ("llm.advanced_model", values::filled),
    ("llm.fallback.base_url", values::web_url_or_empty),
    ("llm.fallback.name", values::provider_name),
    ("mail.smtp_url", values::smtp_url),
    ("mail.from", values::mailbox),
    ("mail.reply_to", values::mailbox_or_empty),
    ("storage.url", values::storage_url),
    ("storage.s3_endpoint", values::web_url_or_empty),
    ("telemetry.log_format", |text| values::one_of(text, &["pretty", "json"])),
    ("telemetry.log_filter", values::log_filter),
    ("telemetry.otlp_endpoint", values::web_url_or_empty),
    ("telemetry.service_name", values::filled),
];

/// The check of the items of every list.
const LISTS: [(&str, Check); 5] = [
    ("http_client.allowed_networks", values::network),
    ("llm.advanced", values::server_name),
    ("llm.quick", values::server_name),
    ("server.cors_allowed_origins", values::origin),
    ("server.trusted_proxies", values::network),
];

/// Checks each value by itself.
pub(crate) fn check_values(layers: &mut Layers) {
    let mut wrong: Vec<(&str, String)> = Vec::new();
    for &(key, least, greatest) in RANGES {
        let number = layers.entries().get(key).and_then(|entry| entry.value.as_integer());
        if let Some(number) = number.filter(|number| !(least..=greatest).contains(number)) {
            wrong.push((key, format!("must lie between {least} and {greatest}, is {number}")));
        }
    }
    for (key, check) in TEXTS {
        if let Err(message) = check(layers.text(key)) {
            wrong.push((key, message));
        }
    }
    for (key, check) in LISTS {
        let items = layers.entries().get(key).and_then(|entry| entry.value.as_array());
        let messages = items.into_iter().flatten().filter_map(|item| check(item.as_str()?).err());
        wrong.extend(messages.map(|message| (key, message)));
    }
    for key in [model_servers::KEY, model_servers::PROVIDERS_KEY] {
        let servers = layers.entries().get(key).map(|entry| model_servers::check(key, &entry.value));
        wrong.extend(servers.into_iter().flatten().map(|message| (key, message)));
    }
    for (key, message) in wrong {
        layers.reject_value(key, message);
    }
}

/// Checks the settings that split roles require, and that their secrets are no
/// placeholders.
pub(crate) fn check_role(layers: &mut Layers, role: Role) {
    if role == Role::Embedded {
        return;
    }
    placeholders::check(layers);
    let database = layers.text("database.url");
    if database.is_empty() || database.starts_with("sqlite:") {
        layers.reject_value(
            "database.url",
            format!(
                "{role} needs the PostgreSQL that all processes share; SQLite serves one process only: \
                 set DATABASE_URL=postgres://..., or run everything in one process with atelier"
            ),
        );
    }
    if layers.text("redis.url").is_empty() {
        layers.reject_value(
            "redis.url",
            format!(
                "{role} needs the Redis through which the processes hand on jobs: \
                 set REDIS_URL=redis://..., or run everything in one process with atelier"
            ),
        );
    }
    if layers.text("auth.jwt_secret").is_empty() {
        layers.reject_value(
            "auth.jwt_secret",
            format!(
                "{role} needs the secret that all processes share; there is no default: \
                 set JWT_SECRET to at least 32 bytes, such as the output of openssl rand -hex 32"
            ),
        );
    }
}

/// Checks settings that depend on each other.
pub(crate) fn check_together(layers: &mut Layers, settings: &Settings) {
    let no_key = settings.llm.api_key.expose_secret().is_empty();
    let is_used = |server: &ProviderSettings| server.name == "openai" && settings.llm.providers.is_empty();
    if settings.llm.provider == LlmProvider::Openai
        && no_key
        && settings.llm.model_servers().iter().any(is_used)
        && settings.llm.base_url.contains("api.openai.com")
    {
        layers
            .reject_value("llm.api_key", "provider openai at api.openai.com needs a key: set OPENAI_API_KEY");
    }
    let fallback = &settings.llm.fallback;
    if fallback.base_url.is_empty() && !fallback.api_key.expose_secret().is_empty() {
        layers.reject_value(
            "llm.fallback.base_url",
            "llm.fallback.api_key is set, but no server: set both or neither",
        );
    }
    if let Some((key, message)) = model_servers::find_wrong_name(&settings.llm) {
        layers.reject_value(key, message);
    }
    if settings.redis.ca_file().is_some() && !settings.redis.url.expose_secret().starts_with("rediss:") {
        layers.reject_value("redis.ca_file", "is for a Redis that speaks TLS: set redis.url to rediss://...");
    }
    let storage = &settings.storage;
    if storage.s3_access_key_id.is_empty() != storage.s3_secret_access_key.expose_secret().is_empty() {
        layers.reject_value(
            "storage.s3_secret_access_key",
            "storage.s3_access_key_id and storage.s3_secret_access_key go together: set both or neither",
        );
    }
    check_oauth(layers, settings);
    if settings.generation.max_file_bytes > settings.generation.max_total_bytes {
        layers.reject_value("generation.max_file_bytes", "must not be more than generation.max_total_bytes");
    }
    if settings.llm.idle_timeout_secs > settings.llm.timeout_secs {
        layers.reject_value("llm.idle_timeout_secs", "must not be more than llm.timeout_secs");
    }
}

/// Checks that each provider is configured completely or not at all.
fn check_oauth(layers: &mut Layers, settings: &Settings) {
    let OAuthSettings { google, github, apple, .. } = &settings.oauth;
    let is_set = |text: &str| !text.is_empty();
    let pairs = [
        ("oauth.google.client_secret", &google.client_id, &google.client_secret),
        ("oauth.github.client_secret", &github.client_id, &github.client_secret),
    ];
    for (key, id, secret) in pairs {
        if is_set(id) != is_set(secret.expose_secret()) {
            layers.reject_value(key, "client_id and client_secret go together: set both or neither");
        }
    }
    let parts = [&*apple.client_id, &*apple.team_id, &*apple.key_id, apple.private_key.expose_secret()];
    let set = parts.into_iter().filter(|part| is_set(part)).count();
    if set != 0 && set != parts.len() {
        layers.reject_value(
            "oauth.apple.private_key",
            "client_id, team_id, key_id and private_key go together: set all of them or none",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{self, Kind};

    fn settings_of(kind: Kind) -> Vec<&'static str> {
        let all = schema::defaults().keys().map(String::as_str);
        all.filter(|key| schema::find_kind(key) == Some(kind)).collect()
    }

    #[test]
    fn every_number_has_a_range() {
        let mut ranged: Vec<&str> = RANGES.iter().map(|(key, ..)| *key).collect();
        ranged.sort_unstable();
        assert_eq!(ranged, settings_of(Kind::Whole));
    }

    #[test]
    fn every_check_names_a_setting() {
        let texts = settings_of(Kind::Text);
        assert!(TEXTS.iter().all(|(key, _)| texts.contains(key)));
        assert_eq!(LISTS.map(|(key, _)| key).to_vec(), settings_of(Kind::Texts));
    }

    #[test]
    fn the_defaults_pass_every_check() {
        let mut layers = Layers::new();
        check_values(&mut layers);
        assert_eq!(layers.problems, []);
    }
}
