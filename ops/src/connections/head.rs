//! Checks of a request's head beyond those of the HTTP parser.

use axum::http::{HeaderMap, Request, StatusCode, Uri, Version, header};

/// Largest head of a request in bytes: the request line and the headers.
const MAX_HEAD: usize = 16 * 1_024;
/// Above this size the parser itself answers 431 without a body. A head between both
/// limits gets an error response with a body.
pub(super) const MAX_PARSED: usize = 24 * 1_024;
/// Longest target of a request in bytes. RFC 9112, section 3, asks for 8000 at least.
const MAX_TARGET: usize = 8 * 1_024;

/// The head is invalid: the request is answered with this status. It is an extension of
/// the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadFault(pub StatusCode);

/// The fault of a head that the parser accepted; none where it is valid.
pub(super) fn fault<B>(request: &Request<B>) -> Option<HeadFault> {
    let target = length_of(request.uri());
    if target > MAX_TARGET {
        return Some(HeadFault(StatusCode::URI_TOO_LONG));
    }
    let line = request.method().as_str().len() + target + "  HTTP/1.1\r\n".len();
    let headers = request.headers();
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    if line + fields.sum::<usize>() > MAX_HEAD {
        return Some(HeadFault(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
    }
    let has_host = has_valid_host(headers, request.version());
    (!has_host).then_some(HeadFault(StatusCode::BAD_REQUEST))
}

fn length_of(uri: &Uri) -> usize {
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    authority + uri.path_and_query().map_or(0, |target| target.as_str().len())
}

/// Whether there is exactly one `Host` header with a valid value. HTTP/1.0 may omit it
/// (RFC 9112, section 3.2).
fn has_valid_host(headers: &HeaderMap, version: Version) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version < Version::HTTP_11,
        (Some(host), None) => host.as_bytes().iter().all(|byte| is_host_byte(*byte)),
        (Some(_), Some(_)) => false,
    }
}

/// Whether a host with port may contain the character (RFC 3986, section 3.2.2).
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=[]:".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, hosts: &[&str], version: Version) -> Request<()> {
        let mut request = Request::builder().uri(target).version(version);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        request.body(()).expect("a request")
    }

    #[test]
    fn there_is_exactly_one_valid_host() {
        let (http_1_0, http_1_1) = (Version::HTTP_10, Version::HTTP_11);
        for (hosts, version, fits) in [
            (&["atelier.example"][..], http_1_1, true),
            (&["[2001:db8::1]:8001"], http_1_1, true),
            (&[""], http_1_1, true),
            (&[], http_1_0, true),
            (&[], http_1_1, false),
            (&["a", "b"], http_1_1, false),
            (&["a", "a"], http_1_0, false),
            (&["a b"], http_1_1, false),
            (&["user@a"], http_1_1, false),
            (&["a/b"], http_1_1, false),
        ] {
            let expected = (!fits).then_some(HeadFault(StatusCode::BAD_REQUEST));
            assert_eq!(fault(&request("/", hosts, version)), expected, "{hosts:?} {version:?}");
        }
    }

    #[test]
    fn line_and_headers_have_bounds() {
        let long = |length: usize| format!("/{}", "a".repeat(length - 1));
        let of_target = |length| fault(&request(&long(length), &["a"], Version::HTTP_11));
        assert_eq!(of_target(MAX_TARGET), None);
        assert_eq!(of_target(MAX_TARGET + 1), Some(HeadFault(StatusCode::URI_TOO_LONG)));

        let of_header = |length: usize| {
            let mut request = request("/", &["a"], Version::HTTP_11);
            let value = "v".repeat(length).parse().expect("a value");
            request.headers_mut().insert(header::COOKIE, value);
            fault(&request)
        };
        let rest = "GET / HTTP/1.1\r\nhost: a\r\ncookie: \r\n".len();
        assert_eq!(of_header(MAX_HEAD - rest), None);
        let too_large = HeadFault(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert_eq!(of_header(MAX_HEAD - rest + 1), Some(too_large));
    }
}
