//! The document lists what the code has.

use std::{fs, path::Path};

use super::*;
use crate::expression::functions::names;

fn section(title: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/expressions.md");
    let document = fs::read_to_string(path).expect("the document");
    let (_, after) = document.split_once(&format!("## {title}\n")).expect(title);
    after.split("\n## ").next().unwrap_or_default().to_owned()
}

/// What stands in backticks in the rows of the section's table.
fn listed(title: &str) -> Vec<String> {
    let section = section(title);
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    rows.flat_map(|row| row.split('`').skip(1).step_by(2).map(str::to_owned)).collect()
}

#[test]
fn every_function_is_documented() {
    assert_eq!(listed("Functions"), names());
}

#[test]
fn every_code_is_documented() {
    let faults = [
        Fault::Syntax(String::new()),
        Fault::TooLong { limit: 1 },
        Fault::TooDeep,
        Fault::UnknownName { name: String::new() },
        Fault::UnknownFunction { name: String::new() },
        Fault::Missing { path: String::new() },
        Fault::Type(String::new()),
        Fault::Argument(String::new()),
        Fault::Overflow,
        Fault::OutOfFuel,
        Fault::TooLarge { limit: 1 },
        Fault::SecretMisused,
        Fault::SecretUnknown { name: String::new() },
    ];
    assert_eq!(listed("Codes"), faults.map(|fault| fault.code().to_owned()));
}

#[test]
fn every_name_is_documented() {
    let names: Vec<String> = listed("Names");
    for root in Root::ALL {
        assert!(names.iter().any(|name| name.split('.').next() == Some(root.name())), "{}", root.name());
    }
}
