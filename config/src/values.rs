//! Checks of single texts. A check returns what is wrong. It never quotes a URL, which may
//! contain a password.

use std::net::SocketAddr;

use email_address::{EmailAddress, Options};
use tracing_subscriber::EnvFilter;
use url::Url;

use crate::network::Network;

/// The result of a check; an error says what is wrong.
pub(crate) type Checked = Result<(), String>;

/// A check of one text.
pub(crate) type Check = fn(&str) -> Checked;

/// An address with a port.
pub(crate) fn address(text: &str) -> Checked {
    let wrong = |_| format!("expected an address with a port such as 0.0.0.0:8001, found {text:?}");
    text.parse::<SocketAddr>().map(drop).map_err(wrong)
}

/// Any text but an empty one.
pub(crate) fn filled(text: &str) -> Checked {
    if text.trim().is_empty() { Err("must not be empty".to_owned()) } else { Ok(()) }
}

/// A log filter, checked by the parser that logging uses.
pub(crate) fn log_filter(text: &str) -> Checked {
    filled(text)?;
    let wrong = |error| {
        format!(
            "expected a filter such as info or info,sqlx=warn in the syntax of RUST_LOG, found {text:?}: {error}"
        )
    };
    EnvFilter::try_new(text).map(drop).map_err(wrong)
}

/// `http://` or `https://`, or empty.
pub(crate) fn web_url_or_empty(text: &str) -> Checked {
    if text.is_empty() { Ok(()) } else { web_url(text) }
}

/// `http://` or `https://`.
pub(crate) fn web_url(text: &str) -> Checked {
    with_host(text, &["http", "https"]).map(drop)
}

/// An address of sites: `{slug}.` and a host, without a path. Or `none`, or empty.
pub(crate) fn site_url_or_empty(text: &str) -> Checked {
    if matches!(text, "" | "none") {
        return Ok(());
    }
    let expected = "expected \"none\" or an address such as https://{slug}.sites.example.org".to_owned();
    let Some((scheme, host)) = text.split_once("://{slug}.") else { return Err(expected) };
    let sample = with_host(&format!("{scheme}://slug.{host}"), &["http", "https"])?;
    let has_name = sample.host_str().is_some_and(|name| name.len() > "slug.".len());
    let is_bare = sample.path() == "/" && sample.query().is_none() && sample.fragment().is_none();
    let has_login = !sample.username().is_empty() || sample.password().is_some();
    if has_name && is_bare && !has_login && !host.contains('{') { Ok(()) } else { Err(expected) }
}

/// A database URL, or empty.
pub(crate) fn database_url(text: &str) -> Checked {
    if text.is_empty() {
        return Ok(());
    }
    if text.starts_with("sqlite:") && text.len() > "sqlite:".len() {
        return sqlite_mode(text);
    }
    parse(text, &["sqlite", "postgres", "postgresql"]).map(drop)
}

/// The mode must allow writes.
fn sqlite_mode(text: &str) -> Checked {
    let parameters = text.split_once('?').map_or("", |(_, parameters)| parameters);
    let mut parameters = url::form_urlencoded::parse(parameters.as_bytes());
    match parameters.find(|(name, _)| name == "mode") {
        Some((_, mode)) => one_of(&mode, &["rwc", "rw", "memory"]).map_err(|fault| format!("mode: {fault}")),
        None => Ok(()),
    }
}

/// A Redis URL, or empty.
pub(crate) fn redis_url(text: &str) -> Checked {
    if text.is_empty() { Ok(()) } else { with_host(text, &["redis", "rediss"]).map(drop) }
}

/// A mail server's URL, or empty.
pub(crate) fn smtp_url(text: &str) -> Checked {
    if text.is_empty() { Ok(()) } else { with_host(text, &["smtp", "smtps"]).map(drop) }
}

/// A URL of a folder or a bucket, or empty.
pub(crate) fn storage_url(text: &str) -> Checked {
    if text.is_empty() {
        return Ok(());
    }
    let url = parse(text, &["file", "s3"])?;
    match url.scheme() {
        "file" if url.to_file_path().is_err() => {
            Err("expected a full path such as file:///srv/objects".to_owned())
        }
        "s3" if url.host_str().is_none_or(str::is_empty) => {
            Err("names no bucket: s3://bucket/prefix".to_owned())
        }
        _ => Ok(()),
    }
}

/// A signing secret, or empty.
pub(crate) fn signing_secret(text: &str) -> Checked {
    const LEAST: usize = 32;
    match text.len() {
        0 => Ok(()),
        length if length < LEAST => Err(format!("must have at least {LEAST} bytes, has {length}")),
        _ => Ok(()),
    }
}

/// A private key in PEM, or empty. Line breaks may be written as `\n`.
pub(crate) fn private_key(text: &str) -> Checked {
    let text = text.trim();
    let framed =
        text.starts_with("-----BEGIN PRIVATE KEY-----") && text.ends_with("-----END PRIVATE KEY-----");
    if text.is_empty() || framed {
        Ok(())
    } else {
        Err("expected the text of a .p8 file, from BEGIN to END PRIVATE KEY".to_owned())
    }
}

/// A prefix of Redis keys.
pub(crate) fn key_prefix(text: &str) -> Checked {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if !text.is_empty() && text.len() <= 64 && text.chars().all(fits) {
        Ok(())
    } else {
        Err(format!("expected 1 to 64 letters, digits or -_.: found {text:?}"))
    }
}

/// `name@host`, or empty.
pub(crate) fn mail_address_or_empty(text: &str) -> Checked {
    let text = text.trim();
    if text.is_empty() || is_mail_address(text) {
        Ok(())
    } else {
        Err(format!("expected an address alone such as ada@example.com, found {text:?}"))
    }
}

/// A short name of a further model server.
pub(crate) fn provider_name(text: &str) -> Checked {
    match text {
        "openai" => Err("is the name of the first model server: choose another".to_owned()),
        _ => server_name(text),
    }
}

/// A short name of a model server.
pub(crate) fn server_name(text: &str) -> Checked {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if (1..=32).contains(&text.len()) && text.chars().all(fits) {
        return Ok(());
    }
    Err(format!("expected 1 to 32 lower case letters, digits or -_. found {text:?}"))
}

/// `name@host` or `Name <name@host>`, or empty.
pub(crate) fn mailbox_or_empty(text: &str) -> Checked {
    if text.is_empty() { Ok(()) } else { mailbox(text) }
}

/// `name@host` or `Name <name@host>`.
pub(crate) fn mailbox(text: &str) -> Checked {
    let address = match text.trim().strip_suffix('>') {
        Some(named) => named.rsplit_once('<').map_or("", |(_, address)| address),
        None => text.trim(),
    };
    if is_mail_address(address) {
        Ok(())
    } else {
        Err(format!("expected a sender such as Atelier <no-reply@example.com>, found {text:?}"))
    }
}

fn is_mail_address(text: &str) -> bool {
    EmailAddress::parse_with_options(text, Options::default().without_display_text()).is_ok()
}

/// One of `names`.
pub(crate) fn one_of(text: &str, names: &[&str]) -> Checked {
    if names.contains(&text) {
        Ok(())
    } else {
        Err(format!("expected one of {}, found {text:?}", names.join(", ")))
    }
}

/// A network in CIDR notation.
pub(crate) fn network(text: &str) -> Checked {
    text.parse::<Network>().map(drop).map_err(|error| error.to_string())
}

/// `*` or an origin: scheme and host without a path.
pub(crate) fn origin(text: &str) -> Checked {
    let bare = || {
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        (url.origin().ascii_serialization() == text).then_some(())
    };
    if text == "*" || bare().is_some() {
        Ok(())
    } else {
        Err(format!("expected \"*\" or an origin such as https://app.example.com, found {text:?}"))
    }
}

fn with_host(text: &str, schemes: &[&str]) -> Result<Url, String> {
    let url = parse(text, schemes)?;
    if url.host_str().is_none_or(str::is_empty) { Err("names no host".to_owned()) } else { Ok(url) }
}

fn parse(text: &str, schemes: &[&str]) -> Result<Url, String> {
    let expected = || {
        let names: Vec<String> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
        format!("expected a URL with {}", names.join(" or "))
    };
    let Some((scheme, _)) = text.split_once("://") else {
        return Err(format!("{}, found a text without ://", expected()));
    };
    if !schemes.contains(&scheme) {
        return Err(format!("{}, found another scheme", expected()));
    }
    Url::parse(text).map_err(|error| format!("is not a valid URL: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(check: Check, right: &[&str], wrong: &[&str]) {
        for text in right {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in wrong {
            assert!(check(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn urls_have_a_scheme_that_the_setting_supports() {
        hold(
            database_url,
            &[
                "",
                "sqlite::memory:",
                "sqlite://./a.db?mode=rwc",
                "sqlite:a",
                "postgres://u:p@h/db",
                "postgresql:///db?host=/run",
            ],
            &[
                "mysql://h/db",
                "h/db",
                "sqlite:",
                "sqlite://a?mode=ro",
                "sqlite:a?cache=x&mode=w",
                "postgres://u:pa/ss@h/db",
            ],
        );
        hold(redis_url, &["", "redis://h", "rediss://:p@h:6379/1"], &["http://h", "h:6379", "redis://"]);
        hold(smtp_url, &["", "smtp://h:25", "smtps://u:p@h"], &["h:25", "mail://h"]);
        hold(storage_url, &["", "file:///srv", "s3://bucket/p"], &["/srv", "s3:///p", "gs://b"]);
        hold(web_url, &["http://h:4318", "https://h/v1"], &["", "h", "ftp://h"]);
        hold(
            site_url_or_empty,
            &["", "none", "https://{slug}.sites.example.org", "http://{slug}.localhost:8001/"],
            &[
                "https://sites.example.org",
                "https://{slug}",
                "https://a-{slug}.example.org",
                "https://{slug}.example.org/path",
                "https://{slug}.{slug}.example.org",
                "https://u:p@{slug}.example.org",
                "ftp://{slug}.example.org",
                "off",
            ],
        );
    }

    #[test]
    fn other_texts_are_checked() {
        hold(
            address,
            &["127.0.0.1:0", "[::]:80"],
            &["8001", "localhost:8001", "127.0.0.1", "127.0.0.1:70000"],
        );
        hold(
            origin,
            &["*", "https://a.example", "http://localhost:3000"],
            &["a.example", "https://a.example/", ""],
        );
        hold(
            mailbox,
            &["a@b", "Atelier <no-reply@localhost>"],
            &["", "a", "@b", "A <a>", "A a@b", "a@b>", "A <a@b>\nBcc: c@d", "A <a,b@c>", "A <a@-b>"],
        );
        hold(mail_address_or_empty, &["", "a@b", " a@b "], &["a", "Ada <a@b>", "<a@b>", "a@b c@d"]);
        hold(key_prefix, &["atelier", "a:b"], &["", "a b", "{a}"]);
        hold(provider_name, &["fallback", "openrouter.ai"], &["", "openai", "Big One"]);
        hold(signing_secret, &["", "0123456789abcdef0123456789abcdef"], &["short"]);
        hold(
            private_key,
            &["", "-----BEGIN PRIVATE KEY-----\\nAA==\\n-----END PRIVATE KEY-----\n"],
            &[
                "AA==",
                "-----BEGIN PRIVATE KEY-----",
                "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----",
            ],
        );
        hold(
            log_filter,
            &["info", "info,sqlx=warn", "off", "atelier_queue[job{queue=email}]=debug"],
            &["", " ", "a=b=c", "info,="],
        );
        hold(network, &["10.0.0.0/8"], &["10.0.0.0/99"]);
    }

    #[test]
    fn an_invalid_url_is_not_quoted() {
        let wrong = [
            database_url("mysql://u:hunter2@h"),
            redis_url("hunter2://h"),
            smtp_url("u:hunter2@h"),
            database_url("postgres://u:hunter2/x@h/db"),
        ];
        for message in wrong.map(|checked| checked.expect_err("wrong")) {
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
