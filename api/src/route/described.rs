//! The document of routes, with the policy of each operation as `x-atelier`.

use axum::http::Method;
use serde_json::{Value, json};
use utoipa::openapi::{
    OpenApi,
    extensions::Extensions,
    path::{Operation, PathItem},
};
use utoipa_axum::router::UtoipaMethodRouter;

use super::{Operations, Routes};
use crate::{
    policy::{Access, RoutePolicy},
    state::ApiState,
};

/// The extension of an operation that holds its policy.
pub(super) const EXTENSION: &str = "x-atelier";

impl Operations {
    /// Adds what `utoipa` describes of them.
    pub(crate) fn described(self, described: UtoipaMethodRouter<ApiState>) -> Self {
        Self { described, ..self }
    }
}

impl Routes {
    /// The document of the routes.
    pub(crate) fn into_document(self) -> OpenApi {
        let mut document = self.described.into_openapi();
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations_of(item) {
                describe(operation, &self.policies.find(&method, path));
            }
        }
        document
    }
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
pub(crate) fn operations_of(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
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
