//! The mail server of a URL, and connections to it.

use std::{net::SocketAddr, time::Duration};

use lettre::transport::smtp::{
    Error as SmtpError, SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT,
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::{AsyncSmtpConnection, Certificate, TlsParameters},
    extension::ClientId,
};
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret;
use tokio::net::ToSocketAddrs;
use url::{Host, Url};

use super::{SmtpAccount, SmtpSecurity};
use crate::mail::MailError;

/// The address of a server, its encryption and the credentials.
pub(super) struct Server {
    host: String,
    port: u16,
    hello: ClientId,
    encryption: Encryption,
    credentials: Option<Credentials>,
}

enum Encryption {
    None,
    /// Implicit TLS.
    Implicit(TlsParameters),
    /// STARTTLS.
    StartTls {
        parameters: TlsParameters,
        /// Whether a server without STARTTLS is rejected.
        required: bool,
    },
}

impl Server {
    /// The server of `scheme://user:password@host:port/hello?tls=…`. No error contains the
    /// URL.
    pub(super) fn parse(url: &str, authorities: Option<&str>) -> Result<Self, MailError> {
        let url = Url::parse(url).map_err(|_| misconfigured("the URL is not smtp:// or smtps://"))?;
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(misconfigured("the URL has no host")),
        };
        let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
        let parameters = || tls_parameters(&host, authorities);
        let (encryption, default_port) = match (url.scheme(), tls.as_deref()) {
            ("smtp", None) => (Encryption::None, SMTP_PORT),
            ("smtp", Some(mode @ ("required" | "opportunistic"))) => {
                let required = mode == "required";
                (Encryption::StartTls { parameters: parameters()?, required }, SUBMISSION_PORT)
            }
            ("smtps", _) => (Encryption::Implicit(parameters()?), SUBMISSIONS_PORT),
            ("smtp", Some(_)) => return Err(misconfigured("tls is neither required nor opportunistic")),
            _ => return Err(misconfigured("the URL is not smtp:// or smtps://")),
        };
        let hello = match url.path().trim_matches('/') {
            "" => ClientId::default(),
            name => ClientId::Domain(name.to_owned()),
        };
        let port = url.port().unwrap_or(default_port);
        let credentials = credentials(&url)?;
        Ok(Self { host, port, hello, encryption, credentials })
    }

    /// The server of an account.
    pub(super) fn of_account(account: &SmtpAccount) -> Result<Self, MailError> {
        let parameters = || tls_parameters(&account.host, None);
        let encryption = match account.security {
            SmtpSecurity::Tls => Encryption::Implicit(parameters()?),
            SmtpSecurity::StartTls => Encryption::StartTls { parameters: parameters()?, required: true },
            SmtpSecurity::None => Encryption::None,
        };
        let password = account.password.expose_secret().to_owned();
        Ok(Self {
            host: account.host.clone(),
            port: account.port,
            hello: ClientId::default(),
            encryption,
            credentials: Some(Credentials::new(account.user.clone(), password)),
        })
    }

    /// A connection with the encryption and the credentials of the server.
    pub(super) async fn connect(&self, timeout: Duration) -> Result<AsyncSmtpConnection, SmtpError> {
        self.open((self.host.as_str(), self.port), timeout).await
    }

    /// The same at the first of these addresses that answers: the name is not resolved.
    pub(super) async fn connect_to(
        &self,
        addresses: &[SocketAddr],
        timeout: Duration,
    ) -> Result<AsyncSmtpConnection, SmtpError> {
        self.open(addresses, timeout).await
    }

    async fn open(
        &self,
        address: impl ToSocketAddrs,
        timeout: Duration,
    ) -> Result<AsyncSmtpConnection, SmtpError> {
        let implicit = match &self.encryption {
            Encryption::Implicit(parameters) => Some(parameters.clone()),
            _ => None,
        };
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, Some(timeout), &self.hello, implicit, None).await?;
        if let Encryption::StartTls { parameters, required } = &self.encryption
            && (*required || connection.can_starttls())
        {
            connection.starttls(parameters.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

fn tls_parameters(host: &str, authorities: Option<&str>) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = authorities {
        let wrong = |_| misconfigured("the certificates of authorities are not PEM");
        builder = builder.add_root_certificate(Certificate::from_pem(pem.as_bytes()).map_err(wrong)?);
    }
    builder.build().map_err(|_| misconfigured("the host or the certificates do not fit TLS"))
}

fn credentials(url: &Url) -> Result<Option<Credentials>, MailError> {
    let Some(password) = url.password() else { return Ok(None) };
    let decoded = |text| {
        let text = percent_decode_str(text).decode_utf8();
        text.map(String::from).map_err(|_| misconfigured("user or password are not UTF-8"))
    };
    Ok(Some(Credentials::new(decoded(url.username())?, decoded(password)?)))
}

fn misconfigured(message: &str) -> MailError {
    MailError::Misconfigured { message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Server, MailError> {
        crate::http::install_crypto_provider();
        Server::parse(url, None)
    }

    #[test]
    fn parses_urls() {
        for (url, host, port, encrypted) in [
            ("smtp://mail.example", "mail.example", 25, false),
            ("smtp://mail.example:2525", "mail.example", 2525, false),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, false),
            ("smtp://[::1]:2525", "::1", 2525, false),
            ("smtp://mail.example?tls=required", "mail.example", 587, true),
            ("smtp://mail.example?tls=opportunistic", "mail.example", 587, true),
            ("smtps://mail.example", "mail.example", 465, true),
        ] {
            let server = parse(url).expect(url);
            assert_eq!((server.host.as_str(), server.port), (host, port), "{url}");
            assert_eq!(!matches!(server.encryption, Encryption::None), encrypted, "{url}");
            assert!(server.credentials.is_none(), "{url}");
        }
    }

    #[test]
    fn credentials_may_hold_any_character() {
        let server = parse("smtps://ada%40example.org:p%3Ass%2Fw%C3%B6rd+1@mail.example").expect("a server");

        let expected = Credentials::new("ada@example.org".to_owned(), "p:ss/wörd+1".to_owned());
        assert_eq!(server.credentials, Some(expected));
    }

    #[test]
    fn rejects_invalid_urls() {
        for url in ["", "mail.example:25", "http://mail.example", "smtp://mail.example?tls=maybe"] {
            assert!(matches!(parse(url), Err(MailError::Misconfigured { .. })), "{url}");
        }
        let wrong = Server::parse("smtps://mail.example", Some("-----BEGIN CERTIFICATE-----\n!\n"));
        assert!(matches!(wrong, Err(MailError::Misconfigured { .. })));
    }
}
