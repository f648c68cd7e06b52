//! Conditional requests: whether the client has the current version already.

use axum::http::{HeaderMap, header};

/// Whether `If-None-Match` names this entity tag. Compared weakly, as RFC 9110
/// asks of this header; `*` names every one.
pub(crate) fn is_unchanged(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|candidate| candidate == "*" || opaque(candidate) == opaque(etag))
}

fn opaque(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn compares_weakly_and_knows_lists() {
        for (header, etag, unchanged) in [
            ("\"7\"", "\"7\"", true),
            ("W/\"7\"", "\"7\"", true),
            ("\"7\"", "W/\"7\"", true),
            ("\"6\", W/\"7\"", "W/\"7\"", true),
            ("*", "W/\"7\"", true),
            ("\"77\"", "W/\"7\"", false),
            ("7", "W/\"7\"", false),
            ("", "W/\"7\"", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(header));
            assert_eq!(is_unchanged(&headers, etag), unchanged, "{header} {etag}");
        }
    }

    #[test]
    fn without_the_header_everything_is_new() {
        assert!(!is_unchanged(&HeaderMap::new(), "\"7\""));
    }
}
