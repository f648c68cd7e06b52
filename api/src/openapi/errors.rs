//! The error answers, described once and referred to by every operation that can
//! give them, and the codes that each operation can answer.
//!
//! An operation says errors of its own beside its handler, with their codes in the
//! description: `(status = 409, body = ErrorBody, description = "EMAIL_TAKEN: …")`. The
//! codes become an enum of the answer, together with those that any operation of its kind
//! answers with that status.

use std::collections::BTreeSet;

use serde_json::Value;
use utoipa::openapi::{
    Components, ContentBuilder, Ref, RefOr, Response, ResponseBuilder, Schema,
    content::Content,
    path::Operation,
    schema::{AllOfBuilder, ObjectBuilder, Type},
};

use super::headers;
use crate::{error::ErrorBody, route::described, schema::sets};

/// The extension of an operation with every code that it can answer.
pub(super) const CODES: &str = "x-error-codes";

/// An error that many operations answer.
struct Common {
    status: u16,
    /// The component's name.
    name: &'static str,
    meaning: &'static str,
    codes: &'static [&'static str],
}

const COMMON: [Common; 12] = [
    Common {
        status: 400,
        name: "BadRequest",
        meaning: "The address or the body cannot be understood.",
        codes: &["BAD_REQUEST", "INVALID_JSON", "INVALID_PATH"],
    },
    Common {
        status: 401,
        name: "Unauthorized",
        meaning: "No token, or one that is not or no longer good.",
        codes: &["INVALID_TOKEN", "TOKEN_EXPIRED", "UNAUTHENTICATED"],
    },
    Common {
        status: 403,
        name: "Forbidden",
        meaning: "Not for this API token, or the account is deactivated.",
        codes: &["ACCOUNT_DEACTIVATED", "INSUFFICIENT_SCOPE"],
    },
    Common {
        status: 403,
        name: "ForbiddenToOthers",
        meaning: "Only for administrators, not for this API token, or the account is deactivated.",
        codes: &["ACCOUNT_DEACTIVATED", "FORBIDDEN", "INSUFFICIENT_SCOPE"],
    },
    Common {
        status: 404,
        name: "NotFound",
        meaning: "There is no such thing, or it is another person's.",
        codes: &["NOT_FOUND"],
    },
    Common {
        status: 409,
        name: "Conflict",
        meaning: "The Idempotency-Key was used for another request, or its first request is still running.",
        codes: &["IDEMPOTENCY_KEY_REUSED", "REQUEST_IN_PROGRESS"],
    },
    Common {
        status: 413,
        name: "PayloadTooLarge",
        meaning: "The body is too large.",
        codes: &["PAYLOAD_TOO_LARGE"],
    },
    Common {
        status: 415,
        name: "UnsupportedMediaType",
        meaning: "The body is of another type than this operation takes.",
        codes: &["UNSUPPORTED_MEDIA_TYPE"],
    },
    Common {
        status: 422,
        name: "ValidationFailed",
        meaning: "Fields or parameters are not valid; details names each one.",
        codes: &["VALIDATION_FAILED"],
    },
    Common {
        status: 429,
        name: "RateLimited",
        meaning: "Too many requests. Retry-After says when to come back.",
        codes: &["RATE_LIMITED", "TOO_MANY_ATTEMPTS"],
    },
    Common {
        status: 500,
        name: "Internal",
        meaning: "Something went wrong on our side. The log has the request's id.",
        codes: &["INTERNAL"],
    },
    Common {
        status: 503,
        name: "Unavailable",
        meaning: "Not just now, such as while the database cannot do it. Retry-After says when to come back.",
        codes: &["BUSY", "TIMED_OUT", "UNAVAILABLE"],
    },
];

/// Adds the answers and their body to the document.
pub(super) fn add(components: &mut Components) {
    let schema = <ErrorBody as utoipa::PartialSchema>::schema();
    components.schemas.insert(<ErrorBody as utoipa::ToSchema>::name().into_owned(), schema);
    for Common { status, name, meaning, codes } in COMMON {
        let codes = codes.iter().map(|code| (*code).to_owned()).collect();
        let mut response =
            ResponseBuilder::new().description(meaning).content("application/json", content(&codes));
        for (header, reference) in headers::of_error(status) {
            response = response.header_ref(header, reference);
        }
        components.responses.insert(name.to_owned(), response.build().into());
    }
}

/// Adds the errors that follow from what an operation takes and who may call it, and the
/// codes to those of its own.
pub(super) fn complete(path: &str, operation: &mut Operation, is_public: bool) {
    let expected = expected(path, operation, is_public);
    let mut all = BTreeSet::new();
    for common in &expected {
        let reference = RefOr::Ref(Ref::from_response_name(common.name));
        operation.responses.responses.entry(common.status.to_string()).or_insert(reference);
    }
    for (status, response) in &mut operation.responses.responses {
        let common = expected.iter().find(|common| common.status.to_string() == *status);
        match response {
            RefOr::T(response) if is_error(response) => {
                let same = || COMMON.iter().find(|common| common.status.to_string() == *status);
                let common =
                    common.copied().or_else(|| same().filter(|_| codes_in(&response.description).is_empty()));
                all.extend(say_codes(response, common));
            }
            RefOr::T(_) => {}
            RefOr::Ref(_) => {
                all.extend(common.iter().flat_map(|common| common.codes).map(ToString::to_string))
            }
        }
    }
    let codes = all.into_iter().map(Value::from).collect::<Vec<_>>();
    operation.extensions.get_or_insert_default().insert(CODES.to_owned(), codes.into());
}

/// Adds the codes that operations say to the set of all codes.
pub(super) fn collect<'a>(components: &mut Components, operations: impl Iterator<Item = &'a Operation>) {
    let said = operations
        .flat_map(|operation| &operation.extensions)
        .filter_map(|extensions| extensions.get(CODES)?.as_array())
        .flatten()
        .filter_map(Value::as_str);
    sets::add_error_codes(components, said);
}

/// Whether an answer is one of the shape of errors.
fn is_error(response: &Response) -> bool {
    let Some(RefOr::T(content)) = response.content.get("application/json") else { return false };
    matches!(&content.schema, Some(RefOr::Ref(reference)) if reference.ref_location.ends_with("/ErrorBody"))
}

/// Makes an enum of the codes that the answer's description names and of those that it
/// shares with others.
fn say_codes(response: &mut Response, common: Option<&Common>) -> BTreeSet<String> {
    let mut codes = codes_in(&response.description);
    if let Some(common) = common {
        codes.extend(common.codes.iter().map(ToString::to_string));
        response.description = format!("{} {}", response.description, common.meaning);
    }
    response.content.insert("application/json".to_owned(), RefOr::T(content(&codes)));
    codes
}

/// The codes in a text: words of capitals that are joined by underscores.
fn codes_in(text: &str) -> BTreeSet<String> {
    let is_code = |word: &&str| {
        word.contains('_') && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(is_code).map(str::to_owned).collect()
}

/// The body of an error with one of these codes.
fn content(codes: &BTreeSet<String>) -> Content {
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes.iter().cloned()));
    let narrowed = ObjectBuilder::new().schema_type(Type::Object).property("code", code).required("code");
    let schema = AllOfBuilder::new().item(Ref::from_schema_name("ErrorBody")).item(narrowed);
    ContentBuilder::new().schema(Some(Schema::from(schema))).build()
}

/// The errors that follow from what an operation takes and who may call it.
fn expected(path: &str, operation: &Operation, is_public: bool) -> Vec<&'static Common> {
    let is_api = path.starts_with("/api/");
    let is_administration = path.starts_with("/api/admin/");
    let has_body = operation.request_body.is_some();
    let has_key = described::keeps_answer(operation);
    let takes_query = operation.parameters.iter().flatten().any(|parameter| {
        matches!(
            parameter,
            RefOr::T(parameter) if parameter.parameter_in == utoipa::openapi::path::ParameterIn::Query
        )
    });
    let rules = [
        ("BadRequest", true),
        ("Unauthorized", !is_public),
        ("Forbidden", !is_public && !is_administration),
        ("ForbiddenToOthers", !is_public && is_administration),
        ("NotFound", path.contains('{')),
        ("Conflict", has_key),
        ("PayloadTooLarge", has_body),
        ("UnsupportedMediaType", has_body),
        ("ValidationFailed", has_body || takes_query || has_key),
        ("RateLimited", described::is_limited(operation)),
        ("Internal", is_api),
        ("Unavailable", is_api && path != "/api/health"),
    ];
    let holds = |common: &&Common| rules.contains(&(common.name, true));
    COMMON.iter().filter(holds).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_codes_in_a_text() {
        let found =
            codes_in("EMAIL_TAKEN; or LAST_ADMIN: somebody has to. An API token, HTTP2, details.job_id.");

        assert_eq!(found, ["EMAIL_TAKEN", "LAST_ADMIN"].map(str::to_owned).into());
    }
}
