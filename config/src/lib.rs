//! Typed settings of Atelier with the source of each value. All problems are reported at
//! once.
//!
//! `default.toml` in this crate is compiled in: it lists every setting with its default and
//! its documentation. It is overridden by the file named by `--config`, then by the
//! environment as `ATELIER_<SECTION>__<KEY>`, then by well-known names such as
//! `DATABASE_URL`. No other crate reads the environment.

mod credential_keys;
mod derived;
mod environment;
mod error;
mod file;
mod layers;
mod load;
mod model_servers;
mod network;
mod placeholders;
mod report;
mod role;
mod schema;
mod secret_file;
mod settings;
mod test_settings;
mod validate;
mod values;
mod warnings;

pub use credential_keys::CredentialKey;
pub use error::{ConfigError, Problem, Source};
pub use load::{LoadedConfig, load, load_from};
pub use network::{Network, NetworkError};
pub use report::SettingReport;
pub use role::Role;
pub use schema::DEFAULT_TOML;
pub use settings::{
    AppleSettings, AuthSettings, CredentialsSettings, CreditsSettings, DatabaseSettings, FallbackSettings,
    GenerationSettings, GithubSettings, GoogleSettings, HttpClientSettings, LimitsSettings, LlmProvider,
    LlmSettings, LogFormat, MailSettings, OAuthSettings, PriceSettings, Protocol, ProviderSettings,
    QueueConcurrency, QueueSettings, RedisSettings, RetentionSettings, ServerSettings, Settings,
    StorageSettings, TelemetrySettings,
};
pub use validate::MAX_LLM_TIMEOUT_SECS;
