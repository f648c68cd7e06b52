//! Reading the paths of source files: which names they take from the root of their crate.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The root of a crate: its modules, and the names that it re-exports.
#[derive(Debug, Default)]
pub(super) struct Root {
    modules: BTreeSet<String>,
    /// The first segment of the path that each re-exported name comes from.
    exports: BTreeMap<String, String>,
}

impl Root {
    /// Reads the text of `lib.rs`.
    pub(super) fn parse(text: &str) -> Self {
        let (mut root, tokens) = (Self::default(), tokens_of(text));
        for (index, token) in tokens.iter().enumerate() {
            let rest = &tokens[index + 1..];
            match (ident(token).as_deref(), rest) {
                (Some("mod"), [name, end, ..]) if is_punct(end, ';') => root.modules.extend(ident(name)),
                (Some("use"), [first, ..]) => {
                    let end = rest.iter().position(|token| is_punct(token, ';')).unwrap_or(rest.len());
                    let from = ident(first).unwrap_or_default();
                    root.exports
                        .extend(last_names(&rest[..end]).into_iter().map(|name| (name, from.clone())));
                }
                _ => {}
            }
        }
        root
    }

    /// Adds names of a module that are at the root although `lib.rs` does not have them: its
    /// exported macros.
    pub(super) fn add_exports(&mut self, module: &str, names: impl IntoIterator<Item = String>) {
        self.exports.extend(names.into_iter().map(|name| (name, module.to_owned())));
    }

    /// The modules beside `lib.rs`.
    pub(super) fn modules(&self) -> &BTreeSet<String> {
        &self.modules
    }

    /// Whether there is a module of that name.
    pub(super) fn has_module(&self, name: &str) -> bool {
        self.modules.contains(name)
    }

    /// The module that has a name of the root.
    pub(super) fn module_of(&self, name: &str) -> Option<&str> {
        let module = self.modules.get(name).or_else(|| self.exports.get(name))?;
        self.has_module(module).then_some(module)
    }

    /// Whether a name of the root comes from another crate.
    pub(super) fn is_foreign(&self, name: &str) -> bool {
        self.exports.get(name).is_some_and(|from| !self.has_module(from))
    }
}

/// The macros of a file that `#[macro_export]` puts at the root of its crate.
pub(super) fn exported_macros(text: &str) -> Vec<String> {
    let tokens = tokens_of(text);
    let named = |part: &[TokenTree]| match part {
        [attribute, rules, bang, name]
            if is_attribute(attribute, "macro_export")
                && ident(rules).as_deref() == Some("macro_rules")
                && is_punct(bang, '!') =>
        {
            ident(name)
        }
        _ => None,
    };
    tokens.windows(4).filter_map(named).collect()
}

/// The names that a file takes from the root of its crate, by `crate::` or `super::`. The path
/// of its module has `depth` segments. Code for tests is left out.
pub(super) fn names_in(text: &str, depth: usize) -> Vec<String> {
    let mut names = Vec::new();
    collect(&tokens_of(text), depth, &mut names);
    names
}

fn collect(tokens: &[TokenTree], depth: usize, names: &mut Vec<String>) {
    let mut index = 0;
    while index < tokens.len() {
        let rest = &tokens[index..];
        index += 1;
        match (ident(&rest[0]).as_deref(), rest) {
            (Some("mod"), [_, _, TokenTree::Group(body), ..]) => {
                collect(&without_tests(body.stream()), depth + 1, names);
                index += 2;
            }
            (Some("crate"), [_, one, two, after @ ..]) if is_path(one, two) => {
                names.extend(first_names(after))
            }
            (Some("super"), _) => {
                let supers = count_supers(rest);
                if supers >= depth {
                    names.extend(first_names(rest.get(supers * 3..).unwrap_or_default()));
                }
                index += supers.saturating_sub(1) * 3;
            }
            (None, [TokenTree::Group(group), ..]) => {
                collect(&without_tests(group.stream()), depth, names);
            }
            _ => {}
        }
    }
}

/// How many `super::` the tokens begin with.
fn count_supers(tokens: &[TokenTree]) -> usize {
    let is_super =
        |part: &&[TokenTree]| ident(&part[0]).as_deref() == Some("super") && is_path(&part[1], &part[2]);
    tokens.chunks_exact(3).take_while(is_super).count()
}

/// The first segments of a path, or of each path of a group in braces.
fn first_names(tokens: &[TokenTree]) -> Vec<String> {
    match tokens.first() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let inner: Vec<_> = group.stream().into_iter().collect();
            let parts = inner.split(|token| is_punct(token, ','));
            parts.filter_map(|part| ident(part.first()?)).filter(|name| name != "self").collect()
        }
        first => first.and_then(ident).into_iter().collect(),
    }
}

/// The last segments, or new names, of a path or of each path of a group in braces.
fn last_names(tokens: &[TokenTree]) -> Vec<String> {
    match tokens.last() {
        Some(TokenTree::Group(group)) => {
            let inner: Vec<_> = group.stream().into_iter().collect();
            inner.split(|token| is_punct(token, ',')).flat_map(last_names).collect()
        }
        last => last.and_then(ident).into_iter().collect(),
    }
}

fn tokens_of(text: &str) -> Vec<TokenTree> {
    without_tests(text.parse().expect("a source file has valid tokens"))
}

/// The tokens without items under `#[cfg(test)]`.
fn without_tests(tokens: TokenStream) -> Vec<TokenTree> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut kept = Vec::with_capacity(tokens.len());
    let mut index = 0;
    while index < tokens.len() {
        if tokens.get(index + 1).is_some_and(is_test_attribute) && is_punct(&tokens[index], '#') {
            let item = &tokens[index + 2..];
            let ends = |token: &TokenTree| is_punct(token, ';') || is_braces(token);
            index += 2 + item.iter().position(ends).map_or(item.len(), |end| end + 1);
        } else {
            kept.push(tokens[index].clone());
            index += 1;
        }
    }
    kept
}

fn is_attribute(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Group(group) if group.stream().to_string() == name)
}

fn is_test_attribute(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else { return false };
    let text = group.stream().to_string().replace(' ', "");
    group.delimiter() == Delimiter::Bracket && (text == "cfg(test)" || text.starts_with("cfg(all(test"))
}

fn is_braces(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn is_path(one: &TokenTree, two: &TokenTree) -> bool {
    is_punct(one, ':') && is_punct(two, ':')
}

fn is_punct(token: &TokenTree, punct: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == punct)
}

fn ident(token: &TokenTree) -> Option<String> {
    if let TokenTree::Ident(ident) = token { Some(ident.to_string()) } else { None }
}

#[test]
fn names_of_the_root_are_found_wherever_they_are() {
    for (source, depth, names) in [
        ("use crate::{a::{b, c}, d, self};", 1, &["a", "d"][..]),
        ("fn f() { let x = crate::a::f(super::b::G); }", 1, &["a", "b"]),
        ("use super::a; use super::super::{b, c::d};", 2, &["b", "c"]),
        ("mod inner { use super::a; use super::super::b; }", 1, &["b"]),
        ("pub(crate) fn f() {} pub(super) struct S; pub(in crate::a) struct T;", 1, &["a"]),
        ("// crate::a\n/// crate::b\nconst X: &str = \"crate::c\";", 1, &[]),
        ("#[cfg(test)] use crate::a; #[cfg(test)] mod tests { use crate::b; } use crate::c;", 1, &["c"]),
        ("impl A { #[cfg(test)] fn f() { crate::a() } fn g() { crate::b() } }", 1, &["b"]),
    ] {
        assert_eq!(names_in(source, depth), names, "{source}");
    }
}

#[test]
fn a_root_knows_where_its_names_come_from() {
    let root = Root::parse(
        "pub mod a; mod b; #[cfg(test)] mod testing; pub use b::{C, d::E as F}; pub use other::G;",
    );

    assert_eq!(root.modules().iter().collect::<Vec<_>>(), ["a", "b"]);
    for (name, module) in [("a", Some("a")), ("C", Some("b")), ("F", Some("b")), ("E", None), ("G", None)] {
        assert_eq!(root.module_of(name), module, "{name}");
    }
    assert!(root.is_foreign("G") && !root.is_foreign("E"));
}

#[test]
fn an_exported_macro_is_a_name_of_the_root_from_its_module() {
    let source = "#[macro_export] macro_rules! shown { () => {} } macro_rules! hidden { () => {} }";
    let mut root = Root::parse("mod a;");

    assert_eq!(exported_macros(source), ["shown"]);
    root.add_exports("a", exported_macros(source));
    assert_eq!(root.module_of("shown"), Some("a"));
    assert_eq!(names_in("fn f() { $crate::shown!() }", 1), ["shown"]);
}
