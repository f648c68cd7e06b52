//! The document lists what the code has.

use std::{fs, path::Path};

use super::*;

/// The cells of the rows of a table.
fn table(title: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/nodes.md");
    let document = fs::read_to_string(path).unwrap();
    let (_, after) = document.split_once(&format!("## {title}\n")).unwrap();
    let section = after.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn every_type_is_documented_with_its_ports_and_effects() {
    let rows = table("Types");
    assert_eq!(rows.len(), TYPES.len());
    for (row, description) in rows.iter().zip(descriptions()) {
        let NodeDescription { kind, outputs, effects, defaults, dynamic_outputs, .. } = description;
        assert_eq!(row[0], format!("`{kind}`"));
        let ports: Vec<_> =
            outputs.iter().map(|port| port.key.as_str()).filter(|port| *port != "error").collect();
        let ports = match dynamic_outputs {
            Some("/rules/*/key") => "each rule, default".to_owned(),
            Some(_) => "each of outputs".to_owned(),
            None => ports.join(", "),
        };
        assert_eq!(row[2], ports, "{kind}");
        let effects = match (defaults.timeout_seconds, effects) {
            (None, _) => "",
            (Some(_), Effects::None) => "none",
            (Some(_), Effects::Idempotent) => "idempotent",
            (Some(_), Effects::Unsafe) => "unsafe",
        };
        assert_eq!(row[3], effects, "{kind}");
    }
}

#[test]
fn every_code_of_the_sources_is_documented_and_no_other() {
    let listed: Vec<String> = table("Codes")
        .iter()
        .flat_map(|row| row[0].split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let mut sources = String::new();
    for folder in ["src/nodes", "src/nodes/http_request", "src/nodes/send_mail", "src/runs/execute"] {
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                sources.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    for file in ["src/runs/execute.rs", "../../providers/src/http/error.rs"] {
        sources.push_str(&fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap());
    }
    for code in &listed {
        assert!(sources.contains(&format!("\"{code}\"")), "{code} is in no source");
    }
    let pattern = regex::Regex::new(
        r#"(?s)(?:permanent|transient|NodeFailure::new)\(\s*"([A-Z_]+)"|=> \(?"([A-Z]+_[A-Z_]+)""#,
    );
    for found in pattern.unwrap().captures_iter(&sources) {
        let code = found.get(1).or(found.get(2)).unwrap().as_str().to_owned();
        assert!(listed.contains(&code), "{code} is not documented");
    }
}
