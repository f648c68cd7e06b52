//! Values that are made of others: what disabled nodes, late edges and long chains of rounds bring.

use super::*;

/// A disabled node.
fn off(key: &str) -> Value {
    let mut node = transform(key, json!("never"));
    node["disabled"] = json!(true);
    node
}

fn edge(from: &str, to: &str) -> Value {
    json!({"from": from, "to": to})
}

fn passed(key: &str) -> NodeRow {
    NodeRow { passed: true, ..NodeRow::bare(key, NodeState::Succeeded) }
}

#[tokio::test]
async fn an_edge_that_came_too_late_brings_nothing() {
    let work = with_policy(transform("work", json!("{{ input }}")), json!({"join": {"mode": "any"}}));
    let stage = Stage::new(branches(work), json!({})).await;
    for key in ["a", "b", "c"] {
        stage.add(NodeRow::done(key, json!(key))).await;
    }
    stage.decide("", "b.main>work.in", true, false).await;
    for late in ["a.main>work.in", "c.main>work.in"] {
        stage.add_edge("", late, (true, false, true)).await;
    }

    assert_eq!(stage.run("work").await.output.unwrap().value, Some(json!({"out": "b"})));
}

#[tokio::test]
async fn a_disabled_node_passes_on_an_error() {
    let fetch = with_policy(transform("fetch", json!(1)), json!({"on_error": "continue"}));
    let nodes = [
        node("start", "manual", json!({})),
        fetch,
        off("off"),
        transform("work", json!("{{ [input.error.code, nodes.off.output.input] }}")),
    ];
    let edges = [edge("start", "fetch"), edge("fetch", "off"), edge("off", "work")];
    let stage = Stage::new(json!({"nodes": nodes, "edges": edges}), json!({"id": 7})).await;
    let error = json!({"code": "HTTP_STATUS", "message": "No."});
    stage.add(NodeRow { error: Some(error), ..NodeRow::bare("fetch", NodeState::Failed) }).await;
    stage.decide("", "fetch.main>off.in", true, true).await;
    stage.add(passed("off")).await;

    let output = stage.run("work").await.output.unwrap().value.unwrap();

    assert_eq!(output["out"], json!(["HTTP_STATUS", {"id": 7}]));
}

#[tokio::test]
async fn a_late_round_begins_with_what_all_rounds_passed_on() {
    const ROUNDS: i32 = 400;
    let when = json!({"left": "{{ item.page + index }}", "operator": "equals", "right": ROUNDS + 7});
    let body = json!({"nodes": [node("same", "no_op", json!({}))], "edges": []});
    let again = with_body(node("again", "while", json!({"when": when})), body);
    let nodes = [node("start", "manual", json!({})), again];
    let graph = json!({"nodes": nodes, "edges": [edge("start", "again")]});
    let stage = Stage::new(graph, json!({"page": 7})).await;
    stage.add_list("", "again", None, None).await;
    for round in 0..ROUNDS {
        stage.add(NodeRow { scope: format!("again[{round}]"), ..passed("same") }).await;
    }

    stage.add(NodeRow { round: ROUNDS, ..NodeRow::ready("again") }).await;
    let args = RunNode { round: u32::try_from(ROUNDS).unwrap(), ..stage.args("again") };

    assert_eq!(stage.end(&args).await.unwrap().outcome, WorkOutcome::Round { holds: true });
}

#[tokio::test]
async fn values_that_double_with_each_node_are_given_up() {
    const LEVELS: usize = 30;
    let mut nodes = vec![node("start", "manual", json!({})), transform("work", json!("{{ input }}"))];
    let (mut edges, mut keys) = (Vec::new(), Vec::new());
    let mut above = "start".to_owned();
    for level in 0..LEVELS {
        let [left, right, join] = ["left", "right", "join"].map(|part| format!("{part}{level}"));
        nodes.extend([off(&left), off(&right), off(&join)]);
        let around = [(&above, &left), (&above, &right), (&left, &join), (&right, &join)];
        edges.extend(around.map(|(from, to)| edge(from, to)));
        above.clone_from(&join);
        keys.extend([left, right, join]);
    }
    edges.push(edge(&above, "work"));
    let graph = json!({"nodes": nodes, "edges": edges.clone()});
    let stage = Stage::new(graph, json!("x".repeat(1_000))).await;
    for key in &keys {
        stage.add(passed(key)).await;
    }
    for edge in edges {
        let name = |end: &str| edge[end].as_str().unwrap().to_owned();
        stage.decide("", &format!("{}.main>{}.in", name("from"), name("to")), true, false).await;
    }

    stage.add(NodeRow::ready("work")).await;

    assert_eq!(stage.end(&stage.args("work")).await.unwrap_err()["code"], "OUTPUT_TOO_LARGE");
}
