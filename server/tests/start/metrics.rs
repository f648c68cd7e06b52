//! The metrics of each role.

use std::{
    collections::BTreeMap,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use atelier_tests::{AppSetup, Client};
use tempfile::TempDir;

use crate::process::{Environment, Running};

const ROLES: [&str; 3] = [
    env!("CARGO_BIN_EXE_atelier-api"),
    env!("CARGO_BIN_EXE_atelier-worker"),
    env!("CARGO_BIN_EXE_atelier-scheduler"),
];

/// The name of the metric family of a sample.
fn family<'a>(sample: &'a str, kinds: &BTreeMap<&str, &str>) -> &'a str {
    let name = sample.split(['{', ' ']).next().unwrap_or_default();
    let part = ["_bucket", "_sum", "_count"].iter().find_map(|ending| name.strip_suffix(ending));
    part.filter(|base| kinds.get(base) == Some(&"histogram")).unwrap_or(name)
}

/// Violations of Prometheus's rules for names and help texts in a scrape.
fn find_faults(text: &str) -> Vec<String> {
    let lines = |start: &str| -> BTreeMap<&str, &str> {
        text.lines().filter_map(|line| line.strip_prefix(start)?.split_once(' ')).collect()
    };
    let (helps, kinds) = (lines("# HELP "), lines("# TYPE "));
    let mut faults = Vec::new();
    for (name, kind) in &kinds {
        let ends = |ending: &str| name.ends_with(ending);
        let checks = [
            (helps.get(name).is_none_or(|help| help.trim().is_empty()), "has no HELP"),
            ((*kind == "counter") != ends("_total"), "must be a counter if and only if it ends in _total"),
            (ends("_bucket") || ends("_sum") || ends("_count"), "ends like a part of a histogram"),
            (name.contains("_ms") || name.contains("_millis"), "has a unit that is not a base unit"),
            (
                !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
                "has characters other than a-z, 0-9 and _",
            ),
        ];
        faults.extend(
            checks.into_iter().filter(|(wrong, _)| *wrong).map(|(_, fault)| format!("{name} {fault}")),
        );
    }
    let samples = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let unknown = samples.map(|sample| family(sample, &kinds)).filter(|name| !kinds.contains_key(name));
    faults.extend(unknown.map(|name| format!("{name} has no TYPE")));
    faults
}

/// The output of promtool for a scrape, if it is installed or `scripts/promtool` has unpacked
/// it.
fn run_promtool(text: &str) -> Option<String> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/prometheus/usr/bin/promtool");
    let program = if unpacked.exists() { unpacked } else { "promtool".into() };
    let mut command = Command::new(program);
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = command.spawn().ok()?;
    let mut input = promtool.stdin.take().expect("stdin is piped");
    input.write_all(text.as_bytes()).expect("promtool reads");
    drop(input);
    let output = promtool.wait_with_output().expect("promtool ends");
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

async fn assert_valid(role: &str, url: &str) -> String {
    let scrape = Client::new(url).get("/metrics").send().await.expect(200).text();
    assert_eq!(find_faults(&scrape), Vec::<String>::new(), "{role}");
    if let Some(output) = run_promtool(&scrape) {
        assert_eq!(output, "", "promtool of {role}");
    }
    scrape
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_describes_its_metrics() {
    let setup = AppSetup::scaled().await;
    let environment = Environment::shared(&setup.settings);
    let mut running: Vec<Running> = ROLES.iter().map(|role| environment.start(role)).collect();
    let mut urls = Vec::new();
    for role in &mut running {
        urls.push(role.url().await);
    }
    let ada = Client::new(&urls[0]).register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let job = ada.start_generation(&project).await;
    ada.job_once(&job, "succeeded").await;

    let mut scrapes = Vec::new();
    for (role, url) in ROLES.iter().zip(&urls) {
        scrapes.push(assert_valid(role, url).await);
    }

    for (scrape, name) in scrapes.iter().zip([
        "atelier_http_request_duration_seconds",
        "atelier_jobs_finished_total",
        "atelier_build_info",
    ]) {
        assert!(scrape.contains(&format!("# HELP {name} ")), "{name} is not in {scrape}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_instance_describes_its_metrics() {
    let folder = TempDir::new().expect("a folder");
    let mut atelier = Environment::embedded(folder.path()).start(env!("CARGO_BIN_EXE_atelier"));
    let url = atelier.url().await;
    let ada = Client::new(&url).register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let job = ada.start_generation(&project).await;
    ada.job_once(&job, "succeeded").await;

    let scrape = assert_valid("atelier", &url).await;

    assert!(scrape.contains("# HELP atelier_job_wait_seconds "), "{scrape}");
}

#[test]
fn finds_the_violations_that_promtool_finds() {
    let sound = "# HELP a_total It.\n# TYPE a_total counter\na_total 1\n\
                 # HELP b_seconds It.\n# TYPE b_seconds histogram\nb_seconds_bucket{le=\"+Inf\"} 1\nb_seconds_sum 1\n";
    assert_eq!(find_faults(sound), Vec::<String>::new());
    for (text, fault) in [
        ("# TYPE a_total counter\na_total 1\n", "has no HELP"),
        ("# HELP a It.\n# TYPE a counter\na 1\n", "must be a counter"),
        ("# HELP a_ms It.\n# TYPE a_ms gauge\na_ms 1\n", "base unit"),
        ("a 1\n", "has no TYPE"),
    ] {
        let faults = find_faults(text);
        assert!(faults.len() == 1 && faults[0].contains(fault), "{text}: {faults:?}");
    }
}
