//! The OpenAPI 3.1 document as the code has it. Operations describe themselves beside their
//! handlers; what holds for all of them is added here by rule.
//!
//! Only tests make it. They compare it with `docs/openapi.json`, which every process serves.

pub(crate) mod answers;
mod errors;
mod fields;
mod headers;
mod jobs;
mod kept;
mod plain;
mod rules;

use axum::http::Method;
use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::openapi::{
    InfoBuilder, LicenseBuilder, OpenApi, RefOr, Required, SecurityRequirement, ServerBuilder,
    path::Operation,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};

use crate::{
    route::described::{self, operations_of},
    routes,
    schema::sets,
};

const BEARER: &str = "bearer";

/// What the description of a body begins with that is not required.
const OPTIONAL_BODY: &str = "May be left out";

const DESCRIPTION: &str = "Atelier turns descriptions into applications. Slow work is done by jobs: a request \
    that starts one is answered `202` with the job's address in `Location`; follow it by polling (`ETag`, \
    `Retry-After`) or by its event stream.\n\nEvery error is `{\"error\", \"code\", \"details\", \
    \"request_id\"}`; the codes that an operation can answer are the enum of each of its errors, and all of \
    them its `x-error-codes`. Lists are bare arrays with `X-Total-Count` and `Link`; those under `/api/v1` are \
    `{\"count\", \"next\", \"previous\", \"results\"}`, and their addresses may end with a slash or not. Answers under `/api` \
    carry `RateLimit`, `RateLimit-Policy` and `X-Request-Id`.\n\nA field that may be null is always there; \
    one that may be left out is never null. Sets of values grow: take a value that you do not know for one \
    that came later. What a job resulted in is described by its kind in `JobResults`, what event streams \
    tell by the event's name in `JobEvents` and `RunEvents`. Operations with `x-internal` are for browsers and probes, not \
    for clients.";

const TAGS: [(&str, &str); 14] = [
    ("Accounts", "Accounts, sign-in and tokens."),
    ("Projects", "What is to be built."),
    ("Code", "What was generated: versions, code, ZIP files."),
    ("Deployment", "Publishing."),
    ("Workflows", "Graphs of steps: their drafts, versions and settings."),
    ("Runs", "Runs of workflows: their nodes and events; steering, answering and repeating them."),
    ("Schedules", "What starts workflows by the clock."),
    ("Hooks", "Addresses by which services outside start workflows."),
    ("Integrations", "Access to services outside, with their credentials, that nodes use."),
    ("Webhooks", "Servers that the events of a person are sent to, and what became of the events."),
    ("Jobs", "Slow work: its state, events, attempts; cancelling and retrying."),
    ("Credits", "What generations are paid with."),
    ("Platform", "Figures, probes, documents."),
    ("Administration", "What operators see and do."),
];

/// The document of every route.
pub(crate) fn document() -> OpenApi {
    let mut document = routes::all().into_document();
    document.info = InfoBuilder::new()
        .title("Atelier")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    document.servers =
        Some(vec![ServerBuilder::new().url("/").description(Some("The server of this document")).build()]);
    document.tags = Some(
        TAGS.map(|(name, meaning)| TagBuilder::new().name(name).description(Some(meaning)).build()).to_vec(),
    );
    plain::add(&mut document);
    let components = document.components.get_or_insert_default();
    errors::add(components);
    headers::add(components);
    jobs::add(components);
    sets::add(components);
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The access_token of a sign-in, or an API token of /api/auth/tokens."))
        .build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    let mut all = Vec::new();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations_of(item) {
            complete(&method, path, operation);
            all.push(&*operation);
        }
    }
    errors::collect(components, all.into_iter());
    fields::complete(&mut document);
    document
}

/// The document as text: indented, in a stable order, with a line break at the end.
pub(crate) fn openapi_json() -> String {
    let document = serde_json::to_value(document()).expect("the document is made of strings and numbers");
    let json = serde_json::to_string_pretty(&Ordered(&document)).expect("a value is JSON");
    json + "\n"
}

/// What readers look for first; everything else comes by its name.
const FIRST: [&str; 9] =
    ["openapi", "info", "servers", "paths", "components", "tags", "operationId", "summary", "type"];

/// A value whose fields come in an order of their own: extensions have none.
struct Ordered<'a>(&'a Value);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().map(|(name, value)| (name, Ordered(value))).collect();
                let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
                fields.sort_by_key(|(name, _)| (rank(name), *name));
                serializer.collect_map(fields)
            }
            Value::Array(entries) => serializer.collect_seq(entries.iter().map(Ordered)),
            value => value.serialize(serializer),
        }
    }
}

/// Adds what holds by rule: who may call it, its parameters, errors and headers.
fn complete(method: &Method, path: &str, operation: &mut Operation) {
    if *method == Method::POST && described::keeps_answer(operation) {
        operation.parameters.get_or_insert_default().push(RefOr::T(headers::idempotency_key()));
    }
    let is_public = operation.security.as_deref() == Some(&[SecurityRequirement::default()]);
    operation.security = Some(if is_public {
        Vec::new()
    } else {
        vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]
    });
    if let Some(RefOr::T(body)) = &mut operation.request_body
        && body.description.as_deref().is_some_and(|text| text.starts_with(OPTIONAL_BODY))
    {
        body.required = Some(Required::False);
    }
    fields::complete_parameters(operation);
    errors::complete(path, operation, is_public);
    headers::complete(path, operation);
    if is_internal(path, operation) {
        operation.extensions.get_or_insert_default().insert("x-internal".to_owned(), true.into());
    }
}

/// Whether an operation is for browsers and probes: it is not of the API, or it only sends a
/// browser on.
fn is_internal(path: &str, operation: &Operation) -> bool {
    let answers = || operation.responses.responses.keys().any(|status| status.starts_with('2'));
    !path.starts_with("/api/") || !answers()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::policy::Access;

    fn each_operation(mut visit: impl FnMut(&str, &str, &Operation)) {
        let mut document = document();
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations_of(item) {
                visit(method.as_str(), path, operation);
            }
        }
    }

    #[test]
    fn the_document_reads_the_same_each_time() {
        assert!(openapi_json() == openapi_json());
        assert!(openapi_json().starts_with("{\n  \"openapi\": \"3.1.0\""));
        assert!(openapi_json().ends_with("}\n"));
    }

    #[test]
    fn every_operation_is_described_and_has_a_name_of_its_own() {
        let tags: BTreeSet<_> = TAGS.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut names = BTreeSet::new();
        each_operation(|method, path, operation| {
            assert!(operation.summary.as_ref().is_some_and(|text| !text.is_empty()), "{method} {path}");
            let name = operation.operation_id.clone().expect("a name");
            assert!(names.insert(name.clone()), "{name} twice");
            assert!(operation.tags.iter().flatten().all(|tag| tags.contains(tag)), "{method} {path}");
            assert!(operation.tags.is_some(), "{method} {path}");
        });
    }

    #[test]
    fn a_body_that_may_be_left_out_is_not_required() {
        let mut optional = Vec::new();
        each_operation(|method, path, operation| {
            if let Some(RefOr::T(body)) = &operation.request_body
                && body.required == Some(Required::False)
            {
                optional.push(format!("{method} {path}"));
            }
        });

        assert!(optional.contains(&"POST /api/projects/{id}/generate".to_owned()), "{optional:?}");
        assert!(optional.contains(&"DELETE /api/users/me".to_owned()), "{optional:?}");
        assert!(!optional.contains(&"POST /api/auth/login".to_owned()));
    }

    /// The names of the fields of a value whose schemas stand in the document.
    fn field_names(value: &Value, document: &Value) -> BTreeSet<String> {
        let (mut names, mut seen, mut stack) = (BTreeSet::new(), BTreeSet::new(), vec![value]);
        while let Some(value) = stack.pop() {
            if let Some(reference) = value["$ref"].as_str().filter(|reference| seen.insert(*reference)) {
                stack.extend(document.pointer(&reference[1..]));
            }
            names.extend(
                value["properties"].as_object().into_iter().flat_map(|fields| fields.keys().cloned()),
            );
            match value {
                Value::Object(fields) => stack.extend(fields.values()),
                Value::Array(entries) => stack.extend(entries),
                _ => {}
            }
        }
        names
    }

    #[test]
    fn routes_say_which_answers_hold_a_secret_and_keep_none_of_these() {
        let (_, policies) = routes::all().into_parts();
        let document: Value = serde_json::from_str(&openapi_json()).expect("JSON");
        // A plain `key` names a node of a workflow.
        let is_secret = |name: &String| {
            ["token", "secret", "password", "cookie"].contains(&name.as_str())
                || ["_token", "_secret", "_password", "_cookie", "_key"].iter().any(|end| name.ends_with(end))
        };
        let mut kept = 0;
        each_operation(|method, path, operation| {
            let name = format!("{method} {path}");
            let policy = policies.find(&method.parse().expect("a method"), path);
            let answers = serde_json::to_value(&operation.responses).expect("JSON");
            let has_secret = field_names(&answers, &document).iter().any(is_secret);
            assert!(policy.answers_secret || !has_secret, "say answers_secret() of {name}");
            if policy.keeps_answer {
                kept += 1;
                assert!(!policy.answers_secret && policy.access != Access::Public, "{name}");
            }
        });
        assert!(kept >= 12, "{kept}");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let json: Value = serde_json::from_str(&openapi_json()).expect("JSON");
        let mut stack = vec![&json];
        while let Some(value) = stack.pop() {
            if let Some(reference) = value.get("$ref").and_then(|reference| reference.as_str()) {
                let pointer = reference.strip_prefix('#').expect("a local reference");
                assert!(json.pointer(pointer).is_some(), "{reference}");
            }
            match value {
                Value::Object(fields) => stack.extend(fields.values()),
                Value::Array(entries) => stack.extend(entries),
                _ => {}
            }
        }
    }

    #[test]
    fn errors_follow_from_what_an_operation_takes() {
        let document = document();
        let post = document.paths.paths["/api/projects/{id}/generate"].post.as_ref().expect("the operation");
        let statuses: Vec<_> = post.responses.responses.keys().map(String::as_str).collect();

        assert_eq!(
            statuses,
            ["202", "400", "401", "403", "404", "409", "413", "415", "422", "429", "500", "503"]
        );
    }
}
