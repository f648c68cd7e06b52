//! Pages of lists: what was asked for, and the headers that tell where the rest is.

use atelier_queue::inspect::Page;
use axum::{
    Json,
    extract::{FromRequestParts, OriginalUri},
    http::{HeaderName, HeaderValue, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::ApiQuery;
use crate::error::ApiError;

const DEFAULT_SIZE: u64 = 50;
const LARGEST_SIZE: u64 = 100;
/// Far beyond what anybody turns to, near enough for the database's offsets.
const LAST_PAGE: u64 = 1_000_000;

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// Number of the page, from 1.
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    page: Option<u64>,
    /// Entries on a page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    page_size: Option<u64>,
}

impl PageParams {
    fn check(&self) -> Result<Page, ApiError> {
        let number = self.page.unwrap_or(1);
        let size = self.page_size.unwrap_or(DEFAULT_SIZE);
        let mut faults = Vec::new();
        if !(1..=LAST_PAGE).contains(&number) {
            faults.push(("page", format!("must be 1 to {LAST_PAGE}")));
        }
        if !(1..=LARGEST_SIZE).contains(&size) {
            faults.push(("page_size", format!("must be 1 to {LARGEST_SIZE}")));
        }
        if faults.is_empty() { Ok(Page { number, size }) } else { Err(ApiError::invalid(faults)) }
    }
}

/// The page that was asked for, and how the list was asked for.
#[derive(Debug)]
pub(crate) struct Pagination {
    number: u64,
    size: u64,
    uri: Uri,
}

impl<S: Send + Sync> FromRequestParts<S> for Pagination {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let ApiQuery(params) = ApiQuery::<PageParams>::from_request_parts(parts, state).await?;
        let OriginalUri(uri) =
            OriginalUri::from_request_parts(parts, state).await.map_err(ApiError::internal)?;
        let Page { number, size } = params.check()?;
        Ok(Self { number, size, uri })
    }
}

impl Pagination {
    /// The page.
    pub(crate) fn page(&self) -> Page {
        Page { number: self.number, size: self.size }
    }

    /// A bare array with `X-Total-Count` and, where there are other pages, `Link`.
    pub(crate) fn answer<T: Serialize>(&self, entries: &[T], total: u64) -> Response {
        let mut response = Json(entries).into_response();
        let headers = response.headers_mut();
        headers.insert(TOTAL_COUNT, HeaderValue::from(total));
        let links = links(&self.uri, self.number, self.size, total);
        if let Some(links) = links.and_then(|links| HeaderValue::from_str(&links).ok()) {
            headers.insert(header::LINK, links);
        }
        response
    }
}

/// The `Link` header (RFC 8288) of this page: first, prev, next and last, with
/// every other parameter as it came. None where everything is on one page.
fn links(uri: &Uri, number: u64, size: u64, total: u64) -> Option<String> {
    let last = total.div_ceil(size).max(1);
    if last == 1 && number == 1 {
        return None;
    }
    let kept: Vec<&str> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("page=") && !pair.starts_with("page_size="))
        .collect();
    let kept = kept.iter().map(|pair| format!("&{pair}")).collect::<String>();
    let link = |page: u64, relation: &str| {
        format!("<{}?page={page}&page_size={size}{kept}>; rel=\"{relation}\"", uri.path())
    };
    let mut links = vec![link(1, "first")];
    if number > 1 {
        links.push(link((number - 1).min(last), "prev"));
    }
    if number < last {
        links.push(link(number + 1, "next"));
    }
    links.push(link(last, "last"));
    Some(links.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_the_page_and_its_size() {
        for (page, page_size, fits) in [
            (None, None, true),
            (Some(3), Some(100), true),
            (Some(0), None, false),
            (None, Some(0), false),
            (None, Some(101), false),
            (Some(u64::MAX), None, false),
        ] {
            assert_eq!(PageParams { page, page_size }.check().is_ok(), fits, "{page:?} {page_size:?}");
        }
    }

    #[test]
    fn links_to_the_pages_around() {
        let uri: Uri = "/api/jobs?status=failed&page=2&page_size=10".parse().expect("a URI");

        let links = links(&uri, 2, 10, 35).expect("several pages");

        assert_eq!(
            links,
            "</api/jobs?page=1&page_size=10&status=failed>; rel=\"first\", \
             </api/jobs?page=1&page_size=10&status=failed>; rel=\"prev\", \
             </api/jobs?page=3&page_size=10&status=failed>; rel=\"next\", \
             </api/jobs?page=4&page_size=10&status=failed>; rel=\"last\""
        );
    }

    #[test]
    fn one_page_needs_no_links_and_the_ends_have_no_beyond() {
        let uri: Uri = "/api/jobs".parse().expect("a URI");

        assert_eq!(links(&uri, 1, 50, 50), None);
        assert_eq!(links(&uri, 1, 50, 0), None);
        assert!(!links(&uri, 1, 50, 51).expect("two pages").contains("prev"));
        assert!(!links(&uri, 2, 50, 51).expect("two pages").contains("next"));
        assert!(links(&uri, 9, 50, 51).expect("two pages").contains("page=2&page_size=50>; rel=\"prev\""));
    }
}
