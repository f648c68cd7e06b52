//! Which revision of something a request replaces.

use atelier_automation::workflows::Expected;
use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use crate::error::ApiError;

/// The revisions that `If-Match` names; none where there is no such header.
///
/// An entity tag is a revision in quotation marks. Tags that proxies have made weak are taken too: equal
/// revisions have equal bytes. A tag of another form matches no revision.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct IfMatch(pub(crate) Option<Expected>);

/// The entity tag of a revision.
pub(crate) fn revision_tag(revision: i64) -> String {
    format!("\"{revision}\"")
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let values = parts.headers.get_all(header::IF_MATCH).iter().filter_map(|value| value.to_str().ok());
        let tags: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
        if !parts.headers.contains_key(header::IF_MATCH) {
            return Ok(Self(None));
        }
        if tags.contains(&"*") {
            return Ok(Self(Some(Expected::Any)));
        }
        Ok(Self(Some(Expected::OneOf(tags.into_iter().filter_map(revision).collect()))))
    }
}

fn revision(tag: &str) -> Option<i64> {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[tokio::test]
    async fn tags_are_revisions_in_quotation_marks() {
        let of = |revisions: &[i64]| Some(Expected::OneOf(revisions.to_vec()));
        for (tag, expected) in [
            (None, None),
            (Some("*"), Some(Expected::Any)),
            (Some("\"7\""), of(&[7])),
            (Some("W/\"7\", \"8\""), of(&[7, 8])),
            (Some("7"), of(&[])),
            (Some("\"seven\""), of(&[])),
            (Some(""), of(&[])),
        ] {
            let request = Request::builder();
            let request = match tag {
                Some(tag) => request.header(header::IF_MATCH, tag),
                None => request,
            };
            let (mut parts, ()) = request.body(()).expect("a request").into_parts();
            let found = IfMatch::from_request_parts(&mut parts, &()).await.expect("never refused");
            assert_eq!(found, IfMatch(expected), "{tag:?}");
        }
        assert_eq!(revision(&revision_tag(7)), Some(7));
    }
}
