//! What the clients of all protocols are told about a model server.

use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::{Effort, LlmError};

/// The server, the models and the limits.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Name of the provider in circuits, metrics and versions.
    pub name: String,
    /// Root of the API, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// The key; empty sends none.
    pub api_key: SecretString,
    /// Model for quick generations.
    pub quick_model: String,
    /// Model for advanced generations.
    pub advanced_model: String,
    /// Most tokens of one completion.
    pub max_output_tokens: u32,
    /// Most tokens of a conversation with its completion, if it is known.
    pub context_tokens: Option<u64>,
    /// Time limit for the connection, including TLS.
    pub connect_timeout: Duration,
    /// Time limit for the first chunk of the text, since models may think for a long time
    /// before they write.
    pub first_content_timeout: Duration,
    /// Time limit for a whole completion.
    pub timeout: Duration,
    /// Time limit between two chunks. Comments of the server count as chunks.
    pub idle_timeout: Duration,
}

impl ServerOptions {
    /// The model of this effort.
    pub(super) fn model(&self, effort: Effort) -> &str {
        match effort {
            Effort::Quick => &self.quick_model,
            Effort::Advanced => &self.advanced_model,
        }
    }

    /// The base URL without a slash at its end.
    pub(super) fn root(&self) -> Result<String, LlmError> {
        let root = self.base_url.trim_end_matches('/').to_owned();
        let is_http = url::Url::parse(&root).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_http {
            return Err(LlmError::BadRequest { message: "the base URL is not an http(s) URL".into() });
        }
        Ok(root)
    }

    /// The key as the value of a header, after `prefix`; none for a server without a key.
    pub(super) fn key_header(&self, prefix: &str) -> Result<Option<HeaderValue>, LlmError> {
        let key = self.api_key.expose_secret();
        if key.is_empty() {
            return Ok(None);
        }
        let mut value = HeaderValue::try_from(format!("{prefix}{key}")).map_err(|_| {
            LlmError::BadRequest { message: "the key holds characters that no header may have".into() }
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}
