//! The addresses of published sites: hosts of their own, or folders of this instance.

/// Where the slug stands in the pattern of an address.
const SLUG: &str = "{slug}";

/// Longest label of a host (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;

/// The hosts of sites, such as `https://{slug}.sites.example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteHosts {
    /// The pattern of the addresses, without a slash at its end.
    pattern: String,
    /// What follows the slug in a host, with its dot and without a port.
    suffix: String,
    /// The origin of this instance.
    public_origin: String,
}

/// What a host is to this instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKind<'h> {
    /// The instance itself, or a host that it does not know.
    Instance,
    /// The host of the site with this slug, which may not exist.
    Site(&'h str),
    /// A host below that of the sites that no site can have.
    NoSite,
}

impl SiteHosts {
    /// The hosts of a pattern; none for an empty one. `public_url` is the URL of this
    /// instance, whose own host is never that of a site.
    #[must_use]
    pub fn new(pattern: &str, public_url: &str) -> Option<Self> {
        let pattern = pattern.trim_end_matches('/');
        let (_, rest) = pattern.split_once(SLUG)?;
        let suffix = rest.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let public_origin = origin_of(public_url).to_owned();
        suffix.starts_with('.').then(|| Self { pattern: pattern.to_owned(), suffix, public_origin })
    }

    /// The address of a site, with a slash at its end.
    #[must_use]
    pub fn url_of(&self, slug: &str) -> String {
        format!("{}/", self.pattern.replace(SLUG, slug))
    }

    /// The origin of this instance, which may show sites in its frames.
    #[must_use]
    pub fn public_origin(&self) -> &str {
        &self.public_origin
    }

    /// What a `Host` header means. The port does not count, nor does a dot at the end of the
    /// name. `lower` is the header in lower case.
    #[must_use]
    pub fn kind_of<'h>(&self, lower: &'h str) -> HostKind<'h> {
        let host = name_of(lower);
        if host == name_of(authority(&self.public_origin)) {
            return HostKind::Instance;
        }
        match host.strip_suffix(self.suffix.as_str()) {
            Some(slug) if is_slug(slug) => HostKind::Site(slug),
            Some(_) => HostKind::NoSite,
            None => HostKind::Instance,
        }
    }
}

/// Whether the text can be the slug of a site with a host.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LABEL).contains(&text.len())
        && text.bytes().all(fits)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The scheme, host and port of a URL.
fn origin_of(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let length = url[start..].find('/').unwrap_or(url.len() - start);
    &url[..start + length]
}

/// The host and port of an origin.
fn authority(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, authority)| authority)
}

/// The name without the port and without the dot of the root.
fn name_of(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

/// The addresses of published sites.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    public_url: String,
    hosts: Option<SiteHosts>,
}

impl Addresses {
    pub(super) fn new(public_url: &str, preview_url: &str) -> Self {
        let public_url = public_url.trim_end_matches('/').to_owned();
        let hosts = SiteHosts::new(preview_url, &public_url);
        Self { public_url, hosts }
    }

    pub(super) fn of(&self, slug: &str) -> String {
        match &self.hosts {
            Some(hosts) => hosts.url_of(slug),
            None => format!("{}/preview/{slug}/", self.public_url),
        }
    }

    pub(super) const fn hosts(&self) -> Option<&SiteHosts> {
        self.hosts.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> SiteHosts {
        SiteHosts::new("https://{slug}.sites.example.org:8443/", "https://app.sites.example.org/")
            .expect("hosts")
    }

    #[test]
    fn sites_have_addresses_of_their_own() {
        assert_eq!(hosts().url_of("list-1"), "https://list-1.sites.example.org:8443/");
        assert_eq!(Addresses::new("http://a/", "").of("list-1"), "http://a/preview/list-1/");
        let local = Addresses::new("http://127.0.0.1:8001", "http://{slug}.localhost:8001");
        assert_eq!(local.of("list-1"), "http://list-1.localhost:8001/");
        assert!(SiteHosts::new("https://sites.example.org", "").is_none());
    }

    #[test]
    fn a_host_is_that_of_a_site_only_where_it_has_one_label_more() {
        for (host, kind) in [
            ("list-1.sites.example.org", HostKind::Site("list-1")),
            ("list-1.sites.example.org:8443", HostKind::Site("list-1")),
            ("list-1.sites.example.org.:8443", HostKind::Site("list-1")),
            ("list-1.sites.example.org.", HostKind::Site("list-1")),
            ("a.b.sites.example.org", HostKind::NoSite),
            (".sites.example.org", HostKind::NoSite),
            ("-a.sites.example.org", HostKind::NoSite),
            ("a_b.sites.example.org", HostKind::NoSite),
            ("list-1.sites.example.org..", HostKind::Instance),
            ("sites.example.org", HostKind::Instance),
            ("app.sites.example.org:443", HostKind::Instance),
            ("evilsites.example.org", HostKind::Instance),
            ("list-1.sites.example.org.evil.example", HostKind::Instance),
            ("127.0.0.1:8001", HostKind::Instance),
            ("[::1]:8001", HostKind::Instance),
            ("", HostKind::Instance),
        ] {
            assert_eq!(hosts().kind_of(host), kind, "{host}");
        }
        let long = format!("{}.sites.example.org", "a".repeat(64));
        assert_eq!(hosts().kind_of(&long), HostKind::NoSite);
    }
}
