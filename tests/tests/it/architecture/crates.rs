//! The layers between the crates and the shape of the files.

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::sources;

/// The most lines a Rust file may have.
const FILE_LINES: usize = 400;

/// What each crate may name of the others. A new crate takes its place here.
const LAYERS: &[(&str, &[&str])] = &[
    ("config", &[]),
    ("entities", &[]),
    ("migration", &["entities"]),
    ("ops", &["config"]),
    ("queue", &["entities", "config"]),
    ("providers", &["entities", "config"]),
    ("services", &["queue", "providers", "migration", "entities", "config"]),
    ("api", &["services", "queue", "providers", "entities", "config", "ops"]),
    ("worker", &["services", "queue", "providers", "entities", "config", "ops"]),
    ("scheduler", &["services", "queue", "providers", "entities", "config", "ops"]),
    (
        "server",
        &["api", "worker", "scheduler", "services", "queue", "providers", "entities", "config", "ops"],
    ),
];

/// Crates that look at the whole from outside: they may name anything, and nobody
/// may name them but for tests.
const OUTSIDE: &[&str] = &["tests", "bench"];

/// Libraries that only some crates may name; a closing `*` stands for any ending.
const KEEPERS: &[(&str, &[&str])] = &[
    ("apalis*", &["queue"]),
    ("reqwest", &["providers"]),
    ("async-openai", &["providers"]),
    ("lettre", &["providers"]),
    ("object_store", &["providers"]),
    ("redis", &["queue", "providers"]),
    ("axum*", &["api", "server", "ops"]),
    ("hyper*", &["ops"]),
];

/// Libraries that some crates may not name.
const BANS: &[(&str, &str)] = &[("api", "sea-orm*")];

/// A crate without the prefix `atelier-`, and what it names outside its tests.
struct Crate {
    name: String,
    names: Vec<String>,
}

fn workspace_crates() -> Vec<Crate> {
    let metadata = MetadataCommand::new()
        .manifest_path(sources::root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .expect("cargo describes the workspace");
    let bare = |name: &str| name.strip_prefix("atelier-").map(str::to_owned);
    metadata
        .packages
        .iter()
        .map(|package| Crate {
            name: bare(package.name.as_str())
                .unwrap_or_else(|| panic!("{} lacks the prefix atelier-", package.name)),
            names: package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind != DependencyKind::Development)
                .map(|dependency| dependency.name.clone())
                .collect(),
        })
        .collect()
}

/// What each crate names against the rules above, in words.
fn violations(crates: &[Crate]) -> Vec<String> {
    crates
        .iter()
        .filter(|each| !OUTSIDE.contains(&each.name.as_str()))
        .flat_map(|each| each.names.iter().filter_map(|name| violation(&each.name, name)))
        .collect()
}

fn violation(from: &str, name: &str) -> Option<String> {
    let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == from) else {
        return Some(format!("{from} has no place in the layers"));
    };
    if let Some(sibling) = name.strip_prefix("atelier-") {
        let may = allowed.contains(&sibling);
        return (!may).then(|| format!("{from} must not name {sibling}"));
    }
    let kept = KEEPERS.iter().any(|(pattern, keepers)| matches(pattern, name) && !keepers.contains(&from));
    let banned = BANS.iter().any(|(who, pattern)| *who == from && matches(pattern, name));
    (kept || banned).then(|| format!("{from} must not name {name}"))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[test]
fn every_crate_names_only_what_its_layer_may() {
    let found = violations(&workspace_crates());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_crate_has_its_place_in_the_layers() {
    for each in workspace_crates() {
        let known = LAYERS.iter().any(|(layer, _)| *layer == each.name);
        assert!(known || OUTSIDE.contains(&each.name.as_str()), "give {} a place in LAYERS", each.name);
    }
}

#[test]
fn the_rules_catch_what_they_are_for() {
    let cases = [
        ("services", "atelier-queue", true),
        ("queue", "atelier-services", false),
        ("api", "atelier-worker", false),
        ("worker", "atelier-scheduler", false),
        ("scheduler", "atelier-api", false),
        ("server", "atelier-api", true),
        ("services", "atelier-migration", true),
        ("api", "atelier-migration", false),
        ("services", "atelier-tests", false),
        ("queue", "apalis-redis", true),
        ("worker", "apalis", false),
        ("providers", "lettre", true),
        ("services", "reqwest", false),
        ("scheduler", "redis", false),
        ("ops", "axum", true),
        ("worker", "axum", false),
        ("api", "sea-orm", false),
        ("services", "sea-orm", true),
        ("tests", "apalis", true),
        ("unheard_of", "serde", false),
    ];
    for (from, name, allowed) in cases {
        let each = Crate { name: from.to_owned(), names: vec![name.to_owned()] };
        assert_eq!(violations(&[each]).is_empty(), allowed, "{from} names {name}");
    }
}

#[test]
fn no_rust_file_outgrows_its_budget() {
    let long: Vec<String> = sources::list_files("rs")
        .iter()
        .map(|file| (file, sources::read(file).lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES)
        .map(|(file, lines)| format!("{}: {lines} lines, {FILE_LINES} allowed", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn modules_are_named_by_their_file() {
    let found: Vec<_> =
        sources::list_files("rs").into_iter().filter(|file| file.ends_with("mod.rs")).collect();
    assert!(found.is_empty(), "name these after their module: {found:?}");
}
