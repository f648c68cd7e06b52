//! Which URLs and addresses a request may reach.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::{Host, Url};

use super::{
    address::{carried_v4, is_public},
    error::HttpError,
};

/// Below this port only those of HTTP are open.
const FIRST_FREE_PORT: u16 = 1024;
/// Ports above [`FIRST_FREE_PORT`] where databases, brokers, container engines and the like
/// listen. Some of them take commands out of the body of a request.
const SERVICE_PORTS: [u16; 32] = [
    1433, 1521, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 4369, 5432, 5433, 5671, 5672, 5900, 5984,
    6000, 6379, 6380, 6443, 7001, 9042, 9092, 9200, 9300, 10250, 10255, 11211, 27017, 27018, 27019,
];
/// Last labels of names that have a meaning only inside a machine or a network.
const INTERNAL_SUFFIXES: [&str; 4] = ["localhost", "localdomain", "local", "internal"];

/// What the operator opened besides public addresses.
#[derive(Debug, Clone, Default)]
pub(super) struct Policy {
    networks: Vec<IpNet>,
}

impl Policy {
    /// Opens these networks besides public addresses.
    pub(super) fn new(networks: Vec<IpNet>) -> Self {
        Self { networks }
    }

    /// Whether a connection to `ip` is allowed.
    pub(super) fn permits(&self, ip: IpAddr) -> bool {
        is_public(ip) || self.is_opened(ip)
    }

    /// Whether connections to all addresses of `name` are allowed. An internal name must
    /// lead into a network that the operator opened.
    pub(super) fn permits_all(&self, name: &str, addresses: &[SocketAddr]) -> bool {
        let internal = is_internal(name);
        let permitted = |ip| self.is_opened(ip) || (!internal && is_public(ip));
        addresses.iter().all(|address| permitted(address.ip()))
    }

    /// Checks all of a URL that can be checked before its name is resolved.
    pub(super) fn check(&self, url: &Url) -> Result<(), HttpError> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HttpError::Malformed("a URL must not contain a user name or a password".into()));
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if !is_open_port(port) {
            return Err(HttpError::RefusedPort { port });
        }
        let permitted = match url.host() {
            Some(Host::Ipv4(ip)) => self.permits(ip.into()),
            Some(Host::Ipv6(ip)) => self.permits(ip.into()),
            Some(Host::Domain(name)) => !is_internal(name) || !self.networks.is_empty(),
            None => false,
        };
        if permitted { Ok(()) } else { Err(HttpError::refused(url)) }
    }

    fn is_opened(&self, ip: IpAddr) -> bool {
        let carried = match ip {
            IpAddr::V6(ip) => carried_v4(ip).map(IpAddr::V4),
            IpAddr::V4(_) => None,
        };
        self.networks
            .iter()
            .any(|network| network.contains(&ip) || carried.is_some_and(|carried| network.contains(&carried)))
    }
}

fn is_open_port(port: u16) -> bool {
    matches!(port, 80 | 443) || (port >= FIRST_FREE_PORT && !SERVICE_PORTS.contains(&port))
}

/// Whether mail servers listen on the port: those of RFC 5321, 6409 and 8314, and free ones.
pub(super) fn is_mail_port(port: u16) -> bool {
    matches!(port, 25 | 465 | 587) || (is_open_port(port) && port >= FIRST_FREE_PORT)
}

fn is_internal(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let last = name.rsplit('.').next().unwrap_or_default();
    INTERNAL_SUFFIXES.iter().any(|suffix| suffix.eq_ignore_ascii_case(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &Policy, url: &str) -> Result<(), HttpError> {
        policy.check(&Url::parse(url).expect(url))
    }

    fn opened(networks: &[&str]) -> Policy {
        Policy::new(networks.iter().map(|network| network.parse().expect("a network")).collect())
    }

    #[test]
    fn refuses_literal_addresses_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "017700000001",
            "%31%32%37.0.0.1",
            "①②⑦.⓪.⓪.①",
            "１２７.０.０.１",
            "0",
            "10.0.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "169.254.169.254",
            "0xa9fea9fe",
            "172.16.0.1",
            "192.168.0.1",
            "198.51.100.7",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::127.0.0.1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a00:1]",
            "[64:ff9b::10.0.0.1]",
            "[64:ff9b:1::1]",
            "[2002:a00:1::]",
            "[2001::1]",
            "[2001:db8::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
        ] {
            let answer = check(&Policy::default(), &format!("http://{host}/"));
            assert!(matches!(answer, Err(HttpError::Refused { .. })), "{host}: {answer:?}");
        }
    }

    #[test]
    fn refuses_names_that_are_internal() {
        for name in [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "localhost.localdomain",
            "printer.local",
            "metadata.google.internal",
            "metadata.google.internal.",
        ] {
            let answer = check(&Policy::default(), &format!("https://{name}/"));
            assert!(matches!(answer, Err(HttpError::Refused { .. })), "{name}: {answer:?}");
        }
        for name in ["example.com", "internal.example.com", "notlocalhost", "local.example"] {
            assert_eq!(check(&Policy::default(), &format!("https://{name}/")), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_zone_in_an_address_is_no_url() {
        assert!(Url::parse("http://[fe80::1%25eth0]/").is_err());
        assert!(Url::parse("http://[fe80::1%eth0]/").is_err());
    }

    #[test]
    fn refuses_user_names_and_passwords() {
        for url in ["http://user@example.com/", "http://:pass@example.com/", "https://example.com@1.1.1.1/"] {
            let answer = check(&Policy::default(), url);
            assert!(matches!(answer, Err(HttpError::Malformed(_))), "{url}: {answer:?}");
        }
    }

    #[test]
    fn opens_the_ports_where_http_is_expected() {
        for (port, open) in [
            (80, true),
            (443, true),
            (1024, true),
            (3000, true),
            (8080, true),
            (8443, true),
            (65535, true),
            (22, false),
            (25, false),
            (53, false),
            (1023, false),
            (2375, false),
            (3306, false),
            (5432, false),
            (6379, false),
            (9200, false),
            (11211, false),
            (27017, false),
        ] {
            let answer = check(&Policy::default(), &format!("http://example.com:{port}/"));
            let expected = if open { Ok(()) } else { Err(HttpError::RefusedPort { port }) };
            assert_eq!(answer, expected);
        }
    }

    #[test]
    fn an_opened_network_opens_no_other() {
        let policy = opened(&["10.1.0.0/16", "fd00:1::/32"]);
        for url in ["http://10.1.2.3/", "http://[::ffff:10.1.2.3]/", "http://[fd00:1::5]/"] {
            assert_eq!(check(&policy, url), Ok(()), "{url}");
        }
        for url in ["http://10.2.0.1/", "http://127.0.0.1/", "http://169.254.169.254/", "http://[fd00:2::1]/"]
        {
            assert!(check(&policy, url).is_err(), "{url}");
        }
        assert!(check(&policy, "http://10.1.2.3:6379/").is_err(), "ports stay closed");
    }

    #[test]
    fn a_name_is_refused_for_one_forbidden_address() {
        let at = |addresses: &[&str]| -> Vec<SocketAddr> {
            addresses.iter().map(|ip| SocketAddr::new(ip.parse().expect("an address"), 443)).collect()
        };
        let closed = Policy::default();
        assert!(closed.permits_all("example.com", &at(&["1.1.1.1", "2606:4700::1"])));
        assert!(!closed.permits_all("example.com", &at(&["1.1.1.1", "10.0.0.1"])));
        assert!(!closed.permits_all("example.com", &at(&["1.1.1.1", "::ffff:127.0.0.1"])));
        let open = opened(&["10.0.0.0/8"]);
        assert!(open.permits_all("example.com", &at(&["1.1.1.1", "10.0.0.1"])));
        assert!(open.permits_all("crm.internal", &at(&["10.0.0.1"])));
        assert!(!open.permits_all("crm.internal", &at(&["1.1.1.1"])), "an internal name leads inside");
        assert!(!open.permits_all("metadata.google.internal", &at(&["169.254.169.254"])));
    }
}
