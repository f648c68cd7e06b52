//! Workflows of n8n, made into drafts.
//!
//! Nothing is refused as a whole except what is no document, or too large: a node without an equal becomes a
//! placeholder that keeps it as it was, and the report says what became of each node and why. Nothing of the
//! document is run.
//!
//! What passes between nodes is always a list there. Here it is an item or a list; what a node gives is derived
//! from its type, and a node that runs for each item gets a loop of its own where a list arrives.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

mod batches;
mod case;
mod draft;
mod expression;
mod joins;
mod json;
mod keys;
mod original;
mod plan;
mod policy;
mod report;
mod sight;
mod source;
mod types;

pub use report::{ImportReport, ImportStatus, ImportedCredential, ImportedNode, ImportedSchedule};

use crate::graph::{Fault, FaultCode, Graph, MAX_BYTES, MAX_NODES, validate::size_faults};
use draft::{Draft, NOT_IMPORTED, Options, Place};
use expression::Refused;
use source::Source;

/// Most bytes of a node that a placeholder keeps, in the attempts to make the graph fit.
const MOST_ORIGINAL: [usize; 3] = [64 * 1024, 4 * 1024, 0];
/// Most characters of a name that is taken over.
const MAX_NAME: usize = 120;
/// Most characters of a description that is taken over.
const MAX_DESCRIPTION: usize = 5_000;

/// A draft that was made of a document.
#[derive(Clone, Debug)]
pub struct ImportedDraft {
    /// The name of the workflow.
    pub name: String,
    /// What is said about it.
    pub description: String,
    /// The longest time of a run, in seconds, if the document names one.
    pub timeout_secs: Option<u32>,
    /// The graph.
    pub graph: Graph,
    /// What became of the document.
    pub report: ImportReport,
}

/// Whether a document has the shape of one of n8n.
#[must_use]
pub fn is_document(document: &Value) -> bool {
    let is_node = |node: &Value| {
        let has = |field: &str| node.get(field).is_some_and(Value::is_string);
        has("type") && has("name")
    };
    let nodes = document.get("nodes").and_then(Value::as_array);
    document.get("$schema").is_none()
        && document.get("connections").is_some_and(Value::is_object)
        && nodes.is_some_and(|nodes| nodes.is_empty() || nodes.iter().any(is_node))
}

/// Makes a draft of a document. A mail goes to one of the addresses of its owner only.
///
/// # Errors
/// If the document is no object, or has more bytes or nodes than a graph.
pub fn import(document: &Value, owner: &[String]) -> Result<ImportedDraft, Box<Fault>> {
    let Value::Object(document) = document else {
        return Err(Box::new(Fault::error(FaultCode::Malformed, "A document is an object.")));
    };
    let bytes = serde_json::to_vec(document).map_or(usize::MAX, |text| text.len());
    if bytes > MAX_BYTES {
        let message = format!("The document has {bytes} bytes; at most {MAX_BYTES} are allowed.");
        return Err(Box::new(Fault::error(FaultCode::GraphTooLarge, message)));
    }
    let count = document.get("nodes").and_then(Value::as_array).map_or(0, Vec::len);
    if count > MAX_NODES {
        let message = format!("The document has {count} nodes; at most {MAX_NODES} are allowed.");
        return Err(Box::new(Fault::error(FaultCode::TooManyNodes, message).at_pointer("/nodes")));
    }
    let (document, empty) = (without_nul_in(document), Map::new());
    let source = Source::read(&document, &empty);
    let zone = source.setting("timezone").and_then(Value::as_str);
    let zone = zone.filter(|zone| zone.parse::<chrono_tz::Tz>().is_ok());
    let options = |wraps, most_original| Options { wraps, most_original, owner, zone };
    let mut drawn = draw(&source, options(true, MOST_ORIGINAL[0]));
    for (wraps, most) in [(true, 1), (false, 0), (false, 1), (false, 2)] {
        if size_faults(&drawn.0).is_empty() {
            break;
        }
        drawn = draw(&source, options(wraps, MOST_ORIGINAL[most]));
    }
    let (graph, report) = drawn;
    let text = |field: &str| document.get(field).and_then(Value::as_str).unwrap_or_default();
    let name = one_line(text("name"), MAX_NAME);
    Ok(ImportedDraft {
        name: if name.is_empty() { "Imported workflow".to_owned() } else { name },
        description: text_of(text("description"), MAX_DESCRIPTION),
        timeout_secs: timeout(&source),
        graph,
        report,
    })
}

/// The graph of a document, and what became of it.
fn draw(source: &Source<'_>, options: Options<'_>) -> (Graph, ImportReport) {
    let serving: BTreeSet<usize> = source.services.iter().map(|service| service.from).collect();
    let linked: BTreeSet<usize> = source.links.iter().flat_map(|link| [link.from, link.to]).collect();
    let alone: Vec<usize> = serving.difference(&linked).copied().collect();
    let nodes: BTreeSet<usize> = (0..source.nodes.len()).filter(|node| !alone.contains(node)).collect();
    let loops = |node: usize| {
        let node = &source.nodes[node];
        types::batch_output(node.kind, node.version)
    };
    let mut cuts = Vec::new();
    let plan = plan::plan(&nodes, &source.links, &loops, &mut cuts);
    let mut draft = Draft::new(source, options);
    let place = Place { home: &[], item: None };
    let mut graph = draft.scope(&plan, place);
    for (link, reason) in cuts {
        let target = source.nodes[link.to].name;
        draft.findings[link.from].approximate(format!("The connection to {target:?} {reason}."));
    }
    for node in alone {
        serve(&mut draft, node, place, &mut graph);
    }
    let report = report_of(&mut draft);
    (graph, report)
}

/// What becomes of a node that serves others: the model of a prompt is in the prompt, and others are kept.
fn serve(draft: &mut Draft<'_>, node: usize, place: Place<'_>, graph: &mut Graph) {
    let source = draft.source;
    let of_node: Vec<_> = source.services.iter().filter(|service| service.from == node).collect();
    let is_taken = |to: usize| draft.findings[to].status < ImportStatus::Placeholder;
    let is_model = |kind: &str| kind == types::MODEL_SERVICE;
    if of_node.iter().all(|service| is_model(service.kind) && is_taken(service.to)) {
        draft.findings[node].ignore("It is the model of a node, which names it.");
        return;
    }
    let served: Vec<&str> = of_node.iter().map(|service| source.nodes[service.to].name).take(5).collect();
    let refused = Refused::new(format!("It serves {}, which is not imported.", served.join(", ")));
    draft.placeholder(node, &refused, place, graph);
    if let Some(last) = graph.nodes.last_mut().filter(|last| last.kind == NOT_IMPORTED) {
        last.disabled = true;
    }
}

fn report_of(draft: &mut Draft<'_>) -> ImportReport {
    let source = draft.source;
    let mut report = ImportReport { notes: source.notes.clone(), ..ImportReport::default() };
    report.notes.extend(notes_of(source, draft.options.zone));
    for (index, node) in source.nodes.iter().enumerate() {
        let findings = &mut draft.findings[index];
        if let Some(note) = node.raw.get("notes").and_then(Value::as_str).filter(|note| !note.is_empty()) {
            findings.remark(format!("Its note is left out: {}", one_line(note, 200)));
        }
        for (kind, credential) in node.raw.get("credentials").and_then(Value::as_object).into_iter().flatten()
        {
            let name =
                credential.get("name").or(Some(credential)).and_then(Value::as_str).unwrap_or_default();
            let (kind, name) = (one_line(kind, 200), one_line(name, 200));
            report.credentials.push(ImportedCredential { node: node.name.to_owned(), kind, name });
        }
        report.nodes.push(ImportedNode {
            node: node.name.to_owned(),
            kind: node.kind.to_owned(),
            key: draft.drawn.get(&index).map(|drawn| drawn.leaves.clone()),
            status: findings.status,
            reasons: findings.reasons.clone(),
        });
    }
    let timezone = draft.options.zone.map(str::to_owned);
    report.schedules.extend(draft.crons.iter().map(|(node, cron)| ImportedSchedule {
        node: source.nodes[*node].name.to_owned(),
        cron: cron.clone(),
        timezone: timezone.clone(),
    }));
    report
}

/// What is said of the whole document.
fn notes_of(source: &Source<'_>, zone: Option<&str>) -> Vec<String> {
    let mut notes = Vec::new();
    if source.document.get("active") == Some(&Value::Bool(true)) {
        notes.push("The workflow was active there; it is disabled here.".to_owned());
    }
    if let Some(written) = source.setting("timezone").and_then(Value::as_str) {
        notes.push(match zone {
            Some(zone) => format!("Its time zone {zone} is that of its dates; give it to its schedules."),
            None => {
                format!("Its time zone {:?} is not known: dates are those of UTC.", one_line(written, 100))
            }
        });
    }
    if source.setting("errorWorkflow").and_then(Value::as_str).is_some_and(|id| !id.is_empty()) {
        notes.push("It had an error workflow: choose one in the settings.".to_owned());
    }
    let pinned = source.document.get("pinData").and_then(Value::as_object).map_or(0, Map::len);
    if pinned > 0 {
        notes.push(format!("The pinned data of {pinned} nodes is left out."));
    }
    notes
}

/// The longest time of a run, if the document names one.
fn timeout(source: &Source<'_>) -> Option<u32> {
    let seconds = source.setting("executionTimeout")?.as_u64().filter(|seconds| *seconds > 0)?;
    Some(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// A text in one line of at most so many characters.
fn one_line(text: &str, most: usize) -> String {
    text_of(text, most).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text of at most so many characters, without those that names and descriptions may not have.
fn text_of(text: &str, most: usize) -> String {
    let is_kept = |char: &char| {
        let turns =
            matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
        !turns && (!char.is_control() || matches!(char, '\n' | '\t'))
    };
    text.chars().filter(is_kept).take(most).collect::<String>().trim().to_owned()
}

/// The same without the character NUL, which no row can hold.
fn without_nul(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('\0', "")),
        Value::Array(items) => items.iter().map(without_nul).collect(),
        Value::Object(fields) => Value::Object(without_nul_in(fields)),
        other => other.clone(),
    }
}

fn without_nul_in(fields: &Map<String, Value>) -> Map<String, Value> {
    fields.iter().map(|(key, value)| (key.replace('\0', ""), without_nul(value))).collect()
}

#[cfg(test)]
mod tests;
