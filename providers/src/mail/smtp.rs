//! Mail over SMTP.

mod account;
mod connections;
mod reply;
mod server;

use std::time::Duration;

use async_trait::async_trait;
use lettre::{
    Message,
    address::Envelope,
    transport::smtp::{
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Rcpt},
        extension::{Extension, MailBodyParameter, MailParameter},
        response::Response,
    },
};
use secrecy::{ExposeSecret, SecretString};

pub use account::{SmtpAccount, SmtpSecurity};

use self::{
    connections::Connections,
    reply::{Stage, classify, truncate},
    server::Server,
};
use super::{Delivery, MailError, Mailer, OutgoingMail, message};
use crate::http::install_crypto_provider;

/// The mail server and its time limits.
#[derive(Debug, Clone)]
pub struct SmtpOptions {
    /// `smtp://` or `smtps://` with user, password, host and port;
    /// `?tls=required` or `?tls=opportunistic` selects STARTTLS.
    pub url: SecretString,
    /// Additional CA certificates (PEM) for the certificate of the server.
    pub authorities: Option<String>,
    /// Time limit for sending one mail, including the connection.
    pub timeout: Duration,
    /// Most idle connections in the pool.
    pub max_connections: u32,
}

/// Sends mails to an SMTP server over pooled connections.
pub struct SmtpMailer {
    connections: Connections,
    timeout: Duration,
}

impl SmtpMailer {
    /// Prepares the settings without a connection.
    pub fn new(options: &SmtpOptions) -> Result<Self, MailError> {
        install_crypto_provider();
        let server = Server::parse(options.url.expose_secret(), options.authorities.as_deref())?;
        let max_idle = usize::try_from(options.max_connections.max(1)).unwrap_or(1);
        let connections = Connections::new(server, options.timeout, max_idle);
        Ok(Self { connections, timeout: options.timeout })
    }

    /// Sends a message. The connection returns to the pool if the mail was accepted.
    async fn deliver(&self, message: &Message) -> Result<Response, MailError> {
        let mut connection =
            self.connections.take().await.map_err(|error| classify(Stage::Connection, &error))?;
        match transmit(&mut connection, message).await {
            Ok(response) => {
                self.connections.keep(connection);
                Ok(response)
            }
            Err(error) => {
                connection.abort().await;
                Err(error)
            }
        }
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &OutgoingMail) -> Result<Delivery, MailError> {
        let message = message::build(mail)?;
        let response = tokio::time::timeout(self.timeout, self.deliver(&message))
            .await
            .map_err(|_| MailError::no_receipt())??;
        Ok(accepted(&response))
    }

    fn captures(&self) -> bool {
        false
    }
}

fn accepted(response: &Response) -> Delivery {
    let said: Vec<&str> = response.message().collect();
    Delivery::Accepted { response: truncate(&format!("{} {}", response.code(), said.join(" "))) }
}

/// Sends the commands for sender and recipient, and the content.
async fn transmit(connection: &mut AsyncSmtpConnection, message: &Message) -> Result<Response, MailError> {
    let (envelope, content) = (message.envelope(), message.formatted());
    let server = connection.server_info();
    let mut parameters = Vec::new();
    if !is_ascii(envelope) {
        if !server.supports_feature(Extension::SmtpUtfEight) {
            let message = "the mail server takes no addresses beyond ASCII".to_owned();
            return Err(MailError::InvalidAddress { message });
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !content.is_ascii() && server.supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let sender = Mail::new(envelope.from().cloned(), parameters);
    connection.command(sender).await.map_err(|error| classify(Stage::Sender, &error))?;
    for address in envelope.to() {
        let recipient = Rcpt::new(address.clone(), Vec::new());
        connection.command(recipient).await.map_err(|error| classify(Stage::Recipient, &error))?;
    }
    connection.command(Data).await.map_err(|error| classify(Stage::Content, &error))?;
    connection.message(&content).await.map_err(|error| classify(Stage::Content, &error))
}

fn is_ascii(envelope: &Envelope) -> bool {
    let addresses = envelope.to().iter().chain(envelope.from());
    addresses.map(AsRef::<str>::as_ref).all(str::is_ascii)
}

#[cfg(test)]
mod tests;
