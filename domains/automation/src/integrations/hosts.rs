//! Where the credentials of an integration may be sent.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// Most rules of an integration.
pub const MAX_HOSTS: usize = 20;

/// A host with its port, or all hosts under a domain: `api.example.com`, `api.example.com:8443`,
/// `*.example.com`. They stand for https; `http://` in front allows the unencrypted protocol. Where
/// there is no port, only that of the protocol is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostRule {
    is_plain: bool,
    has_subdomains: bool,
    host: String,
    port: u16,
}

impl HostRule {
    /// Reads a rule. Hosts are written as browsers write them.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        const SHAPE: &str = "must be a host such as api.example.com, *.example.com or api.example.com:8443";
        let text = text.trim();
        let (is_plain, rest) = match text.strip_prefix("http://") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("https://").unwrap_or(text)),
        };
        let (has_subdomains, name) = match rest.strip_prefix("*.") {
            Some(domain) => (true, domain),
            None => (false, rest),
        };
        if name.is_empty() || name.contains(['/', '?', '#', '@', '*', '\\']) {
            return Err(SHAPE.to_owned());
        }
        let scheme = if is_plain { "http" } else { "https" };
        let url = Url::parse(&format!("{scheme}://{name}/")).map_err(|_| SHAPE.to_owned())?;
        let rule = Self { has_subdomains, ..Self::of_url(&url).ok_or(SHAPE)? };
        let is_domain = matches!(url.host(), Some(Host::Domain(domain)) if domain.contains('.'));
        if has_subdomains && !is_domain {
            return Err("*. must be in front of a domain with a dot, such as *.example.com".to_owned());
        }
        Ok(rule)
    }

    /// The rule for the host of a URL, which is http or https.
    #[must_use]
    pub fn of_url(url: &Url) -> Option<Self> {
        let is_plain = match url.scheme() {
            "https" => false,
            "http" => true,
            _ => return None,
        };
        let host = url.host_str()?.to_owned();
        Some(Self { is_plain, has_subdomains: false, host, port: url.port_or_known_default()? })
    }

    /// Whether a request to the URL may carry the credentials.
    #[must_use]
    pub fn allows(&self, url: &Url) -> bool {
        let Some(wanted) = Self::of_url(url) else { return false };
        let is_host = if self.has_subdomains {
            wanted.host.strip_suffix(&self.host).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        } else {
            wanted.host == self.host
        };
        is_host && wanted.is_plain == self.is_plain && wanted.port == self.port
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_plain { "http://" } else { "" };
        let subdomains = if self.has_subdomains { "*." } else { "" };
        write!(f, "{scheme}{subdomains}{}", self.host)?;
        let default = if self.is_plain { 80 } else { 443 };
        if self.port == default { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl TryFrom<String> for HostRule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<HostRule> for String {
    fn from(rule: HostRule) -> Self {
        rule.to_string()
    }
}

/// Whether one of the rules allows the URL.
#[must_use]
pub fn allow(rules: &[HostRule], url: &Url) -> bool {
    rules.iter().any(|rule| rule.allows(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(rule: &str, url: &str) -> bool {
        HostRule::parse(rule).expect(rule).allows(&Url::parse(url).expect(url))
    }

    #[test]
    fn a_rule_allows_its_host_on_its_port_alone() {
        for (rule, url, expected) in [
            ("api.example.com", "https://api.example.com/orders", true),
            ("API.Example.com", "https://api.example.com", true),
            ("api.example.com", "https://api.example.com:443/", true),
            ("api.example.com", "https://api.example.com:8443/", false),
            ("api.example.com:8443", "https://api.example.com:8443/", true),
            ("api.example.com", "http://api.example.com/", false),
            ("http://api.example.com", "http://api.example.com/", true),
            ("http://api.example.com", "https://api.example.com/", false),
            ("api.example.com", "https://evil.example/?api.example.com", false),
            ("api.example.com", "https://api.example.com.evil.example/", false),
            ("api.example.com", "https://api.example.com@evil.example/", false),
            ("api.example.com", "https://api.example.com./", false),
            ("*.example.com", "https://api.example.com/", true),
            ("*.example.com", "https://a.b.example.com/", true),
            ("*.example.com", "https://example.com/", false),
            ("*.example.com", "https://evilexample.com/", false),
            ("http://127.0.0.1:8080", "http://0x7f.1:8080/", true),
            ("[::1]:8443", "https://[::1]:8443/", true),
        ] {
            assert_eq!(allows(rule, url), expected, "{rule} {url}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for rule in
            ["", "*", "*.com", "*.127.0.0.1", "a.example/path", "user@a.example", "a.*.example", "a b"]
        {
            assert!(HostRule::parse(rule).is_err(), "{rule}");
        }
    }

    #[test]
    fn a_rule_is_written_as_it_is_read() {
        for rule in ["api.example.com", "*.example.com:8443", "http://10.0.0.1:8080", "[::1]:8443"] {
            assert_eq!(HostRule::parse(rule).map(String::from), Ok(rule.to_owned()));
        }
        assert_eq!(
            HostRule::parse("https://API.example.com:443").map(String::from),
            Ok("api.example.com".into())
        );
    }
}
