//! Typed settings of Atelier, where each value came from, and everything that
//! is wrong with them at once.
//!
//! `default.toml` beside this crate is compiled in: it lists every setting with
//! its default and its documentation. Over it lie the file named by `--config`,
//! the environment as `ATELIER_<SECTION>__<KEY>`, and the well-known names such
//! as `DATABASE_URL`. No other crate reads the environment.

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

pub use error::{ConfigError, Problem, Source};
pub use load::{LoadedConfig, load, load_from};
pub use network::{Network, NetworkError};
pub use report::SettingReport;
pub use role::Role;
pub use schema::DEFAULT_TOML;
pub use settings::{
    AppleSettings, AuthSettings, CreditsSettings, DatabaseSettings, FallbackSettings, GenerationSettings,
    GithubSettings, GoogleSettings, HttpClientSettings, LimitsSettings, LlmProvider, LlmSettings, LogFormat,
    MailSettings, OAuthSettings, QueueConcurrency, QueueSettings, RedisSettings, RetentionSettings,
    ServerSettings, Settings, StorageSettings, TelemetrySettings,
};
pub use validate::MAX_LLM_TIMEOUT_SECS;
