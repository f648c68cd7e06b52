//! Accounts at mail servers.

use atelier_providers::mail::smtp::{SmtpAccount, SmtpSecurity};
use url::Url;

use super::{Field, Form, Kind, Opened, Settings, Test};
use crate::{integrations::hosts::HostRule, text::both};

const HOST: Field = Field::setting("host", both("Mail server", "Serveur de courriel"), Form::Host).required();
const PORT: Field = Field::setting("port", both("Port", "Port"), Form::Port);
const SECURITY: Field =
    Field::setting("security", both("Encryption", "Chiffrement"), Form::Choice(&[TLS, STARTTLS, NONE]));
/// Who the mails are from.
pub(crate) const FROM: Field =
    Field::setting("from", both("Sender", "Expéditeur"), Form::Line(320)).required();
const USERNAME: Field =
    Field::setting("username", both("User name", "Nom d'utilisateur"), Form::Line(320)).required();
const PASSWORD: Field =
    Field::secret("password", both("Password", "Mot de passe"), Form::Line(8_192)).required();

const TLS: &str = "tls";
const STARTTLS: &str = "starttls";
const NONE: &str = "none";

/// The type.
pub const KIND: Kind = Kind {
    name: "smtp",
    label: both("Mail server (SMTP)", "Serveur de courriel (SMTP)"),
    documentation: both(
        "Nodes of the type send_mail write to anybody by this account, in the name of its sender.",
        "Les nœuds send_mail écrivent à n'importe qui par ce compte, au nom de son expéditeur.",
    ),
    fields: &[HOST, PORT, SECURITY, FROM, USERNAME, PASSWORD],
    default_hosts: |settings| server_url(settings).as_ref().and_then(HostRule::of_url).into_iter().collect(),
    attach: None,
    test: Test::Mail,
};

fn security_of(settings: &Settings) -> SmtpSecurity {
    match settings.get(SECURITY.name).map_or(TLS, String::as_str) {
        STARTTLS => SmtpSecurity::StartTls,
        NONE => SmtpSecurity::None,
        _ => SmtpSecurity::Tls,
    }
}

/// The port of the settings, or the one of the encryption (RFC 8314, RFC 6409, RFC 5321).
fn port_of(settings: &Settings) -> u16 {
    let usual = match security_of(settings) {
        SmtpSecurity::Tls => 465,
        SmtpSecurity::StartTls => 587,
        SmtpSecurity::None => 25,
    };
    settings.get(PORT.name).and_then(|port| port.parse().ok()).unwrap_or(usual)
}

/// Host and port of the server as those of a URL, which is what `allowed_hosts` names.
pub(crate) fn server_url(settings: &Settings) -> Option<Url> {
    let host = settings.get(HOST.name)?;
    Url::parse(&format!("https://{host}:{}/", port_of(settings))).ok()
}

/// The account of an opened integration.
pub(crate) fn account_of(opened: &Opened) -> SmtpAccount {
    SmtpAccount {
        host: opened.setting(HOST.name).to_owned(),
        port: port_of(&opened.settings),
        security: security_of(&opened.settings),
        user: opened.setting(USERNAME.name).to_owned(),
        password: opened.secret(PASSWORD.name).to_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_that_of_the_encryption_unless_it_is_given() {
        for (security, port, expected) in [
            (None, None, 465),
            (Some(TLS), None, 465),
            (Some(STARTTLS), None, 587),
            (Some(NONE), None, 25),
            (Some(STARTTLS), Some("2525"), 2525),
        ] {
            let all = [("host", Some("mail.example.com")), ("security", security), ("port", port)];
            let settings: Settings = all
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
                .collect();
            let url = server_url(&settings).expect("an address");
            assert_eq!(url.port_or_known_default(), Some(expected), "{security:?} {port:?}");
            let hosts = (KIND.default_hosts)(&settings);
            assert_eq!(hosts[0].to_string(), format!("mail.example.com:{expected}"));
        }
    }
}
