//! The address of the client behind trusted proxies.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use atelier_config::Network;
use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderName},
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client behind the proxies that the settings trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl ClientAddress {
    /// The key that limits count by: the address, or for IPv6 its /64 network, which one
    /// customer gets.
    pub(crate) fn limit_key(self) -> String {
        match self.0.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }
}

/// The client's address of this request.
pub(crate) fn client_address(request: &Request, trusted: &[Network]) -> ClientAddress {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip());
    ClientAddress(resolve(peer, request.headers(), trusted))
}

/// Walks `X-Forwarded-For` from its end, which the nearest proxy wrote, to the first
/// address that is no trusted proxy, or to the first hop that cannot be parsed. The header
/// of an untrusted peer is ignored.
fn resolve(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    let values: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
    let hops = values.iter().rev().flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    for hop in hops {
        if !is_trusted(client) {
            break;
        }
        match parse(hop) {
            Some(address) => client = address,
            None => break,
        }
    }
    client
}

/// Parses an address as proxies write it: bare, with a port, or in brackets.
fn parse(hop: &[u8]) -> Option<IpAddr> {
    let hop = str::from_utf8(hop).ok()?.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse::<IpAddr>().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|hop| hop.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted: Vec<Network> =
            ["10.0.0.0/8", "::1"].iter().map(|text| text.parse().expect("a network")).collect();
        for (peer, forwarded, client) in [
            // No proxy, or an untrusted one.
            ("203.0.113.9", None, "203.0.113.9"),
            ("203.0.113.9", Some("198.51.100.1"), "203.0.113.9"),
            // One proxy, and two.
            ("10.0.0.1", Some("198.51.100.1"), "198.51.100.1"),
            ("10.0.0.1", Some("198.51.100.1, 10.0.0.2"), "198.51.100.1"),
            // The client's own entries come before those of the proxy.
            ("10.0.0.1", Some("1.1.1.1, 198.51.100.1"), "198.51.100.1"),
            ("10.0.0.1", Some("10.9.9.9, 198.51.100.1, 10.0.0.2"), "198.51.100.1"),
            // Only trusted proxies, and an invalid entry.
            ("10.0.0.1", Some("10.0.0.3, 10.0.0.2"), "10.0.0.3"),
            ("10.0.0.1", Some("unknown"), "10.0.0.1"),
            ("10.0.0.1", Some("198.51.100.1, unknown"), "10.0.0.1"),
            // Other notations.
            ("::1", Some("198.51.100.1:4711"), "198.51.100.1"),
            ("::1", Some("[2001:db8::7]:443"), "2001:db8::7"),
            ("::ffff:10.0.0.1", Some("198.51.100.1"), "198.51.100.1"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(forwarded) = forwarded {
                headers.insert(FORWARDED_FOR, HeaderValue::from_static(forwarded));
            }
            let resolved = resolve(peer.parse().expect("an address"), &headers, &trusted);
            assert_eq!(resolved.to_string(), client, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn a_hop_that_cannot_be_read_ends_the_walk() {
        let trusted = ["10.0.0.0/8".parse().expect("a network")];
        for (headers, client) in [
            (&[&b"198.51.100.1, \xff"[..]][..], "10.0.0.1"),
            (&[b"198.51.100.1, \xff\xfe, 10.0.0.2"], "10.0.0.2"),
            (&[b"\xff, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            (&[b"1.1.1.1", b"\xc3\xa9", b"10.0.0.2"], "10.0.0.2"),
            (&[b"1.1.1.1", b"\xff, 198.51.100.1"], "198.51.100.1"),
            (&[b"1.1.1.1", b""], "10.0.0.1"),
            (&[b"1.1.1.1,"], "10.0.0.1"),
        ] {
            let mut map = HeaderMap::new();
            for value in headers {
                map.append(FORWARDED_FOR, HeaderValue::from_bytes(value).expect("a value"));
            }
            let resolved = resolve("10.0.0.1".parse().expect("an address"), &map, &trusted);
            assert_eq!(resolved.to_string(), client, "{headers:?}");
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        let trusted = ["10.0.0.0/8".parse().expect("a network")];
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_static("198.51.100.1"));
        headers.append(FORWARDED_FOR, HeaderValue::from_static("10.0.0.2"));

        let client = resolve("10.0.0.1".parse().expect("an address"), &headers, &trusted);

        assert_eq!(client.to_string(), "198.51.100.1");
    }

    #[test]
    fn limits_count_an_ipv6_network_as_one() {
        let key = |text: &str| ClientAddress(text.parse().expect("an address")).limit_key();

        assert_eq!(key("2001:db8:1:2:3::4"), key("2001:db8:1:2:ffff::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
