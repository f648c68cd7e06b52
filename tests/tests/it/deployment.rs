//! Checks the files for deployment against the code.

use std::{collections::BTreeSet, path::Path};

use atelier_config::{Role, load_from};
use cargo_metadata::{MetadataCommand, TargetKind};
use serde_json::Value;

use crate::{documented, sources};

const RULES: &str = "deploy/prometheus/rules.yml";
const DASHBOARD: &str = "deploy/grafana/dashboards/atelier.json";

fn read(file: &str) -> String {
    sources::read(Path::new(file))
}

/// The values of `- key: value` lines.
fn values(text: &str, key: &str) -> BTreeSet<String> {
    let start = format!("- {key}: ");
    text.lines().filter_map(|line| line.trim().strip_prefix(&start)).map(str::to_owned).collect()
}

/// The names of Atelier's metrics and of recorded metrics in a text.
pub(crate) fn metric_words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let ours = |word: &&str| ["atelier_", "atelier:", "process_"].iter().any(|start| word.starts_with(start));
    words.filter(ours).map(str::to_owned).collect()
}

/// Every name that a query may use.
pub(crate) fn known_names() -> BTreeSet<String> {
    let mut names = values(&read(RULES), "record");
    for row in documented::metrics().into_iter().chain(documented::process_metrics()) {
        if row[1] == "histogram" {
            names.extend(["bucket", "sum", "count"].map(|part| format!("{}_{part}", row[0])));
        } else {
            names.insert(row[0].clone());
        }
    }
    names
}

#[test]
fn rules_and_dashboard_use_existing_metrics() {
    let mut known = known_names();
    if !cfg!(target_os = "linux") {
        known.extend(["process_resident_memory_bytes", "process_cpu_seconds_total"].map(str::to_owned));
    }
    for file in [RULES, "deploy/prometheus/rules.test.yml", DASHBOARD] {
        let unknown: Vec<_> = metric_words(&read(file)).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

#[test]
fn operations_md_lists_every_alert() {
    let written = documented::rows("docs/operations.md", &["alert", "first look"]);
    let written: BTreeSet<_> = written.into_iter().map(|row| row[0].clone()).collect();

    assert_eq!(written, values(&read(RULES), "alert"));
}

#[test]
fn the_dashboard_is_valid() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "every panel has a unique id");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert!(panel["targets"][0]["expr"].is_string(), "{}", panel["title"]);
        assert_eq!(panel["datasource"]["uid"], "prometheus", "{}", panel["title"]);
    }
    assert!(read("deploy/grafana/provisioning/datasources/prometheus.yml").contains("uid: prometheus\n"));
}

#[test]
fn the_image_has_every_binary() {
    let dockerfile = read("deploy/Dockerfile");
    let metadata = MetadataCommand::new()
        .manifest_path(sources::root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .expect("cargo describes the workspace");
    let server = metadata.packages.iter().find(|package| package.name.as_str() == "atelier-server");
    let targets = &server.expect("the package").targets;
    let copied = dockerfile.lines().find_map(|line| line.trim().strip_prefix("&& cp ")).expect("a copy");
    let copied: BTreeSet<_> = copied.split(' ').filter(|word| *word != "/out/").collect();
    let binaries: BTreeSet<_> =
        targets.iter().filter(|target| target.is_kind(TargetKind::Bin)).map(|target| &*target.name).collect();

    assert_eq!(copied, binaries);
}

/// The environment of the processes in docker-compose.yml: the variables of the image and of
/// the file, with secrets filled in.
fn variables() -> Vec<(String, String)> {
    let compose = read("docker-compose.yml");
    let (_, block) = compose.split_once("environment: &environment\n").expect("the shared variables");
    let shared = block.lines().take_while(|line| line.starts_with("    ")).filter_map(|line| {
        let (name, value) = line.trim().split_once(": ")?;
        (!name.starts_with('#')).then(|| (name.to_owned(), interpolate(value)))
    });
    image_variables().into_iter().chain(shared).collect()
}

/// The variables that the image sets.
pub(crate) fn image_variables() -> Vec<(String, String)> {
    let dockerfile = read("deploy/Dockerfile");
    let (_, image) = dockerfile.split_once("ENV ").expect("variables of the image");
    let variables = image.lines().map_while(|line| {
        let (name, value) = line.trim().trim_end_matches(" \\").split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    variables.collect()
}

/// Interpolates `${NAME:-default}` and `${NAME:?message}` with only the secrets set.
fn interpolate(value: &str) -> String {
    let Some((before, rest)) = value.split_once("${") else { return value.to_owned() };
    let (inside, after) = rest.split_once('}').expect("a closing brace");
    let filled = match inside.split_once(":-") {
        Some((_, default)) => default.to_owned(),
        None => "0123456789abcdef".repeat(4),
    };
    format!("{before}{filled}{}", interpolate(after))
}

#[test]
fn docker_compose_configures_every_role() {
    let variables = variables();
    for role in [Role::Api, Role::Worker, Role::Scheduler] {
        let loaded = load_from(role, None, &variables);
        let loaded = loaded.unwrap_or_else(|problems| panic!("{role}: {problems}"));
        assert_eq!(loaded.settings.server.bind, ([0, 0, 0, 0], 8001).into());
        assert_eq!(loaded.settings.server.ops_bind, ([0, 0, 0, 0], 8001).into());
    }
}

#[test]
fn docker_compose_requires_secrets() {
    let (compose, example) = (read("docker-compose.yml"), read("deploy/example.env"));
    for secret in ["JWT_SECRET", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "GRAFANA_PASSWORD"] {
        assert!(compose.contains(&format!("${{{secret}:?")), "{secret} is asked for");
        assert!(!compose.contains(&format!("${{{secret}}}")), "{secret} is never left empty");
        assert!(example.lines().any(|line| line == format!("{secret}=")), "{secret} has no example value");
    }
}

#[test]
fn finds_metrics_in_queries() {
    let query = "sum by (queue) (rate(atelier_jobs_total{job=\"atelier-api\"}[5m])) / atelier:rate:5m";

    assert_eq!(metric_words(query), ["atelier:rate:5m", "atelier_jobs_total"].map(str::to_owned).into());
}

#[test]
fn interpolates_like_compose() {
    assert_eq!(interpolate("a${B:-c}d${E:-}"), "acd");
    assert_eq!(interpolate("plain"), "plain");
    assert_eq!(interpolate("${S:?set it}").len(), 64);
}
