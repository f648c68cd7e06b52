//! The direction of the modules inside crates.
//!
//! A module is a file or folder beside `lib.rs`. It may name only modules of lower layers.
//! Code for tests does not count.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::sources;
use paths::{Root, exported_macros, names_in};

mod paths;
mod tables;

/// The layers of a crate's modules.
struct Layers {
    /// The folder of the crate.
    folder: &'static str,
    /// From the lowest layer up. Modules of one layer do not name each other.
    layers: &'static [&'static [&'static str]],
    /// Pairs of modules of which the first still names the second, against the direction.
    /// This list may only shrink.
    backwards: &'static [(&'static str, &'static str)],
}

/// The modules of a crate and which of the others each of them names.
#[derive(Debug, Default)]
struct Modules {
    names: BTreeMap<String, BTreeSet<String>>,
    /// Names after `crate::` that the crate's root does not have.
    unknown: Vec<String>,
}

impl Modules {
    fn add(&mut self, root: &Root, module: &str, named: impl IntoIterator<Item = String>) {
        for name in named {
            match root.module_of(&name) {
                Some(other) if other != module => {
                    self.names.entry(module.to_owned()).or_default().insert(other.to_owned());
                }
                Some(_) => {}
                None if root.is_foreign(&name) => {}
                None => {
                    self.unknown.push(format!("{module} names crate::{name}, which lib.rs does not have"))
                }
            }
        }
    }
}

/// Reads the modules of a crate.
fn modules_of(folder: &str) -> (Root, Modules) {
    let src = Path::new(folder).join("src");
    let mut root = Root::parse(&sources::read(&src.join("lib.rs")));
    let mut files = Vec::new();
    for file in sources::list_files("rs") {
        let Ok(inner) = file.strip_prefix(&src) else { continue };
        let inner = inner.with_extension("");
        let path: Vec<_> = inner.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let is_for_tests = path.iter().any(|part| part == "tests" || part == "testing");
        if !is_for_tests && root.has_module(&path[0]) {
            files.push((path, sources::read(&file)));
        }
    }
    for (path, text) in &files {
        root.add_exports(&path[0], exported_macros(text));
    }
    let mut modules = Modules::default();
    for (path, text) in &files {
        modules.add(&root, &path[0], names_in(text, path.len()));
    }
    (root, modules)
}

/// What is wrong with a crate's modules or with its table, in words.
fn violations(layers: &Layers, declared: &BTreeSet<String>, modules: &Modules) -> Vec<String> {
    let layer_of = |module: &str| layers.layers.iter().position(|layer| layer.contains(&module));
    let listed: Vec<&str> = layers.layers.concat();
    let mut found = modules.unknown.clone();
    found.extend(
        declared
            .iter()
            .filter(|module| layer_of(module).is_none())
            .map(|module| format!("{module} is in no layer")),
    );
    found.extend(
        listed
            .iter()
            .filter(|module| !declared.contains(**module))
            .map(|module| format!("{module} does not exist")),
    );
    let mut unused: Vec<_> = layers.backwards.to_vec();
    for (module, others) in &modules.names {
        for other in others.iter().filter(|other| layer_of(other) >= layer_of(module)) {
            let before = unused.len();
            unused.retain(|pair| *pair != (module.as_str(), other.as_str()));
            if unused.len() == before {
                found.push(format!("{module} must not name {other}"));
            }
        }
    }
    found
        .extend(unused.iter().map(|(from, to)| format!("{from} no longer names {to}: remove the exception")));
    found
}

#[test]
fn every_module_names_only_modules_of_lower_layers() {
    let mut found = Vec::new();
    for layers in tables::ALL {
        let (root, modules) = modules_of(layers.folder);
        let wrong = violations(layers, root.modules(), &modules);
        found.extend(wrong.into_iter().map(|wrong| format!("{}: {wrong}", layers.folder)));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_rules_find_what_points_backwards() {
    let layers = Layers { folder: "", layers: &[&["low"], &["one", "two"]], backwards: &[("low", "one")] };
    let root = Root::parse("mod low; mod one; pub mod two; pub use two::{Thing as Other, Work};");
    let check = |sources: &[(&str, &str)]| {
        let mut modules = Modules::default();
        for (module, source) in sources {
            modules.add(&root, module, names_in(source, 1));
        }
        violations(&layers, root.modules(), &modules)
    };
    let exception = ("low", "use crate::one::A;");

    assert!(
        check(&[exception, ("one", "use super::low::B;"), ("two", "use crate::{Work, low};")]).is_empty()
    );
    assert_eq!(check(&[]), ["low no longer names one: remove the exception"]);
    assert_eq!(check(&[exception, ("one", "fn f() { crate::Other::new() }")]), ["one must not name two"]);
    assert_eq!(check(&[exception, ("low", "use crate::{self, two::{X, Y}};")]), ["low must not name two"]);
    let unknown = check(&[exception, ("one", "use crate::three::X;")]);
    assert_eq!(unknown, ["one names crate::three, which lib.rs does not have"]);
}
