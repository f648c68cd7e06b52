//! How routes are registered: each with its policy.
//!
//! `route(routes!(generate)).costs(Limit::Generation).keeps::<(Verified, OwnProject)>()`
//! is limited more tightly than others, and its answer is kept under an
//! `Idempotency-Key`. Whether a route is public is said by `security(())` of its
//! `#[utoipa::path]`.

#[cfg(test)]
mod tests;

use axum::{Router, extract::FromRequestParts, http::Method};
use serde_json::{Value, json};
use utoipa::openapi::{
    OpenApi, RefOr, SecurityRequirement,
    extensions::Extensions,
    path::{Operation, PathItem},
};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::{
    middleware::idempotency,
    policy::{Access, Declaration, Limit, PolicyTable, RoutePolicy},
    state::ApiState,
};

/// The extension of an operation in the document that holds its policy.
const EXTENSION: &str = "x-atelier";

/// Operations of one path with their declaration.
pub(crate) struct Route {
    operations: UtoipaMethodRouter<ApiState>,
    declaration: Declaration,
}

/// Starts the declaration of a route.
pub(crate) fn route(operations: UtoipaMethodRouter<ApiState>) -> Route {
    Route { operations, declaration: Declaration::default() }
}

impl Route {
    /// Counts requests by this limit beside the one of all requests.
    pub(crate) fn costs(mut self, limit: Limit) -> Self {
        self.declaration.costs(limit);
        self
    }

    /// Is counted by no limit: for routes that are polled and cost little.
    pub(crate) fn unlimited(mut self) -> Self {
        self.declaration.unlimited();
        self
    }

    /// Answers a token or another secret: such an answer is never kept.
    pub(crate) fn answers_secret(mut self) -> Self {
        self.declaration.answers_secret();
        self
    }

    /// Keeps the answer to a POST under the request's `Idempotency-Key`. It stays in the
    /// database for a day. `A` is what the handler checks of its caller; it is checked
    /// again before a kept answer is given.
    pub(crate) fn keeps<A>(mut self) -> Self
    where
        A: FromRequestParts<ApiState> + Send + 'static,
    {
        let (schemas, mut paths, handlers) = self.operations;
        for operation in paths.paths.values_mut().filter_map(|item| item.post.as_mut()) {
            operation.parameters.get_or_insert_default().push(RefOr::T(idempotency::parameter()));
        }
        self.operations = (schemas, paths, idempotency::layer::<A>(handlers));
        self.declaration.keeps_answer();
        self
    }
}

impl From<UtoipaMethodRouter<ApiState>> for Route {
    fn from(operations: UtoipaMethodRouter<ApiState>) -> Self {
        route(operations)
    }
}

/// Routes with their part of the document and their policies.
#[derive(Default)]
pub(crate) struct Routes {
    router: OpenApiRouter<ApiState>,
    policies: PolicyTable,
}

impl Routes {
    /// No routes yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a route.
    pub(crate) fn add(mut self, route: impl Into<Route>) -> Self {
        let Route { operations: (schemas, mut paths, handlers), declaration } = route.into();
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations_of(item) {
                let policy = declaration.policy(&method, is_public(operation));
                self.policies.insert(method, path, policy);
            }
        }
        self.router = self.router.routes((schemas, paths, handlers));
        self
    }

    /// Adds the routes of a context or of a part of it.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.policies.merge(other.policies);
        self
    }

    /// Lets only administrators call these routes.
    pub(crate) fn admins_only(mut self) -> Self {
        self.policies.restrict_to_admins();
        self
    }

    /// The router, its document, and the policies of its operations.
    pub(crate) fn into_parts(self) -> (Router<ApiState>, OpenApi, PolicyTable) {
        let (router, mut document) = self.router.split_for_parts();
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations_of(item) {
                describe(operation, &self.policies.find(&method, path));
            }
        }
        (router, document, self.policies)
    }
}

/// Whether an operation declares that it needs no sign-in.
fn is_public(operation: &Operation) -> bool {
    operation.security.as_deref() == Some(&[SecurityRequirement::default()])
}

/// Writes the policy of an operation into its part of the document.
pub(crate) fn describe(operation: &mut Operation, policy: &RoutePolicy) {
    let limits: Vec<_> = policy.limits.iter().map(|limit| limit.name()).collect();
    let mut described = json!({ "rate_limits": limits });
    if policy.access != Access::Public {
        described["token_scopes"] = policy.scopes().map(|scope| Value::from(scope.to_string())).collect();
    }
    if policy.keeps_answer {
        described["keeps_answer"] = Value::from(true);
    }
    if policy.answers_secret {
        described["answers_secret"] = Value::from(true);
    }
    let extensions = operation.extensions.get_or_insert_default();
    extensions.merge(Extensions::from_iter([(EXTENSION, described)]));
}

/// Whether the document says that a limit counts the requests of an operation.
pub(crate) fn is_limited(operation: &Operation) -> bool {
    let limits = policy_of(operation).and_then(|policy| policy["rate_limits"].as_array());
    limits.is_some_and(|limits| !limits.is_empty())
}

/// Whether the document says that the answers of an operation are kept.
pub(crate) fn keeps_answer(operation: &Operation) -> bool {
    policy_of(operation).is_some_and(|policy| policy["keeps_answer"] == true)
}

fn policy_of(operation: &Operation) -> Option<&Value> {
    operation.extensions.as_ref()?.get(EXTENSION)
}

/// The operations of a path that the API offers, each with its method.
fn operations_of(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [
        (Method::GET, get),
        (Method::PUT, put),
        (Method::POST, post),
        (Method::DELETE, delete),
        (Method::PATCH, patch),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}
