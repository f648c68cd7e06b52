//! Checks that the tests and checks exist that docs/reliability.md lists for its promises.

use std::collections::BTreeSet;

use crate::{documented, sources};

/// An entry of the last column.
#[derive(Debug, PartialEq, Eq)]
enum Proof {
    /// The function of a test.
    Test(String),
    /// The sentence of a check of `atelier-chaos`.
    Check(String),
}

/// The entries of a cell, separated by commas outside quotes.
fn proofs(cell: &str) -> Vec<Proof> {
    let mut found = Vec::new();
    let mut rest = cell.trim();
    while !rest.is_empty() {
        let (proof, after) = match rest.strip_prefix('“') {
            Some(quoted) => {
                let (check, after) = quoted.split_once('”').expect("a closing quote");
                (Proof::Check(check.to_owned()), after)
            }
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (Proof::Test(rest[..end].trim().to_owned()), &rest[end..])
            }
        };
        found.push(proof);
        rest = after.trim_start_matches([',', ' ']);
    }
    found
}

/// The suites, which list their cases.
const SUITES: [&str; 5] =
    ["it/automation.rs", "automation/hooks.rs", "automation/product.rs", "it/http.rs", "it/queue.rs"];

/// The functions of all tests and of the cases of the suites.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in sources::list_files("rs") {
        let text = sources::read(&file);
        let is_list = SUITES.iter().any(|suite| file.ends_with(suite));
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
                names.extend(rest.split_once('(').map(|(name, _)| name.to_owned()));
                is_test = false;
            } else if let Some(case) = line.strip_suffix(',').filter(|_| is_list) {
                // `area::case,` or `case,` in one of the suites' lists.
                names.extend(case.rsplit("::").next().map(str::to_owned));
            }
        }
    }
    names
}

#[test]
fn every_promise_is_proven_by_existing_tests_and_checks() {
    let tests = tests();
    let chaos: String = sources::list_files("rs")
        .iter()
        .filter(|file| file.starts_with("bench/src/chaos"))
        .map(|file| sources::read(file))
        .collect();
    for row in documented::rows("docs/reliability.md", &["promise", "how it is kept", "proven by"]) {
        let proofs = proofs(&row[2]);
        assert!(!proofs.is_empty(), "nothing proves: {}", row[0]);
        for proof in proofs {
            let is_there = match &proof {
                Proof::Test(name) => tests.contains(name),
                Proof::Check(sentence) => chaos.contains(&format!("\"{sentence}\"")),
            };
            assert!(is_there, "{proof:?} does not exist, but proves: {}", row[0]);
        }
    }
}

#[test]
fn reads_tests_and_checks_of_a_cell() {
    let check = Proof::Check("one, and two".to_owned());
    let test = |name: &str| Proof::Test(name.to_owned());

    assert_eq!(proofs("“one, and two”, a_test, b_test"), [check, test("a_test"), test("b_test")]);
    assert_eq!(proofs(" "), []);
}

#[test]
fn finds_tests_of_both_sorts() {
    let tests = tests();

    for name in ["finds_tests_of_both_sorts", "a_snooze_spends_no_attempt", "success_is_final"] {
        assert!(tests.contains(name), "{name}");
    }
    assert!(!tests.contains("proofs"));
}
