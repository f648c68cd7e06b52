//! How routes are registered: each with its policy.
//!
//! `route(routes!(generate)).costs(Limit::Generation).keeps::<(Verified, OwnProject)>()`
//! is limited more tightly than others, and its answer is kept under an
//! `Idempotency-Key`. Handlers are declared by `#[operation(…)]`, which says whether they
//! are public, by `security(())`. Only tests make the document.

#[cfg(test)]
pub(crate) mod described;
#[cfg(test)]
mod tests;

pub(crate) use atelier_api_macros::operation;
use axum::{
    Router,
    extract::FromRequestParts,
    handler::Handler,
    http::Method,
    routing::{MethodFilter, MethodRouter},
};

use crate::{
    middleware::idempotency,
    policy::{Declaration, Limit, PolicyTable},
    state::ApiState,
};

/// What `#[operation(…)]` says of a handler, on a type of the handler's name.
pub(crate) trait Operation {
    /// Its method.
    const METHOD: Method;
    /// Its method, for the router.
    const FILTER: MethodFilter;
    /// Its path.
    const PATH: &'static str;
    /// Whether it needs no sign-in.
    const IS_PUBLIC: bool;
}

/// Operations of one path.
#[derive(Default)]
pub(crate) struct Operations {
    path: &'static str,
    /// Each method, and whether it is public.
    methods: Vec<(Method, bool)>,
    handlers: MethodRouter<ApiState>,
    #[cfg(test)]
    described: utoipa_axum::router::UtoipaMethodRouter<ApiState>,
}

impl Operations {
    /// Adds the operation `O` with its handler.
    pub(crate) fn with<O, H, T>(mut self, handler: H) -> Self
    where
        O: Operation,
        H: Handler<T, ApiState>,
        T: 'static,
    {
        debug_assert!(self.path.is_empty() || self.path == O::PATH, "{} and {}", self.path, O::PATH);
        self.path = O::PATH;
        self.methods.push((O::METHOD, O::IS_PUBLIC));
        self.handlers = self.handlers.on(O::FILTER, handler);
        self
    }
}

/// The operations of these handlers, which have one path.
macro_rules! routes {
    ($($handler:ident),+ $(,)?) => {{
        let operations = $crate::route::Operations::default()$(.with::<$handler, _, _>($handler))+;
        #[cfg(test)]
        let operations = operations.described(utoipa_axum::routes!($($handler),+));
        operations
    }};
}
pub(crate) use routes;

/// Operations of one path with their declaration.
pub(crate) struct Route {
    operations: Operations,
    declaration: Declaration,
}

/// Starts the declaration of a route.
pub(crate) fn route(operations: Operations) -> Route {
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
        self.operations.handlers = idempotency::layer::<A>(self.operations.handlers);
        self.declaration.keeps_answer();
        self
    }
}

impl From<Operations> for Route {
    fn from(operations: Operations) -> Self {
        route(operations)
    }
}

/// Routes with their policies.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<ApiState>,
    policies: PolicyTable,
    #[cfg(test)]
    described: utoipa_axum::router::OpenApiRouter<ApiState>,
}

impl Routes {
    /// No routes yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a route. One whose path ends with a slash is served without it too, and one under `/api/v1` that
    /// is no file also with it; the document has the first form.
    pub(crate) fn add(mut self, route: impl Into<Route>) -> Self {
        let Route { operations, declaration } = route.into();
        for path in [Some(operations.path.to_owned()), other_form(operations.path)].into_iter().flatten() {
            for (method, is_public) in &operations.methods {
                let policy = declaration.policy(method, *is_public);
                self.policies.insert(method.clone(), &path, policy);
            }
            self.router = self.router.route(&path, operations.handlers.clone());
        }
        #[cfg(test)]
        {
            self.described = self.described.routes(operations.described);
        }
        self
    }

    /// Adds the routes of a context or of a part of it.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.policies.merge(other.policies);
        #[cfg(test)]
        {
            self.described = self.described.merge(other.described);
        }
        self
    }

    /// Lets only administrators call these routes.
    pub(crate) fn admins_only(mut self) -> Self {
        self.policies.restrict_to_admins();
        self
    }

    /// The router, and the policies of its operations.
    pub(crate) fn into_parts(self) -> (Router<ApiState>, PolicyTable) {
        (self.router, self.policies)
    }
}

/// The path without its closing slash, or with one.
fn other_form(path: &str) -> Option<String> {
    if let Some(bare) = path.strip_suffix('/') {
        return Some(bare.to_owned()).filter(|path| !path.is_empty());
    }
    let is_file = path.rsplit('/').next().is_some_and(|last| last.contains('.'));
    (path.starts_with("/api/v1/") && !is_file).then(|| format!("{path}/"))
}
