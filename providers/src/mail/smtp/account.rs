//! Mails by an account at a server that a person names: one connection for each mail.

use std::{net::SocketAddr, time::Duration};

use lettre::transport::smtp::client::AsyncSmtpConnection;
use secrecy::SecretString;

use super::{
    accepted,
    reply::{Stage, classify},
    server::Server,
    transmit,
};
use crate::{
    http::install_crypto_provider,
    mail::{Delivery, MailError, OutgoingMail, message},
};

/// How long the end of a connection may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the beginning.
    Tls,
    /// STARTTLS; a server without it is refused.
    StartTls,
    /// Not at all.
    None,
}

/// An account at a mail server.
#[derive(Clone, Debug)]
pub struct SmtpAccount {
    /// The name or the address of the server. Its certificate is checked for it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The encryption.
    pub security: SmtpSecurity,
    /// The user name.
    pub user: String,
    /// The password.
    pub password: SecretString,
}

impl SmtpAccount {
    /// Sends one mail to its recipient and to `others`, at these addresses of the server. All recipients are named
    /// in it; if the server refuses one of them, nobody gets the mail.
    ///
    /// # Errors
    /// Why it was not sent.
    pub async fn send(
        &self,
        addresses: &[SocketAddr],
        mail: &OutgoingMail,
        others: &[String],
        timeout: Duration,
    ) -> Result<Delivery, MailError> {
        let message = message::build_for(mail, others)?;
        let sending = async {
            let mut connection = self.connect(addresses, timeout).await?;
            let response = transmit(&mut connection, &message).await;
            // The mail was accepted or not, whatever the server answers to QUIT.
            let _ = tokio::time::timeout(GOODBYE, connection.abort()).await;
            response
        };
        let response =
            tokio::time::timeout(timeout, sending).await.map_err(|_| MailError::no_receipt())??;
        Ok(accepted(&response))
    }

    /// Connects and signs in, and sends nothing.
    ///
    /// # Errors
    /// Why the server does not take the credentials.
    pub async fn check(&self, addresses: &[SocketAddr], timeout: Duration) -> Result<(), MailError> {
        let connecting = async {
            self.connect(addresses, timeout).await?.abort().await;
            Ok::<(), MailError>(())
        };
        tokio::time::timeout(timeout, connecting).await.map_err(|_| MailError::no_receipt())?
    }

    async fn connect(
        &self,
        addresses: &[SocketAddr],
        timeout: Duration,
    ) -> Result<AsyncSmtpConnection, MailError> {
        install_crypto_provider();
        let server = Server::of_account(self)?;
        server.connect_to(addresses, timeout).await.map_err(|error| classify(Stage::Connection, &error))
    }
}
