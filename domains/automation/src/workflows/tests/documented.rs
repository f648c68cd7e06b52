//! The document lists what the code has.

use std::{fs, path::Path};

use crate::graph::FaultCode;

#[test]
fn every_fault_of_a_graph_is_documented_with_what_helps() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/automation.md");
    let document = fs::read_to_string(path).expect("the document");
    let (_, section) = document.split_once("## Validation\n").expect("a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let written: Vec<_> = section.lines().filter(|line| line.starts_with("| `")).collect();

    let expected: Vec<_> =
        FaultCode::ALL.iter().map(|code| format!("| `{}` | {} |", code.as_str(), code.hint())).collect();
    assert_eq!(written, expected);
}
