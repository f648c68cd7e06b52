//! The document lists what the code has.

use super::*;
use crate::import::n8n::types::ROWS;

#[test]
fn the_table_of_types_is_that_of_the_code() {
    let document = fs::read_to_string(folder("../../docs/automation.md")).expect("the document");
    let (_, section) = document.split_once("## Import from n8n\n").expect("a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let (_, section) = section.split_once("| n8n | here |").expect("a table");
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let written: Vec<Vec<String>> = rows
        .map(|row| row.trim_matches('|').split('|').take(2).map(|cell| cell.trim().to_owned()).collect())
        .collect();

    let names = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let expected: Vec<Vec<String>> =
        ROWS.iter().map(|row| vec![names(row.types), names(row.becomes)]).collect();
    assert_eq!(written, expected);
}

#[test]
fn every_type_of_ours_exists() {
    for row in ROWS {
        for kind in row.becomes {
            assert!(crate::nodes::find_definition(kind, 1).is_some(), "{kind}");
        }
    }
}
