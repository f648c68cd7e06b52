//! A node that has no equal here, as it was.

use serde_json::{Map, Value, json};

use super::source::SourceNode;

/// The config of a placeholder.
pub(super) fn config(node: &SourceNode<'_>, reason: &str, outputs: usize, most: usize) -> Map<String, Value> {
    // An escape within its texts: the JSON is the same, and no text of it is an expression of ours.
    let text = Value::Object(node.raw.clone()).to_string().replace("{{", "{\\u007b");
    let is_cut = text.len() > most;
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let ports: Vec<String> = (0..outputs.max(1)).map(port).collect();
    let fields = json!({
        "source": "n8n",
        "type": plain(node.kind),
        "reason": plain(reason),
        "outputs": ports,
        "original": &text[..end],
        "is_cut": is_cut,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The port of an output of a placeholder.
pub(super) fn port(output: usize) -> String {
    if output == 0 { "main".to_owned() } else { format!("output_{output}") }
}

/// A short text without expressions.
fn plain(text: &str) -> String {
    let short: String = text.chars().take(1_000).collect();
    short.replace("{{", "{ {")
}
