//! Documents of n8n and what becomes of them.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};

use super::{sight::Sight, *};
use crate::graph::{Node, Severity, validate};

mod conditions;
mod documented;
mod documents;
mod examples;
mod expressions;
mod flow;
mod mutations;
mod nodes;

const OWNER: &str = "ada@example.org";

/// The draft of a document.
#[track_caller]
fn imported(document: &Value) -> ImportedDraft {
    import(document, &[OWNER.to_owned()]).expect("imported")
}

/// A node of the package of most types.
fn node(name: &str, kind: &str, version: f64, parameters: Value) -> Value {
    let kind = if kind.contains('/') { kind.to_owned() } else { format!("n8n-nodes-base.{kind}") };
    json!({"name": name, "type": kind, "typeVersion": version, "position": [0, 0], "parameters": parameters})
}

/// A document of these nodes; each link is `from output>to input`, where 0 may be left out.
fn document(nodes: &[Value], links: &str) -> Value {
    let mut connections: BTreeMap<String, Vec<Vec<Value>>> = BTreeMap::new();
    for link in links.split_whitespace() {
        let (from, to) = link.split_once('>').expect("a link");
        let end = |text: &str| {
            let (name, port) = text.split_once('.').unwrap_or((text, "0"));
            (name.to_owned(), port.parse::<usize>().expect("a port"))
        };
        let ((from, output), (to, input)) = (end(from), end(to));
        let ports = connections.entry(from).or_default();
        ports.resize(ports.len().max(output + 1), Vec::new());
        ports[output].push(json!({"node": to, "type": "main", "index": input}));
    }
    let connections: BTreeMap<_, _> =
        connections.into_iter().map(|(name, ports)| (name, json!({"main": ports}))).collect();
    json!({"name": "Test", "nodes": nodes, "connections": connections})
}

/// A manual trigger, and one node after it.
fn alone(kind: &str, version: f64, parameters: Value) -> Value {
    let nodes = [node("Start", "manualTrigger", 1.0, json!({})), node("It", kind, version, parameters)];
    document(&nodes, "Start>It")
}

/// A list, and one node after it.
fn after_list(kind: &str, version: f64, parameters: Value) -> Value {
    let nodes = [
        node("Start", "manualTrigger", 1.0, json!({})),
        node("Rows", "splitOut", 1.0, json!({"fieldToSplitOut": "rows"})),
        node("It", kind, version, parameters),
    ];
    document(&nodes, "Start>Rows Rows>It")
}

/// The node of ours of a key, and what the report says of the node `It`.
#[track_caller]
fn it(document: &Value) -> (Node, ImportedNode) {
    let draft = imported(document);
    let reported = draft.report.nodes.iter().find(|node| node.node == "It").expect("reported").clone();
    let key = reported.key.clone().expect("a key");
    (draft.graph.find_node(&key).expect("drawn").clone(), reported)
}

/// The errors of a graph, but those of types that other modules have.
fn errors(graph: &Graph) -> Vec<String> {
    let faults = validate(graph, &crate::nodes::catalog());
    let is_ours = |fault: &&Fault| fault.severity == Severity::Error;
    faults.iter().filter(is_ours).map(|fault| format!("{} {:?}", fault.code.as_str(), fault.node)).collect()
}

fn folder(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The examples of the documentation, by their names.
fn examples() -> BTreeMap<String, Value> {
    let files = fs::read_dir(folder("../../docs/examples/n8n")).expect("a folder");
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(path).expect("a text");
        (name, serde_json::from_str(&text).expect("JSON"))
    };
    files.map(|file| read(file.expect("a file").path())).collect()
}
