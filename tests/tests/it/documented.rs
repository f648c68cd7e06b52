//! Checks the tables of documents against the code.

use std::{collections::BTreeSet, path::Path, time::Duration};

use atelier_automation::{
    integrations::TestIntegration,
    runs::{CancelOlder, RecomputeSchedules, ReconcileRuns, RunNode, StartRun, StopJobs, WakeNode},
    webhooks::DeliverWebhook,
    workflows::CancelRuns,
};
use atelier_builder::generation::RunGeneration;
use atelier_config::Settings;
use atelier_entities::{
    GenerationMode, IntegrationId, JobState, ProjectId, RunId, UserId, WebhookDeliveryId, WorkflowId,
};
use atelier_foundation::{audit::ArchiveAudit, identity::EraseAccount, key_rotation::RewrapCredentials};
use atelier_queue::{Backoff, Fault, Job, KindInfo, Lane, QueueName, state};
use atelier_services::{
    ModuleOptions,
    maintenance::{PurgeExpired, PurgeJobs},
    stats::AggregateStats,
};
use cargo_metadata::MetadataCommand;

use crate::sources;

type Row = Vec<String>;

/// The rows of all tables with this header in a document, without backticks.
pub(crate) fn rows(file: &str, header: &[&str]) -> Vec<Row> {
    let text = sources::read(Path::new(file));
    let found = rows_of(&text, header);
    assert!(!found.is_empty(), "{file} has no table of {header:?}");
    found
}

fn rows_of(text: &str, header: &[&str]) -> Vec<Row> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let Some(cells) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            inside = false;
            continue;
        };
        let cells: Row = cells.split('|').map(|cell| cell.replace('`', "").trim().to_owned()).collect();
        if cells == header {
            inside = true;
        } else if inside && !cells.iter().all(|cell| cell.starts_with("---")) {
            found.push(cells);
        }
    }
    found
}

/// Asserts that both contain the same rows.
fn assert_same(what: &str, written: Vec<Row>, expected: Vec<Row>) {
    let [written, expected] = [written, expected].map(BTreeSet::from_iter);
    let line = |row: &Row| format!("| {} |", row.join(" | "));
    let missing: Vec<_> = expected.difference(&written).map(line).collect();
    let wrong: Vec<_> = written.difference(&expected).map(line).collect();
    assert!(
        missing.is_empty() && wrong.is_empty(),
        "{what}\nmissing:\n{}\nwrong:\n{}",
        missing.join("\n"),
        wrong.join("\n")
    );
}

/// Cells in the form in which they are read from a document.
fn row<const N: usize>(cells: [&str; N]) -> Row {
    cells.map(|cell| cell.replace('`', "")).to_vec()
}

#[test]
fn jobs_md_lists_the_transitions_of_every_state() {
    let written = rows("docs/jobs.md", &["state", "meaning", "may become"]);
    let successors =
        |from: JobState| state::successors(from).iter().map(|to| to.as_str()).collect::<Vec<_>>().join(", ");
    let expected = JobState::ALL.iter().map(|from| row([from.as_str(), &successors(*from)])).collect();

    let without_meaning = written.into_iter().map(|cells| vec![cells[0].clone(), cells[2].clone()]);
    assert_same("states of docs/jobs.md", without_meaning.collect(), expected);
}

#[test]
fn jobs_md_draws_the_transitions_of_every_state() {
    let text = sources::read(Path::new("docs/jobs.md"));
    let diagram = text.split("stateDiagram-v2").nth(1).and_then(|rest| rest.split("```").next());
    let drawn = diagram.expect("a state diagram").lines().filter_map(|line| {
        let (from, to) = line.split_once("-->")?;
        let to = to.split(':').next().unwrap_or_default();
        Some(row([from.trim(), to.trim()]))
    });
    let between_states = drawn.filter(|ends| !ends.contains(&"[*]".to_owned())).collect();
    let expected = JobState::ALL
        .iter()
        .flat_map(|from| state::successors(*from).iter().map(|to| row([from.as_str(), to.as_str()])));

    assert_same("the diagram of docs/jobs.md", between_states, expected.collect());
}

#[test]
fn jobs_md_lists_every_queue_with_its_slots() {
    let slots = Settings::for_tests().queue.concurrency;
    let of = |queue| match queue {
        QueueName::Generation => slots.generation,
        QueueName::Deployment => slots.deployment,
        QueueName::Email => slots.email,
        QueueName::Stats => slots.stats,
        QueueName::Workflow => slots.workflow,
        QueueName::Maintenance => slots.maintenance,
    };
    let expected =
        QueueName::ALL.iter().map(|queue| row([queue.as_str(), &of(*queue).to_string()])).collect();

    let written = rows("docs/jobs.md", &["queue", "slots a process", "for"]);
    assert_same(
        "queues of docs/jobs.md",
        written.into_iter().map(|row| row[..2].to_vec()).collect(),
        expected,
    );
}

#[test]
fn jobs_md_lists_every_kind_with_its_policy() {
    let effects =
        atelier_services::effects(&ModuleOptions::default()).expect("each kind has one effect at most");
    let expected = atelier_services::kinds().into_iter().map(|info| {
        let KindInfo { kind, queue, policy } = info;
        let lane = match policy.lane {
            Lane::Urgent => "urgent",
            Lane::Normal => "normal",
            Lane::Bulk => "bulk",
        };
        let effect = if effects.has(kind) { "yes" } else { "" };
        row([
            kind,
            queue.as_str(),
            lane,
            &policy.max_attempts.to_string(),
            &duration(policy.timeout),
            &backoff(policy.backoff),
            &unique_key(kind),
            effect,
        ])
    });

    let header = ["kind", "queue", "lane", "attempts", "timeout", "backoff", "unique key", "effect"];
    assert_same("kinds of docs/jobs.md", rows("docs/jobs.md", &header), expected.collect());
}

#[test]
fn jobs_md_lists_every_recurring_job() {
    let expected = atelier_services::recurring().iter().map(|one| row([one.name, one.cron])).collect();

    assert_same("schedules of docs/jobs.md", rows("docs/jobs.md", &["schedule", "cron"]), expected);
}

/// The unique key of a kind's jobs, with a placeholder for the id.
fn unique_key(kind: &str) -> String {
    let project_id = ProjectId::new();
    let key = unique_keys(project_id).into_iter().find(|(of, _)| *of == kind).and_then(|(_, key)| key);
    let id = match kind {
        EraseAccount::KIND => "{user_id}",
        CancelRuns::KIND => "{workflow_id}",
        TestIntegration::KIND => "{integration_id}",
        DeliverWebhook::KIND => "{delivery_id}",
        kind if kind.starts_with("workflow.") => "{run_id}",
        _ => "{project_id}",
    };
    let key = key.unwrap_or_default().replace(&project_id.to_string(), id);
    let key = key.replace("{delivery_id}:7", "{delivery_id}:{number}");
    key.replace("SCOPE/NODE/1.2.3", "{scope}/{node}/{generation}.{round}.{attempt}")
}

/// Every kind with a unique key, and the key for this id.
fn unique_keys(project_id: ProjectId) -> Vec<(&'static str, Option<String>)> {
    let generation = RunGeneration { project_id, mode: GenerationMode::Quick, prompt: None, stack: None };
    let (run_id, workflow_id) = (RunId(project_id.0), WorkflowId::new());
    let (scope, node) = ("SCOPE".to_owned(), "NODE".to_owned());
    let at = RunNode { run_id, scope, node, generation: 1, round: 2, attempt: 3 };
    vec![
        (RunGeneration::KIND, generation.unique_key()),
        (AggregateStats::KIND, AggregateStats {}.unique_key()),
        (PurgeJobs::KIND, PurgeJobs {}.unique_key()),
        (PurgeExpired::KIND, PurgeExpired {}.unique_key()),
        (ArchiveAudit::KIND, ArchiveAudit { before: None }.unique_key()),
        (StartRun::KIND, StartRun { run_id }.unique_key()),
        (RunNode::KIND, at.unique_key()),
        (WakeNode::KIND, WakeNode { at }.unique_key()),
        (CancelOlder::KIND, CancelOlder { workflow_id, run_id }.unique_key()),
        (StopJobs::KIND, StopJobs { run_id }.unique_key()),
        (CancelRuns::KIND, CancelRuns { workflow_id: WorkflowId(project_id.0) }.unique_key()),
        (TestIntegration::KIND, TestIntegration { integration_id: IntegrationId(project_id.0) }.unique_key()),
        (
            DeliverWebhook::KIND,
            DeliverWebhook { delivery_id: WebhookDeliveryId(project_id.0), number: 7 }.unique_key(),
        ),
        (RewrapCredentials::KIND, RewrapCredentials {}.unique_key()),
        (ReconcileRuns::KIND, ReconcileRuns {}.unique_key()),
        (RecomputeSchedules::KIND, RecomputeSchedules {}.unique_key()),
        (EraseAccount::KIND, EraseAccount { user_id: UserId(project_id.0) }.unique_key()),
    ]
}

#[test]
fn every_kind_with_a_unique_key_is_known_here() {
    let domains = sources::list_files("rs")
        .into_iter()
        .filter(|file| file.starts_with("services/src") || file.starts_with("domains"));
    let written: usize = domains.map(|file| sources::read(&file).matches("fn unique_key(").count()).sum();

    assert_eq!(written, unique_keys(ProjectId::new()).len(), "add the new kind to unique_keys");
}

#[test]
fn jobs_md_lists_every_error_of_the_queue() {
    let mut expected = Vec::new();
    for file in sources::list_files("rs").into_iter().filter(|file| file.starts_with("queue/src")) {
        let text = sources::read(&file);
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for made in ["JobError::retry(", "JobError::fail(", "JobError::retry_after("] {
            let literals = code.split(made).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
            expected.extend(literals.filter_map(|rest| rest.split_once('"')).map(|(code, _)| row([code])));
        }
    }

    let written = rows("docs/jobs.md", &["code", "meaning"]).into_iter().map(|row| row[..1].to_vec());
    assert_same("errors of docs/jobs.md", written.collect(), expected);
}

fn backoff(backoff: Backoff) -> String {
    match backoff {
        Backoff::Fixed(wait) => format!("{} each time", duration(wait)),
        Backoff::Exponential { base, max } => {
            format!("{}, doubled up to {}", duration(base), duration(max))
        }
        Backoff::Steps(steps) => steps.iter().map(|step| duration(*step)).collect::<Vec<_>>().join(", "),
    }
}

fn duration(duration: Duration) -> String {
    match duration.as_secs() {
        secs if secs > 0 && secs % 3600 == 0 => format!("{} h", secs / 3600),
        secs if secs > 0 && secs % 60 == 0 => format!("{} min", secs / 60),
        secs => format!("{secs} s"),
    }
}

/// Name, type, labels and meaning of every metric of the code.
pub(crate) fn metrics() -> Vec<Row> {
    let queue = atelier_queue::metrics::ALL;
    let queue = queue.iter().chain(atelier_queue::metrics::workflows::ALL);
    let listed = queue.chain(atelier_providers::metrics::ALL).chain(atelier_api::metrics::ALL.iter());
    listed.map(|(name, kind, labels, meaning)| row([name, kind, labels, meaning])).collect()
}

/// The metrics of every process that no crate declares.
pub(crate) fn process_metrics() -> Vec<Row> {
    let text = atelier_ops::metrics::install("test").expect("a recorder").render();
    let counted: Vec<_> = metrics().into_iter().map(|row| row[0].clone()).collect();
    let helps = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
    let own = helps.filter(|(name, _)| !counted.iter().any(|counted| counted == name));
    own.map(|(name, help)| {
        let type_line = format!("# TYPE {name} ");
        let kind = text.lines().find_map(|line| line.strip_prefix(&type_line)).expect("a type");
        row([name, kind, if name == "atelier_build_info" { "version, role" } else { "" }, help])
    })
    .collect()
}

#[test]
fn operations_md_lists_every_metric() {
    let mut written = rows("docs/operations.md", &["metric", "type", "labels", "meaning"]);
    if !cfg!(target_os = "linux") {
        written.retain(|row| !row[0].starts_with("process_"));
    }
    let expected = metrics().into_iter().chain(process_metrics()).collect();

    assert_same("metrics of docs/operations.md", written, expected);
}

#[test]
fn operations_md_lists_every_fault() {
    let written = rows("docs/operations.md", &["code", "it"]).into_iter().map(|row| row[..1].to_vec());
    let expected = Fault::ALL.into_iter().map(|fault| row([fault.code()]));

    assert_same("faults of docs/operations.md", written.collect(), expected.collect());
}

#[test]
fn the_readme_maps_every_crate() {
    let metadata = MetadataCommand::new()
        .manifest_path(sources::root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .expect("cargo describes the workspace");
    let folders = metadata.packages.iter().map(|package| {
        let folder = package.manifest_path.parent().expect("a folder");
        let folder = folder.strip_prefix(&metadata.workspace_root).expect("a folder of the workspace");
        row([&format!("[{folder}]({folder})")])
    });

    let written = rows("README.md", &["folder", "what is in it"]);
    let first_cells = written.into_iter().map(|row| row[..1].to_vec()).collect();
    assert_same("the map of README.md", first_cells, folders.collect());
}

#[test]
fn the_readme_lists_every_well_known_variable() {
    let noted = atelier_config::DEFAULT_TOML.split("Environment: ").skip(1).map(|rest| {
        let name = rest.split(|c: char| !(c.is_ascii_uppercase() || c == '_')).next();
        row([name.expect("a name")])
    });

    let written = rows("README.md", &["variable", "meaning"]);
    let names = written.iter().flat_map(|cells| cells[0].split(", ").map(|name| row([name])));
    assert_same("variables of README.md", names.collect(), noted.collect());
}

#[test]
fn reads_tables_by_their_header() {
    let text = "| a | b |\n|---|---|\n| `1` | |\n\n| c | d |\n|---|---|\n| 2 | 3 |\n";

    assert_eq!(rows_of(text, &["a", "b"]), [["1", ""]]);
    assert_eq!(rows_of(text, &["c", "d"]), [["2", "3"]]);
}
