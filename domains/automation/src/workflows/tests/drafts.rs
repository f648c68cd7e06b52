use atelier_foundation::{Class, Problem};

use super::*;
use crate::graph::{Edge, MAX_NODES, Node, Position};

fn edge(from: &str, to: &str) -> Edge {
    let (from, port) = from.split_once('.').unwrap_or((from, "main"));
    Edge { from: from.to_owned(), from_port: port.to_owned(), to: to.to_owned(), to_port: "in".to_owned() }
}

fn new(parent: Option<&str>, node: Value) -> NewNode {
    let node: Node = serde_json::from_value(node).expect("a node");
    NewNode { parent: parent.map(str::to_owned), node }
}

async fn keys(fixture: &Fixture, id: WorkflowId) -> Vec<(Option<String>, String)> {
    let nodes = fixture.workflows().list_nodes(&fixture.ada, id).await.expect("listed");
    nodes.into_iter().map(|at| (at.parent, at.node.key)).collect()
}

async fn edges(fixture: &Fixture, id: WorkflowId) -> Vec<String> {
    let edges = fixture.workflows().list_edges(&fixture.ada, id).await.expect("listed");
    edges.into_iter().map(|at| at.edge.id()).collect()
}

#[tokio::test]
async fn a_draft_is_read_as_it_was_written() {
    let fixture = Fixture::new().await;
    let workflow = fixture.create("Report").await;
    assert_eq!((fixture.draft(workflow.id).await, workflow.revision), (Graph::default(), 1));
    // Edges that lead nowhere or out of their loop are kept where they were.
    let faulty = json!({
        "nodes": [start(), {"key": "each", "type": "loop", "body": {
            "nodes": [step("a")], "edges": [{"from": "start", "to": "a"}, {"from": "x", "to": "y"}]
        }}],
        "edges": [{"from": "start", "to": "a"}, {"from": "x", "to": "y"}]
    });
    for (draft, revision) in [(nested(), 2), (faulty, 3), (row(&["send"]), 4), (json!({}), 5)] {
        let replaced = fixture.replace(workflow.id, draft.clone()).await;

        assert_eq!((replaced.workflow.revision, &replaced.graph), (revision, &graph(draft)));
        assert_eq!(fixture.draft(workflow.id).await, replaced.graph);
    }
}

#[tokio::test]
async fn a_draft_is_replaced_by_who_has_read_it() {
    let fixture = Fixture::new().await;
    let id = fixture.create("Report").await.id;
    let replace = async |expected, key: &str| {
        let graph = graph(row(&[key]));
        fixture.workflows().replace_graph(&fixture.ada, id, expected, graph).await
    };
    let refusal = replace(None, "a").await.expect_err("refused").refusal();
    assert_eq!((refusal.class, refusal.code), (Class::PreconditionRequired, "REVISION_REQUIRED"));

    let at_one = || Some(Expected::OneOf(vec![1]));
    let (first, second) = tokio::join!(replace(at_one(), "a"), replace(at_one(), "b"));
    let (won, lost) = if first.is_ok() { (first, second) } else { (second, first) };

    let kept = won.expect("one of them").graph;
    let refusal = lost.expect_err("the other one").refusal();
    assert_eq!((refusal.class, refusal.code), (Class::PreconditionFailed, "REVISION_CHANGED"));
    assert_eq!((fixture.get(id).await.revision, fixture.draft(id).await), (2, kept));
}

#[tokio::test]
async fn faults_do_not_keep_a_draft_from_being_stored_but_what_rows_cannot_hold_does() {
    let fixture = Fixture::new().await;
    let id = fixture.create("Report").await.id;
    let draft = fixture.replace(id, json!({"nodes": [node("Bad Key", "teleport", json!({}))]})).await;
    let found = codes(&draft.faults);
    for code in ["BAD_KEY", "UNKNOWN_TYPE", "NO_TRIGGER"] {
        assert!(found.contains(&code), "{found:?}");
    }

    let replace = async |value: Value| {
        let graph = graph(value);
        refused(fixture.workflows().replace_graph(&fixture.ada, id, Some(Expected::Any), graph).await)
    };
    let twice =
        json!({"nodes": [step("a"), {"key": "each", "type": "loop", "body": {"nodes": [step("a")]}}]});
    assert_eq!(replace(twice).await, ["DUPLICATE_KEY"]);
    let many: Vec<_> = (0..=MAX_NODES).map(|number| step(&format!("n{number}"))).collect();
    assert_eq!(replace(json!({"nodes": many})).await, ["TOO_MANY_NODES"]);
    let nul = json!({
        "nodes": [node("a", "note", json!({"text": ["x\u{0}"]})), node("b", "note", json!({"\u{0}": 1}))],
        "edges": [{"from": "a\u{0}", "to": "b"}]
    });
    assert_eq!(replace(nul).await, ["MALFORMED", "MALFORMED", "MALFORMED"]);
    assert_eq!(fixture.draft(id).await.nodes.len(), 1);
}

#[tokio::test]
async fn nodes_join_the_draft_and_the_bodies_of_its_loops() {
    let fixture = Fixture::new().await;
    let id =
        fixture.with_draft(json!({"nodes": [start(), node("each", "loop", json!({"items": []}))]})).await.id;
    let create = async |new| fixture.workflows().create_node(&fixture.ada, id, new).await;

    let made = create(new(Some("each"), step("inside"))).await.expect("created");
    assert_eq!((made.parent.as_deref(), made.node.key.as_str()), (Some("each"), "inside"));
    let body = json!({"nodes": [step("deep")], "edges": []});
    let inner = json!({"key": "inner", "type": "loop", "config": {"items": []}, "body": body});
    create(new(Some("each"), inner)).await.expect("created with its body");
    create(new(None, step("after"))).await.expect("created");

    let at = |parent: Option<&str>, key: &str| (parent.map(str::to_owned), key.to_owned());
    let expected = [
        at(None, "start"),
        at(None, "each"),
        at(None, "after"),
        at(Some("each"), "inside"),
        at(Some("each"), "inner"),
        at(Some("inner"), "deep"),
    ];
    assert_eq!(keys(&fixture, id).await, expected);
    assert_eq!(fixture.get(id).await.revision, 5);
    for (wrong, code) in [
        (new(None, step("deep")), "DUPLICATE_KEY"),
        (new(None, step("Deep End")), "BAD_KEY"),
        (new(None, node("odd", "teleport", json!({}))), "UNKNOWN_TYPE"),
        (new(None, json!({"key": "old", "type": "no_op", "type_version": 9})), "TYPE_VERSION_UNSUPPORTED"),
        (new(Some("start"), step("child")), "BODY_NOT_ALLOWED"),
    ] {
        assert_eq!(refused(create(wrong).await), [code]);
    }
    let lost = create(new(Some("nowhere"), step("child"))).await;
    assert!(matches!(lost, Err(WorkflowError::InvalidInput(_))), "{lost:?}");
}

#[tokio::test]
async fn a_node_is_changed_in_part() {
    let fixture = Fixture::new().await;
    let id = fixture.with_draft(nested()).await.id;
    let place = Position { x: 1.0, y: 2.0 };
    let changes = NodeChanges { position: Some(Some(place)), disabled: Some(true), ..NodeChanges::default() };

    fixture.workflows().update_node(&fixture.ada, id, "deep", changes).await.expect("changed");
    let changes = NodeChanges { name: Some(None), ..NodeChanges::default() };
    fixture.workflows().update_node(&fixture.ada, id, "outer", changes).await.expect("changed");

    let mut expected = graph(nested());
    expected.nodes[1].name = None;
    let outer = expected.nodes[1].body.as_mut().expect("a body");
    let inner = outer.nodes[1].body.as_mut().expect("a body");
    (inner.nodes[0].position, inner.nodes[0].disabled) = (Some(place), true);
    assert_eq!(fixture.draft(id).await, expected);
    let lost = fixture.workflows().update_node(&fixture.ada, id, "gone", NodeChanges::default()).await;
    assert!(matches!(lost, Err(WorkflowError::NoNode(_))), "{lost:?}");
    let changes = NodeChanges { type_version: Some(9), ..NodeChanges::default() };
    let refusal = fixture.workflows().update_node(&fixture.ada, id, "deep", changes).await;
    assert_eq!(refused(refusal), ["TYPE_VERSION_UNSUPPORTED"]);
}

#[tokio::test]
async fn a_node_leaves_with_its_body_and_the_edges_at_them() {
    let fixture = Fixture::new().await;
    let id = fixture.with_draft(nested()).await.id;

    fixture.workflows().delete_node(&fixture.ada, id, "outer").await.expect("deleted");

    let expected = json!({"nodes": [start(), step("after")]});
    assert_eq!(fixture.draft(id).await, graph(expected));
    let lost = fixture.workflows().delete_node(&fixture.ada, id, "deep").await;
    assert!(matches!(lost, Err(WorkflowError::NoNode(_))), "{lost:?}");
}

#[tokio::test]
async fn an_edge_that_can_never_be_right_is_refused_at_once() {
    let fixture = Fixture::new().await;
    let mut draft = nested();
    let check = node("check", "condition", json!({"when": {"left": 1, "operator": "equals", "right": 1}}));
    draft["nodes"].as_array_mut().expect("a list").push(check);
    let id = fixture.with_draft(draft).await.id;
    let create = async |edge| fixture.workflows().create_edge(&fixture.ada, id, edge).await;

    create(edge("after", "check")).await.expect("created");
    let inside = create(edge("first.error", "inner")).await.expect("created");
    assert_eq!(inside.parent.as_deref(), Some("outer"));

    for (wrong, codes) in [
        (edge("check.true", "outer"), vec!["CYCLE"]),
        (edge("check.false", "check"), vec!["CYCLE"]),
        (edge("deeper", "deep"), vec!["CYCLE"]),
        (edge("after", "check"), vec!["DUPLICATE_EDGE"]),
        (edge("check.maybe", "after"), vec!["UNKNOWN_PORT", "CYCLE"]),
        (edge("gone", "nowhere"), vec!["DANGLING_EDGE", "DANGLING_EDGE"]),
        (edge("start", "deep"), vec!["LOOP_BODY_ESCAPES"]),
    ] {
        let id = wrong.id();
        assert_eq!(refused(create(wrong).await), codes, "{id}");
    }
    let to_trigger = fixture.create("Another").await.id;
    fixture.replace(to_trigger, json!({"nodes": [start(), step("a")]})).await;
    let refusal = fixture.workflows().create_edge(&fixture.ada, to_trigger, edge("a", "start")).await;
    assert_eq!(refused(refusal), ["TRIGGER_HAS_INPUT"]);
    assert_eq!(
        edges(&fixture, id).await,
        [
            "start.main>outer.in",
            "outer.done>after.in",
            "after.main>check.in",
            "first.main>inner.in",
            "first.error>inner.in",
            "deep.main>deeper.in"
        ]
    );
}

#[tokio::test]
async fn an_edge_is_deleted_by_its_id() {
    let fixture = Fixture::new().await;
    let id = fixture.with_draft(row(&["a", "b"])).await.id;

    fixture.workflows().delete_edge(&fixture.ada, id, "start.main>a.in").await.expect("deleted");

    assert_eq!(edges(&fixture, id).await, ["a.main>b.in"]);
    let lost = fixture.workflows().delete_edge(&fixture.ada, id, "start.main>a.in").await;
    assert!(matches!(lost, Err(WorkflowError::NoEdge(_))), "{lost:?}");
    assert_eq!(fixture.get(id).await.revision, 3);
}

#[tokio::test]
async fn a_draft_is_drawn_without_markup_of_its_author() {
    let fixture = Fixture::new().await;
    let workflow = fixture.create("<script>alert(1)</script>").await;
    fixture.replace(workflow.id, row(&["send"])).await;

    let svg = fixture.workflows().draw(&fixture.ada, workflow.id).await.expect("drawn");

    assert!(svg.starts_with("<svg") && svg.contains("send"), "{svg}");
    assert!(!svg.contains("<script"), "{svg}");
}
