//! The policy of each route: the rate limits that count its requests, who may call it, the
//! scopes that an API token needs, whether its answer is kept under an `Idempotency-Key`,
//! and whether its answer holds a secret.
//!
//! The middlewares, the OpenAPI document and the tests read these policies. A route that
//! declares nothing is rate limited, needs a signed-in person, and keeps no answer.

use std::collections::HashMap;

use atelier_entities::ApiScope;
use axum::{
    extract::{MatchedPath, Request},
    http::Method,
};

/// A rate limit with a count of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Every request of a person, or of an address where nobody is signed in.
    Requests,
    /// Requests of an address that check a password, a mailed link or a sign-in.
    SignIn,
    /// Generations, deployments, retries and exports of a person.
    Generation,
    /// Files of published sites, of an address.
    Preview,
}

impl Limit {
    /// Its name in headers, errors and metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::SignIn => "sign-in",
            Self::Generation => "generation",
            Self::Preview => "preview",
        }
    }

    /// This limit and the one of all requests.
    const fn with_requests(self) -> &'static [Self] {
        match self {
            Self::Requests => &[Self::Requests],
            Self::SignIn => &[Self::Requests, Self::SignIn],
            Self::Generation => &[Self::Requests, Self::Generation],
            Self::Preview => &[Self::Requests, Self::Preview],
        }
    }
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody, without a token too.
    Public,
    /// Whoever is signed in.
    SignedIn,
    /// Administrators, who operate the platform.
    Admin,
}

/// The policy of one operation: a method of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RoutePolicy {
    /// The limits that count its requests.
    pub(crate) limits: &'static [Limit],
    /// Who may call it.
    pub(crate) access: Access,
    /// The scope that an API token needs; routes of administrators need [`ApiScope::Admin`] too.
    pub(crate) scope: ApiScope,
    /// Whether its answer is kept under an `Idempotency-Key`.
    pub(crate) keeps_answer: bool,
    /// Whether its answer holds a token or another secret.
    pub(crate) answers_secret: bool,
}

impl RoutePolicy {
    /// The policy of an operation that declares nothing.
    pub(crate) fn of_method(method: &Method) -> Self {
        Self {
            limits: Limit::Requests.with_requests(),
            access: Access::SignedIn,
            scope: if method.is_safe() { ApiScope::Read } else { ApiScope::Write },
            keeps_answer: false,
            answers_secret: false,
        }
    }

    /// The policy of a path that is no route: it is answered 404.
    fn of_no_route(method: &Method) -> Self {
        Self { limits: &[], access: Access::Public, ..Self::of_method(method) }
    }

    /// The policy of a method that a path does not have: it is answered 405.
    fn of_other_method(method: &Method) -> Self {
        Self { access: Access::Public, ..Self::of_method(method) }
    }

    /// The scopes that an API token needs.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = ApiScope> + use<> {
        let admin = (self.access == Access::Admin).then_some(ApiScope::Admin);
        [Some(self.scope), admin].into_iter().flatten()
    }
}

/// What a route declares; the defaults of the method hold for the rest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Declaration {
    limits: Option<&'static [Limit]>,
    keeps_answer: bool,
    answers_secret: bool,
}

impl Declaration {
    /// Counts requests by this limit too.
    pub(crate) fn costs(&mut self, limit: Limit) {
        self.limits = Some(limit.with_requests());
    }

    /// Counts no request.
    pub(crate) fn unlimited(&mut self) {
        self.limits = Some(&[]);
    }

    /// Keeps its answer.
    pub(crate) fn keeps_answer(&mut self) {
        self.keeps_answer = true;
    }

    /// Answers a secret.
    pub(crate) fn answers_secret(&mut self) {
        self.answers_secret = true;
    }

    /// The policy of an operation of this route.
    pub(crate) fn policy(self, method: &Method, is_public: bool) -> RoutePolicy {
        let default = RoutePolicy::of_method(method);
        RoutePolicy {
            limits: self.limits.unwrap_or(default.limits),
            access: if is_public { Access::Public } else { default.access },
            keeps_answer: self.keeps_answer,
            answers_secret: self.answers_secret,
            ..default
        }
    }
}

/// The policies of all operations, by the pattern of their path.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyTable {
    paths: HashMap<String, Vec<(Method, RoutePolicy)>>,
}

impl PolicyTable {
    /// Adds an operation.
    pub(crate) fn insert(&mut self, method: Method, path: &str, policy: RoutePolicy) {
        self.paths.entry(path.to_owned()).or_default().push((method, policy));
    }

    /// Adds the operations of another table.
    pub(crate) fn merge(&mut self, other: Self) {
        for (path, operations) in other.paths {
            self.paths.entry(path).or_default().extend(operations);
        }
    }

    /// Lets only administrators call these operations.
    pub(crate) fn restrict_to_admins(&mut self) {
        for (_, policy) in self.paths.values_mut().flatten() {
            policy.access = Access::Admin;
        }
    }

    /// The policy of a request, by its method and the route that it matched.
    pub(crate) fn of_request(&self, request: &Request) -> RoutePolicy {
        let method = request.method();
        match request.extensions().get::<MatchedPath>() {
            Some(path) => self.find(method, path.as_str()),
            None => RoutePolicy::of_no_route(method),
        }
    }

    /// The policy of a method of a path. A route that is not in the table gets the safe
    /// defaults.
    pub(crate) fn find(&self, method: &Method, path: &str) -> RoutePolicy {
        let Some(operations) = self.paths.get(path) else { return RoutePolicy::of_method(method) };
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let found = operations.iter().find(|(known, _)| known == method);
        found.map_or_else(|| RoutePolicy::of_other_method(method), |(_, policy)| *policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/api/v2/things/{id}";

    fn table(declare: impl FnOnce(&mut Declaration), is_public: bool) -> PolicyTable {
        let (mut declaration, mut table) = (Declaration::default(), PolicyTable::default());
        declare(&mut declaration);
        table.insert(Method::GET, PATH, declaration.policy(&Method::GET, is_public));
        table.insert(Method::POST, PATH, declaration.policy(&Method::POST, is_public));
        table
    }

    #[test]
    fn a_route_that_declares_nothing_is_safe() {
        let table = table(|_| {}, false);
        for (path, method, scope) in [
            (PATH, Method::GET, ApiScope::Read),
            (PATH, Method::HEAD, ApiScope::Read),
            (PATH, Method::POST, ApiScope::Write),
            ("/api/v2/not-in-the-table", Method::DELETE, ApiScope::Write),
        ] {
            let expected = RoutePolicy {
                limits: &[Limit::Requests],
                access: Access::SignedIn,
                scope,
                keeps_answer: false,
                answers_secret: false,
            };
            assert_eq!(table.find(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn declarations_hold_for_any_prefix() {
        let limited = table(|route| route.costs(Limit::Generation), true).find(&Method::POST, PATH);
        assert_eq!(limited.limits, [Limit::Requests, Limit::Generation]);
        assert_eq!(limited.access, Access::Public);

        let unlimited = table(Declaration::unlimited, true).find(&Method::GET, PATH);
        assert_eq!(unlimited.limits, []);

        let mut admins = table(|_| {}, false);
        admins.restrict_to_admins();
        let scopes: Vec<_> = admins.find(&Method::POST, PATH).scopes().collect();
        assert_eq!(scopes, [ApiScope::Write, ApiScope::Admin]);
    }

    #[test]
    fn a_method_that_a_path_does_not_have_is_limited_and_answered() {
        let policy = table(|_| {}, false).find(&Method::DELETE, PATH);

        assert_eq!((policy.limits, policy.access), (&[Limit::Requests][..], Access::Public));
    }
}
