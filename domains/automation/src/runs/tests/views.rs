//! What people see of runs: inputs and outputs of nodes, changes, states on the graph.

use std::collections::HashMap;

use atelier_entities::NodeState;
use atelier_foundation::Page;
use futures::StreamExt;
use serde_json::json;

use super::*;
use crate::runs::{ItemCounts, NodeView, Preview, RunChoice, RunPosition, RunUpdate};

/// The nodes of a run by their names, such as `each[0].a`.
async fn nodes_of(fixture: &Fixture, run: RunId) -> HashMap<String, NodeView> {
    let page = Page { number: 1, size: 100 };
    let view = fixture.runs().get(&fixture.actor(), run, None, page).await.expect("there");
    view.nodes.into_iter().map(|node| (name(&node.summary.scope, &node.summary.node), node)).collect()
}

fn whole(value: Value) -> Option<Preview> {
    Preview::of(Some(value), None, 0)
}

#[tokio::test]
async fn a_view_shows_what_arrived_at_each_node() {
    let fixture = Fixture::new().await;
    let body = Flow::body().work("x y").edges("x>y");
    let flow = Flow::new()
        .work("a b c last")
        .merge("gather")
        .add("through", "no_op", json!({}))
        .each("each", json!({"on_item_error": "continue"}), body)
        .policy("c", json!({"on_error": "error_branch"}))
        .edges("start>a start>b a>gather b>gather gather>through through>c c.error>each each.done>last");
    fixture.script("c", [broken()]);
    fixture.script("each", [items(&[json!({"n": 1}), json!({"n": 2})])]);

    let run = fixture.run(fixture.publish(&flow).await).await;
    let nodes = nodes_of(&fixture, run).await;

    let input = |node: &str| nodes[node].input.clone();
    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    assert_eq!((input("start"), nodes["start"].output.clone()), (None, whole(json!({"n": 7}))));
    assert_eq!(input("a"), whole(json!({"n": 7})));
    assert_eq!(input("gather"), whole(json!([{"from": "a"}, {"from": "b"}])));
    assert_eq!(nodes["gather"].inputs, ["a.main>gather.in", "b.main>gather.in"]);
    assert_eq!(nodes["through"].output, whole(json!({"from": "gather"})), "it passes its input on");
    assert_eq!(input("c"), whole(json!({"from": "gather"})), "through the node before");
    let error = input("each").expect("an error");
    assert_eq!(error.value.as_ref().map(|value| &value["error"]["code"]), Some(&json!("BROKEN")));
    assert_eq!(error.value.as_ref().map(|value| &value["input"]), Some(&json!({"from": "gather"})));
    assert_eq!(input("each[1].x"), whole(json!({"n": 2})), "the item");
    assert_eq!(input("each[1].y"), whole(json!({"from": "x"})));
    let unread = Some(Preview { value: None, truncated: true, bytes: 0 });
    assert_eq!((input("last"), nodes["each"].output.clone()), (unread.clone(), unread));
}

#[tokio::test]
async fn a_large_value_is_cut_in_previews() {
    let fixture = Fixture::new().await;
    let flow = Flow::new().work("a b").edges("start>a a>b");
    fixture.script("a", [Ok(done(json!("x".repeat(20_000))))]);

    let run = fixture.run(fixture.publish(&flow).await).await;
    let nodes = nodes_of(&fixture, run).await;

    let output = nodes["a"].output.clone().expect("an output");
    assert!(output.truncated && output.value.is_some() && output.bytes == 20_002);
    assert_eq!(nodes["b"].input, Some(output));
}

#[tokio::test]
async fn a_watcher_is_told_each_change_once_and_resumes_anywhere() {
    let fixture = Fixture::new().await;
    let body = Flow::body().work("x");
    let flow = Flow::new().each("each", json!({"concurrency": 50}), body).work("last");
    let flow = flow.edges("start>each each.done>last");
    let list: Vec<Value> = (0..150).map(Value::from).collect();
    fixture.script("each", [items(&list)]);
    let run = fixture.start(fixture.publish(&flow).await).await;
    let mut updates = Box::pin(fixture.runs().watch(run, None));

    let first: RunUpdate = updates.next().await.expect("an update").expect("read");
    fixture.fixture.work().await;
    let live: Vec<RunUpdate> = updates.map(|update| update.expect("read")).collect().await;
    let again: Vec<RunUpdate> =
        fixture.runs().watch(run, None).map(|update| update.expect("read")).collect().await;

    assert_eq!((first.run.status, first.nodes.len()), (RunStatus::Running, 2));
    let end = live.last().expect("an end");
    assert_eq!((end.run.status, end.run.revision), (RunStatus::Succeeded, fixture.row(run).await.revision));
    let mut states = HashMap::new();
    for node in live.iter().chain([&first]).flat_map(|update| &update.nodes) {
        let known = states.entry(name(&node.scope, &node.node)).or_insert((node.revision, node.state));
        if node.revision >= known.0 {
            *known = (node.revision, node.state);
        }
    }
    assert_eq!(states.len(), 153);
    assert!(states.values().all(|(_, state)| *state == NodeState::Succeeded), "{states:?}");
    let counts: Vec<usize> = again.iter().map(|update| update.nodes.len()).collect();
    assert_eq!(counts, [100, 53], "only the newest state of each node");
    let told: Vec<_> = again.iter().flat_map(|update| &update.nodes).cloned().collect();
    let position: RunPosition = again[0].position.to_string().parse().expect("a position");
    let rest: Vec<RunUpdate> =
        fixture.runs().watch(run, Some(position)).map(|update| update.expect("read")).collect().await;
    assert_eq!(rest.iter().flat_map(|update| &update.nodes).cloned().collect::<Vec<_>>(), told[100..]);
    let at_end = fixture.runs().watch(run, Some(end.position.clone()));
    assert_eq!(at_end.count().await, 0);
}

#[tokio::test]
async fn the_graph_of_a_run_counts_states_and_items() {
    let fixture = Fixture::new().await;
    let body = Flow::body().work("x");
    let flow = Flow::new().each("each", json!({"on_item_error": "continue"}), body).work("last");
    let workflow = fixture.publish(&flow.edges("start>each each.done>last")).await;
    fixture.script("each", [items(&[json!(1), json!(2), json!(3)])]);
    fixture.script("x", [broken()]);
    let none = fixture.runs().find_overlay(&fixture.actor(), workflow, RunChoice::Last).await.expect("asked");
    let run = fixture.run(workflow).await;

    let overlay = fixture.runs().find_overlay(&fixture.actor(), workflow, RunChoice::Last).await;
    let overlay = overlay.expect("asked").expect("a run");

    assert!(none.is_none());
    assert_eq!((overlay.run.id, overlay.version.number), (run, Some(1)));
    let items = ItemCounts { total: 3, open: 0, succeeded: 2, failed: 1, cancelled: 0 };
    assert_eq!(overlay.nodes["each"].items, Some(items));
    let x = &overlay.nodes["x"];
    assert_eq!((x.state, &x.counts), (NodeState::Failed, &BTreeMap::from([("failed", 1), ("succeeded", 2)])));
    assert!(x.finished_at.is_some_and(|end| end >= x.started_at));
    let svg = fixture.runs().draw(&fixture.actor(), workflow, RunChoice::Run(run)).await.expect("drawn");
    assert!(svg.contains("2/3 \u{b7} 1 failed") && svg.contains("3\u{d7}"), "{svg}");
    let stranger = acting(fixture.fixture.register("eve@example.org").await.id);
    let foreign = fixture.runs().find_overlay(&stranger, workflow, RunChoice::Run(run)).await;
    assert!(matches!(foreign, Err(crate::runs::RunError::NotFound(_))), "{foreign:?}");
}
