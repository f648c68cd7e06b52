//! Attempts in the bodies of loops, and what reads the output of a loop.

use super::*;

/// A loop `each` with this body, and `work` after it.
fn looped(items: Value, body: Value, work: Value) -> Value {
    let each = with_body(node("each", "loop", json!({"items": items})), body);
    let nodes = [node("start", "manual", json!({})), each, work];
    let edges =
        [json!({"from": "start", "to": "each"}), json!({"from": "each", "from_port": "done", "to": "work"})];
    json!({"nodes": nodes, "edges": edges})
}

fn body(nodes: &[Value]) -> Value {
    json!({"nodes": nodes, "edges": []})
}

fn in_scope(scope: &str, row: NodeRow) -> NodeRow {
    NodeRow { scope: scope.to_owned(), ..row }
}

#[tokio::test]
async fn a_loop_gives_its_list() {
    let graph =
        looped(json!("{{ input }}"), body(&[transform("inner", json!(1))]), transform("work", json!(1)));
    let stage = Stage::new(graph, json!([1, 2, 3])).await;
    let result = stage.run("each").await;
    assert_eq!(result.outcome, WorkOutcome::Items { count: 3 });
    assert_eq!(result.output.unwrap().value, Some(json!([1, 2, 3])));
}

#[tokio::test]
async fn a_body_sees_its_item_and_the_nodes_around_the_loop() {
    let inner = transform(
        "inner",
        json!("{{ [item, input, index, loop.first, loop.last, loop.length, nodes.start.output] }}"),
    );
    let stage =
        Stage::new(looped(json!([]), body(&[inner]), transform("work", json!(1))), json!("given")).await;
    stage.add(NodeRow::bare("each", NodeState::Iterating)).await;
    stage.add_list("", "each", Some(json!(["a", {"b": 1}])), None).await;
    stage.add(in_scope("each[1]", NodeRow::ready("inner"))).await;
    let args = RunNode { scope: "each[1]".into(), ..stage.args("inner") };
    let output = stage.end(&args).await.unwrap().output.unwrap().value.unwrap();
    assert_eq!(output["out"], json!([{"b": 1}, {"b": 1}, 1, false, true, 2, "given"]));
}

#[tokio::test]
async fn a_long_list_is_read_from_the_object_store() {
    let inner = transform("inner", json!("{{ item }}"));
    let stage = Stage::new(looped(json!([]), body(&[inner]), transform("work", json!(1))), json!(null)).await;
    let key = format!("{}/list.json", run_folder(stage.run_id));
    stage.put(&key, &json!(["a", "b", "c"])).await;
    stage.add(NodeRow::bare("each", NodeState::Iterating)).await;
    stage.add_list("", "each", None, Some((key, 3))).await;
    stage.add(in_scope("each[2]", NodeRow::ready("inner"))).await;
    let args = RunNode { scope: "each[2]".into(), ..stage.args("inner") };
    assert_eq!(stage.end(&args).await.unwrap().output.unwrap().value, Some(json!({"out": "c"})));
}

#[tokio::test]
async fn the_output_of_a_loop_keeps_the_order_of_its_items() {
    let work = transform("work", json!("{{ nodes.each.output }}"));
    let stage = Stage::new(looped(json!([]), body(&[transform("inner", json!(1))]), work), json!(null)).await;
    stage.add(NodeRow::bare("each", NodeState::Succeeded)).await;
    stage.add_list("", "each", Some(json!([1, 2, 3, 4, 5])), None).await;
    for (item, state) in [
        (2, ItemState::Succeeded),
        (0, ItemState::Succeeded),
        (1, ItemState::Failed),
        (3, ItemState::Cancelled),
    ] {
        stage.add_item("", "each", item, state).await;
    }
    stage.add(in_scope("each[0]", NodeRow::done("inner", json!("first")))).await;
    stage.add(in_scope("each[2]", NodeRow::done("inner", json!("third")))).await;
    stage.add(in_scope("each[1]", NodeRow::bare("inner", NodeState::Failed))).await;
    let cancelled =
        NodeRow { cause: Some(CancelCause::Failure), ..NodeRow::bare("inner", NodeState::Cancelled) };
    stage.add(in_scope("each[3]", cancelled)).await;
    let output = stage.run("work").await.output.unwrap().value.unwrap();
    let errors =
        json!([{"index": 1, "error": {"code": "BROKEN", "message": "No.", "node": "inner", "attempt": 1}}]);
    assert_eq!(
        output["out"],
        json!({
            "results": ["first", null, "third", null, null], "errors": errors,
            "total": 5, "succeeded": 2, "failed": 1,
        })
    );
}

#[tokio::test]
async fn an_item_with_several_last_nodes_gives_an_object() {
    let both =
        body(&[transform("left", json!(1)), transform("right", json!(1)), node("stop", "break", json!({}))]);
    let work = transform("work", json!("{{ input.results }}"));
    let stage = Stage::new(looped(json!([]), both, work), json!(null)).await;
    stage.add(NodeRow::bare("each", NodeState::Succeeded)).await;
    stage.add_list("", "each", Some(json!([1, 2])), None).await;
    for item in [0, 1] {
        stage.add_item("", "each", item, ItemState::Succeeded).await;
        stage.add(in_scope(&format!("each[{item}]"), NodeRow::done("left", json!(item)))).await;
    }
    stage.add(in_scope("each[0]", NodeRow::done("right", json!("r")))).await;
    stage.add(in_scope("each[1]", NodeRow::bare("right", NodeState::Skipped))).await;
    let output = stage.run("work").await.output.unwrap().value.unwrap();
    assert_eq!(output["out"], json!([{"left": 0, "right": "r"}, {"left": 1}]));
}

#[tokio::test]
async fn a_loop_in_a_loop_gives_its_output_as_the_result_of_the_item() {
    let inner =
        with_body(node("inner", "loop", json!({"items": []})), body(&[node("same", "no_op", json!({}))]));
    let work = transform("work", json!("{{ input }}"));
    let stage = Stage::new(looped(json!([]), body(&[inner]), work), json!(null)).await;
    stage.add(NodeRow::bare("each", NodeState::Succeeded)).await;
    stage.add_list("", "each", Some(json!(["a", "b"])), None).await;
    for item in 0..2 {
        let scope = format!("each[{item}]");
        stage.add_item("", "each", item, ItemState::Succeeded).await;
        stage.add(in_scope(&scope, NodeRow::bare("inner", NodeState::Succeeded))).await;
        stage.add_list(&scope, "inner", Some(json!([item, 7])), None).await;
        for inner in 0..2 {
            stage.add_item(&scope, "inner", inner, ItemState::Succeeded).await;
            let passed = NodeRow { passed: true, ..NodeRow::bare("same", NodeState::Succeeded) };
            stage.add(in_scope(&format!("{scope}.inner[{inner}]"), passed)).await;
        }
    }
    let output = stage.run("work").await.output.unwrap().value.unwrap();
    let inner =
        |item: u32| json!({"results": [item, 7], "errors": [], "total": 2, "succeeded": 2, "failed": 0});
    assert_eq!(
        output["out"],
        json!({"results": [inner(0), inner(1)], "errors": [], "total": 2, "succeeded": 2, "failed": 0})
    );
}

#[tokio::test]
async fn a_while_node_sees_what_the_round_before_gave() {
    let when = json!({"conditions": [
        {"left": "{{ item.page }}", "operator": "less_than", "right": 3},
        {"left": "{{ index }}", "operator": "less_than", "right": 2},
    ]});
    let inner = transform("inner", json!("{{ item.page }}"));
    let again = with_body(node("again", "while", json!({"when": when})), body(&[inner]));
    let nodes = [node("start", "manual", json!({})), again];
    let graph = json!({"nodes": nodes, "edges": [json!({"from": "start", "to": "again"})]});
    let stage = Stage::new(graph, json!({"page": 1})).await;
    assert_eq!(stage.run("again").await.outcome, WorkOutcome::Round { holds: true });

    stage.add_list("", "again", None, None).await;
    stage.add(in_scope("again[0]", NodeRow::ready("inner"))).await;
    let args = RunNode { scope: "again[0]".into(), ..stage.args("inner") };
    assert_eq!(stage.end(&args).await.unwrap().output.unwrap().value, Some(json!({"out": 1})));

    for (page, holds) in [(2, true), (3, false)] {
        stage.add(in_scope("again[0]", NodeRow::done("inner", json!({"page": page})))).await;
        stage.add_item("", "again", 0, ItemState::Succeeded).await;
        stage.add(NodeRow { round: 1, ..NodeRow::ready("again") }).await;
        let args = RunNode { round: 1, ..stage.args("again") };
        assert_eq!(stage.end(&args).await.unwrap().outcome, WorkOutcome::Round { holds }, "{page}");
    }
}

#[tokio::test]
async fn results_that_are_too_large_are_refused_before_they_are_read() {
    let work = transform("work", json!("{{ nodes.each.output.total }}"));
    let stage = Stage::new(looped(json!([]), body(&[transform("inner", json!(1))]), work), json!(null)).await;
    stage.add(NodeRow::bare("each", NodeState::Succeeded)).await;
    stage.add_list("", "each", Some(json!([1, 2])), None).await;
    for item in 0..2 {
        stage.add_item("", "each", item, ItemState::Succeeded).await;
        let large = NodeRow {
            output_object: Some("runs/none.json".to_owned()),
            output_bytes: 6 * 1024 * 1024,
            ..NodeRow::bare("inner", NodeState::Succeeded)
        };
        stage.add(in_scope(&format!("each[{item}]"), large)).await;
    }
    stage.add(NodeRow::ready("work")).await;
    assert_eq!(stage.end(&stage.args("work")).await.unwrap_err()["code"], "OUTPUT_TOO_LARGE");
}
