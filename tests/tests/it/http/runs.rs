//! Runs of workflows over HTTP, with workers.

use std::path::Path;

use atelier_client::{EventStream, ServerEvent};
use atelier_tests::{AppSetup, Person, TestApp, until};
use serde_json::{Value, json};

use crate::sources;

const RUNS: &str = "/api/v1/automation/executions/";
const WORKFLOWS: &str = "/api/v1/automation/workflows/";

async fn next(stream: &mut EventStream) -> ServerEvent {
    stream.next().await.expect("the stream is whole").expect("the stream continues")
}

fn data(event: &ServerEvent) -> Value {
    serde_json::from_str(&event.data).expect("JSON")
}

/// The states of nodes that events told, in their order.
fn states(events: &[ServerEvent], node: &str) -> Vec<String> {
    let told = events.iter().flat_map(|event| data(event)["nodes"].as_array().cloned().unwrap_or_default());
    let of_node = told.filter(|state| state["node"] == node);
    of_node.map(|state| state["state"].as_str().expect("a state").to_owned()).collect()
}

async fn post(person: &Person, path: &str, body: Value) -> atelier_tests::Reply {
    person.client.post(path).json(&body).send().await
}

/// A graph of two steps, a question and two answers to it.
fn asks() -> Value {
    json!({
        "nodes": [
            {"key": "start", "type": "manual"},
            {"key": "first", "type": "transform", "config": {"fields": {"title": "{{ input.title }}"}}},
            {"key": "paid", "type": "wait_signal", "config": {"signal": "paid"}},
            {"key": "ask", "type": "approval", "config": {"message": "Publish {{ nodes.first.output.title }}?"}},
            {"key": "yes", "type": "transform", "config": {"fields": {"published": true}}},
            {"key": "no", "type": "transform", "config": {"fields": {"published": false}}},
        ],
        "edges": [
            {"from": "start", "to": "first"},
            {"from": "first", "to": "paid"},
            {"from": "paid", "from_port": "received", "to": "ask"},
            {"from": "ask", "from_port": "approved", "to": "yes"},
            {"from": "ask", "from_port": "rejected", "to": "no"},
        ],
    })
}

pub(super) async fn a_run_is_followed_answered_and_read(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let workflow = ada.publish_workflow("Ask", &asks()).await;
    let run = ada.start_run(&workflow, &json!({"title": "News"})).await;
    let at = |rest: &str| format!("{RUNS}{run}/{rest}");

    let mut stream = ada.run_events(&run, None).await;
    let mut before = vec![next(&mut stream).await];
    assert_eq!(before[0].event, "snapshot");
    while data(before.last().expect("an event"))["run"]["status"] != "waiting" {
        before.push(next(&mut stream).await);
    }
    drop(stream);
    let why = ada.get(&at("why")).await;
    assert_eq!((&why[0]["code"], &why[0]["node"]), (&json!("WAITING_FOR_SIGNAL"), &json!("paid")));

    let last = before.last().and_then(|event| event.id.clone()).expect("an id");
    let mut stream = ada.run_events(&run, Some(&last)).await;
    let _sent =
        post(&ada, &at("signals/paid/"), json!({"payload": {"cents": 500}, "id": "1"})).await.expect(200);
    let mut after = vec![next(&mut stream).await];
    while data(after.last().expect("an event"))["run"]["status"] != "waiting" {
        after.push(next(&mut stream).await);
    }
    let link = ada.client.post(&at("nodes/ask/approval-link/")).send().await.expect(201).json();
    let (path, anybody) = (link["path"].as_str().expect("a path").to_owned(), app.client());
    let asked = anybody.get(&path).send().await.expect(200).json();
    assert_eq!((&asked["message"], &asked["workflow"]), (&json!("Publish News?"), &json!("Ask")));
    let decided = anybody.post(&path).json(&json!({"approved": true, "comment": "Go on."}));
    assert_eq!(decided.send().await.expect(200).json(), json!({"approved": true}));
    let _over = anybody.post(&path).json(&json!({"approved": false})).send().await.refused(410, "WAIT_OVER");
    let _over = anybody.get(&path).send().await.refused(410, "WAIT_OVER");
    let _over =
        post(&ada, &at("nodes/ask/decide/"), json!({"approved": false})).await.refused(410, "WAIT_OVER");
    while let Some(event) = stream.next().await.expect("the stream is whole") {
        after.push(event);
    }

    let end = after.pop().expect("an end");
    assert_eq!((end.event.as_str(), &data(&end)["status"]), ("end", &json!("succeeded")));
    assert!(after.iter().all(|event| event.event == "change"), "{after:?}");
    assert_eq!(states(&before, "first").last().map(String::as_str), Some("succeeded"));
    assert!(states(&after, "first").is_empty(), "it changed before: {after:?}");
    assert_eq!(states(&after, "yes").last().map(String::as_str), Some("succeeded"));
    assert_eq!(states(&after, "no"), ["skipped"]);
    check_detail(&ada, &run).await;
    app.finish().await;
}

async fn check_detail(ada: &Person, run: &str) {
    let detail = ada.run(run).await;
    let node = |key: &str| {
        let nodes = detail["nodes"]["results"].as_array().expect("nodes");
        nodes
            .iter()
            .find(|node| node["node"] == key)
            .unwrap_or_else(|| panic!("no {key} in {detail}"))
            .clone()
    };
    assert_eq!(detail["input"]["value"], json!({"title": "News"}));
    assert_eq!((&detail["nodes"]["count"], &detail["waits"]), (&json!(6), &json!([])));
    assert_eq!(node("first")["input"]["value"], json!({"title": "News"}));
    assert_eq!(node("start")["output"]["value"], json!({"title": "News"}));
    assert_eq!(node("paid")["output"]["value"], json!({"cents": 500}));
    assert_eq!(node("ask")["input"]["value"], json!({"cents": 500}));
    assert_eq!(node("yes")["inbound"], json!(["ask.approved>yes.in"]));
    assert_eq!(node("yes")["output"], json!({"value": {"published": true}, "truncated": false, "bytes": 18}));
    let output = ada.get(&format!("{RUNS}{run}/nodes/first/output")).await;
    assert_eq!(output, json!({"value": {"title": "News"}}));
    let why = ada.get(&format!("{RUNS}{run}/why")).await;
    assert_eq!(why[0]["code"], "ENDED");
}

pub(super) async fn a_run_is_paused_resumed_and_cancelled(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let workflow = ada.publish_workflow("Ask", &asks()).await;
    let run = ada.start_run(&workflow, &json!({"title": "News"})).await;
    let at = |rest: &str| format!("{RUNS}{run}/{rest}");
    ada.run_once(&run, "waiting").await;
    let mut stream = ada.run_events(&run, None).await;
    let _snapshot = next(&mut stream).await;

    let paused = ada.client.post(&at("pause/")).send().await.expect(200).json();
    assert_eq!((&paused["status"], &paused["paused"]), (&json!("paused"), &json!(true)));
    assert_eq!(data(&next(&mut stream).await)["run"]["status"], "paused", "a command reaches the stream");
    let _again = ada.client.post(&at("pause")).send().await.refused(409, "WRONG_STATE");
    let _resumed = ada.client.post(&at("resume/")).send().await.expect(200);
    let key = |call: atelier_tests::Call| call.header("idempotency-key", "cancel-it");
    let cancelled = key(ada.client.post(&at("cancel/"))).send().await.expect(200);
    assert_eq!(cancelled.json()["status"], "cancelled");
    let again = key(ada.client.post(&at("cancel/"))).send().await.expect(200);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let _ended = ada.client.post(&at("cancel/")).send().await.refused(409, "WRONG_STATE");
    let _late = post(&ada, &at("signals/paid/"), json!({})).await.refused(409, "WRONG_STATE");

    let mut last = next(&mut stream).await;
    while last.event != "end" {
        last = next(&mut stream).await;
    }
    assert_eq!(data(&last)["status"], "cancelled");
    let list = ada.get(&format!("{RUNS}?workflow={workflow}&status=cancelled&cause=manual")).await;
    assert_eq!((&list["count"], &list["results"][0]["id"]), (&json!(1), &json!(run)));
    app.finish().await;
}

/// A text with a NUL, which PostgreSQL stores in no text.
const NUL: &str = "a\0b";

pub(super) async fn a_nul_is_refused_or_stored_and_read_again(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let fields = json!({"echo": "{{ input.text }}"});
    let graph = json!({
        "nodes": [
            {"key": "start", "type": "manual"},
            {"key": "echo", "type": "transform", "config": {"fields": fields}},
            {"key": "go", "type": "wait_signal", "config": {"signal": "go"}},
        ],
        "edges": [{"from": "start", "to": "echo"}, {"from": "echo", "to": "go"}],
    });
    let workflow = ada.publish_workflow("Echo", &graph).await;
    let of_workflow = |rest: &str| format!("{WORKFLOWS}{workflow}/{rest}");

    let started = post(&ada, &of_workflow("execute/"), json!({"input": {"text": NUL, NUL: 1}})).await;
    let run = started.expect(202).json()["run"]["id"].as_str().expect("an id").to_owned();
    let at = |rest: &str| format!("{RUNS}{run}/{rest}");
    ada.run_once(&run, "waiting").await;
    let _sent = post(&ada, &at("signals/go/"), json!({"payload": [NUL]})).await.expect(200);
    ada.run_once(&run, "succeeded").await;
    let read = async |node: &str| ada.get(&at(&format!("nodes/{node}/output/"))).await["value"].take();
    assert_eq!(read("echo").await, json!({"echo": "a\u{fffd}b"}));
    assert_eq!(read("go").await, json!(["a\u{fffd}b"]));
    let large = NUL.repeat(50_000);
    let large = ada.start_run(&workflow, &json!({"text": large})).await;
    ada.run_once(&large, "waiting").await;
    let _cancelled = ada.client.post(&format!("{RUNS}{large}/cancel/")).send().await.expect(200);

    let draft = json!({"nodes": [{"key": "a", "type": "note", "config": {"text": NUL}}]});
    let put = ada.client.call("PUT", &of_workflow("graph/")).header("if-match", "*").json(&draft);
    let _refused = put.send().await.refused(422, "GRAPH_INVALID");
    for (path, body, status, code) in [
        (WORKFLOWS, json!({"name": NUL}), 422, "VALIDATION_FAILED"),
        (WORKFLOWS, json!({"name": "a", "settings": {"vars": {"a": NUL}}}), 422, "VALIDATION_FAILED"),
        (&*of_workflow("execute/"), json!({"trigger": NUL}), 422, "VALIDATION_FAILED"),
        (&*at("signals/a%00b/"), json!({}), 400, "BAD_REQUEST"),
        (&*at("nodes/ask/decide/?scope=%00"), json!({"approved": true}), 400, "BAD_REQUEST"),
    ] {
        let _refused = post(&ada, path, body).await.refused(status, code);
    }
    for (node, input) in
        [("signals/go/", json!({"id": NUL})), ("nodes/go/decide/", json!({"approved": true, "comment": NUL}))]
    {
        let reply = post(&ada, &at(node), input).await;
        assert!((400..500).contains(&reply.status), "{node}: {}", reply.text());
    }
    for path in
        [format!("{WORKFLOWS}?search=a%00b"), at("nodes/?changed_since=%00"), format!("{RUNS}?status=%00")]
    {
        let _refused = ada.client.get(&path).send().await.refused(400, "BAD_REQUEST");
    }
    app.finish().await;
}

/// The documents in `docs/examples/workflows`.
const EXAMPLES: [&str; 4] = ["ask-before-publishing", "charge-orders", "check-a-site", "count-words"];

#[test]
fn every_example_is_known() {
    let files = sources::list_files("json");
    let found: Vec<_> = files.iter().filter(|file| file.starts_with("docs/examples/workflows")).collect();
    let expected = EXAMPLES.map(|name| format!("docs/examples/workflows/{name}.json"));

    assert_eq!(found, expected.each_ref().map(Path::new).to_vec());
}

async fn import(ada: &Person, name: &str) -> String {
    assert!(EXAMPLES.contains(&name));
    let text = sources::read(Path::new(&format!("docs/examples/workflows/{name}.json")));
    let document = serde_json::from_str(&text).expect("JSON");
    let imported = post(ada, &format!("{WORKFLOWS}import/"), document).await.expect(201).json();
    assert_eq!(imported["faults"], json!([]), "{name}");
    let id = imported["workflow"]["id"].as_str().expect("an id").to_owned();
    let _published = ada.client.post(&format!("{WORKFLOWS}{id}/publish/")).send().await.expect(201);
    id
}

/// The whole output of a node of a run.
async fn output(ada: &Person, run: &str, node: &str) -> Value {
    ada.get(&format!("{RUNS}{run}/nodes/{node}/output/")).await["value"].take()
}

pub(super) async fn the_examples_run_to_their_ends(setup: AppSetup) {
    let setup = setup.with(|settings| settings.http_client.allow_private_addresses = true);
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;

    let site = import(&ada, "check-a-site").await;
    let healthy = format!("{}/healthz", app.client().base());
    let run = ada.start_run(&site, &json!({"url": healthy})).await;
    ada.run_once(&run, "succeeded").await;
    assert_eq!(output(&ada, &run, "up").await, json!({"site": healthy, "up": true}));
    let run = ada.start_run(&site, &json!({"url": format!("{}/nothing", app.client().base())})).await;
    ada.run_once(&run, "succeeded").await;
    assert_eq!(output(&ada, &run, "down").await, json!({"up": false, "status": 404}));

    let words = import(&ada, "count-words").await;
    let run = ada.start_run(&words, &json!({"text": "all of us"})).await;
    ada.run_once(&run, "succeeded").await;
    let found = json!([{"words": 3}, {"letters": 9}, {"shout": "ALL OF US"}]);
    assert_eq!(output(&ada, &run, "report").await, json!({"found": found, "ways": 3}));

    orders(&app, &ada).await;
    let question = import(&ada, "ask-before-publishing").await;
    let run = ada.start_run(&question, &json!({"title": "News"})).await;
    ada.run_once(&run, "waiting").await;
    let decide = format!("{RUNS}{run}/nodes/ask/decide/");
    let _decided = post(&ada, &decide, json!({"approved": false})).await.expect(200);
    ada.run_once(&run, "succeeded").await;
    assert_eq!(output(&ada, &run, "discard").await, json!({"discarded": "News"}));
    app.finish().await;
}

/// The example of a loop with errors: its overlay, its attempts, and its items run again.
async fn orders(app: &TestApp, ada: &Person) {
    let orders = import(ada, "charge-orders").await;
    let list = json!([{"id": "a", "amount": 5}, {"id": "b", "amount": 0}, {"id": "c", "amount": 7}]);
    let run = ada.start_run(&orders, &json!({"orders": list})).await;
    ada.run_once(&run, "succeeded").await;
    assert_eq!(output(ada, &run, "report").await, json!({"charged": 2, "refused": [1]}));
    let each = output(ada, &run, "each").await;
    let charge = |order: &str, cents: u32| json!({"charge": {"order": order, "cents": cents}});
    assert_eq!(each["results"], json!([charge("a", 500), null, charge("c", 700)]));
    let attempts = ada.get(&format!("{RUNS}{run}/nodes/refuse/attempts/?scope=each[1]")).await;
    assert_eq!(attempts[0]["error"]["code"], "NO_AMOUNT", "{attempts}");
    let charged = ada.get(&format!("{RUNS}{run}/nodes/charge/output/?scope=each[2]")).await;
    assert_eq!(charged["value"]["cents"], 700);

    let graph = ada.get(&format!("{WORKFLOWS}{orders}/graph/?run=last")).await;
    let nodes = graph["overlay"]["nodes"].as_array().expect("nodes").clone();
    let each = nodes.iter().find(|node| node["key"] == "each").expect("the loop");
    assert_eq!((&each["state"], &each["items"]["succeeded"]), (&json!("succeeded"), &json!(2)));
    assert_eq!((&each["items"]["total"], &each["items"]["failed"]), (&json!(3), &json!(1)));
    let charge = nodes.iter().find(|node| node["key"] == "charge").expect("the node in the loop");
    assert_eq!(charge["counts"], json!({"skipped": 1, "succeeded": 2}));
    let svg = ada.client.get(&format!("{WORKFLOWS}{orders}/graph.svg?run={run}")).send().await.expect(200);
    assert!(svg.text().contains("2/3") && svg.text().contains("1 failed"), "{}", svg.text());

    let again = format!("{RUNS}{run}/nodes/each/retry-items/");
    let _retried = ada.client.post(&again).send().await.expect(202);
    until("the items ran again", async || {
        let run = ada.run(&run).await;
        (run["generation"] == 1 && run["status"] == "succeeded").then_some(())
    })
    .await;
    let attempts = ada.get(&format!("{RUNS}{run}/nodes/refuse/attempts/?scope=each[1]")).await;
    assert_eq!(attempts.as_array().map(Vec::len), Some(2), "only the failed item: {attempts}");
    let jobs = app.jobs_of("workflow.run_node").await;
    assert!(!jobs.is_empty());
}
