//! Checks the enums of codes in the document against the literals in the code.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;

use crate::{documented, sources};

/// The values of an enum of the document.
fn set(name: &str) -> BTreeSet<String> {
    let document: Value = serde_json::from_str(atelier_api::openapi_json()).expect("JSON");
    let values = document["components"]["schemas"][name]["enum"].as_array().expect("a set").clone();
    values.iter().map(|value| value.as_str().expect("text").to_owned()).collect()
}

fn is_product(file: &Path) -> bool {
    let name = file.to_string_lossy();
    !["tests", "bench", "api/src/schema"].iter().any(|other| name.starts_with(other))
        && !name.contains("/tests/")
        && !name.ends_with("tests.rs")
}

/// The sources of the product without tests.
fn code() -> Vec<String> {
    code_of(|_| true)
}

fn code_of(selected: impl Fn(&Path) -> bool) -> Vec<String> {
    let files = sources::list_files("rs").into_iter().filter(|file| is_product(file));
    files
        .filter(|file| selected(file))
        .map(|file| sources::read(&file))
        .map(|text| text.split("#[cfg(test)]").next().unwrap_or_default().to_owned())
        .collect()
}

/// The upper-case literals that directly follow one of these prefixes.
fn literals(code: &[String], beginnings: &[&str]) -> BTreeSet<String> {
    let after = |(text, beginning): (&String, &&str)| -> Vec<String> {
        let rests = text.split(beginning).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
        rests.filter_map(|rest| rest.split_once('"')).map(|(literal, _)| literal.to_owned()).collect()
    };
    let is_code = |literal: &String| literal.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let pairs = code.iter().flat_map(|text| beginnings.iter().map(move |beginning| (text, beginning)));
    pairs.flat_map(after).filter(is_code).collect()
}

/// Asserts that the enum and the code have the same values.
fn assert_complete(name: &str, beginnings: &[&str]) {
    let (set, code) = (set(name), code());
    let found = literals(&code, beginnings);
    let missing: Vec<_> = found.difference(&set).collect();
    let stale: Vec<_> =
        set.iter().filter(|value| !code.iter().any(|text| text.contains(&format!("\"{value}\"")))).collect();

    assert!(!found.is_empty(), "{name}: nothing found");
    assert!(missing.is_empty() && stale.is_empty(), "{name}: missing {missing:?}, stale {stale:?}");
}

#[test]
fn every_error_of_a_job_is_in_the_document() {
    assert_complete(
        "JobErrorCode",
        &[
            "JobError::fail(",
            "JobError::retry(",
            "JobError::retry_after(",
            "JobError::wait(",
            // A table maps the responses of model servers to errors.
            "{ .. } => (",
        ],
    );
}

#[test]
fn every_fault_of_a_part_is_in_the_document() {
    assert_complete(
        "PartFaultCode",
        &["degraded(", "down(", "Status::Degraded, Some((", "Status::Down, Some(("],
    );
}

#[test]
fn every_error_of_a_request_is_in_the_document() {
    let set = set("ErrorCode");
    let refusals = [
        "ApiError::new(StatusCode::CONFLICT,",
        "Refusal::in_progress(",
        "Refusal::at_bound(",
        "conflict(",
        "missing(",
        "Class::BadRequest,",
        "Class::Conflict,",
        "Class::Forbidden,",
        "Class::NotFound,",
        "Class::TooMany,",
        "Class::Unauthenticated,",
        "Class::Unavailable,",
    ];
    let found = literals(&code(), &refusals);
    let missing: Vec<_> = found.difference(&set).collect();

    assert!(missing.is_empty(), "ErrorCode: missing {missing:?}");
}

#[test]
fn every_reason_to_wait_is_in_both_documents() {
    let written = documented::rows("docs/jobs.md", &["code", "the job"]);
    let written = written.iter().flat_map(|row| row[0].split(", ")).map(str::to_owned).collect();

    assert_eq!(set("WaitCode"), written);
    assert_complete("WaitCode", &["Why::new("]);
}

#[test]
fn every_reason_of_a_run_is_in_the_document() {
    let of_runs = code_of(|file| file.ends_with("runs/why.rs"));
    let found = literals(&of_runs, &["of_run(", "=> (", "=> {"]);
    let expected = set("RunReasonCode").into_iter().filter(|code| !set("WaitCode").contains(code));

    assert!(found.contains("PAUSED"), "{found:?}");
    assert_eq!(found.into_iter().filter(|code| code != "ENDED").collect::<BTreeSet<_>>(), expected.collect());
}

#[test]
fn finds_literals_after_a_prefix() {
    let code = vec!["JobError::fail(\n  \"GONE\", \"it is gone\"); fail(\"Other\")".to_owned()];

    assert_eq!(literals(&code, &["JobError::fail(", "fail("]), BTreeSet::from(["GONE".to_owned()]));
}
