//! The examples of the documentation, and documents of a folder.

use super::*;

/// Where the result of one import is kept.
const KEPT: &str = "src/import/n8n/tests/nightly-summary.json";

fn nightly() -> String {
    let draft = imported(&examples()["nightly-summary"]);
    let all = json!({
        "name": draft.name, "timeout_secs": draft.timeout_secs, "graph": draft.graph, "report": draft.report
    });
    serde_json::to_string_pretty(&all).expect("JSON") + "\n"
}

#[test]
fn every_example_is_imported_without_errors() {
    let found = examples();
    assert_eq!(found.len(), 5);
    for (name, document) in found {
        assert!(is_document(&document), "{name}");
        let draft = imported(&document);
        // An integration is to be chosen.
        let expected: &[&str] =
            if name == "answer-a-webhook" { &["CONFIG_INVALID Some(\"tell\")"] } else { &[] };
        assert_eq!(errors(&draft.graph), expected, "{name}");
        assert_eq!(draft.report.nodes.len(), document["nodes"].as_array().expect("nodes").len(), "{name}");
    }
}

#[test]
fn examples_of_exact_nodes_are_exact() {
    for name in ["check-an-order", "rank-a-list", "in-batches"] {
        let draft = imported(&examples()[name]);
        assert_eq!(
            draft.report.count(ImportStatus::Exact),
            draft.report.nodes.len(),
            "{name}: {:#?}",
            draft.report
        );
    }
}

#[test]
fn the_result_of_an_import_is_the_one_that_is_kept() {
    let kept = fs::read_to_string(folder(KEPT)).expect("kept");
    assert_eq!(nightly(), kept);
    assert_eq!(nightly(), nightly(), "it is always the same");
}

/// Writes what the test above compares. Read it before it is committed.
#[test]
#[ignore = "writes a file"]
fn keep_the_result_of_an_import() {
    fs::write(folder(KEPT), nightly()).expect("written");
}

/// The file `.n8n-templates` of the workspace names the folder.
#[test]
#[ignore = "reads documents that are not part of the repository"]
#[allow(clippy::print_stdout)]
fn every_document_of_a_folder_is_imported() {
    let named = fs::read_to_string(folder("../../.n8n-templates")).expect("a file that names a folder");
    let (mut open, mut counts, mut reasons) =
        (vec![PathBuf::from(named.trim())], [0_usize; 4], BTreeMap::new());
    let (mut documents, mut with_errors) = (0_usize, 0_usize);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).expect("a folder").map(|file| file.expect("a file").path()));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let Ok(document) = serde_json::from_str::<Value>(&text) else { continue };
        if !is_document(&document) {
            continue;
        }
        documents += 1;
        let draft = imported(&document);
        assert!(size_faults(&draft.graph).is_empty(), "{path:?}");
        let found = errors(&draft.graph);
        with_errors += usize::from(!found.is_empty());
        if !found.is_empty() {
            println!("{path:?}: {found:?}");
        }
        for (count, status) in counts.iter_mut().zip(ImportStatus::ALL) {
            *count += draft.report.count(status);
        }
        for node in draft.report.nodes.into_iter().filter(|node| node.status == ImportStatus::Placeholder) {
            let reason = node.reasons.last().cloned().unwrap_or_default();
            *reasons.entry(reason).or_insert(0_usize) += 1;
        }
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (reason, count) in reasons.iter().take(80) {
        println!("{count:5} {reason}");
    }
    println!("{documents} documents, {with_errors} with errors; {:?}: {counts:?}", ImportStatus::ALL);
}
