//! Loops, branches, lists and cycles.

use super::*;

/// The ids of the edges of a graph.
fn edges(graph: &Graph) -> Vec<String> {
    graph.edges.iter().map(crate::graph::Edge::id).collect()
}

fn start() -> Value {
    node("Start", "manualTrigger", 1.0, json!({}))
}

fn rows() -> Value {
    node("Rows", "splitOut", 1.0, json!({"fieldToSplitOut": "rows"}))
}

fn set(name: &str, value: &str) -> Value {
    let assignments = json!({"assignments": [{"name": "x", "type": "string", "value": value}]});
    node(name, "set", 3.4, json!({"assignments": assignments}))
}

fn batches(name: &str, version: f64, size: u64) -> Value {
    node(name, "splitInBatches", version, json!({"batchSize": size, "options": {}}))
}

#[test]
fn a_node_that_runs_for_each_item_gets_a_loop_of_its_own() {
    let draft = imported(&document(
        &[start(), rows(), set("It", "={{ $json.a }} {{ $itemIndex }}")],
        "Start>Rows Rows>It",
    ));
    assert_eq!(edges(&draft.graph), ["it_each.done>it.in", "start.main>rows.in", "rows.main>it_each.in"]);
    let each = draft.graph.find_node("it_each").expect("a loop");
    assert_eq!(Value::Object(each.config.clone()), json!({"items": "{{ input }}"}));
    assert_eq!(
        draft.graph.find_node("it_item").expect("inside").config["fields"]["x"],
        "{{ input.a }} {{ index }}"
    );
    assert_eq!(draft.graph.find_node("it").expect("the results").config["items"], "{{ input.results }}");
    assert_eq!(errors(&draft.graph), Vec::<String>::new());

    let mut once = set("It", "={{ $json.a }}");
    once["executeOnce"] = json!(true);
    let draft = imported(&document(&[start(), rows(), once], "Start>Rows Rows>It"));
    assert_eq!(draft.graph.find_node("it").expect("drawn").config["fields"]["x"], "{{ input[0].a }}");
}

#[test]
fn a_cycle_of_batches_becomes_a_loop() {
    let nodes = [
        start(),
        rows(),
        batches("Each", 3.0, 1),
        set("Work", "={{ $json.a }}{{ $('Each').item.json.b }}"),
        set("More", "={{ $('Work').item.json.x }}"),
        node("End", "noOp", 1.0, json!({})),
    ];
    let draft =
        imported(&document(&nodes, "Start>Rows Rows>Each Each.0>End Each.1>Work Work>More More>Each"));
    let each = draft.graph.find_node("each_each").expect("a loop");
    let body = each.body.as_deref().expect("a body");
    assert_eq!(edges(body), ["work.main>more.in"]);
    assert_eq!(
        draft.graph.find_node("work").expect("inside").config["fields"]["x"],
        "{{ input.a }}{{ item.b }}"
    );
    assert_eq!(
        draft.graph.find_node("more").expect("inside").config["fields"]["x"],
        "{{ nodes.work.output.x }}"
    );
    assert!(edges(&draft.graph).contains(&"each.main>end.in".to_owned()), "{:?}", edges(&draft.graph));
    assert_eq!(errors(&draft.graph), Vec::<String>::new());
    assert_eq!(draft.report.count(ImportStatus::Exact), 6, "{:?}", draft.report);
}

#[test]
fn older_batches_have_their_outputs_the_other_way_round() {
    let nodes = [
        start(),
        rows(),
        batches("Each", 2.0, 5),
        set("Work", "={{ $json.a }}"),
        node("End", "noOp", 1.0, json!({})),
    ];
    let draft = imported(&document(&nodes, "Start>Rows Rows>Each Each.0>Work Work>Each Each.1>End"));
    let each = draft.graph.find_node("each_each").expect("a loop");
    assert_eq!(each.config["batch_size"], 5);
    assert_eq!(
        draft.graph.find_node("each").expect("the results").config["items"],
        "{{ flatten(input.results) }}"
    );
    assert!(draft.graph.find_node("work_each").is_some(), "a batch is a list");
    assert_eq!(errors(&draft.graph), Vec::<String>::new());
}

#[test]
fn loops_lie_in_each_other() {
    let nodes = [
        start(),
        rows(),
        batches("Outer", 3.0, 1),
        rows_of("Inner rows"),
        batches("Inner", 3.0, 1),
        set("Work", "={{ $json.a }}"),
    ];
    let links =
        "Start>Rows Rows>Outer Outer.1>Inner-rows Inner-rows>Inner Inner.1>Work Work>Inner Inner.0>Outer";
    let draft = imported(&document(&nodes, links));
    let outer = draft.graph.find_node("outer_each").and_then(|node| node.body.as_deref()).expect("a body");
    let inner =
        outer.nodes.iter().find(|node| node.key == "inner_each").and_then(|node| node.body.as_deref());
    assert_eq!(inner.expect("a body").nodes[0].key, "work");
    assert_eq!(errors(&draft.graph), Vec::<String>::new());
}

fn rows_of(name: &str) -> Value {
    let mut node = rows();
    node["name"] = json!(name.replace(' ', "-"));
    node
}

#[test]
fn other_cycles_are_cut_and_reported() {
    let nodes = [start(), set("A", "a"), set("B", "b")];
    let draft = imported(&document(&nodes, "Start>A A>B B>A"));
    assert_eq!(edges(&draft.graph), ["start.main>a.in", "a.main>b.in"]);
    let reported = draft.report.nodes.iter().find(|node| node.node == "B").expect("reported");
    assert_eq!(reported.status, ImportStatus::Approximated);
    assert!(reported.reasons[0].contains("leads back"), "{reported:?}");
}

#[test]
fn branches_that_exclude_each_other_bring_one_item() {
    let asks = json!({"conditions": {"combinator": "and", "conditions": [
        {"leftValue": "={{ $json.a }}", "rightValue": "x", "operator": {"type": "string", "operation": "equals"}}
    ]}});
    let nodes = [
        start(),
        node("Hook", "executeWorkflowTrigger", 1.0, json!({})),
        node("Ask", "if", 2.0, asks),
        set("A", "a"),
        set("It", "={{ $json.x }}"),
    ];
    let draft = imported(&document(&nodes, "Start>Ask Hook>Ask Ask.0>A A>It Ask.1>It"));
    assert_eq!(draft.report.count(ImportStatus::Exact), 5, "{:?}", draft.report.nodes);

    let nodes = [start(), set("A", "a"), set("B", "b"), set("It", "={{ $json.x }}")];
    let draft = imported(&document(&nodes, "Start>A Start>B A>It B>It"));
    let reported = &draft.report.nodes[3];
    assert!(reported.reasons[0].contains("Several branches"), "{reported:?}");
}

#[test]
fn failures_are_treated_as_there() {
    let mut risky = set("A", "a");
    risky["retryOnFail"] = json!(true);
    risky["maxTries"] = json!(4);
    risky["waitBetweenTries"] = json!(2500);
    risky["onError"] = json!("continueErrorOutput");
    let mut off = set("B", "b");
    off["disabled"] = json!(true);
    off["continueOnFail"] = json!(true);
    let draft = imported(&document(&[start(), risky, off, set("C", "c")], "Start>A A.0>B A.1>C"));
    let policy = &draft.graph.find_node("a").expect("drawn").policy;
    let retry = policy.retry.clone().expect("retried");
    assert_eq!((retry.max_attempts, retry.base_seconds), (4, 3));
    assert_eq!(edges(&draft.graph), ["start.main>a.in", "a.main>b.in", "a.error>c.in"]);
    let off = draft.graph.find_node("b").expect("drawn");
    assert!(off.disabled && off.policy.on_error == crate::graph::OnError::Continue);
    assert_eq!(errors(&draft.graph), Vec::<String>::new());
}
