//! Tells the hosts of published sites from the host of the API.
//!
//! A site has an origin of its own, on which the API has no route, reads no cookie and sets
//! none. Only the `Host` header decides, or the authority of an absolute request target
//! (RFC 9112, section 3.2.2): a proxy in front has to pass it. `X-Forwarded-Host` is not
//! read, since any client can send it.

use std::sync::Arc;

use atelier_builder::deployments::{HostKind, SiteHosts};
use axum::{
    Router,
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::Response,
};
use tower::ServiceExt;

use crate::{routes::builder::preview::SiteOfHost, state::ApiState};

/// The hosts of sites, and the routes on them.
#[derive(Debug)]
pub(crate) struct SiteRouting {
    hosts: Option<SiteHosts>,
    sites: Router,
}

impl SiteRouting {
    pub(crate) fn new(state: &ApiState, sites: Router) -> Self {
        Self { hosts: state.services.builder.deployments.hosts().cloned(), sites }
    }

    /// The site of the request's host; none for the host of the API.
    fn find(&self, request: &Request) -> Option<SiteOfHost> {
        let hosts = self.hosts.as_ref()?;
        let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = request.uri().authority().map(|authority| authority.as_str()).or(named)?;
        match hosts.kind_of(&host.to_ascii_lowercase()) {
            HostKind::Instance => None,
            HostKind::Site(slug) => Some(SiteOfHost(Some(slug.to_owned()))),
            HostKind::NoSite => Some(SiteOfHost(None)),
        }
    }
}

/// Answers requests to the hosts of sites by the sites, and the others by the API.
pub(crate) async fn apply(
    State(routing): State<Arc<SiteRouting>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(site) = routing.find(&request) else { return next.run(request).await };
    request.extensions_mut().insert(site);
    routing.sites.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};

    use super::*;

    fn find(target: &str, headers: &[(&str, &str)]) -> Option<SiteOfHost> {
        let hosts = SiteHosts::new("http://{slug}.localhost:8001", "http://127.0.0.1:8001");
        let routing = SiteRouting { hosts, sites: Router::new() };
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        routing.find(&request.body(Body::empty()).expect("a request"))
    }

    #[test]
    fn the_host_decides_and_nothing_that_a_client_adds() {
        let site = |slug: &str| Some(SiteOfHost(Some(slug.to_owned())));
        for (target, headers, expected) in [
            ("/", vec![("host", "list-1.localhost:8001")], site("list-1")),
            ("/api/jobs", vec![("host", "LIST-1.LocalHost.")], site("list-1")),
            ("/", vec![("host", "a.b.localhost")], Some(SiteOfHost(None))),
            ("/", vec![("host", "localhost:8001")], None),
            ("/", vec![("host", "127.0.0.1:8001"), ("x-forwarded-host", "list-1.localhost")], None),
            ("http://list-1.localhost/", vec![("host", "127.0.0.1:8001")], site("list-1")),
            ("/", vec![], None),
        ] {
            assert_eq!(find(target, &headers), expected, "{target} {headers:?}");
        }
    }
}
