//! Routes that are not part of the JSON API: probes, the document, published sites.

use std::collections::BTreeMap;

use axum::http::Method;
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, ContentBuilder, HttpMethod, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema,
        SecurityRequirement,
        path::{OperationBuilder, ParameterBuilder, ParameterIn, PathItem},
    },
};

use crate::{
    policy::{Access, Limit, RoutePolicy},
    route::described,
    schema::{
        free::{FileContent, JsonObject},
        sets,
    },
};

/// What this is and where to look.
#[derive(Serialize, ToSchema)]
struct HomeView {
    /// Its name.
    name: String,
    /// Of this server.
    #[schema(example = "0.1.0")]
    version: String,
    /// Where Swagger UI is.
    documentation: String,
    /// Where ReDoc is.
    reference: String,
    /// Where the document is.
    openapi: String,
    /// Where its health is.
    health: String,
}

/// That a process answers.
#[derive(Serialize, ToSchema)]
struct LivenessView {
    /// Always "ok".
    status: String,
}

/// Whether a process takes requests.
#[derive(Serialize, ToSchema)]
struct ReadinessView {
    /// In a word.
    #[schema(value_type = sets::Readiness)]
    status: String,
    /// Each check by its name.
    #[schema(value_type = BTreeMap<String, sets::CheckResult>)]
    checks: BTreeMap<String, String>,
    /// What is wrong, by the name of the check; absent where nothing is.
    #[schema(required = false)]
    faults: BTreeMap<String, CheckFaultView>,
}

/// What a check found.
#[derive(Serialize, ToSchema)]
struct CheckFaultView {
    /// For programs.
    #[schema(example = "READ_ONLY")]
    code: String,
    /// In a few words.
    cause: String,
}

/// A public route that answers text or a page.
struct PlainRoute {
    path: &'static str,
    name: &'static str,
    tag: &'static str,
    summary: &'static str,
    kind: &'static str,
    schema: fn() -> RefOr<Schema>,
    /// What programs get that ask for JSON, where that is something else.
    json: Option<fn() -> RefOr<Schema>>,
    parameters: &'static [(&'static str, &'static str)],
    unavailable: Option<&'static str>,
    /// When the client is sent to another address.
    elsewhere: Option<&'static str>,
    limits: &'static [Limit],
}

const JSON: &str = "application/json";

const ROUTE: PlainRoute = PlainRoute {
    path: "",
    name: "",
    tag: "Platform",
    summary: "",
    kind: "text/html",
    schema: String::schema,
    json: None,
    parameters: &[],
    unavailable: None,
    elsewhere: None,
    limits: &[],
};

const ON_HOST: &str = "Sites have hosts of their own on this instance: `Location` is the address there.";

const ROUTES: [PlainRoute; 9] = [
    PlainRoute {
        path: "/",
        name: "show_home",
        summary: "What this is and where to look: a page, or JSON where that is asked for.",
        json: Some(reference::<HomeView>),
        ..ROUTE
    },
    PlainRoute {
        path: "/healthz",
        name: "get_liveness",
        summary: "Liveness: the process answers.",
        kind: JSON,
        schema: reference::<LivenessView>,
        ..ROUTE
    },
    PlainRoute {
        path: "/readyz",
        name: "get_readiness",
        summary: "Readiness: everything that the process needs, each named.",
        kind: JSON,
        schema: reference::<ReadinessView>,
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
    PlainRoute {
        path: "/openapi.json",
        name: "get_document",
        summary: "This document.",
        kind: JSON,
        schema: reference::<JsonObject>,
        ..ROUTE
    },
    PlainRoute { path: "/docs", name: "show_swagger_ui", summary: "This document in Swagger UI.", ..ROUTE },
    PlainRoute { path: "/redoc", name: "show_redoc", summary: "This document in ReDoc.", ..ROUTE },
    PlainRoute {
        path: "/preview/{slug}/",
        name: "show_site",
        tag: "Deployment",
        summary: "A published site, in a sandbox of its own.",
        elsewhere: Some(ON_HOST),
        parameters: &[("slug", "The site's part of the address")],
        limits: &[Limit::Preview],
        ..ROUTE
    },
    PlainRoute {
        path: "/preview/{slug}/{path}",
        name: "show_site_file",
        tag: "Deployment",
        summary: "A file of a published site.",
        elsewhere: Some(ON_HOST),
        kind: "*/*",
        schema: FileContent::schema,
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
            .response("200", answer("The answer.", &plain));
        if let Some(meaning) = plain.unavailable {
            operation = operation.response("503", answer(meaning, &plain));
        }
        if let Some(meaning) = plain.elsewhere {
            operation = operation.response("307", ResponseBuilder::new().description(meaning).build());
        }
        for (name, meaning) in plain.parameters {
            let parameter = ParameterBuilder::new()
                .name(*name)
                .parameter_in(ParameterIn::Path)
                .required(utoipa::openapi::Required::True)
                .description(Some(*meaning))
                .schema(Some(String::schema()));
            operation = operation.parameter(parameter);
        }
        let mut operation = operation.build();
        let policy = RoutePolicy::of_method(&Method::GET);
        described::describe(
            &mut operation,
            &RoutePolicy { limits: plain.limits, access: Access::Public, ..policy },
        );
        let item = PathItem::new(HttpMethod::Get, operation);
        document.paths.paths.insert(plain.path.to_owned(), item);
    }
    let components = document.components.get_or_insert_default();
    add_schema::<HomeView>(components);
    add_schema::<LivenessView>(components);
    add_schema::<ReadinessView>(components);
}

fn add_schema<T: ToSchema>(components: &mut Components) {
    let mut schemas = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    components.schemas.extend(schemas);
}

fn reference<T: ToSchema>() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(T::name()))
}

fn answer(meaning: &str, route: &PlainRoute) -> Response {
    let content = ContentBuilder::new().schema(Some((route.schema)())).build();
    let answer = ResponseBuilder::new().description(meaning).content(route.kind, content);
    match route.json {
        Some(schema) => answer.content(JSON, ContentBuilder::new().schema(Some(schema())).build()).build(),
        None => answer.build(),
    }
}
