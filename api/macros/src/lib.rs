//! The attribute of operations and the derives of schemas that the routes of Atelier are
//! declared with.
//!
//! The OpenAPI document is made by the tests of `atelier-api`, which compare it with
//! `docs/openapi.json`. Only these tests compile `utoipa` and the code that it generates. In
//! every other build the attribute reads the method, the path and the security of an
//! operation, and the derives generate nothing. Both name the types and constants of their
//! arguments, so that a build without the document has the same errors and no unused import.

mod named;
mod operation;

use proc_macro::TokenStream;

/// Declares a handler as an operation: `#[operation(get, path = "/api/projects", …)]`.
///
/// The arguments are those of `utoipa::path`. The operation needs a signed-in person unless
/// it says `security(())`. `routes!` registers handlers with this attribute.
#[proc_macro_attribute]
pub fn operation(arguments: TokenStream, handler: TokenStream) -> TokenStream {
    operation::expand(arguments.into(), handler.into()).into()
}

/// Stands for `utoipa::ToSchema` in builds without the document.
#[proc_macro_derive(ToSchema, attributes(schema))]
pub fn to_schema(item: TokenStream) -> TokenStream {
    named::uses(&named::in_attributes(item.into())).into()
}

/// Stands for `utoipa::IntoParams` in builds without the document.
#[proc_macro_derive(IntoParams, attributes(into_params, param))]
pub fn into_params(item: TokenStream) -> TokenStream {
    named::uses(&named::in_attributes(item.into())).into()
}
