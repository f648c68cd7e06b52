//! The attribute of operations.

use proc_macro2::{Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};

use crate::named::{self, Argument};

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// What is said of an operation beside its handler.
struct Operation {
    method: Ident,
    path: Literal,
    is_public: bool,
    /// The constants that are named, such as that of the tag.
    constants: Vec<TokenStream>,
    types: Vec<TokenStream>,
}

/// Why the attribute cannot be read, and where.
struct Fault(Span, &'static str);

/// The handler with a type of its name, which holds its method and path.
pub(crate) fn expand(arguments: TokenStream, handler: TokenStream) -> TokenStream {
    match (read(&named::split(arguments.clone())), name_of(&handler)) {
        (Ok(operation), Some(name)) => declare(&operation, &name, &arguments, &handler),
        (Err(Fault(span, message)), _) => {
            quote_spanned! { span => ::core::compile_error!(#message); #handler }
        }
        (_, None) => quote! { ::core::compile_error!("an operation is a function"); #handler },
    }
}

fn declare(
    operation: &Operation,
    name: &Ident,
    arguments: &TokenStream,
    handler: &TokenStream,
) -> TokenStream {
    let Operation { method, path, is_public, constants, types } = operation;
    let method = Ident::new(&method.to_string().to_uppercase(), method.span());
    let types = named::uses(types);
    quote! {
        #[cfg_attr(test, utoipa::path(#arguments))]
        #handler

        /// The method and the path of the handler of this name.
        #[allow(non_camel_case_types)]
        enum #name {}

        impl crate::route::Operation for #name {
            const METHOD: ::axum::http::Method = ::axum::http::Method::#method;
            const FILTER: ::axum::routing::MethodFilter = ::axum::routing::MethodFilter::#method;
            const PATH: &'static str = #path;
            const IS_PUBLIC: bool = #is_public;
        }

        #(const _: &str = #constants;)*
        #types
    }
}

fn read(arguments: &[Argument]) -> Result<Operation, Fault> {
    let (mut method, mut path, mut is_public, mut constants) = (None, None, false, Vec::new());
    for argument in arguments {
        match (named::value(argument), argument.as_slice()) {
            (None, [TokenTree::Ident(name)]) if METHODS.iter().any(|known| name == known) => {
                method = Some(name.clone());
            }
            (None, [TokenTree::Ident(name), TokenTree::Group(group)]) if name == "security" => {
                is_public = reads_as_public(group)?;
            }
            (Some((TokenTree::Ident(key), [TokenTree::Literal(text)])), _) if key == "path" => {
                path = Some(text.clone());
            }
            (Some((TokenTree::Ident(key), value)), _) if key == "tag" => {
                constants.push(value.iter().cloned().collect());
            }
            _ => {}
        }
    }
    let method =
        method.ok_or(Fault(Span::call_site(), "the method is missing: get, put, post, delete or patch"))?;
    let path = path.ok_or(Fault(Span::call_site(), "the path is missing: path = \"/api/…\""))?;
    Ok(Operation { method, path, is_public, constants, types: named::in_arguments(arguments) })
}

/// `security(())`: anybody may call it.
fn reads_as_public(group: &Group) -> Result<bool, Fault> {
    match named::split(group.stream()).as_slice() {
        [argument] if matches!(argument.as_slice(), [TokenTree::Group(inner)] if inner.stream().is_empty()) => {
            Ok(true)
        }
        _ => Err(Fault(group.span(), "only security(()) is known: anybody may call the operation")),
    }
}

/// The name of a function.
fn name_of(handler: &TokenStream) -> Option<Ident> {
    let mut tokens = handler.clone().into_iter();
    tokens.find(|token| matches!(token, TokenTree::Ident(word) if word == "fn"))?;
    match tokens.next()? {
        TokenTree::Ident(name) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(arguments: TokenStream) -> String {
        let handler = quote! { pub(super) async fn list_things(fn_name: u8) -> &'static str { "things" } };
        expand(arguments, handler).to_string().replace(' ', "")
    }

    #[test]
    fn a_handler_gets_its_method_path_and_access() {
        let public = expanded(quote! { get, path = "/api/things", tag = TAG, security(()) });
        for part in [
            "#[cfg_attr(test,utoipa::path(get,path=\"/api/things\",tag=TAG,security(())))]",
            "enumlist_things{}",
            "constMETHOD:::axum::http::Method=::axum::http::Method::GET;",
            "constPATH:&'staticstr=\"/api/things\";",
            "constIS_PUBLIC:bool=true;",
            "const_:&str=TAG;",
        ] {
            assert!(public.contains(part), "{part} in {public}");
        }
        assert!(expanded(quote! { delete, path = "/api/things" }).contains("constIS_PUBLIC:bool=false;"));
    }

    #[test]
    fn what_cannot_be_read_does_not_compile() {
        for arguments in [
            quote! { path = "/api/things" },
            quote! { get },
            quote! { get, path = "/api/things", security(("key" = [])) },
        ] {
            let text = expanded(arguments.clone());
            assert!(text.contains("compile_error!"), "{arguments}");
        }
        assert!(
            expand(quote! { get, path = "/" }, quote! { struct A; }).to_string().contains("compile_error")
        );
    }
}
