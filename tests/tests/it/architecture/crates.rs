//! The direction of the crates.

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::sources;

/// Which other crates each crate may depend on.
const LAYERS: &[(&str, &[&str])] = &[
    ("config", &[]),
    ("entities", &[]),
    ("migration", &["entities"]),
    ("ops", &["config"]),
    ("queue", &["entities", "config"]),
    ("providers", &["entities", "config"]),
    ("scaffold", &["providers"]),
    ("client", &["providers"]),
    ("foundation", &["queue", "providers", "migration", "entities", "config"]),
    ("services", &["domains", "foundation", "queue", "providers", "entities", "config"]),
    ("api-macros", &[]),
    (
        "api",
        &[
            "api-macros",
            "services",
            "domains",
            "foundation",
            "queue",
            "providers",
            "entities",
            "config",
            "ops",
        ],
    ),
    ("worker", &["services", "queue", "providers", "entities", "config", "ops"]),
    ("scheduler", &["queue", "entities", "config", "ops"]),
    (
        "server",
        &[
            "api",
            "worker",
            "scheduler",
            "services",
            "domains",
            "foundation",
            "scaffold",
            "client",
            "queue",
            "providers",
            "entities",
            "config",
            "ops",
        ],
    ),
];

/// What a domain, a folder of `domains/` other than the foundation, may depend on: never on
/// another domain.
const DOMAIN: &[&str] = &["foundation", "queue", "providers", "entities", "config"];

/// Crates outside of the layers: they may depend on any crate, and only tests may depend on
/// them.
const OUTSIDE: &[&str] = &["tests", "bench"];

/// Libraries that only these crates may depend on. A final `*` stands for any ending.
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

/// Libraries that a crate must not depend on.
const BANS: &[(&str, &str)] = &[("api", "sea-orm*")];

/// A crate, named without the prefix `atelier-`, and its dependencies outside of tests.
struct Crate {
    name: String,
    dependencies: Vec<String>,
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
            dependencies: package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind != DependencyKind::Development)
                .map(|dependency| dependency.name.clone())
                .collect(),
        })
        .collect()
}

/// The violations of the rules above, in words.
fn violations(crates: &[Crate]) -> Vec<String> {
    crates
        .iter()
        .filter(|each| !OUTSIDE.contains(&each.name.as_str()))
        .flat_map(|each| each.dependencies.iter().filter_map(|name| violation(&each.name, name)))
        .collect()
}

/// Whether the crate is a domain other than the foundation.
fn is_domain(name: &str) -> bool {
    name != "foundation" && sources::root().join("domains").join(name).is_dir()
}

/// What a crate may depend on, where `domains` stands for every domain.
fn allowed_to(name: &str) -> Option<&'static [&'static str]> {
    if is_domain(name) {
        return Some(DOMAIN);
    }
    LAYERS.iter().find(|(layer, _)| *layer == name).map(|(_, allowed)| *allowed)
}

fn violation(from: &str, name: &str) -> Option<String> {
    let Some(allowed) = allowed_to(from) else {
        return Some(format!("{from} is in no layer"));
    };
    if let Some(sibling) = name.strip_prefix("atelier-") {
        let may = allowed.contains(&sibling) || (is_domain(sibling) && allowed.contains(&"domains"));
        return (!may).then(|| format!("{from} must not depend on {sibling}"));
    }
    let kept = KEEPERS.iter().any(|(pattern, keepers)| matches(pattern, name) && !keepers.contains(&from));
    let banned = BANS.iter().any(|(who, pattern)| *who == from && matches(pattern, name));
    (kept || banned).then(|| format!("{from} must not depend on {name}"))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[test]
fn every_crate_depends_only_on_what_its_layer_allows() {
    let found = violations(&workspace_crates());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_crate_is_in_a_layer() {
    for each in workspace_crates() {
        let known = allowed_to(&each.name).is_some();
        assert!(known || OUTSIDE.contains(&each.name.as_str()), "add {} to LAYERS", each.name);
    }
}

#[test]
fn the_rules_find_violations() {
    let cases = [
        ("services", "atelier-queue", true),
        ("queue", "atelier-services", false),
        ("api", "atelier-worker", false),
        ("worker", "atelier-scheduler", false),
        ("scheduler", "atelier-api", false),
        ("server", "atelier-api", true),
        ("services", "atelier-migration", false),
        ("foundation", "atelier-migration", true),
        ("foundation", "atelier-builder", false),
        ("builder", "atelier-foundation", true),
        ("automation", "atelier-builder", false),
        ("services", "atelier-automation", true),
        ("api", "atelier-builder", true),
        ("worker", "atelier-builder", false),
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
        let each = Crate { name: from.to_owned(), dependencies: vec![name.to_owned()] };
        assert_eq!(violations(&[each]).is_empty(), allowed, "{from} depends on {name}");
    }
}

/// The heading above the drawing in the document.
const HEADING: &str = "## The crates and their direction";

/// The arrows of the drawing of crates in that document, each from a crate to one that it
/// depends on. A line such as `a & b --> c --> d` has three of them.
fn drawn_arrows(document: &str) -> Vec<(String, String)> {
    let section = document.split_once(HEADING).expect("the document has the section").1;
    let drawing = section.split("```").nth(1).expect("the section has a drawing");
    let crates = |side: &str| side.split('&').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
    let mut arrows = Vec::new();
    for line in drawing.lines().filter(|line| line.contains("-->")) {
        let sides: Vec<_> = line.split("-->").map(crates).collect();
        for pair in sides.windows(2) {
            arrows
                .extend(pair[0].iter().flat_map(|from| pair[1].iter().map(|to| (from.clone(), to.clone()))));
        }
    }
    arrows
}

/// Whether arrows lead from one crate to another one.
fn is_reachable(arrows: &[(String, String)], from: &str, to: &str) -> bool {
    arrows.iter().any(|(start, end)| start == from && (end == to || is_reachable(arrows, end, to)))
}

/// The differences between a drawing and the dependencies of crates. An arrow is a
/// dependency. A dependency is an arrow, or follows from several.
fn differences(arrows: &[(String, String)], dependencies: &[(String, String)]) -> Vec<String> {
    let unreal = arrows.iter().filter(|arrow| !dependencies.contains(arrow));
    let unreal = unreal.map(|(from, to)| format!("{from} does not depend on {to}: remove the arrow"));
    let missing = dependencies.iter().filter(|(from, to)| !is_reachable(arrows, from, to));
    let missing = missing.map(|(from, to)| format!("{from} depends on {to}: draw an arrow"));
    unreal.chain(missing).collect()
}

#[test]
fn the_drawing_of_the_crates_shows_their_dependencies() {
    let crates = workspace_crates();
    let drawn = crates.iter().filter(|each| !OUTSIDE.contains(&each.name.as_str()));
    let dependencies: Vec<_> = drawn
        .flat_map(|each| {
            let siblings = each.dependencies.iter().filter_map(|name| name.strip_prefix("atelier-"));
            siblings.map(|sibling| (each.name.clone(), sibling.to_owned()))
        })
        .collect();
    let document = sources::read("docs/architecture.md".as_ref());
    let found = differences(&drawn_arrows(&document), &dependencies);
    assert!(found.is_empty(), "docs/architecture.md:\n{}", found.join("\n"));
}

#[test]
fn a_drawing_is_read_and_compared() {
    let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let document = format!("{HEADING}\n\n```mermaid\nflowchart TD\n    a & b --> c --> d\n```\n");
    let arrows = drawn_arrows(&document);

    assert_eq!(arrows, [pair("a", "c"), pair("b", "c"), pair("c", "d")]);
    let dependencies = [pair("a", "c"), pair("a", "d"), pair("c", "d"), pair("d", "e")];
    let found = ["b does not depend on c: remove the arrow", "d depends on e: draw an arrow"];
    assert_eq!(differences(&arrows, &dependencies), found);
}
