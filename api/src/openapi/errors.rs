//! The error answers, described once and referred to by every operation that can
//! give them.

use utoipa::openapi::{
    Components, ContentBuilder, HeaderBuilder, Ref, ResponseBuilder,
    path::Operation,
    schema::{ObjectBuilder, Type},
};

use crate::{error::ErrorBody, route};

/// Status, name of the component, meaning.
const ERRORS: [(u16, &str, &str); 11] = [
    (
        400,
        "BadRequest",
        "The address or the body cannot be understood: INVALID_PATH, INVALID_JSON, BAD_REQUEST.",
    ),
    (
        401,
        "Unauthorized",
        "No token, or one that is not or no longer good: UNAUTHENTICATED, INVALID_TOKEN, TOKEN_EXPIRED.",
    ),
    (
        403,
        "Forbidden",
        "Not for this account or this API token: FORBIDDEN (only for administrators), INSUFFICIENT_SCOPE, EMAIL_NOT_VERIFIED, ACCOUNT_DEACTIVATED.",
    ),
    (404, "NotFound", "There is no such thing, or it is another person's: NOT_FOUND."),
    (
        409,
        "Conflict",
        "The Idempotency-Key was used for another request (IDEMPOTENCY_KEY_REUSED) or its first request is still running (REQUEST_IN_PROGRESS).",
    ),
    (413, "PayloadTooLarge", "The body is too large: PAYLOAD_TOO_LARGE."),
    (415, "UnsupportedMediaType", "The body is not declared as JSON: UNSUPPORTED_MEDIA_TYPE."),
    (
        422,
        "ValidationFailed",
        "Fields or parameters are not valid; details names each one: VALIDATION_FAILED.",
    ),
    (
        429,
        "RateLimited",
        "Too many requests: RATE_LIMITED, TOO_MANY_ATTEMPTS. Retry-After says when to come back.",
    ),
    (500, "Internal", "Something went wrong on our side: INTERNAL. The log has the request's id."),
    (
        503,
        "Unavailable",
        "Not just now: TIMED_OUT, BUSY, UNAVAILABLE (the database cannot do it at the moment). Retry-After says when to come back.",
    ),
];

/// The component's name of a status.
pub(super) fn name(status: u16) -> &'static str {
    ERRORS.iter().find(|(known, ..)| *known == status).map_or("Internal", |(_, name, _)| name)
}

/// Adds the answers and their body to the document.
pub(super) fn add_components(components: &mut Components) {
    let schema = <ErrorBody as utoipa::PartialSchema>::schema();
    components.schemas.insert(<ErrorBody as utoipa::ToSchema>::name().into_owned(), schema);
    for (status, name, meaning) in ERRORS {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).build();
        let mut response = ResponseBuilder::new().description(meaning).content("application/json", content);
        if matches!(status, 429 | 503) {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
            let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds.")).build();
            response = response.header("Retry-After", header);
        }
        components.responses.insert(name.to_owned(), response.build().into());
    }
}

/// The errors that follow from what an operation takes and who may call it.
pub(super) fn expected(path: &str, operation: &Operation, is_public: bool) -> Vec<u16> {
    let is_api = path.starts_with("/api/");
    let has_body = operation.request_body.is_some();
    let has_key = route::keeps_answer(operation);
    let takes_query = operation.parameters.iter().flatten().any(|parameter| {
        matches!(
            parameter,
            utoipa::openapi::RefOr::T(parameter)
                if parameter.parameter_in == utoipa::openapi::path::ParameterIn::Query
        )
    });
    let rules = [
        (400, true),
        (401, !is_public),
        (403, !is_public),
        (404, path.contains('{')),
        (409, has_key),
        (413, has_body),
        (415, has_body),
        (422, has_body || takes_query || has_key),
        (429, route::is_limited(operation)),
        (500, is_api),
        (503, is_api),
    ];
    rules.into_iter().filter(|(_, holds)| *holds).map(|(status, _)| status).collect()
}
