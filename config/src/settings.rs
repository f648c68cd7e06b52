//! The typed settings: a struct for each section of `default.toml`, a field for each key.
//! `default.toml` documents them and their defaults.

mod limits;
mod llm;
mod server;

use secrecy::SecretString;
use serde::Deserialize;

use crate::network::Network;

pub use server::ServerSettings;

pub use limits::LimitsSettings;
pub use llm::{FallbackSettings, LlmProvider, LlmSettings, PriceSettings, Protocol, ProviderSettings};

/// All settings. [`crate::load`] checks the values.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// The HTTP server and the process as a whole.
    pub server: ServerSettings,
    /// The SQL database.
    pub database: DatabaseSettings,
    /// Redis.
    pub redis: RedisSettings,
    /// Tokens and passwords.
    pub auth: AuthSettings,
    /// The encryption of credentials.
    pub credentials: CredentialsSettings,
    /// Sign-in at identity providers.
    pub oauth: OAuthSettings,
    /// Rate limits and quotas.
    pub limits: LimitsSettings,
    /// Credits and prices.
    pub credits: CreditsSettings,
    /// The language model.
    pub llm: LlmSettings,
    /// Limits of generated applications.
    pub generation: GenerationSettings,
    /// Outgoing mail.
    pub mail: MailSettings,
    /// The object store.
    pub storage: StorageSettings,
    /// Outbound HTTP.
    pub http_client: HttpClientSettings,
    /// The job queue.
    pub queue: QueueSettings,
    /// Retention periods.
    pub retention: RetentionSettings,
    /// Logs and traces.
    pub telemetry: TelemetrySettings,
}

/// `[database]`
#[derive(Clone, Debug, Deserialize)]
pub struct DatabaseSettings {
    /// `sqlite:` or `postgres://` URL, empty for the default file: read it
    /// through [`Settings::database_url`].
    pub url: SecretString,
    /// Connections per process.
    pub max_connections: u32,
    /// Seconds to wait for a connection.
    pub acquire_timeout_secs: u64,
    /// Seconds any one statement may take.
    pub statement_timeout_secs: u64,
}

/// `[redis]`
#[derive(Clone, Debug, Deserialize)]
pub struct RedisSettings {
    /// `redis://` URL, empty for none: read it through [`Settings::redis_url`].
    pub url: SecretString,
    /// The prefix of every key.
    pub key_prefix: String,
    /// File with the CA certificates (PEM) for Redis's certificate; empty for the public
    /// CAs. See [`RedisSettings::ca_file`].
    pub ca_file: String,
    /// Milliseconds any one command may take.
    pub command_timeout_ms: u64,
}

/// `[auth]`
#[derive(Clone, Debug, Deserialize)]
pub struct AuthSettings {
    /// Signs access tokens; empty until [`Settings::ensure_jwt_secret`] in
    /// embedded mode.
    pub jwt_secret: SecretString,
    /// Minutes that an access token is valid.
    pub access_token_minutes: u32,
    /// Days that a refresh token is valid.
    pub refresh_token_days: u32,
    /// Days a sign-in lasts at most.
    pub max_sign_in_days: u32,
    /// Seconds in which a replaced refresh token is still accepted.
    pub refresh_grace_secs: u32,
    /// Passwords hashed at the same time.
    pub password_hash_concurrency: usize,
    /// Whether generating and deploying require a verified mail address.
    pub require_verified_email: bool,
    /// Whether responses hide which mail addresses have an account.
    pub hide_registered_emails: bool,
    /// Mail address of the first administrator, empty for none: read it through
    /// [`AuthSettings::admin_email`].
    pub admin_email: String,
}

/// `[credentials]`
#[derive(Clone, Debug, Deserialize)]
pub struct CredentialsSettings {
    /// The keys that encrypt credentials, as `id:base64,id:base64`; empty until
    /// [`Settings::ensure_credential_keys`] in embedded mode. Read them through
    /// [`Settings::credential_keys`].
    pub keys: SecretString,
}

/// `[oauth]`
#[derive(Clone, Debug, Deserialize)]
pub struct OAuthSettings {
    /// URL of the frontend; empty for the public URL. See [`Settings::frontend_url`].
    pub frontend_url: String,
    /// Seconds for each step of a sign-in.
    pub timeout_secs: u64,
    /// Google.
    pub google: GoogleSettings,
    /// GitHub.
    pub github: GithubSettings,
    /// Apple.
    pub apple: AppleSettings,
}

/// `[oauth.google]`
#[derive(Clone, Debug, Deserialize)]
pub struct GoogleSettings {
    /// Client id at Google; empty disables the sign-in.
    pub client_id: String,
    /// Client secret.
    pub client_secret: SecretString,
    /// Issuer URL, which the discovery document is found under.
    pub issuer: String,
}

/// `[oauth.github]`
#[derive(Clone, Debug, Deserialize)]
pub struct GithubSettings {
    /// Client id at GitHub; empty disables the sign-in.
    pub client_id: String,
    /// Client secret.
    pub client_secret: SecretString,
    /// Authorization endpoint.
    pub authorize_url: String,
    /// Token endpoint.
    pub token_url: String,
    /// Base URL of the API.
    pub api_url: String,
}

/// `[oauth.apple]`
#[derive(Clone, Debug, Deserialize)]
pub struct AppleSettings {
    /// The services id; empty disables the sign-in.
    pub client_id: String,
    /// Team of the developer account.
    pub team_id: String,
    /// Id of the key.
    pub key_id: String,
    /// Text of the key's `.p8` file.
    pub private_key: SecretString,
    /// Issuer URL, which the discovery document is found under.
    pub issuer: String,
}

/// `[credits]`
#[derive(Clone, Debug, Deserialize)]
pub struct CreditsSettings {
    /// Credits of a new account.
    pub signup_grant: i64,
    /// Credits for a quick generation.
    pub quick_price: i64,
    /// Credits for an advanced generation.
    pub advanced_price: i64,
}

/// `[generation]`
#[derive(Clone, Debug, Deserialize)]
pub struct GenerationSettings {
    /// How often a completion is sent back with its faults.
    pub max_repairs: u32,
    /// Most files of an application.
    pub max_files: usize,
    /// Largest file in bytes.
    pub max_file_bytes: usize,
    /// Largest application in bytes.
    pub max_total_bytes: usize,
}

/// `[mail]`
#[derive(Clone, Debug, Deserialize)]
pub struct MailSettings {
    /// `smtp://` or `smtps://` URL; empty keeps mails in the outbox. See
    /// [`Settings::smtp_url`].
    pub smtp_url: SecretString,
    /// Sender of every mail.
    pub from: String,
    /// Reply address; empty for the sender. See [`MailSettings::reply_to`].
    pub reply_to: String,
    /// File with additional CA certificates (PEM) for the mail server's certificate; empty
    /// for none. See [`MailSettings::ca_file`].
    pub ca_file: String,
    /// Seconds for one SMTP conversation.
    pub timeout_secs: u64,
}

/// `[storage]`
#[derive(Clone, Debug, Deserialize)]
pub struct StorageSettings {
    /// Empty for `<data_dir>/objects`, or a `file:///` or `s3://` URL.
    pub url: String,
    /// Endpoint of an S3-compatible server; empty for Amazon's.
    pub s3_endpoint: String,
    /// Region of the bucket.
    pub s3_region: String,
    /// Access key; empty for the machine's role.
    pub s3_access_key_id: String,
    /// Secret of the access key.
    pub s3_secret_access_key: SecretString,
}

/// `[http_client]`
#[derive(Clone, Debug, Deserialize)]
pub struct HttpClientSettings {
    /// Whether outbound requests may reach private and loopback addresses.
    pub allow_private_addresses: bool,
    /// Networks that outbound requests may reach besides public addresses.
    pub allowed_networks: Vec<Network>,
    /// Seconds to connect.
    pub connect_timeout_secs: u64,
}

/// `[queue]`
#[derive(Clone, Debug, Deserialize)]
pub struct QueueSettings {
    /// Seconds between two heartbeats of a worker.
    pub heartbeat_secs: u64,
    /// Ids of due jobs that the transport holds for each queue.
    pub window: u32,
    /// Milliseconds between two passes of the relay.
    pub relay_interval_ms: u64,
    /// Largest args of a job in bytes.
    pub max_args_bytes: usize,
    /// Largest result and progress of a job in bytes.
    pub max_result_bytes: usize,
    /// Most log lines kept of one job.
    pub max_log_lines: u32,
    /// Jobs run at the same time.
    pub concurrency: QueueConcurrency,
}

/// `[queue.concurrency]`: jobs that one worker process runs at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct QueueConcurrency {
    /// Of the queue `generation`.
    pub generation: usize,
    /// Of the queue `deployment`.
    pub deployment: usize,
    /// Of the queue `email`.
    pub email: usize,
    /// Of the queue `stats`.
    pub stats: usize,
    /// Of the queue `workflow`.
    pub workflow: usize,
    /// Of the queue `maintenance`.
    pub maintenance: usize,
}

/// `[retention]`
#[derive(Clone, Debug, Deserialize)]
pub struct RetentionSettings {
    /// Days that succeeded jobs are kept.
    pub succeeded_days: u32,
    /// Days that failed jobs are kept.
    pub failed_days: u32,
    /// Days that cancelled jobs are kept.
    pub cancelled_days: u32,
    /// Rows deleted in one statement.
    pub batch: u64,
    /// Hours that responses for an `Idempotency-Key` are kept.
    pub idempotency_hours: u32,
    /// Days that audit entries stay in the database; 0 is forever.
    pub audit_days: u32,
    /// Days that audit entries stay in the object store after that; 0 is forever.
    pub audit_archive_days: u32,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Readable text.
    Pretty,
    /// One JSON object per line.
    Json,
}

/// `[telemetry]`
#[derive(Clone, Debug, Deserialize)]
pub struct TelemetrySettings {
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Filter in the syntax of `RUST_LOG`.
    pub log_filter: String,
    /// OTLP/HTTP collector; empty sends nothing.
    pub otlp_endpoint: String,
    /// Name of this installation in traces.
    pub service_name: String,
}
