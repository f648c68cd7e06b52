//! Mail over SMTP.

use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::{Error as SmtpError, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

use super::{Delivery, MailError, Mailer, OutgoingMail, message};
use crate::http::install_crypto_provider;

const MAX_MESSAGE_CHARS: usize = 300;

/// Where the mail server is and how long it may take.
#[derive(Debug, Clone)]
pub struct SmtpOptions {
    /// `smtp://` or `smtps://` with user, password, host and port;
    /// `?tls=required` or `?tls=opportunistic` asks for STARTTLS.
    pub url: SecretString,
    /// For one conversation from the connection to the receipt.
    pub timeout: Duration,
    /// Most idle connections kept for the next mail.
    pub max_connections: u32,
}

/// Hands mails to an SMTP server, over connections that are kept for the next.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    timeout: Duration,
}

impl SmtpMailer {
    /// Prepares the connections; talks to nobody yet. Needs a running tokio.
    pub fn new(options: &SmtpOptions) -> Result<Self, MailError> {
        install_crypto_provider();
        let pool = PoolConfig::new().max_size(options.max_connections.max(1));
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(options.url.expose_secret())
            .map_err(|_| MailError::Misconfigured { message: "the URL is not smtp:// or smtps://".into() })?;
        let transport = builder.timeout(Some(options.timeout)).pool_config(pool).build();
        Ok(Self { transport, timeout: options.timeout })
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &OutgoingMail) -> Result<Delivery, MailError> {
        let message = message::build(mail)?;
        let response = tokio::time::timeout(self.timeout, self.transport.send(message))
            .await
            .map_err(|_| MailError::Transient { message: "no receipt in time".into() })?
            .map_err(|error| classify(&error))?;
        let said: Vec<&str> = response.message().collect();
        Ok(Delivery::Accepted { response: cut(&format!("{} {}", response.code(), said.join(" "))) })
    }

    fn captures(&self) -> bool {
        false
    }
}

fn classify(error: &SmtpError) -> MailError {
    let message = cut(&error.to_string());
    let code = error.status().and_then(|code| code.to_string().parse::<u16>().ok());
    match code {
        Some(530 | 534 | 535 | 538) | None => MailError::Transient { message },
        Some(code) if code >= 500 => MailError::Rejected { code, message },
        Some(_) => MailError::Transient { message },
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests;
