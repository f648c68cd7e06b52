//! The libraries: how many there are, which of them come twice, where they come from, and
//! under which licences.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use cargo_metadata::MetadataCommand;

use crate::sources;

/// Most libraries in the lock, for all platforms. Raise it only together with the reason for
/// what was added. `chacha20poly1305`, which seals credentials, brings six: nothing in the lock
/// had XChaCha20-Poly1305, whose nonces may be random. `oxc`, which reads JavaScript, TypeScript
/// and JSX, brings 38 in place of two grammars that refused valid code. Its transformer and printer, which
/// compile React applications for the preview, bring 19.
const MOST: usize = 633;

/// Libraries that are in the lock more than once. This list may only shrink.
const TWICE: &str = "atoi base64 block-buffer const-oid cpufeatures crypto-common darling darling_core \
    darling_macro der digest embedded-io getrandom hashbrown hashlink heck hmac indexmap itertools nom num-bigint \
    ordered-float pem pem-rfc7468 phf phf_generator phf_macros phf_shared pkcs8 r-efi rand rand_chacha rand_core schemars sha2 \
    signature spin spki syn synstructure thiserror thiserror-impl tower-http windows-sys winnow";

/// Licences under which a library may be used here.
const LICENCES: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// A library of the lock.
struct Locked {
    name: String,
    version: String,
    source: String,
}

/// The libraries of the lock, without the crates of the workspace.
fn locked() -> Vec<Locked> {
    let lock: toml::Table = sources::read(Path::new("Cargo.lock")).parse().expect("the lock is TOML");
    let text = |package: &toml::Value, key: &str| package.get(key)?.as_str().map(str::to_owned);
    let packages = lock["package"].as_array().expect("packages");
    let libraries = packages.iter().filter_map(|package| {
        let (name, version) = (text(package, "name")?, text(package, "version")?);
        Some(Locked { name, version, source: text(package, "source")? })
    });
    libraries.collect()
}

/// The names that are there more than once, with their versions.
fn duplicates(libraries: &[Locked]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut versions = BTreeMap::<_, BTreeSet<_>>::new();
    for Locked { name, version, .. } in libraries {
        versions.entry(name.as_str()).or_default().insert(version.as_str());
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

/// Whether a licence expression allows the use under the licences above. `AND` binds closer
/// than `OR`; a slash is an older way to write `OR`.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.trim();
    if let Some(inner) = expression.strip_prefix('(')
        && let Some((inner, rest)) = inner.split_once(')')
    {
        return match rest.trim().split_once(' ') {
            Some(("AND", rest)) => is_allowed(inner) && is_allowed(rest),
            Some(("OR", rest)) => is_allowed(inner) || is_allowed(rest),
            _ => rest.trim().is_empty() && is_allowed(inner),
        };
    }
    if let Some((first, rest)) = expression.split_once(" OR ").or_else(|| expression.split_once('/')) {
        return is_allowed(first) || is_allowed(rest);
    }
    match expression.split_once(" AND ") {
        Some((first, rest)) => is_allowed(first) && is_allowed(rest),
        None => LICENCES.contains(&expression),
    }
}

/// The platform that the tests run on.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc answers");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host").to_owned()
}

#[test]
fn no_more_libraries_come_than_are_known() {
    let count = locked().len();
    assert!(count <= MOST, "{count} libraries, {MOST} allowed: leave out what is not needed, or raise MOST");
}

#[test]
fn no_other_library_comes_twice() {
    let libraries = locked();
    let found = duplicates(&libraries);
    let known: BTreeSet<_> = TWICE.split_whitespace().collect();
    let new: Vec<_> = found.iter().filter(|(name, _)| !known.contains(*name)).collect();
    let gone: Vec<_> = known.iter().filter(|name| !found.contains_key(*name)).collect();
    assert!(new.is_empty(), "these come more than once now: {new:?}");
    assert!(gone.is_empty(), "take these from TWICE: {gone:?}");
}

#[test]
fn every_library_comes_from_the_one_registry() {
    let libraries = locked();
    let found: BTreeSet<_> = libraries.iter().map(|library| library.source.as_str()).collect();
    assert!(found.len() == 1 && found.iter().all(|source| source.starts_with("registry+")), "{found:?}");
}

#[test]
fn every_library_has_an_allowed_licence() {
    let metadata = MetadataCommand::new()
        .manifest_path(sources::root().join("Cargo.toml"))
        .other_options(["--offline", "--locked", "--filter-platform", &host()].map(str::to_owned))
        .exec()
        .expect("cargo describes the libraries");
    let refused: Vec<_> = metadata
        .packages
        .iter()
        .filter(|package| !package.license.as_deref().is_some_and(is_allowed))
        .map(|package| format!("{}: {:?}", package.name, package.license))
        .collect();
    assert!(metadata.packages.len() > 100 && refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn licence_expressions_are_read() {
    for (expression, allowed) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("GPL-3.0 AND MIT OR Zlib", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression), allowed, "{expression}");
    }
}

#[test]
fn duplicates_are_found() {
    let library = |name: &str, version: &str| Locked {
        name: name.to_owned(),
        version: version.to_owned(),
        source: String::new(),
    };
    let libraries = [library("a", "1.0.0"), library("a", "2.0.0"), library("b", "1.0.0")];

    assert_eq!(duplicates(&libraries).into_keys().collect::<Vec<_>>(), ["a"]);
}
