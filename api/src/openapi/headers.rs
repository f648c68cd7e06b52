//! Headers of answers, described once and referred to by every answer that has them, and the
//! one of requests whose answers are kept.

use utoipa::openapi::{
    Components, HeaderBuilder, Ref, RefOr, Required, Response,
    header::Header,
    path::{Operation, Parameter, ParameterBuilder, ParameterIn},
    schema::{ObjectBuilder, Type},
};

use crate::{
    middleware::idempotency::{LONGEST_KEY, PARAMETER},
    route::described,
};

/// Name, type, meaning.
const HEADERS: [(&str, Type, &str); 15] = [
    ("Content-Disposition", Type::String, "With the file's name."),
    ("ETag", Type::String, "Changes with each revision; to be sent as If-None-Match."),
    ("Idempotency-Replayed", Type::Boolean, "True where this is the kept answer to an earlier request."),
    ("Link", Type::String, "The first, previous, next and last page (RFC 8288), where there are others."),
    ("Location", Type::String, "The address of what the answer is about."),
    ("RateLimit", Type::String, "The tightest limit: its name, requests left, seconds until it is whole."),
    ("RateLimit-Limit", Type::Integer, "Requests of the tightest limit in its window."),
    ("RateLimit-Policy", Type::String, "The tightest limit: its name, requests, seconds of its window."),
    ("RateLimit-Remaining", Type::Integer, "Requests that are left of it."),
    ("RateLimit-Reset", Type::Integer, "Seconds until it is whole again."),
    ("Retry-After", Type::Integer, "Seconds until it is worth asking again."),
    ("WWW-Authenticate", Type::String, "How to sign in: Bearer."),
    ("X-Request-Id", Type::String, "The id of the request; the log has it too."),
    ("X-Total-Count", Type::Integer, "All entries of the list, counted up to 10,000."),
    ("X-Total-Count-Capped", Type::Boolean, "True where there may be more than were counted."),
];

const OF_LIMITS: [&str; 5] =
    ["RateLimit", "RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"];

/// Pages and documents that have a validator, beside published sites.
const OF_FILES: [&str; 4] = ["/", "/docs", "/openapi.json", "/redoc"];

const OF_LISTS: [&str; 3] = ["Link", "X-Total-Count", "X-Total-Count-Capped"];

/// Adds the headers to the document.
pub(super) fn add(components: &mut Components) {
    for (name, kind, meaning) in HEADERS {
        let schema = ObjectBuilder::new().schema_type(kind).build();
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(meaning)).build();
        components.headers.insert(name.to_owned(), RefOr::T(header));
    }
}

/// The `Idempotency-Key` as a parameter.
pub(super) fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).max_length(Some(LONGEST_KEY));
    let schema = schema.pattern(Some("^[\\t -~]*[!-~][\\t -~]*$")).build();
    ParameterBuilder::new()
        .name(PARAMETER)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Any text, new for each new request. The same key and body within 24 hours get the first answer \
             again; another body is 409 IDEMPOTENCY_KEY_REUSED.",
        ))
        .schema(Some(schema))
        .build()
}

/// A reference to a header of the document.
fn reference(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// Refers to the headers that answers say, and to those that they have by rule.
pub(super) fn complete(path: &str, operation: &mut Operation) {
    let is_kept = described::keeps_answer(operation);
    // Those of the first version are objects that hold the number and the links.
    let is_list = takes_page(operation) && !path.starts_with("/api/v1/");
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let of_lists = OF_LISTS.into_iter().filter(|_| is_list && status == "200");
        for name in by_rule(path, status, is_kept).into_iter().chain(of_lists) {
            response.headers.entry(name.to_owned()).or_insert_with(|| RefOr::Ref(reference(name)));
        }
        refer(response);
    }
}

/// Whether an operation answers a page of a list.
fn takes_page(operation: &Operation) -> bool {
    let is_page = |parameter: &RefOr<_>| match parameter {
        RefOr::T(Parameter { name, .. }) => name == "page",
        RefOr::Ref(_) => false,
    };
    operation.parameters.iter().flatten().any(is_page)
}

/// The headers of every answer of a status.
pub(super) fn of_error(status: u16) -> impl Iterator<Item = (&'static str, Ref)> {
    let names = by_rule("/api/", &status.to_string(), status == 409);
    names.into_iter().map(|name| (name, reference(name)))
}

fn by_rule(path: &str, status: &str, is_kept: bool) -> Vec<&'static str> {
    let is_api = path.starts_with("/api/");
    let is_limited = is_api && path != "/api/health" || path.starts_with("/preview/");
    let mut names = vec!["X-Request-Id"];
    if is_limited {
        names.extend(OF_LIMITS);
    }
    match status {
        "307" => names.push("Location"),
        "401" => names.push("WWW-Authenticate"),
        "429" | "503" => names.push("Retry-After"),
        "409" if is_kept => names.push("Retry-After"),
        _ => {}
    }
    if (OF_FILES.contains(&path) || path.starts_with("/preview/")) && status == "200" {
        names.push("ETag");
    }
    if is_kept && status.starts_with('2') {
        names.push("Idempotency-Replayed");
    }
    names
}

/// Puts references in the place of headers that are described here. A description of their
/// own stays.
fn refer(response: &mut Response) {
    for (name, header) in &mut response.headers {
        let RefOr::T(Header { description, .. }) = header else { continue };
        if HEADERS.iter().any(|(known, ..)| known == name) {
            let mut reference = reference(name);
            reference.description = description.take().unwrap_or_default();
            *header = RefOr::Ref(reference);
        }
    }
}
