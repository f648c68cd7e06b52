//! Pages of lists: the requested page, and the headers that link to the others.

use atelier_queue::inspect::Page;
use axum::{
    Json,
    extract::{FromRequestParts, OriginalUri},
    http::{HeaderName, HeaderValue, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::ApiQuery;
use crate::{error::ApiError, responses::Numbered, schema::IntoParams};

const DEFAULT_SIZE: u64 = 50;
const LARGEST_SIZE: u64 = 100;
/// Small enough for the offsets of databases.
const LAST_PAGE: u64 = 1_000_000;

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
/// Says that there may be more than [`TOTAL_COUNT`].
const CAPPED: HeaderName = HeaderName::from_static("x-total-count-capped");

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

/// The requested page and the address of the list.
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
        self.answer_with(entries, total, links(&self.uri, self.number, self.size, Total::Exact(total)))
    }

    /// The same for a list that was counted up to `limit`. Where the count reaches it, there
    /// may be more: `X-Total-Count-Capped` says so, and no page is the last one.
    pub(crate) fn answer_capped<T: Serialize>(&self, entries: &[T], total: u64, limit: u64) -> Response {
        if total < limit {
            return self.answer(entries, total);
        }
        let is_full = entries.len() as u64 == self.size;
        let links = links(&self.uri, self.number, self.size, Total::AtLeast { is_full });
        let mut response = self.answer_with(entries, total, links);
        response.headers_mut().insert(CAPPED, HeaderValue::from_static("true"));
        response
    }

    /// The page as an object with the number of all entries and the addresses of the pages around, where there
    /// are others.
    pub(crate) fn numbered<M, T: From<M>>(&self, entries: Vec<M>, count: u64) -> Numbered<T> {
        let last = count.div_ceil(self.size).max(1);
        let at = |page: u64| address(&self.uri, page, self.size);
        Numbered {
            count,
            next: (self.number < last).then(|| at(self.number + 1)),
            previous: (self.number > 1).then(|| at((self.number - 1).min(last))),
            results: entries.into_iter().map(T::from).collect(),
        }
    }

    /// The entries of a whole list that are on the page, as [`numbered`](Self::numbered).
    pub(crate) fn slice<M, T: From<M>>(&self, all: Vec<M>) -> Numbered<T> {
        let count = all.len() as u64;
        let first = usize::try_from((self.number - 1) * self.size).unwrap_or(usize::MAX);
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        self.numbered(all.into_iter().skip(first).take(size).collect(), count)
    }

    fn answer_with<T: Serialize>(&self, entries: &[T], total: u64, links: Option<String>) -> Response {
        let mut response = Json(entries).into_response();
        let headers = response.headers_mut();
        headers.insert(TOTAL_COUNT, HeaderValue::from(total));
        if let Some(links) = links.and_then(|links| HeaderValue::from_str(&links).ok()) {
            headers.insert(header::LINK, links);
        }
        response
    }
}

/// The length of a list, as far as it was counted.
#[derive(Clone, Copy)]
enum Total {
    Exact(u64),
    /// More than was counted; this page may be full.
    AtLeast {
        is_full: bool,
    },
}

/// The `Link` header (RFC 8288) of this page: first, prev, next and, where it is known,
/// last, with every other parameter as it came. None where everything is on one page.
fn links(uri: &Uri, number: u64, size: u64, total: Total) -> Option<String> {
    let last = match total {
        Total::Exact(total) => Some(total.div_ceil(size).max(1)),
        Total::AtLeast { .. } => None,
    };
    if last == Some(1) && number == 1 {
        return None;
    }
    let has_next = match total {
        Total::Exact(_) => last.is_some_and(|last| number < last),
        Total::AtLeast { is_full } => is_full && number < LAST_PAGE,
    };
    let link = |page: u64, relation: &str| format!("<{}>; rel=\"{relation}\"", address(uri, page, size));
    let mut links = vec![link(1, "first")];
    if number > 1 {
        links.push(link((number - 1).min(last.unwrap_or(LAST_PAGE)), "prev"));
    }
    if has_next {
        links.push(link(number + 1, "next"));
    }
    links.extend(last.map(|last| link(last, "last")));
    Some(links.join(", "))
}

/// The address of a page, with every other parameter as it came.
fn address(uri: &Uri, page: u64, size: u64) -> String {
    let pairs = uri.query().unwrap_or_default().split('&');
    let kept = pairs
        .filter(|pair| !pair.is_empty() && !pair.starts_with("page=") && !pair.starts_with("page_size="));
    let kept = kept.map(|pair| format!("&{pair}")).collect::<String>();
    format!("{}?page={page}&page_size={size}{kept}", uri.path())
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

        let links = links(&uri, 2, 10, Total::Exact(35)).expect("several pages");

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

        assert_eq!(links(&uri, 1, 50, Total::Exact(50)), None);
        assert_eq!(links(&uri, 1, 50, Total::Exact(0)), None);
        assert!(!links(&uri, 1, 50, Total::Exact(51)).expect("two pages").contains("prev"));
        assert!(!links(&uri, 2, 50, Total::Exact(51)).expect("two pages").contains("next"));
        assert!(
            links(&uri, 9, 50, Total::Exact(51))
                .expect("two pages")
                .contains("page=2&page_size=50>; rel=\"prev\"")
        );
    }

    #[test]
    fn of_a_list_that_was_not_counted_to_its_end_no_page_is_the_last() {
        let uri: Uri = "/api/admin/jobs".parse().expect("a URI");
        let of = |number, is_full| links(&uri, number, 50, Total::AtLeast { is_full }).expect("pages");

        assert!(of(1, true).contains("page=2&page_size=50>; rel=\"next\""));
        assert!(of(900, true).contains("page=899&page_size=50>; rel=\"prev\""));
        assert!(!of(900, false).contains("next"));
        assert!(!of(1, true).contains("last"));
    }

    #[test]
    fn tells_where_a_count_went_no_further() {
        let page = Pagination { number: 1, size: 2, uri: Uri::from_static("/api/jobs") };

        let short = page.answer_capped(&[1, 2], 9, 10);
        let long = page.answer_capped(&[1, 2], 10, 10);

        assert_eq!(
            (short.headers().get(&CAPPED), &short.headers()[&TOTAL_COUNT]),
            (None, &HeaderValue::from(9))
        );
        assert_eq!(
            (&long.headers()[&CAPPED], &long.headers()[&TOTAL_COUNT]),
            (&HeaderValue::from_static("true"), &HeaderValue::from(10))
        );
    }

    #[test]
    fn an_object_has_the_addresses_of_the_pages_around() {
        let page =
            |number| Pagination { number, size: 2, uri: Uri::from_static("/api/v1/things/?page=2&a=b") };
        let of = |number| page(number).slice::<u8, u8>(vec![1, 2, 3, 4, 5]);
        let at = |number| Some(format!("/api/v1/things/?page={number}&page_size=2&a=b"));

        for (number, results, previous, next) in [
            (1, vec![1, 2], None, at(2)),
            (2, vec![3, 4], at(1), at(3)),
            (3, vec![5], at(2), None),
            (9, vec![], at(3), None),
        ] {
            let found = of(number);
            assert_eq!((found.count, found.results), (5, results), "{number}");
            assert_eq!((found.previous, found.next), (previous, next), "{number}");
        }
    }
}
