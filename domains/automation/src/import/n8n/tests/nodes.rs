//! The other types of nodes.

use super::*;

/// The node of ours, and its status.
fn made(document: &Value) -> (String, Value, ImportStatus) {
    let (node, reported) = it(document);
    (node.kind, Value::Object(node.config), reported.status)
}

#[test]
fn fields_are_set_in_all_versions() {
    let newest = json!({
        "assignments": {"assignments": [
            {"name": "a", "type": "string", "value": "={{ $json.x }}"},
            {"name": "b.c", "type": "number", "value": "5"},
            {"name": "d", "type": "array", "value": "[1, \"x\"]"},
            {"name": "e", "type": "boolean", "value": true},
        ]},
        "includeOtherFields": true
    });
    let (kind, config, _) = made(&alone("set", 3.4, newest));
    assert_eq!(kind, "transform");
    let fields = json!({"a": "{{ input.x }}", "b": {"c": 5}, "d": [1, "x"], "e": true});
    assert_eq!(config, json!({"fields": fields, "keep_input": true}));

    let third = json!({"fields": {"values": [{"name": "a", "type": "numberValue", "numberValue": "={{ 1 }}"}]}, "include": "none"});
    let (_, config, status) = made(&alone("set", 3.0, third));
    assert_eq!((&config["fields"], &config["keep_input"]), (&json!({"a": "{{ 1 }}"}), &json!(false)));
    assert_eq!(status, ImportStatus::Exact);

    let first =
        json!({"values": {"string": [{"name": "a", "value": "x {{ y }}"}], "boolean": [{"name": "b"}]}});
    let (_, config, _) = made(&alone("set", 1.0, first));
    assert_eq!(config["fields"]["b"], false);
    assert_eq!(config["keep_input"], true);
    assert_ne!(config["fields"]["a"], "x {{ y }}", "it is no expression there");
}

#[test]
fn json_with_expressions_in_it_is_read() {
    let raw = json!({"mode": "raw", "jsonOutput": "={ \"a\": {{ JSON.stringify($json.x) }}, \"b\": \"Hi {{ $json[\"n m\"] }}\", \"c\": [1, {{ $json.y }}] }"});
    let (_, config, status) = made(&alone("set", 3.4, raw));
    assert_eq!(status, ImportStatus::Exact);
    let fields = json!({"a": "{{ input.x }}", "b": "Hi {{ input[\"n m\"] }}", "c": [1, "{{ input.y }}"]});
    assert_eq!(config["fields"], fields);
    let broken = json!({"mode": "raw", "jsonOutput": "={ \"a\": {{ $json.x "});
    assert_eq!(made(&alone("set", 3.4, broken)).0, "not_imported");
}

#[test]
fn requests_keep_their_parts() {
    let newer = json!({
        "method": "POST", "url": "=https://example.com/{{ $json.id }}",
        "sendQuery": true, "queryParameters": {"parameters": [{"name": "q", "value": "a"}, {"name": "q", "value": "b"}]},
        "sendHeaders": true, "headerParameters": {"parameters": [{"name": "X-A", "value": "1"}, {"name": "Host", "value": "x"}]},
        "sendBody": true, "specifyBody": "json", "jsonBody": "={{ JSON.stringify($json.order) }}",
        "options": {"timeout": 1500, "response": {"response": {"neverError": true, "fullResponse": true}}}
    });
    let (node, reported) = it(&alone("httpRequest", 4.2, newer));
    assert_eq!(
        Value::Object(node.config),
        json!({
            "method": "POST", "url": "https://example.com/{{ input.id }}", "query": {"q": ["a", "b"]},
            "headers": {"X-A": "1"}, "body": "{{ input.order }}", "body_format": "json", "fail_on_status": false
        })
    );
    assert_eq!(node.policy.timeout_seconds, Some(2));
    assert_eq!(reported.status, ImportStatus::Approximated);
    assert!(reported.reasons.iter().any(|reason| reason.contains("Host")), "{reported:?}");

    let older = json!({
        "requestMethod": "PUT", "url": "https://example.com", "options": {"bodyContentType": "form-urlencoded"},
        "bodyParametersUi": {"parameter": [{"name": "a", "value": "={{ $json.a }}"}]}
    });
    let (_, config, _) = made(&alone("httpRequest", 2.0, older));
    assert_eq!((&config["body"], &config["body_format"]), (&json!({"a": "{{ input.a }}"}), &json!("form")));
    let binary = json!({"method": "POST", "url": "https://example.com", "sendBody": true, "contentType": "binaryData"});
    assert_eq!(made(&alone("httpRequest", 4.2, binary)).0, "not_imported");
}

#[test]
fn what_follows_a_request_reads_its_body() {
    let nodes = [
        node("Start", "manualTrigger", 1.0, json!({})),
        node("Fetch", "httpRequest", 4.2, json!({"url": "https://example.com"})),
        node(
            "It",
            "set",
            3.4,
            json!({"assignments": {"assignments": [{"name": "a", "type": "string", "value": "={{ $json.x + $('Fetch').item.json.y }}"}]}}),
        ),
    ];
    let (node, _) = it(&document(&nodes, "Start>Fetch Fetch>It"));
    assert_eq!(node.config["fields"]["a"], "{{ input.body.x + nodes.fetch.output.body.y }}");
}

#[test]
fn merges_of_all_versions_have_a_mode() {
    for (version, parameters, expected) in [
        (3.0, json!({}), json!({"mode": "append"})),
        (
            3.0,
            json!({"mode": "combine", "combineBy": "combineByPosition"}),
            json!({"mode": "position", "keep": "inner"}),
        ),
        (3.0, json!({"mode": "combine", "combineBy": "combineAll"}), json!({"mode": "pairs"})),
        (
            3.0,
            json!({"mode": "combine", "fieldsToMatchString": "id, name", "joinMode": "enrichInput1"}),
            json!({"mode": "fields", "fields": ["id", "name"], "keep": "left"}),
        ),
        (2.1, json!({"mode": "combine", "combinationMode": "multiplex"}), json!({"mode": "pairs"})),
        (2.1, json!({"mode": "chooseBranch"}), json!({"mode": "choose"})),
    ] {
        let nodes = [
            node("Start", "manualTrigger", 1.0, json!({})),
            node("A", "noOp", 1.0, json!({})),
            node("B", "noOp", 1.0, json!({})),
            node("It", "merge", version, parameters),
        ];
        let draft = imported(&document(&nodes, "Start>A Start>B A>It.1 B>It.0"));
        let merge = draft.graph.find_node("it").expect("drawn");
        assert_eq!(Value::Object(merge.config.clone()), expected);
        let order: Vec<&str> =
            draft.graph.edges.iter().filter(|edge| edge.to == "it").map(|edge| edge.from.as_str()).collect();
        assert_eq!(order, ["b", "a"], "in the order of the inputs");
        assert_eq!(errors(&draft.graph), Vec::<String>::new());
    }
}

#[test]
fn prompts_take_their_model_and_refuse_tools() {
    let chain = json!({"promptType": "define", "text": "=Sum up {{ $json.a }}", "messages": {"messageValues": [{"message": "Be short"}]}});
    let mut with_model = alone("@n8n/n8n-nodes-langchain.chainLlm", 1.5, chain.clone());
    let model = node("Model", "@n8n/n8n-nodes-langchain.lmChatOpenAi", 1.0, json!({"model": "gpt-4o"}));
    with_model["nodes"].as_array_mut().expect("nodes").push(model);
    with_model["connections"]["Model"] =
        json!({"ai_languageModel": [[{"node": "It", "type": "ai_languageModel", "index": 0}]]});
    let draft = imported(&with_model);
    let prompt = draft.graph.find_node("it").expect("drawn");
    assert_eq!(
        Value::Object(prompt.config.clone()),
        json!({"prompt": "Sum up {{ input.a }}", "system": "Be short"})
    );
    assert_eq!(draft.report.count(ImportStatus::Ignored), 1);
    assert!(draft.graph.find_node("model").is_none());

    let mut with_tool = with_model.clone();
    with_tool["connections"]["Model"] = json!({"ai_tool": [[{"node": "It", "type": "ai_tool", "index": 0}]]});
    let draft = imported(&with_tool);
    assert_eq!(draft.graph.find_node("it").expect("drawn").kind, "not_imported");
    let tool = draft.graph.find_node("model").expect("kept");
    assert!(tool.disabled && tool.kind == "not_imported");
}

#[test]
fn mails_go_to_the_owner_only() {
    let mail =
        |to: &str| json!({"toEmail": to, "subject": "Hi", "text": "={{ $json.a }}", "emailFormat": "text"});
    assert_eq!(made(&alone("emailSend", 2.1, mail("Ada <ADA@example.org>"))).0, "send_mail");
    for other in ["bob@example.org", "ada@example.org, bob@example.org", "={{ $json.to }}", ""] {
        assert_eq!(made(&alone("emailSend", 2.1, mail(other))).0, "not_imported", "{other}");
    }
}

#[test]
fn waits_stops_and_calls_become_ours() {
    for (kind, version, parameters, ours, config) in [
        ("wait", 1.1, json!({"amount": 2, "unit": "minutes"}), "delay", json!({"seconds": 120})),
        ("wait", 1.0, json!({}), "delay", json!({"seconds": 3600})),
        ("wait", 1.1, json!({"resume": "webhook"}), "wait_signal", json!({"signal": "resume"})),
        (
            "stopAndError",
            1.0,
            json!({"errorMessage": "=No {{ $json.a }}"}),
            "stop",
            json!({"message": "No {{ input.a }}"}),
        ),
        ("noOp", 1.0, json!({}), "no_op", json!({})),
        (
            "executeWorkflow",
            1.2,
            json!({"workflowId": {"value": "7"}}),
            "sub_workflow",
            json!({"workflow": ""}),
        ),
        ("slack", 2.2, json!({"text": "Hi"}), "slack_message", json!({"integration": "", "text": "Hi"})),
        (
            "html",
            1.2,
            json!({"html": "<b>{{ $json.a }}</b>"}),
            "transform",
            json!({"fields": {"html": "<b>{{ input.a }}</b>"}, "keep_input": false}),
        ),
        (
            "dateTime",
            2.0,
            json!({}),
            "transform",
            json!({"fields": {"currentDate": "{{ now() }}"}, "keep_input": false}),
        ),
        (
            "respondToWebhook",
            1.1,
            json!({"respondWith": "noData", "options": {"responseCode": 204}}),
            "webhook_response",
            json!({"status": 204, "headers": {}, "body": null}),
        ),
    ] {
        let (found, made, _) = made(&alone(kind, version, parameters));
        assert_eq!((found.as_str(), made), (ours, config), "{kind}");
    }
}

#[test]
fn times_of_schedules_become_cron_expressions() {
    let crons = |kind: &str, parameters: Value| {
        let nodes = [node("It", kind, 1.0, parameters)];
        let report = imported(&document(&nodes, "")).report;
        report.schedules.into_iter().map(|schedule| schedule.cron).collect::<Vec<_>>()
    };
    let rule = |interval: Value| json!({"rule": {"interval": [interval]}});
    for (interval, expected) in [
        (json!({}), "0 0 * * *"),
        (json!({"triggerAtHour": 8, "triggerAtMinute": 5}), "5 8 * * *"),
        (json!({"field": "minutes", "minutesInterval": 15}), "*/15 * * * *"),
        (json!({"field": "seconds"}), "*/30 * * * * *"),
        (json!({"field": "hours", "hoursInterval": 6}), "0 */6 * * *"),
        (json!({"field": "weeks", "triggerAtDay": [1, 5], "triggerAtHour": 7}), "0 7 * * 1,5"),
        (json!({"field": "months", "triggerAtDayOfMonth": 3}), "0 0 3 * *"),
        (json!({"field": "cronExpression", "expression": "0 9 * * 1-5"}), "0 9 * * 1-5"),
    ] {
        assert_eq!(crons("scheduleTrigger", rule(interval.clone())), [expected], "{interval}");
    }
    assert_eq!(
        crons(
            "cron",
            json!({"triggerTimes": {"item": [{"hour": 6}, {"mode": "everyX", "unit": "hours", "value": 3}]}})
        ),
        ["0 6 * * *", "0 */3 * * *"]
    );
    assert_eq!(crons("interval", json!({"interval": 10, "unit": "minutes"})), ["*/10 * * * *"]);
    assert_eq!(
        crons("scheduleTrigger", rule(json!({"field": "hours", "hoursInterval": 50}))),
        Vec::<String>::new()
    );
}
