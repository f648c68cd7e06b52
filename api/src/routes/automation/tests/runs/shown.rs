use axum::http::header;
use serde_json::{Value, json};

use super::{LIST, RUNS, node, with};
use crate::testing::{LIMITS, TestApi, request};

#[tokio::test]
async fn the_stream_of_an_ended_run_tells_its_nodes_and_its_end() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let items: Vec<u32> = (0..120).collect();
    let mut each = node("each", "loop", json!({"items": items, "concurrency": 50}));
    each["body"] = json!({"nodes": [node("inside", "no_op", json!({}))], "edges": []});
    let nodes = json!([node("start", "manual", json!({})), each]);
    let workflow =
        api.publish(&ada, json!({"nodes": nodes, "edges": [{"from": "start", "to": "each"}]})).await;
    let run = api.start_run(&ada, &workflow, Value::Null).await;
    api.work().await;
    let path = format!("{RUNS}{run}/events");
    let events = async |last: Option<&str>| {
        let request = request("GET", &path, &ada, Value::Null);
        let name: header::HeaderName = "last-event-id".parse().expect("a name");
        let answer =
            api.send(last.iter().fold(request, |request, last| with(request, name.clone(), last))).await;
        assert_eq!(answer.headers[header::CONTENT_TYPE], "text/event-stream");
        parse(answer.body.as_str().expect("text"))
    };

    let whole = events(None).await;
    let told: Vec<String> = whole.iter().flat_map(nodes_of).collect();

    let names: Vec<&str> = whole.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["snapshot", "change", "end"], "122 nodes, at most 100 in an event");
    let mut unique = told.clone();
    unique.sort();
    unique.dedup();
    assert_eq!((told.len(), unique.len()), (122, 122));
    let rest = events(Some(&whole[0].1)).await;
    assert_eq!(rest.iter().flat_map(nodes_of).collect::<Vec<_>>(), told[100..]);
    let end = events(Some(&whole[2].1)).await;
    assert_eq!((end.len(), &end[0].0, &end[0].2["status"]), (1, &"end".to_owned(), &"succeeded".into()));
}

/// The name, the id and the data of each event.
fn parse(stream: &str) -> Vec<(String, String, Value)> {
    let blocks = stream.split("\n\n").filter(|block| block.contains("event: "));
    let field = |block: &str, name: &str| {
        let mut lines = block.lines().filter_map(|line| line.strip_prefix(name));
        lines.next().unwrap_or_else(|| panic!("no {name} in {block}")).to_owned()
    };
    let event = |block: &str| {
        let data = serde_json::from_str(&field(block, "data: ")).expect("JSON");
        (field(block, "event: "), field(block, "id: "), data)
    };
    blocks.map(event).collect()
}

/// The nodes that an event tells of, such as `each[3].inside`.
fn nodes_of((_, _, data): &(String, String, Value)) -> Vec<String> {
    let nodes = data["nodes"].as_array().into_iter().flatten();
    nodes.map(|node| format!("{}.{}", node["scope"].as_str().unwrap_or_default(), node["node"])).collect()
}

#[tokio::test]
async fn the_graph_of_a_run_is_that_of_its_version_with_its_states() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let workflow = api.publish(&ada, super::super::graph()).await;
    let at = |rest: &str| format!("{LIST}{workflow}/{rest}");
    let draft = api.get(&ada, &at("graph/?run=last")).await;
    assert_eq!((&draft["overlay"], draft["nodes"].as_array().map(Vec::len)), (&Value::Null, Some(2)));
    let run = api.start_run(&ada, &workflow, Value::Null).await;
    api.work().await;
    let changed = json!({"nodes": [node("start", "manual", json!({}))]});
    assert_eq!(api.put_graph(&ada, &workflow, "*", changed).await.status, 200);

    let shown = api.call("GET", &at(&format!("graph/?run={run}")), &ada, Value::Null).await;

    assert_eq!(shown.body["nodes"].as_array().map(Vec::len), Some(2), "the version's, not the draft's");
    assert_eq!(shown.headers.get(header::ETAG), None);
    let overlay = &shown.body["overlay"];
    assert_eq!((&overlay["run"]["id"], &overlay["version"]), (&run.clone().into(), &1.into()));
    let states: Vec<_> =
        overlay["nodes"].as_array().expect("nodes").iter().map(|node| &node["state"]).collect();
    assert_eq!(states, ["succeeded", "succeeded"]);
    let svg = api.call("GET", &at("graph.svg?run=last"), &ada, Value::Null).await;
    let svg = svg.body.as_str().expect("text").to_owned();
    assert!(svg.contains("Weekly report: succeeded") && svg.contains("\u{2713} succeeded"), "{svg}");
    let plain = api.call("GET", &at("graph.svg"), &ada, Value::Null).await;
    assert!(!plain.body.as_str().expect("text").contains("succeeded"));
    for rest in ["graph/?run=first", "graph.svg?run=7"] {
        api.refused(&ada, ("GET", &at(rest)), Value::Null, (422, "VALIDATION_FAILED")).await;
    }
    let other = format!("graph/?run={workflow}");
    api.refused(&ada, ("GET", &at(&other)), Value::Null, (404, "NOT_FOUND")).await;
}

#[tokio::test]
async fn types_of_nodes_are_described_in_both_languages_and_do_not_change() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let path = "/api/v1/automation/node-types/";

    let all = api.call("GET", path, &ada, Value::Null).await;

    assert_eq!((all.status.as_u16(), &all.body["count"], &all.body["next"]), (200, &37.into(), &Value::Null));
    let again = request("GET", path, &ada, Value::Null);
    let tag = all.headers[header::ETAG].to_str().expect("a tag").to_owned();
    let again = api.send(with(again, header::IF_NONE_MATCH, &tag)).await;
    assert_eq!((again.status.as_u16(), again.body), (304, "".into()));
    let one = api.get(&ada, &format!("{path}condition")).await;
    assert_eq!((&one["type"], &one["label"]["fr"]), (&"condition".into(), &"Condition".into()));
    assert_eq!(one["config_schema"]["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(one["icon"].as_str().is_some_and(|icon| icon.starts_with("<svg")), "{one}");
    api.refused(&ada, ("GET", &format!("{path}teleport/")), Value::Null, (404, "NOT_FOUND")).await;
    api.refused("", ("GET", path), Value::Null, (401, "UNAUTHENTICATED")).await;
}
