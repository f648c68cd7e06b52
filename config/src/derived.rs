//! Values derived from the settings: effective URLs and durations.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

use crate::settings::{
    AuthSettings, DatabaseSettings, FallbackSettings, HttpClientSettings, LlmProvider, LlmSettings,
    MailSettings, OAuthSettings, QueueSettings, RedisSettings, Settings,
};

const DAY: u64 = 24 * 60 * 60;

impl Settings {
    /// The URL of the SQL database; by default the SQLite file `atelier.db` in the data
    /// folder. It may contain a password: do not log it.
    #[must_use]
    pub fn database_url(&self) -> String {
        let url = self.database.url.expose_secret();
        if !url.is_empty() {
            return url.to_owned();
        }
        let path = self.server.data_dir.join("atelier.db").to_string_lossy().into_owned();
        let path = path.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        format!("sqlite://{path}?mode=rwc")
    }

    /// The location of the SQL database without secrets: the file, or host and database name
    /// without user, password and parameters.
    #[must_use]
    pub fn database_location(&self) -> String {
        let url = self.database_url();
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return path.split('?').next().unwrap_or(path).to_owned();
        }
        let Ok(url) = url::Url::parse(&url) else { return "an invalid URL".to_owned() };
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}{port}{}", url.host_str().unwrap_or_default(), url.path())
    }

    /// Whether the SQL database is SQLite.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.database_url().starts_with("sqlite:")
    }

    /// The URL of Redis; none in embedded mode.
    #[must_use]
    pub fn redis_url(&self) -> Option<&SecretString> {
        find_set(&self.redis.url)
    }

    /// The URL of the mail server; none keeps mails in the outbox.
    #[must_use]
    pub fn smtp_url(&self) -> Option<&SecretString> {
        find_set(&self.mail.smtp_url)
    }

    /// The issuer of access tokens: the public URL where it is set.
    #[must_use]
    pub fn token_issuer(&self) -> &str {
        let url = self.server.public_url.trim_end_matches('/');
        if url.is_empty() { "atelier" } else { url }
    }

    /// The URL of this instance, without a slash at the end. Where it is not set, it is
    /// derived from the address that the server is `bound` to, with the loopback address in
    /// place of the unspecified address.
    #[must_use]
    pub fn public_url(&self, bound: SocketAddr) -> String {
        let url = self.server.public_url.trim_end_matches('/');
        if !url.is_empty() {
            return url.to_owned();
        }
        let ip = match bound.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        format!("http://{}", SocketAddr::new(ip, bound.port()))
    }

    /// The addresses of published sites, with `{slug}` in the host and without a slash at the
    /// end; empty where sites are folders of this instance. Where nothing is set, an instance
    /// on SQLite that only its own machine reaches has hosts under `localhost`, which
    /// browsers take for the machine (RFC 6761, section 6.3).
    #[must_use]
    pub fn preview_url(&self) -> String {
        let server = &self.server;
        let is_local = self.is_sqlite() && server.public_url.is_empty() && server.bind.ip().is_loopback();
        match server.preview_url.trim_end_matches('/') {
            "none" => String::new(),
            "" if is_local => format!("http://{{slug}}.localhost:{}", server.bind.port()),
            url => url.to_owned(),
        }
    }

    /// The URL of the frontend, without a slash at the end. Browsers are redirected there
    /// after a sign-in at a provider. It is `public_url` where it is not set.
    #[must_use]
    pub fn frontend_url(&self, public_url: &str) -> String {
        let url = self.oauth.frontend_url.trim_end_matches('/');
        if url.is_empty() { public_url.to_owned() } else { url.to_owned() }
    }

    /// The folder of the object store: that of the `file:///` URL, or `<data_dir>/objects`.
    /// None for `s3://`.
    #[must_use]
    pub fn storage_dir(&self) -> Option<PathBuf> {
        if self.storage.url.is_empty() {
            return Some(self.server.data_dir.join("objects"));
        }
        let url = url::Url::parse(&self.storage.url).ok()?;
        if url.scheme() == "file" { url.to_file_path().ok() } else { None }
    }
}

fn find_set(secret: &SecretString) -> Option<&SecretString> {
    if secret.expose_secret().is_empty() { None } else { Some(secret) }
}

impl DatabaseSettings {
    /// How long to wait for a connection.
    #[must_use]
    pub const fn acquire_timeout(&self) -> Duration {
        Duration::from_secs(self.acquire_timeout_secs)
    }

    /// How long any one statement may take.
    #[must_use]
    pub const fn statement_timeout(&self) -> Duration {
        Duration::from_secs(self.statement_timeout_secs)
    }
}

impl RedisSettings {
    /// The file with the CA certificates that Redis's certificate is verified against.
    #[must_use]
    pub fn ca_file(&self) -> Option<&str> {
        Some(self.ca_file.as_str()).filter(|file| !file.is_empty())
    }

    /// How long any one command may take.
    #[must_use]
    pub const fn command_timeout(&self) -> Duration {
        Duration::from_millis(self.command_timeout_ms)
    }
}

impl AuthSettings {
    /// The mail address of the first administrator, in lower case.
    #[must_use]
    pub fn admin_email(&self) -> Option<String> {
        let email = self.admin_email.trim().to_ascii_lowercase();
        if email.is_empty() { None } else { Some(email) }
    }

    /// How long an access token is valid.
    #[must_use]
    pub fn access_token_lifetime(&self) -> Duration {
        Duration::from_secs(u64::from(self.access_token_minutes) * 60)
    }

    /// How long a refresh token is valid.
    #[must_use]
    pub fn refresh_token_lifetime(&self) -> Duration {
        Duration::from_secs(u64::from(self.refresh_token_days) * DAY)
    }

    /// How long a sign-in lasts at most.
    #[must_use]
    pub fn max_sign_in_age(&self) -> Duration {
        Duration::from_secs(u64::from(self.max_sign_in_days) * DAY)
    }

    /// How long a replaced refresh token is still accepted.
    #[must_use]
    pub fn refresh_grace(&self) -> Duration {
        Duration::from_secs(u64::from(self.refresh_grace_secs))
    }
}

impl LlmSettings {
    /// The servers that requests fall back to where the first one fails, in order.
    pub fn fallback_servers(&self) -> impl Iterator<Item = &FallbackSettings> {
        let single = std::iter::once(&self.fallback).filter(|fallback| !fallback.base_url.is_empty());
        single.chain(&self.fallbacks)
    }

    /// The effective provider: `Auto` depends on whether a key or a model server is set.
    #[must_use]
    pub fn resolved_provider(&self) -> LlmProvider {
        match self.provider {
            LlmProvider::Auto if !self.has_servers() => LlmProvider::Scaffold,
            LlmProvider::Auto => LlmProvider::Openai,
            set => set,
        }
    }

    /// Whether a key or a section names a model server.
    fn has_servers(&self) -> bool {
        let keys = [&self.api_key, &self.anthropic_api_key, &self.gemini_api_key];
        !self.providers.is_empty() || keys.iter().any(|key| !key.expose_secret().is_empty())
    }

    /// How long a whole completion may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_secs)
    }

    /// How long the next chunk of a streamed completion may take.
    #[must_use]
    pub const fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout_secs)
    }
}

impl MailSettings {
    /// The reply address of mails, if it is not the sender.
    #[must_use]
    pub fn reply_to(&self) -> Option<&str> {
        Some(self.reply_to.as_str()).filter(|address| !address.is_empty())
    }

    /// The file with additional CA certificates.
    #[must_use]
    pub fn ca_file(&self) -> Option<&str> {
        Some(self.ca_file.as_str()).filter(|file| !file.is_empty())
    }

    /// How long one SMTP conversation may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_secs)
    }
}

impl OAuthSettings {
    /// How long a step of a sign-in may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_secs)
    }
}

impl HttpClientSettings {
    /// The networks that outbound requests may reach besides public addresses.
    #[must_use]
    pub fn allowed_networks(&self) -> Vec<IpNet> {
        self.allowed_networks.iter().map(|network| network.ip_net()).collect()
    }

    /// How long connecting may take.
    #[must_use]
    pub const fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_secs)
    }
}

impl QueueSettings {
    /// The time between two heartbeats of a worker.
    #[must_use]
    pub const fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_secs)
    }

    /// The time between two passes of an idle relay.
    #[must_use]
    pub const fn relay_interval(&self) -> Duration {
        Duration::from_millis(self.relay_interval_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_database_is_a_file_in_the_data_folder() {
        let mut settings = Settings::for_tests();
        assert_eq!(settings.database_url(), "sqlite://./data/atelier.db?mode=rwc");
        settings.server.data_dir = "/srv/what? 100%".into();
        assert_eq!(settings.database_url(), "sqlite:///srv/what%3F 100%25/atelier.db?mode=rwc");
        assert!(settings.is_sqlite());
        settings.database.url = "postgres://localhost/atelier".into();
        assert_eq!(settings.database_url(), "postgres://localhost/atelier");
        assert!(!settings.is_sqlite());
    }

    #[test]
    fn the_public_url_follows_the_bound_address() {
        let mut settings = Settings::for_tests();
        for (bound, url) in [
            ("127.0.0.1:8001", "http://127.0.0.1:8001"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:9000", "http://[::1]:9000"),
        ] {
            assert_eq!(settings.public_url(bound.parse().expect("an address")), url);
        }
        settings.server.public_url = "https://atelier.example/".to_owned();
        assert_eq!(settings.public_url(settings.server.bind), "https://atelier.example");
    }

    #[test]
    fn sites_have_hosts_where_browsers_reach_them() {
        let mut settings = Settings::for_tests();
        settings.server.bind = "127.0.0.1:8001".parse().expect("an address");
        for (preview_url, public_url, bind, expected) in [
            ("", "", "127.0.0.1:8001", "http://{slug}.localhost:8001"),
            ("", "", "0.0.0.0:8001", ""),
            ("", "https://atelier.example", "127.0.0.1:8001", ""),
            ("none", "", "127.0.0.1:8001", ""),
            (
                "https://{slug}.sites.example/",
                "https://atelier.example",
                "0.0.0.0:80",
                "https://{slug}.sites.example",
            ),
        ] {
            settings.server.preview_url = preview_url.to_owned();
            settings.server.public_url = public_url.to_owned();
            settings.server.bind = bind.parse().expect("an address");
            assert_eq!(settings.preview_url(), expected, "{preview_url} {public_url} {bind}");
        }
    }

    #[test]
    fn a_key_decides_which_provider_is_used() {
        let mut llm = Settings::for_tests().llm;
        assert_eq!(llm.resolved_provider(), LlmProvider::Scaffold);
        llm.api_key = "key".into();
        assert_eq!(llm.resolved_provider(), LlmProvider::Openai);
        llm.provider = LlmProvider::Scaffold;
        assert_eq!(llm.resolved_provider(), LlmProvider::Scaffold);
    }

    #[test]
    fn the_location_of_a_database_contains_no_password() {
        let mut settings = Settings::for_tests();
        assert_eq!(settings.database_location(), "./data/atelier.db");
        for (url, place) in [
            ("postgres://u:hunter2@db.example:5433/atelier?sslmode=require", "db.example:5433/atelier"),
            ("postgres://db/atelier?password=hunter2", "db/atelier"),
            ("postgres://u:hunt/er2@db/a", "an invalid URL"),
            ("sqlite:///srv/a.db?mode=rwc", "/srv/a.db"),
            ("sqlite::memory:", ":memory:"),
        ] {
            settings.database.url = url.into();
            assert_eq!(settings.database_location(), place);
        }
    }

    #[test]
    fn an_empty_url_is_none() {
        let mut settings = Settings::for_tests();
        assert!(settings.redis_url().is_none() && settings.smtp_url().is_none());
        settings.redis.url = "redis://localhost".into();
        assert_eq!(settings.redis_url().map(ExposeSecret::expose_secret), Some("redis://localhost"));
    }

    #[test]
    fn objects_live_in_a_folder_unless_they_live_in_s3() {
        let mut settings = Settings::for_tests();
        assert_eq!(settings.storage_dir(), Some("./data/objects".into()));
        settings.storage.url = "file:///srv/objects".to_owned();
        assert_eq!(settings.storage_dir(), Some("/srv/objects".into()));
        settings.storage.url = "s3://bucket/prefix".to_owned();
        assert_eq!(settings.storage_dir(), None);
    }

    #[test]
    fn durations_keep_their_units() {
        let settings = Settings::for_tests();
        assert_eq!(settings.queue.heartbeat(), Duration::from_secs(1));
        assert_eq!(settings.queue.relay_interval(), Duration::from_millis(100));
        assert_eq!(settings.auth.access_token_lifetime(), Duration::from_secs(1800));
        assert_eq!(settings.auth.refresh_token_lifetime(), Duration::from_secs(7 * 24 * 3600));
        assert_eq!(settings.auth.max_sign_in_age(), Duration::from_secs(90 * 24 * 3600));
    }
}
