//! One request of a chain of redirects.

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use url::Url;

use super::{error::HttpError, exchange::OutboundRequest, reserved::is_reserved_header};

/// One request.
#[derive(Clone)]
pub(super) struct Hop {
    pub(super) method: reqwest::Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Hop {
    /// The first request of a chain.
    pub(super) fn new(request: OutboundRequest) -> Result<Self, HttpError> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| HttpError::Malformed("unknown method".into()))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let name = HeaderName::try_from(name.as_str())
                .map_err(|_| HttpError::Malformed("a header's name is not valid".into()))?;
            if is_reserved_header(name.as_str()) {
                return Err(HttpError::Malformed(format!("the header {name} cannot be set")));
            }
            let value = HeaderValue::try_from(value.as_str())
                .map_err(|_| HttpError::Malformed(format!("the value of {name} is not valid")))?;
            headers.append(name, value);
        }
        Ok(Self { method, url: parse_url(&request.url)?, headers, body: request.body })
    }

    /// Where the response redirects to, if it does.
    pub(super) fn redirect_target(&self, status: u16, headers: &HeaderMap) -> Option<Result<Url, HttpError>> {
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let location = headers.get(LOCATION)?.to_str().ok()?;
        let target =
            self.url.join(location).map_err(|_| HttpError::Malformed("the redirect has no valid URL".into()));
        Some(target.and_then(|target| match (self.url.scheme(), target.scheme()) {
            ("https", "http") => Err(HttpError::InsecureRedirect),
            _ => parse_url(target.as_str()),
        }))
    }

    /// The next request of the chain. Another origin gets no headers of the caller.
    pub(super) fn redirected(mut self, status: u16, target: Url) -> Self {
        let becomes_get =
            status == 303 || (matches!(status, 301 | 302) && self.method == reqwest::Method::POST);
        if becomes_get && self.method != reqwest::Method::HEAD {
            self.method = reqwest::Method::GET;
            self.body = Bytes::new();
            self.headers.remove(CONTENT_TYPE);
        }
        if target.origin() != self.url.origin() {
            let content_type = self.headers.remove(CONTENT_TYPE);
            self.headers.clear();
            self.headers.extend(content_type.map(|value| (CONTENT_TYPE, value)));
        }
        self.url = target;
        self
    }
}

/// An absolute http or https URL.
pub(super) fn parse_url(text: &str) -> Result<Url, HttpError> {
    let url = Url::parse(text).map_err(|error| HttpError::Malformed(format!("not a URL: {error}")))?;
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(_)) => Ok(url),
        _ => Err(HttpError::Malformed("only http and https URLs are allowed".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(url: &str) -> Hop {
        let mut request = OutboundRequest::post_json(url, &serde_json::json!({"a": 1}));
        request.headers.push(("authorization".into(), "Bearer secret".into()));
        request.headers.push(("cookie".into(), "session=secret".into()));
        Hop::new(request).expect("a request")
    }

    fn target(from: &str, location: &str) -> Option<Result<Url, HttpError>> {
        let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_str(location).expect("a header"))]);
        hop(from).redirect_target(302, &headers)
    }

    #[test]
    fn a_redirect_never_leaves_https() {
        let refused = Some(Err(HttpError::InsecureRedirect));
        assert_eq!(target("https://example.com/", "http://example.com/"), refused);
        assert!(matches!(target("https://example.com/", "//example.org/"), Some(Ok(_))));
        assert!(matches!(target("http://example.com/", "https://example.com/"), Some(Ok(_))));
    }

    #[test]
    fn a_redirect_leads_to_http_only() {
        for location in ["file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)", "http://"] {
            let found = target("https://example.com/", location);
            assert!(matches!(found, Some(Err(_))), "{location}: {found:?}");
        }
    }

    #[test]
    fn another_scheme_port_or_host_gets_no_headers_of_the_caller() {
        for (to, kept) in [
            ("https://example.com/other", true),
            ("https://example.com:8443/", false),
            ("https://www.example.com/", false),
            ("https://example.org/", false),
        ] {
            let next = hop("https://example.com/").redirected(307, parse_url(to).expect("a URL"));
            assert_eq!(next.headers.contains_key("authorization"), kept, "{to}");
            assert_eq!(next.headers.contains_key("cookie"), kept, "{to}");
            assert!(next.headers.contains_key(CONTENT_TYPE), "{to}");
        }
    }

    #[test]
    fn reserved_headers_cannot_be_set() {
        for name in [
            "Host",
            "Connection",
            "Transfer-Encoding",
            "Content-Length",
            "Proxy-Authorization",
            "Metadata",
            "Metadata-Flavor",
            "X-Forwarded-For",
            "X-aws-ec2-metadata-token",
            "X-AWS-EC2-Metadata-Token-TTL-Seconds",
        ] {
            let mut request = OutboundRequest::get("https://example.com/");
            request.headers.push((name.into(), "1".into()));
            assert!(matches!(Hop::new(request), Err(HttpError::Malformed(_))), "{name}");
        }
    }

    #[test]
    fn headers_with_line_breaks_are_refused() {
        for (name, value) in [("x-a", "1\r\nHost: inside"), ("x-a", "1\n"), ("x-a\r\nx-b", "1")] {
            let mut request = OutboundRequest::get("https://example.com/");
            request.headers.push((name.into(), value.into()));
            let error = Hop::new(request).err().expect("refused");
            assert!(!error.to_string().contains("inside"), "{error}");
        }
    }
}
