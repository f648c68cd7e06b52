//! Content negotiation: cached versions, encodings, languages.

use atelier_entities::Locale;
use axum::http::{HeaderMap, HeaderName, header};

/// Whether `If-None-Match` names this entity tag. Compared weakly, as RFC 9110
/// asks of this header; `*` names every one.
pub(crate) fn if_none_match(headers: &HeaderMap, etag: &str) -> bool {
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

/// Whether the answer may be compressed with gzip (RFC 9110, section 12.5.3).
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut by_star = None;
    let mut by_name = None;
    for (name, weight) in preferences(headers, header::ACCEPT_ENCODING) {
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            by_name = Some(weight);
        } else if name == "*" {
            by_star = Some(weight);
        }
    }
    by_name.or(by_star).is_some_and(|weight| weight > 0.0)
}

/// The language of a page: French where the browser prefers it to English.
pub(crate) fn preferred_locale(headers: &HeaderMap) -> Locale {
    let mut best = (0.0, Locale::En);
    for (name, weight) in preferences(headers, header::ACCEPT_LANGUAGE) {
        let locale = match name.get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("fr") => Locale::Fr,
            Some("en") => Locale::En,
            _ => continue,
        };
        if weight > best.0 {
            best = (weight, locale);
        }
    }
    best.1
}

/// The values of an `Accept` header with their weights, in their order.
pub(crate) fn preferences(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = (&str, f32)> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(|choice| {
        let mut parts = choice.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        Some((name, weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0))))
    })
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
            assert_eq!(if_none_match(&headers, etag), unchanged, "{header} {etag}");
        }
    }

    #[test]
    fn without_the_header_nothing_matches() {
        assert!(!if_none_match(&HeaderMap::new(), "\"7\""));
    }

    #[test]
    fn gzip_is_accepted_by_name_or_star() {
        for (accepted, takes) in [
            ("gzip", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("gzip; q=0.000", false),
            ("identity", false),
            ("br, deflate", false),
            ("gzip;q=x", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            assert_eq!(accepts_gzip(&headers), takes, "{accepted}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
