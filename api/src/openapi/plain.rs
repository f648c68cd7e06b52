//! Routes that are not part of the JSON API: probes, the document, published sites.

use utoipa::openapi::{
    ContentBuilder, HttpMethod, OpenApi, ResponseBuilder, SecurityRequirement,
    path::{OperationBuilder, ParameterBuilder, ParameterIn, PathItem},
    schema::{Object, ObjectBuilder, Type},
};

use crate::{
    policy::{Limit, RoutePolicy},
    route,
};

/// A public route that answers text or a page.
struct PlainRoute {
    path: &'static str,
    name: &'static str,
    tag: &'static str,
    summary: &'static str,
    kind: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    unavailable: Option<&'static str>,
    limits: &'static [Limit],
}

const ROUTE: PlainRoute = PlainRoute {
    path: "",
    name: "",
    tag: "Platform",
    summary: "",
    kind: "application/json",
    parameters: &[],
    unavailable: None,
    limits: &[],
};

const ROUTES: [PlainRoute; 9] = [
    PlainRoute {
        path: "/",
        name: "show_home",
        summary: "What this is and where to look: a page, or JSON where that is asked for.",
        kind: "text/html",
        ..ROUTE
    },
    PlainRoute { path: "/healthz", name: "get_liveness", summary: "Liveness: the process answers.", ..ROUTE },
    PlainRoute {
        path: "/readyz",
        name: "get_readiness",
        summary: "Readiness: everything that the process needs, each named.",
        unavailable: Some("Something is missing, or the process is stopping."),
        ..ROUTE
    },
    PlainRoute {
        path: "/metrics",
        name: "get_metrics",
        summary: "Metrics in the Prometheus text format.",
        kind: "text/plain",
        ..ROUTE
    },
    PlainRoute { path: "/openapi.json", name: "get_document", summary: "This document.", ..ROUTE },
    PlainRoute {
        path: "/docs",
        name: "show_swagger_ui",
        summary: "This document in Swagger UI.",
        kind: "text/html",
        ..ROUTE
    },
    PlainRoute {
        path: "/redoc",
        name: "show_redoc",
        summary: "This document in ReDoc.",
        kind: "text/html",
        ..ROUTE
    },
    PlainRoute {
        path: "/preview/{slug}/",
        name: "show_site",
        tag: "Deployment",
        summary: "A published site, in a sandbox of its own.",
        kind: "text/html",
        parameters: &[("slug", "The site's part of the address")],
        limits: &[Limit::Preview],
        ..ROUTE
    },
    PlainRoute {
        path: "/preview/{slug}/{path}",
        name: "show_site_file",
        tag: "Deployment",
        summary: "A file of a published site.",
        kind: "*/*",
        parameters: &[("slug", "The site's part of the address"), ("path", "The file's path")],
        limits: &[Limit::Preview],
        ..ROUTE
    },
];

/// Adds the routes to the document.
pub(super) fn add(document: &mut OpenApi) {
    for plain in ROUTES {
        let mut operation = OperationBuilder::new()
            .operation_id(Some(plain.name))
            .tag(plain.tag)
            .summary(Some(plain.summary))
            .security(SecurityRequirement::default())
            .response("200", answer("The answer.", plain.kind));
        if let Some(meaning) = plain.unavailable {
            operation = operation.response("503", answer(meaning, plain.kind));
        }
        for (name, meaning) in plain.parameters {
            let parameter = ParameterBuilder::new()
                .name(*name)
                .parameter_in(ParameterIn::Path)
                .required(utoipa::openapi::Required::True)
                .description(Some(*meaning))
                .schema(Some(text()));
            operation = operation.parameter(parameter);
        }
        let mut operation = operation.build();
        route::describe(&mut operation, &RoutePolicy::of_public(plain.limits));
        let item = PathItem::new(HttpMethod::Get, operation);
        document.paths.paths.insert(plain.path.to_owned(), item);
    }
}

fn answer(meaning: &str, kind: &str) -> utoipa::openapi::Response {
    let schema = if kind == "application/json" { Object::new() } else { text() };
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(meaning).content(kind, content).build()
}

fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}
