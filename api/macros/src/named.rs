//! The types that the arguments of attributes name.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;

/// The keys whose values are types.
const OF_TYPE: [&str; 4] = ["body", "content", "request_body", "value_type"];

/// The arguments that hold others with types.
const WITH_TYPES: [&str; 4] = ["headers", "params", "request_body", "responses"];

/// One argument: the tokens between two commas.
pub(crate) type Argument = Vec<TokenTree>;

/// Splits arguments at the commas that stand outside of brackets and angle brackets.
pub(crate) fn split(arguments: TokenStream) -> Vec<Argument> {
    let (mut all, mut argument, mut depth) = (Vec::new(), Vec::new(), 0);
    for token in arguments {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' && depth == 0 => {
                all.push(std::mem::take(&mut argument));
                continue;
            }
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' => depth -= 1,
            _ => {}
        }
        argument.push(token);
    }
    all.push(argument);
    all.retain(|argument| !argument.is_empty());
    all
}

/// The value of `key = value`.
pub(crate) fn value(argument: &[TokenTree]) -> Option<(&TokenTree, &[TokenTree])> {
    match argument {
        [key, TokenTree::Punct(punct), value @ ..] if punct.as_char() == '=' => Some((key, value)),
        _ => None,
    }
}

/// The types that the arguments of an operation name.
pub(crate) fn in_arguments(arguments: &[Argument]) -> Vec<TokenStream> {
    let mut types = Vec::new();
    for argument in arguments {
        match (value(argument), argument.as_slice()) {
            (Some((TokenTree::Ident(key), value)), _) if OF_TYPE.iter().any(|name| key == name) => {
                types.push(plain(value));
            }
            // The name of a parameter or a header with its type.
            (Some((TokenTree::Literal(_), value)), _) => types.push(plain(value)),
            (None, [TokenTree::Ident(name), TokenTree::Group(group)])
                if WITH_TYPES.iter().any(|known| name == known) =>
            {
                let inner = split(group.stream());
                if name == "params" {
                    types.extend(inner.iter().filter_map(|argument| structure(argument)));
                }
                types.extend(in_arguments(&inner));
            }
            (None, [TokenTree::Group(group)]) => types.extend(in_arguments(&split(group.stream()))),
            _ => {}
        }
    }
    types
}

/// The type of several parameters at once, which `params` names as it is.
fn structure(argument: &[TokenTree]) -> Option<TokenStream> {
    matches!(argument, [TokenTree::Ident(_), ..]).then(|| argument.iter().cloned().collect())
}

/// A type without the word that says how it is shown: `inline(FileContent)`.
fn plain(value: &[TokenTree]) -> TokenStream {
    match value {
        [TokenTree::Ident(word), TokenTree::Group(group)] if word == "inline" => group.stream(),
        _ => value.iter().cloned().collect(),
    }
}

/// The types that the attributes of an item and of its fields name.
pub(crate) fn in_attributes(item: TokenStream) -> Vec<TokenStream> {
    let (mut types, mut after_hash) = (Vec::new(), false);
    for token in item {
        if let TokenTree::Group(group) = &token {
            match group.delimiter() {
                Delimiter::Bracket if after_hash => types.extend(in_attribute(group)),
                _ => types.extend(in_attributes(group.stream())),
            }
        }
        after_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
    }
    types
}

fn in_attribute(attribute: &Group) -> Vec<TokenStream> {
    match attribute.stream().into_iter().collect::<Vec<_>>().as_slice() {
        [TokenTree::Ident(name), TokenTree::Group(arguments)] if name == "schema" || name == "param" => {
            in_arguments(&split(arguments.stream()))
        }
        _ => Vec::new(),
    }
}

/// An item that names the types and does nothing.
pub(crate) fn uses(types: &[TokenStream]) -> TokenStream {
    if types.is_empty() {
        return TokenStream::new();
    }
    quote! { const _: ::core::option::Option<(#(#types,)*)> = ::core::option::Option::None; }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(types: Vec<TokenStream>) -> Vec<String> {
        types.iter().map(|found| found.to_string().replace(' ', "")).collect()
    }

    #[test]
    fn every_type_of_an_operation_is_named() {
        let arguments = quote! {
            post, path = "/api/things/{id}", tag = TAG,
            params(("id" = Uuid, Path, description = "Which"), PageParams, inner::Query),
            request_body(content = Input, description = "May be left out."),
            responses(
                (status = 200, body = BTreeMap<String, Vec<View>>, headers(("ETag" = String), ("Age" = u64))),
                (status = 201, body = inline(File), content_type = "application/zip"),
                (status = 304, description = "Nothing."),
            ),
            extensions(("x-events" = json!({"status": 1}))),
            request_body = Other
        };

        assert_eq!(
            texts(in_arguments(&split(arguments))),
            [
                "PageParams",
                "inner::Query",
                "Uuid",
                "Input",
                "BTreeMap<String,Vec<View>>",
                "String",
                "u64",
                "File",
                "Other"
            ]
        );
    }

    #[test]
    fn every_type_of_a_schema_is_named() {
        let item = quote! {
            #[derive(Serialize)]
            #[schema(example = "a")]
            pub(crate) struct View {
                #[serde(rename = "b")]
                #[schema(value_type = Option<sets::State>, example = json!(["read"]))]
                pub(crate) state: String,
                #[param(value_type = Locale, default = "en")]
                locale: String,
                names: Vec<String>,
            }
        };

        assert_eq!(texts(in_attributes(item)), ["Option<sets::State>", "Locale"]);
        assert!(uses(&[]).is_empty());
        assert_eq!(
            uses(&[quote!(A), quote!(B)]).to_string(),
            quote! { const _: ::core::option::Option<(A, B,)> = ::core::option::Option::None; }.to_string()
        );
    }
}
